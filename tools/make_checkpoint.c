/* Writes a checkpoint of any size with random weights, for benchmarks and tests: the true shapes of
 * LLaVA-1.5-7B, LLaVA-NeXT on Mistral-7B, LLaVA-OneVision-7B, Bunny-3B or Qwen2.5-VL-7B, or any
 * others, in the layout of their files.
 *
 *   make_checkpoint SHAPE DIR [--dtype f16|bf16|f32] [--seed N] [--shard MIB] [--layers N] ...
 *
 * SHAPE is a row of [shapes]; every number of it can be replaced by its option.  DIR is made and
 * must not exist.  Same arguments, same bytes.  The tokenizer is the one of the small model in
 * tests/golden that has the same family, filled up to the vocabulary with words that no text gives.
 *
 * Every matrix has the scale 1/sqrt(columns), so that rows of unit size stay so; queries and keys
 * half as much again, because attention over hundreds of positions would be flat without; the head
 * three times, so that the next token's probabilities are neither flat nor certain. */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/json.h"
#include "base/random.h"
#include "base/size.h"
#include "base/tree.h"
#include "checkpoint/safetensors.h"
#include "tensor/dtype.h"

enum {
  MOST_TENSORS = 1 << 15,
  NAME = 128,
  TABLE = 1 << 16,
  CHUNK = 1 << 18,
  TOKENIZER_BYTES = 1 << 24
};

typedef enum family { LLAVA, BUNNY, QWEN, NEXT, ONEVISION } family;

typedef struct shape {
  const char *name;
  family family;
  int layers, width, inner, heads, kv_heads, vocab;
  int vision_layers, vision_width, vision_inner, vision_heads;
  int image_size, patch; /* Qwen: of a window */
} shape;

static const shape shapes[] = {
    {"7b", LLAVA, 32, 4096, 11008, 32, 32, 32064, 24, 1024, 4096, 16, 336, 14},
    {"bunny-3b", BUNNY, 32, 2560, 10240, 32, 32, 50295, 27, 1152, 4304, 16, 384, 14},
    {"middle", LLAVA, 24, 1024, 2816, 16, 16, 8192, 6, 256, 1024, 4, 112, 7},
    {"tiny", LLAVA, 3, 64, 128, 4, 2, 700, 3, 32, 64, 2, 28, 7},
    {"llava-next-7b", NEXT, 32, 4096, 14336, 32, 8, 32064, 24, 1024, 4096, 16, 336, 14},
    {"onevision-7b", ONEVISION, 28, 3584, 18944, 28, 4, 152000, 26, 1152, 4304, 16, 384, 14},
    {"tiny-next", NEXT, 3, 64, 128, 4, 2, 700, 3, 32, 64, 2, 28, 7},
    {"tiny-onevision", ONEVISION, 3, 64, 128, 4, 2, 700, 3, 32, 64, 2, 28, 7},
    {"qwen2.5-vl-7b", QWEN, 28, 3584, 18944, 28, 4, 152064, 32, 1280, 3420, 16, 112, 14},
    {"middle-qwen", QWEN, 24, 1024, 2816, 16, 4, 8192, 8, 256, 1024, 4, 112, 14},
    {"tiny-qwen", QWEN, 3, 64, 128, 4, 2, 700, 3, 32, 64, 2, 28, 7},
    {"tiny-bunny", BUNNY, 3, 64, 128, 4, 4, 700, 3, 32, 64, 2, 28, 7},
};

/* What a family takes from its small model, whose tokenizer has [tokens]. */
static const struct {
  const char *model;
  int tokens;
} families[] = {
    {"llava-clip-llama", 605}, {"bunny-siglip-phi", 678}, {"qwen2-5-vl", 614},
    {"llava-next", 605},       {"llava-onevision", 605},
};

typedef struct planned {
  char name[NAME];
  st_tensor t;
  double mean, deviation;
} planned;

typedef struct maker {
  shape s;
  const char *dir;
  dtype type;
  uint64_t seed;
  int64_t shard_bytes;
  planned *tensors;
  int64_t count;
  float table[TABLE]; /* numbers of mean 0 and variance 1 */
  loci_err err;
} maker;

