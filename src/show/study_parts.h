/* What the JSON of studies shares: the sample, numbers with their intervals, dropped examples. */
#ifndef LOCI_SHOW_STUDY_PARTS_H
#define LOCI_SHOW_STUDY_PARTS_H

#include "base/json.h"
#include "show/bytes.h"

/* {"value", "lo", "hi"}, or null where there is no value. */
js_value *json_interval(const loci_interval *i);
/* n numbers. */
js_value *json_reals(const double *x, int64_t n);
/* "model", then "sample" with the dropped examples, into *to. */
void json_put_sample(js_value **to, const loci_sample *s);
/* An example's line and id, to be continued. */
js_value *json_example(int64_t line, const char *id);

/* The command that measures a run of a store again, appended as plain text. */
loci_status store_again(const loci_run_info *r, bytes *b, loci_err *err);

/* "letter", "text", "free" */
const char *score_choose_name(loci_choose c);
/* "layer", "settings", "score", "groups" of a test of edits, into *to. */
void json_put_edit_test(js_value **to, const loci_edit_test *t);
/* The groups alone. */
js_value *json_edit_groups(const loci_edit_test *t);
#endif
