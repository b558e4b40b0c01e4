/* Which share of a difference comes back, over examples (see average_tests.h; docs/MATH.md,
 * "Averages"): with N an example's effect and D the difference of its clean and corrupted runs, the
 * mean of ratios is the mean of N/D, the ratio of means sum N / sum D.  Examples with |D| < [least]
 * are left out of both, and counted. */
#include <math.h>
#include <stdlib.h>

#include "study/average_tests.h"

typedef struct ratios {
  averaging *a;
  int series, from, points, total;
  double least;
  double *x; /* (n, points) */
} ratios;

/* N of an example, or NaN; *d its difference. */
static double part_of(const ratios *r, int example, int k, double *d) {
  *d = average_row_of(r->a, r->total, example)[0];
  return fabs(*d) >= r->least ? average_row_of(r->a, r->series, example)[r->from + k] : (double)NAN;
}

static loci_status means(ratios *r, loci_interval *out, loci_err *err) {
  const stat_draws *draws;
  const stat_table t = {r->x, r->a->n, r->points, r->points, NULL};
  TRY(average_draws(r->a, OF_ALL, &draws, err));
  return stat_means(draws, &t, stat_any, out, NULL, NULL, err);
}

/* N/D */
static loci_status mean_of_ratios(ratios *r, loci_interval *out, loci_err *err) {
  double d;
  for (int i = 0; i < r->a->n; i++) {
    for (int k = 0; k < r->points; k++) {
      double part = part_of(r, i, k, &d);
      r->x[(int64_t)i * r->points + k] = isnan(part) ? part : part / d;
    }
  }
  return means(r, out, err);
}

/* R = sum N / sum D.  Its interval is that of the mean of R + (N - R D) / mean D, which is R: the
 * ratio in first order round both means. */
static loci_status ratio_of_means(ratios *r, loci_interval *out, loci_err *err) {
  for (int k = 0; k < r->points; k++) {
    double parts = 0, all = 0, d;
    int n = 0;
    for (int i = 0; i < r->a->n; i++) {
      double part = part_of(r, i, k, &d);
      if (isnan(part)) continue;
      parts += part;
      all += d;
      n++;
    }
    double ratio = all != 0 ? parts / all : (double)NAN;
    for (int i = 0; i < r->a->n; i++) {
      double part = part_of(r, i, k, &d);
      r->x[(int64_t)i * r->points + k] = ratio + (part - ratio * d) * n / all;
    }
  }
  return means(r, out, err);
}

static void count(const ratios *r, loci_restored *out) {
  for (int i = 0; i < r->a->n; i++) {
    double d = average_row_of(r->a, r->total, i)[0];
    bool has = false;
    const double *x = average_row_of(r->a, r->series, i) + r->from;
    for (int k = 0; k < r->points; k++) has |= !isnan(x[k]);
    if (!has || isnan(d)) continue;
    *(fabs(d) >= r->least ? &out->n : &out->left_out) += 1;
  }
}

loci_status average_restored(averaging *a, int series, int from, int points, int total,
                             double least, const loci_restored **out, loci_err *err) {
  *out = NULL;
  if (series < 0 || total < 0 || a->n == 0) return LOCI_OK;
  ratios r = {a, series, from, points, total, least, NULL};
  loci_restored *made = arena_zarray(a->mem, 1, loci_restored);
  loci_interval *of = arena_array(a->mem, 2 * points, loci_interval);
  r.x = malloc((size_t)a->n * (size_t)points * sizeof *r.x);
  loci_status st = made && of && r.x ? LOCI_OK : fail_nomem(err, "averaging");
  if (!st) count(&r, made);
  if (!st) st = mean_of_ratios(&r, of, err);
  if (!st) st = ratio_of_means(&r, of + points, err);
  free(r.x);
  TRY(st);
  made->mean_of_ratios = of;
  made->ratio_of_means = of + points;
  *out = made;
  return LOCI_OK;
}
