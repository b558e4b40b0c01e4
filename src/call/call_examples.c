/* Calls over a file of examples: scores, predictions, averages, a layer's covariance. */
#include <string.h>

#include "call/calling.h"

static loci_status score(const calling *c, loci_examples *examples, loci_err *err) {
  loci_study_opts study = {.size = sizeof study};
  loci_score_opts o = {.size = sizeof o, .study = &study};
  READ({score_fields(), &o}, {study_fields(), &study});
  CHECKED(LOCI_KIND_SCORE, &o);
  FOLLOW(study);
  return loci_score_new(c->of->model, examples, &o, (loci_score **)c->out, err);
}

static loci_status predict(const calling *c, loci_examples *examples, loci_err *err) {
  loci_study_opts study = {.size = sizeof study};
  loci_predict_opts o = {.size = sizeof o, .study = &study};
  READ({predict_fields(), &o}, {study_fields(), &study});
  CHECKED(LOCI_KIND_PREDICTION, &o);
  FOLLOW(study);
  return loci_prediction_new(c->of->model, examples, &o, (loci_prediction **)c->out, err);
}

static loci_status average(const calling *c, loci_examples *examples, loci_err *err) {
  loci_study_opts study = {.size = sizeof study};
  loci_trace_opts trace = {.size = sizeof trace};
  loci_knockout_opts knockout = {.size = sizeof knockout};
  loci_average_opts o = {.size = sizeof o,
                         .what = c->of->what + sizeof "study", /* the word after "study " */
                         .study = &study,
                         .trace = &trace,
                         .knockout = &knockout};
  extras x = {.least_effect = 0.1};
  cut_ends ends = {0};
  bool traces = strcmp(o.what, "trace") == 0, cuts = strcmp(o.what, "knockout") == 0;
  target_table how[MOST_TABLES] = {{study_fields(), &study}};
  int n = 1;
  if (traces) how[n++] = (target_table){trace_fields(), &trace};
  if (traces) how[n++] = (target_table){least_fields(), &x};
  if (traces) how[n++] = (target_table){donors_fields(), &o};
  if (cuts) how[n++] = (target_table){knockout_fields(), &knockout};
  if (cuts) how[n++] = (target_table){ends_fields(), &ends};
  TRY(read_request(c, how, n, err));
  TRY(settle_study_metric(c, &trace, err));
  TRY(add_single(c, &trace, err));
  TRY(cross_ends(c, &ends, &knockout, err));
  if (traces) TRY(check_study_traces(c, (donors_given){o.donors, o.donor_model}, trace, err));
  if (cuts) TRY(loci_check(LOCI_KIND_KNOCKOUT, &knockout, err));
  if (!c->out) return LOCI_OK;
  FOLLOW(study);
  o.least_effect = x.least_effect;
  return loci_average_new(c->of->model, examples, &o, (loci_average **)c->out, err);
}

static loci_status covariance(const calling *c, loci_examples *examples, loci_err *err) {
  loci_study_opts o = {.size = sizeof o};
  extras x = {0};
  READ({study_fields(), &o}, {covariance_fields(), &x});
  if (!c->out) return LOCI_OK;
  FOLLOW(o);
  return loci_covariance_new(c->of->model, examples, x.layer, &o, (loci_covariance **)c->out, err);
}

loci_status score_call(const calling *c, loci_err *err) { return with_examples(c, score, err); }
loci_status predict_call(const calling *c, loci_err *err) { return with_examples(c, predict, err); }
loci_status average_call(const calling *c, loci_err *err) { return with_examples(c, average, err); }
loci_status covariance_call(const calling *c, loci_err *err) {
  return with_examples(c, covariance, err);
}
