/* Planning a walk: where every stream is born, and memory for every row that will ever live.
 *
 * A patch of a site that stands before attention (resid_pre, q, k, v) makes its position and all
 * after it live from that layer on; any other one makes its row join inside the layer and those
 * rows live one layer later. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "walk/back.h"

/* Of rows that see one another, all see what becomes of one of them. */
static void live_from(walk *w, int s, int layer, int position) {
  int *from = w->streams.at[s].from, first = mutual_first(w->streams.at[s].mutual, position);
  if (first < from[layer]) from[layer] = first;
}

static int compare_patches(const void *a, const void *b) {
  const patch_item *x = a, *y = b;
  if (x->p.layer != y->p.layer) return x->p.layer < y->p.layer ? -1 : 1;
  if (x->p.site != y->p.site) return x->p.site < y->p.site ? -1 : 1;
  if (x->stream != y->stream) return x->stream < y->stream ? -1 : 1;
  if (x->p.position != y->p.position) return x->p.position < y->p.position ? -1 : 1;
  if (x->giver != y->giver) return x->giver < y->giver ? -1 : 1; /* ancestors' first (W1) */
  return (x->order > y->order) - (x->order < y->order);
}

/* Of one stream, those given later come later: they count. */
static int compare_embeds(const void *a, const void *b) {
  const embed_item *x = a, *y = b;
  if (x->stream != y->stream) return x->stream < y->stream ? -1 : 1;
  return (x->order > y->order) - (x->order < y->order);
}

static int compare_masks(const void *a, const void *b) {
  const mask_item *x = a, *y = b;
  if (x->layer != y->layer) return x->layer < y->layer ? -1 : 1;
  if (x->stream != y->stream) return x->stream < y->stream ? -1 : 1;
  return (x->query > y->query) - (x->query < y->query);
}

static int compare_records(const void *a, const void *b) {
  const record_item *x = a, *y = b;
  if (x->layer != y->layer) return x->layer < y->layer ? -1 : 1;
  if (x->site != y->site) return x->site < y->site ? -1 : 1;
  if (x->stream != y->stream) return x->stream < y->stream ? -1 : 1;
  return (x->first > y->first) - (x->first < y->first);
}

/* Births: from[l] of every child, by all its interventions; invariant W2 by a running minimum. */
static void find_births(walk *w) {
  for (int64_t i = 0; i < w->embeds.count; i++) {
    live_from(w, w->embeds.at[i].stream, 0, w->embeds.at[i].position);
  }
  for (int64_t i = 0; i < w->streams.count; i++) {
    const stream *s = &w->streams.at[i];
    int layer = 0;
    while (s->own_sources && !w->c->cross[layer]) layer++;
    int first = s->own_sources ? sources_first(s->sources) : 0;
    if (s->own_sources) live_from(w, (int)i, layer, first > s->first ? first : s->first);
  }
  for (int64_t i = 0; i < w->patches.count; i++) {
    const walk_patch *p = &w->patches.at[i].p;
    int later = stage_of(p->site) != STAGE_START;
    live_from(w, w->patches.at[i].stream, p->layer + later, p->position);
  }
  for (int64_t i = 0; i < w->masks.count; i++) {
    live_from(w, w->masks.at[i].stream, w->masks.at[i].layer + 1, w->masks.at[i].query);
  }
  for (int64_t i = 0; i < w->grads.count; i++) {
    const grad_item *g = &w->grads.at[i];
    live_from(w, g->stream, g->layer + is_late(g->site), g->first);
  }
  w->slots = 0;
  for (int64_t s = 0; s < w->streams.count; s++) {
    stream *t = &w->streams.at[s];
    for (int l = 1; l <= w->c->layers; l++) {
      if (t->from[l - 1] < t->from[l]) t->from[l] = t->from[l - 1];
    }
    t->slot = w->slots;
    w->slots += t->length - t->from[w->c->layers];
  }
}

