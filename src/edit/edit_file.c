/* The file of an edit: safetensors with update.left (D,n) and update.right (n,F), of several layers
 * update.4.left, ..., and what it is in the metadata (docs/FORMATS.md, "Edits"); the requests stand
 * there as one JSON text.  And the file of a covariance, the same with `covariance` (F,F). */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <math.h>
#include <string.h>

#include "base/result.h"
#include "checkpoint/safetensors.h"
#include "edit/update.h"

#define FORMAT "loci.edit/1"
#define FORMAT_OF_PARTS "loci.edit/2"
#define COVARIANCE_FORMAT "loci.covariance/1"

enum { NAME_SIZE = 40, MOST_PARTS = 1000 };

/* ---------------------------------------------------------------- writing */

js_value *edit_settings_json(const loci_edit_settings *s) {
  js_value *o = js_object();
  js_put(&o, "steps", js_int(s->steps));
  js_put(&o, "lr", js_real(s->lr));
  js_put(&o, "weight_decay", js_real(s->weight_decay));
  js_put(&o, "lambda", js_real(s->lambda));
  js_put(&o, "max_norm", js_real(s->max_norm));
  js_put(&o, "stop_p", js_real(s->stop_p));
  js_put(&o, "stop_loss", js_real(s->stop_loss));
  js_put(&o, "kl", js_real(s->kl));
  js_put(&o, "ridge", js_real(s->ridge));
  js_put(&o, "authors", js_bool(s->authors));
  js_put(&o, "average_loss", js_bool(s->average_loss));
  js_put(&o, "each_key", js_bool(s->each_key));
  js_put(&o, "keep_weight", js_real(s->keep_weight));
  js_put(&o, "eps", js_real(s->eps));
  js_put(&o, "at_last", js_bool(s->at_last));
  js_put(&o, "without_constraint", js_bool(s->without_constraint));
  if (s->null_below > 0) js_put(&o, "null_below", js_real(s->null_below));
  if (s->null_relative > 0) js_put(&o, "null_relative", js_real(s->null_relative));
  if (s->batch > 0) js_put(&o, "batch", js_int(s->batch));
  return o;
}

/* Members that are not there are left out and not null, so that files of before read the same. */
static js_value *requests_json(const loci_edit *e) {
  js_value *a = js_array();
  for (int i = 0; i < e->fact_count; i++) {
    const loci_edit_fact *f = &e->facts[i];
    js_value *o = js_object();
    js_put(&o, "image", js_text(f->image));
    js_put(&o, "question", js_text(f->question));
    js_put(&o, "template", js_text(f->template_name));
    if (f->system) js_put(&o, "system", js_text(f->system));
    if (f->date) js_put(&o, "date", js_text(f->date));
    js_put(&o, "constraint", js_text(f->constraint));
    js_put(&o, "target", js_text(f->target));
    js_push(&a, o);
  }
  return a;
}

/* Of one part "update.left", of several "update.4.left" by its layer. */
static void name_tensor(int layer, bool several, const char *side, char out[NAME_SIZE]) {
  if (several) snprintf(out, NAME_SIZE, "update.%d.%s", layer, side);
  if (!several) snprintf(out, NAME_SIZE, "update.%s", side);
}

static st_tensor matrix_of(const char *name, const float *data, int64_t rows, int64_t cols) {
  return (st_tensor){.name = name,
                     .dtype = ST_F32,
                     .rank = 2,
                     .shape = {rows, cols},
                     .data = (const uint8_t *)data,
                     .bytes = rows * cols * 4};
}

/* What the parts are of, where there are several or one says how much was free. */
static js_value *parts_json(const loci_edit *e) {
  js_value *a = js_array();
  for (int i = 0; i < e->part_count; i++) {
    const loci_edit_part *p = &e->parts[i];
    js_value *o = js_object();
    js_put(&o, "layer", js_int(p->layer));
    js_put(&o, "tensor", js_text(p->tensor));
    if (p->free_count >= 0) js_put(&o, "free", js_int(p->free_count));
    js_push(&a, o);
  }
  return a;
}

