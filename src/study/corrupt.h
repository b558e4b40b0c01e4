/* The corrupted run's input rows (docs/MATH.md, "Corruptions"). */
#ifndef LOCI_STUDY_CORRUPT_H
#define LOCI_STUDY_CORRUPT_H

#include "model/prompt.h"

/* What the corruption changes: the input rows of some positions, once per seed. */
typedef struct corruption {
  const char *kind;     /* as given: "replace:Paris" */
  int seeds;            /* 1 unless noise */
  int count;            /* changed positions */
  const int *positions; /* ascending */
  const float *rows;    /* (seeds, count, D) */
} corruption;

/* Memory is the arena's.  Kinds: replace:TEXT, swap:TEXT, noise:F, mean, image:PATH, image-noise:F,
 * image-mean. */
loci_status corruption_make(const loci_prompt *p, const loci_trace_opts *opts, arena *mem,
                            corruption *out, loci_err *err);

#endif
