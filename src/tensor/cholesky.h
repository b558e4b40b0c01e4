/* Cholesky's factorisation, for the few symmetric systems loci solves: a number of edits square, or
 * the inner width of an MLP.  In double. */
#ifndef LOCI_TENSOR_CHOLESKY_H
#define LOCI_TENSOR_CHOLESKY_H

#include <stdint.h>

#include "base/status.h"

/* a (n,n), symmetric, of which the lower triangle is read := L, lower, with L L^T = a; what is
 * above stays.  LOCI_EINVAL if it is not positive definite in double, LOCI_ECANCELLED if [w] (or
 * NULL) stops it: then a is spoilt.  Neither says why. */
loci_status cholesky_factor(double *a, int64_t n, int threads, const watch *w);
/* x (n) := (L L^T)^-1 x */
void cholesky_solve(const double *L, int64_t n, double *x);

#endif
