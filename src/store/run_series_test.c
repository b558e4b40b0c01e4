/* What a store says its numbers are is held to what measurements give, whoever wrote it. */
#include "store/numbers.h"
#include "store/store.h"
#include "sized.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static const char path[] = "run_series_test.db";

static void must(loci_status st, const loci_err *err) {
  if (st) fail_msg("%s", err->msg);
}

/* A store of one trace in a model of four layers, of one example, and then [change]. */
static void write_store(const char *change) {
  loci_store *s;
  loci_err err;
  unlink(path);
  must(loci_store_open(path, true, &s, &err), &err);
  must(db_exec(
           s->d,
           "INSERT INTO run VALUES (1, 'trace', '{\"corrupt\":\"mean\"}', '{\"layers\":4}', 'q', "
           "''),"
           " (2, 'trace', '{\"corrupt\":\"noise\"}', '{\"layers\":4}', 'q', '');"
           "INSERT INTO example (example, key, line) VALUES (1, 'k', 1), (2, 'l', 2);"
           "INSERT INTO result (result, run, example, seconds) VALUES (1, 1, 1, 1), (2, 1, 2, 1);"
           "INSERT INTO series VALUES (1, 1, 'total effect', 0, '', 0, 1),"
           " (2, 1, 'mlp_out', 1, 'last', 0, 4), (3, 2, 'mlp_out', 1, 'last', 0, 4);"
           "INSERT INTO value VALUES (1, 1, '[0.5]'), (1, 2, '[0.1,0.2,null,-0.3]'),"
           " (2, 1, '[0.5]'), (2, 2, '[0.1,0.2,1,1.0000001]')",
           &err),
       &err);
  must(db_exec(s->d, change, &err), &err);
  loci_store_close(s);
}

static loci_status average(loci_err *err) {
  loci_store *s;
  loci_average *a;
  TRY(loci_store_open(path, false, &s, err));
  loci_status st = loci_store_average(s, SIZED(loci_store_opts, .run = 1), &a, err);
  loci_store_close(s);
  loci_free(a);
  return st;
}

/* Its rows go to another store. */
static loci_status merge(loci_err *err) {
  static const char to[] = "run_series_test_merged.db";
  loci_store *s;
  unlink(to);
  TRY(loci_store_open(to, true, &s, err));
  loci_status st = store_add(s, path, err);
  loci_store_close(s);
  unlink(to);
  return st;
}

static void what_a_trace_gives_is_averaged(void **state) {
  loci_err err;
  (void)state;
  write_store("");
  must(average(&err), &err);
  must(merge(&err), &err);
}

static void what_no_measurement_gives_is_refused(void **state) {
  static const struct {
    const char *change, *says;
    bool merges; /* only its run and its model tell */
  } bad[] = {
      {"UPDATE series SET place = 'nowhere' WHERE series = 2", "\"mlp_out\" at \"nowhere\"", false},
      {"UPDATE series SET quantity = 'mlp_in' WHERE series = 2", "a series \"mlp_in\"", false},
      {"UPDATE series SET quantity = 'mlp_out, twice' WHERE series = 2", "\"mlp_out, twice\"",
       false},
      {"UPDATE series SET quantity = 'z, 3 heads' WHERE series = 2", "\"z, 3 heads\"", false},
      {"UPDATE series SET window = 9 WHERE series = 2", "window 9", true},
      {"UPDATE series SET window = -3 WHERE series = 2", "window -3", false},
      {"UPDATE series SET window = 4294967297 WHERE series = 2", "makes no sense", false},
      {"UPDATE series SET first = 1 WHERE series = 2", "from layer 1 on", true},
      {"UPDATE value SET x = '[7]' WHERE series = 1", "the number 7 as total effect", false},
      {"UPDATE value SET x = '[0,0,0,1.5]' WHERE series = 2", "the number 1.5 as mlp_out", false},
      {"UPDATE value SET series = 3 WHERE series = 2", "series 3, which is not of their run", true},
      {"UPDATE value SET series = 99 WHERE series = 2", "series 99, which is not of their", false},
      {"UPDATE result SET seconds = -1 WHERE result = 1", "the number -1 as seconds", false},
      {"UPDATE series SET quantity = 'confidence' WHERE series = 1", "no trace of its model", true},
      {"UPDATE series SET window = 0 WHERE series = 2", "window 0", false},
      {"UPDATE result SET right = 7", "neither right (1) nor wrong (0): 7", false},
      {"UPDATE result SET right = 'no'", "neither right (1) nor wrong (0): no", false},
      {"UPDATE result SET right = 0.5", "neither right (1) nor wrong (0): 0.5", false},
      {"UPDATE value SET x = x || char(0) || 'x' WHERE series = 1", "numbers is missing", false},
      {"UPDATE run SET model = '[]'", "a model without layers", true},
      {"UPDATE example SET answers = '[x'", "not valid JSON", true},
      {"DELETE FROM example WHERE example = 2", "1 of 2 results are of examples", true},
  };
  (void)state;
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    loci_err err;
    write_store(bad[i].change);
    assert_int_equal(average(&err), LOCI_EFORMAT);
    if (!strstr(err.msg, bad[i].says) || !strstr(err.msg, path))
      fail_msg("%s: %s", bad[i].change, err.msg);
    if (!bad[i].merges) assert_int_equal(merge(&err), LOCI_EFORMAT);
  }
}

