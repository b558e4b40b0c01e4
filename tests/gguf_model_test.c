/* A checkpoint written once more as GGUF, as llama.cpp has it: the same tokens, the same answers
 * and the same traces.  The files are made here, of the small models under tests/golden: LLaMA with
 * its turned queries and keys, Phi with its joined ones, LLaVA-1.5 with a file of its own for the
 * tower and projector, and a split. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/json.h"
#include "checkpoint/weights.h"
#include "gguf_make.h"
#include "loci.h"
#include "loci_edit.h"

#include <cmocka.h>

#define MODELS LOCI_SOURCE_DIR "/tests/golden/models/"
#define IMAGE LOCI_SOURCE_DIR "/models/flags/images/ukraine.png"

static loci_err err;
static char folder[] = "/tmp/loci-gguf-XXXXXX";

static int make_folder(void **state) {
  (void)state;
  return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state) {
  (void)state;
  char command[64];
  snprintf(command, sizeof command, "rm -rf %s", folder);
  return system(command);
}

static void path_of(const char *name, char out[128]) { snprintf(out, 128, "%s/%s", folder, name); }

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

static void put_text(gguf_maker *m, const char *dir, const checkpoint *c) {
  bool phi = c->config.text.parallel;
  put_config(m, phi ? "phi2" : "llama", &c->config.text);
  put_tokenizer(m, dir, c, phi);
  put_text_weights(m, c);
}

/* [old]: the MLP's matrices under each other's names, and no word about the feature's layer. */
static void put_eyes(gguf_maker *m, const checkpoint *c, bool old) {
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
  put_linear(m, "mm.0", &c->projector[0], 0);
  put_linear(m, "mm.2", &c->projector[1], 0);
}

/* ---------------------------------------------------------------- comparing */

static loci_model *open_model(const char *path, const char *mmproj) {
  loci_model *m;
  loci_model_opts o = {
      .size = sizeof o, .precision = LOCI_PRECISION_F32, .threads = 1, .mmproj = mmproj};
  if (loci_model_open(path, &o, &m, &err)) fail_msg("%s", err.msg);
  return m;
}

static loci_prompt *ask_about(const loci_model *m, const char *image) {
  static const char *const constraint[] = {"this country"};
  loci_question q = {.size = sizeof q,
                     .image = image,
                     .text = "What is the capital of this country?",
                     .template_name = "llava-paper",
                     .constraints = constraint,
                     .constraint_count = 1};
  loci_prompt *p;
  if (loci_prompt_new(m, &q, &p, &err)) fail_msg("%s", err.msg);
  return p;
}

/* Sums of f32 in other orders, by kernels for few rows or for many. */
static const double NEAR = 2e-6;

static void assert_same_answer(const loci_model *a, const loci_prompt *pa, const loci_model *b,
                               const loci_prompt *pb) {
  loci_answer *x, *y;
  if (loci_ask(a, pa, 4, NULL, NULL, &x, &err)) fail_msg("%s", err.msg);
  if (loci_ask(b, pb, 4, NULL, NULL, &y, &err)) fail_msg("%s", err.msg);
  assert_int_equal(x->count, y->count);
  assert_true(x->count > 0);
  for (int i = 0; i < x->count; i++) {
    assert_int_equal(x->ids[i], y->ids[i]);
    assert_true(fabs(x->top[i][0].p - y->top[i][0].p) < NEAR);
  }
  loci_free(x);
  loci_free(y);
}

/* Estimates by gradients, so that the way back is compared, too. */
static void assert_same_trace(const loci_model *a, const loci_prompt *pa, const loci_model *b,
                              const loci_prompt *pb) {
  loci_trace_opts o = {.size = sizeof o, .corrupt = "replace:Paris", .screen = 6, .no_hash = true};
  loci_trace *x, *y;
  if (loci_trace_new(a, pa, &o, &x, &err)) fail_msg("%s", err.msg);
  if (loci_trace_new(b, pb, &o, &y, &err)) fail_msg("%s", err.msg);
  assert_int_equal(x->grid_count, y->grid_count);
  double most = 0;
  for (int g = 0; g < x->grid_count; g++) {
    const loci_grid *u = &x->grids[g], *v = &y->grids[g];
    for (int i = 0; i < u->layer_count * u->column_count; i++) {
      assert_true(fabs(u->estimates[i].p - v->estimates[i].p) < NEAR);
      most = fmax(most, fabs(u->estimates[i].p));
    }
  }
  assert_true(most > 10 * NEAR); /* something is compared */
  loci_free(x);
  loci_free(y);
}

