/* What loci_store_browse heads the rows of each kind of run by: the number that the kind's own job
 * calls its headline, as the store has it. */
#include "store/store.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static const char path[] = "browse_test.db";

/* A run of each kind, of one example whose headline is 0.25. */
static void write_runs(arena *mem) {
  loci_store *s;
  loci_err err;
  char text[900];
  const char *kind;
  unlink(path);
  assert_int_equal(loci_store_open(path, true, &s, &err), LOCI_OK);
  assert_int_equal(db_exec(s->d,
                           "INSERT INTO example (example, key, line, question) VALUES"
                           " (1, 'k', 1, '\303\226sterreich')",
                           &err),
                   LOCI_OK);
  for (int i = 0; (kind = loci_name(LOCI_NAMES_STUDY, i)) != NULL; i++) {
    average_job *job;
    assert_int_equal(job_of(&(loci_average_opts){.what = kind}, NULL, true, mem, &job, &err),
                     LOCI_OK);
    snprintf(text, sizeof text,
             "INSERT INTO run VALUES (%d, '%s', 'settings %d', '{}', 'q', '');"
             "INSERT INTO result (result, run, example) VALUES (%d, %d, 1);"
             "INSERT INTO series VALUES (%d, %d, '%s', 0, '', 0, 1);"
             "INSERT INTO value VALUES (%d, %d, '[0.25]')",
             i + 1, kind, i, i + 1, i + 1, i + 1, i + 1, job->headline, i + 1, i + 1);
    assert_int_equal(db_exec(s->d, text, &err), LOCI_OK);
  }
  loci_store_close(s);
}

static char *browse(int64_t run, const char *words) {
  loci_store *s;
  loci_err err;
  char *json;
  assert_int_equal(loci_store_open(path, false, &s, &err), LOCI_OK);
  const loci_store_browse_opts o = {.size = sizeof o, .run = run, .text = words};
  if (loci_store_browse(s, &o, &json, &err)) fail_msg("%s", err.msg);
  loci_store_close(s);
  return json;
}

/* A step of these may take minutes, which no watch over steps can end. */
static void statements_have_no_functions_without_an_end(void **state) {
  static const char *const long_ones[] = {"printf('%.*c', 2000000000, 'x')",
                                          "format('%.*c', 2000000000, 'x')", "trim('a', 'b')",
                                          "ltrim('a', 'b')", "rtrim('a', 'b')"};
  loci_store *s;
  loci_err err;
  char *json, text[100];
  (void)state;
  assert_int_equal(loci_store_open(path, false, &s, &err), LOCI_OK);
  for (size_t i = 0; i < sizeof long_ones / sizeof *long_ones; i++) {
    snprintf(text, sizeof text, "SELECT %s", long_ones[i]);
    const loci_store_browse_opts o = {.size = sizeof o, .sql = text};
    assert_int_not_equal(loci_store_browse(s, &o, &json, &err), LOCI_OK);
    assert_non_null(strstr(err.msg, "not authorized to use function"));
  }
  const loci_store_browse_opts o = {.size = sizeof o, .sql = "SELECT round(1.5), upper('a')"};
  assert_int_equal(loci_store_browse(s, &o, &json, &err), LOCI_OK);
  loci_text_free(json);
  loci_store_close(s);
}

static void rows_of_every_kind_have_their_headline(void **state) {
  const char *kind;
  (void)state;
  arena *mem = arena_new();
  assert_non_null(mem);
  write_runs(mem);
  for (int i = 0; (kind = loci_name(LOCI_NAMES_STUDY, i)) != NULL; i++) {
    char *json = browse(i + 1, NULL);
    if (!strstr(json, "\"effect\":0.25")) fail_msg("%s has no headline: %s", kind, json);
    loci_text_free(json);
  }
  arena_free(mem);
}

/* One example's page has its numbers as a report has them: none that no measurement gives. */
static void an_example_has_no_number_that_no_measurement_gives(void **state) {
  static const char *const bad[] = {"UPDATE value SET x = '[{}]' WHERE result = 1",
                                    "UPDATE value SET x = '[0.1,0.2]' WHERE result = 1",
                                    "UPDATE value SET x = '[7]' WHERE result = 1",
                                    "UPDATE series SET quantity = 'mlp_in' WHERE run = 1",
                                    "UPDATE result SET right = 'no' WHERE result = 1"};
  (void)state;
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    loci_store *s;
    loci_err err;
    char *json;
    arena *mem = arena_new();
    assert_non_null(mem);
    write_runs(mem);
    arena_free(mem);
    const loci_store_browse_opts o = {.size = sizeof o, .run = 1, .result = 1};
    assert_int_equal(loci_store_open(path, true, &s, &err), LOCI_OK);
    assert_int_equal(loci_store_browse(s, &o, &json, &err), LOCI_OK);
    loci_text_free(json);
    assert_int_equal(db_exec(s->d, bad[i], &err), LOCI_OK);
    if (loci_store_browse(s, &o, &json, &err) != LOCI_EFORMAT) fail_msg("%s", bad[i]);
    assert_non_null(strstr(err.msg, path));
    loci_store_close(s);
  }
  unlink(path);
}

/* SQLite's letters are ASCII's: others have to be as they stand. */
static void words_are_found_whatever_their_case(void **state) {
  (void)state;
  const char *words[] = {"sterreich", "STERREICH", "\303\226STERreich"};
  for (int i = 0; i < 3; i++) {
    char *json = browse(1, words[i]);
    if (!strstr(json, "\"total\":1")) fail_msg("%s is not found: %s", words[i], json);
    loci_text_free(json);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(rows_of_every_kind_have_their_headline),
      cmocka_unit_test(statements_have_no_functions_without_an_end),
      cmocka_unit_test(words_are_found_whatever_their_case),
      cmocka_unit_test(an_example_has_no_number_that_no_measurement_gives)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
