/* loci_store_merge: the stores of shares of a file become one (see store.h).
 *
 * Each source is attached and copied by SQL, in one transaction; what the target has already is
 * left alone, so that merging again changes nothing.  Runs are the same if their settings are, and
 * the weights' hash is among these. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/json.h"
#include "base/list.h"
#include "base/result.h"
#include "store/numbers.h"
#include "store/store.h"

/* ---------------------------------------------------------------- may they be merged */

/* The first setting in which two runs differ. */
static void say_difference(const char *a, const char *b, char out[200]) {
  js_value *x = NULL, *y = NULL;
  const char *key;
  const js_value *v;
  snprintf(out, 200, "settings");
  if (!js_parse(a, strlen(a), "settings", &x, NULL) &&
      !js_parse(b, strlen(b), "settings", &y, NULL)) {
    for (void *it = js_first(x, &key, &v); it; it = js_next(x, it, &key, &v)) {
      char *one = NULL, *other = NULL;
      const js_value *w = js_get(y, key);
      bool bad = js_dump(v, &one, NULL) || (w && js_dump(w, &other, NULL));
      bool differ = !bad && (!other || strcmp(one, other) != 0);
      if (differ) snprintf(out, 200, "%.30s %.70s and %.70s", key, one, other ? other : "none");
      free(one);
      free(other);
      if (differ) break;
    }
  }
  js_free(x);
  js_free(y);
}

/* Of a kind that both have, they share a run; a shared kind without one was measured otherwise. */
static loci_status check_runs(db *d, const char *path, loci_err *err) {
  db_query *q;
  bool row;
  char difference[200];
  TRY(db_prepare(d,
                 "SELECT s.what, m.settings, s.settings FROM source.run s"
                 " JOIN main.run m ON m.what = s.what WHERE NOT EXISTS (SELECT 1 FROM source.run a"
                 " JOIN main.run b USING (settings) WHERE a.what = s.what) LIMIT 1",
                 &q, err));
  loci_status st = db_step(q, &row, err);
  if (!st && row) {
    const char *one = db_text(q, 1), *other = db_text(q, 2);
    say_difference(one ? one : "", other ? other : "", difference);
    st = fail(err, LOCI_EINVAL, "%s: its %.20s was measured with other settings than before: %s",
              path, db_text(q, 0) ? db_text(q, 0) : "kind", difference);
  }
  db_finish(q);
  return st;
}

static loci_status check_series(db *d, const char *path, loci_err *err) {
  int64_t bad;
  TRY(db_number(d,
                "SELECT count(*) FROM source.series s JOIN temp.run_map r ON r.source = s.run"
                " JOIN main.series m ON m.run = r.target AND m.quantity = s.quantity"
                " AND m.window = s.window AND m.place = s.place"
                " WHERE m.first <> s.first OR m.points <> s.points",
                &bad, err));
  if (bad == 0) return LOCI_OK;
  return fail(err, LOCI_EINVAL, "%s: %" PRId64 " rows of numbers are of other layers than before",
              path, bad);
}

/* ---------------------------------------------------------------- the copy */

static const char copy_runs[] =
    "CREATE TEMP TABLE run_map (source INTEGER PRIMARY KEY, target INTEGER);"
    "CREATE TEMP TABLE series_map (source INTEGER PRIMARY KEY, target INTEGER);"
    "CREATE TEMP TABLE result_map (source INTEGER PRIMARY KEY, target INTEGER);"
    "INSERT INTO main.run (what, settings, model, data, created)"
    " SELECT what, settings, model, data, created FROM source.run"
    " WHERE settings NOT IN (SELECT settings FROM main.run) ORDER BY run;"
    "INSERT INTO temp.run_map SELECT s.run, m.run FROM source.run s JOIN main.run m USING "
    "(settings);";

