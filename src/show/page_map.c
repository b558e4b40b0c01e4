/* Maps on a page: panels in lines of up to four, labels only where they change, one colour bar
 * below them (see page.h). */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "show/page.h"

enum { BRACKET_WIDTH = 7, NUMBER_GAP = 5, CELL_GAP = 4, WORD_WIDTH = 46, LABEL_COLUMNS = 22 };

static const double PANEL_GAP = 20, TITLE_H = 22, AXIS_H = 30, SCALE_H = 48, SCALE_W = 370,
                    MARGIN_W = 20;
static const canvas_font title_font = {9, true, false, {0.13, 0.13, 0.15}};

/* Where a panel's cells lie, in points from the part's corner, and what it shows. */
typedef struct place {
  heatmap_panel panel; /* with labels of a readable length */
  double x, y;         /* top left of the cells */
  double cell_w, cell_h;
  double group_gap;     /* between the group rows and the token rows */
  double label_w;       /* of the widest token label */
  double group_label_w; /* of the widest group name */
  bool labels;          /* whether row labels and brackets stand to the left */
} place;

static canvas_font label_font(double cell_h) {
  double size = cell_h * 0.66;
  return (canvas_font){size > 8.5 ? 8.5 : size, false, false, page_ink};
}

static double number_width(const place *at) { return at->cell_h * 0.55 * 2.6; }

static double gutter_width(const heatmap_panel *p, const place *at) {
  double tokens = number_width(at) + NUMBER_GAP + at->label_w, words = at->group_label_w;
  bool spans = false;
  for (int r = p->group_rows; r < p->row_count; r++) {
    loci_role role = p->rows[r].role;
    spans = spans || role_is_constraint(role) || role == LOCI_ROLE_IMAGE;
  }
  if (spans) tokens += WORD_WIDTH + BRACKET_WIDTH;
  return fmax(tokens, words) + CELL_GAP;
}

static double row_y(const heatmap_panel *p, const place *at, int row) {
  bool below = row >= p->group_rows && p->group_rows > 0;
  return at->y + row * at->cell_h + (below ? at->group_gap : 0);
}

/* ---------------------------------------------------------------- cells */

/* Cells reach a little under their right and lower neighbours: viewers of PDF and SVG would show
 * hairlines between edges that only touch. */
static void draw_cells(canvas *c, const heatmap *s, const heatmap_panel *p, const place *at) {
  const double under = 0.25;
  bool diverging = s->lo < 0 && s->hi > 0;
  for (int r = 0; r < p->row_count; r++) {
    double y = row_y(p, at, r);
    double h = at->cell_h + (r + 1 == p->group_rows || r + 1 == p->row_count ? 0 : under);
    for (int l = 0; l < p->layer_count; l++) {
      int64_t i = (int64_t)r * p->layer_count + l;
      double w = at->cell_w + (l + 1 == p->layer_count ? 0 : under);
      canvas_box box = {at->x + l * at->cell_w, y, w, h};
      bool empty = p->zero[i] || isnan(p->values[i]);
      canvas_fill(c, box, empty ? page_zero : colormap(heatmap_level(s, p->values[i]), diverging));
    }
  }
}

static void draw_run_marks(canvas *c, const heatmap *s, const heatmap_panel *p, const place *at) {
  bool diverging = s->lo < 0 && s->hi > 0;
  for (int r = 0; r < p->row_count; r++) {
    for (int l = 0; l < p->layer_count; l++) {
      int64_t i = (int64_t)r * p->layer_count + l;
      if (p->zero[i] || !p->exact[i]) continue;
      canvas_box box = {at->x + l * at->cell_w, row_y(p, at, r), at->cell_w, at->cell_h};
      if (p->heads) box.w *= 0.4, box.h *= 0.4; /* the corner: the middle has the head's number */
      page_run_mark(c, box, colormap(heatmap_level(s, p->values[i]), diverging));
    }
  }
}

