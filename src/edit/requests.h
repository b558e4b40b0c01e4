/* Requests that are solved together, and those among them that cannot be.  Private to src/edit. */
#ifndef LOCI_EDIT_REQUESTS_H
#define LOCI_EDIT_REQUESTS_H

#include "edit/edit.h"

/* A prompt that an edit can be solved with: of this model, with a constraint. */
loci_status check_prompt(const loci_prompt *p, const loci_model *m, loci_err *err);

/* The requests that are solved together. */
typedef struct problems {
  problem *at;
  int n;     /* without those left out */
  int asked; /* with them */
  loci_edit_dropped *dropped;
  int dropped_count;
} problems;

/* A problem for each request, all like [like]. */
loci_status problems_make(problems *p, const problem *like, const loci_edit_request *requests,
                          int n, loci_err *err);
/* What went wrong with a request: passed on with its name; or, by its own fault and where the
 * options say so, written down, and LOCI_OK: at[i] is the next one then. */
loci_status problems_failed(problems *p, int i, loci_status st, const loci_err *own, loci_err *err);
/* As messages name a request: "r.jsonl:3", "request 3". */
void problem_name(const problem *q, char *out, size_t n);

/* Fine-tuning on all of them: change (D,F), zero before, becomes W' - W. */
loci_status tune(problems *p, const loci_edit_settings *set, float *change, loci_err *err);

#endif
