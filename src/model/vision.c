/* Vision tower (Radford et al. 2021; Zhai et al. 2023; Wang et al. 2024): see vision.h; its
 * features go through the projector (projector.c).
 *
 *   x = patches W^T (+ class row) (+ positions);  CLIP: x = LN(x)
 *   per layer: x += W_o attention(N1(x));  x += W_2 f(N2(x)), f gated or not
 *   features = x after feature_depth layers, not normalised
 *
 * Attention sees all rows (no causal mask), or those of a window.  Rows stand window by window, and
 * in it merged patches stand together, so that a window is a run of rows; features come out in the
 * order of the picture.  A tower without a table of positions turns q and k by row and column, half
 * of the channels by each; it may have a table besides that is stretched over every picture.
 * n rows, D width, K head width throughout. */
#include "model/vision.h"

#include <math.h>
#include <string.h>

#include "base/arena.h"
#include "model/tower_run.h"

/* ---------------------------------------------------------------- patches */

/* How many patches on a side stand together from the pixels on. */
static int joined(const vision_config *v) { return v->shuffle ? 1 : v->merge; }

/* The patches of the cells [top, bottom) x [left, right), row by row; returns how many. */
static int64_t place_cells(const vision_config *v, int cols, const int box[4], patch_place *out) {
  int64_t n = 0;
  int m = joined(v);
  for (int r = box[0]; r < box[1]; r++) {
    for (int c = box[2]; c < box[3]; c++) {
      for (int i = 0; i < m * m; i++) {
        out[n++] =
            (patch_place){r * m + i / m, c * m + i % m, ((int64_t)r * cols + c) * m * m + i, 0};
      }
    }
  }
  return n;
}

/* Cells of a picture, down and across. */
static void count_cells(const vision_config *v, const seen_picture *p, int *rows, int *cols) {
  *rows = p->shape.height / (v->patch * joined(v));
  *cols = p->shape.width / (v->patch * joined(v));
}

void vision_patches(const vision_config *v, const seen_picture *p, float *out) {
  patch_place cell[64]; /* merge is 8 at most */
  int rows, cols, each = joined(v) * joined(v);
  count_cells(v, p, &rows, &cols);
  for (int i = 0; i < rows * cols; i++) {
    const int box[4] = {i / cols, i / cols + 1, i % cols, i % cols + 1};
    place_cells(v, cols, box, cell);
    for (int k = 0; k < each; k++, out += vision_patch_values(v)) read_patch(v, p, &cell[k], out);
  }
}

/* ---------------------------------------------------------------- the tower's rows */

/* The rows' order: window by window, where there are windows. */
static bool place_rows(tower *t, arena *mem) {
  const vision_config *v = t->v;
  int rows, cols;
  if (v->places) return tiles_place(t, mem);
  count_cells(v, &t->picture, &rows, &cols);
  int down = v->window ? v->window : rows, across = v->window ? v->window : cols;
  int64_t n = 0, windows = (int64_t)((rows + down - 1) / down) * ((cols + across - 1) / across);
  t->places = arena_array(mem, t->n, patch_place);
  t->windows = arena_array(mem, windows + 1, int64_t);
  if (!t->places || !t->windows) return false;
  for (int r = 0; r < rows; r += down) {
    for (int c = 0; c < cols; c += across) {
      const int box[4] = {r, r + down < rows ? r + down : rows, c,
                          c + across < cols ? c + across : cols};
      t->windows[t->window_count++] = n;
      n += place_cells(v, cols, box, t->places + n);
    }
  }
  t->windows[t->window_count] = n;
  return true;
}

/* Angles by place: the first half of the pairs by row, the second by column (Wang et al. 2024). */
static bool prepare_rotation(tower *t, arena *mem) {
  int K = t->v->width / t->v->heads, half = K / 2, pairs = K / 4;
  if (!t->v->rotary) return true;
  t->turns = (rope_table){.half = half,
                          .cosine = arena_array(mem, t->n * half, float),
                          .sine = arena_array(mem, t->n * half, float)};
  t->angles = arena_array(mem, t->n, int64_t);
  if (!t->turns.cosine || !t->turns.sine || !t->angles) return false;
  for (int64_t i = 0; i < t->n; i++) {
    t->angles[i] = i;
    for (int k = 0; k < half; k++) {
      float f = (float)(1 / pow(10000, 2.0 * (k % pairs) / half));
      int at = k < pairs ? t->places[i].row : t->places[i].col;
      double angle = (double)((float)at * f);
      t->turns.cosine[i * half + k] = (float)cos(angle);
      t->turns.sine[i * half + k] = (float)sin(angle);
    }
  }
  return true;
}

