/* The page of a trace: measured first, then drawn (see plot.h).
 *
 *   question                                    the title, at most two lines
 *   clean ..., corrupted ...
 *   [gutter][panel]  [panel]  [panel]           three in a row at most; labels only where they
 * change colour bar    key of exact zeros notes
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "show/label.h"
#include "show/plot.h"
#include "show/plot_page.h"

enum { MAX_ROWS = 48 };

static const double PANEL_GAP = 20, TITLE_H = 22, AXIS_H = 30, SCALE_H = 48, SCALE_W = 370;

typedef struct page {
  plot_page out; /* first */
  const loci_trace *trace;
  const sheet *s;
  plot_place *places;
  double scale_y, left;
} page;

/* ---------------------------------------------------------------- words */

static const char *answer_text(page *p, const char *text) {
  label_spelling spelling = label_spelling_of(p->trace->prompt->tokens, p->trace->prompt->length);
  const char *label = label_token(p->out.mem, spelling, text ? text : "");
  return label ? label : "";
}

static void add_head(page *p, double *y) {
  const loci_trace *t = p->trace;
  bytes text = {0};
  char *s = NULL, clean[24], corrupted[24];
  plot_page_add(&p->out, &plot_title_font, t->prompt->question ? t->prompt->question : "", 2, y);
  *y += 3;
  bytes_format(&text, "clean: \xE2\x80\x9C%s\xE2\x80\x9D %.3f",
               answer_text(p, t->clean.top[0].text), t->clean.top[0].p);
  bytes_format(&text, "   \xC2\xB7   corrupted (%s): \xE2\x80\x9C%s\xE2\x80\x9D %.3f",
               t->corrupt ? t->corrupt : "", answer_text(p, t->corrupted.top[0].text),
               t->corrupted.top[0].p);
  bytes_format(&text, "   \xC2\xB7   p(\xE2\x80\x9C%s\xE2\x80\x9D): %s \xE2\x86\x92 %s",
               answer_text(p, t->target_text), label_number(t->clean.m.p, 3, clean),
               label_number(t->corrupted.m.p, 3, corrupted));
  if (bytes_take(&text, &s, NULL, NULL) == LOCI_OK)
    plot_page_add(&p->out, &plot_text_font, s, 2, y);
  loci_text_free(s);
}

static void add_foot(page *p, double *y) {
  const loci_trace *t = p->trace;
  char text[512];
  if (p->s->has_heads)
    plot_page_add(&p->out, &plot_note_font, "Each cell of z shows its strongest head.", 1, y);
  if (t->screen > 0) {
    int n = snprintf(text, sizeof text,
                     "Screened: %lld cells estimated by gradients, the %lld strongest run",
                     (long long)t->screen_cells, (long long)t->screen);
    if (!isnan(t->spearman))
      snprintf(text + n, sizeof text - (size_t)n,
               "; rank correlation of estimates and effects %.3f", t->spearman);
    plot_page_add(&p->out, &plot_note_font, text, 2, y);
  }
  if (p->s->band > 1) {
    snprintf(text, sizeof text,
             "Up to %d positions share a row, which shows the strongest of them.", p->s->band);
    plot_page_add(&p->out, &plot_note_font, text, 1, y);
  }
  for (int i = 0; i < t->note_count && i < 6; i++)
    plot_page_add(&p->out, &plot_note_font, t->notes[i], 2, y);
  snprintf(text, sizeof text, "%s, %s, seed %llu, loci %s", label_model(t->model),
           t->precision ? t->precision : "", (unsigned long long)t->seed, LOCI_VERSION);
  plot_page_add(&p->out, &plot_note_font, text, 1, y);
  plot_page_edits(&p->out, t->model, y);
}

/* ---------------------------------------------------------------- places */

static bool same_rows(const sheet_panel *a, const sheet_panel *b) {
  if (a->row_count != b->row_count || a->group_rows != b->group_rows) return false;
  for (int r = 0; r < a->row_count; r++) {
    if (a->rows[r].first != b->rows[r].first || a->rows[r].last != b->rows[r].last) return false;
    if (a->rows[r].first < 0 && strcmp(a->rows[r].label, b->rows[r].label) != 0) return false;
  }
  return true;
}

/* Labels cut to a readable length; the widest one sets the column. */
static bool cut_labels(page *p, sheet_panel *panel, plot_place *at) {
  canvas_font font = plot_label_font(at->cell_h);
  sheet_row *rows = arena_array(p->out.mem, panel->row_count + 1, sheet_row);
  if (!rows) return false;
  for (int r = 0; r < panel->row_count; r++) {
    rows[r] = panel->rows[r];
    rows[r].label = label_cut(p->out.mem, rows[r].label, PLOT_LABEL_COLUMNS, false);
    if (!rows[r].label) return false;
    font.bold = role_is_constraint(rows[r].role);
    font.italic = rows[r].first < 0;
    double width = canvas_text_width(p->out.ruler, &font, rows[r].label);
    double *widest = r < panel->group_rows ? &at->group_label_w : &at->label_w;
    *widest = fmax(*widest, width);
  }
  panel->rows = rows;
  return true;
}

