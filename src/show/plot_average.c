/* The page of averages over examples: a line chart for each, two beside each other, means with 95 %
 * intervals as bands. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "show/formats.h"
#include "show/plot_lines.h"
#include "show/study_parts.h"

static const double CHART_W = 250, CHART_H = 150, GUTTER = 34, GAP = 26, TITLE_H = 34;

typedef struct page {
  plot_page out; /* first */
  const loci_average *a;
  int count;
  plot_chart *charts;
  const char **titles;
  canvas_box *boxes;
} page;

static bool fill_series(arena *mem, const loci_curve *c, int points, plot_series *out) {
  double *x = arena_array(mem, 3 * (int64_t)points, double);
  char name[128];
  if (!x) return false;
  for (int i = 0; i < points; i++) {
    x[i] = c->points[i].value;
    x[points + i] = c->points[i].lo;
    x[2 * points + i] = c->points[i].hi;
  }
  snprintf(name, sizeof name, "%.100s (n %d)", c->name, c->n);
  *out = (plot_series){
      .name = chart_words(mem, name), .values = x, .lo = x + points, .hi = x + 2 * points};
  return out->name != NULL;
}

static bool fill_chart(page *p, const loci_chart *c) {
  arena *mem = p->out.mem;
  plot_series *series = arena_zarray(mem, c->curve_count, plot_series);
  if (!series) return false;
  for (int k = 0; k < c->curve_count; k++) {
    if (!fill_series(mem, &c->curves[k], c->point_count, &series[k])) return false;
  }
  p->titles[p->count] = chart_words(mem, c->name);
  p->charts[p->count] = (plot_chart){.unit = c->unit,
                                     .x_name = c->x_name,
                                     .layer_count = c->point_count,
                                     .layers = c->points,
                                     .series_count = c->curve_count,
                                     .series = series,
                                     .mark = c->mark,
                                     .mark_name = c->mark_name};
  return p->titles[p->count++] != NULL;
}

static bool fill_charts(page *p) {
  int n = p->a->chart_count;
  p->charts = arena_zarray(p->out.mem, n, plot_chart);
  p->titles = arena_zarray(p->out.mem, n, const char *);
  p->boxes = arena_zarray(p->out.mem, n, canvas_box);
  if (!p->charts || !p->titles || !p->boxes) return false;
  for (int i = 0; i < n; i++) {
    if (p->a->charts[i].curve_count > 0 && !fill_chart(p, &p->a->charts[i])) return false;
  }
  return true;
}

static void add_head(page *p, double *y) {
  const loci_average *a = p->a;
  char text[256], number[80];
  plot_page_add(&p->out, &plot_title_font, a->title, 2, y);
  *y += 3;
  int n = snprintf(text, sizeof text, "%d examples", a->sample.used);
  if (a->right + a->wrong > 0)
    n += snprintf(text + n, sizeof text - (size_t)n, ", %d answered rightly and %d wrongly",
                  a->right, a->wrong);
  for (int i = 0; i < a->number_count && n < 180; i++)
    n += snprintf(text + n, sizeof text - (size_t)n, "   \xC2\xB7   %.24s %s", a->numbers[i].name,
                  mean_text(&a->numbers[i].value, false, number));
  plot_page_add(&p->out, &plot_text_font, text, 3, y);
}

/* Two in a line, unless there is one. */
static bool lay_out(plot_page *out) {
  page *p = (page *)out;
  double y = PLOT_MARGIN - 4;
  if (!fill_charts(p)) return false;
  int across = p->count > 1 ? 2 : 1;
  out->width = 2 * PLOT_MARGIN + across * (GUTTER + CHART_W) + (across - 1) * GAP;
  add_head(p, &y);
  for (int i = 0; i < p->count; i += across) {
    double below = 0;
    y = plot_half_points(y + 14 + TITLE_H, 0, 1e9);
    for (int k = i; k < i + across && k < p->count; k++) {
      double x = PLOT_MARGIN + GUTTER + (k - i) * (GUTTER + CHART_W + GAP);
      p->boxes[k] = (canvas_box){x, y, CHART_W, CHART_H};
      below = fmax(below, plot_chart_below(out->ruler, &p->charts[k], CHART_W));
    }
    y += CHART_H + below;
  }
  y += 8;
  plot_page_add(out, &plot_note_font, "Means over examples; bands are 95 % bootstrap intervals.", 2,
                &y);
  plot_sample(out, &p->a->sample, &y);
  out->height = ceil(y + PLOT_MARGIN - 6);
  return true;
}

static bool draw(plot_page *out, canvas *c) {
  const canvas_font title = {9, true, false, plot_ink};
  const page *p = (const page *)out;
  for (int i = 0; i < p->count; i++) {
    const canvas_box *box = &p->boxes[i];
    canvas_text(c, box->x, box->y - 20, CANVAS_LEFT, &title, p->titles[i]);
    plot_chart_draw(c, &p->charts[i], *box);
  }
  return true;
}

loci_status plot_average(const void *result, loci_metric metric, canvas_kind kind, bytes *out,
                         loci_err *err) {
  static const plot_picture picture = {"drawing averages", lay_out, draw};
  page p = {.a = result};
  (void)metric;
  return plot_page_draw(&p.out, &picture, p.a->title, kind, out, err);
}
