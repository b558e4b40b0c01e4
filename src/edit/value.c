/* The key and the value of one request (docs/MATH.md, "Editing"):
 *
 *   k     = mlp_post of the layer at the constraint's last position, a mean over the prompts
 *   v     = W k + delta
 *   loss  = -(1/n) sum_i log p(o_i) + wd ||delta|| / ||W k||^2 [+ kl KL(before || after)]
 *
 * with delta added to mlp_out of the layer at the key's position.  One walk runs the whole question
 * and keeps its keys, values and the layer's residual rows; a step then is a resumed walk of the
 * rows that delta reaches, forwards and backwards: positions from the key's on, layers above.
 *
 * A step is: forward, loss; stop if p(o) has been reached; backward; Adam (Kingma and Ba 2015, with
 * bias correction, 0.9, 0.999, 1e-8); then ||delta|| is cut to max_norm ||W k||. */
#include <math.h>
#include <string.h>

#include "edit/edit.h"
#include "model/arith.h"
#include "tensor/backward.h"
#include "walk/grad.h"

/* A prompt that delta is added to, run up to the layer and ready to be resumed above it. */
typedef struct base {
  const loci_prompt *p;
  const float *embeds; /* (length, D) */
  int length, position, first_want, want_count;
  kv_cache *cache;
  float *rows; /* (length - position, D) what stands where delta is added */
} base;

typedef struct optimum {
  problem *q;
  base main, essence; /* the question; the prompt of the KL term */
  int V;
  double *essence_logp; /* (V) log p before */
  double nll, kl;       /* of the running step, and log p(o) */
  double logp;
  float *grad, *grad_essence; /* (D) */
  double *m, *v;              /* (D) Adam's moments */
  bool not_finite;
} optimum;

/* Where a resumed run begins, and the site that delta is added to there: above the layer, or in the
 * last layer itself. */
static int resume_layer(const problem *q) {
  int L = model_decoder(q->m)->layers;
  return q->layer + 1 < L ? q->layer + 1 : q->layer;
}
static loci_site resume_site(const problem *q) {
  return resume_layer(q) > q->layer ? LOCI_SITE_RESID_PRE : LOCI_SITE_MLP_OUT;
}

static walk_hooks hooks_of(const problem *q, walk_logits_fn logits, void *ctx, int64_t ordered) {
  return (walk_hooks){.logits = logits,
                      .logits_ctx = ctx,
                      .ordered = ordered,
                      .progress = q->opts->progress,
                      .progress_ctx = q->opts->progress_ctx};
}

static void add_cost(problem *q, const walk *w) {
  q->rows += walk_rows(w);
  q->flop += walk_flop(w);
}

/* ---------------------------------------------------------------- before */

typedef struct first_look {
  problem *q;
  reading *readings; /* one for each token of the target */
  top_logits top;
  bool right; /* every token of the target is the most likely one */
  bool not_finite;
} first_look;

static void read_before(void *ctx, int64_t index, const float *logits) {
  first_look *f = ctx;
  problem *q = f->q;
  int V = model_decoder(q->m)->vocab, id = q->target.ids[index];
  f->not_finite |= !logits_are_finite(logits, V);
  if (index == 0) {
    double total = log_sum_exp(logits, V);
    for (int i = 0; i < V; i++) q->before_logp[i] = (double)logits[i] - total;
    q->other = argmax_of(logits, V, id);
    f->top.vocab = V;
    top_logits_of(logits, V, &f->top);
  }
  f->right &= argmax_of(logits, V, -1) == id;
  f->readings[index] = reading_of(logits, V, id, q->other, index ? NULL : q->before_logp);
}

