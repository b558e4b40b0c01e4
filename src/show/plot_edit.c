/* Pages of edits: grouped bars of an edit test, before and after, as the paper has them (Basu et
 * al. 2024, fig. 6), and lines of a curve with their intervals. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "show/formats.h"
#include "show/plot_bars.h"
#include "show/study_parts.h"

static const double BARS_W = 420, BARS_H = 180, TESTS_W = 560, CURVE_W = 380, CURVE_H = 200,
                    GUTTER = 30;

typedef struct page {
  plot_page out; /* first */
  const loci_edit_test *test;
  const loci_edit_tests *tests;
  const loci_edit_curve *curve;
  plot_bars bars;
  plot_chart chart;
  canvas_box box;
} page;

/* Room for [count] intervals as a series; NaN to begin with. */
static bool new_series(arena *mem, const char *name, int count, plot_series *out, double **values) {
  double *x = arena_array(mem, 3 * (int64_t)count, double);
  if (!x) return false;
  for (int i = 0; i < 3 * count; i++) x[i] = (double)NAN;
  *out = (plot_series){.name = name, .values = x, .lo = x + count, .hi = x + 2 * count};
  *values = x;
  return true;
}

static void put_interval(double *values, int count, int i, const loci_interval *x) {
  values[i] = x->value;
  values[count + i] = x->lo;
  values[2 * count + i] = x->hi;
}

/* ---------------------------------------------------------------- bars */

static bool fill_bars(page *p) {
  const loci_edit_test *t = p->test;
  arena *mem = p->out.mem;
  const char **names = arena_zarray(mem, t->group_count, const char *);
  const char **notes = arena_zarray(mem, t->group_count, const char *);
  plot_series *series = arena_zarray(mem, 2, plot_series);
  double *before, *after;
  int n = 0, groups = 0;
  for (int g = 0; g < t->group_count; g++) groups += t->groups[g].questions > 0;
  if (!names || !notes || !series || !new_series(mem, "before", groups, &series[0], &before) ||
      !new_series(mem, "after", groups, &series[1], &after))
    return false;
  for (int g = 0; g < t->group_count; g++) {
    const loci_edit_group *x = &t->groups[g];
    char note[32];
    if (x->questions == 0) continue;
    snprintf(note, sizeof note, "n %d", x->questions);
    names[n] = edit_group_title(x->name, true);
    notes[n] = arena_strdup(mem, note);
    if (!notes[n]) return false;
    put_interval(before, groups, n, &x->metrics[0].before);
    put_interval(after, groups, n++, &x->metrics[0].after);
  }
  p->bars = (plot_bars){.unit = "share of answers",
                        .group_count = groups,
                        .groups = names,
                        .notes = notes,
                        .series_count = 2,
                        .series = series,
                        .mark = (double)NAN};
  return true;
}

static const char *title_of(const loci_edit_test *t, const char *over, char out[128]) {
  int n = snprintf(out, 128, "Edits by %.30s", t->method);
  if (over) {
    snprintf(out + n, 128 - (size_t)n, " over %.30s", over);
  } else if (t->layer >= 0) {
    snprintf(out + n, 128 - (size_t)n, " in layer %d", t->layer);
  }
  return out;
}

static const char shares[] =
    "Efficacy, paraphrases, other renderings: answered with the new answer. Same picture, other "
    "pictures, unrelated: answered as before the edit. Free answers; means over examples";

static bool lay_out_bars(plot_page *out) {
  page *p = (page *)out;
  char text[256], number[48];
  double y = PLOT_MARGIN - 4;
  if (!fill_bars(p)) return false;
  out->width = 2 * PLOT_MARGIN + GUTTER + BARS_W;
  plot_page_add(out, &plot_title_font, title_of(p->test, NULL, text), 1, &y);
  y += 3;
  snprintf(text, sizeof text, "%d examples   \xC2\xB7   harmonic mean %s", p->test->sample.used,
           interval_text(&p->test->score, false, false, number));
  plot_page_add(out, &plot_text_font, text, 2, &y);
  y = plot_half_points(y + 24, 0, 1e9);
  p->box = (canvas_box){PLOT_MARGIN + GUTTER, y, BARS_W, BARS_H};
  y += BARS_H + plot_bars_below(out->ruler, &p->bars, BARS_W) + 8;
  snprintf(text, sizeof text, "%s, lines are 95 %% bootstrap intervals.", shares);
  plot_page_add(out, &plot_note_font, text, 3, &y);
  plot_sample(out, &p->test->sample, &y);
  out->height = ceil(y + PLOT_MARGIN - 6);
  return true;
}

static bool draw_bars(plot_page *out, canvas *c) {
  const page *p = (const page *)out;
  plot_bars_draw(c, &p->bars, p->box);
  return true;
}

loci_status plot_edit_test(const void *result, loci_metric metric, canvas_kind kind, bytes *out,
                           loci_err *err) {
  static const plot_picture picture = {"drawing a test of edits", lay_out_bars, draw_bars};
  page p = {.test = result};
  (void)metric;
  return plot_page_draw(&p.out, &picture, "what edits do", kind, out, err);
}

/* ---------------------------------------------------------------- tests beside each other */

/* Of a group of all tests: the groups in their order, then the harmonic mean. */
static const loci_interval *bar_of(const loci_edit_test *t, int group) {
  return group < t->group_count ? &t->groups[group].metrics[0].after : &t->score;
}

static bool has_bars(const loci_edit_tests *c, int group) {
  bool any = false;
  for (int i = 0; i < c->count; i++) any |= !isnan(bar_of(c->tests[i], group)->value);
  return any;
}

