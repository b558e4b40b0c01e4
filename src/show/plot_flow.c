/* The page of a flow: a section for each pathway, measured first, then drawn.
 *
 *   question, what the model answers
 *   image -> ...      [overlay, strongest layer]  [profile of contributions]
 *                                                 [profile of raw attention]
 *                     [overlays of all layers, one scale]
 *   others            [map: sources x layers]     [map of raw attention]
 *   each              [max, mean, norm of the sum over layers]  [raw attention over layers]
 *   notes */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "show/flow_sheet.h"
#include "show/label.h"
#include "show/plot_lines.h"
#include "show/plot_overlay.h"

enum { PATHS = 8, MOST_SMALL = 32, ACROSS = 8, MAX_ROWS = 40 };

static const double WIDTH = 560, OVERLAY = 190, CHART_H = 96, GAP = 22, HEAD_H = 24, SMALL_GAP = 6;

/* A pathway's part of the page. */
typedef struct section {
  const loci_flow_path *path;
  bool overlay;
  sheet *sheets[2]; /* contributions, raw attention; without overlay */
  plot_place places[2];
  plot_series series[3], weight;
  plot_chart charts[2];
  double y, maps_h, charts_y;
} section;

typedef struct page {
  plot_page out; /* first */
  const loci_flow *flow;
  section sections[PATHS];
  int count;
} page;

/* ---------------------------------------------------------------- words */

static void add_head(page *p, double *y) {
  const loci_flow *f = p->flow;
  label_spelling spelling = label_spelling_of(f->prompt->tokens, f->prompt->length);
  const char *label = label_token(p->out.mem, spelling, f->next[0].text ? f->next[0].text : "");
  char text[256];
  plot_page_add(&p->out, &plot_title_font, f->prompt->question ? f->prompt->question : "", 2, y);
  *y += 3;
  snprintf(text, sizeof text, "answer: \xE2\x80\x9C%.100s\xE2\x80\x9D %.3f", label ? label : "",
           f->next[0].p);
  plot_page_add(&p->out, &plot_text_font, text, 1, y);
}

static void add_foot(page *p, double *y) {
  const loci_flow *f = p->flow;
  for (int i = 0; i < f->note_count; i++) {
    plot_page_add(&p->out, &plot_note_font, f->notes[i], 2, y);
  }
  plot_page_made_by(&p->out, f->model, f->precision, y);
}

/* ---------------------------------------------------------------- measuring */

/* Small overlays: every layer, or every n-th. */
static int small_step(const loci_flow *f) { return (f->layer_count + MOST_SMALL - 1) / MOST_SMALL; }

static double small_side(void) {
  return (WIDTH - 2 * PLOT_MARGIN - (ACROSS - 1) * SMALL_GAP) / ACROSS;
}

static double overlay_height(const loci_flow *f) {
  int shown = (f->layer_count + small_step(f) - 1) / small_step(f);
  int lines = (shown + ACROSS - 1) / ACROSS;
  return OVERLAY + 26 + (f->layer_count > 1 ? lines * (small_side() + 16) : 0);
}

static bool cut_labels(page *p, sheet_panel *panel, plot_place *at) {
  canvas_font font = plot_label_font(at->cell_h);
  sheet_row *rows = arena_array(p->out.mem, panel->row_count + 1, sheet_row);
  if (!rows) return false;
  for (int r = 0; r < panel->row_count; r++) {
    rows[r] = panel->rows[r];
    rows[r].label = label_cut(p->out.mem, rows[r].label, PLOT_LABEL_COLUMNS, false);
    if (!rows[r].label) return false;
    font.bold = role_is_constraint(rows[r].role);
    at->label_w = fmax(at->label_w, canvas_text_width(p->out.ruler, &font, rows[r].label));
  }
  panel->rows = rows;
  return true;
}

