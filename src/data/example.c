/* One line of a file of examples, checked field by field (see example.h).
 *
 * Every known field has one type; a field nobody knows is kept as text under its name, so that
 * results can be grouped by it.  A field that is null is a field that is not there. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/result.h"
#include "base/file.h"
#include "base/json.h"
#include "data/example.h"

/* What a line is read with. */
typedef struct job {
  const example_source *from;
  const js_value *line;
  arena *mem;
  loci_err *err;
} job;

static loci_status(no_memory)(const job *j) { return fail_nomem(j->err, "reading an example"); }
#define no_memory(j) failure_is((no_memory)(j), LOCI_ENOMEM) /* see base/status.h */

/* "file, line 3: [field] must be [expected], found [what is there]" */
static loci_status mistyped(const job *j, const char *field, const char *expected,
                            const js_value *found) {
  const char *text = js_text_of(found, NULL);
  return fail(j->err, LOCI_EFORMAT, "%s, %s %" PRId64 ": %s must be %s, found %s%.60s%s",
              j->from->path, j->from->unit, j->from->line, field, expected,
              text ? "\"" : js_kind_name(js_kind_of(found)), text ? text : "", text ? "\"" : "");
}
#define mistyped(...) failure_is((mistyped)(__VA_ARGS__), LOCI_EFORMAT)

/* The string in the arena; [field] is quoted already. */
static loci_status copy_text(const job *j, const char *field, const js_value *v, const char **out) {
  size_t n;
  const char *s = js_text_of(v, &n);
  if (!s) return mistyped(j, field, "a string", v);
  if (memchr(s, 0, n)) {
    return fail(j->err, LOCI_EFORMAT, "%s, %s %" PRId64 ": %s holds a NUL character", j->from->path,
                j->from->unit, j->from->line, field);
  }
  *out = arena_strndup(j->mem, s, n);
  return *out ? LOCI_OK : no_memory(j);
}

/* A path relative to the file's folder. */
static loci_status copy_path(const job *j, const char *field, const js_value *v, const char **out) {
  const char *name = NULL;
  TRY(copy_text(j, field, v, &name));
  if (name[0] == 0) return mistyped(j, field, "a path", v);
  *out = name[0] == '/' ? name : path_join(j->mem, j->from->folder, name);
  return *out ? LOCI_OK : no_memory(j);
}

typedef loci_status copy_fn(const job *j, const char *field, const js_value *v, const char **out);

static loci_status copy_list(const job *j, const char *key, copy_fn *copy, const char *const **out,
                             int *count) {
  char field[64];
  const js_value *list = js_get(j->line, key);
  if (!list) return LOCI_OK;
  snprintf(field, sizeof field, "\"%s\"", key);
  if (js_kind_of(list) != JS_ARRAY) return mistyped(j, field, "an array of strings", list);
  int64_t n = js_count(list);
  const char **items = arena_zarray(j->mem, n, const char *);
  if (!items) return no_memory(j);
  for (int64_t i = 0; i < n; i++) {
    snprintf(field, sizeof field, "\"%s\", item %" PRId64 ",", key, i + 1);
    TRY(copy(j, field, js_at(list, i), &items[i]));
  }
  *out = items;
  *count = (int)n; /* a line is shorter than 2^31 */
  return LOCI_OK;
}

/* One {"text", "kind"}; the kind may be left out. */
static loci_status copy_constraint(const job *j, int64_t i, const js_value *v, const char **text,
                                   const char **kind) {
  char field[64];
  int n = snprintf(field, sizeof field, "\"constraints\", item %" PRId64 ",", i + 1);
  if (js_kind_of(v) != JS_OBJECT) return mistyped(j, field, "an object with \"text\"", v);
  snprintf(field + n, sizeof field - (size_t)n, " \"text\"");
  TRY(copy_text(j, field, js_get(v, "text"), text));
  if (strspn(*text, " \t\r\n") == strlen(*text))
    return mistyped(j, field, "a piece of the question", js_get(v, "text"));
  if (!js_get(v, "kind")) return LOCI_OK;
  snprintf(field + n, sizeof field - (size_t)n, " \"kind\"");
  TRY(copy_text(j, field, js_get(v, "kind"), kind));
  if (strcmp(*kind, "visual") == 0 || strcmp(*kind, "textual") == 0) return LOCI_OK;
  return mistyped(j, field, "\"visual\" or \"textual\"", js_get(v, "kind"));
}

