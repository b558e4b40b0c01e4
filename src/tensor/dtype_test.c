/* Number formats: all 65536 values of each 16-bit format, and rounding against a slow definition.
 */
#include "tensor/dtype.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <math.h>
#include <string.h>

static float float_of(uint32_t bits) {
  float x;
  memcpy(&x, &bits, sizeof x);
  return x;
}

static uint32_t bits_of(float x) {
  uint32_t bits;
  memcpy(&bits, &x, sizeof bits);
  return bits;
}

/* A 16-bit format with [m] bits of mantissa, from its definition. */
static double value(uint16_t x, int m) {
  int exponent = (x & 0x7FFF) >> m, mantissa = x & ((1 << m) - 1);
  int bias = (1 << (14 - m)) - 1;
  double sign = x & 0x8000 ? -1 : 1;
  if (exponent == 2 * bias + 1) return mantissa ? (double)NAN : sign * (double)INFINITY;
  if (exponent == 0) return sign * ldexp(mantissa, 1 - bias - m);
  return sign * ldexp(mantissa + (1 << m), exponent - bias - m);
}

static void every_f16_has_the_value_the_standard_gives_it(void **state) {
  (void)state;
  for (uint32_t i = 0; i < 65536; i++) {
    double expected = value((uint16_t)i, 10), found = (double)f32_from_f16((uint16_t)i);
    assert_true(isnan(expected) ? isnan(found) : expected == found);
    assert_int_equal(signbit(expected) != 0 || (isnan(expected) && i >= 0x8000),
                     signbit(found) != 0);
  }
}

static void every_bf16_has_the_value_the_standard_gives_it(void **state) {
  (void)state;
  for (uint32_t i = 0; i < 65536; i++) {
    double expected = value((uint16_t)i, 7), found = (double)f32_from_bf16((uint16_t)i);
    assert_true(isnan(expected) ? isnan(found) : expected == found);
  }
}

static void every_sixteen_bit_value_round_trips_through_f32(void **state) {
  (void)state;
  for (uint32_t i = 0; i < 65536; i++) {
    uint16_t x = (uint16_t)i;
    if (isnan(value(x, 10))) {
      assert_true(isnan(f32_from_f16(f16_from_f32(f32_from_f16(x)))));
    } else {
      assert_int_equal(f16_from_f32(f32_from_f16(x)), x);
    }
    if (isnan(value(x, 7))) {
      assert_true(isnan(f32_from_bf16(bf16_from_f32(f32_from_bf16(x)))));
    } else {
      assert_int_equal(bf16_from_f32(f32_from_bf16(x)), x);
    }
  }
}

/* Between each two neighbours: below, at and above the middle; the middle goes to the even one. */
static void check_rounding(int m, uint16_t (*from_f32)(float), float (*to_f32)(uint16_t)) {
  uint16_t infinity = (uint16_t)(((1 << (15 - m)) - 1) << m);
  for (uint16_t x = 0; x + 1 < infinity; x++) {
    float low = to_f32(x), high = to_f32((uint16_t)(x + 1));
    float middle = (float)(((double)low + (double)high) / 2); /* exact */
    uint16_t even = x & 1 ? (uint16_t)(x + 1) : x;
    assert_int_equal(from_f32(middle), even);
    assert_int_equal(from_f32(nextafterf(middle, 0)), x);
    assert_int_equal(from_f32(nextafterf(middle, INFINITY)), x + 1);
    assert_int_equal(from_f32(-middle), even | 0x8000);
    assert_int_equal(from_f32(nextafterf(low, INFINITY)), x);
  }
}

static void f16_rounds_to_nearest_even(void **state) {
  (void)state;
  check_rounding(10, f16_from_f32, f32_from_f16);
}

static void bf16_rounds_to_nearest_even(void **state) {
  (void)state;
  check_rounding(7, bf16_from_f32, f32_from_bf16);
}

