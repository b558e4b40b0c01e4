/* A cell of path patching (see path_patch.h; docs/MATH.md, "Paths").  A sender s takes its value of
 * the other run at its positions; everything between it and the receiver r stays as it is in the
 * run b that is patched.  What is between is a sum of parts that do not move, so the residual
 * stream that the receiver's layer reads is that of b plus what the sender adds to it now and did
 * not before:
 *
 *   resid_pre[r](i) = resid_pre_b[r](i) + d(i),   d(i) = out_s(i) - out_s_b(i), i a sender's
 * position
 *
 * with out_s = W_O[:, h] z[h] of a head (where a norm comes after it, what that makes of all
 * heads), attn_out or mlp_out of a layer, or the residual stream itself.  Two streams then are a
 * cell, both children of b:
 *
 *   the first   d is added to resid_pre of the receiver's layer; its q (k, v) there is what the
 *               receiver would see
 *   the second  takes this q, of the receiver's head alone, and is measured: from there it runs
 * freely
 *
 * With the logits as the receiver d is added after the last layer, and one stream is a cell. */
#include "study/path_patch.h"

#include <stdlib.h>
#include <string.h>

#include "base/names.h"
#include "model/branch_norm.h"
#include "model/compute.h"
#include "study/differences.h"

struct path {
  receiver to;
  differences d;  /* of the layers that may send */
  float *weights; /* a row of W_O */
  float **sent;   /* (seeds, layers, span) of heads: (H,D), or NULL so far */
  arena *changes; /* has what the walk that is running adds */
};

const receiver *path_receiver(const sweep *s) { return &s->path->to; }

bool path_matters(const sweep *s, loci_site site, int position, int layer) {
  const receiver *to = &s->path->to;
  bool below = site == LOCI_SITE_RESID_PRE ? layer <= to->layer : layer < to->layer;
  bool reads_last = to->site == LOCI_SITE_LOGITS ||
                    (to->site == LOCI_SITE_Q && to->layer == model_decoder(s->m)->layers - 1);
  return below && position >= s->first && (!reads_last || position == s->T - 1);
}

/* ---------------------------------------------------------------- what senders add */

static bool is_asked(const sweep *s, loci_site site) {
  for (int64_t i = 0; i < s->cell_count; i++)
    if (s->cells[i].site == site) return true;
  return false;
}

static int64_t places(const sweep *s) {
  return (int64_t)s->corrupted.seeds * s->path->d.layers * s->path->d.span;
}

static void path_clear(void *path) { arena_free(((struct path *)path)->changes); }

loci_status path_prepare(sweep *s, loci_err *err) {
  const decoder_config *c = model_decoder(s->m);
  struct path *p = s->path;
  bool asked[LOCI_SITE_COUNT];
  for (int i = 0; i < LOCI_SITE_COUNT; i++) asked[i] = is_asked(s, (loci_site)i);
  int layers = p->to.layer < c->layers ? p->to.layer + 1 : c->layers;
  TRY(differences_record(s, layers, asked, &p->d, err));
  p->weights = arena_array(s->mem, (int64_t)c->heads * c->head_dim, float);
  p->sent = arena_zarray(s->mem, places(s), float *);
  return p->weights && p->sent ? LOCI_OK : fail_nomem(err, "recording what senders send");
}

loci_status path_new(sweep *s, loci_err *err) {
  if (!s->opts->receiver) return LOCI_OK;
  s->path = arena_zarray(s->mem, 1, struct path);
  if (!s->path || !arena_defer(s->mem, path_clear, s->path))
    return fail_nomem(err, "reading a receiver");
  return receiver_read(s->opts->receiver, model_decoder(s->m), &s->path->to, err);
}

/* (H,D) of a layer and position: what each head gives, W_O[:, h] z[h], through the gate where there
 * is one, of the differences z (H K).  Once for all of a walk's cells. */
static float *heads_send(const sweep *s, const float *z, int layer) {
  const decoder_config *c = model_decoder(s->m);
  const weight *w = &s->m->weights->layers[layer].o.w;
  double gate = cross_factor(&s->m->weights->layers[layer].cross.attn_gate);
  int64_t D = c->width, K = c->head_dim;
  float *out = arena_array(s->path->changes, c->heads * D, float), *row = s->path->weights;
  for (int64_t d = 0; out && d < D; d++) {
    weight_row(w, d, row);
    for (int h = 0; h < c->heads; h++) {
      double sum = 0;
      for (int64_t k = h * K; k < (h + 1) * K; k++) sum += (double)row[k] * (double)z[k];
      out[h * D + d] = (float)(gate * sum);
    }
  }
  return out;
}

/* What is added once a norm comes after what the heads give: that of the run that is patched, with
 * the head's change less without it.  [less]: what z of the corrupted run has less. */