/* One walk over all of the prompt: its keys, values and rows into [b], its key into key (F). */
static loci_status run_base(problem *q, base *b, float *key, const walk_hooks *hooks,
                            loci_err *err) {
  int64_t D = model_decoder(q->m)->width;
  int s, from = resume_layer(q);
  walk *w;
  b->rows = arena_array(q->mem, (b->length - b->position) * D, float);
  if (!b->rows) return fail_nomem(err, "solving an edit");
  TRY(kv_cache_new(q->m, b->length, &b->cache, err));
  TRY(walk_new(q->m, &w, err));
  walk_span at = {b->position, b->length - b->position}, one = {b->position, 1};
  loci_status st = walk_continue(w, b->cache, b->embeds, b->length, &s, err);
  if (!st) st = walk_record_at(w, s, LOCI_SITE_RESID_PRE, from, at, b->rows, err);
  if (!st && key) st = walk_record_at(w, s, LOCI_SITE_MLP_POST, q->layer, one, key, err);
  for (int i = 0; !st && i < b->want_count; i++) st = walk_want(w, s, b->first_want + i, err);
  if (!st) st = walk_run(w, hooks, err);
  add_cost(q, w);
  walk_free(w);
  return st;
}

/* key += that of another wording */
static loci_status add_key(problem *q, const loci_prompt *p, float *scratch, loci_err *err) {
  int64_t F = model_decoder(q->m)->inner;
  int s, position = p->info.constraints[0].first + p->info.constraints[0].count - 1;
  walk *w;
  walk_hooks hooks = hooks_of(q, NULL, NULL, 0);
  TRY(walk_new(q->m, &w, err));
  loci_status st = walk_root(w, p->embeds, p->info.length, &s, err);
  walk_span one = {position, 1};
  if (!st) st = walk_record_at(w, s, LOCI_SITE_MLP_POST, q->layer, one, scratch, err);
  if (!st) st = walk_run(w, &hooks, err);
  add_cost(q, w);
  walk_free(w);
  for (int64_t i = 0; !st && i < F; i++) q->key[i] += scratch[i];
  return st;
}

/* The mean key, and ||W k||. */
static loci_status finish_key(problem *q, loci_err *err) {
  const weight *w = &q->m->weights->layers[q->layer].down.w;
  int n = q->asked->rephrased_count;
  float *row = arena_array(q->mem, w->cols, float);
  if (!row) return fail_nomem(err, "solving an edit");
  for (int i = 0; i < n; i++) TRY(add_key(q, q->asked->rephrased[i], row, err));
  double keys = 0, values = 0;
  for (int64_t f = 0; f < w->cols; f++) {
    q->key[f] /= (float)(n + 1);
    keys += (double)q->key[f] * (double)q->key[f];
  }
  for (int64_t d = 0; d < w->rows; d++) {
    double y = 0;
    weight_row(w, d, row);
    for (int64_t f = 0; f < w->cols; f++) y += (double)row[f] * (double)q->key[f];
    values += y * y;
  }
  q->norm0 = sqrt(values);
  q->fact->key_norm = sqrt(keys);
  q->fact->value_norm = q->norm0;
  return LOCI_OK;
}

static loci_status run_question(optimum *o, loci_err *err) {
  problem *q = o->q;
  int n = q->target.count;
  first_look f = {.q = q, .right = true};
  f.readings = arena_zarray(q->mem, n, reading);
  if (!f.readings) return fail_nomem(err, "solving an edit");
  o->main = (base){.p = q->p,
                   .embeds = q->target.embeds,
                   .length = q->target.length,
                   .position = q->position,
                   .first_want = q->p->info.length - 1,
                   .want_count = n};
  walk_hooks hooks = hooks_of(q, read_before, &f, n);
  TRY(run_base(q, &o->main, q->key, &hooks, err));
  if (f.not_finite) return not_finite(q->m, err);
  if (f.right) {
    return fail(err, LOCI_EINVAL, "the model answers \"%s\" to \"%s\" already", q->asked->target,
                q->p->info.question);
  }
  q->fact->before.m = readings_metrics(f.readings, n);
  top_logits_candidates(&f.top, q->m, q->fact->before.top);
  return finish_key(q, err);
}

/* ---------------------------------------------------------------- the KL term */

static void read_essence(void *ctx, int64_t index, const float *logits) {
  optimum *o = ctx;
  double total = log_sum_exp(logits, o->V);
  (void)index;
  for (int i = 0; i < o->V; i++) o->essence_logp[i] = (double)logits[i] - total;
}

