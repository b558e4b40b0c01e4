/* Vision tower (Radford et al. 2021; Zhai et al. 2023) and projector (Liu et al. 2023): see
 * vision.h.
 *
 *   x = patches W^T (+ class row) + positions;  CLIP: x = LN(x)
 *   per layer: x += W_o attention(LN1(x));  x += W_2 act(W_1 LN2(x))
 *   features = x after feature_depth layers, not normalised;  projected = MLP(features)
 *
 * Attention sees all rows (no causal mask).  n rows, D width, K head width throughout. */
#include "model/vision.h"

#include <string.h>

#include "base/arena.h"
#include "tensor/attention.h"

enum { QUERY_BLOCK = 8 };

typedef struct tower {
  arith *a;
  const checkpoint *c;
  const vision_config *v;
  int64_t n;                /* rows: patches and the class token */
  float *x, *y;             /* (n, D) residual stream, a sub-layer's result */
  float *q, *k, *value, *z; /* (n, D) */
  float *inner;             /* (n, F) */
  float *patch;             /* one patch */
  void *operand;            /* (n, max(D, F, 3 patch^2)) */
  float *keys, *values;     /* packed, per head */
  float *scores;            /* per thread (QUERY_BLOCK, ld) */
  int64_t ld;
} tower;

int vision_feature_width(const model_config *c) { return c->vision.width * c->vision.n_features; }

static loci_status tower_init(tower *t, arith *a, const checkpoint *c, arena *mem, loci_err *err) {
  const vision_config *v = &c->config.vision;
  int64_t patch = 3 * (int64_t)v->patch * v->patch, D = v->width, K = D / v->heads;
  *t = (tower){.a = a, .c = c, .v = v, .n = (int64_t)v->grid * v->grid + v->class_token};
  int64_t rows = product_rows(t->n), widest = D > v->inner ? D : v->inner;
  if (patch > widest) widest = patch;
  t->ld = round_up(t->n, PANEL) + PANEL;
  t->x = arena_zarray(mem, rows * D, float);
  t->y = arena_zarray(mem, rows * D, float);
  t->q = arena_zarray(mem, rows * D, float);
  t->k = arena_zarray(mem, rows * D, float);
  t->value = arena_zarray(mem, rows * D, float);
  t->z = arena_zarray(mem, rows * D, float);
  t->patch = arena_array(mem, patch, float);
  t->inner = arena_zarray(mem, rows * v->inner, float);
  t->operand = arena_zalloc(mem, operand_bytes(a, t->n, widest), 1);
  t->keys = arena_array(mem, v->heads * key_floats(t->n, (int)K), float);
  t->values = arena_array(mem, v->heads * value_floats(t->n, (int)K), float);
  t->scores = arena_array(mem, a->rows.threads * QUERY_BLOCK * t->ld, float);
  bool ok = t->x && t->y && t->q && t->k && t->value && t->z && t->inner && t->patch &&
            t->operand && t->keys && t->values && t->scores;
  return ok ? LOCI_OK : fail_nomem(err, "running the vision tower");
}

/* x := patches W^T + positions, with the class row first where there is one.  A patch is (channel,
 * y, x). */
static loci_status embed_patches(tower *t, const float *pixels, loci_err *err) {
  const vision_config *v = t->v;
  int P = v->patch, S = v->image_size, D = v->width;
  int64_t length = 3 * (int64_t)P * P, first = v->class_token;
  for (int64_t g = 0; g < (int64_t)v->grid * v->grid; g++) {
    int64_t top = g / v->grid * P, left = g % v->grid * P;
    for (int64_t i = 0; i < length; i++) {
      int64_t channel = i / (P * P), row = top + i / P % P;
      t->patch[i] = pixels[(channel * S + row) * S + left + i % P];
    }
    operand_set(t->a, t->operand, g, t->patch, length);
  }
  TRY(linear_forward(t->a, &t->c->patch, t->y, t->operand, t->n - first, err));
  if (first) weight_row(&t->c->class_embedding, 0, t->x);
  memcpy(t->x + first * D, t->y, (size_t)((t->n - first) * D) * sizeof *t->x);
  for (int64_t i = 0; i < t->n; i++) {
    weight_row(&t->c->position, i, t->y);
    t->a->rows.k->add(t->x + i * D, t->y, D);
  }
  return LOCI_OK;
}

