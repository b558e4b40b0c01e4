/* Sign flips and corrections (see permutation.h). */
#include "study/permutation.h"

#include <math.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>

#include "base/threads.h"
#include "study/lanes.h"

/* ---------------------------------------------------------------- sign flips */

/* Draws are made once for all points, a block of them at a time, 64 examples' signs in a word. What
 * four examples add to a sum has sixteen values: they are made once for all draws of a block, for
 * eight points side by side, and a draw picks one of them for every four bits of its word. */
enum { WORD = 64, PICKS = 16, FOUR = 4, LEAST_BLOCK = 64, MOST_BLOCK = 512 };
static const double ASKED_AFTER = 3e7; /* sums of eight points: some tenths of a second */

typedef struct flips {
  const stat_table *t;
  int tiles;
  int64_t words;      /* of signs, for each draw */
  double *x;          /* (tiles, words WORD, TILE) numbers; 0: there is none */
  double *sum, *room; /* (tiles TILE) of the examples; what counts as far */
  int64_t *far;       /* (tiles TILE) how often */
  uint64_t *bits;     /* (words, MOST_BLOCK) set: the example's number is taken off */
} flips;

static void lay_out(const flips *f) {
  const stat_table *t = f->t;
  for (int64_t i = 0; i < t->n; i++) {
    const double *x = t->x + (t->rows ? t->rows[i] : i) * t->stride;
    for (int k = 0; k < t->points; k++)
      f->x[(k / TILE * f->words * WORD + i) * TILE + k % TILE] = isnan(x[k]) ? 0 : x[k];
  }
}

/* Sums that are the same but for rounding are as far. */
static void find_room(const flips *f) {
  int64_t n = f->words * WORD;
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

/* The next draws; [all]: every choice of signs in turn, from [first] on. */
static void draw_signs(const flips *f, random_source *r, bool all, int64_t first, int count) {
  for (int b = 0; b < count; b++)
    for (int64_t w = 0; w < f->words; w++)
      f->bits[w * MOST_BLOCK + b] = all ? (uint64_t)(first + b) : random_bits(r);
}

/* picks (WORD / FOUR, PICKS, TILE) of 64 examples: what four of them add, by their signs. */
WIDEST static void make_picks(const double *x, double *picks) {
  for (int i = 0; i < WORD; i += FOUR, x += FOUR * TILE) {
    lanes v[FOUR], low[FOUR], high[FOUR];
    memcpy(v, x, sizeof v);
    for (int s = 0; s < FOUR; s++) {
      low[s] = (s & 1 ? -v[0] : v[0]) + (s & 2 ? -v[1] : v[1]);
      high[s] = (s & 1 ? -v[2] : v[2]) + (s & 2 ? -v[3] : v[3]);
    }
    for (int s = 0; s < PICKS; s++, picks += TILE) {
      lanes both = low[s % FOUR] + high[s / FOUR];
      memcpy(picks, &both, sizeof both);
    }
  }
}

/* sums (count, TILE) += of each draw what its 64 examples add. */
WIDEST static void add_picks(const double *picks, const uint64_t *bits, int count,
                             double (*sums)[TILE]) {
  for (int b = 0; b < count; b++) {
    lanes s;
    uint64_t word = bits[b];
    memcpy(&s, sums[b], sizeof s);
    for (int i = 0; i < WORD / FOUR; i++, word >>= FOUR) {
      lanes x;
      memcpy(&x, picks + (i * PICKS + (int)(word % PICKS)) * TILE, sizeof x);
      s += x;
    }
    memcpy(sums[b], &s, sizeof s);
  }
}

static void count_tile(const flips *f, int tile, int count, double *picks, double (*sums)[TILE]) {
  memset(sums, 0, (size_t)count * sizeof *sums);
  for (int64_t w = 0; w < f->words; w++) {
    make_picks(f->x + (tile * f->words + w) * WORD * TILE, picks);
    add_picks(picks, f->bits + w * MOST_BLOCK, count, sums);
  }
  for (int b = 0; b < count; b++)
    for (int k = 0; k < TILE; k++)
      f->far[tile * TILE + k] += fabs(sums[b][k]) >= f->room[tile * TILE + k];
}

static void count_block(const flips *f, int count) {
  int threads = threads_are_gone() ? 1 : omp_get_max_threads();
  if (threads > 1) threads_used();
#pragma omp parallel for num_threads(threads) schedule(static)
  for (int tile = 0; tile < f->tiles; tile++) {
    double picks[WORD / FOUR * PICKS * TILE], sums[MOST_BLOCK][TILE];
    count_tile(f, tile, count, picks, sums);
  }
}

static bool flips_room(flips *f) {
  size_t n = (size_t)(f->words * WORD), points = (size_t)f->tiles * TILE + 1;
  f->x = calloc(n * points, sizeof *f->x);
  f->sum = calloc(points, sizeof *f->sum);
  f->room = calloc(points, sizeof *f->room);
  f->far = calloc(points, sizeof *f->far);
  f->bits = calloc((size_t)f->words * MOST_BLOCK, sizeof *f->bits);
  return f->x && f->sum && f->room && f->far && f->bits;
}

/* As many draws as are made in the time after which somebody is asked. */
static int block_of(const flips *f) {
  int64_t draw = (int64_t)f->tiles * f->words * (WORD / FOUR);
  double some = ASKED_AFTER / (double)(draw > 1 ? draw : 1);
  return some < LEAST_BLOCK ? LEAST_BLOCK : some > MOST_BLOCK ? MOST_BLOCK : (int)some;
}

/* In blocks that stay in the cache; few examples have so few sign patterns that all of them are
 * counted. */
static loci_status flip_all(flips *f, uint64_t seed, const watch *w, double *p, loci_err *err) {
  bool all = f->t->n < 14; /* 2^13 is the last power of two below STAT_FLIPS */
  int64_t draws = all ? (int64_t)1 << f->t->n : STAT_FLIPS;
  int block = block_of(f);
  random_source r = random_new(seed);
  lay_out(f);
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
  free(f.x);
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
