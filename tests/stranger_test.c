/* Stores that somebody else made: their triggers, views and further indexes are not obeyed, their
 * numbers are checked, and whatever is changed in a file, every reader comes to an end.
 *
 * A quarter of the changed stores has something that acts when it is obeyed.  LOCI_MUTATIONS says
 * how many are tried, LOCI_MUTATION the number of the first; one alone is given to every reader. */
#include "store/store.h"

#include <omp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sqlite3.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/random.h"
#include "base/tree.h"
#include "sized.h"

#include <cmocka.h>

#define LENGTH(a) ((int64_t)(sizeof(a) / sizeof *(a)))
enum { SECONDS = 20 }; /* of processor time for one store; a sound one takes some thousandths */

static char memory[] = "/dev/shm/loci-stranger-XXXXXX", disk[] = "/tmp/loci-stranger-XXXXXX";
static char path[80], other[80], pages[80], sound[80];

/* As a stranger would: with SQLite itself, and none of the library's cautions. */
static void sql(const char *file, const char *text) {
  sqlite3 *d;
  char *why = NULL;
  assert_int_equal(sqlite3_open(file, &d), SQLITE_OK);
  if (sqlite3_exec(d, text, NULL, NULL, &why)) fail_msg("%s: %s", text, why);
  sqlite3_close(d);
}

static void forget(const char *file) {
  static const char *const endings[] = {"", "-wal", "-shm", "-journal", "-writer", ".part"};
  char name[100];
  for (int i = 0; i < 6; i++) {
    snprintf(name, sizeof name, "%s%s", file, endings[i]);
    unlink(name);
  }
}

/* Two runs of eight examples, with series, grids and reasons. */
static void make_sound(void) {
  loci_store *s;
  loci_err err;
  if (loci_store_open(sound, true, &s, &err)) fail_msg("%s", err.msg);
  loci_store_close(s);
  sql(sound,
      "INSERT INTO run VALUES (1, 'trace', '{\"corrupt\":\"mean\"}', '{\"layers\":2}', 'q', ''),"
      " (2, 'ask', '{\"max_new\":2}', '{\"layers\":2}', 'q', '');"
      "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 8)"
      " INSERT INTO example (example, key, line, id, question, answers)"
      " SELECT i, 'k' || i, i, 'id' || i, 'Where?', '[\"a\"]' FROM n;"
      "INSERT INTO result (result, run, example, dropped, reason, answer, right, seconds)"
      " SELECT example, 1, example, iif(example = 8, 'refused', NULL), iif(example = 8, 'no', "
      "NULL),"
      " 'a', example % 2, 0.1 FROM example;"
      "INSERT INTO result (result, run, example, answer, right) SELECT 8 + example, 2, example, "
      "'a',"
      " example % 2 FROM example;"
      "INSERT INTO series VALUES (1, 1, 'total effect', 0, '', 0, 1), (2, 1, 'mlp_out', 1, 'last', "
      "0,"
      " 2), (3, 2, 'confidence', 0, '', 0, 1);"
      "INSERT INTO value SELECT result, 1, '[0.' || (result + 1) || ']' FROM result WHERE run = 1;"
      "INSERT INTO value SELECT result, 2, '[0.1,0.' || result || ']' FROM result WHERE run = 1;"
      "INSERT INTO value SELECT result, 3, '[0.5]' FROM result WHERE run = 2;"
      "INSERT INTO grid SELECT result, 'mlp_out', 1, 0, 2, '[\"a\",\"b\"]', zeroblob(16) FROM "
      "result"
      " WHERE run = 1; VACUUM; PRAGMA journal_mode = DELETE");
}

static void copy_sound(void) {
  loci_err err;
  forget(path);
  if (tree_copy_file(sound, path, NULL, &err)) fail_msg("%s", err.msg);
}

/* ---------------------------------------------------------------- readers */

static loci_status drawn(const loci_result *r, loci_err *err) {
  char *text;
  TRY(loci_draw(r, NULL, &text, err));
  loci_text_free(text);
  return LOCI_OK;
}

static loci_status read_info(loci_store *s, loci_err *err) {
  loci_store_info *info;
  TRY(loci_store_info_new(s, &info, err));
  loci_status st = drawn(&info->result, err);
  loci_free(info);
  return st;
}

