/* Repairs of a parsed line (see check.h): shapes of lists, blanks, marks, and constraints that are
 * in their question but for case, blanks or punctuation at the ends.  A field of the wrong kind is
 * left for the reader to refuse. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/check.h"
#include "text/span.h"

static loci_status no_memory(const check_job *j) { return fail_nomem(j->err, "checking examples"); }

/* Sets a member, which is taken over. */
static loci_status set(check_job *j, js_value *in, const char *key, js_value *member) {
  j->changed = true;
  return js_set(in, key, member) ? LOCI_OK : no_memory(j);
}

/* A string without NUL characters, which the reader will refuse; else NULL. */
static const char *text_in(const js_value *v) {
  size_t n;
  const char *s = js_text_of(v, &n);
  return s && strlen(s) == n ? s : NULL;
}

/* ---------------------------------------------------------------- lists */

/* "answers": "Lima" for ["Lima"]. */
static loci_status wrap_single(check_job *j, const char *key) {
  size_t n;
  const char *text = js_text_of(js_get(j->line, key), &n);
  js_value *list = js_array();
  if (!text) {
    js_free(list);
    return LOCI_OK;
  }
  js_push(&list, js_text_n(text, n));
  TRY(NOTE(j, FIELD_SHAPE, key, "[...]", "must be a list, found the string \"%.80s\"", text));
  return set(j, j->line, key, list);
}

/* "this place" for {"text": "this place"}. */
static loci_status wrap_constraints(check_job *j) {
  char field[40];
  js_value *list = js_member(j->line, "constraints");
  for (int64_t i = 0; js_kind_of(list) == JS_ARRAY && i < js_count(list); i++) {
    size_t n;
    const char *text = js_text_of(js_at(list, i), &n);
    if (!text) continue;
    js_value *o = js_object();
    js_put(&o, "text", js_text_n(text, n));
    snprintf(field, sizeof field, "constraints[%lld]", (long long)i);
    loci_status st = NOTE(j, FIELD_SHAPE, field, "{\"text\": ...}",
                          "must be an object with \"text\", found the string \"%.80s\"", text);
    j->changed = true;
    if (!js_set_item(list, i, o)) return no_memory(j);
    if (st) return st;
  }
  return LOCI_OK;
}

static loci_status repair_shapes(check_job *j) {
  static const char *const lists[] = {"answers", "constraints", "rephrase", "same_entity_images"};
  for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) TRY(wrap_single(j, lists[i]));
  return wrap_constraints(j);
}

/* ---------------------------------------------------------------- question and answers */

/* The text without blanks at the ends and with line breaks as blanks; in the arena. */
static char *trimmed(check_job *j, const char *text, const char *blanks) {
  size_t from = strspn(text, blanks), n = strlen(text);
  while (n > from && strchr(blanks, text[n - 1])) n--;
  char *s = arena_strndup(j->mem, text + from, n - from);
  for (char *p = s; p && *p; p++) {
    if (*p == '\n' || *p == '\r' || *p == '\t') *p = ' ';
  }
  return s;
}

/* LLaVA's data has "<image>" in its questions; the prompt template puts it there.  At an end of the
 * question it is taken off. */
static loci_status repair_marker(check_job *j) {
  static const char marker[] = "<image>";
  const char *text = text_in(js_get(j->line, "question"));
  if (!text || !strstr(text, marker)) return LOCI_OK;
  char *s = trimmed(j, text, " \t\r\n");
  if (!s) return no_memory(j);
  size_t n = sizeof marker - 1, size = strlen(s);
  char *rest = s;
  if (strncmp(s, marker, n) == 0) {
    rest = s + n;
  } else if (strcmp(s + size - n, marker) == 0) {
    s[size - n] = 0;
  }
  rest = trimmed(j, rest, " \t\r\n");
  if (!rest) return no_memory(j);
  bool clean = rest[0] && !strstr(rest, marker);
  TRY(NOTE(j, QUESTION_IMAGE, "question", clean ? rest : NULL,
           "holds <image>, which the prompt template puts in its place"));
  return clean ? set(j, j->line, "question", js_text(rest)) : LOCI_OK;
}

