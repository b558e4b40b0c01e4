/* The measurements a study can be made of, each of one example at a time.  A job is put into an
 * average as it runs (average_run), or its numbers go into a store and are averaged later.  Private
 * to src. */
#ifndef LOCI_STUDY_JOBS_H
#define LOCI_STUDY_JOBS_H

#include "study/average.h"

/* A measurement of one example, and what the average of many shows. */
typedef struct average_job average_job;
struct average_job {
  const char *what;
  unsigned needs;
  bool asks; /* for answers */
  /* Completes the request for this model, before the first example, or refuses it; or NULL. */
  loci_status (*complete)(void *ctx, const loci_model *m, loci_err *err);
  /* All of it that changes numbers, into *to; NULL: nothing does. */
  void (*describe)(const void *ctx, js_value **to);
  study_fn *gather;                                /* puts numbers into [a]; ctx is the job's */
  loci_status (*finish)(void *ctx, loci_err *err); /* makes the charts out of [a] */
  /* Whether an example counts in the average; if not, sets drop and why.  Its numbers are put, but
   * average_next is still to come.  NULL: all do. */
  void (*judge)(void *ctx, study_item *item, const study_answer *answer);
  /* Sees a trace whole, before its numbers are put; NULL: nobody wants to. */
  loci_status (*see_trace)(void *see_ctx, const loci_trace *t, loci_err *err);
  void *see_ctx;
  /* Numbers that [finish] asks for by average_recall, figure by figure; NULL: none. */
  bool (*waits)(const series_key *key);
  bool tells_right;     /* right and wrong answers are told apart in the average */
  const char *headline; /* the quantity of one number that says how far the study is */
  void *ctx;
  averaging *a; /* set before gather is called first */
};
loci_status average_run(const loci_model *model, loci_examples *examples,
                        const loci_study_opts *opts, average_job *job, loci_average **out,
                        loci_err *err);

/* The same round any source: [fill] puts examples into job->a and describes them; s->mem is set. */
typedef loci_status average_fill(void *ctx, average_job *job, loci_sample *sample, loci_err *err);
loci_status average_make(study *s, average_job *job, average_fill *fill, void *ctx,
                         loci_average **out, loci_err *err);

/* ---- one for each measurement */

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
