/* Requests completed, checked and described (see request.h): all but those of traces
 * (request_trace.c). */
#include "study/request.h"

#include <stdio.h>
#include <string.h>

#include "base/list.h"
#include "base/names.h"
#include "base/options.h"
#include "model/command.h"
#include "study/request_parts.h"
#include "study/study.h"

enum { USUAL_WINDOW = 3, MAX_PATHWAYS = 64 };

/* Of these only the ones the prompt has positions for. */
static const loci_edges default_pathways[] = {
    {"image", "constraint"}, {"image", "last"}, {"constraint", "last"}, {"last", "last"}};

static loci_status check_trace(const loci_trace_opts *opts, bool each, loci_err *err) {
  loci_trace_opts own;
  TRY(options_take(loci_trace_opts, &own, opts, err));
  return trace_request_complete(&(request_of){.each = each}, &own, err);
}

/* ---------------------------------------------------------------- knockouts */

bool pathways_are_default(const loci_knockout_opts *o) { return o->pathways == default_pathways; }

static loci_status complete_pathways(loci_knockout_opts *o, loci_err *err) {
  TRY(check_list(o->pathway_count, o->pathways, "pathways", err));
  if (o->pathway_count > MAX_PATHWAYS)
    return fail(err, LOCI_EINVAL, "%d pathways: expected 1 to %d", o->pathway_count, MAX_PATHWAYS);
  if (o->pathway_count == 0) o->pathways = default_pathways, o->pathway_count = 4;
  for (int i = 0; i < o->pathway_count; i++) {
    const char *ends[] = {o->pathways[i].from, o->pathways[i].to};
    int group;
    for (int k = 0; k < 2; k++)
      TRY(loci_name_find(LOCI_NAMES_GROUP, ends[k] ? ends[k] : "", &group, err));
  }
  return LOCI_OK;
}

loci_status knockout_request_complete(const request_of *of, loci_knockout_opts *o, loci_err *err) {
  int L = of->m ? model_decoder(of->m)->layers : 0;
  if (!o->window) o->window = USUAL_WINDOW;
  TRY(request_constraint(of, o->constraint, err));
  TRY(complete_pathways(o, err));
  if (o->controls < 0 || o->controls > MOST_CONTROLS)
    return fail(err, LOCI_EINVAL, "%d controls: expected 0 to %d", o->controls, MOST_CONTROLS);
  if (o->controls > 0 && o->window < 1)
    return fail(err, LOCI_EINVAL, "controls goes with a --window of a number of layers");
  if (o->window == LOCI_ALL_LAYERS) {
    if (o->first_layer || o->layer_count)
      return fail(err, LOCI_EINVAL, "layers: a --window of all layers has no centres");
    return LOCI_OK;
  }
  if (o->window != LOCI_ONWARD && (o->window < 1 || (of->m && o->window > 2 * L)))
    return fail(err, LOCI_EINVAL, "window %d: expected 1 to %d layers", o->window, 2 * L);
  return request_layers(of, &o->first_layer, &o->layer_count, err);
}

void knockout_request_describe(js_value **to, const loci_knockout_opts *o) {
  js_value *pathways = js_array();
  for (int i = 0; i < o->pathway_count; i++) {
    js_value *x = js_array();
    js_push(&x, js_text(o->pathways[i].from));
    js_push(&x, js_text(o->pathways[i].to));
    js_push(&pathways, x);
  }
  js_put(to, "pathways", pathways);
  if (o->constraint > 0) js_put(to, "only", js_int(o->constraint));
  js_put(to, "window",
         o->window == LOCI_ALL_LAYERS ? js_text("all")
         : o->window == LOCI_ONWARD   ? js_text("onward")
                                      : js_int(o->window));
  if (o->window != LOCI_ALL_LAYERS) request_put_layers(to, o->first_layer, o->layer_count);
  if (o->answer) js_put(to, "answer", js_text(o->answer));
  if (o->controls > 0) js_put(to, "controls", js_int(o->controls));
  if (o->controls > 0) js_put(to, "seed", request_seed(o->seed));
}

static loci_status check_knockout(const loci_knockout_opts *opts, loci_err *err) {
  loci_knockout_opts own;
  TRY(options_take(loci_knockout_opts, &own, opts, err));
  return knockout_request_complete(&(request_of){0}, &own, err);
}

/* ---------------------------------------------------------------- flows and lenses */

loci_status flow_request_complete(const request_of *of, loci_flow_opts *o, loci_err *err) {
  int group;
  if (!o->from != !o->to)
    return fail(err, LOCI_EINVAL, "a pathway needs both its ends, from and to");
  if (o->from) TRY(loci_name_find(LOCI_NAMES_GROUP, o->from, &group, err));
  if (o->to) TRY(loci_name_find(LOCI_NAMES_GROUP, o->to, &group, err));
  return request_layers(of, &o->first_layer, &o->layer_count, err);
}

void flow_request_describe(js_value **to, const loci_flow_opts *o) {
  if (o->from) js_put(to, "from", js_text(o->from));
  if (o->to) js_put(to, "to", js_text(o->to));
  request_put_layers(to, o->first_layer, o->layer_count);
  js_put(to, "heads", js_bool(o->heads));
}

static loci_status check_flow(const loci_flow_opts *opts, loci_err *err) {
  loci_flow_opts own;
  TRY(options_take(loci_flow_opts, &own, opts, err));
  return flow_request_complete(&(request_of){0}, &own, err);
}

loci_status lens_request_complete(const request_of *of, loci_lens_opts *o, loci_err *err) {
  if (!o->positions && of->p)
    o->positions = of->p->info.constraint_count > 0 ? "constraint-last,last" : "last";
  TRY(request_constraint(of, o->constraint, err));
  TRY(request_positions(o->positions, true, err));
  return request_layers(of, &o->first_layer, &o->layer_count, err);
}

