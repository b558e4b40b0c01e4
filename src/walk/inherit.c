/* Interventions go down the tree: a child's row that differs from its parent's is computed anew,
 * and so needs every patch and mask that its ancestors have at its place, before its own.  A row
 * that is still equal to an ancestor's needs none: it is that ancestor's row.  A branch takes over
 * what its ancestors have before it, not what they have after.
 *
 * Before the plan sorts them, interventions stand in the order they were given; from[] is known. */
#include <limits.h>

#include "walk/streams.h"

/* Where in the layer the row begins to differ; STAGE_COUNT: not in this layer. */
static stage touched_at(const walk *w, int s, int layer, int position) {
  if (position >= w->streams.at[s].from[layer]) return STAGE_START;
  stage first = STAGE_COUNT;
  for (int64_t i = w->streams.at[s].patches; i >= 0; i = w->patches.at[i].next) {
    const walk_patch *p = &w->patches.at[i].p;
    if (p->layer != layer || p->position != position) continue;
    if (stage_of(p->site) < first) first = stage_of(p->site);
  }
  for (int64_t i = w->streams.at[s].masks; i >= 0; i = w->masks.at[i].next) {
    const mask_item *m = &w->masks.at[i];
    if (m->layer == layer && m->query == position && STAGE_ATTEND < first) first = STAGE_ATTEND;
  }
  return first;
}

/* What [ancestor] has at positions before [end]. */
static loci_status inherit_from(walk *w, int s, int ancestor, int end, loci_err *err) {
  for (int64_t i = w->streams.at[ancestor].patches; i >= 0; i = w->patches.at[i].next) {
    patch_item copy = w->patches.at[i];
    if (copy.p.position >= end) continue;
    if (touched_at(w, s, copy.p.layer, copy.p.position) > stage_of(copy.p.site)) continue;
    copy.stream = s;
    TRY(push_patch(w, copy, err));
  }
  for (int64_t i = w->streams.at[ancestor].masks; i >= 0; i = w->masks.at[i].next) {
    mask_item copy = w->masks.at[i];
    if (copy.query >= end) continue;
    if (touched_at(w, s, copy.layer, copy.query) > STAGE_ATTEND) continue;
    copy.stream = s;
    TRY(push_mask(w, copy, err));
  }
  return LOCI_OK;
}

/* Chains each stream's own interventions, so that a walk over thousands of children without any
 * above them costs nothing. */
static void chain_own(walk *w) {
  for (int64_t i = 0; i < w->streams.count; i++) {
    w->streams.at[i].patches = w->streams.at[i].masks = -1;
  }
  for (int64_t i = w->patches.count - 1; i >= 0; i--) {
    patch_item *p = &w->patches.at[i];
    p->next = w->streams.at[p->stream].patches;
    w->streams.at[p->stream].patches = i;
  }
  for (int64_t i = w->masks.count - 1; i >= 0; i--) {
    mask_item *m = &w->masks.at[i];
    m->next = w->streams.at[m->stream].masks;
    w->streams.at[m->stream].masks = i;
  }
}

loci_status inherit_interventions(walk *w, loci_err *err) {
  chain_own(w);
  for (int s = 0; s < w->streams.count; s++) {
    int end = INT_MAX;
    for (int a = s; w->streams.at[a].parent >= 0; a = w->streams.at[a].parent) {
      const stream *t = &w->streams.at[a];
      if (t->embeds && t->given < end) end = t->given;
      TRY(inherit_from(w, s, t->parent, end, err));
    }
  }
  return LOCI_OK;
}
