/* From a request to a command line (see command.h).  The text is made twice by the same steps: once
 * to be measured, once to be written. */
#include "model/command.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fixed.h"
#include "text/span.h"

/* ---------------------------------------------------------------- the request */

js_value *request_seed(uint64_t seed) {
  char digits[32];
  if (seed <= INT64_MAX) return js_int((int64_t)seed);
  snprintf(digits, sizeof digits, "%" PRIu64, seed);
  return js_text(digits);
}

void request_put_model(js_value **to, const loci_model *m) {
  const loci_model_info *i = loci_model_get_info(m);
  js_value *files = js_array();
  for (int k = 0; k < i->edit_count; k++) js_push(&files, js_text(i->edits[k].file));
  js_put(to, "precision", js_text(i->precision));
  if (m->device) { /* "opencl:0 (its name, its driver)" */
    char name[32];
    snprintf(name, sizeof name, "%.*s", (int)strcspn(i->device, " "), i->device);
    js_put(to, "device", js_text(name));
    js_put(to, "device_name", js_text(i->device)); /* of settings: another card, another run */
  }
  if (m->asked.mmproj) js_put(to, "mmproj", js_text(m->asked.mmproj));
  if (m->asked.max_pixels > 0) js_put(to, "max_pixels", js_int(m->asked.max_pixels));
  if (m->asked.gate_rows_hf) js_put(to, "gate_rows", js_text("hf"));
  if (i->turns_images) js_put(to, "exif", js_text("turn"));
  if (i->edit_count > 0) {
    js_put(to, "edits", files);
  } else {
    js_free(files);
  }
}

void request_put_wording(js_value **to, const char *template_name, const char *system,
                         const char *date) {
  js_put(to, "template", js_text(template_name));
  if (system) js_put(to, "system", js_text(system));
  if (date) js_put(to, "date", js_text(date));
}

js_value *request_of_prompt(const loci_prompt *p) {
  const loci_prompt_info *i = &p->info;
  js_value *o = js_object(), *constraints = js_array(), *kinds = js_array();
  bool usual = true; /* all kinds are what their first words say */
  for (int k = 0; k < i->constraint_count; k++) {
    const loci_constraint *c = &i->constraints[k];
    bool same = strcmp(c->kind, constraint_kind(c->text, prompt_picture(p) != NULL)) == 0;
    js_push(&constraints, js_text(c->given));
    js_push(&kinds, js_text(same ? "auto" : c->kind));
    usual &= same;
  }
  js_put(&o, "image", js_text(i->image_path));
  if (p->is_given) js_put(&o, "pixels", js_bool(true));
  js_put(&o, "question", js_text(i->question));
  js_put(&o, "constraints", constraints);
  if (!usual) js_put(&o, "kinds", kinds);
  if (usual) js_free(kinds);
  request_put_wording(&o, i->template_name, i->system, i->date);
  request_put_model(&o, p->model);
  return o;
}

/* ---------------------------------------------------------------- words */

/* A member of a request and the option that says it. */
typedef struct spelling {
  const char *key, *option;
  char letter;       /* 0: none */
  const char *joint; /* between the items of a list; NULL: the option again for each */
} spelling;

