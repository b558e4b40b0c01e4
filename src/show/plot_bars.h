/* Bars with intervals: shares of 0 to 1 for some groups, and for each group a bar of every series;
 * standing beside each other, or lying below each other where groups are many. */
#ifndef LOCI_SHOW_PLOT_BARS_H
#define LOCI_SHOW_PLOT_BARS_H

#include "show/plot_lines.h"

enum { PLOT_BAR_ROW = 15 }; /* points of a lying group of one series */

typedef struct plot_bars {
  const char *unit; /* what the numbers are */
  bool lying;
  int group_count;
  const char *const *groups; /* names, printable; standing: "\n" breaks them */
  const char *const *notes;  /* a word for each group, greyer: "n 60"; NULL: none */
  int series_count;
  const plot_series *series; /* values, lo and hi of each group; NaN: no bar */
  double mark;               /* a dashed line; NaN: none */
  const char *mark_name;
} plot_bars;

/* The bars' axes fill the box.  Standing: unit above, names below; lying: names to the left, notes
 * to the right, numbers below.  Below that a legend, if there are several series or a mark. */
double plot_bars_below(canvas *ruler, const plot_bars *bars, double width);
void plot_bars_draw(canvas *c, const plot_bars *bars, canvas_box box);
/* Room for the longest name and the longest note beside lying bars. */
double plot_bars_left(canvas *ruler, const plot_bars *bars);
double plot_bars_right(canvas *ruler, const plot_bars *bars);

#endif
