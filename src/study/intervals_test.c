/* Intervals hold the truth as often as they say, are what the slow way makes of the draws, and have
 * the ends that SciPy's draws give. */
#include "study/intervals.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/json.h"

#define REFERENCE LOCI_SOURCE_DIR "/tests/golden/statistics/intervals.json"

static const double rounding = 1e-9; /* of sums of a few hundred doubles near one */

static void expect_near(const char *what, double have, double want, double tolerance) {
  if (!(fabs(have - want) <= tolerance)) fail_msg("%s: %.12g, expected %.12g", what, have, want);
}

static double number(const js_value *v) {
  double x = (double)NAN;
  assert_true(js_real_of(v, &x));
  return x;
}

static int64_t numbers(const js_value *list, double *out, int64_t most) {
  int64_t n = js_count(list);
  assert_true(n > 0 && n <= most);
  for (int64_t i = 0; i < n; i++) out[i] = number(js_at(list, i));
  return n;
}

static int ascending(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return x < y ? -1 : x > y;
}

/* ---------------------------------------------------------------- the slow way */

typedef struct moments {
  double mean, error;
  int count;
} moments;

/* The squared error of a draw is a mean over n, of the sample over n - 1. */
static moments moments_of(const double *x, const int *times, int n, int less) {
  moments m = {0, 0, 0};
  double sum = 0, squares = 0;
  for (int i = 0; i < n; i++) {
    if (isnan(x[i])) continue;
    sum += times[i] * x[i];
    m.count += times[i];
  }
  m.mean = sum / m.count;
  for (int i = 0; i < n; i++)
    if (!isnan(x[i])) squares += times[i] * (x[i] - m.mean) * (x[i] - m.mean);
  m.error = sqrt(squares / (m.count - less) / m.count);
  return m;
}

static loci_interval slowly(const double *x, int n, uint64_t seed) {
  int times[256], defined = 0;
  double t[STAT_RESAMPLES] = {0};
  for (int i = 0; i < n; i++) times[i] = 1;
  moments all = moments_of(x, times, n, 1);
  random_source r = random_new(seed);
  for (int b = 0; b < STAT_RESAMPLES; b++) {
    stat_draw(&r, times, n);
    moments m = moments_of(x, times, n, 0);
    if (m.count > 1 && m.error > 1e-9) t[defined++] = (m.mean - all.mean) / m.error;
  }
  qsort(t, (size_t)defined, sizeof *t, ascending);
  return (loci_interval){all.mean, all.mean - stat_quantile(t, defined, 0.975) * all.error,
                         all.mean - stat_quantile(t, defined, 0.025) * all.error};
}

static void an_interval_is_that_of_the_draws_one_by_one(void **state) {
  (void)state;
  enum { N = 57, POINTS = 3 };
  double x[N * POINTS], column[N], drawn[STAT_RESAMPLES * POINTS], errors[POINTS];
  loci_interval have[POINTS];
  stat_draws *d;
  random_source r = random_new(3);
  for (int i = 0; i < N * POINTS; i++)
    x[i] = i % 11 == 4 ? (double)NAN : exp(random_gaussian(&r)) * 1e4;
  assert_int_equal(stat_draws_new(N, 7, &d, NULL), LOCI_OK);
  stat_table t = {x, N, POINTS, POINTS, NULL};
  assert_int_equal(stat_means(d, &t, stat_any, have, errors, drawn, NULL), LOCI_OK);
  for (int k = 0; k < POINTS; k++) {
    for (int i = 0; i < N; i++) column[i] = x[i * POINTS + k];
    loci_interval want = slowly(column, N, 7);
    expect_near("mean", have[k].value / 1e4, want.value / 1e4, rounding);
    expect_near("lower end", have[k].lo / 1e4, want.lo / 1e4, rounding);
    expect_near("upper end", have[k].hi / 1e4, want.hi / 1e4, rounding);
    int times[N];
    random_source again = random_new(7);
    stat_draw(&again, times, N);
    expect_near("first draw", drawn[k] / 1e4, moments_of(column, times, N, 0).mean / 1e4, rounding);
  }
  stat_draws_free(d);
}

