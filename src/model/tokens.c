/* Tokenizing prompts, answers and replacement words (see tokens.h). */
#include "model/tokens.h"

#include <stdio.h>
#include <string.h>

#include "base/utf8.h"
#include "model/prompt.h"
#include "text/unicode.h"

const char *image_mark(const loci_model *m) {
  return m->weights->config.has_vision ? m->image_mark : NULL;
}

loci_status image_mark_of(const model_config *c, const tokenizer *t, arena *mem, const char **out,
                          loci_err *err) {
  const char *token = c->split_at_image                ? NULL
                      : c->picture && c->picture->mark ? c->picture->mark
                                                       : tokenizer_token(t, c->image_token);
  const char *before = c->image_marks[0] ? tokenizer_token(t, c->image_marks[0]) : "";
  const char *after = c->image_marks[0] ? tokenizer_token(t, c->image_marks[1]) : "";
  if (!token || !before || !after) {
    token = token ? token : "<image>";
    before = after = "";
  }
  size_t n = strlen(token) + strlen(before) + strlen(after) + 1;
  char *mark = arena_alloc(mem, (int64_t)n, 1);
  if (!mark) return fail_nomem(err, "opening the model");
  snprintf(mark, n, "%s%s%s", before, token, after);
  *out = mark;
  return LOCI_OK;
}

static void push(token_rows *r, int id, int64_t begin, int64_t end, bool image) {
  r->ids[r->count] = id;
  r->begin[r->count] = begin;
  r->end[r->count] = end;
  r->image[r->count++] = image;
}

static void push_image(token_rows *r, int id, int rows, int64_t begin, int64_t end) {
  if (r->image_first < 0) r->image_first = r->count;
  for (int i = 0; i < rows; i++) push(r, id, begin, end, true);
}

/* Room for every token of n bytes of text and one image. */
static loci_status rows_init(token_rows *r, int64_t n, arena *mem, loci_err *err) {
  r->count = 0;
  r->image_first = r->image_at = -1;
  r->ids = arena_array(mem, n, int);
  r->begin = arena_array(mem, n, int64_t);
  r->end = arena_array(mem, n, int64_t);
  r->image = arena_array(mem, n, bool);
  bool ok = r->ids && r->begin && r->end && r->image;
  return ok ? LOCI_OK : fail_nomem(err, "tokenizing the prompt");
}

/* Original layouts: the pieces before and after <image> are tokenized on their own; a BOS counts
 * once. */
static loci_status expand_split(const loci_model *m, const char *text, const image_layout *picture,
                                bool add_special, arena *mem, token_rows *out, loci_err *err) {
  const model_config *c = &m->weights->config;
  const char *mark = image_mark(m), *image = strstr(text, mark);
  size_t n = strlen(text), first = (size_t)(image - text), second = first + strlen(mark);
  encoding a = {0}, b = {0};
  loci_status st = tokenizer_encode(m->tokens, text, first, add_special, &a, err);
  if (!st) {
    st = tokenizer_encode(m->tokens, text + second, n - second, add_special, &b, err);
  }
  if (!st) st = rows_init(out, (int64_t)a.count + b.count + picture->count, mem, err);
  if (!st) {
    for (int i = 0; i < a.count; i++) push(out, a.ids[i], a.begin[i], a.end[i], false);
    push_image(out, SPLIT_IMAGE_ID, picture->count, (int64_t)first, (int64_t)second);
    bool bos_again = b.count > 0 && c->bos >= 0 && b.ids[0] == c->bos && b.end[0] == 0;
    for (int i = bos_again; i < b.count; i++) {
      push(out, b.ids[i], b.begin[i] + (int64_t)second, b.end[i] + (int64_t)second, false);
    }
  }
  encoding_clear(&a);
  encoding_clear(&b);
  return st;
}

/* ---------------------------------------------------------------- pictures spelled out */

/* The text that is tokenized: the prompt's, or, where a picture's rows stand between texts, that
 * with all of these in place of its mark. */
typedef struct spelled {
  const char *text;
  int runs;             /* placeholders in it, each for as many rows of the picture */
  int64_t at, from, to; /* where the mark stands, its bytes, and those in its place */
} spelled;

