/* A line chart (see plot_lines.h).  Series differ in hue and in lightness, so that a greyscale
 * print and a colour-blind eye tell them apart (Okabe and Ito's palette); from the eighth on hues
 * come again with open markers. */
#include "show/plot_lines.h"

#include <math.h>
#include <stdio.h>

static const rgb hues[] = {{0.00, 0.45, 0.70}, {0.84, 0.37, 0.00}, {0.00, 0.62, 0.45},
                           {0.80, 0.47, 0.65}, {0.90, 0.62, 0.00}, {0.34, 0.71, 0.91},
                           {0.20, 0.20, 0.20}};
enum { HUES = sizeof hues / sizeof *hues };
static const rgb paper = {1, 1, 1};
static const double LEGEND_LINE = 12, LEGEND_TOP = 30, KEY = 18, ENTRY_GAP = 16,
                    BAND_OPACITY = 0.18;
static const canvas_font tick_font = {7.5, false, false, {0.13, 0.13, 0.15}};
static const canvas_font name_font = {8, false, false, {0.13, 0.13, 0.15}};

rgb plot_hue(int series) { return hues[series % HUES]; }

/* Where numbers lie. */
typedef struct axes {
  const plot_chart *chart;
  canvas_box box;
  double lo, hi;
} axes;

static double x_of(const axes *a, int i) {
  int n = a->chart->layer_count;
  double inset = 10, room = a->box.w - 2 * inset;
  return a->box.x + inset + (n > 1 ? room * i / (n - 1) : room / 2);
}

static double y_of(const axes *a, double value) {
  return a->box.y + a->box.h * (a->hi - value) / (a->hi - a->lo);
}

static double x_at(const axes *a, double x) { return a->box.x + a->box.w * x; }

static void include(axes *a, double x) {
  if (!isfinite(x)) return;
  a->lo = fmin(a->lo, x);
  a->hi = fmax(a->hi, x);
}

/* All values, intervals and the mark with some room; 0 is the border of what has one sign and comes
 * near. */
static void choose_range(axes *a) {
  const plot_chart *p = a->chart;
  a->lo = p->square ? 0 : (double)INFINITY;
  a->hi = p->square ? 1 : -(double)INFINITY;
  if (p->square) return;
  include(a, p->mark);
  for (int s = 0; s < p->series_count; s++) {
    const plot_series *x = &p->series[s];
    for (int i = 0; i < p->layer_count; i++) {
      include(a, x->values[i]);
      if (x->lo) include(a, x->lo[i]);
      if (x->hi) include(a, x->hi[i]);
    }
  }
  if (!(a->lo <= a->hi)) a->lo = 0, a->hi = 1;
  double span = a->hi - a->lo, least = 1e-3 * fmax(fabs(a->lo), fabs(a->hi));
  if (span < least) span = least;
  if (span == 0) span = 1;
  bool to_zero = a->lo >= 0 && a->lo < 2 * span, from_zero = a->hi <= 0 && -a->hi < 2 * span;
  a->lo = to_zero ? 0 : a->lo - 0.06 * span;
  a->hi = from_zero ? 0 : a->hi + 0.06 * span;
}

/* ---------------------------------------------------------------- axes */

static void draw_values(canvas *c, const axes *a) {
  plot_tick ticks[PLOT_TICKS];
  char text[128];
  int exponent, n = plot_ticks(c, a->lo, a->hi, a->box.h, ticks, &exponent);
  plot_unit(a->chart->unit, exponent, text);
  canvas_text(c, a->box.x, a->box.y - 6, CANVAS_LEFT, &name_font, text);
  for (int i = 0; i < n; i++) {
    double y = a->box.y + a->box.h - ticks[i].x;
    canvas_line(c, a->box.x, y, a->box.x + a->box.w, y, 0.4, plot_faint);
    canvas_text(c, a->box.x - 4, y + 2.7, CANVAS_RIGHT, &tick_font, ticks[i].text);
  }
}

