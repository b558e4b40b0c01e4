/* Sign flips and corrections (see permutation.h). */
#include "study/permutation.h"

#include <math.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>

#include "base/threads.h"
#include "study/lanes.h"

/* ---------------------------------------------------------------- sign flips */

/* Draws are made once for all points: a block of them at a time, as signs of four draws of an
 * example together; eight points are summed for four draws at once, in the order of the examples.
 */
enum { TOGETHER = 4, BLOCK = 64 };

typedef struct flips {
  const stat_table *t;
  int tiles;
  double *x;          /* (tiles, n, TILE) numbers; 0: there is none */
  double *sum, *room; /* (tiles TILE) of the examples; what counts as far */
  int64_t *far;       /* (tiles TILE) how often */
  int8_t *signs;      /* (BLOCK / TOGETHER, n, TOGETHER) 1 or -1 */
  uint64_t *bits;     /* of a draw: one for each example */
} flips;

static void lay_out(const flips *f) {
  const stat_table *t = f->t;
  for (int64_t i = 0; i < t->n; i++) {
    const double *x = t->x + (t->rows ? t->rows[i] : i) * t->stride;
    for (int k = 0; k < t->points; k++)
      f->x[(k / TILE * t->n + i) * TILE + k % TILE] = isnan(x[k]) ? 0 : x[k];
  }
}

/* Sums that are the same but for rounding are as far. */
static void find_room(const flips *f) {
  int64_t n = f->t->n;
  for (int k = 0; k < f->tiles * TILE; k++) {
    const double *x = f->x + k / TILE * n * TILE + k % TILE;
    double size = 0;
    for (int64_t i = 0; i < n; i++) {
      f->sum[k] += x[i * TILE];
      size += fabs(x[i * TILE]);
    }
    f->room[k] = size > 0 ? fabs(f->sum[k]) - 1e-13 * size : (double)NAN;
  }
}

/* Eight points of four draws. */
WIDEST static void sum_signs(const int8_t *signs, const double *x, int64_t n,
                             double (*sums)[TILE]) {
  lanes s[TOGETHER] = {0};
  for (int64_t i = 0; i < n; i++, signs += TOGETHER, x += TILE) {
    lanes row;
    memcpy(&row, x, sizeof row);
    for (int b = 0; b < TOGETHER; b++) s[b] += (double)signs[b] * row;
  }
  memcpy(sums, s, sizeof s);
}

/* The next draws; [all]: every choice of signs in turn, from [first] on. */
static void draw_signs(const flips *f, random_source *r, bool all, int64_t first, int count) {
  int64_t n = f->t->n, words = n / 64 + 1;
  for (int b = 0; b < count; b++) {
    int8_t *to = f->signs + (int64_t)(b / TOGETHER) * n * TOGETHER + b % TOGETHER;
    for (int64_t w = 0; w < words; w++) f->bits[w] = all ? (uint64_t)(first + b) : random_bits(r);
    for (int64_t i = 0; i < n; i++) to[i * TOGETHER] = f->bits[i / 64] >> (i % 64) & 1 ? -1 : 1;
  }
}

static void count_block(const flips *f, int count) {
  int64_t n = f->t->n;
  int threads = threads_are_gone() ? 1 : omp_get_max_threads();
  if (threads > 1) threads_used();
#pragma omp parallel for num_threads(threads) schedule(static)
  for (int tile = 0; tile < f->tiles; tile++) {
    double sums[TOGETHER][TILE];
    for (int b = 0; b < count; b++) {
      if (b % TOGETHER == 0)
        sum_signs(f->signs + (int64_t)b * n, f->x + (int64_t)tile * n * TILE, n, sums);
      for (int k = 0; k < TILE; k++)
        f->far[tile * TILE + k] += fabs(sums[b % TOGETHER][k]) >= f->room[tile * TILE + k];
    }
  }
}

static bool flips_room(flips *f) {
  size_t n = (size_t)f->t->n + 1, points = (size_t)f->tiles * TILE + 1;
  f->x = calloc(n * points, sizeof *f->x);
  f->sum = calloc(points, sizeof *f->sum);
  f->room = calloc(points, sizeof *f->room);
  f->far = calloc(points, sizeof *f->far);
  f->signs = calloc(n, BLOCK);
  f->bits = calloc(n / 64 + 1, sizeof *f->bits);
  return f->x && f->sum && f->room && f->far && f->signs && f->bits;
}

loci_status stat_sign_flips(const stat_table *t, uint64_t seed, double *p, loci_err *err) {
  bool all = t->n < 14; /* 2^13 is the last power of two below STAT_FLIPS */
  int64_t draws = all ? (int64_t)1 << t->n : STAT_FLIPS;
  flips f = {.t = t, .tiles = (t->points + TILE - 1) / TILE};
  random_source r = random_new(seed);
  bool ok = flips_room(&f);
  if (ok) lay_out(&f);
  if (ok) find_room(&f);
  for (int64_t b = 0; ok && b < draws; b += BLOCK) {
    int count = draws - b < BLOCK ? (int)(draws - b) : BLOCK;
    draw_signs(&f, &r, all, b, count);
    count_block(&f, count);
  }
  for (int k = 0; ok && k < t->points; k++) {
    double own = all ? 0 : 1; /* of all signs the given ones are one */
    p[k] = isnan(f.room[k]) ? (double)NAN : ((double)f.far[k] + own) / ((double)draws + own);
  }
  free(f.x);
  free(f.sum);
  free(f.room);
  free(f.far);
  free(f.signs);
  free(f.bits);
  return ok ? LOCI_OK : fail_nomem(err, "testing means");
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
