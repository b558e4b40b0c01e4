/* Making a prompt with a template (template.h).
 *
 * Chat templates differ in what they want a message's content to be: a text, or a list of parts
 * with the image among them.  Which, is found out by rendering a question of known words both ways:
 * the right one has the words once and the image mark as often as there is an image. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "text/template.h"

typedef enum content_form {
  CONTENT_TEXT,
  CONTENT_PARTS,
  CONTENT_MIXED,
  CONTENT_FORMS
} content_form;

/* ---------------------------------------------------------------- what a template is given */

static jvalue part(jrun *r, const char *type, jvalue text) {
  jvalue p = jv_dict(r, JK_DICT);
  jv_set(r, p, "type", jv_string(r, type));
  if (text.kind == JK_TEXT) jv_set(r, p, "text", text);
  return p;
}

static void push_message(jrun *r, jvalue messages, const char *role, jvalue content) {
  jvalue m = jv_dict(r, JK_DICT);
  jv_set(r, m, "role", jv_string(r, role));
  jv_set(r, m, "content", content);
  jv_push(r, messages, m);
}

static jvalue text_of(jrun *r, const char *s, int source) {
  return jv_marked(r, s, strlen(s), source);
}

static jvalue content_parts(jrun *r, const char *text, int source, bool has_image) {
  jvalue parts = jv_list(r, JK_LIST);
  if (has_image) jv_push(r, parts, part(r, "image", jv_none()));
  jv_push(r, parts, part(r, "text", text_of(r, text, source)));
  return parts;
}

/* In [mem]: the mark, a line break, the question. */
static jvalue marked_text(jrun *r, const prompt_given *g, const char *question) {
  jvalue text = text_of(r, question, FROM_QUESTION);
  if (!g->has_image) return text;
  jvalue mark = text_of(r, g->mark, FROM_MARK);
  return jv_join(r, jv_join(r, mark, jv_string(r, "\n")), text);
}

static jvalue messages_of(jrun *r, const prompt_given *g, const char *question, content_form form) {
  jvalue messages = jv_list(r, JK_LIST);
  if (g->system) {
    push_message(r, messages, "system",
                 form == CONTENT_PARTS ? content_parts(r, g->system, FROM_SYSTEM, false)
                                       : text_of(r, g->system, FROM_SYSTEM));
  }
  push_message(r, messages, "user",
               form == CONTENT_TEXT ? marked_text(r, g, question)
                                    : content_parts(r, question, FROM_QUESTION, g->has_image));
  return messages;
}

static void give_chat(jrun *r, const prompt_given *g, const char *question, content_form form) {
  const named_token *t;
  for (int i = 0; g->tokens && (t = tokenizer_named(g->tokens, i)); i++) {
    jinja_give(r, t->name, jv_string(r, t->text));
  }
  jinja_give(r, "messages", messages_of(r, g, question, form));
  jinja_give(r, "tools", jv_none());
  jinja_give(r, "documents", jv_none());
  jinja_give(r, "add_generation_prompt", jv_bool(true));
}

static void give_named(jrun *r, const prompt_given *g, const char *question) {
  jinja_give(r, "question", text_of(r, question, FROM_QUESTION));
  jinja_give(r, "system", text_of(r, g->system ? g->system : "", FROM_SYSTEM));
  jinja_give(r, "image", text_of(r, g->has_image ? g->mark : "", FROM_MARK));
}

/* ---------------------------------------------------------------- rendering */

static loci_status copy_text(const jtext *t, bool asked_day, arena *mem, prompt_text *out,
                             loci_err *err) {
  jmark *marks = arena_array(mem, t->mark_count, jmark);
  out->text = arena_strndup(mem, t->s, t->n);
  if (!out->text || !marks) return fail_nomem(err, "filling in a template");
  for (int i = 0; i < t->mark_count; i++) marks[i] = t->marks[i];
  out->marks = marks;
  out->mark_count = t->mark_count;
  out->size = t->n;
  out->asked_day = asked_day;
  return LOCI_OK;
}

static loci_status render(const prompt_template *t, const jinja *read, const prompt_given *g,
                          const char *question, content_form form, arena *mem, prompt_text *out,
                          loci_err *err) {
  jrun *r;
  const jtext *text;
  *out = (prompt_text){0};
  TRY(jinja_begin(read, g->day, &r, err));
  if (t->chat) {
    give_chat(r, g, question, form);
  } else {
    give_named(r, g, question);
  }
  loci_status st = jinja_render(r, &text, err);
  if (!st) st = copy_text(text, jinja_asked_day(r), mem, out, err);
  jinja_end(r);
  return st;
}

/* ---------------------------------------------------------------- what came out */

static int count_of(const char *text, const char *what) {
  int n = 0;
  for (size_t k = strlen(what); (text = strstr(text, what)); text += k) n++;
  return n;
}

/* [text] in small letters (of ASCII), in [mem]; NULL: out of memory. */
static char *lowered(const char *text, arena *mem) {
  char *out = arena_strdup(mem, text);
  for (char *at = out; at && *at; at++) *at = (char)tolower((unsigned char)*at);
  return out;
}

