/* Attention of all live rows of a layer.
 *
 * z[i] = sum_j softmax_j(cap(q_i . k_j / sqrt(K))) v_j over the positions j <= i, in a layer that
 * slides i - window < j <= i, and of rows that see one another all of these, of the row's own
 * stream and, before its first live position, of its ancestors; cap(s) = c tanh(s / c) where the
 * model has such a bound.  A job is one head of up to 8
 * rows of one stream; their scores over all stretches stand in one line each, so masks, patterns
 * and the softmax see whole rows. */
#include <math.h>
#include <string.h>

#include "walk/back.h"

/* A cache has room for what comes later, a stream of this walk just for its live rows; all other
 * parts see both as stretches with steps between heads. */
void lay_out_kv(walk *w, int layer) {
  int G = w->c->kv_heads, K = w->c->head_dim, kept = kept_layer(w, layer);
  float *keys = w->keys + kept * w->key_floats, *values = w->values + kept * w->value_floats;
  for (int64_t s = 0; s < w->streams.count; s++) {
    const stream *t = &w->streams.at[s];
    stream_kv *kv = &w->kv[s];
    if (t->cache) {
      int64_t ks = key_floats(t->cache->capacity, K), vs = value_floats(t->cache->capacity, K);
      *kv = (stream_kv){t->cache->keys + layer * G * ks,
                        t->cache->values + layer * G * vs,
                        0,
                        t->length,
                        t->cache->capacity,
                        ks,
                        vs};
      continue;
    }
    int n = t->length - t->from[layer];
    *kv = (stream_kv){keys, values, t->from[layer], n, n, key_floats(n, K), value_floats(n, K)};
    keys += G * kv->key_step;
    values += G * kv->value_step;
  }
}

/* One head of one stream: copies runs of rows that stand together in k and v. */
static void pack_head(walk *w, int layer, int64_t s, int g) {
  int K = w->c->head_dim;
  int64_t stride = (int64_t)w->c->kv_heads * K;
  const stream *t = &w->streams.at[s];
  const stream_kv *kv = &w->kv[s];
  const int64_t *rows = w->rows.start_row + w->rows.start[s];
  int n = t->length - t->from[layer], run;
  for (int i = 0; i < n; i += run) {
    for (run = 1; i + run < n && rows[i + run] == rows[i] + run; run++) continue;
    int64_t at = t->from[layer] - kv->first + i, from = rows[i] * stride + (int64_t)g * K;
    pack_keys(kv->keys + g * kv->key_step, at, w->k + from, stride, run, K);
    pack_values(kv->values + g * kv->value_step, kv->room, at, w->v + from, stride, run, K);
  }
}

/* Streams fill up their last panels, which takes more room than what many short ones have. */
static loci_status pack_all(walk *w, int layer, loci_err *err) {
  int G = w->c->kv_heads;
  int64_t jobs = w->streams.count * G, rows = w->rows.upto[STAGE_START] + w->rows.kv_only, end;
  int threads = row_threads(&w->a->rows, rows * G * w->c->head_dim);
  int64_t floats = (w->key_floats + w->value_floats) / jobs + 1,
          some = (1 << 20) / floats + threads;
  for (int64_t first = 0; first < jobs; first = end) {
    end = jobs - first < some ? jobs : first + some;
    TRY(compute_touch(w->a, (end - first) * floats, err));
#pragma omp parallel for num_threads(threads) schedule(dynamic, 4)
    for (int64_t i = first; i < end; i++) pack_head(w, layer, i / G, (int)(i % G));
  }
  return LOCI_OK;
}

/* Upwards through the ancestors, each one up to where its child begins; then turned round, because
 * scores stand in the order of positions. */
int find_stretches(const walk *w, int layer, const row *r, int g, kv_stretch *out) {
  int n = 0, s = r->stream, end = keys_seen(w, layer, r);
  const source_rows *sources = w->streams.at[s].sources;
  if (is_cross(w, layer)) {
    if (!sources || sources_most(sources) == 0) return 0;
    out[0] = sources_at(sources, w->c, layer, g);
    out[0].count = sources_most(sources);
    return 1;
  }
  for (; s >= 0 && end > 0; s = w->streams.at[s].parent) {
    const stream_kv *kv = &w->kv[s];
    if (kv->count == 0 || kv->first >= end) continue;
    out[n++] = (kv_stretch){kv->keys + g * kv->key_step,
                            packed_values(kv->values + g * kv->value_step, kv->room), kv->first,
                            end - kv->first};
    end = kv->first;
  }
  for (int i = 0; i < n / 2; i++) {
    kv_stretch swap = out[i];
    out[i] = out[n - 1 - i];
    out[n - 1 - i] = swap;
  }
  return n;
}

/* Masks are sorted by stream and query, so that a walk with thousands of them finds a row's by
 * halving. */