/* (2 parts) left and right of each; [names] of as many. */
static loci_status write_tensors(const loci_edit *e, const char *path, const char *const *metadata,
                                 loci_err *err) {
  int n = e->part_count;
  char(*names)[NAME_SIZE] = calloc(2 * (size_t)n, sizeof *names);
  st_tensor *tensors = calloc(2 * (size_t)n, sizeof *tensors);
  loci_status st = names && tensors ? LOCI_OK : fail_nomem(err, path);
  for (int i = 0; !st && i < n; i++) {
    const loci_edit_part *p = &e->parts[i];
    name_tensor(p->layer, n > 1, "left", names[2 * i]);
    name_tensor(p->layer, n > 1, "right", names[2 * i + 1]);
    tensors[2 * i] = matrix_of(names[2 * i], p->left, e->width, p->rank);
    tensors[2 * i + 1] = matrix_of(names[2 * i + 1], p->right, p->rank, e->inner);
  }
  if (!st) st = st_write(path, tensors, 2 * n, metadata, err);
  free(names);
  free(tensors);
  return st;
}

/* One part is a file that earlier versions read; several are of a format of their own, which they
 * refuse. */
loci_status edit_write(const void *result, const char *path, loci_err *err) {
  const loci_edit *e = result;
  bool several = e->part_count > 1;
  char *settings = NULL, *requests = NULL, *parts = NULL, layer[16];
  loci_status st = js_print(edit_settings_json(&e->settings), false, &settings, err);
  if (!st) st = js_print(requests_json(e), false, &requests, err);
  if (!st && (several || e->parts->free_count >= 0))
    st = js_print(parts_json(e), false, &parts, err);
  snprintf(layer, sizeof layer, "%d", e->layer);
  const char *metadata[] = {"format",     several ? FORMAT_OF_PARTS : FORMAT,
                            "method",     e->method,
                            "model_hash", e->hash,
                            "layer",      layer,
                            "tensor",     e->tensor,
                            "precision",  e->precision,
                            "settings",   settings,
                            "requests",   requests,
                            "loci",       LOCI_VERSION,
                            NULL,         NULL,
                            NULL,         NULL,
                            NULL,         NULL,
                            NULL};
  const char *const more[][2] = {
      {"parts", parts}, {"request", e->result.request}, {"command", e->result.command}};
  const char **end = metadata;
  while (*end) end += 2;
  for (size_t i = 0; i < sizeof more / sizeof *more; i++) {
    if (!more[i][1] || !more[i][1][0]) continue;
    *end++ = more[i][0];
    *end++ = more[i][1];
  }
  if (!st) st = write_tensors(e, path, metadata, err);
  free(settings);
  free(requests);
  free(parts);
  return st;
}

loci_status covariance_write(const void *result, const char *path, loci_err *err) {
  const loci_covariance *c = result;
  char layer[16], keys[24], prompts[16];
  st_tensor tensor = {.name = "covariance",
                      .dtype = ST_F32,
                      .rank = 2,
                      .shape = {c->inner, c->inner},
                      .data = (const uint8_t *)c->values,
                      .bytes = c->inner * c->inner * 4};
  snprintf(layer, sizeof layer, "%d", c->layer);
  snprintf(keys, sizeof keys, "%lld", (long long)c->keys);
  snprintf(prompts, sizeof prompts, "%d", c->prompts);
  const char *request = c->result.request ? "request" : NULL;
  const char *command = c->result.command && c->result.command[0] ? "command" : NULL;
  const char *const metadata[] = {
      "format",  COVARIANCE_FORMAT, "model_hash", c->hash,      "layer", layer,
      "tensor",  c->tensor,         "precision",  c->precision, "keys",  keys,
      "prompts", prompts,           "loci",       LOCI_VERSION, request, c->result.request,
      command,   c->result.command, NULL};
  return st_write(path, &tensor, 1, metadata, err);
}

