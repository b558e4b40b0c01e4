/* Statistics against numpy, scipy and scikit-learn (tests/golden/statistics/reference.json says how
 * its numbers were made), and against laws. */
#include "study/stats.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/json.h"
#include "study/probe.h"

#define REFERENCE LOCI_SOURCE_DIR "/tests/golden/statistics/reference.json"

enum { MOST = 1000 };

/* Numbers are committed with 12 digits; sums of a few hundred terms lose two or three more. */
static const double close_enough = 1e-9;
/* Features are f32 after their scaling (2^-24 of a value near 1), and enter a score some twenty
 * times with weights below 2. */
static const double close_for_f32 = 2e-6;

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

static double number(const js_value *v) {
  double x = (double)NAN;
  assert_true(js_real_of(v, &x));
  return x;
}

static int64_t numbers(const js_value *list, double *out) {
  int64_t n = js_count(list);
  assert_true(n > 0 && n <= MOST);
  for (int64_t i = 0; i < n; i++) out[i] = number(js_at(list, i));
  return n;
}

static int64_t flags(const js_value *list, bool *out) {
  double x[MOST];
  int64_t n = numbers(list, x);
  for (int64_t i = 0; i < n; i++) out[i] = x[i] != 0;
  return n;
}

static void expect_near(const char *what, double have, double want, double tolerance) {
  if (!(fabs(have - want) <= tolerance)) fail_msg("%s: %.12g, expected %.12g", what, have, want);
}

static void expect_interval(const char *what, const loci_interval *have, const js_value *want) {
  expect_near(what, have->value, number(js_at(want, 0)), close_enough);
  expect_near(what, have->lo, number(js_at(want, 1)), close_enough);
  expect_near(what, have->hi, number(js_at(want, 2)), close_enough);
}

static void ranks_and_correlations_are_scipys(void **state) {
  (void)state;
  double x[MOST], y[MOST], want[MOST], have[MOST], rho;
  int64_t n = numbers(js_get(reference, "score"), x);
  numbers(js_get(reference, "other"), y);
  numbers(js_get(reference, "ranks"), want);
  assert_int_equal(stat_ranks(x, n, have, NULL), LOCI_OK);
  for (int64_t i = 0; i < n; i++) assert_true(have[i] == want[i]);
  assert_int_equal(stat_spearman(x, y, n, &rho, NULL), LOCI_OK);
  expect_near("Spearman", rho, number(js_get(reference, "spearman")), close_enough);
  for (int64_t i = 0; i < n; i++) y[i] = exp(x[i]) - 3;
  assert_int_equal(stat_spearman(x, y, n, &rho, NULL), LOCI_OK);
  expect_near("of a rising function", rho, 1, close_enough);
  for (int64_t i = 0; i < n; i++) y[i] = 2;
  assert_int_equal(stat_spearman(x, y, n, &rho, NULL), LOCI_OK);
  assert_true(isnan(rho));
}

static void proportions_have_wilsons_interval(void **state) {
  (void)state;
  const js_value *rows = js_get(reference, "wilson");
  assert_true(js_count(rows) > 0);
  for (int64_t i = 0; i < js_count(rows); i++) {
    double row[MOST];
    numbers(js_at(rows, i), row);
    loci_interval have = stat_proportion((int64_t)row[0], (int64_t)row[1]);
    expect_near("share", have.value, row[0] / row[1], close_enough);
    expect_near("lower end", have.lo, row[2], close_enough);
    expect_near("upper end", have.hi, row[3], close_enough);
  }
  assert_true(isnan(stat_proportion(0, 0).value));
}

static double mean_of(const void *ctx, const int *times, int64_t n) {
  const double *x = ctx;
  double sum = 0;
  for (int64_t i = 0; i < n; i++) sum += times[i] * x[i];
  return sum / (double)n;
}

