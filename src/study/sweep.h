/* A causal trace while it is made.  Private to src/study.
 *
 * corrupt.c   the corrupted run's input rows
 * cells.c     grids and their cells: which values each restored run takes over, which are zeros
 * differences.c  how far clean and corrupted values are apart
 * sets.c      cells of several heads or layers, beside random ones
 * path_patch.c  cells that one receiver alone sees (path_patch.h)
 * donor.c     cells whose values are another prompt's (donor.h)
 * sweep.c     the corrupted and the restored runs, as variants of the clean one (walk/variants.h)
 * screen.c    estimates of all cells by gradients
 * audit.c     which of them are then run, and what those say about the estimates
 * turns.c     a trace that is looked on: the strongest cells first
 * verify.c    cells recomputed the slow way
 * notes.c     hints: what a stranger should know before believing the picture
 * trace.c     the public call
 * restored.c  what the model would answer at a cell */
#ifndef LOCI_STUDY_SWEEP_H
#define LOCI_STUDY_SWEEP_H

#include "model/prompt.h"
#include "study/cell.h"
#include "study/corrupt.h"
#include "walk/variants.h"

/* Estimates by gradients, cells of a window of one layer. */
typedef struct screened {
  int site_count;
  loci_site sites[LOCI_SITE_COUNT];
  loci_estimate *of; /* (directions, sites, L, positions from the first corrupted one, heads) */
  int64_t cells;     /* that have an estimate */
  const char *role;  /* of each cell to be run: CELL_CHOSEN or CELL_AUDITED */
} screened;
enum { CELL_ESTIMATED, CELL_CHOSEN, CELL_AUDITED };

typedef struct sweep {
  const loci_prompt *p;
  const loci_model *m;
  const loci_trace_opts *opts;
  arena *mem;
  corruption corrupted;
  int T;         /* prompt positions */
  int first;     /* first corrupted position */
  variants runs; /* clean, corrupted, and one for each cell */

  int grid_count;
  loci_grid *grids; /* cells are filled in by the sweep */
  int64_t cell_count;
  cell *cells;   /* without the exact zeros */
  int64_t taken; /* of them: run, in their order */

  screened screened;
  struct turns *turns; /* turns.c's own */
  struct path *path;   /* path_patch.c's own; NULL: values reach all after them */
  struct sets *sets;   /* sets.c's own; NULL: none is asked for */
  struct donor *donor; /* donor.c's own; NULL: values are the prompt's, clean or corrupted */
} sweep;

/* cells.c */
loci_status sweep_grids(sweep *s, loci_err *err);
/* Layers of the window round [centre], cut to the model (authors: [l - w, l + w]). */
void window_layers(const sweep *s, int centre, int width, int *begin, int *end);
/* Whether restoring a position at a layer can change anything: where the runs differ, and in the
 * last layer, after its attention, where the position's own logits are read. */
bool restoring_matters(const sweep *s, loci_site site, int position, int layer);
/* Rows one restored run takes, and the bound of docs/MATH.md for it. */
int64_t cell_rows(const sweep *s, const cell *c);
int64_t cell_formula(const sweep *s, const cell *c);

/* sweep.c */
/* Makes [s->runs] of its target and the corruption. */
loci_status sweep_runs(sweep *s, loci_err *err);
/* Grids, base runs and costs of [n] sweeps of one model; [runs.not_finite]: which failed alone. */
loci_status sweeps_run(sweep *const *sweeps, int n, loci_err *err);
/* The mean of the corrupted runs. */
loci_metrics sweep_corrupted(const sweep *s);

/* Closer logit differences of clean and corrupted run make no ratio: a thousandth of .1 is what f32
 * leaves uncertain of one. */
#define LEAST_LOGIT_DIFF 0.1
/* The same of probabilities. */
#define LEAST_TOTAL 1e-6

/* Every layer's columns, and every head's. */
static inline int64_t grid_cells(const loci_grid *g) {
  return (int64_t)g->layer_count * g->column_count * (g->head_count ? g->head_count : 1);
}

/* screen.c */
/* Room for estimates and marks of what was run: nothing but the exact zeros is known. */
loci_status sweep_no_estimates(sweep *s, loci_err *err);
/* Estimates of all cells that can have one into their grids. */
loci_status sweep_estimate(sweep *s, loci_err *err);
/* Both; leaves the cells that audit.c chooses. */
loci_status sweep_screen(sweep *s, loci_err *err);

/* turns.c: base runs, estimates and cells of one trace with a watcher, *t shown to it in between.
 * A stop after the base runs is LOCI_OK and t->partial. */
typedef struct trace_view {
  loci_status (*fill)(sweep *s, loci_trace *t, loci_err *err); /* everything but numbers */
  void (*set)(const sweep *s, loci_trace *t); /* those of the runs so far, or as estimated */
} trace_view;
loci_status sweep_in_turns(sweep *s, loci_trace *t, const trace_view *view, loci_err *err);

/* audit.c */
/* Of the metric that says what is strong. */
double estimate_of(const sweep *s, const cell *c);
/* From this reach (loci_grid) on a trace says that its screening is not to be trusted. */
#define SCREEN_POOR 0.35
/* A stream of random numbers that no corruption's seed has. */
#define AUDIT_STREAM 0x6175646974ULL
/* Leaves the cells with the strongest estimates to be run, and a random sample of the others. */
loci_status audit_choose(sweep *s, loci_err *err);
/* How far the estimates ranked both correctly, and what the sample shows that they missed. */
loci_status audit_report(sweep *s, loci_trace *t, loci_err *err);
/* verify.c */
loci_status sweep_verify(sweep *s, loci_trace *t, loci_err *err);
/* notes.c: one-line hints into t->notes */
loci_status sweep_notes(const sweep *s, loci_trace *t, loci_err *err);

#endif
