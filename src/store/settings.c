/* Settings: all that may change a number, as one JSON text: the completed request of the
 * measurement (study/request.h), with the weights' hash and loci's version.  Equal texts are one
 * run. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "model/model.h"
#include "store/store.h"

/* Applied edits by what they do, not by their files; the weights' hash is without them. */
static void put_edits(js_value **o, const loci_model_info *m) {
  char text[256];
  js_value *list = js_array();
  for (int i = 0; i < m->edit_count; i++) {
    const loci_applied_edit *e = &m->edits[i];
    snprintf(text, sizeof text, "layer %d, rank %lld, norm %.17g, %.100s", e->layer,
             (long long)e->rank, e->norm, e->request_count > 0 ? e->targets[0] : "");
    js_push(&list, js_text(text));
  }
  js_put(o, "edits", list);
}

loci_status settings_text(const loci_model *m, const char *hash, const average_job *job,
                          const loci_study_opts *how, char **out, loci_err *err) {
  js_value *o = js_object();
  js_put(&o, "what", js_text(job->what));
  js_put(&o, "loci", js_text(LOCI_VERSION));
  js_put(&o, "model", js_text(hash));
  study_put_common(&o, m, how, job->asks);
  if (loci_model_get_info(m)->edit_count > 0) put_edits(&o, loci_model_get_info(m));
  if (job->describe) job->describe(job->ctx, &o);
  return js_print(o, false, out, err);
}

/* ---------------------------------------------------------------- the model */

loci_status settings_model(const loci_model_info *m, const char *hash, char **out, loci_err *err) {
  js_value *o = js_object();
  js_put(&o, "path", js_text(m->path));
  js_put(&o, "family", js_text(m->family));
  js_put(&o, "layers", js_int(m->layers));
  js_put(&o, "width", js_int(m->width));
  js_put(&o, "heads", js_int(m->heads));
  js_put(&o, "kv_heads", js_int(m->kv_heads));
  js_put(&o, "dtype", js_text(m->dtype));
  js_put(&o, "precision", js_text(m->precision));
  if (m->turns_images) js_put(&o, "exif", js_text("turn"));
  js_put(&o, "hash", js_text(hash));
  js_value *files = js_array();
  for (int i = 0; i < m->edit_count; i++) js_push(&files, js_text(m->edits[i].file));
  js_put(&o, "edits", files);
  return js_print(o, false, out, err);
}

static loci_status read_int(const js_value *v, const char *key, const char *where, int *out,
                            loci_err *err) {
  int64_t x = 0;
  TRY(js_get_int(v, key, where, 0, 1 << 30, &x, err));
  *out = (int)x;
  return LOCI_OK;
}

static loci_status read_text(const js_value *v, const char *key, const char *where, arena *mem,
                             const char **out, loci_err *err) {
  const char *text = "";
  TRY(js_get_text(v, key, where, &text, err));
  *out = arena_strdup(mem, text);
  return *out ? LOCI_OK : fail_nomem(err, "reading a store");
}

/* Files of edits; stores of before have none. */
static loci_status read_edits(const js_value *v, arena *mem, loci_model_info *out, loci_err *err) {
  const js_value *files = js_get(v, "edits");
  int64_t n = js_count(files);
  loci_applied_edit *edits = arena_zarray(mem, n + 1, loci_applied_edit);
  if (!edits) return fail_nomem(err, "reading a store");
  for (int64_t i = 0; i < n; i++) {
    const char *file = js_text_of(js_at(files, i), NULL);
    edits[i].file = file ? arena_strdup(mem, file) : NULL;
    if (file && !edits[i].file) return fail_nomem(err, "reading a store");
  }
  out->edits = edits;
  out->edit_count = (int)n;
  return LOCI_OK;
}

static loci_status read_model(const js_value *v, const char *where, arena *mem,
                              loci_model_info *out, const char **hash, loci_err *err) {
  TRY(read_text(v, "path", where, mem, &out->path, err));
  TRY(read_text(v, "family", where, mem, &out->family, err));
  TRY(read_text(v, "dtype", where, mem, &out->dtype, err));
  TRY(read_text(v, "precision", where, mem, &out->precision, err));
  TRY(read_text(v, "hash", where, mem, hash, err));
  out->turns_images = js_get(v, "exif") != NULL;
  TRY(read_edits(v, mem, out, err));
  TRY(read_int(v, "layers", where, &out->layers, err));
  TRY(read_int(v, "width", where, &out->width, err));
  TRY(read_int(v, "heads", where, &out->heads, err));
  return read_int(v, "kv_heads", where, &out->kv_heads, err);
}

loci_status settings_read_model(const char *json, const char *where, arena *mem,
                                loci_model_info *out, const char **hash, loci_err *err) {
  js_value *v;
  *out = (loci_model_info){0};
  TRY(js_parse(json, strlen(json), where, &v, err));
  loci_status st = read_model(v, where, mem, out, hash, err);
  js_free(v);
  return st;
}

/* ---------------------------------------------------------------- runs */

static loci_status find_run(db *d, const char *settings, int64_t *out, loci_err *err) {
  db_query *q;
  bool row;
  *out = 0;
  TRY(db_prepare(d, "SELECT run FROM run WHERE settings = ?", &q, err));
  db_bind_text(q, 1, settings);
  loci_status st = db_step(q, &row, err);
  if (!st && row) *out = db_int(q, 0);
  db_finish(q);
  return st;
}

loci_status store_run(db *d, const run_row *row, int64_t *out, loci_err *err) {
  db_query *q;
  TRY(find_run(d, row->settings, out, err));
  if (*out) return LOCI_OK;
  TRY(db_prepare(d,
                 "INSERT INTO run (what, settings, model, data, created)"
                 " VALUES (?, ?, ?, ?, strftime('%Y-%m-%dT%H:%M:%SZ', 'now'))",
                 &q, err));
  db_bind_text(q, 1, row->what);
  db_bind_text(q, 2, row->settings);
  db_bind_text(q, 3, row->model);
  db_bind_text(q, 4, row->data);
  loci_status st = db_run(q, err);
  db_finish(q);
  if (!st) *out = db_last_id(d);
  return st;
}
