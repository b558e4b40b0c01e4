/* What is made of a covariance of keys costs F^2 numbers and F^3 steps: it is counted before it is
 * made, and stops where somebody wants it to. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "edit/update.h"

#include <cmocka.h>

enum { F = 96 };

typedef struct setting {
  float values[F * F];
  loci_covariance c;
  loci_model m;
  loci_edit_opts o;
  loci_edit_settings set;
  problem like;
  int asked, most; /* times that somebody may be asked */
} setting;

static bool ask(void *ctx, const char *stage, double done, double total) {
  setting *s = ctx;
  assert_string_equal(stage, "covariance");
  assert_true(done >= 0 && done <= total);
  return s->asked++ < s->most;
}

static void begin(setting *s, edit_method method) {
  random_source r = random_new(3);
  memset(s, 0, sizeof *s);
  for (int row = 0; row < 2 * F; row++) {
    float x[F];
    for (int i = 0; i < F; i++) x[i] = (float)random_gaussian(&r);
    for (int i = 0; i < F * F; i++) s->values[i] += x[i / F] * x[i % F] / (2 * F);
  }
  s->c = (loci_covariance){.layer = 5, .inner = F, .values = s->values};
  s->m = (loci_model){.threads = 1, .memory = 1 << 30};
  s->set = (loci_edit_settings){.null_below = 0.3, .ridge = 1e-3};
  s->o = (loci_edit_opts){.progress = ask, .progress_ctx = s};
  s->like = (problem){.m = &s->m, .opts = &s->o, .set = &s->set, .method = method};
  s->most = 1 << 30;
}

/* What is counted is no less than what is taken: the factor's numbers, or these and the rotations.
 */
static void it_is_counted_against_the_memory(void **state) {
  (void)state;
  static const edit_method methods[] = {MEMIT, ALPHAEDIT};
  for (int i = 0; i < 2; i++) {
    setting s;
    key_metric *k;
    loci_err err;
    begin(&s, methods[i]);
    int64_t bytes = key_metric_bytes(methods[i], F);
    assert_true(bytes >= F * F * (int64_t)(i == 0 ? 8 : 24));
    s.m.memory = bytes - 1;
    assert_int_equal(key_metric_new(&s.c, &s.like, &k, &err), LOCI_ENOMEM);
    assert_null(k);
    assert_non_null(strstr(err.msg, "the covariance of layer 5 needs"));
    assert_non_null(strstr(err.msg, "--memory allows"));
    s.m.memory = bytes;
    assert_int_equal(key_metric_new(&s.c, &s.like, &k, &err), LOCI_OK);
    key_metric_free(k);
  }
}

/* Wherever it is stopped, nothing is left of it. */
static void it_stops(void **state) {
  (void)state;
  static const edit_method methods[] = {MEMIT, ALPHAEDIT};
  for (int i = 0; i < 2; i++) {
    setting s;
    key_metric *k;
    loci_err err;
    begin(&s, methods[i]);
    assert_int_equal(key_metric_new(&s.c, &s.like, &k, &err), LOCI_OK);
    key_metric_free(k);
    int all = s.asked;
    assert_true(all > 5);
    for (s.most = 0; s.most < all; s.most += all / 5) {
      s.asked = 0;
      assert_int_equal(key_metric_new(&s.c, &s.like, &k, &err), LOCI_ECANCELLED);
      assert_null(k);
      assert_int_equal(s.asked, s.most + 1);
    }
  }
}

/* Values that no keys have: a projection on their eigenvectors would take any of them. */
static void what_is_no_covariance_is_refused(void **state) {
  (void)state;
  static const edit_method methods[] = {MEMIT, ALPHAEDIT};
  static const struct {
    int at;
    float factor;
    const char *why;
  } changes[] = {
      {-1, 0, "all zeros"},            /* everything */
      {7 * F + 7, -1, "element 7 of"}, /* the diagonal */
      {7 * F + 7, INFINITY, "is inf"},
      {7 * F + 7, NAN, "is nan"},
      {7 * F + 8, -3, "(8,7) and (7,8)"}, /* one of a pair */
      {7 * F + 8, NAN, "(8,7) and (7,8)"},
      {8 * F + 7, 1e6F, "not symmetric"},
  };
  for (size_t i = 0; i < 2 * sizeof changes / sizeof *changes; i++) {
    setting s;
    key_metric *k;
    loci_err err;
    begin(&s, methods[i % 2]);
    int at = changes[i / 2].at;
    for (int j = 0; j < F * F; j++)
      if (at < 0 || j == at) s.values[j] *= changes[i / 2].factor;
    assert_int_equal(key_metric_new(&s.c, &s.like, &k, &err), LOCI_EFORMAT);
    assert_null(k);
    assert_non_null(strstr(err.msg, changes[i / 2].why));
    assert_int_equal(s.asked, 0); /* before the work */
  }
}

/* No pair of elements gives it away, and C^-1 would not exist; a projection would. */
static void an_indefinite_matrix_is_refused(void **state) {
  (void)state;
  setting s;
  key_metric *k;
  loci_err err;
  begin(&s, ALPHAEDIT);
  for (int i = 0; i < F; i++)
    for (int j = 0; j < F; j++) s.values[i * F + j] *= i == j ? 1 : -1; /* 2 diag(C) - C */
  for (int i = 0; i < F; i++)
    for (int j = 0; j < F; j++) /* more alike than keys of noise are */
      if (i != j) s.values[i * F + j] -= 0.3F * sqrtf(s.values[i * F + i] * s.values[j * F + j]);
  assert_int_equal(key_metric_new(&s.c, &s.like, &k, &err), LOCI_EFORMAT);
  assert_null(k);
  assert_non_null(strstr(err.msg, "eigenvalues are below 0"));
}

/* The square of a unit that is all but off underflows; its products with others do not. */
static void a_unit_that_is_all_but_off_is_taken(void **state) {
  (void)state;
  setting s;
  key_metric *k;
  begin(&s, MEMIT);
  for (int i = 0; i < F; i++) s.values[7 * F + i] = s.values[i * F + 7] = i == 7 ? 0 : 1e-24F;
  assert_int_equal(key_metric_new(&s.c, &s.like, &k, NULL), LOCI_OK);
  key_metric_free(k);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(it_is_counted_against_the_memory),
      cmocka_unit_test(it_stops),
      cmocka_unit_test(what_is_no_covariance_is_refused),
      cmocka_unit_test(an_indefinite_matrix_is_refused),
      cmocka_unit_test(a_unit_that_is_all_but_off_is_taken),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