static bool measure_panel(page *p, int i) {
  sheet_panel *panel = &p->s->panels[i];
  plot_place *at = &p->places[i];
  int rows = panel->row_count > 0 ? panel->row_count : 1;
  at->cell_h = plot_half_points(44 * 13.0 / rows, 8, 13);
  int layers = panel->layer_count > 0 ? panel->layer_count : 1;
  canvas_font title = {9, true, false, plot_ink};
  double share = canvas_text_width(p->out.ruler, &title, panel->title) / layers;
  double widest = share < 20 ? 20 : share > 40 ? 40 : share; /* few layers: as wide as the title */
  at->cell_w = plot_half_points(230.0 / layers, 3.5, plot_half_points(widest, 20, 40));
  at->group_gap = 5;
  return cut_labels(p, panel, at);
}

static double panel_width(const page *p, int i) {
  const sheet_panel *panel = &p->s->panels[i];
  canvas_font title = {9, true, false, plot_ink};
  return fmax(panel->layer_count * p->places[i].cell_w,
              canvas_text_width(p->out.ruler, &title, panel->title));
}

/* Places the panels of one line from x = 0, y = 0; returns their height. */
static double place_line(page *p, int from, int to) {
  double x = PLOT_MARGIN, height = 0;
  for (int i = from; i < to; i++) {
    const sheet_panel *panel = &p->s->panels[i];
    plot_place *at = &p->places[i];
    at->labels = i == from || !same_rows(panel, panel - 1);
    if (i > from) x += PANEL_GAP;
    if (at->labels) x += plot_gutter_width(panel, at);
    at->x = plot_half_points(x, 0, 1e9);
    x = at->x + panel_width(p, i);
    double h = panel->row_count * at->cell_h + (panel->group_rows > 0 ? at->group_gap : 0);
    height = fmax(height, h);
  }
  p->out.width = fmax(p->out.width, x + PLOT_MARGIN);
  p->left = p->places[0].x;
  p->out.width = fmax(p->out.width, p->left + SCALE_W + PLOT_MARGIN);
  return height + TITLE_H + AXIS_H;
}

/* Panels in a line: the sites of one window and direction, if there are two to four. */
static int panels_per_line(const sheet *s) {
  int same = 1, n = s->panel_count;
  while (same < n && s->panels[same].window == s->panels[0].window &&
         s->panels[same].direction == s->panels[0].direction)
    same++;
  if (same >= 2 && same <= 4) return same;
  return n == 4 ? 2 : n < 3 ? n : 3;
}

static bool lay_out(plot_page *out) {
  page *p = (page *)out;
  int n = p->s->panel_count, per_line = panels_per_line(p->s);
  double *heights = arena_zarray(out->mem, n + 1, double), y = PLOT_MARGIN - 4;
  p->places = arena_zarray(out->mem, n + 1, plot_place);
  if (!heights || !p->places) return false;
  out->width = 380;
  for (int i = 0; i < n; i++) {
    if (!measure_panel(p, i)) return false;
  }
  for (int i = 0; i < n; i += per_line)
    heights[i] = place_line(p, i, i + per_line < n ? i + per_line : n);
  add_head(p, &y);
  y = plot_half_points(y + 10, 0, 1e9);
  for (int i = 0; i < n; i++) {
    if (i > 0 && i % per_line == 0) y += heights[i - per_line];
    p->places[i].y = y + TITLE_H;
  }
  if (n > 0) y += heights[(n - 1) / per_line * per_line];
  p->scale_y = plot_half_points(y + 16, 0, 1e9);
  y += SCALE_H;
  add_foot(p, &y);
  out->height = ceil(y + PLOT_MARGIN - 6);
  out->width = ceil(out->width);
  return true;
}

static bool draw(plot_page *out, canvas *c) {
  const page *p = (const page *)out;
  for (int i = 0; i < p->s->panel_count; i++) plot_panel(c, p->s, &p->s->panels[i], &p->places[i]);
  double x = p->left > 0 ? p->left : PLOT_MARGIN;
  plot_scale(c, p->s, (canvas_box){x, p->scale_y, 170, 8});
  return true;
}

loci_status plot_trace(const void *result, loci_metric metric, canvas_kind kind, bytes *out,
                       loci_err *err) {
  static const plot_picture picture = {"drawing a trace", lay_out, draw};
  const loci_trace *trace = result;
  sheet *s = NULL;
  TRY(sheet_new(trace, metric, MAX_ROWS, &s, err));
  page p = {.trace = trace, .s = s};
  loci_status st = plot_page_draw(&p.out, &picture, trace->prompt->question, kind, out, err);
  sheet_free(s);
  return st;
}
