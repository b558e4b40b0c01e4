/* The eigenvalues of a symmetric matrix, and projections of vectors on the directions of the small
 * ones: what is free in a covariance of keys.  In double. */
#ifndef LOCI_TENSOR_SPECTRUM_H
#define LOCI_TENSOR_SPECTRUM_H

#include <stdint.h>

#include "base/status.h"

typedef struct spectrum spectrum;

/* a (n,n), symmetric, of which both triangles are read, is the spectrum's until spectrum_free,
 * which does not free it: it holds the reflections.  LOCI_EINVAL: it does not converge, as where a
 * number is NaN.  [w], or NULL, is asked as often as a large one makes it last. */
loci_status spectrum_new(double *a, int64_t n, int threads, const watch *w, spectrum **out,
                         loci_err *err);
/* What it takes beside a, about: rotations, twice as many as n^2 at most. */
int64_t spectrum_bytes(int64_t n);
void spectrum_free(spectrum *s);
/* (n), in no order */
const double *spectrum_values(const spectrum *s);
/* How many are below the bound. */
int64_t spectrum_below(const spectrum *s, double bound);
/* x (m,n) := x P, P = sum u u^T over the directions u whose eigenvalue is below the bound. */
void spectrum_project(const spectrum *s, double bound, double *x, int64_t m, int threads);

#endif
