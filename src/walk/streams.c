/* Building a walk (see walk.h): streams, interventions, what to keep. */
#include "walk/cross.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/names.h"
#include "walk/grad.h"
#include "walk/keep.h"

enum { MAX_STREAMS = 1 << 22 };

/* Room for one more item of [size] bytes. */
static loci_status grow(void **at, int64_t count, int64_t *room, size_t size, loci_err *err) {
  if (count < *room) return LOCI_OK;
  int64_t bigger = *room ? *room * 2 : 64;
  void *p = realloc(*at, (size_t)bigger * size);
  if (!p) return fail_nomem(err, "preparing a walk");
  *at = p;
  *room = bigger;
  return LOCI_OK;
}

#define PUSH(list, ...)                                                                            \
  do {                                                                                             \
    void *at_ = (list).at;                                                                         \
    loci_status grown_ = grow(&at_, (list).count, &(list).room, sizeof *(list).at, err);           \
    (list).at = at_;                                                                               \
    if (grown_) return grown_;                                                                     \
    (list).at[(list).count++] = __VA_ARGS__;                                                       \
  } while (0)

/* A root is live everywhere; a child nowhere, until find_births sees its interventions. */
static loci_status add_stream(walk *w, stream s, int *out, loci_err *err) {
  if (w->streams.count >= MAX_STREAMS) {
    return fail(err, LOCI_EINVAL, "a walk of more than %d streams", MAX_STREAMS);
  }
  if (w->c->position_table && s.length > w->c->max_positions) {
    return fail(err, LOCI_EINVAL, "a run of %d positions: the model has rows for %d", s.length,
                w->c->max_positions);
  }
  if (s.mutual.end > s.length || mutual_first(s.mutual, s.given) < s.given) {
    return fail(err, LOCI_EINVAL,
                "a run of positions %d to %d: those from %d to %d see one another, and are there "
                "together or not at all",
                s.given, s.length - 1, s.mutual.first, s.mutual.end - 1);
  }
  s.from = arena_array(w->mem, w->c->layers + 1, int);
  if (!s.from) return fail_nomem(err, "preparing a walk");
  for (int l = 0; l <= w->c->layers; l++) {
    bool own = s.parent < 0 || s.embeds;
    s.from[l] = own && l >= s.layer ? s.given : s.length;
  }
  PUSH(w->streams, s);
  if (s.length > w->longest) w->longest = s.length;
  if (s.sources && s.sources->count > w->longest) w->longest = s.sources->count;
  *out = (int)w->streams.count - 1;
  return LOCI_OK;
}

loci_status walk_root(walk *w, input rows, int *out, loci_err *err) {
  stream s = {.parent = -1,
              .length = rows.count,
              .embeds = rows.rows,
              .places = rows.places,
              .mutual = rows.mutual,
              .sources = rows.sources};
  return add_stream(w, s, out, err);
}

/* The cache grows when the walk is done: until then its length is where the stream begins. */
loci_status walk_continue(walk *w, kv_cache *cache, input rows, int *out, loci_err *err) {
  if (rows.count > cache->capacity - cache->length) {
    return fail(err, LOCI_EINVAL, "the cache holds %d positions, %d are asked for", cache->capacity,
                cache->length + rows.count);
  }
  stream s = {.parent = -1,
              .length = cache->length + rows.count,
              .first = cache->length,
              .given = cache->length,
              .embeds = rows.rows,
              .places = rows.places,
              .mutual = rows.mutual,
              .sources = rows.sources,
              .cache = cache};
  return add_stream(w, s, out, err);
}

/* The cache is cut to what stays, so that its later rows can be computed as often as needed. */
loci_status walk_resume(walk *w, kv_cache *cache, int first, int layer, input rows, int *out,
                        loci_err *err) {
  if (first < 0 || first > cache->length || rows.count > cache->capacity - first) {
    return fail(err, LOCI_EINVAL,
                "positions %d to %d are to run on a cache that holds %d and has room for %d", first,
                first + rows.count - 1, cache->length, cache->capacity);
  }
  if (layer < 0 || layer >= w->c->layers) {
    return fail(err, LOCI_EINVAL, "layer %d: the model has layers 0 to %d", layer,
                w->c->layers - 1);
  }
  stream s = {.parent = -1,
              .length = first + rows.count,
              .first = first,
              .given = first,
              .layer = layer,
              .embeds = rows.rows,
              .state = rows.state,
              .places = rows.places,
              .mutual = rows.mutual,
              .sources = rows.sources,
              .cache = cache,
              .resumed = true};
  TRY(add_stream(w, s, out, err));
  cache->length = first;
  return LOCI_OK;
}