typedef struct writer {
  char *out; /* NULL: only counts */
  int64_t n;
} writer;

static void put_text(writer *w, const char *s) {
  size_t n = strlen(s);
  if (w->out) memcpy(w->out + w->n, s, n);
  w->n += (int64_t)n;
}

static void put_number(writer *w, int number) {
  char text[16];
  snprintf(text, sizeof text, "%d", number);
  put_text(w, text);
}

static void put_picture(writer *w, const picture_text *t, const image_layout *g, const char *mark) {
  put_text(w, t->begin);
  for (int i = 0; i < g->tiles[0] * g->tiles[1]; i++) {
    if (t->tile[0]) {
      put_text(w, t->tile[0]);
      put_number(w, i / g->tiles[1] + 1);
      put_text(w, t->tile[1]);
      put_number(w, i % g->tiles[1] + 1);
      put_text(w, t->tile[2]);
    }
    put_text(w, mark);
    if ((i + 1) % g->tiles[1] == 0) put_text(w, t->line);
  }
  put_text(w, t->whole[g->tiles[0] > 0]);
  put_text(w, mark);
  put_text(w, t->end);
}

static loci_status spell_out(const loci_model *m, const char *text, const image_layout *picture,
                             arena *mem, spelled *out, loci_err *err) {
  const picture_text *t = m->weights->config.picture;
  const char *mark = image_mark(m), *at = picture && t ? strstr(text, mark) : NULL;
  const char *row = tokenizer_token(m->tokens, m->weights->config.image_token);
  *out = (spelled){.text = text, .runs = 1};
  if (!at || !row || strstr(at + 1, mark)) return LOCI_OK; /* none, or refused as two */
  writer w = {0};
  put_picture(&w, t, picture, row);
  size_t first = (size_t)(at - text), from = strlen(mark), rest = strlen(text) - first - from;
  char *joined = arena_alloc(mem, (int64_t)(first + rest) + w.n + 1, 1);
  if (!joined) return fail_nomem(err, "tokenizing the prompt");
  *out = (spelled){joined, 1 + picture->tiles[0] * picture->tiles[1], (int64_t)first, (int64_t)from,
                   w.n};
  memcpy(joined, text, first);
  w = (writer){joined + first, 0};
  put_picture(&w, t, picture, row);
  memcpy(joined + first + w.n, at + from, rest + 1);
  return LOCI_OK;
}

/* A byte of the text that is tokenized, in the prompt's: what stands for the mark has its range. */
static int64_t byte_of(const spelled *s, int64_t at, bool end) {
  if (at <= s->at) return at;
  if (at >= s->at + s->to) return at - s->to + s->from;
  return end ? s->at + s->from : s->at;
}

/* Whether an image token is one too many, or one that the model would not count. */
static loci_status check_image(const loci_model *m, bool picture, int seen, int runs, int before,
                               loci_err *err) {
  const model_config *c = &m->weights->config;
  if (!picture || seen == runs) {
    return fail(err, LOCI_EINVAL, "the prompt holds the image marker %s",
                picture ? "twice" : "but there is no image");
  }
  if (c->image_marks[0] && before != c->image_marks[0]) {
    return fail(err, LOCI_EINVAL,
                "the prompt holds the image token %d without %d before it, by which the model "
                "counts pictures; the whole mark is %s",
                c->image_token, c->image_marks[0], image_mark(m));
  }
  return LOCI_OK;
}

