/* loci_edit_solve (docs/MATH.md, "Editing"): the value of every request by itself, then one update
 * that brings all of them, then what it does to them. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "edit/edit.h"

enum { MAX_REQUESTS = 10000, MAX_STEPS = 100000, USUAL_LAYER = 2 };

void loci_edit_free(loci_edit *edit) {
  if (!edit) return;
  edit_box *box = (edit_box *)edit;
  arena_free(box->mem);
  free(box);
}

/* ---------------------------------------------------------------- the request */

static double usual(double given, double otherwise) {
  return given < 0 ? 0 : given > 0 ? given : otherwise;
}

static loci_status complete(const loci_edit_settings *given, loci_edit_settings *out,
                            loci_err *err) {
  const double all[] = {given->lr,       given->weight_decay, given->lambda,
                        given->max_norm, given->stop_p,       given->kl};
  for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
    if (!isfinite(all[i])) return fail(err, LOCI_EINVAL, "a setting of the edit is not a number");
  }
  if (given->steps < 0 || given->steps > MAX_STEPS) {
    return fail(err, LOCI_EINVAL, "%d steps, expected 1 to %d", given->steps, MAX_STEPS);
  }
  if (given->lr < 0 || given->max_norm < 0 || given->kl < 0) {
    return fail(err, LOCI_EINVAL, "learning rate, norm bound and KL weight are never negative");
  }
  if (given->stop_p < 0 || given->stop_p > 1) {
    return fail(err, LOCI_EINVAL, "stop at probability %g, expected 0 to 1", given->stop_p);
  }
  *out = *given;
  if (!out->steps) out->steps = given->authors ? 10 : 40;
  out->lr = usual(given->lr, 0.1);
  out->weight_decay = usual(given->weight_decay, 1e-3);
  out->lambda = usual(given->lambda, 0.01);
  out->max_norm = usual(given->max_norm, given->authors ? 1e-4 : 0);
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
  if (!p) return fail(err, LOCI_EINVAL, "an edit without a question");
  TRY(prompt_check_model(p, m, err));
  if (p->info.constraint_count > 0) return LOCI_OK;
  return fail(err, LOCI_EINVAL, "the question \"%s\" has no constraint: an edit needs one",
              p->info.question);
}

static loci_status check_request(const problem *q, loci_err *err) {
  const loci_edit_request *r = q->asked;
  TRY(check_prompt(r->prompt, q->m, err));
  for (int i = 0; i < r->rephrased_count; i++) TRY(check_prompt(r->rephrased[i], q->m, err));
  if (!r->target || !r->target[strspn(r->target, " \t\r\n")]) {
    return fail(err, LOCI_EINVAL, "the target is empty");
  }
  return LOCI_OK;
}

