/* The closed form of an update (see edit.h; docs/MATH.md, "The update"):
 *
 *   W' = argmin ||W' K - V||^2 + lambda ||W' - W||^2
 *      = W + (V - W K) (lambda I + K^T K)^-1 K^T
 *
 * which for one key is Sherman and Morrison's W + (v - W k) k^T / (lambda + k^T k).  The matrix
 * that is inverted is n x n: as small as the number of requests, and positive definite, so Cholesky
 * does it.  In double, because keys of one subject are nearly parallel. */
#include <math.h>
#include <stdlib.h>

#include "edit/edit.h"

/* c (n,n) := x (n,F) x^T */
static void gram(const float *x, int64_t n, int64_t F, double *c) {
  for (int64_t i = 0; i < n; i++) {
    for (int64_t j = 0; j <= i; j++) {
      double sum = 0;
      for (int64_t f = 0; f < F; f++) sum += (double)x[i * F + f] * (double)x[j * F + f];
      c[i * n + j] = c[j * n + i] = sum;
    }
  }
}

/* a := its lower Cholesky factor; false if it is not positive definite in double. */
static bool factor(double *a, int64_t n) {
  for (int64_t j = 0; j < n; j++) {
    double whole = a[j * n + j], left = whole;
    for (int64_t k = 0; k < j; k++) left -= a[j * n + k] * a[j * n + k];
    if (!(left > 1e-13 * whole)) return false;
    a[j * n + j] = sqrt(left);
    for (int64_t i = j + 1; i < n; i++) {
      double x = a[i * n + j];
      for (int64_t k = 0; k < j; k++) x -= a[i * n + k] * a[j * n + k];
      a[i * n + j] = x / a[j * n + j];
    }
  }
  return true;
}

/* x (n) := (L L^T)^-1 x */
static void substitute(const double *L, int64_t n, double *x) {
  for (int64_t i = 0; i < n; i++) {
    for (int64_t k = 0; k < i; k++) x[i] -= L[i * n + k] * x[k];
    x[i] /= L[i * n + i];
  }
  for (int64_t i = n - 1; i >= 0; i--) {
    for (int64_t k = i + 1; k < n; k++) x[i] -= L[k * n + i] * x[k];
    x[i] /= L[i * n + i];
  }
}

loci_status update_solve(const float *keys, int64_t n, int64_t F, double lambda, float *right,
                         loci_err *err) {
  loci_status st = LOCI_OK;
  double *a = calloc((size_t)(n * n), sizeof *a), *x = calloc((size_t)n, sizeof *x);
  if (!a || !x) {
    st = fail_nomem(err, "solving for the update");
    goto done;
  }
  gram(keys, n, F, a);
  for (int64_t i = 0; i < n; i++) a[i * n + i] += lambda;
  if (!factor(a, n)) {
    st = fail(err, LOCI_EINVAL,
              "two of the %lld requests have the same key, so lambda %g leaves no single update; "
              "expected a larger one",
              (long long)n, lambda);
    goto done;
  }
  for (int64_t f = 0; f < F; f++) {
    for (int64_t i = 0; i < n; i++) x[i] = (double)keys[i * F + f];
    substitute(a, n, x);
    for (int64_t i = 0; i < n; i++) right[i * F + f] = (float)x[i];
  }
done:
  free(a);
  free(x);
  return st;
}

/* ||L R||^2 = sum_ij (L^T L)_ij (R R^T)_ij */
double update_norm(const float *left, const float *right, int64_t D, int64_t n, int64_t F) {
  double *c = calloc((size_t)(n * n), sizeof *c), sum = 0;
  if (!c) return (double)NAN;
  gram(right, n, F, c);
  for (int64_t i = 0; i < n; i++) {
    for (int64_t j = 0; j < n; j++) {
      double both = 0;
      for (int64_t d = 0; d < D; d++) both += (double)left[d * n + i] * (double)left[d * n + j];
      sum += both * c[i * n + j];
    }
  }
  free(c);
  return sqrt(fmax(sum, 0));
}
