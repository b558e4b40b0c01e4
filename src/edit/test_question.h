/* One question under a model and under the same model edited: what tests of edits are made of.
 * Private to src/edit. */
#ifndef LOCI_EDIT_LOOK_H
#define LOCI_EDIT_LOOK_H

#include "edit/edit.h"

/* What an edit should do to a question. */
typedef enum question_kind {
  SHOULD_STAY,   /* its answer is as before */
  SHOULD_CHANGE, /* its answer is the target, or another that follows from it */
  FACT,          /* it is answered with yes or no, whichever is right */
  QUESTION_KINDS
} question_kind;

typedef struct test_question {
  const char *image, *text, *template_name, *system, *date;
  question_kind kind;
  const char *target; /* of the edit */
  /* The accepted ones; of one that should change the first is forced; of a fact the verdict. */
  const char *const *answers;
  const char *const *votes; /* of several people, for VQA accuracy */
  int answer_count, vote_count, max_new;
} test_question;

enum { METRICS = 9 };
/* In the order of test_numbers.after; NULL after the last.  The first is by free answers, of facts
 * by likelihood. */
extern const char *const metric_names[QUESTION_KINDS][METRICS + 1];
/* Places in them that others count with. */
enum { STAY_TARGET = 5, FACT_BALANCED = 0, FACT_YES = 1, FACT_NO = 2 };

/* Numbers before and after, in the order of metric_names; NaN: does not apply. */
typedef struct test_numbers {
  double before[METRICS], after[METRICS];
} test_numbers;

/* [w] is asked in every run. */
loci_status test_question_measure(const loci_model *m, const loci_model *edited,
                                  const test_question *q, const watch *w, test_numbers *out,
                                  loci_err *err);

#endif