static loci_status read_average(loci_store *s, int64_t run, loci_err *err) {
  loci_average *a;
  TRY(loci_store_average(s, SIZED(loci_store_opts, .run = run), &a, err));
  loci_status st = drawn(&a->result, err);
  loci_free(a);
  return st;
}

static loci_status read_trace(loci_store *s, loci_err *err) { return read_average(s, 1, err); }
static loci_status read_asked(loci_store *s, loci_err *err) { return read_average(s, 2, err); }

static loci_status read_comparison(loci_store *s, loci_err *err) {
  loci_comparison *c;
  loci_compare_opts by = {.size = sizeof by, .by_right = true};
  TRY(loci_store_compare(s, s, &by, &c, err));
  loci_free(c);
  return LOCI_OK;
}

static loci_status read_rows(loci_store *s, loci_err *err) {
  char csv[100];
  snprintf(csv, sizeof csv, "%s.csv", path);
  loci_status st = loci_store_export(s, NULL, csv, err);
  unlink(csv);
  return st;
}

static loci_status read_pages(loci_store *s, loci_err *err) {
  char page[100];
  snprintf(page, sizeof page, "%s/index.html", pages);
  return loci_store_export(s, NULL, page, err);
}

static loci_status read_merging(loci_store *s, loci_err *err) {
  const char *stores[] = {path};
  (void)s;
  forget(other);
  return loci_store_merge(stores, 1, other, NULL, NULL, err);
}

/* The only one that writes to it: triggers would act here. */
static loci_status read_merged_into(loci_store *s, loci_err *err) {
  const char *stores[] = {sound};
  (void)s;
  return loci_store_merge(stores, 1, path, NULL, NULL, err);
}

static loci_status (*const readers[])(loci_store *s, loci_err *err) = {
    read_info, read_trace, read_asked,   read_comparison,
    read_rows, read_pages, read_merging, read_merged_into};

/* What the store says to one of its readers, or to all of them (-1): the first failure. */
static loci_status read_by(int64_t reader, loci_err *err) {
  loci_store *s;
  loci_err first = {0};
  TRY(loci_store_open(path, false, &s, err));
  for (int i = 0; i < LENGTH(readers); i++) {
    if (reader >= 0 && reader != i) continue;
    if (readers[i](s, err) && !first.code) first = *err;
  }
  loci_store_close(s);
  *err = first;
  return first.code;
}

static loci_status read_all(loci_err *err) { return read_by(-1, err); }

/* ---------------------------------------------------------------- what is refused */

static void nothing_of_a_stranger_is_obeyed(void **state) {
  static const struct {
    const char *sql, *said;
  } changes[] = {
      {"CREATE TRIGGER t AFTER INSERT ON value BEGIN UPDATE value SET x = '[0.5]'; END",
       "trigger t"},
      {"CREATE TRIGGER t BEFORE INSERT ON result BEGIN SELECT raise(ignore); END", "trigger t"},
      {"CREATE TABLE mine (a); CREATE TRIGGER t AFTER INSERT ON mine BEGIN DELETE FROM run; END",
       "trigger t"},
      {"CREATE INDEX i ON value (x)", "index i"},
      {"CREATE INDEX i ON value (json_extract(x, '$[0]'))", "json_extract"},
      {"DROP VIEW point; DROP VIEW dropped; ALTER TABLE series RENAME TO s0; CREATE VIEW series AS"
       " WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c) SELECT n AS series, 1 AS "
       "run,"
       " 'p' AS quantity, 0 AS window, '' AS place, 0 AS first, 1 AS points FROM c",
       "are not those of a store"},
      {"DROP VIEW point; ALTER TABLE value RENAME TO v0; CREATE VIEW value AS SELECT result, "
       "series,"
       " '[0.25]' AS x FROM v0",
       "are not those of a store"},
      {"ALTER TABLE result ADD COLUMN z GENERATED ALWAYS AS (1 / 0)", "table result"},
      {"DROP TABLE grid", "no table grid"},
      {"DROP VIEW point", "no view point"},
      {"PRAGMA writable_schema = on; UPDATE sqlite_master SET sql = replace(sql, 'UNIQUE (run,"
       " example)', 'UNIQUE (example, run)') WHERE name = 'result'",
       "table result"},
      {"CREATE INDEX i ON value (x); PRAGMA writable_schema = on; UPDATE sqlite_master SET"
       " type = 'INDEX', tbl_name = 'VALUE' WHERE name = 'i'",
       "INDEX i of VALUE"},
      {"CREATE TRIGGER t AFTER INSERT ON run BEGIN DELETE FROM value; END; PRAGMA writable_schema"
       " = on; UPDATE sqlite_master SET type = 'Trigger' WHERE name = 't'",
       "Trigger t"},
      {"PRAGMA writable_schema = on; INSERT INTO sqlite_master VALUES ('index',"
       " 'sqlite_autoindex_run_2', 'run', 3, NULL)",
       "malformed"},
  };
  (void)state;
  for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
    loci_store *s;
    loci_err err;
    copy_sound();
    sql(path, changes[i].sql);
    for (int writes = 0; writes < 2; writes++) {
      assert_int_equal(loci_store_open(path, writes, &s, &err), LOCI_EFORMAT);
      if (!strstr(err.msg, changes[i].said)) fail_msg("%s: %s", changes[i].sql, err.msg);
    }
    assert_int_equal(loci_store_merge((const char *const[]){path}, 1, other, NULL, NULL, &err),
                     LOCI_EFORMAT);
  }
}

