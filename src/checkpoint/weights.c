/* From names to places (see placing.h): one table row per tensor says its canonical name, where its
 * pointer goes, the shape config.json promises, and when it must be there (weight_tables.h). */
#include "checkpoint/placing.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fixed.h"
#include "base/file.h"
#include "base/kind.h"
#include "checkpoint/files.h"
#include "checkpoint/gguf_config.h"
#include "checkpoint/tensor_names.h"
#include "checkpoint/weight_tables.h"

typedef struct placing {
  checkpoint_files *files;
  layout_kind layout;
  int64_t dims[N_DIMS];
  unsigned has;
  int patch, frames;
  loci_err *err;
} placing;

/* ---------------------------------------------------------------- one tensor */

static void shape_text(const int64_t *shape, int rank, char out[200]) {
  size_t n = fixed_add(out, 200, 0, "[");
  for (int i = 0; i < rank; i++) n = fixed_add(out, 200, n, "%s%" PRId64, i ? ", " : "", shape[i]);
  fixed_add(out, 200, n, "]");
}

/* Rows of the parts of a tensor before [part]; of all of them, if that is how many there are. */
static int64_t rows_before(const placing *p, const tensor_parts *of, unsigned part) {
  int64_t n = 0;
  for (unsigned i = 0; i < part; i++) n += p->dims[of->rows[i]];
  return n;
}

/* The shape config.json promises; -1 stands for any number of rows. */
static int expected_shape(const placing *p, const tensor_row *row, int64_t out[5]) {
  int rank = 0;
  const tensor_parts *of = &tensor_parts_of[parts_of(row->need)];
  if (row->rows != ONE) out[rank++] = row->rows == ANY ? -1 : p->dims[row->rows];
  if (row->cols != PIXELS) {
    out[rank++] = p->dims[row->cols];
    if (of->count) out[0] = rows_before(p, of, (unsigned)of->count);
    if (!(row->need & TURNED) || rank < 2) return rank;
    int64_t swap = out[0];
    out[0] = out[1];
    out[1] = swap;
    return rank;
  }
  out[rank++] = 3;
  if (p->frames) out[rank++] = p->frames;
  out[rank++] = p->patch;
  out[rank++] = p->patch;
  return rank;
}

/* Axes of 1 before all others than [rank], which say nothing. */
static int leading_ones(const st_tensor *t, int rank) {
  int n = 0;
  while (t->rank - n > rank && t->shape[n] == 1) n++;
  return n;
}

static loci_status check_shape(const placing *p, const tensor_row *row, const tensor_entry *e) {
  int64_t want[5];
  int rank = expected_shape(p, row, want);
  const st_tensor *t = e->tensor;
  int more = leading_ones(t, rank);
  bool same = rank + more == t->rank;
  for (int i = 0; i < rank && same; i++) {
    int64_t n = t->shape[more + i];
    same = want[i] < 0 ? n >= 1 && n <= 1 << 22 : want[i] == n;
  }
  if (same) return LOCI_OK;
  char found[200], expected[200];
  shape_text(t->shape, t->rank, found);
  shape_text(want, rank, expected);
  return fail(p->err, LOCI_EFORMAT, "%s: tensor %s: shape %s, config.json makes it %s%s",
              e->from->path, t->name, found, expected,
              rank > 0 && want[0] < 0 ? " with 1 to 2^22 rows for -1" : "");
}

static loci_status weight_type(const placing *p, const tensor_entry *e, dtype *out) {
  if (weight_dtype(e->tensor->dtype, out)) return LOCI_OK;
  return fail(p->err, LOCI_EUNSUPPORTED,
              "%s: tensor %s: dtype %s is not supported (quantised?); expected F32, BF16 or F16",
              e->from->path, e->tensor->name, st_dtype_name(e->tensor->dtype));
}