static void draw_layers(canvas *c, const axes *a) {
  static const int steps[] = {1, 2, 4, 5, 8, 10, 16, 20, 32, 50, 100};
  const plot_chart *p = a->chart;
  double bottom = a->box.y + a->box.h;
  double apart = p->layer_count > 1 ? x_of(a, 1) - x_of(a, 0) : a->box.w;
  int step = 1000;
  for (int i = (int)(sizeof steps / sizeof *steps) - 1; i >= 0; i--) {
    if (steps[i] * apart >= 17) step = steps[i];
  }
  for (int i = 0; i < p->layer_count; i++) {
    if (p->layers[i] % step != 0 && p->layer_count > 1) continue;
    char text[24];
    snprintf(text, sizeof text, "%d", p->layers[i]);
    if (p->labels) snprintf(text, sizeof text, "%s", p->labels[i]);
    canvas_line(c, x_of(a, i), bottom, x_of(a, i), bottom + 2.5, 0.6, plot_grey);
    canvas_text(c, x_of(a, i), bottom + 10.5, CANVAS_CENTRE, &tick_font, text);
  }
}

static void draw_shares(canvas *c, const axes *a) {
  plot_tick ticks[PLOT_TICKS];
  int exponent, n = plot_ticks(c, 0, 1, a->box.w, ticks, &exponent);
  double bottom = a->box.y + a->box.h;
  for (int i = 0; i < n; i++) {
    double x = a->box.x + ticks[i].x;
    canvas_line(c, x, a->box.y, x, bottom, 0.4, plot_faint);
    canvas_text(c, x, bottom + 10.5, CANVAS_CENTRE, &tick_font, ticks[i].text);
  }
}

static void draw_x_name(canvas *c, const axes *a) {
  canvas_font font = tick_font;
  font.colour = plot_grey;
  canvas_text(c, a->box.x + a->box.w / 2, a->box.y + a->box.h + 21, CANVAS_CENTRE, &font,
              a->chart->x_name);
}

/* ---------------------------------------------------------------- lines */

enum { DASH = 4, DASH_GAP = 3 };

void plot_dashes(canvas *c, double x0, double x1, double y) {
  int n = (int)ceil((x1 - x0) / (DASH + DASH_GAP));
  for (int i = 0; i < n; i++) {
    double x = x0 + i * (DASH + DASH_GAP);
    canvas_line(c, x, y, fmin(x + DASH, x1), y, 1, plot_grey);
  }
}

void plot_upright_dashes(canvas *c, double x, double y0, double y1) {
  int n = (int)ceil((y1 - y0) / (DASH + DASH_GAP));
  for (int i = 0; i < n; i++) {
    double y = y0 + i * (DASH + DASH_GAP);
    canvas_line(c, x, y, x, fmin(y + DASH, y1), 1, plot_grey);
  }
}

static void draw_diagonal(canvas *c, const axes *a) {
  const int dashes = 30;
  for (int i = 0; i < dashes; i++) {
    double from = (double)i / dashes, to = (i + 0.6) / dashes;
    canvas_line(c, x_at(a, from), y_of(a, from), x_at(a, to), y_of(a, to), 1, plot_grey);
  }
}

static void draw_marker(canvas *c, double x, double y, int series) {
  canvas_disc(c, x, y, 2.2, hues[series % HUES]);
  if (series >= HUES) canvas_disc(c, x, y, 1.2, paper);
}

enum { BAND_POINTS = 64 };

/* The area between lo and hi over the layers first .. first + n - 1. */
static void draw_area(canvas *c, const axes *a, int s, int first, int n) {
  const plot_series *p = &a->chart->series[s];
  double corners[4 * BAND_POINTS];
  for (int i = 0; i < n; i++) {
    double *there = corners + 2 * i, *back = corners + 2 * (2 * n - 1 - i);
    there[0] = back[0] = x_of(a, first + i);
    there[1] = y_of(a, p->lo[first + i]);
    back[1] = y_of(a, p->hi[first + i]);
  }
  canvas_area(c, corners, 2 * n, hues[s % HUES], BAND_OPACITY);
}

/* An area over every run of layers that have an interval; long runs in pieces. */
static void draw_band(canvas *c, const axes *a, int s) {
  const plot_series *p = &a->chart->series[s];
  int first = 0;
  for (int i = 0; p->lo && i <= a->chart->layer_count; i++) {
    bool end = i == a->chart->layer_count || isnan(p->lo[i]) || isnan(p->hi[i]);
    bool full = i - first + 1 == BAND_POINTS;
    if (!end && !full) continue;
    int n = i - first + !end;
    if (n > 1) draw_area(c, a, s, first, n);
    first = end ? i + 1 : i;
  }
}

