/* loci_store_export: the numbers of a store for other programs.  CSV goes out row by row, so a
 * store of any size fits; NPZ is put together in memory. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fixed.h"
#include "base/options.h"
#include "base/file.h"
#include "show/array_list.h"
#include "show/formats.h"
#include "store/store.h"

enum { POINTS_MAX = 1 << 20, SERIES_MAX = 4096 };

/* ---------------------------------------------------------------- CSV */

/* run, what, line, id, right, quantity, window, place, first, points, x */
static const char every_row[] =
    "SELECT r.run, what, line, id, right, quantity, window, place, first, points, x"
    " FROM run JOIN result r USING (run) JOIN example e USING (example) JOIN value v USING (result)"
    " JOIN series s USING (series) WHERE r.run = ?1 OR ?1 = 0 ORDER BY r.run, line, key, series";

static void put_head(bytes *b, const db_query *q) {
  bytes_format(b, "%" PRId64 ",", db_int(q, 0));
  csv_text(b, db_text(q, 1) ? db_text(q, 1) : "");
  bytes_format(b, ",%" PRId64 ",", db_int(q, 2));
  csv_text(b, db_text(q, 3) ? db_text(q, 3) : "");
  bytes_text(b, ",");
  if (!db_is_null(q, 4)) bytes_format(b, "%" PRId64, db_int(q, 4));
  bytes_text(b, ",");
  csv_text(b, db_text(q, 5) ? db_text(q, 5) : "");
  bytes_format(b, ",%" PRId64 ",", db_int(q, 6));
  csv_text(b, db_text(q, 7) ? db_text(q, 7) : "");
}

static loci_status points_of(const db_query *q, int column, const char *where, int *out,
                             loci_err *err) {
  int64_t n = db_int(q, column);
  *out = (int)n;
  if (n >= 1 && n <= POINTS_MAX) return LOCI_OK;
  return fail(err, LOCI_EFORMAT, "%s: a series of %" PRId64 " numbers", where, n);
}

static loci_status put_csv_row(const db_query *q, const char *where, bytes *b, loci_err *err) {
  int n;
  int64_t first = db_int(q, 8);
  bytes head = {0};
  TRY(points_of(q, 9, where, &n, err));
  if (first < 0 || first > POINTS_MAX)
    return fail(err, LOCI_EFORMAT, "%s: a series that begins at %" PRId64, where, first);
  double *x = malloc((size_t)n * sizeof *x);
  if (!x) return fail_nomem(err, "writing a store");
  loci_status st = store_numbers(db_text(q, 10), where, x, n, err);
  put_head(&head, q);
  for (int i = 0; !st && i < n; i++) {
    bytes_add(b, head.data, head.size);
    bytes_format(b, ",%" PRId64 ",", first + i);
    if (isfinite(x[i])) bytes_format(b, "%.17g", x[i]);
    bytes_text(b, "\r\n");
  }
  b->failed |= head.failed;
  bytes_clear(&head);
  free(x);
  return st;
}

static loci_status put_csv_rows(db_query *q, const char *where, out_file *to, loci_err *err) {
  bool row;
  loci_status st;
  static const char head[] = "run,what,line,id,right,quantity,window,place,x,value\r\n";
  TRY(out_file_write(to, head, sizeof head - 1, err));
  while (!(st = db_step(q, &row, err)) && row) {
    bytes b = {0};
    st = put_csv_row(q, where, &b, err);
    if (!st && b.failed) st = fail_nomem(err, "writing a store");
    if (!st) st = out_file_write(to, b.data, b.size, err);
    bytes_clear(&b);
    if (st) return st;
  }
  return st;
}

static loci_status write_csv(loci_store *s, int64_t run, const char *path, loci_err *err) {
  db_query *q;
  out_file *to;
  TRY(db_prepare(s->d, every_row, &q, err));
  db_bind_int(q, 1, run);
  loci_status st = out_file_open(path, &to, err);
  if (!st) {
    st = put_csv_rows(q, db_path(s->d), to, err);
    if (st) out_file_drop(to);
    if (!st) st = out_file_keep(to, err);
  }
  db_finish(q);
  return st;
}

/* ---------------------------------------------------------------- NPZ */

/* "run1.p.w3.image-to-last" */
static void array_name(int64_t run, const db_query *q, char out[144]) {
  char text[128];
  const char *place = db_text(q, 3);
  const char *quantity = db_text(q, 1);
  size_t n = fixed_add(text, sizeof text, 0, "%.60s", quantity ? quantity : "");
  if (db_int(q, 2) > 0) n = fixed_add(text, sizeof text, n, ".w%d", (int)db_int(q, 2));
  if (place && place[0]) fixed_add(text, sizeof text, n, ".%.50s", place);
  int k = snprintf(out, 24, "run%" PRId64 ".", run);
  for (const char *c = text; *c && k < 140; c++) {
    if (strncmp(c, " -> ", 4) == 0) {
      memcpy(out + k, "-to-", 4);
      k += 4;
      c += 3;
    } else {
      out[k++] = *c == ' ' || *c == '/' ? '_' : *c;
    }
  }
  out[k] = 0;
}

