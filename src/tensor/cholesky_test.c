/* Cholesky: L L^T is the matrix, a solution solves, and what is not positive definite is noticed;
 * at sizes round the block's. */
#include "tensor/cholesky.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/random.h"

static const int64_t sizes[] = {1, 2, 7, 8, 9, 16, 31, 300};
enum { SIZES = sizeof sizes / sizeof sizes[0] };

/* B B^T + n I, which is well conditioned */
static double *matrix(int64_t n) {
  random_source r = random_new((uint64_t)n);
  double *b = malloc((size_t)(n * n) * sizeof *b), *a = malloc((size_t)(n * n) * sizeof *a);
  assert_non_null(b);
  assert_non_null(a);
  for (int64_t i = 0; i < n * n; i++) b[i] = random_gaussian(&r);
  for (int64_t i = 0; i < n; i++) {
    for (int64_t j = 0; j < n; j++) {
      a[i * n + j] = i == j ? (double)n : 0;
      for (int64_t k = 0; k < n; k++) a[i * n + j] += b[i * n + k] * b[j * n + k];
    }
  }
  free(b);
  return a;
}

/* Entries of size n, and n products each, in double: 1e-10 n is far above rounding. */
static void a_factor_times_itself_is_the_matrix(void **state) {
  (void)state;
  for (int s = 0; s < SIZES; s++) {
    int64_t n = sizes[s];
    double *a = matrix(n), *L = matrix(n);
    assert_int_equal(cholesky_factor(L, n, 2, NULL), LOCI_OK);
    for (int64_t i = 0; i < n; i++) {
      for (int64_t j = 0; j <= i; j++) {
        double sum = 0;
        for (int64_t k = 0; k <= j; k++) sum += L[i * n + k] * L[j * n + k];
        assert_true(fabs(sum - a[i * n + j]) < 1e-10 * (double)n);
      }
    }
    free(a);
    free(L);
  }
}

static void a_solution_solves(void **state) {
  (void)state;
  for (int s = 0; s < SIZES; s++) {
    int64_t n = sizes[s];
    double *a = matrix(n), *L = matrix(n), *x = malloc((size_t)n * sizeof *x);
    assert_non_null(x);
    for (int64_t i = 0; i < n; i++) x[i] = (double)(i % 5) - 2;
    assert_int_equal(cholesky_factor(L, n, 1, NULL), LOCI_OK);
    cholesky_solve(L, n, x);
    for (int64_t i = 0; i < n; i++) {
      double sum = 0;
      for (int64_t k = 0; k < n; k++) sum += a[i * n + k] * x[k];
      assert_true(fabs(sum - ((double)(i % 5) - 2)) < 1e-10 * (double)n);
    }
    free(a);
    free(L);
    free(x);
  }
}

/* Two equal rows, next to each other or a block apart. */
static void what_is_not_definite_is_refused(void **state) {
  (void)state;
  for (int s = 1; s < SIZES; s++) {
    int64_t n = sizes[s], last = n - 1;
    double *a = matrix(n);
    for (int64_t i = 0; i < n; i++) a[last * n + i] = a[i * n];
    for (int64_t i = 0; i < n; i++) a[i * n + last] = a[i * n];
    a[last * n + last] = a[0];
    assert_int_equal(cholesky_factor(a, n, 2, NULL), LOCI_EINVAL);
    free(a);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_factor_times_itself_is_the_matrix),
      cmocka_unit_test(a_solution_solves),
      cmocka_unit_test(what_is_not_definite_is_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
