/* Contributions as JSON ("loci.flow/1").  Arrays are [layer][to][from], each head's
 * [layer][head][to][from]; [from] counts all positions of the prompt. */
#include <stddef.h>

#include "show/formats.h"
#include "show/json_parts.h"

static js_value *reals(const double *x, int n) {
  js_value *a = js_array();
  for (int i = 0; i < n; i++) js_push(&a, js_real(x[i]));
  return a;
}

static js_value *real_rows(const double *x, int rows, int n) {
  js_value *a = js_array();
  for (int i = 0; i < rows; i++) js_push(&a, reals(x + (int64_t)i * n, n));
  return a;
}

static js_value *floats(const float *x, int n) {
  js_value *a = js_array();
  for (int i = 0; i < n; i++) js_push(&a, js_real((double)x[i]));
  return a;
}

/* The last [axes] of shape (layers, heads, queries, T). */
static js_value *json_array(const float *x, const int shape[4], int axes) {
  if (axes == 1) return floats(x, shape[3]);
  js_value *a = js_array();
  int64_t size = 1;
  for (int i = 5 - axes; i < 4; i++) size *= shape[i];
  for (int i = 0; i < shape[4 - axes]; i++) js_push(&a, json_array(x + i * size, shape, axes - 1));
  return a;
}

/* Without a head axis. */
static js_value *json_table(const float *x, const loci_flow *f) {
  const int shape[4] = {0, f->layer_count, f->query_count, f->prompt->length};
  return json_array(x, shape, 3);
}

static js_value *json_heads(const float *x, const loci_flow *f) {
  const int shape[4] = {f->layer_count, f->head_count, f->query_count, f->prompt->length};
  return json_array(x, shape, 4);
}

/* Positions of each layer's sinks. */
static js_value *json_sinks(const loci_flow *f) {
  js_value *a = js_array();
  int T = f->prompt->length;
  for (int l = 0; l < f->layer_count; l++) {
    js_value *row = js_array();
    for (int j = 0; j < T; j++) {
      if (f->sinks[(int64_t)l * T + j]) js_push(&row, js_int(j));
    }
    js_push(&a, row);
  }
  return a;
}

static js_value *json_path(const loci_flow_path *x, int layers) {
  js_value *o = js_object(), *top = js_array();
  js_put(&o, "from", js_text(x->from));
  js_put(&o, "to", js_text(x->to));
  js_put(&o, "sources", js_ints(x->sources, x->source_count));
  js_put(&o, "queries", js_ints(x->queries, x->query_count));
  js_put(&o, "total", reals(x->total, layers));
  js_put(&o, "max", reals(x->max, layers));
  js_put(&o, "mean", reals(x->mean, layers));
  js_put(&o, "norm_of_sum", reals(x->norm_of_sum, layers));
  js_put(&o, "attention", reals(x->attention, layers));
  js_put(&o, "top_share", reals(x->top_share, layers));
  for (int l = 0; l < layers; l++) {
    js_push(&top, js_ints(x->top + (int64_t)l * x->top_count, x->top_count));
  }
  js_put(&o, "top", top);
  js_put(&o, "profile", real_rows(x->profile, layers, x->source_count));
  js_put(&o, "weights", real_rows(x->weights, layers, x->source_count));
  return o;
}

loci_status flow_json(const void *result, char **out, loci_err *err) {
  const loci_flow *f = result;
  js_value *o = json_result("flow"), *summary = js_array(), *notes = js_array();
  const int values[4] = {0, 0, f->layer_count, f->prompt->length};
  js_put(&o, "model", json_model(f->model, f->hash));
  json_put_request(&o, &f->result);
  js_put(&o, "prompt", json_prompt(f->prompt));
  js_put(&o, "constraints", json_constraints(f->prompt));
  js_put(&o, "next", json_top(f->next, LOCI_TOP));
  for (int i = 0; i < f->path_count; i++) {
    js_push(&summary, json_path(&f->paths[i], f->layer_count));
  }
  js_put(&o, "summary", summary);
  js_put(&o, "to", js_ints(f->queries, f->query_count));
  js_put(&o, "layers", js_ints(f->layers, f->layer_count));
  js_put(&o, "contribution", json_table(f->contribution, f));
  js_put(&o, "attention", json_table(f->attention, f));
  if (f->head_count > 0) {
    js_put(&o, "contribution_heads", json_heads(f->contribution_heads, f));
    js_put(&o, "attention_heads", json_heads(f->attention_heads, f));
  }
  js_put(&o, "value_norms", json_array(f->value_norms, values, 2));
  js_put(&o, "sinks", json_sinks(f));
  js_put(&o, "cost", json_cost(&f->cost));
  for (int i = 0; i < f->note_count; i++) js_push(&notes, js_text(f->notes[i]));
  js_put(&o, "notes", notes);
  return json_print_lines(o, out, err);
}