/* How far the walk must go. */
static int last_layer(const walk *w) {
  if (w->wants.count > 0) return w->c->layers;
  int n = 0;
  for (int64_t i = 0; i < w->streams.count; i++) {
    if (w->streams.at[i].cache) n = w->c->layers;
  }
  for (int64_t i = 0; i < w->flows.count; i++) {
    if (w->flows.at[i].layer + 1 > n) n = w->flows.at[i].layer + 1;
  }
  for (int64_t i = 0; i < w->records.count; i++) {
    const record_item *r = &w->records.at[i];
    bool top = r->site == LOCI_SITE_FINAL_NORM || r->site == LOCI_SITE_LOGITS;
    int need = top ? w->c->layers : r->layer + 1;
    if (need > n) n = need;
  }
  return n;
}

/* Counts, each one after its place, become offsets. */
static void add_up(int64_t *bucket, int64_t n) {
  for (int64_t i = 0; i < n; i++) bucket[i + 1] += bucket[i];
}

/* Sorted, with offsets by layer and site: a visit then looks at its own items alone. */
static loci_status sort_items(walk *w, loci_err *err) {
  int L = w->c->layers;
  if (w->patches.count > 1) {
    qsort(w->patches.at, (size_t)w->patches.count, sizeof *w->patches.at, compare_patches);
  }
  if (w->embeds.count > 1) {
    qsort(w->embeds.at, (size_t)w->embeds.count, sizeof *w->embeds.at, compare_embeds);
  }
  if (w->records.count > 1) {
    qsort(w->records.at, (size_t)w->records.count, sizeof *w->records.at, compare_records);
  }
  if (w->masks.count > 1) {
    qsort(w->masks.at, (size_t)w->masks.count, sizeof *w->masks.at, compare_masks);
  }
  int64_t buckets = site_bucket(L, 0);
  w->patch_bucket = arena_zarray(w->mem, buckets + 1, int64_t);
  w->record_bucket = arena_zarray(w->mem, buckets + 1, int64_t);
  w->mask_bucket = arena_zarray(w->mem, L + 1, int64_t);
  if (!w->patch_bucket || !w->record_bucket || !w->mask_bucket) {
    return fail_nomem(err, "planning a walk");
  }
  for (int64_t i = 0; i < w->patches.count; i++) {
    const walk_patch *p = &w->patches.at[i].p;
    w->patch_bucket[site_bucket(p->layer, p->site) + 1]++;
  }
  for (int64_t i = 0; i < w->records.count; i++) {
    w->record_bucket[site_bucket(w->records.at[i].layer, w->records.at[i].site) + 1]++;
  }
  for (int64_t i = 0; i < w->masks.count; i++) w->mask_bucket[w->masks.at[i].layer + 1]++;
  add_up(w->patch_bucket, buckets);
  add_up(w->record_bucket, buckets);
  add_up(w->mask_bucket, L);
  return LOCI_OK;
}

/* Rows that the MLP takes at once: all of them where mlp_post is patched anywhere (a patch may read
 * any other row), else as many as keep its inner matrices at a bounded size. */
static int64_t chunk_rows(const walk *w) {
  for (int64_t i = 0; i < w->patches.count; i++) {
    if (w->patches.at[i].p.site == LOCI_SITE_MLP_POST) return product_rows(w->slots);
  }
  return product_rows(w->slots < MLP_ROWS ? w->slots : MLP_ROWS);
}

/* Interventions of the layer that has the most. */
static int64_t most_joins(const walk *w) {
  int64_t most = 0;
  for (int l = 0; l < w->c->layers; l++) {
    const int64_t *b = w->patch_bucket + (int64_t)l * LOCI_SITE_COUNT;
    int64_t n = b[LOCI_SITE_COUNT] - b[0] + w->mask_bucket[l + 1] - w->mask_bucket[l];
    if (n > most) most = n;
  }
  return most;
}

