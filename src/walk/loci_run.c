/* loci_run: one forward pass with records and patches, as a walk of one stream (see loci.h, section
 * 6). */
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/size.h"
#include "base/names.h"
#include "checkpoint/safetensors.h"
#include "model/command.h"
#include "model/prompt.h"
#include "walk/walk.h"

typedef struct recorded {
  loci_site site;
  int layer;
  int64_t rows, cols;
  float *data;
  struct recorded *next;
} recorded;

typedef struct patched {
  loci_patch patch;
  struct patched *next;
} patched;

struct loci_run {
  const loci_model *model;
  const loci_prompt *prompt;
  arena *mem;
  recorded *records, **records_end;
  patched *patches, **patches_end;
  int record_count;
  int64_t bytes; /* of all records */
  bool done;
};

/* A run owns nothing of the prompt, and records into an arena of its own that lives as long as it.
 */
loci_status loci_run_new(const loci_model *model, const loci_prompt *prompt, loci_run **out,
                         loci_err *err) {
  NEEDS(out, "place for the result");
  *out = NULL;
  NEEDS(model, "model");
  NEEDS(prompt, "prompt");
  TRY(prompt_check_model(prompt, model, err));
  loci_run *r = calloc(1, sizeof *r);
  if (!r) return fail_nomem(err, "preparing a run");
  r->mem = arena_new();
  if (!r->mem) {
    free(r);
    return fail_nomem(err, "preparing a run");
  }
  r->model = model;
  r->prompt = prompt;
  r->records_end = &r->records;
  r->patches_end = &r->patches;
  *out = r;
  return LOCI_OK;
}

void loci_run_free(loci_run *r) {
  if (!r) return;
  arena_free(r->mem);
  free(r);
}

static loci_status check_request(const loci_run *r, loci_site site, int layer, loci_err *err) {
  const decoder_config *c = model_decoder(r->model);
  if (r->done) return fail(err, LOCI_EINVAL, "this run has been run; make a new one");
  if ((int)site < 0 || site >= LOCI_SITE_COUNT) return fail(err, LOCI_EINVAL, "unknown site");
  if (layer < 0 || layer >= c->layers) {
    return fail(err, LOCI_EINVAL, "layer %d: the model has layers 0 to %d", layer, c->layers - 1);
  }
  return LOCI_OK;
}

/* What a row of the layer looks at: the prompt's positions, or a picture outside of them. */
static int64_t keys_of(const loci_run *r, int layer) {
  const bool *cross = model_decoder(r->model)->cross;
  return cross && cross[layer] ? r->prompt->info.source_count : r->prompt->info.length;
}

/* Room is made at once, so that running cannot fail for want of it; the same site twice is one. */
loci_status loci_run_record(loci_run *r, loci_site site, int layer, loci_err *err) {
  NEEDS(r, "run");
  TRY(check_request(r, site, layer, err));
  for (recorded *k = r->records; k; k = k->next) {
    if (k->site == site && k->layer == layer) return LOCI_OK;
  }
  int64_t T = r->prompt->info.length, rows = T, size;
  int64_t keys = keys_of(r, layer);
  int64_t cols = site == LOCI_SITE_PATTERN ? keys : site_width(r->model, site);
  if (site == LOCI_SITE_PATTERN) rows = T * model_decoder(r->model)->heads;
  if (site == LOCI_SITE_K || site == LOCI_SITE_V) rows = keys;
  if (!size_mul(rows, cols, &size) || !size_mul(size, sizeof(float), &size) ||
      !size_add(r->bytes, size, &r->bytes))
    return fail_nomem(err, "recording a site");
  if (r->bytes > r->model->memory)
    return fail(
        err, LOCI_ENOMEM,
        "what is recorded needs %lld bytes, --memory allows %lld: name fewer sites or layers",
        (long long)r->bytes, (long long)r->model->memory);
  recorded *k = arena_zarray(r->mem, 1, recorded);
  float *data = arena_zarray(r->mem, rows * cols + 1, float);
  if (!k || !data) return fail_nomem(err, "recording a site");
  *k = (recorded){.site = site, .layer = layer, .rows = rows, .cols = cols, .data = data};
  *r->records_end = k;
  r->records_end = &k->next;
  r->record_count++;
  return LOCI_OK;
}

