/* loci study flow, knockout, trace: one measurement averaged over a file of examples.  Drawn for
 * the terminal, and written to every -o file by its ending. */
#include <string.h>

#include "study_common.h"
#include "trace_options.h"
#include "typed_options.h"

/* What is asked, and how: the measurement's own options follow the study's. */
typedef struct request {
  loci_average_opts how;
  loci_study_opts study;
  loci_knockout_opts cut;
  loci_trace_opts trace;
  trace_lists lists;
  cut_lists cuts;
} request;

static int run(cli *c, request *r, const char *what) {
  loci_model *model;
  loci_examples *examples;
  loci_average *a = NULL;
  int code = study_open(c, &model, &examples);
  if (code) return code;
  r->how.size = sizeof r->how;
  r->how.what = what;
  r->how.study = &r->study;
  if (loci_average_new(model, examples, &r->how, &a, &c->err)) code = cli_failed(c);
  terminal_progress_end(&c->term);
  if (!code) code = cli_show_result(c, &a->result, NULL);
  loci_free(a);
  loci_examples_close(examples);
  loci_model_close(model);
  return code;
}

int cmd_study_flow(cli *c) {
  request r;
  memset(&r, 0, sizeof r);
  int code = study_opts(c, &r.study);
  return code ? code : run(c, &r, "flow");
}

int cmd_study_knockout(cli *c) {
  request r;
  memset(&r, 0, sizeof r);
  int code = study_opts(c, &r.study);
  if (!code) code = cut_read(c, &r.cuts, &r.cut);
  r.how.knockout = &r.cut;
  return code ? code : run(c, &r, "knockout");
}

int cmd_study_trace(cli *c) {
  request r;
  loci_metric metric;
  memset(&r, 0, sizeof r);
  int code = study_opts(c, &r.study);
  if (!code) code = cli_metric(c, &metric);
  if (!code) code = trace_read(c, true, metric, &r.lists, &r.trace);
  r.how.trace = &r.trace;
  if (!code) code = study_least_effect(c, &r.how.least_effect);
  return code ? code : run(c, &r, "trace");
}
