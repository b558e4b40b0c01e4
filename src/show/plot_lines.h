/* Lines over layers: a value at every layer for each of a few series, perhaps with an interval, and
 * one value they are compared with.  Or curves in the unit square. */
#ifndef LOCI_SHOW_PLOT_LINES_H
#define LOCI_SHOW_PLOT_LINES_H

#include "show/plot.h"

enum { PLOT_SERIES = 64 };

typedef struct plot_series {
  const char *name;      /* printable */
  const double *values;  /* one for each layer; NaN: none */
  const double *lo, *hi; /* ends of the intervals, drawn as a band; NULL: there are none */
  const double *x;       /* of a curve in the unit square, [count] of them; else NULL */
  int count;
} plot_series;

typedef struct plot_chart {
  const char *unit; /* what the numbers are: "p(answer)" */
  bool square;      /* curves from (0, 0) to (1, 1), the diagonal dashed; there are no layers */
  int layer_count;
  const int *layers;
  const char *const *labels; /* written instead of the layers' numbers; NULL: none */
  const char *x_name;        /* "layer" */
  int series_count;
  const plot_series *series;
  double mark; /* a dashed line; NaN: none */
  const char *mark_name;
} plot_chart;

/* The chart's axes fill the box; unit above it, layers below, and a legend of as many lines as it
 * takes: the height of all below the box. */
double plot_chart_below(canvas *ruler, const plot_chart *chart, double width);
void plot_chart_draw(canvas *c, const plot_chart *chart, canvas_box box);

/* ---- pieces that bars share */

rgb plot_hue(int series);
void plot_dashes(canvas *c, double x0, double x1, double y);
void plot_upright_dashes(canvas *c, double x, double y0, double y1);
/* Draws the key of an entry into its box. */
typedef void plot_key_fn(canvas *c, const void *ctx, int entry, canvas_box key);
/* Keys and names from the box's corner on, in lines as wide as the box; returns the height.  With
 * [c] NULL it is only measured. */
double plot_legend(canvas *ruler, canvas *c, const char *const *names, int n, canvas_box box,
                   plot_key_fn *draw_key, const void *ctx);

#endif
