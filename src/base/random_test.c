/* Seeded random numbers: known values, moments, ranges. */
#include "base/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <math.h>
#include <stdbool.h>

static void bits_are_those_of_splitmix64(void **state) {
  (void)state;
  /* From the published reference code, seed 1234567. */
  const uint64_t expected[] = {6457827717110365317u, 3203168211198807973u, 9817491932198370423u,
                               4593380528125082431u, 16408922859458223821u};
  random_source r = random_new(1234567);
  for (int i = 0; i < 5; i++) assert_true(random_bits(&r) == expected[i]);
  for (int i = 0; i < 5; i++) {
    const random_source begin = random_new(1234567);
    r = random_after(&begin, (uint64_t)i);
    assert_true(random_bits(&r) == expected[i]);
  }
}

static void the_same_seed_gives_the_same_numbers(void **state) {
  (void)state;
  random_source a = random_new(7), b = random_new(7), c = random_new(8);
  bool differs = false;
  for (int i = 0; i < 1000; i++) {
    double x = random_gaussian(&a);
    assert_true(x == random_gaussian(&b));
    differs = differs || x != random_gaussian(&c);
  }
  assert_true(differs);
}

static void unit_numbers_fill_zero_to_one(void **state) {
  (void)state;
  enum { N = 1000000 };
  random_source r = random_new(1);
  double sum = 0, squares = 0, low = 1, high = 0;
  for (int i = 0; i < N; i++) {
    double x = random_unit(&r);
    assert_true(x >= 0 && x < 1);
    low = fmin(low, x);
    high = fmax(high, x);
    sum += x;
    squares += x * x;
  }
  assert_true(low < 1e-4 && high > 1 - 1e-4);
  assert_true(fabs(sum / N - 0.5) < 0.0015);
  assert_true(fabs(squares / N - 1 / 3.0) < 0.0015);
}

static void gaussian_numbers_have_the_moments_of_the_normal_distribution(void **state) {
  (void)state;
  enum { N = 1000000 };
  random_source r = random_new(2);
  double moment[7] = {0};
  int beyond_two = 0;
  for (int i = 0; i < N; i++) {
    double x = random_gaussian(&r), power = 1;
    for (int k = 1; k <= 6; k++) moment[k] += power *= x;
    beyond_two += fabs(x) > 2;
  }
  const double expected[7] = {1, 0, 1, 0, 3, 0, 15};
  const double five_sigma[7] = {0, .005, .0071, .0194, .049, .154, .505};
  for (int k = 1; k <= 6; k++) assert_true(fabs(moment[k] / N - expected[k]) < five_sigma[k]);
  assert_true(fabs((double)beyond_two / N - 0.0455) < 0.0011);
}

static void neighbours_do_not_correlate(void **state) {
  (void)state;
  enum { N = 1000000 };
  random_source r = random_new(3);
  double before = random_gaussian(&r), sum = 0;
  for (int i = 0; i < N; i++) {
    double x = random_gaussian(&r);
    sum += x * before;
    before = x;
  }
  assert_true(fabs(sum / N) < 0.005);
}

static void below_n_takes_every_value_equally_often(void **state) {
  (void)state;
  enum { N = 700000 };
  random_source r = random_new(4);
  int count[7] = {0};
  for (int i = 0; i < N; i++) {
    int64_t k = random_below(&r, 7);
    assert_in_range(k, 0, 6);
    count[k]++;
  }
  for (int k = 0; k < 7; k++) assert_in_range(count[k], 98500, 101500);
  assert_int_equal(random_below(&r, 1), 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(bits_are_those_of_splitmix64),
      cmocka_unit_test(the_same_seed_gives_the_same_numbers),
      cmocka_unit_test(unit_numbers_fill_zero_to_one),
      cmocka_unit_test(gaussian_numbers_have_the_moments_of_the_normal_distribution),
      cmocka_unit_test(neighbours_do_not_correlate),
      cmocka_unit_test(below_n_takes_every_value_equally_often),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
