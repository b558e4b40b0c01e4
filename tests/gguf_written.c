/* See gguf_written.h. */
#include "gguf_written.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"

#include <cmocka.h>

/* ---------------------------------------------------------------- weights */

/* A weight as F32; of a turned one, the channels that rotate together side by side. */
static void put_weight(gguf_maker *m, const char *name, const weight *w, int turned) {
  if (!w->data) return;
  int64_t n = w->rows * w->cols;
  float *x = malloc((size_t)n * sizeof *x), *y = malloc((size_t)n * sizeof *y);
  assert_true(x && y);
  dtype_to_f32(w->type, w->data, x, n);
  for (int64_t r = 0; r < w->rows; r++) {
    int64_t at = r % (turned ? turned : 1), half = turned / 2;
    int64_t to = turned ? r - at + at % half * 2 + at / half : r;
    memcpy(y + to * w->cols, x + r * w->cols, (size_t)w->cols * sizeof *x);
  }
  uint64_t dims[2] = {(uint64_t)w->cols, (uint64_t)w->rows};
  make_tensor(m, name, w->rows == 1 ? 1 : 2, dims, 0, y, (size_t)n * sizeof *y);
  free(x);
  free(y);
}

static void put_linear(gguf_maker *m, const char *begin, const linear_weights *w, int turned) {
  char name[128];
  snprintf(name, sizeof name, "%s.weight", begin);
  put_weight(m, name, &w->w, turned);
  snprintf(name, sizeof name, "%s.bias", begin);
  put_weight(m, name, &w->b, 0);
}

static void put_norm(gguf_maker *m, const char *begin, const norm_weights *w) {
  linear_weights both = {w->w, w->b};
  put_linear(m, begin, &both, 0);
}

static const char *block(const char *begin, int layer, const char *part) {
  static char name[128];
  snprintf(name, sizeof name, "%s.%d.%s", begin, layer, part);
  return name;
}

/* Phi's queries, keys and values under one name, [rows][D] and biases. */
static void put_joined(gguf_maker *m, int layer, const decoder_layer *l) {
  const linear_weights *parts[3] = {&l->q, &l->k, &l->v};
  for (int is_bias = 0; is_bias < 2; is_bias++) {
    made_bytes all = {0};
    int64_t rows = 0, cols = 0;
    for (int i = 0; i < 3; i++) {
      const weight *w = is_bias ? &parts[i]->b : &parts[i]->w;
      int64_t count = w->rows * w->cols;
      float *x = malloc((size_t)count * sizeof *x);
      assert_non_null(x);
      dtype_to_f32(w->type, w->data, x, count);
      made_put(&all, x, (size_t)count * sizeof *x);
      free(x);
      rows += w->rows;
      cols = is_bias ? cols + count : w->cols;
    }
    make_tensor(m, block("blk", layer, is_bias ? "attn_qkv.bias" : "attn_qkv.weight"),
                is_bias ? 1 : 2, (const uint64_t[]){(uint64_t)cols, (uint64_t)rows}, 0, all.at,
                all.n);
    free(all.at);
  }
}

static void put_layer(gguf_maker *m, const checkpoint *c, int i) {
  const decoder_layer *l = &c->layers[i];
  bool parallel = c->config.text.parallel;
  int turned = parallel ? 0 : c->config.text.head_dim;
  put_norm(m, block("blk", i, "attn_norm"), &l->norm1);
  if (parallel) {
    put_joined(m, i, l);
  } else {
    put_linear(m, block("blk", i, "attn_q"), &l->q, turned);
    put_linear(m, block("blk", i, "attn_k"), &l->k, turned);
    put_linear(m, block("blk", i, "attn_v"), &l->v, 0);
    put_norm(m, block("blk", i, "ffn_norm"), &l->norm2);
    put_linear(m, block("blk", i, "ffn_gate"), &l->gate, 0);
  }
  put_linear(m, block("blk", i, "attn_output"), &l->o, 0);
  put_linear(m, block("blk", i, "ffn_up"), &l->up, 0);
  put_linear(m, block("blk", i, "ffn_down"), &l->down, 0);
}

static void put_text_weights(gguf_maker *m, const checkpoint *c) {
  put_weight(m, "token_embd.weight", &c->embed, 0);
  put_norm(m, "output_norm", &c->final_norm);
  if (c->head.w.data != c->embed.data) put_linear(m, "output", &c->head, 0);
  for (int i = 0; i < c->config.text.layers; i++) put_layer(m, c, i);
}

/* ---------------------------------------------------------------- metadata */

