/* One example's rows (see store.h).  Numbers are JSON text with 17 digits, which is every bit of a
 * double and still something SQL can look into. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fixed.h"
#include "base/json.h"
#include "store/row_writer.h"

example_key store_key(const loci_example *e, uint64_t fingerprint, uint64_t picture) {
  example_key key = {.image = e ? e->image : NULL};
  snprintf(key.line, sizeof key.line, "%s%016" PRIx64, e ? "" : "bad ", fingerprint);
  memcpy(key.full, key.line, sizeof key.full);
  if (picture) fixed_add(key.full, sizeof key.full, LINE_KEY, "-%016" PRIx64, picture);
  return key;
}

/* The example of that key: ?1, ?2 the whole key and its line's, ?3 the picture's path. */
#define IS_EXAMPLE                                                                                 \
  "(key = ?1 OR (key = ?2 AND image IS ?3)"                                                        \
  " OR (?1 = ?2 AND key > ?2 || '-' AND key < ?2 || '.' AND image IS ?3))"

static void bind_key(db_query *q, const example_key *key) {
  db_bind_text(q, 1, key->full);
  db_bind_text(q, 2, key->line);
  db_bind_text(q, 3, key->image);
}

void rows_close(row_writer *w) {
  db_query **all[] = {&w->find_example, &w->add_example,   &w->find_result,  &w->add_result,
                      &w->end_result,   &w->find_series,   &w->add_series,   &w->add_value,
                      &w->add_grid,     &w->forget_values, &w->forget_grids, &w->forget_dropped,
                      &w->name_example};
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
    db_finish(*all[i]);
    *all[i] = NULL;
  }
}

static loci_status open_all(db *d, row_writer *w, loci_err *err) {
  TRY(db_prepare(
      d, "SELECT example, key FROM example WHERE " IS_EXAMPLE " ORDER BY key = ?1 DESC LIMIT 1",
      &w->find_example, err));
  TRY(db_prepare(
      d,
      "INSERT INTO example (key, line, id, question, image, answers, constraints, fields)"
      " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
      &w->add_example, err));
  TRY(db_prepare(d,
                 "SELECT dropped FROM example JOIN result USING (example) WHERE " IS_EXAMPLE
                 " AND run = ?4 ORDER BY dropped IS NOT NULL LIMIT 1",
                 &w->find_result, err));
  TRY(db_prepare(d, "INSERT INTO result (run, example) VALUES (?, ?)", &w->add_result, err));
  TRY(db_prepare(d,
                 "UPDATE result SET dropped = ?2, reason = ?3, answer = ?4, right = ?5,"
                 " first_right = ?6, seconds = ?7 WHERE result = ?1",
                 &w->end_result, err));
  TRY(db_prepare(d,
                 "SELECT series, first, points FROM series"
                 " WHERE run = ? AND quantity = ? AND window = ? AND place = ?",
                 &w->find_series, err));
  TRY(db_prepare(d,
                 "INSERT INTO series (run, quantity, window, place, first, points)"
                 " VALUES (?, ?, ?, ?, ?, ?)",
                 &w->add_series, err));
  TRY(db_prepare(d, "INSERT INTO value (result, series, x) VALUES (?, ?, ?)", &w->add_value, err));
  TRY(db_prepare(d,
                 "INSERT INTO grid (result, site, window, first, layers, tokens, ie)"
                 " VALUES (?, ?, ?, ?, ?, ?, ?)",
                 &w->add_grid, err));
  TRY(db_prepare(d, "DELETE FROM result WHERE run = ? AND example = ? AND dropped IS NOT NULL",
                 &w->forget_dropped, err));
  TRY(db_prepare(d,
                 "UPDATE example SET key = ?1 WHERE example = ?2 AND NOT EXISTS"
                 " (SELECT 1 FROM result r WHERE r.example = ?2 AND r.dropped IS NULL)",
                 &w->name_example, err));
  TRY(db_prepare(d, "DELETE FROM value WHERE result = ?", &w->forget_values, err));
  return db_prepare(d, "DELETE FROM grid WHERE result = ?", &w->forget_grids, err);
}

loci_status rows_open(db *d, row_writer *w, loci_err *err) {
  *w = (row_writer){.d = d};
  loci_status st = open_all(d, w, err);
  if (st) rows_close(w);
  return st;
}

/* ---------------------------------------------------------------- examples */