static bool fill_tests(page *p) {
  const loci_edit_tests *c = p->tests;
  const loci_edit_test *t = c->tests[0];
  arena *mem = p->out.mem;
  int n = 0, shown[32];
  const char **names = arena_zarray(mem, t->group_count + 1, const char *);
  plot_series *series = arena_zarray(mem, c->count, plot_series);
  if (!names || !series || t->group_count >= 32) return false;
  for (int g = 0; g <= t->group_count; g++) {
    if (!has_bars(c, g)) continue;
    names[n] = g < t->group_count ? edit_group_title(t->groups[g].name, true) : "harmonic\nmean";
    shown[n++] = g;
  }
  for (int i = 0; i < c->count; i++) {
    double *values;
    if (!new_series(mem, c->names[i], n, &series[i], &values)) return false;
    for (int g = 0; g < n; g++) put_interval(values, n, g, bar_of(c->tests[i], shown[g]));
  }
  p->bars = (plot_bars){.unit = "share of answers",
                        .group_count = n,
                        .groups = names,
                        .series_count = c->count,
                        .series = series,
                        .mark = (double)NAN};
  return n > 0;
}

static bool lay_out_tests(plot_page *out) {
  page *p = (page *)out;
  char text[300];
  double y = PLOT_MARGIN - 4, width = p->tests->count > 3 ? TESTS_W : BARS_W;
  if (!fill_tests(p)) return false;
  out->width = 2 * PLOT_MARGIN + GUTTER + width;
  plot_page_add(out, &plot_title_font, "What edits do, by method", 1, &y);
  y = plot_half_points(y + 24, 0, 1e9);
  p->box = (canvas_box){PLOT_MARGIN + GUTTER, y, width, BARS_H};
  y += BARS_H + plot_bars_below(out->ruler, &p->bars, width) + 8;
  snprintf(text, sizeof text, "%s (%d), lines are 95 %% bootstrap intervals.", shares,
           p->tests->tests[0]->sample.used);
  plot_page_add(out, &plot_note_font, text, 3, &y);
  out->height = ceil(y + PLOT_MARGIN - 6);
  return true;
}

loci_status plot_edit_tests(const void *result, loci_metric metric, canvas_kind kind, bytes *out,
                            loci_err *err) {
  static const plot_picture picture = {"drawing tests of edits", lay_out_tests, draw_bars};
  page p = {.tests = result};
  (void)metric;
  return plot_page_draw(&p.out, &picture, "what edits do", kind, out, err);
}

/* ---------------------------------------------------------------- curves */

static bool add_line(page *p, plot_series *series, const char *name, int group) {
  const loci_edit_curve *c = p->curve;
  double *values;
  if (!new_series(p->out.mem, name, c->point_count, series, &values)) return false;
  for (int i = 0; i < c->point_count; i++) {
    const loci_edit_test *t = c->tests[i];
    put_interval(values, c->point_count, i,
                 group < 0 ? &t->score : &t->groups[group].metrics[0].after);
  }
  return true;
}

static bool fill_chart(page *p) {
  const loci_edit_curve *c = p->curve;
  const loci_edit_test *t = c->tests[0];
  arena *mem = p->out.mem;
  const char **labels = arena_zarray(mem, c->point_count, const char *);
  int *points = arena_zarray(mem, c->point_count, int), n = 0;
  plot_series *series = arena_zarray(mem, t->group_count + 1, plot_series);
  if (!labels || !points || !series) return false;
  for (int i = 0; i < c->point_count; i++) {
    char text[24];
    snprintf(text, sizeof text, "%g", c->points[i]);
    labels[i] = arena_strdup(mem, text);
    points[i] = i;
    if (!labels[i]) return false;
  }
  for (int g = 0; g < t->group_count; g++) {
    if (t->groups[g].questions == 0) continue;
    if (!add_line(p, &series[n++], edit_group_title(t->groups[g].name, false), g)) return false;
  }
  if (!add_line(p, &series[n++], "harmonic mean", -1)) return false;
  p->chart = (plot_chart){.unit = "share of answers",
                          .x_name = strcmp(c->over, "count") ? c->over : "edits in one matrix",
                          .layer_count = c->point_count,
                          .layers = points,
                          .labels = labels,
                          .series_count = n,
                          .series = series,
                          .mark = (double)NAN};
  return true;
}

static bool lay_out_curve(plot_page *out) {
  page *p = (page *)out;
  const loci_edit_test *first = p->curve->tests[0];
  char text[256];
  double y = PLOT_MARGIN - 4;
  if (!fill_chart(p)) return false;
  out->width = 2 * PLOT_MARGIN + GUTTER + CURVE_W;
  plot_page_add(out, &plot_title_font, title_of(first, p->curve->over, text), 1, &y);
  y = plot_half_points(y + 24, 0, 1e9);
  p->box = (canvas_box){PLOT_MARGIN + GUTTER, y, CURVE_W, CURVE_H};
  y += CURVE_H + plot_chart_below(out->ruler, &p->chart, CURVE_W) + 8;
  snprintf(text, sizeof text, "%s, bands are 95 %% bootstrap intervals.", shares);
  plot_page_add(out, &plot_note_font, text, 3, &y);
  plot_sample(out, &first->sample, &y);
  out->height = ceil(y + PLOT_MARGIN - 6);
  return true;
}

static bool draw_curve(plot_page *out, canvas *c) {
  const page *p = (const page *)out;
  plot_chart_draw(c, &p->chart, p->box);
  return true;
}

loci_status plot_edit_curve(const void *result, loci_metric metric, canvas_kind kind, bytes *out,
                            loci_err *err) {
  static const plot_picture picture = {"drawing a curve of edits", lay_out_curve, draw_curve};
  page p = {.curve = result};
  (void)metric;
  return plot_page_draw(&p.out, &picture, "edits over a setting", kind, out, err);
}