static loci_status place(const placing *p, const tensor_row *row, const char *prefix, void *base) {
  char name[160];
  snprintf(name, sizeof name, "%s%s", prefix, row->name);
  tensor_entry *e = files_find(p->files, name);
  if (!e && row->need == MAYBE) return LOCI_OK;
  if (!e) return other_files_missing(p->files, p->layout, name, p->err);
  weight w = {.name = e->tensor->name, .data = e->tensor->data};
  TRY(weight_type(p, e, &w.type));
  TRY(check_shape(p, row, e));
  int64_t want[5];
  int more = leading_ones(e->tensor, expected_shape(p, row, want));
  bool turned = row->need & TURNED, part = parts_of(row->need) != ALONE;
  int64_t before = rows_before(p, &tensor_parts_of[parts_of(row->need)], part_of(row->need));
  w.rows = row->rows == ONE ? 1 : part || turned ? p->dims[row->rows] : e->tensor->shape[more];
  w.cols = p->dims[row->cols];
  if (turned) w.row_step = e->tensor->shape[more + 1];
  bool by_number = turned || row->rows == ONE;
  w.data += (size_t)(before * (by_number ? 1 : w.cols)) * dtype_bytes(w.type);
  memcpy((char *)base + row->at, &w, sizeof w);
  e->used = true;
  return LOCI_OK;
}

/* Every row whose need holds, into the struct at [base]. */
static loci_status place_rows(const placing *p, const tensor_row *rows, const char *prefix,
                              void *base) {
  for (const tensor_row *row = rows; row->name; row++) {
    if (row->need & (p->has | ALWAYS | MAYBE)) TRY(place(p, row, prefix, base));
  }
  return LOCI_OK;
}

/* ---------------------------------------------------------------- parts of the model */

/* Whether head and embedding are two matrices with other numbers; a few rows tell. */
static bool head_differs(const checkpoint *c) {
  const weight *e = &c->embed, *h = &c->head.w;
  if (e->data == h->data) return false;
  if (e->type != h->type || e->rows != h->rows || e->cols != h->cols) return true;
  size_t row = (size_t)dtype_size(e->type, e->cols);
  int64_t step = e->rows / 64 + 1;
  for (int64_t i = 0; i < e->rows; i += step) {
    if (memcmp(e->data + (size_t)i * row, h->data + (size_t)i * row, row) != 0) return true;
  }
  return false;
}

static loci_status place_head(placing *p, checkpoint *c) {
  TRY(place_rows(p, top_rows, "", c));
  bool tied = c->config.text.tied;
  if (!c->head.w.data && tied) c->head.w = c->embed;
  if (!c->embed.data && tied) c->embed = c->head.w;
  if (!c->embed.data) {
    return other_files_missing(p->files, p->layout, "language_model.embed_tokens.weight", p->err);
  }
  if (!c->head.w.data) {
    return fail(p->err, LOCI_EFORMAT,
                "%s: the weights lack tensor lm_head.weight, and config.json does not tie it to "
                "the embedding",
                p->files->dir);
  }
  if (tied && head_differs(c)) {
    files_note(p->files,
               "config.json ties lm_head.weight to the embedding, but the file has another: the "
               "file's is used (transformers would tie them)");
  }
  if (c->config.text.vocab != c->head.w.rows && p->layout != LAYOUT_GGUF) {
    files_note(p->files,
               "config.json's vocab_size is %d, the file's head has %" PRId64 " rows, which count",
               c->config.text.vocab, c->head.w.rows);
  }
  c->config.text.vocab = (int)c->head.w.rows;
  p->dims[VOCAB] = c->head.w.rows;
  return place_rows(p, head_rows, "", c);
}

static const tensor_row *const layer_tables[NAMES_COUNT] = {[NAMES_LLAMA] = gated_rows,
                                                            [NAMES_PHI] = parallel_rows,
                                                            [NAMES_PHI3] = phi3_rows,
                                                            [NAMES_GEMMA] = gemma_rows,
                                                            [NAMES_GPT2] = gpt2_rows};

