/* Changes of a model's matrices in memory: W' = W + left right, on top of each other.
 *
 * The checkpoint's map is never written.  A changed layer gets a copy of its down projection in
 * f32; without changes it reads the map again. */
#ifndef LOCI_MODEL_CHANGES_H
#define LOCI_MODEL_CHANGES_H

#include "model/model.h"

typedef struct low_rank {
  int layer; /* whose down projection (D,F) */
  int64_t rank;
  const float *left;  /* (D,rank) */
  const float *right; /* (rank,F) */
} low_rank;

/* out (F) := row d of W + left right, summed in double and rounded once. */
void low_rank_row(const weight *w, const low_rank *c, int64_t d, float *out);

/* Adds a change of n matrices, known by its [owner]; the arrays of each are borrowed until it is
 * taken away.  One owner, one change: LOCI_EINVAL. */
loci_status changes_add(loci_model *m, const void *owner, const low_rank *c, int n, loci_err *err);
/* The same arrays have other numbers: their layers are laid on anew. */
loci_status changes_renew(loci_model *m, const void *owner, loci_err *err);
/* Takes it away; those after it are laid on again.  The model is as it was after a failure. */
loci_status changes_remove(loci_model *m, const void *owner, loci_err *err);
int changes_count(const loci_model *m);
/* The place of the owner's change in the order they came; -1: there is none. */
int changes_find(const loci_model *m, const void *owner);
void changes_free(loci_model *m);

/* A second model over the same weights, with changes of its own; the first must outlive it. */
loci_status view_new(const loci_model *m, loci_model **out, loci_err *err);
void view_free(loci_model *view);

#endif
