/* Ties between proposals, broken by a model that answers the question.  Private to src/data. */
#ifndef LOCI_DATA_TIES_H
#define LOCI_DATA_TIES_H

#include "data/example.h"
#include "data/propose.h"

/* What a model said of proposals that grammar cannot tell apart. */
typedef struct tie {
  int best;      /* the proposal taken, or the one given */
  int count;     /* proposals looked at; 1: there was no tie */
  double effect; /* the best one's (tie_break.c) */
} tie;

/* Looks at the proposals whose score is less than a point behind that of [best].  A question the
 * model cannot be asked (no picture, too long) leaves [best], with count 0. */
loci_status tie_break(const loci_model *m, const loci_example *e, const qtext *q,
                      const proposals *p, const double weights[FEATURE_COUNT], int best, tie *out,
                      loci_err *err);

#endif
