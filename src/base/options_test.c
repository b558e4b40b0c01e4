/* Options of other sizes: those of programs for an earlier and for a later library. */
#include "base/options.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h> /* last: its fail() is a macro */

typedef struct now {
  size_t size;
  int64_t first;
  double second;
} now;

/* What an earlier library had, and what a later one may have. */
typedef struct before {
  size_t size;
  int64_t first;
} before;
typedef struct after {
  now now;
  void *third;
} after;

static loci_status take(now *own, const void *given, loci_err *err) {
  memset(own, 0xAA, sizeof *own);
  return options_take(now, own, (const now *)given, err);
}

static void none_are_all_defaults(void **state) {
  (void)state;
  now own;
  assert_int_equal(take(&own, NULL, NULL), LOCI_OK);
  assert_int_equal(own.size, sizeof own);
  assert_true(own.first == 0 && own.second == 0);
}

static void options_are_copied(void **state) {
  (void)state;
  now own, given = {.size = sizeof given, .first = 7, .second = 0.5};
  assert_int_equal(take(&own, &given, NULL), LOCI_OK);
  assert_memory_equal(&own, &given, sizeof own);
}

/* Nothing after the program's own struct is read. */
static void a_shorter_struct_leaves_the_rest_to_its_default(void **state) {
  (void)state;
  struct {
    before given;
    double beyond;
  } program = {{.size = sizeof(before), .first = 7}, 99};
  now own;
  assert_int_equal(take(&own, &program, NULL), LOCI_OK);
  assert_int_equal(own.size, sizeof own);
  assert_true(own.first == 7 && own.second == 0);
}

static void a_longer_struct_may_say_only_what_is_known(void **state) {
  (void)state;
  now own;
  loci_err err;
  after given = {.now = {.size = sizeof given, .first = 7, .second = 0.5}};
  assert_int_equal(take(&own, &given, &err), LOCI_OK);
  assert_int_equal(own.size, sizeof own);
  assert_true(own.first == 7 && own.second == 0.5);
  given.third = &own;
  assert_int_equal(take(&own, &given, &err), LOCI_EINVAL);
  assert_non_null(strstr(err.msg, "now: 32 bytes, but loci"));
}

static void what_is_no_size_is_refused(void **state) {
  (void)state;
  static const size_t none[] = {0, 1, 4, 7, 12, 23, 25, 5000, (size_t)1 << 20, SIZE_MAX};
  for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
    now own, given = {.size = none[i]};
    loci_err err;
    assert_int_equal(take(&own, &given, &err), LOCI_EINVAL);
    assert_non_null(strstr(err.msg, "begin it with .size = sizeof"));
  }
}

/* Each public struct of options has its size first. */
static void sizes_come_first(void **state) {
  (void)state;
#define FIRST(type)                                                                                \
  assert_int_equal(offsetof(type, size), 0);                                                       \
  assert_int_equal(sizeof(((type *)0)->size), sizeof(size_t))
  FIRST(loci_model_opts);
  FIRST(loci_question);
  FIRST(loci_trace_opts);
  FIRST(loci_knockout_opts);
  FIRST(loci_flow_opts);
  FIRST(loci_lens_opts);
  FIRST(loci_draw_opts);
  FIRST(loci_bench_opts);
  FIRST(loci_study_opts);
  FIRST(loci_predict_opts);
  FIRST(loci_score_opts);
  FIRST(loci_edit_settings);
  FIRST(loci_edit_opts);
  FIRST(loci_edit_test_opts);
  FIRST(loci_edit_curve_opts);
  FIRST(loci_lint_opts);
  FIRST(loci_import_opts);
  FIRST(loci_annotate_opts);
  FIRST(loci_store_run_opts);
  FIRST(loci_store_opts);
  FIRST(loci_compare_opts);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(none_are_all_defaults),
      cmocka_unit_test(options_are_copied),
      cmocka_unit_test(a_shorter_struct_leaves_the_rest_to_its_default),
      cmocka_unit_test(a_longer_struct_may_say_only_what_is_known),
      cmocka_unit_test(what_is_no_size_is_refused),
      cmocka_unit_test(sizes_come_first),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
