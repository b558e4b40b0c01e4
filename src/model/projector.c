/* The projector (Liu et al. 2023): a tower's features to rows of the sequence, the last step of
 * vision_forward.
 *
 *   projected = MLP(features), or of merge x merge of them side by side, each normalised, or all;
 *               where the decoder has them, beside parts made likewise of other layers' features,
 *               by a projector of their own (DeepStack, Meng et al. 2024)
 *
 * P image rows, D width of the decoder. */
#include <string.h>

#include "model/tower_run.h"

int vision_feature_width(const model_config *c) { return c->vision.width * c->vision.n_features; }

int64_t vision_feature_rows(const model_config *c, const image_shape *s) {
  const vision_config *v = &c->vision;
  int64_t patches = (int64_t)(s->height / v->patch) * (s->width / v->patch);
  return s->views * (patches + v->class_token - v->drop_class);
}

/* x (D) += y / n */
static void add_share(float *x, const float *y, int64_t D, int n) {
  for (int64_t d = 0; d < D; d++) x[d] += y[d] / (float)n;
}

/* out (P, m m width) := each m x m features of a view side by side, line by line (pixel shuffle,
 * Shi et al. 2016), or (P, width) their mean: what a row of the sequence is made of. */
static loci_status join_features(const model_config *c, const image_shape *s, const float *features,
                                 arena *mem, const float **out, loci_err *err) {
  int m = c->vision.merge, cols = s->width / c->vision.patch;
  int64_t width = vision_feature_width(c), n = vision_feature_rows(c, s), one = n / s->views;
  bool pooled = c->projector.pooled;
  float *to =
      pooled ? arena_zarray(mem, n / (m * m) * width, float) : arena_array(mem, n * width, float);
  if (!to) return fail_nomem(err, "projecting the image");
  *out = to;
  for (int64_t i = 0; i < n; i++) {
    int64_t cell = i % one / (m * m), k = i % (m * m);
    int64_t row = cell / (cols / m) * m + k / m, col = cell % (cols / m) * m + k % m;
    const float *from = features + (i / one * one + row * cols + col) * width;
    if (pooled) add_share(to + i / (m * m) * width, from, width, m * m);
    if (!pooled) memcpy(to + i * width, from, (size_t)width * sizeof *to);
  }
  return LOCI_OK;
}

/* Every patch's row, or every row of patches, normalised: n rows of [width]. */
static loci_status norm_features(compute *a, const projector_config *p, const norm_weights *norm,
                                 const float *features, int64_t n, int64_t width, arena *mem,
                                 const float **out, loci_err *err) {
  float *normed = arena_array(mem, n * width, float);
  norm_spec spec = {.kind = p->norm_kind, .eps = p->norm_eps, .width = width};
  if (!normed) return fail_nomem(err, "projecting the image");
  *out = normed;
  return norm_forward(a, spec, norm, rows_f32(normed, width, NULL), rows_f32(features, width, NULL),
                      n, err);
}

/* projected := W_n act(.. act(W_1 features + b_1) ..) + b_n, P rows; of part [part] of them. */
static loci_status project(compute *a, const checkpoint *c, int part, const float *features,
                           int64_t P, float *projected, arena *mem, loci_err *err) {
  const projector_config *p = &c->config.projector;
  const projector_weights *weights = part > 0 ? &c->deep[part - 1] : &c->projector;
  int64_t merged = p->pooled ? 1 : (int64_t)c->config.vision.merge * c->config.vision.merge;
  int64_t one = vision_feature_width(&c->config), width = one * merged;
  int64_t D = c->config.text.width, W = input_width(&c->config.text);
  const norm_weights *norm = &weights->norm;
  const float *in = features;
  if (p->norm_joined || (p->norm && part > 0)) {
    TRY(norm_features(a, p, norm, features, P, width, mem, &in, err));
  } else if (p->norm) {
    TRY(norm_features(a, p, norm, features, P * merged, one, mem, &in, err));
  }
  for (int i = 0; i < p->n_linear; i++) {
    const linear_weights *w = &weights->linear[i];
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
  rows_copy(&a->rows, rows_f32(projected + part * D, W, NULL), rows_f32(in, D, NULL), P, D);
  return LOCI_OK;
}

/* The rows and their parts. */
static loci_status project_parts(compute *a, const checkpoint *c, const image_shape *s,
                                 const seen_features *f, int64_t P, float *projected, arena *mem,
                                 loci_err *err) {
  const model_config *m = &c->config;
  for (int part = 0; part <= m->text.deep; part++) {
    const float *features = part > 0 ? f->deep + (part - 1) * f->part : f->at;
    if (m->vision.shuffle) TRY(join_features(m, s, features, mem, &features, err));
    TRY(project(a, c, part, features, P, projected, mem, err));
  }
  return LOCI_OK;
}

loci_status project_features(compute *a, const checkpoint *c, const image_shape *s,
                             const seen_features *f, float *projected, arena *mem, loci_err *err) {
  const model_config *m = &c->config;
  int64_t W = input_width(&m->text), merged = (int64_t)m->vision.merge * m->vision.merge;
  int64_t P = vision_feature_rows(m, s) / merged;
  if (m->tiles.count == 0 || s->views == 1) {
    return project_parts(a, c, s, f, P, projected, mem, err);
  }
  float *rows = arena_array(mem, P * W, float), *newline = arena_zarray(mem, W, float);
  if (!rows || !newline) return fail_nomem(err, "projecting the image");
  TRY(project_parts(a, c, s, f, P, rows, mem, err));
  weight_row(&c->newline, 0, newline);
  layout_arrange(m, s, rows, newline, W, projected);
  return LOCI_OK;
}
