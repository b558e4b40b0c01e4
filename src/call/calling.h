/* What the calls of one group share: the call with its request parsed, how its members are read
 * into options, and the groups' calls, which the table of call.c names. */
#ifndef LOCI_CALL_CALLING_H
#define LOCI_CALL_CALLING_H

#include "call/option_fields.h"

enum { MOST_TABLES = 8 };

/* [out] NULL: the call only asks whether its request makes sense.  What options borrow is in [mem].
 */
typedef struct calling {
  const loci_call *of;
  const js_value *request;
  arena *mem;
  loci_result **out;
} calling;

typedef loci_status call_fn(const calling *c, loci_err *err);

/* Where a table's members go; NULL: they are known, and not read. */
typedef struct target_table {
  field_table table;
  void *options;
} target_table;

/* Members of the request that nothing would read are refused: their name, and [why]. */
loci_status refuse_members(const calling *c, const char *const *names, int n, const char *why,
                           loci_err *err);
/* [request] NULL: an empty object.  Caller frees *out. */
loci_status parse_request(const char *request, js_value **out, loci_err *err);
/* Reads all members; the tables of one call may share names, which then go to each. */
loci_status read_request(const calling *c, const target_table *t, int n, loci_err *err);

#define READ(...)                                                                                  \
  TRY(read_request(c, (target_table[]){__VA_ARGS__},                                               \
                   (int)(sizeof((target_table[]){__VA_ARGS__}) / sizeof(target_table)), err))

/* The end of a call that only asks whether its request makes sense. */
#define CHECKED(kind, o)                                                                           \
  do {                                                                                             \
    if (!c->out) return loci_check((kind), (o), err);                                              \
  } while (0)

#define FOLLOW(o) (o).progress = c->of->progress, (o).progress_ctx = c->of->progress_ctx

/* What a screening chooses by; a picture of the restoration goes with cells chosen by p. */
void settle_metric(loci_trace_opts *o);
/* The same of a study, which draws no metric: it is of a screening alone. */
loci_status settle_study_metric(const calling *c, loci_trace_opts *o, loci_err *err);
/* Of a study of traces with donors, a file of them and perhaps a model: what goes with them, before
 * there is a model. */
typedef struct donors_given {
  const char *donors, *model;
} donors_given;
loci_status check_study_traces(const calling *c, donors_given d, loci_trace_opts trace,
                               loci_err *err);
/* A study shows single layers beside wider windows: what only these bring back is no layer's own.
 */
loci_status add_single(const calling *c, loci_trace_opts *o, loci_err *err);
/* Pathways from every source to every query. */
loci_status cross_ends(const calling *c, const cut_ends *e, loci_knockout_opts *o, loci_err *err);

typedef loci_status study_fn(const calling *c, loci_examples *examples, loci_err *err);
/* Opens the call's file of examples for [study]; a call that only checks has none. */
loci_status with_examples(const calling *c, study_fn *study, loci_err *err);

/* One question (call_question.c), examples (call_examples.c), stores, edits. */
call_fn ask_call, trace_call, knockout_call, flow_call, lens_call, info_call;
/* The traces of all prompts of the call, and what failed in each. */
loci_status traces_call(const calling *c, loci_trace **out, loci_err *errs, loci_err *err);
call_fn score_call, predict_call, average_call, covariance_call;
call_fn status_call, run_options_call, store_run_call, report_call, export_call;
call_fn solve_call, trial_call, curve_call, apply_call;

#endif
