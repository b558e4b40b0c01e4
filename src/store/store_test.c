/* What a store gives back, and what it makes of files that are none. */
#include "store/store.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[] = "/tmp/loci-store-XXXXXX", path[64];

static void must(loci_status st, const loci_err *err) {
  if (st) fail_msg("%s", err->msg);
}

static int begin(void **state) {
  (void)state;
  snprintf(path, sizeof path, "%s/s.db", folder);
  unlink(path);
  return 0;
}

static void sql(const char *text) {
  db *d;
  loci_err err;
  must(db_open(path, DB_CREATE, &d, &err), &err);
  must(db_exec(d, text, &err), &err);
  db_close(d);
}

/* A store with one run of one example, whose total effect is [effect] in JSON. */
static void write_store(const char *points, const char *effect) {
  loci_store *s;
  loci_err err;
  char text[600];
  must(loci_store_open(path, true, &s, &err), &err);
  loci_store_close(s);
  snprintf(
      text, sizeof text,
      "INSERT INTO run VALUES (1, 'trace', '{\"corrupt\":\"mean\"}', '{\"layers\":2}', 'q', '');"
      "INSERT INTO example (example, key, line) VALUES (1, 'k', 1);"
      "INSERT INTO result (result, run, example) VALUES (1, 1, 1);"
      "INSERT INTO series VALUES (1, 1, 'total effect', 0, '', 0, %s);"
      "INSERT INTO value VALUES (1, 1, '%s');",
      points, effect);
  sql(text);
}

static loci_status average(loci_average **out, loci_err *err) {
  loci_store *s;
  *out = NULL;
  TRY(loci_store_open(path, false, &s, err));
  loci_status st = loci_store_average(s, 0, 0.1, 0, out, err);
  loci_store_close(s);
  return st;
}

static void numbers_come_back_bit_for_bit(void **state) {
  (void)state;
  loci_average *a;
  loci_err err;
  const double x = 0.1 + 0.2; /* 0.30000000000000004 */
  char text[40];
  snprintf(text, sizeof text, "[%.17g]", x);
  write_store("1", text);
  must(average(&a, &err), &err);
  assert_string_equal(a->title, "Causal traces, mean");
  assert_int_equal(a->sample.used, 1);
  assert_int_equal(a->number_count, 1);
  assert_true(a->numbers[0].value.value == x);
  loci_average_free(a);
}

static void rows_without_sense_are_refused(void **state) {
  static const struct {
    const char *points, *x;
  } bad[] = {{"1", "[0.5"},    {"1", "[]"},          {"1", "[0.5, 1]"},   {"1", "0.5"},
             {"1", "[\"x\"]"}, {"0", "[]"},          {"-1", "[0.5]"},     {"99999999999", "[0.5]"},
             {"1", ""},        {"1", "[[[[0.5]]]]"}, {"2", "[0.5,true]"}, {"4294967297", "[0.5]"}};
  (void)state;
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    loci_average *a;
    loci_err err;
    begin(NULL);
    write_store(bad[i].points, bad[i].x);
    assert_int_equal(average(&a, &err), LOCI_EFORMAT);
    assert_non_null(strstr(err.msg, path));
    assert_null(a);
  }
}

static void a_null_is_no_number(void **state) {
  loci_average *a;
  loci_err err;
  (void)state;
  write_store("1", "[null]");
  assert_int_equal(average(&a, &err), LOCI_EINVAL); /* its effect is not 0.1 or more */
  assert_non_null(strstr(err.msg, "no example can be used: 1 dropped"));
}

static void expect_refusal(const char *sentence, loci_status want) {
  loci_store *s;
  loci_err err;
  for (int writes = 0; writes < 2; writes++) {
    assert_int_equal(loci_store_open(path, writes, &s, &err), want);
    assert_null(s);
    if (!strstr(err.msg, sentence)) fail_msg("\"%s\" does not say: %s", err.msg, sentence);
  }
}

static void other_databases_are_left_alone(void **state) {
  (void)state;
  sql("CREATE TABLE mine (x)");
  expect_refusal("is an SQLite file, but no store of loci", LOCI_EFORMAT);
  begin(NULL);
  sql("PRAGMA application_id = 1819239273; PRAGMA user_version = 2; CREATE TABLE run (x)");
  expect_refusal("a store of version 2, this program knows 1", LOCI_EUNSUPPORTED);
}

static void one_writer_and_any_readers(void **state) {
  loci_store *writer, *second, *reader;
  loci_store_info *info;
  loci_err err;
  (void)state;
  write_store("1", "[0.5]");
  must(loci_store_open(path, true, &writer, &err), &err);
  assert_int_equal(loci_store_open(path, true, &second, &err), LOCI_EIO);
  assert_non_null(strstr(err.msg, "another loci is writing"));
  must(db_exec(writer->d,
               "BEGIN IMMEDIATE; INSERT INTO example (key, line) VALUES ('l', 2);"
               "INSERT INTO result (run, example) VALUES (1, 2)",
               &err),
       &err);
  for (int done = 0; done < 2; done++) {
    must(loci_store_open(path, false, &reader, &err), &err);
    must(loci_store_info_new(reader, &info, &err), &err);
    assert_int_equal(info->runs[0].used, 1 + done); /* what is not finished is not seen */
    loci_store_info_free(info);
    loci_store_close(reader);
    if (!done) must(db_exec(writer->d, "COMMIT", &err), &err);
  }
  loci_store_close(writer);
  must(loci_store_open(path, true, &writer, &err), &err);
  loci_store_close(writer);
}

static void a_reader_writes_nothing(void **state) {
  loci_store *s;
  loci_err err;
  (void)state;
  write_store("1", "[0.5]");
  must(loci_store_open(path, false, &s, &err), &err);
  assert_int_equal(db_exec(s->d, "DELETE FROM run", &err), LOCI_EIO);
  loci_run_state out;
  assert_int_equal(loci_store_run(s, NULL, NULL, NULL, &out, &err), LOCI_EINVAL);
  loci_store_close(s);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup(numbers_come_back_bit_for_bit, begin),
      cmocka_unit_test_setup(rows_without_sense_are_refused, begin),
      cmocka_unit_test_setup(a_null_is_no_number, begin),
      cmocka_unit_test_setup(other_databases_are_left_alone, begin),
      cmocka_unit_test_setup(one_writer_and_any_readers, begin),
      cmocka_unit_test_setup(a_reader_writes_nothing, begin),
  };
  if (!mkdtemp(folder)) return 1;
  int failed = cmocka_run_group_tests(tests, NULL, NULL);
  unlink(path);
  rmdir(folder);
  return failed;
}
