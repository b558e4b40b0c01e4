/* Measuring contributions (see flow_measure.h): tables laid out, asked of one walk, and read.
 *
 * docs/MATH.md, "Contributions", has the definitions. */
#include "study/flow_measure.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/size.h"
#include "walk/variants.h"

loci_status flow_group(const loci_prompt *p, group_kind g, arena *mem, flow_span *out,
                       loci_err *err) {
  int *at = arena_array(mem, p->info.length, int);
  if (!at) return fail_nomem(err, "measuring contributions");
  *out = (flow_span){group_positions(p, g, 0, at), at};
  return out->count > 0 ? LOCI_OK : fail_empty_group(p, g, err);
}

loci_status flow_sources(const loci_prompt *p, group_kind g, arena *mem, flow_span *out,
                         bool *outside, loci_err *err) {
  int n = p->info.source_seen;
  *outside = g == GROUP_IMAGE && p->sources;
  if (!*outside) return flow_group(p, g, mem, out, err);
  int *at = arena_array(mem, n, int);
  if (!at) return fail_nomem(err, "measuring contributions");
  for (int i = 0; i < n; i++) at[i] = i;
  *out = (flow_span){n, at};
  return LOCI_OK;
}

/* ---------------------------------------------------------------- tables */

static float *floats(arena *mem, int64_t a, int64_t b, int64_t c) {
  int64_t n;
  return size_mul(a, b, &n) && size_mul(n, c, &n) ? arena_zarray(mem, n, float) : NULL;
}

loci_status flow_table_room(const loci_model *m, unsigned parts, arena *mem, flow_table *t,
                            loci_err *err) {
  int64_t L = t->layers, Q = t->queries.count, S = t->sources.count;
  t->heads = model_decoder(m)->heads;
  t->width = model_decoder(m)->width;
  t->attention = floats(mem, L * t->heads, Q, S);
  bool ok = t->attention != NULL;
  if (parts & FLOW_NORMS) ok = ok && (t->norms = floats(mem, L, Q, S)) != NULL;
  if (parts & FLOW_HEADS) ok = ok && (t->head_norms = floats(mem, L * t->heads, Q, S)) != NULL;
  if (parts & FLOW_SUMS) ok = ok && (t->sums = floats(mem, L, Q, t->width)) != NULL;
  if (parts & FLOW_VALUES) ok = ok && (t->value_norms = floats(mem, L, S, 1)) != NULL;
  return ok ? LOCI_OK : fail_nomem(err, "measuring contributions");
}

static float *at_layer(float *x, int64_t layer, int64_t size) {
  return x ? x + layer * size : NULL;
}

/* One request a layer: the walk measures while it is in the layer, and keeps no patterns for
 * later. */
static loci_status ask(walk *w, int stream, const flow_table *t, const bool *cross, loci_err *err) {
  int64_t cells = (int64_t)t->queries.count * t->sources.count;
  for (int l = 0; l < t->layers; l++) {
    if ((cross && cross[t->first + l]) != t->outside) continue; /* nothing comes from there */
    walk_flow f = {.stream = stream,
                   .layer = t->first + l,
                   .query_count = t->queries.count,
                   .source_count = t->sources.count,
                   .queries = t->queries.at,
                   .sources = t->sources.at,
                   .attention = at_layer(t->attention, l, t->heads * cells),
                   .norms = at_layer(t->norms, l, cells),
                   .head_norms = at_layer(t->head_norms, l, t->heads * cells),
                   .sums = at_layer(t->sums, l, t->queries.count * t->width),
                   .value_norms = at_layer(t->value_norms, l, t->sources.count)};
    TRY(walk_flow_add(w, &f, err));
  }
  return LOCI_OK;
}

/* ---------------------------------------------------------------- the walk */

typedef struct measuring {
  const loci_prompt *p;
  flow_job *job;
  float *resid; /* (T, D), of which the last row is wanted; NULL: none is */
  bool finite;
} measuring;