/* SciPy's draws (tests/golden/statistics/intervals.json says how): its ends are of a million, so a
 * hundred intervals of 1000 draws have their mean there, to within four of its deviations. */
static void ends_are_those_of_scipys_draws(void **state) {
  (void)state;
  enum { SEEDS = 100, MOST = 64 };
  js_value *file;
  assert_int_equal(js_parse_file(REFERENCE, 1 << 20, &file, NULL), LOCI_OK);
  const js_value *cases = js_get(file, "studentised");
  assert_true(js_count(cases) >= 4);
  for (int64_t i = 0; i < js_count(cases); i++) {
    const js_value *c = js_at(cases, i), *spread = js_get(c, "spread");
    double x[MOST], lo = 0, hi = 0;
    int64_t n = numbers(js_get(c, "x"), x, MOST);
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
      loci_interval one;
      assert_int_equal(stat_mean(x, n, stat_any, seed, &one, NULL), LOCI_OK);
      expect_near("mean", one.value, number(js_get(c, "mean")), rounding);
      lo += one.lo / SEEDS;
      hi += one.hi / SEEDS;
    }
    double room = 4 / sqrt(SEEDS);
    expect_near("lower end", lo, number(js_get(c, "lo")), room * number(js_at(spread, 0)));
    expect_near("upper end", hi, number(js_get(c, "hi")), room * number(js_at(spread, 1)));
  }
  js_free(file);
}

/* Whether a share's draws are wanted changes nothing but that they are made. */
static void shares_are_the_same_without_draws(void **state) {
  (void)state;
  enum { N = 41, POINTS = 3 };
  double x[N * POINTS], drawn[STAT_RESAMPLES * POINTS], errors[POINTS], same[POINTS];
  loci_interval have[POINTS], want[POINTS];
  stat_draws *d;
  for (int i = 0; i < N * POINTS; i++) x[i] = i % 13 == 4 ? (double)NAN : i % 5 < 2;
  assert_int_equal(stat_draws_new(N, 7, &d, NULL), LOCI_OK);
  stat_table t = {x, N, POINTS, POINTS, NULL};
  assert_int_equal(stat_means(d, &t, stat_shares, want, same, drawn, NULL), LOCI_OK);
  assert_int_equal(stat_means(d, &t, stat_shares, have, errors, NULL, NULL), LOCI_OK);
  assert_memory_equal(have, want, sizeof have);
  assert_memory_equal(errors, same, sizeof errors);
  assert_true(errors[0] > 0 && have[1].lo > 0 && have[2].hi < 1);
  stat_draws_free(d);
}

/* ---------------------------------------------------------------- what it says */

/* Of 1,000 samples; three standard errors of a count of 1,000 at 95 % are 2.1 %.  Twenty numbers of
 * a skewed kind are where the percentile interval fell to 73 to 92 %; bench/coverage.c prints all.
 */
static void an_interval_holds_the_truth_as_often_as_it_says(void **state) {
  (void)state;
  enum { SAMPLES = 1000, N = 20 };
  random_source r = random_new(11);
  int normal = 0, skewed = 0, apart = 0;
  stat_draws *d;
  assert_int_equal(stat_draws_new(2 * N, 1, &d, NULL), LOCI_OK);
  for (int s = 0; s < SAMPLES; s++) {
    double x[N], y[N];
    loci_interval i;
    for (int k = 0; k < N; k++) x[k] = random_gaussian(&r);
    assert_int_equal(stat_mean(x, N, stat_any, (uint64_t)s, &i, NULL), LOCI_OK);
    normal += i.lo <= 0 && 0 <= i.hi;
    for (int k = 0; k < N; k++) y[k] = -log(1 - random_unit(&r));
    assert_int_equal(stat_mean(y, N, stat_amount, (uint64_t)s, &i, NULL), LOCI_OK);
    skewed += i.lo <= 1 && 1 <= i.hi;
    assert_int_equal(stat_difference(d, x, N, y, N, &i, NULL), LOCI_OK);
    apart += i.lo <= 1 && 1 <= i.hi;
  }
  stat_draws_free(d);
  expect_near("normal", (double)normal / SAMPLES, 0.95, 0.021);
  expect_near("skewed", (double)skewed / SAMPLES, 0.95, 0.03);
  expect_near("difference", (double)apart / SAMPLES, 0.95, 0.021);
}