/* ---------------------------------------------------------------- reading */

typedef struct edit_reader {
  const char *path, *what; /* "edit" */
  st_file *file;
  arena *mem;
  loci_edit *edit; /* what is read, where it is one */
} edit_reader;

static loci_status refuse(const edit_reader *r, const char *why, loci_err *err) {
  return fail(err, LOCI_EFORMAT, "%s: no %s of loci: %s", r->path, r->what, why);
}

static loci_status read_text(const edit_reader *r, const char *key, const char **out,
                             loci_err *err) {
  const char *s = st_metadata(r->file, key);
  if (!s) return fail(err, LOCI_EFORMAT, "%s: no %s of loci: no %s in it", r->path, r->what, key);
  *out = arena_strdup(r->mem, s);
  return *out ? LOCI_OK : fail_nomem(err, r->path);
}

/* How it was made, if the file says so.  It goes into files and onto terminals again: an object and
 * one line, or it is refused. */
static loci_status read_making(const edit_reader *r, loci_result *out, loci_err *err) {
  js_value *request;
  if (!st_metadata(r->file, "request")) return LOCI_OK;
  TRY(read_text(r, "request", &out->request, err));
  TRY(js_parse(out->request, strlen(out->request), r->path, &request, err));
  bool object = js_kind_of(request) == JS_OBJECT;
  js_free(request);
  if (!object) return refuse(r, "its request is no object", err);
  out->command = "";
  if (!st_metadata(r->file, "command")) return LOCI_OK;
  TRY(read_text(r, "command", &out->command, err));
  for (const char *c = out->command; *c; c++)
    if ((unsigned char)*c < 0x20 || *c == 0x7f)
      return refuse(r, "its command is not one line", err);
  return strncmp(out->command, "loci ", 5) == 0 ? LOCI_OK
                                                : refuse(r, "its command is not loci's", err);
}

static loci_status find_matrix(const edit_reader *r, const char *name, const st_tensor **out,
                               loci_err *err) {
  const st_tensor *t = *out = st_find(r->file, name);
  if (t && t->dtype == ST_F32 && t->rank == 2 && t->shape[0] > 0 && t->shape[1] > 0) return LOCI_OK;
  fail(err, LOCI_EFORMAT, "%s: no %s of loci: %s must be a matrix of F32", r->path, r->what, name);
  return LOCI_EFORMAT;
}

/* Looked at once, here: nothing after it asks again whether an update is finite. */
static loci_status copy_numbers(const edit_reader *r, const st_tensor *t, const float **out,
                                loci_err *err) {
  float *data = arena_array(r->mem, t->bytes / 4, float);
  if (!data) return fail_nomem(err, r->path);
  memcpy(data, t->data, (size_t)t->bytes);
  *out = data;
  return logits_are_finite(data, t->bytes / 4) ? LOCI_OK
                                               : refuse(r, "a number is NaN or infinite", err);
}

static loci_status read_matrix(const edit_reader *r, const char *name, const st_tensor **t,
                               const float **out, loci_err *err) {
  TRY(find_matrix(r, name, t, err));
  return copy_numbers(r, *t, out, err);
}

/* A copy of a member; NULL where it is null or not there. */
static loci_status copy_member(const edit_reader *r, const js_value *o, const char *key,
                               const char **out, loci_err *err) {
  const char *s = NULL;
  TRY(js_get_text(o, key, r->path, &s, err));
  *out = s ? arena_strdup(r->mem, s) : NULL;
  return *out || !s ? LOCI_OK : fail_nomem(err, r->path);
}

