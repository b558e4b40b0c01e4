/* Sign flips and corrections against SciPy (tests/golden/statistics/permutation.json says how its
 * numbers were made), and against laws. */
#include "study/permutation.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/json.h"

#define REFERENCE LOCI_SOURCE_DIR "/tests/golden/statistics/permutation.json"

enum { MOST = 400 };

static js_value *reference;

static int open_reference(void **state) {
  (void)state;
  return js_parse_file(REFERENCE, 1 << 20, &reference, NULL) != LOCI_OK;
}

static int close_reference(void **state) {
  (void)state;
  js_free(reference);
  return 0;
}

static int64_t numbers(const js_value *list, double *out) {
  int64_t n = js_count(list);
  assert_true(n > 0 && n <= MOST);
  for (int64_t i = 0; i < n; i++) assert_true(js_real_of(js_at(list, i), &out[i]));
  return n;
}

static double flip(const double *x, int64_t n, uint64_t seed) {
  double p;
  loci_err err;
  stat_table t = {x, n, 1, 1, NULL};
  assert_int_equal(stat_sign_flips(&t, seed, NULL, &p, &err), LOCI_OK);
  return p;
}

/* Up to 13 numbers all signs are tried, as SciPy does; of more, 10,000 draws have p to within their
 * own error: four deviations of a share. */
static void p_is_scipys(void **state) {
  (void)state;
  const js_value *cases = js_get(reference, "flips");
  double x[MOST], p;
  assert_true(js_count(cases) >= 8);
  for (int64_t i = 0; i < js_count(cases); i++) {
    const js_value *c = js_at(cases, i);
    int64_t n = numbers(js_get(c, "x"), x);
    assert_true(js_real_of(js_get(c, "p"), &p));
    double have = flip(x, n, 7), room = n < 14 ? 1e-12 : 4 * sqrt(p * (1 - p) / STAT_FLIPS) + 1e-4;
    if (fabs(have - p) > room) fail_msg("case %d: p %.12g, not %.12g", (int)i, have, p);
  }
}

static void corrections_are_scipys(void **state) {
  (void)state;
  const js_value *c = js_get(reference, "many");
  double p[MOST], holm[MOST], bh[MOST], have_holm[MOST], have_bh[MOST];
  loci_err err;
  int64_t n = numbers(js_get(c, "p"), p);
  assert_int_equal(numbers(js_get(c, "holm"), holm), n);
  assert_int_equal(numbers(js_get(c, "bh"), bh), n);
  assert_int_equal(stat_correct(p, n, have_holm, have_bh, &err), LOCI_OK);
  for (int64_t i = 0; i < n; i++) {
    assert_true(fabs(have_holm[i] - holm[i]) < 1e-12);
    assert_true(fabs(have_bh[i] - bh[i]) < 1e-12);
  }
}

/* What is no number is not tested and counts for nothing. */
static void what_was_not_tested_does_not_count(void **state) {
  (void)state;
  double p[] = {0.01, (double)NAN, 0.04}, holm[3], bh[3];
  double x[] = {0.5, (double)NAN, 0.25, 0, 1, (double)NAN}, both[6], two[2];
  loci_err err;
  assert_int_equal(stat_correct(p, 3, holm, bh, &err), LOCI_OK);
  assert_true(holm[0] == 0.02 && isnan(holm[1]) && holm[2] == 0.04);
  assert_true(bh[0] == 0.02 && isnan(bh[1]) && bh[2] == 0.04);
  assert_int_equal(stat_correct(NULL, 0, NULL, NULL, &err), LOCI_OK);
  double full[] = {0.5, 0.25, 0, 1};
  assert_true(flip(x, 6, 1) == flip(full, 4, 1));
  for (int i = 0; i < 3; i++) {
    both[2 * i] = 0;
    both[2 * i + 1] = i == 1 ? (double)NAN : 0.5;
  }
  stat_table t = {both, 3, 2, 2, NULL};
  assert_int_equal(stat_sign_flips(&t, 1, NULL, two, &err), LOCI_OK);
  assert_true(isnan(two[0]) && two[1] == 0.5); /* zeros; two equal numbers: 2 of 4 signs */
}

/* The draws of all points are the same, and sums go in the order of the examples: p is that of one
 * point after the other, to the bit. */
