/* loci bench --edit: what an edit costs on a model of this size.
 *
 * An edit of one step more than asked for: the first, in which the walk takes its memory, counts
 * with what comes before it, and the others are the steps.  Then the update in memory, on and off.
 * The question is bench_prompt's: time does not depend on what it says. */
#include "base/clock.h"
#include "base/result.h"
#include "edit/edit.h"
#include "model/command.h"
#include "edit/target_run.h"
#include "edit/update.h"
#include "study/bench.h"
#include "tensor/kernels.h"
#include "tensor/product.h"

enum { USUAL_STEPS = 20, LAYER = 2 };

/* When a step was done, and how many rows had been walked by then. */
typedef struct step_mark {
  double at;
  int64_t rows;
} step_mark;

typedef struct stopwatch {
  const problem *q;
  int last, steps; /* asked for; done after the first */
  step_mark first_done, last_done;
} stopwatch;

static void mark(void *ctx, const loci_edit_step *steps, int count) {
  stopwatch *w = ctx;
  step_mark now = {clock_seconds(), w->q->rows};
  (void)steps;
  if (count == 1) w->first_done = now;
  if (count > w->last) return;
  w->last_done = now;
  w->steps = count - 1;
}

/* The value of the question; the target is any token, since no step stops early. */
static loci_status solve(const loci_model *m, const loci_prompt *p, const loci_edit_opts *opts,
                         arena *mem, problem *q, loci_edit_cost *out, loci_err *err) {
  static const loci_edit_request asked;
  stopwatch w = {.q = q, .last = 1 + out->steps};
  loci_edit_opts watched = *opts;
  double begin = clock_seconds();
  loci_edit_settings *set = arena_zarray(mem, 1, loci_edit_settings);
  loci_edit_fact *fact = arena_zarray(mem, 1, loci_edit_fact);
  if (!set || !fact) return fail_nomem(err, "measuring");
  watched.watch = mark;
  watched.watch_ctx = &w;
  *set = (loci_edit_settings){.steps = w.last, .lr = 0.1, .weight_decay = 1e-3, .lambda = 0.01};
  int L = model_decoder(m)->layers;
  *q = (problem){.m = m, .opts = &watched, .set = set, .mem = mem, .work = mem, .asked = &asked};
  q->layer = LAYER < L - 1 ? LAYER : L > 1 ? L - 2 : 0;
  q->p = p;
  q->fact = fact;
  q->position = key_position(p);
  TRY(target_make(p, NULL, mem, &q->target, err));
  q->target.given = true;
  TRY(value_find(q, err));
  q->opts = opts;
  if (w.steps == 0) return fail(err, LOCI_EVERIFY, "the edit was solved by its first step");
  out->prepare_seconds = w.first_done.at - begin;
  out->step_seconds = (w.last_done.at - w.first_done.at) / w.steps;
  out->step_rows = (double)(w.last_done.rows - w.first_done.rows) / w.steps;
  out->edit_seconds = clock_seconds() - begin - out->step_seconds; /* it took one more */
  return LOCI_OK;
}

/* W + left right, in the matrix's own type. */
static loci_status time_update(problem *q, arena *mem, double *seconds, loci_err *err) {
  const weight *w = &q->m->weights->layers[q->layer].down.w;
  loci_model *view;
  float *right = arena_zarray(mem, w->cols, float);
  if (!right) return fail_nomem(err, "measuring");
  TRY(view_new(q->m, &view, err));
  double begin = clock_seconds();
  loci_status st = columns_solve(q, 1, NULL, NULL, right, err);
  low_rank change = {.layer = q->layer, .rank = 1, .left = q->delta, .right = right};
  if (!st) st = changes_add(view, q, &change, 1, err);
  *seconds = clock_seconds() - begin;
  view_free(view);
  return st;
}

static loci_status measure(const loci_model *m, const loci_prompt *p, const loci_edit_opts *opts,
                           arena *mem, loci_edit_cost *out, loci_err *err) {
  problem q;
  TRY(solve(m, p, opts, mem, &q, out, err));
  TRY(time_update(&q, mem, &out->update_seconds, err));
  out->edit_seconds += out->update_seconds;
  out->layer = q.layer;
  out->reached = (int64_t)(p->info.length - mutual_first(p->mutual, q.position)) *
                 (model_decoder(m)->layers - 1 - q.layer);
  return LOCI_OK;
}

loci_status loci_edit_cost_run(const loci_model *m, int steps, loci_progress_fn progress, void *ctx,
                               loci_edit_cost **out, loci_err *err) {
  NEEDS(out, "place for the result");
  *out = NULL;
  NEEDS(m, "model");
  const loci_edit_opts opts = {.progress = progress, .progress_ctx = ctx};
  loci_prompt p = {.model = m, .mem = arena_new()};
  loci_edit_cost c = {.model = &m->info,
                      .precision = dtype_name(m->compute_type),
                      .cpu = kernels_choose()->name,
                      .engine = product_engine(),
                      .threads = m->threads,
                      .steps = steps > 0 ? steps : USUAL_STEPS};
  if (!p.mem) return fail_nomem(err, "measuring");
  loci_status st = bench_prompt(m, &p, err);
  c.positions = p.info.length;
  if (!st) st = measure(m, &p, &opts, p.mem, &c, err);
  arena_free(p.mem);
  TRY(st);
  TRY(result_copy(LOCI_KIND_EDIT_COST, &c, sizeof c, (void **)out, err));
  command_words words = command_of("bench", m);
  words.more = " --edit";
  js_value *request = js_object();
  request_put_model(&request, m);
  js_put(&request, "steps", js_int(c.steps));
  return request_tell_of(&words, request, (loci_result **)out, err);
}
