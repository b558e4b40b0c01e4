/* A causal trace while it is made.  Private to src/study.
 *
 * corrupt.c   the corrupted run's input rows
 * cells.c     grids and their cells: which values each restored run takes over, which are zeros
 * sweep.c     streams of one walk, metrics off the logits, batches that fit the memory
 * screen.c    estimates of all cells by gradients, the strongest of which are then run
 * verify.c    cells recomputed the slow way
 * notes.c     hints: what a stranger should know before believing the picture
 * trace.c     the public call */
#ifndef LOCI_STUDY_SWEEP_H
#define LOCI_STUDY_SWEEP_H

#include "model/prompt.h"
#include "study/corrupt.h"
#include "study/target.h"
#include "walk/logits.h"
#include "walk/walk.h"

/* One restored run: at the layers [begin, end) the site's values at [positions] come from the other
 * run. */
typedef struct cell {
  int grid;   /* where its result goes */
  int64_t at; /* index in that grid's cells */
  loci_site site;
  loci_direction direction;
  int begin, end;       /* layers of the window */
  int head;             /* -1: all */
  const int *positions; /* ascending */
  int position_count;
} cell;

/* Estimates by gradients, cells of a window of one layer. */
typedef struct screened {
  int site_count;
  loci_site sites[LOCI_SITE_COUNT];
  loci_estimate *of; /* (directions, sites, L, positions from the first corrupted one, heads) */
  int64_t cells;     /* that have an estimate */
} screened;

typedef struct sweep {
  const loci_prompt *p;
  const loci_model *m;
  const loci_trace_opts *opts;
  arena *mem;
  corruption corrupted;
  int T;         /* prompt positions */
  int length;    /* with the answer's tokens but the last appended */
  int shared;    /* first positions whose rows are another sweep's, in the walk they share */
  int first;     /* first corrupted position */
  float *embeds; /* (length, D) clean input rows */
  int target_count;
  int *target; /* id 0 is set by the clean run unless an answer is given */
  bool answer_given;

  int grid_count;
  loci_grid *grids; /* cells are filled in by the sweep */
  int64_t cell_count;
  cell *cells; /* without the exact zeros */

  double *clean_logp; /* (V) at the last prompt position */
  top_logits clean_top, corrupt_top;
  int *other; /* (seeds) o' */
  loci_metrics clean;
  loci_metrics *corrupt; /* (seeds) */
  reading *base;         /* (1 + seeds, target_count) */
  reading *readings;     /* (cells of a batch, seeds, target_count) */
  int64_t base_count;    /* logits rows of the clean and the corrupted runs */
  bool not_finite;       /* the model's own logits were NaN or infinite */

  screened screened;

  loci_cost cost;
} sweep;

/* cells.c */
loci_status sweep_grids(sweep *s, loci_err *err);
/* Layers of the window round [centre], cut to the model (authors: [l - w, l + w]). */
void window_layers(const sweep *s, int centre, int width, int *begin, int *end);
/* Whether restoring a position at a layer can change anything: not in the identical prefix, and not
 * in the last layer unless the position's own logits are read. */
bool restoring_matters(const sweep *s, int position, int layer);
/* Rows one restored run takes, and the bound of docs/MATH.md for it. */
int64_t cell_rows(const sweep *s, const cell *c);
int64_t cell_formula(const sweep *s, const cell *c);

/* sweep.c */
/* Fills the grids, base runs and costs of [n] sweeps of one model with the same progress; after it
 * [not_finite] says which failed alone. */
loci_status sweeps_run(sweep *const *sweeps, int n, loci_err *err);
/* Adds the run of [cell] as a child of [parent], patched from [source]. */
loci_status add_cell(const sweep *s, walk *w, const cell *c, int parent, int source, int *out,
                     loci_err *err);
loci_metrics metrics_of(const sweep *s, const reading *r);
loci_metrics metrics_mean(const loci_metrics *m, int n);
void read_logits(const sweep *s, const float *logits, int token, int other, reading *out);

/* The corrupted runs of some seeds as children of the clean run, a stream of [w] without any so
 * far, with the wanted logits of both: token by token, run by run. */
loci_status sweep_add_base(const sweep *s, walk *w, int clean, int seed, int seeds, loci_err *err);
/* Takes a row of the clean run (run 0) or of a corrupted one, in that order. */
void sweep_read_base(sweep *s, int run, int token, const float *logits);

/* screen.c */
/* Estimates of all cells into their grids; leaves the strongest to be run. */
loci_status sweep_screen(sweep *s, loci_err *err);
/* How far the estimates of the cells that were run ranked them rightly. */
loci_status screen_report(sweep *s, loci_trace *t, loci_err *err);

/* verify.c */
loci_status sweep_verify(sweep *s, loci_trace *t, loci_err *err);

/* notes.c: one-line hints into t->notes */
loci_status sweep_notes(const sweep *s, loci_trace *t, loci_err *err);

#endif
