/* Edits for the eye: what a set of edits does before and after, tests beside each other, and tests
 * over a setting (Basu et al. 2024, fig. 6). */
#include <math.h>
#include <string.h>

#include "show/view_edits.h"

#define LENGTH(list) ((int64_t)(sizeof(list) / sizeof *(list)))

/* What a table of tests shows first. */
static const edit_number usual[] = {
    {"efficacy", NULL, "efficacy", ""},   {"paraphrases", NULL, "paraphr.", ""},
    {"same_entity", NULL, "render.", ""}, {"same_image", NULL, "picture", ""},
    {"other_images", NULL, "others", ""}, {"unrelated", NULL, "unrel.", ""},
    {"portability", NULL, "port.", ""},   {"fact_check", NULL, "fact", ""},
    {NULL, "score", "together", ""},      {NULL, NULL, NULL, NULL}};

/* ---------------------------------------------------------------- one test */

static const view_column test_column[] = {{"", 22, false, false},
                                          {"before", 8, false, false},
                                          {"after (95 %)", 22, false, false},
                                          {"", 12, false, false}};
static const view_columns test_columns = {4, test_column};

/* The other measures of a group, in one line. */
static void say_other_metrics(views *v, const loci_edit_group *g) {
  int last = 0;
  view_begin(v, VIEW_ITEM);
  view_only(v, VIEW_TERM | VIEW_HTML);
  for (int i = 1; i < g->metric_count; i++)
    if (!isnan(g->metrics[i].after.value)) last = i;
  for (int i = 1; i <= last; i++) {
    const loci_edit_metric *m = &g->metrics[i];
    const char *comma = i < last ? "," : "";
    if (isnan(m->after.value)) continue;
    if (isnan(m->before.value)) {
      view_say(v, VIEW_DIM, "%s %.3f%s", m->name, m->after.value, comma);
    } else {
      view_say(v, VIEW_DIM, "%s %.3f to %.3f%s", m->name, m->before.value, m->after.value, comma);
    }
  }
}

static void say_table(views *v, const loci_edit_test *t) {
  char text[80];
  view_row_of_titles(v, &test_columns);
  for (int i = 0; i < t->group_count; i++) {
    const loci_edit_group *g = &t->groups[i];
    double before = g->questions > 0 ? g->metrics[0].before.value : (double)NAN;
    if (g->questions == 0) continue;
    view_row(v, &test_columns);
    view_cell_of(v, VIEW_BOLD, "%s", g->name);
    if (isnan(before)) view_cell_of(v, VIEW_DIM, "-");
    if (!isnan(before)) view_cell_of(v, VIEW_DIM, "%.3f", before);
    view_cell_of(v, VIEW_PLAIN, "%s", interval_text(&g->metrics[0].after, false, v->ascii, text));
    view_cell_of(v, VIEW_DIM, "%d question%s", g->questions, g->questions == 1 ? "" : "s");
    say_other_metrics(v, g);
  }
  view_row(v, &test_columns);
  view_cell_of(v, VIEW_BOLD, "together");
  view_cell_of(v, VIEW_DIM, "%s", "");
  view_cell_of(v, VIEW_PLAIN, "%s", interval_text(&t->score, false, v->ascii, text));
}

/* Questions as rows, pictures as columns: the shares that are answered as before. */
static void say_grid(views *v, const loci_edit_test *t) {
  static const view_column column[] = {{"answered as before", 20, false, false},
                                       {"its picture", 13, false, false},
                                       {"another", 10, false, false},
                                       {"unrelated", 11, false, false},
                                       {"none", 8, false, false}};
  static const view_columns columns = {5, column};
  static const struct {
    const char *question, *groups[4];
  } rows[] = {{"its question", {NULL, "other_images", "unrelated_images", "no_image"}},
              {"a similar one", {"similar", "similar_other_images", NULL, "similar_no_image"}},
              {"an unrelated one", {"same_image", NULL, "unrelated", NULL}},
              {"of text alone", {NULL, NULL, NULL, "text_only"}}};
  view_gap(v);
  view_row_of_titles(v, &columns);
  for (int i = 0; i < 4; i++) {
    view_row(v, &columns);
    view_cell_of(v, VIEW_BOLD, "%s", rows[i].question);
    for (int k = 0; k < 4; k++) {
      edit_number x = {.group = rows[i].groups[k]};
      double value = x.group ? edit_after(t, &x).value : (double)NAN;
      if (isnan(value)) view_cell_of(v, VIEW_DIM, "-");
      if (!isnan(value)) view_cell_of(v, VIEW_PLAIN, "%.2f", value);
    }
  }
}

