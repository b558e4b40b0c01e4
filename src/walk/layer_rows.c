/* The rows of one layer (see streams.h, invariants W2 to W4).
 *
 * Live rows come first, stream by stream; in the last layer only those whose own result is asked
 * for, the others just lend their keys and values.  After them stand the joiners by stage. */
#include <stdlib.h>
#include <string.h>

#include "walk/streams.h"

int64_t slot_of(const walk *w, int s, int position) {
  const stream *t = &w->streams.at[s];
  return t->slot + position - t->from[w->c->layers];
}

int64_t owner_slot(const walk *w, int s, int position, int layer) {
  while (position < w->streams.at[s].from[layer]) s = w->streams.at[s].parent;
  return slot_of(w, s, position);
}

/* Joiner of stream s at [position] with a stage <= limit, or -1. */
static int64_t find_joiner(const walk *w, int s, int position, stage limit) {
  const layer_rows *r = &w->rows;
  int64_t lo = r->joiner[s], hi = r->joiner[s + 1];
  while (lo < hi) {
    int64_t mid = (lo + hi) / 2;
    if (r->joins[mid].position < position) {
      lo = mid + 1;
    } else {
      hi = mid;
    }
  }
  bool found = lo < r->joiner[s + 1] && r->joins[lo].position == position;
  return found && r->joins[lo].stage <= limit ? r->by_stream[lo] : -1;
}

int64_t row_index(const walk *w, int s, int position, int layer, stage limit) {
  for (; s >= 0; s = w->streams.at[s].parent) {
    int from = w->streams.at[s].from[layer];
    if (position >= from) {
      int64_t i = w->rows.start_row[w->rows.start[s] + position - from];
      return i < w->rows.upto[STAGE_START] ? i : -1;
    }
    int64_t i = find_joiner(w, s, position, limit);
    if (i >= 0) return i;
  }
  return -1;
}

row_list resid_rows(const walk *w, const int64_t *slots) {
  return rows_f32(w->resid, w->c->width, slots);
}

/* Whether a row becomes live with this layer and nothing touched it in the one before. */
static bool is_inherited(const walk *w, int s, int position, int layer) {
  const stream *t = &w->streams.at[s];
  return position >= t->from[layer] && position < t->from[layer - 1] &&
         find_joiner(w, s, position, STAGE_RESID_POST) < 0;
}

/* The owner of an inherited row may be one itself: its owner's then, so that all are copied at
 * once. */
static int64_t settled_slot(const walk *w, int s, int position, int layer) {
  for (s = w->streams.at[s].parent;; s = w->streams.at[s].parent) {
    const stream *t = &w->streams.at[s];
    if (position < t->from[layer]) continue;
    if (t->parent < 0 || !is_inherited(w, s, position, layer)) return slot_of(w, s, position);
  }
}

/* A resumed run gets its own rows, all other rows those of their owners. */
void inherit_rows(walk *w, int layer) {
  int64_t D = w->c->width, n = 0;
  for (int s = 0; layer > 0 && s < w->streams.count; s++) {
    const stream *t = &w->streams.at[s];
    int first = t->from[layer], end = t->from[layer - 1];
    if (t->parent < 0 && first < end) {
      row_list given = rows_f32(t->state + (int64_t)(first - t->given) * D, D, NULL);
      row_list to = rows_f32(w->resid + slot_of(w, s, first) * D, D, NULL);
      rows_copy(&w->a->rows, to, given, end - first, D);
      continue;
    }
    for (int p = first; p < end; p++) {
      if (!is_inherited(w, s, p, layer)) continue; /* computed in the layer before */
      w->rows.to[n] = slot_of(w, s, p);
      w->rows.from[n++] = settled_slot(w, s, p, layer);
    }
  }
  rows_copy(&w->a->rows, resid_rows(w, w->rows.to), resid_rows(w, w->rows.from), n, D);
}

static int compare_joins(const void *a, const void *b) {
  const join *x = a, *y = b;
  if (x->stream != y->stream) return x->stream < y->stream ? -1 : 1;
  if (x->position != y->position) return x->position < y->position ? -1 : 1;
  return (x->stage > y->stage) - (x->stage < y->stage);
}

/* Rows that are not live yet and are touched inside this layer: each once, at its first stage. */
static void find_joiners(walk *w, int layer) {
  layer_rows *r = &w->rows;
  int64_t n = 0;
  for (int64_t i = w->mask_bucket[layer]; i < w->mask_bucket[layer + 1]; i++) {
    const mask_item *m = &w->masks.at[i];
    if (m->query < w->streams.at[m->stream].from[layer]) {
      r->joins[n++] = (join){m->stream, m->query, STAGE_ATTEND};
    }
  }
  const int64_t *bucket = w->patch_bucket + (int64_t)layer * LOCI_SITE_COUNT;
  for (int64_t i = bucket[0]; i < bucket[LOCI_SITE_COUNT]; i++) {
    const patch_item *p = &w->patches.at[i];
    if (p->p.position < w->streams.at[p->stream].from[layer]) {
      r->joins[n++] = (join){p->stream, p->p.position, stage_of(p->p.site)};
    }
  }
  if (n > 1) qsort(r->joins, (size_t)n, sizeof *r->joins, compare_joins);
  int64_t unique = 0;
  for (int64_t i = 0; i < n; i++) {
    bool again = unique > 0 && r->joins[unique - 1].stream == r->joins[i].stream &&
                 r->joins[unique - 1].position == r->joins[i].position;
    if (!again) r->joins[unique++] = r->joins[i];
  }
  int64_t at = 0;
  for (int s = 0; s <= w->streams.count; s++) {
    while (at < unique && r->joins[at].stream < s) at++;
    r->joiner[s] = at;
  }
}

