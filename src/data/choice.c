/* Questions of benchmarks (see choice.h).
 *
 * MMMU (Yue et al. 2024): question, options (a list, or Python's text of one), answer (a letter;
 * of an open question text or a list), question_type, image_1 to image_7, and marks <image 1> in
 * the question or in options.  Options may also be "choices", or fields A, B, .. or option_a, ..;
 * the answer a letter with its mark, or a number from 0 where they are "choices".  The picture
 * stands where the prompt template puts it, so marks in the question are left out. */
#include "data/choice.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"

#define MARK "<image "

/* ---------------------------------------------------------------- lists */

static loci_status no_list(const char *text, loci_err *err) {
  return fail(err, LOCI_EFORMAT, "must be a list of strings, found %.60s", text);
}

/* One string in ' or ", its escapes resolved, from *at on; *at ends after it. */
static bool read_string(const char **at, char *out) {
  static const char from[] = "nrt", to[] = "\n\r\t";
  char quote = **at;
  if (quote != '\'' && quote != '"') return false;
  for (++*at; **at && **at != quote; ++*at) {
    if (**at == '\\' && (*at)[1]) {
      ++*at;
      const char *known = strchr(from, **at);
      *out++ = known ? to[known - from] : **at;
    } else {
      *out++ = **at;
    }
  }
  *out = 0;
  if (**at != quote) return false;
  ++*at;
  return true;
}

static void skip_blanks(const char **at) { *at += strspn(*at, " \t\r\n"); }

/* A number, as it is written, or a word that stands for nothing, which leaves "" in [out]. */
static bool read_bare(const char **at, char *out) {
  static const char *const nothing[] = {"None", "nan", "NaN", "null"};
  size_t n = strspn(*at, "0123456789+-.eE");
  if (n > 0 && strcspn(*at, "0123456789") < n) {
    memcpy(out, *at, n);
    out[n] = 0;
    *at += n;
    return true;
  }
  for (size_t i = 0; i < sizeof nothing / sizeof *nothing; i++) {
    n = strlen(nothing[i]);
    if (strncmp(*at, nothing[i], n) != 0) continue;
    *at += n;
    *out = 0;
    return true;
  }
  return false;
}

/* [..], a tuple (..) or a set {..}. */
static loci_status python_list(const char *text, arena *mem, const char **items, int *count,
                               loci_err *err) {
  const char *at = text;
  char *room = arena_array(mem, 2 * (int64_t)strlen(text) + 1, char);
  if (!room) return fail_nomem(err, "reading a list");
  skip_blanks(&at);
  char end = *at == '[' ? ']' : *at == '(' ? ')' : *at == '{' ? '}' : 0;
  if (!end) return no_list(text, err);
  at++;
  for (skip_blanks(&at); *at && *at != end; skip_blanks(&at)) {
    bool quoted = read_string(&at, room);
    if (!quoted && !read_bare(&at, room)) return no_list(text, err);
    if (quoted || *room) items[(*count)++] = room;
    room += strlen(room) + 1;
    const char *after = at;
    skip_blanks(&at);
    if (*at == ',') {
      at++;
    } else if (*at != end && at == after) { /* NumPy's texts have blanks between */
      return no_list(text, err);
    }
  }
  if (*at++ != end) return no_list(text, err);
  skip_blanks(&at);
  return *at ? no_list(text, err) : LOCI_OK;
}

/* One item as a text, in the arena: a string, or a number as JSON prints it. */
static loci_status item_text(const js_value *v, const char *text, arena *mem, const char **out,
                             loci_err *err) {
  size_t n;
  double x;
  char *printed = NULL;
  const char *s = js_text_of(v, &n);
  if (s ? strlen(s) != n : !js_real_of(v, &x)) return no_list(text, err);
  if (!s) TRY(js_dump(v, &printed, err));
  *out = arena_strdup(mem, s ? s : printed);
  free(printed);
  return *out ? LOCI_OK : fail_nomem(err, "reading a list");
}