static loci_status tower_init(tower *t, compute *a, const checkpoint *c, const seen_picture *p,
                              arena *mem, loci_err *err) {
  const vision_config *v = &c->config.vision;
  int64_t patch = vision_patch_values(v), D = v->width, K = D / v->heads;
  *t = (tower){.a = a, .c = c, .v = v, .picture = *p};
  t->n = (int64_t)(p->shape.height / v->patch) * (p->shape.width / v->patch) + v->class_token;
  if (v->places) t->n = tiles_count(v);
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
  t->position = arena_array(mem, 4 * D, float);
  t->inner = arena_zarray(mem, rows * v->inner, float);
  t->gate = v->gated ? arena_zarray(mem, rows * v->inner, float) : t->inner;
  t->operand = arena_zalloc(mem, operand_bytes(a, t->n, widest), 1);
  t->keys = arena_array(mem, v->heads * key_floats(t->n, (int)K), float);
  t->values = arena_array(mem, v->heads * value_floats(t->n, (int)K), float);
  t->scores = arena_array(mem, a->rows.threads * QUERY_BLOCK * t->ld, float);
  bool ok = t->x && t->y && t->q && t->k && t->value && t->z && t->inner && t->patch &&
            t->position && t->operand && t->keys && t->values && t->scores && t->gate;
  ok = ok && place_rows(t, mem) && prepare_rotation(t, mem);
  return ok ? LOCI_OK : fail_nomem(err, "running the vision tower");
}

/* Where position i of n lies between two of a table of [side]: the lower one, and how far from it
 * (torch.linspace, from both ends, in f32). */
static int stretch(int i, int n, int side, float *part) {
  float by = n > 1 ? (float)(side - 1) / (float)(n - 1) : 0;
  float at = i < n / 2 || n == 1 ? by * (float)i : (float)(side - 1) - by * (float)(n - 1 - i);
  int low = (int)at;
  *part = at - (float)low;
  return low;
}

/* x += sum over the four neighbours of its table entry times the share of each (bilinear), patch by
 * patch. */
static void add_stretched(tower *t) {
  int D = t->v->width, side = t->v->stretched, P = t->v->patch;
  const kernel_set *k = t->a->rows.k;
  for (int64_t g = 0; side > 0 && g < t->n; g++) {
    float down, across, *out = t->x + g * D;
    int r = stretch(t->places[g].row, t->picture.shape.height / P, side, &down);
    int c = stretch(t->places[g].col, t->picture.shape.width / P, side, &across);
    int below = r + 1 < side ? r + 1 : r, right = c + 1 < side ? c + 1 : c;
    const int64_t at[] = {r * side + c, r * side + right, below * side + c, below * side + right};
    const float share[] = {(1 - down) * (1 - across), (1 - down) * across, down * (1 - across),
                           down * across};
    float *e = t->position;
    for (int i = 0; i < 4; i++) weight_row(&t->c->position, at[i], e + (int64_t)i * D);
    for (int d = 0; d < D; d++) {
      e[d] =
          share[0] * e[d] + share[1] * e[D + d] + share[2] * e[2 * D + d] + share[3] * e[3 * D + d];
    }
    k->add(out, e, D);
  }
}