static const spelling spellings[] = {
    {"what", "what", 0, ","},
    {"image", "image", 'i', NULL},
    {"question", "question", 'q', NULL},
    {"constraints", "constraint", 'c', NULL},
    {"kinds", "kind", 0, NULL},
    {"template", "template", 't', NULL},
    {"system", "system", 0, NULL},
    {"date", "date", 0, NULL},
    {"precision", "precision", 0, NULL},
    {"device", "device", 0, NULL},
    {"devices", "devices", 0, NULL},
    {"mmproj", "mmproj", 0, NULL},
    {"max_pixels", "max-pixels", 0, NULL},
    {"gate_rows", "gate-rows", 0, NULL},
    {"exif", "exif", 0, NULL},
    {"max_new", "max-new", 0, NULL},
    {"first_token", "first-token", 0, NULL},
    {"limit", "limit", 0, NULL},
    {"sample", "sample", 0, NULL},
    {"answer", "answer", 'a', NULL},
    {"corrupt", "corrupt", 0, NULL},
    {"only", "only", 0, NULL},
    {"sites", "site", 0, ","},
    {"window", "window", 0, ","},
    {"windows", "window", 0, ","}, /* as stores had it once */
    {"layers", "layers", 0, "-"},
    {"positions", "positions", 0, NULL},
    {"direction", "direction", 0, NULL},
    {"receiver", "receiver", 0, NULL},
    {"set", "set", 0, NULL},
    {"controls", "controls", 0, NULL},
    {"donor", "donor", 0, NULL},
    {"donor_image", "donor-image", 0, NULL},
    {"donor_constraint", "donor-constraint", 0, NULL},
    {"donor_model", "donor-model", 0, NULL},
    {"donor_at", "donor-at", 0, NULL},
    {"donors", "donors", 0, NULL},
    {"compat", "compat", 0, NULL},
    {"method", "method", 0, NULL},
    {"metric", "metric", 0, NULL},
    {"verify", "verify", 0, NULL},
    {"from", "from", 0, ","},
    {"to", "to", 0, ","},
    {"heads", "heads", 0, NULL},
    {"noise", "noise", 0, NULL},
    {"noise_data", "noise-data", 0, NULL},
    {"seeds", "seeds", 0, NULL},
    {"seed", "seed", 0, NULL},
    {"run", "run", 0, ","},
    {"min_te", "min-te", 0, NULL},
    {"by", "by", 0, ","},
    {"choice", "choice", 0, NULL},
    {"samples", "samples", 0, NULL},
    {"temperature", "temperature", 0, NULL},
    {"target", "target", 0, NULL},
    {"tested", "edit", 0, NULL},
    {"layer", "layer", 0, ","},
    {"batch", "batch", 0, NULL},
    {"null_below", "null-below", 0, NULL},
    {"null_relative", "null-relative", 0, NULL},
    {"steps", "steps", 0, NULL},
    {"lr", "lr", 0, NULL},
    {"weight_decay", "weight-decay", 0, NULL},
    {"lambda", "lambda", 0, NULL},
    {"max_norm", "max-norm", 0, NULL},
    {"stop_p", "stop-p", 0, NULL},
    {"stop_loss", "stop-loss", 0, NULL},
    {"ridge", "ridge", 0, NULL},
    {"covariance", "covariance", 0, NULL},
    {"ft_at", "ft-at", 0, NULL},
    {"kl", "kl", 0, NULL},
    {"eps", "eps", 0, NULL},
    {"keep_weight", "keep-weight", 0, NULL},
    {"average_loss", "average-loss", 0, NULL},
    {"each_key", "each-key", 0, NULL},
    {"without_constraint", "without-constraint", 0, NULL},
    {"prompts", "prompts", 0, NULL},
    {"renderings", "renderings", 0, NULL},
    {"over", "over", 0, NULL},
    {"text", "text", 0, NULL},
    {"no_special", "no-special", 0, NULL},
    {"rows", "rows", 0, NULL},
    {"width", "width", 0, NULL},
    {"inner", "inner", 0, NULL},
    {"kv_heads", "kv-heads", 0, NULL},
    {"repeats", "repeats", 0, NULL},
    {"images", "images", 0, NULL},
    {"answer_files", "answers", 0, NULL},
    {"image_list", "image-list", 0, NULL},
    {"raw", "raw", 0, NULL},
    {"no_images", "no-images", 0, NULL},
    {"fix", "fix", 0, NULL},
    {"weights", "weights", 0, NULL},
    {"train", "train", 0, NULL},
    {"keep_given", "keep", 0, NULL},
    {"compare", "compare", 0, NULL},
    {"why", "why", 0, NULL},
    {"whole", "whole", 0, NULL},
    {"with_model", "with-model", 0, NULL},
    {"out", "out", 'o', NULL},
};

