/* Tests of edits on the way to their result (see trial.c).  Private to src/edit. */
#ifndef LOCI_EDIT_TRIAL_H
#define LOCI_EDIT_TRIAL_H

#include "edit/extra_prompts.h"
#include "edit/solve_opts.h"
#include "edit/test_question.h"
#include "study/study.h"

/* The groups of questions, in the order of their names. */
typedef enum group_id {
#define GROUP(id, name, kind, text, picture) id,
#include "edit/trial_groups.def"
#undef GROUP
  GROUPS
} group_id;
typedef struct group_of_questions {
  const char *name;
  question_kind kind;
} group_of_questions;
extern const group_of_questions trial_groups[GROUPS];

/* Measures of examples as a whole, in the order of results. */
enum { BLINDNESS, PROPER, UNDER, OVER, BOTH, MEASURES };
extern const char *const measure_names[MEASURES];

/* One example: sums, then means, over its questions that have the number. */
typedef struct example_row {
  double before[GROUPS][METRICS], after[GROUPS][METRICS];
  int counted[GROUPS][METRICS], questions[GROUPS];
} example_row;

typedef struct trial {
  study s;
  const loci_edit_test_opts *opts;
  test_opts asked;
  solve_opts said; /* complete, for the request */
  loci_edit_opts how;
  loci_model *edited;  /* with the edits given, or NULL */
  extra_prompts extra; /* what the running example's edit was solved with */
  loci_edit_test *out;
  int room;
  example_row *rows; /* (room) of the used examples; the heap's */
} trial;

static inline example_source trial_source(const trial *t, const loci_example *e) {
  return (example_source){examples_path(t->s.examples), examples_folder(t->s.examples),
                          examples_unit(t->s.examples), e->line};
}
/* Asks all questions of the example, before and after; [row] zero before. */
loci_status trial_ask(const trial *t, const loci_model *edited, const loci_example *e,
                      example_row *row, loci_err *err);
/* Groups, measures and score out of the rows of all examples. */
loci_status trial_fill(trial *t, loci_err *err);

#endif
