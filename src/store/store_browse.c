/* loci_store_browse: the examples of a run as rows for those who look through them, and one of them
 * whole, with the numbers that were measured then; nothing is computed. */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/options.h"
#include "store/asked.h"
#include "store/numbers.h"
#include "store/each.h"

enum { MOST_ROWS = 1000, USUAL_ROWS = 100 };

/* Columns by which rows are sorted, as a caller names them. */
static const struct order {
  const char *name, *sql;
} orders[] = {
    {"line", "e.line"},       {"question", "e.question"}, {"answer", "r.answer"},
    {"right", "r.right"},     {"effect", "effect"},       {"dropped", "r.dropped"},
    {"seconds", "r.seconds"},
};

/* The headline's number of a result: the first one of a series without place and window. */
#define EFFECT                                                                                     \
  "(SELECT json_extract(v.x, '$[0]') FROM value v JOIN series s USING (series)"                    \
  " WHERE v.result = r.result AND s.quantity = ?2 AND s.window = 0 AND s.place = '')"
#define FROM_WHERE                                                                                 \
  " FROM result r JOIN example e USING (example) WHERE r.run = ?1"                                 \
  " AND (?3 = '' OR instr(lower(ifnull(e.question, '')), ?3) OR instr(lower(ifnull(r.answer, "     \
  "'')), ?3)"                                                                                      \
  "  OR instr(lower(ifnull(e.id, '')), ?3))"                                                       \
  " AND CASE ?4 WHEN 0 THEN 1 WHEN 1 THEN r.right = 1 WHEN 2 THEN r.right = 0"                     \
  "  ELSE r.dropped IS NOT NULL END"                                                               \
  " AND (?5 IS NULL OR " EFFECT " >= ?5)"

static void put_number(js_value **to, const char *key, double x) {
  if (isfinite(x)) js_put(to, key, js_real(x));
}

typedef struct browsing {
  loci_store *s;
  const loci_store_browse_opts *o;
  int64_t run;
  char what[16], text[256];
  const char *headline; /* what rows are headed by, "" where a run has nothing of the kind */
} browsing;

static loci_status find_headline(browsing *b, loci_err *err) {
  average_job *job;
  arena *mem = arena_new();
  if (!mem) return fail_nomem(err, "reading a store");
  loci_status st = job_of(&(loci_average_opts){.what = b->what}, NULL, true, mem, &job, err);
  b->headline = !st && job ? job->headline : ""; /* of the program's own */
  arena_free(mem);
  return st;
}

static loci_status find_run(browsing *b, loci_err *err) {
  db_query *q;
  bool row;
  TRY(db_prepare(b->s->d,
                 "SELECT run, what FROM run WHERE run = ?1 OR ?1 = 0 ORDER BY run DESC LIMIT 1", &q,
                 err));
  db_bind_int(q, 1, b->o->run);
  loci_status st = db_step(q, &row, err);
  if (!st && !row) st = fail(err, LOCI_EINVAL, "%s: no run %" PRId64, db_path(b->s->d), b->o->run);
  if (!st) {
    b->run = db_int(q, 0);
    const char *what = db_text(q, 1);
    snprintf(b->what, sizeof b->what, "%s", what ? what : "");
  }
  db_finish(q);
  return st ? st : find_headline(b, err);
}

/* ---------------------------------------------------------------- rows */

static void bind(const browsing *b, db_query *q) {
  db_bind_int(q, 1, b->run);
  db_bind_text(q, 2, b->headline);
  db_bind_text(q, 3, b->text);
  db_bind_int(q, 4, (int64_t)b->o->which);
  db_bind_real(q, 5, b->o->least_effect != 0 ? b->o->least_effect : (double)NAN);
}

static loci_status row_of(const browsing *b, const db_query *q, js_value **out, loci_err *err) {
  int right;
  TRY(store_verdict(q, 8, db_path(b->s->d), &right, err));
  js_value *o = js_object();
  static const char *const texts[] = {"id", "question", "answer", "dropped", "reason", "image"};
  js_put(&o, "result", js_int(db_int(q, 0)));
  js_put(&o, "line", js_int(db_int(q, 1)));
  for (int i = 0; i < 6; i++)
    if (!db_is_null(q, 2 + i)) js_put(&o, texts[i], js_text(db_text(q, 2 + i)));
  if (right >= 0) js_put(&o, "right", js_bool(right == 1));
  put_number(&o, "effect", db_real(q, 9));
  put_number(&o, "seconds", db_real(q, 10));
  *out = o;
  return LOCI_OK;
}

