/* Which tensors a checkpoint has, by family, in the names of its published files, and the scale of
 * each (see main.c). */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/size.h"
#include "make.h"

/* Names are the table's own: they fit. */
void join(char out[NAME], const char *prefix, const char *name) {
  if (snprintf(out, NAME, "%s%s", prefix, name) >= NAME) abort();
}

static void plan(maker *m, const char *prefix, const char *name, double mean, double deviation,
                 int rank, const int64_t *dims) {
  if (m->count == MOST_TENSORS) return; /* write_shards notices */
  planned *p = &m->tensors[m->count++];
  join(p->name, prefix, name);
  p->mean = mean;
  p->deviation = deviation;
  p->t = (st_tensor){.name = p->name, .rank = rank, .bytes = (int64_t)dtype_bytes(m->type)};
  p->t.dtype = m->type == DTYPE_F32 ? ST_F32 : m->type == DTYPE_F16 ? ST_F16 : ST_BF16;
  for (int i = 0; i < rank; i++) {
    p->t.shape[i] = dims[i];
    if (!size_mul(p->t.bytes, dims[i], &p->t.bytes)) p->t.bytes = -1;
  }
}

static void vector(maker *m, const char *prefix, const char *name, double mean, int64_t n) {
  plan(m, prefix, name, mean, mean == 0 ? 0.02 : 0.1, 1, &n);
}

static void matrix(maker *m, const char *prefix, const char *name, double gain, int64_t rows,
                   int64_t cols) {
  plan(m, prefix, name, 0, gain / sqrt((double)cols), 2, (int64_t[]){rows, cols});
}

static void norm(maker *m, const char *prefix, const char *name, int64_t n) {
  char path[NAME];
  join(path, prefix, name);
  vector(m, path, ".weight", 1, n);
  vector(m, path, ".bias", 0, n);
}

static void linear(maker *m, const char *prefix, const char *name, double gain, int64_t rows,
                   int64_t cols) {
  char path[NAME];
  join(path, prefix, name);
  matrix(m, path, ".weight", gain, rows, cols);
  vector(m, path, ".bias", 0, rows);
}

static const double SHARP = 1.5, SURE = 3;

/* A projection with a bias where the family has one. */
static void project(maker *m, const char *at, const char *name, double gain, int64_t rows,
                    int64_t cols) {
  char path[NAME];
  if (m->s.family == QWEN || m->s.family == ONEVISION || m->s.family == INTERNVL) {
    linear(m, at, name, gain, rows, cols);
    return;
  }
  join(path, name, ".weight");
  matrix(m, at, path, gain, rows, cols);
}

static void plan_llama_layer(maker *m, const char *at) {
  int64_t D = m->s.width, F = m->s.inner, K = D / m->s.heads, GK = K * m->s.kv_heads;
  vector(m, at, "input_layernorm.weight", 1, D);
  project(m, at, "self_attn.q_proj", SHARP, D, D);
  project(m, at, "self_attn.k_proj", SHARP, GK, D);
  project(m, at, "self_attn.v_proj", 1, GK, D);
  matrix(m, at, "self_attn.o_proj.weight", 1, D, D);
  vector(m, at, "post_attention_layernorm.weight", 1, D);
  matrix(m, at, "mlp.gate_proj.weight", 1, F, D);
  matrix(m, at, "mlp.up_proj.weight", 1, F, D);
  matrix(m, at, "mlp.down_proj.weight", 1, D, F);
}