static void numbers_too_large_become_infinite_and_too_small_zero(void **state) {
  (void)state;
  assert_int_equal(f16_from_f32(65519.996F), 0x7BFF);
  assert_int_equal(f16_from_f32(65520.0F), 0x7C00);
  assert_int_equal(f16_from_f32(3e38F), 0x7C00);
  assert_int_equal(f16_from_f32(-INFINITY), 0xFC00);
  assert_int_equal(f16_from_f32(0x1p-25F), 0);
  assert_int_equal(f16_from_f32(0x1.000002p-25F), 1);
  assert_int_equal(f16_from_f32(-0x1p-149F), 0x8000);
  assert_int_equal(bf16_from_f32(float_of(0x7F7F7FFF)), 0x7F7F);
  assert_int_equal(bf16_from_f32(float_of(0x7F7F8000)), 0x7F80);
  assert_int_equal(bf16_from_f32(INFINITY), 0x7F80);
  assert_int_equal(bf16_from_f32(-0.0F), 0x8000);
}

static void nan_stays_nan_with_its_sign(void **state) {
  (void)state;
  const uint32_t payload[] = {0x7F800001, 0x7FC00000, 0x7FFFFFFF, 0x7F802000, 0x7F808000};
  for (size_t i = 0; i < sizeof payload / sizeof *payload; i++) {
    for (uint32_t negative = 0; negative <= 1; negative++) {
      float x = float_of(payload[i] | negative << 31);
      assert_true(isnan(f32_from_f16(f16_from_f32(x))));
      assert_true(isnan(f32_from_bf16(bf16_from_f32(x))));
      assert_int_equal(f16_from_f32(x) >> 15, negative);
      assert_int_equal(bf16_from_f32(x) >> 15, negative);
    }
  }
}

static void arrays_are_converted_from_any_address(void **state) {
  (void)state;
  enum { N = 37 };
  unsigned char raw[4 * N + 1];
  uint16_t half[N], brain[N], out16[N];
  float x[N], out[N];
  for (int i = 0; i < N; i++) {
    x[i] = (float)(i - 18) * 0.37F;
    half[i] = f16_from_f32(x[i]);
    brain[i] = bf16_from_f32(x[i]);
  }
  memcpy(raw + 1, half, sizeof half);
  dtype_to_f32(DTYPE_F16, raw + 1, out, N);
  for (int i = 0; i < N; i++) assert_int_equal(bits_of(out[i]), bits_of(f32_from_f16(half[i])));
  dtype_to_bf16(DTYPE_F16, raw + 1, out16, N);
  for (int i = 0; i < N; i++) assert_int_equal(out16[i], bf16_from_f32(f32_from_f16(half[i])));
  memcpy(raw + 1, brain, sizeof brain);
  dtype_to_f32(DTYPE_BF16, raw + 1, out, N);
  for (int i = 0; i < N; i++) assert_int_equal(bits_of(out[i]), bits_of(f32_from_bf16(brain[i])));
  dtype_to_bf16(DTYPE_BF16, raw + 1, out16, N);
  assert_memory_equal(out16, brain, sizeof brain);
  memcpy(raw + 1, x, sizeof x);
  dtype_to_f32(DTYPE_F32, raw + 1, out, N);
  for (int i = 0; i < N; i++) assert_int_equal(bits_of(out[i]), bits_of(x[i]));
  dtype_to_bf16(DTYPE_F32, raw + 1, out16, N);
  assert_memory_equal(out16, brain, sizeof brain);
  dtype_to_f32(DTYPE_F16, raw + 1, out, 0);
}

static void names_and_sizes_are_those_of_the_formats(void **state) {
  (void)state;
  assert_string_equal(dtype_name(DTYPE_F32), "f32");
  assert_string_equal(dtype_name(DTYPE_BF16), "bf16");
  assert_string_equal(dtype_name(DTYPE_F16), "f16");
  assert_int_equal(dtype_bytes(DTYPE_F32), 4);
  assert_int_equal(dtype_bytes(DTYPE_BF16), 2);
  assert_int_equal(dtype_bytes(DTYPE_F16), 2);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_f16_has_the_value_the_standard_gives_it),
      cmocka_unit_test(every_bf16_has_the_value_the_standard_gives_it),
      cmocka_unit_test(every_sixteen_bit_value_round_trips_through_f32),
      cmocka_unit_test(f16_rounds_to_nearest_even),
      cmocka_unit_test(bf16_rounds_to_nearest_even),
      cmocka_unit_test(numbers_too_large_become_infinite_and_too_small_zero),
      cmocka_unit_test(nan_stays_nan_with_its_sign),
      cmocka_unit_test(arrays_are_converted_from_any_address),
      cmocka_unit_test(names_and_sizes_are_those_of_the_formats),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