static void an_owner_may_have_tables_beside_it(void **state) {
  loci_err err;
  (void)state;
  copy_sound();
  sql(path, "CREATE TABLE mine (a PRIMARY KEY); CREATE VIEW wrong AS SELECT * FROM result WHERE NOT"
            " right; ANALYZE");
  if (read_all(&err)) fail_msg("%s", err.msg);
}

static void text_is_utf8(void **state) {
  loci_store *s;
  loci_err err;
  (void)state;
  forget(path);
  sql(path, "PRAGMA encoding = 'UTF-16'; CREATE TABLE run (a); PRAGMA application_id = 1819239273;"
            "PRAGMA user_version = 1");
  assert_int_equal(loci_store_open(path, false, &s, &err), LOCI_EFORMAT);
  assert_non_null(strstr(err.msg, "UTF-16"));
}

static void numbers_are_those_of_measurements(void **state) {
  static const char *const changes[] = {"UPDATE value SET x = '[1e308]' WHERE series IN (1, 3)",
                                        "UPDATE value SET x = '[0.1,-1e39]' WHERE series = 2",
                                        "UPDATE result SET seconds = 1e300",
                                        "UPDATE result SET seconds = 9e999"};
  (void)state;
  for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
    loci_err err;
    copy_sound();
    sql(path, changes[i]);
    assert_int_equal(read_all(&err), LOCI_EFORMAT);
    if (!strstr(err.msg, "no measurement gives") && !strstr(err.msg, "which no measurement"))
      fail_msg("%s: %s", changes[i], err.msg);
  }
}

/* Refused by name before anything is written, into a new store and into one that is there. */
static void a_merge_copies_no_such_numbers(void **state) {
  static const struct {
    const char *change, *said;
  } changes[] = {
      {"UPDATE value SET x = '[1e308]' WHERE series = 1", "1e+308"},
      {"UPDATE value SET x = '[0.5,12345678901234567890123456789012345678901]' WHERE series = 2",
       "no measurement gives"},
      {"UPDATE value SET x = '[0.5,0.25e+40]' WHERE series = 2", "no measurement gives"},
      {"UPDATE value SET x = '[0.5]' WHERE series = 2", "not 2 numbers"},
      {"UPDATE value SET x = '[0.5,.5]' WHERE series = 2", "not valid JSON"},
      {"UPDATE value SET x = '[0.5,1]x' WHERE series = 2", "not valid JSON"},
      {"UPDATE series SET points = -1", "makes no sense"},
      {"UPDATE result SET seconds = -1e300", "no measurement gives"},
      {"UPDATE grid SET ie = x'0000807f'", "infinite"},
  };
  (void)state;
  for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
    loci_err err;
    char *before, *after;
    size_t n, m;
    copy_sound();
    sql(path, changes[i].change);
    forget(other);
    if (!loci_store_merge((const char *const[]){path}, 1, other, NULL, NULL, &err) ||
        err.code != LOCI_EFORMAT || !strstr(err.msg, changes[i].said) || !strstr(err.msg, path))
      fail_msg("%s: %s", changes[i].change, err.msg);
    assert_false(file_exists(other));
    if (file_read(sound, 1 << 24, &before, &n, &err)) fail_msg("%s", err.msg);
    assert_int_equal(loci_store_merge((const char *const[]){path}, 1, sound, NULL, NULL, &err),
                     LOCI_EFORMAT);
    if (file_read(sound, 1 << 24, &after, &m, &err)) fail_msg("%s", err.msg);
    assert_int_equal(n, m);
    free(before);
    free(after);
  }
}