void lens_request_describe(js_value **to, const loci_lens_opts *o) {
  js_put(to, "positions", js_text(o->positions));
  if (o->constraint > 0) js_put(to, "only", js_int(o->constraint));
  request_put_layers(to, o->first_layer, o->layer_count);
  if (o->answer) js_put(to, "answer", js_text(o->answer));
}

static loci_status check_lens(const loci_lens_opts *opts, loci_err *err) {
  loci_lens_opts own;
  TRY(options_take(loci_lens_opts, &own, opts, err));
  return lens_request_complete(&(request_of){0}, &own, err);
}

/* ---------------------------------------------------------------- predictions and scores */

loci_status predict_request_take(predict_request *own, const loci_predict_opts *given,
                                 loci_err *err) {
  TRY(options_take(loci_predict_opts, &own->o, given, err));
  TRY(options_take(loci_study_opts, &own->study, own->o.study, err));
  own->o.study = &own->study;
  return LOCI_OK;
}

loci_status score_request_take(score_request *own, const loci_score_opts *given, loci_err *err) {
  TRY(options_take(loci_score_opts, &own->o, given, err));
  TRY(options_take(loci_study_opts, &own->study, own->o.study, err));
  own->o.study = &own->study;
  return LOCI_OK;
}

static loci_status complete_study(loci_study_opts *o, loci_err *err) {
  if (o->sample < 0) return fail(err, LOCI_EINVAL, "a sample of %d examples", o->sample);
  if (o->limit < 0) return fail(err, LOCI_EINVAL, "%d examples to use", o->limit);
  if (o->max_new < 0) return fail(err, LOCI_EINVAL, "answers of %d tokens", o->max_new);
  o->max_new = study_max_new(o);
  return LOCI_OK;
}

/* Layers are chosen on one half of the examples unless they are given. */
loci_status predict_request_complete(const request_of *of, predict_request *r, loci_err *err) {
  TRY(complete_study(&r->study, err));
  if (r->o.samples < 0 || r->o.samples > PREDICT_SAMPLES)
    return fail(err, LOCI_EINVAL, "%d samples, expected 0 to %d", r->o.samples, PREDICT_SAMPLES);
  if (!(r->o.temperature >= 0 && r->o.temperature <= 100))
    return fail(err, LOCI_EINVAL, "a temperature of %g, expected above 0, and at most 100",
                r->o.temperature);
  if (r->o.temperature > 0 && r->o.samples == 0)
    return fail(err, LOCI_EINVAL, "temperature goes with --samples");
  if (r->o.samples > 0 && r->o.temperature == 0) r->o.temperature = 1;
  if (r->o.first_layer == 0 && r->o.layer_count == 0) return LOCI_OK;
  if (r->o.layer_count == 0)
    return fail(err, LOCI_EINVAL, "no layers from layer %d on", r->o.first_layer);
  return request_layers(of, &r->o.first_layer, &r->o.layer_count, err);
}

void predict_request_describe(js_value **to, const loci_predict_opts *o) {
  if (o->layer_count > 0) request_put_layers(to, o->first_layer, o->layer_count);
  if (o->samples == 0) return;
  js_put(to, "samples", js_int(o->samples));
  js_put(to, "temperature", js_real(o->temperature));
}

loci_status score_request_complete(score_request *r, loci_err *err) {
  const loci_score_opts *o = &r->o;
  TRY(complete_study(&r->study, err));
  if ((int)o->choose < 0 || !loci_name(LOCI_NAMES_CHOICE, (int)o->choose))
    return fail(err, LOCI_EINVAL, "choice %d: there are letter, text and free", (int)o->choose);
  TRY(check_list(o->by_count, o->by, "fields", err));
  for (int i = 0; i < o->by_count; i++) NEEDS(o->by[i], "name of a field");
  if (o->by_count > SCORE_MOST_FIELDS)
    return fail(err, LOCI_EINVAL, "groups by %d fields, expected 0 to %d", o->by_count,
                SCORE_MOST_FIELDS);
  return LOCI_OK;
}

void score_request_describe(js_value **to, const loci_score_opts *o) {
  js_value *by = js_array();
  for (int i = 0; i < o->by_count; i++) js_push(&by, js_text(o->by[i]));
  js_put(to, "choice", js_text(loci_name(LOCI_NAMES_CHOICE, (int)o->choose)));
  js_put(to, "by", by);
}

/* ---------------------------------------------------------------- before there is a model */

static loci_status check_prediction(const loci_predict_opts *opts, loci_err *err) {
  predict_request own;
  TRY(predict_request_take(&own, opts, err));
  return predict_request_complete(&(request_of){0}, &own, err);
}

static loci_status check_score(const loci_score_opts *opts, loci_err *err) {
  score_request own;
  TRY(score_request_take(&own, opts, err));
  return score_request_complete(&own, err);
}

loci_status request_check(loci_kind kind, const void *opts, loci_err *err) {
  switch (kind) {
    case LOCI_KIND_TRACE: return check_trace(opts, false, err);
    case LOCI_KIND_AVERAGE: return check_trace(opts, true, err);
    case LOCI_KIND_KNOCKOUT: return check_knockout(opts, err);
    case LOCI_KIND_FLOW: return check_flow(opts, err);
    case LOCI_KIND_LENS: return check_lens(opts, err);
    case LOCI_KIND_PREDICTION: return check_prediction(opts, err);
    case LOCI_KIND_SCORE: return check_score(opts, err);
    default: return fail(err, LOCI_EINVAL, "results of kind %d have no options", (int)kind);
  }
}