void walk_beside(walk *w, int rows) { w->beside = rows; }

void walk_apart(walk *w, int64_t rows) { w->apart = rows; }

static loci_status add_below(walk *w, stream s, int *out, loci_err *err) {
  const stream *t = &w->streams.at[s.parent];
  int depth = 1;
  for (int a = s.parent; w->streams.at[a].parent >= 0; a = w->streams.at[a].parent) depth++;
  if (depth >= MAX_DEPTH) {
    return fail(err, LOCI_EINVAL, "a stream below %d others, a walk takes %d", depth,
                MAX_DEPTH - 1);
  }
  s.first = t->first;
  s.layer = t->layer;
  if (!s.embeds) s.sources = t->sources;
  if (!s.embeds) s.mutual = t->mutual;
  return add_stream(w, s, out, err);
}

loci_status walk_child(walk *w, int parent, int *out, loci_err *err) {
  stream s = {.parent = parent, .length = w->streams.at[parent].length};
  return add_below(w, s, out, err);
}

/* A branch shares the residual rows of the first positions, so these must be at every layer, and
 * the same for both. */
loci_status walk_branch(walk *w, int parent, int first, input rows, int *out, loci_err *err) {
  const stream *t = &w->streams.at[parent];
  if (t->layer > 0 || first <= t->first || first > t->length || rows.count < 1) {
    return fail(err, LOCI_EINVAL,
                "a branch of %d positions after %d: the run has positions %d to %d", rows.count,
                first, t->first, t->length - 1);
  }
  if (!rope_is_same(w->c, t->length, first + rows.count)) {
    return fail(
        err, LOCI_EINVAL,
        "a branch of %d positions off a run of %d: the model's rotation depends on the length",
        first + rows.count, t->length);
  }
  if (mutual_shared(t->mutual, rows.mutual, first) < first) {
    return fail(err, LOCI_EINVAL,
                "a branch of %d positions after %d: other positions see one another there",
                rows.count, first);
  }
  stream s = {.parent = parent,
              .length = first + rows.count,
              .embeds = rows.rows,
              .places = rows.places,
              .mutual = rows.mutual,
              .sources = rows.sources,
              .given = first};
  return add_below(w, s, out, err);
}

static loci_status check_place(const walk *w, int s, int layer, int position, loci_err *err) {
  if (layer < w->streams.at[s].layer || layer >= w->c->layers) {
    return fail(err, LOCI_EINVAL, "layer %d: the %s has layers %d to %d", layer,
                w->streams.at[s].layer ? "run" : "model", w->streams.at[s].layer, w->c->layers - 1);
  }
  if (position < w->streams.at[s].first || position >= w->streams.at[s].length) {
    return fail(err, LOCI_EINVAL, "position %d: the sequence has positions 0 to %d", position,
                w->streams.at[s].length - 1);
  }
  return LOCI_OK;
}

loci_status walk_embed(walk *w, int s, int position, const float *values, loci_err *err) {
  TRY(check_place(w, s, 0, position, err));
  embed_item item = {s, position, w->embeds.count, values};
  PUSH(w->embeds, item);
  return LOCI_OK;
}

loci_status walk_sources(walk *w, int s, const source_rows *sources, loci_err *err) {
  stream *t = &w->streams.at[s];
  if (!w->c->cross || !sources || !t->sources || t->parent < 0) {
    return fail(err, LOCI_EINVAL, "other sources for a run that reads none");
  }
  t->sources = sources;
  t->own_sources = true;
  if (sources->count > w->longest) w->longest = sources->count;
  return LOCI_OK;
}

