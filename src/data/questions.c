/* Questions within an example (see questions.h). */
#include "data/questions.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"

const char *const side_fields[SIDE_FIELDS] = {"same_image", "other_images", "unrelated", "similar",
                                              "text_only",  "portability",  "fact_check"};

/* What a list is read with. */
typedef struct job {
  const char *path, *folder, *field;
  int64_t line;
  arena *mem;
} job;

static loci_status refuse(const job *j, int64_t i, const char *what, loci_err *err) {
  return fail(err, LOCI_EFORMAT, "%s, line %" PRId64 ": \"%s\", item %" PRId64 ": %s", j->path,
              j->line, j->field, i + 1, what);
}

static loci_status copy(const job *j, const js_value *v, int64_t i, const char *what,
                        const char **out, loci_err *err) {
  size_t n;
  const char *s = js_text_of(v, &n);
  if (!s || n == 0 || strlen(s) != n) return refuse(j, i, what, err);
  *out = arena_strndup(j->mem, s, n);
  return *out ? LOCI_OK : fail_nomem(err, "reading an example");
}

/* The list of strings under [key]. */
static loci_status read_texts(const job *j, const js_value *v, int64_t i, const char *key,
                              const char *const **out, int *count, loci_err *err) {
  const js_value *list = js_get(v, key);
  char why[48];
  int64_t n = js_count(list);
  snprintf(why, sizeof why, "%s must be a list", key);
  if (list && js_kind_of(list) != JS_ARRAY) return refuse(j, i, why, err);
  const char **texts = arena_zarray(j->mem, n, const char *);
  if (!texts) return fail_nomem(err, "reading an example");
  bool votes = strcmp(key, "votes") == 0;
  for (int64_t k = 0; k < n; k++) {
    TRY(copy(j, js_at(list, k), i, votes ? "a vote must be a string" : "an answer must be a string",
             &texts[k], err));
  }
  *out = texts;
  *count = (int)n;
  return LOCI_OK;
}

bool side_verdict(const char *answer, const char *words[2]) {
  static const char *const all[][2] = {{"yes", "no"}, {"no", "yes"}, {"Yes", "No"}, {"No", "Yes"}};
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
    if (strcmp(answer, all[i][0]) != 0) continue;
    words[0] = all[i][0];
    words[1] = all[i][1];
    return true;
  }
  return false;
}

/* What a question of this field cannot be asked without. */
static loci_status check_answers(const job *j, int64_t i, const side_question *q, loci_err *err) {
  bool fact = strcmp(j->field, "fact_check") == 0;
  const char *words[2];
  if (q->vote_count == 1) return refuse(j, i, "has one vote, expected several", err);
  if (!fact && strcmp(j->field, "portability") != 0) return LOCI_OK;
  if (q->answer_count == 0) return refuse(j, i, "must have answers", err);
  for (int k = 0; fact && k < q->answer_count; k++) {
    if (!side_verdict(q->answers[k], words)) return refuse(j, i, "the answer is yes or no", err);
  }
  return LOCI_OK;
}

static loci_status read_one(const job *j, const js_value *v, int64_t i, side_question *out,
                            loci_err *err) {
  const char *image = NULL;
  if (js_kind_of(v) != JS_OBJECT) return refuse(j, i, "must be an object with a question", err);
  TRY(copy(j, js_get(v, "question"), i, "must have a question", &out->question, err));
  if (js_get(v, "image")) {
    TRY(copy(j, js_get(v, "image"), i, "the image must be a path", &image, err));
    out->image = image[0] == '/' ? image : path_join(j->mem, j->folder, image);
    if (!out->image) return fail_nomem(err, "reading an example");
  }
  TRY(read_texts(j, v, i, "answers", &out->answers, &out->answer_count, err));
  TRY(read_texts(j, v, i, "votes", &out->votes, &out->vote_count, err));
  return check_answers(j, i, out, err);
}

static loci_status read_list(const job *j, const js_value *list, side_question **out, int *count,
                             loci_err *err) {
  int64_t n = js_count(list);
  if (js_kind_of(list) != JS_ARRAY) {
    return fail(err, LOCI_EFORMAT, "%s, line %" PRId64 ": \"%s\" must be a list of questions",
                j->path, j->line, j->field);
  }
  *out = arena_zarray(j->mem, n, side_question);
  if (!*out) return fail_nomem(err, "reading an example");
  for (int64_t i = 0; i < n; i++) TRY(read_one(j, js_at(list, i), i, &(*out)[i], err));
  *count = (int)n;
  return LOCI_OK;
}

loci_status side_questions(const example_source *from, const loci_example *e, const char *field,
                           arena *mem, side_question **out, int *count, loci_err *err) {
  const char *text = example_field(e, field);
  job j = {from->path, from->folder, field, e->line, mem};
  js_value *list;
  *out = NULL;
  *count = 0;
  if (!text) return LOCI_OK;
  TRY(js_parse(text, strlen(text), j.path, &list, err));
  loci_status st = read_list(&j, list, out, count, err);
  js_free(list);
  return st;
}
