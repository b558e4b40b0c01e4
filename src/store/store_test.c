/* What a store gives back, and what it makes of files that are none. */
#include "store/numbers.h"
#include "store/store.h"
#include "base/random.h"
#include "sized.h"

#include <float.h>
#include <math.h>
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
  loci_status st = loci_store_average(s, SIZED(loci_store_opts, .least_effect = 0.1), out, err);
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
  loci_free(a);
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

static void numbers_beyond_sense_are_not_exported(void **state) {
  loci_err err;
  loci_store *s;
  double x;
  char to[512];
  (void)state;
  write_store("1", "[0.5]");
  sql("UPDATE series SET first = 9223372036854775807");
  snprintf(to, sizeof to, "%s/out.csv", folder);
  must(loci_store_open(path, false, &s, &err), &err);
  assert_int_equal(loci_store_export(s, NULL, to, &err), LOCI_EFORMAT);
  assert_non_null(strstr(err.msg, path));
  assert_int_equal(access(to, F_OK), -1);
  loci_store_close(s);
  assert_int_equal(store_numbers(NULL, path, &x, 1, &err), LOCI_EFORMAT);
}

/* Rows as stores write them are read to the last bit as strtod reads them. */
static void plain_rows_are_read_exactly(void **state) {
  static const char *const odd[] = {"[1]",
                                    "[0.5,null]",
                                    "[-0.0]",
                                    "[1e22]",
                                    "[1e23]",
                                    "[01]",
                                    "[1.]",
                                    "[1e-30]",
                                    "[1,2,3]",
                                    "[1 ]",
                                    "[]",
                                    "[true]",
                                    "[1,]",
                                    "x",
                                    "[1]x",
                                    "[1e999]",
                                    "[nan]",
                                    "[--1]",
                                    "[1e+5]",
                                    "[12345678901234567890]",
                                    "[9007199254740993]",
                                    "[792970907939001894e-8]",
                                    "[227237016329377675e-13]",
                                    "[235290831978505980e-19]"};
  (void)state;
  random_source r = random_new(7);
  int plain = 0;
  for (int i = 0; i < 400000; i++) {
    char text[64];
    double x, wanted = random_gaussian(&r) * pow(10, (double)random_below(&r, 30) - 15);
    snprintf(text, sizeof text, "[%.*g]", i % 2 ? 12 : 17, wanted);
    wanted = strtod(text + 1, NULL);
    if (!store_plain_row(text, &x, 1)) continue;
    plain++;
    assert_memory_equal(&x, &wanted, sizeof x);
  }
  /* half of them have 17 digits, which only a long double of 64 bits reads at once (load.c) */
  assert_true(plain > (LDBL_MANT_DIG == 64 ? 300000 : 150000));
  for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) {
    double fast[2] = {0, 0}, slow[2] = {0, 0};
    int n = strchr(odd[i], ',') ? 2 : 1;
    loci_err err;
    if (!store_plain_row(odd[i], fast, n)) continue;
    assert_int_equal(store_numbers(odd[i], "row", slow, n, &err), LOCI_OK);
    assert_memory_equal(fast, slow, (size_t)n * sizeof *fast);
    assert_null(strchr("x]t", odd[i][1])); /* no text and no empty row */
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

static bool is_journaled_by(const char *kind) {
  db *d;
  db_query *q;
  bool row;
  loci_err err;
  must(db_open(path, DB_READ, &d, &err), &err);
  must(db_prepare(d, "PRAGMA journal_mode", &q, &err), &err);
  must(db_step(q, &row, &err), &err);
  bool same = row && strcmp(db_text(q, 0), kind) == 0;
  db_finish(q);
  db_close(d);
  return same;
}

static void other_databases_are_left_alone(void **state) {
  (void)state;
  sql("CREATE TABLE mine (x)");
  expect_refusal("is an SQLite file, but no store of loci", LOCI_EFORMAT);
  assert_true(is_journaled_by("delete")); /* as it was, not "wal" */
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
  assert_int_equal(loci_store_open(path, true, &second, &err), LOCI_ESYSTEM);
  assert_non_null(strstr(err.msg, "another loci is writing"));
  must(db_exec(writer->d,
               "BEGIN IMMEDIATE; INSERT INTO example (key, line) VALUES ('l', 2);"
               "INSERT INTO result (run, example) VALUES (1, 2)",
               &err),
       &err);
  for (int done = 0; done < 2; done++) {
    must(loci_store_open(path, false, &reader, &err), &err);
    must(loci_store_info_new(reader, NULL, NULL, &info, &err), &err);
    assert_int_equal(info->runs[0].used, 1 + done); /* what is not finished is not seen */
    loci_free(info);
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
  loci_store_run_state out;
  assert_int_equal(loci_store_run(s, NULL, NULL, NULL, &out, &err), LOCI_EINVAL);
  loci_store_close(s);
}

/* ---------------------------------------------------------------- comparisons */

/* A run of lens, [rows] examples of one quantity with two layers; keys from [key] on. */
static void write_run(int run, const char *setting, int key, const double (*x)[2], int rows) {
  char text[300];
  loci_store *s;
  loci_err err;
  must(loci_store_open(path, true, &s, &err), &err);
  loci_store_close(s);
  snprintf(text, sizeof text,
           "INSERT INTO run VALUES (%d, 'flow', '%s', '{\"layers\":2}', 'q', '');"
           "INSERT INTO series VALUES (%d, %d, 'constraint -> last', 0, '', 0, 2)",
           run, setting, run, run);
  sql(text);
  for (int i = 0; i < rows; i++) {
    snprintf(text, sizeof text,
             "INSERT OR IGNORE INTO example (example, key, line) VALUES (%d, 'k%d', %d);"
             "INSERT INTO result (result, run, example) VALUES (%d, %d, %d);"
             "INSERT INTO value VALUES (%d, %d, '[%.17g,%.17g]')",
             key + i, key + i, key + i, 100 * run + i, run, key + i, 100 * run + i, run, x[i][0],
             x[i][1]);
    sql(text);
  }
}

static loci_comparison *compare_with(loci_compare_opts o) {
  o.size = sizeof o;
  loci_store *s;
  loci_comparison *c;
  loci_err err;
  must(loci_store_open(path, false, &s, &err), &err);
  must(loci_store_compare(s, s, &o, &c, &err), &err);
  loci_store_close(s);
  return c;
}

static loci_comparison *compare(void) {
  return compare_with((loci_compare_opts){.run_a = 1, .run_b = 2});
}

static void near(double have, double want) {
  if (!(fabs(have - want) < 1e-12)) fail_msg("%.15g, not %.15g", have, want);
}

static const double before[3][2] = {{1, 5}, {2, 5}, {4, 5}};
static const double after[3][2] = {{2, 5.5}, {4, 4.5}, {7, 5}}; /* + 1, 2, 3; + 0.5, -0.5, 0 */

static void pairs_are_compared_in_pairs(void **state) {
  (void)state;
  write_run(1, "{\"a\":1}", 1, before, 3);
  write_run(2, "{\"a\":2}", 1, after, 3);
  loci_comparison *c = compare();
  assert_int_equal(c->pairs, 3);
  assert_int_equal(c->row_count, 1);
  assert_int_equal(c->tests, 2);
  const loci_compared *p = c->rows[0].points;
  near(p[0].a, 7.0 / 3);
  near(p[0].b, 13.0 / 3);
  near(p[0].difference.value, 2);
  assert_true(p[0].difference.lo < 2 && p[0].difference.hi > 2);
  /* t = 2 / (1 / sqrt 3): the differences 1, 2, 3 have deviation 1; df 2 has a closed form */
  near(p[0].p, 1 - 2 * sqrt(3) / sqrt(2 + 12));
  near(p[1].p, 1);
  near(p[0].q, 2 * p[0].p); /* the least of two */
  near(p[1].q, 1);
  near(c->rows[0].spearman, 1); /* (7/3, 5) and (13/3, 5) */
  assert_int_equal(c->rows[0].peak_a, 1);
  loci_free(c);
}

static void others_are_compared_as_groups(void **state) {
  (void)state;
  write_run(1, "{\"a\":1}", 1, before, 3);
  write_run(2, "{\"a\":2}", 11, after, 3);
  loci_comparison *c = compare();
  const loci_compared *p = c->rows[0].points;
  assert_int_equal(c->pairs, 0);
  near(p[0].difference.value, 2);
  /* variances 7/3 of 1, 2, 4 and 19/3 of 2, 4, 7 */
  /* Welch's t = 2 / sqrt(7/9 + 19/9) with df 1352 / 410; Student's density integrated by Simpson */
  near(p[0].p, 0.317219077288);
  loci_free(c);
}

static void ids_pair_what_lines_do_not(void **state) {
  (void)state;
  write_run(1, "{\"a\":1}", 1, before, 3);
  write_run(2, "{\"a\":2}", 11, after, 3);
  sql("UPDATE example SET id = 'x' || (example % 10) WHERE example % 10 < 3");
  loci_comparison *c = compare();
  assert_int_equal(c->pairs, 2);
  near(c->rows[0].points[0].difference.value, 1.5);
  loci_free(c);
}

/* Right and wrong answers of one run are two groups, even where an id is there twice. */
static void answers_of_one_run_are_groups(void **state) {
  (void)state;
  write_run(1, "{\"a\":1}", 1, before, 3);
  sql("UPDATE example SET id = 'x'; UPDATE result SET right = example < 3");
  loci_comparison *c = compare_with((loci_compare_opts){.by_right = true});
  assert_int_equal(c->pairs, 0);
  near(c->rows[0].points[0].difference.value, 4 - 1.5);
  near(c->rows[0].points[0].p, 1); /* one wrong answer: no error */
  loci_free(c);
}

static void one_pair_proves_nothing(void **state) {
  (void)state;
  write_run(1, "{\"a\":1}", 1, before, 1);
  write_run(2, "{\"a\":2}", 1, after, 1);
  loci_comparison *c = compare();
  near(c->rows[0].points[0].difference.value, 1);
  near(c->rows[0].points[0].p, 1);
  near(c->rows[0].points[0].q, 1);
  loci_free(c);
}

/* ---------------------------------------------------------------- merging */

static void a_store_that_is_written_to_is_merged(void **state) {
  loci_store *writer;
  loci_err err;
  char to[80];
  (void)state;
  snprintf(to, sizeof to, "%s/to.db", folder);
  write_store("1", "[0.5]");
  must(loci_store_open(path, true, &writer, &err), &err);
  must(db_exec(writer->d, "BEGIN IMMEDIATE; DELETE FROM result", &err), &err);
  const char *from = path;
  for (int twice = 0; twice < 2; twice++) { /* a new store, and one that is there */
    must(loci_store_merge(&from, 1, to, NULL, NULL, &err), &err);
  }
  loci_store_close(writer);
  unlink(to);
}

/* ---------------------------------------------------------------- the page */

/* A trace of [layers] x 600 cells. */
static void write_map(int layers) {
  char text[400];
  begin(NULL);
  write_store("1", "[0.5]");
  snprintf(text, sizeof text,
           "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 600)"
           " INSERT INTO grid SELECT 1, 'mlp_out', 1, 0, %d, json_group_array('t'),"
           " zeroblob(4 * 600 * %d) FROM n",
           layers, layers);
  sql(text);
}

static bool page_has(const char *page, const char *words) {
  static char text[8 << 20];
  FILE *f = fopen(page, "re");
  assert_non_null(f);
  text[fread(text, 1, sizeof text - 1, f)] = 0;
  fclose(f);
  return strstr(text, words) != NULL;
}

/* A picture's tokens over forty layers. */
static void a_map_too_large_is_left_out_of_the_page(void **state) {
  char page[80];
  (void)state;
  snprintf(page, sizeof page, "%s/index.html", folder);
  for (int layers = 2; layers <= 40; layers += 38) {
    loci_store *s;
    loci_err err;
    write_map(layers);
    must(loci_store_open(path, false, &s, &err), &err);
    must(loci_store_export(s, SIZED(loci_store_opts, .least_effect = 0.1), page, &err), &err);
    assert_int_equal(page_has(page, "<rect"), layers == 2);
    assert_int_equal(page_has(page, "600 tokens are too many to show"), layers == 40);
    loci_store_close(s);
  }
  unlink(page);
}

/* Two layers by three tokens: the stronger the number, the darker its cell, tokens down; what harms
 * is blue, what restores red. */
static void a_map_shows_each_number_at_its_place(void **state) {
  static char text[8 << 20];
  const double rows[] = {0, 1, -0.25, 0.75, 0.5, -0.625};
  char page[80];
  loci_store *s;
  loci_err err;
  (void)state;
  write_store("1", "[0.5]");
  sql("INSERT INTO grid VALUES (1, 'mlp_out', 1, 0, 2, '[\"a\",\"b\",\"c\"]',"
      " x'00000000000080be0000003f0000803f0000403f000020bf')"); /* layer by layer */
  snprintf(page, sizeof page, "%s/index.html", folder);
  must(loci_store_open(path, false, &s, &err), &err);
  must(loci_store_export(s, SIZED(loci_store_opts, .least_effect = 0.1), page, &err), &err);
  loci_store_close(s);
  FILE *f = fopen(page, "re");
  assert_non_null(f);
  text[fread(text, 1, sizeof text - 1, f)] = 0;
  fclose(f);
  const char *at = strstr(text, ">mlp_out, window 1</text>");
  int light[6];
  for (int i = 0; i < 6; i++) {
    unsigned colour;
    assert_non_null(at);
    at = strstr(at + 1, "<rect");
    assert_non_null(at);
    assert_int_equal(sscanf(strstr(at, "fill=\"#"), "fill=\"#%6x", &colour), 1);
    int red = (int)(colour >> 16), blue = (int)(colour & 255);
    light[i] = red + (int)(colour >> 8 & 255) + blue;
    if (rows[i] != 0) assert_true((rows[i] > 0) == (red > blue));
  }
  for (int i = 0; i < 6; i++)
    for (int k = 0; k < 6; k++)
      if (fabs(rows[i]) > fabs(rows[k])) assert_true(light[i] < light[k]);
  unlink(page);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup(numbers_come_back_bit_for_bit, begin),
      cmocka_unit_test_setup(rows_without_sense_are_refused, begin),
      cmocka_unit_test_setup(numbers_beyond_sense_are_not_exported, begin),
      cmocka_unit_test_setup(a_null_is_no_number, begin),
      cmocka_unit_test_setup(plain_rows_are_read_exactly, begin),
      cmocka_unit_test_setup(other_databases_are_left_alone, begin),
      cmocka_unit_test_setup(one_writer_and_any_readers, begin),
      cmocka_unit_test_setup(a_reader_writes_nothing, begin),
      cmocka_unit_test_setup(pairs_are_compared_in_pairs, begin),
      cmocka_unit_test_setup(others_are_compared_as_groups, begin),
      cmocka_unit_test_setup(ids_pair_what_lines_do_not, begin),
      cmocka_unit_test_setup(answers_of_one_run_are_groups, begin),
      cmocka_unit_test_setup(one_pair_proves_nothing, begin),
      cmocka_unit_test_setup(a_store_that_is_written_to_is_merged, begin),
      cmocka_unit_test_setup(a_map_too_large_is_left_out_of_the_page, begin),
      cmocka_unit_test_setup(a_map_shows_each_number_at_its_place, begin),
  };
  if (!mkdtemp(folder)) return 1;
  int failed = cmocka_run_group_tests(tests, NULL, NULL);
  unlink(path);
  rmdir(folder);
  return failed;
}
