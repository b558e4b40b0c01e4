/* Shared pieces of study reports (see study_parts.h). */
#include "show/study_parts.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "model/command.h"
#include "show/json_parts.h"

/* ---------------------------------------------------------------- JSON */

js_value *json_interval(const loci_interval *i) {
  if (isnan(i->value)) return js_null();
  js_value *o = js_object();
  js_put(&o, "value", js_real(i->value));
  js_put(&o, "lo", js_real(i->lo));
  js_put(&o, "hi", js_real(i->hi));
  return o;
}

js_value *json_reals(const double *x, int64_t n) {
  js_value *a = js_array();
  for (int64_t i = 0; i < n; i++) js_push(&a, js_real(x[i]));
  return a;
}

js_value *json_example(int64_t line, const char *id) {
  js_value *o = js_object();
  js_put(&o, "line", js_int(line));
  js_put(&o, "id", js_text(id));
  return o;
}

void json_put_sample(js_value **to, const loci_sample *s) {
  js_value *o = js_object(), *dropped = js_array();
  js_put(&o, "path", js_text(s->path));
  request_put_wording(&o, s->template_name, s->system, s->date);
  js_put(&o, "precision", js_text(s->precision));
  js_put(&o, "seed", request_seed(s->seed));
  js_put(&o, "used", js_int(s->used));
  for (int i = 0; i < s->dropped_count; i++) {
    js_value *d = json_example(s->dropped[i].line, s->dropped[i].id);
    js_put(&d, "kind", js_text(s->dropped[i].kind));
    js_put(&d, "reason", js_text(s->dropped[i].reason));
    js_push(&dropped, d);
  }
  js_put(&o, "dropped", dropped);
  js_put(&o, "seconds", js_real(s->seconds));
  js_put(to, "model", json_model(s->model, s->hash));
  js_put(to, "sample", o);
}
