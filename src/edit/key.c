/* The key of one request, and what the model answers before (docs/MATH.md, "Editing"):
 *
 *   k = mlp_post of the layer at the constraint's last position, a mean over the prompts
 *
 * and what bounds and decay of the value are relative to: ||W k||, of ROME with the question's own
 * key; of MEMIT and AlphaEdit the norm of the residual stream after the layer.
 *
 * A target that the model gives already is refused here. */
#include <math.h>
#include <string.h>

#include "edit/target_run.h"
#include "model/compute.h"

typedef struct first_look {
  problem *q;
  reading *readings; /* one for each token of the target */
  bool right;        /* every token of the target is the most likely one */
  bool not_finite;
} first_look;

static void read_before(void *ctx, int64_t index, const float *logits) {
  first_look *f = ctx;
  problem *q = f->q;
  int V = model_decoder(q->m)->vocab, id = q->target.ids[index];
  f->not_finite |= !logits_are_finite(logits, V);
  if (index == 0) reference_read(&q->before, &q->target, logits, V);
  f->right &= argmax_of(logits, V, -1) == id;
  f->readings[index] = reading_of(logits, V, id, q->before.other, index ? NULL : &q->before);
}

loci_status key_read(problem *q, const loci_prompt *p, float *out, loci_err *err) {
  int s;
  walk *w;
  walk_hooks hooks = target_run_hooks(q, NULL, NULL, 0);
  TRY(walk_new(q->m, &w, err));
  loci_status st = walk_root(w, prompt_input(p), &s, err);
  walk_span one = {key_position(p), 1};
  if (!st) st = walk_record_at(w, s, LOCI_SITE_MLP_POST, q->layer, one, out, err);
  if (!st) st = walk_run(w, &hooks, err);
  target_run_cost(q, w);
  walk_free(w);
  return st;
}

/* MEMIT's and AlphaEdit's is a mean of means: the question counts as much as all its other wordings
 * together. */
static void average_keys(problem *q, int64_t F) {
  int n = q->asked->rephrased_count;
  double own = method_spreads(q->method) && n > 0 ? n : 1;
  for (int64_t f = 0; f < F; f++) {
    double sum = own * (double)q->keys[f];
    for (int i = 1; i <= n; i++) sum += (double)q->keys[i * F + f];
    q->key[f] = (float)(sum / (own + n));
  }
}

/* One run gives the question's key at a layer and the residual stream after a later one. */
static loci_status read_own(problem *q, int value_layer, float *resid, loci_err *err) {
  int s;
  walk *w;
  walk_hooks hooks = target_run_hooks(q, NULL, NULL, 0);
  walk_span one = {q->position, 1};
  TRY(walk_new(q->m, &w, err));
  loci_status st = walk_root(w, prompt_input(q->p), &s, err);
  if (!st) st = walk_record_at(w, s, LOCI_SITE_MLP_POST, q->layer, one, q->keys, err);
  if (!st) st = walk_record_at(w, s, LOCI_SITE_RESID_POST, value_layer, one, resid, err);
  if (!st) st = walk_run(w, &hooks, err);
  target_run_cost(q, w);
  walk_free(w);
  return st;
}

loci_status key_read_again(problem *q, int value_layer, float *resid, loci_err *err) {
  int n = q->asked->rephrased_count;
  int64_t F = model_decoder(q->m)->inner;
  q->key = arena_array(q->work, F, float);
  q->keys = arena_array(q->work, (1 + n) * F, float);
  if (!q->key || !q->keys) return fail_nomem(err, "solving an edit");
  TRY(read_own(q, value_layer, resid, err));
  for (int i = 0; i < n; i++) TRY(key_read(q, q->asked->rephrased[i], q->keys + (i + 1) * F, err));
  average_keys(q, F);
  return LOCI_OK;
}

/* The key of another prompt: of its run, if it has one, which is run here. */
static loci_status other_key(problem *q, int i, target_run *b, float *scratch, const float **out,
                             loci_err *err) {
  *out = scratch;
  if (!b) return key_read(q, q->asked->rephrased[i], scratch, err);
  TRY(target_run_first(q, b, NULL, NULL, err));
  *out = b->keys + (key_position(b->p) - b->key_first) * model_decoder(q->m)->inner;
  return LOCI_OK;
}

static double norm_of(const float *x, int64_t n) {
  double sum = 0;
  for (int64_t i = 0; i < n; i++) sum += (double)x[i] * (double)x[i];
  return sqrt(sum);
}

/* ||W k||; [row] (F) */
static double value_norm(const weight *w, const float *key, float *row) {
  double sum = 0;
  for (int64_t d = 0; d < w->rows; d++) {
    double y = 0;
    weight_row(w, d, row);
    for (int64_t f = 0; f < w->cols; f++) y += (double)row[f] * (double)key[f];
    sum += y * y;
  }
  return sqrt(sum);
}

/* The keys of all prompts, the one they make, and the norms. */
static loci_status finish_key(problem *q, target_run *all, int runs, loci_err *err) {
  const weight *w = &q->m->weights->layers[q->layer].down.w;
  int n = q->asked->rephrased_count;
  const float *more;
  float *row = arena_array(q->work, w->cols, float);
  if (!row) return fail_nomem(err, "solving an edit");
  for (int i = 0; i < n; i++) {
    TRY(other_key(q, i, i + 1 < runs ? &all[i + 1] : NULL, row, &more, err));
    memcpy(q->keys + (i + 1) * w->cols, more, (size_t)w->cols * sizeof *more);
  }
  average_keys(q, w->cols);
  if (method_spreads(q->method)) {
    q->resid = all[0].resid_after;
    q->norm0 = norm_of(q->resid, w->rows);
  } else {
    q->norm0 = value_norm(w, q->method == ROME ? q->keys : q->key, row);
  }
  q->fact->key_norm = norm_of(q->key, w->cols);
  q->fact->value_norm = q->norm0;
  return LOCI_OK;
}

loci_status key_find(problem *q, target_run *all, int runs, loci_err *err) {
  int n = q->target.count;
  int64_t F = model_decoder(q->m)->inner;
  first_look f = {.q = q, .right = true};
  f.readings = arena_zarray(q->work, n, reading);
  bool ok = reference_room(&q->before, model_decoder(q->m)->vocab, q->work);
  q->key = arena_array(q->work, F, float);
  q->keys = arena_array(q->work, (1 + q->asked->rephrased_count) * F, float);
  if (method_spreads(q->method))
    all[0].resid_after = arena_array(q->work, model_decoder(q->m)->width, float);
  ok = ok && (!method_spreads(q->method) || all[0].resid_after);
  if (!f.readings || !ok || !q->key || !q->keys) return fail_nomem(err, "solving an edit");
  TRY(target_run_first(q, &all[0], read_before, &f, err));
  if (f.not_finite) return not_finite(q->m, err);
  if (f.right) {
    return fail(err, LOCI_EINVAL, "the model answers \"%s\" to \"%s\" already", q->asked->target,
                q->p->info.question);
  }
  q->fact->before.m = readings_metrics(f.readings, n);
  top_logits_candidates(&q->before.top, q->m, q->fact->before.top);
  const float *own = all[0].keys + (q->position - all[0].key_first) * F;
  memcpy(q->keys, own, (size_t)F * sizeof *own);
  return finish_key(q, all, runs, err);
}
