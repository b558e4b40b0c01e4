/* Opening and closing a tokenizer (tokenizer.h): which files of a checkpoint are read, in which
 * order, and what belongs to it in memory.
 *
 *   tokenizer.json, else tokenizer.model      vocabulary and pipeline
 *   tokenizer_config.json                     more added tokens, BOS and EOS, settings
 *   added_tokens.json, special_tokens_map.json   where that lists no added tokens
 *   config.json                               the tokenizer's class, if it is not named before
 *
 * A GGUF file has all of it in its metadata (tokenizer_gguf.c). */
#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "base/kind.h"
#include "checkpoint/gguf.h"
#include "text/build.h"

enum { JSON_LIMIT = 256 << 20, MODEL_LIMIT = 256 << 20, CONFIG_LIMIT = 32 << 20 };

loci_status tokenizer_open_json(const char *json, size_t n, const char *config, size_t config_n,
                                tokenizer **out, loci_err *err) {
  loci_status st = LOCI_OK;
  js_value *root = NULL, *settings = NULL;
  *out = NULL;
  TRY_DONE(js_parse(json, n, "tokenizer.json", &root, err));
  if (config) TRY_DONE(js_parse(config, config_n, "tokenizer_config.json", &settings, err));
  side_files side = {.config = settings,
                     .config_what = "tokenizer_config.json",
                     .class_name = js_text_of(js_get(settings, "tokenizer_class"), NULL)};
  TRY_DONE(tokenizer_of_json(root, "tokenizer.json", &side, out, err));
done:
  js_free(root);
  js_free(settings);
  return st;
}

loci_status tokenizer_open_spm(const uint8_t *bytes, size_t n, const char *config, size_t config_n,
                               tokenizer **out, loci_err *err) {
  loci_status st = LOCI_OK;
  js_value *settings = NULL;
  *out = NULL;
  if (config) TRY_DONE(js_parse(config, config_n, "tokenizer_config.json", &settings, err));
  side_files side = {
      .config = settings, .config_what = "tokenizer_config.json", .from_model = true};
  TRY_DONE(tokenizer_of_spm(bytes, n, "tokenizer.model", &side, out, err));
done:
  js_free(settings);
  return st;
}

/* ---------------------------------------------------------------- a directory */

typedef struct tokenizer_files {
  arena *mem;
  const char *json, *model, *config, *added, *special, *checkpoint; /* paths; NULL: no such file */
  js_value *root, *config_root, *added_root, *special_root, *checkpoint_root;
} tokenizer_files;

static loci_status find_file(tokenizer_files *f, const char *dir, const char *name,
                             const char **out, loci_err *err) {
  char *path = path_join(f->mem, dir, name);
  if (!path) return fail_nomem(err, "opening a tokenizer");
  *out = file_exists(path) ? path : NULL;
  return LOCI_OK;
}

static loci_status find_files(tokenizer_files *f, const char *dir, loci_err *err) {
  TRY(find_file(f, dir, "tokenizer.json", &f->json, err));
  TRY(find_file(f, dir, "tokenizer.model", &f->model, err));
  TRY(find_file(f, dir, "tokenizer_config.json", &f->config, err));
  TRY(find_file(f, dir, "added_tokens.json", &f->added, err));
  TRY(find_file(f, dir, "special_tokens_map.json", &f->special, err));
  TRY(find_file(f, dir, "config.json", &f->checkpoint, err));
  if (f->json || f->model) return LOCI_OK;
  const char *older = NULL;
  TRY(find_file(f, dir, "vocab.json", &older, err));
  return fail(err, LOCI_EIO, "%s: neither tokenizer.json nor tokenizer.model is here%s", dir,
              older
                  ? ", but vocab.json is: make tokenizer.json of it, in that directory: python3 -c "
                    "\"import transformers as t; "
                    "t.AutoTokenizer.from_pretrained('.').save_pretrained('.')\""
                  : "");
}

static loci_status parse_if_there(const char *path, js_value **out, loci_err *err) {
  return path ? js_parse_file(path, CONFIG_LIMIT, out, err) : LOCI_OK;
}

