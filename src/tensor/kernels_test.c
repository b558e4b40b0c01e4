/* Every kernel set this CPU runs against the plain one, on lengths that fill no vector. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "tensor/dtype.h"
#include "tensor/kernels.h"

#include <cmocka.h> /* last: its fail() is a macro */

static uint32_t bits_of(float x) {
  uint32_t bits;
  memcpy(&bits, &x, sizeof bits);
  return bits;
}

static const int lengths[] = {1, 2, 7, 15, 16, 17, 31, 32, 33, 48, 100, 300};
enum { LENGTHS = 12, LONGEST = 300, GUARD = 16 };

/* A sum of n floats in another order differs by at most n ulps of the sum of magnitudes, usually by
 * sqrt(n): 1e-5 allows 170 ulps where the longest sums have 300 terms and the plain ones are in
 * double. */
static const double SUMS = 1e-5;
/* exp to 2 ulps, one division and one product: 4 ulps of the result, or of 1 in a softmax. */
static const double CURVE = 5e-7;

static void numbers(float *x, int n, uint64_t seed, double scale) {
  random_source r = random_new(seed);
  for (int i = 0; i < n; i++) x[i] = (float)(scale * random_gaussian(&r));
}

/* |a - b| within [relative] of the larger magnitude, or of [floor]. */
static void assert_close(const kernel_set *k, const float *a, const float *b, int n,
                         double relative, double floor) {
  for (int i = 0; i < n; i++) {
    double x = (double)a[i], y = (double)b[i];
    if (isnan(x) && isnan(y)) continue;
    if (x == y) continue;
    if (!(fabs(x - y) <= relative * fmax(fmax(fabs(x), fabs(y)), floor))) {
      fail_msg("%s: number %d of %d is %.9g, plainly %.9g", k->name, i, n, x, y);
    }
  }
}

/* Runs [body] with k set to every set but the plain one. */
#define FOR_EACH_SET(k)                                                                            \
  for (int set_ = 1; kernels_at(set_); set_++)                                                     \
    for (const kernel_set *k = kernels_at(set_), *once_ = (k); once_; once_ = NULL) /* NOLINT */

static void the_plain_set_comes_first_and_can_be_chosen(void **state) {
  (void)state;
  assert_string_equal(kernels_at(0)->name, "ref");
  assert_null(kernels_at(-1));
  assert_null(kernels_at(100));
  for (int i = 0; kernels_at(i); i++) {
    setenv("LOCI_KERNELS", kernels_at(i)->name, 1);
    assert_ptr_equal(kernels_choose(), kernels_at(i));
    unsetenv("LOCI_KERNELS");
    if (!kernels_at(i + 1)) assert_ptr_equal(kernels_choose(), kernels_at(i));
  }
}

static void norms_agree(void **state) {
  (void)state;
  const kernel_set *ref = kernels_at(0);
  static const double scales[] = {1, 1e-4, 100};
  float x[LONGEST], w[LONGEST], b[LONGEST], got[LONGEST + GUARD], plain[LONGEST];
  numbers(w, LONGEST, 2, 1);
  numbers(b, LONGEST, 3, 1);
  FOR_EACH_SET(k) {
    for (int i = 0; i < LENGTHS * 3; i++) {
      int n = lengths[i / 3];
      numbers(x, n, 10 + (uint64_t)i, scales[i % 3]);
      got[n] = 77;
      k->rmsnorm(got, x, w, n, 1e-5);
      ref->rmsnorm(plain, x, w, n, 1e-5);
      assert_close(k, got, plain, n, SUMS, 1e-3);
      k->layernorm(got, x, w, b, n, 1e-5);
      ref->layernorm(plain, x, w, b, n, 1e-5);
      /* one row of length 1 is its own mean: both give b, but for what the mean's rounding leaves
       */
      assert_close(k, got, plain, n, SUMS, 1);
      assert_true(got[n] == 77);
    }
  }
}

