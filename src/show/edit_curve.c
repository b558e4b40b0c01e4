/* What edits do over a setting: as JSON ("loci.edit-curve/1"), as CSV, for a terminal. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "show/formats.h"
#include "show/json_parts.h"
#include "show/study_parts.h"

enum { VALUE_W = 10, CELL_W = 10 };

const char *edit_group_title(const char *name, bool broken) {
  static const char *const words[][3] = {{"efficacy", "efficacy", "efficacy"},
                                         {"paraphrases", "paraphrases", "paraphrases"},
                                         {"same_entity", "other renderings", "other\nrenderings"},
                                         {"same_image", "same picture", "same\npicture"},
                                         {"other_images", "other pictures", "other\npictures"},
                                         {"unrelated", "unrelated", "unrelated"}};
  for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
    if (strcmp(words[i][0], name) == 0) return words[i][1 + broken];
  }
  return name;
}

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

/* ---------------------------------------------------------------- terminal */

void edit_table_row(term *t, const char *name, int name_width, const loci_edit_test *x,
                    int columns) {
  char text[24];
  term_cell(t, TERM_BOLD, name, name_width);
  for (int g = 0; g < x->group_count && g < columns; g++) {
    double v = x->groups[g].metrics[0].after.value;
    snprintf(text, sizeof text, isnan(v) ? "-" : "%.2f", v);
    term_cell(t, TERM_PLAIN, text, CELL_W);
  }
  snprintf(text, sizeof text, isnan(x->score.value) ? "-" : "%.2f", x->score.value);
  term_cell(t, TERM_BOLD, text, 0);
  term_newline(t);
}

int edit_table_head(term *t, const char *name, int name_width) {
  static const char *const names[] = {"efficacy", "paraphr.", "render.",
                                      "picture",  "others",   "unrel."};
  int room = (t->width - name_width - 8) / CELL_W, columns = room < 6 ? room : 6;
  if (columns < 0) columns = 0;
  term_cell(t, TERM_DIM, name, name_width);
  for (int g = 0; g < columns && g < 6; g++) term_cell(t, TERM_DIM, names[g], CELL_W);
  term_cell(t, TERM_DIM, "together", 0);
  term_newline(t);
  return columns;
}

void edit_table_notes(term *t) {
  term_words(t, TERM_DIM,
             "shares of free answers: with the target on the question, its paraphrases and other "
             "renderings; as before on the same picture, on other pictures and elsewhere; their "
             "harmonic mean");
  term_newline(t);
}

loci_status edit_curve_draw(const void *result, const loci_draw_opts *opts, char **out,
                            loci_err *err) {
  const loci_edit_curve *c = result;
  loci_draw_opts o = opts ? *opts : (loci_draw_opts){0};
  *out = NULL;
  arena *mem = arena_new();
  if (!mem) return fail_nomem(err, "drawing a curve");
  term t = term_of(&o, mem);
  term_format(&t, TERM_BOLD, "edits by %s over %s", c->tests[0]->method, c->over);
  term_newline(&t);
  term_newline(&t);
  int columns = edit_table_head(&t, c->over, VALUE_W);
  for (int i = 0; i < c->point_count; i++) {
    char text[24];
    snprintf(text, sizeof text, "%g", c->points[i]);
    edit_table_row(&t, text, VALUE_W, c->tests[i], columns);
  }
  if (c->note) {
    term_words(&t, TERM_PLAIN, c->note);
    term_newline(&t);
  }
  term_newline(&t);
  edit_table_notes(&t);
  term_dropped(&t, &c->tests[0]->sample);
  term_sample(&t, &c->tests[0]->sample);
  loci_status st = bytes_take(&t.out, out, NULL, err);
  arena_free(mem);
  return st;
}