/* The angles of a run's own rows; of a branch's first ones, its parent's. */
static bool place_stream(walk *w, const stream *s) {
  int count = s->length - s->given;
  int64_t half = w->rope.half, shared = s->given - s->first;
  rope_place *places = arena_array(w->mem, count, rope_place);
  if (!places) return false;
  for (int i = 0; i < count; i++) {
    int at = s->given + i;
    places[i] = s->places ? s->places[i] : (rope_place){{at, at, at}};
  }
  for (int k = 0; k < (rope_has_local(w->c) ? 2 : 1); k++) {
    rope_table *t = k ? &w->local : &w->rope;
    const rope_config *r = k ? &w->c->local : &w->c->rope;
    rope_fill_places(w->c, r, s->angles + s->given, places, count, t);
    if (shared == 0) continue;
    int64_t to = (s->angles + s->first) * half;
    int64_t from = (w->streams.at[s->parent].angles + s->first) * half;
    size_t bytes = (size_t)(shared * half) * sizeof(float);
    memcpy(t->cosine + to, t->cosine + from, bytes);
    memcpy(t->sine + to, t->sine + from, bytes);
  }
  return true;
}

/* Tables of so many rows: one, or one for each kind of layer. */
static bool angle_room(walk *w, int64_t rows) {
  bool ok = rope_init(w->c, rows, w->mem, &w->rope);
  return ok && (!rope_has_local(w->c) || rope_init(w->c, rows, w->mem, &w->local));
}

/* Of a model that tells places from indices: every run with rows of its own has angles of its own,
 * from its first position on. */
static bool place_streams(walk *w) {
  int64_t rows = 0;
  for (int64_t i = 0; i < w->streams.count; i++) {
    stream *s = &w->streams.at[i];
    if (!s->embeds) {
      s->angles = w->streams.at[s->parent].angles;
      continue;
    }
    s->angles = rows - s->first;
    rows += s->length - s->first;
  }
  if (!angle_room(w, rows)) return false;
  for (int64_t i = 0; i < w->streams.count; i++) {
    if (w->streams.at[i].embeds && !place_stream(w, &w->streams.at[i])) return false;
  }
  return true;
}

/* Gives every stream its angles.  A child has its parent's; other streams share a part of the table
 * where their lengths do not change the rotation.  [angles] is the number of a stream's part until
 * all lengths are known. */
static bool fill_angles(walk *w) {
  if (rope_has_places(w->c)) return place_streams(w);
  int64_t parts = 0, rows = 0;
  int *length = arena_array(w->mem, w->streams.count, int);
  int64_t *first = arena_array(w->mem, w->streams.count, int64_t);
  if (!length || !first) return false;
  for (int64_t i = 0; i < w->streams.count; i++) {
    stream *s = &w->streams.at[i];
    if (s->parent >= 0) {
      s->angles = w->streams.at[s->parent].angles;
    } else {
      for (s->angles = 0; s->angles < parts; s->angles++) {
        if (rope_is_same(w->c, length[s->angles], s->length)) break;
      }
      if (s->angles == parts) length[parts++] = 0;
    }
    if (s->length > length[s->angles]) length[s->angles] = s->length;
  }
  for (int64_t k = 0; k < parts; k++) {
    first[k] = rows;
    rows += length[k];
  }
  if (!angle_room(w, rows)) return false;
  for (int64_t k = 0; k < parts; k++) {
    rope_fill(w->c, &w->c->rope, first[k], length[k], &w->rope);
    if (rope_has_local(w->c)) rope_fill(w->c, &w->c->local, first[k], length[k], &w->local);
  }
  for (int64_t i = 0; i < w->streams.count; i++) {
    w->streams.at[i].angles = first[w->streams.at[i].angles];
  }
  return true;
}