/* Each at the edge of what is plainly a number. */
static void a_merge_copies_numbers_as_they_are(void **state) {
  static const char *const rows[] = {"[0.5,-0]", "[null,1E-300]", "[3.4e38,1e+37]", "[ 1 , 2.5e0 ]",
                                     "[123456789012345678901234567890.5,0]"};
  (void)state;
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    char change[200];
    loci_err err;
    copy_sound();
    snprintf(change, sizeof change, "UPDATE value SET x = '%s' WHERE series = 2", rows[i]);
    sql(path, change);
    forget(other);
    if (loci_store_merge((const char *const[]){path}, 1, other, NULL, NULL, &err))
      fail_msg("%s", err.msg);
  }
}

static void a_file_of_two_names_is_not_written_to(void **state) {
  loci_store *s;
  loci_err err;
  (void)state;
  copy_sound();
  forget(other);
  assert_int_equal(link(path, other), 0);
  assert_int_equal(loci_store_open(other, true, &s, &err), LOCI_EUNSUPPORTED);
  assert_non_null(strstr(err.msg, "2 names"));
  assert_int_equal(loci_store_open(other, false, &s, &err), LOCI_OK);
  loci_store_close(s);
  forget(other);
  assert_int_equal(loci_store_open(path, true, &s, &err), LOCI_OK);
  loci_store_close(s);
}

/* The writers' lock stands beside a store under a name that anybody can guess. */
static void a_planted_link_is_not_followed(void **state) {
  static const char *const endings[] = {"-writer", "-wal", "-journal", "-shm"};
  char name[100], victim[100];
  (void)state;
  snprintf(victim, sizeof victim, "%s.victim", path);
  for (int i = 0; i < 4; i++) {
    loci_store *s;
    loci_err err;
    copy_sound();
    snprintf(name, sizeof name, "%s%s", path, endings[i]);
    assert_int_equal(symlink(victim, name), 0);
    if (!loci_store_open(path, true, &s, &err)) loci_store_close(s);
    if (file_exists(victim)) fail_msg("a link %s is followed", endings[i]);
  }
}

/* ---------------------------------------------------------------- changed anyhow */

/* A value of a row becomes one of these. */
static const char *const values[] = {"NULL",
                                     "''",
                                     "0",
                                     "-1",
                                     "1e308",
                                     "-9223372036854775808",
                                     "9223372036854775807",
                                     "'[]'",
                                     "'[1e308]'",
                                     "'[NaN]'",
                                     "'[null,null]'",
                                     "'[[[['",
                                     "'{}'",
                                     "'[\"a\",\"\"]'",
                                     "x'ff00'",
                                     "zeroblob(70000)",
                                     "printf('%.*c', 70000, '[')",
                                     "'%s%n'",
                                     "char(0, 27, 91)",
                                     "1048577",
                                     "4294967297"};
static const char *const columns[] = {
    "run.what",         "run.settings",  "run.model",       "run.data",
    "run.created",      "example.key",   "example.line",    "example.id",
    "example.question", "example.image", "example.answers", "example.constraints",
    "example.fields",   "result.run",    "result.example",  "result.dropped",
    "result.reason",    "result.answer", "result.right",    "result.seconds",
    "series.quantity",  "series.window", "series.place",    "series.first",
    "series.points",    "value.x",       "grid.site",       "grid.window",
    "grid.first",       "grid.layers",   "grid.tokens",     "grid.ie"};