static loci_status copy_constraints(const job *j, loci_example *e) {
  const js_value *list = js_get(j->line, "constraints");
  if (!list) return LOCI_OK;
  if (js_kind_of(list) != JS_ARRAY)
    return mistyped(j, "\"constraints\"", "an array of objects", list);
  int64_t n = js_count(list);
  const char **texts = arena_zarray(j->mem, n, const char *);
  const char **kinds = arena_zarray(j->mem, n, const char *);
  if (!texts || !kinds) return no_memory(j);
  for (int64_t i = 0; i < n; i++) TRY(copy_constraint(j, i, js_at(list, i), &texts[i], &kinds[i]));
  e->constraints = texts;
  e->kinds = kinds;
  e->constraint_count = (int)n;
  return LOCI_OK;
}

static loci_status copy_single(const job *j, const char *key, copy_fn *copy, const char **out) {
  char field[64];
  const js_value *v = js_get(j->line, key);
  if (!v) return LOCI_OK;
  snprintf(field, sizeof field, "\"%s\"", key);
  return copy(j, field, v, out);
}

/* An id is a string or a number. */
static loci_status copy_id(const job *j, const char *field, const js_value *v, const char **out) {
  int64_t number;
  char text[24];
  if (!js_int_of(v, &number)) return copy_text(j, field, v, out);
  snprintf(text, sizeof text, "%" PRId64, number);
  *out = arena_strdup(j->mem, text);
  return *out ? LOCI_OK : no_memory(j);
}

const char *const example_fields[EXAMPLE_FIELDS] = {
    "id",     "image",    "question",           "answers", "constraints",
    "entity", "rephrase", "same_entity_images", "set",     "target"};

static bool is_known(const char *key) {
  for (int i = 0; i < EXAMPLE_FIELDS; i++) {
    if (strcmp(key, example_fields[i]) == 0) return true;
  }
  return false;
}

/* An example with what choices alone ask: which of its fields are numbers. */
typedef struct kept {
  loci_example e;
  const bool *numbers;
} kept;

/* What a corruption puts in is a text, as everything that a model is asked. */
static bool is_question_part(const char *key) {
  return strcmp(key, "swap") == 0 || strcmp(key, "corrupt_question") == 0;
}

static loci_status copy_further(const job *j, const char *key, const js_value *v, loci_field *out) {
  char field[64];
  out->name = arena_strdup(j->mem, key);
  if (!out->name) return no_memory(j);
  snprintf(field, sizeof field, "\"%.50s\"", key);
  if (js_kind_of(v) == JS_TEXT || is_question_part(key)) return copy_text(j, field, v, &out->value);
  char *text;
  TRY(js_dump(v, &text, j->err));
  out->value = arena_strdup(j->mem, text);
  free(text);
  return out->value ? LOCI_OK : no_memory(j);
}

static loci_status copy_fields(const job *j, loci_example *e) {
  const char *key;
  const js_value *v;
  loci_field *fields = arena_zarray(j->mem, js_count(j->line), loci_field);
  bool *numbers = arena_zarray(j->mem, js_count(j->line), bool);
  if (!fields || !numbers) return no_memory(j);
  for (void *it = js_first(j->line, &key, &v); it; it = js_next(j->line, it, &key, &v)) {
    if (is_known(key) || js_kind_of(v) == JS_NULL) continue;
    numbers[e->field_count] = js_kind_of(v) == JS_INT;
    TRY(copy_further(j, key, v, &fields[e->field_count++]));
  }
  e->fields = fields;
  ((kept *)e)->numbers = numbers;
  return LOCI_OK;
}

