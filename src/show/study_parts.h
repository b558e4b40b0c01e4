/* What the reports of studies share: the sample, numbers with their intervals, dropped examples. */
#ifndef LOCI_SHOW_STUDY_PARTS_H
#define LOCI_SHOW_STUDY_PARTS_H

#include "base/json.h"
#include "show/plot_page.h"
#include "show/term_parts.h"

/* {"value", "lo", "hi"}, or null where there is no value. */
js_value *json_interval(const loci_interval *i);
/* n numbers. */
js_value *json_reals(const double *x, int64_t n);
/* "model", then "sample" with the dropped examples, into *to. */
void json_put_sample(js_value **to, const loci_sample *s);
/* An example's line and id, to be continued. */
js_value *json_example(int64_t line, const char *id);

/* "0.63 (0.52 - 0.74)", with a sign in front if [sign]; "-" where there is no value. */
const char *interval_text(const loci_interval *i, bool sign, bool ascii, char out[48]);

/* A name with arrows as arrows ("a -> b"); in the arena. */
char *chart_words(arena *mem, const char *name);

/* The same with as many decimals as its size asks for. */
const char *mean_text(const loci_interval *i, bool ascii, char out[80]);

/* How many examples were dropped, and why, most frequent reasons first; nothing if none were. */
void term_dropped(term *t, const loci_sample *s);
/* Model, template, precision, seed, time. */
void term_sample(term *t, const loci_sample *s);
/* The same as one line of a page. */
void plot_sample(plot_page *p, const loci_sample *s, double *y);

/* The command that measures a run of a store again, appended as plain text. */
loci_status store_again(const loci_run_info *r, bytes *b, loci_err *err);

/* "letter", "text", "free" */
const char *score_choose_name(loci_choose c);
/* What was asked, and how it was answered. */
const char *score_title(const loci_score *s, char out[160]);

/* "layer", "settings", "score", "groups" of a test of edits, into *to. */
void json_put_edit_test(js_value **to, const loci_edit_test *t);
/* The groups alone. */
js_value *json_edit_groups(const loci_edit_test *t);
/* A table of tests, a line each: its head (how many groups have room), a line, what the numbers
 * are. */
int edit_table_head(term *t, const char *name, int name_width);
void edit_table_row(term *t, const char *name, int name_width, const loci_edit_test *x,
                    int columns);
void edit_table_notes(term *t);
/* "other renderings" for "same_entity"; [broken]: with a line break. */
const char *edit_group_title(const char *name, bool broken);

#endif