/* Two maps beside each other, labels at the first. */
static bool measure_maps(page *p, section *s) {
  for (int i = 0; i < 2; i++) {
    sheet_panel *panel = s->sheets[i]->panels;
    plot_place *at = &s->places[i];
    at->cell_h = plot_half_points(30 * 13.0 / panel->row_count, 8, 13);
    at->labels = i == 0;
    panel->title = i ? "raw attention" : "contributions";
    if (!cut_labels(p, panel, at)) return false;
  }
  double gutter = plot_gutter_width(s->sheets[0]->panels, &s->places[0]);
  double room = (WIDTH - 2 * PLOT_MARGIN - gutter - GAP) / 2;
  int L = p->flow->layer_count;
  for (int i = 0; i < 2; i++) {
    s->places[i].cell_w = plot_half_points(room / L, 3, 40);
    s->places[i].x = PLOT_MARGIN + gutter + i * (room + GAP);
  }
  s->maps_h = s->sheets[0]->panels->row_count * s->places[0].cell_h + 16 + 30 + 42;
  return true;
}

static void make_charts(const page *p, section *s) {
  const loci_flow *f = p->flow;
  s->series[0] = (plot_series){.name = "norm of the sum", .values = s->path->norm_of_sum};
  s->series[1] = (plot_series){.name = "maximum", .values = s->path->max};
  s->series[2] = (plot_series){.name = "mean", .values = s->path->mean};
  s->weight = (plot_series){.name = "all sources together", .values = s->path->attention};
  for (int i = 0; i < 2; i++) {
    s->charts[i] = (plot_chart){.unit = i ? "raw attention, mean over heads" : "contribution",
                                .layer_count = f->layer_count,
                                .layers = f->layers,
                                .x_name = "layer",
                                .series_count = i ? 1 : 3,
                                .series = i ? &s->weight : s->series,
                                .mark = (double)NAN};
  }
}

static double chart_width(void) { return (WIDTH - 2 * PLOT_MARGIN - 2 * 30 - GAP) / 2; }

static bool measure_section(page *p, section *s, double *y) {
  s->y = plot_half_points(*y + 14, 0, 1e9);
  double h = HEAD_H;
  if (s->overlay) {
    h += overlay_height(p->flow);
  } else {
    if (!measure_maps(p, s)) return false;
    h += s->maps_h;
  }
  make_charts(p, s);
  s->charts_y = s->y + h + 14;
  double below = plot_chart_below(p->out.ruler, &s->charts[0], chart_width());
  bool charts = p->flow->layer_count > 1; /* of one layer the map says it all */
  *y = charts ? s->charts_y + CHART_H + fmax(below, 30) + 4 : s->y + h;
  return true;
}

static bool lay_out(plot_page *out) {
  page *p = (page *)out;
  double y = PLOT_MARGIN - 4;
  out->width = WIDTH;
  add_head(p, &y);
  for (int i = 0; i < p->count; i++) {
    if (!measure_section(p, &p->sections[i], &y)) return false;
  }
  add_foot(p, &y);
  out->height = ceil(y + PLOT_MARGIN - 6);
  return true;
}

/* ---------------------------------------------------------------- drawing */

static double largest_of(const double *x, int64_t n) {
  double most = 0;
  for (int64_t i = 0; i < n; i++) most = fmax(most, x[i]);
  return most;
}

/* The strongest layer: over the picture, and as profiles beside it. */
static bool draw_peak(const page *p, canvas *c, const section *s) {
  const loci_flow_path *x = s->path;
  int64_t l = flow_peak(p->flow, x), n = x->source_count;
  plot_overlay o = {p->flow, x, (int)l, largest_of(x->profile + l * n, n), true};
  canvas_font font = {8, false, false, plot_ink};
  canvas_box box = {PLOT_MARGIN, s->y + HEAD_H, OVERLAY, OVERLAY};
  char text[128];
  if (!plot_overlay_draw(c, &o, p->out.mem, box)) return false;
  snprintf(text, sizeof text, "layer %d; outlined: the top 5 %%, %.0f %% of the total",
           p->flow->layers[l], 100 * x->top_share[l]);
  canvas_text(c, box.x, box.y + box.h + 11, CANVAS_LEFT, &font, text);
  if (p->flow->layer_count > 1) {
    snprintf(text, sizeof text, "below: layers on one scale, darkest %.2g",
             largest_of(x->profile, p->flow->layer_count * n));
    canvas_text(c, WIDTH - PLOT_MARGIN, box.y + box.h + 11, CANVAS_RIGHT, &font, text);
  }
  canvas_box bars = {PLOT_MARGIN + OVERLAY + 48, box.y + 12, 0, OVERLAY / 2 - 32};
  bars.w = WIDTH - PLOT_MARGIN - bars.x;
  snprintf(text, sizeof text, "contribution of each visual token, layer %d", p->flow->layers[l]);
  plot_profile_draw(c, &o, x->profile + l * n, text, bars);
  bars.y += OVERLAY / 2 + 6;
  plot_profile_draw(c, &o, x->weights + l * n, "its raw attention, mean over heads", bars);
  return true;
}