loci_status rows_find(row_writer *w, int64_t run, const example_key *key, result_state *out,
                      loci_err *err) {
  bool row;
  bind_key(w->find_result, key);
  db_bind_int(w->find_result, 4, run);
  TRY(db_step(w->find_result, &row, err));
  *out = !row ? RESULT_NONE : db_is_null(w->find_result, 0) ? RESULT_USED : RESULT_DROPPED;
  if (row) db_rewind(w->find_result);
  return LOCI_OK;
}

static js_value *json_constraints_of(const loci_example *e) {
  js_value *list = js_array();
  for (int i = 0; i < e->constraint_count; i++) {
    js_value *c = js_object();
    js_put(&c, "text", js_text(e->constraints[i]));
    js_put(&c, "kind", js_text(e->kinds[i]));
    js_push(&list, c);
  }
  return list;
}

static js_value *json_fields_of(const loci_example *e) {
  js_value *o = js_object();
  if (e->entity) js_put(&o, "entity", js_text(e->entity));
  if (e->set) js_put(&o, "set", js_text(e->set));
  for (int i = 0; i < e->field_count; i++)
    js_put(&o, e->fields[i].name, js_text(e->fields[i].value));
  return o;
}

static loci_status bind_json(db_query *q, int at, js_value *v, loci_err *err) {
  char *text;
  TRY(js_print(v, false, &text, err));
  db_bind_text(q, at, text);
  free(text);
  return LOCI_OK;
}

static loci_status bind_example(db_query *q, const loci_example *e, loci_err *err) {
  js_value *answers = js_array();
  for (int i = 0; i < e->answer_count; i++) js_push(&answers, js_text(e->answers[i]));
  db_bind_text(q, 3, e->id);
  db_bind_text(q, 4, e->question);
  db_bind_text(q, 5, e->image);
  TRY(bind_json(q, 6, answers, err));
  TRY(bind_json(q, 7, json_constraints_of(e), err));
  return bind_json(q, 8, json_fields_of(e), err);
}

/* An example whose picture could not be read before has its name from now on; one that was measured
 * under its line's name alone keeps that. */
static loci_status found_example(row_writer *w, const example_key *key, int64_t *out,
                                 loci_err *err) {
  const char *named = db_text(w->find_example, 1);
  bool renamed = strlen(key->full) > LINE_KEY && named && strcmp(named, key->line) == 0;
  *out = db_int(w->find_example, 0);
  db_rewind(w->find_example);
  if (!renamed) return LOCI_OK;
  db_bind_text(w->name_example, 1, key->full);
  db_bind_int(w->name_example, 2, *out);
  return db_run(w->name_example, err);
}

loci_status rows_example(row_writer *w, const loci_example *e, const example_key *key, int64_t line,
                         int64_t *out, loci_err *err) {
  bool row;
  bind_key(w->find_example, key);
  TRY(db_step(w->find_example, &row, err));
  if (row) return found_example(w, key, out, err);
  db_bind_text(w->add_example, 1, key->full);
  db_bind_int(w->add_example, 2, line);
  for (int i = 3; i <= 8; i++) db_bind_null(w->add_example, i);
  if (e) TRY(bind_example(w->add_example, e, err));
  TRY(db_run(w->add_example, err));
  *out = db_last_id(w->d);
  return LOCI_OK;
}

/* ---------------------------------------------------------------- results */

loci_status rows_begin(row_writer *w, int64_t run, int64_t example, int64_t *result,
                       loci_err *err) {
  db_bind_int(w->forget_dropped, 1, run);
  db_bind_int(w->forget_dropped, 2, example);
  TRY(db_run(w->forget_dropped, err));
  db_bind_int(w->add_result, 1, run);
  db_bind_int(w->add_result, 2, example);
  TRY(db_run(w->add_result, err));
  *result = db_last_id(w->d);
  return LOCI_OK;
}

static loci_status forget_numbers(row_writer *w, int64_t result, loci_err *err) {
  db_bind_int(w->forget_values, 1, result);
  TRY(db_run(w->forget_values, err));
  db_bind_int(w->forget_grids, 1, result);
  return db_run(w->forget_grids, err);
}

loci_status rows_end(row_writer *w, int64_t result, const result_end *end, loci_err *err) {
  db_query *q = w->end_result;
  if (end->dropped) TRY(forget_numbers(w, result, err));
  db_bind_int(q, 1, result);
  db_bind_text(q, 2, end->dropped);
  db_bind_text(q, 3, end->reason);
  for (int i = 4; i <= 6; i++) db_bind_null(q, i);
  if (end->answer) {
    db_bind_text(q, 4, end->answer->text);
    if (end->judged) db_bind_int(q, 5, end->answer->right);
    if (end->judged) db_bind_int(q, 6, end->answer->first_right);
  }
  db_bind_real(q, 7, end->seconds);
  return db_run(q, err);
}

