/* The models that the page may open: found when loci serve starts, known to the page by a number
 * and a name from then on.  No path comes from the page. */
#ifndef LOCI_SERVE_MODELS_H
#define LOCI_SERVE_MODELS_H

#include <loci.h>
#include <stdio.h>

#include "board.h"

enum { MOST_ROOTS = 16 };

typedef struct models models;

typedef struct models_opts {
  const char *name, *path;       /* of -m */
  loci_model *model;             /* it, open; taken over, whatever becomes of the list */
  loci_model_opts opened;        /* how; others are opened so, too, but for mmproj */
  const char *roots[MOST_ROOTS]; /* folders whose models may be opened; LOCI_MODELS beside them */
  int root_count;
} models_opts;

/* NULL, with a sentence: a root is no folder, no memory. */
models *models_new(const models_opts *o, loci_err *err);
void models_free(models *x); /* closes the open one; takes NULL */
/* What is open, and what may be, as values of JSON: {..} of the one, "models":[..] after it. */
void models_put(models *x, FILE *f);
/* Puts model [id], counted from 1, in the place of the open one, where no job is running. */
board_answer models_open(models *x, int id, board *b, gallery *pictures);

#endif
