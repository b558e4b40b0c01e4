/* From names to places (see placing.h): one table row per tensor says its canonical name, where its
 * pointer goes, the shape config.json promises, and when it must be there.  A new family is a new
 * table. */
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

/* Sizes that shapes are made of; placing.dims holds their values. */
typedef enum dim {
  ONE, /* rows of a vector */
  WIDTH,
  INNER,
  Q,     /* heads * head_dim */
  KV,    /* kv_heads * head_dim */
  VOCAB, /* rows of the head */
  ANY,   /* 1 to 2^22: the tensor is trusted, not the config */
  PIXELS,
  POSITIONS,
  FROM, /* input of a projector linear */
  TO,   /* its output */
  N_DIMS
} dim;

/* When a tensor must be there; placing.has says which of them hold. */
enum need {
  ALWAYS = 1,
  MAYBE = 2,
  QKV_BIAS = 4,
  O_BIAS = 8,
  MLP_BIAS = 16,
  CLASS = 32,
  PRE_NORM = 64,
  PATCH_BIAS = 128,
  PROJECTOR_BIAS = 256,
  TABLE = 512, /* of positions */
  NORM_BIAS = 1024,
  GATED = 2048,
  PLAIN = 4096, /* not gated */
  PROJECTOR_NORM = 8192,
  NEWLINE = 16384
};

typedef struct tensor_row {
  const char *name;
  size_t at;
  dim rows, cols;
  unsigned need;
} tensor_row;

/* Beside a need: the row is the first, second or third of three matrices in one tensor. */
#define THIRD(i) ((i) << 24)
#define third_of(need) ((need) >> 24)

typedef struct placing {
  checkpoint_files *files;
  layout_kind layout;
  int64_t dims[N_DIMS];
  unsigned has;
  int patch, frames;
  loci_err *err;
} placing;

/* ---------------------------------------------------------------- tables */

#define TOP(field) offsetof(checkpoint, field)
#define DECODER(field) offsetof(decoder_layer, field)
#define VISION(field) offsetof(vision_layer, field)

static const tensor_row top_rows[] = {
    {"language_model.embed_tokens.weight", TOP(embed), ANY, WIDTH, MAYBE},
    {"lm_head.weight", TOP(head.w), ANY, WIDTH, MAYBE},
    {NULL, 0, ONE, ONE, 0},
};

static const tensor_row head_rows[] = {
    {"lm_head.bias", TOP(head.b), ONE, VOCAB, MAYBE},
    {NULL, 0, ONE, ONE, 0},
};

static const tensor_row gated_norm_rows[] = {
    {"language_model.norm.weight", TOP(final_norm.w), ONE, WIDTH, ALWAYS},
    {NULL, 0, ONE, ONE, 0},
};

static const tensor_row parallel_norm_rows[] = {
    {"language_model.final_layernorm.weight", TOP(final_norm.w), ONE, WIDTH, ALWAYS},
    {"language_model.final_layernorm.bias", TOP(final_norm.b), ONE, WIDTH, ALWAYS},
    {NULL, 0, ONE, ONE, 0},
};

/* LLaMA, Mistral, Qwen2 */
static const tensor_row gated_rows[] = {
    {"input_layernorm.weight", DECODER(norm1.w), ONE, WIDTH, ALWAYS},
    {"self_attn.q_proj.weight", DECODER(q.w), Q, WIDTH, ALWAYS},
    {"self_attn.q_proj.bias", DECODER(q.b), ONE, Q, QKV_BIAS},
    {"self_attn.k_proj.weight", DECODER(k.w), KV, WIDTH, ALWAYS},
    {"self_attn.k_proj.bias", DECODER(k.b), ONE, KV, QKV_BIAS},
    {"self_attn.v_proj.weight", DECODER(v.w), KV, WIDTH, ALWAYS},
    {"self_attn.v_proj.bias", DECODER(v.b), ONE, KV, QKV_BIAS},
    {"self_attn.o_proj.weight", DECODER(o.w), WIDTH, Q, ALWAYS},
    {"self_attn.o_proj.bias", DECODER(o.b), ONE, WIDTH, O_BIAS},
    {"post_attention_layernorm.weight", DECODER(norm2.w), ONE, WIDTH, ALWAYS},
    {"mlp.gate_proj.weight", DECODER(gate.w), INNER, WIDTH, ALWAYS},
    {"mlp.gate_proj.bias", DECODER(gate.b), ONE, INNER, MLP_BIAS},
    {"mlp.up_proj.weight", DECODER(up.w), INNER, WIDTH, ALWAYS},
    {"mlp.up_proj.bias", DECODER(up.b), ONE, INNER, MLP_BIAS},
    {"mlp.down_proj.weight", DECODER(down.w), WIDTH, INNER, ALWAYS},
    {"mlp.down_proj.bias", DECODER(down.b), ONE, WIDTH, MLP_BIAS},
    {NULL, 0, ONE, ONE, 0},
};