static loci_status run_essence(optimum *o, loci_prompt **prompt, loci_err *err) {
  problem *q = o->q;
  const char *constraint = q->p->info.constraints[0].text;
  loci_question asked = {.image = q->p->info.image_path,
                         .text = constraint,
                         .template_name = "is-a",
                         .constraints = &constraint,
                         .constraint_count = 1};
  TRY(loci_prompt_new(q->m, &asked, prompt, err));
  const loci_prompt *p = *prompt;
  o->essence = (base){.p = p,
                      .embeds = p->embeds,
                      .length = p->info.length,
                      .position = p->info.constraints[0].first + p->info.constraints[0].count - 1,
                      .first_want = p->info.length - 1,
                      .want_count = 1};
  o->essence_logp = arena_array(q->mem, o->V, double);
  o->grad_essence = arena_zarray(q->mem, model_decoder(q->m)->width, float);
  if (!o->essence_logp || !o->grad_essence) return fail_nomem(err, "solving an edit");
  walk_hooks hooks = hooks_of(q, read_essence, o, 1);
  return run_base(q, &o->essence, NULL, &hooks, err);
}

/* ---------------------------------------------------------------- a step */

static void read_step(void *ctx, int64_t index, const float *logits) {
  optimum *o = ctx;
  problem *q = o->q;
  int n = q->target.count;
  o->not_finite |= !logits_are_finite(logits, o->V);
  double total = log_sum_exp(logits, o->V);
  if (index < n) {
    double logp = (double)logits[q->target.ids[index]] - total;
    o->logp += logp;
    o->nll -= logp / n;
    return;
  }
  for (int i = 0; i < o->V; i++) {
    double lp = o->essence_logp[i];
    if (lp > -700) o->kl += exp(lp) * (lp - ((double)logits[i] - total));
  }
}

/* d KL(p || softmax(x)) / d x = softmax(x) - p */
static void slope_step(void *ctx, int64_t index, const float *logits, float *slope) {
  optimum *o = ctx;
  problem *q = o->q;
  int n = q->target.count;
  if (index < n) {
    logp_backward(slope, logits, o->V, q->target.ids[index], -1.0 / n);
    return;
  }
  double total = log_sum_exp(logits, o->V);
  for (int i = 0; i < o->V; i++) {
    double change = exp((double)logits[i] - total) - exp(o->essence_logp[i]);
    slope[i] += (float)(q->set->kl * change);
  }
}

static loci_status add_run(const optimum *o, walk *w, const base *b, float *grad, loci_err *err) {
  const problem *q = o->q;
  int s, from = resume_layer(q);
  TRY(walk_resume(w, b->cache, b->position, from, b->rows, b->length - b->position, &s, err));
  walk_patch patch = {.site = resume_site(q),
                      .layer = from,
                      .position = b->position,
                      .head = -1,
                      .source = -1,
                      .values = q->delta,
                      .add = true};
  TRY(walk_patch_add(w, s, &patch, err));
  for (int i = 0; i < b->want_count; i++) TRY(walk_want(w, s, b->first_want + i, err));
  return walk_grad(w, s, patch.site, from, (walk_span){b->position, 1}, grad, err);
}

/* Forward, and backward unless the optimisation [ends] here, as it does when p is high enough. */
static loci_status run_step(optimum *o, bool ends, bool *reached, loci_err *err) {
  problem *q = o->q;
  walk *w;
  bool kl = q->set->kl > 0;
  o->nll = o->kl = o->logp = 0;
  walk_hooks hooks = hooks_of(q, read_step, o, q->target.count + kl);
  TRY(walk_new(q->m, &w, err));
  loci_status st = add_run(o, w, &o->main, o->grad, err);
  if (!st && kl) st = add_run(o, w, &o->essence, o->grad_essence, err);
  if (!st) st = walk_run(w, &hooks, err);
  if (!st && o->not_finite) st = not_finite(q->m, err);
  *reached = q->set->stop_p > 0 && exp(o->logp) >= q->set->stop_p;
  if (!st && !ends && !*reached) st = walk_backward(w, slope_step, o, &hooks, err);
  add_cost(q, w);
  walk_free(w);
  return st;
}

