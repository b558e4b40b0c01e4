/* Matrix products against the plain loops, on odd shapes, in both precisions. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "tensor/product.h"

#include <cmocka.h> /* last: its fail() is a macro */

static const int64_t shapes[][4] = {{1, 1, 1, 1},      {1, 7, 3, 7},        {7, 5, 12, 9},
                                    {15, 33, 20, 40},  {16, 16, 16, 16},    {17, 48, 96, 100},
                                    {33, 1, 72, 5},    {40, 100, 128, 100}, {100, 20, 7, 33},
                                    {257, 17, 31, 18}, {300, 31, 64, 64}};
enum { SHAPES = 11 };

static product *product_of(dtype type, bool plain) {
  product *p;
  loci_err err;
  if (plain) setenv("LOCI_KERNELS", "ref", 1);
  if (product_new(type, 2, &p, &err)) fail_msg("%s", err.msg);
  unsetenv("LOCI_KERNELS");
  return p;
}

/* n random numbers of the type, in room for [room] of them. */
static void *operand(dtype type, int64_t n, int64_t room, uint64_t seed) {
  random_source r = random_new(seed);
  void *x = calloc((size_t)room, dtype_bytes(type));
  assert_non_null(x);
  for (int64_t i = 0; i < n; i++) {
    float f = (float)random_gaussian(&r);
    uint16_t h = bf16_from_f32(f);
    memcpy((char *)x + (size_t)i * dtype_bytes(type), type == DTYPE_F32 ? (void *)&f : (void *)&h,
           dtype_bytes(type));
  }
  return x;
}

static void run(product *p, product_shape s, const void *x, const void *w, float *y) {
  loci_err err;
  if (product_run(p, s, x, w, y, &err)) fail_msg("%s", err.msg);
}

/* Sums of at most 128 products of size 1 in f32: 2e-5 is 170 ulps of 1; bf16 operands are the same
 * numbers on both sides and their products are exact in f32, so the same bound holds. */
static void check_type(dtype type, bool backward) {
  product *fast = product_of(type, false), *plain = product_of(type, true);
  for (int i = 0; i < SHAPES; i++) {
    const int64_t *t = shapes[i];
    product_shape s = {.M = t[0], .N = t[1], .K = t[2], .ldy = t[3], .backward = backward};
    int64_t rows = product_rows(s.M);
    void *x = operand(type, s.M * s.K, rows * s.K, 1), *w = operand(type, s.N * s.K, s.N * s.K, 2);
    float *a = malloc((size_t)(rows * s.ldy) * sizeof *a),
          *b = malloc((size_t)(rows * s.ldy) * sizeof *b);
    assert_true(a && b);
    for (int64_t j = 0; j < rows * s.ldy; j++) a[j] = b[j] = 77;
    run(fast, s, x, w, a);
    run(plain, s, x, w, b);
    for (int64_t j = 0; j < rows * s.ldy; j++) {
      bool inside = j % s.ldy < s.N;
      if (inside && j / s.ldy >= s.M) continue; /* surplus rows may hold anything */
      if (!(fabs((double)a[j] - (double)b[j]) <= 2e-5 * fmax(1, fabs((double)b[j])))) {
        fail_msg("shape %d: y[%lld] is %g, plainly %g", i, (long long)j, (double)a[j],
                 (double)b[j]);
      }
      if (!inside) assert_true(a[j] == 77 && b[j] == 77);
    }
    free(x);
    free(w);
    free(a);
    free(b);
  }
  product_free(fast);
  product_free(plain);
}

static void f32_products_are_the_plain_loops(void **state) {
  (void)state;
  check_type(DTYPE_F32, false);
  check_type(DTYPE_F32, true);
}

static void bf16_products_are_the_plain_loops(void **state) {
  (void)state;
  if (!product_has_bf16()) skip();
  check_type(DTYPE_BF16, false);
  check_type(DTYPE_BF16, true);
}

/* More shapes than are kept compiled: the oldest are made again. */
static void a_context_takes_any_number_of_shapes(void **state) {
  (void)state;
  product *p = product_of(DTYPE_F32, false);
  float x[16 * 2] = {1, 2}, w[600], y[300 * 16]; /* product_rows(1) */
  for (int i = 0; i < 600; i++) w[i] = (float)i;
  for (int pass = 0; pass < 2; pass++) {
    for (int n = 1; n <= 300; n++) {
      run(p, (product_shape){.M = 1, .N = n, .K = 2, .ldy = n}, x, w, y);
      assert_true(y[n - 1] == (float)(2 * n - 2 + 2 * (2 * n - 1)));
    }
  }
  product_free(p);
}

static void empty_products_do_nothing(void **state) {
  (void)state;
  product *p = product_of(DTYPE_F32, false);
  float y = 77;
  run(p, (product_shape){.M = 0, .N = 4, .K = 4, .ldy = 4}, &y, &y, &y);
  run(p, (product_shape){.M = 4, .N = 0, .K = 4, .ldy = 4}, &y, &y, &y);
  assert_true(y == 77);
  product_free(p);
  product_free(NULL);
}

/* What a row gives depends neither on how many there are nor on which of them it is. */
static void rows_do_not_depend_on_each_other(void **state) {
  static const int64_t widths[] = {40, 96, 160, 448, 576}, counts[] = {16, 48, 96, 112, 256};
  (void)state;
  for (int type = 0; type < 2; type++) {
    dtype t = type ? DTYPE_BF16 : DTYPE_F32;
    if (type && !product_has_bf16()) continue;
    product *p;
    loci_err err;
    assert_int_equal(product_new(t, 1, &p, &err), LOCI_OK);
    for (int k = 0; k < 5; k++) {
      int64_t K = widths[k], N = widths[(k + 2) % 5];
      size_t row = (size_t)K * dtype_bytes(t);
      char *x = operand(t, 256 * K, 256 * K, 3);
      void *w = operand(t, N * K, N * K, 4);
      float *y = malloc((size_t)(256 * N) * sizeof *y), *one = malloc((size_t)(16 * N) * sizeof *y);
      assert_true(y && one);
      for (int i = 1; i < 256; i++) memcpy(x + (size_t)i * row, x, row);
      run(p, (product_shape){.M = 1, .N = N, .K = K, .ldy = N}, x, w, one);
      for (int c = 0; c < 5; c++) {
        run(p, (product_shape){.M = counts[c], .N = N, .K = K, .ldy = N}, x, w, y);
        for (int64_t i = 0; i < counts[c]; i++)
          assert_memory_equal(y + i * N, one, (size_t)N * sizeof *y);
      }
      free(x), free(w), free(y), free(one);
    }
    product_free(p);
  }
}

static void few_row_counts_are_compiled(void **state) {
  (void)state;
  assert_int_equal(product_rows(0), 1);
  int64_t before = 1;
  int kinds = 1;
  for (int64_t n = 1; n < 5000; n++) {
    int64_t rows = product_rows(n);
    assert_true(rows >= n && rows >= before && rows <= n + 127);
    assert_int_equal(product_rows(rows), rows);
    kinds += rows != before;
    before = rows;
  }
  assert_true(kinds < 64);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(f32_products_are_the_plain_loops),
      cmocka_unit_test(bf16_products_are_the_plain_loops),
      cmocka_unit_test(a_context_takes_any_number_of_shapes),
      cmocka_unit_test(empty_products_do_nothing),
      cmocka_unit_test(rows_do_not_depend_on_each_other),
      cmocka_unit_test(few_row_counts_are_compiled),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