/* In the sound store, which is rolled back afterwards. */
static void change_value(sqlite3 *d, random_source *r) {
  char text[300];
  const char *column = columns[random_below(r, LENGTH(columns))];
  const char *dot = strchr(column, '.');
  snprintf(text, sizeof text, "UPDATE OR IGNORE %.*s SET %s = %s WHERE (rowid * %d + %d) %% 3 = 0",
           (int)(dot - column), column, dot + 1, values[random_below(r, LENGTH(values))],
           (int)random_below(r, 2) + 1, (int)random_below(r, 3));
  sqlite3_exec(d, text, NULL, NULL, NULL);
}

static void change_bytes(random_source *r, unsigned char *bytes, size_t *n) {
  for (int64_t k = random_below(r, 12) + 1; k > 0; k--) {
    size_t page = (size_t)random_below(r, (int64_t)*n / 4096 + 1) * 4096,
           at = page + (size_t)random_below(r, 64);
    if (random_below(r, 2)) at = (size_t)random_below(r, (int64_t)*n);
    if (at < *n) bytes[at] = (unsigned char)random_below(r, 256);
  }
  if (random_below(r, 8) == 0) *n = (size_t)random_below(r, (int64_t)*n);
}

/* What acts when a store is used: where it is obeyed, the table "mine" has a row, or there is no
 * end. */
#define ACT " BEGIN INSERT INTO mine VALUES (1); END"
static const char *const actors[] = {
    "CREATE TRIGGER t AFTER INSERT ON result" ACT,
    "CREATE TRIGGER t BEFORE INSERT ON value" ACT,
    "CREATE TRIGGER t AFTER UPDATE OF x ON value" ACT,
    "CREATE TRIGGER t BEFORE DELETE ON series" ACT,
    "CREATE TRIGGER t AFTER INSERT ON run WHEN new.run > 0" ACT,
    "CREATE TRIGGER t INSTEAD OF INSERT ON point" ACT,
    "CREATE TRIGGER t AFTER INSERT ON example BEGIN UPDATE value SET x = '[0.5]'; END",
    "CREATE TRIGGER t BEFORE INSERT ON grid BEGIN SELECT raise(ignore); END",
    "CREATE INDEX i ON value (json_extract(x, '$[0]'))",
    "CREATE INDEX i ON result (answer) WHERE right",
    "ALTER TABLE result ADD COLUMN z GENERATED ALWAYS AS (1 / 0)",
    "DROP VIEW point; DROP VIEW dropped; ALTER TABLE value RENAME TO v0; CREATE VIEW value AS"
    " SELECT result, series, '[0.25]' AS x FROM v0",
    "DROP VIEW point; DROP VIEW dropped; ALTER TABLE run RENAME TO r0; CREATE VIEW run AS WITH"
    " RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c) SELECT n AS run FROM c",
};
#undef ACT

/* What the number of a store changed in it. */
typedef struct change {
  bool acts, bytes;
} change;

/* Whether something of a stranger acted: asked of SQLite itself, which may not be able to say. */
static bool was_obeyed(void) {
  sqlite3 *d;
  sqlite3_stmt *q = NULL;
  bool yes = false;
  if (sqlite3_open_v2(path, &d, SQLITE_OPEN_READONLY, NULL) == SQLITE_OK &&
      sqlite3_prepare_v2(d, "SELECT 1 FROM mine", -1, &q, NULL) == SQLITE_OK)
    yes = sqlite3_step(q) == SQLITE_ROW;
  sqlite3_finalize(q);
  sqlite3_close(d);
  return yes;
}

/* Store number [i]: up to two columns get other values, every second one other bytes, and every
 * fourth one something that acts. */
