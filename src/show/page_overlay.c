/* What image positions give, on a page: over the picture itself and as a profile, in the layer in
 * which most flows; below it every layer in small (see page.h).
 *
 * Cell (row, col) of a view covers the pixels [col size, (col + 1) size) x [row size, (row + 1)
 * size); a margin that no cell covers stays grey.  Where a picture has several views, all cover it,
 * and a pixel shows the sum of its cells' numbers, each as much as there is of it on a cell of the
 * last. */
#include <math.h>
#include <stdio.h>

#include "base/fixed.h"
#include "model/image_layout.h"
#include "show/flow_heatmap.h"
#include "show/formats.h"
#include "show/page.h"

enum { PIXELS = 224, MOST_SMALL = 32, ACROSS = 8 }; /* of a composed picture, each way */
static const double WIDTH = 594, SIDE = 190, SMALL_GAP = 6;

/* A pathway over its picture. */
typedef struct overlay {
  const loci_flow *flow;
  const loci_flow_path *path;
  const uint8_t *picture; /* (image_height, image_width, 3) */
  uint8_t *room;          /* (height, width, 3) */
  int width, height;      /* of the composed picture: the longer side has PIXELS */
  int layer;              /* counted from the first measured one */
  double hi;              /* the strongest colour */
  double fixed;           /* what it is asked to be; 0: nothing */
  bool marks;             /* outline the top sources */
} overlay;

/* Pixels on the sides of a view's cell. */
static void cell_of(const overlay *o, const loci_image_view *v, double *height, double *width) {
  int cell = o->flow->cell_size;
  *height = cell > 0 ? cell : (double)o->flow->image_height / v->rows;
  *width = cell > 0 ? cell : (double)o->flow->image_width / v->cols;
}

/* The last view that has cells: of an odd picture tiles may show nothing but margin. */
static const loci_image_view *finest(const overlay *o) {
  const loci_prompt_info *p = o->flow->prompt;
  const loci_image_view *v = &p->image_views[p->image_view_count - 1];
  while (v > p->image_views && v->rows * v->cols == 0) v--;
  return v;
}

/* What a cell gives; 0 if it is not among the pathway's sources. */
static double number_of(const overlay *o, const loci_image_view *v, int row, int col) {
  const loci_flow_path *x = o->path;
  int i = layout_row(v, row, col) - flow_image_row(o->flow, x, x->sources[0]);
  if (i < 0 || i >= x->source_count) return 0;
  return x->profile[(int64_t)o->layer * x->source_count + i];
}

/* The number of a pixel: what a cell of the last view would give if all views were that one. */
static double number_at(const overlay *o, double y, double x) {
  const loci_prompt_info *p = o->flow->prompt;
  double height, width, sum = 0;
  cell_of(o, finest(o), &height, &width);
  double area = height * width;
  for (int i = 0; i < p->image_view_count; i++) {
    const loci_image_view *v = &p->image_views[i];
    if (v->rows * v->cols == 0) continue;
    cell_of(o, v, &height, &width);
    int row = (int)(y / height), col = (int)(x / width);
    double share = area / (height * width);
    if (row < v->rows && col < v->cols) sum += share * number_of(o, v, row, col);
  }
  return sum;
}

/* 0..1: a pixel's number on the overlay's scale. */
static double level_at(const overlay *o, int y, int x) {
  return o->hi > 0 ? colormap_level(number_at(o, y, x) / o->hi) : 0;
}