/* Finite numbers whose squares, or whose sum, no f32 holds. */
static void norms_of_huge_numbers_agree(void **state) {
  (void)state;
  static const float scales[] = {1e18F, 1e20F, 1e36F, 3e37F};
  float x[LONGEST], w[LONGEST], b[LONGEST], got[LONGEST], plain[LONGEST];
  numbers(w, LONGEST, 2, 1);
  numbers(b, LONGEST, 3, 1);
  FOR_EACH_SET(k) {
    for (int i = 0; i < LENGTHS * 4; i++) {
      int n = lengths[i / 4];
      numbers(x, n, 10 + (uint64_t)i, (double)scales[i % 4]);
      for (int j = 0; i % 3 == 0 && j < n; j++) x[j] = fabsf(x[j]);
      k->rmsnorm(got, x, w, n, 1e-5);
      kernels_at(0)->rmsnorm(plain, x, w, n, 1e-5);
      assert_close(k, got, plain, n, SUMS, 1e-3);
      for (int j = 0; j < n; j++) assert_true(isfinite(got[j]) && (got[j] != 0 || w[j] == 0));
      k->layernorm(got, x, w, b, n, 1e-5);
      kernels_at(0)->layernorm(plain, x, w, b, n, 1e-5);
      assert_close(k, got, plain, n, SUMS, 1);
    }
  }
}

static void a_norm_of_zeros_is_zero(void **state) {
  (void)state;
  float x[33] = {0}, w[33], got[33];
  numbers(w, 33, 1, 1);
  for (int i = 0; kernels_at(i); i++) {
    kernels_at(i)->rmsnorm(got, x, w, 33, 1e-6);
    for (int j = 0; j < 33; j++) assert_true(got[j] == 0);
  }
}

static void curve(const kernel_set *k, int act, float *x, int64_t n) {
  k->gate(x, DTYPE_F32, x, NULL, (act_kind)act, n);
}

static void activations_agree(void **state) {
  (void)state;
  float x[LONGEST + 1], got[LONGEST + 1], plain[LONGEST + 1];
  FOR_EACH_SET(k) {
    for (int c = 0; c < ACT_COUNT; c++) {
      for (int i = 0; i < LENGTHS * 2; i++) {
        int n = lengths[i / 2];
        numbers(x, n, 30 + (uint64_t)i, i % 2 ? 40 : 2);
        memcpy(got, x, sizeof x);
        memcpy(plain, x, sizeof x);
        got[n] = 77;
        curve(k, c, got, n);
        curve(kernels_at(0), c, plain, n);
        /* left of 0 the curves are differences of larger numbers: f32 keeps 1e-6 of |x| <= 6 */
        assert_close(k, got, plain, n, 2e-6, 1);
        assert_true(got[n] == 77);
      }
    }
  }
}

/* The factor and the rounding are exact: what gate writes is what the activation alone gives, times
 * the factor, rounded. */
static void a_gate_is_its_activation_times_a_factor(void **state) {
  (void)state;
  float g[LONGEST], u[LONGEST], act[LONGEST], got[LONGEST + 1];
  uint16_t half[LONGEST + 1];
  for (int set = 0; kernels_at(set); set++) {
    const kernel_set *k = kernels_at(set);
    for (int i = 0; i < LENGTHS * ACT_COUNT; i++) {
      int n = lengths[i / ACT_COUNT], c = i % ACT_COUNT;
      numbers(g, n, 130 + (uint64_t)i, 3);
      numbers(u, n, 230 + (uint64_t)i, 3);
      k->gate(act, DTYPE_F32, g, NULL, (act_kind)c, n);
      got[n] = 77;
      half[n] = 77;
      k->gate(got, DTYPE_F32, g, u, (act_kind)c, n);
      k->gate(half, DTYPE_BF16, g, u, (act_kind)c, n);
      for (int j = 0; j < n; j++) {
        assert_true(got[j] == act[j] * u[j]);
        assert_int_equal(half[j], bf16_from_f32(got[j]));
      }
      assert_true(got[n] == 77 && half[n] == 77);
      k->gate(half, DTYPE_BF16, g, NULL, (act_kind)c, n);
      for (int j = 0; j < n; j++) assert_int_equal(half[j], bf16_from_f32(act[j]));
    }
  }
}

static void activations_of_huge_numbers_are_themselves_or_nothing(void **state) {
  (void)state;
  static const float huge[] = {1e4F, 1e10F, 1e20F, 3e38F, INFINITY};
  for (int set = 0; kernels_at(set); set++) {
    for (int c = 0; c < ACT_COUNT; c++) {
      for (int i = 0; i < 5; i++) {
        float x[2] = {huge[i], i < 4 ? -huge[i] : -3e38F};
        curve(kernels_at(set), c, x, 2);
        assert_true(x[0] == huge[i]);
        assert_true(fabs((double)x[1]) <= 1e-36 * fabs((double)huge[i]) || (double)x[1] > -3);
        assert_false(isnan(x[1]));
      }
    }
  }
}

