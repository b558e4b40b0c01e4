/* Edits for the eye: what a set of edits does before and after, tests beside each other, and tests
 * over a setting (Basu et al. 2024, fig. 6). */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/utf8.h"
#include "show/view_parts.h"

enum { GROUPS = 6, NAME_MIN = 10, NAME_MAX = 26, CELL_W = 10 };

/* What a group is called: by a table's narrow column, in a sentence, below a bar; what its first
 * measure says. */
static const struct group_words {
  const char *name, *brief, *title, *broken, *meaning;
} groups[GROUPS] = {{"efficacy", "efficacy", "efficacy", "efficacy",
                     "the question itself: answered with the target"},
                    {"paraphrases", "paraphr.", "paraphrases", "paraphrases",
                     "in other words: answered with the target"},
                    {"same_entity", "render.", "other renderings", "other\nrenderings",
                     "other pictures of the entity: answered with the target"},
                    {"same_image", "picture", "same picture", "same\npicture",
                     "other questions on the picture: answered as before"},
                    {"other_images", "others", "other pictures", "other\npictures",
                     "the question on other pictures: answered as before"},
                    {"unrelated", "unrel.", "unrelated", "unrelated",
                     "other questions on other pictures: answered as before"}};

static const struct group_words *words_of(const char *name) {
  static const struct group_words unknown = {"", "", "", "", ""};
  for (int i = 0; i < GROUPS; i++) {
    if (strcmp(groups[i].name, name) == 0) return &groups[i];
  }
  return &unknown;
}

/* The first measure of a group, or after the last group the harmonic mean. */
static const loci_interval *after(const loci_edit_test *t, int group) {
  return group < t->group_count ? &t->groups[group].metrics[0].after : &t->score;
}

static void say_shares(views *v, const char *lines) {
  view_begin(v, VIEW_LINE);
  view_only(v, VIEW_PAGE);
  view_say(v, VIEW_DIM,
           "Efficacy, paraphrases, other renderings: answered with the new answer. Same picture, "
           "other pictures, unrelated: answered as before the edit. Free answers; means over "
           "examples, %s are 95 %% intervals.",
           lines);
}

/* Room for [count] intervals as a series; NaN to begin with. */
static view_series new_series(views *v, const char *name, int count, double **values) {
  double *x = view_array(v, 3 * (int64_t)count, double);
  for (int i = 0; i < 3 * count && x; i++) x[i] = (double)NAN;
  *values = x;
  if (!x) return (view_series){.name = name};
  return (view_series){.name = name, .values = x, .lo = x + count, .hi = x + 2 * count};
}

static void put_interval(double *values, int count, int i, const loci_interval *x) {
  if (!values) return; /* there was no memory: the views say so */
  values[i] = x->value;
  values[count + i] = x->lo;
  values[2 * count + i] = x->hi;
}

/* ---------------------------------------------------------------- one test */

static const view_column test_column[] = {{"", 14, false, false},
                                          {"before", 8, false, false},
                                          {"after (95 %)", 22, false, false},
                                          {"", 12, false, false}};
static const view_columns test_columns = {4, test_column};

