/* What was found in a file of examples, as JSON.  Field names and their order are
 * docs/FORMATS.md's.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "show/formats.h"
#include "show/json_parts.h"
#include "show/study_parts.h"
#include "text/span.h"

static js_value *json_kind(const loci_finding_kind *k) {
  js_value *o = js_object();
  js_put(&o, "kind", js_text(k->name));
  js_put(&o, "error", js_bool(k->error));
  js_put(&o, "count", js_int(k->count));
  js_put(&o, "repaired", js_int(k->repaired));
  js_put(&o, "meaning", js_text(k->meaning));
  return o;
}

static js_value *json_finding(const loci_finding *f) {
  js_value *o = json_example(f->line, f->id);
  js_put(&o, "field", js_text(f->field));
  js_put(&o, "kind", js_text(f->kind));
  js_put(&o, "error", js_bool(f->error));
  js_put(&o, "repaired", js_text(f->repaired));
  js_put(&o, "message", js_text(f->message));
  return o;
}

loci_status data_report_json(const void *result, char **out, loci_err *err) {
  const loci_data_report *r = result;
  char name[32];
  snprintf(name, sizeof name, "data-%s", r->what);
  js_value *o = json_result(name), *kinds = js_array(), *findings = js_array();
  js_put(&o, "path", js_text(r->path));
  js_put(&o, "out", js_text(r->out));
  js_put(&o, "read", js_int(r->read));
  js_put(&o, "written", js_int(r->written));
  js_put(&o, "bad", js_int(r->bad));
  if (strcmp(r->what, "import") == 0) {
    js_put(&o, "answered", js_int(r->answered));
    js_put(&o, "pictured", js_int(r->pictured));
  }
  if (strcmp(r->what, "annotate") == 0) {
    js_put(&o, "compared", js_int(r->compared));
    js_put(&o, "exact", js_int(r->exact));
    js_put(&o, "token_f1", r->compared ? js_real(r->token_f1) : js_null());
  }
  for (int i = 0; i < r->kind_count; i++) js_push(&kinds, json_kind(&r->kinds[i]));
  js_put(&o, "kinds", kinds);
  for (int64_t i = 0; i < r->finding_count; i++) js_push(&findings, json_finding(&r->findings[i]));
  js_put(&o, "findings", findings);
  return json_print_lines(o, out, err);
}

static js_value *json_spans(const loci_example *e) {
  js_value *list = js_array();
  for (int i = 0; i < e->constraint_count; i++) {
    js_value *o = js_object(), *range = js_array();
    span s = span_find(e->question, e->constraints[i]);
    js_put(&o, "text", js_text(e->constraints[i]));
    js_put(&o, "kind", js_text(e->kinds[i]));
    js_push(&range, js_int(s.begin));
    js_push(&range, js_int(s.begin + (int64_t)s.length));
    if (s.begin < 0) {
      js_free(range);
      range = js_null();
    }
    js_put(&o, "bytes", range);
    js_push(&list, o);
  }
  return list;
}

loci_status example_json(const void *result, char **out, loci_err *err) {
  const loci_example *e = result;
  js_value *o = json_example(e->line, e->id), *answers = js_array();
  js_put(&o, "question", js_text(e->question));
  js_put(&o, "constraints", json_spans(e));
  for (int i = 0; i < e->answer_count; i++) js_push(&answers, js_text(e->answers[i]));
  js_put(&o, "answers", answers);
  js_put(&o, "image", js_text(e->image));
  return js_print(o, false, out, err);
}
