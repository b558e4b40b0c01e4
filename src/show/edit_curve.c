/* What edits do over a setting: as JSON ("loci.edit-curve/1") and as CSV. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "show/formats.h"
#include "show/json_parts.h"
#include "show/study_parts.h"

loci_status edit_curve_json(const void *result, char **out, loci_err *err) {
  const loci_edit_curve *c = result;
  js_value *o = json_result("edit-curve"), *points = js_array();
  const loci_edit_test *first = c->tests[0];
  json_put_sample(&o, &first->sample);
  js_put(&o, "method", js_text(first->method));
  js_put(&o, "over", js_text(c->over));
  for (int i = 0; i < c->point_count; i++) {
    js_value *p = js_object();
    js_put(&p, "value", js_real(c->points[i]));
    js_put(&p, "used", js_int(c->tests[i]->sample.used));
    json_put_edit_test(&p, c->tests[i]);
    js_push(&points, p);
  }
  js_put(&o, "points", points);
  js_put(&o, "note", js_text(c->note));
  return json_print_lines(o, out, err);
}

static void put_rows(const loci_edit_test *t, const char *over, double value, bytes *out) {
  for (int g = 0; g < t->group_count; g++) {
    const loci_edit_group *group = &t->groups[g];
    for (int i = 0; i < group->metric_count; i++) {
      const loci_edit_metric *m = &group->metrics[i];
      const loci_interval *x[2] = {&m->before, &m->after};
      if (over) bytes_format(out, "%s,%.12g,", over, value);
      bytes_format(out, "%s,%s,%d,%d", group->name, m->name, group->examples, group->questions);
      for (int k = 0; k < 2; k++) {
        csv_number(out, x[k]->value);
        csv_number(out, x[k]->lo);
        csv_number(out, x[k]->hi);
      }
      bytes_text(out, "\r\n");
    }
  }
}

void edit_curve_csv(const void *result, bytes *out) {
  const loci_edit_curve *c = result;
  bytes_text(out, "over,value,group,metric,examples,questions,before,before_lo,before_hi,after,"
                  "after_lo,after_hi\r\n");
  for (int i = 0; i < c->point_count; i++) put_rows(c->tests[i], c->over, c->points[i], out);
}

void edit_test_csv(const void *result, bytes *out) {
  const loci_edit_test *t = result;
  bytes_text(out, "group,metric,examples,questions,before,before_lo,before_hi,after,after_lo,"
                  "after_hi\r\n");
  put_rows(t, NULL, 0, out);
}
