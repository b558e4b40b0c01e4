/* Running a walk from its plan to its logits.  Only the rows asked for go through the final norm
 * and the output head, as many at once as keep the logits at a bounded size. */
#include <stdlib.h>
#include <string.h>

#include "walk/back.h"

enum { LOGIT_BYTES = 64 << 20 };

/* Rows of logits that are there at once: all that anybody asks for, up to a bound, and no more: a
 * vocabulary's row is large, and most walks ask for one. */
static int64_t head_chunk(const walk *w) {
  int64_t most = w->wants.count, fit = LOGIT_BYTES / ((int64_t)w->c->vocab * 4);
  for (int64_t i = 0; i < w->records.count; i++) {
    const record_item *r = &w->records.at[i];
    if (r->site == LOCI_SITE_LOGITS && r->count > most) most = r->count;
  }
  fit = fit < 16 ? 16 : fit > 512 ? 512 : fit;
  return most < fit ? most : fit;
}

bool head_prepare(walk *w) {
  head_room *h = &w->head;
  int64_t V = w->c->vocab, D = w->c->width;
  h->chunk = head_chunk(w);
  int64_t n = product_rows(h->chunk);
  h->operand = arena_zalloc(w->mem, operand_bytes(w->a, n, D), 1);
  h->logits = arena_array(w->mem, n * V, float);
  h->slots = arena_array(w->mem, n, int64_t);
  if (!h->operand || !h->logits || !h->slots) return false;
  if (w->grads.count == 0) return true;
  h->slopes = arena_array(w->mem, n * V, float);
  h->dnormed = arena_array(w->mem, n * D, float);
  h->x = arena_array(w->mem, n * D, float);
  h->back_slots = arena_array(w->mem, n, int64_t);
  h->indices = arena_array(w->mem, n, int64_t);
  return h->slopes && h->dnormed && h->x && h->back_slots && h->indices;
}

/* logits of the n <= chunk rows in h->slots */
static loci_status head_forward(walk *w, int64_t n, loci_err *err) {
  head_room *h = &w->head;
  const checkpoint *c = w->model->weights;
  work_kind before = work_begin(w->a, WORK_HEAD);
  TRY(norm_forward(w->a, walk_norm(w), &c->final_norm, h->operand, w->resid, h->slots, n, err));
  TRY(linear_forward(w->a, &c->head, h->logits, h->operand, n, err));
  work_end(w->a, before);
  return LOCI_OK;
}

void keep_wanted(walk *w, int layer) {
  int64_t D = w->c->width;
  for (int64_t i = 0; w->kept > 0 && i < w->wants.count; i++) {
    const want_item *want = &w->wants.at[i];
    if (want->kept < 0 || want->layer != layer) continue;
    int64_t at = row_index(w, want->stream, want->position, layer, STAGE_RESID_POST);
    memcpy(w->resid + want->kept * D, w->resid + w->rows.at[at].slot * D,
           (size_t)D * sizeof *w->resid);
  }
}

static loci_status give_wanted(walk *w, const walk_hooks *hooks, loci_err *err) {
  head_room *h = &w->head;
  int64_t V = w->c->vocab;
  int64_t n;
  for (int64_t first = 0; first < w->wants.count; first += n) {
    bool ordered = first < hooks->ordered;
    int64_t left = (ordered ? hooks->ordered : w->wants.count) - first;
    n = left < h->chunk ? left : h->chunk;
    for (int64_t i = 0; i < n; i++) {
      const want_item *want = &w->wants.at[first + i];
      bool kept = want->kept >= 0;
      h->slots[i] = kept ? want->kept : owner_slot(w, want->stream, want->position, w->c->layers);
    }
    TRY(head_forward(w, n, err));
#pragma omp parallel for num_threads(w->a->threads) schedule(dynamic) if (!ordered)
    for (int64_t i = 0; i < n; i++) {
      hooks->logits(hooks->logits_ctx, first + i, h->logits + i * V);
    }
  }
  return LOCI_OK;
}

static loci_status record_logits(walk *w, const record_item *r, loci_err *err) {
  head_room *h = &w->head;
  const stream *t = &w->streams.at[r->stream];
  int64_t V = w->c->vocab;
  for (int first = t->first; first < t->length; first += (int)h->chunk) {
    int64_t n = t->length - first < h->chunk ? t->length - first : h->chunk;
    for (int64_t i = 0; i < n; i++) {
      h->slots[i] = owner_slot(w, r->stream, first + (int)i, w->c->layers);
    }
    TRY(head_forward(w, n, err));
    memcpy(r->out + (int64_t)(first - t->first) * V, h->logits, (size_t)(n * V) * sizeof *r->out);
  }
  return LOCI_OK;
}

