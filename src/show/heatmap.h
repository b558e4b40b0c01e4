/* A trace laid out for the eye, before any drawing: one panel per site and window, the
 * groups as its first rows, then the tokens in question order; the effect of the chosen metric in
 * every cell; one scale for all panels.  The terminal and the page draw the same heatmap. */
#ifndef LOCI_SHOW_SHEET_H
#define LOCI_SHOW_SHEET_H

#include "base/arena.h"
#include "base/status.h"

typedef struct heatmap_row {
  const char *label; /* printable */
  int first, last;   /* positions, the same unless rows are bands; -1: a group */
  loci_role role;
} heatmap_row;

typedef struct heatmap_panel {
  loci_site site;
  int window;
  loci_direction direction;
  const char *title; /* "mlp_out, window 3, noise" */
  int group_rows;    /* the first rows */
  int row_count;
  const heatmap_row *rows;
  int layer_count;
  const int *layers;
  const double *values; /* (row_count, layer_count); NaN: no value */
  const bool *zero;     /* the same shape: an exact zero, known without a run */
  const bool *exact;    /* the same shape, where cells were screened: its number is of a run */
  const int *heads;     /* the same shape, where each cell shows its strongest head; or NULL */
} heatmap_panel;

typedef struct heatmap {
  arena *mem; /* has all of it */
  int panel_count;
  heatmap_panel *panels;
  double lo, hi;      /* lo <= 0 <= hi: the scale; one of them is 0 unless the effects diverge */
  bool defined;       /* some cell has a number: without a total effect there is no share of it */
  bool has_zero;      /* some cell is an exact zero */
  bool has_heads;     /* cells show their strongest head */
  bool screened;      /* some cells are estimates */
  int band;           /* most positions in one row */
  double floor;       /* the least scale: below it there is hardly anything to see */
  double most;        /* the largest number without its sign */
  const char *unit;   /* what the numbers are: "change of log p(answer)" */
  const char *x_name; /* below one column that is not a layer; NULL: layers */
} heatmap;

/* The grids of one direction, at most about [max_rows] token rows per panel: beyond it neighbouring
 * positions share a row that shows the strongest of them.  Borrows from the trace; NULL: out of
 * memory. */
heatmap *heatmap_of_trace(arena *mem, const loci_trace *trace, loci_metric metric,
                          loci_direction direction, int max_rows);
/* Of the grids of z: heads down, layers across, the strongest position in each cell; on the scale
 * of [of], the map of the same grids. */
heatmap *heatmap_of_heads(arena *mem, const loci_trace *trace, loci_metric metric,
                          loci_direction direction, const heatmap *of);
/* The floor of effects: on p, or in nats. */
extern const double heatmap_least_effect;
/* What is said where a scale would stand, if there is none to draw. */
const char *heatmap_flat(const heatmap *s);
/* One scale for all panels: zero at one end unless both signs matter (5 % of the other), and at
 * least as long as the floor. */
void heatmap_scale(heatmap *s);

/* The scale ends at [bound] whatever the numbers are, with a side for each sign that matters on it;
 * 0: as it is. */
void heatmap_fix(heatmap *s, double bound);

/* Value of the metric in the run that a grid patched, and in a cell. */
double metric_of(const loci_metrics *m, loci_metric metric);
double metric_base(const loci_trace *trace, loci_direction direction, loci_metric metric);

/* Where a value lies on the scale: -1 (lo) .. 0 .. 1 (hi). */
double heatmap_level(const heatmap *s, double value);
bool role_is_constraint(loci_role role);
/* The strongest cell that was run, among the groups or among the tokens; false: all are zero. */
bool heatmap_peak(const heatmap_panel *p, bool groups, int *row, int *layer);

#endif
