/* Prompt templates (template.h).
 *
 * A template is two texts round the question.  Checkpoints bring theirs as a Jinja program; it is
 * not run but recognised, by passages that fix what it renders for one user turn.  Before
 * comparing, blanks outside quotes are dropped and line breaks inside quotes become \n, so that
 * formatting does not matter.  Whatever is not certain is refused: a wrong prompt gives numbers
 * that look right. */
#include "text/template.h"

#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "base/names.h"

#define IMAGE "<image>"
#define USERS(who)                                                                                 \
  "A chat between a curious " who                                                                  \
  " and an artificial intelligence assistant. The assistant gives "                                \
  "helpful, detailed, and polite answers to the " who "'s questions."
#define VICUNA USERS("user") " USER: <image>\n"

enum { NEEDLES = 6, FILE_LIMIT = 4 << 20 };

struct prompt_template {
  const char *name, *before, *behind;
  bool ends_sentence; /* a question without ? . or : gets a ? */
  bool strips;        /* the Jinja trims the question */
  /* In the Jinja of a checkpoint, squeezed: must occur, must not occur. */
  const char *needs[NEEDLES], *never[NEEDLES];
};

static const prompt_template templates[] = {
    {.name = "llava-paper",
     .before = "<image>\nUSER: ",
     .behind = " Answer in a few words.\nASSISTANT:",
     .ends_sentence = true},
    {.name = "vicuna_v1", .before = VICUNA, .behind = " ASSISTANT:"},
    {.name = "bunny", .before = VICUNA, .behind = " ASSISTANT:"},
    {.name = "llava_v1", .before = USERS("human") " USER: <image>\n", .behind = " ASSISTANT:"},
    {.name = "raw", .before = "", .behind = ""},
    {.name = "is-a", .before = "<image>\n", .behind = " is a"},
    {.name = "chat",
     .before = "USER: <image>\n",
     .behind = " ASSISTANT:",
     .needs = {"{{message['role'].upper()+': '}}", "{{'<image>\\n'}}", "{{content['text']+' '}}",
               "{%ifadd_generation_prompt%}{{'ASSISTANT:'}}"},
     .never = {"bos_token", "A chat between", "'system'%}{{'", "[INST]", "<|im_start|>"}},
    {.name = "chatml",
     .before = "<|im_start|>user\n",
     .behind = "<|im_end|>\n<|im_start|>assistant\n",
     .needs = {"{{'<|im_start|>'+message['role']+'\\n'+message['content']+'<|im_end|>'+'\\n'}}",
               "{%ifadd_generation_prompt%}{{'<|im_start|>assistant\\n'}}"},
     .never = {"system\\n", "You are", "bos_token", "<think>", "<|vision_start|>", "<image>"}},
    {.name = "qwen2",
     .before = "<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n<|im_start|>user\n",
     .behind = "<|im_end|>\n<|im_start|>assistant\n",
     .needs = {"{{'<|im_start|>system\\nYou are a helpful assistant.<|im_end|>\\n'}}",
               "{{'<|im_start|>'+message['role']+'\\n'+message['content']+'<|im_end|>'+'\\n'}}",
               "{%ifadd_generation_prompt%}{{'<|im_start|>assistant\\n'}}",
               "messages[0]['role']!='system'"},
     .never = {"bos_token", "<think>", "<|vision_start|>", "<image>", "tools"}},
    {.name = "llama2",
     .before = "[INST] ",
     .behind = " [/INST]",
     .strips = true,
     .needs = {"{{bos_token+'[INST] '+content.strip()+' [/INST]'}}", "<<SYS>>"},
     .never = {"DEFAULT_SYSTEM", "You are", "<image>"}},
    {.name = "mistral",
     .before = "[INST] ",
     .behind = " [/INST]",
     .needs = {"{{bos_token}}", "{{'[INST] '+message['content']+' [/INST]'}}"},
     .never = {"<<SYS>>", "You are", "<image>", "tools", "[AVAILABLE_TOOLS]"}},
    {.name = "llama3",
     .before = "<|start_header_id|>user<|end_header_id|>\n\n",
     .behind = "<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n",
     .strips = true,
     .needs = {"'<|start_header_id|>'+message['role']+'<|end_header_id|>\\n\\n'+message['content']|"
               "trim+'<|eot_id|>'",
               "{{'<|start_header_id|>assistant<|end_header_id|>\\n\\n'}}"},
     .never = {"Cutting Knowledge", "date_string", "tools", "You are", "<image>"}},
};