/* The final norm in f32, whatever the operands are. */
static loci_status record_norm(walk *w, const record_item *r, loci_err *err) {
  const norm_weights *weights = &w->model->weights->final_norm;
  const stream *t = &w->streams.at[r->stream];
  const float *scale, *shift = NULL;
  int64_t D = w->c->width;
  TRY(weight_vector(w->a, &weights->w, 0, &scale, err));
  if (w->c->norm == NORM_LAYER) TRY(weight_vector(w->a, &weights->b, 1, &shift, err));
  for (int p = t->first; p < t->length; p++) {
    const float *x = w->resid + owner_slot(w, r->stream, p, w->c->layers) * D;
    float *out = r->out + (int64_t)(p - t->first) * D;
    if (shift) {
      w->a->k->layernorm(out, x, scale, shift, D, w->c->eps);
    } else {
      w->a->k->rmsnorm(out, x, scale, D, w->c->eps);
    }
  }
  return LOCI_OK;
}

loci_status walk_head(walk *w, const walk_hooks *hooks, loci_err *err) {
  TRY(give_wanted(w, hooks, err));
  for (int64_t i = 0; i < w->records.count; i++) {
    const record_item *r = &w->records.at[i];
    if (r->site == LOCI_SITE_LOGITS) TRY(record_logits(w, r, err));
    if (r->site == LOCI_SITE_FINAL_NORM) TRY(record_norm(w, r, err));
  }
  return LOCI_OK;
}

/* ---------------------------------------------------------------- backwards */

/* G += of the n rows in h->slots, which stand at h->back_slots in it. */
static loci_status back_rows(walk *w, int64_t n, walk_slope_fn slope, void *ctx, loci_err *err) {
  const checkpoint *c = w->model->weights;
  head_room *h = &w->head;
  int64_t V = w->c->vocab, D = w->c->width;
  TRY(head_forward(w, n, err));
  memset(h->slopes, 0, (size_t)(n * V) * sizeof *h->slopes);
  for (int64_t i = 0; i < n; i++) {
    slope(ctx, h->indices[i], h->logits + i * V, h->slopes + i * V);
    memcpy(h->x + i * D, w->resid + h->slots[i] * D, (size_t)D * sizeof *h->x);
  }
  TRY(linear_backward(w->a, &c->head, h->dnormed, h->slopes, n, err));
  for (int64_t i = 0; i < n; i++) { /* one by one: a position may be wanted twice */
    TRY(norm_backward(w->a, walk_norm(w), &c->final_norm, w->tape->G + h->back_slots[i] * D, NULL,
                      h->dnormed + i * D, h->x + i * D, 1, err));
  }
  return LOCI_OK;
}

loci_status back_head(walk *w, walk_slope_fn slope, void *ctx, loci_err *err) {
  head_room *h = &w->head;
  int64_t n = 0;
  for (int64_t i = 0; i < w->wants.count; i++) {
    const want_item *want = &w->wants.at[i];
    if (want->position < w->tape->streams[want->stream].from[w->c->layers]) continue;
    h->slots[n] = slot_of(w, want->stream, want->position);
    h->back_slots[n] = tape_slot(w, want->stream, want->position);
    h->indices[n++] = i;
    if (n < h->chunk) continue;
    TRY(back_rows(w, n, slope, ctx, err));
    n = 0;
  }
  return n > 0 ? back_rows(w, n, slope, ctx, err) : LOCI_OK;
}

/* ---------------------------------------------------------------- forwards */

/* The first layer that any stream runs. */
static int first_layer(const walk *w) {
  int first = w->c->layers;
  for (int64_t i = 0; i < w->streams.count; i++) {
    if (w->streams.at[i].layer < first) first = w->streams.at[i].layer;
  }
  return first;
}

loci_status walk_run(walk *w, const walk_hooks *hooks, loci_err *err) {
  static const walk_hooks none;
  if (!hooks) hooks = &none;
  TRY(walk_plan(w, err));
  for (int l = first_layer(w); l < w->layers; l++) TRY(walk_layer(w, l, hooks, err));
  if (w->layers == w->c->layers) {
    inherit_rows(w, w->layers);
    TRY(walk_head(w, hooks, err));
  }
  for (int64_t i = 0; i < w->streams.count; i++) {
    const stream *s = &w->streams.at[i];
    if (s->cache && !s->resumed) s->cache->length = s->length;
  }
  return LOCI_OK;
}
