/* Line charts on a page (see page.h).  Charts of one unit over the same axis have one range, so
 * that they can be compared, and charts of the same series in a row have one legend; an axis that
 * does not reach 0 is marked.  Series differ in hue and in lightness, so that a greyscale print and
 * a colour-blind eye tell them apart (Okabe and Ito's palette); from the eighth on hues come again
 * with open markers. */
#include "show/page.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const rgb hues[] = {{0.00, 0.45, 0.70}, {0.84, 0.37, 0.00}, {0.00, 0.62, 0.45},
                           {0.80, 0.47, 0.65}, {0.90, 0.62, 0.00}, {0.34, 0.71, 0.91},
                           {0.20, 0.20, 0.20}};
_Static_assert(sizeof hues / sizeof *hues == PAGE_HUES, "hues");
static const rgb paper = {1, 1, 1};
static const double LEGEND_LINE = 12, LEGEND_TOP = 30, KEY = 18, ENTRY_GAP = 16,
                    BAND_OPACITY = 0.18;

rgb page_hue(int series) { return hues[series % PAGE_HUES]; }

/* Where numbers lie. */
typedef struct axes {
  page *p;
  const view_lines *chart;
  canvas_box box;
  double lo, hi;
  const char **names; /* of the series, with their examples */
  bool told;          /* the chart to the left has the same legend */
} axes;

static double x_of(const axes *a, int i) {
  int n = a->chart->point_count;
  double inset = 10, room = a->box.w - 2 * inset;
  return a->box.x + inset + (n > 1 ? room * i / (n - 1) : room / 2);
}

static double y_of(const axes *a, double value) {
  double within = fmin(fmax(value, a->lo), a->hi); /* a scale that was asked for may be short */
  return a->box.y + a->box.h * (a->hi - within) / (a->hi - a->lo);
}

static double x_at(const axes *a, double x) { return a->box.x + a->box.w * x; }

static void include(axes *a, double x) {
  if (!isfinite(x)) return;
  a->lo = fmin(a->lo, x);
  a->hi = fmax(a->hi, x);
}

static void include_chart(axes *a, const view_lines *l) {
  include(a, l->mark);
  for (int s = 0; s < l->series_count; s++) {
    const view_series *x = &l->series[s];
    for (int i = 0; i < l->point_count; i++) {
      include(a, x->values[i]);
      if (x->lo) include(a, x->lo[i]);
      if (x->hi) include(a, x->hi[i]);
    }
  }
}

/* All values, intervals and marks of the page's charts in this unit and over this axis, with some
 * room; 0 is the border of what has one sign and comes near. */
static void choose_range(axes *a) {
  bool square = a->chart->square;
  a->lo = square ? 0 : (double)INFINITY;
  a->hi = square ? 1 : -(double)INFINITY;
  if (square) return;
  for (const view_block *b = a->p->first; b != a->p->end; b = b->next) {
    const view_lines *l = b->kind == VIEW_LINES ? b->data : NULL;
    bool alike = l && !l->square && strcmp(l->unit, a->chart->unit) == 0;
    if (alike && strcmp(l->x_name, a->chart->x_name) == 0) include_chart(a, l);
  }
  if (!(a->lo <= a->hi)) a->lo = 0, a->hi = 1;
  if (a->p->look.scale > 0) {
    a->hi = a->hi > 0 || a->lo >= 0 ? a->p->look.scale : 0;
    a->lo = a->lo < 0 ? -a->p->look.scale : 0;
    return;
  }
  double span = a->hi - a->lo, least = 1e-3 * fmax(fabs(a->lo), fabs(a->hi));
  least = fmax(least, 2 * a->chart->floor); /* no change should look like one */
  if (span < least) span = least;
  if (span == 0) span = 1;
  bool to_zero = a->lo >= 0 && a->lo < 2 * span, from_zero = a->hi <= 0 && -a->hi < 2 * span;
  a->lo = to_zero ? 0 : fmin(a->lo - 0.06 * span, a->hi - span);
  a->hi = from_zero ? 0 : fmax(a->hi + 0.06 * span, a->lo + span);
}

/* ---------------------------------------------------------------- axes */

/* Two strokes through the corner of an axis that does not begin at 0. */
static void draw_break(canvas *c, const axes *a) {
  double y = a->lo > 0 ? a->box.y + a->box.h - 5 : a->box.y + 5;
  for (int i = 0; i < 2; i++)
    canvas_line(c, a->box.x - 3, y + 1 + 2.5 * i, a->box.x + 3, y - 2 + 2.5 * i, 0.9, page_ink);
}

static void draw_values(canvas *c, const axes *a) {
  page_tick ticks[PAGE_TICKS];
  int exponent, n = page_ticks(c, a->lo, a->hi, a->box.h, ticks, &exponent);
  canvas_text(c, a->box.x, a->box.y - 6, CANVAS_LEFT, &page_name_font,
              page_unit(a->p->mem, a->chart->unit, exponent));
  for (int i = 0; i < n; i++) {
    double y = a->box.y + a->box.h - ticks[i].x;
    canvas_line(c, a->box.x, y, a->box.x + a->box.w, y, 0.4, page_faint);
    canvas_text(c, a->box.x - 4, y + 2.7, CANVAS_RIGHT, &page_tick_font, ticks[i].text);
  }
}

