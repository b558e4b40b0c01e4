/* One question under a model and under the same model edited: what tests of edits are made of.
 * Private to src/edit. */
#ifndef LOCI_EDIT_LOOK_H
#define LOCI_EDIT_LOOK_H

#include "edit/edit.h"

/* What is asked; with a target the question is one of those that the edit should change. */
typedef struct test_question {
  const char *image, *text, *template_name, *system, *date;
  const char *target; /* NULL: its answer should stay */
  const char *const *answers;
  int answer_count, max_new;
} test_question;

enum { METRICS = 5 };
/* metric_names[with a target][i], both in the order of test_numbers.after */
extern const char *const metric_names[2][METRICS];

/* Numbers before and after, in the order of metric_names; NaN: does not apply. */
typedef struct test_numbers {
  double before[METRICS], after[METRICS];
} test_numbers;

loci_status test_question_measure(const loci_model *m, const loci_model *edited,
                                  const test_question *q, test_numbers *out, loci_err *err);

#endif