/* The strongest head's number in cells that stand out, where there is room for it. */
static void draw_heads(canvas *c, const heatmap *s, const heatmap_panel *p, const place *at) {
  canvas_font font = {fmin(at->cell_h * 0.5, at->cell_w * 0.42), false, false, page_ink};
  for (int64_t i = 0; i < (int64_t)p->row_count * p->layer_count && at->cell_w >= 9; i++) {
    double level = fabs(heatmap_level(s, p->values[i]));
    char text[16];
    if (p->zero[i] || level < 0.1) continue;
    font.colour = level > 0.45 ? (rgb){1, 1, 1} : page_ink;
    snprintf(text, sizeof text, "%d", p->heads[i]);
    canvas_text(c, at->x + ((double)(i % p->layer_count) + 0.5) * at->cell_w,
                row_y(p, at, (int)(i / p->layer_count)) + at->cell_h / 2 + font.size * 0.36,
                CANVAS_CENTRE, &font, text);
  }
}

/* Exact zeros, runs of them as one box. */
static void draw_zeros(canvas *c, const heatmap_panel *p, const place *at) {
  int64_t most = (int64_t)p->row_count * p->layer_count;
  canvas_box *boxes = calloc((size_t)most + 1, sizeof *boxes);
  int n = 0;
  if (!boxes) return; /* the tone still tells them apart */
  for (int r = 0; r < p->row_count; r++) {
    const bool *zero = p->zero + (int64_t)r * p->layer_count;
    for (int l = 0; l < p->layer_count; l++) {
      if (!zero[l]) continue;
      if (l > 0 && zero[l - 1]) {
        boxes[n - 1].w += at->cell_w;
      } else {
        boxes[n++] = (canvas_box){at->x + l * at->cell_w, row_y(p, at, r), at->cell_w, at->cell_h};
      }
    }
  }
  canvas_hatch(c, boxes, n, 4, page_faint);
  free(boxes);
}

static void draw_frames(canvas *c, const heatmap_panel *p, const place *at) {
  double w = p->layer_count * at->cell_w;
  int tokens = p->row_count - p->group_rows;
  if (p->group_rows > 0) {
    canvas_frame(c, (canvas_box){at->x, at->y, w, p->group_rows * at->cell_h}, 0.6, page_grey);
  }
  if (tokens > 0) {
    double y = row_y(p, at, p->group_rows);
    canvas_frame(c, (canvas_box){at->x, y, w, tokens * at->cell_h}, 0.6, page_grey);
  }
}

/* ---------------------------------------------------------------- labels */

static void draw_label(canvas *c, const heatmap_row *row, const place *at, double y) {
  canvas_font font = label_font(at->cell_h), number = font;
  double right = at->x - CELL_GAP, base = y + at->cell_h / 2 + font.size * 0.36;
  if (role_is_constraint(row->role)) font.bold = true, font.colour = page_accent;
  if (row->role == LOCI_ROLE_IMAGE) font.colour = page_image;
  font.italic = row->first < 0;
  canvas_text(c, right, base, CANVAS_RIGHT, &font, row->label);
  if (row->first < 0 || row->first != row->last) return; /* a band's label is its positions */
  char text[16];
  snprintf(text, sizeof text, "%d", row->first);
  number.size *= 0.8;
  number.colour = page_grey;
  canvas_text(c, right - at->label_w - NUMBER_GAP, base, CANVAS_RIGHT, &number, text);
}

/* A square bracket round rows [from, to) with its word to the left. */
static void draw_bracket(canvas *c, const heatmap_panel *p, const place *at, const int rows[2],
                         const char *word, rgb colour) {
  double x = at->x - CELL_GAP - at->label_w - NUMBER_GAP - number_width(at) - 4;

  double y0 = row_y(p, at, rows[0]) + 1.2, y1 = row_y(p, at, rows[1] - 1) + at->cell_h - 1.2;
  canvas_font font = {7.2, true, false, colour};
  canvas_line(c, x, y0, x, y1, 1, colour);
  canvas_line(c, x - 0.5, y0, x + 3, y0, 1, colour);
  canvas_line(c, x - 0.5, y1, x + 3, y1, 1, colour);
  canvas_text(c, x - 3.5, (y0 + y1) / 2 + 2.6, CANVAS_RIGHT, &font, word);
}

/* One past the last row of the constraint or image that begins at [row]; row itself if none does.
 */