/* ---------------------------------------------------------------- whose result is asked for */

static void need(walk *w, int s, int position, int layer) {
  while (s >= 0 && position < w->streams.at[s].from[layer]) s = w->streams.at[s].parent;
  if (s >= 0 && position >= w->streams.at[s].first) {
    w->needed[w->rows.start[s] + position - w->streams.at[s].from[layer]] = true;
  }
}

/* Only the last layer is pruned: nothing after it mixes positions. */
static void find_needed(walk *w, int layer, int64_t live) {
  bool last = layer == w->c->layers - 1;
  memset(w->needed, !last, (size_t)live);
  if (!last) return;
  for (int64_t i = 0; i < w->wants.count; i++) {
    const want_item *want = &w->wants.at[i];
    if (want->kept < 0) need(w, want->stream, want->position, layer);
  }
  for (int64_t i = 0; i < w->records.count; i++) {
    const record_item *r = &w->records.at[i];
    bool top = r->site == LOCI_SITE_FINAL_NORM || r->site == LOCI_SITE_LOGITS;
    if (!top && r->layer != layer) continue;
    for (int p = r->first; p < r->first + r->count; p++) need(w, r->stream, p, layer);
  }
  for (int64_t i = 0; i < w->flows.count; i++) {
    const walk_flow *f = &w->flows.at[i];
    for (int k = 0; f->layer == layer && k < f->query_count; k++) {
      need(w, f->stream, f->queries[k], layer);
    }
  }
  const int64_t *bucket = w->patch_bucket + (int64_t)layer * LOCI_SITE_COUNT;
  for (int64_t i = bucket[0]; i < bucket[LOCI_SITE_COUNT]; i++) {
    const patch_item *p = &w->patches.at[i];
    need(w, p->stream, p->p.position, layer);
    if (p->p.source >= 0) need(w, p->p.source, p->p.position, layer);
  }
  for (int64_t i = w->mask_bucket[layer]; i < w->mask_bucket[layer + 1]; i++) {
    need(w, w->masks.at[i].stream, w->masks.at[i].query, layer);
  }
}

/* ---------------------------------------------------------------- the list */

/* Numbers the live rows: needed ones 0 .. n-1 in the list, the others after them in q, k, v only.
 */
static void list_live(walk *w, int layer, int64_t live) {
  layer_rows *r = &w->rows;
  int64_t n = 0, others = 0;
  for (int64_t i = 0; i < live; i++) n += w->needed[i];
  int64_t total = n;
  n = 0;
  for (int s = 0; s < w->streams.count; s++) {
    const stream *t = &w->streams.at[s];
    for (int p = t->from[layer]; p < t->length; p++) {
      int64_t i = r->start[s] + p - t->from[layer], slot = slot_of(w, s, p);
      int64_t at = w->needed[i] ? n++ : total + others++;
      r->start_row[i] = at;
      r->start_slots[at] = slot;
      r->start_angles[at] = t->angles + p;
      if (w->needed[i]) {
        r->at[at] =
            (row){.stream = s, .position = p, .stage = STAGE_START, .owner = -1, .slot = slot};
        r->slots[at] = slot;
        r->normed[at] = at;
      }
    }
  }
  r->upto[STAGE_START] = total;
  r->kv_only = others;
}

/* Stage by stage, because a step works on a prefix (W3); owners are known by then, since they stand
 * in an earlier stage or belong to a smaller stream. */
static void list_joiners(walk *w, int layer) {
  layer_rows *r = &w->rows;
  int64_t n = r->upto[STAGE_START], count = r->joiner[w->streams.count];
  for (int k = STAGE_ATTEND; k < STAGE_COUNT; k++) {
    for (int64_t j = 0; j < count; j++) {
      const join *x = &r->joins[j];
      if ((int)x->stage != k) continue;
      row *new = &r->at[n];
      int parent = w->streams.at[x->stream].parent;
      *new = (row){.stream = x->stream,
                   .position = x->position,
                   .stage = x->stage,
                   .owner = row_index(w, parent, x->position, layer, x->stage),
                   .slot = slot_of(w, x->stream, x->position)};
      const row *owner = &r->at[new->owner];
      r->slots[n] = new->slot;
      r->normed[n] = r->normed[new->owner];
      /* an owner that joins here too has what its own owner has: all are copied at once */
      r->owners[n] = owner->stage == x->stage ? r->owners[new->owner] : new->owner;
      r->owner_slots[n] = r->slots[r->owners[n]];
      r->by_stream[j] = n++;
    }
    r->upto[k] = n;
  }
}

/* Joiners of the layer before are still listed while rows are inherited: those are computed. */
void rows_of_layer(walk *w, int layer) {
  layer_rows *r = &w->rows;
  inherit_rows(w, layer);
  int64_t live = 0;
  for (int s = 0; s < w->streams.count; s++) {
    r->start[s] = live;
    live += w->streams.at[s].length - w->streams.at[s].from[layer];
  }
  find_joiners(w, layer);
  find_needed(w, layer, live);
  list_live(w, layer, live);
  list_joiners(w, layer);
}