/* By strstr, whose time is that of the two lengths, not of their product: both may be hostile. */
static loci_status find_words(const char *text, const char *words, arena *mem, bool *out,
                              loci_err *err) {
  const char *in = lowered(text, mem), *what = lowered(words, mem);
  if (!in || !what) return fail_nomem(err, "filling in a template");
  *out = strstr(in, what) != NULL;
  return LOCI_OK;
}

static bool has_source(const prompt_text *t, int source) {
  for (int i = 0; i < t->mark_count; i++) {
    if (t->marks[i].source == source) return true;
  }
  return false;
}

/* A sentence if the prompt lacks something that it was given. */
static loci_status check(const prompt_template *t, const prompt_given *g, const prompt_text *p,
                         const char *words, arena *mem, loci_err *err) {
  int marks = g->mark ? count_of(p->text, g->mark) : 0;
  bool asked = has_source(p, FROM_QUESTION), told = !g->system || has_source(p, FROM_SYSTEM);
  if (!asked) TRY(find_words(p->text, words, mem, &asked, err));
  if (!told) TRY(find_words(p->text, g->system, mem, &told, err));
  if (!asked) {
    return fail(err, LOCI_EINVAL, "template \"%.80s\" leaves the question out", t->name);
  }
  if (!told) {
    return fail(err, LOCI_EINVAL, "template \"%.80s\" has no place for a system prompt", t->name);
  }
  if (g->has_image && marks == 0) {
    return fail(err, LOCI_EINVAL, "template \"%.80s\" has no place for an image%s%s%s", t->name,
                t->whole ? ": write " : "", t->whole ? g->mark : "",
                t->whole ? " into the question, where it stands" : "");
  }
  if (marks == (g->has_image ? 1 : 0)) return LOCI_OK;
  return fail(err, LOCI_EINVAL, "template \"%.80s\" makes a prompt with %d image marks %s for %s",
              t->name, marks, g->mark, g->has_image ? "one image" : "no image");
}

/* The form that a question of known words comes through best; the first one's complaint, if none.
 */
static loci_status find_form(const prompt_template *t, const jinja *read, const prompt_given *g,
                             arena *mem, content_form *out, loci_err *err) {
  static const char words[] = "Which river is this?";
  static const content_form orders[2][CONTENT_FORMS] = {
      {CONTENT_TEXT, CONTENT_PARTS, CONTENT_MIXED}, {CONTENT_PARTS, CONTENT_MIXED, CONTENT_TEXT}};
  loci_err first = {0}, own;
  for (int i = 0; i < CONTENT_FORMS; i++) {
    content_form form = orders[g->has_image][i];
    prompt_text p;
    if (form == CONTENT_MIXED && !g->system) continue;
    loci_status st = render(t, read, g, words, form, mem, &p, &own);
    if (!st) st = check(t, g, &p, words, mem, &own);
    *out = form;
    if (!st && count_of(p.text, words) < 2) return LOCI_OK;
    if (st == LOCI_ENOMEM) return fail_nomem(err, "filling in a template");
    if (!st) st = fail(&own, LOCI_EINVAL, "template \"%.80s\" repeats the question", t->name);
    if (st && !first.code) first = own;
  }
  return fail(err, first.code, "%s", first.msg);
}

loci_status template_fill(const prompt_template *t, const prompt_given *g, arena *mem,
                          prompt_text *out, loci_err *err) {
  jinja *read;
  content_form form = CONTENT_TEXT;
  *out = (prompt_text){0};
  TRY(jinja_parse(t->text, t->size, t->name, &read, err));
  loci_status st = t->chat ? find_form(t, read, g, mem, &form, err) : LOCI_OK;
  if (!st) st = render(t, read, g, g->question, form, mem, out, err);
  if (!st) st = check(t, g, out, g->question, mem, err);
  jinja_free(read);
  return st;
}

/* ---------------------------------------------------------------- spans */

/* Where the question's own words begin and end, without white space round them; and a copy. */
static char *words_of(const char *question, size_t *begin, size_t *end) {
  static const char blanks[] = " \t\r\n\v\f";
  *end = strlen(question);
  *begin = strspn(question, blanks);
  while (*end > *begin && strchr(blanks, question[*end - 1])) --*end;
  return strndup(question + *begin, *end - *begin);
}

loci_status template_place(const prompt_text *t, const char *question, int64_t begin, int64_t end,
                           int64_t *out, loci_err *err) {
  int found = 0, n = (int)(end - begin);
  for (int i = 0; i < t->mark_count; i++) {
    const jmark *m = &t->marks[i];
    int64_t to = (int64_t)(m->from + m->end - m->begin);
    if (m->source != FROM_QUESTION || (int64_t)m->from > begin || to < end) continue;
    *out = (int64_t)m->begin + begin - (int64_t)m->from;
    found++;
  }
  if (found == 0) { /* rewritten on its way: where the words are, if that is clear */
    size_t first, last;
    char *words = words_of(question, &first, &last);
    if (!words) return fail_nomem(err, "finding the question in the prompt");
    for (const char *at = t->text; last > first && found < 2 && (at = strstr(at, words)); at++) {
      *out = at - t->text + begin - (int64_t)first;
      found++;
    }
    free(words);
  }
  if (found == 1) return LOCI_OK;
  return fail(err, LOCI_EINVAL, "the template %s \"%.*s\" of the question",
              found ? "writes more than once the" : "does not write as it stands the",
              n > 80 ? 80 : n, question + begin);
}