/* ---------------------------------------------------------------- numbers */

static loci_status series_id(row_writer *w, int64_t run, const series_key *k, int64_t *out,
                             loci_err *err) {
  bool row;
  db_query *queries[] = {w->find_series, w->add_series};
  for (int i = 0; i < 2; i++) {
    db_bind_int(queries[i], 1, run);
    db_bind_text(queries[i], 2, k->quantity);
    db_bind_int(queries[i], 3, k->window);
    db_bind_text(queries[i], 4, k->place);
  }
  TRY(db_step(w->find_series, &row, err));
  if (row) {
    bool same = db_int(w->find_series, 1) == k->first && db_int(w->find_series, 2) == k->points;
    *out = db_int(w->find_series, 0);
    db_rewind(w->find_series);
    if (same) return LOCI_OK;
    return fail(err, LOCI_EUNSUPPORTED, "%s: %d numbers from %d, not as the examples before",
                k->quantity, k->points, k->first);
  }
  db_bind_int(w->add_series, 5, k->first);
  db_bind_int(w->add_series, 6, k->points);
  TRY(db_run(w->add_series, err));
  *out = db_last_id(w->d);
  return LOCI_OK;
}

static bool is_empty(const double *x, int n) {
  for (int i = 0; i < n; i++)
    if (!isnan(x[i])) return false;
  return true;
}

/* "[0.10000000000000001,null]": JSON of the library's results has fewer digits than a double. */
static char *numbers_text(const double *x, int n) {
  enum { LONGEST = 32 };
  size_t size = (size_t)n * LONGEST + 3, at = 0;
  char *text = malloc(size);
  if (!text) return NULL;
  for (int i = 0; i < n; i++) {
    at = fixed_add(text, size, at, "%c", i ? ',' : '[');
    if (!isfinite(x[i])) {
      at = fixed_add(text, size, at, "null");
      continue;
    }
    at = fixed_add(text, size, at, "%.17g", x[i]);
  }
  fixed_add(text, size, at, "]");
  return text;
}

loci_status rows_values(row_writer *w, int64_t run, int64_t result, const averaging *a,
                        loci_err *err) {
  for (int i = 0; i < a->series_count; i++) {
    const series_key *k = &a->series[i].key;
    const double *x = average_row_of(a, i, 0);
    int64_t series;
    if (is_empty(x, k->points)) continue;
    TRY(series_id(w, run, k, &series, err));
    char *text = numbers_text(x, k->points);
    if (!text) return fail_nomem(err, "storing numbers");
    db_bind_int(w->add_value, 1, result);
    db_bind_int(w->add_value, 2, series);
    db_bind_text(w->add_value, 3, text);
    free(text);
    TRY(db_run(w->add_value, err));
  }
  return LOCI_OK;
}

/* Little-endian, whatever this machine is. */
static void put_float(unsigned char *out, float x) {
  uint32_t bits;
  memcpy(&bits, &x, sizeof bits);
  for (int i = 0; i < 4; i++) out[i] = (unsigned char)(bits >> 8 * i);
}

loci_status rows_grid(row_writer *w, int64_t result, const loci_trace *t, const loci_grid *g,
                      loci_err *err) {
  int64_t cells = (int64_t)g->layer_count * g->column_count;
  if (g->head_count || !g->positions) return LOCI_OK; /* a picture has two axes */
  unsigned char *ie = malloc((size_t)cells * 4 + 1);
  if (!ie) return fail_nomem(err, "storing a trace");
  for (int64_t i = 0; i < cells; i++) put_float(ie + 4 * i, (float)g->ie[i]);
  js_value *tokens = js_array();
  for (int c = 0; c < g->column_count; c++)
    js_push(&tokens, js_text(t->prompt->tokens[g->positions[c]].text));
  db_query *q = w->add_grid;
  char name[GRID_NAME];
  db_bind_int(q, 1, result);
  db_bind_text(q, 2, grid_name(g, name));
  db_bind_int(q, 3, g->window);
  db_bind_int(q, 4, g->layers[0]);
  db_bind_int(q, 5, g->layer_count);
  db_bind_bytes(q, 7, ie, (size_t)cells * 4);
  free(ie);
  TRY(bind_json(q, 6, tokens, err));
  return db_run(q, err);
}
