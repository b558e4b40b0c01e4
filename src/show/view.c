/* Blocks, as a view says them (see view.h). */
#include "show/view.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/options.h"
#include "base/utf8.h"

enum { KEEP = 64 }; /* blocks given out until the memory of their texts is freed */

loci_status draw_opts_take(loci_draw_opts *o, const loci_draw_opts *given, loci_err *err) {
  TRY(options_take(loci_draw_opts, o, given, err));
  if ((unsigned)o->metric > LOCI_METRIC_RESTORATION_LOGIT_DIFF)
    return fail(err, LOCI_EINVAL, "drawing: there is no metric %d", (int)o->metric);
  if ((unsigned)o->color > LOCI_COLOR_TRUE)
    return fail(err, LOCI_EINVAL, "drawing: there is no kind of colour %d", (int)o->color);
  if (o->columns < 0)
    return fail(err, LOCI_EINVAL, "drawing: %d columns, expected 0 or more", o->columns);
  double pixels = o->width * (o->dpi > 0 ? o->dpi : LOCI_FIGURE_DPI);
  if (o->width != 0 && !(o->width >= 0.1 && o->width <= 200 && pixels >= LOCI_FIGURE_LEAST &&
                         pixels <= LOCI_FIGURE_MOST))
    return fail(err, LOCI_EINVAL,
                "drawing: %g inches and %.0f pixels wide, expected 0.1 to 200 inches and %d to "
                "%d pixels",
                o->width, pixels, LOCI_FIGURE_LEAST, LOCI_FIGURE_MOST);
  if (o->dpi < 0 || o->dpi > 2400)
    return fail(err, LOCI_EINVAL, "drawing: %d dots an inch, expected 1 to 2400", o->dpi);
  if (!(o->scale >= 0 && o->scale <= 1e6))
    return fail(err, LOCI_EINVAL, "drawing: a scale up to %g, expected a number up to 1e6",
                o->scale);
  return LOCI_OK;
}

loci_status views_open(views *v, loci_err *err) {
  *v = (views){.err = err, .on = VIEW_ALL, .emit = v->emit, .ctx = v->ctx};
  v->mem = v->text = arena_new();
  if (v->emit) v->text = arena_new();
  return v->mem && v->text ? LOCI_OK : fail_nomem(err, "drawing");
}

void views_free(views *v) {
  if (v->text != v->mem) arena_free(v->text);
  arena_free(v->mem);
  *v = (views){0};
}

loci_status views_new(views *v, view_fn *say, const void *result, const loci_draw_opts *opts,
                      loci_err *err) {
  loci_draw_opts o = opts ? *opts : (loci_draw_opts){0};
  TRY(views_open(v, err));
  v->brackets = o.color == LOCI_COLOR_NONE;
  v->ascii = o.ascii;
  say(result, &o, v);
  view_end(v);
  return v->status;
}

static void no_memory(views *v) {
  if (!v->status) v->status = fail_nomem(v->err, "drawing");
}

void view_refuse(views *v, const char *sentence) {
  if (!v->status) v->status = fail(v->err, LOCI_EINVAL, "%s", sentence);
}

void *view_memory(views *v, int64_t count, size_t size) {
  void *x = v->status ? NULL : arena_zalloc(v->mem, count > 0 ? count : 1, size);
  if (!x) no_memory(v);
  return x;
}

__attribute__((format(printf, 2, 0))) static char *formatted(arena *mem, const char *format,
                                                             va_list args) {
  char small[256];
  va_list again;
  va_copy(again, args);
  int n = vsnprintf(small, sizeof small, format, args);
  char *text = n < 0 ? NULL : arena_alloc(mem, (int64_t)n + 1, 1);
  if (text && n < (int)sizeof small) memcpy(text, small, (size_t)n + 1);
  if (text && n >= (int)sizeof small) vsnprintf(text, (size_t)n + 1, format, again);
  va_end(again);
  return text;
}

const char *view_format(views *v, const char *format, ...) {
  va_list args;
  va_start(args, format);
  char *text = v->status ? NULL : formatted(v->mem, format, args);
  va_end(args);
  if (!text) no_memory(v);
  return text ? text : "";
}

/* One line of printable text: the only place that lets foreign words in. */
static void make_clean(char *text) {
  for (char *c = text; *c; c++) {
    if (*c == '\n' || *c == '\r' || *c == '\t') *c = ' ';
  }
  utf8_make_printable(text);
}

/* ---------------------------------------------------------------- blocks */

static view_block *new_block(views *v, view_kind kind) {
  view_end(v);
  view_block *b = v->status ? NULL : arena_zarray(v->text, 1, view_block);
  if (!b) {
    no_memory(v);
    return NULL;
  }
  b->kind = kind;
  b->on = v->on = VIEW_ALL;
  return b;
}

