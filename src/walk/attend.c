/* Attention of all live rows of a layer, as lists for the engine (attend_list.h).
 *
 * z[i] = sum_j softmax_j(cap(q_i . k_j / sqrt(K))) v_j over the positions j <= i, in a layer that
 * slides i - window < j <= i, and of rows that see one another all of these, of the row's own
 * stream and, before its first live position, of its ancestors; cap(s) = c tanh(s / c) where the
 * model has such a bound. */
#include <string.h>

#include "walk/back.h"
#include "walk/visit.h"

/* A layer that reads sources has no ancestors to look at: a stream's sources are all there is. */
static kv_stream sources_kv(const walk *w, int layer, const source_rows *s) {
  if (!s || sources_most(s) == 0) return (kv_stream){.parent = -1};
  kv_stretch first = sources_at(s, w->c, layer, 0);
  return (kv_stream){.keys = (float *)(uintptr_t)first.keys,
                     .values = (float *)(uintptr_t)first.values.at,
                     .parent = -1,
                     .count = sources_most(s),
                     .room = s->count,
                     .key_step = key_floats(s->count, w->c->head_dim),
                     .value_step = value_floats(s->count, w->c->head_dim)};
}

/* A cache has room for what comes later, a stream of this walk just for its live rows. */
void lay_out_kv(walk *w, int layer) {
  int G = w->c->kv_heads, K = w->c->head_dim, kept = kept_layer(w, layer);
  float *keys = w->keys + kept * w->key_floats, *values = w->values + kept * w->value_floats;
  for (int64_t s = 0; s < w->streams.count; s++) {
    const stream *t = &w->streams.at[s];
    kv_stream *kv = &w->kv[s];
    if (is_cross(w, layer)) {
      *kv = sources_kv(w, layer, t->sources);
    } else if (t->cache) {
      int64_t ks = key_floats(t->cache->capacity, K), vs = value_floats(t->cache->capacity, K);
      float *k = t->cache->keys + layer * G * ks, *v = t->cache->values + layer * G * vs;
      *kv = (kv_stream){k, v, t->parent, 0, t->length, t->cache->capacity, ks, vs};
    } else {
      int n = t->length - t->from[layer];
      int64_t ks = key_floats(n, K), vs = value_floats(n, K);
      *kv = (kv_stream){keys, values, t->parent, t->from[layer], n, n, ks, vs};
      keys += G * ks;
      values += G * vs;
    }
  }
  int64_t first = w->mask_bucket[layer];
  for (int64_t i = first; i < w->mask_bucket[layer + 1]; i++) {
    w->rows.masks[i - first] = (key_span){w->masks.at[i].first, w->masks.at[i].count};
  }
}

int keys_end(const walk *w, int layer, const row *r) {
  return is_cross(w, layer) ? w->kv[r->stream].count : keys_seen(w, layer, r);
}

/* Streams fill up their last panels, which takes more room than what many short ones have. */
static loci_status pack_all(walk *w, int layer, loci_err *err) {
  int G = w->c->kv_heads;
  int64_t count = w->streams.count, end = 0;
  int64_t floats = (w->key_floats + w->value_floats) / count + 1, some = (1 << 20) / floats + 1;
  kv_pack p = {w->k, w->v, G, w->c->head_dim, w->kv, w->rows.puts};
  for (int64_t s = 0; s < count; s++) {
    const stream *t = &w->streams.at[s];
    int from = t->from[layer];
    w->rows.puts[s] =
        (kv_put){w->rows.start_row + w->rows.start[s], t->length - from, from - w->kv[s].first};
  }
  for (int64_t first = 0; first < count; first = end) {
    end = count - first < some ? count : first + some;
    TRY(compute_touch(w->a, (end - first) * floats, err));
    w->a->rows.ops->pack(&w->a->rows, &p, first, end);
  }
  return LOCI_OK;
}

/* Masks are sorted by stream and query, so that a walk with thousands of them finds a row's by
 * halving. */
static row_view view_of(const walk *w, int layer, const row *r) {
  int64_t lo = w->mask_bucket[layer], hi = w->mask_bucket[layer + 1], begin = lo, end = hi;
  while (lo < hi) { /* first mask of (stream, query) or after */
    int64_t mid = (lo + hi) / 2;
    const mask_item *m = &w->masks.at[mid];
    if (m->stream < r->stream || (m->stream == r->stream && m->query < r->position)) {
      lo = mid + 1;
    } else {
      hi = mid;
    }
  }
  row_view v = {first_seen(w, layer, r), keys_seen(w, layer, r), (int)(lo - begin), 0};
  for (; lo < end; lo++) {
    const mask_item *m = &w->masks.at[lo];
    if (m->stream != r->stream || m->query != r->position) break;
  }
  v.mask_end = (int)(lo - begin);
  return v;
}

