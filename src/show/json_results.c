/* The small JSON results: tokens of a text, an answer, a bench, an error (docs/FORMATS.md). */
#include <stdlib.h>

#include "show/formats.h"
#include "show/json_parts.h"

loci_status text_tokens_json(const void *result, char **out, loci_err *err) {
  const loci_text_tokens *tokens = result;
  js_value *o = js_object(), *texts = js_array(), *ranges = js_array();
  for (int i = 0; i < tokens->count; i++) {
    js_value *range = js_array();
    js_push(&range, js_int(tokens->bytes[i][0]));
    js_push(&range, js_int(tokens->bytes[i][1]));
    js_push(&ranges, range);
    js_push(&texts, js_text(tokens->tokens[i]));
  }
  js_put(&o, "ids", js_ints(tokens->ids, tokens->count));
  js_put(&o, "tokens", texts);
  js_put(&o, "bytes", ranges);
  js_put(&o, "decoded", js_text_n(tokens->decoded, tokens->decoded_size));
  js_put(&o, "decoded_skip_special",
         js_text_n(tokens->decoded_skip_special, tokens->decoded_skip_special_size));
  return js_print(o, false, out, err); /* one line: --lines prints many */
}

loci_status answer_json(const void *result, char **out, loci_err *err) {
  const loci_answer *answer = result;
  js_value *o = json_result("ask"), *steps = js_array();
  js_put(&o, "answer", js_text(answer->text));
  js_put(&o, "ids", js_ints(answer->ids, answer->count));
  for (int i = 0; i < answer->count; i++) {
    const loci_candidate *taken = &answer->top[i][0];
    js_value *step = js_object();
    js_put(&step, "id", js_int(taken->id));
    js_put(&step, "text", js_text(taken->text));
    js_put(&step, "p", js_real(taken->p));
    js_put(&step, "top", json_top(answer->top[i], LOCI_TOP));
    js_push(&steps, step);
  }
  js_put(&o, "steps", steps);
  if (answer->model) js_put(&o, "model", json_model(answer->model, answer->hash));
  json_put_request(&o, &answer->result);
  return json_print_lines(o, out, err);
}

loci_status bench_json(const void *result, char **out, loci_err *err) {
  const loci_bench *bench = result;
  js_value *o = json_result("bench");
  js_put(&o, "layers", js_int(bench->layers));
  js_put(&o, "width", js_int(bench->width));
  js_put(&o, "inner", js_int(bench->inner));
  js_put(&o, "heads", js_int(bench->heads));
  js_put(&o, "kv_heads", js_int(bench->kv_heads));
  js_put(&o, "rows", js_int(bench->rows));
  js_put(&o, "threads", js_int(bench->threads));
  js_put(&o, "precision", js_text(bench->precision));
  js_put(&o, "cpu", js_text(bench->cpu));
  js_put(&o, "engine", js_text(bench->engine));
  js_put(&o, "product_flop_per_s", js_real(bench->product_flop_per_s));
  js_put(&o, "walk_flop_per_s", js_real(bench->walk_flop_per_s));
  js_put(&o, "walk_seconds", js_real(bench->walk_seconds));
  js_put(&o, "share", js_real(bench->share));
  return js_print(o, true, out, err);
}

loci_status scale_json(const void *result, char **out, loci_err *err) {
  const loci_scale *s = result;
  js_value *o = json_result("scale");
  js_put(&o, "model", json_model(s->model, ""));
  js_put(&o, "precision", js_text(s->precision));
  js_put(&o, "cpu", js_text(s->cpu));
  js_put(&o, "engine", js_text(s->engine));
  js_put(&o, "threads", js_int(s->threads));
  js_put(&o, "positions", js_int(s->positions));
  js_put(&o, "cells", js_int(s->cells));
  js_put(&o, "cells_run", js_int(s->cells_run));
  js_put(&o, "cost", json_cost(&s->cost));
  js_put(&o, "base_rows", js_int(s->base_rows));
  js_put(&o, "vision_seconds", js_real(s->vision_seconds));
  js_put(&o, "first_token_seconds", js_real(s->first_token_seconds));
  js_put(&o, "token_seconds", js_real(s->token_seconds));
  js_put(&o, "token_bytes_per_s", js_real(s->token_bytes_per_s));
  js_put(&o, "read_bytes_per_s", js_real(s->read_bytes_per_s));
  js_put(&o, "product_flop_per_s", js_real(s->product_flop_per_s));
  js_put(&o, "share", js_real(s->share));
  js_put(&o, "peak_bytes", js_int(s->peak_bytes));
  return js_print(o, true, out, err);
}

loci_status edit_cost_json(const void *result, char **out, loci_err *err) {
  const loci_edit_cost *c = result;
  js_value *o = json_result("edit-cost");
  js_put(&o, "model", json_model(c->model, ""));
  js_put(&o, "precision", js_text(c->precision));
  js_put(&o, "cpu", js_text(c->cpu));
  js_put(&o, "engine", js_text(c->engine));
  js_put(&o, "threads", js_int(c->threads));
  js_put(&o, "positions", js_int(c->positions));
  js_put(&o, "layer", js_int(c->layer));
  js_put(&o, "steps", js_int(c->steps));
  js_put(&o, "reached", js_int(c->reached));
  js_put(&o, "step_rows", js_real(c->step_rows));
  js_put(&o, "prepare_seconds", js_real(c->prepare_seconds));
  js_put(&o, "step_seconds", js_real(c->step_seconds));
  js_put(&o, "update_seconds", js_real(c->update_seconds));
  js_put(&o, "edit_seconds", js_real(c->edit_seconds));
  return js_print(o, true, out, err);
}

loci_status loci_err_json(const loci_err *failure, char **out, loci_err *err) {
  NEEDS(out, "place for the result");
  *out = NULL;
  js_value *o = js_object(), *e = js_object();
  js_put(&e, "code", js_text(loci_status_name(failure->code)));
  js_put(&e, "message", js_text(failure->msg));
  js_put(&o, "error", e);
  return js_print(o, false, out, err);
}

void loci_text_free(char *text) { free(text); }