/* Phi */
static const tensor_row parallel_rows[] = {
    {"input_layernorm.weight", DECODER(norm1.w), ONE, WIDTH, ALWAYS},
    {"input_layernorm.bias", DECODER(norm1.b), ONE, WIDTH, ALWAYS},
    {"self_attn.q_proj.weight", DECODER(q.w), Q, WIDTH, ALWAYS},
    {"self_attn.q_proj.bias", DECODER(q.b), ONE, Q, QKV_BIAS},
    {"self_attn.k_proj.weight", DECODER(k.w), KV, WIDTH, ALWAYS},
    {"self_attn.k_proj.bias", DECODER(k.b), ONE, KV, QKV_BIAS},
    {"self_attn.v_proj.weight", DECODER(v.w), KV, WIDTH, ALWAYS},
    {"self_attn.v_proj.bias", DECODER(v.b), ONE, KV, QKV_BIAS},
    {"self_attn.dense.weight", DECODER(o.w), WIDTH, Q, ALWAYS},
    {"self_attn.dense.bias", DECODER(o.b), ONE, WIDTH, O_BIAS},
    {"mlp.fc1.weight", DECODER(up.w), INNER, WIDTH, ALWAYS},
    {"mlp.fc1.bias", DECODER(up.b), ONE, INNER, MLP_BIAS},
    {"mlp.fc2.weight", DECODER(down.w), WIDTH, INNER, ALWAYS},
    {"mlp.fc2.bias", DECODER(down.b), ONE, WIDTH, MLP_BIAS},
    {NULL, 0, ONE, ONE, 0},
};

static const tensor_row tower_rows[] = {
    {"embeddings.class_embedding", TOP(class_embedding), ONE, WIDTH, CLASS},
    {"embeddings.patch_embedding.weight", TOP(patch.w), WIDTH, PIXELS, ALWAYS},
    {"embeddings.patch_embedding.bias", TOP(patch.b), ONE, WIDTH, PATCH_BIAS},
    {"embeddings.position_embedding.weight", TOP(position), POSITIONS, WIDTH, TABLE},
    {"pre_layrnorm.weight", TOP(pre_norm.w), ONE, WIDTH, PRE_NORM},
    {"pre_layrnorm.bias", TOP(pre_norm.b), ONE, WIDTH, PRE_NORM},
    {NULL, 0, ONE, ONE, 0},
};

static const tensor_row vision_rows[] = {
    {"layer_norm1.weight", VISION(norm1.w), ONE, WIDTH, ALWAYS},
    {"layer_norm1.bias", VISION(norm1.b), ONE, WIDTH, ALWAYS},
    {"self_attn.q_proj.weight", VISION(q.w), WIDTH, WIDTH, ALWAYS},
    {"self_attn.q_proj.bias", VISION(q.b), ONE, WIDTH, ALWAYS},
    {"self_attn.k_proj.weight", VISION(k.w), WIDTH, WIDTH, ALWAYS},
    {"self_attn.k_proj.bias", VISION(k.b), ONE, WIDTH, ALWAYS},
    {"self_attn.v_proj.weight", VISION(v.w), WIDTH, WIDTH, ALWAYS},
    {"self_attn.v_proj.bias", VISION(v.b), ONE, WIDTH, ALWAYS},
    {"self_attn.out_proj.weight", VISION(o.w), WIDTH, WIDTH, ALWAYS},
    {"self_attn.out_proj.bias", VISION(o.b), ONE, WIDTH, ALWAYS},
    {"layer_norm2.weight", VISION(norm2.w), ONE, WIDTH, ALWAYS},
    {"layer_norm2.bias", VISION(norm2.b), ONE, WIDTH, ALWAYS},
    {"mlp.fc1.weight", VISION(fc1.w), INNER, WIDTH, ALWAYS},
    {"mlp.fc1.bias", VISION(fc1.b), ONE, INNER, ALWAYS},
    {"mlp.fc2.weight", VISION(fc2.w), WIDTH, INNER, ALWAYS},
    {"mlp.fc2.bias", VISION(fc2.b), ONE, WIDTH, ALWAYS},
    {NULL, 0, ONE, ONE, 0},
};

