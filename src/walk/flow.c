/* Contributions to an attention output (see flow.h), layer by layer.
 *
 *   part[h](j) = W_O[:, h] v[g(h)](j)                       one product for each head, some sources
 *   || c[h](i, j) || = pattern[h](i, j) || part[h](j) ||
 *   || sum_h c[h](i, j) || = || sum_h pattern[h](i, j) part[h](j) ||
 *   sum_j sum_h c[h](i, j) = W_O concat_h sum_j pattern[h](i, j) v[g(h)](j)
 *
 * The first two lines cost as much as the sources' way through W_O, whatever the number of queries;
 * each query adds H D for each source.  Neither bias of W_O nor mask needs a case of its own: the
 * bias belongs to no source, and cut edges have weight 0. */
#include "walk/flow.h"

#include <math.h>
#include <string.h>

#include "walk/cross.h"

enum { PART_BYTES = 32 << 20, MOST_SOURCES = 64, MIX_ROWS = 8 };

struct flow_room {
  const float *values; /* of the layer and stream at hand, where the host reads them */
  int64_t chunk;       /* sources at a time, queries at a time */
  int64_t width;       /* D as kernels want it: a multiple of 16 */
  float *part;         /* (chunk, H, width); or (chunk, D) of sums */
  float *mixed;        /* (chunk, H K) sums of values */
  void *operand;       /* (chunk, H K) */
  float *scratch;      /* per thread: MIX_ROWS rows of D, and of H weights */
  int64_t scratch_floats;
};

/* Projected sources are a large matrix for each of them: as many at a time as stay in the cache. */
bool flow_prepare(walk *w) {
  const decoder_config *c = w->c;
  int64_t HK = (int64_t)c->heads * c->head_dim;
  flow_room *r = w->flow = arena_zarray(w->mem, 1, flow_room);
  if (!r) return false;
  r->width = round_up(c->width, PANEL);
  int64_t fit = PART_BYTES / (c->heads * r->width * (int64_t)sizeof(float));
  r->chunk = product_rows(fit < 16 ? 16 : fit > MOST_SOURCES ? MOST_SOURCES : fit);
  r->scratch_floats = round_up(MIX_ROWS * (int64_t)(c->width + c->heads), PANEL);
  r->part = arena_zarray(w->mem, r->chunk * c->heads * r->width, float);
  r->mixed = arena_zarray(w->mem, r->chunk * HK, float);
  r->operand = arena_zalloc(w->mem, operand_bytes(w->a, r->chunk, HK), 1);
  r->scratch = arena_zarray(w->mem, w->a->rows.threads * r->scratch_floats, float);
  return r->part && r->mixed && r->operand && r->scratch;
}

/* Index of the query at [position], or -1; queries ascend. */
static int find_query(const walk_flow *f, int position) {
  int lo = 0, hi = f->query_count;
  while (lo < hi) {
    int mid = (lo + hi) / 2;
    if (f->queries[mid] < position) {
      lo = mid + 1;
    } else {
      hi = mid;
    }
  }
  return lo < f->query_count && f->queries[lo] == position ? lo : -1;
}

void flow_attention(const walk *w, int layer, const row *r, int head, const float *weights) {
  for (int64_t i = 0; i < w->flows.count; i++) {
    const walk_flow *f = &w->flows.at[i];
    if (f->layer != layer || f->stream != r->stream) continue;
    int q = find_query(f, r->position);
    if (q < 0) continue;
    float *out = f->attention + ((int64_t)head * f->query_count + q) * f->source_count;
    int seen = keys_seen(w, layer, r);
    for (int j = 0; j < f->source_count; j++) {
      out[j] = f->sources[j] < seen ? weights[f->sources[j]] : 0;
    }
  }
}

/* Values of one head from a position of a root, or a source, on. */
static value_rows value_at(const walk *w, const walk_flow *f, int position, int g) {
  const kv_stream *kv = &w->kv[f->stream];
  value_rows v = packed_values(w->flow->values + g * kv->value_step, kv->room);
  v.at += (position - kv->first) * v.row;
  return v;
}