/* Blindness, and the scope of the edits that are answered with their target. */
static void say_measures(views *v, const loci_edit_test *t) {
  char text[80];
  for (int i = 0; i < t->measure_count; i++) {
    const loci_edit_measure *m = &t->measures[i];
    bool blind = strcmp(m->name, "blindness") == 0;
    if (m->examples == 0) continue;
    view_row(v, &test_columns);
    view_cell_of(v, VIEW_BOLD, "%s%s", blind ? "" : "scope ", m->name);
    if (isnan(m->before.value)) view_cell_of(v, VIEW_DIM, "%s", "");
    if (!isnan(m->before.value)) view_cell_of(v, VIEW_DIM, "%.3f", m->before.value);
    view_cell_of(v, VIEW_PLAIN, "%s", interval_text(&m->after, false, v->ascii, text));
    view_cell_of(v, VIEW_DIM, "%d %s%s", m->examples, blind ? "example" : "edit",
                 m->examples == 1 ? "" : "s");
  }
}

/* The first measure before and after, side by side. */
static void say_bars(views *v, const loci_edit_test *t) {
  edit_draw_bars(v, &(edit_bars){"answered with the new answer", edits_changed, true, false}, NULL,
                 &t, 1);
  edit_draw_bars(v, &(edit_bars){"answered as before the edit", edits_stayed, true, false}, NULL,
                 &t, 1);
  edit_draw_bars(v, &(edit_bars){"share of edits", edits_whole, true, true}, NULL, &t, 1);
  edit_say_shares(v, "lines", true);
}

void view_edit_test(const void *result, const loci_draw_opts *opts, views *v) {
  const loci_edit_test *t = result;
  (void)opts;
  view_begin(v, VIEW_TITLE);
  view_say(v, VIEW_BOLD, "%d example%s, edits by %s", t->sample.used,
           t->sample.used == 1 ? "" : "s", t->method);
  if (t->layer >= 0) view_say(v, VIEW_DIM, "in layer %d", t->layer);
  view_gap(v);
  say_table(v, t);
  say_measures(v, t);
  say_grid(v, t);
  view_gap(v);
  say_bars(v, t);
  for (int i = 0; i < t->group_count; i++) {
    if (t->groups[i].questions == 0) continue;
    view_begin(v, VIEW_LINE);
    view_only(v, VIEW_TERM);
    view_indent(v, 0, 2);
    view_say(v, VIEW_DIM, "%s: %s", t->groups[i].name, edit_group_meaning(t->groups[i].name));
  }
  view_sample(v, &t->sample);
}

/* ---------------------------------------------------------------- several tests */

/* Free answers, and beside them how far the model has moved: KL, and the agreement that VLKEB and
 * EasyEdit publish (its first rank in words alone, its first ten beside pictures). */
static const edit_number moved[] = {
    {"same_image", NULL, "q3 i1", ""},     {"same_image", "kl", "KL", ""},
    {"same_image", "top10", "top-10", ""}, {"unrelated", NULL, "q3 i3", ""},
    {"unrelated", "kl", "KL", ""},         {"unrelated", "top10", "top-10", ""},
    {"text_only", NULL, "text", ""},       {"text_only", "kl", "KL", ""},
    {"text_only", "top1", "top-1", ""},    {NULL, NULL, NULL, NULL}};

static void say_what_tests_are(views *v) {
  view_begin(v, VIEW_LINE);
  view_only(v, VIEW_TERM);
  view_say(v, VIEW_DIM,
           "shares of free answers: with the target on the question, its paraphrases and other "
           "renderings, with what follows from it (port.); as before on cells of question (q1 the "
           "edit's, q2 similar, q3 unrelated) and picture (i1 the edit's, i2 another, i3 "
           "unrelated); their harmonic mean; scope of successful edits; top-10: ranks that are the "
           "same");
}

static void say_tests_bars(views *v, const loci_edit_tests *c) {
  const edit_bars bars[] = {{"answered with the new answer", edits_changed, false, false},
                            {"answered as before the edit", edits_stayed, false, false},
                            {"share of edits", edits_whole, false, true}};
  bool whole = !isnan(edit_after(c->tests[0], &edits_whole[4]).value);
  for (int i = 0; i < 3; i++) {
    edit_bars b = bars[i];
    b.legend |= i == 1 && !whole; /* files of an earlier version end here */
    edit_draw_bars(v, &b, c->names, c->tests, c->count);
  }
  edit_say_shares(v, "lines", whole);
}

