/* Settings: all that may change a number, as one JSON text.  Equal texts are one run, so what does
 * not change numbers (threads, memory) is left out, and what is left to a default is written out.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "model/model.h"
#include "store/store.h"

enum { PICTURE_MAX = 1 << 28 }; /* bytes */

/* ---------------------------------------------------------------- settings */

static bool has_noise(const char *corrupt) {
  return strncmp(corrupt, "noise", 5) == 0 || strncmp(corrupt, "image-noise", 11) == 0;
}

static js_value *layers_of(const loci_model *m, int first, int count) {
  int range[2] = {first, count > 0 ? first + count - 1 : m->info.layers - 1};
  return js_ints(range, 2);
}

/* Another picture under the same name is another corruption. */
static loci_status put_picture(js_value **o, const char *corrupt, loci_err *err) {
  static const char kind[] = "image:";
  char *bytes, text[24];
  size_t n;
  if (strncmp(corrupt, kind, sizeof kind - 1) != 0) return LOCI_OK;
  TRY(file_read(corrupt + sizeof kind - 1, PICTURE_MAX, &bytes, &n, err));
  snprintf(text, sizeof text, "%016" PRIx64, example_fingerprint(bytes, n));
  free(bytes);
  js_put(o, "picture", js_text(text));
  return LOCI_OK;
}

static void put_trace(js_value **o, const loci_model *m, const run_how *how) {
  static const loci_site usual[] = {LOCI_SITE_MLP_OUT, LOCI_SITE_ATTN_OUT, LOCI_SITE_RESID_POST};
  static const int one = 1;
  const loci_trace_opts *t = &how->trace;
  const char *corrupt = t->corrupt ? t->corrupt : "replace:Paris";
  const loci_site *sites = t->site_count > 0 ? t->sites : usual;
  js_value *names = js_array();
  for (int i = 0; i < (t->site_count > 0 ? t->site_count : 3); i++)
    js_push(&names, js_text(loci_site_name(sites[i])));
  js_put(o, "corrupt", js_text(corrupt));
  js_put(o, "sites", names);
  js_put(o, "windows",
         t->window_count > 0 ? js_ints(t->windows, t->window_count) : js_ints(&one, 1));
  js_put(o, "layers", layers_of(m, t->first_layer, t->layer_count));
  if (t->positions && strcmp(t->positions, "each") != 0)
    js_put(o, "positions", js_text(t->positions));
  if (t->constraint > 0) js_put(o, "only", js_int(t->constraint));
  if (!has_noise(corrupt)) return;
  js_put(o, "seeds", js_int(t->seeds > 0 ? t->seeds : 10));
  js_put(o, "seed", js_int((int64_t)t->seed));
}

static void put_knockout(js_value **o, const loci_model *m, const run_how *how) {
  const loci_knockout_opts *k = &how->knockout;
  js_put(o, "window", js_int(k->window ? k->window : 3));
  js_put(o, "layers", layers_of(m, k->first_layer, k->layer_count));
}

/* Applied edits; the weights' hash is without them. */
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

loci_status settings_text(loci_model *m, const char *hash, const char *what, const run_how *how,
                          char **out, loci_err *err) {
  const char *t = how->template_name;
  bool asks = strcmp(what, "knockout") != 0 && strcmp(what, "lens") != 0;
  js_value *o = js_object();
  if (strcmp(what, "trace") == 0 && how->trace.corrupt) {
    loci_status st = put_picture(&o, how->trace.corrupt, err);
    if (st) js_free(o);
    TRY(st);
  }
  js_put(&o, "what", js_text(what));
  js_put(&o, "loci", js_text(LOCI_VERSION));
  js_put(&o, "model", js_text(hash));
  js_put(&o, "precision", js_text(m->info.precision));
  js_put(&o, "template", js_text(t && strcmp(t, "auto") != 0 ? t : m->info.template_name));
  if (loci_model_get_info(m)->edit_count > 0) put_edits(&o, loci_model_get_info(m));
  if (asks) js_put(&o, "max_new", js_int(how->max_new > 0 ? how->max_new : 20));
  if (strcmp(what, "trace") == 0) put_trace(&o, m, how);
  if (strcmp(what, "knockout") == 0) put_knockout(&o, m, how);
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
  js_put(&o, "hash", js_text(hash));
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

static loci_status read_model(const js_value *v, const char *where, arena *mem,
                              loci_model_info *out, const char **hash, loci_err *err) {
  TRY(read_text(v, "path", where, mem, &out->path, err));
  TRY(read_text(v, "family", where, mem, &out->family, err));
  TRY(read_text(v, "dtype", where, mem, &out->dtype, err));
  TRY(read_text(v, "precision", where, mem, &out->precision, err));
  TRY(read_text(v, "hash", where, mem, hash, err));
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

loci_status store_job(const char *what, const run_how *how, double least_effect, arena *mem,
                      average_job **out, loci_err *err) {
  enum {
    STUDY_NONE = -1,
#define STUDY(id, name, meaning) STUDY_##id,
#include "loci_names.def"
  };
  int kind;
  *out = NULL;
  if (loci_name_find(LOCI_NAMES_STUDY, what, &kind, NULL)) return LOCI_OK;
  switch (kind) {
    case STUDY_ASK: *out = job_ask(mem); break;
    case STUDY_FLOW: *out = job_flow(mem); break;
    case STUDY_KNOCKOUT: *out = job_knockout(mem, &how->knockout); break;
    case STUDY_LENS: *out = job_lens(mem, NULL); break;
    default:
      *out = job_trace(mem, &how->trace);
      if (*out) job_trace_filter(*out, least_effect, true);
  }
  return *out ? LOCI_OK : fail_nomem(err, "starting a study");
}
