/* Which template a prompt is made with (template.h): loci's own, a checkpoint's, a user's. */
#include "text/template.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fixed.h"
#include "base/file.h"
#include "base/kind.h"
#include "base/names.h"
#include "checkpoint/gguf.h"

enum { FILE_LIMIT = 32 << 20, NAMES_ROOM = 400, LIST_MOST = 64 };

/* ---------------------------------------------------------------- by name */

#define IMAGE "{{ image ~ '\n' if image }}"
#define USERS(who)                                                                                 \
  "{{ system or \"A chat between a curious " who                                                   \
  " and an artificial intelligence assistant. The assistant gives helpful, detailed, and polite "  \
  "answers to the " who "'s questions.\" }} USER: " IMAGE "{{ question }} ASSISTANT:"
/* A question that does not end in a mark, whatever blanks, quotes or brackets close it, gets a ?.
 */
#define ENDED                                                                                      \
  "{{ question | trim }}{{ '?' if question.rstrip(' \\t\\r\\n\"\\')]}\xE2\x80\x9D\xE2\x80\x99"     \
  "\xC2\xBB\xE3\x80\x8D\xE3\x80\x8F\xEF\xBC\x89')[-1:] not in "                                    \
  "'?.:!\xE2\x80\xA6\xE3\x80\x82\xEF\xBC\x9F\xEF\xBC\x81\xEF\xBC\x9A' }}"
#define CHATML(system, image)                                                                      \
  system "<|im_start|>user\n" image "{{ question }}<|im_end|>\n<|im_start|>assistant\n\n"
#define HELPFUL "<|im_start|>system\n{{ system or 'You are a helpful assistant.' }}<|im_end|>\n"
#define HEADER(role) "<|start_header_id|>" role "<|end_header_id|>\n\n"

#define TEXT_LLAVA_PAPER IMAGE "USER: " ENDED " Answer in a few words.\nASSISTANT:"
#define TEXT_VICUNA_V1 USERS("user")
#define TEXT_BUNNY USERS("user")
#define TEXT_LLAVA_V1 USERS("human")
#define TEXT_RAW "{{ question }}"
#define TEXT_PLAIN IMAGE "{{ question }}"
#define TEXT_IS_A IMAGE "{{ question }} is a"
#define TEXT_CHAT "{{ system ~ ' ' if system }}USER: " IMAGE "{{ question }} ASSISTANT:"
#define TEXT_CHATML                                                                                \
  CHATML("{{ '<|im_start|>system\n' ~ system ~ '<|im_end|>\n' if system }}", IMAGE)
#define TEXT_QWEN2 CHATML(HELPFUL, IMAGE)
#define TEXT_QWEN2_VL CHATML(HELPFUL, "{{ image }}")
#define TEXT_QWEN3_VL                                                                              \
  CHATML("{{ '<|im_start|>system\n' ~ system ~ '<|im_end|>\n' if system }}", "{{ image }}")
#define TEXT_ONEVISION                                                                             \
  "{{ '<|im_start|>system\n' ~ system ~ '<|im_end|>' if system }}<|im_start|>user " IMAGE          \
  "{{ question }}<|im_end|><|im_start|>assistant\n\n"
#define TEXT_LLAMA2                                                                                \
  "[INST] {{ '<<SYS>>\n' ~ system ~ '\n<</SYS>>\n\n' if system }}" IMAGE                           \
  "{{ question | trim }} [/INST]"
#define TEXT_MISTRAL "[INST] {{ system ~ '\n\n' if system }}" IMAGE "{{ question }} [/INST]"
#define TEXT_LLAMA3                                                                                \
  "{{ '" HEADER("system") "' ~ system ~ '<|eot_id|>' if system }}" HEADER("user") IMAGE            \
      "{{ question | trim }}<|eot_id|>" HEADER("assistant") "\n"
#define TEXT_LLAMA3_VISION                                                                         \
  "{{ '" HEADER("system") "' ~ system ~ '<|eot_id|>' if system }}" HEADER(                         \
      "user") "{{ image }}{{ question }}<|eot_id|>" HEADER("assistant") "\n"
