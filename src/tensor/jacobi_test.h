/* Jacobi's rotations (1846): eigenvalues and eigenvectors the slow way, for tests. */
#ifndef LOCI_TENSOR_JACOBI_TEST_H
#define LOCI_TENSOR_JACOBI_TEST_H

#include <math.h>
#include <stdint.h>

/* a (n,n), symmetric, is spoilt; values (n); vectors (n,n), one a row. */
static inline void jacobi(double *a, int64_t n, double *values, double *vectors) {
  for (int64_t i = 0; i < n * n; i++) vectors[i] = i / n == i % n;
  for (int sweep = 0; sweep < 100; sweep++) {
    for (int64_t p = 0; p < n; p++) {
      for (int64_t q = p + 1; q < n; q++) {
        double b = a[p * n + q];
        if (fabs(b) < 1e-300) continue;
        double theta = (a[q * n + q] - a[p * n + p]) / (2 * b);
        double t = (theta < 0 ? -1 : 1) / (fabs(theta) + sqrt(theta * theta + 1));
        double c = 1 / sqrt(t * t + 1), s = t * c;
        for (int64_t k = 0; k < n; k++) {
          double x = a[k * n + p], y = a[k * n + q];
          a[k * n + p] = c * x - s * y;
          a[k * n + q] = s * x + c * y;
        }
        for (int64_t k = 0; k < n; k++) {
          double x = a[p * n + k], y = a[q * n + k];
          a[p * n + k] = c * x - s * y;
          a[q * n + k] = s * x + c * y;
          x = vectors[p * n + k];
          y = vectors[q * n + k];
          vectors[p * n + k] = c * x - s * y;
          vectors[q * n + k] = s * x + c * y;
        }
      }
    }
  }
  for (int64_t i = 0; i < n; i++) values[i] = a[i * n + i];
}

#endif