static norm_spec vision_norm(const tower *t) {
  return (norm_spec){.kind = NORM_LAYER, .eps = t->v->eps, .width = t->v->width};
}

/* z := softmax(q k^T / sqrt(K)) v, every row seeing every row. */
static void attend_all(tower *t) {
  int D = t->v->width, H = t->v->heads, K = D / H;
  int64_t n = t->n, blocks = (n + QUERY_BLOCK - 1) / QUERY_BLOCK;
  int64_t key_size = key_floats(n, K), value_size = value_floats(n, K);
#pragma omp parallel for num_threads(t->a->rows.threads) schedule(static)
  for (int h = 0; h < H; h++) {
    pack_keys(t->keys + h * key_size, 0, t->k + h * K, D, n, K);
    pack_values(t->values + h * value_size, n, 0, t->value + h * K, D, n, K);
  }
#pragma omp parallel for num_threads(t->a->rows.threads) schedule(static)
  for (int thread = 0; thread < t->a->rows.threads; thread++) {
    float *S = t->scores + thread * QUERY_BLOCK * t->ld;
    int64_t jobs = H * blocks, end = jobs * (thread + 1) / t->a->rows.threads;
    for (int64_t job = jobs * thread / t->a->rows.threads; job < end; job++) {
      int64_t h = job / blocks, row = job % blocks * QUERY_BLOCK;
      kv_stretch s = {t->keys + h * key_size, packed_values(t->values + h * value_size, n), 0,
                      (int)n};
      attend_rows rows = {.q = t->q + row * D + h * K,
                          .q_stride = D,
                          .z = t->z + row * D + h * K,
                          .z_stride = D,
                          .K = K,
                          .stretches = &s,
                          .stretch_count = 1,
                          .S = S,
                          .ld = t->ld,
                          .R = (int)(n - row < QUERY_BLOCK ? n - row : QUERY_BLOCK)};
      attend_scores(t->a->rows.k, &rows);
      for (int r = 0; r < rows.R; r++) t->a->rows.k->softmax(S + r * t->ld, n);
      attend_mix(t->a->rows.k, &rows);
    }
  }
}

/* Operand := x (n, width) */
static void set_operand(tower *t, const float *x, int64_t width) {
  rows_copy(&t->a->rows, operand_rows(t->a, t->operand, width, NULL), rows_f32(x, width, NULL),
            t->n, width);
}

static loci_status vit_block(tower *t, const vision_layer *w, loci_err *err) {
  int64_t n = t->n, D = t->v->width, F = t->v->inner;
  row_list x = rows_f32(t->x, D, NULL), y = rows_f32(t->y, D, NULL);
  row_list operand = operand_rows(t->a, t->operand, D, NULL);
  TRY(norm_forward(t->a, vision_norm(t), &w->norm1, operand, x, n, err));
  TRY(linear_forward(t->a, &w->q, t->q, t->operand, n, err));
  TRY(linear_forward(t->a, &w->k, t->k, t->operand, n, err));
  TRY(linear_forward(t->a, &w->v, t->value, t->operand, n, err));
  attend_all(t);
  set_operand(t, t->z, D);
  TRY(linear_forward(t->a, &w->o, t->y, t->operand, n, err));
  rows_add(&t->a->rows, x, y, n, D);

  TRY(norm_forward(t->a, vision_norm(t), &w->norm2, operand, x, n, err));
  TRY(linear_forward(t->a, &w->fc1, t->inner, t->operand, n, err));
  rows_gate(&t->a->rows, operand_rows(t->a, t->operand, F, NULL), rows_f32(t->inner, F, NULL),
            (row_list){0}, t->v->act, n, F);
  TRY(linear_forward(t->a, &w->fc2, t->y, t->operand, n, err));
  rows_add(&t->a->rows, x, y, n, D);
  return LOCI_OK;
}

