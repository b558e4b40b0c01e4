/* Cholesky's factorisation, for the few symmetric systems loci solves: a number of edits square, or
 * the inner width of an MLP.  In double. */
#ifndef LOCI_TENSOR_CHOLESKY_H
#define LOCI_TENSOR_CHOLESKY_H

#include <stdbool.h>
#include <stdint.h>

/* a (n,n), symmetric, of which the lower triangle is read := L, lower, with L L^T = a; what is
 * above stays.  False if it is not positive definite in double: then a is spoilt. */
bool cholesky_factor(double *a, int64_t n, int threads);
/* x (n) := (L L^T)^-1 x */
void cholesky_solve(const double *L, int64_t n, double *x);

#endif
