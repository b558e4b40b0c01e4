/* Path patching: traces whose restored values reach one receiver alone (Wang et al. 2023;
 * Goldowsky- Dill et al. 2023).  Private to src/study; path_patch.c says how. */
#ifndef LOCI_STUDY_PATH_PATCH_H
#define LOCI_STUDY_PATH_PATCH_H

#include "study/receiver.h"
#include "study/sweep.h"

const receiver *path_receiver(const sweep *s);
/* Reads the request's receiver, if it has one, into s->path. */
loci_status path_new(sweep *s, loci_err *err);
/* What the senders of the cells change in the residual stream, from one walk that ends below the
 * receiver.  After sweep_runs and sweep_grids. */
loci_status path_prepare(sweep *s, loci_err *err);
/* As restoring_matters. */
bool path_matters(const sweep *s, loci_site site, int position, int layer);
/* d (D): what a unit of the cell's sender adds to the residual stream at one position of the run
 * that is patched; until path_after.  NULL: no memory. */
const float *path_change(const sweep *s, const cell *c, int unit, int seed, int position);
/* A cell's two streams; *out is the one that is measured. */
loci_status path_add(const sweep *s, walk *w, const cell *c, int seed, int *out, loci_err *err);
/* Gives up what a walk's cells added: after it, as a variants' function. */
void path_after(void *sweep, int64_t begin, int64_t end);
/* Bytes of its changes. */
int64_t path_bytes(const sweep *s, const cell *c);

#endif
