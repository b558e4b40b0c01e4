/* loci study flow, knockout, trace: one measurement averaged over a file of examples.  Drawn for
 * the terminal, and written to every -o file by its ending. */
#include <string.h>

#include "study.h"
#include "trace_options.h"
#include "words.h"

/* What is asked, and how: the measurement's own options follow the study's. */
typedef struct request {
  loci_study_opts study;
  loci_knockout_opts cut;
  loci_trace_opts trace;
  trace_lists lists;
  cut_lists cuts;
  double least_effect;
} request;

typedef loci_status average_fn(loci_model *model, loci_examples *examples, const request *r,
                               loci_average **out, loci_err *err);

static int run(cli *c, const request *r, average_fn *measure) {
  loci_model *model;
  loci_examples *examples;
  loci_average *a = NULL;
  int code = study_open(c, &model, &examples);
  if (code) return code;
  if (measure(model, examples, r, &a, &c->err)) code = cli_failed(c);
  term_progress_end(&c->term);
  if (!code) code = cli_show_result(c, &a->result, NULL);
  loci_free(a);
  loci_examples_close(examples);
  loci_model_close(model);
  return code;
}

static loci_status flow(loci_model *model, loci_examples *examples, const request *r,
                        loci_average **out, loci_err *err) {
  return loci_average_flow(model, examples, &r->study, out, err);
}

static loci_status knockout(loci_model *model, loci_examples *examples, const request *r,
                            loci_average **out, loci_err *err) {
  return loci_average_knockout(model, examples, &r->study, &r->cut, out, err);
}

static loci_status trace(loci_model *model, loci_examples *examples, const request *r,
                         loci_average **out, loci_err *err) {
  return loci_average_trace(model, examples, &r->study, &r->trace, r->least_effect, out, err);
}

int cmd_study_flow(cli *c) {
  request r;
  memset(&r, 0, sizeof r);
  int code = study_opts(c, &r.study);
  return code ? code : run(c, &r, flow);
}

int cmd_study_knockout(cli *c) {
  request r;
  memset(&r, 0, sizeof r);
  int code = study_opts(c, &r.study);
  if (!code) code = cut_read(c, &r.cuts, &r.cut);
  return code ? code : run(c, &r, knockout);
}

int cmd_study_trace(cli *c) {
  request r;
  loci_metric metric;
  memset(&r, 0, sizeof r);
  int code = study_opts(c, &r.study);
  if (!code) code = cli_metric(c, &metric);
  if (!code) code = trace_read(c, true, metric, &r.lists, &r.trace);
  if (!code) code = study_least_effect(c, &r.least_effect);
  return code ? code : run(c, &r, trace);
}