static void bootstrap_and_auroc_are_the_references(void **state) {
  (void)state;
  double x[MOST];
  bool label[MOST];
  stat_roc roc;
  loci_interval have;
  arena *mem = arena_new();
  assert_non_null(mem);
  int64_t n = numbers(js_get(reference, "score"), x);
  flags(js_get(reference, "label"), label);
  assert_int_equal(stat_bootstrap(mean_of, x, n, 9, NULL, &have, NULL), LOCI_OK);
  expect_interval("mean", &have, js_get(reference, "mean"));
  assert_int_equal(stat_roc_new(x, label, n, mem, &roc, NULL), LOCI_OK);
  assert_int_equal(stat_bootstrap(stat_auroc, &roc, n, 9, NULL, &have, NULL), LOCI_OK);
  expect_interval("AUROC", &have, js_get(reference, "auroc"));
  double have_curve[2][MOST], want[MOST];
  int64_t corners = stat_roc_curve(&roc, have_curve[0], have_curve[1]);
  for (int k = 0; k < 2; k++) {
    assert_int_equal(numbers(js_at(js_get(reference, "roc"), k), want), corners);
    for (int64_t i = 0; i < corners; i++)
      expect_near("ROC", have_curve[k][i], want[i], close_enough);
  }
  arena_free(mem);
}

/* The area below the curve is the chance of the right order; reversed scores give one minus it. */
static void auroc_is_the_area_below_the_curve(void **state) {
  (void)state;
  enum { N = 200 };
  double x[N], minus[N], f[N + 1], t[N + 1], area = 0, pairs = 0, right = 0;
  bool label[N];
  int times[N];
  stat_roc roc, reversed;
  random_source r = random_new(3);
  arena *mem = arena_new();
  assert_non_null(mem);
  for (int i = 0; i < N; i++) {
    x[i] = (double)random_below(&r, 20);
    minus[i] = -x[i];
    label[i] = random_unit(&r) < 0.1 + x[i] / 25;
    times[i] = 1;
  }
  for (int i = 0; i < N; i++) {
    for (int k = 0; k < N; k++) {
      if (!label[i] || label[k]) continue;
      pairs++;
      right += x[i] > x[k] ? 1 : x[i] == x[k] ? 0.5 : 0;
    }
  }
  assert_int_equal(stat_roc_new(x, label, N, mem, &roc, NULL), LOCI_OK);
  assert_int_equal(stat_roc_new(minus, label, N, mem, &reversed, NULL), LOCI_OK);
  int64_t corners = stat_roc_curve(&roc, f, t);
  for (int64_t i = 1; i < corners; i++) area += (f[i] - f[i - 1]) * (t[i] + t[i - 1]) / 2;
  expect_near("pairs", stat_auroc(&roc, times, N), right / pairs, close_enough);
  expect_near("area", area, right / pairs, close_enough);
  expect_near("reversed", stat_auroc(&reversed, times, N), 1 - right / pairs, close_enough);
  for (int i = 0; i < N; i++) label[i] = true;
  assert_int_equal(stat_roc_new(x, label, N, mem, &roc, NULL), LOCI_OK);
  assert_true(isnan(stat_auroc(&roc, times, N)));
  arena_free(mem);
}

static void splits_keep_sizes_and_shares(void **state) {
  (void)state;
  enum { N = 103 };
  bool positive[N];
  int part[N], again[N], other[N];
  for (int i = 0; i < N; i++) positive[i] = i % 5 == 0; /* 21 of them */
  assert_int_equal(stat_split(positive, N, 4, 7, part, NULL), LOCI_OK);
  assert_int_equal(stat_split(positive, N, 4, 7, again, NULL), LOCI_OK);
  assert_int_equal(stat_split(positive, N, 4, 8, other, NULL), LOCI_OK);
  assert_memory_equal(part, again, sizeof part);
  assert_memory_not_equal(part, other, sizeof part);
  for (int p = 0; p < 4; p++) {
    int size = 0, positives = 0;
    for (int i = 0; i < N; i++) {
      if (part[i] != p) continue;
      size++;
      positives += positive[i];
    }
    assert_in_range(size, 25, 26);
    assert_in_range(positives, 5, 6);
  }
}

/* ---------------------------------------------------------------- probes */

typedef struct probe_case {
  float x[MOST];
  bool y[MOST];
  int fold[MOST];
  probe_data data;
} probe_case;