/* The other measures of a group, in one line. */
static void say_other_metrics(views *v, const loci_edit_group *g) {
  view_begin(v, VIEW_ITEM);
  view_only(v, VIEW_TERM | VIEW_HTML);
  for (int i = 1; i < g->metric_count; i++) {
    const loci_edit_metric *m = &g->metrics[i];
    const char *comma = i + 1 < g->metric_count ? "," : "";
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

/* The first measure before and after, side by side. */
static void say_bars(views *v, const loci_edit_test *t) {
  const char **names = view_array(v, t->group_count, const char *);
  const char **notes = view_array(v, t->group_count, const char *);
  view_series *series = view_array(v, 2, view_series);
  view_bars *b = view_array(v, 1, view_bars);
  double *x[2] = {NULL, NULL};
  int n = 0, shown = 0;
  for (int g = 0; g < t->group_count; g++) shown += t->groups[g].questions > 0;
  for (int i = 0; i < 2 && series; i++)
    series[i] = new_series(v, i ? "after" : "before", shown, &x[i]);
  if (v->status) return;
  for (int g = 0; g < t->group_count; g++) {
    const loci_edit_group *from = &t->groups[g];
    if (from->questions == 0) continue;
    names[n] = words_of(from->name)->broken;
    notes[n] = view_format(v, "n %d", from->questions);
    put_interval(x[0], shown, n, &from->metrics[0].before);
    put_interval(x[1], shown, n++, &from->metrics[0].after);
  }
  *b = (view_bars){.unit = "share of answers",
                   .group_count = shown,
                   .groups = names,
                   .notes = notes,
                   .series_count = 2,
                   .series = series,
                   .mark = (double)NAN};
  if (shown > 0) view_draw(v, VIEW_BARS, VIEW_PAGE | VIEW_HTML, false, b);
  say_shares(v, "lines");
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
  view_gap(v);
  say_bars(v, t);
  for (int i = 0; i < t->group_count; i++) {
    if (t->groups[i].questions == 0) continue;
    view_begin(v, VIEW_LINE);
    view_only(v, VIEW_TERM);
    view_indent(v, 0, 2);
    view_say(v, VIEW_DIM, "%s: %s", t->groups[i].name, words_of(t->groups[i].name)->meaning);
  }
  view_sample(v, &t->sample);
}

/* ---------------------------------------------------------------- several tests */

/* A column for each group, and for all together, which narrow screens keep. */
static const view_columns *tests_columns(views *v, const char *name, int name_width) {
  view_columns *all = view_array(v, 1, view_columns);
  view_column *c = view_array(v, GROUPS + 2, view_column);
  if (v->status) return NULL;
  c[0] = (view_column){name, name_width, false, false};
  for (int g = 0; g < GROUPS; g++) c[1 + g] = (view_column){groups[g].brief, CELL_W, false, false};
  c[GROUPS + 1] = (view_column){"together", 8, false, true};
  *all = (view_columns){GROUPS + 2, c};
  return all;
}

static void say_test(views *v, const view_columns *columns, const char *name,
                     const loci_edit_test *t) {
  view_row(v, columns);
  view_cell_of(v, VIEW_BOLD, "%s", name);
  for (int g = 0; g <= GROUPS; g++) {
    double x = g < GROUPS && g >= t->group_count ? (double)NAN
                                                 : after(t, g < GROUPS ? g : t->group_count)->value;
    if (isnan(x)) view_cell_of(v, VIEW_PLAIN, "-");
    if (!isnan(x)) view_cell_of(v, g < GROUPS ? VIEW_PLAIN : VIEW_BOLD, "%.2f", x);
  }
}

static void say_what_tests_are(views *v) {
  view_begin(v, VIEW_LINE);
  view_only(v, VIEW_TERM);
  view_say(v, VIEW_DIM,
           "shares of free answers: with the target on the question, its paraphrases and other "
           "renderings; as before on the same picture, on other pictures and elsewhere; their "
           "harmonic mean");
}

static bool has_bars(const loci_edit_tests *c, int group) {
  bool any = false;
  for (int i = 0; i < c->count; i++) any |= !isnan(after(c->tests[i], group)->value);
  return any;
}

static void say_tests_bars(views *v, const loci_edit_tests *c) {
  const loci_edit_test *t = c->tests[0];
  const char **names = view_array(v, t->group_count + 1, const char *);
  int *shown = view_array(v, t->group_count + 1, int), n = 0;
  view_series *series = view_array(v, c->count, view_series);
  view_bars *b = view_array(v, 1, view_bars);
  for (int g = 0; g <= t->group_count && !v->status; g++) {
    if (!has_bars(c, g)) continue;
    names[n] = g < t->group_count ? words_of(t->groups[g].name)->broken : "harmonic\nmean";
    shown[n++] = g;
  }
  for (int i = 0; i < c->count && !v->status; i++) {
    double *values;
    series[i] = new_series(v, c->names[i], n, &values);
    for (int g = 0; g < n && values; g++) put_interval(values, n, g, after(c->tests[i], shown[g]));
  }
  if (v->status || n == 0) return;
  *b = (view_bars){.unit = "share of answers",
                   .group_count = n,
                   .groups = names,
                   .series_count = c->count,
                   .series = series,
                   .mark = (double)NAN};
  view_draw(v, VIEW_BARS, VIEW_PAGE | VIEW_HTML, false, b);
  say_shares(v, "lines");
}

void view_edit_tests(const void *result, const loci_draw_opts *opts, views *v) {
  const loci_edit_tests *c = result;
  int wide = NAME_MIN;
  (void)opts;
  for (int i = 0; i < c->count; i++) {
    int n = utf8_columns(c->names[i], strlen(c->names[i])) + 2;
    if (n > wide) wide = n < NAME_MAX ? n : NAME_MAX;
  }
  view_begin(v, VIEW_TITLE);
  view_only(v, VIEW_PAGE);
  view_say(v, VIEW_BOLD, "What edits do");
  const view_columns *columns = tests_columns(v, "", wide);
  if (!columns) return;
  view_row_of_titles(v, columns);
  for (int i = 0; i < c->count; i++) say_test(v, columns, c->names[i], c->tests[i]);
  view_gap(v);
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

static view_series line_of(views *v, const loci_edit_curve *c, const char *name, int group) {
  double *values;
  view_series s = new_series(v, name, c->point_count, &values);
  for (int i = 0; i < c->point_count && values; i++) {
    int last = c->tests[i]->group_count;
    put_interval(values, c->point_count, i, after(c->tests[i], group < 0 ? last : group));
  }
  return s;
}

static void say_curve_lines(views *v, const loci_edit_curve *c) {
  const loci_edit_test *t = c->tests[0];
  const char **labels = view_array(v, c->point_count, const char *);
  int *points = view_array(v, c->point_count, int), n = 0;
  view_series *series = view_array(v, t->group_count + 1, view_series);
  view_lines *l = view_array(v, 1, view_lines);
  for (int i = 0; i < c->point_count && !v->status; i++) {
    labels[i] = view_format(v, "%g", c->points[i]);
    points[i] = i;
  }
  for (int g = 0; g < t->group_count && !v->status; g++) {
    if (t->groups[g].questions > 0)
      series[n++] = line_of(v, c, words_of(t->groups[g].name)->title, g);
  }
  if (v->status) return;
  series[n++] = line_of(v, c, "harmonic mean", -1);
  *l = (view_lines){.unit = "share of answers",
                    .x_name = strcmp(c->over, "count") ? c->over : "edits in one matrix",
                    .point_count = c->point_count,
                    .points = points,
                    .labels = labels,
                    .series_count = n,
                    .series = series,
                    .mark = (double)NAN};
  view_draw(v, VIEW_LINES, VIEW_PAGE | VIEW_HTML, false, l);
  say_shares(v, "bands");
}

void view_edit_curve(const void *result, const loci_draw_opts *opts, views *v) {
  const loci_edit_curve *c = result;
  (void)opts;
  view_begin(v, VIEW_TITLE);
  view_say(v, VIEW_BOLD, "edits by %s over %s", c->tests[0]->method, c->over);
  view_gap(v);
  const view_columns *columns = tests_columns(v, c->over, CELL_W);
  if (!columns) return;
  view_row_of_titles(v, columns);
  for (int i = 0; i < c->point_count; i++)
    say_test(v, columns, view_format(v, "%g", c->points[i]), c->tests[i]);
  say_curve_lines(v, c);
  if (c->note) {
    view_begin(v, VIEW_LINE);
    view_say(v, VIEW_PLAIN, "%s", c->note);
  }
  view_gap(v);
  say_what_tests_are(v);
  view_sample(v, &c->tests[0]->sample);
}
