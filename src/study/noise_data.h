/* Noise of so many standard deviations of what a data set's constraints are (docs/MATH.md,
 * "Corruptions").  Private to src. */
#ifndef LOCI_STUDY_NOISE_DATA_H
#define LOCI_STUDY_NOISE_DATA_H

#include "model/model.h"

/* The standard deviation of all entries of the embeddings of the tokens that the constraints of a
 * file of examples have by themselves: of all of them, or of the [constraint]-th (from 1) alone. */
loci_status noise_deviation(const loci_model *m, const char *path, int constraint, const watch *w,
                            double *out, loci_err *err);
/* Of a study whose noise is such and whose request names no other file: that of the study's own,
 * into the request. */
loci_status noise_of_study(const loci_model *m, const char *path, const loci_study_opts *how,
                           loci_trace_opts *o, loci_err *err);

#endif
