/* The plan of a backward pass (see back.h): which rows answer for a loss, and memory for them. */
#include "walk/back.h"

/* Which rows answer for a loss, and which of them are asked (B1).  Of rows that see one another all
 * do, or none. */
static loci_status plan_streams(walk *w, loci_err *err) {
  tape *t = w->tape;
  int L = w->c->layers;
  for (int64_t s = 0; s < w->streams.count; s++) {
    t->streams[s].from = arena_array(w->mem, L + 1, int);
    if (!t->streams[s].from) return fail_nomem(err, "planning gradients");
  }
  for (int64_t i = 0; i < w->wants.count; i++) {
    const want_item *want = &w->wants.at[i];
    back_stream *b = &t->streams[want->stream];
    int end = mutual_end(w->streams.at[want->stream].mutual, want->position + 1);
    if (end > b->end) b->end = end;
  }
  for (int64_t s = 0; s < w->streams.count; s++) {
    for (int l = 0; l <= L; l++) t->streams[s].from[l] = t->streams[s].end;
  }
  for (int64_t i = 0; i < w->grads.count; i++) {
    const grad_item *g = &w->grads.at[i];
    int *from = &t->streams[g->stream].from[g->layer + is_late(g->site)];
    int first = mutual_first(w->streams.at[g->stream].mutual, g->first);
    if (first < *from) *from = first;
  }
  for (int64_t s = 0; s < w->streams.count; s++) {
    back_stream *b = &t->streams[s];
    for (int l = 1; l <= L; l++) {
      if (b->from[l - 1] < b->from[l]) b->from[l] = b->from[l - 1];
    }
    b->slot = t->rows;
    t->rows += b->end - b->from[L];
  }
  return LOCI_OK;
}

/* A patched pattern has no softmax after it. */
static loci_status check_patches(const walk *w, loci_err *err) {
  for (int64_t i = 0; i < w->patches.count; i++) {
    const patch_item *p = &w->patches.at[i];
    if (p->p.site != LOCI_SITE_PATTERN) continue;
    const back_stream *b = &w->tape->streams[p->stream];
    if (p->p.position < b->from[p->p.layer] || p->p.position >= b->end) continue;
    return fail(err, LOCI_EINVAL, "there are no gradients through a patched pattern");
  }
  return LOCI_OK;
}

/* At once, like the walk's own memory. */
static loci_status allocate(walk *w, loci_err *err) {
  const decoder_config *c = w->c;
  tape *t = w->tape;
  arena *mem = w->mem;
  int64_t n = product_rows(t->rows), D = c->width, HK = (int64_t)c->heads * c->head_dim;
  int64_t GK = (int64_t)c->kv_heads * c->head_dim, kept = kept_layers(w) * t->rows;
  t->kept[TAPE_PRE] = arena_array(mem, kept * D, float);
  t->kept[TAPE_MID] = arena_array(mem, c->parallel ? 1 : kept * D, float);
  t->kept[TAPE_Q] = arena_array(mem, kept * HK, float);
  for (int k = TAPE_ATTN; k < TAPE_KINDS; k++)
    t->kept[k] = arena_array(mem, c->post_norms ? kept * D : 1, float);
  t->active_slots = arena_array(mem, n, int64_t);
  t->owners = arena_array(mem, n, int64_t);
  t->active_angles = arena_array(mem, n, int64_t);
  t->all_slots = arena_array(mem, n, int64_t);
  t->angles = arena_array(mem, n, int64_t);
  t->active = arena_array(mem, n, row);
  t->active_of = arena_array(mem, n, int64_t);
  t->wanted = arena_zarray(mem, n, bool);
  t->G = arena_zarray(mem, n * D, float);
  t->x = arena_zarray(mem, n * (HK > D ? HK : D), float);
  t->dn = arena_zarray(mem, n * D, float);
  t->part = arena_zarray(mem, n * D, float);
  t->through = arena_zarray(mem, n * (HK > D ? HK : D), float);
  t->dz = arena_zarray(mem, n * HK, float);
  t->dq = arena_zarray(mem, n * HK, float);
  t->dk = arena_zarray(mem, n * GK, float);
  t->dv = arena_zarray(mem, n * GK, float);
  t->inner = arena_zarray(mem, w->chunk * c->inner, float);
  t->scratch_floats = back_scratch_floats(w);
  t->scratch = arena_zarray(mem, w->a->rows.threads * t->scratch_floats, float);
  bool ok = t->kept[0] && t->kept[1] && t->kept[2] && t->kept[3] && t->kept[4] && t->through &&
            t->active_slots && t->owners && t->active_angles && t->all_slots && t->angles &&
            t->active && t->active_of && t->wanted && t->G && t->x && t->dn && t->part && t->dz &&
            t->dq && t->dk && t->dv && t->inner && t->scratch;
  if (!ok) return fail_nomem(err, "making room for gradients");
  return compute_lines(w->a, c->inner, err);
}

/* After the walk's own plan: births are known, and which rows a loss reaches follows from them. */
loci_status back_plan(walk *w, loci_err *err) {
  w->tape = arena_zarray(w->mem, 1, tape);
  if (!w->tape) return fail_nomem(err, "planning gradients");
  w->tape->streams = arena_zarray(w->mem, w->streams.count, back_stream);
  if (!w->tape->streams) return fail_nomem(err, "planning gradients");
  TRY(plan_streams(w, err));
  TRY(check_patches(w, err));
  TRY(allocate(w, err));
  for (int64_t i = 0; i < w->wants.count; i++) {
    const want_item *want = &w->wants.at[i];
    const back_stream *b = &w->tape->streams[want->stream];
    if (want->position < b->from[w->c->layers]) continue;
    w->tape->wanted[tape_slot(w, want->stream, want->position)] = true;
  }
  return LOCI_OK;
}