static const char copy_rows[] =
    "INSERT INTO main.series (run, quantity, window, place, first, points)"
    " SELECT r.target, quantity, window, place, first, points FROM source.series s"
    " JOIN temp.run_map r ON r.source = s.run WHERE true ORDER BY series ON CONFLICT DO NOTHING;"
    "INSERT INTO temp.series_map SELECT s.series, m.series FROM source.series s"
    " JOIN temp.run_map r ON r.source = s.run JOIN main.series m ON m.run = r.target"
    " AND m.quantity = s.quantity AND m.window = s.window AND m.place = s.place;"
    "INSERT INTO main.example (key, line, id, question, image, answers, constraints, fields)"
    " SELECT key, line, id, question, image, answers, constraints, fields FROM source.example"
    " WHERE true ORDER BY example ON CONFLICT DO NOTHING;"
    "INSERT INTO temp.result_map SELECT s.result,"
    " s.result + (SELECT ifnull(max(result), 0) FROM main.result) FROM source.result s"
    " JOIN temp.run_map r ON r.source = s.run JOIN source.example e USING (example)"
    " JOIN main.example m USING (key) WHERE NOT EXISTS"
    " (SELECT 1 FROM main.result x WHERE x.run = r.target AND x.example = m.example);"
    "INSERT INTO main.result (result, run, example, dropped, reason, answer, right, first_right,"
    " seconds) SELECT map.target, r.target, m.example, dropped, reason, answer, right,"
    " first_right, seconds FROM temp.result_map map JOIN source.result s ON s.result = map.source"
    " JOIN temp.run_map r ON r.source = s.run JOIN source.example e USING (example)"
    " JOIN main.example m USING (key) ORDER BY map.source;"
    "INSERT INTO main.value (result, series, x) SELECT map.target, sm.target, x"
    " FROM temp.result_map map CROSS JOIN source.value v ON v.result = map.source"
    " CROSS JOIN temp.series_map sm ON sm.source = v.series ORDER BY map.source;"
    "INSERT INTO main.grid (result, site, window, first, layers, tokens, ie)"
    " SELECT map.target, site, window, first, layers, tokens, ie"
    " FROM temp.result_map map CROSS JOIN source.grid g ON g.result = map.source"
    " ORDER BY map.source;";

/* Rows that were measured just now take the place of results that were dropped before. */
static const char give_way[] =
    "DELETE FROM main.result WHERE dropped IS NOT NULL AND (run, example) IN"
    " (SELECT r.target, m.example FROM source.result s JOIN temp.run_map r ON r.source = s.run"
    " JOIN source.example e USING (example) JOIN main.example m USING (key));";

static const char drop_maps[] =
    "DROP TABLE temp.run_map; DROP TABLE temp.series_map; DROP TABLE temp.result_map";

static loci_status copy(db *d, const char *path, bool newer, loci_err *err) {
  TRY(store_check(d, true, path, err));
  TRY(check_runs(d, path, err));
  TRY(store_check_numbers(d, path, err));
  TRY(db_exec(d, copy_runs, err));
  TRY(check_series(d, path, err));
  if (newer) TRY(db_exec(d, give_way, err));
  TRY(db_exec(d, copy_rows, err));
  return db_exec(d, drop_maps, err);
}

static loci_status attach(db *d, const char *path, loci_err *err) {
  db_query *q;
  TRY(db_prepare(d, "ATTACH DATABASE ? AS source", &q, err));
  db_bind_text(q, 1, path);
  loci_status st = db_run(q, err);
  db_finish(q);
  return st;
}

/* The attached source's rows, all or none; then the source goes. */
static loci_status copy_all(loci_store *to, const char *path, bool newer, loci_err *err) {
  /* not IMMEDIATE, which would wait for the source's writer, too */
  loci_status st = db_exec(to->d, "BEGIN", err);
  if (!st) {
    st = copy(to->d, path, newer, err);
    if (!st) st = db_exec(to->d, "COMMIT", err);
    if (st) db_exec(to->d, "ROLLBACK", NULL);
  }
  loci_status end = db_exec(to->d, "DETACH DATABASE source", st ? NULL : err);
  return st ? st : end;
}

loci_status store_add(loci_store *to, const char *path, loci_err *err) {
  loci_store *source;
  TRY(loci_store_open(path, false, &source, err)); /* says what is wrong with a file by its name */
  loci_store_close(source);
  TRY(attach(to->d, path, err));
  return copy_all(to, path, false, err);
}

loci_status loci_store_give(loci_store *to, const void *rows, int64_t size, loci_err *err) {
  NEEDS(to, "store");
  loci_status st = db_attach_bytes(to->d, "source", rows, size, err);
  if (!st) return copy_all(to, "rows of another process", true, err);
  db_exec(to->d, "DETACH DATABASE source", NULL); /* if it came that far */
  return st;
}