/* ---------------------------------------------------------------- which tensors */

/* Names are the table's own: they fit. */
static void join(char out[NAME], const char *prefix, const char *name) {
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
  if (m->s.family == QWEN || m->s.family == ONEVISION) {
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
  return m->s.family == LLAVA || m->s.family == NEXT || m->s.family == ONEVISION;
}
static bool is_tiled(const maker *m) { return m->s.family == NEXT || m->s.family == ONEVISION; }

static void plan_decoder(maker *m) {
  bool llava = is_hf(m), gated = m->s.family != BUNNY;
  const char *top = llava ? "language_model." : "",
             *at = llava ? "language_model.model." : "model.";
  char layer[NAME];
  matrix(m, at, "embed_tokens.weight", sqrt(m->s.width), m->s.vocab, m->s.width);
  for (int i = 0; i < m->s.layers; i++) {
    snprintf(layer, sizeof layer, "%slayers.%d.", at, i);
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

static void plan_vision(maker *m) {
  bool llava = is_hf(m), clip = llava && m->s.family != ONEVISION;
  const char *at =
      llava ? "vision_tower.vision_model." : "model.vision_tower.vision_tower.vision_model.";
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
  linear(m, out, llava ? "1" : "0", 1, W, D);
  linear(m, out, "2", 1, W, W);
  if (is_tiled(m)) vector(m, "", "image_newline", 0, W);
}

/* ---------------------------------------------------------------- values */

/* Four values for each random number: its quarters choose from a table of Gaussian numbers, in the
 * tensor's own scale and dtype. */
static void fill(const maker *m, int64_t number, uint8_t *out) {
  const planned *p = &m->tensors[number];
  uint32_t *table = malloc(TABLE * sizeof *table);
  if (!table) abort();
  size_t size = dtype_bytes(m->type);
  for (int i = 0; i < TABLE; i++) {
    float x = (float)(p->mean + p->deviation * (double)m->table[i]);
    memcpy(&table[i], &x, sizeof x);
    if (m->type == DTYPE_BF16) table[i] = bf16_from_f32(x);
    if (m->type == DTYPE_F16) table[i] = f16_from_f32(x);
  }
  uint64_t seed = m->seed * MOST_TENSORS + (uint64_t)number;
  int64_t n = p->t.bytes / (int64_t)size;
#pragma omp parallel for schedule(dynamic)
  for (int64_t first = 0; first < n; first += CHUNK) {
    random_source r = random_stream(seed, (uint64_t)first);
    int64_t end = n - first < CHUNK ? n : first + CHUNK;
    uint64_t bits = 0;
    for (int64_t i = first; i < end; i++) {
      bits = i % 4 == 0 ? random_bits(&r) : bits >> 16;
      const uint32_t *value = &table[bits & (TABLE - 1)];
      if (size == 4) memcpy(out + 4 * i, value, 4);
      if (size == 2) memcpy(out + 2 * i, &(uint16_t){(uint16_t)*value}, 2);
    }
  }
  free(table);
}

/* ---------------------------------------------------------------- files */

static char *path_of(const maker *m, const char *name) {
  static char path[4096];
  snprintf(path, sizeof path, "%s/%s", m->dir, name);
  return path;
}

__attribute__((format(printf, 3, 4))) static loci_status write_text(maker *m, const char *name,
                                                                    const char *format, ...) {
  char text[8192];
  va_list args;
  va_start(args, format);
  int n = vsnprintf(text, sizeof text, format, args);
  va_end(args);
  return file_write(path_of(m, name), text, (size_t)n, &m->err);
}

/* Tensors from [first] on that fit into one file; returns the first that does not. */
static int64_t shard_end(const maker *m, int64_t first, int64_t *bytes) {
  int64_t i = first;
  for (*bytes = 0; i < m->count; i++) {
    int64_t more = m->tensors[i].t.bytes;
    if (i > first && *bytes + more > m->shard_bytes) break;
    *bytes += more;
  }
  return i;
}

static loci_status write_shard(maker *m, const char *name, int64_t first, int64_t end,
                               int64_t bytes) {
  static const char *const metadata[] = {"format", "pt", NULL};
  uint8_t *data = malloc((size_t)bytes);
  st_tensor *tensors = calloc((size_t)(end - first), sizeof *tensors);
  loci_status st = data && tensors ? LOCI_OK : fail_nomem(&m->err, "making weights");
  int64_t at = 0;
  for (int64_t i = first; !st && i < end; i++) {
    tensors[i - first] = m->tensors[i].t;
    tensors[i - first].data = data + at;
    fill(m, i, data + at);
    at += m->tensors[i].t.bytes;
  }
  if (!st) st = st_write(path_of(m, name), tensors, end - first, metadata, &m->err);
  free(tensors);
  free(data);
  return st;
}

static loci_status write_weights(maker *m) {
  int64_t total = 0, bytes, end;
  int files = 0, file = 0;
  for (int64_t i = 0; i < m->count; i = end, files++) {
    end = shard_end(m, i, &bytes);
    total += bytes;
  }
  FILE *index = fopen(path_of(m, "model.safetensors.index.json"), "w");
  if (!index) return fail(&m->err, LOCI_EIO, "%s: %s", m->dir, strerror(errno));
  fprintf(index, "{\"metadata\": {\"total_size\": %" PRId64 "},\n \"weight_map\": {", total);
  loci_status st = LOCI_OK;
  for (int64_t i = 0; !st && i < m->count; i = end) {
    char name[64];
    end = shard_end(m, i, &bytes);
    snprintf(name, sizeof name, "model-%05d-of-%05d.safetensors", ++file, files);
    st = write_shard(m, name, i, end, bytes);
    for (int64_t k = i; k < end; k++) {
      fprintf(index, "%s\n  \"%s\": \"%s\"", k ? "," : "", m->tensors[k].name, name);
    }
    printf("%s  %.1f MB\n", name, (double)bytes / 1e6);
  }
  fprintf(index, "}}\n");
  bool written = !ferror(index);
  if ((fclose(index) != 0 || !written) && !st) {
    st = fail(&m->err, LOCI_EIO, "%s: the index cannot be written", m->dir);
  }
  return st;
}

static loci_status write_llava_config(maker *m) {
  const shape *s = &m->s;
  int side = s->image_size / s->patch;
  TRY(write_text(
      m, "config.json",
      "{\"architectures\": [\"LlavaForConditionalGeneration\"], \"model_type\": \"llava\",\n"
      " \"image_seq_length\": %d, \"image_token_index\": 603, \"projector_hidden_act\": \"gelu\",\n"
      " \"vision_feature_layer\": -2, \"vision_feature_select_strategy\": \"default\",\n"
      " \"text_config\": {\"model_type\": \"llama\", \"hidden_size\": %d, \"intermediate_size\": "
      "%d,\n"
      "  \"num_hidden_layers\": %d, \"num_attention_heads\": %d, \"num_key_value_heads\": %d,\n"
      "  \"vocab_size\": %d, \"max_position_embeddings\": 4096, \"rms_norm_eps\": 1e-05,\n"
      "  \"rope_theta\": 10000.0, \"hidden_act\": \"silu\", \"bos_token_id\": 1, \"eos_token_id\": "
      "2},\n"
      " \"vision_config\": {\"model_type\": \"clip_vision_model\", \"hidden_size\": %d,\n"
      "  \"intermediate_size\": %d, \"num_hidden_layers\": %d, \"num_attention_heads\": %d,\n"
      "  \"image_size\": %d, \"patch_size\": %d, \"projection_dim\": %d,\n"
      "  \"hidden_act\": \"quick_gelu\", \"layer_norm_eps\": 1e-05},\n"
      " \"tie_word_embeddings\": false, \"torch_dtype\": \"%s\"}\n",
      side * side, s->width, s->inner, s->layers, s->heads, s->kv_heads, s->vocab, s->vision_width,
      s->vision_inner, s->vision_layers, s->vision_heads, s->image_size, s->patch, s->vision_width,
      m->type == DTYPE_F32   ? "float32"
      : m->type == DTYPE_F16 ? "float16"
                             : "bfloat16"));
  TRY(write_text(m, "processor_config.json",
                 "{\"processor_class\": \"LlavaProcessor\", \"patch_size\": %d, \"image_token\": "
                 "\"<image>\",\n \"vision_feature_select_strategy\": \"default\", "
                 "\"num_additional_image_tokens\": 1}\n",
                 s->patch));
  return write_text(
      m, "preprocessor_config.json",
      "{\"image_processor_type\": \"CLIPImageProcessor\", \"do_convert_rgb\": true,\n"
      " \"do_resize\": true, \"size\": {\"shortest_edge\": %d}, \"resample\": 3,\n"
      " \"do_center_crop\": true, \"crop_size\": {\"height\": %d, \"width\": %d},\n"
      " \"do_rescale\": true, \"rescale_factor\": 0.00392156862745098, \"do_normalize\": true,\n"
      " \"image_mean\": [0.48145466, 0.4578275, 0.40821073],\n"
      " \"image_std\": [0.26862954, 0.26130258, 0.27577711]}\n",
      s->image_size, s->image_size, s->image_size);
}

/* Every canvas of up to 6 x 6 tiles, or of LLaVA-NeXT's five; JSON, at most 600 bytes. */
static void list_canvases(const maker *m, char out[1024]) {
  static const int five[][2] = {{1, 2}, {2, 1}, {2, 2}, {3, 1}, {1, 3}};
  bool next = m->s.family == NEXT;
  int side = m->s.image_size;
  size_t n = 0;
  for (int i = 0; i < (next ? 5 : 36); i++) {
    int down = next ? five[i][0] : i / 6 + 1, across = next ? five[i][1] : i % 6 + 1;
    n += (size_t)snprintf(out + n, 1024 - n, "%s[%d, %d]", i ? ", " : "[", down * side,
                          across * side);
  }
  snprintf(out + n, 1024 - n, "]");
}

static loci_status write_tiled_config(maker *m) {
  const shape *s = &m->s;
  bool next = s->family == NEXT;
  char canvases[1024];
  list_canvases(m, canvases);
  TRY(write_text(
      m, "config.json",
      "{\"architectures\": [\"%s\"], \"model_type\": \"%s\",\n"
      " \"image_grid_pinpoints\": %s,\n"
      " \"image_token_index\": 603, \"projector_hidden_act\": \"gelu\",\n"
      " \"use_image_newline_parameter\": true, \"vision_aspect_ratio\": \"anyres_max_9\",\n"
      " \"vision_feature_layer\": %d, \"vision_feature_select_strategy\": \"%s\",\n"
      " \"text_config\": {\"model_type\": \"%s\", \"hidden_size\": %d, \"intermediate_size\": %d,\n"
      "  \"num_hidden_layers\": %d, \"num_attention_heads\": %d, \"num_key_value_heads\": %d,\n"
      "  \"vocab_size\": %d, \"max_position_embeddings\": 32768, \"rms_norm_eps\": 1e-06,\n"
      "  \"rope_theta\": 1000000.0, \"sliding_window\": null, \"eos_token_id\": %d},\n"
      " \"vision_config\": {\"model_type\": \"%s\", \"hidden_size\": %d,\n"
      "  \"intermediate_size\": %d, \"num_hidden_layers\": %d, \"num_attention_heads\": %d,\n"
      "  \"image_size\": %d, \"patch_size\": %d}, \"tie_word_embeddings\": false}\n",
      next ? "LlavaNextForConditionalGeneration" : "LlavaOnevisionForConditionalGeneration",
      next ? "llava_next" : "llava_onevision", canvases, next ? -2 : -1, next ? "default" : "full",
      next ? "mistral" : "qwen2", s->width, s->inner, s->layers, s->heads, s->kv_heads, s->vocab,
      next ? 2 : 602, next ? "clip_vision_model" : "siglip_vision_model", s->vision_width,
      s->vision_inner, s->vision_layers, s->vision_heads, s->image_size, s->patch));
  return write_text(
      m, "preprocessor_config.json",
      "{\"image_processor_type\": \"%s\", \"resample\": 3, \"image_grid_pinpoints\": %s,\n"
      " \"size\": {\"height\": %d, \"width\": %d}, \"crop_size\": {\"height\": %d, \"width\": "
      "%d}}\n",
      next ? "LlavaNextImageProcessor" : "LlavaOnevisionImageProcessor", canvases, s->image_size,
      s->image_size, s->image_size, s->image_size);
}

/* Every eighth block sees the whole picture. */
static loci_status write_qwen_config(maker *m) {
  const shape *s = &m->s;
  int pairs = s->width / s->heads / 2, time = pairs / 4, rest = pairs - time;
  TRY(write_text(
      m, "config.json",
      "{\"architectures\": [\"Qwen2_5_VLForConditionalGeneration\"], \"model_type\": "
      "\"qwen2_5_vl\",\n"
      " \"hidden_size\": %d, \"intermediate_size\": %d, \"num_hidden_layers\": %d,\n"
      " \"num_attention_heads\": %d, \"num_key_value_heads\": %d, \"vocab_size\": %d,\n"
      " \"max_position_embeddings\": 128000, \"rms_norm_eps\": 1e-06, \"rope_theta\": 1000000.0,\n"
      " \"rope_scaling\": {\"type\": \"mrope\", \"mrope_section\": [%d, %d, %d]},\n"
      " \"use_sliding_window\": false, \"tie_word_embeddings\": false, \"eos_token_id\": 602,\n"
      " \"image_token_id\": 612, \"vision_start_token_id\": 609, \"vision_end_token_id\": 610,\n"
      " \"vision_config\": {\"depth\": %d, \"hidden_size\": %d, \"intermediate_size\": %d,\n"
      "  \"num_heads\": %d, \"patch_size\": %d, \"out_hidden_size\": %d, \"window_size\": %d,\n"
      "  \"fullatt_block_indexes\": [7, 15, 23, 31], \"hidden_act\": \"silu\"}}\n",
      s->width, s->inner, s->layers, s->heads, s->kv_heads, s->vocab, time, rest / 2,
      rest - rest / 2, s->vision_layers, s->vision_width, s->vision_inner, s->vision_heads,
      s->patch, s->width, s->image_size));
  return write_text(m, "preprocessor_config.json",
                    "{\"image_processor_type\": \"Qwen2VLImageProcessor\", \"patch_size\": %d,\n"
                    " \"merge_size\": 2, \"temporal_patch_size\": 2, \"min_pixels\": 3136,\n"
                    " \"max_pixels\": 12845056}\n",
                    s->patch);
}

static loci_status write_bunny_config(maker *m) {
  const shape *s = &m->s;
  if (mkdir(path_of(m, "siglip"), 0777) != 0) {
    return fail(&m->err, LOCI_EIO, "%s/siglip: %s", m->dir, strerror(errno));
  }
  TRY(write_text(
      m, "config.json",
      "{\"architectures\": [\"BunnyPhiForCausalLM\"], \"model_type\": \"bunny-phi\",\n"
      " \"hidden_size\": %d, \"intermediate_size\": %d, \"num_hidden_layers\": %d,\n"
      " \"num_attention_heads\": %d, \"num_key_value_heads\": %d, \"vocab_size\": %d,\n"
      " \"max_position_embeddings\": 2048, \"layer_norm_eps\": 1e-05, \"rope_theta\": 10000.0,\n"
      " \"partial_rotary_factor\": 0.4, \"hidden_act\": \"gelu_new\", \"bos_token_id\": 639,\n"
      " \"eos_token_id\": 639, \"mm_hidden_size\": %d, \"mm_projector_type\": \"mlp2x_gelu\",\n"
      " \"mm_vision_tower\": \"./siglip\", \"image_aspect_ratio\": \"pad\",\n"
      " \"tokenizer_model_max_length\": 2048, \"use_mm_proj\": true}\n",
      s->width, s->inner, s->layers, s->heads, s->kv_heads, s->vocab, s->vision_width));
  TRY(write_text(m, "siglip/config.json",
                 "{\"architectures\": [\"SiglipVisionModel\"], \"model_type\": "
                 "\"siglip_vision_model\",\n \"hidden_size\": %d, \"intermediate_size\": %d, "
                 "\"num_hidden_layers\": %d,\n \"num_attention_heads\": %d, \"image_size\": %d, "
                 "\"patch_size\": %d,\n \"hidden_act\": \"gelu_pytorch_tanh\", \"layer_norm_eps\": "
                 "1e-06, \"vision_use_head\": false}\n",
                 s->vision_width, s->vision_inner, s->vision_layers, s->vision_heads, s->image_size,
                 s->patch));
  return write_text(
      m, "siglip/preprocessor_config.json",
      "{\"image_processor_type\": \"SiglipImageProcessor\", \"do_resize\": true,\n"
      " \"size\": {\"height\": %d, \"width\": %d}, \"resample\": 3, \"do_rescale\": true,\n"
      " \"rescale_factor\": 0.00392156862745098, \"do_normalize\": true,\n"
      " \"image_mean\": [0.5, 0.5, 0.5], \"image_std\": [0.5, 0.5, 0.5]}\n",
      s->image_size, s->image_size);
}

/* Added tokens into the vocabulary: their ids are those after it, and it grows. */
static loci_status write_added(maker *m, const char *text, size_t n, FILE *out) {
  js_value *root;
  TRY(js_parse(text, n, "tokenizer.json", &root, &m->err));
  const js_value *vocab = js_get(js_get(root, "model"), "vocab"),
                 *added = js_get(root, "added_tokens");
  loci_status st = LOCI_OK;
  for (int64_t i = 0; !st && i < js_count(added); i++) {
    const js_value *content = js_get(js_at(added, i), "content");
    char *quoted = NULL;
    int64_t id = 0;
    if (!js_text_of(content, NULL) || js_get(vocab, js_text_of(content, NULL))) continue;
    (void)js_int_of(js_get(js_at(added, i), "id"), &id);
    st = js_dump(content, &quoted, &m->err);
    if (!st) fprintf(out, "%s: %d, ", quoted, (int)id);
    free(quoted);
  }
  js_free(root);
  return st;
}

/* The small model's tokenizer.json, with words for the ids after its own. */
static loci_status write_tokenizer(maker *m, const char *from) {
  char path[4096], *text;
  size_t n;
  snprintf(path, sizeof path, "%s/tokenizer.json", from);
  TRY(file_read(path, TOKENIZER_BYTES, &text, &n, &m->err));
  static const char key[] = "\"vocab\": {";
  char *at = strstr(text, key);
  FILE *out = at ? fopen(path_of(m, "tokenizer.json"), "w") : NULL;
  if (!out) {
    free(text);
    return fail(&m->err, LOCI_EFORMAT, "%s: has no vocabulary, or no copy can be made", path);
  }
  at += sizeof key - 1;
  fwrite(text, 1, (size_t)(at - text), out);
  loci_status st = write_added(m, text, n, out);
  for (int i = families[m->s.family].tokens; i < m->s.vocab; i++)
    fprintf(out, "\"<|%d|>\": %d, ", i, i);
  fputs(at, out);
  free(text);
  return fclose(out) == 0 ? st
                          : fail(&m->err, LOCI_EIO, "%s: the tokenizer cannot be written", m->dir);
}

static loci_status write_small_files(maker *m) {
  static const char *const copied[] = {"tokenizer_config.json", "special_tokens_map.json",
                                       "generation_config.json", "chat_template.json"};
  char from[2048], path[4096];
  snprintf(from, sizeof from, LOCI_SOURCE_DIR "/tests/golden/models/%s",
           families[m->s.family].model);
  for (size_t i = 0; i < sizeof copied / sizeof *copied; i++) {
    snprintf(path, sizeof path, "%s/%s", from, copied[i]);
    if (file_exists(path)) TRY(tree_copy_file(path, path_of(m, copied[i]), NULL, &m->err));
  }
  TRY(write_tokenizer(m, from));
  static loci_status (*const configs[])(maker *) = {write_llava_config, write_bunny_config,
                                                    write_qwen_config, write_tiled_config,
                                                    write_tiled_config};
  return configs[m->s.family](m);
}

/* ---------------------------------------------------------------- arguments */

static int usage(void) {
  fprintf(stderr,
          "usage: make_checkpoint SHAPE DIR [--dtype f16|bf16|f32] [--seed N] [--shard MIB] "
          "[--layers N] [--width N]\n  [--inner N] [--heads N] [--kv-heads N] [--vocab N] "
          "[--vision-layers N] [--vision-width N]\n  [--vision-inner N] [--vision-heads N] "
          "[--image-size N] [--patch N]\nSHAPE is one of:");
  for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
    fprintf(stderr, " %s", shapes[i].name);
  fprintf(stderr, "\n");
  return 2;
}

static bool read_option(maker *m, const char *name, const char *value) {
  shape *s = &m->s;
  const struct {
    const char *name;
    int *value;
  } numbers[] = {{"--layers", &s->layers},
                 {"--width", &s->width},
                 {"--inner", &s->inner},
                 {"--heads", &s->heads},
                 {"--kv-heads", &s->kv_heads},
                 {"--vocab", &s->vocab},
                 {"--vision-layers", &s->vision_layers},
                 {"--vision-width", &s->vision_width},
                 {"--vision-inner", &s->vision_inner},
                 {"--vision-heads", &s->vision_heads},
                 {"--image-size", &s->image_size},
                 {"--patch", &s->patch}};
  for (dtype t = DTYPE_F32; strcmp(name, "--dtype") == 0 && t <= DTYPE_F16; t++) {
    if (strcmp(value, dtype_name(t)) == 0) m->type = t;
    if (m->type == t && strcmp(value, dtype_name(t)) == 0) return true;
  }
  char *end;
  long long n = strtoll(value, &end, 10);
  if (end == value || *end || n < 0 || n > 1 << 20) return false;
  if (strcmp(name, "--seed") == 0) m->seed = (uint64_t)n;
  if (strcmp(name, "--shard") == 0) m->shard_bytes = n << 20;
  if (strcmp(name, "--seed") == 0 || strcmp(name, "--shard") == 0) return true;
  for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
    if (strcmp(name, numbers[i].name) != 0) continue;
    *numbers[i].value = (int)n;
    return n > 0;
  }
  return false;
}

static loci_status check_shape(maker *m) {
  const shape *s = &m->s;
  bool whole = s->width % s->heads == 0 && s->heads % s->kv_heads == 0 &&
               s->vision_width % s->vision_heads == 0 && s->image_size >= s->patch;
  if (!whole) return fail(&m->err, LOCI_EINVAL, "widths and heads do not make a model");
  if (s->vocab < families[s->family].tokens) {
    return fail(&m->err, LOCI_EINVAL, "the vocabulary has %d tokens, the tokenizer %d", s->vocab,
                families[s->family].tokens);
  }
  return LOCI_OK;
}

static loci_status make(maker *m) {
  TRY(check_shape(m));
  if (mkdir(m->dir, 0777) != 0) return fail(&m->err, LOCI_EIO, "%s: %s", m->dir, strerror(errno));
  m->tensors = calloc(MOST_TENSORS, sizeof *m->tensors);
  if (!m->tensors) return fail_nomem(&m->err, "planning weights");
  random_source r = random_new(m->seed);
  for (int i = 0; i < TABLE; i++) m->table[i] = (float)random_gaussian(&r);
  if (m->s.family == QWEN) {
    plan_qwen_vision(m);
  } else {
    plan_vision(m);
  }
  plan_decoder(m);
  if (m->count == MOST_TENSORS) return fail(&m->err, LOCI_EINVAL, "too many layers");
  TRY(write_small_files(m));
  return write_weights(m);
}

int main(int argc, char **argv) {
  static maker m = {.type = DTYPE_F16, .shard_bytes = (int64_t)1 << 31};
  for (size_t i = 0; argc > 2 && i < sizeof shapes / sizeof *shapes; i++) {
    if (strcmp(argv[1], shapes[i].name) == 0) m.s = shapes[i];
  }
  if (!m.s.name || argc % 2 == 0) return usage();
  m.dir = argv[2];
  for (int i = 3; i < argc; i += 2) {
    if (!read_option(&m, argv[i], argv[i + 1])) return usage();
  }
  loci_status st = make(&m);
  free(m.tensors);
  if (st) fprintf(stderr, "make_checkpoint: %s\n", m.err.msg);
  return st ? 1 : 0;
}