static loci_status count_rows(const browsing *b, int64_t *out, loci_err *err) {
  db_query *q;
  bool row;
  TRY(db_prepare(b->s->d, "SELECT count(*)" FROM_WHERE, &q, err));
  bind(b, q);
  loci_status st = db_step(q, &row, err);
  if (!st && row) *out = db_int(q, 0);
  db_finish(q);
  return st;
}

static loci_status put_rows(const browsing *b, const char *order, js_value **to, loci_err *err) {
  char sql[2000];
  db_query *q;
  bool row;
  js_value *rows = js_array();
  snprintf(sql, sizeof sql,
           "SELECT r.result, e.line, e.id, e.question, r.answer, r.dropped, r.reason, e.image, "
           "r.right, " EFFECT " AS effect, r.seconds" FROM_WHERE
           " ORDER BY %s %s, e.line, e.key LIMIT ?6 OFFSET ?7",
           order, b->o->descending ? "DESC" : "");
  loci_status st = db_prepare(b->s->d, sql, &q, err);
  if (st) {
    js_free(rows);
    return st;
  }
  bind(b, q);
  db_bind_int(q, 6, b->o->count);
  db_bind_int(q, 7, b->o->first);
  while (!(st = db_step(q, &row, err)) && row) {
    js_value *o = NULL;
    st = row_of(b, q, &o, err);
    if (st) break;
    js_push(&rows, o);
  }
  db_finish(q);
  js_put(to, "rows", rows);
  return st;
}

static loci_status browse_rows(const browsing *b, js_value **to, loci_err *err) {
  const char *order = NULL, *wanted = b->o->sort ? b->o->sort : "line";
  int64_t count = 0;
  for (size_t i = 0; i < sizeof orders / sizeof *orders; i++)
    if (strcmp(orders[i].name, wanted) == 0) order = orders[i].sql;
  if (!order) return fail(err, LOCI_EINVAL, "sort: rows are not sorted by \"%.40s\"", wanted);
  TRY(count_rows(b, &count, err));
  js_put(to, "headline", js_text(b->headline));
  js_put(to, "total", js_int(count));
  js_put(to, "first", js_int(b->o->first));
  return put_rows(b, order, to, err);
}

/* ---------------------------------------------------------------- one example */

static loci_status put_map(void *ctx, const store_map *m, loci_err *err) {
  js_value **list = ctx, *o = js_object(), *tokens = js_array(), *ie = js_array();
  (void)err;
  for (int i = 0; i < m->rows; i++) {
    const char *text = js_text_of(js_at(m->tokens, i), NULL);
    js_push(&tokens, js_text(text ? text : ""));
  }
  for (int l = 0; l < m->layers; l++) {
    js_value *line = js_array();
    for (int i = 0; i < m->rows; i++) {
      float x = store_effect(m->ie, (size_t)l * (size_t)m->rows + (size_t)i);
      js_push(&line, isfinite(x) ? js_real((double)x) : js_null());
    }
    js_push(&ie, line);
  }
  js_put(&o, "site", js_text(m->site));
  js_put(&o, "window", js_int(m->window));
  js_put(&o, "first", js_int(m->first));
  js_put(&o, "tokens", tokens);
  js_put(&o, "ie", ie);
  js_push(list, o);
  return LOCI_OK;
}

/* quantity, window, place, first, points and x in columns from 0 on. */
static loci_status value_of(const browsing *b, const db_query *q, js_value **out, loci_err *err) {
  const char *where = db_path(b->s->d);
  series_key key;
  TRY(series_key_read(q, 0, where, (run_kind){b->what, 0}, &key, err));
  double *x = malloc((size_t)key.points * sizeof *x);
  if (!x) return fail_nomem(err, "reading a store");
  loci_status st = series_numbers(&key, average_range(key.quantity), db_text(q, 5), where, x, err);
  js_value *o = js_object(), *numbers = js_array();
  for (int i = 0; !st && i < key.points; i++)
    js_push(&numbers, isnan(x[i]) ? js_null() : js_real(x[i]));
  free(x);
  js_put(&o, "quantity", js_text(key.quantity));
  js_put(&o, "window", js_int(key.window));
  js_put(&o, "place", js_text(key.place));
  js_put(&o, "first", js_int(key.first));
  js_put(&o, "x", numbers);
  if (st) js_free(o);
  if (!st) *out = o;
  return st;
}