/* The visit of `pattern`: one head of one row, of as many weights as it sees keys. */
static void visit_pattern(walk *w, int layer, const row *r, int head, float *S) {
  int64_t T = pattern_width(w, r->stream, layer);
  int seen = keys_seen(w, layer, r);
  const int64_t *b = w->patch_bucket + site_bucket(layer, LOCI_SITE_PATTERN);
  for (int64_t i = b[0]; i < b[1]; i++) {
    const patch_item *p = &w->patches.at[i];
    if (p->stream != r->stream || p->p.position != r->position) continue;
    const float *from = p->p.values + head * T;
    for (int j = 0; j < seen; j++) S[j] = p->p.add ? S[j] + from[j] : from[j];
  }
  b = w->record_bucket + site_bucket(layer, LOCI_SITE_PATTERN);
  for (int64_t i = b[0]; i < b[1]; i++) {
    const record_item *k = &w->records.at[i];
    if (k->stream != r->stream) continue;
    int64_t length = w->streams.at[r->stream].length;
    float *out = k->out + (head * length + r->position) * T;
    memset(out, 0, (size_t)T * sizeof *out);
    memcpy(out, S, (size_t)seen * sizeof *out);
  }
  flow_attention(w, layer, r, head, S);
}

void attend_weights(const walk *w, int layer, const row *r, attend_rows *a) {
  int all = 0;
  for (int i = 0; i < a->stretch_count; i++) all = a->stretches[i].first + a->stretches[i].count;
  attend_scores(w->a->rows.k, a);
  for (int i = 0; i < a->R; i++) {
    row_view v = view_of(w, layer, &r[i]);
    attend_line(w->a->rows.k, a->S + i * a->ld, &v, w->rows.masks, all);
  }
}

typedef struct pattern_visit {
  walk *w;
  int layer;
} pattern_visit;

static void look(void *ctx, int64_t i, int head, float *line) {
  const pattern_visit *v = ctx;
  visit_pattern(v->w, v->layer, v->w->rows.at + i, head, line);
}

static bool is_looked_at(const walk *w, int layer) {
  bool flows = false;
  for (int64_t i = 0; i < w->flows.count; i++) flows = flows || w->flows.at[i].layer == layer;
  return flows || is_visited(w, LOCI_SITE_PATTERN, layer);
}

/* Up to 8 live rows of one stream, or one joiner. */
static int64_t list_blocks(walk *w, int layer, int64_t n) {
  int64_t live = w->rows.upto[STAGE_START], blocks = 0, end = 0;
  const row *r = w->rows.at;
  for (int64_t i = 0; i < n; i = end) {
    for (end = i + 1; end < live && end - i < QUERY_ROWS && r[end].stream == r[i].stream;) end++;
    int last = keys_end(w, layer, &r[end - 1]);
    w->rows.blocks[blocks++] = (attend_block){i, r[i].stream, (int)(end - i), last};
  }
  for (int64_t i = 0; i < n; i++) w->rows.views[i] = view_of(w, layer, &r[i]);
  return blocks;
}

/* Rows are cut into blocks once; jobs go a slice of work at a time (compute_ask). */
loci_status attend_layer(walk *w, int layer, loci_err *err) {
  int64_t n = w->rows.upto[STAGE_ATTEND];
  int H = w->c->heads;
  pattern_visit v = {w, layer};
  lay_out_kv(w, layer);
  if (!is_cross(w, layer)) TRY(pack_all(w, layer, err));
  attend_list l = {.q = w->q,
                   .z = w->z,
                   .heads = H,
                   .group = H / w->c->kv_heads,
                   .K = w->c->head_dim,
                   .scale = w->c->attention_scale,
                   .cap = w->c->attention_cap,
                   .streams = w->kv,
                   .stream_count = w->streams.count,
                   .blocks = w->rows.blocks,
                   .block_count = list_blocks(w, layer, n),
                   .rows = n,
                   .views = w->rows.views,
                   .masks = w->rows.masks,
                   .mask_count = w->mask_bucket[layer + 1] - w->mask_bucket[layer],
                   .S = w->scores,
                   .ld = round_up(w->longest, PANEL) + PANEL,
                   .look = is_looked_at(w, layer) ? look : NULL,
                   .ctx = &v};
  int64_t jobs = l.block_count * H;
  int threads = w->a->rows.threads;
  /* scores and their mix with the values, at an eighth of a product's rate, and z */
  double flop = (8 * 4.0 * (double)w->longest + TOUCH_FLOP) * QUERY_ROWS * w->c->head_dim;
  int64_t step = flop > 0 ? (int64_t)(w->a->follow.slice / flop) : jobs;
  step = step < threads ? threads : step;
  for (int64_t from = 0; from < jobs; from += step) {
    int64_t to = jobs - from < step ? jobs : from + step;
    TRY(compute_ask(w->a, (double)(to - from) * flop, err));
    w->a->rows.ops->attend(&w->a->rows, &l, from, to);
  }
  return LOCI_OK;
}