/* Columns of feature i := the residual stream as it stands, without the class row where it is
 * dropped. */
static void take_feature(const tower *t, int i, float *features) {
  int64_t D = t->v->width, width = D * t->v->n_features, skip = t->v->drop_class;
  for (int64_t row = skip; row < t->n; row++) {
    memcpy(features + (row - skip) * width + i * D, t->x + row * D, (size_t)D * sizeof *features);
  }
}

static loci_status run_tower(tower *t, const watch *w, const float *pixels, float *features,
                             loci_err *err) {
  TRY(embed_patches(t, pixels, err));
  if (t->v->pre_norm) {
    row_list x = rows_f32(t->x, t->v->width, NULL); /* in place */
    TRY(norm_forward(t->a, vision_norm(t), &t->c->pre_norm, x, x, t->n, err));
  }
  int deepest = 0;
  for (int i = 0; i < t->v->n_features; i++) {
    if (t->v->feature_depth[i] > deepest) deepest = t->v->feature_depth[i];
  }
  for (int depth = 0; depth <= deepest; depth++) {
    if (watch_stops(w, "vision", depth, deepest + 1)) return fail(err, LOCI_ECANCELLED, "stopped");
    for (int i = 0; i < t->v->n_features; i++) {
      if (t->v->feature_depth[i] == depth) take_feature(t, i, features);
    }
    if (depth < deepest) TRY(vit_block(t, &t->c->vision_layers[depth], err));
  }
  return LOCI_OK;
}

/* projected := W_n act(.. act(W_1 features + b_1) ..) + b_n */
static loci_status project(arith *a, const checkpoint *c, const float *features, float *projected,
                           arena *mem, loci_err *err) {
  const projector_config *p = &c->config.projector;
  int64_t P = c->config.image_rows, width = vision_feature_width(&c->config);
  const float *in = features;
  for (int i = 0; i < p->n_linear; i++) {
    const linear_weights *w = &c->projector[i];
    void *operand = arena_zalloc(mem, operand_bytes(a, P, width), 1);
    float *out = arena_zarray(mem, product_rows(P) * w->w.rows, float);
    if (!operand || !out) return fail_nomem(err, "projecting the image");
    for (int64_t r = 0; r < P; r++) operand_set(a, operand, r, in + r * width, width);
    TRY(linear_forward(a, w, out, operand, P, err));
    width = w->w.rows;
    row_list rows = rows_f32(out, width, NULL);
    if (i + 1 < p->n_linear) rows_gate(&a->rows, rows, rows, (row_list){0}, p->act, P, width);
    in = out;
  }
  memcpy(projected, in, (size_t)(P * width) * sizeof *projected);
  return LOCI_OK;
}

loci_status vision_forward(arith *a, const checkpoint *c, const watch *w, const float *pixels,
                           float *features, float *projected, loci_err *err) {
  tower t;
  arena *mem = arena_new();
  if (!mem) return fail_nomem(err, "running the vision tower");
  loci_status st = LOCI_OK;
  if (!features) {
    int64_t n = (int64_t)c->config.image_rows * vision_feature_width(&c->config);
    features = arena_array(mem, n, float);
    if (!features) {
      st = fail_nomem(err, "running the vision tower");
      goto done;
    }
  }
  TRY_DONE(tower_init(&t, a, c, mem, err));
  TRY_DONE(run_tower(&t, w, pixels, features, err));
  if (projected) TRY_DONE(project(a, c, features, projected, mem, err));
done:
  arena_free(mem);
  return st;
}
