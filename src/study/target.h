/* What runs are measured by: the target's tokens and what a row of logits says about them.  Private
 * to src/study; traces, knockouts and lenses share it. */
#ifndef LOCI_STUDY_TARGET_H
#define LOCI_STUDY_TARGET_H

#include "model/prompt.h"

/* The answer's tokens, and the input rows that end before its last one (teacher forcing). */
typedef struct target {
  bool given; /* by the caller; else one token, to be set by the clean run */
  int count;
  int *ids;
  int length;    /* T + count - 1 */
  float *embeds; /* (length, D) clean input rows */
} target;

/* [answer] NULL: the clean run's most likely next token, ids[0] = 0 until it is known.  Memory is
 * the arena's. */
loci_status target_make(const loci_prompt *p, const char *answer, arena *mem, target *out,
                        loci_err *err);
/* A token as the vocabulary spells it, several as decoded text. */
loci_status target_text(const loci_model *m, const int *ids, int count, arena *mem,
                        const char **out, loci_err *err);

/* What one row of logits says about token i of the target (i = 0: at the last prompt position). */
typedef struct reading {
  double logp, logit_diff, kl;
} reading;

/* [clean_logp] (V), the clean run's distribution at this place; NULL: only logp is read. */
reading reading_of(const float *logits, int64_t V, int id, int other, const double *clean_logp);
/* Of a run's readings, one per token of the target. */
loci_metrics readings_metrics(const reading *r, int count);

/* 2 M N K of one plain forward: [length] rows through all layers, the head of one row, and the
 * vision tower if the prompt has an image. */
double forward_flop(const loci_prompt *p, int length);

#endif