/* A layer that reads the picture instead of the sequence. */
static void plan_cross_layer(maker *m, const char *at) {
  int64_t D = m->s.width, F = m->s.inner, K = D / m->s.heads, GK = K * m->s.kv_heads, one = 1;
  vector(m, at, "input_layernorm.weight", 1, D);
  matrix(m, at, "cross_attn.q_proj.weight", SHARP, D, D);
  matrix(m, at, "cross_attn.k_proj.weight", SHARP, GK, D);
  matrix(m, at, "cross_attn.v_proj.weight", 1, GK, D);
  matrix(m, at, "cross_attn.o_proj.weight", 1, D, D);
  vector(m, at, "cross_attn.q_norm.weight", 1, K);
  vector(m, at, "cross_attn.k_norm.weight", 1, K);
  plan(m, at, "cross_attn_attn_gate", 0.7, 0.1, 1, &one);
  plan(m, at, "cross_attn_mlp_gate", 0.7, 0.1, 1, &one);
  vector(m, at, "post_attention_layernorm.weight", 1, D);
  matrix(m, at, "mlp.gate_proj.weight", 1, F, D);
  matrix(m, at, "mlp.up_proj.weight", 1, F, D);
  matrix(m, at, "mlp.down_proj.weight", 1, D, F);
}

bool reads_picture(const shape *s, int layer) {
  return s->family == MLLAMA && (s->layers > 3 ? layer % 5 == 3 : layer == s->layers - 1);
}

int gated_layers(const shape *s) { return (s->vision_layers + 3) / 4; }

int feature_layers(const shape *s, int out[5]) {
  static const int usual[] = {3, 7, 15, 23, 30};
  int n = 0;
  for (int i = 0; i < 5; i++) {
    int layer = usual[i] * s->vision_layers / 32;
    if (n == 0 || out[n - 1] != layer) out[n++] = layer;
  }
  return n;
}

static void plan_phi_layer(maker *m, const char *at) {
  int64_t D = m->s.width, F = m->s.inner, GK = D / m->s.heads * m->s.kv_heads;
  norm(m, at, "input_layernorm", D);
  linear(m, at, "self_attn.q_proj", SHARP, D, D);
  linear(m, at, "self_attn.k_proj", SHARP, GK, D);
  linear(m, at, "self_attn.v_proj", 1, GK, D);
  linear(m, at, "self_attn.dense", 1, D, D);
  linear(m, at, "mlp.fc1", 1, F, D);
  linear(m, at, "mlp.fc2", 1, D, F);
}

/* Hugging Face's LLaVAs spell their names alike; the tower is CLIP's or SigLIP's. */
static bool is_hf(const maker *m) {
  return m->s.family == LLAVA || m->s.family == NEXT || m->s.family == ONEVISION ||
         m->s.family == MLLAMA || m->s.family == INTERNVL || is_gemma_vision(&m->s);
}
static bool is_tiled(const maker *m) { return m->s.family == NEXT || m->s.family == ONEVISION; }

static void plan_decoder(maker *m) {
  bool llava = is_hf(m), gated = m->s.family != BUNNY, idefics = m->s.family == IDEFICS;
  const char *top = llava ? "language_model." : "", *at = llava     ? "language_model.model."
                                                          : idefics ? "model.text_model."
                                                                    : "model.";
  char layer[NAME];
  int more = m->s.family == MLLAMA ? 8 : 0; /* rows that no head answers with */
  matrix(m, at, "embed_tokens.weight", sqrt(m->s.width), m->s.vocab + more, m->s.width);
  for (int i = 0; i < m->s.layers; i++) {
    snprintf(layer, sizeof layer, "%slayers.%d.", at, i);
    if (reads_picture(&m->s, i)) {
      plan_cross_layer(m, layer);
      continue;
    }
    if (gated) plan_llama_layer(m, layer);
    if (!gated) plan_phi_layer(m, layer);
  }
  if (gated) vector(m, at, "norm.weight", 1, m->s.width);
  if (!gated) norm(m, at, "final_layernorm", m->s.width);
  matrix(m, top, "lm_head.weight", SURE, m->s.vocab, m->s.width);
}