static loci_status repair_question(check_job *j) {
  TRY(repair_marker(j));
  const char *text = text_in(js_get(j->line, "question"));
  if (!text || text[strspn(text, " \t\r\n")] == 0) return LOCI_OK;
  char *s = trimmed(j, text, " \t\r\n");
  if (!s) return no_memory(j);
  if (strcmp(s, text) != 0) {
    TRY(NOTE(j, QUESTION_BLANK, "question", s, "blanks at its ends, or line breaks"));
    TRY(set(j, j->line, "question", js_text(s)));
  }
  size_t n = strlen(s), marks = 0;
  bool asks = false;
  for (; marks < n && strchr("?!.", s[n - 1 - marks]); marks++) asks |= s[n - 1 - marks] == '?';
  if (marks < 2 || !asks || marks == n) return LOCI_OK;
  char *ended = arena_strdup(j->mem, s);
  if (!ended) return no_memory(j);
  snprintf(ended + n - marks, marks + 1, "?");
  TRY(NOTE(j, QUESTION_MARKS, "question", ended, "ends in \"%.8s\"", s + n - marks));
  return set(j, j->line, "question", js_text(ended));
}

/* The texts of a list that were met before, by hash and place. */
typedef struct texts {
  key_set *met;
  bool *drop;
  int64_t dropped;
} texts;

static loci_status texts_open(check_job *j, const js_value *list, texts *t) {
  *t = (texts){.met = key_set_new(), .drop = arena_zarray(j->mem, js_count(list) + 1, bool)};
  if (t->met && t->drop) return LOCI_OK;
  key_set_free(t->met);
  return no_memory(j);
}

/* Takes the doubles out. */
static loci_status texts_close(check_job *j, js_value *list, texts *t, loci_status st) {
  key_set_free(t->met);
  if (st || t->dropped == 0) return st;
  j->changed = true;
  return js_drop_items(list, t->drop) ? LOCI_OK : no_memory(j);
}

static void drop_item(texts *t, int64_t i) {
  t->drop[i] = true;
  t->dropped++;
}

/* Whether an earlier item, or its [member], is the same string. */
static loci_status is_double(check_job *j, texts *t, const js_value *list, int64_t i,
                             const char *member, const char *text, bool *out) {
  bool fresh;
  const key_set_entry *e = key_set_add(t->met, key_hash(4, text), 0, i + 1, &fresh);
  if (!e) return no_memory(j);
  const js_value *item = js_at(list, (int64_t)e->line - 1);
  const char *other = text_in(member ? js_get(item, member) : item);
  *out = !fresh && other && strcmp(other, text) == 0;
  return LOCI_OK;
}

static loci_status repair_answer(check_job *j, js_value *list, int64_t i, texts *t) {
  char field[40];
  const char *text = text_in(js_at(list, i));
  bool twice = false;
  if (!text) return LOCI_OK;
  snprintf(field, sizeof field, "answers[%lld]", (long long)i);
  char *s = trimmed(j, text, " \t\r\n");
  if (!s) return no_memory(j);
  if (*s) TRY(is_double(j, t, list, i, NULL, s, &twice));
  if (!*s || twice) {
    drop_item(t, i);
    return *s ? NOTE(j, ANSWER_TWICE, field, "", "\"%.80s\" stands there already", s)
              : NOTE(j, ANSWER_EMPTY, field, "", "is empty");
  }
  if (strcmp(s, text) == 0) return LOCI_OK;
  TRY(NOTE(j, ANSWER_BLANK, field, s, "\"%.80s\" has blanks at its ends, or line breaks", text));
  j->changed = true;
  return js_set_item(list, i, js_text(s)) ? LOCI_OK : no_memory(j);
}

static loci_status repair_answers(check_job *j) {
  texts t;
  js_value *list = js_member(j->line, "answers");
  if (js_kind_of(list) != JS_ARRAY) return LOCI_OK;
  TRY(texts_open(j, list, &t));
  loci_status st = LOCI_OK;
  for (int64_t i = 0; !st && i < js_count(list); i++) st = repair_answer(j, list, i, &t);
  return texts_close(j, list, &t, st);
}

/* ---------------------------------------------------------------- constraints */

static bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

/* [begin, end) without blanks and punctuation at the ends; "U.S." keeps its point. */
static void strip_edges(const char *s, size_t *begin, size_t *end) {
  bool more = true;
  while (*begin < *end && (is_blank(s[*begin]) || strchr(",;:?!.", s[*begin]))) ++*begin;
  while (more && *begin < *end) {
    char c = s[*end - 1];
    bool point = c == '.' && !memchr(s + *begin, '.', *end - 1 - *begin);
    more = is_blank(c) || strchr(",;:?!", c) != NULL || point;
    if (more) --*end;
  }
}

/* What is wrong with a constraint, and how it reads when repaired (NULL: it cannot be).  False:
 * nothing is wrong. */