/* A question without its picture is another question, so a picture under a name that is not read
 * refuses the line. */
static loci_status refuse_other_picture(const job *j, const loci_example *e) {
  static const char *const names[] = {"images",    "image_path", "img_path", "image_file",
                                      "image_url", "image_id",   "img",      "picture"};
  for (size_t i = 0; !e->image && i < sizeof names / sizeof *names; i++) {
    if (!example_field(e, names[i])) continue;
    return fail(j->err, LOCI_EFORMAT,
                "%s, %s %" PRId64 ": \"%s\" is not read; the picture's path belongs in \"image\"",
                j->from->path, j->from->unit, j->from->line, names[i]);
  }
  return LOCI_OK;
}

static loci_status copy_example(const job *j, loci_example *e) {
  e->line = j->from->line;
  if (js_kind_of(j->line) != JS_OBJECT) return mistyped(j, "an example", "an object", j->line);
  const js_value *question = js_get(j->line, "question");
  if (!question) {
    return fail(j->err, LOCI_EFORMAT, "%s, %s %" PRId64 ": \"question\" is missing", j->from->path,
                j->from->unit, j->from->line);
  }
  TRY(copy_text(j, "\"question\"", question, &e->question));
  if (strspn(e->question, " \t\r\n") == strlen(e->question))
    return mistyped(j, "\"question\"", "a question", question);
  TRY(copy_single(j, "image", copy_path, &e->image));
  TRY(copy_single(j, "id", copy_id, &e->id));
  TRY(copy_single(j, "entity", copy_text, &e->entity));
  TRY(copy_single(j, "set", copy_text, &e->set));
  TRY(copy_single(j, "target", copy_text, &e->target));
  TRY(copy_list(j, "answers", copy_text, &e->answers, &e->answer_count));
  TRY(copy_list(j, "rephrase", copy_text, &e->rephrase, &e->rephrase_count));
  TRY(copy_list(j, "same_entity_images", copy_path, &e->same_entity, &e->same_entity_count));
  TRY(copy_constraints(j, e));
  TRY(copy_fields(j, e));
  return refuse_other_picture(j, e);
}

/* FNV-1a (Fowler, Noll, Vo 1991). */
uint64_t example_fingerprint(const char *text, size_t n) {
  uint64_t hash = 0xcbf29ce484222325u;
  for (size_t i = 0; i < n; i++) hash = (hash ^ (unsigned char)text[i]) * 0x100000001b3u;
  return hash;
}

loci_status example_read(const js_value *line, const example_source *from, loci_example **out,
                         loci_err *err) {
  *out = NULL;
  loci_example *e = result_new(LOCI_KIND_EXAMPLE, sizeof(kept));
  if (!e) return fail_nomem(err, "reading an example");
  job j = {from, line, e->result.memory, err};
  loci_status st = copy_example(&j, e);
  if (st) {
    loci_free(e);
  } else {
    *out = e;
  }
  return st;
}

loci_status example_parse(const char *text, size_t n, const example_source *from,
                          loci_example **out, loci_err *err) {
  js_value *line;
  *out = NULL;
  TRY(js_parse_line(text, n, from->path, from->line, &line, err));
  loci_status st = example_read(line, from, out, err);
  js_free(line);
  return st;
}

const char *example_field(const loci_example *e, const char *name) {
  const loci_field known[] = {{"id", e->id},         {"image", e->image}, {"question", e->question},
                              {"entity", e->entity}, {"set", e->set},     {"target", e->target}};
  for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
    if (strcmp(known[i].name, name) == 0) return known[i].value;
  }
  for (int i = 0; i < e->field_count; i++) {
    if (strcmp(e->fields[i].name, name) == 0) return e->fields[i].value;
  }
  return NULL;
}

bool example_is_number(const loci_example *e, const char *name) {
  for (int i = 0; i < e->field_count; i++)
    if (strcmp(e->fields[i].name, name) == 0) return ((const kept *)e)->numbers[i];
  return false;
}
