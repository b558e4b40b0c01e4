/* Values of another prompt, put into a prompt's own run (cross-prompt and cross-model patching).
 * Private to src/study; donor.c says how. */
#ifndef LOCI_STUDY_DONOR_H
#define LOCI_STUDY_DONOR_H

#include "model/command.h"
#include "study/sweep.h"

/* Takes the request's donor, if it has one, into s->donor, after the target is made. */
loci_status donor_new(sweep *s, loci_err *err);
/* Positions of the donor whose values go to [count] ones of the prompt, one for each; [group] NULL:
 * they were asked for by number.  In the sweep's memory. */
loci_status donor_positions(sweep *s, int count, const char *group, const int **out, loci_err *err);
/* Its run: what is put in, and the target.  After sweep_runs and sweep_grids. */
loci_status donor_run(sweep *s, loci_err *err);
/* The value of a cell's unit at its [i]-th position: a site's row, or the head's. */
const float *donor_row(const sweep *s, const cell *c, int unit, int i);
/* The donor's own outcome, once the prompt's run is read. */
loci_metrics donor_metrics(const sweep *s);
const top_logits *donor_top(const sweep *s);
/* Members that say the donor. */
void donor_describe(const sweep *s, js_value **to, command_words *words);

#endif