/* Verdicts are no shares, tokens no fractions; a heat map has changes of p. */
static void other_numbers_are_held_to_what_they_are(void **state) {
  static const char *const bad[] = {
      "UPDATE series SET quantity = 'right' WHERE series = 1",
      "UPDATE series SET quantity = 'top visual tokens' WHERE series = 1",
      "INSERT INTO grid VALUES (1, 'mlp_out', 1, 0, 1, '[\"a\"]', x'0000C03F')",
      "UPDATE result SET first_right = -1",
      "UPDATE result SET seconds = 'long'",
      "UPDATE example SET line = 0 WHERE example = 1",
      "UPDATE example SET line = 'one' WHERE example = 1",
      "UPDATE run SET model = '{' WHERE run = 1",
      "UPDATE run SET model = '{\"layers\":-4}' WHERE run = 1",
  };
  (void)state;
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    loci_err err;
    write_store(bad[i]);
    if (merge(&err) != LOCI_EFORMAT || !strstr(err.msg, path))
      fail_msg("%s: not refused by name", bad[i]);
  }
}

static void a_store_of_which_nothing_is_used_is_named(void **state) {
  loci_err err;
  (void)state;
  write_store("DELETE FROM value WHERE series = 1");
  assert_int_equal(average(&err), LOCI_EINVAL);
  assert_non_null(strstr(err.msg, "run_series_test.db: no example can be used"));
}

/* A mean that status and studies print is of the same numbers. */
static void headlines_are_held_to_it(void **state) {
  loci_store *s;
  loci_store_info *info;
  loci_err err;
  (void)state;
  write_store("UPDATE value SET x = '[7]' WHERE series = 1");
  must(loci_store_open(path, false, &s, &err), &err);
  assert_int_equal(loci_store_info_new(s, NULL, NULL, &info, &err), LOCI_EFORMAT);
  assert_non_null(strstr(err.msg, "the number 7 as total effect"));
  loci_store_close(s);
}

static void names_of_series_are_told_from_others(void **state) {
  static const struct {
    series_key key;
    bool is;
    const char *job;
  } all[] = {
      {{"clean p", 0, "", 0, 1}, true, ""},
      {{"z, noise, 12 heads, logit_diff", 3, "constraint-last", 1, 36}, true, ""},
      {{"z, noise, 12 heads, logit_diff", 3, "constraint-last", 2, 36}, false, ""},
      {{"mlp_out, noise, set", 0, "all of image: random sets", 0, 1}, true, ""},
      {{"z, right", 1, "all of last, another example's", 0, 4}, true, ""},
      {{"visual tokens", 0, "", 0, 576}, true, ""},
      {{"p", LOCI_ONWARD, "image -> last", 0, 4}, true, ""},
      {{"p", 3, "image -> last: random layers", 0, 4}, true, ""},
      {{"z, 0 heads", 1, "last", 0, 4}, false, ""},
      {{"z, 99999999999 heads", 1, "last", 0, 4}, false, ""},
      {{"z, 2 headsets", 1, "last", 0, 4}, false, ""},
      {{"z,", 1, "last", 0, 4}, false, ""},
      {{"", 0, "", 0, 1}, false, ""},
      {{"clean p", 0, "", 0, 1}, true, "lens"},
      {{"clean p", 0, "", 0, 1}, false, "ask"},
      {{"clean p", 0, "", 0, 3}, false, ""},
      {{"clean p", 0, "", 3, 1}, false, ""},
      {{"clean p", 3, "", 0, 1}, false, ""},
      {{"clean p", 0, "last", 0, 1}, false, ""},
      {{"first token right", 0, "", 0, 1}, true, "ask"},
      {{"first token right", 3, "image -> last", 0, 4}, true, "knockout"},
      {{"first token right", 3, "image -> last", 0, 4}, false, "ask"},
      {{"mlp_out", 0, "last", 0, 4}, false, ""},
      {{"mlp_out", 1, "", 0, 4}, false, ""},
      {{"mlp_out", 1, "image -> last", 0, 4}, false, ""},
      {{"mlp_out", 1, "last", 0, 4}, false, "lens"},
      {{"mlp_out, set", 0, "all of last: set", 0, 4}, false, ""},
      {{"mlp_out, right", 1, "last", 0, 4}, false, ""},
      {{"p of the target", 0, "all of last", 0, 4}, false, ""},
      {{"visual tokens", 0, "last", 0, 576}, false, ""},
  };
  (void)state;
  for (size_t i = 0; i < sizeof all / sizeof *all; i++)
    if (average_is_series(&all[i].key, all[i].job, 4) != all[i].is)
      fail_msg("%s", all[i].key.quantity);
  assert_true(average_is_series(&(series_key){"z", 40, "last", 80, 20}, "", 0)); /* nobody knows */
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(what_a_trace_gives_is_averaged),
      cmocka_unit_test(what_no_measurement_gives_is_refused),
      cmocka_unit_test(other_numbers_are_held_to_what_they_are),
      cmocka_unit_test(a_store_of_which_nothing_is_used_is_named),
      cmocka_unit_test(headlines_are_held_to_it),
      cmocka_unit_test(names_of_series_are_told_from_others),
  };
  int failed = cmocka_run_group_tests(tests, NULL, NULL);
  unlink(path);
  return failed;
}
