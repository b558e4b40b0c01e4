/* Another prompt for each example of a study of traces, whose values are put in.  Private to
 * src/study. */
#ifndef LOCI_STUDY_STUDY_DONOR_H
#define LOCI_STUDY_STUDY_DONOR_H

#include "study/jobs.h"

typedef struct donors donors;

/* Reads a file of examples, and opens a model (a name; NULL: [own]); both are [mem]'s. */
loci_status donors_open(const char *path, const char *model, const loci_model *own, arena *mem,
                        donors **out, loci_err *err);
/* The hash of the donors' weights. */
loci_status donors_hash(const donors *d, const char **out, loci_err *err);
/* Traces the example with its twin's values, with another donor's, and with those of a random
 * position of the twin, and puts accuracies into [a]; *out is the first of these traces, for
 * loci_free.  NULL: the example has no twin. */
loci_status donors_trace(donors *d, averaging *a, study_item *item, const loci_trace_opts *how,
                         loci_trace **out, loci_err *err);
/* Puts the accuracies of the last one into a's current example. */
loci_status donors_put(const donors *d, averaging *a, loci_err *err);
/* Charts of them. */
loci_status donors_finish(averaging *a, loci_err *err);
/* Whether a series is one of theirs. */
bool donors_have(const series_key *key);

#endif
