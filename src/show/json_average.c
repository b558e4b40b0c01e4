/* Averages over examples as JSON and CSV.  Field names and their order are docs/FORMATS.md's. */
#include <math.h>
#include <stdio.h>

#include "show/formats.h"
#include "show/json_parts.h"
#include "show/study_parts.h"

static js_value *json_curve(const loci_curve *c, int points) {
  js_value *o = js_object(), *value = js_array(), *lo = js_array(), *hi = js_array();
  for (int i = 0; i < points; i++) {
    js_push(&value, js_real(c->points[i].value));
    js_push(&lo, js_real(c->points[i].lo));
    js_push(&hi, js_real(c->points[i].hi));
  }
  js_put(&o, "name", js_text(c->name));
  js_put(&o, "n", js_int(c->n));
  js_put(&o, "value", value);
  js_put(&o, "lo", lo);
  js_put(&o, "hi", hi);
  if (c->errors) js_put(&o, "se", json_reals(c->errors, points));
  if (!c->has_peak) return o;
  js_put(&o, "peak", json_interval(&c->peak_at));
  js_put(&o, "peak_stays", js_real(c->peak_stays));
  js_put(&o, "causal", js_ints(c->causal, c->causal_count));
  return o;
}

static js_value *json_chart(const loci_chart *c) {
  js_value *o = js_object(), *curves = js_array(), *mark = js_object();
  js_put(&o, "name", js_text(c->name));
  js_put(&o, "unit", js_text(c->unit));
  js_put(&o, "x", js_text(c->x_name));
  js_put(&o, "points", js_ints(c->points, c->point_count));
  for (int i = 0; i < c->curve_count; i++)
    js_push(&curves, json_curve(&c->curves[i], c->point_count));
  js_put(&o, "curves", curves);
  js_put(&mark, "name", js_text(c->mark_name));
  js_put(&mark, "value", js_real(c->mark));
  if (isnan(c->mark)) {
    js_free(mark);
    mark = js_null();
  }
  js_put(&o, "mark", mark);
  return o;
}

loci_status average_json(const void *result, char **out, loci_err *err) {
  const loci_average *a = result;
  char command[32];
  snprintf(command, sizeof command, "study.%s", a->what);
  js_value *o = json_result(command), *numbers = js_array(), *charts = js_array();
  json_put_sample(&o, &a->sample);
  json_put_request(&o, &a->result);
  js_put(&o, "title", js_text(a->title));
  js_put(&o, "right", js_int(a->right));
  js_put(&o, "wrong", js_int(a->wrong));
  for (int i = 0; i < a->number_count; i++) {
    js_value *x = js_object();
    js_put(&x, "name", js_text(a->numbers[i].name));
    js_put(&x, "value", js_real(a->numbers[i].value.value));
    js_put(&x, "lo", js_real(a->numbers[i].value.lo));
    js_put(&x, "hi", js_real(a->numbers[i].value.hi));
    js_push(&numbers, x);
  }
  js_put(&o, "numbers", numbers);
  for (int i = 0; i < a->chart_count; i++) js_push(&charts, json_chart(&a->charts[i]));
  js_put(&o, "charts", charts);
  return json_print_lines(o, out, err);
}

void average_csv(const void *result, bytes *out) {
  const loci_average *a = result;
  bytes_text(out, "chart,unit,curve,n,x,point,mean,lo,hi,se\r\n");
  for (int i = 0; i < a->chart_count; i++) {
    const loci_chart *c = &a->charts[i];
    for (int k = 0; k < c->curve_count; k++) {
      for (int p = 0; p < c->point_count; p++) {
        const loci_interval *x = &c->curves[k].points[p];
        csv_text(out, c->name);
        bytes_text(out, ",");
        csv_text(out, c->unit);
        bytes_text(out, ",");
        csv_text(out, c->curves[k].name);
        bytes_format(out, ",%d,%s,%d", c->curves[k].n, c->x_name, c->points[p]);
        csv_number(out, x->value);
        csv_number(out, x->lo);
        csv_number(out, x->hi);
        csv_number(out, c->curves[k].errors ? c->curves[k].errors[p] : (double)NAN);
        bytes_text(out, "\r\n");
      }
    }
  }
}
