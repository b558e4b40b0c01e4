/* A cell of a trace: one restored run.  Private to src/study. */
#ifndef LOCI_STUDY_CELL_H
#define LOCI_STUDY_CELL_H

#include "loci.h"

/* A head of a layer, or (-1) all of it. */
typedef struct unit {
  int layer, head;
} unit;

/* One restored run: at layers [begin, end) the site's values at [positions] are the other run's. */
typedef struct cell {
  int grid;   /* where its result goes */
  int64_t at; /* index in that grid's cells */
  loci_site site;
  loci_direction direction;
  int begin, end;       /* layers of the window */
  int head;             /* -1: all */
  const int *positions; /* ascending */
  const int *from;      /* of a donor: the position that each one's value is from */
  int position_count;
  const unit *units; /* these, within the window, instead of all its layers; NULL: all */
  int unit_count;
} cell;

/* The layers and heads that are restored. */
static inline int cell_units(const cell *c) { return c->units ? c->unit_count : c->end - c->begin; }
static inline int cell_layer(const cell *c, int i) {
  return c->units ? c->units[i].layer : c->begin + i;
}
static inline int cell_head(const cell *c, int i) { return c->units ? c->units[i].head : c->head; }

#endif
