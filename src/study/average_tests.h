/* What averages of traces have beside means: heads, and tests (average_tests.c).  Private to
 * src/study. */
#ifndef LOCI_STUDY_AVERAGE_TESTS_H
#define LOCI_STUDY_AVERAGE_TESTS_H

#include "study/average.h"

/* Ends a quantity whose numbers are heads' one after the other: "z, 12 heads". */
#define AVERAGE_BY_HEAD " heads"

/* Ends a quantity whose numbers are of the logit difference: "mlp_out, logit_diff". */
#define AVERAGE_LOGITS ", logit_diff"

/* Begins a place that is a group of positions, whole: "all of image". */
#define AVERAGE_GROUP "all of "
bool average_is_group(const char *place);

/* Which share of an example's total a series' numbers from [from] on are, over examples whose total
 * is at least [least]: NULL in *out where one of both is not there (average_ratios.c). */
loci_status average_restored(averaging *a, int series, int from, int points, int total,
                             double least, const loci_restored **out, loci_err *err);
/* average_curve of the series' numbers from [from] on, as many as the chart has points. */
loci_status average_curve_from(averaging *a, loci_chart *chart, int series, int from,
                               average_whose whose, const char *name, loci_err *err);
/* Whether the means of the chart's curves from [first] on are other than zero; their numbers stand
 * one after the other in the series (average_tests.c). */
loci_status average_test(averaging *a, loci_chart *chart, int first, int series, loci_err *err);
/* How many examples have their own highest number, of all of the series, where the mean has it. */
loci_interval average_own_peak(const averaging *a, int series, int peak);
/* The same of all curves of a chart together: its own_peak; [series]: one for each curve. */
void average_own_map(const averaging *a, loci_chart *chart, const int *series);
/* For each of a series' numbers the share of examples among whose ten highest it is. */
loci_status average_among_ten(const averaging *a, int series, double *out, loci_err *err);
/* All tested points of all charts, corrected for being so many. */
loci_status average_correct(averaging *a, loci_err *err);

#endif