static bool has_layers(loci_site site) {
  return site != LOCI_SITE_FINAL_NORM && site != LOCI_SITE_LOGITS;
}

/* In a layer that reads sources, keys and values are no position's. */
static loci_status check_cross(const walk *w, loci_site site, int layer, const char *what,
                               loci_err *err) {
  bool of_sources = site == LOCI_SITE_K || site == LOCI_SITE_V;
  if (!of_sources || !is_cross(w, layer)) return LOCI_OK;
  return fail(err, LOCI_EINVAL,
              "%s of layer %d is of the picture's rows, which cross-attention reads, and of no "
              "position: it has no %s",
              site_name(site), layer, what);
}

static loci_status check_site(const walk *w, loci_site site, loci_err *err) {
  if (site == LOCI_SITE_RESID_MID && w->c->parallel) {
    return fail(err, LOCI_EINVAL, "resid_mid: this model's blocks are parallel and have none");
  }
  return LOCI_OK;
}

loci_status push_patch(walk *w, patch_item item, loci_err *err) {
  PUSH(w->patches, item);
  return LOCI_OK;
}

loci_status push_mask(walk *w, mask_item item, loci_err *err) {
  PUSH(w->masks, item);
  return LOCI_OK;
}

loci_status walk_patch_add(walk *w, int s, const walk_patch *p, loci_err *err) {
  TRY(check_place(w, s, p->layer, p->position, err));
  TRY(check_site(w, p->site, err));
  if (!has_layers(p->site)) {
    return fail(err, LOCI_EINVAL, "%s can be recorded, not patched", site_name(p->site));
  }
  TRY(check_cross(w, p->site, p->layer, "patch", err));
  if (p->site == LOCI_SITE_PATTERN && (p->source >= 0 || p->head >= 0)) {
    return fail(err, LOCI_EINVAL, "pattern can be patched with values of all heads only");
  }
  return push_patch(w, (patch_item){.stream = s, .giver = s, .order = w->patches.count, .p = *p},
                    err);
}

loci_status walk_mask(walk *w, int s, int layer, int query, int first, int count, loci_err *err) {
  TRY(check_place(w, s, layer, query, err));
  return push_mask(w, (mask_item){s, layer, query, first, count, -1}, err);
}

static loci_status check_span(const walk *w, int s, int layer, walk_span at, loci_err *err) {
  TRY(check_place(w, s, layer, at.first, err));
  if (at.count >= 1 && at.count <= w->streams.at[s].length - at.first) return LOCI_OK;
  return fail(err, LOCI_EINVAL, "%d positions from %d on: the sequence has positions 0 to %d",
              at.count, at.first, w->streams.at[s].length - 1);
}

loci_status walk_record(walk *w, int s, loci_site site, int layer, float *out, loci_err *err) {
  const stream *t = &w->streams.at[s];
  if (!has_layers(site)) layer = w->c->layers - 1;
  TRY(check_place(w, s, layer, t->first, err));
  TRY(check_site(w, site, err));
  PUSH(w->records, (record_item){s, layer, site, t->first, t->length - t->first, out});
  return LOCI_OK;
}

loci_status walk_record_at(walk *w, int s, loci_site site, int layer, walk_span at, float *out,
                           loci_err *err) {
  if (site == LOCI_SITE_PATTERN || !has_layers(site)) {
    return fail(err, LOCI_EINVAL, "%s is recorded at all positions", site_name(site));
  }
  TRY(check_span(w, s, layer, at, err));
  TRY(check_site(w, site, err));
  TRY(check_cross(w, site, layer, "span of positions", err));
  PUSH(w->records, (record_item){s, layer, site, at.first, at.count, out});
  return LOCI_OK;
}

loci_status walk_grad(walk *w, int s, loci_site site, int layer, walk_span at, float *out,
                      loci_err *err) {
  if (site == LOCI_SITE_PATTERN || !has_layers(site)) {
    return fail(err, LOCI_EINVAL, "there are no gradients of %s", site_name(site));
  }
  assert(w->a->rows.ops->goes_back); /* a walk of walk_new_back */
  TRY(check_span(w, s, layer, at, err));
  TRY(check_site(w, site, err));
  TRY(check_cross(w, site, layer, "gradient", err));
  PUSH(w->grads, (grad_item){s, layer, site, at.first, at.count, out});
  return LOCI_OK;
}

