/* Eigenvalues and projections against Jacobi's rotations, which need no trick; on matrices with
 * many equal eigenvalues and with many zeros, as covariances of a few prompts are. */
#include "tensor/spectrum.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/random.h"
#include "tensor/jacobi_test.h"

/* X^T X / rows of rows random vectors, the first [alike] columns the same; (n,n) for free. */
static double *covariance_of(int64_t n, int64_t rows, int64_t alike, uint64_t seed) {
  double *a = calloc((size_t)(n * n), sizeof *a), *x = calloc((size_t)n, sizeof *x);
  random_source r = random_new(seed);
  assert_true(a && x);
  for (int64_t k = 0; k < rows; k++) {
    for (int64_t i = 0; i < n; i++) x[i] = random_unit(&r) - 0.5;
    for (int64_t i = 1; i < alike; i++) x[i] = x[0];
    for (int64_t i = 0; i < n; i++)
      for (int64_t j = 0; j < n; j++) a[i * n + j] += x[i] * x[j] / (double)rows;
  }
  free(x);
  return a;
}

static int ascending(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return x < y ? -1 : x > y;
}

static void compare(double *a, int64_t n, double bound) {
  size_t bytes = (size_t)(n * n) * sizeof *a;
  double *own = malloc(bytes), *vectors = malloc(bytes), *values = malloc((size_t)n * sizeof *a);
  double *x = malloc((size_t)n * sizeof *x), *want = calloc((size_t)n, sizeof *want), norm = 0;
  spectrum *s;
  loci_err err;
  assert_true(own && vectors && values && x && want);
  memcpy(own, a, bytes);
  jacobi(own, n, values, vectors);
  for (int64_t i = 0; i < n; i++) norm = fmax(norm, fabs(values[i]));
  if (spectrum_new(a, n, 1, NULL, &s, &err)) fail_msg("%s", err.msg);
  random_source r = random_new(3);
  for (int64_t i = 0; i < n; i++) x[i] = random_unit(&r) - 0.5;
  int64_t below = 0;
  for (int64_t k = 0; k < n; k++) {
    double along = 0;
    if (!(values[k] < bound)) continue;
    below++;
    for (int64_t i = 0; i < n; i++) along += vectors[k * n + i] * x[i];
    for (int64_t i = 0; i < n; i++) want[i] += along * vectors[k * n + i];
  }
  assert_int_equal(spectrum_below(s, bound), below);
  spectrum_project(s, bound, x, 1, 1);
  for (int64_t i = 0; i < n; i++)
    if (fabs(x[i] - want[i]) > 1e-11) fail_msg("n %d: %g, not %g", (int)n, x[i], want[i]);
  memcpy(own, spectrum_values(s), (size_t)n * sizeof *own);
  qsort(own, (size_t)n, sizeof *own, ascending);
  qsort(values, (size_t)n, sizeof *values, ascending);
  for (int64_t i = 0; i < n; i++) assert_true(fabs(own[i] - values[i]) <= 1e-13 * norm);
  spectrum_free(s);
  free(own);
  free(vectors);
  free(values);
  free(x);
  free(want);
}

static void it_is_jacobis(void **state) {
  (void)state;
  static const int64_t sizes[] = {1, 2, 3, 4, 7, 16, 33, 90};
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    int64_t n = sizes[i];
    for (int few = 0; few < 3; few++) {
      double *a = covariance_of(n, few == 1 ? n / 3 + 1 : 3 * n, few == 2 ? n / 2 : 0, i + 1);
      compare(a, n, few == 1 ? 1e-6 : 0.07);
      free(a);
    }
  }
}

/* All the same, all zero, and one far above the others. */
static void odd_matrices_end(void **state) {
  (void)state;
  enum { N = 20 };
  for (int kind = 0; kind < 3; kind++) {
    double a[N * N] = {0};
    for (int i = 0; i < N; i++) a[i * N + i] = kind == 0 ? 2 : kind == 1 ? 0 : i == 3 ? 1e12 : 1;
    compare(a, N, 1.5);
  }
}

static void what_is_no_number_is_refused(void **state) {
  (void)state;
  enum { N = 5 };
  double a[N * N] = {0};
  spectrum *s;
  loci_err err;
  a[7] = a[11] = (double)NAN;
  assert_int_equal(spectrum_new(a, N, 1, NULL, &s, &err), LOCI_EINVAL);
  assert_null(s);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(it_is_jacobis),
      cmocka_unit_test(odd_matrices_end),
      cmocka_unit_test(what_is_no_number_is_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
