/* The corrupted run's input rows (docs/MATH.md, "Corruptions"). */
#ifndef LOCI_STUDY_CORRUPT_H
#define LOCI_STUDY_CORRUPT_H

#include "model/prompt.h"

/* What the corruption changes: the input rows of some positions, once per seed. */
typedef struct corruption {
  const char *kind;            /* as given: "replace:Paris" */
  int seeds;                   /* 1 unless noise */
  int count;                   /* changed positions */
  const int *positions;        /* ascending */
  const float *rows;           /* (seeds, count, input_width) */
  const source_rows **sources; /* (seeds) what cross-attention reads instead; NULL: the prompt's */
  const float *source_rows;    /* (seeds, P, D) what these are made of */
  int first, layer; /* the first position, and the first layer in which anything differs */
  int first_id;     /* of the words put in; -1: none are */
  int differs;      /* swap: the first token at which the corrupted run is not the prompt with
                     * the words exchanged, which is tokenized otherwise there; -1: it is */
} corruption;

#define CORRUPTION_USUAL "replace:Paris"

/* The field of each example that has the text of a kind that stands alone; NULL: of none. */
const char *corruption_field(const char *given);
/* What is wrong with "noise:x".  "replace" alone are the usual words; [each]: kinds may stand alone
 * whose text each example has. */
loci_status corruption_check(const char *given, bool each, loci_err *err);
bool corruption_is_noise(const char *given);
bool corruption_is_of_data(const char *given); /* "noise:3s" */
/* Of a completed request (request.h).  Memory is the arena's.  [answer]: the answer's first token,
 * or -1 where it is not known yet; of the usual words the first is taken that does not begin with
 * it. */
loci_status corruption_make(const loci_prompt *p, const loci_trace_opts *opts, int answer,
                            arena *mem, corruption *out, loci_err *err);
/* rows (length, input_width) := those of the run that seed [seed] corrupts, of the prompt's own and
 * more [embeds]. */
void corruption_lay(const corruption *c, int seed, const float *embeds, int length, int64_t width,
                    float *rows);
/* Whether the words are not given, so that others may be taken. */
bool corruption_is_default(const loci_trace_opts *opts);

#endif