/* Numbers that a position has of a site. */
static int64_t width_of(const loci_run *r, loci_site site, int layer) {
  if (site != LOCI_SITE_PATTERN) return site_width(r->model, site);
  return (int64_t)model_decoder(r->model)->heads * keys_of(r, layer);
}

/* Not-a-number in one patch would be in every row after it, and say nothing of where it came from.
 */
static loci_status check_values(const loci_run *r, const loci_patch *p, loci_err *err) {
  int64_t width = width_of(r, p->site, p->layer);
  const char *site = loci_name(LOCI_NAMES_SITE, (int)p->site);
  if (p->width && p->width != width)
    return fail(err, LOCI_EINVAL,
                "a patch of %s, layer %d: expected %lld numbers a position, not %lld", site,
                p->layer, (long long)width, (long long)p->width);
  for (int64_t i = 0; i < width * p->count; i++)
    if (!isfinite(p->values[i]))
      return fail(err, LOCI_EINVAL, "a patch of %s, layer %d: NaN or infinite values", site,
                  p->layer);
  return LOCI_OK;
}

/* Only what a walk does not check: its patches are of single positions. */
loci_status loci_run_patch(loci_run *r, const loci_patch *patch, loci_err *err) {
  NEEDS(r, "run");
  NEEDS(patch, "patch");
  TRY(check_request(r, patch->site, patch->layer, err));
  if (patch->site == LOCI_SITE_FINAL_NORM || patch->site == LOCI_SITE_LOGITS)
    return fail(err, LOCI_EINVAL, "%s comes after the last layer and cannot be patched",
                site_name(patch->site));
  int T = r->prompt->info.length;
  if (patch->first < 0 || patch->count < 1 || patch->count > T - patch->first) {
    return fail(err, LOCI_EINVAL, "positions %d to %lld: the prompt has positions 0 to %d",
                patch->first, (long long)patch->first + patch->count - 1, T - 1);
  }
  if (!patch->values) return fail(err, LOCI_EINVAL, "a patch without values");
  TRY(check_values(r, patch, err));
  patched *k = arena_zarray(r->mem, 1, patched);
  if (!k) return fail_nomem(err, "patching a site");
  k->patch = *patch;
  *r->patches_end = k;
  r->patches_end = &k->next;
  return LOCI_OK;
}

/* A patch of several positions becomes as many of the walk's. */
static loci_status build(const loci_run *r, walk *w, loci_err *err) {
  int root;
  TRY(walk_root(w, prompt_input(r->prompt), &root, err));
  for (const patched *k = r->patches; k; k = k->next) {
    const loci_patch *p = &k->patch;
    int64_t cols = width_of(r, p->site, p->layer);
    for (int i = 0; i < p->count; i++) {
      walk_patch one = {.site = p->site,
                        .layer = p->layer,
                        .position = p->first + i,
                        .head = -1,
                        .source = -1,
                        .values = p->values + i * cols,
                        .add = p->add};
      TRY(walk_patch_add(w, root, &one, err));
    }
  }
  for (const recorded *k = r->records; k; k = k->next) {
    TRY(walk_record(w, root, k->site, k->layer, k->data, err));
  }
  return LOCI_OK;
}

loci_status loci_run_forward(loci_run *r, loci_progress_fn progress, void *ctx, loci_err *err) {
  NEEDS(r, "run");
  if (r->done) return fail(err, LOCI_EINVAL, "this run has been run; make a new one");
  walk *w;
  TRY(walk_new(r->model, &w, err));
  walk_hooks hooks = {.progress = progress, .progress_ctx = ctx};
  loci_status st = build(r, w, err);
  if (!st) st = walk_run(w, &hooks, err);
  r->done = st == LOCI_OK;
  walk_free(w);
  return st;
}

loci_status loci_run_get(const loci_run *r, loci_site site, int layer, loci_view *out,
                         loci_err *err) {
  NEEDS(r, "run");
  NEEDS(out, "place for the result");
  for (const recorded *k = r->records; r->done && k; k = k->next) {
    if (k->site != site || k->layer != layer) continue;
    *out = (loci_view){k->data, k->rows, k->cols};
    return LOCI_OK;
  }
  return fail(err, LOCI_EINVAL, "%s of layer %d was not recorded%s", site_name(site), layer,
              r->done ? "" : " (the run has not been run)");
}

/* ---------------------------------------------------------------- writing */

static st_tensor tensor_of(const char *name, st_dtype type, const void *data) {
  return (st_tensor){.name = name, .dtype = type, .data = data};
}