loci_status expand_tokens(const loci_model *m, const char *text, const image_layout *picture,
                          bool add_special, arena *mem, token_rows *out, loci_err *err) {
  const model_config *c = &m->weights->config;
  spelled s;
  if (picture && c->split_at_image) {
    return expand_split(m, text, picture, add_special, mem, out, err);
  }
  TRY(spell_out(m, text, picture, mem, &s, err));
  encoding e = {0};
  TRY(tokenizer_encode(m->tokens, s.text, strlen(s.text), add_special, &e, err));
  loci_status st = rows_init(out, (int64_t)e.count + (picture ? picture->count : 0), mem, err);
  int seen = 0;
  for (int i = 0; !st && i < e.count; i++) {
    int64_t begin = byte_of(&s, e.begin[i], false), end = byte_of(&s, e.end[i], true);
    bool image = c->has_vision && !c->split_at_image && e.ids[i] == c->image_token;
    if (!image) {
      push(out, e.ids[i], begin, end, false);
      continue;
    }
    st = check_image(m, picture != NULL, seen++, s.runs, i > 0 ? e.ids[i - 1] : -1, err);
    if (st) break;
    if (c->text.cross) {
      out->image_at = out->count;
      push(out, e.ids[i], begin, end, false);
    } else {
      push_image(out, e.ids[i], picture->count / s.runs, begin, end);
    }
  }
  if (!st && picture && seen != s.runs) {
    st = fail(err, LOCI_EFORMAT,
              "%s: the tokenizer does not turn %s into the image token %d of config.json",
              m->info.path, image_mark(m), c->image_token);
  }
  encoding_clear(&e);
  return st;
}

/* Whether the text ends in white space of any kind. */
static bool ends_in_space(const char *s, size_t n) {
  uint32_t rune;
  size_t at = n;
  while (at > 0 && ((unsigned char)s[at - 1] & 0xC0) == 0x80) at--;
  return at > 0 && utf8_decode(s + at - 1, n - at + 1, &rune) > 0 && rune_is_space(rune);
}

/* Bytes of the white space that the text begins with, one character of it. */
static int first_space(const char *s) {
  uint32_t rune;
  int n = s[0] ? utf8_decode(s, strlen(s), &rune) : 0;
  return n > 0 && rune_is_space(rune) ? n : 0;
}

/* ---------------------------------------------------------------- replacements */

/* The prompt's text with [text] in place of the constraint; *at and *n are where it stands.  The
 * blank before it is the constraint's: one that [text] brings itself counts as that one. */
static char *exchange(const loci_prompt *p, const loci_constraint *c, const char *text, arena *mem,
                      int64_t *at, int64_t *n) {
  const char *old = p->info.text;
  *at = p->constraint_bytes[c - p->info.constraints];
  const char *rest = old + *at + (c->bytes[1] - c->bytes[0]);
  if (ends_in_space(old, (size_t)*at)) text += first_space(text);
  *n = (int64_t)strlen(text);
  size_t size = (size_t)*at + (size_t)*n + strlen(rest) + 1;
  char *out = arena_alloc(mem, (int64_t)size, 1);
  if (out) snprintf(out, size, "%.*s%s%s", (int)*at, old, text, rest);
  return out;
}

/* The first position of the exchanged prompt that the ids put into the prompt's own do not give. */
static int first_difference(const loci_prompt *p, const loci_constraint *c, const stand_in *r,
                            const token_rows *rows) {
  int T = p->info.length - c->count + r->count, i = 0;
  for (; i < T && i < rows->count; i++) {
    int after = i - c->first - r->count;
    int id = i < c->first ? p->ids[i]
             : after < 0  ? r->ids[i - c->first]
                          : p->ids[c->first + c->count + after];
    if (rows->ids[i] != id) break;
  }
  return i < T || i < rows->count ? i : -1;
}

/* Whether a token is the blank before the exchanged words and nothing else, where the constraint's
 * first token holds it: then it is the words' first one. */
static bool is_their_blank(const loci_prompt *p, const loci_constraint *c, const token_rows *rows,
                           int i, const char *joined, int64_t at) {
  bool alone = rows->begin[i] == at - 1 && rows->end[i] == at && joined[at - 1] == ' ';
  return alone && p->info.tokens[c->first].bytes[0] < at;
}