static int span_end(const heatmap_panel *p, int row) {
  loci_role role = p->rows[row].role;
  bool constraint = role_is_constraint(role);
  if (!constraint && role != LOCI_ROLE_IMAGE) return row;
  int end = row + 1;
  while (end < p->row_count) {
    loci_role next = p->rows[end].role;
    bool same = constraint ? role_is_constraint(next) && next != LOCI_ROLE_CONSTRAINT_FIRST
                           : next == LOCI_ROLE_IMAGE;
    if (!same) break;
    end++;
  }
  return end;
}

static void draw_spans(canvas *c, const heatmap_panel *p, const place *at) {
  for (int r = p->group_rows; r < p->row_count;) {
    int end = span_end(p, r);
    if (end == r) {
      r++;
      continue;
    }
    bool constraint = role_is_constraint(p->rows[r].role);
    rgb colour = constraint ? page_accent : page_image;
    if (at->labels) {
      draw_bracket(c, p, at, (int[2]){r, end}, constraint ? "constraint" : "image", colour);
    } else {
      double y0 = row_y(p, at, r), y1 = row_y(p, at, end - 1) + at->cell_h;
      canvas_line(c, at->x - 3, y0 + 0.5, at->x - 3, y1 - 0.5, 1.5, colour);
    }
    r = end;
  }
}

/* ---------------------------------------------------------------- axes */

static void draw_layer_axis(canvas *c, const heatmap_panel *p, const place *at) {
  canvas_font font = {7.5, false, false, page_ink};
  double y = row_y(p, at, p->row_count - 1) + at->cell_h;
  int step = page_layer_step(at->cell_w);
  for (int l = 0; l < p->layer_count; l++) {
    if (p->layers[l] % step != 0 && p->layer_count > 1) continue;
    char text[16];
    double x = at->x + (l + 0.5) * at->cell_w;
    snprintf(text, sizeof text, "%d", p->layers[l]);
    canvas_line(c, x, y, x, y + 2.5, 0.6, page_grey);
    canvas_text(c, x, y + 10.5, CANVAS_CENTRE, &font, text);
  }
  font.colour = page_grey;
  canvas_text(c, at->x + p->layer_count * at->cell_w / 2, y + 21, CANVAS_CENTRE, &font, "layer");
}

static void draw_panel(canvas *c, const heatmap *s, const place *at) {
  const heatmap_panel *p = &at->panel;
  canvas_text(c, at->x, at->y - 6, CANVAS_LEFT, &title_font, p->title);
  if (p->row_count == 0) return;
  draw_cells(c, s, p, at);
  draw_zeros(c, p, at);
  if (p->exact) draw_run_marks(c, s, p, at);
  if (p->heads) draw_heads(c, s, p, at);
  draw_frames(c, p, at);
  for (int r = 0; r < p->row_count && at->labels; r++)
    draw_label(c, &p->rows[r], at, row_y(p, at, r));
  draw_spans(c, p, at);
  draw_layer_axis(c, p, at);
}

/* ---------------------------------------------------------------- places */

/* The measured map: its panels' places, and where the colour bar begins. */
typedef struct plan {
  heatmap fixed; /* the map on the page's scale */
  place *places;
  double scale_x, scale_y;
} plan;

static bool same_rows(const heatmap_panel *a, const heatmap_panel *b) {
  if (a->row_count != b->row_count || a->group_rows != b->group_rows) return false;
  for (int r = 0; r < a->row_count; r++) {
    if (a->rows[r].first != b->rows[r].first || a->rows[r].last != b->rows[r].last) return false;
    if (a->rows[r].first < 0 && strcmp(a->rows[r].label, b->rows[r].label) != 0) return false;
  }
  return true;
}