/* A Qwen tower */
static const tensor_row fused_vision_rows[] = {
    {"norm1.weight", VISION(norm1.w), ONE, WIDTH, ALWAYS},
    {"norm1.bias", VISION(norm1.b), ONE, WIDTH, NORM_BIAS},
    {"attn.qkv.weight", VISION(q.w), WIDTH, WIDTH, ALWAYS | THIRD(1u)},
    {"attn.qkv.bias", VISION(q.b), ONE, WIDTH, ALWAYS | THIRD(1u)},
    {"attn.qkv.weight", VISION(k.w), WIDTH, WIDTH, ALWAYS | THIRD(2u)},
    {"attn.qkv.bias", VISION(k.b), ONE, WIDTH, ALWAYS | THIRD(2u)},
    {"attn.qkv.weight", VISION(v.w), WIDTH, WIDTH, ALWAYS | THIRD(3u)},
    {"attn.qkv.bias", VISION(v.b), ONE, WIDTH, ALWAYS | THIRD(3u)},
    {"attn.proj.weight", VISION(o.w), WIDTH, WIDTH, ALWAYS},
    {"attn.proj.bias", VISION(o.b), ONE, WIDTH, ALWAYS},
    {"norm2.weight", VISION(norm2.w), ONE, WIDTH, ALWAYS},
    {"norm2.bias", VISION(norm2.b), ONE, WIDTH, NORM_BIAS},
    {"mlp.fc1.weight", VISION(fc1.w), INNER, WIDTH, PLAIN},
    {"mlp.fc1.bias", VISION(fc1.b), ONE, INNER, PLAIN},
    {"mlp.fc2.weight", VISION(fc2.w), WIDTH, INNER, PLAIN},
    {"mlp.fc2.bias", VISION(fc2.b), ONE, WIDTH, PLAIN},
    {"mlp.gate_proj.weight", VISION(gate.w), INNER, WIDTH, GATED},
    {"mlp.gate_proj.bias", VISION(gate.b), ONE, INNER, GATED},
    {"mlp.up_proj.weight", VISION(fc1.w), INNER, WIDTH, GATED},
    {"mlp.up_proj.bias", VISION(fc1.b), ONE, INNER, GATED},
    {"mlp.down_proj.weight", VISION(fc2.w), WIDTH, INNER, GATED},
    {"mlp.down_proj.bias", VISION(fc2.b), ONE, WIDTH, GATED},
    {NULL, 0, ONE, ONE, 0},
};

static const tensor_row projector_norm_rows[] = {
    {"norm.weight", TOP(projector_norm.w), ONE, WIDTH, PROJECTOR_NORM},
    {"norm.bias", TOP(projector_norm.b), ONE, WIDTH, NORM_BIAS},
    {NULL, 0, ONE, ONE, 0},
};

static const tensor_row newline_rows[] = {
    {"image_newline", TOP(newline), ONE, TO, NEWLINE},
    {NULL, 0, ONE, ONE, 0},
};

static const tensor_row projector_rows[] = {
    {"weight", offsetof(linear_weights, w), TO, FROM, ALWAYS},
    {"bias", offsetof(linear_weights, b), ONE, TO, PROJECTOR_BIAS},
    {NULL, 0, ONE, ONE, 0},
};

/* ---------------------------------------------------------------- one tensor */

static void shape_text(const int64_t *shape, int rank, char out[200]) {
  size_t n = fixed_add(out, 200, 0, "[");
  for (int i = 0; i < rank; i++) n = fixed_add(out, 200, n, "%s%" PRId64, i ? ", " : "", shape[i]);
  fixed_add(out, 200, n, "]");
}

/* The shape config.json promises; -1 stands for any number of rows. */
static int expected_shape(const placing *p, const tensor_row *row, int64_t out[5]) {
  int rank = 0;
  if (row->rows != ONE) out[rank++] = row->rows == ANY ? -1 : p->dims[row->rows];
  if (row->cols != PIXELS) {
    out[rank++] = p->dims[row->cols];
    if (third_of(row->need)) out[0] *= 3;
    return rank;
  }
  out[rank++] = 3;
  if (p->frames) out[rank++] = p->frames;
  out[rank++] = p->patch;
  out[rank++] = p->patch;
  return rank;
}

