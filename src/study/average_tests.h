/* What averages of traces have beside means: heads, and tests (average_tests.c).  Private to
 * src/study. */
#ifndef LOCI_STUDY_AVERAGE_TESTS_H
#define LOCI_STUDY_AVERAGE_TESTS_H

#include "study/average.h"

/* Ends a quantity whose numbers are heads' one after the other: "z, 12 heads". */
#define AVERAGE_BY_HEAD " heads"

/* average_curve of the series' numbers from [from] on, as many as the chart has points. */
loci_status average_curve_from(averaging *a, loci_chart *chart, int series, int from,
                               average_whose whose, const char *name, loci_err *err);
/* Whether the means of the chart's last curve, those of a series from [from] on, are other than
 * zero (average_tests.c). */
loci_status average_test(averaging *a, loci_chart *chart, int series, int from, loci_err *err);
/* How many examples have their own highest number, among [count] of the series, where the mean has
 * it. */
loci_status average_own_peak(const averaging *a, int series, int from, int count, int peak,
                             loci_interval *out, loci_err *err);
/* For each of a series' numbers the share of examples among whose ten highest it is. */
loci_status average_among_ten(const averaging *a, int series, double *out, loci_err *err);
/* All tested points of all charts, corrected for being so many. */
loci_status average_correct(averaging *a, loci_err *err);

#endif