/* Labels cut to a readable length; the widest one sets the column. */
static bool cut_labels(page *p, place *at) {
  heatmap_panel *panel = &at->panel;
  canvas_font font = label_font(at->cell_h);
  heatmap_row *rows = arena_array(p->mem, panel->row_count + 1, heatmap_row);
  if (!rows) return false;
  for (int r = 0; r < panel->row_count; r++) {
    rows[r] = panel->rows[r];
    rows[r].label = label_cut(p->mem, rows[r].label, LABEL_COLUMNS, false);
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

static bool measure_panel(page *p, place *at) {
  const heatmap_panel *panel = &at->panel;
  int rows = panel->row_count > 0 ? panel->row_count : 1;
  int layers = panel->layer_count > 0 ? panel->layer_count : 1;
  double share = canvas_text_width(p->ruler, &title_font, panel->title) / layers;
  double widest = share < 20 ? 20 : share > 40 ? 40 : share; /* few layers: as wide as the title */
  at->cell_h = page_half_points(44 * 13.0 / rows, 8, 13);
  at->cell_w = page_half_points(230.0 / layers, 3.5, page_half_points(widest, 20, 40));
  at->group_gap = 5;
  return cut_labels(p, at);
}

static double panel_width(const page *p, const place *at) {
  return fmax(at->panel.layer_count * at->cell_w,
              canvas_text_width(p->ruler, &title_font, at->panel.title));
}

/* As many of the first panels in a line as the page's wanted width has room for. */
static int panels_with_room(const page *p, const place *places, int n, int most) {
  double x = 2 * MARGIN_W;
  if (!(p->look.width > 0)) return most;
  for (int i = 0; i < n && i < most; i++) {
    bool labels = i == 0 || !same_rows(&places[i].panel, &places[i - 1].panel);
    x += panel_width(p, &places[i]) + (i > 0 ? PANEL_GAP : 0);
    if (labels) x += gutter_width(&places[i].panel, &places[i]);
    if (i > 0 && x > p->look.width) return i;
  }
  return most;
}

/* Panels in a line: the sites of one window, if there are two to four. */
static int panels_per_line(const heatmap *s) {
  int same = 1, n = s->panel_count;
  while (same < n && s->panels[same].window == s->panels[0].window) same++;
  if (same >= 2 && same <= 4) return same;
  return n == 4 ? 2 : n < 3 ? n : 3;
}

/* Places the panels of one line below y; returns the y below them.  Labels that stand at the left
 * neighbour are not repeated. */
static double place_line(page *p, page_part *part, place *places, int n, double y) {
  double x = 0, height = 0;
  bool map = part->before && part->before->block->kind == VIEW_MAP;
  const heatmap_panel *left = map ? ((const heatmap *)part->before->block->data)->panels : NULL;
  for (int i = 0; i < n; i++) {
    place *at = &places[i];
    const heatmap_panel *beside = i > 0 ? &places[i - 1].panel : left;
    at->labels = !beside || !same_rows(&at->panel, beside);
    if (i > 0) x += PANEL_GAP;
    if (at->labels) x += gutter_width(&at->panel, at);
    at->x = page_half_points(x, 0, 1e9);
    at->y = y + TITLE_H;
    x = at->x + panel_width(p, at);
    bool groups = at->panel.group_rows > 0 && at->panel.group_rows < at->panel.row_count;
    height = fmax(height, at->panel.row_count * at->cell_h + (groups ? at->group_gap : 0));
  }
  part->box.w = fmax(part->box.w, x);
  return y + height + TITLE_H + AXIS_H;
}

bool page_map_measure(page *p, page_part *part) {
  const heatmap *s = part->block->data;
  int n = s->panel_count;
  plan *own = arena_zarray(p->mem, 1, plan);
  place *places = arena_zarray(p->mem, n + 1, place);
  if (!own || !places) return false;
  double y = 0;
  for (int i = 0; i < n; i++) {
    places[i].panel = s->panels[i];
    if (!measure_panel(p, &places[i])) return false;
  }
  int per_line = panels_with_room(p, places, n, panels_per_line(s));
  for (int i = 0; i < n; i += per_line)
    y = place_line(p, part, &places[i], i + per_line < n ? per_line : n - i, y);
  *own = (plan){*s, places, places[0].x, page_half_points(y + 16, 0, 1e9)};
  heatmap_fix(&own->fixed, p->look.scale);
  bool keys = s->has_zero || s->screened;
  part->box.w = fmax(part->box.w, places[0].x + (keys ? SCALE_W : 190));
  part->box.h = y + SCALE_H;
  part->own = own;
  return true;
}

bool page_map_draw(page *p, canvas *c, const page_part *part) {
  const plan *own = part->own;
  const heatmap *s = &own->fixed;
  (void)p;
  for (int i = 0; i < s->panel_count; i++) {
    place at = own->places[i];
    at.x += part->box.x;
    at.y += part->box.y;
    draw_panel(c, s, &at);
  }
  page_scale(c, s, (canvas_box){part->box.x + own->scale_x, part->box.y + own->scale_y, 170, 8});
  return true;
}