/* Lists of at most n rows of a layer. */
static bool allocate_rows(walk *w, int64_t n) {
  arena *mem = w->mem;
  layer_rows *r = &w->rows;
  r->at = arena_array(mem, n, row);
  r->start = arena_array(mem, w->streams.count, int64_t);
  r->joiner = arena_zarray(mem, w->streams.count + 1, int64_t);
  r->joins = arena_array(mem, most_joins(w), join);
  int64_t **const lists[] = {&r->start_row,   &r->by_stream,   &r->slots, &r->owners,
                             &r->owner_slots, &r->normed,      &r->to,    &r->from,
                             &r->start_slots, &r->start_angles};
  r->blocks = arena_array(mem, n, attend_block);
  r->views = arena_array(mem, n, row_view);
  r->puts = arena_array(mem, w->streams.count, kv_put);
  r->masks = arena_array(mem, w->masks.count, key_span);
  bool ok =
      r->at && r->start && r->joiner && r->joins && r->blocks && r->views && r->puts && r->masks;
  for (size_t i = 0; ok && i < sizeof lists / sizeof *lists; i++) {
    *lists[i] = arena_array(mem, n, int64_t);
    ok = *lists[i] != NULL;
  }
  return ok;
}

/* All the walk will need, at once, so that a shortage shows before anything is computed. */
static loci_status allocate(walk *w, loci_err *err) {
  const decoder_config *c = w->c;
  arena *mem = w->mem;
  int64_t n = product_rows(w->slots), streams = w->streams.count;
  int64_t HK = (int64_t)c->heads * c->head_dim, GK = (int64_t)c->kv_heads * c->head_dim;
  int64_t packed = w->slots + streams * PANEL; /* every stream fills up its last panel */
  w->chunk = chunk_rows(w);
  bool f32 = w->a->type == DTYPE_F32; /* rows of z and mlp_post are operands as they stand */
  int64_t widest = HK > c->width && !f32 ? HK : c->width;
  w->kv = arena_array(mem, streams, kv_stream);
  w->needed = arena_array(mem, n, bool);
  assert(w->kept == 0 || w->grads.count == 0);
  const row_engine *e = &w->a->rows;
  w->resid = rows_room(e, mem, (n + w->kept) * c->width);
  for (int64_t i = 0; i < w->wants.count; i++) {
    if (w->wants.at[i].kept >= 0) w->wants.at[i].kept += n;
  }
  w->delta = rows_room(e, mem, n * c->width);
  w->normed = e->ops->room(e, mem, operand_bytes(w->a, n, c->width), true);
  w->operand = e->ops->room(e, mem, operand_bytes(w->a, n, widest), true);
  w->q = rows_room(e, mem, n * HK);
  w->z = rows_room(e, mem, n * HK);
  w->k = rows_room(e, mem, n * GK);
  w->v = rows_room(e, mem, n * GK);
  int64_t layers = kept_layers(w);
  w->key_floats = packed * GK;
  w->value_floats = packed * c->kv_heads * round_up(c->head_dim, PANEL);
  w->keys = rows_room(e, mem, layers * w->key_floats);
  w->values = rows_room(e, mem, layers * w->value_floats);
  w->scores = arena_zarray(
      mem, w->a->rows.threads * QUERY_ROWS * (round_up(w->longest, PANEL) + PANEL), float);
  w->gate = rows_room(e, mem, w->chunk * c->inner);
  w->up = rows_room(e, mem, w->chunk * c->inner);
  w->inner = e->ops->room(e, mem, f32 ? 0 : operand_bytes(w->a, w->chunk, c->inner), true);
  bool ok = allocate_rows(w, n) && w->kv && w->needed && w->resid && w->delta && w->normed &&
            w->operand && w->q && w->z && w->k && w->v && w->keys && w->values && w->scores &&
            w->gate && w->up && w->inner;
  if (ok) ok = fill_angles(w);
  if (ok && w->flows.count > 0) ok = flow_prepare(w);
  if (ok && w->layers == c->layers) ok = head_prepare(w);
  if (!ok) TRY(rows_settle(e, err)); /* a device says more */
  return ok ? LOCI_OK : fail_nomem(err, "making room for a walk");
}

