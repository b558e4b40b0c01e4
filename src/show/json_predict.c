/* Failure prediction as JSON, and its examples as CSV.  Field names and their order are
 * docs/FORMATS.md's. */
#include <inttypes.h>
#include <math.h>

#include "show/formats.h"
#include "show/json_parts.h"
#include "show/study_parts.h"

static js_value *layers(int first, int count) {
  js_value *a = js_array();
  if (first < 0) {
    js_free(a);
    return js_null();
  }
  for (int l = first; l < first + count; l++) js_push(&a, js_int(l));
  return a;
}

static js_value *counts(int right, int wrong) {
  js_value *o = js_object();
  js_put(&o, "right", js_int(right));
  js_put(&o, "wrong", js_int(wrong));
  return o;
}

static js_value *json_predictor(const loci_predictor *r) {
  js_value *o = js_object(), *roc = js_object();
  js_put(&o, "name", js_text(r->name));
  js_put(&o, "meaning", js_text(r->meaning));
  js_put(&o, "auroc", json_interval(&r->auroc));
  js_put(&o, "lead", json_interval(&r->lead));
  js_put(&o, "all", json_interval(&r->all));
  js_put(&roc, "false_rate", json_reals(r->false_rate, r->corner_count));
  js_put(&roc, "true_rate", json_reals(r->true_rate, r->corner_count));
  js_put(&o, "roc", roc);
  return o;
}

static js_value *json_predicted(const loci_predicted *e) {
  js_value *o = json_example(e->line, e->id);
  js_put(&o, "answer", js_text(e->answer));
  js_put(&o, "right", js_bool(e->right));
  js_put(&o, "first_right", js_bool(e->first_right));
  js_put(&o, "tested", js_bool(e->tested));
  js_put(&o, "contribution", js_real(e->contribution));
  js_put(&o, "best_layers", js_real(e->best_layers));
  js_put(&o, "confidence", js_real(e->confidence));
  js_put(&o, "margin", js_real(e->margin));
  js_put(&o, "entropy", js_real(e->entropy));
  js_put(&o, "probe", js_real(e->probe));
  return o;
}

loci_status prediction_json(const void *result, char **out, loci_err *err) {
  const loci_prediction *p = result;
  js_value *o = json_result("predict"), *used = js_object(), *means = js_object();
  js_value *scores = js_array(), *examples = js_array();
  int L = p->sample.model->layers;
  json_put_sample(&o, &p->sample);
  json_put_request(&o, &p->result);
  js_put(&o, "all", counts(p->right, p->wrong));
  js_put(&o, "tested", counts(p->tested_right, p->tested_wrong));
  js_put(&o, "first_right", js_int(p->first_right));
  js_put(&used, "contribution", layers(p->first_layer, p->layer_count));
  js_put(&used, "best_layers", layers(p->best_first_layer, p->layer_count));
  js_put(&o, "layers", used);
  for (int i = 0; i < p->predictor_count; i++) js_push(&scores, json_predictor(&p->predictors[i]));
  js_put(&o, "scores", scores);
  js_put(&means, "right", json_reals(p->contribution_right, L));
  js_put(&means, "wrong", json_reals(p->contribution_wrong, L));
  js_put(&o, "contribution", means);
  for (int i = 0; i < p->sample.used; i++) js_push(&examples, json_predicted(&p->examples[i]));
  js_put(&o, "examples", examples);
  return json_print_lines(o, out, err);
}

void prediction_csv(const void *result, bytes *out) {
  const loci_prediction *p = result;
  bytes_text(out, "line,id,answer,right,first_right,tested,contribution,best_layers,confidence,"
                  "margin,entropy,probe\r\n");
  for (int i = 0; i < p->sample.used; i++) {
    const loci_predicted *e = &p->examples[i];
    bytes_format(out, "%" PRId64 ",", e->line);
    if (e->id) csv_text(out, e->id);
    bytes_text(out, ",");
    csv_text(out, e->answer);
    bytes_format(out, ",%d,%d,%d", e->right, e->first_right, e->tested);
    csv_number(out, e->contribution);
    csv_number(out, e->best_layers);
    csv_number(out, e->confidence);
    csv_number(out, e->margin);
    csv_number(out, e->entropy);
    csv_number(out, e->probe);
    bytes_text(out, "\r\n");
  }
}