static void put_config(gguf_maker *m, const char *arch, const decoder_config *d) {
  char key[128];
#define NUMBER(name, x)                                                                            \
  (snprintf(key, sizeof key, "%s.%s", arch, name), make_u32(m, key, (uint32_t)(x)))
#define REAL(name, x) (snprintf(key, sizeof key, "%s.%s", arch, name), make_f32(m, key, (float)(x)))
  make_text(m, "general.architecture", arch);
  NUMBER("block_count", d->layers);
  NUMBER("embedding_length", d->width);
  NUMBER("feed_forward_length", d->inner);
  NUMBER("context_length", d->max_positions);
  NUMBER("attention.head_count", d->heads);
  NUMBER("attention.head_count_kv", d->kv_heads);
  NUMBER("attention.key_length", d->head_dim);
  NUMBER("attention.value_length", d->head_dim);
  NUMBER("rope.dimension_count", d->rotary_dim);
  NUMBER("vocab_size", d->vocab);
  REAL("rope.freq_base", d->rope.theta);
  REAL(d->parallel ? "attention.layer_norm_epsilon" : "attention.layer_norm_rms_epsilon", d->eps);
}

/* The tokens by id; those that a tokenizer.json does not have are padding, as in real files. */
static js_value *read_tokens(const char *dir, const char **tokens, int *types, int n) {
  char path[256];
  js_value *root;
  const char *key;
  const js_value *v;
  snprintf(path, sizeof path, "%s/tokenizer.json", dir);
  loci_err err;
  if (js_parse_file(path, 1 << 24, &root, &err)) fail_msg("%s", err.msg);
  for (int i = 0; i < n; i++) tokens[i] = NULL, types[i] = 5;
  const js_value *vocab = js_get(js_get(root, "model"), "vocab"),
                 *added = js_get(root, "added_tokens");
  for (void *it = js_first(vocab, &key, &v); it; it = js_next(vocab, it, &key, &v)) {
    int64_t id = 0;
    assert_true(js_int_of(v, &id) && id < n);
    tokens[id] = key;
    types[id] = strncmp(key, "<0x", 3) == 0 ? 6 : 1;
  }
  for (int64_t i = 0; i < js_count(added); i++) {
    int64_t id = 0;
    bool special = false;
    const js_value *a = js_at(added, i);
    assert_true(js_int_of(js_get(a, "id"), &id) && id < n &&
                js_bool_of(js_get(a, "special"), &special));
    tokens[id] = js_text_of(js_get(a, "content"), NULL);
    types[id] = special ? strcmp(tokens[id], "<unk>") == 0 ? 2 : 3 : 4;
  }
  return root;
}

/* A merge's rank is the score of what it makes; SentencePiece asks for no more. */
static void put_scores(gguf_maker *m, const js_value *merges, const char *const *tokens, int n) {
  float *scores = calloc((size_t)n, sizeof *scores);
  assert_non_null(scores);
  for (int i = 0; i < n; i++) scores[i] = -1e6F;
  for (int64_t k = js_count(merges) - 1; k >= 0; k--) {
    char both[256];
    const js_value *pair = js_at(merges, k);
    const char *one = js_text_of(pair, NULL);
    if (one) {
      const char *blank = strchr(one, ' ');
      snprintf(both, sizeof both, "%.*s%s", (int)(blank - one), one, blank + 1);
    } else {
      snprintf(both, sizeof both, "%s%s", js_text_of(js_at(pair, 0), NULL),
               js_text_of(js_at(pair, 1), NULL));
    }
    for (int i = 0; i < n; i++) {
      if (strcmp(tokens[i], both) == 0) scores[i] = (float)-k;
    }
  }
  make_array(m, "tokenizer.ggml.scores", MAKE_F32, (uint64_t)n);
  made_put(&m->values, scores, (size_t)n * sizeof *scores);
  free(scores);
}

static void put_merges(gguf_maker *m, const js_value *merges) {
  make_array(m, "tokenizer.ggml.merges", MAKE_TEXT, (uint64_t)js_count(merges));
  for (int64_t k = 0; k < js_count(merges); k++) {
    char both[256];
    const js_value *pair = js_at(merges, k);
    const char *one = js_text_of(pair, NULL);
    if (!one) {
      snprintf(both, sizeof both, "%s %s", js_text_of(js_at(pair, 0), NULL),
               js_text_of(js_at(pair, 1), NULL));
      one = both;
    }
    made_text(&m->values, one, strlen(one));
  }
}

static void put_tokenizer(gguf_maker *m, const char *dir, const checkpoint *c, bool bytes) {
  int n = c->config.text.vocab;
  const char **tokens = calloc((size_t)n, sizeof *tokens);
  int *types = calloc((size_t)n, sizeof *types);
  char(*padding)[24] = calloc((size_t)n, sizeof *padding);
  assert_true(tokens && types && padding);
  js_value *root = read_tokens(dir, tokens, types, n);
  for (int i = 0; i < n; i++) {
    if (tokens[i]) continue;
    snprintf(padding[i], sizeof padding[i], "[PAD%d]", i);
    tokens[i] = padding[i];
  }
  make_text(m, "tokenizer.ggml.model", bytes ? "gpt2" : "llama");
  make_text(m, "tokenizer.ggml.pre", bytes ? "phi-2" : "default");
  make_array(m, "tokenizer.ggml.tokens", MAKE_TEXT, (uint64_t)n);
  for (int i = 0; i < n; i++) made_text(&m->values, tokens[i], strlen(tokens[i]));
  make_array(m, "tokenizer.ggml.token_type", MAKE_I32, (uint64_t)n);
  for (int i = 0; i < n; i++) made_u32(&m->values, (uint32_t)types[i]);
  const js_value *merges = js_get(js_get(root, "model"), "merges");
  if (bytes) {
    put_merges(m, merges);
  } else {
    put_scores(m, merges, tokens, n);
    make_u32(m, "tokenizer.ggml.unknown_token_id", 0);
    make_u32(m, "tokenizer.ggml.bos_token_id", (uint32_t)c->config.bos);
  }
  make_u32(m, "tokenizer.ggml.eos_token_id", (uint32_t)c->config.eos[0]);
  js_free(root);
  free(tokens);
  free(types);
  free(padding);
}

