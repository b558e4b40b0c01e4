/* The measurements a study can be made of, each of one example at a time.  A job is put into an
 * average as it runs (average_run), or its numbers go into a store and are averaged later.  Private
 * to src. */
#ifndef LOCI_STUDY_JOBS_H
#define LOCI_STUDY_JOBS_H

#include "study/average.h"

/* In [mem]; NULL: out of memory.  [how] is copied, what it points to is borrowed; it is completed
 * by the job's own call, once the model is known. */
average_job *job_ask(arena *mem);
average_job *job_flow(arena *mem);
average_job *job_knockout(arena *mem, const loci_knockout_opts *how);
average_job *job_lens(arena *mem, const loci_lens_opts *how);
average_job *job_trace(arena *mem, const loci_trace_opts *how);
/* What a grid's effects are called among an example's numbers: "mlp_out", "mlp_out, noise". */
enum { GRID_NAME = 48 };
const char *grid_name(const loci_grid *g, char out[GRID_NAME]);
/* Examples with a smaller total effect do not count; [all]: wrong answers and small effects are
 * measured all the same, and left out of averages only. */
void job_trace_filter(average_job *trace, double least_effect, bool all);
/* Values of other prompts are put in (loci_average_opts). */
void job_trace_donors(average_job *trace, const char *path, const char *model);
/* The job that the options name, in [mem]; *out NULL: there is no such one.  [lens]: how a lens is
 * laid, NULL: as usual.  [all]: as above. */
loci_status job_of(const loci_average_opts *how, const loci_lens_opts *lens, bool all, arena *mem,
                   average_job **out, loci_err *err);

#endif
