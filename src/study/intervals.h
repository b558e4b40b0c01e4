/* Intervals round means (docs/MATH.md, "Statistics"): what a few examples say of all.
 *
 * The mean of a skewed handful is not normal, and the percentile bootstrap of one covers the truth
 * far more seldom than it says.  So a mean has the studentised bootstrap (Efron 1979; Hall 1988):
 * each draw's mean is measured in its own standard errors; where too many draws have none, the
 * sample's own error makes the interval (Wilson's, Student's), and where fewer than about four
 * numbers differ from all others, which may be anything, none is given.  A share has Wilson's
 * interval, which is never of width zero.  bench/coverage.c measures both on known truth.
 *
 * The draws of n examples are the same for every number of them; so they are made once
 * (stat_draws), and their sums are one product of counts by values. */
#ifndef LOCI_STUDY_INTERVALS_H
#define LOCI_STUDY_INTERVALS_H

#include "study/draws.h"

/* What one example's number can be: an interval of the mean is cut to it. */
typedef struct stat_range {
  double lo, hi;
  bool share; /* each number is a share of questions, 0 to 1: Wilson's interval */
  bool whole; /* no fraction */
} stat_range;
extern const stat_range stat_any, stat_probability, stat_shares, stat_verdicts, stat_change,
    stat_amount, stat_index;
/* Whether a number can be of that range: NaN can, and what the roundings of a sum leave beyond it.
 */
bool stat_is_of(stat_range r, double x);

/* Numbers of n examples at some points: x[rows[i] * stride + k]; NaN: this example has none. */
typedef struct stat_table {
  const double *x;
  int64_t n, stride;
  int points;
  const int *rows; /* (n) which rows of x they are; NULL: the first n */
} stat_table;
double stat_table_at(const stat_table *t, int64_t i, int k);

/* The mean of each point with its interval (NaN: fewer than three numbers, or too few that are not
 * the same as all others).  [errors], if not NULL:
 * s / sqrt(n) of each; [drawn], if not NULL: (STAT_RESAMPLES, points) means of the draws. */
loci_status stat_means(const stat_draws *d, const stat_table *t, stat_range range,
                       loci_interval *out, double *errors, double *drawn, loci_err *err);
/* The same of one point, with draws of its own. */
loci_status stat_mean(const double *x, int64_t n, stat_range range, uint64_t seed,
                      loci_interval *out, loci_err *err);

/* mean of y - mean of x, of two groups without pairs; d is of n + m draws. */
loci_status stat_difference(const stat_draws *d, const double *x, int64_t n, const double *y,
                            int64_t m, loci_interval *out, loci_err *err);

/* Wilson's interval for a mean of shares: of the number of yes-or-no questions whose share would
 * vary as much, n* = n m (1 - m) / s^2 (at most n^2, where all examples are alike), with Student's
 * quantile, because s is estimated. */
loci_interval stat_share(const double *x, int64_t n);

/* Any statistic with a standard error of its own, by studentised draws; false: undefined. */
typedef bool stat_error_fn(const void *ctx, const int *times, int64_t n, double *value,
                           double *error);
loci_status stat_studentised(stat_error_fn *statistic, const void *ctx, int64_t n, stat_range range,
                             uint64_t seed, loci_interval *out, loci_err *err);

/* Two-sided p of Student's t with df degrees of freedom; of a difference of means (Welch 1947). */
double stat_t_test(double t, double df);
double stat_welch(const stat_running *a, const stat_running *b);

/* An interval that may be looked at after every example until one likes it: a confidence sequence
 * (Waudby-Smith and others 2021, asymptotic), tightest near a hundred examples. */
loci_interval stat_running_sequence(const stat_running *r);

#endif
