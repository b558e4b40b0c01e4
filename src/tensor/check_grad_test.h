/* check_grad: a gradient against central differences, for the tests of every backward pass.
 *
 * The loss is L(x) = sum_i r_i f_i(x) for a fixed random r, so that one scalar tests the whole
 * Jacobian.  The difference is divided by the step that f32 really took.  Included after all
 * others: cmocka's fail() is a macro. */
#ifndef LOCI_TENSOR_CHECK_GRAD_TEST_H
#define LOCI_TENSOR_CHECK_GRAD_TEST_H

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/random.h"
#include "farther.h"

#include <cmocka.h>

typedef double (*loss_fn)(void *ctx, const float *x);

static inline float *random_floats(random_source *r, int64_t n) {
  float *x = calloc((size_t)n, sizeof *x);
  assert_non_null(x);
  for (int64_t i = 0; i < n; i++) x[i] = (float)random_gaussian(r);
  return x;
}

static inline double dot(const float *a, const float *b, int64_t n) {
  double sum = 0;
  for (int64_t i = 0; i < n; i++) sum += (double)a[i] * (double)b[i];
  return sum;
}

/* Every [stride]-th entry of grad (n) is the slope of f at x to [tol] of the largest entry. */
static inline void check_grad(loss_fn f, void *ctx, float *x, const float *grad, int64_t n,
                              int64_t stride, float eps, double tol) {
  double most = 1e-3;
  for (int64_t i = 0; i < n; i++) most = farther(most, grad[i]);
  for (int64_t i = 0; i < n; i += stride) {
    float old = x[i], up = old + eps, down = old - eps;
    x[i] = up;
    double high = f(ctx, x);
    x[i] = down;
    double low = f(ctx, x), slope = (high - low) / ((double)up - (double)down);
    x[i] = old;
    if (!(fabs(slope - (double)grad[i]) <= tol * most)) {
      fail_msg("entry %lld: the gradient is %g, the slope %g", (long long)i, (double)grad[i],
               slope);
    }
  }
}

#endif
