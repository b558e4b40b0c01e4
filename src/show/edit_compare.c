/* Tests of edits beside each other: as JSON ("loci.edit-compare/1") and as CSV. */
#include <stdio.h>
#include <string.h>

#include "show/formats.h"
#include "show/json_parts.h"
#include "show/study_parts.h"

loci_status edit_tests_json(const void *result, char **out, loci_err *err) {
  const loci_edit_tests *c = result;
  js_value *o = json_result("edit-compare"), *tests = js_array();
  for (int i = 0; i < c->count; i++) {
    const loci_edit_test *t = c->tests[i];
    js_value *x = js_object();
    js_put(&x, "name", js_text(c->names[i]));
    js_put(&x, "method", js_text(t->method));
    js_put(&x, "layer", t->layer < 0 ? js_null() : js_int(t->layer));
    js_put(&x, "used", js_int(t->sample.used));
    js_put(&x, "score", json_interval(&t->score));
    js_put(&x, "groups", json_edit_groups(t));
    js_push(&tests, x);
  }
  js_put(&o, "tests", tests);
  return json_print_lines(o, out, err);
}

static void put_row(bytes *out, const char *name, const char *group, const loci_interval *x) {
  csv_text(out, name);
  bytes_format(out, ",%s", group);
  csv_number(out, x->value);
  csv_number(out, x->lo);
  csv_number(out, x->hi);
  bytes_text(out, "\r\n");
}

void edit_tests_csv(const void *result, bytes *out) {
  const loci_edit_tests *c = result;
  bytes_text(out, "name,group,value,lo,hi\r\n");
  for (int i = 0; i < c->count; i++) {
    const loci_edit_test *t = c->tests[i];
    for (int g = 0; g < t->group_count; g++)
      put_row(out, c->names[i], t->groups[g].name, &t->groups[g].metrics[0].after);
    put_row(out, c->names[i], "together", &t->score);
  }
}
