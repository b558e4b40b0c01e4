/* Sign flips and corrections (see permutation.h). */
#include "study/permutation.h"

#include <math.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>

#include "base/threads.h"
#include "study/lanes.h"

/* ---------------------------------------------------------------- sign flips */

/* Draws are made once for all points, a block of them at a time, 64 examples' signs in a word.  A
 * sum with some signs turned is the sum less twice what those examples add. */
enum { LEAST_BLOCK = 64, MOST_BLOCK = 512 };
static const double ASKED_AFTER = 2e6; /* words of eight points: some tenths of a second */

typedef struct flips {
  const stat_table *t;
  int tiles;
  int64_t words;      /* of signs, for each draw */
  double *sum, *room; /* (points) of the examples; what counts as far */
  int64_t *far;       /* (points) how often */
  uint64_t *bits;     /* (words, MOST_BLOCK) set: the example's number is taken off */
} flips;

static double number_at(const stat_table *t, int64_t i, int k) {
  double v = stat_table_at(t, i, k);
  return isnan(v) ? 0 : v;
}

/* Sums that are the same but for rounding are as far. */
static void find_room(const flips *f) {
  for (int64_t i = 0; i < f->t->n; i++) {
    for (int k = 0; k < f->t->points; k++) {
      double v = number_at(f->t, i, k);
      f->sum[k] += v;
      f->room[k] += fabs(v);
    }
  }
  for (int k = 0; k < f->t->points; k++)
    f->room[k] = f->room[k] > 0 ? fabs(f->sum[k]) - 1e-13 * f->room[k] : (double)NAN;
}

/* The next draws; [all]: every choice of signs in turn.  Each draw's words follow those of the draw
 * before, whatever the order in which they are made. */
static void draw_signs(const flips *f, const random_source *r, bool all, int64_t first, int count) {
  for (int64_t w = 0; w < f->words; w++) {
    for (int b = 0; b < count; b++) {
      random_source at = random_after(r, (uint64_t)((first + b) * f->words + w));
      f->bits[w * MOST_BLOCK + b] = all ? (uint64_t)(first + b) : random_bits(&at);
    }
  }
}

/* The numbers of eight points and 64 examples; 0: there is none. */
static void take_rows(const stat_table *t, int64_t first, int k, lanes *x) {
  memset(x, 0, WORD * sizeof *x);
  for (int i = 0; i < WORD && first + i < t->n; i++)
    for (int p = 0; p < TILE && k + p < t->points; p++) x[i][p] = number_at(t, first + i, k + p);
}

static void count_tile(const flips *f, int k, int count) {
  lanes x[WORD], sums[MOST_BLOCK] = {0};
  for (int64_t w = 0; w < f->words; w++) {
    take_rows(f->t, w * WORD, k, x);
    lanes_add_chosen(x, f->bits + w * MOST_BLOCK, count, sums);
  }
  for (int b = 0; b < count; b++)
    for (int p = 0; p < TILE && k + p < f->t->points; p++)
      f->far[k + p] += fabs(f->sum[k + p] - 2 * sums[b][p]) >= f->room[k + p];
}

static void count_block(const flips *f, int count) {
  int threads = threads_are_gone() ? 1 : omp_get_max_threads();
  if (threads > 1) threads_used();
#pragma omp parallel for num_threads(threads) schedule(static)
  for (int tile = 0; tile < f->tiles; tile++) count_tile(f, tile * TILE, count);
}

static bool flips_room(flips *f) {
  size_t points = (size_t)f->t->points + 1;
  f->sum = calloc(points, sizeof *f->sum);
  f->room = calloc(points, sizeof *f->room);
  f->far = calloc(points, sizeof *f->far);
  f->bits = calloc((size_t)f->words * MOST_BLOCK, sizeof *f->bits);
  return f->sum && f->room && f->far && f->bits;
}

/* As many draws as are made in the time after which somebody is asked. */
static int block_of(const flips *f) {
  int64_t draw = (int64_t)f->tiles * f->words;
  double some = ASKED_AFTER / (double)(draw > 1 ? draw : 1);
  return some < LEAST_BLOCK ? LEAST_BLOCK : some > MOST_BLOCK ? MOST_BLOCK : (int)some;
}

/* In blocks that stay in the cache; few examples have so few sign patterns that all of them are
 * counted. */
static loci_status flip_all(flips *f, uint64_t seed, const watch *w, double *p, loci_err *err) {
  bool all = f->t->n < 14; /* 2^13 is the last power of two below STAT_FLIPS */
  int64_t draws = all ? (int64_t)1 << f->t->n : STAT_FLIPS;
  int block = block_of(f);
  const random_source r = random_new(seed);
  find_room(f);
  for (int64_t b = 0; b < draws; b += block) {
    int count = draws - b < block ? (int)(draws - b) : block;
    if (watch_stops(w, "sign flips", (double)b, (double)draws))
      return fail(err, LOCI_ECANCELLED, "cancelled while flipping signs");
    draw_signs(f, &r, all, b, count);
    count_block(f, count);
  }
  for (int k = 0; k < f->t->points; k++) {
    double own = all ? 0 : 1; /* of all signs the given ones are one */
    p[k] = isnan(f->room[k]) ? (double)NAN : ((double)f->far[k] + own) / ((double)draws + own);
  }
  return LOCI_OK;
}

loci_status stat_sign_flips(const stat_table *t, uint64_t seed, const watch *w, double *p,
                            loci_err *err) {
  flips f = {.t = t, .tiles = (t->points + TILE - 1) / TILE, .words = t->n / WORD + 1};
  loci_status st =
      flips_room(&f) ? flip_all(&f, seed, w, p, err) : fail_nomem(err, "testing means");
  free(f.sum);
  free(f.room);
  free(f.far);
  free(f.bits);
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