static loci_status put_values(const browsing *b, js_value **to, loci_err *err) {
  db_query *q;
  bool row;
  js_value *list = js_array();
  loci_status st =
      db_prepare(b->s->d,
                 "SELECT quantity, window, place, first, points, x FROM value JOIN series USING"
                 " (series) WHERE result = ?1 ORDER BY series",
                 &q, err);
  if (st) {
    js_free(list);
    return st;
  }
  db_bind_int(q, 1, b->o->result);
  while (!(st = db_step(q, &row, err)) && row) {
    js_value *o = NULL;
    st = value_of(b, q, &o, err);
    if (st) break;
    js_push(&list, o);
  }
  db_finish(q);
  js_put(to, "values", list);
  return st;
}

static loci_status browse_one(const browsing *b, js_value **to, loci_err *err) {
  db_query *q;
  bool row;
  TRY(db_prepare(
      b->s->d,
      "SELECT r.result, e.line, e.id, e.question, r.answer, r.dropped, r.reason, e.image,"
      " r.right, " EFFECT ", r.seconds FROM result r JOIN example e USING (example)"
      " WHERE r.run = ?1 AND r.result = ?3",
      &q, err));
  db_bind_int(q, 1, b->run);
  db_bind_text(q, 2, b->headline);
  db_bind_int(q, 3, b->o->result);
  loci_status st = db_step(q, &row, err);
  if (!st && !row) st = fail(err, LOCI_EINVAL, "run %" PRId64 " has no such example", b->run);
  js_value *o = NULL;
  if (!st) st = row_of(b, q, &o, err);
  if (!st) js_put(to, "example", o);
  db_finish(q);
  TRY(st);
  js_value *maps = js_array();
  st = store_each_map(b->s, b->o->result, put_map, &maps, err);
  js_put(to, "maps", maps);
  return st ? st : put_values(b, to, err);
}

/* ---------------------------------------------------------------- the call */

static loci_status browse(browsing *b, char **out, loci_err *err) {
  js_value *o = js_object();
  const watch w = {b->o->progress, b->o->progress_ctx};
  loci_status st = find_run(b, err);
  if (!st) {
    js_put(&o, "run", js_int(b->run));
    js_put(&o, "what", js_text(b->what));
    st = b->o->sql      ? store_select(b->s, b->o->sql, &o, err)
         : b->o->auroc  ? store_auroc(b->s, b->run, &w, &o, err)
         : b->o->result ? browse_one(b, &o, err)
                        : browse_rows(b, &o, err);
  }
  if (!st) return js_print(o, false, out, err);
  js_free(o);
  return st;
}

loci_status loci_store_browse(loci_store *store, const loci_store_browse_opts *opts, char **out,
                              loci_err *err) {
  loci_store_browse_opts own;
  NEEDS(out, "place for the result");
  *out = NULL;
  NEEDS(store, "store");
  TRY(options_take(loci_store_browse_opts, &own, opts, err));
  if (own.count == 0) own.count = USUAL_ROWS;
  if (own.count < 1 || own.count > MOST_ROWS || own.first < 0)
    return fail(err, LOCI_EINVAL, "%d rows from row %" PRId64 ": expected 1 to %d, from 0 on",
                own.count, own.first, MOST_ROWS);
  if ((int)own.which < 0 || own.which > LOCI_BROWSE_DROPPED)
    return fail(err, LOCI_EINVAL, "there are all, right, wrong and dropped examples");
  browsing b = {.s = store, .o = &own};
  for (size_t i = 0; own.text && own.text[i] && i + 1 < sizeof b.text; i++)
    b.text[i] = (char)(own.text[i] >= 'A' && own.text[i] <= 'Z' ? own.text[i] + 32 : own.text[i]);
  TRY(store_begin_reading(store, 0, err));
  return store_end_reading(store, browse(&b, out, err), err);
}