static void plan_qwen_vision(maker *m) {
  int64_t D = m->s.vision_width, F = m->s.vision_inner, side = m->s.patch;
  char layer[NAME];
  plan(m, "visual.", "patch_embed.proj.weight", 0, 1 / sqrt(6.0 * (double)(side * side)), 5,
       (int64_t[]){D, 3, 2, side, side});
  for (int i = 0; i < m->s.vision_layers; i++) {
    snprintf(layer, sizeof layer, "visual.blocks.%d.", i);
    vector(m, layer, "norm1.weight", 1, D);
    linear(m, layer, "attn.qkv", SHARP, 3 * D, D);
    linear(m, layer, "attn.proj", 1, D, D);
    vector(m, layer, "norm2.weight", 1, D);
    linear(m, layer, "mlp.gate_proj", 1, F, D);
    linear(m, layer, "mlp.up_proj", 1, F, D);
    linear(m, layer, "mlp.down_proj", 1, D, F);
  }
  vector(m, "visual.", "merger.ln_q.weight", 1, D);
  linear(m, "visual.", "merger.mlp.0", 1, 4 * D, 4 * D);
  linear(m, "visual.", "merger.mlp.2", 1, m->s.width, 4 * D);
}

/* A layer of a tower of tiles; the last ones have gates. */
static void plan_tile_layer(maker *m, const char *at, bool gated) {
  int64_t D = m->s.vision_width, F = m->s.vision_inner, one = 1;
  norm(m, at, "input_layernorm", D);
  matrix(m, at, "self_attn.q_proj.weight", SHARP, D, D);
  matrix(m, at, "self_attn.k_proj.weight", SHARP, D, D);
  matrix(m, at, "self_attn.v_proj.weight", 1, D, D);
  matrix(m, at, "self_attn.o_proj.weight", 1, D, D);
  norm(m, at, "post_attention_layernorm", D);
  linear(m, at, "mlp.fc1", 1, F, D);
  linear(m, at, "mlp.fc2", 1, D, F);
  if (!gated) return;
  plan(m, at, "gate_attn", 0.7, 0.1, 1, &one);
  plan(m, at, "gate_ffn", 0.7, 0.1, 1, &one);
}

static void plan_tile_vision(maker *m) {
  int64_t D = m->s.vision_width, side = m->s.patch, grid = m->s.image_size / m->s.patch;
  int64_t rows = grid * grid + 1, patch[] = {D, 3, side, side}, one = 1;
  const char *at = "vision_model.";
  char layer[NAME];
  int features[5] = {0}, gated = gated_layers(&m->s), n = feature_layers(&m->s, features);
  plan(m, at, "patch_embedding.weight", 0, 1 / sqrt(3.0 * (double)(side * side)), 4, patch);
  vector(m, at, "class_embedding", 0, D);
  matrix(m, at, "gated_positional_embedding.embedding", 1, rows, D);
  plan(m, at, "gated_positional_embedding.gate", 0.7, 0.1, 1, &one);
  plan(m, at, "gated_positional_embedding.tile_embedding.weight", 0, 0.1, 2,
       (int64_t[]){9, 4 * rows * D});
  plan(m, at, "pre_tile_positional_embedding.embedding.weight", 0, 0.1, 2, (int64_t[]){9, 4 * D});
  plan(m, at, "pre_tile_positional_embedding.gate", 0.7, 0.1, 1, &one);
  plan(m, at, "post_tile_positional_embedding.embedding.weight", 0, 0.1, 2, (int64_t[]){9, 4 * D});
  plan(m, at, "post_tile_positional_embedding.gate", 0.7, 0.1, 1, &one);
  norm(m, at, "layernorm_pre", D);
  norm(m, at, "layernorm_post", D);
  for (int i = 0; i < m->s.vision_layers + gated; i++) {
    int last = i - m->s.vision_layers;
    snprintf(layer, sizeof layer, "%s%s.layers.%d.", at,
             last < 0 ? "transformer" : "global_transformer", last < 0 ? i : last);
    plan_tile_layer(m, layer, last >= 0);
  }
  linear(m, "", "multi_modal_projector", 1, m->s.width, D * (1 + n));
}