#define TEXT_IDEFICS3                                                                              \
  "{{ 'System: ' ~ system ~ '<end_of_utterance>\n' if system }}User:{{ image or ' ' }}"            \
  "{{ question }}<end_of_utterance>\nAssistant:"
#define TEXT_SMOLVLM "<|im_start|>" TEXT_IDEFICS3
#define TEXT_GEMMA3                                                                                \
  "<start_of_turn>user\n{{ system ~ '\n\n' if system }}{{ image }}{{ question | trim }}"           \
  "<end_of_turn>\n<start_of_turn>model\n\n"
#define TEXT_PALIGEMMA "{{ image }}<bos>{{ question }}\n\n"

enum {
#define TEMPLATE(id, name, meaning) TEMPLATE_##id,
#include "loci_names.def"
};
/* Given are question, image (the mark, or nothing) and system.  A line break at the very end is
 * not part of a Jinja text. */
static const prompt_template named[] = {
#define TEMPLATE(id, name, meaning)                                                                \
  {name, TEXT_##id, sizeof(TEXT_##id) - 1, false, TEMPLATE_##id == TEMPLATE_RAW},
#include "loci_names.def"
};

enum { NAMED_COUNT = sizeof named / sizeof *named };

const prompt_template *template_at(int i) { return i >= 0 && i < NAMED_COUNT ? &named[i] : NULL; }

static const prompt_template *find(const prompt_template *list, int count, const char *name) {
  for (int i = 0; i < count; i++) {
    if (strcmp(list[i].name, name) == 0) return &list[i];
  }
  return NULL;
}

static loci_status fail_unknown(const template_list *list, const char *name, loci_err *err) {
  const char *all[NAMED_COUNT + LIST_MOST];
  char names[NAMES_ROOM];
  int count = 0;
  size_t n = 0;
  for (int i = 0; i < NAMED_COUNT; i++) all[count++] = named[i].name;
  for (int i = 0; i < list->count && i < LIST_MOST; i++) all[count++] = list->items[i].name;
  names[0] = '\0';
  for (int i = 0; i < count && n + strlen(all[i]) + 3 < sizeof names; i++) {
    n = fixed_add(names, sizeof names, n, "%s%s", i ? ", " : "", all[i]);
  }
  int near = nearest_name(name, all, count);
  return fail(err, LOCI_EINVAL, "no template \"%.40s\"; %s%s%sthere are %s, file:PATH, text:..",
              name, near < 0 ? "" : "did you mean \"", near < 0 ? "" : all[near],
              near < 0 ? "" : "\"?  ", names);
}

/* ---------------------------------------------------------------- a user's own */

typedef struct source {
  char *s;
  size_t n;
} source;

static void put(source *o, const char *s) {
  size_t n = strlen(s);
  memcpy(o->s + o->n, s, n);
  o->n += n;
}

/* A character of the text inside a Jinja string; \n, \t and \\ are what they say. */
static size_t put_literal(source *o, const char *s) {
  if (*s == '\\' && strchr("nt\\", s[1]) && s[1]) {
    o->s[o->n++] = '\\';
    o->s[o->n++] = s[1];
    return 2;
  }
  if (*s == '"' || *s == '\\') o->s[o->n++] = '\\';
  o->s[o->n++] = *s;
  return 1;
}

/* "USER: {image}\n{question}" as a Jinja text: what is written as it stands is one of its strings.
 * Without an image its place goes, and a line break after it. */
static loci_status read_text(const char *text, arena *mem, prompt_template *out, loci_err *err) {
  static const struct {
    const char *hole, *as;
  } holes[] = {{"{question}", "\" }}{{ question }}{{ \""},
               {"{system}", "\" }}{{ system }}{{ \""},
               {"{image}\n", "\" }}{{ image ~ '\\n' if image }}{{ \""},
               {"{image}\\n", "\" }}{{ image ~ '\\n' if image }}{{ \""},
               {"{image}", "\" }}{{ image }}{{ \""}};
  source o = {arena_array(mem, 8 * (int64_t)strlen(text) + 16, char), 0};
  if (!o.s) return fail_nomem(err, "reading a template");
  int questions = 0;
  put(&o, "{{ \"");
  for (const char *s = text; *s;) {
    size_t i = 0, count = sizeof holes / sizeof *holes;
    while (i < count && strncmp(s, holes[i].hole, strlen(holes[i].hole)) != 0) i++;
    if (i < count) {
      put(&o, holes[i].as);
      s += strlen(holes[i].hole);
      questions += i == 0;
    } else {
      s += put_literal(&o, s);
    }
  }
  put(&o, "\" }}");
  if (questions != 1) {
    return fail(err, LOCI_EINVAL,
                "a template text: must hold {question} once, and {image} where a picture stands");
  }
  out->text = o.s;
  out->size = o.n;
  return LOCI_OK;
}

static loci_status read_file(const char *path, arena *mem, prompt_template *out, loci_err *err) {
  char *text;
  size_t n;
  TRY(kind_refuse_file(path, "a template", err));
  TRY(file_read(path, FILE_LIMIT, &text, &n, err));
  out->text = arena_strndup(mem, text, n);
  out->size = n;
  out->chat = true;
  free(text);
  return out->text ? LOCI_OK : fail_nomem(err, "reading a template");
}

loci_status template_choose(const template_list *list, const char *name, const char *fallback,
                            arena *mem, prompt_template *out, loci_err *err) {
  if (!name || strcmp(name, "auto") == 0) {
    *out = list->has_default ? list->items[0] : *find(named, NAMED_COUNT, fallback);
    return LOCI_OK;
  }
  const prompt_template *known = find(named, NAMED_COUNT, name);
  if (!known) known = find(list->items, list->count, name);
  if (known) {
    *out = *known;
    return LOCI_OK;
  }
  *out = (prompt_template){.name = arena_strdup(mem, name)};
  if (!out->name) return fail_nomem(err, "choosing a template");
  if (strncmp(name, "file:", 5) == 0) return read_file(name + 5, mem, out, err);
  if (strncmp(name, "text:", 5) == 0) return read_text(name + 5, mem, out, err);
  return fail_unknown(list, name, err);
}

/* ---------------------------------------------------------------- a checkpoint's */

typedef struct collector {
  arena *mem;
  const char *file; /* its base name: that of its default template */
  prompt_template *items;
  int count;
  bool has_default;
  loci_err *err;
} collector;

/* The default one goes first. */
static loci_status add(collector *c, const char *name, const char *text, size_t n) {
  bool is_default = !name || strcmp(name, "default") == 0;
  prompt_template t = {.name = arena_strdup(c->mem, is_default ? c->file : name),
                       .text = arena_strndup(c->mem, text, n),
                       .size = n,
                       .chat = true};
  if (!t.name || !t.text) return fail_nomem(c->err, "reading chat templates");
  int at = 0; /* of a name that comes again the last one counts, as in transformers */
  while (at < c->count && strcmp(c->items[at].name, t.name) != 0) at++;
  if (at == LIST_MOST) return LOCI_OK;
  c->count += at == c->count;
  c->items[at] = t;
  if (!is_default) return LOCI_OK;
  c->items[at] = c->items[0];
  c->items[0] = t;
  c->has_default = true;
  return LOCI_OK;
}

/* "chat_template": a text, or [{"name": "default", "template": text}, ..]. */
static loci_status add_member(collector *c, const js_value *root, const char *path) {
  const js_value *m = js_get(root, "chat_template");
  size_t n;
  const char *text = js_text_of(m, &n);
  if (!m) return LOCI_OK;
  if (text) return add(c, NULL, text, n);
  for (int64_t i = 0; js_kind_of(m) == JS_ARRAY && i < js_count(m); i++) {
    const char *name = js_text_of(js_get(js_at(m, i), "name"), NULL);
    text = js_text_of(js_get(js_at(m, i), "template"), &n);
    if (!name || !text) break;
    TRY(add(c, name, text, n));
  }
  if (c->has_default) return LOCI_OK;
  return fail(c->err, LOCI_EFORMAT,
              "%s: \"chat_template\" must be a string or a list with a \"default\"", path);
}

static loci_status add_json(collector *c, const char *path) {
  js_value *root;
  TRY(js_parse_file(path, FILE_LIMIT, &root, c->err));
  loci_status st = add_member(c, root, path);
  js_free(root);
  return st;
}

static loci_status add_jinja(collector *c, const char *path, const char *name) {
  char *text;
  size_t n;
  TRY(kind_refuse_file(path, "a template", c->err));
  TRY(file_read(path, FILE_LIMIT, &text, &n, c->err));
  loci_status st = add(c, name, text, n);
  free(text);
  return st;
}

static int compare_names(const void *a, const void *b) {
  return strcmp(*(char *const *)a, *(char *const *)b);
}

/* additional_chat_templates/NAME.jinja */
static loci_status add_more(collector *c, const char *dir) {
  char *names[LIST_MOST];
  int count = 0;
  const char *folder = path_join(c->mem, dir, "additional_chat_templates");
  DIR *d = folder ? opendir(folder) : NULL;
  for (struct dirent *e; d && count < LIST_MOST && (e = readdir(d));) {
    size_t n = strlen(e->d_name);
    if (n > 6 && e->d_name[0] != '.' && strcmp(e->d_name + n - 6, ".jinja") == 0) {
      names[count] = arena_strndup(c->mem, e->d_name, n - 6);
      if (names[count]) count++;
    }
  }
  if (d) closedir(d);
  if (count) qsort(names, (size_t)count, sizeof *names, compare_names);
  for (int i = 0; i < count; i++) {
    char file[300];
    snprintf(file, sizeof file, "%s.jinja", names[i]);
    const char *path = path_join(c->mem, folder, file);
    if (!path) return fail_nomem(c->err, "reading chat templates");
    TRY(add_jinja(c, path, names[i]));
  }
  return LOCI_OK;
}

static loci_status add_text(collector *c, const gguf *g, const char *key, const char *name) {
  gguf_text t = {NULL, 0};
  TRY(gguf_get_text(g, key, &t, c->err));
  return t.s ? add(c, name, t.s, t.n) : LOCI_OK;
}

/* "tokenizer.chat_template", and ".NAME" after it. */
static loci_status add_gguf(collector *c, const char *path) {
  static const char begin[] = "tokenizer.chat_template";
  enum { BEGIN = sizeof begin - 1 };
  gguf *g;
  TRY(gguf_open(path, &g, c->err));
  c->file = begin;
  loci_status st = add_text(c, g, begin, NULL);
  for (int64_t i = 0; i < gguf_count(g) && !st; i++) {
    const char *key = gguf_at(g, i)->key;
    if (strncmp(key, begin, BEGIN) != 0 || key[BEGIN] != '.') continue;
    st = add_text(c, g, key, key + BEGIN + 1);
  }
  gguf_close(g);
  return st;
}

static loci_status add_files(collector *c, const char *dir, bool sees) {
  static const char *const files[2][4] = {{"chat_template.jinja", "chat_template.json",
                                           "tokenizer_config.json", "processor_config.json"},
                                          {"chat_template.jinja", "chat_template.json",
                                           "processor_config.json", "tokenizer_config.json"}};
  for (int i = 0; i < 4 && !c->has_default; i++) {
    c->file = files[sees][i];
    const char *path = path_join(c->mem, dir, c->file);
    if (!path) return fail_nomem(c->err, "reading chat templates");
    if (file_exists(path)) TRY(i == 0 ? add_jinja(c, path, NULL) : add_json(c, path));
  }
  return add_more(c, dir);
}

loci_status template_list_read(const char *dir, bool sees, arena *mem, template_list *out,
                               loci_err *err) {
  collector c = {.mem = mem, .items = arena_zarray(mem, LIST_MOST, prompt_template), .err = err};
  *out = (template_list){0};
  if (!c.items) return fail_nomem(err, "reading chat templates");
  TRY(gguf_is(dir) ? add_gguf(&c, dir) : add_files(&c, dir, sees));
  *out = (template_list){c.items, c.count, c.has_default};
  if (!c.has_default) return LOCI_OK;
  jinja *t;
  TRY(jinja_parse(c.items[0].text, c.items[0].size, c.items[0].name, &t, err));
  jinja_free(t);
  return LOCI_OK;
}
