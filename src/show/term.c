/* Blocks for a terminal: texts, rows, words and styles (see term.h). */
#include "show/term.h"

#include <string.h>

#include "base/utf8.h"

enum { UNWRAPPED = 1 << 24 }; /* columns */

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
  int room = t->wrap, n = 0;
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
    text = term_cut(t, text, last || column->right ? t->wrap - t->column : column->width - 2);
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
  w.t.wrap = o.unwrapped ? UNWRAPPED : width;
  w.t.scale = o.scale;
  *out = NULL;
  w.v.ctx = &w;
  loci_status st = views_new(&w.v, say, result, opts, err);
  views_free(&w.v);
  if (!st) return bytes_take(&w.t.out, out, NULL, err);
  bytes_clear(&w.t.out);
  return st;
}
