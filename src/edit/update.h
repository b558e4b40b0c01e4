/* The update that brings values: its equation and its columns.  Private to src/edit. */
#ifndef LOCI_EDIT_UPDATE_H
#define LOCI_EDIT_UPDATE_H

#include "edit/requests.h"

/* Added to a covariance's diagonal unless something else is asked for, in means of it. */
#define COVARIANCE_RIDGE 1e-3

/* AlphaEdit's bound of eigenvalues (nullspace_threshold) and ridge (L2), as released. */
#define NULL_BELOW 2e-2
#define NULL_LAMBDA 10

/* C^-1, or a projection in its place, of one layer. */
typedef struct key_metric key_metric;
/* Of the method, settings and watch of [of]; [c] NULL: the identity, which is NULL.  LOCI_ENOMEM:
 * it takes more than --memory allows beside the weights. */
loci_status key_metric_new(const loci_covariance *c, const problem *of, key_metric **out,
                           loci_err *err);
/* About what one of keys of F numbers takes, while it is made and after. */
int64_t key_metric_bytes(edit_method method, int64_t F);
void key_metric_free(key_metric *k);
/* z (m,F) := z C^-1 */
void key_metric_apply(const key_metric *k, double *z, int64_t m, int threads);
/* Directions that a projection leaves; -1: it is none. */
int64_t key_metric_free_count(const key_metric *k);

typedef struct update_problem {
  const float *keys; /* (n + kept, F): the requests', then those kept, times the root of their
                        weight */
  int64_t n, kept, F;
  double lambda;
  const key_metric *metric; /* NULL: the identity */
  int threads;
} update_problem;
/* right (n,F), so that W' = W + left right with left (D,n) = V - W K. */
loci_status update_solve(const update_problem *u, float *right, loci_err *err);
/* Keys that earlier batches brought a value to, in one layer. */
typedef struct earlier_keys {
  float *at; /* (count, F), the heap's */
  int64_t count, room;
} earlier_keys;
/* The same for n requests with their keys, and with what is to be kept; right (n,F) zero before.
 * [earlier] NULL: nothing was before.  Else its keys are kept, too, with weight 1 if the method
 * projects, and these requests' join them. */
loci_status columns_solve(problem *all, int n, const key_metric *metric, earlier_keys *earlier,
                          float *right, loci_err *err);
/* The values of all requests, and the update of every layer that brings them: the edit's parts. */
loci_status spread(problems *p, const loci_model *m, arena *mem, loci_edit *e, loci_err *err);
/* Frobenius norm of left (D,n) right (n,F); NaN: out of memory. */
double update_norm(const float *left, const float *right, int64_t D, int64_t n, int64_t F);

#endif
