/* loci_edit_solve (docs/MATH.md, "Editing"): the value of every request by itself, then one update
 * that brings all of them, then what it does to them. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/list.h"
#include "base/result.h"
#include "edit/solve_opts.h"
#include "edit/requests.h"
#include "edit/update.h"
#include "model/command.h"

enum { MAX_REQUESTS = 10000 };

/* ---------------------------------------------------------------- solving */

/* W' - W of fine-tuning has no small factors: left is the identity, so that W + left right is exact
 * and one form serves all methods. */
static loci_status make_change(problems *p, arena *mem, loci_edit *e, loci_err *err) {
  float *left = arena_zarray(mem, e->width * e->width, float);
  float *right = arena_zarray(mem, e->width * e->inner, float);
  if (!left || !right) return fail_nomem(err, "solving an edit");
  for (int64_t d = 0; d < e->width; d++) left[d * e->width + d] = 1;
  loci_edit_part *part = arena_zarray(mem, 1, loci_edit_part);
  if (!part) return fail_nomem(err, "solving an edit");
  TRY(tune(p, &e->settings, right, err));
  *part = (loci_edit_part){
      .layer = e->layer, .rank = e->width, .left = left, .right = right, .free_count = -1};
  e->parts = part;
  e->part_count = 1;
  return LOCI_OK;
}

/* What the parts are of, and how large; the edit shows its last one. */
static loci_status name_parts(const loci_model *m, loci_edit *e, arena *mem, loci_err *err) {
  double squares = 0;
  loci_edit_part *parts = arena_array(mem, e->part_count, loci_edit_part);
  if (!parts) return fail_nomem(err, "solving an edit");
  for (int i = 0; i < e->part_count; i++) {
    loci_edit_part *p = &parts[i];
    *p = e->parts[i];
    p->tensor = arena_strdup(mem, m->weights->layers[p->layer].down.w.name);
    p->norm = update_norm(p->left, p->right, e->width, p->rank, e->inner);
    if (!p->tensor || isnan(p->norm)) return fail_nomem(err, "solving an edit");
    squares += p->norm * p->norm;
  }
  e->parts = parts;
  edit_show_parts(e);
  e->norm = e->part_count == 1 ? parts[0].norm : sqrt(squares);
  return LOCI_OK;
}

