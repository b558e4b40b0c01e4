/* Overlays and profiles of image positions (see plot_overlay.h).
 *
 * Patch p of a picture of P = rows x cols patches covers the pixels [col size, (col + 1) size) x
 * [row size, (row + 1) size); a margin that no patch covers stays grey. */
#include "show/plot_overlay.h"

#include <math.h>
#include <stdio.h>

#include "show/colormap.h"
#include "show/formats.h"
#include "show/label.h"
#include "show/plot.h"

enum { PIXELS = 224 }; /* of a composed picture, each way */

bool plot_has_overlay(const loci_flow *flow, const loci_flow_path *path) {
  const loci_prompt_info *p = flow->prompt;
  return flow->pixels && flow->patch_size > 0 && path->source_count == p->image_count &&
         path->sources[0] == p->image_first && p->image_rows * p->image_cols == p->image_count;
}

/* 0..1: the patch's number on the overlay's scale. */
static double level_of(const plot_overlay *o, int patch) {
  double x = o->path->profile[(int64_t)o->layer * o->path->source_count + patch];
  return o->hi > 0 ? colormap_level(x / o->hi) : 0;
}

/* A light grey of the pixel, and over it the patch's colour, the denser the stronger it is. */
static void blend(const uint8_t *pixel, double level, uint8_t *out) {
  double grey = (0.299 * pixel[0] + 0.587 * pixel[1] + 0.114 * pixel[2]) / 255;
  double paper = 0.35 + 0.65 * grey, cover = level > 0 ? 0.15 + 0.65 * level : 0;
  rgb colour = colormap(0.15 + 0.75 * level, false);
  out[0] = (uint8_t)colormap_byte(paper + cover * (colour.r - paper));
  out[1] = (uint8_t)colormap_byte(paper + cover * (colour.g - paper));
  out[2] = (uint8_t)colormap_byte(paper + cover * (colour.b - paper));
}

static void compose(const plot_overlay *o, const uint8_t *picture, uint8_t *out) {
  const loci_prompt_info *p = o->flow->prompt;
  int size = o->flow->image_size, patch = o->flow->patch_size;
  for (int i = 0; i < PIXELS * PIXELS; i++) {
    int y = (int)((int64_t)(i / PIXELS) * size / PIXELS);
    int x = (int)((int64_t)(i % PIXELS) * size / PIXELS);
    int row = y / patch, col = x / patch;
    bool covered = row < p->image_rows && col < p->image_cols;
    double level = covered ? level_of(o, row * p->image_cols + col) : 0;
    blend(picture + 3 * ((int64_t)y * size + x), level, out + 3 * (int64_t)i);
  }
}

static void mark_top(canvas *c, const plot_overlay *o, canvas_box box) {
  const loci_prompt_info *p = o->flow->prompt;
  const int *top = o->path->top + (int64_t)o->layer * o->path->top_count;
  double side = box.w * o->flow->patch_size / o->flow->image_size;
  for (int k = 0; k < o->path->top_count; k++) {
    int patch = top[k] - p->image_first;
    int row = patch / p->image_cols, col = patch % p->image_cols;
    canvas_box cell = {box.x + col * side, box.y + row * side, side, side};
    canvas_frame(c, cell, 1.1, plot_accent);
  }
}

bool plot_overlay_draw(canvas *c, const plot_overlay *o, arena *mem, canvas_box box) {
  int size = o->flow->image_size;
  loci_image image = {.input_width = size, .input_height = size, .pixel_values = o->flow->pixels};
  uint8_t *picture = arena_alloc(mem, 3 * (int64_t)size * size, 1);
  uint8_t *out = arena_alloc(mem, (int64_t)3 * PIXELS * PIXELS, 1);
  if (!picture || !out) return false;
  image_bytes(&image, picture);
  compose(o, picture, out);
  canvas_picture(c, box, out, PIXELS, PIXELS);
  canvas_frame(c, box, 0.6, plot_grey);
  if (o->marks) mark_top(c, o, box);
  return true;
}

/* ---------------------------------------------------------------- profile */

static bool is_top(const plot_overlay *o, int position) {
  const int *top = o->path->top + (int64_t)o->layer * o->path->top_count;
  for (int k = 0; k < o->path->top_count; k++) {
    if (top[k] == position) return true;
  }
  return false;
}

static void profile_axes(canvas *c, double most, int count, const char *name, canvas_box box) {
  canvas_font font = {8, false, false, plot_ink};
  char text[32];
  canvas_text(c, box.x, box.y - 5, CANVAS_LEFT, &font, name);
  font.size = 7.5;
  snprintf(text, sizeof text, "%.2g", most);
  canvas_text(c, box.x - 4, box.y + 6, CANVAS_RIGHT, &font, text);
  canvas_text(c, box.x - 4, box.y + box.h, CANVAS_RIGHT, &font, "0");
  for (int i = 0; i <= 4; i++) {
    int at = (int)lround((count - 1) * i / 4.0);
    double x = box.x + box.w * (at + 0.5) / count, y = box.y + box.h;
    canvas_line(c, x, y, x, y + 2.5, 0.6, plot_grey);
    snprintf(text, sizeof text, "%d", at);
    canvas_text(c, x, y + 10.5, CANVAS_CENTRE, &font, text);
  }
  canvas_line(c, box.x, box.y + box.h, box.x + box.w, box.y + box.h, 0.6, plot_grey);
}

void plot_profile_draw(canvas *c, const plot_overlay *o, const double *values, const char *name,
                       canvas_box box) {
  int n = o->path->source_count;
  double most = 0, w = box.w / n;
  for (int j = 0; j < n; j++) most = fmax(most, values[j]);
  for (int j = 0; most > 0 && j < n; j++) {
    double h = box.h * values[j] / most;
    canvas_box bar = {box.x + j * w + 0.1 * w, box.y + box.h - h, 0.8 * w, h};
    rgb usual = {0.45, 0.62, 0.70};
    canvas_fill(c, bar, is_top(o, o->path->sources[j]) ? plot_accent : usual);
  }
  profile_axes(c, most, n, name, box);
}
