/* A grid of words on a page: layers down, positions across, coloured by the words' probability (see
 * page.h). */
#include <math.h>
#include <stdio.h>

#include "show/page.h"

enum { MOST_POSITIONS = 96 };
static const double CELL_H = 15, GUTTER = 26, HEADER = 30, SCALE_H = 44;

typedef struct grid {
  page *p;
  const view_words *w;
  canvas_box box;
  int positions; /* that are drawn */
  double cell_w;
} grid;

/* A text that fits a cell, centred at x. */
static bool put_text(canvas *c, const grid *g, double x, double y, const canvas_font *font,
                     const char *text) {
  int columns = (int)(g->cell_w / (font->size * 0.62));
  const char *cut = label_cut(g->p->mem, text, columns, false);
  while (cut && columns > 2 && canvas_text_width(c, font, cut) > g->cell_w - 3)
    cut = label_cut(g->p->mem, text, --columns, false);
  if (cut) canvas_text(c, x, y, CANVAS_CENTRE, font, cut);
  return cut != NULL;
}

static bool draw_word(canvas *c, const grid *g, const view_word *word, canvas_box box) {
  canvas_font font = {g->cell_w < 40 ? 6 : 7.5, word->is_target, false,
                      word->p > 0.45 ? (rgb){1, 1, 1} : page_ink};
  canvas_fill(c, box, colormap(word->p, false));
  return put_text(c, g, box.x + box.w / 2, box.y + box.h / 2 + font.size * 0.36, &font, word->text);
}

static bool draw_headers(canvas *c, const grid *g) {
  canvas_font number = {6.5, false, false, page_grey};
  bool sound = true;
  for (int i = 0; i < g->positions && sound; i++) {
    bool constraint = role_is_constraint(g->w->roles[i]);
    canvas_font font = {g->cell_w < 40 ? 6 : 7.5, constraint, false,
                        constraint ? page_accent : page_ink};
    double x = g->box.x + (i + 0.5) * g->cell_w;
    char text[16];
    snprintf(text, sizeof text, "%d", g->w->positions[i]);
    canvas_text(c, x, g->box.y - 14, CANVAS_CENTRE, &number, text);
    sound = put_text(c, g, x, g->box.y - 5, &font, g->w->labels[i]);
  }
  return sound;
}

static bool draw_rows(canvas *c, const grid *g) {
  bool sound = true;
  for (int k = 0; k < g->w->layer_count; k++) {
    double y = g->box.y + k * CELL_H;
    char text[16];
    snprintf(text, sizeof text, "%d", g->w->layers[k]);
    canvas_text(c, g->box.x - 5, y + CELL_H / 2 + 2.7, CANVAS_RIGHT, &page_tick_font, text);
    for (int i = 0; i < g->positions && sound; i++) {
      canvas_box box = {g->box.x + i * g->cell_w, y, g->cell_w, CELL_H};
      sound = draw_word(c, g, &g->w->words[(int64_t)i * g->w->layer_count + k], box);
    }
  }
  return sound;
}

bool page_words_measure(page *p, page_part *part) {
  const view_words *w = part->block->data;
  grid *g = arena_zarray(p->mem, 1, grid);
  if (!g) return false;
  g->w = w;
  g->positions = w->position_count < MOST_POSITIONS ? w->position_count : MOST_POSITIONS;
  g->cell_w = page_half_points(720.0 / (g->positions > 0 ? g->positions : 1), 30, 72);
  part->own = g;
  part->box.w = g->positions * g->cell_w;
  part->box.h = w->layer_count * CELL_H;
  part->left = GUTTER;
  part->right = fmax(180 - part->box.w, 0);
  part->above = HEADER;
  part->below = SCALE_H;
  return true;
}

bool page_words_draw(page *p, canvas *c, const page_part *part) {
  grid g = *(const grid *)part->own;
  canvas_font font = page_tick_font;
  g.p = p;
  g.box = part->box;
  font.colour = page_grey;
  bool sound = draw_headers(c, &g) && draw_rows(c, &g);
  canvas_frame(c, g.box, 0.6, page_grey);
  canvas_text(c, g.box.x - 5, g.box.y - 5, CANVAS_RIGHT, &font, "layer");
  const heatmap scale = {.mem = p->mem, .hi = 1, .most = 1, .unit = g.w->unit};
  page_scale(c, &scale, (canvas_box){g.box.x, g.box.y + g.box.h + 24, 170, 8});
  return sound;
}
