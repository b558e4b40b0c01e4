/* An edit as JSON ("loci.edit/1"): a single request's numbers stand at the top, too. */
#include "edit/edit.h"
#include "model/command.h"
#include "show/formats.h"
#include "show/json_parts.h"
#include "show/study_parts.h"

static js_value *json_steps(const loci_edit_fact *f) {
  js_value *a = js_array();
  for (int i = 0; i < f->step_count; i++) {
    js_value *o = js_object();
    js_put(&o, "loss", js_real(f->steps[i].loss));
    js_put(&o, "p", js_real(f->steps[i].p));
    js_push(&a, o);
  }
  return a;
}

static void put_fact(js_value **o, const loci_edit_fact *f) {
  js_put(o, "image", js_text(f->image));
  js_put(o, "question", js_text(f->question));
  request_put_wording(o, f->template_name, f->system, f->date);
  js_put(o, "constraint", js_text(f->constraint));
  js_put(o, "target", json_target(f->target_ids, f->target_count, f->target, true));
  js_put(o, "position", js_int(f->position));
  js_put(o, "prompts", js_int(f->prompt_count));
  js_put(o, "p_before", js_real(f->before.m.p));
  js_put(o, "p_after", js_real(f->after.m.p));
  js_put(o, "logp_before", js_real(f->before.m.logp));
  js_put(o, "logp_after", js_real(f->after.m.logp));
  js_put(o, "answer_before", js_text(f->answer_before));
  js_put(o, "answer_after", js_text(f->answer_after));
  js_put(o, "before", json_outcome(&f->before, true, false));
  js_put(o, "after", json_outcome(&f->after, true, true));
  js_put(o, "key_norm", js_real(f->key_norm));
  js_put(o, "value_norm", js_real(f->value_norm));
  js_put(o, "delta_norm", js_real(f->delta_norm));
  js_put(o, "steps", json_steps(f));
}

loci_status edit_json(const void *result, char **out, loci_err *err) {
  const loci_edit *e = result;
  js_value *o = json_result("edit"), *update = js_object(), *requests = js_array();
  js_put(&o, "method", js_text(e->method));
  js_put(&o, "model_hash", js_text(e->hash));
  js_put(&o, "precision", js_text(e->precision));
  js_put(&o, "layer", js_int(e->layer));
  js_put(&o, "tensor", js_text(e->tensor));
  js_put(&o, "settings", edit_settings_json(&e->settings));
  js_put(&update, "rank", js_int(e->rank));
  js_put(&update, "norm", js_real(e->norm));
  js_put(&o, "update", update);
  if (e->fact_count == 1) put_fact(&o, &e->facts[0]);
  for (int i = 0; e->fact_count > 1 && i < e->fact_count; i++) {
    js_value *fact = js_object();
    put_fact(&fact, &e->facts[i]);
    js_push(&requests, fact);
  }
  js_put(&o, "requests", requests);
  js_put(&o, "cost", json_cost(&e->cost));
  return json_print_lines(o, out, err);
}

loci_status covariance_json(const void *result, char **out, loci_err *err) {
  const loci_covariance *c = result;
  js_value *o = json_result("edit.covariance");
  if (c->sample.model) json_put_sample(&o, &c->sample);
  js_put(&o, "model_hash", js_text(c->hash));
  js_put(&o, "precision", js_text(c->precision));
  js_put(&o, "layer", js_int(c->layer));
  js_put(&o, "tensor", js_text(c->tensor));
  js_put(&o, "inner", js_int(c->inner));
  js_put(&o, "prompts", js_int(c->prompts));
  js_put(&o, "keys", js_int(c->keys));
  return json_print_lines(o, out, err);
}

static js_value *json_check(const loci_edit_check *c) {
  js_value *o = js_object();
  js_put(&o, "question", js_text(c->question));
  js_put(&o, "target", js_text(c->target));
  js_put(&o, "p_before", js_real(c->p_before));
  js_put(&o, "p_edited", js_real(c->p_edited));
  js_put(&o, "p_saved", js_real(c->p_saved));
  js_put(&o, "edited", js_bool(c->edited));
  js_put(&o, "saved", js_bool(c->saved));
  js_put(&o, "answer_edited", js_text(c->answer_edited));
  js_put(&o, "answer_saved", js_text(c->answer_saved));
  return o;
}

loci_status edit_saved_json(const void *result, char **out, loci_err *err) {
  const loci_edit_saved *s = result;
  js_value *o = json_result("edit.apply"), *files = js_object(), *checks = js_array();
  js_put(&o, "dir", js_text(s->dir));
  js_put(&o, "hash", js_text(s->hash));
  js_put(&o, "dtype", js_text(s->dtype));
  js_put(&o, "edits", js_int(s->edit_count));
  js_put(&o, "matrices", js_int(s->matrix_count));
  js_put(&files, "written", js_int(s->written));
  js_put(&files, "linked", js_int(s->linked));
  js_put(&files, "copied", js_int(s->copied));
  js_put(&o, "files", files);
  js_put(&o, "norm", js_real(s->norm));
  js_put(&o, "rounding", js_real(s->rounding));
  for (int i = 0; i < s->check_count; i++) js_push(&checks, json_check(&s->checks[i]));
  js_put(&o, "requests", checks);
  js_put(&o, "lost", js_int(s->lost));
  return json_print_lines(o, out, err);
}
