/* The range of layers a study is asked for. */
#ifndef LOCI_STUDY_LAYERS_H
#define LOCI_STUDY_LAYERS_H

#include "base/arena.h"
#include "base/status.h"

/* [count] layers from [first] on, of [L]; *count 0: all from there. */
loci_status layers_check(int first, int *count, int L, loci_err *err);
/* first, first + 1, ..., in [mem]; *count as above. */
loci_status layers_list(int first, int *count, int L, arena *mem, int **out, loci_err *err);

#endif
