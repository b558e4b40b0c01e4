/* A logistic probe: is the answer right, told from a vector (a residual, say) by logistic
 * regression with an L2 penalty (docs/MATH.md, "Statistics"). */
#ifndef LOCI_STUDY_PROBE_H
#define LOCI_STUDY_PROBE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"

typedef struct probe_data {
  int64_t n, width;
  const float *x; /* (n, width) */
  const bool *y;  /* (n) */
} probe_data;

/* Minimises penalty/2 |w|^2 + sum over examples of log(1 + e^-s(w x + b)), s = 1 if y, else -1.
 * weights: (width + 1), b last.  Both classes must be there.
 * [w], or NULL, is asked as often as many features make it last. */
loci_status probe_fit(const probe_data *data, double penalty, const watch *w, double *weights,
                      loci_err *err);

/* A score for every example (w x + b) by a probe that was fitted without the example's fold:
 * features are centred and scaled by the other folds' means and standard deviations (constant ones
 * are left out), the penalty is the number of features.  [fold] (n) in 0 .. folds - 1; each fold's
 * complement must have both classes. */
loci_status probe_cross_validate(const probe_data *data, const int *fold, int folds, const watch *w,
                                 double *score, loci_err *err);

#endif