/* A request must say what it is about; the picture, system prompt and day may be absent. */
static loci_status read_requests(const edit_reader *r, const js_value *list, loci_err *err) {
  int n = (int)js_count(list);
  loci_edit_fact *facts = arena_zarray(r->mem, n, loci_edit_fact);
  if (!facts) return fail_nomem(err, r->path);
  for (int i = 0; i < n; i++) {
    const js_value *o = js_at(list, i);
    if (js_kind_of(o) != JS_OBJECT) return refuse(r, "a request is no object", err);
    TRY(copy_member(r, o, "image", &facts[i].image, err));
    TRY(copy_member(r, o, "question", &facts[i].question, err));
    TRY(copy_member(r, o, "template", &facts[i].template_name, err));
    TRY(copy_member(r, o, "system", &facts[i].system, err));
    TRY(copy_member(r, o, "date", &facts[i].date, err));
    TRY(copy_member(r, o, "constraint", &facts[i].constraint, err));
    TRY(copy_member(r, o, "target", &facts[i].target, err));
    if (!facts[i].question || !facts[i].target || !facts[i].constraint) {
      return refuse(r, "a request has no question, constraint or target", err);
    }
  }
  r->edit->fact_count = n;
  r->edit->facts = facts;
  return LOCI_OK;
}

/* For reports alone: an update is applied as it is, whatever made it.  Still checked, like any
 * input. */
static loci_status read_settings(const edit_reader *r, const js_value *o, loci_err *err) {
  loci_edit_settings *s = &r->edit->settings;
  int64_t steps = 0;
  TRY(js_get_int(o, "steps", r->path, 0, INT32_MAX, &steps, err));
  s->steps = (int)steps;
  TRY(js_get_real(o, "lr", r->path, &s->lr, err));
  TRY(js_get_real(o, "weight_decay", r->path, &s->weight_decay, err));
  TRY(js_get_real(o, "lambda", r->path, &s->lambda, err));
  TRY(js_get_real(o, "max_norm", r->path, &s->max_norm, err));
  TRY(js_get_real(o, "stop_p", r->path, &s->stop_p, err));
  TRY(js_get_real(o, "stop_loss", r->path, &s->stop_loss, err));
  TRY(js_get_real(o, "kl", r->path, &s->kl, err));
  TRY(js_get_real(o, "ridge", r->path, &s->ridge, err));
  TRY(js_get_bool(o, "authors", r->path, &s->authors, err));
  TRY(js_get_bool(o, "average_loss", r->path, &s->average_loss, err));
  TRY(js_get_bool(o, "each_key", r->path, &s->each_key, err));
  TRY(js_get_real(o, "keep_weight", r->path, &s->keep_weight, err));
  TRY(js_get_real(o, "eps", r->path, &s->eps, err));
  TRY(js_get_bool(o, "at_last", r->path, &s->at_last, err));
  TRY(js_get_real(o, "null_below", r->path, &s->null_below, err));
  TRY(js_get_real(o, "null_relative", r->path, &s->null_relative, err));
  int64_t batch = 0;
  TRY(js_get_int(o, "batch", r->path, 0, INT32_MAX, &batch, err));
  s->batch = (int)batch;
  return js_get_bool(o, "without_constraint", r->path, &s->without_constraint, err);
}

static loci_status read_json(const edit_reader *r, const char *key, js_kind kind,
                             loci_status (*use)(const edit_reader *, const js_value *, loci_err *),
                             loci_err *err) {
  js_value *root;
  const char *text;
  TRY(read_text(r, key, &text, err));
  TRY(js_parse(text, strlen(text), r->path, &root, err));
  loci_status st =
      js_kind_of(root) == kind ? use(r, root, err) : refuse(r, "requests or settings are odd", err);
  js_free(root);
  return st;
}

/* A whole number in the metadata, 0 .. most. */
static loci_status read_number(const edit_reader *r, const char *key, long long most, int64_t *out,
                               loci_err *err) {
  const char *text = "";
  TRY(read_text(r, key, &text, err));
  errno = 0;
  long long n = strtoll(text, NULL, 10);
  if (!*text || strspn(text, "0123456789") != strlen(text) || errno || n > most) {
    return fail(err, LOCI_EFORMAT, "%s: no %s of loci: its %s is no number", r->path, r->what, key);
  }
  *out = n;
  return LOCI_OK;
}