enum { TEMPLATES = sizeof templates / sizeof *templates };

const prompt_template *template_at(int i) { return i >= 0 && i < TEMPLATES ? &templates[i] : NULL; }

const char *template_name(const prompt_template *t) { return t->name; }

/* ---------------------------------------------------------------- by name */

static void list_names(char *out, size_t room) {
  size_t n = 0;
  for (int i = 0; i < TEMPLATES; i++) {
    const char *name = templates[i].name;
    size_t k = strlen(name);
    if (n + k + 3 > room) break;
    if (i > 0) {
      memcpy(out + n, ", ", 2);
      n += 2;
    }
    memcpy(out + n, name, k);
    n += k;
  }
  out[n] = '\0';
}

loci_status template_find(const char *name, const prompt_template **out, loci_err *err) {
  const char *all[TEMPLATES];
  char names[256];
  *out = NULL;
  for (int i = 0; i < TEMPLATES; i++) {
    all[i] = templates[i].name;
    if (strcmp(name, all[i]) == 0) {
      *out = &templates[i];
      return LOCI_OK;
    }
  }
  int near = nearest_name(name, all, TEMPLATES);
  list_names(names, sizeof names);
  if (near < 0) {
    return fail(err, LOCI_EINVAL, "no template \"%.40s\"; there are %s", name, names);
  }
  return fail(err, LOCI_EINVAL, "no template \"%.40s\"; did you mean \"%s\"?  There are %s", name,
              all[near], names);
}

/* ---------------------------------------------------------------- by the checkpoint's Jinja */

/* Drops comments, the - of {%- and -%}, and blanks outside quotes; inside quotes a line break
 * becomes \n.  Every quote becomes ', every {{- {{.  [out] has room for 2 n + 1. */
static void squeeze(const char *s, size_t n, char *out) {
  char quote = 0;
  size_t m = 0;
  bool code = false; /* inside {{ }} or {% %} */
  for (size_t i = 0; i < n; i++) {
    char c = s[i], next = i + 1 < n ? s[i + 1] : '\0';
    if (!quote && c == '{' && next == '#') {
      const char *end = i + 2 < n ? strstr(s + i + 2, "#}") : NULL;
      if (!end) break;
      i = (size_t)(end - s) + 1;
      continue;
    }
    if (c == '\n' && (quote || !code)) {
      if (quote) {
        out[m++] = '\\';
        out[m++] = 'n';
      }
      continue;
    }
    if (!quote && (c == ' ' || c == '\t' || c == '\r' || c == '\n')) continue;
    if (!quote && c == '{' && (next == '{' || next == '%')) code = true;
    if (!quote && (c == '}' || c == '%') && next == '}') code = false;
    if (!quote && c == '-' && i > 1 && s[i - 2] == '{' && (s[i - 1] == '{' || s[i - 1] == '%')) {
      continue;
    }
    if (!quote && c == '-' && (next == '%' || next == '}')) continue;
    if (code && c == '\\' && quote && next) {
      out[m++] = c;
      out[m++] = next;
      i++;
      continue;
    }
    if (code && (quote ? c == quote : c == '\'' || c == '"')) {
      quote = quote ? 0 : c;
      c = '\'';
    }
    if (c) out[m++] = c;
  }
  out[m] = '\0';
}

static bool fits(const prompt_template *t, const char *squeezed) {
  if (!t->needs[0]) return false;
  for (int i = 0; i < NEEDLES && t->needs[i]; i++) {
    if (!strstr(squeezed, t->needs[i])) return false;
  }
  for (int i = 0; i < NEEDLES && t->never[i]; i++) {
    if (strstr(squeezed, t->never[i])) return false;
  }
  return true;
}

static loci_status recognise(const char *jinja, size_t n, const char *path,
                             const prompt_template **out, loci_err *err) {
  char *squeezed = malloc(2 * n + 1), names[256];
  if (!squeezed) return fail_nomem(err, path);
  squeeze(jinja, n, squeezed);
  for (int i = 0; i < TEMPLATES && !*out; i++) {
    if (fits(&templates[i], squeezed)) *out = &templates[i];
  }
  free(squeezed);
  if (*out) return LOCI_OK;
  list_names(names, sizeof names);
  return fail(err, LOCI_EUNSUPPORTED,
              "%s: loci does not know this chat template; name one with --template NAME (%s)", path,
              names);
}