static void assert_same_models(const char *dir, const char *path, const char *mmproj,
                               const char *image) {
  loci_model *a = open_model(dir, NULL), *b = open_model(path, mmproj);
  loci_prompt *p = ask_about(a, image), *q = ask_about(b, image);
  const loci_prompt_info *u = loci_prompt_get_info(p), *v = loci_prompt_get_info(q);
  assert_int_equal(u->length, v->length);
  for (int i = 0; i < u->length; i++) {
    if (u->tokens[i].id != v->tokens[i].id && v->tokens[i].id >= 0) {
      fail_msg("token %d: %d and %d", i, u->tokens[i].id, v->tokens[i].id);
    }
  }
  assert_string_equal(loci_model_get_info(b)->layout, "gguf");
  assert_same_answer(a, p, b, q);
  assert_same_trace(a, p, b, q);
  loci_prompt_free(p);
  loci_prompt_free(q);
  loci_model_close(a);
  loci_model_close(b);
}

static checkpoint *open_weights(const char *dir) {
  checkpoint *c;
  if (checkpoint_open(dir, &c, &err)) fail_msg("%s", err.msg);
  return c;
}

static void write_text(const char *dir, const char *name, char path[128]) {
  gguf_maker m = {0};
  checkpoint *c = open_weights(dir);
  put_text(&m, dir, c);
  path_of(name, path);
  make_write(&m, path);
  make_clear(&m);
  checkpoint_close(c);
}

static void a_llama_is_the_same_model(void **state) {
  (void)state;
  char path[128];
  write_text(MODELS "text-llama", "llama.gguf", path);
  assert_same_models(MODELS "text-llama", path, NULL, NULL);
}

static void a_phi_is_the_same_model(void **state) {
  (void)state;
  char path[128];
  write_text(MODELS "text-phi", "phi.gguf", path);
  assert_same_models(MODELS "text-phi", path, NULL, NULL);
}

/* The picture is a square, so that padding does nothing. */
static void a_llava_sees_the_same(void **state) {
  (void)state;
  static const char dir[] = MODELS "llava-clip-llama";
  char text[128], eyes[128];
  if (access(IMAGE, R_OK) != 0) skip();
  write_text(dir, "llava.gguf", text);
  for (int old = 0; old < 2; old++) {
    gguf_maker m = {0};
    checkpoint *c = open_weights(dir);
    put_eyes(&m, c, old);
    path_of(old ? "old-mmproj.gguf" : "mmproj.gguf", eyes);
    make_write(&m, eyes);
    make_clear(&m);
    checkpoint_close(c);
    assert_same_models(dir, text, eyes, IMAGE);
  }
}

/* The second file of a split says that it is of three; then the first one's count of tensors is
 * wrong. */
static void a_split_that_contradicts_itself_is_refused(void **state) {
  (void)state;
  static const uint32_t lies[][2] = {{3, 2}, {2, 7}}; /* files, tensors */
  for (int i = 0; i < 2; i++) {
    char first[128], second[128];
    const float values[32] = {0};
    loci_model *m;
    gguf_maker one = {0}, two = {0};
    make_text(&one, "general.architecture", "llama");
    make_u32(&one, "split.no", 0);
    make_u32(&one, "split.count", 2);
    make_u32(&one, "split.tensors.count", lies[i][1]);
    make_u32(&two, "split.no", 1);
    make_u32(&two, "split.count", lies[i][0]);
    make_tensor(&one, "a", 1, (const uint64_t[]){32}, 0, values, sizeof values);
    make_tensor(&two, "b", 1, (const uint64_t[]){32}, 0, values, sizeof values);
    path_of("l-00001-of-00002.gguf", first);
    path_of("l-00002-of-00002.gguf", second);
    make_write(&one, first);
    make_write(&two, second);
    assert_int_equal(loci_model_open(first, NULL, &m, &err), LOCI_EFORMAT);
    assert_non_null(strstr(err.msg, i ? "is 7, its files hold 2" : "of a split of 3 files"));
    make_clear(&one);
    make_clear(&two);
  }
}

