/* A prompt run once, its keys and values and the layer's residual rows kept; a step of an
 * optimisation then is a resumed walk of the rows that a change reaches (see target_run.h):
 * positions from the first changed one on, layers above.  In the last layer the run begins in the
 * layer itself, and the change is added to its MLP's output. */
#include "edit/target_run.h"
#include "tensor/product.h"
#include "walk/grad.h"

int target_run_layer(const problem *q) {
  int L = model_decoder(q->m)->layers;
  return q->layer + 1 < L ? q->layer + 1 : q->layer;
}

static loci_site target_run_site(const problem *q) {
  return target_run_layer(q) > q->layer ? LOCI_SITE_RESID_PRE : LOCI_SITE_MLP_OUT;
}

walk_hooks target_run_hooks(const problem *q, walk_logits_fn logits, void *ctx, int64_t ordered) {
  return (walk_hooks){.logits = logits,
                      .logits_ctx = ctx,
                      .ordered = ordered,
                      .progress = q->opts->progress,
                      .progress_ctx = q->opts->progress_ctx};
}

void target_run_cost(problem *q, const walk *w) {
  q->rows += walk_rows(w);
  q->flop += walk_flop(w);
}

loci_status target_run_make(const problem *q, const loci_prompt *p, const target *t, int position,
                            target_run *out, loci_err *err) {
  *out = (target_run){.p = p, .target = *t, .position = position, .key_first = position};
  out->from = mutual_first(p->mutual, position);
  out->key_count = 1;
  out->first_want = p->info.length - 1;
  out->wants = t->count;
  out->rows =
      arena_array(q->work, (t->length - out->from) * (int64_t)model_decoder(q->m)->width, float);
  TRY(branch_norm_of(q->m, &q->m->weights->layers[q->layer].mlp_norm, q->work, &out->norm, err));
  if (q->m->weights->layers[q->layer].cross.mlp_gate.data || out->norm.gain) {
    out->passed =
        arena_array(q->work, (t->length - position) * (int64_t)model_decoder(q->m)->width, float);
    if (!out->passed) return fail_nomem(err, "solving an edit");
  }
  return out->rows ? LOCI_OK : fail_nomem(err, "solving an edit");
}

float target_run_factor(const problem *q, const loci_prompt *p, int position) {
  const weight *gate = &q->m->weights->layers[q->layer].cross.mlp_gate;
  if (!gate->data) return 1;
  if (!p->sources || position < p->sources->from) return 0;
  return (float)cross_factor(gate);
}

/* What the MLP gives at the i-th changed position, without the change. */
static const float *raw_at(const target_run *b, const mlp_change *a, int i) {
  return b->raw + (a->first + i - b->key_first) * b->norm.D;
}

const float *target_run_pass(const problem *q, const target_run *b, const mlp_change *a) {
  int64_t D = model_decoder(q->m)->width;
  if (!b->passed) return a->change;
  for (int i = 0; i < a->count; i++) {
    if (b->raw) {
      branch_norm_change(&b->norm, raw_at(b, a, i), a->change + i * D, b->passed + i * D);
      continue;
    }
    float by = target_run_factor(q, b->p, a->first + i);
    for (int64_t d = 0; d < D; d++) b->passed[i * D + d] = by * a->change[i * D + d];
  }
  return b->passed;
}

void target_run_slopes(const problem *q, const target_run *b, const mlp_change *a) {
  int64_t D = model_decoder(q->m)->width;
  for (int i = 0; b->passed && i < a->count; i++) {
    if (b->raw) {
      branch_norm_slope(&b->norm, raw_at(b, a, i), a->change + i * D, a->grad + i * D);
      continue;
    }
    float by = target_run_factor(q, b->p, a->first + i);
    for (int64_t d = 0; d < D; d++) a->grad[i * D + d] *= by;
  }
}

loci_status target_run_first(problem *q, target_run *b, walk_logits_fn logits, void *ctx,
                             loci_err *err) {
  const decoder_config *c = model_decoder(q->m);
  int s, n = b->target.length;
  walk *w;
  /* what a product is run with may have more rows */
  b->keys = arena_zarray(q->work, product_rows(b->key_count) * (int64_t)c->inner, float);
  if (!b->keys) return fail_nomem(err, "solving an edit");
  TRY(kv_cache_new_back(q->m, n, &b->cache, err));
  TRY(walk_new_back(q->m, &w, err));
  walk_span at = {b->from, n - b->from}, keys = {b->key_first, b->key_count};
  loci_status st = walk_continue(w, b->cache, target_input(&b->target), &s, err);
  if (!st) st = walk_record_at(w, s, LOCI_SITE_RESID_PRE, target_run_layer(q), at, b->rows, err);
  if (!st) st = walk_record_at(w, s, LOCI_SITE_MLP_POST, q->layer, keys, b->keys, err);
  walk_span key = {q->position, 1};
  if (!st && b->resid_after)
    st = walk_record_at(w, s, LOCI_SITE_RESID_POST, q->layer, key, b->resid_after, err);
  int wanted = logits ? b->target.count : 0;
  for (int i = 0; !st && i < wanted; i++) st = walk_want(w, s, b->first_want + i, err);
  walk_hooks hooks = target_run_hooks(q, logits, ctx, wanted);
  if (!st) st = walk_run(w, &hooks, err);
  target_run_cost(q, w);
  walk_free(w);
  if (!st && b->norm.gain)
    st = branch_raw(q->m, &q->m->weights->layers[q->layer].down, b->keys, b->key_count, q->work,
                    &b->raw, err);
  return st;
}

loci_status target_run_resume(const problem *q, walk *w, const target_run *b, const mlp_change *a,
                              loci_err *err) {
  int s, from = target_run_layer(q), first = a->first;
  int64_t D = model_decoder(q->m)->width;
  input rows = input_from(target_input(&b->target), b->from, model_decoder(q->m));
  rows.state = b->rows;
  const float *change = target_run_pass(q, b, a);
  TRY(walk_resume(w, b->cache, b->from, from, rows, &s, err));
  for (int i = 0; i < a->count; i++) {
    walk_patch patch = {.site = target_run_site(q),
                        .layer = from,
                        .position = first + i,
                        .head = -1,
                        .source = -1,
                        .values = change + i * D,
                        .add = true};
    TRY(walk_patch_add(w, s, &patch, err));
  }
  for (int i = 0; i < b->wants; i++) TRY(walk_want(w, s, b->first_want + i, err));
  return walk_grad(w, s, target_run_site(q), from, (walk_span){first, a->count}, a->grad, err);
}

int64_t target_run_reach(const problem *q, const target_run *b, bool backward) {
  int64_t layers = model_decoder(q->m)->layers - target_run_layer(q);
  return (backward ? 3 : 1) * layers * (b->target.length - b->from);
}
