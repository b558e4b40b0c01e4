/* Writes a checkpoint of any size with random weights, for benchmarks and tests: the true shapes of
 * LLaVA-1.5-7B, LLaVA-NeXT on Mistral-7B, LLaVA-OneVision-7B, Bunny-3B, Qwen2.5-VL-7B,
 * Llama-3.2-Vision-11B, SmolVLM-256M, SmolVLM2-500M, InternVL3-8B, Gemma-3-4B, PaliGemma-3B,
 * Qwen3-VL-8B, Qwen3-8B, Phi-4, Gemma-2-2B, Gemma-3-1B or GPT-2, or any others, in the layout of
 * their files.
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
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/json.h"
#include "base/random.h"
#include "base/tree.h"
#include "make.h"

enum { TOKENIZER_BYTES = 1 << 24 };

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
    {"mllama-11b", MLLAMA, 40, 4096, 14336, 32, 8, 128256, 32, 1280, 5120, 16, 560, 14},
    {"tiny-mllama", MLLAMA, 5, 64, 128, 4, 2, 700, 3, 32, 64, 2, 28, 7},
    {"smolvlm-256m", IDEFICS, 30, 576, 1536, 9, 3, 49280, 12, 768, 3072, 12, 512, 16},
    {"smolvlm2-500m", IDEFICS, 32, 960, 2560, 15, 5, 49280, 12, 768, 3072, 12, 512, 16},
    {"tiny-smolvlm", IDEFICS, 3, 64, 128, 4, 2, 700, 3, 32, 64, 2, 32, 4},
    {"internvl3-8b", INTERNVL, 28, 3584, 18944, 28, 4, 151674, 24, 1024, 4096, 16, 448, 14},
    {"tiny-internvl", INTERNVL, 3, 64, 128, 4, 2, 700, 3, 32, 64, 2, 28, 7},
    {"gemma-3-4b", GEMMA3_VISION, 34, 2560, 10240, 8, 4, 262208, 27, 1152, 4304, 16, 896, 14},
    {"paligemma-3b", PALIGEMMA, 18, 2048, 16384, 8, 1, 257216, 27, 1152, 4304, 16, 224, 14},
    {"tiny-gemma3-vision", GEMMA3_VISION, 3, 64, 128, 4, 2, 700, 3, 32, 64, 2, 32, 4},
    {"tiny-paligemma", PALIGEMMA, 3, 64, 128, 4, 1, 700, 3, 32, 64, 2, 28, 7},
    {"qwen3-vl-8b", QWEN3_VL, 36, 4096, 12288, 32, 8, 151936, 27, 1152, 4304, 16, 768, 16},
    {"tiny-qwen3-vl", QWEN3_VL, 4, 64, 128, 4, 2, 700, 3, 32, 64, 2, 28, 7},
    {"tiny-bunny", BUNNY, 3, 64, 128, 4, 4, 700, 3, 32, 64, 2, 28, 7},
    {"qwen3-8b", QWEN3, 36, 4096, 12288, 32, 8, 151936, 0, 0, 0, 0, 0, 0},
    {"phi-4", PHI3, 40, 5120, 17920, 40, 10, 100352, 0, 0, 0, 0, 0, 0},
    {"gemma-2-2b", GEMMA2, 26, 2304, 9216, 8, 4, 256000, 0, 0, 0, 0, 0, 0},
    {"gemma-3-1b", GEMMA3, 26, 1152, 6912, 4, 1, 262144, 0, 0, 0, 0, 0, 0},
    {"gpt2", GPT2, 12, 768, 3072, 12, 12, 50257, 0, 0, 0, 0, 0, 0},
    {"tiny-qwen3", QWEN3, 3, 64, 128, 4, 2, 700, 0, 0, 0, 0, 0, 0},
    {"tiny-phi3", PHI3, 3, 64, 128, 4, 2, 700, 0, 0, 0, 0, 0, 0},
    {"tiny-gemma2", GEMMA2, 3, 64, 128, 4, 2, 700, 0, 0, 0, 0, 0, 0},
    {"tiny-gemma3", GEMMA3, 3, 64, 128, 4, 2, 700, 0, 0, 0, 0, 0, 0},
    {"tiny-gpt2", GPT2, 3, 64, 256, 4, 4, 700, 0, 0, 0, 0, 0, 0},
};

/* What a family takes from its small model, whose tokenizer has [tokens]. */
static const struct {
  const char *model;
  int tokens;
  void (*plan)(maker *m);
  loci_status (*write_config)(maker *m);
} families[] = {
    [LLAVA] = {"llava-clip-llama", 605, plan_llava, write_llava_config},
    [BUNNY] = {"bunny-siglip-phi", 678, plan_llava, write_bunny_config},
    [QWEN] = {"qwen2-5-vl", 614, plan_qwen, write_qwen_config},
    [NEXT] = {"llava-next", 605, plan_llava, write_tiled_config},
    [ONEVISION] = {"llava-onevision", 605, plan_llava, write_tiled_config},
    [MLLAMA] = {"mllama", 632, plan_mllama, write_mllama_config},
    [IDEFICS] = {"smolvlm", 630, plan_llava, write_idefics_config},
    [INTERNVL] = {"internvl", 660, plan_llava, write_internvl_config},
    [GEMMA3_VISION] = {"gemma3", 606, plan_gemma_vision, write_gemma_vision_config},
    [PALIGEMMA] = {"paligemma", 604, plan_gemma_vision, write_gemma_vision_config},
    [QWEN3_VL] = {"qwen3-vl", 614, plan_qwen3_vl, write_qwen3_vl_config},
    [QWEN3] = {"text-qwen3", 618, plan_text, write_text_config},
    [PHI3] = {"text-phi3", 610, plan_text, write_text_config},
    [GEMMA2] = {"text-gemma2", 603, plan_text, write_text_config},
    [GEMMA3] = {"text-gemma3", 603, plan_text, write_text_config},
    [GPT2] = {"text-gpt2", 601, plan_text, write_text_config},
};

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
  return families[m->s.family].write_config(m);
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
  bool sees = s->vision_heads > 0;
  bool whole = s->width % s->heads == 0 && s->heads % s->kv_heads == 0 &&
               (!sees || s->vision_width % s->vision_heads == 0) && s->image_size >= s->patch;
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
  families[m->s.family].plan(m);
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
