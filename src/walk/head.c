/* Running a walk from its plan to its logits.  Only the rows asked for go through the final norm
 * and the output head, as many at once as keep the logits at a bounded size. */
#include <stdlib.h>
#include <string.h>

#include "walk/back.h"

enum { LOGIT_BYTES = 64 << 20 };

typedef struct head {
  int64_t chunk;
  void *operand; /* (chunk, D) */
  float *logits; /* (chunk, V) */
  int64_t *slots;
} head;

static loci_status head_init(const walk *w, head *h, arena *mem, loci_err *err) {
  int64_t rows = LOGIT_BYTES / ((int64_t)w->c->vocab * 4);
  h->chunk = product_rows(rows < 16 ? 16 : rows > 512 ? 512 : rows);
  h->operand = arena_zalloc(mem, operand_bytes(w->a, h->chunk, w->c->width), 1);
  h->logits = arena_zarray(mem, h->chunk * w->c->vocab, float);
  h->slots = arena_array(mem, h->chunk, int64_t);
  return h->operand && h->logits && h->slots ? LOCI_OK : fail_nomem(err, "computing logits");
}

/* logits of the n <= chunk rows in h->slots */
static loci_status head_forward(walk *w, head *h, int64_t n, loci_err *err) {
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

static loci_status give_wanted(walk *w, head *h, const walk_hooks *hooks, loci_err *err) {
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
    TRY(head_forward(w, h, n, err));
#pragma omp parallel for num_threads(w->a->threads) schedule(dynamic) if (!ordered)
    for (int64_t i = 0; i < n; i++) {
      hooks->logits(hooks->logits_ctx, first + i, h->logits + i * V);
    }
  }
  return LOCI_OK;
}

static loci_status record_logits(walk *w, head *h, const record_item *r, loci_err *err) {
  const stream *t = &w->streams.at[r->stream];
  int64_t V = w->c->vocab;
  for (int first = t->first; first < t->length; first += (int)h->chunk) {
    int64_t n = t->length - first < h->chunk ? t->length - first : h->chunk;
    for (int64_t i = 0; i < n; i++) {
      h->slots[i] = owner_slot(w, r->stream, first + (int)i, w->c->layers);
    }
    TRY(head_forward(w, h, n, err));
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
  head h;
  arena *mem = arena_new();
  if (!mem) return fail_nomem(err, "computing logits");
  loci_status st = LOCI_OK;
  TRY_DONE(head_init(w, &h, mem, err));
  TRY_DONE(give_wanted(w, &h, hooks, err));
  for (int64_t i = 0; i < w->records.count; i++) {
    const record_item *r = &w->records.at[i];
    if (r->site == LOCI_SITE_LOGITS) TRY_DONE(record_logits(w, &h, r, err));
    if (r->site == LOCI_SITE_FINAL_NORM) TRY_DONE(record_norm(w, r, err));
  }
done:
  arena_free(mem);
  return st;
}

/* ---------------------------------------------------------------- backwards */

typedef struct slopes {
  float *rows;      /* (chunk, V) d loss / d logits */
  float *dnormed;   /* (chunk, D) */
  float *x;         /* (chunk, D) */
  int64_t *slots;   /* (chunk) in G */
  int64_t *indices; /* (chunk) of walk_want */
} slopes;

/* G += of the n rows in h->slots and s. */
static loci_status back_rows(walk *w, head *h, const slopes *s, int64_t n, walk_slope_fn slope,
                             void *ctx, loci_err *err) {
  const checkpoint *c = w->model->weights;
  int64_t V = w->c->vocab, D = w->c->width;
  TRY(head_forward(w, h, n, err));
  memset(s->rows, 0, (size_t)(n * V) * sizeof *s->rows);
  for (int64_t i = 0; i < n; i++) {
    slope(ctx, s->indices[i], h->logits + i * V, s->rows + i * V);
    memcpy(s->x + i * D, w->resid + h->slots[i] * D, (size_t)D * sizeof *s->x);
  }
  TRY(linear_backward(w->a, &c->head, s->dnormed, s->rows, n, err));
  for (int64_t i = 0; i < n; i++) { /* one by one: a position may be wanted twice */
    TRY(norm_backward(w->a, walk_norm(w), &c->final_norm, w->tape->G + s->slots[i] * D, NULL,
                      s->dnormed + i * D, s->x + i * D, 1, err));
  }
  return LOCI_OK;
}

static loci_status back_wanted(walk *w, head *h, arena *mem, walk_slope_fn slope, void *ctx,
                               loci_err *err) {
  int64_t V = w->c->vocab, D = w->c->width, n = 0;
  slopes s = {.rows = arena_array(mem, h->chunk * V, float),
              .dnormed = arena_array(mem, h->chunk * D, float),
              .x = arena_array(mem, h->chunk * D, float),
              .slots = arena_array(mem, h->chunk, int64_t),
              .indices = arena_array(mem, h->chunk, int64_t)};
  if (!s.rows || !s.dnormed || !s.x || !s.slots || !s.indices) {
    return fail_nomem(err, "computing a loss");
  }
  for (int64_t i = 0; i < w->wants.count; i++) {
    const want_item *want = &w->wants.at[i];
    if (want->position < w->tape->streams[want->stream].from[w->c->layers]) continue;
    h->slots[n] = slot_of(w, want->stream, want->position);
    s.slots[n] = tape_slot(w, want->stream, want->position);
    s.indices[n++] = i;
    if (n < h->chunk) continue;
    TRY(back_rows(w, h, &s, n, slope, ctx, err));
    n = 0;
  }
  return n > 0 ? back_rows(w, h, &s, n, slope, ctx, err) : LOCI_OK;
}

loci_status back_head(walk *w, walk_slope_fn slope, void *ctx, loci_err *err) {
  head h;
  arena *mem = arena_new();
  if (!mem) return fail_nomem(err, "computing a loss");
  loci_status st = head_init(w, &h, mem, err);
  if (!st) st = back_wanted(w, &h, mem, slope, ctx, err);
  arena_free(mem);
  return st;
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