loci_status replacement_ids(const loci_prompt *p, const loci_constraint *c, const char *text,
                            arena *mem, stand_in *out, loci_err *err) {
  int64_t at, n;
  token_rows rows;
  *out = (stand_in){0};
  char *joined = exchange(p, c, text, mem, &at, &n);
  if (!joined) return fail_nomem(err, "tokenizing a replacement");
  TRY(expand_tokens(p->model, joined, prompt_picture(p), p->add_special, mem, &rows, err));
  for (int i = 0; i < rows.count; i++) {
    int64_t from = rows.begin[i] > at ? rows.begin[i] : at;
    int64_t to = rows.end[i] < at + n ? rows.end[i] : at + n;
    bool blank = at > 0 && is_their_blank(p, c, &rows, i, joined, at);
    if (rows.image[i] || (from >= to && !blank)) continue;
    if (!out->ids) out->ids = rows.ids + i;
    out->count = (int)(rows.ids + i - out->ids) + 1;
  }
  if (!out->ids) {
    return fail(err, LOCI_EINVAL, "\"%s\" has no tokens of its own in place of \"%s\"", text,
                c->text);
  }
  out->differs = first_difference(p, c, out, &rows);
  return LOCI_OK;
}

/* ---------------------------------------------------------------- another question */

/* Where the question stands in the prompt's text, word for word; -1: a template has changed it, or
 * its words are there twice. */
static int64_t question_at(const loci_prompt *p) {
  const char *text = p->info.text, *question = p->info.question;
  size_t n = strlen(question);
  if (p->info.constraint_count == 0) {
    const char *found = n > 0 ? strstr(text, question) : NULL;
    return found && !strstr(found + 1, question) ? found - text : -1;
  }
  int64_t at = p->constraint_bytes[0] - p->info.constraints[0].bytes[0];
  return at >= 0 && strncmp(text + at, question, n) == 0 ? at : -1;
}

loci_status question_ids(const loci_prompt *p, const char *text, arena *mem, int **ids,
                         loci_err *err) {
  const char *old = p->info.text;
  int64_t at = question_at(p);
  int T = p->info.length;
  token_rows rows;
  if (at < 0)
    return fail(
        err, LOCI_EINVAL,
        "the template changes the question's words, or has them twice: no other question can "
        "stand in their place");
  const char *rest = old + at + strlen(p->info.question);
  size_t size = (size_t)at + strlen(text) + strlen(rest) + 1;
  char *joined = arena_alloc(mem, (int64_t)size, 1);
  if (!joined) return fail_nomem(err, "tokenizing a question");
  snprintf(joined, size, "%.*s%s%s", (int)at, old, text, rest);
  TRY(expand_tokens(p->model, joined, prompt_picture(p), p->add_special, mem, &rows, err));
  if (rows.count != T) {
    return fail(
        err, LOCI_EINVAL,
        "the question \"%s\" makes a prompt of %d tokens, \"%s\" one of %d; they must be equal "
        "(or use replace:TEXT, or a donor)",
        text, rows.count, p->info.question, T);
  }
  for (int i = 0; i < T; i++) {
    if (rows.image[i] && rows.ids[i] != p->ids[i])
      return fail(err, LOCI_EINVAL, "the question \"%s\" has the picture at another place", text);
  }
  *ids = rows.ids;
  return LOCI_OK;
}

/* ---------------------------------------------------------------- answers */

loci_status answer_ids(const loci_prompt *p, const char *answer, arena *mem, int **ids, int *count,
                       loci_err *err) {
  const char *text = p->info.text;
  size_t n = strlen(text), k = strlen(answer);
  if (k == 0) return fail(err, LOCI_EINVAL, "the answer is empty");
  bool space = ends_in_space(text, n);
  char *joined = arena_alloc(mem, (int64_t)(n + k + 2), 1);
  if (!joined) return fail_nomem(err, "tokenizing the answer");
  snprintf(joined, n + k + 2, "%s%s%s", text, space || first_space(answer) ? "" : " ", answer);
  token_rows rows;
  TRY(expand_tokens(p->model, joined, prompt_picture(p), p->add_special, mem, &rows, err));
  int T = p->info.length;
  bool prefix = rows.count > T;
  for (int i = 0; prefix && i < T; i++) prefix = rows.ids[i] == p->ids[i];
  if (!prefix) {
    return fail(err, LOCI_EINVAL,
                "the answer \"%s\" changes the prompt's own tokens when it is appended%s", answer,
                space ? ": leave out the blank that the prompt ends in" : "");
  }
  *ids = rows.ids + T;
  *count = rows.count - T;
  return LOCI_OK;
}
