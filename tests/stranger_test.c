/* Stores that somebody else made: their triggers, views and further indexes are not obeyed, their
 * numbers are checked, and links planted beside them are not followed. */
#include "strangers_test.h"

static void copy_sound(void) {
  loci_err err;
  forget(path);
  if (tree_copy_file(sound, path, NULL, &err)) fail_msg("%s", err.msg);
}

static loci_status read_all(loci_err *err) { return read_by(-1, err); }

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
      {"UPDATE grid SET ie = x'0000807f'", "inf as an effect of a heat map"},
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
    snprintf(change, sizeof change,
             "UPDATE series SET quantity = 'mlp_out, logit_diff' WHERE series = 2;"
             "UPDATE value SET x = '%s' WHERE series = 2",
             rows[i]);
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
  };
  if (!stores_begin()) return 1;
  int failed = cmocka_run_group_tests(tests, NULL, NULL);
  tree_remove(folder);
  return failed;
}
