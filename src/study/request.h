/* What a study is asked for: completed and checked here, once.  A completed request says everything
 * that may change a number; whoever comes after takes it as it is.  Described as JSON it is the
 * "request" of a result, and the key of a store's run; model/command.h makes a command line of it.
 */
#ifndef LOCI_STUDY_REQUEST_H
#define LOCI_STUDY_REQUEST_H

#include "base/json.h"
#include "model/prompt.h"

/* Whose request it is.  [m] NULL: no model is known yet, [p] NULL: no question is; what depends on
 * them stays as it is. */
typedef struct request_of {
  const loci_model *m;
  const loci_prompt *p;
  bool each;   /* of every example of a study */
  bool donors; /* which has another prompt for each, whose values are put in */
  arena *mem;
} request_of;

/* Fill in what is left to a default, and refuse what makes no sense.  A completed request stays as
 * it is when it is completed again. */
loci_status trace_request_complete(const request_of *of, loci_trace_opts *o, loci_err *err);
loci_status knockout_request_complete(const request_of *of, loci_knockout_opts *o, loci_err *err);
loci_status flow_request_complete(const request_of *of, loci_flow_opts *o, loci_err *err);
loci_status lens_request_complete(const request_of *of, loci_lens_opts *o, loci_err *err);

enum { PREDICT_SAMPLES = 1000 }; /* at most */
/* Options with the options inside them; the pointer of [o] leads to the other. */
typedef struct predict_request {
  loci_predict_opts o;
  loci_study_opts study;
} predict_request;
loci_status predict_request_take(predict_request *own, const loci_predict_opts *given,
                                 loci_err *err);
loci_status predict_request_complete(const request_of *of, predict_request *r, loci_err *err);

enum { SCORE_MOST_FIELDS = 8 };
typedef struct score_request {
  loci_score_opts o;
  loci_study_opts study;
} score_request;
loci_status score_request_take(score_request *own, const loci_score_opts *given, loci_err *err);
loci_status score_request_complete(score_request *r, loci_err *err);

/* loci_check for the kinds of this folder. */
loci_status request_check(loci_kind kind, const void *opts, loci_err *err);

/* Whether the pathways are those of a request without any: each prompt has some of them. */
bool pathways_are_default(const loci_knockout_opts *o);

/* Members of a completed request into *to; what changes no number is left out. */
void trace_request_describe(js_value **to, const loci_trace_opts *o);
/* Of an answer beside a trace: [cell] says where, else the corrupted run is asked. */
void restored_request_describe(js_value **to, const loci_trace_opts *o, bool cell);
void knockout_request_describe(js_value **to, const loci_knockout_opts *o);
void flow_request_describe(js_value **to, const loci_flow_opts *o);
void lens_request_describe(js_value **to, const loci_lens_opts *o);
void predict_request_describe(js_value **to, const loci_predict_opts *o);
void score_request_describe(js_value **to, const loci_score_opts *o);

#endif
