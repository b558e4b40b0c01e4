/* What a layer that reads rows outside of the sequence does otherwise (see streams.h):
 *
 *   x += tanh(g_a) W_o softmax(N(W_q norm1 x) k / sqrt(K)) v        k, v of the sources (sources.h)
 *   x += tanh(g_m) seen W_down act(W_gate norm2 x) * (W_up norm2 x)
 *
 * where a row that does not see the picture has seen = 0.  A stream without sources sees none: both
 * of its branches are 0, and the layer changes nothing. */
#include "walk/cross.h"

static bool sees_picture(const walk *w, const row *r) {
  const source_rows *s = w->streams.at[r->stream].sources;
  return s && r->position >= s->from;
}

void cross_gate(const walk *w, const weight *gate, const row *rows, float *at, int64_t n) {
  enum { SOME = 256 };
  float factor = (float)cross_factor(gate), by[SOME];
  int64_t D = w->c->width, some;
  for (int64_t first = 0; gate->data && first < n; first += some) {
    some = n - first < SOME ? n - first : SOME;
    for (int64_t i = 0; i < some; i++) {
      by[i] = !rows || sees_picture(w, &rows[first + i]) ? factor : 0;
    }
    w->a->rows.ops->scale(&w->a->rows, at + first * D, some, D, by);
  }
}

void cross_record(walk *w, int layer) {
  int G = w->c->kv_heads, K = w->c->head_dim;
  const int64_t *bucket = w->record_bucket + (int64_t)layer * LOCI_SITE_COUNT;
  for (int64_t i = bucket[LOCI_SITE_Q]; i < bucket[LOCI_SITE_COUNT]; i++) {
    const record_item *r = &w->records.at[i];
    const source_rows *s = w->streams.at[r->stream].sources;
    if (!s || (r->site != LOCI_SITE_K && r->site != LOCI_SITE_V)) continue;
    for (int64_t j = 0; j < (int64_t)s->count * G; j++) {
      kv_stretch head = sources_at(s, w->c, layer, (int)(j % G));
      float *out = r->out + j * K;
      if (r->site == LOCI_SITE_K) key_row(head.keys, j / G, K, out);
      if (r->site == LOCI_SITE_V) value_row(head.values, j / G, K, out);
    }
  }
}

bool cross_is_idle(const walk *w, int layer) {
  const int64_t *patches = w->patch_bucket + (int64_t)layer * LOCI_SITE_COUNT;
  const int64_t *records = w->record_bucket + (int64_t)layer * LOCI_SITE_COUNT;
  bool looked_at = patches[0] < patches[LOCI_SITE_COUNT] || records[0] < records[LOCI_SITE_COUNT] ||
                   w->mask_bucket[layer] < w->mask_bucket[layer + 1];
  if (!is_cross(w, layer) || looked_at || w->tape || w->flows.count > 0) return false;
  for (int64_t i = 0; i < w->streams.count; i++) {
    if (w->streams.at[i].sources) return false;
  }
  return true;
}