static void points_share_their_draws(void **state) {
  (void)state;
  enum { N = 70, POINTS = 19 };
  static double x[N * POINTS];
  double p[POINTS];
  loci_err err;
  random_source r = random_new(11);
  for (int i = 0; i < N * POINTS; i++)
    x[i] = i % 23 == 0 ? (double)NAN : random_gaussian(&r) + 0.1 * (i % POINTS) / POINTS;
  stat_table t = {x, N, POINTS, POINTS, NULL};
  assert_int_equal(stat_sign_flips(&t, 9, NULL, p, &err), LOCI_OK);
  for (int k = 0; k < POINTS; k++) {
    double sum = 0, size = 0;
    int64_t far = 0;
    for (int i = 0; i < N; i++) {
      double v = isnan(x[i * POINTS + k]) ? 0 : x[i * POINTS + k];
      sum += v;
      size += fabs(v);
    }
    random_source signs = random_new(9);
    for (int b = 0; b < STAT_FLIPS; b++) {
      uint64_t bits[2] = {random_bits(&signs), 0};
      bits[1] = random_bits(&signs);
      double at = 0;
      for (int i = 0; i < N; i++) {
        double v = isnan(x[i * POINTS + k]) ? 0 : x[i * POINTS + k];
        at += bits[i / 64] >> (i % 64) & 1 ? -v : v;
      }
      far += fabs(at) >= fabs(sum) - 1e-13 * size;
    }
    assert_true(p[k] == (double)(far + 1) / (STAT_FLIPS + 1));
  }
}

typedef struct asked {
  int times, most;
} asked;

static bool ask(void *ctx, const char *stage, double done, double total) {
  asked *a = ctx;
  assert_string_equal(stage, "sign flips");
  assert_true(done >= 0 && done < total);
  return a->times++ < a->most;
}

/* All 32 x 32 heads over 2,000 examples are asked about many times, few points over few examples
 * hardly; and they stop where they are told to. */
static void flips_look_at_a_watch(void **state) {
  (void)state;
  enum { N = 2000, POINTS = 1024 };
  double *x = calloc((size_t)N * POINTS, sizeof *x), *p = calloc(POINTS, sizeof *p);
  loci_err err;
  assert_true(x && p);
  for (int i = 0; i < N * POINTS; i++) x[i] = i % 7 - 2.5;
  asked a = {0, 0};
  watch w = {ask, &a};
  stat_table many = {x, N, POINTS, POINTS, NULL}, few = {x, 20, POINTS, 8, NULL};
  for (a.most = 0; a.most < 3; a.most++) {
    a.times = 0;
    assert_int_equal(stat_sign_flips(&many, 1, &w, p, &err), LOCI_ECANCELLED);
    assert_int_equal(a.times, a.most + 1);
  }
  a = (asked){0, 1000};
  assert_int_equal(stat_sign_flips(&few, 1, &w, p, &err), LOCI_OK);
  assert_in_range(a.times, 1, 40);
  free(x);
  free(p);
}

/* Of many numbers with a mean of zero about one in twenty is below 0.05. */
static void p_of_noise_is_uniform(void **state) {
  (void)state;
  enum { N = 20, POINTS = 300 };
  double *x = calloc((size_t)N * POINTS, sizeof *x), p[POINTS];
  loci_err err;
  assert_non_null(x);
  random_source r = random_new(5);
  for (int i = 0; i < N * POINTS; i++) x[i] = random_gaussian(&r);
  stat_table t = {x, N, POINTS, POINTS, NULL};
  assert_int_equal(stat_sign_flips(&t, 3, NULL, p, &err), LOCI_OK);
  int low = 0;
  double mean = 0;
  for (int k = 0; k < POINTS; k++) {
    low += p[k] < 0.05;
    mean += p[k] / POINTS;
  }
  assert_in_range(low, 5, 27); /* 15 +- 3 deviations */
  assert_true(fabs(mean - 0.5) < 0.06);
  free(x);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(p_is_scipys),
      cmocka_unit_test(corrections_are_scipys),
      cmocka_unit_test(what_was_not_tested_does_not_count),
      cmocka_unit_test(points_share_their_draws),
      cmocka_unit_test(flips_look_at_a_watch),
      cmocka_unit_test(p_of_noise_is_uniform),
  };
  return cmocka_run_group_tests(tests, open_reference, close_reference);
}
