/* Measuring contributions (see flow.h): tables laid out, asked of one walk, and read.
 *
 * docs/MATH.md, "Contributions", has the definitions. */
#include "study/flow.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/size.h"
#include "walk/logits.h"

static loci_status empty_group(const loci_prompt *p, group_kind g, loci_err *err) {
  const char *why = "the question has no constraint";
  if (g == GROUP_IMAGE) {
    why =
        p->model->info.image_rows > 0 ? "the question has no picture" : "the model reads text only";
  }
  return fail(err, LOCI_EINVAL, "the group %s is empty: %s", group_name(g), why);
}

loci_status flow_group(const loci_prompt *p, group_kind g, arena *mem, flow_span *out,
                       loci_err *err) {
  int *at = arena_array(mem, p->info.length, int);
  if (!at) return fail_nomem(err, "measuring contributions");
  *out = (flow_span){group_positions(p, g, 0, at), at};
  return out->count > 0 ? LOCI_OK : empty_group(p, g, err);
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

static loci_status ask(walk *w, int stream, const flow_table *t, loci_err *err) {
  int64_t cells = (int64_t)t->queries.count * t->sources.count;
  for (int l = 0; l < t->layers; l++) {
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

typedef struct kept {
  float *logits;
  int64_t V;
  bool finite;
} kept;

static void keep_logits(void *ctx, int64_t index, const float *logits) {
  kept *k = ctx;
  (void)index;
  k->finite = logits_are_finite(logits, k->V);
  memcpy(k->logits, logits, (size_t)k->V * sizeof *logits);
}

/* The residual stream of all positions, of which the last is wanted. */
static loci_status ask_resid(walk *w, int root, const loci_prompt *p, float **all, loci_err *err) {
  const decoder_config *c = model_decoder(p->model);
  *all = malloc((size_t)p->info.length * (size_t)c->width * sizeof **all);
  if (!*all) return fail_nomem(err, "measuring contributions");
  return walk_record(w, root, LOCI_SITE_RESID_POST, c->layers - 1, *all, err);
}

loci_status flow_measure(const loci_prompt *p, flow_job *job, loci_err *err) {
  walk *w;
  int root;
  int T = p->info.length;
  int64_t D = model_decoder(p->model)->width;
  float *resid = NULL;
  kept k = {.logits = job->logits, .V = model_decoder(p->model)->vocab, .finite = true};
  walk_hooks hooks = {.logits = keep_logits,
                      .logits_ctx = &k,
                      .ordered = 1,
                      .progress = job->progress,
                      .progress_ctx = job->progress_ctx};
  TRY(walk_new(p->model, &w, err));
  loci_status st = LOCI_OK;
  TRY_DONE(walk_root(w, p->embeds, T, &root, err));
  for (int i = 0; i < job->table_count; i++) TRY_DONE(ask(w, root, &job->tables[i], err));
  if (job->logits) TRY_DONE(walk_want(w, root, T - 1, err));
  if (job->resid) TRY_DONE(ask_resid(w, root, p, &resid, err));
  TRY_DONE(walk_run(w, &hooks, err));
  walk_add_cost(w, 1, &job->cost);
  if (resid) memcpy(job->resid, resid + (T - 1) * D, (size_t)D * sizeof *resid);
  if (!k.finite) st = not_finite(p->model, err);
done:
  free(resid);
  walk_free(w);
  return st;
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