/* x := patches W^T + positions, with the class row first where there is one. */
static loci_status embed_patches(tower *t, loci_err *err) {
  const vision_config *v = t->v;
  int64_t length = vision_patch_values(v), first = v->class_token, D = v->width;
  for (int64_t g = 0; g < t->n - first; g++) {
    read_patch(v, &t->picture, &t->places[g], t->patch);
    operand_set(t->a, t->operand, g, t->patch, length);
  }
  TRY(linear_forward(t->a, &t->c->patch, t->y, t->operand, t->n - first, err));
  if (first) weight_row(&t->c->class_embedding, 0, t->x);
  memcpy(t->x + first * D, t->y, (size_t)((t->n - first) * D) * sizeof *t->x);
  for (int64_t i = 0; !v->rotary && i < t->n; i++) {
    weight_row(&t->c->position, i, t->y);
    t->a->rows.k->add(t->x + i * D, t->y, D);
  }
  add_stretched(t);
  return LOCI_OK;
}

/* Rows that are next to each other. */
typedef struct run {
  int64_t first, n;
} run;

/* z := softmax(q k^T / sqrt(K)) v of some rows, each seeing all of [seen]. */
static void attend_to(tower *t, run of, run seen) {
  int D = t->v->width, H = t->v->heads, K = D / H;
  int64_t n = seen.n, at = seen.first * D, to = of.first * D;
  int64_t blocks = (of.n + QUERY_BLOCK - 1) / QUERY_BLOCK;
  int64_t key_size = key_floats(n, K), value_size = value_floats(n, K);
#pragma omp parallel for num_threads(t->a->rows.threads) schedule(static)
  for (int h = 0; h < H; h++) {
    pack_keys(t->keys + h * key_size, 0, t->k + at + h * K, D, n, K);
    pack_values(t->values + h * value_size, n, 0, t->value + at + h * K, D, n, K);
  }
#pragma omp parallel for num_threads(t->a->rows.threads) schedule(static)
  for (int thread = 0; thread < t->a->rows.threads; thread++) {
    float *S = t->scores + thread * QUERY_BLOCK * t->ld;
    int64_t jobs = H * blocks, end = jobs * (thread + 1) / t->a->rows.threads;
    for (int64_t job = jobs * thread / t->a->rows.threads; job < end; job++) {
      int64_t h = job / blocks, row = job % blocks * QUERY_BLOCK;
      kv_stretch s = {t->keys + h * key_size, packed_values(t->values + h * value_size, n), 0,
                      (int)n};
      attend_rows rows = {.q = t->q + to + row * D + h * K,
                          .q_stride = D,
                          .z = t->z + to + row * D + h * K,
                          .z_stride = D,
                          .K = K,
                          .stretches = &s,
                          .stretch_count = 1,
                          .S = S,
                          .ld = t->ld,
                          .R = (int)(of.n - row < QUERY_BLOCK ? of.n - row : QUERY_BLOCK)};
      attend_scores(t->a->rows.k, &rows);
      for (int r = 0; r < rows.R; r++) t->a->rows.k->softmax(S + r * t->ld, n);
      attend_mix(t->a->rows.k, &rows);
    }
  }
}

/* Every row with the others of its window, or of the picture; rows that hold no picture with those
 * that do. */
static void attend(tower *t, int layer) {
  run all = {0, t->n};
  if (t->v->places) {
    run seen = {0, t->seen}, others = {t->seen, t->n - t->seen};
    attend_to(t, seen, all);
    attend_to(t, others, seen);
    return;
  }
  if (!t->v->window || t->v->full[layer]) {
    attend_to(t, all, all);
    return;
  }
  for (int64_t i = 0; i < t->window_count; i++) {
    run window = {t->windows[i], t->windows[i + 1] - t->windows[i]};
    attend_to(t, window, window);
  }
}

/* q and k turned by their rows' places. */
static void rotate_by_place(tower *t) {
  row_rotation turn = {.cosine = t->turns.cosine,
                       .sine = t->turns.sine,
                       .angles = t->angles,
                       .half = t->turns.half,
                       .heads = t->v->heads,
                       .K = t->v->width / t->v->heads};
  if (!t->v->rotary) return;
  rows_rotate(&t->a->rows, rows_f32(t->q, t->v->width, NULL), t->n, &turn);
  rows_rotate(&t->a->rows, rows_f32(t->k, t->v->width, NULL), t->n, &turn);
}

/* Operand := x (n, width) */
static void set_operand(tower *t, const float *x, int64_t width) {
  rows_copy(&t->a->rows, operand_rows(t->a, t->operand, width, NULL), rows_f32(x, width, NULL),
            t->n, width);
}