static loci_status json_list(const js_value *list, const char *text, arena *mem, const char **items,
                             int *count, loci_err *err) {
  for (int64_t i = 0; i < js_count(list); i++) {
    if (js_kind_of(js_at(list, i)) == JS_NULL) continue;
    TRY(item_text(js_at(list, i), text, mem, &items[*count], err));
    ++*count;
  }
  return LOCI_OK;
}

/* {"A": .., "B": ..} in the letters' order, or ARC's {"text": [..], "label": [..]}. */
static loci_status json_lettered(const js_value *object, const char *text, arena *mem,
                                 const char **items, int *count, loci_err *err) {
  const js_value *texts = js_get(object, "text");
  if (js_kind_of(texts) == JS_ARRAY) return json_list(texts, text, mem, items, count, err);
  int64_t n = js_count(object);
  for (int i = 0; i < n; i++) {
    char upper[2] = {(char)('A' + i), 0}, lower[2] = {(char)('a' + i), 0};
    const js_value *v = i < 26 ? js_get(object, upper) : NULL;
    if (!v && i < 26) v = js_get(object, lower);
    if (!v) return no_list(text, err);
    TRY(item_text(v, text, mem, &items[i], err));
    ++*count;
  }
  return LOCI_OK;
}

loci_status choice_list(const char *text, arena *mem, const char *const **out, int *count,
                        loci_err *err) {
  js_value *list = NULL;
  *count = 0;
  const char **items = arena_zarray(mem, (int64_t)strlen(text) / 2 + 1, const char *);
  if (!items) return fail_nomem(err, "reading a list");
  *out = items;
  loci_err own = {0};
  loci_status st = js_parse(text, strlen(text), "a list", &list, &own);
  if (st && !status_is_own(st)) return pass_on(&own, err);
  js_kind kind = js_kind_of(list);
  st = kind == JS_ARRAY    ? json_list(list, text, mem, items, count, err)
       : kind == JS_OBJECT ? json_lettered(list, text, mem, items, count, err)
                           : python_list(text, mem, items, count, err);
  js_free(list);
  return st;
}

/* ---------------------------------------------------------------- one example */

/* The answer of a question with options: A-OKVQA's, ARC's and MedQA's names, too. */
static const char *const answer_names[] = {"answer", "correct_choice_idx", "answerKey",
                                           "answer_idx", "answer_index"};

static const char *answer_field(const loci_example *e) {
  const char *answer = NULL;
  for (size_t i = 0; !answer && i < sizeof answer_names / sizeof *answer_names; i++)
    answer = example_field(e, answer_names[i]);
  return answer;
}

/* What an example is read with. */
typedef struct job {
  const loci_examples *file;
  const loci_example *e;
  arena *mem;
  loci_err *err;
} job;

static loci_status refuse(const job *j, loci_status why, const char *what) {
  return fail(j->err, why, "%s, %s %" PRId64 ": %s", examples_path(j->file), examples_unit(j->file),
              j->e->line, what);
}

/* The list of strings in a field; none where there is no such field. */
static loci_status read_list(const job *j, const char *field, const char *const **out, int *count) {
  const char *text = example_field(j->e, field);
  loci_err own = {0};
  char what[200];
  *out = NULL;
  *count = 0;
  if (!text) return LOCI_OK;
  loci_status st = choice_list(text, j->mem, out, count, &own);
  if (!st) return LOCI_OK;
  if (!status_is_own(st)) return pass_on(&own, j->err);
  snprintf(what, sizeof what, "\"%s\" %.150s", field, own.msg);
  return refuse(j, st, what);
}