static bool draw_small(const page *p, canvas *c, const section *s) {
  const loci_flow *f = p->flow;
  double side = small_side(), top = s->y + HEAD_H + OVERLAY + 26;
  int step = small_step(f);
  plot_overlay o = {f, s->path, 0, 0, false};
  canvas_font font = {7.5, false, false, plot_grey};
  o.hi = largest_of(s->path->profile, (int64_t)f->layer_count * s->path->source_count);
  for (int i = 0; f->layer_count > 1 && i * step < f->layer_count; i++) {
    char text[96];
    double x = PLOT_MARGIN + i % ACROSS * (side + SMALL_GAP);
    int row = i / ACROSS;
    double y = top + row * (side + 16) + 10;
    o.layer = i * step;
    snprintf(text, sizeof text, "%s%d", i ? "" : "layer ", f->layers[o.layer]);
    canvas_text(c, x, y - 3, CANVAS_LEFT, &font, text);
    if (!plot_overlay_draw(c, &o, p->out.mem, (canvas_box){x, y, side, side})) return false;
  }
  return true;
}

static void draw_maps(canvas *c, const section *s) {
  for (int i = 0; i < 2; i++) {
    plot_place at = s->places[i];
    at.y = s->y + HEAD_H + 16;
    plot_panel(c, s->sheets[i], s->sheets[i]->panels, &at);
    double y = at.y + s->sheets[i]->panels->row_count * at.cell_h + 30 + 14;
    plot_scale(c, s->sheets[i], (canvas_box){at.x, y, 150, 8});
  }
}

static bool draw_section(const page *p, canvas *c, const section *s) {
  canvas_font font = {10, true, false, plot_ink};
  char text[96];
  snprintf(text, sizeof text, "%s \xE2\x86\x92 %s", s->path->from, s->path->to);
  canvas_text(c, PLOT_MARGIN, s->y + 14, CANVAS_LEFT, &font, text);
  if (s->overlay && (!draw_peak(p, c, s) || !draw_small(p, c, s))) return false;
  if (!s->overlay) draw_maps(c, s);
  for (int i = 0; p->flow->layer_count > 1 && i < 2; i++) {
    double x = PLOT_MARGIN + 30 + i * (chart_width() + 30 + GAP);
    plot_chart_draw(c, &s->charts[i], (canvas_box){x, s->charts_y, chart_width(), CHART_H});
  }
  return true;
}

/* ---------------------------------------------------------------- the page */

static loci_status make_sections(page *p, loci_err *err) {
  for (int i = 0; i < p->flow->path_count && i < PATHS; i++) {
    section *s = &p->sections[p->count++];
    s->path = &p->flow->paths[i];
    s->overlay = plot_has_overlay(p->flow, s->path);
    for (int k = 0; !s->overlay && k < 2; k++) {
      TRY(flow_sheet_new(p->flow, s->path, k ? FLOW_ATTENTION : FLOW_CONTRIBUTION, MAX_ROWS,
                         &s->sheets[k], err));
    }
  }
  return LOCI_OK;
}

static bool draw(plot_page *out, canvas *c) {
  page *p = (page *)out;
  for (int i = 0; i < p->count; i++)
    if (!draw_section(p, c, &p->sections[i])) return false;
  return true;
}

loci_status plot_flow(const void *result, loci_metric metric, canvas_kind kind, bytes *out,
                      loci_err *err) {
  static const plot_picture picture = {"drawing a flow", lay_out, draw};
  page p = {.flow = result};
  (void)metric;
  loci_status st = make_sections(&p, err);
  if (!st) st = plot_page_draw(&p.out, &picture, p.flow->prompt->question, kind, out, err);
  for (int i = 0; i < p.count; i++) {
    for (int k = 0; k < 2; k++) sheet_free(p.sections[i].sheets[k]);
  }
  return st;
}