static void plan_scaled_vision(maker *m) {
  int64_t D = m->s.vision_width, F = m->s.vision_inner, W = m->s.width, side = m->s.patch;
  int64_t grid = m->s.image_size / m->s.patch;
  const char *at = "vision_tower.", *out = "multi_modal_projector.";
  char layer[NAME];
  plan(m, at, "embeddings.cls_token", 0, 0.5, 3, (int64_t[]){1, 1, D});
  plan(m, at, "embeddings.position_embeddings", 0, 0.5, 3, (int64_t[]){1, 1 + grid * grid, D});
  plan(m, at, "embeddings.patch_embeddings.projection.weight", 0,
       1 / sqrt(3.0 * (double)(side * side)), 4, (int64_t[]){D, 3, side, side});
  vector(m, at, "embeddings.patch_embeddings.projection.bias", 0, D);
  for (int i = 0; i < m->s.vision_layers; i++) {
    snprintf(layer, sizeof layer, "%sencoder.layer.%d.", at, i);
    norm(m, layer, "layernorm_before", D);
    linear(m, layer, "attention.q_proj", SHARP, D, D);
    linear(m, layer, "attention.k_proj", SHARP, D, D);
    linear(m, layer, "attention.v_proj", 1, D, D);
    linear(m, layer, "attention.projection_layer", 1, D, D);
    vector(m, layer, "lambda_1", 1, D);
    norm(m, layer, "layernorm_after", D);
    linear(m, layer, "mlp.fc1", 1, F, D);
    linear(m, layer, "mlp.fc2", 1, D, F);
    vector(m, layer, "lambda_2", 1, D);
  }
  norm(m, out, "layer_norm", 4 * D);
  linear(m, out, "linear_1", 1, W, 4 * D);
  linear(m, out, "linear_2", 1, W, W);
}

static void plan_vision(maker *m) {
  bool llava = is_hf(m), clip = llava && m->s.family != ONEVISION && !is_gemma_vision(&m->s);
  bool idefics = m->s.family == IDEFICS;
  const char *at = llava     ? "vision_tower.vision_model."
                   : idefics ? "model.vision_model."
                             : "model.vision_tower.vision_tower.vision_model.";
  const char *out = llava ? "multi_modal_projector.linear_" : "model.mm_projector.";
  int64_t D = m->s.vision_width, F = m->s.vision_inner, W = m->s.width, side = m->s.patch;
  int64_t grid = m->s.image_size / m->s.patch, patch[] = {D, 3, side, side};
  char layer[NAME];
  plan(m, at, "embeddings.patch_embedding.weight", 0, 1 / sqrt(3.0 * (double)(side * side)), 4,
       patch);
  matrix(m, at, "embeddings.position_embedding.weight", 1, grid * grid + clip, D);
  if (clip) {
    vector(m, at, "embeddings.class_embedding", 0, D);
    norm(m, at, "pre_layrnorm", D);
  } else {
    vector(m, at, "embeddings.patch_embedding.bias", 0, D);
  }
  for (int i = 0; i < m->s.vision_layers; i++) {
    snprintf(layer, sizeof layer, "%sencoder.layers.%d.", at, i);
    norm(m, layer, "layer_norm1", D);
    linear(m, layer, "self_attn.q_proj", SHARP, D, D);
    linear(m, layer, "self_attn.k_proj", SHARP, D, D);
    linear(m, layer, "self_attn.v_proj", 1, D, D);
    linear(m, layer, "self_attn.out_proj", 1, D, D);
    norm(m, layer, "layer_norm2", D);
    linear(m, layer, "mlp.fc1", 1, F, D);
    linear(m, layer, "mlp.fc2", 1, D, F);
  }
  norm(m, at, "post_layernorm", D);
  if (idefics) {
    matrix(m, "model.connector.modality_projection.", "proj.weight", 1, W, 16 * D);
    return;
  }
  if (m->s.family == GEMMA3_VISION) { /* its matrix is (in, out) */
    vector(m, "multi_modal_projector.", "mm_soft_emb_norm.weight", 0, D);
    plan(m, "multi_modal_projector.", "mm_input_projection_weight", 0, 1 / sqrt((double)D), 2,
         (int64_t[]){D, W});
    return;
  }
  if (m->s.family == PALIGEMMA) {
    linear(m, "multi_modal_projector.", "linear", 1, W, D);
    return;
  }
  linear(m, out, llava ? "1" : "0", 1, W, D);
  linear(m, out, "2", 1, W, W);
  if (is_tiled(m)) vector(m, "", "image_newline", 0, W);
}

