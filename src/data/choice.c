/* Questions of benchmarks (see choice.h).
 *
 * MMMU (Yue et al. 2024): question, options (a list, or Python's text of one), answer (a letter;
 * of an open question text or a list), question_type, image_1 to image_7, and marks <image 1> in
 * the question or in options.  Options may also be "choices" (further names: list_names), with
 * labels of their own as ARC's, or fields A, B, .. or option_a, ..; the answer a label, a letter
 * with its mark, or a number from 0 where they are not "options".  A letter that names an option
 * nobody finds is refused: it would be counted wrong.  The picture stands where the prompt template
 * puts it, so marks in the question are left out. */
#include "data/choice.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "data/literal.h"

#define MARK "<image "

/* ---------------------------------------------------------------- lists */

/* A list's texts, and the label of each (ARC's "A" or "1"); labels NULL: they have none. */
typedef struct texts {
  const char **items, **labels;
  int count;
} texts;

static loci_status no_list(const char *text, loci_err *err) {
  return fail(err, LOCI_EFORMAT, "must be a list of strings, found %.60s", text);
}

/* One text into the arena: a string, or a number as JSON prints it. */
static loci_status copy_text(const js_value *v, const char *text, arena *mem, const char **out,
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

/* An item may be an object: VQA's {"answer": ..}, ARC's {"text": .., "label": ..}. */
static loci_status add_item(texts *t, const js_value *item, const js_value *label, const char *text,
                            arena *mem, loci_err *err) {
  const js_value *v = item;
  if (js_kind_of(item) == JS_NULL) return LOCI_OK;
  if (js_kind_of(item) == JS_OBJECT) {
    v = js_get(item, "answer") ? js_get(item, "answer") : js_get(item, "text");
    label = js_get(item, "label");
  }
  TRY(copy_text(v, text, mem, &t->items[t->count], err));
  if (label) TRY(copy_text(label, text, mem, &t->labels[t->count], err));
  t->count++;
  return LOCI_OK;
}

static loci_status add_items(texts *t, const js_value *list, const js_value *labels,
                             const char *text, arena *mem, loci_err *err) {
  for (int64_t i = 0; i < js_count(list); i++)
    TRY(add_item(t, js_at(list, i), js_at(labels, i), text, mem, err));
  return LOCI_OK;
}

/* {"A": .., "B": ..} in the letters' order, or ARC's {"text": [..], "label": [..]}. */
static loci_status add_lettered(texts *t, const js_value *object, const char *text, arena *mem,
                                loci_err *err) {
  const js_value *list = js_get(object, "text"), *labels = js_get(object, "label");
  if (js_kind_of(list) == JS_ARRAY) {
    bool labelled = js_kind_of(labels) == JS_ARRAY && js_count(labels) == js_count(list);
    return add_items(t, list, labelled ? labels : NULL, text, mem, err);
  }
  int64_t n = js_count(object);
  for (int i = 0; i < n; i++) {
    char upper[2] = {(char)('A' + i), 0}, lower[2] = {(char)('a' + i), 0};
    const js_value *v = i < 26 ? js_get(object, upper) : NULL;
    if (!v && i < 26) v = js_get(object, lower);
    if (!v) return no_list(text, err);
    TRY(add_item(t, v, NULL, text, mem, err));
  }
  return LOCI_OK;
}

/* JSON, or a list as Python prints it. */
static loci_status parse_list(const char *text, arena *mem, js_value **out, loci_err *err) {
  loci_err own = {0};
  const char *json;
  loci_status st = js_parse(text, strlen(text), "a list", out, &own);
  if (!st) return LOCI_OK;
  if (!status_is_own(st)) return pass_on(&own, err);
  TRY(literal_to_json(text, mem, &json, err));
  return js_parse(json, strlen(json), "a list", out, err);
}

static loci_status read_texts(const char *text, arena *mem, texts *t, loci_err *err) {
  js_value *list = NULL;
  int64_t room = (int64_t)strlen(text) / 2 + 1;
  *t = (texts){arena_zarray(mem, room, const char *), arena_zarray(mem, room, const char *), 0};
  if (!t->items || !t->labels) return fail_nomem(err, "reading a list");
  TRY(parse_list(text, mem, &list, err));
  js_kind kind = js_kind_of(list);
  loci_status st = kind == JS_ARRAY    ? add_items(t, list, NULL, text, mem, err)
                   : kind == JS_OBJECT ? add_lettered(t, list, text, mem, err)
                                       : no_list(text, err);
  js_free(list);
  bool labelled = true;
  for (int i = 0; i < t->count; i++) labelled &= t->labels[i] != NULL;
  if (!labelled) t->labels = NULL;
  return st;
}

loci_status choice_list(const char *text, arena *mem, const char *const **out, int *count,
                        loci_err *err) {
  texts t = {0};
  loci_status st = read_texts(text, mem, &t, err);
  *out = t.items;
  *count = t.count;
  return st;
}

/* ---------------------------------------------------------------- one example */

/* The answer of a question with options: A-OKVQA's, ARC's, MedQA's, HellaSwag's and MedMCQA's
 * names, too. */
static const char *const answer_names[] = {"answer",         "correct_choice_idx", "answerKey",
                                           "answer_idx",     "answer_index",       "label",
                                           "correct_answer", "correct_option",     "cop"};
/* Of one without: VQAv2's and A-OKVQA's. */
static const char *const free_names[] = {"answer", "multiple_choice_answer", "direct_answers"};
static const char *const list_names[] = {
    "options",     "choices",     "multiple_choices", "answer_choices", "candidates",  "endings",
    "choice_list", "option_list", "mc_options",       "answer_options", "alternatives"};

#define FIRST_FIELD(e, names) first_field(e, names, sizeof(names) / sizeof *(names))

static const char *first_field(const loci_example *e, const char *const *names, size_t n) {
  const char *text = NULL;
  for (size_t i = 0; !text && i < n; i++) text = example_field(e, names[i]);
  return text;
}

static const char *answer_field(const loci_example *e) { return FIRST_FIELD(e, answer_names); }

/* What an example is read with. */
typedef struct job {
  const loci_examples *file;
  const loci_example *e;
  arena *mem;
  loci_err *err;
  const char **labels; /* of the options, where they have some of their own; else NULL */
} job;

static loci_status refuse(const job *j, loci_status why, const char *what) {
  return fail(j->err, why, "%s, %s %" PRId64 ": %s", examples_path(j->file), examples_unit(j->file),
              j->e->line, what);
}

/* The list of strings that a field's text is; none where there is no such field. */
static loci_status read_list(const job *j, const char *field, const char *text, texts *out) {
  loci_err own = {0};
  char what[200];
  *out = (texts){0};
  if (!text) return LOCI_OK;
  loci_status st = read_texts(text, j->mem, out, &own);
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

/* By the options' own labels: "2", "b", "(B)". */
static int find_label(const choice *c, const char *const *labels, const char *answer) {
  int letter = letter_of(answer);
  for (int i = 0; i < c->option_count; i++) {
    bool one = letter >= 0 && !labels[i][1] && toupper((unsigned char)labels[i][0]) == 'A' + letter;
    if (one || strcasecmp(labels[i], answer) == 0) return i;
  }
  return -1;
}

/* The number from 0 on that an answer is; -1: none, or the options have numbers of their own. */
static int number_of(const job *j, const char *answer) {
  bool counts = !j->labels || !isdigit((unsigned char)j->labels[0][0]);
  size_t digits = strspn(answer, "0123456789");
  return counts && digits > 0 && digits < 3 && !answer[digits] ? atoi(answer) : -1;
}

/* How far a number names an option: never, after every other way, or before them. */
typedef enum numbering { NO_NUMBER, NUMBER_LAST, NUMBER_FIRST } numbering;

/* The option that [answer] names by its label, by a letter, by its text, by a letter with its
 * mark, or by its number where options come as "choices", from 0 on as ScienceQA and MMLU count. */
static int find_option(const job *j, const choice *c, const char *answer, numbering numbers) {
  int letter = j->labels ? find_label(c, j->labels, answer) : letter_of(answer);
  int number = numbers == NO_NUMBER ? -1 : number_of(j, answer);
  if (numbers == NUMBER_FIRST && number >= 0) return number < c->option_count ? number : -1;
  if (letter >= 0 && letter < c->option_count && (j->labels || !answer[1])) return letter;
  for (int i = 0; i < c->option_count; i++) {
    if (strcmp(c->options[i], answer) == 0) return i;
  }
  for (int i = 0; i < c->option_count; i++) {
    if (strcasecmp(c->options[i], answer) == 0) return i;
  }
  if (letter >= 0 && letter < c->option_count) return letter;
  return number < c->option_count ? number : -1;
}

/* Whether the answer is the letter of one of the options, which then may be fields a, b, .. */
static bool answers_by_letter(const loci_example *e) {
  const char *answer = answer_field(e);
  return answer && islower((unsigned char)answer[0]) && !answer[1];
}

/* Options in fields of their own: A, B, ..., option_a, "Choice A", optionA or MedMCQA's opa, ...;
 * those that are missing, empty or nan are none (MMBench's C and D often), and the others keep
 * their letters.
 */
static int lettered_fields(const loci_example *e, const char **options, const char **labels) {
  static const char *const forms[] = {"",        "option_", "option",  "op",      "Option ",
                                      "option ", "Option",  "Option_", "choice_", "choice",
                                      "Choice ", "choice ", "Choice",  "opt_",    "opt"};
  static const char *const letters[] = {"A", "B", "C", "D", "E", "F", "G", "H", "I",
                                        "J", "K", "L", "M", "N", "O", "P", "Q", "R",
                                        "S", "T", "U", "V", "W", "X", "Y", "Z"};
  bool small = answers_by_letter(e);
  for (size_t f = 0; f < sizeof forms / sizeof *forms; f++) {
    int count = 0;
    for (int i = 0; i < CHOICE_MOST; i++) {
      char upper[24], lower[24];
      snprintf(upper, sizeof upper, "%s%s", forms[f], letters[i]);
      snprintf(lower, sizeof lower, "%s%c", forms[f], 'a' + i);
      const char *text = example_field(e, upper);
      if (!text && (f > 0 || small)) text = example_field(e, lower);
      if (!text || !text[0] || strcasecmp(text, "nan") == 0) continue;
      options[count] = text;
      labels[count++] = letters[i];
    }
    if (count > 1) return count;
  }
  return 0;
}

static loci_status read_lettered(job *j, choice *out) {
  const char **options = arena_zarray(j->mem, CHOICE_MOST, const char *);
  const char **labels = arena_zarray(j->mem, CHOICE_MOST, const char *);
  if (!options || !labels) return fail_nomem(j->err, "reading an example");
  out->options = options;
  out->option_count = lettered_fields(j->e, options, labels);
  j->labels = out->option_count ? labels : NULL;
  return LOCI_OK;
}

static loci_status check_options(const job *j, const choice *out) {
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

/* What [field] holds instead of options that were not found; NULL: nothing of the kind. */
static const char *hidden_options(const job *j, const loci_field *field, const char *answer,
                                  int letter) {
  size_t n = strlen(field->name);
  char name[64];
  texts list;
  for (size_t i = 0; i < sizeof list_names / sizeof *list_names; i++)
    if (strcmp(field->name, list_names[i]) == 0) return "is empty";
  if (n > 1 && n < sizeof name && (field->name[n - 1] == 'A' || field->name[n - 1] == 'a')) {
    snprintf(name, sizeof name, "%.*s%c", (int)n - 1, field->name, field->name[n - 1] + 1);
    if (example_field(j->e, name)) return "may be the first option";
  }
  if (!field->value[0] || !strchr("[({", field->value[0]) || strcmp(field->name, "votes") == 0 ||
      read_texts(field->value, j->mem, &list, NULL) || list.count < 2 || letter >= list.count)
    return NULL;
  for (int i = 0; i < list.count; i++) /* of accepted answers */
    if (strcasecmp(list.items[i], answer) == 0) return NULL;
  return "may be the options";
}

/* A letter is a free answer only where nothing looks like options. */
static loci_status check_letter(const job *j) {
  const char *answer = answer_field(j->e), *is;
  int letter = answer && strlen(answer) <= 3 ? letter_of(answer) : -1;
  char what[200];
  for (int i = 0; i < j->e->field_count && letter >= 0; i++) {
    const loci_field *f = &j->e->fields[i];
    if (f->value == answer || !(is = hidden_options(j, f, answer, letter))) continue;
    snprintf(what, sizeof what, "the answer is a letter, \"%s\", and \"%.60s\" %s; %s", answer,
             f->name, is, "a list \"options\" is wanted");
    return refuse(j, LOCI_EFORMAT, what);
  }
  return LOCI_OK;
}

static loci_status read_options(job *j, choice *out) {
  const char *type = example_field(j->e, "question_type");
  if (type && strcmp(type, "multiple-choice") != 0) return LOCI_OK;
  for (size_t i = 0; i < sizeof list_names / sizeof *list_names && !out->option_count; i++) {
    texts list;
    TRY(read_list(j, list_names[i], example_field(j->e, list_names[i]), &list));
    out->options = list.items;
    out->option_count = list.count;
    j->labels = list.labels;
  }
  if (out->option_count == 0) TRY(read_lettered(j, out));
  if (out->option_count == 0 && (example_field(j->e, "option1") || example_field(j->e, "option_1")))
    return refuse(j, LOCI_EUNSUPPORTED,
                  "options in fields with numbers; write them as a list \"options\"");
  return out->option_count ? check_options(j, out) : check_letter(j);
}

/* {"text": ..} or {"answer": ..}; anything else would be an answer that no model gives. */
static loci_status read_object(const job *j, const char *text, const char **out) {
  js_value *object = NULL;
  loci_status st = js_parse(text, strlen(text), "an answer", &object, NULL);
  if (st) return status_is_own(st) ? LOCI_OK : st; /* a text that begins with a brace */
  const js_value *v = js_get(object, "answer") ? js_get(object, "answer") : js_get(object, "text");
  if (js_kind_of(v) == JS_TEXT || js_kind_of(v) == JS_INT || js_kind_of(v) == JS_REAL) {
    st = copy_text(v, text, j->mem, out, j->err);
  } else {
    char what[120];
    snprintf(what, sizeof what, "\"answer\" must be a text or a list of texts, found %.60s", text);
    st = refuse(j, LOCI_EFORMAT, what);
  }
  js_free(object);
  return st;
}

static bool is_list(const char *text) {
  static const char *const begins[] = {"[", "('", "(\"", "array(", "np.array("};
  for (size_t i = 0; i < sizeof begins / sizeof *begins; i++)
    if (strncmp(text, begins[i], strlen(begins[i])) == 0) return true;
  return false;
}

/* The text without blanks at its ends. */
static const char *trimmed(const char *text, arena *mem) {
  size_t n = strlen(text += strspn(text, " \t\r\n"));
  while (n > 0 && strchr(" \t\r\n", text[n - 1])) n--;
  return arena_strndup(mem, text, n);
}

/* "answers", or "answer": a text, or the text of a list. */
static loci_status read_answers(const job *j, choice *out) {
  const char *answer = out->option_count ? answer_field(j->e) : FIRST_FIELD(j->e, free_names);
  out->answers = j->e->answers;
  out->answer_count = j->e->answer_count;
  if (out->answer_count > 0 || !answer || strcmp(answer, "?") == 0 || !answer[0]) return LOCI_OK;
  if (answer[0] == '{') TRY(read_object(j, answer, &answer));
  if (is_list(answer)) {
    texts list;
    TRY(read_list(j, "answer", answer, &list));
    out->answers = list.items;
    out->answer_count = list.count;
    return LOCI_OK;
  }
  const char **one = arena_zarray(j->mem, 1, const char *);
  if (!one) return fail_nomem(j->err, "reading an example");
  one[0] = answer;
  out->answers = one;
  out->answer_count = 1;
  return LOCI_OK;
}

/* An index by its name and a number in the file are numbers, also where an option is called "2". */
static numbering numbering_of(const job *j, const char *name) {
  static const char *const indices[] = {"correct_choice_idx", "answer_idx", "answer_index", "cop"};
  for (size_t i = 0; i < sizeof indices / sizeof *indices; i++)
    if (strcmp(name, indices[i]) == 0) return NUMBER_FIRST;
  bool plain = strcmp(name, "answer") == 0 &&
               (example_field(j->e, "options") || !FIRST_FIELD(j->e, list_names));
  if (plain) return NO_NUMBER;
  return example_is_number(j->e, name) ? NUMBER_FIRST : NUMBER_LAST;
}

/* The option that the field names; -1: none, or there is no such field. */
static loci_status find_by_field(const job *j, const choice *c, const char *name, int *out) {
  const char *answer = example_field(j->e, name);
  *out = -1;
  if (!answer) return LOCI_OK;
  if (!(answer = trimmed(answer, j->mem))) return fail_nomem(j->err, "reading an example");
  *out = find_option(j, c, answer, numbering_of(j, name));
  return LOCI_OK;
}

static loci_status two_options(const job *j, const choice *c, int one, int other) {
  char what[200];
  snprintf(what, sizeof what, "two options are named as right, \"%.60s\" and \"%.60s\"",
           c->options[one], c->options[other]);
  return refuse(j, LOCI_EFORMAT, what);
}

/* Each field and each answer that names an option names the same; a label may be of another kind,
 * and of a free question's answers those that are no option do not count. */
static loci_status find_correct(const job *j, choice *out) {
  int found;
  out->correct = -1;
  if (out->option_count == 0 || out->answer_count == 0) return LOCI_OK;
  for (size_t i = 0; i < sizeof answer_names / sizeof *answer_names; i++) {
    if (out->correct >= 0 && strcmp(answer_names[i], "label") == 0) continue;
    TRY(find_by_field(j, out, answer_names[i], &found));
    if (found >= 0 && out->correct >= 0 && found != out->correct)
      return two_options(j, out, out->correct, found);
    if (found >= 0) out->correct = found;
  }
  bool by_field = out->correct >= 0;
  numbering numbers = numbering_of(j, "answer");
  for (int i = 0; i < out->answer_count && !by_field; i++) {
    found = find_option(j, out, out->answers[i], numbers);
    if (found >= 0 && out->correct >= 0 && found != out->correct)
      return two_options(j, out, out->correct, found);
    if (found >= 0) out->correct = found;
  }
  if (out->correct < 0) return refuse(j, LOCI_EFORMAT, "the answer is none of the options");
  for (int i = 0; i < out->option_count; i++)
    if (i != out->correct && strcmp(out->options[i], out->options[out->correct]) == 0)
      return refuse(j, LOCI_EFORMAT, "the right option is there twice");
  out->answers = &out->options[out->correct];
  out->answer_count = 1;
  return LOCI_OK;
}

loci_status choice_read(const loci_examples *file, const loci_example *e, arena *mem, choice *out,
                        loci_err *err) {
  job j = {.file = file, .e = e, .mem = mem, .err = err};
  *out = (choice){.correct = -1};
  TRY(read_image(&j, out));
  TRY(read_question(&j, out));
  TRY(read_options(&j, out));
  TRY(read_answers(&j, out));
  return find_correct(&j, out);
}

bool choice_is_one(const loci_example *e) {
  const char *options[CHOICE_MOST], *labels[CHOICE_MOST];
  return answer_field(e) &&
         (FIRST_FIELD(e, list_names) != NULL || lettered_fields(e, options, labels) > 0);
}