/* y := tanh(gate) y or scale y, channel by channel, where there is one. */
static void gate_branch(tower *t, const weight *gate, const weight *scale) {
  float g = 0;
  int64_t D = t->v->width;
  if (scale->data) {
    weight_row(scale, 0, t->z); /* free by now */
    for (int64_t i = 0; i < t->n * D; i++) t->y[i] *= t->z[i % D];
  }
  if (!gate->data) return;
  weight_row(gate, 0, &g);
  g = (float)tanh((double)g);
  for (int64_t i = 0; i < t->n * t->v->width; i++) t->y[i] *= g;
}

/* q and k normalised, all heads together, by a norm with an epsilon of its own. */
static loci_status norm_queries(tower *t, const vision_layer *w, loci_err *err) {
  norm_spec spec = {.kind = NORM_RMS, .eps = 1e-6, .width = t->v->width};
  row_list q = rows_f32(t->q, t->v->width, NULL), k = rows_f32(t->k, t->v->width, NULL);
  if (!t->v->qk_norm) return LOCI_OK;
  TRY(norm_forward(t->a, spec, &w->q_norm, q, q, t->n, err));
  return norm_forward(t->a, spec, &w->k_norm, k, k, t->n, err);
}

static loci_status vit_block(tower *t, int layer, loci_err *err) {
  const vision_layer *w = &t->c->vision_layers[layer];
  int64_t n = t->n, D = t->v->width, F = t->v->inner;
  row_list x = rows_f32(t->x, D, NULL), y = rows_f32(t->y, D, NULL);
  row_list operand = operand_rows(t->a, t->operand, D, NULL);
  TRY(norm_forward(t->a, vision_norm(t), &w->norm1, operand, x, n, err));
  TRY(linear_forward(t->a, &w->q, t->q, t->operand, n, err));
  TRY(linear_forward(t->a, &w->k, t->k, t->operand, n, err));
  TRY(linear_forward(t->a, &w->v, t->value, t->operand, n, err));
  TRY(norm_queries(t, w, err));
  rotate_by_place(t);
  attend(t, layer);
  set_operand(t, t->z, D);
  TRY(linear_forward(t->a, &w->o, t->y, t->operand, n, err));
  gate_branch(t, &w->attn_gate, &w->attn_scale);
  rows_add(&t->a->rows, x, y, n, D);

  TRY(norm_forward(t->a, vision_norm(t), &w->norm2, operand, x, n, err));
  TRY(linear_forward(t->a, &w->fc1, t->inner, t->operand, n, err));
  if (t->v->gated) TRY(linear_forward(t->a, &w->gate, t->gate, t->operand, n, err));
  rows_gate(&t->a->rows, operand_rows(t->a, t->operand, F, NULL), rows_f32(t->gate, F, NULL),
            rows_f32(t->v->gated ? t->inner : NULL, F, NULL), t->v->act, n, F);
  TRY(linear_forward(t->a, &w->fc2, t->y, t->operand, n, err));
  gate_branch(t, &w->mlp_gate, &w->mlp_scale);
  rows_add(&t->a->rows, x, y, n, D);
  return LOCI_OK;
}

/* Of tiles: the first feature's columns, then all others' first channels, their second
 * ones and so on. */
static void take_tiles(const tower *t, int i, float *features) {
  int64_t D = t->v->width, others = t->v->n_features - 1, width = D * t->v->n_features;
  for (int64_t row = 0; row < t->n; row++) {
    if (t->places[row].to < 0) continue;
    float *out = features + t->places[row].to * width;
    for (int64_t d = 0; d < D; d++) {
      out[i == 0 ? d : D + d * others + i - 1] = t->x[row * D + d];
    }
  }
}

/* Rows [width] apart := the residual stream as it stands, in the order of the picture, without the
 * class row where it is dropped. */
static void take_feature(const tower *t, int64_t width, float *features) {
  int64_t D = t->v->width, skip = t->v->drop_class, first = t->v->class_token;
  for (int64_t row = skip; row < t->n; row++) {
    int64_t to = row < first ? row : t->places[row - first].to + first;
    memcpy(features + (to - skip) * width, t->x + row * D, (size_t)D * sizeof *features);
  }
}