static void a_nan_stays_one(void **state) {
  (void)state;
  float w[20], b[20], got[20];
  numbers(w, 20, 1, 1);
  numbers(b, 20, 1, 1);
  for (int set = 0; kernels_at(set); set++) {
    const kernel_set *k = kernels_at(set);
    for (int at = 0; at < 20; at += 6) {
      float x[20];
      for (int c = 0; c < ACT_COUNT; c++) {
        numbers(x, 20, 5, 1);
        x[at] = NAN;
        curve(k, c, x, 20);
        for (int i = 0; i < 20; i++) assert_int_equal(isnan(x[i]) != 0, i == at);
      }
      numbers(x, 20, 5, 1);
      x[at] = NAN;
      k->rmsnorm(got, x, w, 20, 1e-5);
      for (int i = 0; i < 20; i++) assert_true(isnan(got[i]));
      k->layernorm(got, x, w, b, 20, 1e-5);
      for (int i = 0; i < 20; i++) assert_true(isnan(got[i]));
      k->softmax(x, 20);
      for (int i = 0; i < 20; i++) assert_true(isnan(x[i]));
    }
  }
}

static void adding_and_multiplying_are_exact(void **state) {
  (void)state;
  float x[LONGEST], y[LONGEST], got[LONGEST + 1];
  numbers(x, LONGEST, 1, 3);
  numbers(y, LONGEST, 2, 3);
  for (int set = 0; kernels_at(set); set++) {
    for (int i = 0; i < LENGTHS; i++) {
      int n = lengths[i];
      memcpy(got, x, sizeof x);
      got[n] = 77;
      kernels_at(set)->add(got, y, n);
      for (int j = 0; j < n; j++) assert_true(got[j] == x[j] + y[j]);
      memcpy(got, x, (size_t)n * sizeof *x);
      kernels_at(set)->mul(got, y, n);
      for (int j = 0; j < n; j++) assert_true(got[j] == x[j] * y[j]);
      assert_true(got[n] == 77);
    }
  }
}

static void rounding_to_bf16_is_exact(void **state) {
  (void)state;
  enum { N = 65536 + 7 };
  float *x = malloc(N * sizeof *x);
  uint16_t *got = malloc((N + 1) * sizeof *got);
  assert_non_null(x);
  assert_non_null(got);
  random_source r = random_new(9);
  for (int set = 0; kernels_at(set); set++) {
    for (int pass = 0; pass < 3; pass++) {
      for (uint32_t i = 0; i < N;
           i++) { /* every upper half, with ties, near ties, any lower half */
        uint32_t low = pass == 0 ? 0x8000u : pass == 1 ? 0x7FFFu + i % 3 : random_bits(&r) & 0xFFFF;
        uint32_t bits = i << 16 | low;
        memcpy(x + i, &bits, sizeof bits);
      }
      got[N] = 77;
      kernels_at(set)->round_bf16(got, x, N);
      for (int i = 0; i < N; i++) assert_int_equal(got[i], bf16_from_f32(x[i]));
      assert_int_equal(got[N], 77);
    }
  }
  free(x);
  free(got);
}

/* Every f16, and bf16 and f32 numbers of every size, NaN and infinities among them, at odd
 * addresses. */
static void conversions_are_exact(void **state) {
  (void)state;
  enum { N = 65536 + 7 };
  static const dtype types[] = {DTYPE_F32, DTYPE_BF16, DTYPE_F16};
  uint8_t *src = malloc(4 * N + 1);
  float *wide = malloc((N + 1) * sizeof *wide), *plain = malloc(N * sizeof *plain);
  uint16_t *half = malloc((N + 1) * sizeof *half), *plain_half = malloc(N * sizeof *plain_half);
  assert_true(src && wide && plain && half && plain_half);
  random_source r = random_new(12);
  for (int set = 0; kernels_at(set); set++) {
    const kernel_set *k = kernels_at(set);
    for (int t = 0; t < 3; t++) {
      for (uint32_t i = 0; i < N; i++) {
        uint32_t bits = types[t] == DTYPE_F32 ? i << 16 | (uint32_t)(random_bits(&r) & 0xFFFF) : i;
        memcpy(src + 1 + i * dtype_bytes(types[t]), &bits, dtype_bytes(types[t]));
      }
      wide[N] = 77;
      half[N] = 77;
      k->to_f32(wide, types[t], src + 1, N);
      k->to_bf16(half, types[t], src + 1, N);
      dtype_to_f32(types[t], src + 1, plain, N);
      dtype_to_bf16(types[t], src + 1, plain_half, N);
      for (int i = 0; i < N; i++) {
        /* the processor makes a signalling NaN quiet: another one, but a NaN */
        assert_true(bits_of(wide[i]) == bits_of(plain[i]) || (isnan(wide[i]) && isnan(plain[i])));
        assert_true(half[i] == plain_half[i] || (isnan(plain[i]) && (half[i] & 0x7FFF) > 0x7F80));
      }
      assert_true(wide[N] == 77 && half[N] == 77);
    }
  }
  free(src);
  free(wide);
  free(plain);
  free(half);
  free(plain_half);
}