static loci_status check_shape(const placing *p, const tensor_row *row, const tensor_entry *e) {
  int64_t want[5];
  int rank = expected_shape(p, row, want);
  const st_tensor *t = e->tensor;
  bool same = rank == t->rank;
  for (int i = 0; i < rank && same; i++) {
    same = want[i] < 0 ? t->shape[i] >= 1 && t->shape[i] <= 1 << 22 : want[i] == t->shape[i];
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
  w.rows = row->rows == ONE ? 1 : e->tensor->shape[0];
  w.cols = p->dims[row->cols];
  if (third_of(row->need)) {
    if (row->rows != ONE) w.rows /= 3;
    w.data += (third_of(row->need) - 1) * (size_t)(w.rows * w.cols) * dtype_bytes(w.type);
  }
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

static loci_status place_decoder(placing *p, checkpoint *c) {
  const decoder_config *d = &c->config.text;
  p->dims[WIDTH] = d->width;
  p->dims[INNER] = d->inner;
  p->dims[Q] = (int64_t)d->heads * d->head_dim;
  p->dims[KV] = (int64_t)d->kv_heads * d->head_dim;
  p->has = (d->qkv_bias ? QKV_BIAS : 0) | (d->o_bias ? O_BIAS : 0) | (d->mlp_bias ? MLP_BIAS : 0);
  c->layers = arena_zarray(p->files->mem, d->layers, decoder_layer);
  if (!c->layers) return fail_nomem(p->err, p->files->dir);
  TRY(place_head(p, c));
  TRY(place_rows(p, d->parallel ? parallel_norm_rows : gated_norm_rows, "", c));
  for (int i = 0; i < d->layers; i++) {
    char prefix[64];
    snprintf(prefix, sizeof prefix, "language_model.layers.%d.", i);
    TRY(place_rows(p, d->parallel ? parallel_rows : gated_rows, prefix, &c->layers[i]));
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
  return depth;
}

static loci_status place_vision(placing *p, checkpoint *c) {
  const vision_config *v = &c->config.vision;
  int depth = vision_depth(v);
  p->dims[WIDTH] = v->width;
  p->dims[INNER] = v->inner;
  p->dims[PIXELS] = vision_patch_values(v);
  p->dims[POSITIONS] = (int64_t)v->grid * v->grid + (v->class_token ? 1 : 0);
  p->patch = v->patch;
  p->frames = v->frames;
  p->has = (v->class_token ? CLASS : 0) | (v->pre_norm ? PRE_NORM : 0) |
           (v->patch_bias ? PATCH_BIAS : 0) | (v->rotary ? 0 : TABLE) |
           (v->norm == NORM_LAYER ? NORM_BIAS : 0) | (v->gated ? GATED : PLAIN);
  c->vision_layers = arena_zarray(p->files->mem, depth, vision_layer);
  if (!c->vision_layers) return fail_nomem(p->err, p->files->dir);
  TRY(place_rows(p, tower_rows, "vision_tower.", c));
  for (int i = 0; i < depth; i++) {
    char prefix[64];
    snprintf(prefix, sizeof prefix, "vision_tower.encoder.layers.%d.", i);
    TRY(place_rows(p, v->fused ? fused_vision_rows : vision_rows, prefix, &c->vision_layers[i]));
  }
  return LOCI_OK;
}

static loci_status place_projector(placing *p, checkpoint *c) {
  const model_config *m = &c->config;
  bool layer_norm = m->projector.norm && m->vision.norm == NORM_LAYER;
  p->dims[FROM] = (int64_t)m->vision.width * m->vision.n_features;
  p->dims[FROM] *= (int64_t)m->vision.merge * m->vision.merge;
  p->has = (m->projector.bias ? PROJECTOR_BIAS : 0) | (layer_norm ? NORM_BIAS : 0) |
           (m->projector.norm ? PROJECTOR_NORM : 0) | (m->tiles.count ? NEWLINE : 0);
  TRY(place_rows(p, projector_norm_rows, "multi_modal_projector.", c));
  for (int i = 0; i < m->projector.n_linear; i++) {
    char prefix[64];
    snprintf(prefix, sizeof prefix, "multi_modal_projector.linear_%d.", i + 1);
    p->dims[TO] = i + 1 < m->projector.n_linear ? m->projector.inner : m->text.width;
    TRY(place_rows(p, projector_rows, prefix, &c->projector[i]));
    p->dims[FROM] = p->dims[TO];
  }
  p->dims[TO] = m->text.width;
  return place_rows(p, newline_rows, "", c);
}

loci_status place_text_weights(checkpoint *c, loci_err *err) {
  placing p = {.files = c->files, .layout = c->config.layout, .err = err};
  return place_decoder(&p, c);
}

loci_status place_vision_weights(checkpoint *c, loci_err *err) {
  placing p = {.files = c->files, .layout = c->config.layout, .err = err};
  TRY(place_vision(&p, c));
  return place_projector(&p, c);
}

/* ---------------------------------------------------------------- what was not read */

/* A tensor inside a layer that is run, after the last layer of the decoder, or inside the
 * projector takes part in a computation that is not ours. */
static bool would_matter(const checkpoint *c, const char *canonical) {
  static const char layers[] = "language_model.layers.", tower[] = "vision_tower.encoder.layers.";
  if (strncmp(canonical, "multi_modal_projector.", 22) == 0) return true;
  if (strcmp(canonical, "image_newline") == 0) return true;
  if (strncmp(canonical, layers, sizeof layers - 1) == 0) return true;
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
