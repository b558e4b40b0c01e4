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

#include "base/file.h"
#include "base/utf8.h"
#include "show/label.h"
#include "show/plot.h"

enum { MAX_ROWS = 48, MAX_LINES = 24 };

static const double MARGIN = 20, PANEL_GAP = 20, TITLE_H = 22, AXIS_H = 30, SCALE_H = 48,
                    SCALE_W = 370;

static const canvas_font title_font = {12, true, false, {0.13, 0.13, 0.15}};
static const canvas_font text_font = {8.5, false, false, {0.25, 0.25, 0.28}};
static const canvas_font note_font = {7, false, false, {0.45, 0.45, 0.48}};

/* A line of text and where it goes. */
typedef struct text_line {
  const canvas_font *font;
  const char *text;
  double y;
} text_line;

typedef struct page {
  const loci_trace *trace;
  const sheet *s;
  arena *mem;
  canvas *ruler; /* measures text before the page exists */
  plot_place *places;
  double width, height, scale_y, left;
  text_line lines[MAX_LINES];
  int line_count;
} page;

/* ---------------------------------------------------------------- words */

/* Bytes of [text] that fit in [width], cut at a blank if there is one. */
static size_t fitting(canvas *ruler, arena *mem, const canvas_font *font, const char *text,
                      double width) {
  size_t n = strlen(text), fit = 0, blank = 0;
  for (size_t i = 0; i < n;) {
    uint32_t rune;
    int k = utf8_decode(text + i, n - i, &rune);
    i += k > 0 ? (size_t)k : 1;
    char *part = arena_strndup(mem, text, i);
    if (!part || canvas_text_width(ruler, font, part) > width) return blank > 0 ? blank : fit;
    fit = i;
    if (i < n && text[i] == ' ') blank = i;
  }
  return n;
}

/* Adds [text] as at most [most] lines below *y; what does not fit ends in "…". */
static void add_lines(page *p, const canvas_font *font, const char *text, int most, double *y) {
  const char *rest = label_text(p->mem, text);
  double width = p->width - 2 * MARGIN;
  while (rest && *rest && most-- > 0 && p->line_count < MAX_LINES) {
    size_t n = fitting(p->ruler, p->mem, font, rest, width);
    if (n == 0) return;
    char *line = arena_strndup(p->mem, rest, n);
    if (most == 0 && rest[n]) {
      n = fitting(p->ruler, p->mem, font, rest, width - font->size);
      line = arena_alloc(p->mem, (int64_t)n + 4, 1);
      if (line) snprintf(line, n + 4, "%.*s\xE2\x80\xA6", (int)n, rest);
    }
    if (!line) return;
    *y += font->size * 1.35;
    p->lines[p->line_count++] = (text_line){font, line, *y};
    rest += n;
    rest += strspn(rest, " ");
  }
}

static const char *answer_text(page *p, const char *text) {
  label_spelling spelling = label_spelling_of(p->trace->prompt->tokens, p->trace->prompt->length);
  const char *label = label_token(p->mem, spelling, text ? text : "");
  return label ? label : "";
}

static void add_head(page *p, double *y) {
  const loci_trace *t = p->trace;
  bytes text = {0};
  char *s = NULL, clean[24], corrupted[24];
  add_lines(p, &title_font, t->prompt->question ? t->prompt->question : "", 2, y);
  *y += 3;
  bytes_format(&text, "clean: \xE2\x80\x9C%s\xE2\x80\x9D %.3f",
               answer_text(p, t->clean.top[0].text), t->clean.top[0].p);
  bytes_format(&text, "   \xC2\xB7   corrupted (%s): \xE2\x80\x9C%s\xE2\x80\x9D %.3f",
               t->corrupt ? t->corrupt : "", answer_text(p, t->corrupted.top[0].text),
               t->corrupted.top[0].p);
  bytes_format(&text, "   \xC2\xB7   p(\xE2\x80\x9C%s\xE2\x80\x9D): %s \xE2\x86\x92 %s",
               answer_text(p, t->target_text), label_number(t->clean.m.p, 3, clean),
               label_number(t->corrupted.m.p, 3, corrupted));
  if (bytes_take(&text, &s, NULL, NULL) == LOCI_OK) add_lines(p, &text_font, s, 2, y);
  loci_text_free(s);
}