/* image, or image_1 as the only one. */
static loci_status read_image(const job *j, choice *out) {
  char field[24], what[96];
  const char *first = example_field(j->e, "image_1");
  out->image = j->e->image;
  for (int i = 2; i <= 9; i++) {
    snprintf(field, sizeof field, "image_%d", i);
    if (!example_field(j->e, field)) continue;
    snprintf(what, sizeof what, "has several pictures (%s); loci asks about one", field);
    return refuse(j, LOCI_EUNSUPPORTED, what);
  }
  if (!first || out->image) return LOCI_OK;
  if (first[0] == '{' || !first[0]) return refuse(j, LOCI_EFORMAT, "\"image_1\" must be a path");
  out->image = first[0] == '/' ? first : path_join(j->mem, examples_folder(j->file), first);
  return out->image ? LOCI_OK : fail_nomem(j->err, "reading an example");
}

/* The question without <image 1>, and without the blanks that the mark leaves at its ends. */
static loci_status read_question(const job *j, choice *out) {
  char *to = arena_strdup(j->mem, j->e->question), *start = to;
  if (!to) return fail_nomem(j->err, "reading an example");
  out->question = to;
  if (!strstr(to, MARK)) return LOCI_OK;
  for (const char *from = to; *from;) {
    const char *end = strncmp(from, MARK, sizeof MARK - 1) == 0 ? strchr(from, '>') : NULL;
    if (end) {
      from = end + 1;
    } else {
      *to++ = *from++;
    }
  }
  *to = 0;
  while (to > start && strchr(" \t\r\n", to[-1])) *--to = 0;
  out->question = start + strspn(start, " \t\r\n");
  return out->question[0] ? LOCI_OK : refuse(j, LOCI_EFORMAT, "the question is a picture alone");
}

/* "B", "(b)", "B." and "B) Kyiv" name option 1; -1: no letter alone or before a mark. */
static int letter_of(const char *s) {
  bool bracket = *s == '(' || *s == '[';
  int letter = toupper((unsigned char)s[bracket]) - 'A';
  const char *next = s + bracket + (s[bracket] != 0);
  if (letter < 0 || letter > 25) return -1;
  if (!*next) return bracket ? -1 : letter;
  return strchr(").:]", *next) ? letter : -1;
}

/* The option that [answer] names by a letter, by its text, by a letter with its mark, or by its
 * number where options come as "choices", from 0 on as ScienceQA and MMLU count. */
static int find_option(const choice *c, const char *answer, bool numbered) {
  int letter = letter_of(answer);
  if (letter >= 0 && letter < c->option_count && !answer[1]) return letter;
  for (int i = 0; i < c->option_count; i++) {
    if (strcmp(c->options[i], answer) == 0) return i;
  }
  if (letter >= 0 && letter < c->option_count) return letter;
  size_t digits = strspn(answer, "0123456789");
  long number = numbered && digits > 0 && digits < 3 && !answer[digits] ? atol(answer) : -1;
  return number < c->option_count ? (int)number : -1;
}

/* Whether the answer is the letter of one of the options, which then may be fields a, b, .. */
static bool answers_by_letter(const loci_example *e) {
  const char *answer = answer_field(e);
  return answer && islower((unsigned char)answer[0]) && !answer[1];
}

/* Options in fields of their own: A, B, ... or option_a, option_b, ... */
static loci_status read_lettered(const job *j, choice *out) {
  static const char *const forms[] = {"", "option_", "option"};
  const char **options = arena_zarray(j->mem, CHOICE_MOST, const char *);
  bool small = answers_by_letter(j->e);
  if (!options) return fail_nomem(j->err, "reading an example");
  for (size_t f = 0; f < sizeof forms / sizeof *forms && out->option_count < 2; f++) {
    for (out->option_count = 0; out->option_count < CHOICE_MOST; out->option_count++) {
      char upper[24], lower[24];
      snprintf(upper, sizeof upper, "%s%c", forms[f], 'A' + out->option_count);
      snprintf(lower, sizeof lower, "%s%c", forms[f], 'a' + out->option_count);
      const char *text = example_field(j->e, upper);
      if (!text && (f > 0 || small)) text = example_field(j->e, lower);
      if (!text) break;
      options[out->option_count] = text;
    }
  }
  out->options = options;
  if (out->option_count < 2) out->option_count = 0;
  return LOCI_OK;
}