static bool look_at(check_job *j, const char *question, const char *text, lint_rule *what,
                    char **repaired, likeness *like) {
  span s = span_find(question, text);
  size_t from = 0, to = s.length;
  int64_t begin = s.begin, end = s.begin + (int64_t)s.length;
  *repaired = NULL;
  strip_edges(text, &from, &to);
  bool there = s.begin >= 0, edges = from > 0 || to < s.length;
  if (there && !edges && span_is_whole(question, begin, end)) return false;
  *what = !there ? LINT_CONSTRAINT_MISSING : edges ? LINT_CONSTRAINT_EDGE : LINT_CONSTRAINT_IN_WORD;
  if (from == to) return true;
  if (there && edges) {
    begin += (int64_t)from;
    end -= (int64_t)(s.length - to);
  }
  bool found = there && edges && span_is_whole(question, begin, end);
  if (!found &&
      span_alike(j->mem, question, text + from, to - from, there ? 1 : s.occurrence, like)) {
    found = true;
    begin = like->begin;
    end = like->end;
  }
  if (found) {
    bool same = end - begin == (int64_t)(to - from) &&
                memcmp(question + begin, text + from, to - from) == 0;
    if (!there) *what = same ? LINT_CONSTRAINT_EDGE : LINT_CONSTRAINT_CASE;
    *repaired = span_text(j->mem, question, begin, end);
  }
  return true;
}

static loci_status say_constraint(check_job *j, lint_rule what, const char *field, const char *text,
                                  const char *repaired, const likeness *like) {
  switch (what) {
    case LINT_CONSTRAINT_EDGE:
      return NOTE(j, CONSTRAINT_EDGE, field, repaired, "\"%.80s\" has blanks or marks at its ends",
                  text);
    case LINT_CONSTRAINT_CASE:
      if (!like->by_case)
        return NOTE(j, CONSTRAINT_CASE, field, repaired, "\"%.80s\": %s", text, like->how);
      return NOTE(j, CONSTRAINT_CASE, field, repaired, "\"%.80s\" is spelled \"%.80s\" there", text,
                  repaired ? repaired : "");
    case LINT_CONSTRAINT_IN_WORD:
      return NOTE(j, CONSTRAINT_IN_WORD, field, repaired,
                  "\"%.80s\" is found inside another word first", text);
    default:
      return NOTE(j, CONSTRAINT_MISSING, field, NULL, "\"%.80s\" is not in the question", text);
  }
}

static loci_status repair_constraint(check_job *j, js_value *list, int64_t i, texts *t) {
  char field[40], *repaired;
  lint_rule what;
  likeness like = {.by_case = true};
  bool twice = false;
  js_value *item = js_item(list, i);
  const char *question = text_in(js_get(j->line, "question"));
  const char *text = text_in(js_get(item, "text"));
  if (!text || !*text) return LOCI_OK;
  snprintf(field, sizeof field, "constraints[%lld].text", (long long)i);
  if (look_at(j, question, text, &what, &repaired, &like)) {
    if (j->c->raw) repaired = NULL;
    TRY(say_constraint(j, what, field, text, repaired, &like));
    if (repaired) TRY(set(j, item, "text", js_text(repaired)));
  }
  text = text_in(js_get(item, "text"));
  if (text) TRY(is_double(j, t, list, i, "text", text, &twice));
  if (!twice) return LOCI_OK;
  drop_item(t, i);
  return NOTE(j, CONSTRAINT_TWICE, field, "", "\"%.80s\" stands there already", text);
}

static loci_status repair_constraints(check_job *j) {
  texts t;
  const char *question = text_in(js_get(j->line, "question"));
  js_value *list = js_member(j->line, "constraints");
  if (!question || js_kind_of(list) != JS_ARRAY) return LOCI_OK;
  TRY(texts_open(j, list, &t));
  loci_status st = LOCI_OK;
  int64_t most = check_most(question);
  for (int64_t i = 0; !st && i < js_count(list) && i < most; i++)
    st = repair_constraint(j, list, i, &t);
  return texts_close(j, list, &t, st);
}

loci_status repair_line(check_job *j) {
  TRY(repair_shapes(j));
  TRY(repair_question(j));
  TRY(repair_answers(j));
  return repair_constraints(j);
}

int64_t check_most(const char *question) {
  enum { BYTES = 1 << 25, LEAST = 16 };
  int64_t most = BYTES / ((int64_t)strlen(question) + 1);
  return most > LEAST ? most : LEAST;
}
