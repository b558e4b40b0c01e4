/* The closed form of an update (see edit.h; docs/MATH.md, "The update"):
 *
 *   W' = argmin ||W' K - V||^2 + w ||W' K0 - W K0||^2 + lambda ||(W' - W) C^1/2||^2
 *      = W + (V - W K) J (lambda I + K+^T C^-1 K+)^-1 K+^T C^-1,   K+ = [K, sqrt(w) K0], J = [I, 0]
 *
 * MultEdit has C = I, and for one key this is Sherman and Morrison's W + (v - W k) k^T / (lambda +
 * k^T k).  ROME is lambda = 0 with a covariance C of keys, MEMIT is lambda its weight; AlphaEdit
 * has a projection P in place of C^-1, which is a C that is infinite in all other directions.  What
 * is inverted beside C is as small as the number of keys, and positive definite, so Cholesky does
 * it. In double, because keys of one subject are nearly parallel. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "edit/update.h"
#include "tensor/cholesky.h"

/* c (n,n) := x (n,F) z (n,F)^T, symmetric */
static void gram(const float *x, const double *z, int64_t n, int64_t F, int threads, double *c) {
#pragma omp parallel for num_threads(threads) schedule(dynamic) if (n > 16)
  for (int64_t i = 0; i < n; i++) {
    for (int64_t j = 0; j <= i; j++) {
      double sum = 0;
      for (int64_t f = 0; f < F; f++) sum += (double)x[i * F + f] * z[j * F + f];
      c[i * n + j] = sum;
    }
  }
}

static loci_status not_definite(const update_problem *u, loci_err *err) {
  return fail(
      err, LOCI_EINVAL,
      "two of %lld keys (of requests%s) are the same, so lambda %g leaves no single update; "
      "expected a larger one",
      (long long)(u->n + u->kept), u->kept ? " and of what is kept" : "", u->lambda);
}

loci_status update_solve(const update_problem *u, float *right, loci_err *err) {
  int64_t m = u->n + u->kept, F = u->F;
  double *a = malloc((size_t)(m * m) * sizeof *a), *z = calloc((size_t)(m * F), sizeof *z);
  double *x = calloc((size_t)m, sizeof *x);
  loci_status st = LOCI_OK;
  if (!a || !z || !x) {
    st = fail_nomem(err, "solving for the update");
    goto done;
  }
  for (int64_t i = 0; i < m * F; i++) z[i] = (double)u->keys[i];
  key_metric_apply(u->metric, z, m, u->threads);
  gram(u->keys, z, m, F, u->threads, a);
  for (int64_t i = 0; i < m; i++) a[i * m + i] += u->lambda;
  if (cholesky_factor(a, m, u->threads, NULL)) { /* as many as there are keys */
    st = not_definite(u, err);
    goto done;
  }
  for (int64_t f = 0; f < F; f++) {
    for (int64_t i = 0; i < m; i++) x[i] = z[i * F + f];
    cholesky_solve(a, m, x);
    for (int64_t i = 0; i < u->n; i++) right[i * F + f] = (float)x[i];
  }
done:
  free(a);
  free(z);
  free(x);
  return st;
}

/* Row by row where there are as many columns as rows, as after fine-tuning; left may be the
 * identity. */
static double norm_by_rows(const float *left, const float *right, int64_t D, int64_t n, int64_t F) {
  double sum = 0, *row = malloc((size_t)F * sizeof *row);
  if (!row) return (double)NAN;
  for (int64_t d = 0; d < D; d++) {
    for (int64_t f = 0; f < F; f++) row[f] = 0;
    for (int64_t k = 0; k < n; k++) {
      double x = (double)left[d * n + k];
      for (int64_t f = 0; x != 0 && f < F; f++) row[f] += x * (double)right[k * F + f];
    }
    for (int64_t f = 0; f < F; f++) sum += row[f] * row[f];
  }
  free(row);
  return sqrt(sum);
}

/* ||L R||^2 = sum_ij (L^T L)_ij (R R^T)_ij */
double update_norm(const float *left, const float *right, int64_t D, int64_t n, int64_t F) {
  double sum = 0;
  if (n >= D) return norm_by_rows(left, right, D, n, F);
  for (int64_t i = 0; i < n; i++) {
    for (int64_t j = 0; j <= i; j++) {
      double rows = 0, columns = 0;
      for (int64_t f = 0; f < F; f++) rows += (double)right[i * F + f] * (double)right[j * F + f];
      for (int64_t d = 0; d < D; d++) columns += (double)left[d * n + i] * (double)left[d * n + j];
      sum += (i == j ? 1 : 2) * rows * columns;
    }
  }
  return sqrt(fmax(sum, 0));
}
