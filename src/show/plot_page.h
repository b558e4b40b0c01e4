/* The page round a drawing: lines of text that are measured before the page exists, and the page
 * for a browser. */
#ifndef LOCI_SHOW_PLOT_PAGE_H
#define LOCI_SHOW_PLOT_PAGE_H

#include "base/arena.h"
#include "show/canvas.h"

enum { PLOT_PAGE_LINES = 24 };

extern const double PLOT_MARGIN;
extern const canvas_font plot_title_font, plot_text_font, plot_note_font;

/* A line of text and where it goes. */
typedef struct plot_line {
  const canvas_font *font;
  const char *text;
  double y;
} plot_line;

typedef struct plot_page {
  arena *mem;
  canvas *ruler; /* measures text before the page exists */
  double width, height;
  plot_line lines[PLOT_PAGE_LINES];
  int line_count;
} plot_page;

/* Adds [text] as at most [most] lines below *y; what does not fit ends in "…". */
void plot_page_add(plot_page *p, const canvas_font *font, const char *text, int most, double *y);
/* The edits of the model, a note each. */
void plot_page_edits(plot_page *p, const loci_model_info *m, double *y);
/* "flags, bf16, loci 0.1.0" as a note, and the edits: what made the numbers. */
void plot_page_made_by(plot_page *p, const loci_model_info *model, const char *precision,
                       double *y);

/* A kind of picture.  Its own page is a struct that begins with a plot_page. */
typedef struct plot_picture {
  const char *doing;                     /* "drawing a lens", for an error */
  bool (*lay_out)(plot_page *p);         /* adds the lines, sets the size; false: out of memory */
  bool (*draw)(plot_page *p, canvas *c); /* what is not lines */
} plot_picture;
/* Lays out, draws lines and picture; [p] is otherwise zero, and what it owned is freed after. */
loci_status plot_page_draw(plot_page *p, const plot_picture *picture, const char *title,
                           canvas_kind kind, bytes *out, loci_err *err);
/* Down to a multiple of half a point, between lo and hi. */
double plot_half_points(double x, double lo, double hi);

/* Draws a result of loci.h.  The picture is the same in every kind of file. */
typedef loci_status plot_fn(const void *result, loci_metric metric, canvas_kind kind, bytes *out,
                            loci_err *err);
/* A page of its own with the picture inside, for a browser; uses [svg] up. */
loci_status plot_html(const char *title, bytes *svg, bytes *out, loci_err *err);

#endif