/* Result numbers of a run's used examples, in order, with their lines and labels. */
typedef struct result_list {
  int64_t n;
  int64_t *results;
} result_list;

static loci_status list_results(loci_store *s, int64_t run, array_list *arrays, result_list *out,
                                loci_err *err) {
  char name[48];
  db_query *q;
  bool row;
  int64_t i = 0;
  TRY(db_prepare(s->d,
                 "SELECT result, line, right, count(*) OVER () FROM result JOIN example USING"
                 " (example) WHERE run = ? AND dropped IS NULL ORDER BY line, key",
                 &q, err));
  db_bind_int(q, 1, run);
  loci_status st = db_step(q, &row, err);
  out->n = !st && row ? db_int(q, 3) : 0;
  out->results = arena_array(arrays->mem, out->n, int64_t);
  snprintf(name, sizeof name, "run%" PRId64 ".line", run);
  int64_t *lines = array_list_add(arrays, name, ST_I64, &out->n, 1);
  snprintf(name, sizeof name, "run%" PRId64 ".answered_right", run);
  int64_t *right = array_list_add(arrays, name, ST_I64, &out->n, 1);
  if (!st && (!out->results || !lines || !right)) st = fail_nomem(err, "writing a store");
  while (!st && row && i < out->n) {
    out->results[i] = db_int(q, 0);
    lines[i] = db_int(q, 1);
    right[i++] = db_is_null(q, 2) ? -1 : db_int(q, 2);
    st = db_step(q, &row, err);
  }
  db_finish(q);
  return st;
}

static loci_status fill_series(loci_store *s, int64_t series, const result_list *results,
                               int points, double *out, loci_err *err) {
  db_query *q;
  bool row;
  TRY(db_prepare(s->d, "SELECT x FROM value WHERE result = ? AND series = ?", &q, err));
  loci_status st = LOCI_OK;
  for (int64_t i = 0; !st && i < results->n; i++) {
    double *x = out + i * points;
    for (int k = 0; k < points; k++) x[k] = (double)NAN;
    db_bind_int(q, 1, results->results[i]);
    db_bind_int(q, 2, series);
    st = db_step(q, &row, err);
    if (!st && row) {
      st = store_numbers(db_text(q, 0), db_path(s->d), x, points, err);
      db_rewind(q);
    }
  }
  db_finish(q);
  return st;
}

static loci_status add_series(loci_store *s, int64_t run, array_list *arrays, loci_err *err) {
  db_query *q;
  bool row;
  result_list results;
  TRY(list_results(s, run, arrays, &results, err));
  TRY(db_prepare(s->d,
                 "SELECT series, quantity, window, place, points FROM series WHERE run = ?"
                 " ORDER BY series",
                 &q, err));
  db_bind_int(q, 1, run);
  loci_status st;
  while (!(st = db_step(q, &row, err)) && row) {
    char name[144];
    int points = 0;
    st = points_of(q, 4, db_path(s->d), &points, err);
    if (!st && arrays->count == arrays->room)
      st = fail(err, LOCI_EUNSUPPORTED,
                "%s: has more than the %d kinds of numbers an .npz file "
                "takes here: export it run by run (--run), or as .csv",
                db_path(s->d), (int)arrays->room);
    if (st) break;
    int64_t shape[2] = {results.n, points};
    array_name(run, q, name);
    double *x = array_list_add(arrays, name, ST_F64, shape, 2);
    st = x ? fill_series(s, db_int(q, 0), &results, points, x, err)
           : fail_nomem(err, "writing a store");
    if (st) break;
  }
  db_finish(q);
  return st;
}

static loci_status write_npz(loci_store *s, int64_t run, const char *path, loci_err *err) {
  db_query *q;
  bool row;
  array_list arrays;
  array_list_init(&arrays, SERIES_MAX);
  TRY(array_list_check(&arrays, err));
  loci_status st =
      db_prepare(s->d, "SELECT run FROM run WHERE run = ?1 OR ?1 = 0 ORDER BY run", &q, err);
  if (!st) db_bind_int(q, 1, run);
  while (!st && !(st = db_step(q, &row, err)) && row)
    st = add_series(s, db_int(q, 0), &arrays, err);
  db_finish(q);
  if (!st) return array_list_write(&arrays, path, NULL, err);
  array_list_clear(&arrays);
  return st;
}

loci_status loci_store_export(loci_store *s, const loci_store_opts *opts, const char *path,
                              loci_err *err) {
  NEEDS(s, "store");
  NEEDS(path, "path");
  loci_store_opts o;
  TRY(options_take(loci_store_opts, &o, opts, err));
  bool csv = path_ends_with(path, ".csv");
  if (!csv && !path_ends_with(path, ".npz"))
    return fail(err, LOCI_EINVAL, "%s: a store is exported to .csv or .npz", path);
  watch follow = {o.progress, o.progress_ctx};
  TRY(store_begin_reading(s, o.run, err));
  db_follow(s->d, &follow, "export", 0, 0);
  loci_status st = csv ? write_csv(s, o.run, path, err) : write_npz(s, o.run, path, err);
  db_follow(s->d, NULL, "", 0, 0);
  return store_end_reading(s, st, err);
}