/* Weights in the first file, others in the second. */
static void a_split_is_read_whole(void **state) {
  (void)state;
  static const char dir[] = MODELS "text-llama";
  char first[128], second[128];
  checkpoint *c = open_weights(dir);
  gguf_maker one = {0}, two = {0};
  put_config(&one, "llama", &c->config.text);
  put_tokenizer(&one, dir, c, false);
  make_u32(&one, "split.no", 0);
  make_u32(&one, "split.count", 2);
  make_u32(&two, "split.no", 1);
  make_u32(&two, "split.count", 2);
  put_weight(&one, "token_embd.weight", &c->embed, 0);
  put_norm(&two, "output_norm", &c->final_norm);
  if (c->head.w.data != c->embed.data) put_linear(&two, "output", &c->head, 0);
  for (int i = 0; i < c->config.text.layers; i++) put_layer(i < 2 ? &one : &two, c, i);
  path_of("s-00001-of-00002.gguf", first);
  path_of("s-00002-of-00002.gguf", second);
  make_write(&one, first);
  loci_model *m;
  assert_int_equal(loci_model_open(first, NULL, &m, &err), LOCI_EIO);
  assert_non_null(strstr(err.msg, "this file of the split is missing"));
  make_write(&two, second);
  assert_same_models(dir, first, NULL, NULL);
  assert_int_equal(loci_model_open(second, NULL, &m, &err), LOCI_EINVAL);
  assert_non_null(strstr(err.msg, "file 2 of a split; name its first"));
  make_clear(&one);
  make_clear(&two);
  checkpoint_close(c);
}

static void edits_are_refused(void **state) {
  (void)state;
  char path[128];
  write_text(MODELS "text-llama", "edit.gguf", path);
  loci_model *m = open_model(path, NULL);
  loci_edit_request r = {.target = "Lima"};
  loci_edit *e;
  assert_int_equal(loci_edit_solve(m, &r, 1, NULL, &e, &err), LOCI_EUNSUPPORTED);
  assert_non_null(strstr(err.msg, "is traced and not edited"));
  loci_model_close(m);
}

/* Metadata that ask for another computation, or for nothing that is known. */
static void other_models_are_refused_by_name(void **state) {
  (void)state;
  static const struct {
    const char *key, *text;
    uint32_t number;
    const char *says;
  } cases[] = {
      {"llama.expert_count", NULL, 8, "mixtures of experts are not supported"},
      {"llama.rope.scaling.type", "yarn", 0, "rotary scaling \"yarn\" is not supported"},
      {"general.type", "adapter", 0, "general.type \"adapter\""},
      {"llama.attention.scale", NULL, 2, "attention scales of their own"},
  };
  static const char dir[] = MODELS "text-llama";
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    char path[128];
    checkpoint *c = open_weights(dir);
    gguf_maker m = {0};
    put_text(&m, dir, c);
    if (cases[i].text) make_text(&m, cases[i].key, cases[i].text);
    if (!cases[i].text) make_u32(&m, cases[i].key, cases[i].number);
    path_of("other.gguf", path);
    make_write(&m, path);
    make_clear(&m);
    checkpoint_close(c);
    loci_model *model;
    assert_int_not_equal(loci_model_open(path, NULL, &model, &err), LOCI_OK);
    if (!strstr(err.msg, cases[i].says)) fail_msg("\"%s\" has no \"%s\"", err.msg, cases[i].says);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_llama_is_the_same_model),
      cmocka_unit_test(a_phi_is_the_same_model),
      cmocka_unit_test(a_llava_sees_the_same),
      cmocka_unit_test(a_split_is_read_whole),
      cmocka_unit_test(a_split_that_contradicts_itself_is_refused),
      cmocka_unit_test(edits_are_refused),
      cmocka_unit_test(other_models_are_refused_by_name),
  };
  return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
