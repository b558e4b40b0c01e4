/* Interventions go down the tree: a child's row that differs from its parent's is computed anew,
 * and so needs every patch and mask that its ancestors have at its place, before its own.  A row
 * that is still equal to an ancestor's needs none: it is that ancestor's row.
 *
 * Before the plan sorts them, interventions stand in the order they were given; from[] is known. */
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

static loci_status inherit_from(walk *w, int s, int ancestor, loci_err *err) {
  for (int64_t i = w->streams.at[ancestor].patches; i >= 0; i = w->patches.at[i].next) {
    patch_item copy = w->patches.at[i];
    if (touched_at(w, s, copy.p.layer, copy.p.position) > stage_of(copy.p.site)) continue;
    copy.stream = s;
    TRY(push_patch(w, copy, err));
  }
  for (int64_t i = w->streams.at[ancestor].masks; i >= 0; i = w->masks.at[i].next) {
    mask_item copy = w->masks.at[i];
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
    for (int a = w->streams.at[s].parent; a >= 0; a = w->streams.at[a].parent) {
      TRY(inherit_from(w, s, a, err));
    }
  }
  return LOCI_OK;
}