/* What edits and covariances say of the model they are of. */
typedef struct origin {
  const char *hash, *tensor, *precision;
  int layer;
} origin;

/* The format is looked at first, so that another program's safetensors is named as such. */
static loci_status read_origin(const edit_reader *r, const char *expected, origin *out,
                               loci_err *err) {
  const char *format = st_metadata(r->file, "format");
  int64_t layer;
  if (!format || strcmp(format, expected) != 0) {
    return fail(err, LOCI_EFORMAT, "%s: no %s of loci: its format is not %s", r->path, r->what,
                expected);
  }
  TRY(read_text(r, "model_hash", &out->hash, err));
  TRY(read_text(r, "tensor", &out->tensor, err));
  TRY(read_text(r, "precision", &out->precision, err));
  TRY(read_number(r, "layer", 1 << 20, &layer, err));
  out->layer = (int)layer;
  return LOCI_OK;
}

/* The two matrices of a part, which fit those of the parts before. */
static loci_status read_part(const edit_reader *r, bool several, loci_edit_part *p, loci_err *err) {
  loci_edit *e = r->edit;
  char name[NAME_SIZE];
  const st_tensor *left, *right;
  name_tensor(p->layer, several, "left", name);
  TRY(read_matrix(r, name, &left, &p->left, err));
  name_tensor(p->layer, several, "right", name);
  TRY(read_matrix(r, name, &right, &p->right, err));
  const int64_t *l = left->shape, *k = right->shape;
  if (l[1] != k[0] || (e->width && (l[0] != e->width || k[1] != e->inner)))
    return refuse(r, "its matrices do not fit each other", err);
  e->width = l[0];
  e->inner = k[1];
  p->rank = l[1];
  p->norm = update_norm(p->left, p->right, e->width, p->rank, e->inner);
  return isnan(p->norm) ? fail_nomem(err, r->path) : LOCI_OK;
}

/* [{"layer", "tensor", "free"}], ascending; one part has it only where something was free. */
static loci_status read_parts(const edit_reader *r, const js_value *list, loci_err *err) {
  loci_edit *e = r->edit;
  int64_t n = js_count(list), layer = -1, free_count;
  if (n < 1 || n > MOST_PARTS) return refuse(r, "its parts are odd", err);
  loci_edit_part *parts = arena_zarray(r->mem, n, loci_edit_part);
  if (!parts) return fail_nomem(err, r->path);
  for (int64_t i = 0; i < n; i++) {
    const js_value *o = js_at(list, i);
    int64_t before = layer;
    free_count = -1;
    if (js_kind_of(o) != JS_OBJECT) return refuse(r, "a part is no object", err);
    TRY(js_get_int(o, "layer", r->path, 0, 1 << 20, &layer, err));
    TRY(js_get_int(o, "free", r->path, 0, INT64_MAX, &free_count, err));
    TRY(copy_member(r, o, "tensor", &parts[i].tensor, err));
    if (layer <= before || !parts[i].tensor) return refuse(r, "its parts are odd", err);
    parts[i].layer = (int)layer;
    parts[i].free_count = free_count;
  }
  e->parts = parts;
  e->part_count = (int)n;
  return LOCI_OK;
}

/* Norms are computed and not read: a stranger's file could say anything. */
static loci_status read_all(const edit_reader *r, loci_err *err) {
  loci_edit *e = r->edit;
  const char *format = st_metadata(r->file, "format");
  bool several = format && strcmp(format, FORMAT_OF_PARTS) == 0;
  origin from;
  TRY(read_origin(r, several ? FORMAT_OF_PARTS : FORMAT, &from, err));
  TRY(read_text(r, "method", &e->method, err));
  e->hash = from.hash;
  e->precision = from.precision;
  loci_edit_part *one = arena_zarray(r->mem, 1, loci_edit_part);
  if (!one) return fail_nomem(err, r->path);
  *one = (loci_edit_part){.layer = from.layer, .tensor = from.tensor, .free_count = -1};
  e->parts = one;
  e->part_count = 1;
  if (several || st_metadata(r->file, "parts"))
    TRY(read_json(r, "parts", JS_ARRAY, read_parts, err));
  if ((e->part_count > 1) != several) return refuse(r, "its parts are not its format's", err);
  double squares = 0;
  for (int i = 0; i < e->part_count; i++) {
    loci_edit_part *p = (loci_edit_part *)(uintptr_t)&e->parts[i];
    TRY(read_part(r, several, p, err));
    squares += p->norm * p->norm;
  }
  edit_show_parts(e);
  e->norm = several ? sqrt(squares) : e->parts[0].norm;
  TRY(read_making(r, &e->result, err));
  TRY(read_json(r, "settings", JS_OBJECT, read_settings, err));
  return read_json(r, "requests", JS_ARRAY, read_requests, err);
}