static void few_and_alike_numbers_claim_nothing(void **state) {
  (void)state;
  const double x[] = {(double)NAN, 2, 4, (double)NAN}, none[] = {(double)NAN, (double)NAN};
  const double alike[] = {3, 3, 3, 3}, wide[] = {0, 0, 0, 0, 1};
  loci_interval i;
  assert_int_equal(stat_mean(x, 4, stat_any, 1, &i, NULL), LOCI_OK);
  assert_true(i.value == 3 && isnan(i.lo) && isnan(i.hi)); /* two are too few */
  assert_int_equal(stat_mean(none, 2, stat_any, 1, &i, NULL), LOCI_OK);
  assert_true(isnan(i.value) && isnan(i.lo) && isnan(i.hi));
  assert_int_equal(stat_mean(x, 0, stat_any, 1, &i, NULL), LOCI_OK);
  assert_true(isnan(i.value));
  assert_int_equal(stat_mean(alike, 4, stat_any, 1, &i, NULL), LOCI_OK);
  assert_true(i.value == 3 && isnan(i.lo) && isnan(i.hi)); /* nobody knows what others would be */
  assert_int_equal(stat_mean(wide, 5, stat_probability, 1, &i, NULL), LOCI_OK);
  assert_true(i.lo >= 0 && i.hi <= 1);
}

/* Nothing in nineteen of twenty examples: most draws lack the others, and have no spread. */
static void rare_votes_have_an_upper_bound_above_their_mean(void **state) {
  (void)state;
  enum { N = 20, SAMPLES = 1000 };
  double x[100] = {0};
  int held = 0, signs = 0;
  loci_interval i;
  for (int k = 0; k < 2; k++) { /* none of a hundred, and one */
    x[7] = k;
    assert_int_equal(stat_mean(x, 100, stat_probability, 1, &i, NULL), LOCI_OK);
    assert_true(i.lo >= 0 && i.lo <= i.value && i.hi > 0.01 * k + 0.02 && i.hi < 0.1);
    assert_int_equal(stat_mean(x, 100, stat_change, 1, &i, NULL), LOCI_OK);
    assert_true(isnan(i.lo) && isnan(i.hi));
  }
  random_source r = random_new(9);
  for (int s = 0; s < SAMPLES; s++) {
    for (int k = 0; k < N; k++)
      x[k] = random_unit(&r) < 0.05 ? (double)(1 + random_below(&r, 3)) / 3 : 0;
    assert_int_equal(stat_mean(x, N, stat_probability, (uint64_t)s, &i, NULL), LOCI_OK);
    held += i.lo <= 0.1 / 3 && 0.1 / 3 <= i.hi;
    for (int k = 0; k < 3; k++) x[k] = random_gaussian(&r);
    assert_int_equal(stat_mean(x, 3, stat_any, (uint64_t)s, &i, NULL), LOCI_OK);
    signs += i.lo <= 0 && 0 <= i.hi;
  }
  assert_true((double)held / SAMPLES > 0.93);
  expect_near("three normal numbers", (double)signs / SAMPLES, 0.95, 0.021);
}

/* ---------------------------------------------------------------- shares */

/* Wilson's with z = 2.776445, Student's quantile of five examples: 5 of 5 is n / (n + z^2) and
 * more. */