static void shape2(st_tensor *t, int64_t a, int64_t b) {
  t->rank = 2;
  t->shape[0] = a;
  t->shape[1] = b;
}

static void shape3(st_tensor *t, int64_t a, int64_t b, int64_t c) {
  t->rank = 3;
  t->shape[0] = a;
  t->shape[1] = b;
  t->shape[2] = c;
}

/* "mlp_out.3", with the axes of loci_sites.def */
static loci_status recorded_tensor(const loci_run *r, const recorded *k, st_tensor *out,
                                   loci_err *err) {
  const decoder_config *c = model_decoder(r->model);
  bool top = k->site == LOCI_SITE_FINAL_NORM || k->site == LOCI_SITE_LOGITS;
  char *name = arena_alloc(r->mem, 48, 1);
  if (!name) return fail_nomem(err, "writing a run");
  if (top) {
    snprintf(name, 48, "%s", site_name(k->site));
  } else {
    snprintf(name, 48, "%s.%d", site_name(k->site), k->layer);
  }
  *out = tensor_of(name, ST_F32, k->data);
  int64_t T = r->prompt->info.length;
  switch (k->site) {
    case LOCI_SITE_Q:
    case LOCI_SITE_Z: shape3(out, T, c->heads, c->head_dim); break;
    case LOCI_SITE_K:
    case LOCI_SITE_V: shape3(out, k->rows, c->kv_heads, c->head_dim); break;
    case LOCI_SITE_PATTERN: shape3(out, c->heads, T, k->cols); break;
    default: shape2(out, k->rows, k->cols); break;
  }
  return LOCI_OK;
}

/* Where the rows stand, (3,T). */
static loci_status place_tensor(const loci_run *r, st_tensor *out, loci_err *err) {
  int64_t T = r->prompt->info.length, *at = arena_array(r->mem, 3 * T, int64_t);
  if (!at) return fail_nomem(err, "writing a run");
  for (int64_t i = 0; i < 3 * T; i++) at[i] = r->prompt->places[i % T].at[i / T];
  *out = tensor_of("position_ids", ST_I64, (const uint8_t *)at);
  shape2(out, 3, T);
  return LOCI_OK;
}

/* The picture as the tower takes it: (3,S,S), or the patches of one of its own size. */
static loci_status pixel_tensor(const loci_run *r, st_tensor *out, loci_err *err) {
  const vision_config *v = &r->model->weights->config.vision;
  const seen_picture *p = &r->prompt->picture;
  *out = tensor_of("pixel_values", ST_F32, (const uint8_t *)p->pixels);
  shape3(out, 3, p->shape.height, p->shape.width);
  if (p->shape.views > 1) {
    *out = (st_tensor){.name = out->name,
                       .dtype = ST_F32,
                       .rank = 4,
                       .shape = {p->shape.views, 3, p->shape.height, p->shape.width},
                       .data = out->data};
  }
  if (v->image_size > 0) return LOCI_OK;
  int64_t n = (int64_t)(p->shape.height / v->patch) * (p->shape.width / v->patch);
  float *patches = arena_array(r->mem, n * vision_patch_values(v), float);
  if (!patches) return fail_nomem(err, "writing a run");
  vision_patches(v, p, patches);
  out->data = (const uint8_t *)patches;
  shape2(out, n, vision_patch_values(v));
  return LOCI_OK;
}

/* What the projector makes of the picture: rows that the first layer reads, and what the next ones
 * add to them, layer by layer. */
static loci_status projected_tensors(const loci_run *r, st_tensor *out, int64_t *n, loci_err *err) {
  const loci_prompt *p = r->prompt;
  const decoder_config *c = model_decoder(r->model);
  int64_t D = c->width, W = input_width(c), P = p->image.count;
  float *parts = arena_array(r->mem, P * W, float);
  if (!parts) return fail_nomem(err, "writing a run");
  for (int64_t i = 0; i < P * W; i++) {
    int64_t part = i / (P * D), row = i % (P * D) / D;
    parts[i] = p->projected[row * W + part * D + i % D];
  }
  st_tensor t = tensor_of("vision.projected", ST_F32, (const uint8_t *)parts);
  shape2(&t, P, D);
  out[(*n)++] = t;
  if (c->deep == 0) return LOCI_OK;
  t = tensor_of("vision.deepstack", ST_F32, (const uint8_t *)(parts + P * D));
  shape3(&t, c->deep, P, D);
  out[(*n)++] = t;
  return LOCI_OK;
}