void plan_llava(maker *m) {
  if (m->s.family == INTERNVL)
    plan_scaled_vision(m);
  else
    plan_vision(m);
  plan_decoder(m);
}

void plan_qwen(maker *m) {
  plan_qwen_vision(m);
  plan_decoder(m);
}

void plan_mllama(maker *m) {
  plan_tile_vision(m);
  plan_decoder(m);
}

/* A matrix as GPT-2's files have it, (in, out), and its bias. */
static void turned(maker *m, const char *prefix, const char *name, double gain, int64_t in,
                   int64_t out) {
  char path[NAME];
  join(path, prefix, name);
  plan(m, path, ".weight", 0, gain / sqrt((double)in), 2, (int64_t[]){in, out});
  vector(m, path, ".bias", 0, out);
}

static void plan_gpt2(maker *m) {
  int64_t D = m->s.width, F = m->s.inner;
  char layer[NAME];
  matrix(m, "", "wte.weight", SURE, m->s.vocab, D);
  matrix(m, "", "wpe.weight", 1, 1024, D);
  for (int i = 0; i < m->s.layers; i++) {
    snprintf(layer, sizeof layer, "h.%d.", i);
    norm(m, layer, "ln_1", D);
    turned(m, layer, "attn.c_attn", SHARP, D, 3 * D);
    turned(m, layer, "attn.c_proj", 1, D, D);
    norm(m, layer, "ln_2", D);
    turned(m, layer, "mlp.c_fc", 1, D, F);
    turned(m, layer, "mlp.c_proj", 1, F, D);
  }
  norm(m, "", "ln_f", D);
}

/* Gemma's norms multiply by 1 + w; the first Gemma's are LLaMA's two. */
static void plan_text_layer(maker *m, const char *at) {
  family f = m->s.family == GEMMA3_VISION ? GEMMA3 : m->s.family;
  int64_t D = m->s.width, F = m->s.inner, K = head_of(&m->s), GK = K * m->s.kv_heads;
  bool gemma = f == GEMMA2 || f == GEMMA3, fused = f == PHI3;
  double one = gemma || f == PALIGEMMA ? 0 : 1;
  vector(m, at, "input_layernorm.weight", one, D);
  if (fused) {
    matrix(m, at, "self_attn.qkv_proj.weight", SHARP, K * m->s.heads + 2 * GK, D);
    matrix(m, at, "mlp.gate_up_proj.weight", 1, 2 * F, D);
  } else {
    matrix(m, at, "self_attn.q_proj.weight", SHARP, K * m->s.heads, D);
    matrix(m, at, "self_attn.k_proj.weight", SHARP, GK, D);
    matrix(m, at, "self_attn.v_proj.weight", 1, GK, D);
    matrix(m, at, "mlp.gate_proj.weight", 1, F, D);
    matrix(m, at, "mlp.up_proj.weight", 1, F, D);
  }
  if (f == QWEN3 || f == QWEN3_VL || f == GEMMA3) {
    vector(m, at, "self_attn.q_norm.weight", one, K);
    vector(m, at, "self_attn.k_norm.weight", one, K);
  }
  matrix(m, at, "self_attn.o_proj.weight", 1, D, K * m->s.heads);
  vector(m, at, "post_attention_layernorm.weight", one, D);
  if (gemma) vector(m, at, "pre_feedforward_layernorm.weight", one, D);
  if (gemma) vector(m, at, "post_feedforward_layernorm.weight", one, D);
  matrix(m, at, "mlp.down_proj.weight", 1, D, F);
}

