/* Two runs compared, as JSON ("loci.study.compare/1") and as CSV. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "show/formats.h"
#include "show/json_parts.h"
#include "show/study_parts.h"

/* ---------------------------------------------------------------- JSON, CSV */

static js_value *json_side(const loci_compared_run *r) {
  js_value *o = js_object();
  js_put(&o, "store", js_text(r->store));
  js_put(&o, "run", js_int(r->run));
  js_put(&o, "what", js_text(r->what));
  js_put(&o, "title", js_text(r->title));
  js_put(&o, "model", js_text(r->model));
  js_put(&o, "hash", js_text(r->hash));
  js_put(&o, "used", js_int(r->used));
  js_put(&o, "dropped", js_int(r->dropped));
  return o;
}

static js_value *json_row(const loci_compared_row *r) {
  js_value *o = js_object(), *points = js_array();
  js_put(&o, "quantity", js_text(r->quantity));
  js_put(&o, "window", js_int(r->window));
  js_put(&o, "place", js_text(r->place));
  js_put(&o, "spearman", js_real(r->spearman));
  js_put(&o, "peak_a", r->peak_a < 0 ? js_null() : js_int(r->first + r->peak_a));
  js_put(&o, "peak_b", r->peak_b < 0 ? js_null() : js_int(r->first + r->peak_b));
  for (int i = 0; i < r->count; i++) {
    const loci_compared *p = &r->points[i];
    js_value *x = js_object();
    js_put(&x, "point", js_int(r->first + i));
    js_put(&x, "a", js_real(p->a));
    js_put(&x, "b", js_real(p->b));
    js_put(&x, "difference", json_interval(&p->difference));
    js_put(&x, "p", js_real(p->p));
    js_put(&x, "q", js_real(p->q));
    js_push(&points, x);
  }
  js_put(&o, "points", points);
  return o;
}

loci_status comparison_json(const void *result, char **out, loci_err *err) {
  const loci_comparison *c = result;
  js_value *o = json_result("study.compare"), *rows = js_array();
  js_put(&o, "a", json_side(&c->a));
  js_put(&o, "b", json_side(&c->b));
  js_put(&o, "by_right", js_bool(c->by_right));
  js_put(&o, "pairs", js_int(c->pairs));
  js_put(&o, "tests", js_int(c->tests));
  js_put(&o, "correction", js_text("Benjamini-Hochberg"));
  for (int i = 0; i < c->row_count; i++) js_push(&rows, json_row(&c->rows[i]));
  js_put(&o, "rows", rows);
  return json_print_lines(o, out, err);
}

void comparison_csv(const void *result, bytes *out) {
  const loci_comparison *c = result;
  bytes_text(out, "quantity,window,place,point,pairs,a,b,difference,lo,hi,p,q\r\n");
  for (int r = 0; r < c->row_count; r++) {
    const loci_compared_row *row = &c->rows[r];
    for (int i = 0; i < row->count; i++) {
      const loci_compared *p = &row->points[i];
      const double x[] = {p->a, p->b, p->difference.value, p->difference.lo, p->difference.hi,
                          p->p, p->q};
      csv_text(out, row->quantity);
      bytes_format(out, ",%d,", row->window);
      csv_text(out, row->place);
      bytes_format(out, ",%d,%d", row->first + i, p->n);
      for (size_t k = 0; k < sizeof x / sizeof *x; k++) csv_number(out, x[k]);
      bytes_text(out, "\r\n");
    }
  }
}
