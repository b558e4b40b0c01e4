/* What edits do on an edit set, as JSON ("loci.edit.test/1"). */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "edit/edit.h"
#include "show/formats.h"
#include "show/json_parts.h"
#include "show/study_parts.h"

/* ---------------------------------------------------------------- JSON */

static js_value *json_group(const loci_edit_group *g) {
  js_value *o = js_object(), *metrics = js_object();
  js_put(&o, "name", js_text(g->name));
  js_put(&o, "examples", js_int(g->examples));
  js_put(&o, "questions", js_int(g->questions));
  for (int i = 0; i < g->metric_count; i++) {
    js_value *m = js_object();
    js_put(&m, "before", json_interval(&g->metrics[i].before));
    js_put(&m, "after", json_interval(&g->metrics[i].after));
    js_put(&metrics, g->metrics[i].name, m);
  }
  js_put(&o, "metrics", metrics);
  return o;
}

js_value *json_edit_groups(const loci_edit_test *t) {
  js_value *groups = js_array();
  for (int i = 0; i < t->group_count; i++) js_push(&groups, json_group(&t->groups[i]));
  return groups;
}

void json_put_edit_test(js_value **to, const loci_edit_test *t) {
  js_put(to, "layer", t->layer < 0 ? js_null() : js_int(t->layer));
  js_put(to, "settings", edit_settings_json(&t->settings));
  js_put(to, "score", json_interval(&t->score));
  js_put(to, "groups", json_edit_groups(t));
}

loci_status edit_test_json(const void *result, char **out, loci_err *err) {
  const loci_edit_test *t = result;
  js_value *o = json_result("edit.test");
  json_put_sample(&o, &t->sample);
  js_put(&o, "method", js_text(t->method));
  json_put_edit_test(&o, t);
  return json_print_lines(o, out, err);
}
