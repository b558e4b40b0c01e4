/* A trace that is looked on while it is made: what can be known early is told early, and a stop
 * keeps what is done.
 *
 *   clean and corrupted runs -> estimates of all cells by their gradients -> cells, in batches
 *
 * The watcher is called after each.  The strongest estimates are run first: a first order that is
 * wrong costs nothing but the order, since in the end every cell is run, and has the numbers of a
 * trace in one walk.  A batch is a tenth of the rows: each walk reads all weights, and repeats the
 * base runs. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "study/sweep.h"

enum { BATCHES = 10 };

typedef struct turns {
  sweep *s;
  loci_trace *t;
  const trace_view *view;
  const loci_trace_opts *opts; /* as asked */
  double before, share;        /* of the walk that runs, in all cells */
  bool stopped;
} turns;

/* Cells are one stage, however many walks they take. */
static bool on_progress(void *ctx, const char *stage, double done, double total) {
  turns *x = ctx;
  if (!x->opts->progress) return true;
  if (x->share > 0) {
    done = x->before + x->share * (total > 0 ? done / total : 0);
    total = 1;
    stage = "cells";
  }
  x->stopped = !x->opts->progress(x->opts->progress_ctx, stage, done, total);
  return !x->stopped;
}

static void show(const turns *x) {
  x->view->set(x->s, x->t);
  x->opts->watch(x->opts->watch_ctx, x->t);
}

static double formula_of(const sweep *s, int64_t begin, int64_t end) {
  double sum = 0;
  for (int64_t i = begin; i < end; i++) sum += (double)cell_formula(s, &s->cells[i]);
  return sum;
}

static void after_walk(void *ctx, int64_t begin, int64_t end) {
  const sweep *s = ctx;
  turns *x = s->turns;
  for (int64_t i = begin; i < end; i++) {
    const cell *c = &s->cells[i];
    ((bool *)(uintptr_t)s->grids[c->grid].exact)[c->at] = true;
  }
  x->t->missing -= end - begin;
  x->before += x->share;
  show(x);
}

typedef struct ranked {
  double strength;
  int64_t index;
} ranked;

static int by_strength(const void *a, const void *b) {
  const ranked *x = a, *y = b;
  if (x->strength != y->strength) return x->strength > y->strength ? -1 : 1;
  return (x->index > y->index) - (x->index < y->index);
}

/* Strongest first, with their roles in a screening; those without an estimate last. */
static loci_status order_cells(sweep *s, loci_err *err) {
  int64_t n = s->cell_count;
  arena *mem = arena_new();
  ranked *order = mem ? arena_array(mem, n + 1, ranked) : NULL;
  cell *cells = mem ? arena_array(mem, n + 1, cell) : NULL;
  char *role = arena_array(s->mem, n + 1, char);
  loci_status st = order && cells && role ? LOCI_OK : fail_nomem(err, "ordering cells");
  for (int64_t i = 0; !st && i < n; i++) {
    double e = fabs(estimate_of(s, &s->cells[i]));
    order[i] = (ranked){isnan(e) ? -1 : e, i};
    cells[i] = s->cells[i];
  }
  if (!st) qsort(order, (size_t)n, sizeof *order, by_strength);
  for (int64_t i = 0; !st && i < n; i++) {
    s->cells[i] = cells[order[i].index];
    if (s->screened.role) role[i] = s->screened.role[order[i].index];
  }
  if (s->screened.role) s->screened.role = role;
  arena_free(mem);
  return st;
}

static bool is_same_column(const loci_grid *a, const loci_grid *b, int i) {
  if (a->positions) return b->positions && a->positions[i] == b->positions[i];
  return a->groups && b->groups && strcmp(a->groups[i], b->groups[i]) == 0;
}

static bool is_same_grid(const loci_grid *a, const loci_grid *b) {
  bool same = a->layer_count == b->layer_count && a->column_count == b->column_count;
  for (int i = 0; same && i < a->layer_count; i++) same = a->layers[i] == b->layers[i];
  for (int i = 0; same && i < a->column_count; i++) same = is_same_column(a, b, i);
  return same && a->site == b->site && a->window == b->window && a->direction == b->direction &&
         a->head_count == b->head_count && b->exact;
}

/* The same run has the same numbers, to the bit. */
static bool is_same_run(const loci_metrics *a, const loci_metrics *b) {
  return a->p == b->p && a->logp == b->logp && a->p_first == b->p_first &&
         a->logp_first == b->logp_first;
}

/* Whether it began as this one does: the same grids over the same runs. */
static bool is_same_trace(const sweep *s, const loci_trace *t, const loci_trace *so_far) {
  bool same = so_far->prompt == t->prompt && so_far->grid_count == s->grid_count &&
              is_same_run(&so_far->clean.m, &t->clean.m) &&
              is_same_run(&so_far->corrupted.m, &t->corrupted.m);
  for (int i = 0; same && i < s->grid_count; i++)
    same = is_same_grid(&s->grids[i], &so_far->grids[i]);
  return same;
}

