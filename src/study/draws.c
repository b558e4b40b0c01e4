/* Draws with replacement, and their sums (see draws.h).
 *
 * How often a draw has an example is two bits of a word, so the sums of a draw are those of rows
 * chosen by bits: each example's, and twice each example's (lanes.h).  What is drawn a fourth time
 * and more, one in forty, stands in a list beside them. */
#include "study/draws.h"

#include <omp.h>
#include <stdlib.h>
#include <string.h>

#include "base/threads.h"

enum { SHARE = WORD / 2, OFTEN = 3 }; /* examples of a word; what two bits hold */

struct stat_draws {
  int64_t n, words;
  watch w;
  uint64_t *times; /* (words, STAT_RESAMPLES) 32 examples' times, at most three */
  int64_t *first;  /* (words + 1) where a word's part of [more] begins */
  uint16_t *more;  /* draw * SHARE + example of the word: once more; by word, then draw */
};

/* What is drawn more than three times, as it is met. */
typedef struct late_list {
  int64_t n, room;
  struct late {
    int32_t example, draw;
  } * at;
} late_list;

static bool late_add(late_list *l, int64_t example, int draw) {
  if (l->n == l->room) {
    int64_t room = l->room ? 2 * l->room : 64;
    struct late *more = realloc(l->at, (size_t)room * sizeof *more);
    if (!more) return false;
    l->at = more;
    l->room = room;
  }
  l->at[l->n++] = (struct late){(int32_t)example, draw};
  return true;
}

/* The draws one after the other, each in a row of its own first. */
static bool draw_all(stat_draws *d, uint64_t seed, uint64_t *row, late_list *late) {
  random_source r = random_new(seed);
  for (int b = 0; b < STAT_RESAMPLES; b++) {
    memset(row, 0, (size_t)d->words * sizeof *row);
    for (int64_t i = 0; i < d->n; i++) {
      uint64_t k = (uint64_t)random_below(&r, d->n), at = 2 * (k % SHARE);
      if ((row[k / SHARE] >> at) % 4 < OFTEN) {
        row[k / SHARE] += (uint64_t)1 << at;
      } else if (!late_add(late, (int64_t)k, b)) {
        return false;
      }
    }
    for (int64_t w = 0; w < d->words; w++) d->times[w * STAT_RESAMPLES + b] = row[w];
  }
  return true;
}

/* By word: counted, then dealt. */
static bool sort_late(stat_draws *d, const late_list *late) {
  d->first = calloc((size_t)d->words + 2, sizeof *d->first);
  d->more = calloc((size_t)late->n + 1, sizeof *d->more);
  if (!d->first || !d->more) return false;
  for (int64_t i = 0; i < late->n; i++) d->first[late->at[i].example / SHARE + 2]++;
  for (int64_t w = 0; w < d->words; w++) d->first[w + 2] += d->first[w + 1];
  for (int64_t i = 0; i < late->n; i++) {
    const struct late *x = &late->at[i];
    d->more[d->first[x->example / SHARE + 1]++] = (uint16_t)(x->draw * SHARE + x->example % SHARE);
  }
  return true;
}

loci_status stat_draws_new(int64_t n, uint64_t seed, stat_draws **out, loci_err *err) {
  _Static_assert(STAT_RESAMPLES * SHARE <= UINT16_MAX, "a draw and an example in 16 bits");
  *out = NULL;
  stat_draws *d = n <= INT32_MAX ? calloc(1, sizeof *d) : NULL;
  if (!d) return fail_nomem(err, "resampling");
  late_list late = {0};
  d->n = n;
  d->words = n / SHARE + 1;
  d->times = calloc((size_t)d->words * STAT_RESAMPLES, sizeof *d->times);
  uint64_t *row = calloc((size_t)d->words, sizeof *row);
  bool done = d->times && row && draw_all(d, seed, row, &late) && sort_late(d, &late);
  free(row);
  free(late.at);
  if (done) {
    *out = d;
    return LOCI_OK;
  }
  stat_draws_free(d);
  return fail_nomem(err, "resampling");
}

void stat_draws_free(stat_draws *d) {
  if (!d) return;
  free(d->times);
  free(d->first);
  free(d->more);
  free(d);
}

int64_t stat_draws_count(const stat_draws *d) { return d->n; }

void stat_draws_follow(stat_draws *d, watch w) { d->w = w; }

bool stat_draws_stopped(const stat_draws *d, double done, double total) {
  return watch_stops(&d->w, "resampling", done, total);
}

/* sums += what word w's examples, x (SHARE), add to draws first .. first + count - 1: by each two
 * bits once and twice, and once more for what is drawn more often. */
WIDEST static void add_word(const stat_draws *d, int64_t w, const lanes *x, int first, int count,
                            lanes *sums) {
  lanes bits[WORD];
  for (int i = 0; i < SHARE; i++) {
    bits[2 * i] = x[i];
    bits[2 * i + 1] = x[i] + x[i];
  }
  lanes_add_chosen(bits, d->times + w * STAT_RESAMPLES + first, count, sums);
  const uint16_t *more = d->more + d->first[w], *end = d->more + d->first[w + 1];
  while (more < end && *more / SHARE < first) more++;
  for (; more < end && *more / SHARE < first + count; more++)
    sums[*more / SHARE - first] += x[*more % SHARE];
}

/* Every draw has its own sums and goes through the rows in order: the same sums whatever the number
 * of threads. */
void stat_draws_sum(const stat_draws *d, const double *x, double (*sums)[TILE]) {
  int threads = threads_are_gone() ? 1 : omp_get_max_threads();
  if (threads > 1) threads_used();
#pragma omp parallel for num_threads(threads) schedule(static)
  for (int part = 0; part < threads; part++) {
    int first = STAT_RESAMPLES * part / threads, end = STAT_RESAMPLES * (part + 1) / threads;
    lanes own[STAT_RESAMPLES] = {0}; /* where lanes may be, which the heap does not know of */
    for (int64_t w = 0; w < d->words; w++) {
      lanes rows[SHARE] = {0};
      int64_t n = d->n - w * SHARE < SHARE ? d->n - w * SHARE : SHARE;
      memcpy(rows, x + w * SHARE * TILE, (size_t)n * sizeof *rows);
      add_word(d, w, rows, first, end - first, own);
    }
    memcpy(sums + first, own, (size_t)(end - first) * sizeof *sums);
  }
}
