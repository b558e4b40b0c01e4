/* Whatever is changed in a store's file, every reader comes to an end, and nothing in it is obeyed.
 *
 * A quarter of the changed stores has something that acts when it is obeyed.  LOCI_MUTATIONS says
 * how many are tried, LOCI_MUTATION the number of the first; one alone is given to every reader. */
#include "strangers_test.h"

#include <sys/time.h>

#include "base/random.h"

enum { SECONDS = 20 }; /* of processor time for one store; a sound one takes some thousandths */

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
      cmocka_unit_test(every_reader_comes_to_an_end),
  };
  if (!stores_begin()) return 1;
  int failed = cmocka_run_group_tests(tests, NULL, NULL);
  tree_remove(folder);
  return failed;
}