static void mask_row(const walk *w, int layer, const row *r, int seen, float *S) {
  int64_t lo = w->mask_bucket[layer], hi = w->mask_bucket[layer + 1];
  while (lo < hi) { /* first mask of (stream, query) or after */
    int64_t mid = (lo + hi) / 2;
    const mask_item *m = &w->masks.at[mid];
    if (m->stream < r->stream || (m->stream == r->stream && m->query < r->position)) {
      lo = mid + 1;
    } else {
      hi = mid;
    }
  }
  for (; lo < w->mask_bucket[layer + 1]; lo++) {
    const mask_item *m = &w->masks.at[lo];
    if (m->stream != r->stream || m->query != r->position) break;
    int64_t end = (int64_t)m->first + m->count;
    for (int64_t j = m->first > 0 ? m->first : 0; j < end && j < seen; j++) S[j] = -INFINITY;
  }
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
    float *line = a->S + i * a->ld;
    int seen = keys_seen(w, layer, &r[i]), first = first_seen(w, layer, &r[i]);
    mask_row(w, layer, &r[i], seen, line);
    for (int j = 0; j < first; j++) line[j] = 0;       /* what the window is past */
    w->a->rows.k->softmax(line + first, seen - first); /* of nothing: nothing */
    for (int j = seen; j < all; j++) line[j] = 0;      /* what comes later is not seen */
  }
}

/* One head of the rows [first, first + R) of one stream. */
static void attend_block(walk *w, int layer, int head, int64_t first, int R, float *S, int64_t ld) {
  int K = w->c->head_dim, group = w->c->heads / w->c->kv_heads;
  int64_t stride = (int64_t)w->c->heads * K;
  const row *r = w->rows.at + first;
  kv_stretch stretches[MAX_DEPTH];
  attend_rows a = {.q = w->q + first * stride + (int64_t)head * K,
                   .q_stride = stride,
                   .z = w->z + first * stride + (int64_t)head * K,
                   .z_stride = stride,
                   .R = R,
                   .K = K,
                   .scale = w->c->attention_scale,
                   .cap = w->c->attention_cap,
                   .stretches = stretches,
                   .S = S,
                   .ld = ld};
  a.stretch_count = find_stretches(w, layer, &r[R - 1], head / group, stretches);
  attend_weights(w, layer, r, &a);
  for (int i = 0; i < R; i++) visit_pattern(w, layer, &r[i], head, S + i * ld);
  attend_mix(w->a->rows.k, &a);
}

/* First row after the block of row i: up to 8 live rows of one stream, or one joiner. */
static int64_t block_end(const walk *w, int64_t i) {
  const row *r = w->rows.at;
  int64_t n = w->rows.upto[STAGE_START], end = i + 1;
  if (i >= n) return end;
  while (end < n && end - i < QUERY_ROWS && r[end].stream == r[i].stream) end++;
  return end;
}

typedef struct attend_jobs {
  const int64_t *first; /* row of each block */
  int64_t blocks, n, ld;
} attend_jobs;

/* Every thread takes a run of jobs that follow each other, so that neighbours share the keys it
 * has read. */
static void attend_range(walk *w, int layer, const attend_jobs *j, int64_t from, int64_t to,
                         int threads) {
#pragma omp parallel for num_threads(threads) schedule(static)
  for (int t = 0; t < threads; t++) {
    float *S = w->scores + t * QUERY_ROWS * j->ld;
    int64_t last = from + (to - from) * (t + 1) / threads;
    for (int64_t job = from + (to - from) * t / threads; job < last; job++) {
      int64_t b = job % j->blocks, end = b + 1 < j->blocks ? j->first[b + 1] : j->n;
      attend_block(w, layer, (int)(job / j->blocks), j->first[b], (int)(end - j->first[b]), S,
                   j->ld);
    }
  }
}

/* Rows are cut into blocks once; jobs go head by head, then block by block, a slice of work at a
 * time (compute_ask). */
loci_status attend_layer(walk *w, int layer, loci_err *err) {
  int64_t n = w->rows.upto[STAGE_ATTEND];
  int64_t ld = round_up(w->longest, PANEL) + PANEL, blocks = 0;
  int H = w->c->heads;
  if (!is_cross(w, layer)) {
    lay_out_kv(w, layer);
    TRY(pack_all(w, layer, err));
  }
  int64_t *first = w->rows.block; /* where each block begins */
  for (int64_t i = 0; i < n; i = block_end(w, i)) first[blocks++] = i;
  /* Head by head: its keys and values stay in the cache for all rows. */
  attend_jobs j = {first, blocks, n, ld};
  int64_t jobs = blocks * H;
  int threads = row_threads(&w->a->rows, n * H * w->longest);
  /* scores and their mix with the values, at an eighth of a product's rate, and z */
  double flop = (8 * 4.0 * (double)w->longest + TOUCH_FLOP) * QUERY_ROWS * w->c->head_dim;
  int64_t step = flop > 0 ? (int64_t)(w->a->follow.slice / flop) : jobs;
  step = step < threads ? threads : step;
  for (int64_t from = 0; from < jobs; from += step) {
    int64_t to = jobs - from < step ? jobs : from + step;
    TRY(compute_ask(w->a, (double)(to - from) * flop, err));
    attend_range(w, layer, &j, from, to, threads);
  }
  return LOCI_OK;
}