/* What a layer's rows are asked for. */
static void take_features(const tower *t, int depth, const seen_features *to) {
  const vision_config *v = t->v;
  int64_t width = vision_feature_width(&t->c->config);
  for (int i = 0; i < v->n_features; i++) {
    if (v->feature_depth[i] != depth) continue;
    if (v->places) take_tiles(t, i, to->at);
    if (!v->places) take_feature(t, width, to->at + (int64_t)i * v->width);
  }
  for (int i = 0; i < t->c->config.text.deep && to->deep; i++) {
    if (v->deep_depth[i] == depth) take_feature(t, v->width, to->deep + i * to->part);
  }
}

/* Features of the view that is looked at, the [number]-th; progress is that of all. */
static loci_status run_tower(tower *t, const watch *w, int number, const seen_features *to,
                             loci_err *err) {
  bool tiles = t->v->places > 0;
  TRY(tiles ? tiles_embed(t, err) : embed_patches(t, err));
  if (t->v->pre_norm && !tiles) {
    row_list x = rows_f32(t->x, t->v->width, NULL); /* in place */
    TRY(norm_forward(t->a, vision_norm(t), &t->c->pre_norm, x, x, t->n, err));
  }
  int deepest = 0, views = tiles ? 1 : t->picture.shape.views;
  int gated = tiles ? t->v->layers - t->v->gated_layers : -1;
  for (int i = 0; i < t->v->n_features; i++) {
    if (t->v->feature_depth[i] > deepest) deepest = t->v->feature_depth[i];
  }
  int done = number * (deepest + 1), all = views * (deepest + 1);
  for (int depth = 0; depth <= deepest; depth++) {
    if (watch_stops(w, "vision", done + depth, all)) return fail(err, LOCI_ECANCELLED, "stopped");
    if (depth == gated) TRY(tiles_begin_gated(t, err));
    if (depth == t->v->layers && t->v->post_norm) {
      norm_spec spec = {.kind = NORM_LAYER, .eps = t->v->eps, .width = t->v->width};
      row_list x = rows_f32(t->x, t->v->width, NULL);
      TRY(norm_forward(t->a, spec, &t->c->post_norm, x, x, t->n, err));
    }
    take_features(t, depth, to);
    if (depth < deepest) TRY(vit_block(t, depth, err));
  }
  return LOCI_OK;
}

/* Features of all views, one after the other, where none sees another. */
static loci_status see(tower *t, const watch *w, seen_features to, loci_err *err) {
  const image_shape *s = &t->picture.shape;
  int64_t one = vision_feature_rows(&t->c->config, s) / s->views;
  if (s->together) return run_tower(t, w, 0, &to, err);
  for (int i = 0; i < s->views; i++) {
    TRY(run_tower(t, w, i, &to, err));
    to.at += one * vision_feature_width(&t->c->config);
    if (to.deep) to.deep += one * t->v->width;
    t->picture.pixels += 3 * (int64_t)s->height * s->width;
  }
  return LOCI_OK;
}

loci_status vision_forward(compute *a, const checkpoint *c, const watch *w, const seen_picture *p,
                           float *features, float *projected, loci_err *err) {
  tower t;
  arena *mem = arena_new();
  if (!mem) return fail_nomem(err, "running the vision tower");
  loci_status st = LOCI_OK;
  int64_t n = vision_feature_rows(&c->config, &p->shape);
  int deep = projected ? c->config.text.deep : 0;
  seen_features f = {.at = features, .part = n * c->config.vision.width};
  if (!f.at) f.at = arena_array(mem, n * vision_feature_width(&c->config), float);
  if (deep > 0) f.deep = arena_array(mem, deep * f.part, float);
  if (!f.at || (deep > 0 && !f.deep)) {
    st = fail_nomem(err, "running the vision tower");
    goto done;
  }
  TRY_DONE(tower_init(&t, a, c, p, mem, err));
  TRY_DONE(see(&t, w, f, err));
  if (projected) TRY_DONE(project_features(a, c, &p->shape, &f, projected, mem, err));
done:
  arena_free(mem);
  return st;
}
