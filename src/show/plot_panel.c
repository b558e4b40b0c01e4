/* One panel of the picture: cells, labels, brackets, layer axis (see plot.h).
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "show/label.h"
#include "show/plot.h"

const rgb plot_ink = {0.13, 0.13, 0.15}, plot_grey = {0.45, 0.45, 0.48},
          plot_faint = {0.80, 0.80, 0.82}, plot_accent = {0.66, 0.08, 0.40},
          plot_image = {0.20, 0.47, 0.35}, plot_zero = {0.955, 0.955, 0.958};

enum { BRACKET_WIDTH = 7, NUMBER_GAP = 5, CELL_GAP = 4, WORD_WIDTH = 46 };

canvas_font plot_label_font(double cell_h) {
  double size = cell_h * 0.66;
  return (canvas_font){size > 8.5 ? 8.5 : size, false, false, plot_ink};
}

static double number_width(const plot_place *at) { return at->cell_h * 0.55 * 2.6; }

double plot_gutter_width(const sheet_panel *p, const plot_place *at) {
  double tokens = number_width(at) + NUMBER_GAP + at->label_w, words = at->group_label_w;
  bool spans = false;
  for (int r = p->group_rows; r < p->row_count; r++) {
    loci_role role = p->rows[r].role;
    spans = spans || role_is_constraint(role) || role == LOCI_ROLE_IMAGE;
  }
  if (spans) tokens += WORD_WIDTH + BRACKET_WIDTH;
  return fmax(tokens, words) + CELL_GAP;
}

double plot_row_y(const sheet_panel *p, const plot_place *at, int row) {
  bool below = row >= p->group_rows && p->group_rows > 0;
  return at->y + row * at->cell_h + (below ? at->group_gap : 0);
}

/* ---------------------------------------------------------------- cells */

/* Cells reach a little under their right and lower neighbours: viewers of PDF and SVG would show
 * hairlines between edges that only touch. */
static void draw_cells(canvas *c, const sheet *s, const sheet_panel *p, const plot_place *at) {
  const double under = 0.25;
  bool diverging = s->lo < 0 && s->hi > 0;
  for (int r = 0; r < p->row_count; r++) {
    double y = plot_row_y(p, at, r);
    double h = at->cell_h + (r + 1 == p->group_rows || r + 1 == p->row_count ? 0 : under);
    for (int l = 0; l < p->layer_count; l++) {
      int64_t i = (int64_t)r * p->layer_count + l;
      double w = at->cell_w + (l + 1 == p->layer_count ? 0 : under);
      canvas_box box = {at->x + l * at->cell_w, y, w, h};
      bool empty = p->zero[i] || isnan(p->values[i]);
      canvas_fill(c, box, empty ? plot_zero : colormap(sheet_level(s, p->values[i]), diverging));
    }
  }
}

/* A spot in cells that were run, where others are estimates. */
void plot_run_mark(canvas *c, canvas_box cell, rgb under) {
  bool bright = 0.3 * under.r + 0.6 * under.g + 0.1 * under.b > 0.55;
  double radius = fmin(fmin(cell.w, cell.h) * 0.2, 1.6);
  canvas_disc(c, cell.x + cell.w / 2, cell.y + cell.h / 2, radius,
              bright ? plot_ink : (rgb){1, 1, 1});
}

static void draw_run_marks(canvas *c, const sheet *s, const sheet_panel *p, const plot_place *at) {
  bool diverging = s->lo < 0 && s->hi > 0;
  for (int r = 0; r < p->row_count; r++) {
    for (int l = 0; l < p->layer_count; l++) {
      int64_t i = (int64_t)r * p->layer_count + l;
      if (p->zero[i] || !p->exact[i]) continue;
      canvas_box box = {at->x + l * at->cell_w, plot_row_y(p, at, r), at->cell_w, at->cell_h};
      plot_run_mark(c, box, colormap(sheet_level(s, p->values[i]), diverging));
    }
  }
}

/* Exact zeros, runs of them as one box. */
static void draw_zeros(canvas *c, const sheet_panel *p, const plot_place *at) {
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
        boxes[n++] =
            (canvas_box){at->x + l * at->cell_w, plot_row_y(p, at, r), at->cell_w, at->cell_h};
      }
    }
  }
  canvas_hatch(c, boxes, n, 4, plot_faint);
  free(boxes);
}

static void draw_frames(canvas *c, const sheet_panel *p, const plot_place *at) {
  double w = p->layer_count * at->cell_w;
  int tokens = p->row_count - p->group_rows;
  if (p->group_rows > 0) {
    canvas_frame(c, (canvas_box){at->x, at->y, w, p->group_rows * at->cell_h}, 0.6, plot_grey);
  }
  if (tokens > 0) {
    double y = plot_row_y(p, at, p->group_rows);
    canvas_frame(c, (canvas_box){at->x, y, w, tokens * at->cell_h}, 0.6, plot_grey);
  }
}

