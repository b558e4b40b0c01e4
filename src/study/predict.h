/* Failure prediction while it is made.  Private to src/study.
 *
 * predict.c          answers and measures every example; the public call
 * predict_scores.c   chooses layers, computes scores, their AUROC and curves */
#ifndef LOCI_STUDY_PREDICT_H
#define LOCI_STUDY_PREDICT_H

#include "study/study.h"

enum { PREDICT_LEAST = 5 }; /* right answers, and wrong ones, below which nothing can be said */

typedef struct predicting {
  study *s;
  const loci_predict_opts *opts;
  arena *mem;
  int n, room; /* examples */
  int L, D;
  loci_predicted *rows; /* (n), the heap's, like the next two */
  float *flows;         /* (n, L) constraint -> last, max over the constraint's positions */
  float *resid;         /* (n, D) */
  float *logits;        /* (V) scratch */
} predicting;

/* Everything of the result but the sample. */
loci_status predict_scores(predicting *p, loci_prediction *out, loci_err *err);

#endif
