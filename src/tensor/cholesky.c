/* Cholesky's factorisation (see cholesky.h), WIDE columns at a time: a row's products with the WIDE
 * rows of the block are summed side by side, so the sums do not wait for each other and no row is
 * fetched twice.  An entry's products are added in the order of k whatever the threads are. */
#include "tensor/cholesky.h"

#include <math.h>

enum { WIDE = 8, WORTH_THREADS = 256 };

/* a[i][j .. j+n) -= sum over k < j of a[i][k] a[j ..][k] */
static void subtract(double *a, int64_t size, int64_t i, int64_t j, int n) {
  double sum[WIDE] = {0};
  const double *row = a + i * size, *block = a + j * size;
  if (n == WIDE) {
    for (int64_t k = 0; k < j; k++) {
      for (int c = 0; c < WIDE; c++) sum[c] += row[k] * block[c * size + k];
    }
  } else {
    for (int64_t k = 0; k < j; k++) {
      for (int c = 0; c < n; c++) sum[c] += row[k] * block[c * size + k];
    }
  }
  for (int c = 0; c < n; c++) a[i * size + j + c] -= sum[c];
}

/* The rest of row i within the block that begins at column j: up to column [end], not included. */
static void finish_row(double *a, int64_t size, int64_t i, int64_t j, int64_t end) {
  double *row = a + i * size;
  for (int64_t c = j; c < end; c++) {
    const double *other = a + c * size;
    double x = row[c];
    for (int64_t k = j; k < c; k++) x -= row[k] * other[k];
    row[c] = x / other[c];
  }
}

loci_status cholesky_factor(double *a, int64_t n, int threads, const watch *w) {
  for (int64_t j = 0; j < n; j += WIDE) {
    if (watch_stops(w, "covariance", (double)j, (double)n)) return LOCI_ECANCELLED;
    int wide = n - j < WIDE ? (int)(n - j) : WIDE;
    double whole[WIDE] = {0};
    for (int c = 0; c < wide; c++) whole[c] = a[(j + c) * n + j + c];
#pragma omp parallel for num_threads(threads) schedule(static) if (n - j > WORTH_THREADS)
    for (int64_t i = j; i < n; i++) subtract(a, n, i, j, i - j < wide ? (int)(i - j) + 1 : wide);
    for (int64_t i = j; i < j + wide; i++) {
      finish_row(a, n, i, j, i);
      double left = a[i * n + i];
      for (int64_t k = j; k < i; k++) left -= a[i * n + k] * a[i * n + k];
      if (!(left > 1e-13 * whole[i - j])) return LOCI_EINVAL;
      a[i * n + i] = sqrt(left);
    }
#pragma omp parallel for num_threads(threads) schedule(static) if (n - j > WORTH_THREADS)
    for (int64_t i = j + wide; i < n; i++) finish_row(a, n, i, j, j + wide);
  }
  return LOCI_OK;
}

void cholesky_solve(const double *L, int64_t n, double *x) {
  for (int64_t i = 0; i < n; i++) {
    for (int64_t k = 0; k < i; k++) x[i] -= L[i * n + k] * x[k];
    x[i] /= L[i * n + i];
  }
  for (int64_t i = n - 1; i >= 0; i--) {
    x[i] /= L[i * n + i];
    for (int64_t k = 0; k < i; k++) x[k] -= L[i * n + k] * x[i];
  }
}