/* What a contribution is multiplied by on its way to the residual stream. */
static double factor_of(const walk *w, const walk_flow *f) {
  return cross_factor(&w->model->weights->layers[f->layer].cross.attn_gate);
}

static double dot(const float *x, const float *y, int64_t n) {
  double sum = 0;
  for (int64_t i = 0; i < n; i++) sum += (double)x[i] * (double)y[i];
  return sum;
}

static float weight_of(const walk_flow *f, int head, int query, int64_t source) {
  return f->attention[((int64_t)head * f->query_count + query) * f->source_count + source];
}

/* ---------------------------------------------------------------- norms */

/* part[h] of the n sources from [first] on. */
static loci_status project_sources(walk *w, const walk_flow *f, int64_t first, int64_t n,
                                   loci_err *err) {
  flow_room *r = w->flow;
  const linear_weights *o = &w->model->weights->layers[f->layer].o;
  int K = w->c->head_dim, H = w->c->heads, group = H / w->c->kv_heads;
  for (int h = 0; h < H; h++) {
    for (int64_t j = 0; h % group == 0 && j < n; j++) {
      value_row(value_at(w, f, f->sources[first + j], h / group), 0, K, r->mixed);
      operand_set(w->a, r->operand, j, r->mixed, K);
    }
    linear_part part = {(int64_t)h * K, K, r->part + h * r->width, H * r->width};
    TRY(linear_part_forward(w->a, o, part, r->operand, n, err));
  }
  return LOCI_OK;
}

static void head_norms(const walk *w, const walk_flow *f, int64_t source, const float *part) {
  double factor = factor_of(w, f);
  for (int h = 0; h < w->c->heads; h++) {
    const float *x = part + h * w->flow->width;
    double norm = fabs(factor) * sqrt(dot(x, x, w->c->width));
    for (int q = 0; q < f->query_count; q++) {
      int64_t at = ((int64_t)h * f->query_count + q) * f->source_count + source;
      f->head_norms[at] = (float)(norm * (double)f->attention[at]);
    }
  }
}

/* || sum_h pattern part[h] || of one source for all queries, MIX_ROWS at a time. */
static void summed_norms(const walk *w, const walk_flow *f, int64_t source, const float *part,
                         float *scratch) {
  int H = w->c->heads;
  int64_t D = w->c->width;
  float *sum = scratch, *weights = scratch + MIX_ROWS * D;
  double factor = factor_of(w, f);
  for (int q = 0; q < f->query_count; q += MIX_ROWS) {
    int n = f->query_count - q < MIX_ROWS ? f->query_count - q : MIX_ROWS;
    for (int i = 0; i < n; i++) {
      for (int h = 0; h < H; h++) weights[i * H + h] = weight_of(f, h, q + i, source);
    }
    memset(sum, 0, (size_t)(n * D) * sizeof *sum);
    w->a->rows.k->mix(sum, D, weights, H, n, (value_rows){part, w->flow->width, PANEL}, H, (int)D);
    for (int i = 0; i < n; i++) {
      double norm = fabs(factor) * sqrt(dot(sum + i * D, sum + i * D, D));
      f->norms[(int64_t)(q + i) * f->source_count + source] = (float)norm;
    }
  }
}

/* Sources in chunks of one size, each chunk's projections read by all queries while they are there.
 */
