/* From the residual stream to logits, and back.  Only the rows asked for go through the final norm
 * and the output head, as many at once as keep the logits at a bounded size. */
#include <math.h>
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

/* In the walk's own memory, so that a cleared walk has it already. */
bool head_prepare(walk *w) {
  head_room *h = &w->head;
  int64_t V = w->c->vocab, D = w->c->width;
  h->chunk = head_chunk(w);
  int64_t n = product_rows(h->chunk);
  h->operand = w->a->rows.ops->room(&w->a->rows, w->mem, operand_bytes(w->a, n, D), true);
  h->logits = w->a->rows.ops->room(&w->a->rows, w->mem, n * V * (int64_t)sizeof(float), false);
  h->slots = arena_array(w->mem, n, int64_t);
  if (!h->operand || !h->logits || !h->slots) return false;
  if (w->grads.count == 0) return true;
  h->slopes = arena_array(w->mem, n * V, float);
  h->dnormed = arena_array(w->mem, n * D, float);
  h->back_slots = arena_array(w->mem, n, int64_t);
  h->indices = arena_array(w->mem, n, int64_t);
  return h->slopes && h->dnormed && h->back_slots && h->indices;
}

/* c tanh(x / c) of n rows of logits, where the model has such a bound. */
static void cap_logits(walk *w, int64_t n) {
  float cap = (float)w->c->logit_cap;
  if (cap > 0) w->a->rows.ops->cap(&w->a->rows, w->head.logits, n, w->c->vocab, cap);
}

/* The slopes of n rows := those of what the cap is of: 1 - (x / c)^2 times as large. */
static void uncap_slopes(walk *w, int64_t n) {
  float cap = (float)w->c->logit_cap, *slope = w->head.slopes;
  const float *x = w->head.logits;
  for (int64_t i = 0; cap > 0 && i < n * w->c->vocab; i++) {
    float t = x[i] / cap;
    slope[i] *= 1 - t * t;
  }
}

/* logits of the n <= chunk rows in h->slots */
static loci_status head_forward(walk *w, int64_t n, loci_err *err) {
  head_room *h = &w->head;
  const checkpoint *c = w->model->weights;
  work_kind before = work_begin(w->a, WORK_HEAD);
  row_list operand = operand_rows(w->a, h->operand, w->c->width, NULL);
  TRY(norm_forward(w->a, walk_norm(w), &c->final_norm, operand, resid_rows(w, h->slots), n, err));
  TRY(linear_forward(w->a, &c->head, h->logits, h->operand, n, err));
  cap_logits(w, n);
  work_end(w->a, before);
  return LOCI_OK;
}

/* The ordered ones are finished before any other is read: a caller learns from them what to read
 * the others for. */
static loci_status give_wanted(walk *w, const walk_hooks *hooks, loci_err *err) {
  head_room *h = &w->head;
  int64_t V = w->c->vocab;
  int64_t n;
  for (int64_t first = 0; first < w->wants.count; first += n) {
    bool ordered = first < hooks->ordered;
    int64_t left = (ordered ? hooks->ordered : w->wants.count) - first;
    if (first > 0) TRY(walk_report(w, hooks, "walk", w->layers, err));
    n = left < h->chunk ? left : h->chunk;
    for (int64_t i = 0; i < n; i++) {
      const want_item *want = &w->wants.at[first + i];
      bool kept = want->kept >= 0;
      h->slots[i] = kept ? want->kept : owner_slot(w, want->stream, want->position, w->c->layers);
    }
    w->a->beside = (ordered ? hooks->ordered : w->wants.count - hooks->ordered + w->apart) - n;
    TRY(head_forward(w, n, err));
    w->a->beside = 0;
    const float *logits = NULL;
    TRY(rows_fetch(&w->a->rows, h->logits, n * V, &logits, err));
#pragma omp parallel for num_threads(w->a->rows.threads) schedule(dynamic) if (!ordered)
    for (int64_t i = 0; i < n; i++) {
      hooks->logits(hooks->logits_ctx, first + i, logits + i * V);
    }
  }
  return LOCI_OK;
}

/* Row by row these are larger than all else: straight out of the chunk into the record. */
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
    rows_copy(&w->a->rows, rows_f32(r->out + (int64_t)(first - t->first) * V, V, NULL),
              rows_f32(h->logits, V, NULL), n, V);
  }
  return LOCI_OK;
}

/* The final norm in f32, whatever the operands are. */
static loci_status record_norm(walk *w, const record_item *r, loci_err *err) {
  const stream *t = &w->streams.at[r->stream];
  for (int p = t->first; p < t->length; p++) {
    w->rows.from[p - t->first] = owner_slot(w, r->stream, p, w->c->layers);
  }
  return norm_forward(w->a, walk_norm(w), &w->model->weights->final_norm,
                      rows_f32(r->out, w->c->width, NULL), resid_rows(w, w->rows.from),
                      t->length - t->first, err);
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
  rows_zero(&w->a->rows, rows_f32(h->slopes, V, NULL), n, V);
  for (int64_t i = 0; i < n; i++) {
    slope(ctx, h->indices[i], h->logits + i * V, h->slopes + i * V);
  }
  uncap_slopes(w, n);
  TRY(linear_backward(w->a, &c->head, h->dnormed, h->slopes, n, err));
  for (int64_t i = 0; i < n; i++) { /* one by one: a position may be wanted twice */
    TRY(norm_backward(w->a, walk_norm(w), &c->final_norm,
                      rows_f32(w->tape->G, D, h->back_slots + i),
                      rows_f32(h->dnormed + i * D, D, NULL), resid_rows(w, h->slots + i), 1, err));
  }
  return LOCI_OK;
}

/* Only wanted rows that a gradient is asked through; rows without one are left out. */
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