static void add_foot(page *p, double *y) {
  const loci_trace *t = p->trace;
  char text[512];
  if (p->s->has_heads) add_lines(p, &note_font, "Each cell of z shows its strongest head.", 1, y);
  if (p->s->band > 1) {
    snprintf(text, sizeof text,
             "Up to %d positions share a row, which shows the strongest of them.", p->s->band);
    add_lines(p, &note_font, text, 1, y);
  }
  for (int i = 0; i < t->note_count && i < 6; i++) add_lines(p, &note_font, t->notes[i], 2, y);
  snprintf(text, sizeof text, "%s, %s, seed %llu, loci %s",
           t->model && t->model->path ? path_base(t->model->path) : "model",
           t->precision ? t->precision : "", (unsigned long long)t->seed, LOCI_VERSION);
  add_lines(p, &note_font, text, 1, y);
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

static double half_points(double x, double lo, double hi) {
  double y = floor(x * 2) / 2;
  return y < lo ? lo : y > hi ? hi : y;
}

/* Labels cut to a readable length; the widest one sets the column. */
static bool cut_labels(page *p, sheet_panel *panel, plot_place *at) {
  canvas_font font = plot_label_font(at->cell_h);
  sheet_row *rows = arena_array(p->mem, panel->row_count + 1, sheet_row);
  if (!rows) return false;
  for (int r = 0; r < panel->row_count; r++) {
    rows[r] = panel->rows[r];
    rows[r].label = label_cut(p->mem, rows[r].label, PLOT_LABEL_COLUMNS, false);
    if (!rows[r].label) return false;
    font.bold = role_is_constraint(rows[r].role);
    font.italic = rows[r].first < 0;
    double width = canvas_text_width(p->ruler, &font, rows[r].label);
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
  at->cell_h = half_points(44 * 13.0 / rows, 8, 13);
  int layers = panel->layer_count > 0 ? panel->layer_count : 1;
  canvas_font title = {9, true, false, plot_ink};
  double share = canvas_text_width(p->ruler, &title, panel->title) / layers;
  double widest = share < 20 ? 20 : share > 40 ? 40 : share; /* few layers: as wide as the title */
  at->cell_w = half_points(230.0 / layers, 3.5, half_points(widest, 20, 40));
  at->group_gap = 5;
  return cut_labels(p, panel, at);
}

static double panel_width(const page *p, int i) {
  const sheet_panel *panel = &p->s->panels[i];
  canvas_font title = {9, true, false, plot_ink};
  return fmax(panel->layer_count * p->places[i].cell_w,
              canvas_text_width(p->ruler, &title, panel->title));
}

/* Places the panels of one line from x = 0, y = 0; returns their height. */
static double place_line(page *p, int from, int to) {
  double x = MARGIN, height = 0;
  for (int i = from; i < to; i++) {
    const sheet_panel *panel = &p->s->panels[i];
    plot_place *at = &p->places[i];
    at->labels = i == from || !same_rows(panel, panel - 1);
    if (i > from) x += PANEL_GAP;
    if (at->labels) x += plot_gutter_width(panel, at);
    at->x = half_points(x, 0, 1e9);
    x = at->x + panel_width(p, i);
    double h = panel->row_count * at->cell_h + (panel->group_rows > 0 ? at->group_gap : 0);
    height = fmax(height, h);
  }
  p->width = fmax(p->width, x + MARGIN);
  p->left = p->places[0].x;
  p->width = fmax(p->width, p->left + SCALE_W + MARGIN);
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

static bool measure(page *p) {
  int n = p->s->panel_count, per_line = panels_per_line(p->s);
  double *heights = arena_zarray(p->mem, n + 1, double), y = MARGIN - 4;
  if (!heights) return false;
  p->width = 380;
  for (int i = 0; i < n; i++) {
    if (!measure_panel(p, i)) return false;
  }
  for (int i = 0; i < n; i += per_line)
    heights[i] = place_line(p, i, i + per_line < n ? i + per_line : n);
  add_head(p, &y);
  y = half_points(y + 10, 0, 1e9);
  for (int i = 0; i < n; i++) {
    if (i > 0 && i % per_line == 0) y += heights[i - per_line];
    p->places[i].y = y + TITLE_H;
  }
  if (n > 0) y += heights[(n - 1) / per_line * per_line];
  p->scale_y = half_points(y + 16, 0, 1e9);
  y += SCALE_H;
  add_foot(p, &y);
  p->height = ceil(y + MARGIN - 6);
  p->width = ceil(p->width);
  return true;
}

static void draw(const page *p, canvas *c) {
  for (int i = 0; i < p->line_count; i++)
    canvas_text(c, MARGIN, p->lines[i].y, CANVAS_LEFT, p->lines[i].font, p->lines[i].text);
  for (int i = 0; i < p->s->panel_count; i++) plot_panel(c, p->s, &p->s->panels[i], &p->places[i]);
  double x = p->left > 0 ? p->left : MARGIN;
  plot_scale(c, p->s, (canvas_box){x, p->scale_y, 170, 8});
}

loci_status plot_trace(const loci_trace *trace, loci_metric metric, canvas_kind kind, bytes *out,
                       loci_err *err) {
  sheet *s = NULL;
  canvas *c = NULL;
  page p = {.trace = trace};
  TRY(sheet_new(trace, metric, MAX_ROWS, &s, err));
  loci_status st = LOCI_OK;
  p.s = s;
  p.mem = s->mem;
  p.ruler = canvas_new(CANVAS_PNG, 1, 1, "");
  p.places = arena_zarray(s->mem, s->panel_count + 1, plot_place);
  char *title = label_text(s->mem, trace->prompt->question ? trace->prompt->question : "");
  if (!p.ruler || !p.places || !title || !measure(&p)) {
    st = fail_nomem(err, "drawing a trace");
    goto done;
  }
  c = canvas_new(kind, p.width, p.height, title);
  if (!c) {
    st = fail_nomem(err, "drawing a trace");
    goto done;
  }
  draw(&p, c);
  st = canvas_finish(c, out, err);
done:
  canvas_free(c);
  canvas_free(p.ruler);
  sheet_free(s);
  return st;
}

loci_status plot_trace_html(const loci_trace *trace, loci_metric metric, bytes *out,
                            loci_err *err) {
  bytes svg = {0};
  char *text = NULL;
  loci_status st = plot_trace(trace, metric, CANVAS_SVG, &svg, err);
  if (st) bytes_clear(&svg);
  TRY(st);
  TRY(bytes_take(&svg, &text, NULL, err));
  const char *body = strstr(text, "<svg");
  bytes_text(out, "<!DOCTYPE html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n"
                  "<meta name=\"viewport\" content=\"width=device-width\">\n"
                  "<title>loci: causal trace</title>\n"
                  "<style>body { margin: 2em auto; max-width: 72em; padding: 0 1em; "
                  "background: #fff; } svg { max-width: 100%; height: auto; }</style>\n");
  bytes_text(out, body ? body : text);
  bytes_text(out, "</html>\n");
  loci_text_free(text);
  return out->failed ? fail_nomem(err, "drawing a trace") : LOCI_OK;
}