typedef struct line {
  char *at; /* NULL: only measured */
  size_t n;
  bool cannot; /* something has no words */
} line;

static void add(line *l, const char *s) {
  size_t n = strlen(s);
  if (l->at) memcpy(l->at + l->n, s, n);
  l->n += n;
}

/* A word for a shell, in quotes where a letter of it means something there. */
static void add_word(line *l, const char *s) {
  static const char plain[] =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./:,=+-@%";
  if (*s && strspn(s, plain) == strlen(s)) {
    add(l, s);
    return;
  }
  add(l, "'");
  for (; *s; s++) {
    char one[2] = {*s};
    add(l, *s == '\'' ? "'\\''" : one);
  }
  add(l, "'");
}

/* A name of a file as a plain argument: not to be taken for an option. */
static void add_file(line *l, const char *path) {
  add(l, " ");
  if (*path == '-') add(l, "./");
  add_word(l, path);
}

static void add_option(line *l, const spelling *o, const char *value) {
  bool bare = value && *value == '-'; /* would be an option itself */
  char letter[] = {'-', o->letter, 0};
  add(l, " ");
  if (o->letter && !bare) {
    add(l, letter);
  } else {
    add(l, "--");
    add(l, o->option);
  }
  if (!value) return;
  add(l, bare ? "=" : " ");
  add_word(l, value);
}

/* A single value as the command line takes it; NULL: it is none. */
static const char *value_of(const js_value *v, char room[32]) {
  int64_t number;
  double x;
  const char *text = js_text_of(v, NULL);
  if (text) return text;
  if (js_int_of(v, &number)) {
    snprintf(room, 32, "%lld", (long long)number);
    return room;
  }
  return js_real_of(v, &x) ? fixed_number(x, room) : NULL;
}

/* The items of a list in one value. */
static void add_joined(line *l, const spelling *o, const js_value *list) {
  char text[1024] = "", room[32];
  size_t used = 0;
  for (int64_t i = 0; i < js_count(list); i++) {
    const char *item = value_of(js_at(list, i), room);
    if (!item || used + strlen(item) + 2 > sizeof text) {
      l->cannot = true;
      return;
    }
    used = fixed_add(text, sizeof text, used, "%s%s", i ? o->joint : "", item);
  }
  if (used > 0) add_option(l, o, text);
}

static void add_member(line *l, const spelling *o, const js_value *v) {
  char room[32];
  bool on;
  if (js_kind_of(v) == JS_ARRAY && o->joint) {
    add_joined(l, o, v);
    return;
  }
  if (js_kind_of(v) == JS_ARRAY) {
    for (int64_t i = 0; i < js_count(v); i++) {
      const char *item = value_of(js_at(v, i), room);
      if (item) add_option(l, o, item);
      l->cannot |= !item;
    }
    return;
  }
  const char *value = value_of(v, room);
  if (!value && js_bool_of(v, &on) && on) add_option(l, o, NULL);
  if (value) add_option(l, o, value);
}

/* ---------------------------------------------------------------- pathways */

static const char *end_of(const js_value *pathways, int64_t i, int end) {
  const char *text = js_text_of(js_at(js_at(pathways, i), end), NULL);
  return text ? text : "";
}

/* Every source with every query is "--from A,B --to C,D"; those of a request without any need no
 * words. */