static loci_status take(loci_store *from, loci_rows *out, loci_err *err) {
  void *bytes;
  TRY(db_save_bytes(from->d, &bytes, &out->size, err));
  if (!arena_defer(out->result.memory, db_free, bytes)) return fail_nomem(err, "handing rows over");
  out->bytes = bytes;
  return db_exec(from->d,
                 "BEGIN; DELETE FROM value; DELETE FROM grid; DELETE FROM result;"
                 "DELETE FROM example; COMMIT",
                 err);
}

loci_status loci_store_take(loci_store *from, loci_rows **out, loci_err *err) {
  NEEDS(out, "place for the result");
  *out = NULL;
  NEEDS(from, "store");
  loci_rows *made = result_new(LOCI_KIND_NONE, sizeof *made);
  if (!made) return fail_nomem(err, "handing rows over");
  loci_status st = take(from, made, err);
  if (!st) *out = made;
  if (st) loci_free(made);
  return st;
}

typedef struct merging {
  const char *const *paths;
  int count;
  watch watch;
} merging;

/* A stop leaves what was copied whole: the stores before this one. */
static loci_status add_all(const merging *m, loci_store *to, loci_err *err) {
  loci_status st = LOCI_OK;
  for (int i = 0; !st && i < m->count; i++) {
    db_follow(to->d, &m->watch, "merge", i, m->count);
    st = store_add(to, m->paths[i], err);
  }
  db_follow(to->d, NULL, "", 0, 0);
  return st;
}

/* Into a store that is there: example by example as a run does, for it may not get lost. */
static loci_status merge_into(const merging *m, const char *path, loci_err *err) {
  loci_store *to;
  TRY(loci_store_open(path, true, &to, err));
  loci_status st = db_exec(to->d, "PRAGMA synchronous = NORMAL", err);
  if (!st) st = add_all(m, to, err);
  loci_store_close(to);
  return st;
}

/* A new store grows in a temporary, without a journal, and is put in its place when it is whole and
 * on the disk: twenty times as fast. */
static loci_status fill_new(const merging *m, const char *part, loci_err *err) {
  loci_store *to;
  TRY(loci_store_open(part, true, &to, err));
  loci_status st = db_exec(to->d,
                           "PRAGMA journal_mode = MEMORY; PRAGMA synchronous = OFF;"
                           "PRAGMA cache_size = -65536",
                           err);
  if (!st) st = add_all(m, to, err);
  if (!st) st = db_exec(to->d, "PRAGMA journal_mode = WAL", err);
  loci_store_close(to);
  return st;
}

/* What SQLite and the writers' lock keep beside a file; [name] has [room] bytes. */
static void remove_beside(const char *part, char *name, size_t room) {
  static const char *const endings[] = {"-journal", "-wal", "-shm", "-writer"};
  for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
    snprintf(name, room, "%s%s", part, endings[i]);
    unlink(name);
  }
}

/* [part] and [name] have room for names beside [path], [name] of [room] bytes. */
static loci_status merge_new(const merging *m, const char *path, char *part, char *name,
                             size_t room, loci_err *err) {
  int fd = temporary_new(path, false, part);
  if (fd < 0) return fail_errno(err, errno, "%s", path);
  remove_beside(part, name, room); /* of a merge that was killed */
  loci_status st = fill_new(m, part, err);
  if (!st && (fsync(fd) != 0 || rename(part, path) != 0)) st = fail_errno(err, errno, "%s", path);
  if (st) {
    unlink(part);
    remove_beside(part, name, room);
  }
  close(fd);
  return st;
}

loci_status loci_store_merge(const char *const *paths, int count, const char *out,
                             loci_progress_fn progress, void *ctx, loci_err *err) {
  NEEDS(paths, "paths");
  NEEDS(out, "path to write");
  TRY(check_list(count, paths, "stores", err));
  for (int i = 0; i < count; i++) NEEDS(paths[i], "path");
  merging m = {paths, count, {progress, ctx}};
  if (file_exists(out)) return merge_into(&m, out, err);
  size_t room = strlen(out) + TEMPORARY_ROOM + sizeof "-journal";
  char *part = malloc(room), *name = malloc(room);
  loci_status st =
      part && name ? merge_new(&m, out, part, name, room, err) : fail_nomem(err, "merging stores");
  free(part);
  free(name);
  return st;
}
