/* The update that brings values: its equation and its columns.  Private to src/edit. */
#ifndef LOCI_EDIT_UPDATE_H
#define LOCI_EDIT_UPDATE_H

#include "edit/edit.h"

/* Added to a covariance's diagonal unless something else is asked for, in means of it. */
#define COVARIANCE_RIDGE 1e-3

typedef struct update_problem {
  const float *keys; /* (n + kept, F): the requests', then those kept, times the root of their
                        weight */
  int64_t n, kept, F;
  double lambda;
  const loci_covariance *covariance; /* NULL: the identity */
  double ridge;                      /* added to its diagonal, in means of it */
  int threads;
} update_problem;
/* right (n,F), so that W' = W + left right with left (D,n) = V - W K. */
loci_status update_solve(const update_problem *u, float *right, loci_err *err);
/* The same for n requests with their keys, and with what is to be kept; right (n,F) zero before. */
loci_status columns_solve(problem *all, int n, float *right, loci_err *err);
/* Frobenius norm of left (D,n) right (n,F); NaN: out of memory. */
double update_norm(const float *left, const float *right, int64_t D, int64_t n, int64_t F);

#endif
