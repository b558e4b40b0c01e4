/* What tests of edits begin with: a small model, a question, an edit solved.  After cmocka.h. */
#ifndef LOCI_EDIT_SOLVE_TEST_H
#define LOCI_EDIT_SOLVE_TEST_H

#include <stdio.h>

#include "edit/edit.h"

static inline loci_model *open_model(const char *name) {
  char dir[500];
  loci_model *m;
  loci_err err;
  loci_model_opts opts = {.size = sizeof opts, .precision = LOCI_PRECISION_F32, .threads = 1};
  snprintf(dir, sizeof dir, "%s/tests/golden/models/%s", LOCI_SOURCE_DIR, name);
  if (loci_model_open(dir, &opts, &m, &err)) fail_msg("%s", err.msg);
  return m;
}

static inline loci_prompt *ask(const loci_model *m, const char *question, const char *constraint) {
  loci_prompt *p;
  loci_err err;
  loci_question q = {.size = sizeof q,
                     .text = question,
                     .template_name = "raw",
                     .constraints = &constraint,
                     .constraint_count = constraint != NULL};
  if (loci_prompt_new(m, &q, &p, &err)) fail_msg("%s", err.msg);
  return p;
}

static inline loci_edit *solve(loci_model *m, const loci_edit_request *r, int n, loci_edit_opts o) {
  o.size = sizeof o;
  loci_edit *e;
  loci_err err;
  if (loci_edit_solve(m, r, n, &o, &e, &err)) fail_msg("%s", err.msg);
  return e;
}

#endif
