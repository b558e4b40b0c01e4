/* The way of one example through the checks (see check.h): repairs first, then what the reader of
 * examples says, then what only an example as a whole shows. */
#include "data/check.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/names.h"
#include "data/choice.h"
#include "data/phrase.h"
#include "data/questions.h"
#include "image/image.h"
#include "model/model.h"
#include "text/span.h"

static loci_status no_memory(const check_job *j) { return fail_nomem(j->err, "checking examples"); }

static void copy_id(check_job *j) {
  int64_t number;
  const js_value *id = js_get(j->line, "id");
  const char *text = js_text_of(id, NULL);
  if (text) snprintf(j->id, sizeof j->id, "%s", text);
  if (js_int_of(id, &number)) snprintf(j->id, sizeof j->id, "%" PRId64, number);
}

/* ---------------------------------------------------------------- fields and text */

static loci_status check_names(check_job *j, const loci_example *e) {
  for (int i = 0; i < e->field_count; i++) {
    const char *name = e->fields[i].name;
    if (strcmp(name, "answer") == 0 && choice_is_one(e)) continue;
    int near = strlen(name) < 4 ? -1 : nearest_name(name, example_fields, EXAMPLE_FIELDS);
    if (near < 0 || js_get(j->line, example_fields[near])) continue;
    TRY(NOTE(j, FIELD_NAME, name, NULL, "is not known; is it \"%s\"?", example_fields[near]));
  }
  return LOCI_OK;
}

/* "Element: This element ..." */
static loci_status check_label(check_job *j, const loci_example *e) {
  const char *colon = strstr(e->question, ": ");
  size_t n = colon ? (size_t)(colon - e->question) : 0;
  if (n == 0 || n > 20 || memchr(e->question, ' ', n)) return LOCI_OK;
  return NOTE(j, QUESTION_LABEL, "question", NULL, "begins with the label \"%.*s:\"", (int)n,
              e->question);
}

static bool contains_word(const char *text, const char *word) {
  size_t n = strlen(word);
  for (const char *p = text; n > 0 && *p; p++) {
    if (strncasecmp(p, word, n) == 0 && span_is_whole(text, p - text, p - text + (int64_t)n))
      return true;
  }
  return false;
}

static loci_status check_answers(check_job *j, const loci_example *e) {
  char field[40];
  bool right = false;
  if (e->answer_count == 0 && !e->target && !j->c->unanswered && !choice_is_one(e))
    TRY(NOTE(j, NO_ANSWER, "answers", NULL, "there is none: right and wrong cannot be told apart"));
  int64_t most = check_most(e->question);
  if (e->answer_count > most || e->constraint_count > most)
    TRY(NOTE(j, LINE_LARGE, NULL, NULL,
             "only the first %lld constraints and answers are looked for", (long long)most));
  for (int i = 0; i < e->answer_count && i < most; i++) {
    if (!contains_word(e->question, e->answers[i])) continue;
    snprintf(field, sizeof field, "answers[%d]", i);
    TRY(NOTE(j, ANSWER_GIVEN, field, NULL, "\"%.80s\" stands in the question", e->answers[i]));
  }
  if (!e->target) return LOCI_OK;
  TRY(answer_matches(e->target, e->answers, e->answer_count, &right, j->err));
  return right ? NOTE(j, TARGET_RIGHT, "target", NULL, "\"%.80s\" is one of the answers", e->target)
               : LOCI_OK;
}

/* ---------------------------------------------------------------- constraints */

static bool overlap(span a, span b) {
  return a.begin < b.begin + (int64_t)b.length && b.begin < a.begin + (int64_t)a.length;
}

/* Whether it stands again, as whole words, after where it was found. */
static bool is_again(const char *question, span s) {
  for (const char *p = question + s.begin + 1; *p; p++) {
    if (strncmp(p, question + s.begin, s.length) == 0 &&
        span_is_whole(question, p - question, p - question + (int64_t)s.length))
      return true;
  }
  return false;
}