static loci_status read_options(const job *j, choice *out) {
  const char *type = example_field(j->e, "question_type");
  if (type && strcmp(type, "multiple-choice") != 0) return LOCI_OK;
  TRY(read_list(j, "options", &out->options, &out->option_count));
  if (out->option_count == 0) TRY(read_list(j, "choices", &out->options, &out->option_count));
  if (out->option_count == 0) TRY(read_lettered(j, out));
  if (out->option_count == 0 && (example_field(j->e, "option1") || example_field(j->e, "option_1")))
    return refuse(j, LOCI_EUNSUPPORTED,
                  "options in fields with numbers; write them as a list \"options\"");
  if (out->option_count == 0) return LOCI_OK;
  if (out->option_count < 2 || out->option_count > CHOICE_MOST) {
    char what[64];
    snprintf(what, sizeof what, "%d options, expected 2 to %d", out->option_count, CHOICE_MOST);
    return refuse(j, LOCI_EFORMAT, what);
  }
  for (int i = 0; i < out->option_count; i++) {
    if (strstr(out->options[i], MARK))
      return refuse(j, LOCI_EUNSUPPORTED, "has pictures as options; loci compares texts");
    if (!out->options[i][strspn(out->options[i], " \t\r\n")])
      return refuse(j, LOCI_EFORMAT, "an option is empty");
  }
  return LOCI_OK;
}

/* "answers", or "answer": a text, or the text of a list. */
static loci_status read_answers(const job *j, choice *out) {
  const char *answer = answer_field(j->e);
  out->answers = j->e->answers;
  out->answer_count = j->e->answer_count;
  if (out->answer_count > 0 || !answer || strcmp(answer, "?") == 0 || !answer[0]) return LOCI_OK;
  if (answer[0] == '[' && !out->option_count)
    return read_list(j, "answer", &out->answers, &out->answer_count);
  const char **one = arena_zarray(j->mem, 1, const char *);
  if (!one) return fail_nomem(j->err, "reading an example");
  one[0] = answer;
  out->answers = one;
  out->answer_count = 1;
  return LOCI_OK;
}

static loci_status find_correct(const job *j, choice *out) {
  const char *answer = answer_field(j->e);
  bool counted = answer && answer != example_field(j->e, "answer"); /* an index by its name */
  bool numbered = counted || (example_field(j->e, "choices") && !example_field(j->e, "options"));
  out->correct = -1;
  if (out->option_count == 0 || out->answer_count == 0) return LOCI_OK;
  if (answer) out->correct = find_option(out, answer, numbered);
  for (int i = 0; i < out->answer_count && out->correct < 0; i++) {
    out->correct = find_option(out, out->answers[i], numbered);
  }
  if (out->correct < 0) return refuse(j, LOCI_EFORMAT, "the answer is none of the options");
  out->answers = &out->options[out->correct];
  out->answer_count = 1;
  return LOCI_OK;
}

loci_status choice_read(const loci_examples *file, const loci_example *e, arena *mem, choice *out,
                        loci_err *err) {
  job j = {file, e, mem, err};
  *out = (choice){.correct = -1};
  TRY(read_image(&j, out));
  TRY(read_question(&j, out));
  TRY(read_options(&j, out));
  TRY(read_answers(&j, out));
  return find_correct(&j, out);
}

bool choice_is_one(const loci_example *e) {
  return answer_field(e) &&
         (example_field(e, "options") || example_field(e, "choices") ||
          (example_field(e, "A") && example_field(e, "B")) ||
          (answers_by_letter(e) && example_field(e, "a") && example_field(e, "b")) ||
          example_field(e, "option_a") || example_field(e, "option_A"));
}