static void read_probe(const js_value *v, double scale, probe_case *out) {
  memset(out, 0, sizeof *out);
  double row[MOST];
  const js_value *rows = js_get(v, "x");
  out->data.n = js_count(rows);
  for (int64_t i = 0; i < out->data.n; i++) {
    out->data.width = numbers(js_at(rows, i), row);
    assert_true((i + 1) * out->data.width <= MOST);
    for (int64_t k = 0; k < out->data.width; k++)
      out->x[i * out->data.width + k] = (float)((double)(float)row[k] / scale);
  }
  flags(js_get(v, "y"), out->y);
  numbers(js_get(v, "fold"), row);
  for (int64_t i = 0; i < out->data.n; i++) out->fold[i] = (int)row[i];
  out->data.x = out->x;
  out->data.y = out->y;
}

static void probes_are_scikit_learns(void **state) {
  (void)state;
  const js_value *probes = js_get(reference, "probes");
  assert_int_equal(js_count(probes), 3);
  for (int p = 0; p < 3; p++) {
    probe_case c;
    double have[MOST], want[MOST];
    const js_value *v = js_at(probes, p);
    read_probe(v, number(js_get(v, "scale")), &c);
    assert_int_equal(probe_fit(&c.data, number(js_get(v, "penalty")), NULL, have, NULL), LOCI_OK);
    assert_int_equal(numbers(js_get(v, "weights"), want), c.data.width + 1);
    for (int64_t i = 0; i <= c.data.width; i++)
      expect_near("weight", have[i], want[i], close_for_f32);
    read_probe(v, 1, &c);
    assert_int_equal(probe_cross_validate(&c.data, c.fold, 3, NULL, have, NULL), LOCI_OK);
    assert_int_equal(numbers(js_get(v, "cross"), want), c.data.n);
    for (int64_t i = 0; i < c.data.n; i++) expect_near("score", have[i], want[i], close_for_f32);
  }
}

/* What an example is worth to its own score: nothing, in cross-validation. */
static void a_score_does_not_know_its_own_fold(void **state) {
  (void)state;
  probe_case c;
  double before[MOST], after[MOST];
  read_probe(js_at(js_get(reference, "probes"), 0), 1, &c);
  assert_int_equal(probe_cross_validate(&c.data, c.fold, 3, NULL, before, NULL), LOCI_OK);
  for (int64_t i = 0; i < c.data.n; i++) {
    if (c.fold[i] == 1) c.y[i] = !c.y[i];
  }
  assert_int_equal(probe_cross_validate(&c.data, c.fold, 3, NULL, after, NULL), LOCI_OK);
  for (int64_t i = 0; i < c.data.n; i++) {
    if (c.fold[i] == 1) assert_true(before[i] == after[i]);
    if (c.fold[i] != 1) assert_true(before[i] != after[i]);
  }
}

static void a_running_mean_is_the_mean(void **state) {
  (void)state;
  const double x[] = {3, 1, 4, 1, 5};
  stat_running r = {0};
  assert_true(isnan(stat_running_mean(&r).value));
  for (int i = 0; i < 5; i++) {
    stat_running_add(&r, x[i]);
    if (i == 0) assert_true(isnan(stat_running_mean(&r).lo));
  }
  loci_interval m = stat_running_mean(&r);
  /* mean 2.8, variance 12.8 / 4 */
  assert_true(fabs(m.value - 2.8) < 1e-12);
  assert_true(fabs(m.hi - (2.8 + 1.959963984540054 * sqrt(3.2 / 5))) < 1e-12);
  assert_true(fabs(m.value - m.lo - (m.hi - m.value)) < 1e-12);
}

int main(void) {
  static const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_running_mean_is_the_mean),
      cmocka_unit_test(ranks_and_correlations_are_scipys),
      cmocka_unit_test(proportions_have_wilsons_interval),
      cmocka_unit_test(bootstrap_and_auroc_are_the_references),
      cmocka_unit_test(auroc_is_the_area_below_the_curve),
      cmocka_unit_test(splits_keep_sizes_and_shares),
      cmocka_unit_test(probes_are_scikit_learns),
      cmocka_unit_test(a_score_does_not_know_its_own_fold),
  };
  return cmocka_run_group_tests(tests, open_reference, close_reference);
}
