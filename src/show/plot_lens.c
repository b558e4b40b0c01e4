/* The page of a logit lens: the grid of words, layers down and positions across, coloured by the
 * word's probability; beside it the target's probability over the layers. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "show/label.h"
#include "show/plot_lines.h"

enum { MOST_POSITIONS = 96, MOST_SERIES = 7, LABEL_COLUMNS = 16 };
static const double GUTTER = 26, HEADER = 30, CELL_H = 15, CHART_W = 250, CHART_GAP = 56,
                    SCALE_H = 44;

typedef struct page {
  plot_page out; /* first */
  const loci_lens *l;
  label_spelling spelling;
  int positions; /* that are drawn */
  double cell_w;
  canvas_box grid, chart_box;
  plot_chart chart; /* no series: none is drawn */
  loci_metric metric;
} page;

static const char *token_of(const page *p, const char *token, int columns) {
  const char *label = label_token(p->out.mem, p->spelling, token ? token : "");
  if (label) label = label_cut(p->out.mem, label, columns, false);
  return label ? label : "";
}

static const loci_token *token_at(const page *p, int i) {
  return &p->l->prompt->tokens[p->l->positions[i]];
}

/* ---------------------------------------------------------------- the target's lines */

static bool fill_chart(page *p) {
  const loci_lens *l = p->l;
  bool logs = p->metric == LOCI_METRIC_LOGP;
  char text[160];
  if (l->position_count > MOST_SERIES) return true;
  plot_series *series = arena_zarray(p->out.mem, l->position_count, plot_series);
  if (!series) return false;
  for (int i = 0; i < l->position_count; i++) {
    double *values = arena_array(p->out.mem, l->layer_count, double);
    snprintf(text, sizeof text, "%d \xE2\x80\x9C%s\xE2\x80\x9D", l->positions[i],
             token_of(p, token_at(p, i)->text, LABEL_COLUMNS));
    series[i] = (plot_series){.name = arena_strdup(p->out.mem, text), .values = values};
    if (!values || !series[i].name) return false;
    for (int k = 0; k < l->layer_count; k++) {
      const loci_lens_cell *c = &l->cells[(int64_t)i * l->layer_count + k];
      values[k] = logs ? c->logp : c->p;
    }
  }
  snprintf(text, sizeof text, "%sp(\xE2\x80\x9C%s\xE2\x80\x9D)", logs ? "log " : "",
           token_of(p, l->target_text, LABEL_COLUMNS));
  p->chart = (plot_chart){.unit = arena_strdup(p->out.mem, text),
                          .layer_count = l->layer_count,
                          .layers = l->layers,
                          .x_name = "layer",
                          .series_count = l->position_count,
                          .series = series,
                          .mark = (double)NAN};
  return p->chart.unit != NULL;
}

/* ---------------------------------------------------------------- the grid of words */

static void draw_word(canvas *c, const page *p, const loci_lens_cell *cell, canvas_box box) {
  rgb colour = colormap(cell->top[0].p, false);
  rgb paper = {1, 1, 1};
  bool is_target = cell->top[0].id == p->l->target_id;
  canvas_font font = {p->cell_w < 40 ? 6 : 7.5, is_target, false,
                      cell->top[0].p > 0.45 ? paper : plot_ink};
  int columns = (int)(p->cell_w / (font.size * 0.62));
  const char *word = token_of(p, cell->top[0].text, columns);
  while (columns > 2 && canvas_text_width(c, &font, word) > p->cell_w - 3) {
    word = token_of(p, cell->top[0].text, --columns);
  }
  canvas_fill(c, box, colour);
  canvas_text(c, box.x + box.w / 2, box.y + box.h / 2 + font.size * 0.36, CANVAS_CENTRE, &font,
              word);
}

static void draw_headers(canvas *c, const page *p) {
  canvas_font number = {6.5, false, false, plot_grey};
  for (int i = 0; i < p->positions; i++) {
    bool constraint = role_is_constraint(token_at(p, i)->role);
    canvas_font font = {p->cell_w < 40 ? 6 : 7.5, constraint, false,
                        constraint ? plot_accent : plot_ink};
    double x = p->grid.x + (i + 0.5) * p->cell_w;
    int columns = (int)(p->cell_w / (font.size * 0.62));
    char text[16];
    snprintf(text, sizeof text, "%d", p->l->positions[i]);
    canvas_text(c, x, p->grid.y - 14, CANVAS_CENTRE, &number, text);
    canvas_text(c, x, p->grid.y - 5, CANVAS_CENTRE, &font,
                token_of(p, token_at(p, i)->text, columns));
  }
}