/* What the run was computed from, so that its file can be checked without the program. */
static loci_status input_tensors(const loci_run *r, st_tensor *out, int64_t *n, loci_err *err) {
  const loci_prompt *p = r->prompt;
  const model_config *c = &r->model->weights->config;
  int64_t T = p->info.length;
  int64_t *ids = arena_array(r->mem, T, int64_t);
  if (!ids) return fail_nomem(err, "writing a run");
  for (int64_t i = 0; i < T; i++) ids[i] = p->ids[i];
  st_tensor t = tensor_of("input_ids", ST_I64, (const uint8_t *)ids);
  t.rank = 1;
  t.shape[0] = T;
  out[(*n)++] = t;
  if (p->places) TRY(place_tensor(r, &out[(*n)++], err));
  if (!p->picture.pixels) return LOCI_OK;
  TRY(pixel_tensor(r, &out[(*n)++], err));
  t = tensor_of("vision.features", ST_F32, (const uint8_t *)p->features);
  shape2(&t, vision_feature_rows(c, &p->picture.shape), p->feature_width);
  out[(*n)++] = t;
  return projected_tensors(r, out, n, err);
}

/* The sites in the order they were first asked for, each with the layers [first, last]: what one
 * `loci record` can say. */
static bool sites_of(const loci_run *r, js_value **out, int range[2]) {
  int count[LOCI_SITE_COUNT] = {0}, least = INT_MAX, most = -1;
  *out = js_array();
  for (const recorded *k = r->records; k; k = k->next) {
    bool top = k->site == LOCI_SITE_FINAL_NORM || k->site == LOCI_SITE_LOGITS;
    if (count[k->site]++ == 0) js_push(out, js_text(site_name(k->site)));
    if (top) continue;
    if (k->layer < least) least = k->layer;
    if (k->layer > most) most = k->layer;
  }
  bool whole = true;
  for (int s = 0; s < LOCI_SITE_FINAL_NORM; s++)
    whole &= count[s] == 0 || count[s] == most - least + 1;
  range[0] = most < 0 ? 0 : least;
  range[1] = most < 0 ? 0 : most;
  return whole;
}

/* What patches were made of no command line knows. */
static loci_status tell(const loci_run *r, loci_result *out, loci_err *err) {
  int range[2], patches = 0;
  js_value *request = request_of_prompt(r->prompt), *sites;
  command_words words = command_of("record", r->model);
  for (const patched *k = r->patches; k; k = k->next) patches++;
  words.cannot = !sites_of(r, &sites, range) || patches > 0;
  js_put(&request, "sites", sites);
  js_put(&request, "layers", js_ints(range, 2));
  if (patches > 0) js_put(&request, "patches", js_int(patches));
  return request_tell(&words, request, out, err);
}

/* Sizes follow from types and shapes here, in one place for all tensors. */
loci_status loci_run_write(const loci_run *r, const char *path, loci_err *err) {
  NEEDS(r, "run");
  NEEDS(path, "path");
  if (!r->done) return fail(err, LOCI_EINVAL, "the run has not been run");
  st_tensor *tensors = arena_zarray(r->mem, r->record_count + 6, st_tensor);
  if (!tensors) return fail_nomem(err, "writing a run");
  int64_t n = 0;
  TRY(input_tensors(r, tensors, &n, err));
  for (const recorded *k = r->records; k; k = k->next) {
    TRY(recorded_tensor(r, k, &tensors[n++], err));
  }
  for (int64_t i = 0; i < n; i++) {
    tensors[i].bytes = st_dtype_bytes(tensors[i].dtype);
    for (int d = 0; d < tensors[i].rank; d++) tensors[i].bytes *= tensors[i].shape[d];
  }
  loci_result made = {.memory = r->mem};
  TRY(tell(r, &made, err));
  const char *weights = model_quantised(&r->model->info);
  const char *metadata[11] = {"format",     "loci.record/1", "version",
                              LOCI_VERSION, "request",       made.request};
  int m = 6;
  if (made.command[0]) {
    metadata[m++] = "command";
    metadata[m++] = made.command;
  }
  if (weights) {
    metadata[m++] = "weights";
    metadata[m] = weights;
  }
  return st_write(path, tensors, n, metadata, err);
}
