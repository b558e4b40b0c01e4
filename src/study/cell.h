/* A cell of a trace: one restored run.  Private to src/study. */
#ifndef LOCI_STUDY_CELL_H
#define LOCI_STUDY_CELL_H

#include "loci.h"

/* One restored run: at layers [begin, end) the site's values at [positions] are the other run's. */
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

#endif
