/* Clean less corrupted values of sites: what senders send (path_patch.c), and how strong what is
 * restored is (sets.c).  Private to src/study. */
#ifndef LOCI_STUDY_DIFFERENCES_H
#define LOCI_STUDY_DIFFERENCES_H

#include "study/sweep.h"

typedef struct differences {
  int layers, span;             /* the first ones; positions from the first corrupted one on */
  int64_t row[LOCI_SITE_COUNT]; /* numbers of a position */
  float *at[LOCI_SITE_COUNT];   /* (seeds, layers, span, row) clean - corrupted; NULL: not asked */
  const float *clean[LOCI_SITE_COUNT]; /* (layers, span, row) of the clean run */
} differences;

/* [n] numbers of the sweep's memory, counted against --memory; what they are for is in the
 * sentence. */
loci_status differences_table(sweep *s, int64_t n, float **out, loci_err *err);
/* One walk of clean and corrupted runs without an end: what is not recorded is not run.  After
 * sweep_runs; memory is the sweep's. */
loci_status differences_record(sweep *s, int layers, const bool asked[LOCI_SITE_COUNT],
                               differences *out, loci_err *err);
/* The row of a seed, layer and position. */
static inline const float *differences_row(const differences *d, loci_site site, int seed,
                                           int layer, int position) {
  return d->at[site] + (((int64_t)seed * d->layers + layer) * d->span + position) * d->row[site];
}

#endif
