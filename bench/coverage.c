/* How often 95 % intervals hold the truth, and how often there is one: the table of docs/MATH.md,
 * "Statistics". coverage [SAMPLES [KIND]]     2,000 samples a line by default, seeded; prints a
 * Markdown table, of the kinds whose names begin so
 *
 * Means of n numbers of six kinds whose mean is known, by the percentile bootstrap and by the
 * studentised one (stat_mean); and shares by the percentile bootstrap and by Wilson (stat_share).
 * Lines run beside each other on all processors. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "study/intervals.h"

typedef double draw_fn(random_source *r);

static double normal(random_source *r) { return random_gaussian(r); }
static double exponential(random_source *r) { return -log(1 - random_unit(r)); }
static double lognormal(random_source *r) { return exp(random_gaussian(r)); }

/* As effects are: nothing in four of five examples, anything up to 1 in the fifth. */
static double rare(random_source *r) {
  double x = random_unit(r), y = random_unit(r);
  return x < 0.8 ? 0.02 * y : y;
}

/* As votes are for a model that is nearly always wrong: nothing in nineteen of twenty examples. */
static double sparse(random_source *r) {
  double x = random_unit(r);
  return x < 0.95 ? 0 : (double)(1 + random_below(r, 3)) / 3;
}

/* As changes are where a cut is of no consequence for nine of ten examples. */
static double sparse_change(random_source *r) {
  double x = random_unit(r), y = random_unit(r);
  return x < 0.9 ? 0 : 1.5 * y - 0.5;
}

/* As probabilities are that a question gives to an answer in one of ten examples only. */
static double sparse_p(random_source *r) {
  double x = random_unit(r), y = random_unit(r);
  return x < 0.9 ? 0 : y;
}

static double share_of(random_source *r, double p) { return random_unit(r) < p; }
static double half(random_source *r) { return share_of(r, 0.5); }
static double most(random_source *r) { return share_of(r, 0.8); }
static double nearly_all(random_source *r) { return share_of(r, 0.95); }

/* The mean of three questions that stand or fall together in half of the examples. */
static double of_three(random_source *r) {
  double first = share_of(r, 0.8);
  if (random_unit(r) < 0.5) return first;
  return (first + share_of(r, 0.8) + share_of(r, 0.8)) / 3;
}

typedef struct kind {
  const char *name;
  draw_fn *draw;
  double mean;
  const stat_range *range;
} kind;

static double mean_of(const void *ctx, const int *times, int64_t n) {
  const double *x = ctx;
  double sum = 0;
  for (int64_t i = 0; i < n; i++) sum += times[i] * x[i];
  return sum / (double)n;
}

/* Out of [samples] of n numbers: the share of intervals that hold the mean, and the mean width, by
 * the percentile bootstrap and by the new way; held[2]: the share of samples in which that gives
 * one. */
static int measure(const kind *k, int n, int samples, double held[3], double width[2]) {
  double x[200];
  random_source r = random_stream(1, (uint64_t)n);
  double given[2] = {0};
  for (int i = 0; i < 2; i++) held[i] = width[i] = 0;
  for (int s = 0; s < samples; s++) {
    loci_interval by[2];
    for (int i = 0; i < n; i++) x[i] = k->draw(&r);
    if (stat_bootstrap(mean_of, x, n, (uint64_t)s, NULL, &by[0], NULL)) return 1;
    if (stat_mean(x, n, *k->range, (uint64_t)s, &by[1], NULL)) return 1;
    for (int i = 0; i < 2; i++) {
      if (isnan(by[i].lo)) continue;
      given[i]++;
      held[i] += by[i].lo <= k->mean && k->mean <= by[i].hi;
      width[i] += by[i].hi - by[i].lo;
    }
  }
  for (int i = 0; i < 2; i++) held[i] /= given[i], width[i] /= given[i];
  held[2] = given[1] / samples;
  return 0;
}

static bool is_asked(const kind *k, const char *only) {
  return strncmp(k->name, only, strlen(only)) == 0;
}

int main(int argc, char **argv) {
  const kind kinds[] = {{"normal", normal, 0, &stat_any},
                        {"exponential", exponential, 1, &stat_amount},
                        {"lognormal", lognormal, exp(0.5), &stat_amount},
                        {"rare effects", rare, 0.8 * 0.01 + 0.2 * 0.5, &stat_probability},
                        {"sparse", sparse, 0.05 * 2 / 3, &stat_probability},
                        {"sparse change", sparse_change, 0.1 * 0.25, &stat_change},
                        {"sparse p", sparse_p, 0.1 * 0.5, &stat_probability},
                        {"share .5", half, 0.5, &stat_shares},
                        {"share .8", most, 0.8, &stat_shares},
                        {"share .95", nearly_all, 0.95, &stat_shares},
                        {"share .8 of three", of_three, 0.8, &stat_shares}};
  static const int counts[] = {5, 10, 20, 40, 100};
  enum { KINDS = sizeof kinds / sizeof *kinds, COUNTS = 5 };
  int samples = argc > 1 ? atoi(argv[1]) : 2000, failed = 0;
  const char *only = argc > 2 ? argv[2] : "";
  double held[KINDS * COUNTS][3], width[KINDS * COUNTS][2];
  if (samples < 1) {
    fprintf(stderr, "usage: coverage [SAMPLES [KIND]]\n");
    return 2;
  }
#pragma omp parallel for schedule(dynamic) reduction(+ : failed)
  for (int i = 0; i < KINDS * COUNTS; i++)
    if (is_asked(&kinds[i / COUNTS], only))
      failed += measure(&kinds[i / COUNTS], counts[i % COUNTS], samples, held[i], width[i]);
  if (failed) return 1;
  puts("| numbers | n | percentile | now | width, now / percentile | given "
       "|\n|---|---|---|---|---|---|");
  for (int i = 0; i < KINDS * COUNTS; i++) {
    if (!is_asked(&kinds[i / COUNTS], only)) continue;
    printf("| %s | %d | %.1f %% | %.1f %% | %.2f | %.1f %% |\n", kinds[i / COUNTS].name,
           counts[i % COUNTS], 100 * held[i][0], 100 * held[i][1], width[i][1] / width[i][0],
           100 * held[i][2]);
  }
  return 0;
}
