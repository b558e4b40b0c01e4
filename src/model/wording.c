/* From a question to the prompt's text (wording.h): the template, what it is given, and which
 * special tokens go round its text.
 *
 * What a user writes is words: the text of a special token in it is refused, whatever the template,
 * so that no question ends a turn or brings a second picture. */
#include "model/wording.h"

#include <stdio.h>
#include <string.h>

#include "base/utf8.h"
#include "model/tokens.h"
#include "text/unicode.h"

#define USUAL_DAY "2026-01-01"

/* ---------------------------------------------------------------- what is asked for */

loci_status wording_day(const char *date, jinja_day *out, loci_err *err) {
  static const int most[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  const char *s = date ? date : USUAL_DAY;
  int n = 0;
  bool ok = strspn(s, "0123456789") == 4 && strlen(s) == 10 && s[5] != '-' &&
            sscanf(s, "%4d-%2d-%2d%n", &out->year, &out->month, &out->day, &n) == 3 && n == 10;
  bool leap = ok && ((out->year % 4 == 0 && out->year % 100 != 0) || out->year % 400 == 0);
  ok = ok && out->year > 0 && out->month >= 1 && out->month <= 12 && out->day >= 1 &&
       out->day <= most[out->month - 1] && (out->month != 2 || out->day < 29 || leap);
  if (ok) return LOCI_OK;
  return fail(err, LOCI_EINVAL, "the date \"%.40s\" is not a day as YYYY-MM-DD", s);
}

loci_status wording_template(const loci_model *m, const char *name, arena *mem,
                             prompt_template *out, loci_err *err) {
  bool own = !name || strcmp(name, "auto") == 0;
  if (own && m->chat_problem.code) {
    return fail(err, m->chat_problem.code, "%s", m->chat_problem.msg);
  }
  return template_choose(&m->templates, name, m->weights->config.default_template, mem, out, err);
}

static loci_status check_text(const char *text, const char *what, loci_err *err) {
  if (!utf8_is_valid(text, strlen(text))) return fail(err, LOCI_EINVAL, "%s is not UTF-8", what);
  if (strlen(text) > 1 << 20) return fail(err, LOCI_EINVAL, "%s is over 1 MiB long", what);
  return LOCI_OK;
}

static loci_status check_question(const loci_model *m, const loci_question *q, loci_err *err) {
  if (!q->text || !q->text[0]) return fail(err, LOCI_EINVAL, "the question is empty");
  TRY(check_text(q->text, "the question", err));
  if (q->system) TRY(check_text(q->system, "the system prompt", err));
  if (!q->image || m->weights->config.has_vision) return LOCI_OK;
  return fail(err, LOCI_EINVAL, "%s: a text-only model has no use for an image (%s)", m->info.path,
              q->image);
}

/* ---------------------------------------------------------------- special tokens in words */

/* Pieces of the text between image marks, of which [allowed] may be there. */
static loci_status check_words(const loci_model *m, const char *text, const char *what, int allowed,
                               loci_err *err) {
  const char *mark = image_mark(m), *special, *next;
  for (; mark && (next = strstr(text, mark)) && allowed > 0; allowed--) {
    TRY(tokenizer_find_special(m->tokens, text, (size_t)(next - text), NULL, NULL, &special, err));
    if (special) goto found;
    text = next + strlen(mark);
  }
  if (mark && strstr(text, mark)) {
    return fail(err, LOCI_EINVAL,
                "%s holds %s; the template puts that mark where the picture stands", what, mark);
  }
  TRY(tokenizer_find_special(m->tokens, text, strlen(text), NULL, NULL, &special, err));
  if (!special) return LOCI_OK;
found:
  return fail(err, LOCI_EINVAL,
              "%s holds %s, a special token of this model; what is meant as one belongs into a "
              "template of your own, -t 'text:..{question}..'",
              what, special);
}

static bool has_users_bytes(const void *ctx, size_t begin, size_t end) {
  const prompt_text *p = ctx;
  for (int i = 0; i < p->mark_count; i++) {
    const jmark *k = &p->marks[i];
    if (k->source != FROM_MARK && k->begin < end && k->end > begin) return true;
  }
  return false;
}

/* A template that leaves out a part of the user's words can make a special token of the rest. */
static loci_status check_made(const loci_model *m, const prompt_text *p, loci_err *err) {
  const char *special;
  TRY(tokenizer_find_special(m->tokens, p->text, p->size, has_users_bytes, p, &special, err));
  if (!special) return LOCI_OK;
  return fail(err, LOCI_EINVAL,
              "the template makes %s, a special token of this model, of what was given to it",
              special);
}

/* Questions made for this kind of model often begin with the mark, as the template puts it. */
static const char *without_mark(const loci_model *m, const loci_question *q, bool whole) {
  const char *mark = image_mark(m), *text = q->text;
  if (!q->image || whole || !mark || strncmp(text, mark, strlen(mark)) != 0) return text;
  text += strlen(mark);
  return text + strspn(text, " \t\r\n");
}

/* ---------------------------------------------------------------- the text */

/* A text-only model's own template writes every special token itself; anything else gets those of
 * the tokenizer, unless it begins with BOS, be it behind a picture. */
static bool adds_special(const loci_model *m, const prompt_template *t, const char *text) {
  const named_token *named;
  if (t->chat && !m->weights->config.has_vision) return false;
  const char *mark = image_mark(m);
  if (mark && strncmp(text, mark, strlen(mark)) == 0) text += strlen(mark);
  for (int i = 0; (named = tokenizer_named(m->tokens, i)); i++) {
    if (strcmp(named->name, "bos_token") != 0) continue;
    return !named->text[0] || strncmp(text, named->text, strlen(named->text)) != 0;
  }
  return true;
}

static loci_status keep(loci_prompt *p, const char *text, const char **out, loci_err *err) {
  *out = text ? arena_strdup(p->mem, text) : NULL;
  return *out || !text ? LOCI_OK : fail_nomem(err, "building the prompt");
}

loci_status prompt_word(loci_prompt *p, const loci_question *q, prompt_text *out, loci_err *err) {
  const loci_model *m = p->model;
  prompt_template t = {0};
  prompt_given given = {.system = q->system,
                        .mark = image_mark(m),
                        .has_image = q->image != NULL,
                        .tokens = m->tokens};
  *out = (prompt_text){0};
  TRY(wording_day(q->date, &given.day, err));
  TRY(check_question(m, q, err));
  TRY(wording_template(m, q->template_name, p->mem, &t, err));
  TRY(keep(p, without_mark(m, q, t.whole), &p->info.question, err));
  given.question = p->info.question;
  if (!given.question[0]) return fail(err, LOCI_EINVAL, "the question is empty");
  TRY(check_words(m, given.question, "the question", q->image && t.whole, err));
  if (q->system) TRY(check_words(m, q->system, "the system prompt", 0, err));
  TRY(template_fill(&t, &given, p->mem, out, err));
  if (!t.whole) TRY(check_made(m, out, err));
  p->info.text = out->text;
  p->info.template_name = t.name;
  p->add_special = adds_special(m, &t, out->text);
  if (out->asked_day) TRY(keep(p, q->date ? q->date : USUAL_DAY, &p->info.date, err));
  return keep(p, q->system, &p->info.system, err);
}
