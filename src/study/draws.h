/* Draws of n examples with replacement, made once for all that is resampled, and their sums.
 * Private to src. */
#ifndef LOCI_STUDY_DRAWS_H
#define LOCI_STUDY_DRAWS_H

#include "study/lanes.h"
#include "study/stats.h"

/* How often each of n examples is in each of STAT_RESAMPLES draws of n: a quarter of a byte each.
 * Draws of the same seed and n are the same. */
typedef struct stat_draws stat_draws;
loci_status stat_draws_new(int64_t n, uint64_t seed, stat_draws **out, loci_err *err);
void stat_draws_free(stat_draws *d);
int64_t stat_draws_count(const stat_draws *d);

/* From now on [w] is asked between the points of stat_means; whether it stops them. */
void stat_draws_follow(stat_draws *d, watch w);
bool stat_draws_stopped(const stat_draws *d, double done, double total);

/* sums (STAT_RESAMPLES, TILE) of the rows of x (n, TILE) in each draw, each as often as it is
 * there. */
void stat_draws_sum(const stat_draws *d, const double *x, double (*sums)[TILE]);

#endif
