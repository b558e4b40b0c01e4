/* What is read off a row of logits (V): the best candidates and log-probabilities, in double. */
#ifndef LOCI_WALK_LOGITS_H
#define LOCI_WALK_LOGITS_H

#include "loci.h"

/* log sum_i exp(x_i) */
double log_sum_exp(const float *x, int64_t n);
/* Whether no score is NaN or infinite; false means NaN or infinite weights. */
bool logits_are_finite(const float *x, int64_t n);
loci_status not_finite(const loci_model *m, loci_err *err);
/* Index of the largest value, the first of equals; [skip] (-1: none) does not take part. */
int argmax_of(const float *x, int64_t n, int skip);

typedef struct top_logits {
  int vocab;
  int count;        /* min(LOCI_TOP, vocab) */
  int id[LOCI_TOP]; /* best first; the smaller id first of equals */
  double p[LOCI_TOP];
} top_logits;

void top_logits_of(const float *logits, int vocab, top_logits *out);
/* With the tokens' texts, borrowed from the model. */
void top_logits_candidates(const top_logits *top, const loci_model *m,
                           loci_candidate out[LOCI_TOP]);

#endif
