/* loci_edit_solve (docs/MATH.md, "Editing"): the value of every request by itself, then one update
 * that brings all of them, then what it does to them. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/result.h"
#include "base/clock.h"
#include "base/list.h"
#include "edit/requests.h"
#include "edit/update.h"

enum { MAX_REQUESTS = 10000, MAX_STEPS = 100000, USUAL_LAYER = 2 };

/* ---------------------------------------------------------------- the request */

static const char *method_name(edit_method k) { return loci_name(LOCI_NAMES_METHOD, (int)k); }

static loci_status find_method(const char *name, edit_method *out, loci_err *err) {
  int i = MULTEDIT;
  if (name) TRY(loci_name_find(LOCI_NAMES_METHOD, name, &i, err));
  *out = (edit_method)i;
  return LOCI_OK;
}

static bool tunes(edit_method k) { return k == FT || k == FT_L; }

static double usual(double given, double otherwise) {
  return given < 0 ? 0 : given > 0 ? given : otherwise;
}

/* From a command line, a file or a program: whatever is no number, or has a sign that makes no
 * sense, is refused here, once. */
static loci_status check_numbers(const loci_edit_settings *s, loci_err *err) {
  const double all[] = {s->lr,     s->weight_decay, s->lambda, s->max_norm,
                        s->stop_p, s->kl,           s->eps,    s->keep_weight};
  for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
    if (!isfinite(all[i])) return fail(err, LOCI_EINVAL, "a setting of the edit is not a number");
  }
  if (s->steps < 0 || s->steps > MAX_STEPS) {
    return fail(err, LOCI_EINVAL, "%d steps, expected 1 to %d", s->steps, MAX_STEPS);
  }
  if (s->lr < 0 || s->max_norm < 0 || s->kl < 0 || s->eps < 0 || s->keep_weight < 0) {
    return fail(err, LOCI_EINVAL, "learning rate, bounds and weights are never negative");
  }
  if (s->stop_p < 0 || s->stop_p > 1) {
    return fail(err, LOCI_EINVAL, "stop at probability %g, expected 0 to 1", s->stop_p);
  }
  return LOCI_OK;
}

/* A setting that a method does not have is refused: it would seem to matter. */
static loci_status check_method(const loci_edit_opts *o, edit_method k, loci_err *err) {
  const loci_edit_settings *s = &o->settings;
  bool closed = !tunes(k);
  const struct {
    bool given, taken;
    const char *name;
  } all[] = {{s->weight_decay != 0, closed, "weight decay"},
             {s->lambda != 0, k == MULTEDIT || k == MEMIT, "lambda"},
             {s->max_norm != 0, closed, "norm bound"},
             {s->kl != 0, closed, "KL term"},
             {s->average_loss, closed, "averaged loss of its own"},
             {s->authors, k == MULTEDIT, "released settings"},
             {s->each_key, closed, "keys of its own"},
             {s->keep_weight != 0 || o->keep_count > 0, closed, "questions to keep"},
             {s->eps != 0, k == FT_L, "bound of each entry"},
             {s->without_constraint, tunes(k), "question without its constraint"},
             {o->covariance != NULL, k == ROME || k == MEMIT, "covariance"}};
  for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
    if (!all[i].given || all[i].taken) continue;
    return fail(err, LOCI_EINVAL, "the method %s takes no %s", method_name(k), all[i].name);
  }
  if (o->covariance || (k != ROME && k != MEMIT)) return LOCI_OK;
  return fail(err, LOCI_EINVAL, "the method %s needs a covariance of keys", method_name(k));
}

/* What is not given: MultEdit's as in docs/MATH.md; fine-tuning's rate and bound are round numbers
 * that nobody has measured. */
static loci_status complete(const loci_edit_opts *o, edit_method k, loci_edit_settings *out,
                            loci_err *err) {
  const loci_edit_settings *given = &o->settings;
  TRY(check_numbers(given, err));
  TRY(check_method(o, k, err));
  *out = *given;
  if (!out->steps) out->steps = given->authors ? 10 : 40;
  out->lr = usual(given->lr, tunes(k) ? 1e-3 : 0.1);
  if (k == FT_L) out->eps = usual(given->eps, 2e-3);
  if (tunes(k)) return LOCI_OK;
  out->weight_decay = usual(given->weight_decay, 1e-3);
  out->lambda = k == ROME ? 0 : usual(given->lambda, k == MEMIT ? 1 : 0.01);
  out->max_norm = usual(given->max_norm, given->authors ? 1e-4 : 0);
  out->keep_weight = usual(given->keep_weight, 1);
  return LOCI_OK;
}

/* The paper's layer, or the last one below the top where a shallower model ends before. */
static loci_status choose_layer(const loci_model *m, const loci_edit_opts *o, int *out,
                                loci_err *err) {
  int L = model_decoder(m)->layers;
  *out = o->has_layer ? o->layer : USUAL_LAYER < L - 1 ? USUAL_LAYER : L > 1 ? L - 2 : 0;
  if (*out >= 0 && *out < L) return LOCI_OK;
  return fail(err, LOCI_EINVAL, "layer %d: the model has layers 0 to %d", *out, L - 1);
}

/* ---------------------------------------------------------------- solving */

