/* What an eye sees of a result, said once.  Each kind has one view_KIND that says it in blocks:
 * texts, rows of a table, maps, lines, bars, grids of words, overlays.  A terminal (term.c), a page
 * (page.c: PNG, SVG, PDF) and the report of a store (report.c: HTML) make of the blocks what they
 * can; a test reads them as data.
 *
 * Order of use: views_new, the kind's view, then a back end goes through the blocks from v->first
 * on; views_free.  Or with v->emit, which is given each block once it is whole and keeps none.
 * Nothing has to be checked on the way: the first error is kept in v->status, and what is said
 * after it is dropped. */
#ifndef LOCI_SHOW_VIEW_H
#define LOCI_SHOW_VIEW_H

#include "base/arena.h"
#include "show/view_blocks.h"
#include "show/drawings.h"
#include "show/label.h"
#include "show/heatmap.h"

typedef struct views {
  arena *mem;  /* until the end */
  arena *text; /* of the block that is being said: [mem], or with [emit] its own */
  view_block *first, *last;
  view_block *open; /* a text that may go on */
  view_piece *piece;
  int cell;
  int on; /* where the next pieces are seen */
  void (*emit)(void *ctx, const view_block *b);
  void *ctx;
  int emitted;
  bool brackets; /* no colour: constraints are in brackets */
  bool ascii;
  loci_status status;
  loci_err *err;
} views;

/* Says [result] of its kind in blocks; [opts] are checked and complete. */
typedef void view_fn(const void *result, const loci_draw_opts *opts, views *v);

/* Options in range (a metric, a colour, columns that are not negative), or LOCI_EINVAL. */
loci_status draw_opts_take(loci_draw_opts *own, const loci_draw_opts *given, loci_err *err);
/* All blocks of a result, [opts] NULL: the defaults.  *v is zero but for emit and ctx, and is for
 * views_free, also after an error. */
loci_status views_new(views *v, view_fn *say, const void *result, const loci_draw_opts *opts,
                      loci_err *err);
void views_free(views *v);
/* An empty list, to be said by hand; *v likewise. */
loci_status views_open(views *v, loci_err *err);
/* The text being said is whole. */
void view_end(views *v);

/* ---- what a view says */

void view_begin(views *v, view_role role);
/* A fact with its name: "clean". */
void view_fact(views *v, const char *name);
/* Blanks before the first line of the text just begun, and before those it wraps into. */
void view_indent(views *v, int first, int hang);
/* Pieces said from now on, of this text, are seen there only. */
void view_only(views *v, int on);
/* Words. */
void view_say(views *v, view_style style, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Text as it stands. */
void view_put(views *v, view_style style, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void view_gap(views *v);
/* A row, whose cells follow in order; columns outlive the blocks. */
void view_row(views *v, const view_columns *columns);
void view_cell_of(views *v, view_style style, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* A row of the columns' titles. */
void view_row_of_titles(views *v, const view_columns *columns);
void view_fold(views *v, const char *format, ...) __attribute__((format(printf, 2, 3)));
void view_unfold(views *v);
/* A drawing; [data] lives as long as the blocks, or as long as the result. */
void view_draw(views *v, view_kind kind, int on, bool beside, const void *data);
/* No result like this can be seen. */
void view_refuse(views *v, const char *sentence);
/* Zeroed memory as long as the blocks'; NULL: remembered as an error. */
void *view_memory(views *v, int64_t count, size_t size);
#define view_array(v, count, type) ((type *)view_memory(v, count, sizeof(type)))
/* A formatted text of that memory, "" once it is out. */
const char *view_format(views *v, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* ---- the kinds */

view_fn view_trace, view_knockout, view_lens, view_flow, view_average, view_prediction, view_score,
    view_edit_test, view_edit_tests, view_edit_curve, view_data_report, view_example,
    view_store_info, view_comparison;

/* ---- back ends */

/* A result as text with escape sequences as [opts] allows; *out for loci_text_free. */
loci_status term_draw(view_fn *say, const void *result, const loci_draw_opts *opts, char **out,
                      loci_err *err);

#endif