static change make_changed(sqlite3 *d, random_source *r) {
  sqlite3_int64 size;
  loci_err err;
  change c = {0};
  sqlite3_exec(d, "SAVEPOINT sound", NULL, NULL, NULL);
  for (int64_t k = random_below(r, 3); k > 0; k--) change_value(d, r);
  if (random_below(r, 4) == 0) {
    const char *actor = actors[random_below(r, LENGTH(actors))];
    c.acts = true;
    assert_int_equal(sqlite3_exec(d, "CREATE TABLE mine (a)", NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_exec(d, actor, NULL, NULL, NULL), SQLITE_OK);
  }
  unsigned char *bytes = sqlite3_serialize(d, "main", &size, 0);
  sqlite3_exec(d, "ROLLBACK TO sound; RELEASE sound", NULL, NULL, NULL);
  assert_non_null(bytes);
  size_t n = (size_t)size;
  c.bytes = random_below(r, 2) != 0;
  if (c.bytes) change_bytes(r, bytes, &n);
  forget(path);
  if (file_write(path, (char *)bytes, n, &err)) fail_msg("%s", err.msg);
  sqlite3_free(bytes);
  return c;
}

/* A copy of the sound store.  Not by sqlite3_deserialize, for what that makes is written out again
 * without the changes of an open transaction. */
static sqlite3 *open_in_memory(void) {
  sqlite3 *d, *from;
  sql(sound, "PRAGMA journal_mode = DELETE"); /* in memory there is no other */
  assert_int_equal(sqlite3_open(sound, &from), SQLITE_OK);
  assert_int_equal(sqlite3_open(":memory:", &d), SQLITE_OK);
  sqlite3_backup *b = sqlite3_backup_init(d, "main", from, "main");
  assert_non_null(b);
  assert_int_equal(sqlite3_backup_step(b, -1), SQLITE_DONE);
  sqlite3_backup_finish(b);
  sqlite3_close(from);
  return d;
}

/* A signal ends the test; 0: none does.  On a busy machine a clock would say nothing. */
static void limit(int seconds) {
  struct itimerval t = {.it_value.tv_sec = seconds};
  assert_int_equal(setitimer(ITIMER_PROF, &t, NULL), 0);
}

/* Where many are tried, each has one reader, drawn by chance. */
static void every_reader_comes_to_an_end(void **state) {
  const char *many = getenv("LOCI_MUTATIONS"), *first = getenv("LOCI_MUTATION");
  long count = many ? atol(many) : 100, from = first ? atol(first) : 0, refused = 0, acting = 0;
  sqlite3 *d = open_in_memory();
  (void)state;
  for (long i = from; i < from + count; i++) {
    random_source r = random_new((uint64_t)i);
    loci_err err;
    change c = make_changed(d, &r);
    bool before = c.acts && c.bytes && was_obeyed(); /* other bytes may make a row as well */
    limit(SECONDS);
    bool good = !read_by(many && count > 1 ? random_below(&r, LENGTH(readers)) : -1, &err);
    limit(0);
    if ((good && c.acts && !c.bytes) || (c.acts && !before && was_obeyed()))
      fail_msg("store %ld: obeyed", i);
    refused += !good;
    acting += c.acts;
    if (many && (i + 1 - from) % 1000 == 0)
      fprintf(stderr, "%ld tried, %ld of them with actors, %ld refused\n", i + 1 - from, acting,
              refused);
  }
  sqlite3_close(d);
}

int main(void) {
  static const struct CMUnitTest tests[] = {
      cmocka_unit_test(nothing_of_a_stranger_is_obeyed),
      cmocka_unit_test(an_owner_may_have_tables_beside_it),
      cmocka_unit_test(text_is_utf8),
      cmocka_unit_test(numbers_are_those_of_measurements),
      cmocka_unit_test(a_merge_copies_no_such_numbers),
      cmocka_unit_test(a_merge_copies_numbers_as_they_are),
      cmocka_unit_test(a_file_of_two_names_is_not_written_to),
      cmocka_unit_test(a_planted_link_is_not_followed),
      cmocka_unit_test(every_reader_comes_to_an_end),
  };
  const char *folder = mkdtemp(memory); /* a disk would be waited for at every transaction */
  if (!folder) folder = mkdtemp(disk);
  if (!folder) return 1;
  snprintf(path, sizeof path, "%s/s.db", folder);
  snprintf(other, sizeof other, "%s/o.db", folder);
  snprintf(sound, sizeof sound, "%s/sound.db", folder);
  snprintf(pages, sizeof pages, "%s/pages", folder);
  make_sound();
  omp_set_num_threads(1); /* for eight examples, threads only wait for each other */
  int failed = cmocka_run_group_tests(tests, NULL, NULL);
  tree_remove(folder);
  return failed;
}
