/* What drawings show, as data: the blocks that are not text (see view_blocks.h; maps are in
 * heatmap.h). */
#ifndef LOCI_SHOW_DRAWINGS_H
#define LOCI_SHOW_DRAWINGS_H

#include "base/status.h"

/* Numbers over layers, or over another setting, for each of a few series. */
typedef struct view_series {
  const char *name;      /* printable */
  int n;                 /* examples; 0: nobody counts them */
  const double *values;  /* one for each point; NaN: none */
  const double *lo, *hi; /* ends of their intervals, or NULL */
  const double *x;       /* of a curve in the unit square, [count] of them; else NULL */
  const bool *zero;      /* points that are known to be those of the mark, without a run; or NULL */
  int count;
} view_series;

typedef struct view_lines {
  const char *title, *unit, *x_name; /* title NULL: none */
  bool square; /* curves from (0, 0) to (1, 1), the diagonal dashed; there are no points */
  int point_count;
  const int *points;         /* layers */
  const char *const *labels; /* written instead of the points' numbers; NULL: none */
  int series_count;
  const view_series *series;
  double mark; /* what they are compared with; NaN: nothing */
  const char *mark_name;
  const char *change_unit; /* a terminal shows value - mark, with this unit; NULL: the values */
  double floor;            /* as in a heatmap */
} view_lines;

/* Shares of 0 to 1 of a few groups. */
typedef struct view_bars {
  const char *unit;
  bool lying;
  int group_count;
  const char *const *groups; /* names, printable; standing: "\n" breaks them */
  const char *const *notes;  /* a word for each group, or NULL */
  int series_count;
  const view_series *series; /* values, lo and hi of each group; NaN: no bar */
  bool no_legend;            /* a drawing below has the same series, and says it */
  double mark;               /* a dashed line; NaN: none */
  const char *mark_name;
} view_bars;

/* The most likely words, layers down and positions across. */
typedef struct view_word {
  const char *text; /* printable */
  double p;
  bool is_target;
  double target_p;
  int target_rank;
} view_word;

typedef struct view_words {
  int position_count, layer_count;
  const int *positions, *layers;
  const char *const *labels; /* of the positions */
  const loci_role *roles;
  const view_word *words; /* (positions, layers) */
  const char *unit;
} view_words;

/* A pathway over the picture. */
typedef struct view_overlay {
  const loci_flow *flow;
  const loci_flow_path *path;
  int peak; /* the layer in which most flows, counted from the first measured one */
} view_overlay;

#endif
