/* Two runs compared: JSON ("loci.study.compare/1"), CSV, and a table for a terminal. */
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

/* ---------------------------------------------------------------- terminal */

static void put_side(term *t, const char *name, const loci_compared_run *r, const char *which) {
  term_format(t, TERM_BOLD, "%s", name);
  term_format(t, TERM_PLAIN, "%s, %s%s: %d examples, %d left out", r->title, path_base(r->model),
              which, r->used, r->dropped);
  term_format(t, TERM_DIM, "(%s, run %" PRId64 ")", path_base(r->store), r->run);
  term_newline(t);
}

/* The number whose difference is the largest. */
static int strongest(const loci_compared_row *r) {
  int best = -1;
  for (int i = 0; i < r->count; i++) {
    double x = fabs(r->points[i].difference.value);
    if (!isnan(x) && (best < 0 || x > fabs(r->points[best].difference.value))) best = i;
  }
  return best;
}

static void put_row(term *t, const loci_compared_row *r) {
  char text[80];
  int best = strongest(r), sure = 0;
  if (best < 0) return;
  const loci_compared *p = &r->points[best];
  for (int i = 0; i < r->count; i++) sure += r->points[i].q < 0.05;
  char *place = chart_words(t->mem, r->place), *quantity = chart_words(t->mem, r->quantity);
  term_format(t, TERM_BOLD, "%s%s%s", quantity ? quantity : "", r->place[0] ? ", " : "",
              place ? place : "");
  if (r->window > 0) term_format(t, TERM_DIM, "window %d", r->window);
  t->indent = 4;
  term_newline(t);
  term_put(t, TERM_PLAIN, "    ");
  term_format(t, TERM_PLAIN, "b - a %s", mean_text(&p->difference, t->ascii, text));
  if (r->count > 1) term_format(t, TERM_PLAIN, "at %d", r->first + best);
  term_format(t, TERM_DIM, "(%.3g to %.3g, q %.2g)", p->a, p->b, p->q);
  if (r->count > 1) {
    term_format(t, TERM_PLAIN, "; peaks at %d and %d", r->first + r->peak_a, r->first + r->peak_b);
    if (!isnan(r->spearman)) term_format(t, TERM_PLAIN, "; rank correlation %.2f", r->spearman);
    term_format(t, TERM_DIM, "; %d of %d differ", sure, r->count);
  }
  t->indent = 0;
  term_newline(t);
}

loci_status comparison_draw(const void *result, const loci_draw_opts *opts, char **out,
                            loci_err *err) {
  const loci_comparison *c = result;
  loci_draw_opts o = opts ? *opts : (loci_draw_opts){0};
  *out = NULL;
  arena *mem = arena_new();
  if (!mem) return fail_nomem(err, "drawing a comparison");
  term t = term_of(&o, mem);
  put_side(&t, "a:", &c->a, c->by_right ? ", right answers" : "");
  put_side(&t, "b:", &c->b, c->by_right ? ", wrong answers" : "");
  if (c->pairs > 0) {
    term_format(&t, TERM_PLAIN, "%d pairs of examples: differences are of pairs", c->pairs);
  } else {
    term_words(&t, TERM_PLAIN, "no example of both: differences are of independent groups");
  }
  term_newline(&t);
  term_newline(&t);
  for (int i = 0; i < c->row_count; i++) put_row(&t, &c->rows[i]);
  term_newline(&t);
  t.indent = 0;
  term_format(&t, TERM_DIM,
              "Intervals are 95 %%, by bootstrap.  q: two-sided normal test, corrected for %" PRId64
              " numbers after Benjamini and Hochberg; those with q < 0.05 differ.",
              c->tests);
  term_newline(&t);
  loci_status st = bytes_take(&t.out, out, NULL, err);
  arena_free(mem);
  return st;
}