/* n weights as they stand in a file, at an odd address. */
static void store_weights(uint8_t *w, dtype t, const float *v, int n) {
  for (int j = 0; j < n; j++) {
    uint16_t h = t == DTYPE_F16 ? f16_from_f32(v[j]) : bf16_from_f32(v[j]);
    memcpy(w + (size_t)j * dtype_bytes(t), t == DTYPE_F32 ? (const void *)&v[j] : (const void *)&h,
           dtype_bytes(t));
  }
}

enum { WEIGHT_ROWS = 9, FEW = 9 };
static const dtype types[] = {DTYPE_F32, DTYPE_BF16, DTYPE_F16};

static void dots_agree(void **state) {
  (void)state;
  enum { LD = WEIGHT_ROWS + 2 };
  float x[LONGEST * FEW], v[LONGEST * WEIGHT_ROWS], got[FEW * LD], plain[FEW * LD];
  uint8_t w[LONGEST * WEIGHT_ROWS * 4 + 1];
  FOR_EACH_SET(k) {
    for (int i = 0; i < LENGTHS * 9; i++) {
      int n = lengths[i / 9], rows = 1 + i % WEIGHT_ROWS, M = 1 + (i * 5) % FEW;
      dtype t = types[i % 3];
      numbers(x, n * M, 90 + (uint64_t)i, 1);
      numbers(v, n * rows, 190 + (uint64_t)i, 1);
      store_weights(w + 1, t, v, n * rows);
      for (int j = 0; j < FEW * LD; j++) got[j] = plain[j] = 77;
      k->dots(got, LD, x, M, t, w + 1, rows, n);
      kernels_at(0)->dots(plain, LD, x, M, t, w + 1, rows, n);
      assert_close(k, got, plain, FEW * LD, SUMS, sqrt(n)); /* what is between the rows stays */
    }
  }
}

static void dots_backwards_agree(void **state) {
  (void)state;
  float x[FEW * (WEIGHT_ROWS + 1)], v[LONGEST * WEIGHT_ROWS], got[FEW * LONGEST],
      plain[FEW * LONGEST];
  uint8_t w[LONGEST * WEIGHT_ROWS * 4 + 1];
  FOR_EACH_SET(k) {
    for (int i = 0; i < LENGTHS * 9; i++) {
      int n = lengths[i / 9], columns = n - n / 5, rows = 1 + i % WEIGHT_ROWS;
      int M = 1 + (i * 5) % FEW;
      dtype t = types[i % 3];
      numbers(x, FEW * (WEIGHT_ROWS + 1), 90 + (uint64_t)i, 1);
      numbers(v, n * rows, 190 + (uint64_t)i, 1);
      numbers(got, FEW * LONGEST, 290 + (uint64_t)i, 1); /* added to */
      memcpy(plain, got, sizeof got);
      store_weights(w + 1, t, v, n * rows);
      weight_rows all = {t, w + 1, n};
      k->dots_back(got, LONGEST, x, WEIGHT_ROWS + 1, M, all, rows, columns);
      kernels_at(0)->dots_back(plain, LONGEST, x, WEIGHT_ROWS + 1, M, all, rows, columns);
      assert_close(k, got, plain, FEW * LONGEST, SUMS, sqrt(WEIGHT_ROWS));
    }
  }
}