void written_text(gguf_maker *m, const char *dir, const checkpoint *c) {
  bool phi = c->config.text.parallel;
  put_config(m, phi ? "phi2" : "llama", &c->config.text);
  put_tokenizer(m, dir, c, phi);
  put_text_weights(m, c);
}

void written_split(gguf_maker *one, gguf_maker *two, const char *dir, const checkpoint *c) {
  put_config(one, "llama", &c->config.text);
  put_tokenizer(one, dir, c, false);
  make_u32(one, "split.no", 0);
  make_u32(one, "split.count", 2);
  make_u32(two, "split.no", 1);
  make_u32(two, "split.count", 2);
  put_weight(one, "token_embd.weight", &c->embed, 0);
  put_norm(two, "output_norm", &c->final_norm);
  if (c->head.w.data != c->embed.data) put_linear(two, "output", &c->head, 0);
  for (int i = 0; i < c->config.text.layers; i++) put_layer(i < 2 ? one : two, c, i);
}

void written_eyes(gguf_maker *m, const checkpoint *c, bool old) {
  static const float clip[2][3] = {{0.48145466F, 0.4578275F, 0.40821073F},
                                   {0.26862954F, 0.26130258F, 0.27577711F}};
  const vision_config *v = &c->config.vision;
  make_text(m, "general.architecture", "clip");
  make_text(m, "clip.projector_type", "mlp");
  make_u32(m, "clip.vision.image_size", (uint32_t)v->image_size);
  make_u32(m, "clip.vision.patch_size", (uint32_t)v->patch);
  make_u32(m, "clip.vision.embedding_length", (uint32_t)v->width);
  make_u32(m, "clip.vision.feed_forward_length", (uint32_t)v->inner);
  make_u32(m, "clip.vision.block_count",
           (uint32_t)(old ? v->feature_depth[0] + 1 : v->feature_depth[0]));
  make_u32(m, "clip.vision.attention.head_count", (uint32_t)v->heads);
  make_f32(m, "clip.vision.attention.layer_norm_epsilon", (float)v->eps);
  if (!old) {
    make_array(m, "clip.vision.feature_layer", MAKE_I32, 1);
    made_u32(&m->values, (uint32_t)v->feature_depth[0]);
  }
  for (int i = 0; i < 2; i++) {
    make_array(m, i ? "clip.vision.image_std" : "clip.vision.image_mean", MAKE_F32, 3);
    made_put(&m->values, clip[i], sizeof clip[i]);
  }
  make_bool(m, "clip.use_gelu", v->act == ACT_GELU_ERF);
  uint64_t patch[4] = {(uint64_t)v->patch, (uint64_t)v->patch, 3, (uint64_t)v->width};
  int64_t n = c->patch.w.rows * c->patch.w.cols;
  float *x = malloc((size_t)n * sizeof *x);
  assert_non_null(x);
  dtype_to_f32(c->patch.w.type, c->patch.w.data, x, n);
  make_tensor(m, "v.patch_embd.weight", 4, patch, 0, x, (size_t)n * sizeof *x);
  free(x);
  put_weight(m, "v.class_embd", &c->class_embedding, 0);
  put_weight(m, "v.position_embd.weight", &c->position, 0);
  put_norm(m, "v.pre_ln", &c->pre_norm);
  for (int i = 0; i < v->feature_depth[0]; i++) {
    const vision_layer *l = &c->vision_layers[i];
    put_norm(m, block("v.blk", i, "ln1"), &l->norm1);
    put_norm(m, block("v.blk", i, "ln2"), &l->norm2);
    put_linear(m, block("v.blk", i, "attn_q"), &l->q, 0);
    put_linear(m, block("v.blk", i, "attn_k"), &l->k, 0);
    put_linear(m, block("v.blk", i, "attn_v"), &l->v, 0);
    put_linear(m, block("v.blk", i, "attn_out"), &l->o, 0);
    put_linear(m, block("v.blk", i, old ? "ffn_down" : "ffn_up"), &l->fc1, 0);
    put_linear(m, block("v.blk", i, old ? "ffn_up" : "ffn_down"), &l->fc2, 0);
  }
  put_linear(m, "mm.0", &c->projector.linear[0], 0);
  put_linear(m, "mm.2", &c->projector.linear[1], 0);
}
