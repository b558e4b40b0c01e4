/* The norm that some layers have between what a branch gives, of attention or MLP, and what is
 * added to the residual stream, of single rows:
 *
 *   out = g u / sqrt(mean(u^2) + eps),  u = W x + b
 *
 * Walks have it among their steps; here it is for what changes u from outside: an edit of the MLP's
 * matrix, a head that sends something else. */
#ifndef LOCI_MODEL_BRANCH_NORM_H
#define LOCI_MODEL_BRANCH_NORM_H

#include "model/model.h"

typedef struct branch_norm {
  const float *gain; /* (D) g; NULL: there is none, and out = u */
  double eps;
  int64_t D;
} branch_norm;

/* Gains are kept in [mem]. */
loci_status branch_norm_of(const loci_model *m, const norm_weights *weights, arena *mem,
                           branch_norm *out, loci_err *err);
/* u of n rows x, which have room for a product's rows: (n, D) in [mem]. */
loci_status branch_raw(const loci_model *m, const linear_weights *w, const float *x, int64_t n,
                       arena *mem, float **out, loci_err *err);
/* out := what the norm gives of raw + change, less what it gives of raw, all (D) */
void branch_norm_change(const branch_norm *p, const float *raw, const float *change, float *out);
/* grad, d loss / d (what the norm gives of raw + change), becomes d loss / d change. */
void branch_norm_slope(const branch_norm *p, const float *raw, const float *change, float *grad);
/* x, wanted of the norm, becomes the change of raw that brings it while the norm's root mean square
 * stays: x rms(raw) / gain. */
void branch_norm_invert(const branch_norm *p, const float *raw, float *x);

#endif