static void rotations_agree_and_keep_lengths(void **state) {
  (void)state;
  static const struct {
    int heads, K, rot;
  } shapes[] = {{1, 2, 2}, {3, 4, 4}, {4, 12, 4}, {2, 20, 8}, {5, 72, 72}, {2, 128, 64}};
  float x[256 * 3], got[256 * 3], plain[256 * 3], cosine[64], sine[64];
  for (int i = 0; i < 64; i++) {
    cosine[i] = cosf(0.37F * (float)i);
    sine[i] = sinf(0.37F * (float)i);
  }
  FOR_EACH_SET(k) {
    for (int i = 0; i < 6; i++) {
      int H = shapes[i].heads, K = shapes[i].K, n = H * K;
      numbers(x, n, 4, 1);
      memcpy(got, x, sizeof x);
      memcpy(plain, x, sizeof x);
      k->rope(got, cosine, sine, H, K, shapes[i].rot);
      kernels_at(0)->rope(plain, cosine, sine, H, K, shapes[i].rot);
      assert_close(k, got, plain, n, CURVE, 1);
      double before = 0, after = 0;
      for (int j = 0; j < n; j++) {
        before += (double)x[j] * (double)x[j];
        after += (double)got[j] * (double)got[j];
        if (j % K >= shapes[i].rot) assert_true(got[j] == x[j]);
      }
      assert_true(fabs(before - after) < 1e-5 * before); /* cos^2 + sin^2 = 1 to an ulp */
    }
  }
}

/* ---------------------------------------------------------------- softmax */

static void softmax_agrees_on_large_numbers_and_masks(void **state) {
  (void)state;
  static const double scales[] = {1, 20, 100};
  float x[LONGEST + 1], got[LONGEST + 1], plain[LONGEST + 1];
  FOR_EACH_SET(k) {
    for (int i = 0; i < LENGTHS * 6; i++) {
      int n = lengths[i / 6];
      numbers(x, n, 60 + (uint64_t)i, scales[i % 3]);
      for (int j = 0; i % 6 >= 3 && j < n; j += 3) x[j] = -INFINITY;
      memcpy(got, x, sizeof x);
      memcpy(plain, x, sizeof x);
      got[n] = 77;
      k->softmax(got, n);
      kernels_at(0)->softmax(plain, n);
      /* the argument of exp is rounded where it is large: an ulp of 400 is 3e-5 */
      assert_close(k, got, plain, n, i % 3 == 2 ? 4e-5 : SUMS, 1e-6);
      double sum = 0;
      for (int j = 0; j < n; j++) {
        sum += (double)got[j];
        if (x[j] == -INFINITY) assert_true(got[j] == 0);
      }
      assert_true(fabs(sum - 1) < SUMS || (sum == 0 && n < 2));
      assert_true(got[n] == 77);
    }
  }
}

static void softmax_of_nothing_but_masks_is_zero(void **state) {
  (void)state;
  for (int set = 0; kernels_at(set); set++) {
    for (int i = 0; i < LENGTHS; i++) {
      float x[LONGEST];
      for (int j = 0; j < lengths[i]; j++) x[j] = -INFINITY;
      kernels_at(set)->softmax(x, lengths[i]);
      for (int j = 0; j < lengths[i]; j++) assert_true(x[j] == 0);
    }
  }
}

/* In double: a sum's rounding, and that of exp. */
static void log_sum_exp_agrees(void **state) {
  (void)state;
  static const double scales[] = {1, 20, 1000};
  float x[LONGEST];
  FOR_EACH_SET(k) {
    for (int i = 0; i < LENGTHS * 6; i++) {
      int n = lengths[i / 6];
      numbers(x, n, 80 + (uint64_t)i, scales[i % 3]);
      for (int j = 1; i % 6 >= 3 && j < n; j += 3) x[j] = -INFINITY;
      double found = k->log_sum_exp(x, n), plain = kernels_at(0)->log_sum_exp(x, n);
      assert_true(fabs(found - plain) <= 2e-15 * (1 + fabs(plain)));
      x[n / 2] = NAN;
      assert_true(isnan(k->log_sum_exp(x, n)));
    }
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_plain_set_comes_first_and_can_be_chosen),
      cmocka_unit_test(norms_agree),
      cmocka_unit_test(norms_of_huge_numbers_agree),
      cmocka_unit_test(a_norm_of_zeros_is_zero),
      cmocka_unit_test(activations_agree),
      cmocka_unit_test(a_gate_is_its_activation_times_a_factor),
      cmocka_unit_test(activations_of_huge_numbers_are_themselves_or_nothing),
      cmocka_unit_test(a_nan_stays_one),
      cmocka_unit_test(adding_and_multiplying_are_exact),
      cmocka_unit_test(rounding_to_bf16_is_exact),
      cmocka_unit_test(conversions_are_exact),
      cmocka_unit_test(dots_agree),
      cmocka_unit_test(dots_backwards_agree),
      cmocka_unit_test(rotations_agree_and_keep_lengths),
      cmocka_unit_test(softmax_agrees_on_large_numbers_and_masks),
      cmocka_unit_test(log_sum_exp_agrees),
      cmocka_unit_test(softmax_of_nothing_but_masks_is_zero),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