void view_edit_tests(const void *result, const loci_draw_opts *opts, views *v) {
  const loci_edit_tests *c = result;
  (void)opts;
  view_begin(v, VIEW_TITLE);
  view_only(v, VIEW_PAGE);
  view_say(v, VIEW_BOLD, "What edits do");
  const edit_number *const lists[] = {usual, edits_stayed, edits_whole, moved};
  for (int i = 0; i < 4; i++) {
    edit_table(v, "", c->names, c->tests, c->count, lists[i]);
    view_gap(v);
  }
  say_tests_bars(v, c);
  for (int i = 0; i < c->count; i++) {
    const loci_edit_test *t = c->tests[i];
    char text[80];
    view_begin(v, VIEW_LINE);
    view_say(v, VIEW_PLAIN, "%s: together %s, %d examples, %s", c->names[i],
             interval_text(&t->score, false, v->ascii, text), t->sample.used, t->method);
    if (t->layer >= 0) view_say(v, VIEW_PLAIN, "in layer %d", t->layer);
  }
  view_gap(v);
  say_what_tests_are(v);
}

/* ---------------------------------------------------------------- tests over a setting */

static view_series line_of(views *v, const loci_edit_curve *c, const edit_number *x) {
  int n = c->point_count;
  const char *name = x->group ? edit_group_title(x->group) : "harmonic mean";
  double *values = view_array(v, 3 * (int64_t)n, double);
  for (int i = 0; i < n && values; i++) {
    loci_interval at = edit_after(c->tests[i], x);
    values[i] = at.value;
    values[n + i] = at.lo;
    values[2 * n + i] = at.hi;
  }
  return (view_series){.name = name,
                       .values = values,
                       .lo = values ? values + n : NULL,
                       .hi = values ? values + 2 * n : NULL};
}

/* The first measures of the table that its first test has questions for. */
static void say_curve_lines(views *v, const loci_edit_curve *c) {
  const char **labels = view_array(v, c->point_count, const char *);
  int *points = view_array(v, c->point_count, int), n = 0;
  view_series *series = view_array(v, LENGTH(usual), view_series);
  view_lines *l = view_array(v, 1, view_lines);
  for (int i = 0; i < c->point_count && !v->status; i++) {
    labels[i] = view_format(v, "%g", c->points[i]);
    points[i] = i;
  }
  for (const edit_number *x = usual; (x->group || x->metric) && !v->status; x++) {
    if (!isnan(edit_after(c->tests[0], x).value)) series[n++] = line_of(v, c, x);
  }
  if (v->status) return;
  *l = (view_lines){.unit = "share of answers",
                    .x_name = strcmp(c->over, "count") ? c->over : "edits in one matrix",
                    .point_count = c->point_count,
                    .points = points,
                    .labels = labels,
                    .series_count = n,
                    .series = series,
                    .mark = (double)NAN};
  view_draw(v, VIEW_LINES, VIEW_PAGE | VIEW_HTML, false, l);
  edit_say_shares(v, "bands", false);
}

void view_edit_curve(const void *result, const loci_draw_opts *opts, views *v) {
  const loci_edit_curve *c = result;
  (void)opts;
  view_begin(v, VIEW_TITLE);
  view_say(v, VIEW_BOLD, "edits by %s over %s", c->tests[0]->method, c->over);
  view_gap(v);
  const char **names = view_array(v, c->point_count, const char *);
  for (int i = 0; i < c->point_count && names; i++) names[i] = view_format(v, "%g", c->points[i]);
  if (v->status) return;
  edit_table(v, c->over, names, c->tests, c->point_count, usual);
  say_curve_lines(v, c);
  if (c->note) {
    view_begin(v, VIEW_LINE);
    view_say(v, VIEW_PLAIN, "%s", c->note);
  }
  view_gap(v);
  view_begin(v, VIEW_LINE);
  view_only(v, VIEW_TERM);
  view_say(v, VIEW_DIM,
           "shares of free answers: with the target on the question, its paraphrases and other "
           "renderings, with what follows from it (port.); as before on other questions on the "
           "picture, the question on other pictures, and unrelated ones; their harmonic mean");
  view_sample(v, &c->tests[0]->sample);
}