static const float *through_norm(const sweep *s, const float *clean, const float *less, int layer,
                                 const float *change, bool noise) {
  struct path *p = s->path;
  const decoder_layer *w = &s->m->weights->layers[layer];
  int64_t HK = p->d.row[LOCI_SITE_Z], D = model_decoder(s->m)->width;
  branch_norm norm;
  loci_err err;
  float *z = arena_zarray(p->changes, product_rows(1) * HK, float), *raw;
  float *out = arena_array(p->changes, D, float);
  if (!z || !out) return NULL;
  for (int64_t k = 0; k < HK; k++) z[k] = clean[k] - (noise ? 0 : less[k]);
  if (branch_norm_of(s->m, &w->attn_norm, p->changes, &norm, &err)) return NULL;
  if (branch_raw(s->m, &w->o, z, 1, p->changes, &raw, &err)) return NULL;
  branch_norm_change(&norm, raw, change, out);
  return out;
}

const float *path_change(const sweep *s, const cell *c, int u, int seed, int position) {
  struct path *p = s->path;
  if (!p->changes) p->changes = arena_new();
  if (!p->changes) return NULL;
  int layer = cell_layer(c, u);
  int64_t D = model_decoder(s->m)->width;
  int64_t place = ((int64_t)seed * p->d.layers + layer) * p->d.span + position - s->first;
  const float *at = differences_row(&p->d, c->site, seed, layer, position - s->first);
  if (c->site == LOCI_SITE_Z) {
    if (!p->sent[place]) p->sent[place] = heads_send(s, at, layer);
    at = p->sent[place] ? p->sent[place] + cell_head(c, u) * D : NULL;
  }
  bool noise = c->direction != LOCI_DENOISE;
  float *turned = at && noise ? arena_array(p->changes, D, float) : NULL;
  for (int64_t d = 0; turned && d < D; d++) turned[d] = -at[d];
  if (noise) at = turned;
  bool normed = s->m->weights->layers[layer].attn_norm.w.data != NULL;
  if (!at || !normed || c->site != LOCI_SITE_Z) return at;
  const float *clean = p->d.clean[LOCI_SITE_Z];
  clean += ((int64_t)layer * p->d.span + position - s->first) * p->d.row[LOCI_SITE_Z];
  const float *less = differences_row(&p->d, LOCI_SITE_Z, seed, layer, position - s->first);
  return through_norm(s, clean, less, layer, at, noise);
}

int64_t path_bytes(const sweep *s, const cell *c) {
  return (int64_t)c->position_count * cell_units(c) * model_decoder(s->m)->width *
         (int64_t)sizeof(float);
}

/* ---------------------------------------------------------------- a cell */

/* d into the residual stream that the receiver reads, one sender after the other. */
static loci_status add_changes(const sweep *s, walk *w, const cell *c, int seed, int stream,
                               loci_err *err) {
  struct path *p = s->path;
  int L = model_decoder(s->m)->layers;
  bool logits = p->to.site == LOCI_SITE_LOGITS;
  const watch asked = {s->opts->progress, s->opts->progress_ctx};
  for (int u = 0; u < cell_units(c); u++) {
    for (int i = 0; i < c->position_count; i++) {
      int at = c->positions[i];
      if (!path_matters(s, c->site, at, cell_layer(c, u))) continue;
      if (watch_stops(&asked, "cell", (double)s->taken, (double)s->cell_count))
        return fail(err, LOCI_ECANCELLED, "cancelled while patching a path");
      const float *change = path_change(s, c, u, seed, at);
      if (!change) return fail_nomem(err, "patching a path");
      walk_patch patch = {.site = logits ? LOCI_SITE_RESID_POST : LOCI_SITE_RESID_PRE,
                          .layer = logits ? L - 1 : p->to.layer,
                          .position = at,
                          .head = -1,
                          .source = -1,
                          .values = change,
                          .add = true};
      TRY(walk_patch_add(w, stream, &patch, err));
    }
  }
  return LOCI_OK;
}

static bool sends_at(const sweep *s, const cell *c, int position) {
  for (int u = 0; u < cell_units(c); u++)
    if (path_matters(s, c->site, position, cell_layer(c, u))) return true;
  return false;
}

loci_status path_add(const sweep *s, walk *w, const cell *c, int seed, int *out, loci_err *err) {
  struct path *p = s->path;
  int clean = s->runs.stream, base = c->direction == LOCI_DENOISE ? clean + 1 + seed : clean;
  int first;
  TRY(walk_child(w, base, &first, err));
  TRY(add_changes(s, w, c, seed, first, err));
  *out = first;
  if (p->to.site == LOCI_SITE_LOGITS) return LOCI_OK;
  TRY(walk_child(w, base, out, err));
  for (int i = 0; i < c->position_count; i++) {
    if (!sends_at(s, c, c->positions[i])) continue;
    walk_patch patch = {.site = p->to.site,
                        .layer = p->to.layer,
                        .position = c->positions[i],
                        .head = p->to.head,
                        .source = first};
    TRY(walk_patch_add(w, *out, &patch, err));
  }
  return LOCI_OK;
}

void path_after(void *sweep_, int64_t begin, int64_t end) {
  const sweep *s = sweep_;
  (void)begin, (void)end;
  arena_free(s->path->changes);
  s->path->changes = NULL;
  memset((void *)s->path->sent, 0, (size_t)places(s) * sizeof *s->path->sent);
}
