/* A store that is sound, copies of it to be changed as a stranger would, and everything that reads
 * one: what stranger_test and changed_stores_test share. */
#ifndef LOCI_STRANGERS_TEST_H
#define LOCI_STRANGERS_TEST_H

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
#include <unistd.h>

#include "base/file.h"
#include "base/tree.h"
#include "sized.h"

#include <cmocka.h>

#define LENGTH(a) ((int64_t)(sizeof(a) / sizeof *(a)))

static char memory[] = "/dev/shm/loci-stranger-XXXXXX", disk[] = "/tmp/loci-stranger-XXXXXX";
static const char *folder;
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

static loci_status drawn(const loci_result *r, loci_err *err) {
  char *text;
  TRY(loci_draw(r, NULL, &text, err));
  loci_text_free(text);
  return LOCI_OK;
}

static loci_status read_info(loci_store *s, loci_err *err) {
  loci_store_info *info;
  TRY(loci_store_info_new(s, NULL, NULL, &info, err));
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

/* The folder of these stores, with the sound one in it; false: nowhere to make it. */
static bool stores_begin(void) {
  folder = mkdtemp(memory); /* a disk would be waited for at every transaction */
  if (!folder) folder = mkdtemp(disk);
  if (!folder) return false;
  snprintf(path, sizeof path, "%s/s.db", folder);
  snprintf(other, sizeof other, "%s/o.db", folder);
  snprintf(sound, sizeof sound, "%s/sound.db", folder);
  snprintf(pages, sizeof pages, "%s/pages", folder);
  make_sound();
  omp_set_num_threads(1); /* for eight examples, threads only wait for each other */
  return true;
}

#endif
