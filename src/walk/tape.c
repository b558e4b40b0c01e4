/* What the forward pass keeps for gradients (see back.h), and where it is found again. */
#include "walk/back.h"

static int64_t width_of(const walk *w, tape_kind kind) {
  return kind == TAPE_Q ? (int64_t)w->c->heads * w->c->head_dim : w->c->width;
}

row_list tape_rows(const walk *w, tape_kind kind, int layer, const int64_t *slots) {
  int64_t width = width_of(w, kind);
  const float *kept = w->tape->kept[kind] + kept_layer(w, layer) * w->tape->rows * width;
  return rows_f32(kept, width, slots);
}

/* Every kept row of all streams in one copy. */
void tape_keep(walk *w, tape_kind kind, int layer) {
  if (!w->tape || layer < lowest_layer(w)) return;
  int64_t width = width_of(w, kind), n = 0;
  for (int s = 0; s < w->streams.count; s++) {
    const back_stream *b = &w->tape->streams[s];
    for (int p = b->from[layer]; p < b->end; p++) {
      bool slots = kind == TAPE_PRE || kind == TAPE_MID;
      int64_t from = slots ? slot_of(w, s, p) : row_index(w, s, p, layer, STAGE_START);
      if (from < 0) continue; /* only its keys and values are used */
      w->rows.to[n] = tape_slot(w, s, p);
      w->rows.from[n++] = from;
    }
  }
  const float *rows = kind == TAPE_Q ? w->q : kind >= TAPE_ATTN ? w->delta : w->resid;
  rows_copy(&w->a->rows, tape_rows(w, kind, layer, w->rows.to), rows_f32(rows, width, w->rows.from),
            n, width);
}
