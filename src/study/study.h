/* Going through a file of examples, once for all studies: which examples can be used, what became
 * of the others, progress, the sample's description.  Private to src/study.
 *
 *   study s = {.model = m, .opts = o, .examples = x, .mem = mem, .needs = NEEDS_ANSWER};
 *   study_each(&s, measure, ctx, err)      calls measure for every usable example
 *   study_describe(&s, &result->sample, err) */
#ifndef LOCI_STUDY_STUDY_H
#define LOCI_STUDY_STUDY_H

#include "data/example.h"
#include "model/prompt.h"

enum study_needs { NEEDS_ANSWER = 1, NEEDS_CONSTRAINT = 2, NEEDS_IMAGE = 4 };

typedef struct study {
  loci_model *model;
  const loci_study_opts *opts;
  loci_examples *examples;
  unsigned needs; /* study_needs, joined */
  arena *mem;     /* of the result */
  double started;
  int used, dropped_count, dropped_room;
  loci_dropped *dropped; /* the heap's until study_describe */
  const char *template_name;
} study;

/* One usable example.  A study that cannot use it after all sets [drop] to the kind of reason, and
 * [why] to a sentence or NULL. */
typedef struct study_item {
  const loci_example *example;
  const loci_prompt *prompt;
  const char *drop;
  char why[256];
} study_item;

/* A failure that is the example's own (no such picture, a constraint that is not in the question)
 * drops it; any other ends the study.  A file without a single example is LOCI_EINVAL. */
typedef loci_status study_fn(void *ctx, study_item *item, loci_err *err);
loci_status study_each(study *s, study_fn *measure, void *ctx, loci_err *err);

/* For the calls a study makes: counts examples, and cancels.  ctx is the study. */
bool study_progress(void *ctx, const char *stage, double done, double total);

/* What the study was made of; the sample's memory is the arena's. */
loci_status study_describe(study *s, loci_sample *out, loci_err *err);
/* What a study that failed leaves behind. */
void study_clear(study *s);

/* The first sentence about a dropped example, or NULL. */
const char *study_first_reason(const study *s);

/* The greedy answer of a prompt, in [mem], and whether it is right; whether the first token begins
 * an accepted answer. */
typedef struct study_answer {
  const char *text;
  bool right, first_right;
} study_answer;
loci_status study_ask(study *s, const study_item *item, arena *mem, study_answer *out,
                      loci_err *err);

#endif
