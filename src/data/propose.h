/* Proposals for the constraint of a question: every phrase that might point at the picture, with
 * what speaks for and against it (features.def), and the choice among them.
 *
 * word_class.c       classes of words           phrase.c    noun phrases
 * propose.c          proposals and features     annotate.c  a file of examples
 * feature_weights.c  their weights: a file of them, learning */
#ifndef LOCI_DATA_PROPOSE_H
#define LOCI_DATA_PROPOSE_H

#include "data/phrase.h"

typedef enum feature {
#define FEATURE(id, name, weight, meaning) FEATURE_##id,
#include "data/features.def"
#undef FEATURE
  FEATURE_COUNT
} feature;

typedef struct feature_info {
  const char *name, *meaning;
  double weight; /* by default */
} feature_info;

extern const feature_info features[FEATURE_COUNT];

typedef struct proposal {
  int first, last; /* words */
  float holds[FEATURE_COUNT];
} proposal;

enum { PROPOSALS = 128 };

typedef struct proposals {
  int count;
  proposal items[PROPOSALS];
} proposals;

/* All proposals for a question, in its order. */
void propose(const qtext *q, proposals *out);
double proposal_score(const proposal *p, const double weights[FEATURE_COUNT]);
/* The best one, or -1: there is none. */
int proposal_best(const proposals *p, const double weights[FEATURE_COUNT]);

#endif
