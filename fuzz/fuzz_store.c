/* Bytes as a store.  Those that begin like an SQLite file are one; of others the first byte chooses
 * a column of a sound store, and the rest becomes its value in every row.  Whatever is in a store,
 * all that reads it comes to an end. */
#include <string.h>

#include "fuzz_file.h"
#include "store/store.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static const char sound[] =
    "INSERT INTO run VALUES (1, 'trace', '{\"corrupt\":\"mean\"}', '{\"layers\":2}', 'q', '');"
    "INSERT INTO example (example, key, line, id, question, answers) VALUES (1, 'k', 1, 'i', 'Q?',"
    " '[\"a\"]'), (2, 'l', 2, 'j', 'Q?', '[\"b\"]');"
    "INSERT INTO result (result, run, example, answer, right, seconds) VALUES (1, 1, 1, 'a', 1, "
    "0.1),"
    " (2, 1, 2, 'a', 0, 0.1);"
    "INSERT INTO series VALUES (1, 1, 'total effect', 0, '', 0, 1), (2, 1, 'mlp_out', 1, 'last', "
    "0, 2);"
    "INSERT INTO value VALUES (1, 1, '[0.5]'), (1, 2, '[0.1,0.2]'), (2, 1, '[0.4]'), (2, 2,"
    " '[0.3,null]');"
    "INSERT INTO grid VALUES (1, 'mlp_out', 1, 0, 2, '[\"a\",\"b\"]', zeroblob(16));"
    "PRAGMA journal_mode = DELETE";

static const char *const columns[][2] = {
    {"run", "what"},         {"run", "settings"},    {"run", "model"},      {"run", "data"},
    {"run", "created"},      {"example", "key"},     {"example", "line"},   {"example", "id"},
    {"example", "question"}, {"example", "answers"}, {"result", "dropped"}, {"result", "reason"},
    {"result", "answer"},    {"result", "right"},    {"result", "seconds"}, {"series", "quantity"},
    {"series", "window"},    {"series", "place"},    {"series", "first"},   {"series", "points"},
    {"value", "x"},          {"grid", "site"},       {"grid", "window"},    {"grid", "first"},
    {"grid", "layers"},      {"grid", "tokens"},     {"grid", "ie"}};

/* The sound store with the bytes in one column: as a number if they are one, else as text. */
static void change(const char *path, const uint8_t *bytes, size_t n) {
  db *d;
  db_query *q;
  loci_store *s;
  char sql[120];
  size_t which = n > 0 ? bytes[0] % (sizeof columns / sizeof *columns) : 0;
  if (loci_store_open(path, true, &s, NULL)) exit(1);
  loci_store_close(s);
  if (db_open(path, DB_CREATE, &d, NULL) || db_exec(d, sound, NULL)) exit(1);
  snprintf(sql, sizeof sql, "UPDATE OR IGNORE %s SET %s = ?", columns[which][0], columns[which][1]);
  if (db_prepare(d, sql, &q, NULL)) exit(1);
  if (n > 1 && bytes[0] & 0x80) {
    db_bind_bytes(q, 1, bytes + 1, n - 1);
  } else {
    db_bind_text_n(q, 1, (const char *)bytes + (n > 0), n > 0 ? n - 1 : 0);
  }
  if (db_run(q, NULL)) db_rewind(q); /* a column that takes no such value keeps its own */
  db_finish(q);
  db_close(d);
}

static void read_all(const char *path) {
  loci_store *s;
  loci_store_info *info = NULL;
  loci_average *a = NULL;
  loci_err err = {0};
  char *text, csv[80];
  if (loci_store_open(path, false, &s, &err)) {
    if (s || !strstr(err.msg, path)) abort();
    return;
  }
  if (!loci_store_info_new(s, NULL, NULL, &info, &err)) {
    if (!loci_draw(&info->result, NULL, &text, &err)) loci_text_free(text);
    if (!loci_json(&info->result, &text, &err)) loci_text_free(text);
  }
  if (!loci_store_average(s, NULL, &a, &err)) {
    if (!loci_draw(&a->result, NULL, &text, &err)) loci_text_free(text);
    if (!loci_json(&a->result, &text, &err)) loci_text_free(text);
  }
  snprintf(csv, sizeof csv, "%s.csv", path);
  if (!loci_store_export(s, NULL, csv, &err)) unlink(csv);
  loci_free(a);
  loci_free(info);
  loci_store_close(s);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n) {
  bool is_file = n > 16 && memcmp(bytes, "SQLite format 3", 16) == 0;
  const char *path = fuzz_file(bytes, is_file ? n : 0, ".db");
  char name[80];
  if (!is_file) change(path, bytes, n);
  read_all(path);
  static const char *const endings[] = {"", "-wal", "-shm", "-journal"};
  for (int i = 0; i < 4; i++) {
    snprintf(name, sizeof name, "%s%s", path, endings[i]);
    unlink(name);
  }
  return 0;
}
