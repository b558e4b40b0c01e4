/* Layers that read rows outside of the sequence, in a walk (see streams.h and model/sources.h).
 * Private to src/walk. */
#ifndef LOCI_WALK_CROSS_H
#define LOCI_WALK_CROSS_H

#include "walk/streams.h"

/* Whether a layer reads rows outside of the sequence. */
static inline bool is_cross(const walk *w, int layer) { return w->c->cross && w->c->cross[layer]; }
/* How many keys a row sees at most: the first so many positions, or sources. */
static inline int keys_seen(const walk *w, int layer, const row *r) {
  if (!is_cross(w, layer)) return mutual_end(w->streams.at[r->stream].mutual, r->position + 1);
  return sources_seen(w->streams.at[r->stream].sources, r->position);
}
/* The first position that a row of the sequence sees in a layer: of rows that see one another, the
 * first of them at least. */
static inline int first_seen(const walk *w, int layer, const row *r) {
  int left = w->c->slides && w->c->slides[layer] ? r->position + 1 - w->c->sliding_window : 0;
  int first = mutual_first(w->streams.at[r->stream].mutual, r->position);
  left = left < first ? left : first;
  return left > 0 ? left : 0;
}
/* Numbers of a row of attention weights of a stream. */
static inline int pattern_width(const walk *w, int s, int layer) {
  const stream *t = &w->streams.at[s];
  return !is_cross(w, layer) ? t->length : t->sources ? t->sources->count : 0;
}
/* cross.c: what a layer that reads sources does otherwise */
/* n rows times tanh of the gate; [rows]: of the MLP, whose branch rows that see nothing are
 * without; NULL: of the attention. */
void cross_gate(const walk *w, const weight *gate, const row *rows, float *at, int64_t n);
/* Keys and values of a layer into what records ask for. */
void cross_record(walk *w, int layer);
/* Whether nothing happens in the layer: no stream has sources, and nobody looks. */
bool cross_is_idle(const walk *w, int layer);

#endif