/* The values by themselves, then one update that brings all of them. */
static loci_status make_update(problems *p, arena *mem, loci_edit *e, loci_err *err) {
  int64_t D = e->width, F = e->inner;
  for (int i = 0; i < p->n;) {
    loci_err own = {0};
    loci_status st = value_find(&p->at[i], &own);
    if (st) TRY(problems_failed(p, i, st, &own, err));
    if (!st) i++;
  }
  int n = p->n;
  float *left = arena_array(mem, n * D, float), *right = arena_zarray(mem, n * F, float);
  if (!left || !right) return fail_nomem(err, "solving an edit");
  for (int i = 0; i < n; i++) {
    for (int64_t d = 0; d < D; d++) left[d * n + i] = p->at[i].delta[d];
  }
  TRY(columns_solve(p->at, n, right, err));
  e->rank = n;
  e->left = left;
  e->right = right;
  return LOCI_OK;
}

/* W' - W of fine-tuning has no small factors: left is the identity, so that W + left right is exact
 * and one form serves all methods. */
static loci_status make_change(problems *p, arena *mem, loci_edit *e, loci_err *err) {
  float *left = arena_zarray(mem, e->width * e->width, float);
  float *right = arena_zarray(mem, e->width * e->inner, float);
  if (!left || !right) return fail_nomem(err, "solving an edit");
  for (int64_t d = 0; d < e->width; d++) left[d * e->width + d] = 1;
  TRY(tune(p, &e->settings, right, err));
  e->rank = e->width;
  e->left = left;
  e->right = right;
  return LOCI_OK;
}

static loci_status measure_all(const problems *p, const loci_edit *e, loci_err *err) {
  loci_model *view;
  low_rank change = edit_change(e);
  TRY(view_new(p->at[0].m, &view, err));
  loci_status st = changes_add(view, e, &change, err);
  for (int i = 0; !st && i < p->n; i++) st = measure_after(&p->at[i], view, err);
  view_free(view);
  return st;
}

/* What became of each request, those that were solved and those left out; and what it cost. */
static loci_status report(problems *p, arena *mem, loci_edit *e, loci_err *err) {
  loci_edit_fact *facts = arena_zarray(mem, p->n, loci_edit_fact);
  if (!facts) return fail_nomem(err, "solving an edit");
  for (int i = 0; i < p->n; i++) {
    problem *q = &p->at[i];
    facts[i] = *q->fact;
    q->fact = &facts[i];
    e->cost.rows += q->rows;
    e->cost.formula += q->formula;
    e->cost.flop += q->flop;
  }
  e->fact_count = p->n;
  e->facts = facts;
  e->dropped_count = p->dropped_count;
  e->dropped = p->dropped;
  return LOCI_OK;
}

/* Values are found request by request and united in one update at the end: that is what makes
 * many requests in one matrix possible (Meng et al. 2023). */
static loci_status solve(const loci_model *m, const loci_edit_request *requests, int n,
                         const loci_edit_opts *opts, loci_edit *e, arena *work, loci_err *err) {
  arena *mem = e->result.memory;
  double begin = clock_seconds();
  edit_method k;
  problems all = {0};
  if (n < 1 || n > MAX_REQUESTS) {
    return fail(err, LOCI_EINVAL, "%d requests, expected 1 to %d", n, MAX_REQUESTS);
  }
  if (changes_count(m) > 0) {
    return fail(err, LOCI_EINVAL,
                "the model has edits applied; an edit is solved for the model "
                "as it is on disk");
  }
  TRY(find_method(opts->method, &k, err));
  TRY(complete(opts, k, &e->settings, err));
  TRY(choose_layer(m, opts, &e->layer, err));
  if (opts->covariance) TRY(covariance_check(opts->covariance, m, e->layer, err));
  const weight *w = &m->weights->layers[e->layer].down.w;
  e->method = method_name(k);
  e->width = w->rows;
  e->inner = w->cols;
  e->precision = dtype_name(m->arith_type);
  e->tensor = arena_strdup(mem, w->name);
  if (!e->tensor) return fail_nomem(err, "solving an edit");
  problem like = {.m = m, .opts = opts, .set = &e->settings, .mem = mem, .work = work};
  like.layer = e->layer;
  like.tunes = tunes(k);
  TRY(check_list(opts->keep_count, opts->keep, "questions to keep", err));
  for (int i = 0; i < opts->keep_count; i++) TRY(check_prompt(opts->keep[i], m, err));
  TRY(problems_make(&all, &like, requests, n, err));
  TRY(like.tunes ? make_change(&all, mem, e, err) : make_update(&all, mem, e, err));
  e->norm = update_norm(e->left, e->right, e->width, e->rank, e->inner);
  if (isnan(e->norm)) return fail_nomem(err, "solving an edit");
  TRY(report(&all, mem, e, err));
  e->cost.seconds = clock_seconds() - begin;
  return measure_all(&all, e, err);
}

loci_status loci_edit_solve(const loci_model *model, const loci_edit_request *requests, int count,
                            const loci_edit_opts *opts, loci_edit **out, loci_err *err) {
  NEEDS(out, "place for the result");
  *out = NULL;
  NEEDS(model, "model");
  NEEDS(requests, "requests");
  static const loci_edit_opts defaults;
  const char *hash;
  loci_edit *e = result_new(LOCI_KIND_EDIT, sizeof *e);
  if (!e) return fail_nomem(err, "solving an edit");
  loci_status st = LOCI_OK;
  arena *work = arena_new();
  if (!work) {
    st = fail_nomem(err, "solving an edit");
    goto done;
  }
  if (!opts) opts = &defaults;
  TRY_DONE(solve(model, requests, count, opts, e, work, err));
  TRY_DONE(model_hash(model, opts->progress, opts->progress_ctx, &hash, err));
  e->hash = arena_strdup(e->result.memory, hash);
  if (!e->hash) {
    st = fail_nomem(err, "solving an edit");
    goto done;
  }
  *out = e;
  e = NULL;
done:
  arena_free(work);
  loci_free(e);
  return st;
}