/* Rows of the table of positions, from [first] on, added to n rows from [slot] on. */
static bool add_places(walk *w, int64_t slot, int first, int64_t n) {
  const weight *table = &w->model->weights->places;
  if (!table->data) return true;
  float *at = arena_array(w->mem, w->c->width, float);
  for (int64_t i = 0; at && i < n; i++) {
    weight_row(table, first + i, at);
    row_list to = rows_f32(w->resid + (slot + i) * w->c->width, w->c->width, NULL);
    rows_add(&w->a->rows, to, rows_f32(at, w->c->width, NULL), 1, w->c->width);
  }
  return at != NULL;
}

/* Where every row's parts are that layers add to it: a child's are its parent's, unless it has an
 * input row of its own. */
static bool find_parts(walk *w) {
  int64_t W = input_width(w->c), e = 0;
  int L = w->c->layers;
  if (w->c->deep == 0) return true;
  w->inputs = arena_zarray(w->mem, w->slots, const float *);
  for (int64_t i = 0; w->inputs && i < w->streams.count; i++) {
    const stream *s = &w->streams.at[i];
    for (int p = s->from[L]; p < s->length; p++) {
      bool own = s->embeds && p >= s->given;
      w->inputs[slot_of(w, (int)i, p)] =
          own ? s->embeds + (int64_t)(p - s->given) * W : w->inputs[owner_slot(w, s->parent, p, L)];
    }
    for (; e < w->embeds.count && w->embeds.at[e].stream == i; e++) {
      w->inputs[slot_of(w, (int)i, w->embeds.at[e].position)] = w->embeds.at[e].row;
    }
  }
  return w->inputs != NULL;
}

/* The input rows of everything that is live at layer 0: of one stream after the other, because a
 * child's come from its parent. */
static bool fill_inputs(walk *w) {
  int64_t D = w->c->width, W = input_width(w->c), e = 0;
  const row_engine *rows = &w->a->rows;
  for (int64_t i = 0; i < w->streams.count; i++) {
    const stream *s = &w->streams.at[i];
    int own = s->parent < 0 || s->embeds ? s->given : s->length, p = s->from[0];
    int64_t n = 0;
    for (; p < own; p++) {
      w->rows.to[n] = slot_of(w, (int)i, p);
      w->rows.from[n++] = owner_slot(w, s->parent, p, 0);
    }
    rows_copy(rows, resid_rows(w, w->rows.to), resid_rows(w, w->rows.from), n, D);
    if (p < s->length) {
      row_list to = rows_f32(w->resid + slot_of(w, (int)i, p) * D, D, NULL);
      rows_copy(rows, to, rows_f32(s->embeds + (int64_t)(p - own) * W, W, NULL), s->length - p, D);
      if (!add_places(w, slot_of(w, (int)i, p), p, s->length - p)) return false;
    }
    for (; e < w->embeds.count && w->embeds.at[e].stream == i; e++) {
      const embed_item *item = &w->embeds.at[e];
      int64_t slot = slot_of(w, (int)i, item->position);
      rows_copy(rows, resid_rows(w, &slot), rows_f32(item->row, D, NULL), 1, D);
      if (!add_places(w, slot, item->position, 1)) return false;
    }
  }
  return true;
}

loci_status walk_plan(walk *w, loci_err *err) {
  find_births(w);
  TRY(inherit_interventions(w, err));
  w->layers = last_layer(w);
  TRY(sort_items(w, err));
  TRY(allocate(w, err));
  if (!find_parts(w) || !fill_inputs(w)) return fail_nomem(err, "making room for a walk");
  return w->grads.count > 0 ? back_plan(w, err) : LOCI_OK;
}
