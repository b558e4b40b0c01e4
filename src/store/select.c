/* One SELECT of somebody's over a store.  It can only read (db_restrict), and is ended after a
 * second, a thousand rows or a megabyte: a page waits for it. */
#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "store/asked.h"

enum { MOST_ROWS = 1000, MOST_BYTES = 1 << 20 };
static const double most_seconds = 1;

static bool in_time(void *ctx, const char *stage, double done, double total) {
  const double *until = ctx;
  (void)stage, (void)done, (void)total;
  return clock_seconds() < *until;
}

/* Bytes of a value have no JSON of their own: their number stands for them. */
static js_value *value_of(const db_query *q, int column, size_t *bytes) {
  size_t n = 0;
  const char *text = NULL;
  double x;
  *bytes += 8;
  switch (db_type_of(q, column)) {
    case DB_INT: return js_int(db_int(q, column));
    case DB_REAL: x = db_real(q, column); return isfinite(x) ? js_real(x) : js_null();
    case DB_TEXT:
      text = db_text(q, column);
      *bytes += text ? strlen(text) : 0;
      return js_text(text ? text : "");
    case DB_BYTES: {
      char said[40];
      db_bytes(q, column, &n);
      snprintf(said, sizeof said, "(%zu bytes)", n);
      return js_text(said);
    }
    case DB_NULL: break;
  }
  return js_null();
}

static loci_status read_rows(db_query *q, js_value **to, loci_err *err) {
  js_value *rows = js_array(), *columns = js_array();
  size_t bytes = 0;
  bool row, more = false;
  int64_t count = 0;
  loci_status st;
  for (int i = 0; i < db_columns(q); i++) {
    const char *name = db_column_name(q, i);
    js_push(&columns, js_text(name ? name : ""));
  }
  while (!(st = db_step(q, &row, err)) && row) {
    more = count == MOST_ROWS || bytes > MOST_BYTES;
    if (more) break;
    js_value *line = js_array();
    for (int i = 0; i < db_columns(q); i++) js_push(&line, value_of(q, i, &bytes));
    js_push(&rows, line);
    count++;
  }
  js_put(to, "columns", columns);
  js_put(to, "rows", rows);
  js_put(to, "more", js_bool(more));
  return st;
}

loci_status store_select(loci_store *s, const char *sql, js_value **to, loci_err *err) {
  double until = clock_seconds() + most_seconds;
  watch w = {in_time, &until};
  db_query *q = NULL;
  TRY(db_restrict(s->d, true, err));
  db_follow(s->d, &w, "reading", 0, 0);
  loci_status st = db_prepare(s->d, sql, &q, err);
  if (!st) st = read_rows(q, to, err);
  db_finish(q);
  db_follow(s->d, NULL, NULL, 0, 0);
  if (st == LOCI_ECANCELLED)
    st = fail(err, LOCI_EINVAL, "it takes longer than a second: ask for less, or use sqlite3");
  loci_status unbound = db_restrict(s->d, false, st ? NULL : err);
  return st ? st : unbound;
}