static loci_status measure_all(const problems *p, const loci_edit *e, loci_err *err) {
  loci_model *view;
  low_rank *changes;
  TRY(edit_changes(e, &changes, err));
  loci_status st = view_new(p->at[0].m, &view, err);
  if (!st) st = changes_add(view, e, changes, e->part_count, err);
  free(changes);
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

/* Matrices of one size, each with the covariance of its layer where the method needs one. */
static loci_status check_layers(const solve_opts *how, const loci_model *m, loci_err *err) {
  const loci_edit_opts *o = &how->o;
  const weight *last = &m->weights->layers[o->layer].down.w;
  for (int i = 0; i < (o->layer_count ? o->layer_count : 1); i++) {
    int layer = o->layer_count ? o->layers[i] : o->layer;
    const weight *w = &m->weights->layers[layer].down.w;
    const loci_covariance *c = covariance_of(o, layer);
    if (w->rows != last->rows || w->cols != last->cols)
      return fail(err, LOCI_EINVAL, "layers %d and %d have matrices of different sizes", layer,
                  o->layer);
    if (c) TRY(covariance_check(c, m, layer, err));
  }
  return LOCI_OK;
}

/* Values are found request by request and united in one update at the end: that is what makes
 * many requests in one matrix possible (Meng et al. 2023). */
static loci_status solve(const loci_model *m, const loci_edit_request *requests, int n,
                         solve_opts *how, loci_edit *e, arena *work, loci_err *err) {
  arena *mem = e->result.memory;
  const loci_edit_opts *opts = &how->o;
  double begin = clock_seconds();
  problems all = {0};
  if (n < 1 || n > MAX_REQUESTS) {
    return fail(err, LOCI_EINVAL, "%d requests, expected 1 to %d", n, MAX_REQUESTS);
  }
  if (changes_count(m) > 0) {
    return fail(err, LOCI_EINVAL,
                "the model has edits applied; an edit is solved for the model "
                "as it is on disk");
  }
  TRY(solve_opts_complete(how, m, err));
  edit_method k = how->method;
  e->settings = how->settings;
  e->layer = opts->layer;
  TRY(check_layers(how, m, err));
  const weight *w = &m->weights->layers[e->layer].down.w;
  e->method = opts->method;
  e->width = w->rows;
  e->inner = w->cols;
  e->precision = dtype_name(m->compute_type);
  e->note = m->back_note ? arena_strdup(mem, m->back_note) : NULL;
  if (m->back_note && !e->note) return fail_nomem(err, "solving an edit");
  problem like = {.m = m, .opts = opts, .set = &e->settings, .mem = mem, .work = work};
  like.layer = e->layer;
  like.method = k;
  TRY(check_list(opts->keep_count, opts->keep, "questions to keep", err));
  for (int i = 0; i < opts->keep_count; i++) TRY(check_prompt(opts->keep[i], m, err));
  TRY(problems_make(&all, &like, requests, n, err));
  TRY(method_tunes(k) ? make_change(&all, mem, e, err) : spread(&all, m, mem, e, err));
  TRY(name_parts(m, e, mem, err));
  TRY(report(&all, mem, e, err));
  e->cost.seconds = clock_seconds() - begin;
  return measure_all(&all, e, err);
}

static js_value *questions_json(const loci_prompt *const *list, int n) {
  js_value *a = js_array();
  for (int i = 0; i < n; i++) {
    js_value *o = js_object();
    js_put(&o, "image", js_text(list[i]->info.image_path));
    js_put(&o, "question", js_text(list[i]->info.question));
    js_push(&a, o);
  }
  return a;
}

/* All that was asked, by the words they came with; one request without further prompts has words of
 * its own. */
static loci_status tell(const loci_model *m, const loci_edit_request *r, int n,
                        const solve_opts *how, loci_edit *e, loci_err *err) {
  const loci_edit_opts *o = &how->o;
  command_words words = command_of("edit solve", m);
  words.words = o->words;
  words.word_count = o->word_count;
  bool plain = n == 1 && r->rephrased_count == 0 && r->kept_count == 0 && o->keep_count == 0 &&
               !o->covariance && o->covariance_count == 0;
  words.cannot = o->word_count == 0 && !plain;
  js_value *request = js_object(), *all = js_array();
  const loci_prompt *first = NULL;
  for (int i = 0; i < n; i++) {
    if (!r[i].prompt) continue;
    if (!first) first = r[i].prompt;
    js_value *x = request_of_prompt(r[i].prompt);
    js_put(&x, "target", js_text(r[i].target));
    js_put(&x, "rephrased", questions_json(r[i].rephrased, r[i].rephrased_count));
    js_put(&x, "kept", questions_json(r[i].kept, r[i].kept_count));
    js_push(&all, x);
  }
  if (plain && o->word_count == 0) {
    js_free(request);
    request = request_of_prompt(first);
    js_put(&request, "target", js_text(r->target));
  } else if (first) {
    request_put_wording(&request, first->info.template_name, first->info.system, first->info.date);
    request_put_model(&request, m);
  }
  js_put(&request, "requests", all);
  js_put(&request, "keep", questions_json(o->keep, o->keep_count));
  if (o->covariance) js_put(&request, "covariance_prompts", js_int(o->covariance->prompts));
  solve_opts_describe(&request, how);
  return request_tell(&words, request, &e->result, err);
}

loci_status loci_edit_solve(const loci_model *model, const loci_edit_request *requests, int count,
                            const loci_edit_opts *opts, loci_edit **out, loci_err *err) {
  NEEDS(out, "place for the result");
  *out = NULL;
  NEEDS(model, "model");
  NEEDS(requests, "requests");
  TRY(edit_check_format(model, err));
  const char *hash;
  solve_opts how;
  TRY(solve_opts_take(&how, opts, err));
  loci_edit *e = result_new(LOCI_KIND_EDIT, sizeof *e);
  if (!e) return fail_nomem(err, "solving an edit");
  loci_status st = LOCI_OK;
  arena *work = arena_new();
  if (!work) {
    st = fail_nomem(err, "solving an edit");
    goto done;
  }
  TRY_DONE(solve(model, requests, count, &how, e, work, err));
  TRY_DONE(tell(model, requests, count, &how, e, err));
  TRY_DONE(model_hash(model, how.o.progress, how.o.progress_ctx, &hash, err));
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
