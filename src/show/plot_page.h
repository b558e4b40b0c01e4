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
/* Draws the lines. */
void plot_page_text(const plot_page *p, canvas *c);
/* Down to a multiple of half a point, between lo and hi. */
double plot_half_points(double x, double lo, double hi);

/* Draws a result of loci.h.  The picture is the same in every kind of file. */
typedef loci_status plot_fn(const void *result, loci_metric metric, canvas_kind kind, bytes *out,
                            loci_err *err);
/* A page of its own with the picture inside, for a browser; uses [svg] up. */
loci_status plot_html(const char *title, bytes *svg, bytes *out, loci_err *err);

#endif