static void keep_logits(void *ctx, int64_t index, const float *logits) {
  measuring *x = ctx;
  int64_t V = model_decoder(x->p->model)->vocab;
  (void)index;
  x->finite = logits_are_finite(logits, V);
  memcpy(x->job->logits, logits, (size_t)V * sizeof *logits);
}

/* The first position that is looked at; sources are read where they are kept. */
static int first_query(const measuring *x) {
  int first = x->p->info.length - 1;
  for (int i = 0; i < x->job->table_count; i++) {
    const flow_table *t = &x->job->tables[i];
    if (t->queries.count > 0 && t->queries.at[0] < first) first = t->queries.at[0];
  }
  return first;
}

static loci_status build(void *ctx, walk *w, loci_err *err) {
  const measuring *x = ctx;
  const decoder_config *d = model_decoder(x->p->model);
  int root, from, T = x->p->info.length, top = d->layers - 1;
  TRY(keep_root(w, x->p, NULL, prompt_input(x->p), x->resid ? 0 : first_query(x), &root, &from,
                err));
  for (int i = 0; i < x->job->table_count; i++)
    TRY(ask(w, root, &x->job->tables[i], d->cross, err));
  if (x->job->logits) TRY(walk_want(w, root, T - 1, err));
  return x->resid ? walk_record(w, root, LOCI_SITE_RESID_POST, top, x->resid, err) : LOCI_OK;
}

loci_status flow_measure(const loci_prompt *p, flow_job *job, loci_err *err) {
  int64_t T = p->info.length, D = model_decoder(p->model)->width;
  measuring x = {.p = p, .job = job, .finite = true};
  walk_job once = {.m = p->model, .build = build, .ctx = &x, .cost = &job->cost};
  once.hooks = (walk_hooks){.logits = keep_logits,
                            .logits_ctx = &x,
                            .ordered = 1,
                            .progress = job->progress,
                            .progress_ctx = job->progress_ctx};
  if (job->resid) {
    x.resid = malloc((size_t)(T * D) * sizeof *x.resid);
    if (!x.resid) return fail_nomem(err, "measuring contributions");
  }
  loci_status st = walk_once(&once, err);
  if (!st && x.resid) memcpy(job->resid, x.resid + (T - 1) * D, (size_t)D * sizeof *x.resid);
  free(x.resid);
  return st || x.finite ? st : not_finite(p->model, err);
}

/* ---------------------------------------------------------------- reading */

void flow_profile_at(const flow_table *t, int layer, double *norms, double *attention) {
  int64_t Q = t->queries.count, S = t->sources.count;
  const float *c = t->norms ? t->norms + layer * Q * S : NULL;
  const float *a = t->attention + layer * t->heads * Q * S;
  for (int64_t j = 0; j < S; j++) {
    double norm = 0, share = 0;
    for (int64_t q = 0; c && q < Q; q++) norm += (double)c[q * S + j];
    for (int64_t i = 0; i < t->heads * Q; i++) share += (double)a[i * S + j];
    if (norms) norms[j] = norm / (double)Q;
    if (attention) attention[j] = share / (double)(Q * t->heads);
  }
}

flow_path flow_path_at(const flow_table *t, int layer) {
  int64_t Q = t->queries.count, S = t->sources.count, D = t->width;
  flow_path p = {0};
  for (int64_t j = 0; j < S; j++) {
    double norm = 0;
    for (int64_t q = 0; q < Q; q++) norm += (double)t->norms[(layer * Q + q) * S + j];
    norm /= (double)Q;
    p.total += norm;
    p.max = fmax(p.max, norm);
  }
  p.mean = p.total / (double)S;
  for (int64_t q = 0; t->sums && q < Q; q++) {
    const float *x = t->sums + (layer * Q + q) * D;
    double square = 0;
    for (int64_t d = 0; d < D; d++) square += (double)x[d] * (double)x[d];
    p.norm_of_sum += sqrt(square) / (double)Q;
  }
  const float *a = t->attention + layer * t->heads * Q * S;
  for (int64_t i = 0; i < t->heads * Q * S; i++) p.attention += (double)a[i];
  p.attention /= (double)(t->heads * Q);
  return p;
}