/* "This operating" of "This operating system": tables cut after a word end so. */
static loci_status check_cut(check_job *j, const loci_example *e, span s, const char *field) {
  qtext q;
  phrase p;
  int first = 0, last;
  int64_t end = s.begin + (int64_t)s.length;
  question_words(e->question, &q);
  while (first < q.count && q.words[first].begin != s.begin) first++;
  if (first == q.count || q.words[first].is != WORD_DEMONSTRATIVE || !phrase_at(&q, first, &p))
    return LOCI_OK;
  for (last = p.core; last < p.last && q.words[last].end != end; last++) {
  }
  if (last >= p.last) return LOCI_OK;
  return NOTE(j, CONSTRAINT_CUT, field, NULL, "\"%.*s\" ends before its noun: \"%.*s\"",
              (int)s.length, e->question + s.begin, (int)(q.words[p.last].end - s.begin),
              e->question + s.begin);
}

/* The one before [i] that shares words with it, or -1. */
static int overlapped(const span *spans, int i) {
  for (int k = 0; k < i; k++)
    if (spans[k].begin >= 0 && overlap(spans[i], spans[k])) return k;
  return -1;
}

static loci_status check_constraint(check_job *j, const loci_example *e, const span *spans, int i) {
  char field[40];
  const char *text = e->constraints[i];
  span s = spans[i];
  if (s.begin < 0) return LOCI_OK; /* said before */
  snprintf(field, sizeof field, "constraints[%d].text", i);
  if (s.occurrence == 1 && is_again(e->question, s))
    TRY(NOTE(j, CONSTRAINT_UNCLEAR, field, NULL,
             "\"%.80s\" is there more than once; \"%.80s@2\" would be the second", text, text));
  TRY(check_cut(j, e, s, field));
  int other = overlapped(spans, i);
  if (other < 0) return LOCI_OK;
  return NOTE(j, CONSTRAINT_OVERLAP, field, NULL, "\"%.80s\" shares words with \"%.80s\"", text,
              e->constraints[other]);
}

static loci_status check_constraints(check_job *j, const loci_example *e) {
  if (e->constraint_count == 0 && !j->c->unconstrained)
    return NOTE(j, NO_CONSTRAINT, "constraints", NULL, "there is none: nothing can be traced");
  int64_t most = check_most(e->question);
  span *spans = arena_array(j->mem, e->constraint_count, span);
  if (!spans) return no_memory(j);
  for (int i = 0; i < e->constraint_count && i < most; i++) {
    spans[i] = span_find(e->question, e->constraints[i]);
    TRY(check_constraint(j, e, spans, i));
  }
  return LOCI_OK;
}

/* ---------------------------------------------------------------- tokens */

static bool has_token(const encoding *ids, span s) {
  int64_t end = s.begin + (int64_t)s.length;
  for (int i = 0; i < ids->count; i++) {
    if (ids->begin[i] < end && s.begin < ids->end[i]) return true;
  }
  return false;
}

static loci_status check_question_tokens(check_job *j, const loci_example *e) {
  const loci_model *m = j->c->model;
  char field[40];
  encoding ids;
  loci_status st = LOCI_OK;
  TRY(tokenizer_encode(m->tokens, e->question, strlen(e->question), false, &ids, j->err));
  int rows = e->image && !m->info.image_outside ? m->info.image_rows : 0;
  if (ids.count + rows > m->info.max_positions)
    st = NOTE(j, QUESTION_LONG, "question", NULL,
              "%d tokens and %d rows of the picture, but the model has %d positions", ids.count,
              rows, m->info.max_positions);
  int64_t most = check_most(e->question);
  for (int i = 0; !st && i < e->constraint_count && i < most; i++) {
    span s = span_find(e->question, e->constraints[i]);
    if (s.begin < 0 || has_token(&ids, s)) continue;
    snprintf(field, sizeof field, "constraints[%d].text", i);
    st = NOTE(j, CONSTRAINT_NO_TOKEN, field, NULL, "\"%.80s\" has no token of its own",
              e->constraints[i]);
  }
  encoding_clear(&ids);
  return st;
}

