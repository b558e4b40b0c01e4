/* Blocks for a terminal: texts, rows, words and styles (see term.h). */
#include "show/term.h"

#include <string.h>

#include "base/utf8.h"

void term_put(term *t, view_style style, const char *text) {
  static const char *const escapes[] = {"", "\x1b[1m", "\x1b[2m", "\x1b[1;35m"};
  const char *s = t->ascii ? label_ascii(t->mem, text) : text;
  if (!s) {
    t->out.failed = true;
    return;
  }
  bool styled = t->color != LOCI_COLOR_NONE && style != VIEW_PLAIN && *s;
  if (styled) bytes_text(&t->out, escapes[style]);
  bytes_text(&t->out, s);
  if (styled) bytes_text(&t->out, "\x1b[0m");
  t->column += utf8_columns(s, strlen(s));
}

void term_pad(term *t, int column) {
  while (t->column < column) term_put(t, VIEW_PLAIN, " ");
}

const char *term_cut(term *t, const char *text, int columns) {
  const char *s = t->ascii ? label_ascii(t->mem, text) : text;
  if (s) s = label_cut(t->mem, s, columns, t->ascii);
  t->out.failed |= !s;
  return s ? s : "";
}

void term_newline(term *t) {
  while (t->out.size > 0 && t->out.data[t->out.size - 1] == ' ') t->out.size--;
  bytes_text(&t->out, "\n");
  t->column = 0;
  t->has_word = false;
}

static void wrap(term *t) {
  term_newline(t);
  bytes_repeat(&t->out, " ", t->indent);
  t->column = t->indent;
}

/* Writes what fits of an overlong word on this line; returns the rest. */
static const char *put_part(term *t, view_style style, const char *word) {
  size_t n = strlen(word), fit = 0;
  while (fit < n) {
    uint32_t rune;
    int k = utf8_decode(word + fit, n - fit, &rune);
    size_t next = fit + (k > 0 ? (size_t)k : 1);
    if (fit > 0 && t->column + utf8_columns(word, next) > t->width) break;
    fit = next;
  }
  char *part = arena_strndup(t->mem, word, fit);
  if (part) term_put(t, style, part);
  t->out.failed |= !part;
  return word + fit;
}

static void put_word(term *t, view_style style, const char *word) {
  const char *s = t->ascii ? label_ascii(t->mem, word) : word;
  if (!s) {
    t->out.failed = true;
    return;
  }
  if (!*s) return;
  int left = utf8_columns(s, strlen(s)), columns = left + (t->has_word ? 1 : 0);
  if (t->column > t->indent && t->column + columns > t->width) {
    wrap(t);
  } else if (t->has_word) {
    term_put(t, VIEW_PLAIN, " ");
  }
  t->has_word = true;
  while (t->column + left > t->width && !t->out.failed) {
    int before = t->column;
    s = put_part(t, style, s);
    left -= t->column - before;
    if (*s) wrap(t);
  }
  term_put(t, style, s);
}

void term_words(term *t, view_style style, const char *text) {
  while (*text) {
    size_t n = strcspn(text, " ");
    char *word = arena_strndup(t->mem, text, n);
    if (word) put_word(t, style, word);
    t->out.failed |= !word;
    text += n;
    text += strspn(text, " ");
  }
}

/* ---------------------------------------------------------------- blocks */

static void put_text(term *t, const view_block *b) {
  const view_piece *p = b->pieces;
  while (p && !(p->on & VIEW_TERM)) p = p->next;
  if (!p) return;
  t->indent = b->hang;
  term_pad(t, b->first);
  if (b->role == VIEW_NOTE) term_put(t, VIEW_BOLD, "note: ");
  if (b->role == VIEW_EDITED) term_put(t, VIEW_ACCENT, "edited    ");
  if (b->name) {
    term_put(t, VIEW_DIM, b->name);
    term_pad(t, b->hang);
  }
  for (; p; p = p->next) {
    if (!(p->on & VIEW_TERM)) continue;
    if (p->exact) term_put(t, p->style, p->text);
    if (!p->exact) term_words(t, p->style, p->text);
  }
  term_newline(t);
  t->indent = 0;
}

/* How many of the columns before the kept ones have room. */
static int columns_that_fit(const term *t, const view_columns *c) {
  int room = t->width, n = 0;
  for (int i = 0; i < c->count; i++)
    if (c->column[i].keep) room -= c->column[i].width;
  while (n < c->count && !c->column[n].keep && (n == 0 || c->column[n].width <= room))
    room -= c->column[n++].width;
  return n;
}

static void put_row(term *t, const view_block *b) {
  const view_columns *c = b->columns;
  int fit = columns_that_fit(t, c), at = 0;
  for (int i = 0; i < c->count; i++) {
    const view_column *column = &c->column[i];
    if (i >= fit && !column->keep) continue;
    const char *text = b->cells[i].text ? b->cells[i].text : "";
    bool last = i + 1 == c->count;
    text = term_cut(t, text, last || column->right ? t->width - t->column : column->width - 2);
    if (column->right) term_pad(t, at + column->width - utf8_columns(text, strlen(text)));
    term_pad(t, at);
    term_put(t, b->cells[i].style, text);
    at += column->width;
  }
  term_newline(t);
}

typedef struct writer {
  term t;
  views v;
} writer;

static void put_block(void *ctx, const view_block *b) {
  writer *w = ctx;
  term *t = &w->t;
  if (!(b->on & VIEW_TERM)) return;
  t->mem = w->v.text;
  switch (b->kind) {
    case VIEW_TEXT: put_text(t, b); break;
    case VIEW_GAP: term_newline(t); break;
    case VIEW_ROW: put_row(t, b); break;
    case VIEW_MAP: term_map(t, b->data); break;
    case VIEW_LINES: term_lines(t, b->data); break;
    case VIEW_WORDS: term_grid_of_words(t, b->data); break;
    case VIEW_BARS:
    case VIEW_OVERLAY:
    case VIEW_FOLD:
    case VIEW_UNFOLD: break;
  }
}

loci_status term_draw(view_fn *say, const void *result, const loci_draw_opts *opts, char **out,
                      loci_err *err) {
  loci_draw_opts o = opts ? *opts : (loci_draw_opts){0};
  int width = o.columns == 0 ? 80 : o.columns < 40 ? 40 : o.columns > 200 ? 200 : o.columns;
  writer w = {.t = {.color = o.color, .ascii = o.ascii, .width = width}, .v = {.emit = put_block}};
  *out = NULL;
  w.v.ctx = &w;
  loci_status st = views_new(&w.v, say, result, opts, err);
  views_free(&w.v);
  if (!st) return bytes_take(&w.t.out, out, NULL, err);
  bytes_clear(&w.t.out);
  return st;
}
