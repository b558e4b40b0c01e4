/* Sign flips and corrections (see permutation.h). */
#include "study/permutation.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---------------------------------------------------------------- sign flips */

typedef struct flips {
  const stat_table *t;
  double *sum, *at, *room; /* (points) of the examples; of the flipped; what counts as far */
  int64_t *far;            /* (points) how often */
} flips;

/* sum := sum over examples of sign x, NaN left out; [signs]: a bit for each example. */
static void add_up(const stat_table *t, const uint64_t *signs, double *sum) {
  memset(sum, 0, (size_t)t->points * sizeof *sum);
  for (int64_t i = 0; i < t->n; i++) {
    const double *x = t->x + (t->rows ? t->rows[i] : i) * t->stride;
    double sign = signs[i / 64] >> (i % 64) & 1 ? -1 : 1;
    for (int k = 0; k < t->points; k++) sum[k] += isnan(x[k]) ? 0 : sign * x[k];
  }
}

/* Sums that are the same but for rounding are as far. */
static void begin(flips *f, uint64_t *signs) {
  const stat_table *t = f->t;
  add_up(t, signs, f->sum);
  for (int k = 0; k < t->points; k++) {
    double size = 0;
    for (int64_t i = 0; i < t->n; i++) {
      double x = stat_table_at(t, i, k);
      if (!isnan(x)) size += fabs(x);
    }
    f->room[k] = size > 0 ? fabs(f->sum[k]) - 1e-13 * size : (double)NAN;
  }
}

static void count(flips *f, const uint64_t *signs) {
  add_up(f->t, signs, f->at);
  for (int k = 0; k < f->t->points; k++) f->far[k] += fabs(f->at[k]) >= f->room[k];
}

loci_status stat_sign_flips(const stat_table *t, uint64_t seed, double *p, loci_err *err) {
  size_t points = (size_t)(t->points > 0 ? t->points : 1), words = (size_t)t->n / 64 + 1;
  bool all = t->n < 14; /* 2^13 is the last power of two below STAT_FLIPS */
  int64_t draws = all ? (int64_t)1 << t->n : STAT_FLIPS;
  uint64_t *signs = calloc(words, sizeof *signs);
  flips f = {t, calloc(points, sizeof(double)), calloc(points, sizeof(double)),
             calloc(points, sizeof(double)), calloc(points, sizeof(int64_t))};
  loci_status st = LOCI_OK;
  if (!signs || !f.sum || !f.at || !f.room || !f.far) {
    st = fail_nomem(err, "testing means");
    goto done;
  }
  begin(&f, signs);
  random_source r = random_new(seed);
  for (int64_t b = 0; b < draws; b++) {
    for (size_t w = 0; w < words; w++) signs[w] = all ? (uint64_t)b : random_bits(&r);
    count(&f, signs);
  }
  for (int k = 0; k < t->points; k++) {
    double own = all ? 0 : 1; /* of all signs the given ones are one */
    p[k] = isnan(f.room[k]) ? (double)NAN : ((double)f.far[k] + own) / ((double)draws + own);
  }
done:
  free(signs);
  free(f.sum);
  free(f.at);
  free(f.room);
  free(f.far);
  return st;
}

/* ---------------------------------------------------------------- many tests */

typedef struct tested {
  double p;
  int64_t i;
} tested;

static int ascending(const void *a, const void *b) {
  const tested *x = a, *y = b;
  return x->p != y->p ? (x->p < y->p ? -1 : 1) : (x->i > y->i) - (x->i < y->i);
}

/* Of m in ascending order, Holm: max over j <= i of (m - j) p_j, j from 0; Benjamini and Hochberg:
 * min over j >= i of m p_j / (j + 1). */
loci_status stat_correct(const double *p, int64_t n, double *holm, double *bh, loci_err *err) {
  int64_t m = 0;
  tested *t = malloc((size_t)(n > 0 ? n : 1) * sizeof *t);
  if (!t) return fail_nomem(err, "correcting tests");
  for (int64_t i = 0; i < n; i++) {
    if (holm) holm[i] = (double)NAN;
    if (bh) bh[i] = (double)NAN;
    if (!isnan(p[i])) t[m++] = (tested){p[i], i};
  }
  qsort(t, (size_t)m, sizeof *t, ascending);
  double high = 0, low = 1;
  for (int64_t j = 0; holm && j < m; j++)
    holm[t[j].i] = high = fmax(high, fmin(1, (double)(m - j) * t[j].p));
  for (int64_t j = m; bh && j-- > 0;)
    bh[t[j].i] = low = fmin(low, (double)m * t[j].p / (double)(j + 1));
  free(t);
  return LOCI_OK;
}