loci_status walk_want(walk *w, int s, int position, loci_err *err) {
  TRY(check_place(w, s, w->streams.at[s].layer, position, err));
  PUSH(w->wants, (want_item){s, position, w->c->layers - 1, -1});
  return LOCI_OK;
}

loci_status walk_want_after(walk *w, int s, int layer, int position, loci_err *err) {
  TRY(check_place(w, s, layer, position, err));
  bool last = layer == w->c->layers - 1;
  PUSH(w->wants, (want_item){s, position, layer, last ? -1 : w->kept++});
  return LOCI_OK;
}

/* Sources are read where their values are, which may be a cache. */
static loci_status check_sources(const walk *w, const walk_flow *f, loci_err *err) {
  const stream *t = &w->streams.at[f->stream];
  bool cross = is_cross(w, f->layer);
  int first = t->cache || cross ? 0 : t->first, end = pattern_width(w, f->stream, f->layer);
  for (int i = 0; i < f->source_count; i++)
    if (f->sources[i] < first || f->sources[i] >= end)
      return fail(err, LOCI_EINVAL, "%s %d: the %s 0 to %d", cross ? "source" : "position",
                  f->sources[i], cross ? "picture has rows" : "sequence has positions", end - 1);
  return LOCI_OK;
}

loci_status walk_flow_add(walk *w, const walk_flow *f, loci_err *err) {
  for (int i = 0; i < f->query_count; i++)
    TRY(check_place(w, f->stream, f->layer, f->queries[i], err));
  TRY(check_sources(w, f, err));
  PUSH(w->flows, *f);
  return LOCI_OK;
}

/* ---------------------------------------------------------------- cache */

/* Of all layers and heads one block each: a head stands at a multiple of its size. */
static loci_status cache_on(const loci_model *m, device *d, int capacity, kv_cache **out,
                            loci_err *err) {
  const decoder_config *c = model_decoder(m);
  *out = NULL;
  kv_cache *cache = calloc(1, sizeof *cache);
  if (!cache) return fail_nomem(err, "keeping keys and values");
  *cache =
      (kv_cache){.capacity = capacity, .layers = c->layers, .heads = c->kv_heads, .K = c->head_dim};
  int64_t heads = (int64_t)c->layers * c->kv_heads;
  cache->device = d;
  loci_status st = device_room(d, heads, key_floats(capacity, c->head_dim), &cache->keys, err);
  if (!st) st = device_room(d, heads, value_floats(capacity, c->head_dim), &cache->values, err);
  if (st) {
    kv_cache_free(cache);
    return st;
  }
  *out = cache;
  return LOCI_OK;
}

loci_status kv_cache_new(const loci_model *m, int capacity, kv_cache **out, loci_err *err) {
  return cache_on(m, m->device, capacity, out, err);
}

loci_status kv_cache_new_back(const loci_model *m, int capacity, kv_cache **out, loci_err *err) {
  return cache_on(m, device_back(m->device), capacity, out, err);
}

int kv_cache_length(const kv_cache *c) { return c->length; }

void kv_cache_cut(kv_cache *c, int length) {
  if (length < c->length) c->length = length;
}

void kv_cache_free(kv_cache *c) {
  if (!c) return;
  device_give_back(c->device, c->keys);
  device_give_back(c->device, c->values);
  free(c);
}

stage stage_of(loci_site site) {
  switch (site) {
    case LOCI_SITE_PATTERN: return STAGE_ATTEND;
    case LOCI_SITE_Z: return STAGE_Z;
    case LOCI_SITE_ATTN_OUT: return STAGE_ATTN_OUT;
    case LOCI_SITE_RESID_MID: return STAGE_RESID_MID;
    case LOCI_SITE_MLP_POST: return STAGE_MLP_POST;
    case LOCI_SITE_MLP_OUT: return STAGE_MLP_OUT;
    case LOCI_SITE_RESID_POST: return STAGE_RESID_POST;
    default: return STAGE_START;
  }
}