/* A whole block goes into the list, or to whoever takes it. */
static void put_block(views *v, view_block *b) {
  if (!b || v->status) return;
  if (!v->emit) {
    *(v->last ? &v->last->next : &v->first) = b;
    v->last = b;
    return;
  }
  v->emit(v->ctx, b);
  if (++v->emitted % KEEP != 0) return;
  arena_free(v->text);
  v->text = arena_new();
  if (!v->text) no_memory(v);
}

void view_end(views *v) {
  view_block *b = v->open;
  v->open = NULL;
  v->piece = NULL;
  put_block(v, b);
}

void view_begin(views *v, view_role role) {
  static const struct {
    int first, hang;
  } indents[] = {[VIEW_FACT] = {0, 0},
                 [VIEW_ITEM] = {2, 4},
                 [VIEW_NOTE] = {0, 6},
                 [VIEW_EDITED] = {0, 10},
                 [VIEW_COMMAND] = {0, 2}};
  view_block *b = new_block(v, VIEW_TEXT);
  if (!b) return;
  b->role = role;
  b->first = indents[role].first;
  b->hang = indents[role].hang;
  v->open = b;
}

void view_fact(views *v, const char *name) {
  view_begin(v, VIEW_FACT);
  if (!v->open) return;
  v->open->name = name;
  v->open->hang = 10;
}

void view_indent(views *v, int first, int hang) {
  if (!v->open) return;
  v->open->first = first;
  v->open->hang = hang;
}

void view_only(views *v, int on) { v->on = on; }

__attribute__((format(printf, 4, 0))) static void add_piece(views *v, view_style style, bool exact,
                                                            const char *format, va_list args) {
  if (!v->open || v->status) return;
  view_piece *p = arena_zarray(v->text, 1, view_piece);
  char *text = formatted(v->text, format, args);
  if (!p || !text) {
    no_memory(v);
    return;
  }
  make_clean(text);
  *p = (view_piece){.style = style, .on = v->on, .exact = exact, .text = text};
  if (v->piece) {
    v->piece->next = p;
  } else {
    v->open->pieces = p;
  }
  v->piece = p;
}

void view_say(views *v, view_style style, const char *format, ...) {
  va_list args;
  va_start(args, format);
  add_piece(v, style, false, format, args);
  va_end(args);
}

void view_put(views *v, view_style style, const char *format, ...) {
  va_list args;
  va_start(args, format);
  add_piece(v, style, true, format, args);
  va_end(args);
}

void view_gap(views *v) {
  view_block *b = new_block(v, VIEW_GAP);
  if (b) b->on = VIEW_TERM;
  put_block(v, b);
}

void view_draw(views *v, view_kind kind, int on, bool beside, const void *data) {
  view_block *b = data ? new_block(v, kind) : NULL;
  if (!b) return;
  b->on = on;
  b->beside = beside;
  b->data = data;
  put_block(v, b);
}

/* ---------------------------------------------------------------- tables, folds */

void view_row(views *v, const view_columns *columns) {
  view_block *b = new_block(v, VIEW_ROW);
  view_cell *cells = b ? arena_zarray(v->text, columns->count, view_cell) : NULL;
  if (!cells) {
    no_memory(v);
    return;
  }
  b->on = VIEW_TERM | VIEW_HTML;
  b->columns = columns;
  b->cells = cells;
  v->open = b;
  v->cell = 0;
}

void view_cell_of(views *v, view_style style, const char *format, ...) {
  if (!v->open || v->status || v->cell >= v->open->columns->count) return;
  va_list args;
  va_start(args, format);
  char *text = formatted(v->text, format, args);
  va_end(args);
  if (!text) {
    no_memory(v);
    return;
  }
  make_clean(text);
  ((view_cell *)(uintptr_t)v->open->cells)[v->cell++] = (view_cell){style, text};
}

void view_row_of_titles(views *v, const view_columns *columns) {
  view_row(v, columns);
  for (int i = 0; i < columns->count; i++)
    view_cell_of(v, VIEW_DIM, "%s", columns->column[i].title);
}

void view_fold(views *v, const char *format, ...) {
  view_block *b = new_block(v, VIEW_FOLD);
  va_list args;
  va_start(args, format);
  if (b) b->name = formatted(v->text, format, args);
  va_end(args);
  if (b && !b->name) no_memory(v);
  if (b) b->on = VIEW_HTML;
  put_block(v, b);
}

void view_unfold(views *v) {
  view_block *b = new_block(v, VIEW_UNFOLD);
  if (b) b->on = VIEW_HTML;
  put_block(v, b);
}
