/* Opening and closing a tokenizer (tokenizer.h): which files of a checkpoint are read, in which
 * order, and what belongs to it in memory.
 *
 *   tokenizer.json, else tokenizer.model      vocabulary and pipeline
 *   added_tokens.json                         only beside a tokenizer.model
 *   tokenizer_config.json                     more added tokens, BOS and EOS */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "text/build.h"

enum { JSON_LIMIT = 256 << 20, MODEL_LIMIT = 256 << 20, CONFIG_LIMIT = 32 << 20 };

loci_status tokenizer_new(tokenizer **out, loci_err *err) {
  tokenizer *t = calloc(1, sizeof *t);
  *out = NULL;
  if (!t) return fail_nomem(err, "opening a tokenizer");
  t->model.unk = -1;
  t->kind = "BPE";
  t->mem = arena_new();
  if (!t->mem) {
    free(t);
    return fail_nomem(err, "opening a tokenizer");
  }
  *out = t;
  return LOCI_OK;
}

void tokenizer_close(tokenizer *t) {
  if (!t) return;
  for (int i = 0; i < t->regex_count; i++) regex_free(t->regexes[i]);
  arena_free(t->mem);
  free(t);
}

/* A note that finds no room is dropped: it is no error. */
void tokenizer_add_note(tokenizer *t, const char *format, ...) {
  if (t->note_count == NOTE_LIMIT) return;
  loci_err e;
  va_list args;
  va_start(args, format);
  vsnprintf(e.msg, sizeof e.msg, format, args);
  va_end(args);
  loci_err clean;
  (void)fail(&clean, LOCI_OK, "%s", e.msg);
  const char *note = arena_strdup(t->mem, clean.msg);
  if (note) t->notes[t->note_count++] = note;
}

loci_status tokenizer_keep_regex(tokenizer *t, regex *re, loci_err *err) {
  if (t->regex_count == 2 * STEP_LIMIT) {
    regex_free(re);
    return fail(err, LOCI_EUNSUPPORTED, "more than %d regular expressions in a tokenizer",
                2 * STEP_LIMIT);
  }
  t->regexes[t->regex_count++] = re;
  return LOCI_OK;
}

loci_status pattern_gpt2(tokenizer *t, pattern *out, const char *what, loci_err *err) {
  static const char gpt2[] =
      "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";
  regex *re;
  TRY(regex_new(gpt2, sizeof gpt2 - 1, what, &re, err));
  *out = (pattern){NULL, 0, re};
  return tokenizer_keep_regex(t, re, err);
}

static int largest_id(const token_table *t) {
  int id = -1;
  for (size_t i = 0; i < t->count; i++) id = t->items[i].id > id ? t->items[i].id : id;
  return id;
}

/* The last steps, the same for both kinds of files. */
static loci_status finish(tokenizer *t, const js_value *config, const char *what, loci_err *err) {
  if (config) TRY(config_apply(t, config, what, err));
  TRY(added_finish(t, err));
  int a = largest_id(&t->model.vocab), b = largest_id(&t->added_table);
  t->size = (a > b ? a : b) + 1;
  return LOCI_OK;
}

static loci_status open_json(const js_value *root, const char *what, const js_value *config,
                             const char *config_what, tokenizer **out, loci_err *err) {
  tokenizer *t;
  loci_status st = LOCI_OK;
  TRY(tokenizer_new(&t, err));
  TRY_DONE(json_read_tokenizer(t, root, what, err));
  TRY_DONE(finish(t, config, config_what, err));
  *out = t;
  t = NULL;
done:
  tokenizer_close(t);
  return st;
}

/* Everything beside a tokenizer.model. */
typedef struct side_files {
  const js_value *config, *added; /* NULL: none */
  const char *config_what, *added_what;
} side_files;

static loci_status open_spm(const uint8_t *bytes, size_t n, const char *what,
                            const side_files *side, tokenizer **out, loci_err *err) {
  tokenizer *t;
  loci_status st = LOCI_OK;
  TRY(tokenizer_new(&t, err));
  TRY_DONE(spm_read(t, bytes, n, what, err));
  TRY_DONE(spm_configure(t, side->config, side->config_what, err));
  if (side->added) TRY_DONE(config_add_tokens(t, side->added, side->added_what, err));
  TRY_DONE(finish(t, side->config, side->config_what, err));
  *out = t;
  t = NULL;
done:
  tokenizer_close(t);
  return st;
}

loci_status tokenizer_open_json(const char *json, size_t n, const char *config, size_t config_n,
                                tokenizer **out, loci_err *err) {
  loci_status st = LOCI_OK;
  js_value *root = NULL, *settings = NULL;
  *out = NULL;
  TRY_DONE(js_parse(json, n, "tokenizer.json", &root, err));
  if (config) TRY_DONE(js_parse(config, config_n, "tokenizer_config.json", &settings, err));
  TRY_DONE(open_json(root, "tokenizer.json", settings, "tokenizer_config.json", out, err));
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
  side_files side = {settings, NULL, "tokenizer_config.json", NULL};
  TRY_DONE(open_spm(bytes, n, "tokenizer.model", &side, out, err));
done:
  js_free(settings);
  return st;
}

/* ---------------------------------------------------------------- a directory */

typedef struct tokenizer_files {
  arena *mem;
  const char *json, *model, *config, *added; /* paths; NULL: no such file */
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
  if (f->json || f->model) return LOCI_OK;
  return fail(err, LOCI_EIO, "%s: neither tokenizer.json nor tokenizer.model is here", dir);
}

static loci_status open_model_file(const tokenizer_files *f, const js_value *config,
                                   tokenizer **out, loci_err *err) {
  loci_status st = LOCI_OK;
  char *bytes = NULL;
  size_t n;
  js_value *added = NULL;
  TRY_DONE(file_read(f->model, MODEL_LIMIT, &bytes, &n, err));
  if (f->added) TRY_DONE(js_parse_file(f->added, CONFIG_LIMIT, &added, err));
  side_files side = {config, added, f->config, f->added};
  TRY_DONE(open_spm((const uint8_t *)bytes, n, f->model, &side, out, err));
done:
  js_free(added);
  free(bytes);
  return st;
}

loci_status tokenizer_open(const char *dir, tokenizer **out, loci_err *err) {
  loci_status st = LOCI_OK;
  js_value *root = NULL, *config = NULL;
  tokenizer_files f = {.mem = arena_new()};
  *out = NULL;
  if (!f.mem) return fail_nomem(err, "opening a tokenizer");
  TRY_DONE(find_files(&f, dir, err));
  if (f.config) TRY_DONE(js_parse_file(f.config, CONFIG_LIMIT, &config, err));
  if (f.json) {
    TRY_DONE(js_parse_file(f.json, JSON_LIMIT, &root, err));
    TRY_DONE(open_json(root, f.json, config, f.config, out, err));
  } else {
    TRY_DONE(open_model_file(&f, config, out, err));
  }
done:
  js_free(root);
  js_free(config);
  arena_free(f.mem);
  return st;
}