/* How many tokens an answer has after a blank. */
static loci_status count_tokens(check_job *j, const char *answer, int *count) {
  encoding ids;
  size_t n = strlen(answer);
  char *text = arena_alloc(j->mem, (int64_t)n + 3, 1);
  if (!text) return no_memory(j);
  snprintf(text, n + 3, "x %s", answer);
  TRY(tokenizer_encode(j->c->model->tokens, text, n + 2, false, &ids, j->err));
  *count = 0;
  for (int i = 0; i < ids.count; i++) *count += ids.end[i] > 1;
  encoding_clear(&ids);
  return LOCI_OK;
}

static loci_status check_tokens(check_job *j, const loci_example *e) {
  char field[40];
  int count;
  if (!j->c->model) return LOCI_OK;
  TRY(check_question_tokens(j, e));
  for (int i = 0; i < e->answer_count; i++) {
    TRY(count_tokens(j, e->answers[i], &count));
    if (count <= j->c->max_answer) continue;
    snprintf(field, sizeof field, "answers[%d]", i);
    TRY(NOTE(j, ANSWER_LONG, field, NULL, "\"%.80s\" has %d tokens, more than %d", e->answers[i],
             count, j->c->max_answer));
  }
  return LOCI_OK;
}

/* ---------------------------------------------------------------- pictures */

static loci_status check_image(check_job *j, const char *field, const char *path) {
  image_rgb im;
  bool fresh;
  loci_err why = {0};
  if (!path || j->c->no_images) return LOCI_OK;
  if (!file_exists(path))
    return NOTE(j, IMAGE_MISSING, field, NULL, "there is no file %.200s", path);
  uint64_t key = key_hash(3, path);
  if (!key_set_add(j->c->before, key, 0, j->from->line, &fresh)) return no_memory(j);
  if (!fresh) return LOCI_OK; /* looked at before */
  loci_status st = image_load(path, &im, &why);
  if (st && !status_is_own(st)) return pass_on(&why, j->err);
  if (st) return NOTE(j, IMAGE_UNREADABLE, field, NULL, "%.300s", why.msg);
  int orientation = im.orientation;
  image_clear(&im);
  if (orientation <= 1) return LOCI_OK;
  return NOTE(j, IMAGE_TURNED, field, NULL,
              "EXIF says that %.200s is to be turned (orientation %d), and it is read unturned",
              path, orientation);
}

static loci_status check_images(check_job *j, const loci_example *e) {
  char field[40];
  TRY(check_image(j, "image", e->image));
  for (int i = 0; i < e->same_entity_count; i++) {
    snprintf(field, sizeof field, "same_entity_images[%d]", i);
    TRY(check_image(j, field, e->same_entity[i]));
  }
  return LOCI_OK;
}

/* What questions(.h) within the example say. */
static loci_status check_side_questions(check_job *j, const loci_example *e) {
  side_question *list;
  char field[60];
  int count;
  loci_err why = {0};
  for (int f = 0; f < SIDE_FIELDS; f++) {
    loci_status st = side_questions(j->from, e, side_fields[f], j->mem, &list, &count, &why);
    if (st && !status_is_own(st)) return pass_on(&why, j->err);
    if (st)
      TRY(NOTE(j, SIDE_QUESTION, side_fields[f], NULL, "%.300s",
               report_plain(why.msg, j->from->path, j->from->line)));
    for (int i = 0; !st && i < count; i++) {
      snprintf(field, sizeof field, "%s[%d].image", side_fields[f], i);
      TRY(check_image(j, field, list[i].image));
    }
  }
  return LOCI_OK;
}

/* ---------------------------------------------------------------- doubles */

static uint64_t hash_list(uint64_t h, const char *const *list, int count) {
  for (int i = 0; i < count; i++) h = key_hash(h, list[i]);
  return key_hash(h, NULL);
}

/* Everything an example says, but its id. */
static uint64_t hash_rest(const loci_example *e) {
  uint64_t h = hash_list(7, e->answers, e->answer_count);
  h = hash_list(h, e->constraints, e->constraint_count);
  h = hash_list(h, e->kinds, e->constraint_count);
  h = hash_list(h, e->rephrase, e->rephrase_count);
  h = hash_list(h, e->same_entity, e->same_entity_count);
  h = key_hash(key_hash(key_hash(h, e->entity), e->set), e->target);
  for (int i = 0; i < e->field_count; i++)
    h = key_hash(key_hash(h, e->fields[i].name), e->fields[i].value);
  return h;
}

