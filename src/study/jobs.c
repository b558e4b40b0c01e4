/* The measurement that a study's options name (see jobs.h), and loci_average_new, which runs it. */
#include "study/jobs.h"

#include <string.h>

#include "base/names.h"
#include "base/options.h"
#include "study/noise_data.h"

loci_status job_of(const loci_average_opts *how, const loci_lens_opts *lens, bool all, arena *mem,
                   average_job **out, loci_err *err) {
  enum {
    STUDY_NONE = -1,
#define STUDY(id, name, meaning) STUDY_##id,
#include "loci_names.def"
  };
  int kind;
  *out = NULL;
  if (loci_name_find(LOCI_NAMES_STUDY, how->what, &kind, NULL)) return LOCI_OK;
  switch (kind) {
    case STUDY_ASK: *out = job_ask(mem); break;
    case STUDY_FLOW: *out = job_flow(mem); break;
    case STUDY_KNOCKOUT: *out = job_knockout(mem, how->knockout); break;
    case STUDY_LENS: *out = job_lens(mem, lens); break;
    default:
      *out = job_trace(mem, how->trace);
      if (*out) job_trace_filter(*out, how->least_effect, all);
      if (*out && how->donors) job_trace_donors(*out, how->donors, how->donor_model);
  }
  return *out ? LOCI_OK : fail_nomem(err, "starting a study");
}

/* Answers and lenses have no average of their own but that of a store. */
static bool is_averaged(const char *what) {
  return !strcmp(what, "flow") || !strcmp(what, "knockout") || !strcmp(what, "trace");
}

loci_status loci_average_new(const loci_model *model, loci_examples *examples,
                             const loci_average_opts *opts, loci_average **out, loci_err *err) {
  NEEDS(out, "place for the result");
  *out = NULL;
  NEEDS(model, "model");
  NEEDS(examples, "examples");
  loci_average_opts how;
  loci_trace_opts trace;
  loci_knockout_opts knockout;
  average_job *job;
  TRY(options_take(loci_average_opts, &how, opts, err));
  TRY(options_take(loci_trace_opts, &trace, how.trace, err));
  TRY(options_take(loci_knockout_opts, &knockout, how.knockout, err));
  if (!how.what) how.what = "trace";
  if (!is_averaged(how.what))
    return fail(err, LOCI_EINVAL, "no average of \"%.20s\": expected flow, knockout, trace",
                how.what);
  loci_study_opts over;
  TRY(options_take(loci_study_opts, &over, how.study, err));
  if (strcmp(how.what, "trace") == 0)
    TRY(noise_of_study(model, examples_path(examples), &over, &trace, err));
  how.trace = &trace;
  how.knockout = &knockout;
  arena *mem = arena_new();
  loci_status st = mem ? job_of(&how, NULL, false, mem, &job, err) : fail_nomem(err, "averaging");
  if (!st) st = average_run(model, examples, how.study, job, out, err);
  arena_free(mem);
  return st;
}
