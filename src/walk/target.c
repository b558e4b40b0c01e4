/* Targets and what is read off logits (see target.h; docs/MATH.md, "Runs and cells"). */
#include "walk/target.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Whatever is run after a prompt has the prompt's rows, places and sources: the one place that puts
 * them together. */
static loci_status continue_prompt(const loci_prompt *p, arena *mem, target *out, loci_err *err) {
  const loci_model *m = p->model;
  int64_t W = input_width(model_decoder(m));
  int T = p->info.length;
  out->length = T + out->count - 1;
  out->sources = p->sources;
  out->mutual = p->mutual;
  TRY(check_length(m, out->length, "the prompt with the answer", err));
  out->embeds = arena_array(mem, out->length * W, float);
  if (!out->embeds) return fail_nomem(err, "preparing the target");
  memcpy(out->embeds, p->embeds, (size_t)(T * W) * sizeof *out->embeds);
  TRY(prompt_places(p, out->count - 1, mem, &out->places, err));
  for (int i = 0; i + 1 < out->count; i++) {
    if (!embed_token(m, out->ids[i], out->embeds + (T + i) * W)) {
      return fail(err, LOCI_EINVAL, "token %d of the answer has no row in the embedding",
                  out->ids[i]);
    }
  }
  return LOCI_OK;
}

loci_status target_of_ids(const loci_prompt *p, const int *ids, int count, arena *mem, target *out,
                          loci_err *err) {
  int64_t T = p->info.length;
  while (count > 1 && check_length(p->model, T + count - 1, "the answer", NULL)) count--;
  *out = (target){.given = true, .count = count};
  out->ids = arena_array(mem, count, int);
  if (!out->ids) return fail_nomem(err, "preparing the target");
  memcpy(out->ids, ids, (size_t)count * sizeof *ids);
  return continue_prompt(p, mem, out, err);
}

loci_status target_make(const loci_prompt *p, const char *answer, arena *mem, target *out,
                        loci_err *err) {
  int V = model_decoder(p->model)->vocab;
  *out = (target){.given = answer != NULL, .count = 1};
  if (answer) {
    TRY(answer_ids(p, answer, mem, &out->ids, &out->count, err));
  } else {
    out->ids = arena_zarray(mem, 1, int);
    if (!out->ids) return fail_nomem(err, "preparing the target");
  }
  for (int i = 0; i < out->count; i++) {
    if (out->ids[i] < 0 || out->ids[i] >= V) {
      return fail(err, LOCI_EINVAL,
                  "token %d of the answer is outside the model's vocabulary of %d", out->ids[i], V);
    }
  }
  return continue_prompt(p, mem, out, err);
}

loci_status target_text(const loci_model *m, const int *ids, int count, arena *mem,
                        const char **out, loci_err *err) {
  if (count == 1) {
    const char *token = tokenizer_token(m->tokens, ids[0]);
    *out = token ? token : "";
    return LOCI_OK;
  }
  char *text;
  size_t n;
  TRY(tokenizer_decode(m->tokens, ids, count, false, &text, &n, err));
  *out = arena_strndup(mem, text, n);
  free(text);
  return *out ? LOCI_OK : fail_nomem(err, "decoding the target");
}

bool reference_room(reference *r, int64_t vocab, arena *mem) {
  r->logp = arena_array(mem, vocab, double);
  r->p = arena_array(mem, vocab, double);
  return r->logp && r->p;
}

/* What has next to no probability has none, so that 0 log 0 is nothing. */
void reference_read(reference *r, target *t, const float *logits, int vocab) {
  if (!t->given) t->ids[0] = argmax_of(logits, vocab, -1);
  r->other = argmax_of(logits, vocab, t->ids[0]);
  top_logits_of(logits, vocab, &r->top);
  if (!r->logp) return;
  double total = log_sum_exp(logits, vocab);
  for (int i = 0; i < vocab; i++) {
    r->logp[i] = (double)logits[i] - total;
    r->p[i] = r->logp[i] > -700 ? exp(r->logp[i]) : 0;
  }
}

reading reading_of(const float *logits, int64_t V, int id, int other, const reference *clean) {
  double total = log_sum_exp(logits, V);
  reading r = {.logp = (double)logits[id] - total, .top = argmax_of(logits, V, -1)};
  if (!clean || !clean->logp) return r;
  r.logit_diff = (double)logits[id] - (double)logits[other];
  for (int64_t i = 0; i < V; i++) {
    if (clean->p[i] > 0) r.kl += clean->p[i] * (clean->logp[i] - ((double)logits[i] - total));
  }
  return r;
}

loci_metrics readings_metrics(const reading *r, int count) {
  loci_metrics m = {.logp_first = r[0].logp,
                    .p_first = exp(r[0].logp),
                    .logit_diff = r[0].logit_diff,
                    .kl = r[0].kl};
  for (int i = 0; i < count; i++) m.logp += r[i].logp;
  m.p = exp(m.logp);
  return m;
}

loci_metrics readings_mean(const reading *r, int runs, int count) {
  loci_metrics mean = {0};
  for (int i = 0; i < runs; i++) {
    loci_metrics m = readings_metrics(r + (int64_t)i * count, count);
    mean.p += m.p / runs;
    mean.logp += m.logp / runs;
    mean.p_first += m.p_first / runs;
    mean.logp_first += m.logp_first / runs;
    mean.logit_diff += m.logit_diff / runs;
    mean.kl += m.kl / runs;
  }
  return mean;
}

double forward_flop(const loci_prompt *p, int length) {
  const model_config *c = &p->model->weights->config;
  const vision_config *v = &c->vision;
  double D = c->text.width, V = v->width, n = (double)image_values(&p->picture.shape) / 3;
  if (n > 0) n /= (double)v->patch * v->patch;
  double one = length * model_layer_flop(p->model) * c->text.layers + 2 * D * c->text.vocab;
  if (prompt_picture(p)) one += n * v->layers * (8 * V * V + (v->gated ? 6 : 4) * V * v->inner);
  return one;
}