/* "chat_template": a text, or [{"name": "default", "template": text}, ..]. */
static loci_status find_member(const js_value *root, const char *path, const char **out, size_t *n,
                               loci_err *err) {
  const js_value *m = js_get(root, "chat_template");
  *out = js_text_of(m, n);
  if (!m || *out) return LOCI_OK;
  for (int64_t i = 0; js_kind_of(m) == JS_ARRAY && i < js_count(m); i++) {
    const char *name = js_text_of(js_get(js_at(m, i), "name"), NULL);
    if (name && strcmp(name, "default") == 0) *out = js_text_of(js_get(js_at(m, i), "template"), n);
  }
  if (*out) return LOCI_OK;
  return fail(err, LOCI_EFORMAT,
              "%s: \"chat_template\" must be a string or a list with a \"default\"", path);
}

static loci_status recognise_json(const char *path, const prompt_template **out, loci_err *err) {
  js_value *root;
  const char *jinja;
  size_t n;
  TRY(js_parse_file(path, FILE_LIMIT, &root, err));
  loci_status st = find_member(root, path, &jinja, &n, err);
  if (!st && jinja) st = recognise(jinja, n, path, out, err);
  js_free(root);
  return st;
}

static loci_status recognise_jinja(const char *path, const prompt_template **out, loci_err *err) {
  char *text;
  size_t n;
  TRY(file_read(path, FILE_LIMIT, &text, &n, err));
  loci_status st = recognise(text, n, path, out, err);
  free(text);
  return st;
}

loci_status template_recognise(const char *dir, const prompt_template **out, loci_err *err) {
  static const char *const names[] = {"chat_template.jinja", "chat_template.json",
                                      "processor_config.json", "tokenizer_config.json"};
  loci_status st = LOCI_OK;
  arena *mem = arena_new();
  *out = NULL;
  if (!mem) return fail_nomem(err, "looking for a chat template");
  for (int i = 0; i < 4 && !*out; i++) {
    const char *path = path_join(mem, dir, names[i]);
    if (!path) {
      st = fail_nomem(err, "looking for a chat template");
      goto done;
    }
    if (!file_exists(path)) continue;
    TRY_DONE(i == 0 ? recognise_jinja(path, out, err) : recognise_json(path, out, err));
  }
done:
  arena_free(mem);
  return st;
}

/* ---------------------------------------------------------------- filling in */

static bool is_blank(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

static bool ends_in_mark(const char *s, size_t n) {
  return n > 0 && (s[n - 1] == '?' || s[n - 1] == '.' || s[n - 1] == ':');
}

/* [before] without the marker and its line break. */
static size_t copy_before(const prompt_template *t, bool has_image, char *out) {
  const char *image = has_image ? NULL : strstr(t->before, IMAGE "\n");
  size_t n = strlen(t->before);
  if (!image) {
    memcpy(out, t->before, n);
    return n;
  }
  size_t head = (size_t)(image - t->before), gone = sizeof IMAGE; /* the line break too */
  memcpy(out, t->before, head);
  memcpy(out + head, image + gone, n - head - gone);
  return n - gone;
}

loci_status template_fill(const prompt_template *t, const char *question, bool has_image, arena *a,
                          prompt_text *out, loci_err *err) {
  *out = (prompt_text){0};
  if (strstr(question, IMAGE)) {
    return fail(err, LOCI_EINVAL,
                "the question holds " IMAGE "; the template puts that marker in its place");
  }
  if (has_image && !strstr(t->before, IMAGE)) {
    return fail(err, LOCI_EINVAL, "template \"%s\" has no place for an image", t->name);
  }
  size_t n = strlen(question);
  while (t->strips && n > 0 && is_blank(question[n - 1])) n--;
  while (t->strips && n > 0 && is_blank(question[0])) question++, n--;
  char *text = arena_alloc(a, (int64_t)(strlen(t->before) + n + strlen(t->behind)) + 2, 1);
  if (!text) return fail_nomem(err, "filling in a template");
  size_t at = copy_before(t, has_image, text), end = at + n;
  memcpy(text + at, question, n);
  if (t->ends_sentence && !ends_in_mark(question, n)) text[end++] = '?';
  memcpy(text + end, t->behind, strlen(t->behind) + 1);
  *out = (prompt_text){text, end + strlen(t->behind), at, n};
  return LOCI_OK;
}