static loci_status place_decoder(placing *p, checkpoint *c) {
  const decoder_config *d = &c->config.text;
  p->dims[WIDTH] = d->width;
  p->dims[INNER] = d->inner;
  p->dims[Q] = (int64_t)d->heads * d->head_dim;
  p->dims[KV] = (int64_t)d->kv_heads * d->head_dim;
  p->dims[HEAD] = d->head_dim;
  p->dims[PLACES] = d->max_positions;
  p->has = (d->qkv_bias ? QKV_BIAS : 0) | (d->o_bias ? O_BIAS : 0) | (d->mlp_bias ? MLP_BIAS : 0) |
           (d->qk_norm ? QK_NORM : 0) | (d->post_norms ? POST_NORMS : 0) |
           (d->position_table ? PLACE_TABLE : 0);
  c->layers = arena_zarray(p->files->mem, d->layers, decoder_layer);
  if (!c->layers) return fail_nomem(p->err, p->files->dir);
  TRY(place_head(p, c));
  TRY(place_rows(p, d->norm == NORM_LAYER ? parallel_norm_rows : gated_norm_rows, "", c));
  TRY(place_rows(p, place_rows_of_text, "", c));
  for (int i = 0; i < d->layers; i++) {
    char prefix[64];
    snprintf(prefix, sizeof prefix, "language_model.layers.%d.", i);
    const tensor_row *rows = d->cross && d->cross[i] ? cross_rows : layer_tables[d->names];
    TRY(place_rows(p, rows, prefix, &c->layers[i]));
    /* llama.cpp rotates LLaMA's neighbouring channels, and its files have them so */
    if (p->layout == LAYOUT_GGUF && strcmp(d->model_type, "qwen2") != 0 && !d->parallel) {
      c->layers[i].q.w.turned = c->layers[i].k.w.turned = d->head_dim;
    }
  }
  return LOCI_OK;
}

/* Layers of the tower that the deepest feature needs. */
static int vision_depth(const vision_config *v) {
  int depth = 0;
  for (int i = 0; i < v->n_features; i++) {
    if (v->feature_depth[i] > depth) depth = v->feature_depth[i];
  }
  for (int i = 0; i < v->deep_count; i++) {
    if (v->deep_depth[i] > depth) depth = v->deep_depth[i];
  }
  return depth;
}

static loci_status place_vision(placing *p, checkpoint *c) {
  const vision_config *v = &c->config.vision;
  int depth = vision_depth(v);
  p->dims[WIDTH] = v->width;
  p->dims[INNER] = v->inner;
  p->dims[PIXELS] = vision_patch_values(v);
  int side = v->stretched ? v->stretched : v->grid;
  p->dims[POSITIONS] = (int64_t)side * side + (v->class_token ? 1 : 0);
  p->dims[CANVASES] = v->canvases.count + 1;
  p->dims[TILE_NUMBERS] = (int64_t)v->places * v->width;
  p->dims[TILE_ROWS] = p->dims[TILE_NUMBERS] * p->dims[POSITIONS];
  p->patch = v->patch;
  p->frames = v->frames;
  p->has = (v->class_token ? CLASS : 0) | (v->pre_norm ? PRE_NORM : 0) |
           (v->post_norm ? POST_NORM : 0) | (v->patch_bias ? PATCH_BIAS : 0) |
           (v->rotary && !v->stretched ? 0 : TABLE) | (v->norm == NORM_LAYER ? NORM_BIAS : 0) |
           (v->gated      ? GATED
            : v->fc_names ? FC_NAMES
                          : PLAIN) |
           (v->qkv_bias ? TOWER_BIAS : 0) | (v->qk_norm ? QK_NORM : 0);
  c->vision_layers = arena_zarray(p->files->mem, depth, vision_layer);
  if (!c->vision_layers) return fail_nomem(p->err, p->files->dir);
  TRY(place_rows(p, v->places ? tiled_tower_rows : tower_rows, "vision_tower.", c));
  const tensor_row *rows = v->places   ? tiled_vision_rows
                           : v->fused  ? fused_vision_rows
                           : v->scaled ? scaled_vision_rows
                                       : vision_rows;
  for (int i = 0; i < depth; i++) {
    char prefix[64];
    int gated = i - (v->layers - v->gated_layers);
    const char *names = gated < 0 ? "layers" : "gated_layers";
    snprintf(prefix, sizeof prefix, "vision_tower.encoder.%s.%d.", names, gated < 0 ? i : gated);
    if (gated >= 0) p->has |= GATES;
    TRY(place_rows(p, rows, prefix, &c->vision_layers[i]));
  }
  return LOCI_OK;
}

