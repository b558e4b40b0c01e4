/* Sets of heads or layers, restored together, beside random ones.  Private to src/study. */
#ifndef LOCI_STUDY_SETS_H
#define LOCI_STUDY_SETS_H

#include "study/sweep.h"

/* Reads "5.3,6.1" (heads), or "3-5,7" (layers), for a model; [units] NULL: only whether it is one.
 */
loci_status sets_read(const char *text, const decoder_config *c, unit *units, int *count,
                      bool *heads, loci_err *err);
/* Draws the random ones, and adds all to the sweep's cells.  After sweep_grids, and path_prepare.
 */
loci_status sets_new(sweep *s, loci_err *err);
/* What came of them, once effects are set. */
loci_status sets_fill(sweep *s, loci_trace *t, loci_err *err);

#endif