/* ---------------------------------------------------------------- labels */

static void draw_label(canvas *c, const sheet_row *row, const plot_place *at, double y) {
  canvas_font font = plot_label_font(at->cell_h), number = font;
  double right = at->x - CELL_GAP, base = y + at->cell_h / 2 + font.size * 0.36;
  if (role_is_constraint(row->role)) font.bold = true, font.colour = plot_accent;
  if (row->role == LOCI_ROLE_IMAGE) font.colour = plot_image;
  font.italic = row->first < 0;
  canvas_text(c, right, base, CANVAS_RIGHT, &font, row->label);
  if (row->first < 0 || row->first != row->last) return; /* a band's label is its positions */
  char text[16];
  snprintf(text, sizeof text, "%d", row->first);
  number.size *= 0.8;
  number.colour = plot_grey;
  canvas_text(c, right - at->label_w - NUMBER_GAP, base, CANVAS_RIGHT, &number, text);
}

/* A square bracket round rows [from, to) with its word to the left. */
static void draw_bracket(canvas *c, const sheet_panel *p, const plot_place *at, const int rows[2],
                         const char *word, rgb colour) {
  double x = at->x - CELL_GAP - at->label_w - NUMBER_GAP - number_width(at) - 4;

  double y0 = plot_row_y(p, at, rows[0]) + 1.2,
         y1 = plot_row_y(p, at, rows[1] - 1) + at->cell_h - 1.2;
  canvas_font font = {7.2, true, false, colour};
  canvas_line(c, x, y0, x, y1, 1, colour);
  canvas_line(c, x - 0.5, y0, x + 3, y0, 1, colour);
  canvas_line(c, x - 0.5, y1, x + 3, y1, 1, colour);
  canvas_text(c, x - 3.5, (y0 + y1) / 2 + 2.6, CANVAS_RIGHT, &font, word);
}

/* One past the last row of the constraint or image that begins at [row]; row itself if none does.
 */
static int span_end(const sheet_panel *p, int row) {
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

static void draw_spans(canvas *c, const sheet_panel *p, const plot_place *at) {
  for (int r = p->group_rows; r < p->row_count;) {
    int end = span_end(p, r);
    if (end == r) {
      r++;
      continue;
    }
    bool constraint = role_is_constraint(p->rows[r].role);
    rgb colour = constraint ? plot_accent : plot_image;
    if (at->labels) {
      draw_bracket(c, p, at, (int[2]){r, end}, constraint ? "constraint" : "image", colour);
    } else {
      double y0 = plot_row_y(p, at, r), y1 = plot_row_y(p, at, end - 1) + at->cell_h;
      canvas_line(c, at->x - 3, y0 + 0.5, at->x - 3, y1 - 0.5, 1.5, colour);
    }
    r = end;
  }
}

/* ---------------------------------------------------------------- axes */

static void draw_layer_axis(canvas *c, const sheet_panel *p, const plot_place *at) {
  static const int steps[] = {1, 2, 4, 5, 8, 10, 16, 20, 32, 50, 100};
  canvas_font font = {7.5, false, false, plot_ink};
  double y = plot_row_y(p, at, p->row_count - 1) + at->cell_h;
  int step = 1000;
  for (int i = (int)(sizeof steps / sizeof *steps) - 1; i >= 0; i--) {
    if (steps[i] * at->cell_w >= 17) step = steps[i];
  }
  for (int l = 0; l < p->layer_count; l++) {
    if (p->layers[l] % step != 0 && p->layer_count > 1) continue;
    char text[16];
    double x = at->x + (l + 0.5) * at->cell_w;
    snprintf(text, sizeof text, "%d", p->layers[l]);
    canvas_line(c, x, y, x, y + 2.5, 0.6, plot_grey);
    canvas_text(c, x, y + 10.5, CANVAS_CENTRE, &font, text);
  }
  font.colour = plot_grey;
  canvas_text(c, at->x + p->layer_count * at->cell_w / 2, y + 21, CANVAS_CENTRE, &font, "layer");
}

void plot_panel(canvas *c, const sheet *s, const sheet_panel *p, const plot_place *at) {
  canvas_font title = {9, true, false, plot_ink};
  canvas_text(c, at->x, at->y - 6, CANVAS_LEFT, &title, p->title);
  if (p->row_count == 0) return;
  draw_cells(c, s, p, at);
  draw_zeros(c, p, at);
  if (p->exact) draw_run_marks(c, s, p, at);
  draw_frames(c, p, at);
  for (int r = 0; r < p->row_count && at->labels; r++)
    draw_label(c, &p->rows[r], at, plot_row_y(p, at, r));
  draw_spans(c, p, at);
  draw_layer_axis(c, p, at);
}
