/* A logit lens as JSON ("loci.lens/1"); arrays are [position][layer]. */
#include "show/formats.h"
#include "show/json_parts.h"

typedef js_value *cell_fn(const loci_lens_cell *c);

static js_value *top_of(const loci_lens_cell *c) { return json_top(c->top, LOCI_TOP); }
static js_value *p_of(const loci_lens_cell *c) { return js_real(c->p); }
static js_value *logp_of(const loci_lens_cell *c) { return js_real(c->logp); }
static js_value *rank_of(const loci_lens_cell *c) { return js_int(c->rank); }

static js_value *cell_array(const loci_lens *l, cell_fn *cell) {
  js_value *positions = js_array();
  for (int i = 0; i < l->position_count; i++) {
    js_value *row = js_array();
    for (int k = 0; k < l->layer_count; k++) {
      js_push(&row, cell(&l->cells[(int64_t)i * l->layer_count + k]));
    }
    js_push(&positions, row);
  }
  return positions;
}

loci_status lens_json(const void *result, char **out, loci_err *err) {
  const loci_lens *l = result;
  js_value *o = json_result("lens"), *clean = js_object();
  js_put(&clean, "top", json_top(l->clean, LOCI_TOP));
  js_put(&o, "model", json_model(l->model, l->hash));
  json_put_request(&o, &l->result);
  js_put(&o, "prompt", json_prompt(l->prompt));
  js_put(&o, "constraints", json_constraints(l->prompt));
  js_put(&o, "target", json_target(&l->target_id, 1, l->target_text, l->answer_given));
  js_put(&o, "clean", clean);
  js_put(&o, "positions", js_ints(l->positions, l->position_count));
  js_put(&o, "layers", js_ints(l->layers, l->layer_count));
  js_put(&o, "top", cell_array(l, top_of));
  js_put(&o, "p_target", cell_array(l, p_of));
  js_put(&o, "logp_target", cell_array(l, logp_of));
  js_put(&o, "rank", cell_array(l, rank_of));
  js_put(&o, "cost", json_cost(&l->cost));
  return json_print_lines(o, out, err);
}