static loci_status check_doubles(check_job *j, const loci_example *e, bool *keep) {
  bool fresh;
  uint64_t key = key_hash(key_hash(1, e->image), e->question);
  uint32_t rest = (uint32_t)hash_rest(e);
  const key_set_entry *old = key_set_add(j->c->before, key, rest, j->from->line, &fresh);
  if (!old) return no_memory(j);
  bool same = !fresh && old->more == rest;
  *keep = !same;
  if (same)
    return NOTE(j, EXAMPLE_TWICE, NULL, "left out", "says the same as line %" PRIu32, old->line);
  if (!fresh)
    TRY(NOTE(j, QUESTION_TWICE, "question", NULL, "line %" PRIu32 " asks the same", old->line));
  if (!e->id) return LOCI_OK;
  old = key_set_add(j->c->before, key_hash(2, e->id), 0, j->from->line, &fresh);
  if (!old) return no_memory(j);
  return fresh ? LOCI_OK
               : NOTE(j, ID_TWICE, "id", NULL, "\"%.60s\" is also the id of line %" PRIu32, e->id,
                      old->line);
}

/* ---------------------------------------------------------------- the whole */

/* The reader's sentence without the file and line in front; its first word in quotes is a field. */
static loci_status say_refused(check_job *j, const loci_err *why) {
  char field[64] = "";
  const char *text = report_plain(why->msg, j->from->path, j->from->line);
  if (text[0] == '"') snprintf(field, sizeof field, "%.*s", (int)strcspn(text + 1, "\""), text + 1);
  return NOTE(j, NO_EXAMPLE, field[0] ? field : NULL, NULL, "%s", text);
}

/* "swap" stands for the constraint, "corrupt_question" for the question (docs/FORMATS.md). */
static loci_status check_corruptions(check_job *j, const loci_example *e) {
  const char *const fields[][2] = {
      {"swap", e->constraint_count > 0 ? e->constraints[0] : NULL},
      {"corrupt_question", e->question},
  };
  for (int i = 0; i < 2; i++) {
    const char *field = fields[i][0], *own = js_text_of(js_get(j->line, field), NULL);
    if (!own) continue;
    if (!own[strspn(own, " \t\r\n")]) {
      TRY(NOTE(j, CORRUPTION_TEXT, field, NULL, "is empty"));
    } else if (fields[i][1] && strcmp(own, fields[i][1]) == 0) {
      TRY(NOTE(j, CORRUPTION_TEXT, field, NULL,
               "is what stands there already: nothing is corrupted"));
    }
  }
  return LOCI_OK;
}

static loci_status check_read(check_job *j, const loci_example *e, bool *keep) {
  TRY(check_names(j, e));
  TRY(check_label(j, e));
  TRY(check_constraints(j, e));
  TRY(check_answers(j, e));
  TRY(check_tokens(j, e));
  TRY(check_images(j, e));
  TRY(check_side_questions(j, e));
  TRY(check_corruptions(j, e));
  return check_doubles(j, e, keep);
}

loci_status check_example(const checker *c, js_value *line, const example_source *from, bool *keep,
                          bool *changed, loci_err *err) {
  check_job j = {.c = c, .from = from, .line = line, .err = err};
  loci_example *e = NULL;
  loci_err why = {0};
  *keep = false;
  *changed = false;
  j.mem = arena_new();
  if (!j.mem) return no_memory(&j);
  copy_id(&j);
  loci_status st = js_kind_of(line) == JS_OBJECT ? repair_line(&j) : LOCI_OK;
  if (!st && (st = example_read(line, from, &e, &why))) {
    st = status_is_own(st) ? say_refused(&j, &why) : pass_on(&why, err);
  } else if (!st) {
    st = check_read(&j, e, keep);
  }
  *changed = j.changed;
  loci_free(e);
  arena_free(j.mem);
  return st;
}