static void draw_grid(canvas *c, const page *p) {
  const loci_lens *l = p->l;
  canvas_font font = {7.5, false, false, plot_ink};
  draw_headers(c, p);
  for (int k = 0; k < l->layer_count; k++) {
    double y = p->grid.y + k * CELL_H;
    char text[16];
    snprintf(text, sizeof text, "%d", l->layers[k]);
    canvas_text(c, p->grid.x - 5, y + CELL_H / 2 + 2.7, CANVAS_RIGHT, &font, text);
    for (int i = 0; i < p->positions; i++) {
      canvas_box box = {p->grid.x + i * p->cell_w, y, p->cell_w, CELL_H};
      draw_word(c, p, &l->cells[(int64_t)i * l->layer_count + k], box);
    }
  }
  canvas_frame(c, p->grid, 0.6, plot_grey);
  font.colour = plot_grey;
  canvas_text(c, p->grid.x - 5, p->grid.y - 5, CANVAS_RIGHT, &font, "layer");
  const sheet scale = {.hi = 1, .unit = "p of the most likely word (bold: the target)"};
  plot_scale(c, &scale, (canvas_box){p->grid.x, p->grid.y + p->grid.h + 24, 170, 8});
}

/* ---------------------------------------------------------------- the page */

static void add_head(page *p, double *y) {
  const loci_lens *l = p->l;
  char text[512];
  plot_page_add(&p->out, &plot_title_font, l->prompt->question ? l->prompt->question : "", 2, y);
  *y += 3;
  snprintf(text, sizeof text,
           "clean: \xE2\x80\x9C%s\xE2\x80\x9D %.3f   \xC2\xB7   target: "
           "\xE2\x80\x9C%s\xE2\x80\x9D",
           token_of(p, l->clean[0].text, 60), l->clean[0].p, token_of(p, l->target_text, 60));
  plot_page_add(&p->out, &plot_text_font, text, 2, y);
}

static void add_foot(page *p, double *y) {
  const loci_lens *l = p->l;
  char text[256];
  plot_page_add(&p->out, &plot_note_font,
                "Final norm and output head on the residual stream behind each layer.", 1, y);
  if (p->positions < l->position_count) {
    snprintf(text, sizeof text, "The first %d of %d positions.", p->positions, l->position_count);
    plot_page_add(&p->out, &plot_note_font, text, 1, y);
  }
  plot_page_made_by(&p->out, l->model, l->precision, y);
}

static bool lay_out(plot_page *out) {
  page *p = (page *)out;
  const loci_lens *l = p->l;
  if (!fill_chart(p)) return false;
  double y = PLOT_MARGIN - 4;
  p->positions = l->position_count < MOST_POSITIONS ? l->position_count : MOST_POSITIONS;
  p->cell_w = plot_half_points(720.0 / p->positions, 30, 72);
  p->grid =
      (canvas_box){PLOT_MARGIN + GUTTER, 0, p->positions * p->cell_w, l->layer_count * CELL_H};
  double right = p->grid.x + fmax(p->grid.w, 180);
  if (p->chart.series_count > 0) {
    p->chart_box = (canvas_box){right + CHART_GAP, 0, CHART_W, 0};
    right = p->chart_box.x + CHART_W;
  }
  out->width = ceil(fmax(right, 360) + PLOT_MARGIN);
  add_head(p, &y);
  p->grid.y = plot_half_points(y + HEADER, 0, 1e9);
  double below = p->grid.y + p->grid.h + SCALE_H;
  if (p->chart.series_count > 0) {
    p->chart_box.y = p->grid.y;
    p->chart_box.h = fmin(fmax(p->grid.h, 110), 230);
    below = fmax(below, p->chart_box.y + p->chart_box.h +
                            plot_chart_below(out->ruler, &p->chart, CHART_W));
  }
  y = below + 8;
  add_foot(p, &y);
  out->height = ceil(y + PLOT_MARGIN - 6);
  return true;
}

static bool draw(plot_page *out, canvas *c) {
  const page *p = (const page *)out;
  draw_grid(c, p);
  if (p->chart.series_count > 0) plot_chart_draw(c, &p->chart, p->chart_box);
  return true;
}

loci_status plot_lens(const void *result, loci_metric metric, canvas_kind kind, bytes *out,
                      loci_err *err) {
  static const plot_picture picture = {"drawing a lens", lay_out, draw};
  page p = {.l = result, .metric = metric};
  p.spelling = label_spelling_of(p.l->prompt->tokens, p.l->prompt->length);
  return plot_page_draw(&p.out, &picture, p.l->prompt->question, kind, out, err);
}