static loci_status problem_init(problem *q, loci_edit_fact *fact, loci_err *err) {
  TRY(check_request(q, err));
  const loci_prompt_info *i = &q->asked->prompt->info;
  q->p = q->asked->prompt;
  q->fact = fact;
  q->position = i->constraints[0].first + i->constraints[0].count - 1;
  q->key = arena_zarray(q->mem, model_decoder(q->m)->inner, float);
  if (!q->key) return fail_nomem(err, "solving an edit");
  TRY(target_make(q->p, q->asked->target, q->mem, &q->target, err));
  if (q->set->authors) {
    q->target.count = 1;
    q->target.length = i->length;
  }
  if (q->layer == model_decoder(q->m)->layers - 1 && q->position < i->length - 1) {
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
  fact->constraint = arena_strdup(q->mem, i->constraints[0].text);
  fact->target = arena_strdup(q->mem, q->asked->target);
  bool ok = (fact->image || !i->image_path) && fact->question && fact->template_name &&
            fact->constraint && fact->target;
  return ok ? LOCI_OK : fail_nomem(err, "solving an edit");
}

/* What went wrong, of which request. */
static loci_status name_request(loci_status st, int i, int count, loci_err *err) {
  if (!st || count == 1 || !err || st == LOCI_ECANCELLED) return st;
  loci_err inner = *err;
  return fail(err, st, "request %d: %s", i + 1, inner.msg);
}

/* ---------------------------------------------------------------- solving */

static loci_status make_update(const problem *all, int n, arena *mem, loci_edit *e, loci_err *err) {
  int64_t D = e->width, F = e->inner;
  float *keys = arena_array(mem, n * F, float), *left = arena_array(mem, n * D, float);
  float *right = arena_array(mem, n * F, float);
  if (!keys || !left || !right) return fail_nomem(err, "solving an edit");
  for (int i = 0; i < n; i++) {
    memcpy(keys + i * F, all[i].key, (size_t)F * sizeof *keys);
    for (int64_t d = 0; d < D; d++) left[d * n + i] = all[i].delta[d];
  }
  TRY(update_solve(keys, n, F, e->settings.lambda, right, err));
  e->rank = n;
  e->left = left;
  e->right = right;
  e->norm = update_norm(left, right, D, n, F);
  return isnan(e->norm) ? fail_nomem(err, "solving an edit") : LOCI_OK;
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

static loci_status solve(loci_model *m, const loci_edit_request *requests, int n,
                         const loci_edit_opts *opts, edit_box *box, loci_err *err) {
  loci_edit *e = &box->view;
  double begin = clock_seconds();
  if (n < 1 || n > MAX_REQUESTS) {
    return fail(err, LOCI_EINVAL, "%d requests, expected 1 to %d", n, MAX_REQUESTS);
  }
  if (changes_count(m) > 0) {
    return fail(err, LOCI_EINVAL,
                "the model has edits applied; an edit is solved for the model "
                "as it is on disk");
  }
  TRY(complete(&opts->settings, &e->settings, err));
  TRY(choose_layer(m, opts, &e->layer, err));
  const weight *w = &m->weights->layers[e->layer].down.w;
  e->method = "multedit";
  e->width = w->rows;
  e->inner = w->cols;
  e->precision = dtype_name(m->arith_type);
  e->tensor = arena_strdup(box->mem, w->name);
  problem *all = arena_zarray(box->mem, n, problem);
  loci_edit_fact *facts = arena_zarray(box->mem, n, loci_edit_fact);
  if (!e->tensor || !all || !facts) return fail_nomem(err, "solving an edit");
  for (int i = 0; i < n; i++) {
    all[i] = (problem){.asked = &requests[i],
                       .m = m,
                       .opts = opts,
                       .set = &e->settings,
                       .mem = box->mem,
                       .layer = e->layer};
    TRY(name_request(problem_init(&all[i], &facts[i], err), i, n, err));
  }
  for (int i = 0; i < n; i++) {
    TRY(name_request(value_find(&all[i], err), i, n, err));
    e->cost.rows += all[i].rows;
    e->cost.formula += all[i].formula;
    e->cost.flop += all[i].flop;
  }
  TRY(make_update(all, n, box->mem, e, err));
  e->fact_count = n;
  e->facts = facts;
  e->cost.seconds = clock_seconds() - begin;
  return measure_all(all, n, e, err);
}

loci_status loci_edit_solve(loci_model *model, const loci_edit_request *requests, int count,
                            const loci_edit_opts *opts, loci_edit **out, loci_err *err) {
  static const loci_edit_opts defaults;
  const char *hash;
  *out = NULL;
  edit_box *box = calloc(1, sizeof *box);
  if (!box) return fail_nomem(err, "solving an edit");
  loci_status st = LOCI_OK;
  box->mem = arena_new();
  if (!box->mem) {
    st = fail_nomem(err, "solving an edit");
    goto done;
  }
  if (!opts) opts = &defaults;
  TRY_DONE(solve(model, requests, count, opts, box, err));
  TRY_DONE(model_hash(model, opts->progress, opts->progress_ctx, &hash, err));
  box->view.hash = arena_strdup(box->mem, hash);
  if (!box->view.hash) {
    st = fail_nomem(err, "solving an edit");
    goto done;
  }
  *out = &box->view;
  box = NULL;
done:
  if (box) loci_edit_free(&box->view);
  return st;
}