/* The largest number of a layer, at the middle of the last view's cells. */
static double largest_at(overlay o, int layer) {
  const loci_image_view *v = finest(&o);
  double height, width, most = 0;
  o.layer = layer;
  cell_of(&o, v, &height, &width);
  for (int i = 0; i < v->rows * v->cols; i++) {
    int row = i / v->cols, col = i % v->cols;
    double x = number_at(&o, (row + 0.5) * height, (col + 0.5) * width);
    most = isfinite(x) ? fmax(most, x) : most;
  }
  return most;
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

static void compose(const overlay *o) {
  int w = o->flow->image_width, h = o->flow->image_height;
  for (int i = 0; i < o->width * o->height; i++) {
    int y = (int)((int64_t)(i / o->width) * h / o->height);
    int x = (int)((int64_t)(i % o->width) * w / o->width);
    blend(o->picture + 3 * ((int64_t)y * w + x), level_at(o, y, x), o->room + 3 * (int64_t)i);
  }
}

static void mark_top(canvas *c, const overlay *o, canvas_box box) {
  const loci_prompt_info *p = o->flow->prompt;
  const int *top = o->path->top + (int64_t)o->layer * o->path->top_count;
  for (int k = 0; k < o->path->top_count; k++) {
    int row = flow_image_row(o->flow, o->path, top[k]);
    image_cell at = layout_cell(p->image_views, p->image_view_count, row);
    if (at.view < 0 || at.col == p->image_views[at.view].cols) continue; /* without a place */
    double height, width;
    cell_of(o, &p->image_views[at.view], &height, &width);
    width *= box.w / o->flow->image_width;
    height *= box.w / o->flow->image_width;
    canvas_box cell = {box.x + at.col * width, box.y + at.row * height, width, height};
    canvas_frame(c, cell, 1.1, page_accent);
  }
}

/* In the middle of the box, whose longer side the picture's fills. */
static void draw_overlay(canvas *c, const overlay *o, canvas_box box) {
  double w = box.w * o->width / PIXELS, h = box.h * o->height / PIXELS;
  box = (canvas_box){box.x + (box.w - w) / 2, box.y + (box.h - h) / 2, w, h};
  compose(o);
  canvas_picture(c, box, o->room, o->width, o->height);
  canvas_frame(c, box, 0.6, page_grey);
  if (o->marks) mark_top(c, o, box);
}

/* ---------------------------------------------------------------- profile */

static bool is_top(const overlay *o, int position) {
  const int *top = o->path->top + (int64_t)o->layer * o->path->top_count;
  for (int k = 0; k < o->path->top_count; k++) {
    if (top[k] == position) return true;
  }
  return false;
}

static void profile_axes(canvas *c, double most, int count, const char *name, canvas_box box) {
  canvas_font font = {8, false, false, page_ink};
  char text[32];
  canvas_text(c, box.x, box.y - 5, CANVAS_LEFT, &font, name);
  font.size = 7.5;
  canvas_text(c, box.x - 4, box.y + 6, CANVAS_RIGHT, &font, fixed_digits(most, 2, text));
  canvas_text(c, box.x - 4, box.y + box.h, CANVAS_RIGHT, &font, "0");
  for (int i = 0; i <= 4; i++) {
    int at = (int)lround((count - 1) * i / 4.0);
    double x = box.x + box.w * (at + 0.5) / count, y = box.y + box.h;
    canvas_line(c, x, y, x, y + 2.5, 0.6, page_grey);
    snprintf(text, sizeof text, "%d", at);
    canvas_text(c, x, y + 10.5, CANVAS_CENTRE, &font, text);
  }
  canvas_line(c, box.x, box.y + box.h, box.x + box.w, box.y + box.h, 0.6, page_grey);
}

/* Where each of several views begins. */
static void mark_views(canvas *c, const overlay *o, canvas_box box) {
  const loci_prompt_info *p = o->flow->prompt;
  canvas_font font = {7.5, false, false, page_grey};
  for (int i = 0; p->image_view_count > 1 && i < p->image_view_count; i++) {
    int at = p->image_views[i].first - flow_image_row(o->flow, o->path, o->path->sources[0]);
    if (at < 0 || at >= o->path->source_count) continue;
    double x = box.x + box.w * at / o->path->source_count;
    if (at > 0) canvas_line(c, x, box.y, x, box.y + box.h, 0.6, page_grey);
    canvas_text(c, x + 3, box.y + 7, CANVAS_LEFT, &font, p->image_views[i].name);
  }
}

/* A bar for each source, in order; the top ones are darker.  [name] stands above, 0 and the largest
 * number to the left. */
static void draw_profile(canvas *c, const overlay *o, const double *values, const char *name,
                         canvas_box box) {
  int n = o->path->source_count;
  double most = 0, w = box.w / n;
  for (int j = 0; j < n; j++) most = fmax(most, values[j]);
  for (int j = 0; most > 0 && j < n; j++) {
    double h = box.h * values[j] / most;
    canvas_box bar = {box.x + j * w + 0.1 * w, box.y + box.h - h, 0.8 * w, h};
    rgb usual = {0.45, 0.62, 0.70};
    canvas_fill(c, bar, is_top(o, o->path->sources[j]) ? page_accent : usual);
  }
  mark_views(c, o, box);
  profile_axes(c, most, n, name, box);
}

/* ---------------------------------------------------------------- the whole */

static double largest_of(const double *x, int64_t n) {
  double most = 0;
  for (int64_t i = 0; i < n; i++) most = isfinite(x[i]) ? fmax(most, x[i]) : most;
  return most;
}

/* Small overlays: every layer, or every n-th. */
static int small_step(const loci_flow *f) { return (f->layer_count + MOST_SMALL - 1) / MOST_SMALL; }

static double small_side(void) { return (WIDTH - (ACROSS - 1) * SMALL_GAP) / ACROSS; }

bool page_overlay_measure(page *p, page_part *part) {
  const loci_flow *f = ((const view_overlay *)part->block->data)->flow;
  int shown = (f->layer_count + small_step(f) - 1) / small_step(f);
  int lines = f->layer_count > 1 ? (shown + ACROSS - 1) / ACROSS : 0;
  (void)p;
  part->box.w = WIDTH;
  part->box.h = SIDE + 26 + lines * (small_side() + 16);
  return true;
}

/* The strongest layer: over the picture, and as profiles beside it. */
static void draw_peak(canvas *c, const overlay *o, canvas_box at) {
  const loci_flow *f = o->flow;
  const loci_flow_path *x = o->path;
  int64_t l = o->layer, n = x->source_count;
  char text[128], digits[32];
  draw_overlay(c, o, (canvas_box){at.x, at.y, SIDE, SIDE});
  snprintf(text, sizeof text, "layer %d; outlined: the top 5 %%, %.0f %% of the total",
           f->layers[l], 100 * x->top_share[l]);
  canvas_text(c, at.x, at.y + SIDE + 11, CANVAS_LEFT, &page_name_font, text);
  if (f->layer_count > 1) {
    double darkest = o->fixed > 0 ? o->fixed : largest_of(x->profile, f->layer_count * n);
    snprintf(text, sizeof text, "below: layers on one scale, darkest %s",
             fixed_digits(darkest, 2, digits));
    canvas_text(c, at.x + WIDTH, at.y + SIDE + 11, CANVAS_RIGHT, &page_name_font, text);
  }
  canvas_box bars = {at.x + SIDE + 48, at.y + 12, WIDTH - SIDE - 48, SIDE / 2 - 32};
  snprintf(text, sizeof text, "contribution of each visual token, layer %d", f->layers[l]);
  draw_profile(c, o, x->profile + l * n, text, bars);
  bars.y += SIDE / 2 + 6;
  draw_profile(c, o, x->weights + l * n, "its raw attention, mean over heads", bars);
}

/* All layers, on one scale. */
static void draw_small(canvas *c, overlay o, canvas_box at) {
  const loci_flow *f = o.flow;
  canvas_font font = {7.5, false, false, page_grey};
  double side = small_side();
  int step = small_step(f);
  o.hi = o.fixed;
  for (int l = 0; l < f->layer_count && !(o.fixed > 0); l++) o.hi = fmax(o.hi, largest_at(o, l));
  o.marks = false;
  for (int i = 0; f->layer_count > 1 && i * step < f->layer_count; i++) {
    char text[96];
    double x = at.x + i % ACROSS * (side + SMALL_GAP);
    int row = i / ACROSS;
    double y = at.y + SIDE + 36 + row * (side + 16);
    o.layer = i * step;
    snprintf(text, sizeof text, "%s%d", i ? "" : "layer ", f->layers[o.layer]);
    canvas_text(c, x, y - 3, CANVAS_LEFT, &font, text);
    draw_overlay(c, &o, (canvas_box){x, y, side, side});
  }
}

/* Pixels of a composed side. */
static int composed_side(int side, int longer) {
  int n = (int)((int64_t)side * PIXELS / longer);
  return n > 0 ? n : 1;
}

bool page_overlay_draw(page *p, canvas *c, const page_part *part) {
  const view_overlay *v = part->block->data;
  int w = v->flow->image_width, h = v->flow->image_height, longer = w > h ? w : h;
  uint8_t *picture = arena_alloc(p->mem, 3 * (int64_t)w * h, 1);
  overlay o = {.flow = v->flow,
               .path = v->path,
               .picture = picture,
               .room = arena_alloc(p->mem, (int64_t)3 * PIXELS * PIXELS, 1),
               .width = composed_side(w, longer),
               .height = composed_side(h, longer),
               .layer = v->peak,
               .fixed = p->look.scale,
               .marks = true};
  if (!picture || !o.room) return false;
  o.hi = o.fixed > 0 ? o.fixed : largest_at(o, v->peak);
  int64_t n = (int64_t)w * h;
  for (int64_t i = 0; i < 3 * n; i++)
    picture[3 * (i % n) + i / n] = (uint8_t)lroundf(255 * v->flow->pixels[i]);
  draw_peak(c, &o, part->box);
  draw_small(c, o, part->box);
  return true;
}