static void draw_points(canvas *c, const axes *a) {
  const view_lines *p = a->chart;
  bool layers = strcmp(p->x_name, "all layers") != 0; /* then the middle one would be a lie */
  double bottom = a->box.y + a->box.h;
  int step = page_layer_step(p->point_count > 1 ? x_of(a, 1) - x_of(a, 0) : a->box.w);
  for (int i = 0; i < p->point_count && layers; i++) {
    if (p->points[i] % step != 0 && p->point_count > 1) continue;
    char text[24];
    snprintf(text, sizeof text, "%d", p->points[i]);
    canvas_line(c, x_of(a, i), bottom, x_of(a, i), bottom + 2.5, 0.6, page_grey);
    canvas_text(c, x_of(a, i), bottom + 10.5, CANVAS_CENTRE, &page_tick_font,
                p->labels ? p->labels[i] : text);
  }
}

static void draw_shares(canvas *c, const axes *a) {
  page_tick ticks[PAGE_TICKS];
  int exponent, n = page_ticks(c, 0, 1, a->box.w, ticks, &exponent);
  double bottom = a->box.y + a->box.h;
  for (int i = 0; i < n; i++) {
    double x = a->box.x + ticks[i].x;
    canvas_line(c, x, a->box.y, x, bottom, 0.4, page_faint);
    canvas_text(c, x, bottom + 10.5, CANVAS_CENTRE, &page_tick_font, ticks[i].text);
  }
}

static void draw_x_name(canvas *c, const axes *a) {
  canvas_font font = page_tick_font;
  font.colour = page_grey;
  canvas_text(c, a->box.x + a->box.w / 2, a->box.y + a->box.h + 21, CANVAS_CENTRE, &font,
              a->chart->x_name);
}

/* ---------------------------------------------------------------- lines */

enum { DASH = 4, DASH_GAP = 3 };

void page_dashes(canvas *c, double x0, double y0, double x1, double y1) {
  double length = hypot(x1 - x0, y1 - y0), dx = (x1 - x0) / length, dy = (y1 - y0) / length;
  int count = (int)ceil(length / (DASH + DASH_GAP));
  for (int i = 0; i < count; i++) {
    double at = i * (DASH + DASH_GAP);
    double to = fmin(at + DASH, length);
    canvas_line(c, x0 + at * dx, y0 + at * dy, x0 + to * dx, y0 + to * dy, 1, page_grey);
  }
}

static void draw_marker(canvas *c, double x, double y, int series) {
  canvas_disc(c, x, y, 2.2, hues[series % PAGE_HUES]);
  if (series >= PAGE_HUES) canvas_disc(c, x, y, 1.2, paper);
}

enum { BAND_POINTS = 64 };

/* The area between lo and hi over the layers first .. first + n - 1. */
static void draw_area(canvas *c, const axes *a, int s, int first, int n) {
  const view_series *p = &a->chart->series[s];
  double corners[4 * BAND_POINTS];
  for (int i = 0; i < n; i++) {
    double *there = corners + 2 * i, *back = corners + 2 * (2 * n - 1 - i);
    there[0] = back[0] = x_of(a, first + i);
    there[1] = y_of(a, p->lo[first + i]);
    back[1] = y_of(a, p->hi[first + i]);
  }
  canvas_area(c, corners, 2 * n, hues[s % PAGE_HUES], BAND_OPACITY);
}

/* An area over every run of layers that have an interval; long runs in pieces. */
static void draw_band(canvas *c, const axes *a, int s) {
  const view_series *p = &a->chart->series[s];
  int first = 0;
  for (int i = 0; p->lo && i <= a->chart->point_count; i++) {
    bool end = i == a->chart->point_count || isnan(p->lo[i]) || isnan(p->hi[i]);
    bool full = i - first + 1 == BAND_POINTS;
    if (!end && !full) continue;
    int n = i - first + !end;
    if (n > 1) draw_area(c, a, s, first, n);
    first = end ? i + 1 : i;
  }
}

static void draw_curve(canvas *c, const axes *a, int s) {
  const view_series *p = &a->chart->series[s];
  for (int i = 0; i + 1 < p->count; i++)
    canvas_line(c, x_at(a, p->x[i]), y_of(a, p->values[i]), x_at(a, p->x[i + 1]),
                y_of(a, p->values[i + 1]), 1.4, hues[s % PAGE_HUES]);
}

static void draw_series(canvas *c, const axes *a, int s) {
  const double *v = a->chart->series[s].values;
  int n = a->chart->point_count;
  for (int i = 0; i + 1 < n; i++) {
    if (isnan(v[i]) || isnan(v[i + 1])) continue;
    canvas_line(c, x_of(a, i), y_of(a, v[i]), x_of(a, i + 1), y_of(a, v[i + 1]), 1.4,
                hues[s % PAGE_HUES]);
  }
  for (int i = 0; i < n; i++) {
    if (!isnan(v[i])) draw_marker(c, x_of(a, i), y_of(a, v[i]), s);
  }
}