/* What makes rows of the sequence of [from] channels; [linear] is followed by a number. */
static loci_status place_projection(placing *p, const model_config *m, const char *prefix,
                                    const char *linear, bool joined, projector_weights *out) {
  const projector_config *c = &m->projector;
  p->dims[FROM] = (int64_t)m->vision.width * m->vision.n_features;
  p->dims[WIDTH] = p->dims[FROM];
  if (!c->pooled) p->dims[FROM] *= (int64_t)m->vision.merge * m->vision.merge;
  if (joined) p->dims[WIDTH] = p->dims[FROM];
  TRY(place_rows(p, projector_norm_rows, prefix, out));
  for (int i = 0; i < c->n_linear; i++) {
    char each[96];
    snprintf(each, sizeof each, "%s%s%d.", prefix, linear, i + 1);
    p->dims[TO] = i + 1 < c->n_linear ? c->inner : m->text.width;
    TRY(place_rows(p, c->turned ? turned_projector_rows : projector_rows, each, &out->linear[i]));
    p->dims[FROM] = p->dims[TO];
  }
  return LOCI_OK;
}

static loci_status place_projector(placing *p, checkpoint *c) {
  const model_config *m = &c->config;
  bool normed = m->projector.norm || m->projector.norm_joined;
  p->has = (m->projector.bias ? PROJECTOR_BIAS : 0) | (normed ? PROJECTOR_NORM : 0) |
           (normed && m->projector.norm_kind == NORM_LAYER ? NORM_BIAS : 0) |
           (m->tiles.count ? NEWLINE : 0);
  TRY(place_projection(p, m, "multi_modal_projector.", "linear_", m->projector.norm_joined,
                       &c->projector));
  for (int i = 0; i < m->vision.deep_count; i++) {
    char prefix[64];
    snprintf(prefix, sizeof prefix, "deep_projectors.%d.", i);
    TRY(place_projection(p, m, prefix, "linear_fc", true, &c->deep[i]));
  }
  p->dims[TO] = m->text.width;
  return place_rows(p, newline_rows, "", c);
}

loci_status place_text_weights(checkpoint *c, loci_err *err) {
  placing p = {.files = c->files, .layout = c->config.layout, .dims = {[ONE] = 1}, .err = err};
  return place_decoder(&p, c);
}

loci_status place_vision_weights(checkpoint *c, loci_err *err) {
  placing p = {.files = c->files, .layout = c->config.layout, .dims = {[ONE] = 1}, .err = err};
  TRY(place_vision(&p, c));
  return place_projector(&p, c);
}

/* ---------------------------------------------------------------- what was not read */

/* A tensor inside a layer that is run, after the last layer of the decoder, or inside the
 * projector takes part in a computation that is not ours. */
static bool would_matter(const checkpoint *c, const char *canonical) {
  static const char layers[] = "language_model.layers.", tower[] = "vision_tower.encoder.layers.";
  static const char gated[] = "vision_tower.encoder.gated_layers.";
  if (strncmp(canonical, "multi_modal_projector.", 22) == 0) return true;
  if (strncmp(canonical, "deep_projectors.", 16) == 0) return true;
  if (strcmp(canonical, "image_newline") == 0) return true;
  if (strncmp(canonical, layers, sizeof layers - 1) == 0) return true;
  if (strncmp(canonical, gated, sizeof gated - 1) == 0) return true;
  if (strncmp(canonical, tower, sizeof tower - 1) == 0) {
    return strtol(canonical + sizeof tower - 1, NULL, 10) < vision_depth(&c->config.vision);
  }
  return false;
}

loci_status check_unread(checkpoint *c, loci_err *err) {
  checkpoint_files *files = c->files;
  const tensor_entry *first = NULL;
  int64_t n = 0;
  for (int64_t i = 0; i < files->n; i++) {
    const tensor_entry *e = &files->entries[i];
    bool deep = strncmp(e->canonical, "vision_tower.encoder.", 21) == 0; /* layers not needed */
    if (e->used || (deep && !would_matter(c, e->canonical))) continue;
    if (would_matter(c, e->canonical)) {
      return fail(err, LOCI_EUNSUPPORTED, "%s: tensor %s: config.json describes a model without it",
                  e->from->path, e->tensor->name);
    }
    if (n++ == 0) first = e;
  }
  if (n > 0) {
    files_note(files, "%" PRId64 " tensor%s not used, for example %s", n, n == 1 ? " is" : "s are",
               first->tensor->name);
  }
  return LOCI_OK;
}
