/* What gradients need of the forward pass (see back.h): plan, memory, keeping. */
#include "walk/back.h"

int lowest_layer(const walk *w) {
  int lowest = w->c->layers - 1;
  for (int64_t i = 0; i < w->grads.count; i++) {
    int layer = w->grads.at[i].layer + is_late(w->grads.at[i].site);
    if (layer < lowest) lowest = layer;
  }
  return lowest;
}

int64_t kept_layers(const walk *w) {
  return w->grads.count > 0 ? w->c->layers - lowest_layer(w) : 1;
}

/* Which rows answer for a loss, and which of them are asked (B1). */
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
    if (want->position >= b->end) b->end = want->position + 1;
  }
  for (int64_t s = 0; s < w->streams.count; s++) {
    for (int l = 0; l <= L; l++) t->streams[s].from[l] = t->streams[s].end;
  }
  for (int64_t i = 0; i < w->grads.count; i++) {
    const grad_item *g = &w->grads.at[i];
    int *from = &t->streams[g->stream].from[g->layer + is_late(g->site)];
    if (g->first < *from) *from = g->first;
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
  t->dz = arena_zarray(mem, n * HK, float);
  t->dq = arena_zarray(mem, n * HK, float);
  t->dk = arena_zarray(mem, n * GK, float);
  t->dv = arena_zarray(mem, n * GK, float);
  t->inner = arena_zarray(mem, w->chunk * c->inner, float);
  t->scratch_floats = back_scratch_floats(w);
  t->scratch = arena_zarray(mem, w->a->rows.threads * t->scratch_floats, float);
  bool ok = t->kept[0] && t->kept[1] && t->kept[2] && t->active_slots && t->owners &&
            t->active_angles && t->all_slots && t->angles && t->active && t->active_of &&
            t->wanted && t->G && t->x && t->dn && t->part && t->dz && t->dq && t->dk && t->dv &&
            t->inner && t->scratch;
  if (!ok) return fail_nomem(err, "making room for gradients");
  return compute_lines(w->a, c->inner, err);
}

int64_t walk_grad_row_bytes(const loci_model *m) {
  const decoder_config *c = model_decoder(m);
  int64_t D = c->width, HK = (int64_t)c->heads * c->head_dim;
  int64_t GK = (int64_t)c->kv_heads * c->head_dim;
  int64_t kept = (int64_t)c->layers * ((c->parallel ? 1 : 2) * D + HK);
  int64_t layer = 3 * D + (HK > D ? HK : D) + 2 * HK + 2 * GK;
  return (kept + layer) * 4 + (int64_t)sizeof(row) + 6 * 8 + 1;
}

int64_t walk_kept_row_bytes(const loci_model *m) {
  const decoder_config *c = model_decoder(m);
  int64_t K = c->head_dim;
  return (int64_t)(c->layers - 1) * c->kv_heads * (K + round_up(K, PANEL)) * 4;
}

int64_t walk_grad_fixed_bytes(const loci_model *m, int length) {
  const decoder_config *c = model_decoder(m);
  int64_t chunk = walk_fixed_bytes(m, length); /* holds the MLP's inner rows twice at least */
  return chunk / 2 + (int64_t)m->threads * (c->inner + 2 * (length + 32) * (c->head_dim + 16)) * 4;
}

/* After the walk's own plan: births are known, and which rows a loss reaches follows from them. */
loci_status tape_plan(walk *w, loci_err *err) {
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

/* ---------------------------------------------------------------- keeping */

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
      int64_t from = kind == TAPE_Q ? row_index(w, s, p, layer, STAGE_START) : slot_of(w, s, p);
      if (from < 0) continue; /* only its keys and values are used */
      w->rows.to[n] = tape_slot(w, s, p);
      w->rows.from[n++] = from;
    }
  }
  rows_copy(&w->a->rows, tape_rows(w, kind, layer, w->rows.to),
            rows_f32(kind == TAPE_Q ? w->q : w->resid, width, w->rows.from), n, width);
}
