/* Rows of a store, one after the other (see each.h). */
#include "store/each.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "store/numbers.h"

static const char *text_at(const db_query *q, int column) {
  const char *text = db_text(q, column);
  return text ? text : "";
}

/* Quantity, window, place, first and points stand in five columns from [at] on. */
static loci_status read_series(const db_query *q, int at, const char *where, store_series *out,
                               loci_err *err) {
  series_key key;
  TRY(series_key_read(q, at, where, (run_kind){"", 0}, &key, err));
  *out = (store_series){.quantity = key.quantity,
                        .window = key.window,
                        .place = key.place,
                        .first = key.first,
                        .points = key.points};
  return LOCI_OK;
}

static loci_status read_numbers(const store_series *s, const char *json, const char *where,
                                double *out, loci_err *err) {
  series_key key = {.quantity = s->quantity, .points = s->points};
  return series_numbers(&key, average_range(s->quantity), json, where, out, err);
}

/* ---------------------------------------------------------------- one kind of row each */

/* What is done with each row of a query; [s] for its name. */
typedef struct going {
  loci_store *s;
  loci_status (*row)(struct going *g, const db_query *q, loci_err *err);
  void *ctx;
  union {
    store_run_fn *run;
    store_result_fn *result;
    store_series_fn *series;
    store_value_fn *value;
    store_map_fn *map;
  } fn;
} going;

/* All rows of a query with one or two numbers. */
static loci_status go(going *g, const char *sql, int64_t one, int64_t two, loci_err *err) {
  db_query *q;
  bool row;
  loci_status st;
  TRY(db_prepare(g->s->d, sql, &q, err));
  db_bind_int(q, 1, one);
  if (two >= 0) db_bind_int(q, 2, two);
  while (!(st = db_step(q, &row, err)) && row) {
    st = g->row(g, q, err);
    if (st) break;
  }
  db_finish(q);
  return st;
}

static loci_status one_run(going *g, const db_query *q, loci_err *err) {
  return g->fn.run(g->ctx, db_int(q, 0), err);
}

loci_status store_each_run(loci_store *s, int64_t run, store_run_fn *fn, void *ctx, loci_err *err) {
  going g = {.s = s, .row = one_run, .ctx = ctx, .fn.run = fn};
  return go(&g, "SELECT run FROM run WHERE run = ?1 OR ?1 = 0 ORDER BY run", run, -1, err);
}

static loci_status value_row(going *g, const db_query *q, loci_err *err) {
  const char *where = db_path(g->s->d);
  store_value v = {.run = db_int(q, 0),
                   .what = text_at(q, 1),
                   .result = {.name = text_at(q, 3), .question = "", .answer = ""}};
  TRY(store_line(q, 2, where, &v.result.line, err));
  TRY(store_verdict(q, 4, where, &v.result.right, err));
  TRY(read_series(q, 5, where, &v.series, err));
  double *x = malloc((size_t)v.series.points * sizeof *x);
  if (!x) return fail_nomem(err, "reading a store");
  v.x = x;
  loci_status st = read_numbers(&v.series, db_text(q, 10), where, x, err);
  if (!st) st = g->fn.value(g->ctx, &v, err);
  free(x);
  return st;
}

loci_status store_each_value(loci_store *s, int64_t run, store_value_fn *fn, void *ctx,
                             loci_err *err) {
  going g = {.s = s, .row = value_row, .ctx = ctx, .fn.value = fn};
  return go(&g,
            "SELECT r.run, what, line, id, right, quantity, window, place, first, points, x"
            " FROM run JOIN result r USING (run) JOIN example e USING (example)"
            " JOIN value v USING (result) JOIN series s USING (series)"
            " WHERE r.run = ?1 OR ?1 = 0 ORDER BY r.run, line, key, series",
            run, -1, err);
}

static loci_status result_row(going *g, const db_query *q, loci_err *err) {
  store_result r = {.id = db_int(q, 0),
                    .name = text_at(q, 2),
                    .question = text_at(q, 4),
                    .answer = text_at(q, 5)};
  TRY(store_line(q, 1, db_path(g->s->d), &r.line, err));
  TRY(store_verdict(q, 3, db_path(g->s->d), &r.right, err));
  return g->fn.result(g->ctx, &r, err);
}