/* transformers' class: named by the tokenizer, by the model, or the usual one of its type. */
static const char *class_of(const tokenizer_files *f) {
  static const char *const usual[][2] = {
      {"llava", "LlamaTokenizer"},           {"llava_next", "LlamaTokenizer"},
      {"llava_onevision", "LlamaTokenizer"}, {"llama", "LlamaTokenizer"},
      {"mistral", "LlamaTokenizer"},         {"phi", "CodeGenTokenizer"},
      {"qwen2", "Qwen2Tokenizer"},           {"idefics3", "LlamaTokenizer"},
      {"internvl", "Qwen2Tokenizer"},        {"qwen2_vl", "Qwen2Tokenizer"},
      {"qwen2_5_vl", "Qwen2Tokenizer"},      {"qwen3_vl", "Qwen2Tokenizer"},
      {"qwen3", "Qwen2Tokenizer"},           {"gpt2", "GPT2Tokenizer"},
      {"gemma", "GemmaTokenizer"},           {"gemma2", "GemmaTokenizer"},
      {"gemma3", "GemmaTokenizer"},          {"gemma3_text", "GemmaTokenizer"},
      {"paligemma", "GemmaTokenizer"},       {"phi3", "LlamaTokenizer"}};
  const char *name = js_text_of(js_get(f->config_root, "tokenizer_class"), NULL);
  if (!name) name = js_text_of(js_get(f->checkpoint_root, "tokenizer_class"), NULL);
  const char *type = js_text_of(js_get(f->checkpoint_root, "model_type"), NULL);
  for (size_t i = 0; !name && type && i < sizeof usual / sizeof *usual; i++) {
    if (strcmp(usual[i][0], type) == 0) name = usual[i][1];
  }
  return name;
}

static loci_status open_model_file(const tokenizer_files *f, const side_files *side,
                                   tokenizer **out, loci_err *err) {
  loci_status st = LOCI_OK;
  char *bytes = NULL;
  size_t n;
  TRY_DONE(file_read(f->model, MODEL_LIMIT, &bytes, &n, err));
  TRY_DONE(kind_refuse(bytes, n, f->model, "a SentencePiece model", err));
  TRY_DONE(tokenizer_of_spm((const uint8_t *)bytes, n, f->model, side, out, err));
done:
  free(bytes);
  return st;
}

static loci_status open_files(tokenizer_files *f, tokenizer **out, loci_err *err) {
  TRY(parse_if_there(f->config, &f->config_root, err));
  TRY(parse_if_there(f->added, &f->added_root, err));
  TRY(parse_if_there(f->special, &f->special_root, err));
  TRY(parse_if_there(f->checkpoint, &f->checkpoint_root, err));
  side_files side = {.config = f->config_root,
                     .added = f->added_root,
                     .special = f->special_root,
                     .config_what = f->config,
                     .added_what = f->added,
                     .special_what = f->special,
                     .class_name = class_of(f)};
  side.converted = f->json && f->model && config_rebuilds(side.class_name, side.config);
  side.from_model = !f->json;
  if (f->json) TRY(js_parse_file(f->json, JSON_LIMIT, &f->root, err));
  side.own_added = js_get(f->root, "added_tokens");
  if (side.from_model || side.converted) return open_model_file(f, &side, out, err);
  return tokenizer_of_json(f->root, f->json, &side, out, err);
}

loci_status tokenizer_open(const char *dir, tokenizer **out, loci_err *err) {
  *out = NULL;
  if (gguf_is(dir)) return tokenizer_open_gguf(dir, out, err);
  tokenizer_files f = {.mem = arena_new()};
  if (!f.mem) return fail_nomem(err, "opening a tokenizer");
  loci_status st = find_files(&f, dir, err);
  if (!st) st = open_files(&f, out, err);
  js_free(f.root);
  js_free(f.config_root);
  js_free(f.added_root);
  js_free(f.special_root);
  js_free(f.checkpoint_root);
  arena_free(f.mem);
  return st;
}