/* Rows that several patches make, by a norm of each or of all together. */
static void plan_merger(maker *m, const char *at, int64_t normed) {
  int64_t D = 4 * m->s.vision_width;
  norm(m, at, "norm", normed);
  linear(m, at, "linear_fc1", 1, D, D);
  linear(m, at, "linear_fc2", 1, m->s.width, D);
}

int deep_blocks(const shape *s, int out[3]) {
  int n = s->vision_layers < 3 ? 1 : 3;
  for (int i = 0; i < n; i++) {
    out[i] = s->vision_layers > 24 ? 8 * (i + 1) : n < 3 ? 0 : s->vision_layers * (i + 1) / 4;
  }
  return n;
}

void plan_qwen3_vl(maker *m) {
  int64_t D = m->s.vision_width, F = m->s.vision_inner, side = m->s.patch;
  int64_t table = m->s.image_size / m->s.patch;
  const char *at = "model.visual.";
  char layer[NAME];
  int blocks[3], n = deep_blocks(&m->s, blocks);
  plan(m, at, "patch_embed.proj.weight", 0, 1 / sqrt(6.0 * (double)(side * side)), 5,
       (int64_t[]){D, 3, 2, side, side});
  vector(m, at, "patch_embed.proj.bias", 0, D);
  matrix(m, at, "pos_embed.weight", SURE, table * table, D);
  for (int i = 0; i < m->s.vision_layers; i++) {
    snprintf(layer, sizeof layer, "%sblocks.%d.", at, i);
    norm(m, layer, "norm1", D);
    linear(m, layer, "attn.qkv", SHARP, 3 * D, D);
    linear(m, layer, "attn.proj", 1, D, D);
    norm(m, layer, "norm2", D);
    linear(m, layer, "mlp.linear_fc1", 1, F, D);
    linear(m, layer, "mlp.linear_fc2", 1, D, F);
  }
  plan_merger(m, "model.visual.merger.", D);
  for (int i = 0; i < n; i++) {
    snprintf(layer, sizeof layer, "%sdeepstack_merger_list.%d.", at, i);
    plan_merger(m, layer, 4 * D);
  }
  matrix(m, "model.language_model.", "embed_tokens.weight", SURE, m->s.vocab, m->s.width);
  for (int i = 0; i < m->s.layers; i++) {
    snprintf(layer, sizeof layer, "model.language_model.layers.%d.", i);
    plan_text_layer(m, layer);
  }
  vector(m, "model.language_model.", "norm.weight", 1, m->s.width);
  matrix(m, "", "lm_head.weight", SURE, m->s.vocab, m->s.width);
}

void plan_text(maker *m) {
  bool sees = is_gemma_vision(&m->s);
  bool tied = m->s.family == GEMMA2 || m->s.family == GEMMA3 || sees;
  const char *at = sees ? "language_model.model." : "model.";
  char layer[NAME];
  if (m->s.family == GPT2) {
    plan_gpt2(m);
    return;
  }
  matrix(m, at, "embed_tokens.weight", SURE, m->s.vocab, m->s.width);
  for (int i = 0; i < m->s.layers; i++) {
    snprintf(layer, sizeof layer, "%slayers.%d.", at, i);
    plan_text_layer(m, layer);
  }
  vector(m, at, "norm.weight", tied ? 0 : 1, m->s.width);
  if (!tied) matrix(m, "", "lm_head.weight", SURE, m->s.vocab, m->s.width);
}

void plan_gemma_vision(maker *m) {
  plan_vision(m);
  plan_text(m);
}
