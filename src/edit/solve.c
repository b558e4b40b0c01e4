/* loci_edit_solve (docs/MATH.md, "Editing"): the value of every request by itself, then one update
 * that brings all of them, then what it does to them. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/result.h"
#include "base/clock.h"
#include "base/list.h"
#include "edit/edit.h"

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

static loci_status check_prompt(const loci_prompt *p, const loci_model *m, loci_err *err) {
  NEEDS(p, "prompt");
  TRY(prompt_check_model(p, m, err));
  if (p->info.constraint_count > 0) return LOCI_OK;
  return fail(err, LOCI_EINVAL, "the question \"%s\" has no constraint: an edit needs one",
              p->info.question);
}

static loci_status check_request(const problem *q, loci_err *err) {
  const loci_edit_request *r = q->asked;
  TRY(check_prompt(r->prompt, q->m, err));
  TRY(check_list(r->rephrased_count, r->rephrased, "rephrased questions", err));
  TRY(check_list(r->kept_count, r->kept, "kept questions", err));
  for (int i = 0; i < r->rephrased_count; i++) TRY(check_prompt(r->rephrased[i], q->m, err));
  for (int i = 0; i < r->kept_count; i++) TRY(check_prompt(r->kept[i], q->m, err));
  if (!r->target || !r->target[strspn(r->target, " \t\r\n")]) {
    return fail(err, LOCI_EINVAL, "the target is empty");
  }
  return LOCI_OK;
}

loci_status problem_target(const problem *q, const loci_prompt *p, target *out, loci_err *err) {
  TRY(target_make(p, q->asked->target, q->mem, out, err));
  if (q->set->authors) {
    out->count = 1;
    out->length = p->info.length;
  }
  return LOCI_OK;
}

/* In the last layer nothing carries a change at the constraint to the last position: such an
 * edit would optimise for nothing. */
static loci_status problem_init(problem *q, edit_method k, loci_edit_fact *fact, loci_err *err) {
  TRY(check_request(q, err));
  const loci_prompt_info *i = &q->asked->prompt->info;
  q->p = q->asked->prompt;
  q->fact = fact;
  q->position = key_position(q->p);
  TRY(problem_target(q, q->p, &q->target, err));
  bool last = q->layer == model_decoder(q->m)->layers - 1;
  if (last && q->position < i->length - 1 && !tunes(k)) {
    return fail(err, LOCI_EINVAL,
                "layer %d is the last: a change at position %d of it cannot reach the answer",
                q->layer, q->position);
  }
  *fact = (loci_edit_fact){.position = q->position,
                           .prompt_count = 1 + q->asked->rephrased_count,
                           .target_count = q->target.count,
                           .target_ids = q->target.ids};
  fact->image = i->image_path ? arena_strdup(q->mem, i->image_path) : NULL;
  fact->question = arena_strdup(q->mem, i->question);
  fact->template_name = arena_strdup(q->mem, i->template_name);
  fact->system = i->system ? arena_strdup(q->mem, i->system) : NULL;
  fact->date = i->date ? arena_strdup(q->mem, i->date) : NULL;
  fact->constraint = arena_strdup(q->mem, i->constraints[0].text);
  fact->target = arena_strdup(q->mem, q->asked->target);
  bool ok = (fact->image || !i->image_path) && fact->question && fact->template_name &&
            fact->constraint && fact->target && (fact->system || !i->system) &&
            (fact->date || !i->date);
  return ok ? LOCI_OK : fail_nomem(err, "solving an edit");
}

loci_status name_request(loci_status st, int i, int count, loci_err *err) {
  if (!st || count == 1 || !err || st == LOCI_ECANCELLED) return st;
  loci_err inner = *err;
  return fail(err, st, "request %d: %s", i + 1, inner.msg);
}

/* ---------------------------------------------------------------- solving */

/* The values by themselves, then one update that brings all of them. */
static loci_status make_update(problem *all, int n, arena *mem, loci_edit *e, loci_err *err) {
  int64_t D = e->width, F = e->inner;
  for (int i = 0; i < n; i++) TRY(name_request(value_find(&all[i], err), i, n, err));
  float *left = arena_array(mem, n * D, float), *right = arena_zarray(mem, n * F, float);
  if (!left || !right) return fail_nomem(err, "solving an edit");
  for (int i = 0; i < n; i++) {
    for (int64_t d = 0; d < D; d++) left[d * n + i] = all[i].delta[d];
  }
  TRY(columns_solve(all, n, right, err));
  e->rank = n;
  e->left = left;
  e->right = right;
  return LOCI_OK;
}

/* W' - W of fine-tuning has no small factors: left is the identity, so that W + left right is exact
 * and one form serves all methods. */
static loci_status make_change(problem *all, int n, arena *mem, loci_edit *e, loci_err *err) {
  float *left = arena_zarray(mem, e->width * e->width, float);
  float *right = arena_zarray(mem, e->width * e->inner, float);
  if (!left || !right) return fail_nomem(err, "solving an edit");
  for (int64_t d = 0; d < e->width; d++) left[d * e->width + d] = 1;
  TRY(tune(all, n, &e->settings, right, err));
  e->rank = e->width;
  e->left = left;
  e->right = right;
  return LOCI_OK;
}

static loci_status measure_all(problem *all, int n, const loci_edit *e, loci_err *err) {
  loci_model *view;
  low_rank change = edit_change(e);
  TRY(view_new(all[0].m, &view, err));
  loci_status st = changes_add(view, e, &change, err);
  for (int i = 0; !st && i < n; i++) {
    st = name_request(measure_after(&all[i], view, err), i, n, err);
  }
  view_free(view);
  return st;
}

/* A problem for each request, all like [like]. */
static loci_status make_problems(const problem *like, const loci_edit_request *requests, int n,
                                 edit_method k, loci_edit *e, problem **out, loci_err *err) {
  problem *all = arena_zarray(like->work, n, problem);
  loci_edit_fact *facts = arena_zarray(like->mem, n, loci_edit_fact);
  if (!all || !facts) return fail_nomem(err, "solving an edit");
  for (int i = 0; i < n; i++) {
    all[i] = *like;
    all[i].asked = &requests[i];
    TRY(name_request(problem_init(&all[i], k, &facts[i], err), i, n, err));
  }
  e->fact_count = n;
  e->facts = facts;
  *out = all;
  return LOCI_OK;
}

/* Values are found request by request and united in one update at the end: that is what makes
 * many requests in one matrix possible (Meng et al. 2023). */
static loci_status solve(const loci_model *m, const loci_edit_request *requests, int n,
                         const loci_edit_opts *opts, loci_edit *e, arena *work, loci_err *err) {
  arena *mem = e->result.memory;
  double begin = clock_seconds();
  edit_method k;
  problem *all;
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
  TRY(check_list(opts->keep_count, opts->keep, "questions to keep", err));
  for (int i = 0; i < opts->keep_count; i++) TRY(check_prompt(opts->keep[i], m, err));
  TRY(make_problems(&like, requests, n, k, e, &all, err));
  TRY(tunes(k) ? make_change(all, n, mem, e, err) : make_update(all, n, mem, e, err));
  e->norm = update_norm(e->left, e->right, e->width, e->rank, e->inner);
  if (isnan(e->norm)) return fail_nomem(err, "solving an edit");
  for (int i = 0; i < n; i++) {
    e->cost.rows += all[i].rows;
    e->cost.formula += all[i].formula;
    e->cost.flop += all[i].flop;
  }
  e->cost.seconds = clock_seconds() - begin;
  return measure_all(all, n, e, err);
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
