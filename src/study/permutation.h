/* Tests without a distribution: whether a mean is other than zero, by flipping signs, and what is
 * left of many such tests (docs/MATH.md, "Statistics"). */
#ifndef LOCI_STUDY_PERMUTATION_H
#define LOCI_STUDY_PERMUTATION_H

#include "study/intervals.h"

enum { STAT_FLIPS = 10000 };

/* p of each point's mean, two-sided: how often the sum of the examples' numbers, each with a sign
 * at random, is as far from zero as it is.  All 2^n signs where they are no more than STAT_FLIPS,
 * else so many drawn by [seed], the sum itself counted as one.  NaN: no example has a number other
 * than zero there.  [w], or NULL, is asked between some of them. */
loci_status stat_sign_flips(const stat_table *t, uint64_t seed, const watch *w, double *p,
                            loci_err *err);

/* n values of p, those that are NaN passed over, corrected for being so many: by Holm (1979), the
 * chance of even one false finding; by Benjamini and Hochberg (1995), the share of false ones among
 * the findings.  Either may be NULL. */
loci_status stat_correct(const double *p, int64_t n, double *holm, double *bh, loci_err *err);

#endif