static void a_share_has_wilsons_interval_and_is_never_sure(void **state) {
  (void)state;
  const double all[] = {1, 1, 1, 1, 1}, halves[] = {0.5, 0.5, (double)NAN, 0.5, 0.5, 0.5};
  const double z = 2.7764451051977987;
  double many[400];
  loci_interval i = stat_share(all, 5);
  expect_near("5 of 5", i.lo, 5 / (5 + z * z), rounding);
  assert_true(i.value == 1 && i.hi == 1);
  i = stat_share(halves, 6); /* five alike: as if of 5 x 5 questions */
  expect_near("all alike", i.hi, 0.5 + z / 2 * sqrt(1.0 / 25 + z * z / 625) / (1 + z * z / 25),
              rounding);
  for (int k = 0; k < 400; k++) many[k] = k % 4 == 0;
  i = stat_share(many, 400);
  loci_interval want = stat_proportion(100, 400);
  expect_near("of many", i.lo, want.lo, 0.0005); /* Student's quantile is 1.966, not 1.960 */
  expect_near("of many", i.hi, want.hi, 0.0005);
}

/* ---------------------------------------------------------------- tests */

/* Closed forms: df 1, p = 1 - 2/pi atan t; df 2, p = 1 - t / sqrt(2 + t^2); df 4, p = 1 - 3/4 u (1
 * - t^2 / (12 (1 + t^2/4))) with u = t / sqrt(1 + t^2/4); and the normal for many. */
static void students_test_is_the_closed_form(void **state) {
  (void)state;
  for (int i = 0; i < 12; i++) {
    double t = 0.1 * pow(1.7, i); /* to 34 */
    double q = 1 + t * t / 4, u = t / sqrt(q);
    expect_near("df 1", stat_t_test(t, 1), 1 - 2 / acos(-1) * atan(t), 1e-12);
    expect_near("df 2", stat_t_test(-t, 2), 1 - t / sqrt(2 + t * t), 1e-12);
    expect_near("df 4", stat_t_test(t, 4), 1 - 0.75 * u * (1 - t * t / (12 * q)), 1e-12);
    expect_near("df 1e8", stat_t_test(t, 1e8), erfc(t / sqrt(2)), 1e-7);
  }
  assert_true(stat_t_test(0, 3) == 1);
}

static stat_running sums_of(const js_value *list) {
  double x[64];
  stat_running r = {0};
  int64_t n = numbers(list, x, 64);
  for (int64_t i = 0; i < n; i++) stat_running_add(&r, x[i]);
  return r;
}

/* To the digits of the file. */
static void tests_of_means_are_scipys(void **state) {
  (void)state;
  js_value *file;
  assert_int_equal(js_parse_file(REFERENCE, 1 << 20, &file, NULL), LOCI_OK);
  const js_value *welch = js_get(file, "welch"), *student = js_get(file, "student");
  assert_true(js_count(welch) >= 3 && js_count(student) >= 5);
  for (int64_t i = 0; i < js_count(welch); i++) {
    const js_value *c = js_at(welch, i);
    stat_running x = sums_of(js_get(c, "x")), y = sums_of(js_get(c, "y"));
    expect_near("Welch's p", stat_welch(&x, &y), number(js_get(c, "p")), rounding);
  }
  for (int64_t i = 0; i < js_count(student); i++) {
    const js_value *c = js_at(student, i);
    double p = stat_t_test(number(js_at(c, 0)), number(js_at(c, 1)));
    expect_near("Student's p", p, number(js_at(c, 2)), 1e-11);
  }
  js_free(file);
}

/* Small groups of one kind are told apart in 5 % of the tests: three standard errors of 4,000 are 1
 * %, and Welch's test is a little careful with five (the normal one said 6 to 8 %). */