loci_status edit_read(const char *path, loci_edit **out, loci_err *err) {
  NEEDS(out, "place for the result");
  *out = NULL;
  NEEDS(path, "path");
  st_file *file;
  TRY(st_open(path, &file, err));
  loci_edit *e = result_new(LOCI_KIND_EDIT, sizeof *e);
  loci_status st = e ? LOCI_OK : fail_nomem(err, path);
  edit_reader r = {.path = path, .what = "edit", .file = file, .edit = e};
  if (!st) r.mem = e->result.memory;
  if (!st) st = read_all(&r, err);
  if (!st) e->path = arena_strdup(r.mem, path);
  if (!st && !e->path) st = fail_nomem(err, path);
  st_close(file);
  if (!st) *out = e;
  if (st) loci_free(e);
  return st;
}

static void close_file(void *file) { st_close(file); }

/* In the file's map, which the result keeps: half a gigabyte a layer of a 7B model, read once. */
static loci_status map_numbers(edit_reader *r, const st_tensor *t, const float **out,
                               loci_err *err) {
  if ((uintptr_t)t->data % sizeof(float)) return copy_numbers(r, t, out, err);
  *out = (const float *)(const void *)t->data;
  if (!logits_are_finite(*out, t->bytes / 4)) return refuse(r, "a number is NaN or infinite", err);
  st_release(r->file, t);
  st_file *kept = r->file;
  r->file = NULL;
  return arena_defer(r->mem, close_file, kept) ? LOCI_OK : fail_nomem(err, r->path);
}

/* The same origin as an edit's; a square matrix is all that is asked of the numbers here. */
static loci_status read_covariance(edit_reader *r, loci_covariance *c, loci_err *err) {
  int64_t prompts;
  const st_tensor *matrix;
  origin from;
  TRY(read_origin(r, COVARIANCE_FORMAT, &from, err));
  TRY(read_number(r, "keys", INT64_MAX, &c->keys, err));
  TRY(read_number(r, "prompts", INT32_MAX, &prompts, err));
  TRY(find_matrix(r, "covariance", &matrix, err));
  if (matrix->shape[0] != matrix->shape[1]) return refuse(r, "its matrix is not square", err);
  TRY(read_making(r, &c->result, err));
  c->hash = from.hash;
  c->tensor = from.tensor;
  c->precision = from.precision;
  c->layer = from.layer;
  c->prompts = (int)prompts;
  c->inner = matrix->shape[0];
  return map_numbers(r, matrix, &c->values, err);
}

loci_status covariance_read(const char *path, loci_covariance **out, loci_err *err) {
  NEEDS(out, "place for the result");
  *out = NULL;
  NEEDS(path, "path");
  st_file *file;
  TRY(st_open(path, &file, err));
  loci_covariance *c = result_new(LOCI_KIND_COVARIANCE, sizeof *c);
  loci_status st = c ? LOCI_OK : fail_nomem(err, path);
  edit_reader r = {.path = path, .what = "covariance", .file = file};
  if (!st) r.mem = c->result.memory;
  if (!st) st = read_covariance(&r, c, err);
  st_close(r.file);
  if (!st) *out = c;
  if (st) loci_free(c);
  return st;
}