/* ---------------------------------------------------------------- legend */

double page_legend(canvas *ruler, canvas *c, const char *const *names, int n, canvas_box box,
                   page_key_fn *draw_key, const void *ctx) {
  int lines = 1;
  double x = box.x;
  for (int i = 0; i < n; i++) {
    double width = KEY + 4 + canvas_text_width(ruler, &page_name_font, names[i]);
    if (x > box.x && x + width > box.x + box.w) {
      x = box.x;
      lines++;
    }
    double y = box.y + lines * LEGEND_LINE;
    if (c) draw_key(c, ctx, i, (canvas_box){x, y - 6, KEY, 6.6});
    if (c) canvas_text(c, x + KEY + 4, y, CANVAS_LEFT, &page_name_font, names[i]);
    x += width + ENTRY_GAP;
  }
  return lines * LEGEND_LINE;
}

static void draw_key(canvas *c, const void *ctx, int i, canvas_box key) {
  const view_lines *p = ctx;
  double y = key.y + key.h / 2;
  if (i == p->series_count) {
    page_dashes(c, key.x, y, key.x + key.w, y);
    return;
  }
  canvas_line(c, key.x, y, key.x + key.w, y, 1.4, hues[i % PAGE_HUES]);
  if (!p->square) draw_marker(c, key.x + key.w / 2, y, i);
}

/* Whether the legend of the chart to the left says what this one would. */
static bool is_told(const axes *a, const page_part *before) {
  if (!before || before->block->kind != VIEW_LINES) return false;
  const axes *left = before->own;
  const view_lines *l = a->chart, *b = left->chart;
  if (l->square || l->series_count != b->series_count) return false;
  for (int s = 0; s < l->series_count; s++)
    if (strcmp(a->names[s], left->names[s]) != 0) return false;
  return isnan(l->mark) || (!isnan(b->mark) && strcmp(l->mark_name, b->mark_name) == 0);
}

/* The height of all below the box; with [c] NULL nothing is drawn. */
static double lay_legend(canvas *ruler, canvas *c, const axes *a, canvas_box box) {
  if (a->told) return LEGEND_TOP;
  int n = a->chart->series_count + !isnan(a->chart->mark);
  box.y += box.h + LEGEND_TOP;
  return LEGEND_TOP + page_legend(ruler, c, a->names, n, box, draw_key, a->chart);
}

/* ---------------------------------------------------------------- the chart */

static bool name_series(axes *a) {
  const view_lines *l = a->chart;
  a->names = arena_zarray(a->p->mem, l->series_count + 1, const char *);
  if (!a->names) return false;
  for (int s = 0; s < l->series_count; s++) {
    const view_series *x = &l->series[s];
    char text[160];
    snprintf(text, sizeof text, "%.120s (n %d)", x->name, x->n);
    a->names[s] = x->n > 0 ? arena_strdup(a->p->mem, text) : x->name;
    if (!a->names[s]) return false;
  }
  a->names[l->series_count] = l->mark_name;
  return true;
}

bool page_lines_measure(page *p, page_part *part) {
  const view_lines *l = part->block->data;
  axes *a = arena_zarray(p->mem, 1, axes);
  if (!a) return false;
  *a = (axes){.p = p, .chart = l};
  if (!name_series(a)) return false;
  a->told = is_told(a, part->before);
  part->own = a;
  part->box.w = l->square ? 240 : part->alone ? 340 : 250;
  part->box.h = l->square ? 240 : part->alone ? 190 : 150;
  part->left = 34;
  part->right = l->square ? 90 : 0;
  part->above = l->title ? 30 : 14;
  part->below = lay_legend(p->ruler, NULL, a, (canvas_box){0, 0, part->box.w, 0});
  return true;
}

bool page_lines_draw(page *p, canvas *c, const page_part *part) {
  const canvas_font title = {9, true, false, page_ink};
  axes a = *(const axes *)part->own;
  canvas_box box = a.box = part->box;
  const view_lines *l = a.chart;
  a.p = p;
  choose_range(&a);
  if (l->title) canvas_text(c, box.x, box.y - 20, CANVAS_LEFT, &title, l->title);
  draw_values(c, &a);
  if (l->square) draw_shares(c, &a);
  if (!l->square) draw_points(c, &a);
  draw_x_name(c, &a);
  canvas_frame(c, box, 0.6, page_grey);
  if (a.lo > 0 || a.hi < 0) draw_break(c, &a);
  if (!isnan(l->mark)) page_dashes(c, box.x, y_of(&a, l->mark), box.x + box.w, y_of(&a, l->mark));
  if (l->square) page_dashes(c, box.x, box.y + box.h, box.x + box.w, box.y);
  for (int s = 0; s < l->series_count && !l->square; s++) draw_band(c, &a, s);
  for (int s = l->series_count - 1; s >= 0; s--) { /* the first on top */
    if (l->square) draw_curve(c, &a, s);
    if (!l->square) draw_series(c, &a, s);
  }
  lay_legend(c, c, &a, box);
  return true;
}
