/* Statistics over examples: means, proportions, rank correlations, areas under ROC curves, each
 * with its uncertainty (docs/MATH.md, "Statistics").  Nothing here knows models. */
#ifndef LOCI_STUDY_STATS_H
#define LOCI_STUDY_STATS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/random.h"
#include "base/status.h"

/* ---------------------------------------------------------------- numbers */

/* Puts n numbers, none of them NaN, in ascending order. */
void stat_sort(double *x, int64_t n);
/* The q-th quantile (0..1) of n >= 1 ascending numbers, linear between neighbours. */
double stat_quantile(const double *ascending, int64_t n, double q);
/* Ranks from 1; equal numbers share the mean of their ranks. */
loci_status stat_ranks(const double *x, int64_t n, double *rank, loci_err *err);
/* Pearson's correlation of the ranks; NaN if n < 2 or one side is constant. */
loci_status stat_spearman(const double *x, const double *y, int64_t n, double *out, loci_err *err);
/* right of n, with Wilson's interval (1927). */
loci_interval stat_proportion(int64_t right, int64_t n);

/* A mean that grows number by number (Welford 1962): begin with zeros. */
typedef struct stat_running {
  int64_t n;
  double mean, squares; /* sum of (x - mean)^2 */
} stat_running;
void stat_running_add(stat_running *r, double x);
/* s / sqrt(n), the standard error; NaN below two numbers. */
double stat_running_error(const stat_running *r);
/* With the normal interval mean -+ z s / sqrt(n). */
loci_interval stat_running_mean(const stat_running *r);

/* ---------------------------------------------------------------- bootstrap */

enum { STAT_RESAMPLES = 1000 };

/* A number out of n examples, of which the i-th is there times[i] times; NaN: undefined for them.
 */
typedef double stat_fn(const void *ctx, const int *times, int64_t n);

/* The statistic of the examples, and the 2.5 and 97.5 % quantiles of it over STAT_RESAMPLES draws
 * of n out of n with replacement; draws for which it is undefined are left out.  Draws of the same
 * seed and n are the same, whatever the statistic.  [w], or NULL, is asked as often as many
 * examples make it last. */
loci_status stat_bootstrap(stat_fn *statistic, const void *ctx, int64_t n, uint64_t seed,
                           const watch *w, loci_interval *out, loci_err *err);
/* One such draw: how often each of n examples is there. */
void stat_draw(random_source *r, int *times, int64_t n);

/* ---------------------------------------------------------------- ROC */

/* Scores in order, to count through them again and again. */
typedef struct stat_roc {
  int64_t n;
  const int64_t *order; /* examples by descending score */
  const double *score;  /* in that order */
  const bool *positive; /* in that order */
} stat_roc;

/* All in [mem]. */
loci_status stat_roc_new(const double *score, const bool *positive, int64_t n, arena *mem,
                         stat_roc *out, loci_err *err);
/* The chance that a positive example has the higher score than a negative one, ties half (the area
 * under the ROC curve); a stat_fn, ctx a stat_roc. */
double stat_auroc(const void *roc, const int *times, int64_t n);
/* The curve's corners from (0, 0) to (1, 1), at most n + 1 of them; returns their number. */
int64_t stat_roc_curve(const stat_roc *roc, double *false_rate, double *true_rate);

/* ---------------------------------------------------------------- splits */

/* Deals the examples into [parts] of nearly the same size and share of positive ones: part[i] in
 * 0 .. parts - 1. */
loci_status stat_split(const bool *positive, int64_t n, int parts, uint64_t seed, int *part,
                       loci_err *err);

#endif
