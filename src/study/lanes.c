/* Sums of chosen rows (see lanes.h), by the method of the four Russians (Arlazarov and others
 * 1970): what six rows add has 64 values.  They are made once, and a word picks one of them for
 * every six of its bits. */
#include "study/lanes.h"

enum { SIX = 6, PICKS = 1 << SIX, GROUPS = (WORD + SIX - 1) / SIX };

/* picks (GROUPS, PICKS): each choice of six rows from the one that lacks its last. */
WIDEST static void make_picks(const lanes *x, lanes *picks) {
  for (int first = 0; first < WORD; first += SIX, picks += PICKS) {
    picks[0] = (lanes){0};
    for (int i = 0; i < SIX && first + i < WORD; i++)
      for (int s = 0; s < 1 << i; s++) picks[(1 << i) + s] = picks[s] + x[first + i];
  }
}

WIDEST static void add_picks(const lanes *picks, const uint64_t *words, int count, lanes *sums) {
  for (int b = 0; b < count; b++) {
    lanes sum = sums[b];
    uint64_t word = words[b];
    for (int i = 0; i < GROUPS; i++, word >>= SIX) sum += picks[i * PICKS + (int)(word % PICKS)];
    sums[b] = sum;
  }
}

void lanes_add_chosen(const lanes *x, const uint64_t *words, int count, lanes *sums) {
  lanes picks[GROUPS * PICKS];
  make_picks(x, picks);
  add_picks(picks, words, count, sums);
}