static void draw_curve(canvas *c, const axes *a, int s) {
  const plot_series *p = &a->chart->series[s];
  for (int i = 0; i + 1 < p->count; i++)
    canvas_line(c, x_at(a, p->x[i]), y_of(a, p->values[i]), x_at(a, p->x[i + 1]),
                y_of(a, p->values[i + 1]), 1.4, hues[s % HUES]);
}

static void draw_series(canvas *c, const axes *a, int s) {
  const double *v = a->chart->series[s].values;
  int n = a->chart->layer_count;
  for (int i = 0; i + 1 < n; i++) {
    if (isnan(v[i]) || isnan(v[i + 1])) continue;
    canvas_line(c, x_of(a, i), y_of(a, v[i]), x_of(a, i + 1), y_of(a, v[i + 1]), 1.4,
                hues[s % HUES]);
  }
  for (int i = 0; i < n; i++) {
    if (!isnan(v[i])) draw_marker(c, x_of(a, i), y_of(a, v[i]), s);
  }
}

/* ---------------------------------------------------------------- legend */

double plot_legend(canvas *ruler, canvas *c, const char *const *names, int n, canvas_box box,
                   plot_key_fn *draw_key, const void *ctx) {
  int lines = 1;
  double x = box.x;
  for (int i = 0; i < n; i++) {
    double width = KEY + 4 + canvas_text_width(ruler, &name_font, names[i]);
    if (x > box.x && x + width > box.x + box.w) {
      x = box.x;
      lines++;
    }
    double y = box.y + lines * LEGEND_LINE;
    if (c) draw_key(c, ctx, i, (canvas_box){x, y - 6, KEY, 6.6});
    if (c) canvas_text(c, x + KEY + 4, y, CANVAS_LEFT, &name_font, names[i]);
    x += width + ENTRY_GAP;
  }
  return lines * LEGEND_LINE;
}

static void draw_key(canvas *c, const void *ctx, int i, canvas_box key) {
  const plot_chart *p = ctx;
  double y = key.y + key.h / 2;
  if (i == p->series_count) {
    plot_dashes(c, key.x, key.x + key.w, y);
    return;
  }
  canvas_line(c, key.x, y, key.x + key.w, y, 1.4, hues[i % HUES]);
  if (!p->square) draw_marker(c, key.x + key.w / 2, y, i);
}

/* The height of all below the box; with [c] NULL nothing is drawn. */
static double lay_legend(canvas *ruler, canvas *c, const plot_chart *p, canvas_box box) {
  const char *names[PLOT_SERIES + 1];
  int n = p->series_count + !isnan(p->mark);
  for (int i = 0; i < n; i++) names[i] = i < p->series_count ? p->series[i].name : p->mark_name;
  box.y += LEGEND_TOP;
  return LEGEND_TOP + plot_legend(ruler, c, names, n, box, draw_key, p);
}

double plot_chart_below(canvas *ruler, const plot_chart *chart, double width) {
  return lay_legend(ruler, NULL, chart, (canvas_box){0, 0, width, 0});
}

void plot_chart_draw(canvas *c, const plot_chart *chart, canvas_box box) {
  axes a = {.chart = chart, .box = box};
  choose_range(&a);
  draw_values(c, &a);
  if (chart->square) {
    draw_shares(c, &a);
  } else {
    draw_layers(c, &a);
  }
  draw_x_name(c, &a);
  canvas_frame(c, box, 0.6, plot_grey);
  if (!isnan(chart->mark)) plot_dashes(c, box.x, box.x + box.w, y_of(&a, chart->mark));
  if (chart->square) draw_diagonal(c, &a);
  for (int s = 0; s < chart->series_count && !chart->square; s++) draw_band(c, &a, s);
  for (int s = chart->series_count - 1; s >= 0; s--) { /* the first on top */
    if (chart->square) {
      draw_curve(c, &a, s);
    } else {
      draw_series(c, &a, s);
    }
  }
  lay_legend(c, c, chart, (canvas_box){box.x, box.y + box.h, box.w, 0});
}
