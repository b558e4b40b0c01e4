/* Which cells of a screened trace are run, and whether the estimates of the others can be believed
 * (docs/MATH.md, "Screening").
 *
 * Every grid has its turn, so that the site with the largest effects does not take all runs.  The
 * cells that an estimate chose cannot say what it missed; a random sample of the others can. */
#include <math.h>
#include <stdlib.h>

#include "base/random.h"
#include "study/stats.h"
#include "study/sweep.h"

static double metric_of_estimate(const sweep *s, const loci_estimate *e) {
  return s->opts->screen_metric == LOCI_METRIC_LOGIT_DIFF ? e->logit_diff
         : s->opts->screen_metric == LOCI_METRIC_LOGP     ? e->logp
                                                          : e->p;
}

double estimate_of(const sweep *s, const cell *c) {
  return metric_of_estimate(s, &s->grids[c->grid].estimates[c->at]);
}

/* ---------------------------------------------------------------- before the runs */

typedef struct ranked {
  int64_t rank; /* in its grid, once that is known */
  int grid;
  double strength;
  int64_t index;
} ranked;

static int by_grid(const void *a, const void *b) {
  const ranked *x = a, *y = b;
  if (x->grid != y->grid) return x->grid - y->grid;
  if (x->strength != y->strength) return x->strength > y->strength ? -1 : 1;
  return (x->index > y->index) - (x->index < y->index);
}

static int by_rank(const void *a, const void *b) {
  const ranked *x = a, *y = b;
  if (x->rank != y->rank) return x->rank < y->rank ? -1 : 1;
  if (x->strength != y->strength) return x->strength > y->strength ? -1 : 1;
  return (x->index > y->index) - (x->index < y->index);
}

/* The strongest of every grid, then the second of every grid ... */
static void choose_strongest(const sweep *s, ranked *order, char *role) {
  int64_t n = s->cell_count;
  for (int64_t i = 0; i < n; i++)
    order[i] = (ranked){0, s->cells[i].grid, fabs(estimate_of(s, &s->cells[i])), i};
  qsort(order, (size_t)n, sizeof *order, by_grid);
  for (int64_t i = 1; i < n; i++)
    order[i].rank = order[i].grid == order[i - 1].grid ? order[i - 1].rank + 1 : 0;
  qsort(order, (size_t)n, sizeof *order, by_rank);
  for (int64_t i = 0; i < n && i < s->opts->screen; i++) role[order[i].index] = CELL_CHOSEN;
}

/* Of a grid's other cells [wanted], each as likely as any (Knuth, algorithm S). */
static void choose_some(const sweep *s, int grid, int wanted, random_source *r, char *role) {
  int64_t left = 0;
  for (int64_t i = 0; i < s->cell_count; i++)
    left += s->cells[i].grid == grid && role[i] == CELL_ESTIMATED;
  for (int64_t i = 0; i < s->cell_count && left > 0; i++) {
    if (s->cells[i].grid != grid || role[i] != CELL_ESTIMATED) continue;
    if (random_below(r, left--) < wanted) role[i] = CELL_AUDITED, wanted--;
  }
}

static void choose_audit(const sweep *s, char *role) {
  random_source r = random_stream(s->opts->seed, AUDIT_STREAM);
  int n = s->opts->audit, G = s->grid_count;
  for (int i = 0; i < G; i++) choose_some(s, i, n / G + (i < n % G), &r, role);
}

loci_status audit_choose(sweep *s, loci_err *err) {
  int64_t n = s->cell_count, kept = 0;
  ranked *order = arena_array(s->mem, n + 1, ranked);
  char *role = arena_zarray(s->mem, n + 1, char);
  if (!order || !role) return fail_nomem(err, "screening");
  choose_strongest(s, order, role);
  choose_audit(s, role);
  s->screened.cells = n;
  s->screened.role = role;
  for (int64_t i = 0; i < n; i++) {
    const cell *c = &s->cells[i];
    ((bool *)(uintptr_t)s->grids[c->grid].exact)[c->at] = role[i] != CELL_ESTIMATED;
    if (role[i] == CELL_ESTIMATED) continue;
    role[kept] = role[i];
    s->cells[kept++] = *c;
  }
  s->cell_count = kept;
  return LOCI_OK;
}

/* ---------------------------------------------------------------- after them */