static loci_status norms(walk *w, const walk_flow *f, loci_err *err) {
  flow_room *r = w->flow;
  int64_t size = w->c->heads * r->width, chunks = (f->source_count + r->chunk - 1) / r->chunk;
  for (int64_t i = 0; i < chunks; i++) { /* of one size: a product of its own takes long to make */
    int64_t first = f->source_count * i / chunks;
    int64_t n = f->source_count * (i + 1) / chunks - first;
    TRY(project_sources(w, f, first, n, err));
    int threads = row_threads(&w->a->rows, n * size);
#pragma omp parallel for num_threads(threads) schedule(static)
    for (int t = 0; t < threads; t++) {
      for (int64_t j = n * t / threads; j < n * (t + 1) / threads; j++) {
        const float *part = r->part + j * size;
        if (f->head_norms) head_norms(w, f, first + j, part);
        if (f->norms) summed_norms(w, f, first + j, part, r->scratch + t * r->scratch_floats);
      }
    }
  }
  if (f->norms) {
    w->a->flop += 2.0 * f->query_count * f->source_count * w->c->heads * w->c->width;
  }
  return LOCI_OK;
}

/* ---------------------------------------------------------------- sums */

/* sum_j pattern[h](i, j) v[g(h)](j) of all heads (H K), of one query. */
static void mix_values(const walk *w, const walk_flow *f, int query, float *out) {
  int K = w->c->head_dim, group = w->c->heads / w->c->kv_heads;
  memset(out, 0, (size_t)w->c->heads * (size_t)K * sizeof *out);
  for (int h = 0; h < w->c->heads; h++) {
    for (int j = 0; j < f->source_count; j++) {
      value_rows v = value_at(w, f, f->sources[j], h / group);
      float p = weight_of(f, h, query, j);
      w->a->rows.k->mix(out + (int64_t)h * K, K, &p, 1, 1, v, 1, K);
    }
  }
}

/* The sum over sources is taken before the projection, which is linear: one row for each query. */
static loci_status sums(walk *w, const walk_flow *f, loci_err *err) {
  flow_room *r = w->flow;
  const linear_weights *o = &w->model->weights->layers[f->layer].o;
  int64_t HK = (int64_t)w->c->heads * w->c->head_dim, D = w->c->width;
  for (int64_t first = 0; first < f->query_count; first += r->chunk) {
    int64_t n = f->query_count - first < r->chunk ? f->query_count - first : r->chunk;
    int64_t work = n * HK * f->source_count;
    (void)work; /* without OpenMP */
#pragma omp parallel for num_threads(row_threads(&w->a->rows, work)) schedule(static)
    for (int64_t i = 0; i < n; i++) {
      mix_values(w, f, (int)(first + i), r->mixed + i * HK);
      operand_set(w->a, r->operand, i, r->mixed + i * HK, HK);
    }
    TRY(linear_part_forward(w->a, o, (linear_part){0, HK, r->part, D}, r->operand, n, err));
    cross_gate(w, &w->model->weights->layers[f->layer].cross.attn_gate, NULL, r->part, n);
    rows_copy(&w->a->rows, rows_f32(f->sums + first * D, D, NULL), rows_f32(r->part, D, NULL), n,
              D);
  }
  return LOCI_OK;
}

static void value_norms(const walk *w, const walk_flow *f) {
  int K = w->c->head_dim;
  float *v = w->flow->mixed;
  for (int j = 0; j < f->source_count; j++) {
    double sum = 0;
    for (int g = 0; g < w->c->kv_heads; g++) {
      value_row(value_at(w, f, f->sources[j], g), 0, K, v);
      sum += dot(v, v, K);
    }
    f->value_norms[j] = (float)sqrt(sum);
  }
}

loci_status flow_layer(walk *w, int layer, loci_err *err) {
  for (int64_t i = 0; i < w->flows.count; i++) {
    const walk_flow *f = &w->flows.at[i];
    if (f->layer != layer) continue;
    const kv_stream *kv = &w->kv[f->stream];
    int64_t floats = w->c->kv_heads * kv->value_step;
    if (floats > 0) TRY(rows_fetch(&w->a->rows, kv->values, floats, &w->flow->values, err));
    if (f->norms || f->head_norms) TRY(norms(w, f, err));
    if (f->sums) TRY(sums(w, f, err));
    if (f->value_norms) value_norms(w, f);
  }
  return LOCI_OK;
}
