/* What the small results say: models, prompts, texts, answers, benches, files of examples. */
#include <stdio.h>
#include <string.h>

#include "show/describe.h"
#include "text/span.h"

/* ---------------------------------------------------------------- models, texts, answers */

void describe_info(const void *result, sink *s) {
  const loci_info *info = result;
  const loci_model_info *m = info->model;
  say_format(s, "info");
  say_members(s, m, path, family, text_model, vision_model, layout);
  say_text(s, "template", m->template_name);
  if (m->device_plan) say_members(s, m, device, device_plan);
  say_members(s, m, tokenizer, dtype, precision, layers, width, inner, heads, kv_heads);
  say_members(s, m, head_dim, vocab, max_positions, image_rows, image_size, image_tiles, min_pixels,
              max_pixels, parameters, bytes, files);
  if (m->image_outside) {
    say_bool(s, "image_outside", true);
    say_list(s, "cross_layers");
    for (int i = 0; i < m->cross_layer_count; i++) say_int(s, NULL, m->cross_layers[i]);
    say_end(s);
  }
  say_text(s, "hash", info->hash);
  say_begin(s, "memory");
  say_members(s, info, question_tokens, trace_bytes);
  say_end(s);
  say_texts(s, "notes", info->notes, info->note_count);
  say_request(s, &info->result);
}

void describe_prompt(const void *result, sink *s) {
  const loci_prompt_info *p = result;
  say_format(s, "tokens");
  say_prompt(s, p);
  say_request(s, &p->result);
}

void describe_image(const void *result, sink *s) {
  const loci_image *i = result;
  say_format(s, "image");
  say_text(s, "image", i->path);
  say_members(s, i, width, height, orientation, input_width, input_height);
  say_int(s, "views", i->view_count);
  say_list(s, "tiles");
  say_int(s, NULL, i->tiles_down);
  say_int(s, NULL, i->tiles_across);
  say_end(s);
  say_request(s, &i->result);
}

void describe_text(const void *result, sink *s) {
  const loci_text_tokens *t = result;
  say_ints(s, "ids", t->ids, t->count);
  say_texts(s, "tokens", t->tokens, t->count);
  say_list(s, "bytes");
  for (int i = 0; i < t->count; i++) {
    say_list(s, NULL);
    say_int(s, NULL, t->bytes[i][0]);
    say_int(s, NULL, t->bytes[i][1]);
    say_end(s);
  }
  say_end(s);
  say_text_n(s, "decoded", t->decoded, t->decoded_size);
  say_text_n(s, "decoded_skip_special", t->decoded_skip_special, t->decoded_skip_special_size);
  say_request(s, &t->result);
}

void describe_answer(const void *result, sink *s) {
  const loci_answer *a = result;
  say_format(s, "ask");
  say_text(s, "answer", a->text);
  say_ints(s, "ids", a->ids, a->count);
  say_list(s, "steps");
  for (int i = 0; i < a->count; i++) {
    say_begin(s, NULL);
    say_members(s, &a->top[i][0], id, text, p);
    say_top(s, "top", a->top[i], LOCI_TOP);
    say_end(s);
  }
  say_end(s);
  if (a->model) say_model(s, a->model, a->hash);
  say_request(s, &a->result);
}

/* ---------------------------------------------------------------- benches */

void describe_bench(const void *result, sink *s) {
  const loci_bench *b = result;
  say_format(s, "bench");
  say_members(s, b, layers, width, inner, heads, kv_heads, rows, threads);
  say_members(s, b, precision, cpu, engine, product_flop_per_s, walk_flop_per_s, walk_seconds,
              share);
  say_request(s, &b->result);
}

void describe_scale(const void *result, sink *s) {
  const loci_scale *x = result;
  say_format(s, "scale");
  say_model(s, x->model, "");
  say_members(s, x, precision, cpu, engine, threads, positions, cells, cells_run);
  say_cost(s, &x->cost);
  say_members(s, x, base_rows, vision_seconds, first_token_seconds, token_seconds,
              token_bytes_per_s, read_bytes_per_s, product_flop_per_s, share, peak_bytes);
  say_request(s, &x->result);
}

void describe_devices(const void *result, sink *s) {
  const loci_devices *d = result;
  say_format(s, "devices");
  say_list(s, "devices");
  for (int i = 0; i < d->count; i++) {
    const loci_device *x = &d->devices[i];
    say_begin(s, NULL);
    say_members(s, x, name, title, driver, memory, product_flop_per_s, problem);
    say_end(s);
  }
  say_end(s);
  say_request(s, &d->result);
}

/* ---------------------------------------------------------------- files of examples */

static void say_kinds(sink *s, const loci_data_report *r) {
  say_list(s, "kinds");
  for (int i = 0; i < r->kind_count; i++) {
    const loci_finding_kind *k = &r->kinds[i];
    say_begin(s, NULL);
    say_text(s, "kind", k->name);
    say_members(s, k, error, count, repaired, meaning);
    say_end(s);
  }
  say_end(s);
  say_members(s, r, unlisted);
  say_list(s, "findings");
  for (int64_t i = 0; i < r->finding_count; i++) {
    const loci_finding *f = &r->findings[i];
    say_begin(s, NULL);
    say_example(s, f->line, f->id);
    say_members(s, f, field, kind, error, repaired, message);
    say_end(s);
  }
  say_end(s);
}

void describe_data_report(const void *result, sink *s) {
  const loci_data_report *r = result;
  char name[32];
  snprintf(name, sizeof name, "data-%s", r->what);
  say_format(s, name);
  say_members(s, r, path, out, read, written, bad);
  if (strcmp(r->what, "import") == 0) {
    say_members(s, r, answered, pictured);
  }
  if (strcmp(r->what, "annotate") == 0) {
    say_members(s, r, compared, exact);
    if (r->compared) {
      say_real(s, "token_f1", r->token_f1);
    } else {
      say_null(s, "token_f1");
    }
  }
  say_request(s, &r->result);
  say_kinds(s, r);
}

static void say_constraint(sink *s, const loci_example *e, int i) {
  span at = span_find(e->question, e->constraints[i]);
  say_begin(s, NULL);
  say_text(s, "text", e->constraints[i]);
  say_text(s, "kind", e->kinds[i]);
  if (at.begin < 0) {
    say_null(s, "bytes");
  } else {
    say_list(s, "bytes");
    say_int(s, NULL, at.begin);
    say_int(s, NULL, at.begin + (int64_t)at.length);
    say_end(s);
  }
  say_end(s);
}

void describe_example(const void *result, sink *s) {
  const loci_example *e = result;
  say_example(s, e->line, e->id);
  say_text(s, "question", e->question);
  say_list(s, "constraints");
  for (int i = 0; i < e->constraint_count; i++) say_constraint(s, e, i);
  say_end(s);
  say_texts(s, "answers", e->answers, e->answer_count);
  say_text(s, "image", e->image);
}