static void small_groups_are_told_apart_as_often_as_promised(void **state) {
  (void)state;
  enum { SAMPLES = 4000, N = 5 };
  random_source r = random_new(2);
  int rejected = 0;
  for (int s = 0; s < SAMPLES; s++) {
    stat_running a = {0}, b = {0};
    for (int i = 0; i < N; i++) {
      stat_running_add(&a, random_gaussian(&r));
      stat_running_add(&b, random_gaussian(&r));
    }
    rejected += stat_welch(&a, &b) < 0.05;
  }
  expect_near("rejected", (double)rejected / SAMPLES, 0.045, 0.012);
}

/* Looked at after each of 30 to 400 numbers, the sequence holds the mean all the way in 95 % of 300
 * runs (three standard errors: 3.8 %); a normal interval in about two thirds. */
static void a_sequence_may_be_looked_at_again_and_again(void **state) {
  (void)state;
  random_source r = random_new(5);
  int held = 0, held_normal = 0;
  for (int s = 0; s < 300; s++) {
    stat_running x = {0};
    bool all = true, normal = true;
    for (int n = 1; n <= 400; n++) {
      stat_running_add(&x, random_gaussian(&r));
      if (n < 30) continue;
      loci_interval i = stat_running_sequence(&x), j = stat_running_mean(&x);
      all = all && i.lo <= 0 && 0 <= i.hi;
      normal = normal && j.lo <= 0 && 0 <= j.hi;
    }
    held += all;
    held_normal += normal;
  }
  assert_true(held >= 300 * (0.95 - 0.038));
  assert_true(held_normal < 300 * 0.85);
}

/* Zero in nine of ten examples, else -1/2 to 1: no interval of the samples with too few others, and
 * in 92 % of the rest, at 20 and 40 examples, the truth (less three standard errors of that share:
 * an eighth of the samples has one at 20). */
static void a_sparse_change_is_held_or_not_claimed(void **state) {
  (void)state;
  enum { SAMPLES = 2000 };
  double x[40];
  loci_interval i;
  random_source r = random_new(8);
  for (int n = 20; n <= 40; n += 20) {
    int held = 0, claimed = 0;
    for (int s = 0; s < SAMPLES; s++) {
      int others = 0;
      for (int k = 0; k < n; k++) {
        double rare = random_unit(&r), y = random_unit(&r);
        x[k] = rare < 0.9 ? 0 : 1.5 * y - 0.5;
        others += x[k] != 0;
      }
      assert_int_equal(stat_mean(x, n, stat_change, (uint64_t)s, &i, NULL), LOCI_OK);
      if (others < 3) assert_true(isnan(i.lo) && isnan(i.hi) && !isnan(i.value));
      if (others > 5) assert_true(i.lo < i.hi);
      claimed += !isnan(i.lo);
      held += i.lo <= 0.025 && 0.025 <= i.hi;
    }
    assert_true(claimed > SAMPLES / 10);
    if ((double)held / claimed < 0.92 - 3 * sqrt(0.92 * 0.08 / claimed))
      fail_msg("n %d: %d of %d", n, held, claimed);
  }
}

int main(void) {
  static const struct CMUnitTest tests[] = {
      cmocka_unit_test(an_interval_is_that_of_the_draws_one_by_one),
      cmocka_unit_test(ends_are_those_of_scipys_draws),
      cmocka_unit_test(tests_of_means_are_scipys),
      cmocka_unit_test(shares_are_the_same_without_draws),
      cmocka_unit_test(an_interval_holds_the_truth_as_often_as_it_says),
      cmocka_unit_test(few_and_alike_numbers_claim_nothing),
      cmocka_unit_test(rare_votes_have_an_upper_bound_above_their_mean),
      cmocka_unit_test(a_sparse_change_is_held_or_not_claimed),
      cmocka_unit_test(a_share_has_wilsons_interval_and_is_never_sure),
      cmocka_unit_test(students_test_is_the_closed_form),
      cmocka_unit_test(small_groups_are_told_apart_as_often_as_promised),
      cmocka_unit_test(a_sequence_may_be_looked_at_again_and_again),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
