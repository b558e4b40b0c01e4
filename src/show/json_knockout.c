/* A knockout as JSON ("loci.knockout/1"). */
#include <stddef.h>

#include "show/formats.h"
#include "show/json_parts.h"

static js_value *metric_array(const loci_pathway *x, size_t offset) {
  js_value *a = js_array();
  for (int i = 0; i < x->layer_count; i++) {
    const char *cell = (const char *)&x->cells[i];
    js_push(&a, js_real(*(const double *)(const void *)(cell + offset)));
  }
  return a;
}

static js_value *json_pathway(const loci_knockout *k, const loci_pathway *x) {
  js_value *o = js_object(), *skipped = js_array();
  js_put(&o, "from", js_text(x->from));
  js_put(&o, "to", js_text(x->to));
  js_put(&o, "from_count", js_int(x->from_count));
  js_put(&o, "to_count", js_int(x->to_count));
  js_put(&o, "window", js_int(x->window));
  js_put(&o, "layers", js_ints(x->layers, x->layer_count));
  js_put(&o, "p", metric_array(x, offsetof(loci_metrics, p)));
  js_put(&o, "logp", metric_array(x, offsetof(loci_metrics, logp)));
  if (k->answer_given) {
    js_put(&o, "p_first", metric_array(x, offsetof(loci_metrics, p_first)));
    js_put(&o, "logp_first", metric_array(x, offsetof(loci_metrics, logp_first)));
  }
  js_put(&o, "logit_diff", metric_array(x, offsetof(loci_metrics, logit_diff)));
  js_put(&o, "kl", metric_array(x, offsetof(loci_metrics, kl)));
  for (int i = 0; i < x->layer_count; i++) js_push(&skipped, js_bool(x->skipped[i]));
  js_put(&o, "skipped", skipped);
  return o;
}

loci_status knockout_json(const void *result, char **out, loci_err *err) {
  const loci_knockout *k = result;
  js_value *o = json_result("knockout"), *pathways = js_array();
  js_value *clean = json_outcome(&k->clean, k->answer_given, false);
  js_put(&clean, "other", json_candidate(&k->other));
  js_put(&o, "model", json_model(k->model, k->hash));
  json_put_request(&o, &k->result);
  js_put(&o, "prompt", json_prompt(k->prompt));
  js_put(&o, "constraints", json_constraints(k->prompt));
  js_put(&o, "target",
         json_target(k->target_ids, k->target_count, k->target_text, k->answer_given));
  js_put(&o, "clean", clean);
  for (int a = 0; a < k->pathway_count; a++) {
    js_push(&pathways, json_pathway(k, &k->pathways[a]));
  }
  js_put(&o, "pathways", pathways);
  js_put(&o, "cost", json_cost(&k->cost));
  return json_print_lines(o, out, err);
}
