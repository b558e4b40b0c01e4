/* The picture of a trace, the same for PNG, SVG and PDF: a title, a panel per (site, window,
 * direction), one colour bar.  plot_trace.c measures and places, plot_panel.c and plot_scale.c draw
 * what is placed. */
#ifndef LOCI_SHOW_PLOT_H
#define LOCI_SHOW_PLOT_H

#include "show/canvas.h"
#include "show/plot_page.h"
#include "show/sheet.h"

plot_fn plot_trace, plot_knockout, plot_lens, plot_flow, plot_prediction, plot_average, plot_score,
    plot_edit_test, plot_edit_tests, plot_edit_curve;

/* ---------------------------------------------------------------- inside */

/* Where a panel's cells lie, in points. */
typedef struct plot_place {
  double x, y; /* top left of the cells */
  double cell_w, cell_h;
  double group_gap;     /* between the group rows and the token rows */
  double label_w;       /* of the widest token label */
  double group_label_w; /* of the widest group name */
  bool labels;          /* whether row labels and brackets stand to the left */
} plot_place;

enum { PLOT_LABEL_COLUMNS = 22 };

canvas_font plot_label_font(double cell_h);
/* Width that labels, position numbers and brackets take to the left of the cells. */
double plot_gutter_width(const sheet_panel *p, const plot_place *at);
double plot_row_y(const sheet_panel *p, const plot_place *at, int row);
void plot_panel(canvas *c, const sheet *s, const sheet_panel *p, const plot_place *at);
/* The spot of a cell that was run among estimates; [under]: the cell's colour. */
void plot_run_mark(canvas *c, canvas_box cell, rgb under);
/* The colour bar in a box, its unit above, its numbers below; and the key for exact zeros. */
void plot_scale(canvas *c, const sheet *s, canvas_box box);

/* A number below the colour bar. */
typedef struct plot_tick {
  double x, width; /* its middle, from the left end of the bar; of the text */
  char text[32];
} plot_tick;

enum { PLOT_TICKS = 12 };

/* Round numbers from lo to hi that do not touch each other below a bar of [width] points; returns
 * how many.  They are to be multiplied by 10 to the *exponent. */
int plot_ticks(canvas *ruler, double lo, double hi, double width, plot_tick out[PLOT_TICKS],
               int *exponent);

/* "unit (×10⁻⁴)" */
void plot_unit(const char *unit, int exponent, char out[128]);

/* Greys and accents of the page. */
extern const rgb plot_ink, plot_grey, plot_faint, plot_accent, plot_image, plot_zero;

#endif
