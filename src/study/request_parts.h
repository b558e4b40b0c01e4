/* What requests of several kinds have in common.  Private to src/study. */
#ifndef LOCI_STUDY_REQUEST_PARTS_H
#define LOCI_STUDY_REQUEST_PARTS_H

#include "study/request.h"

enum { MOST_CONTROLS = 10000 };

/* Completes and checks layers [first], *count of the model, if it is known. */
loci_status request_layers(const request_of *of, int *first, int *count, loci_err *err);
/* Constraints count from 1; 0: all of them. */
loci_status request_constraint(const request_of *of, int k, loci_err *err);
/* "each", groups, and numbers of positions where [numbers] are taken. */
loci_status request_positions(const char *text, bool numbers, loci_err *err);
void request_put_layers(js_value **to, int first, int count);

#endif
