/* What an edit is asked for: taken from the caller, completed and checked here, once.  Whoever
 * comes after takes it as it is. */
#ifndef LOCI_EDIT_HOW_H
#define LOCI_EDIT_HOW_H

#include "edit/edit.h"

/* Options with the options inside them; the pointers of [o] lead to the others, so a copy is made
 * by taking its [o] once more. */
typedef struct solve_opts {
  loci_edit_opts o;
  loci_edit_settings settings;
  edit_method method; /* once it is complete */
} solve_opts;
loci_status solve_opts_take(solve_opts *own, const loci_edit_opts *given, loci_err *err);

typedef struct test_opts {
  loci_edit_test_opts o;
  loci_study_opts study;
  solve_opts how;
} test_opts;
loci_status test_opts_take(test_opts *own, const loci_edit_test_opts *given, loci_err *err);

/* Fills in what is left to a default (docs/MATH.md, "Editing") and refuses what makes no sense, or
 * what the method has not.  [m] NULL: no model is known yet, and the layer stays as it is. */
loci_status solve_opts_complete(solve_opts *own, const loci_model *m, loci_err *err);

/* Members of a completed request into *to: method, layer and settings that the method has. */
void solve_opts_describe(js_value **to, const solve_opts *own);

#endif