/* What the change can reach, once forwards and twice backwards (docs/MATH.md, "Editing"). */
static int64_t reach(const problem *q, const base *b, bool backward) {
  int64_t layers = model_decoder(q->m)->layers - resume_layer(q);
  return (backward ? 3 : 1) * layers * (b->length - b->position);
}

static double norm_of(const float *x, int64_t n) {
  double sum = 0;
  for (int64_t i = 0; i < n; i++) sum += (double)x[i] * (double)x[i];
  return sqrt(sum);
}

/* Adam's step number t (from 1), then the bound on ||delta||. */
static void update_delta(optimum *o, int t) {
  static const double b1 = 0.9, b2 = 0.999, eps = 1e-8;
  problem *q = o->q;
  int64_t D = model_decoder(q->m)->width;
  double length = norm_of(q->delta, D);
  double decay = length > 0 ? q->set->weight_decay / (length * q->norm0 * q->norm0) : 0;
  for (int64_t i = 0; i < D; i++) {
    double g = (double)o->grad[i] + decay * (double)q->delta[i];
    if (o->grad_essence) g += (double)o->grad_essence[i];
    o->m[i] = b1 * o->m[i] + (1 - b1) * g;
    o->v[i] = b2 * o->v[i] + (1 - b2) * g * g;
    double mean = o->m[i] / (1 - pow(b1, t)), square = o->v[i] / (1 - pow(b2, t));
    q->delta[i] = (float)((double)q->delta[i] - q->set->lr * mean / (sqrt(square) + eps));
  }
  length = norm_of(q->delta, D);
  double most = q->set->max_norm * q->norm0;
  for (int64_t i = 0; most > 0 && length > most && i < D; i++) {
    q->delta[i] = (float)((double)q->delta[i] * (most / length));
  }
}

static loci_status optimise(optimum *o, loci_err *err) {
  problem *q = o->q;
  int64_t D = model_decoder(q->m)->width;
  loci_edit_step *steps = arena_zarray(q->mem, q->set->steps + 1, loci_edit_step);
  o->grad = arena_zarray(q->mem, D, float);
  o->m = arena_zarray(q->mem, D, double);
  o->v = arena_zarray(q->mem, D, double);
  if (!steps || !o->grad || !o->m || !o->v) return fail_nomem(err, "solving an edit");
  q->fact->steps = steps;
  for (int i = 0; i <= q->set->steps; i++) {
    bool last = i == q->set->steps, reached;
    TRY(run_step(o, last, &reached, err));
    q->formula += reach(q, &o->main, !last && !reached);
    if (o->grad_essence) q->formula += reach(q, &o->essence, !last && !reached);
    double decay = q->set->weight_decay * norm_of(q->delta, D) / (q->norm0 * q->norm0);
    steps[i] = (loci_edit_step){o->nll + decay + q->set->kl * o->kl, exp(o->logp)};
    q->fact->step_count = i + 1;
    if (last || reached) break;
    update_delta(o, i + 1);
  }
  q->fact->delta_norm = norm_of(q->delta, D);
  return LOCI_OK;
}

loci_status value_find(problem *q, loci_err *err) {
  loci_prompt *essence = NULL;
  optimum o = {.q = q, .V = model_decoder(q->m)->vocab};
  int64_t D = model_decoder(q->m)->width;
  q->before_logp = arena_array(q->mem, o.V, double);
  q->delta = arena_zarray(q->mem, D, float);
  if (!q->before_logp || !q->delta) return fail_nomem(err, "solving an edit");
  loci_status st = run_question(&o, err);
  if (!st && q->set->kl > 0) st = run_essence(&o, &essence, err);
  if (!st) st = optimise(&o, err);
  kv_cache_free(o.main.cache);
  kv_cache_free(o.essence.cache);
  loci_prompt_free(essence);
  return st;
}