loci_status store_each_result(loci_store *s, int64_t run, int most, store_result_fn *fn, void *ctx,
                              loci_err *err) {
  going g = {.s = s, .row = result_row, .ctx = ctx, .fn.result = fn};
  return go(&g,
            "SELECT result, line, id, right, question, answer FROM result JOIN example USING"
            " (example) WHERE run = ?1 AND dropped IS NULL ORDER BY line, key LIMIT ?2",
            run, most > 0 ? most : INT64_MAX, err);
}

static loci_status count_row(void *ctx, const store_result *r, loci_err *err) {
  (void)r, (void)err;
  ++*(int64_t *)ctx;
  return LOCI_OK;
}

loci_status store_count_results(loci_store *s, int64_t run, int64_t *out, loci_err *err) {
  *out = 0;
  return store_each_result(s, run, 0, count_row, out, err);
}

static loci_status series_row(going *g, const db_query *q, loci_err *err) {
  store_series r;
  TRY(read_series(q, 1, db_path(g->s->d), &r, err));
  r.id = db_int(q, 0);
  return g->fn.series(g->ctx, &r, err);
}

loci_status store_each_series(loci_store *s, int64_t run, store_series_fn *fn, void *ctx,
                              loci_err *err) {
  going g = {.s = s, .row = series_row, .ctx = ctx, .fn.series = fn};
  return go(&g,
            "SELECT series, quantity, window, place, first, points FROM series WHERE run = ?1"
            " ORDER BY series",
            run, -1, err);
}

static loci_status map_row(going *g, const db_query *q, loci_err *err) {
  size_t size;
  js_value *tokens;
  const char *json = text_at(q, 4), *where = db_path(g->s->d);
  int64_t first = db_int(q, 2), layers = db_int(q, 3);
  const unsigned char *ie = db_bytes(q, 5, &size);
  TRY(js_parse(json, strlen(json), where, &tokens, err));
  int64_t rows = js_count(tokens), cells = (int64_t)(size / 4);
  bool whole = layers >= 1 && layers <= STORE_POINTS && rows >= 1 && rows <= STORE_POINTS &&
               first >= 0 && first <= STORE_POINTS && size % 4 == 0 && cells % layers == 0 &&
               cells / layers == rows;
  store_map m = {.site = text_at(q, 0),
                 .window = db_int(q, 1),
                 .first = (int)first,
                 .layers = (int)layers,
                 .rows = (int)rows,
                 .tokens = tokens,
                 .ie = ie};
  loci_status st =
      whole ? store_effects(ie, size, where, err)
            : fail(err, LOCI_EFORMAT, "%s: a heat map is not as large as it says", where);
  if (!st) st = g->fn.map(g->ctx, &m, err);
  js_free(tokens);
  return st;
}

loci_status store_each_map(loci_store *s, int64_t result, store_map_fn *fn, void *ctx,
                           loci_err *err) {
  going g = {.s = s, .row = map_row, .ctx = ctx, .fn.map = fn};
  return go(&g, "SELECT site, window, first, layers, tokens, ie FROM grid WHERE result = ?1",
            result, -1, err);
}

/* ---------------------------------------------------------------- one series of all results */

loci_status store_fill_series(loci_store *s, const store_series *series, const int64_t *results,
                              int64_t n, double *out, loci_err *err) {
  db_query *q;
  bool row;
  TRY(db_prepare(s->d, "SELECT x FROM value WHERE result = ? AND series = ?", &q, err));
  loci_status st = LOCI_OK;
  for (int64_t i = 0; !st && i < n; i++) {
    double *x = out + i * series->points;
    for (int k = 0; k < series->points; k++) x[k] = (double)NAN;
    db_bind_int(q, 1, results[i]);
    db_bind_int(q, 2, series->id);
    st = db_step(q, &row, err);
    if (!st && row) {
      st = read_numbers(series, db_text(q, 0), db_path(s->d), x, err);
      db_rewind(q);
    }
  }
  db_finish(q);
  return st;
}