/* Takes the cells over that a stopped trace has: they stand after those that are left, *left. */
static loci_status take_over(turns *x, int64_t *left, loci_err *err) {
  sweep *s = x->s;
  const loci_trace *from = x->opts->so_far;
  *left = s->cell_count;
  if (!from) return LOCI_OK;
  if (x->opts->screen > 0 || !is_same_trace(s, x->t, from))
    return fail(err, LOCI_EINVAL, "the trace to go on with is none of this question and options");
  cell *rest = arena_array(s->mem, s->cell_count + 1, cell);
  if (!rest) return fail_nomem(err, "going on with a trace");
  int64_t known = s->cell_count;
  *left = 0;
  for (int64_t i = s->cell_count; i-- > 0;) {
    const cell *c = &s->cells[i];
    const loci_grid *g = &from->grids[c->grid];
    if (!g->exact[c->at]) continue;
    rest[--known] = *c;
    ((loci_metrics *)(uintptr_t)s->grids[c->grid].cells)[c->at] = g->cells[c->at];
    ((bool *)(uintptr_t)s->grids[c->grid].exact)[c->at] = true;
  }
  for (int64_t i = 0; i < s->cell_count; i++)
    if (!s->grids[s->cells[i].grid].exact[s->cells[i].at]) rest[(*left)++] = s->cells[i];
  s->cells = rest;
  x->t->missing = *left;
  return LOCI_OK;
}

/* Nothing is to be run but what a watcher sees first. */
static loci_status run_base(turns *x, loci_err *err) {
  variants *v = &x->s->runs;
  v->count = 0;
  v->more = x->s->cell_count;
  TRY(variants_run(&v, 1, err));
  if (v->not_finite) return LOCI_OK;
  TRY(x->view->fill(x->s, x->t, err));
  TRY(sweep_no_estimates(x->s, err));
  x->t->planned = x->t->missing = x->s->cell_count;
  show(x);
  return LOCI_OK;
}

/* A trace that asked for no estimates does without, where there is no room for them. */
static loci_status estimate(turns *x, loci_err *err) {
  sweep *s = x->s;
  if (x->opts->screen == 0) {
    loci_status st = sweep_estimate(s, err);
    return st == LOCI_ENOMEM || st == LOCI_EUNSUPPORTED ? LOCI_OK : st;
  }
  TRY(sweep_screen(s, err));
  x->t->planned = x->t->missing = s->cell_count;
  for (int64_t i = 0; i < s->cell_count; i++)
    ((bool *)(uintptr_t)s->grids[s->cells[i].grid].exact)[s->cells[i].at] = false;
  return LOCI_OK;
}

/* Strongest first, in batches of equal cost, so that whoever looks on sees some after each. */
static loci_status run_cells(turns *x, loci_err *err) {
  sweep *s = x->s;
  variants *v = &s->runs;
  int64_t left;
  TRY(estimate(x, err));
  TRY(order_cells(s, err));
  TRY(take_over(x, &left, err));
  show(x);
  if (left == 0) return LOCI_OK;
  double all = formula_of(s, 0, left) * s->corrupted.seeds;
  v->count = left;
  v->more = s->cell_count - left;
  v->each = (int64_t)(all / BATCHES) + 1;
  v->after = after_walk;
  x->share = 1.0 / BATCHES;
  return variants_run(&v, 1, err);
}

/* All cells are run: the numbers alone are left, as of a trace that nobody looked on. */
static void forget_estimates(sweep *s) {
  for (int i = 0; i < s->grid_count; i++) s->grids[i].estimates = NULL, s->grids[i].exact = NULL;
}

loci_status sweep_in_turns(sweep *s, loci_trace *t, const trace_view *view, loci_err *err) {
  loci_trace_opts own = *s->opts;
  turns x = {.s = s, .t = t, .view = view, .opts = s->opts};
  own.progress = on_progress;
  own.progress_ctx = &x;
  s->turns = &x;
  s->opts = &own; /* the estimates' walks follow them, too */
  s->runs.progress = on_progress;
  s->runs.progress_ctx = &x;
  loci_status st = run_base(&x, err);
  bool shown = !st && t->grids;
  if (shown) st = run_cells(&x, err);
  s->opts = x.opts;
  s->turns = NULL;
  s->runs.progress = NULL;
  s->runs.progress_ctx = NULL;
  bool kept = st == LOCI_ECANCELLED && x.stopped && shown && s->opts->partial;
  if (!st) t->missing = 0;
  if (!st && s->opts->screen == 0 && shown) forget_estimates(s);
  return kept ? LOCI_OK : st;
}
