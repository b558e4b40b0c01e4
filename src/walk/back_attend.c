/* Attention, backwards (see back.h).  A job is one key/value head of one stream: it alone adds to
 * that head's dk and dv, and goes through the queries of all heads that read it, 8 rows at a time,
 * with their weights computed again from q and the kept keys. */
#include "walk/back.h"

typedef struct scratch {
  float *S, *dS, *slopes, *transposed, *rows;
  kv_turned kv;
  int64_t ld;
} scratch;

/* One thread's room; all parts are multiples of 16 floats. */
static int64_t divide(const walk *w, float *at, scratch *out) {
  int64_t ld = round_up(w->longest, PANEL) + PANEL, K = round_up(w->c->head_dim, PANEL);
  float *const begin = at;
  out->ld = ld;
  out->S = at;
  out->dS = at += QUERY_ROWS * ld;
  out->slopes = at += QUERY_ROWS * ld;
  out->transposed = at += QUERY_ROWS * ld;
  out->rows = at += QUERY_ROWS * ld;
  out->kv.key_rows = at += QUERY_ROWS * K;
  out->kv.value_panels = at += ld * K;
  return at + ld * K - begin;
}

int64_t back_scratch_floats(const walk *w) {
  int64_t ld = round_up(w->longest, PANEL) + PANEL, K = round_up(w->c->head_dim, PANEL);
  return 4 * QUERY_ROWS * ld + QUERY_ROWS * K + 2 * ld * K;
}

/* Rows [first, first + R) of active, one query head. */
static void back_block(walk *w, int layer, int head, int64_t first, int R, const scratch *x,
                       const kv_stretch *stretches, int n) {
  tape *t = w->tape;
  int K = w->c->head_dim, g = head / (w->c->heads / w->c->kv_heads);
  int64_t HK = (int64_t)w->c->heads * K, GK = (int64_t)w->c->kv_heads * K;
  const row *r = t->active + first;
  const back_stream *b = &t->streams[r->stream];
  kv_stretch seen[MAX_DEPTH];
  attend_rows a = {.q = t->x + first * HK + (int64_t)head * K,
                   .q_stride = HK,
                   .z_stride = HK,
                   .R = R,
                   .K = K,
                   .scale = w->c->attention_scale,
                   .cap = w->c->attention_cap,
                   .stretches = seen,
                   .S = x->S,
                   .ld = x->ld};
  bool cross = is_cross(w, layer);
  int count = keys_end(w, layer, &r[R - 1]);
  for (int i = 0; i < n && stretches[i].first < count; i++) {
    seen[a.stretch_count] = stretches[i];
    int left = count - stretches[i].first;
    if (seen[a.stretch_count].count > left) seen[a.stretch_count].count = left;
    a.stretch_count++;
  }
  attend_weights(w, layer, r, &a);
  attend_grads grads = {.dz = t->dz + first * HK + (int64_t)head * K,
                        .dq = t->dq + first * HK + (int64_t)head * K,
                        .kv = &x->kv,
                        .count = count,
                        .first = cross ? count : b->from[layer], /* sources answer for nothing */
                        .dk = t->dk + b->start * GK + (int64_t)g * K,
                        .dv = t->dv + b->start * GK + (int64_t)g * K,
                        .kv_stride = GK,
                        .dS = x->dS,
                        .slopes = x->slopes,
                        .transposed = x->transposed,
                        .rows = x->rows};
  attend_backward(w->a->rows.k, &a, &grads);
}

/* Rows [first, end) of active, all of one stream, and the query heads of key head g. */
static void back_head_of(walk *w, int layer, int g, int64_t first, int64_t end, const scratch *x) {
  const row *last = &w->tape->active[end - 1];
  int group = w->c->heads / w->c->kv_heads;
  kv_stretch stretches[MAX_DEPTH];
  int n = find_stretches(w->kv, last->stream, keys_end(w, layer, last), g, stretches);
  kv_turned kv = x->kv;
  if (n == 0) return; /* there is nothing to see: dq is 0 */
  transpose_stretches(stretches, n, w->c->head_dim, &kv);
  for (int head = g * group; head < (g + 1) * group; head++) {
    for (int64_t i = first; i < end; i += QUERY_ROWS) {
      int R = end - i < QUERY_ROWS ? (int)(end - i) : QUERY_ROWS;
      back_block(w, layer, head, i, R, x, stretches, n);
    }
  }
}

/* Stream by stream, so that one job owns the rows of dk and dv it adds to; heads go to threads. */
void back_attend(walk *w, int layer) {
  tape *t = w->tape;
  int64_t HK = (int64_t)w->c->heads * w->c->head_dim, GK = (int64_t)w->c->kv_heads * w->c->head_dim;
  int G = w->c->kv_heads;
  lay_out_kv(w, layer);
  rows_zero(&w->a->rows, rows_f32(t->dq, HK, NULL), t->count, HK);
  rows_zero(&w->a->rows, rows_f32(t->dk, GK, NULL), t->all_count, GK);
  rows_zero(&w->a->rows, rows_f32(t->dv, GK, NULL), t->all_count, GK);
  rows_copy(&w->a->rows, rows_f32(t->x, HK, NULL), tape_rows(w, TAPE_Q, layer, t->active_slots),
            t->count, HK);
  for (int64_t first = 0, end; first < t->count; first = end) {
    for (end = first; end < t->count && t->active[end].stream == t->active[first].stream;) end++;
    int threads = row_threads(&w->a->rows, (end - first) * HK * w->longest / G);
#pragma omp parallel for num_threads(threads) schedule(static)
    for (int part = 0; part < threads; part++) {
      scratch x;
      divide(w, t->scratch + part * t->scratch_floats, &x);
      for (int g = part; g < G; g += threads) back_head_of(w, layer, g, first, end, &x);
    }
  }
}
