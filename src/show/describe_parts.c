/* What several kinds of results say alike (see describe.h). */
#include <math.h>
#include <stdio.h>

#include "base/names.h"
#include "model/model.h"
#include "show/describe.h"
#include "show/label.h"

void say_candidate(sink *s, const char *key, const loci_candidate *c) {
  say_begin(s, key);
  say_members(s, c, id, text, p);
  say_end(s);
}

void say_top(sink *s, const char *key, const loci_candidate *top, int count) {
  say_list(s, key);
  for (int i = 0; i < count && top[i].text; i++) say_candidate(s, NULL, &top[i]);
  say_end(s);
}

/* ---------------------------------------------------------------- what a result is about */

static void say_edits(sink *s, const loci_model_info *m) {
  say_list(s, "edits");
  for (int i = 0; i < m->edit_count; i++) {
    const loci_applied_edit *e = &m->edits[i];
    say_begin(s, NULL);
    say_members(s, e, file, method, layer, rank, norm);
    say_list(s, "requests");
    for (int k = 0; k < e->request_count; k++) {
      say_begin(s, NULL);
      say_text(s, "question", e->questions[k]);
      say_text(s, "target", e->targets[k]);
      say_end(s);
    }
    say_end(s);
    say_end(s);
  }
  say_end(s);
}

void say_model(sink *s, const loci_model_info *m, const char *hash) {
  say_begin(s, "model");
  say_members(s, m, path, family, layers, width, heads, kv_heads, dtype);
  if (model_quantised(m)) array_note(s, "weights", model_quantised(m));
  say_text(s, "hash", hash && hash[0] ? hash : NULL);
  if (m->note_count > 0) say_texts(s, "notes", m->notes, m->note_count);
  if (m->edit_count > 0) say_edits(s, m);
  say_end(s);
}

/* [from, to) */
static void say_range(sink *s, const char *key, const int64_t range[2]) {
  say_list(s, key);
  say_int(s, NULL, range[0]);
  say_int(s, NULL, range[1]);
  say_end(s);
}

/* The picture's positions where text stands between them: [from, to) of each run. */
static void say_runs(sink *s, const loci_prompt_info *p) {
  say_list(s, "runs");
  for (int i = 0; i < p->image_count;) {
    const int *at = p->image_positions + i;
    int n = 1;
    while (i + n < p->image_count && at[n] == at[0] + n) n++;
    say_range(s, NULL, (const int64_t[]){at[0], at[0] + n});
    i += n;
  }
  say_end(s);
}

void say_prompt(sink *s, const loci_prompt_info *p) {
  say_positions_of(s, p);
  array_note(s, "question", p->question);
  say_begin(s, "prompt");
  say_text(s, "text", p->text);
  say_list(s, "tokens");
  for (int i = 0; i < p->length; i++) {
    const loci_token *t = &p->tokens[i];
    say_begin(s, NULL);
    say_int(s, "pos", i);
    say_members(s, t, id, text);
    say_text(s, "role", role_name(t->role));
    say_range(s, "bytes", t->bytes);
    say_end(s);
  }
  say_end(s);
  if (p->image_view_count == 0) {
    say_null(s, "image");
  } else {
    say_begin(s, "image");
    if (p->source_count > 0) {
      say_null(s, "first");
      say_members(s, p, source_count, source_seen, source_from);
    } else {
      say_int(s, "first", p->image_first);
    }
    say_int(s, "count", p->image_count);
    if (p->image_positions) say_runs(s, p);
    say_int(s, "rows", p->grid_rows);
    say_int(s, "cols", p->grid_cols);
    say_list(s, "views");
    for (int i = 0; i < p->image_view_count; i++) {
      const loci_image_view *v = &p->image_views[i];
      say_begin(s, NULL);
      say_members(s, v, name, first, rows, cols, breaks);
      if (v->tile > 0) say_int(s, "tile", v->tile);
      if (v->bare) say_bool(s, "bare", true);
      say_end(s);
    }
    say_end(s);
    say_end(s);
  }
  say_end(s);
  say_list(s, "constraints");
  for (int i = 0; i < p->constraint_count; i++) {
    const loci_constraint *c = &p->constraints[i];
    say_begin(s, NULL);
    say_members(s, c, text, kind, first, count);
    say_end(s);
  }
  say_end(s);
}

void say_request(sink *s, const loci_result *r) {
  if (r->request) {
    say_json_text(s, "request", r->request);
  } else {
    say_null(s, "request");
  }
  say_text(s, "command", r->command && r->command[0] ? r->command : NULL);
}

void say_target(sink *s, const int *ids, int count, const char *text, bool given) {
  say_begin(s, "target");
  say_ints(s, "ids", ids, count);
  say_text(s, "text", text);
  say_bool(s, "given", given);
  say_end(s);
}

/* ---------------------------------------------------------------- what was found and spent */

void say_outcome(sink *s, const loci_outcome *o, bool whole, bool kl) {
  say_members(s, &o->m, p, logp);
  if (whole) {
    say_members(s, &o->m, p_first, logp_first);
  }
  say_real(s, "logit_diff", o->m.logit_diff);
  if (kl) say_real(s, "kl", o->m.kl);
  say_top(s, "top", o->top, LOCI_TOP);
}

void say_cost(sink *s, const loci_cost *c) {
  say_begin(s, "cost");
  say_members(s, c, seconds, rows, formula, flop);
  say_real(s, "flop_per_s", c->seconds > 0 ? c->flop / c->seconds : (double)NAN);
  say_real(s, "naive_flop", c->naive_flop);
  if (c->spent.product > 0) {
    say_begin(s, "spent");
    say_members(s, &c->spent, read, convert, product, attention, head, other);
    say_end(s);
  }
  say_end(s);
}

void say_interval(sink *s, const char *key, const char *lo, const char *hi,
                  const loci_interval *x) {
  if (is_for(s, SINK_CSV)) {
    say_real(s, key, x->value);
    if (lo) say_real(s, lo, x->lo);
    if (hi) say_real(s, hi, x->hi);
    return;
  }
  if (isnan(x->value)) {
    say_null(s, key);
    return;
  }
  say_begin(s, key);
  say_members(s, x, value, lo, hi);
  say_end(s);
}

void say_example(sink *s, int64_t line, const char *id) {
  say_int(s, "line", line);
  say_text(s, "id", id);
}

void say_wording(sink *s, const char *template_name, const char *system, const char *date) {
  say_text(s, "template", template_name);
  if (system) say_text(s, "system", system);
  if (date) say_text(s, "date", date);
}

void say_sample(sink *s, const loci_sample *x) {
  say_model(s, x->model, x->hash);
  say_begin(s, "sample");
  say_text(s, "path", x->path);
  say_wording(s, x->template_name, x->system, x->date);
  say_members(s, x, precision, seed, used);
  say_list(s, "dropped");
  for (int i = 0; i < x->dropped_count; i++) {
    say_begin(s, NULL);
    say_example(s, x->dropped[i].line, x->dropped[i].id);
    say_members(s, &x->dropped[i], kind, reason);
    say_end(s);
  }
  say_end(s);
  say_real(s, "seconds", x->seconds);
  say_end(s);
}

void table_metrics(sink *s, const loci_metrics *cells, bool first) {
  table_members(s, cells, p, logp);
  if (first) table_members(s, cells, p_first, logp_first);
  table_members(s, cells, logit_diff, kl);
}