static void add_pathways(line *l, const js_value *v) {
  static const spelling ends[] = {{"", "from", 0, ","}, {"", "to", 0, ","}};
  static const char *const usual[][2] = {
      {"image", "constraint"}, {"image", "last"}, {"constraint", "last"}, {"last", "last"}};
  int64_t n = js_count(v), columns = 1; /* the first row's, the first of which begins it */
  bool is_usual = n == 4;
  for (int64_t i = 0; i < n && i < 4; i++)
    is_usual &= !strcmp(end_of(v, i, 0), usual[i][0]) && !strcmp(end_of(v, i, 1), usual[i][1]);
  if (n == 0 || is_usual) return;
  while (columns < n && strcmp(end_of(v, columns, 0), end_of(v, 0, 0)) == 0) columns++;
  js_value *from = js_array(), *to = js_array();
  for (int64_t i = 0; i < n; i++) {
    l->cannot |= n % columns != 0 || strcmp(end_of(v, i, 1), end_of(v, i % columns, 1)) != 0 ||
                 strcmp(end_of(v, i, 0), end_of(v, i - i % columns, 0)) != 0;
    if (i % columns == 0) js_push(&from, js_text(end_of(v, i, 0)));
    if (i < columns) js_push(&to, js_text(end_of(v, i, 1)));
  }
  l->cannot |= !from || !to;
  add_joined(l, &ends[0], from);
  add_joined(l, &ends[1], to);
  js_free(from);
  js_free(to);
}

/* ---------------------------------------------------------------- the line */

static void add_number(line *l, const char *option, int64_t x) {
  char text[64];
  if (x <= 0) return;
  snprintf(text, sizeof text, " --%s %lld", option, (long long)x);
  add(l, text);
}

/* An edit that was made in memory has no words. */
static void add_edit(line *l, const char *file) {
  l->cannot |= !file;
  if (file) add_option(l, &(spelling){"", "edit", 0, NULL}, file);
}

static void write_line(line *l, const command_words *w, const js_value *request) {
  int64_t window;
  l->n = 0;
  l->cannot |= js_get(request, "pixels") != NULL; /* a picture that is in no file */
  add(l, "loci ");
  add(l, w->name);
  l->cannot |= w->cannot;
  if (w->file) add_file(l, w->file);
  if (w->second) add_file(l, w->second);
  if (w->model) add_option(l, &(spelling){"", "model", 'm', NULL}, w->model->path);
  for (int i = 0; w->model && i < w->model->edit_count; i++) add_edit(l, w->model->edits[i].file);
  if (w->more) add(l, w->more);
  for (int i = 0; i < w->word_count; i++) {
    add(l, " ");
    add_word(l, w->words[i]);
  }
  for (size_t i = 0; i < sizeof spellings / sizeof *spellings; i++) {
    const js_value *v = js_get(request, spellings[i].key);
    bool all = strcmp(spellings[i].key, "window") == 0 && js_int_of(v, &window) && window <= 0;
    if (all) add_option(l, &spellings[i], "all"); /* as stores had it once */
    if (v && !all) add_member(l, &spellings[i], v);
  }
  add_pathways(l, js_get(request, "pathways"));
  add_number(l, "threads", w->threads);
  add_number(l, "memory", w->memory);
}

loci_status command_line(const command_words *words, const js_value *request, arena *mem,
                         const char **out, loci_err *err) {
  line l = {0};
  write_line(&l, words, request);
  if (l.cannot) l.n = 0;
  l.at = arena_array(mem, (int64_t)l.n + 1, char);
  *out = l.at;
  if (!l.at) return fail_nomem(err, "writing a command");
  if (!l.cannot) write_line(&l, words, request);
  l.at[l.n] = 0;
  return LOCI_OK;
}

loci_status request_tell(const command_words *words, js_value *request, loci_result *out,
                         loci_err *err) {
  char *text = NULL;
  loci_status st =
      request ? command_line(words, request, out->memory, &out->command, err) : LOCI_OK;
  loci_status printed = js_print(request, false, &text, err);
  if (!st) st = printed;
  out->request = text ? arena_strdup(out->memory, text) : NULL;
  if (!st && !out->request) st = fail_nomem(err, "writing a request");
  free(text);
  return st;
}

loci_status request_tell_of(const command_words *words, js_value *request, loci_result **made,
                            loci_err *err) {
  loci_status st = request_tell(words, request, *made, err);
  if (!st) return LOCI_OK;
  loci_free(*made);
  *made = NULL;
  return st;
}

command_words command_of(const char *name, const loci_model *m) {
  return (command_words){.name = name,
                         .model = loci_model_get_info(m),
                         .threads = m->asked.threads,
                         .memory = m->asked.memory_bytes};
}
