/* The weights of what speaks for a proposal (features.def): a file of them, and learning them from
 * rows that a person has annotated. */
#ifndef LOCI_DATA_WEIGHTS_H
#define LOCI_DATA_WEIGHTS_H

#include "base/status.h"
#include "data/propose.h"

void feature_weights_default(double w[FEATURE_COUNT]);
/* {"format": "loci.data-weights/1", "weights": {"demonstrative": 10, ...}}; what is not named keeps
 * its value, an unknown name is refused. */
loci_status feature_weights_read(const char *path, double w[FEATURE_COUNT], loci_err *err);
loci_status feature_weights_write(const char *path, const double w[FEATURE_COUNT], loci_err *err);

/* Averaged perceptron (Freund and Schapire 1999; Collins 2002) over the rows of a file, .jsonl
 * (the first constraint) or .csv (question; constraint or main_entity), from [w] on.  Rows whose
 * constraint is not among the proposals teach nothing; none at all is LOCI_EINVAL. */
loci_status feature_weights_learn(const char *path, double w[FEATURE_COUNT], loci_err *err);

/* How a proposal agrees with a constraint, without regard to case, outer punctuation and a leading
 * article. */
typedef struct agreement {
  bool sound; /* the constraint is a run of words of the question */
  bool same;
  double f1; /* of their words */
} agreement;
agreement proposal_agrees(const qtext *q, const proposal *p, const char *constraint);

#endif