static double effect_of(const sweep *s, const loci_trace *t, const cell *c) {
  const loci_metrics *base = c->direction == LOCI_DENOISE ? &t->corrupted.m : &t->clean.m;
  const loci_metrics *m = &s->grids[c->grid].cells[c->at];
  return s->opts->screen_metric == LOCI_METRIC_LOGIT_DIFF ? m->logit_diff - base->logit_diff
         : s->opts->screen_metric == LOCI_METRIC_LOGP     ? m->logp - base->logp
                                                          : m->p - base->p;
}

/* Estimates and effects of the cells of one role, and of one grid if that is not -1. */
typedef struct pairs {
  double *estimate, *effect;
  int64_t count;
} pairs;

static void collect(const sweep *s, const loci_trace *t, char role, int grid, pairs *out) {
  out->count = 0;
  for (int64_t i = 0; i < s->cell_count; i++) {
    const cell *c = &s->cells[i];
    if (s->screened.role[i] != role || (grid >= 0 && c->grid != grid)) continue;
    out->estimate[out->count] = estimate_of(s, c);
    out->effect[out->count++] = effect_of(s, t, c);
  }
}

static bool same_site(const sweep *s, int a, int b) {
  return s->grids[a].site == s->grids[b].site && s->grids[a].direction == s->grids[b].direction;
}

/* The strongest estimate of the cells of a grid's site that were not run; -1: all were. */
static double strongest_left(const sweep *s, int grid) {
  double most = -1;
  for (int i = 0; i < s->grid_count; i++) {
    const loci_grid *g = &s->grids[i];
    if (!same_site(s, i, grid)) continue;
    for (int64_t k = 0; k < grid_cells(g); k++)
      if (!g->exact[k]) most = fmax(most, fabs(metric_of_estimate(s, &g->estimates[k])));
  }
  return most;
}

/* How strong a cell of the site that was not run may be, as a share of the strongest that was: the
 * strongest estimate left, and what the sample was underestimated by at most.  NaN: all were run;
 * infinite: nothing is known. */
static double reach_of(const sweep *s, const loci_trace *t, int grid) {
  double left = strongest_left(s, grid), strongest = 0, most = (double)INFINITY;
  bool sampled = false;
  if (left < 0) return (double)NAN;
  for (int64_t i = 0; i < s->cell_count; i++) {
    const cell *c = &s->cells[i];
    if (!same_site(s, c->grid, grid)) continue;
    double effect = fabs(effect_of(s, t, c)), under = effect - fabs(estimate_of(s, c));
    strongest = fmax(strongest, effect);
    if (s->screened.role[i] != CELL_AUDITED) continue;
    most = sampled ? fmax(most, under) : fmax(under, 0);
    sampled = true;
  }
  return strongest > 0 ? (left + most) / strongest : (double)INFINITY;
}

/* Where estimate and effect of the sample are farthest apart. */
static void find_miss(const sweep *s, const loci_trace *t, loci_audit *a) {
  for (int64_t i = 0; i < s->cell_count; i++) {
    const cell *c = &s->cells[i];
    if (s->screened.role[i] != CELL_AUDITED) continue;
    double effect = effect_of(s, t, c), estimate = estimate_of(s, c);
    if (a->cells++ > 0 && !(fabs(effect - estimate) > fabs(a->effect - a->estimate))) continue;
    a->effect = effect;
    a->estimate = estimate;
    a->grid = c->grid;
    a->at = c->at;
  }
}

loci_status audit_report(sweep *s, loci_trace *t, loci_err *err) {
  pairs p = {.estimate = arena_array(s->mem, s->cell_count + 1, double),
             .effect = arena_array(s->mem, s->cell_count + 1, double)};
  if (!p.estimate || !p.effect) return fail_nomem(err, "screening");
  for (int i = 0; i < s->grid_count; i++) {
    collect(s, t, CELL_CHOSEN, i, &p);
    TRY(stat_spearman(p.estimate, p.effect, p.count, &s->grids[i].spearman, err));
    s->grids[i].reach = reach_of(s, t, i);
    if (s->grids[i].reach >= SCREEN_POOR) t->audit.poor = true;
  }
  collect(s, t, CELL_AUDITED, -1, &p);
  TRY(stat_spearman(p.estimate, p.effect, p.count, &t->audit.spearman, err));
  collect(s, t, CELL_CHOSEN, -1, &p);
  t->screen = p.count;
  t->screen_steps = s->opts->screen_steps;
  t->screen_metric = s->opts->screen_metric;
  t->screen_cells = s->screened.cells;
  find_miss(s, t, &t->audit);
  return stat_spearman(p.estimate, p.effect, p.count, &t->spearman, err);
}
