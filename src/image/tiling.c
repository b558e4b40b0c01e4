/* The canvas of a picture's tiles (see tiling.h), as transformers' image processors make it. */
#include "image/tiling.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "image/resize.h"

const int *tiling_size(const tile_sizes *sizes, int width, int height) {
  const int *best = sizes->at[0];
  int64_t most = -1, least = 0;
  for (int i = 0; i < sizes->count; i++) {
    const int *size = sizes->at[i];
    double by = fmin((double)size[1] / width, (double)size[0] / height);
    int64_t pixels = (int64_t)(width * by) * (int64_t)(height * by);
    if (pixels > (int64_t)width * height) pixels = (int64_t)width * height;
    int64_t wasted = (int64_t)size[0] * size[1] - pixels;
    if (pixels < most || (pixels == most && wasted >= least)) continue;
    best = size;
    most = pixels;
    least = wasted;
  }
  return best;
}

const int *tiling_canvas_of(const tile_sizes *canvases, int side, int width, int height) {
  const int *best = NULL;
  double by_best = 0;
  for (int i = 0; i < canvases->count; i++) {
    const int *at = canvases->at[i];
    double by = fmin((double)(at[0] * side) / height, (double)(at[1] * side) / width);
    bool closer = by >= 1 ? by_best < 1 || by < by_best : by_best < 1 && by > by_best;
    bool smaller = by == by_best && best && at[0] * at[1] < best[0] * best[1];
    if (best && !closer && !smaller) continue;
    best = at;
    by_best = by;
  }
  return best;
}

/* The side that follows another of [to] pixels by the quotient width / height, cut off. */
static int follow(int to, double quotient, bool upright) {
  return (int)(upright ? to * quotient : to / quotient);
}

static int at_least_one(int side) { return side > 1 ? side : 1; }

void tiling_longest(int longest, int *width, int *height) {
  enum { MOST = 4096 };
  for (int pass = 0; pass < 2; pass++) {
    bool upright = *height > *width;
    double quotient = (double)*width / *height;
    int *longer = upright ? height : width, *shorter = upright ? width : height;
    if (pass == 1 && *longer <= MOST) break;
    *longer = pass == 1 ? MOST : longest;
    *shorter = follow(*longer, quotient, upright);
    if (pass == 0) *shorter += *shorter % 2;
    *shorter = at_least_one(*shorter);
  }
}

static int tiles_for(int side, int tile) { return (side - 1) / tile + 1; }

/* Every grid by its number of tiles, then by how many stand in a line: the first of those whose
 * proportions are nearest, or a later one that is as near, while the picture has more than half of
 * its pixels. */
static void nearest_grid(const image_processor *p, int width, int height, int tiles[2]) {
  double best = HUGE_VAL, quotient = (double)width / height;
  for (int n = p->least_tiles; n <= p->most_tiles; n++) {
    for (int across = 1; across <= n; across++) {
      if (n % across != 0) continue;
      int down = n / across;
      double off = fabs(quotient - (double)across / down);
      double pixels = 0.5 * p->resize_height * p->resize_width * n;
      if (off > best || (off == best && !((double)width * height > pixels))) continue;
      best = off;
      tiles[0] = down;
      tiles[1] = across;
    }
  }
}

void tiling_grid(const image_processor *p, int width, int height, int tiles[2]) {
  int tile = p->resize_width;
  bool upright = height > width;
  double quotient = (double)width / height;
  tiles[0] = tiles[1] = 1;
  if (p->grid == GRID_NEAREST) nearest_grid(p, width, height, tiles);
  if (p->grid != GRID_SIDES) return;
  int longer = tiles_for(upright ? height : width, tile);
  int shorter = tiles_for(at_least_one(follow(longer * tile, quotient, upright)), tile);
  tiles[0] = upright ? longer : shorter;
  tiles[1] = upright ? shorter : longer;
}

/* The largest size of a picture's proportions on the canvas, the other side rounded up. */
static resize_plan plan_on_canvas(const image_rgb *im, int height, int width,
                                  resample_kind resample) {
  double by_width = (double)width / im->width, by_height = (double)height / im->height;
  resize_plan plan = {width, height, resample, false};
  if (by_width < by_height) {
    plan.height = (int)fmin(ceil(im->height * by_width), height);
  } else {
    plan.width = (int)fmin(ceil(im->width * by_height), width);
  }
  return plan;
}

static int clip(int x, int least, int most) { return x < least ? least : x > most ? most : x; }

/* The side that fits by the smaller factor, and the other one cut off to whole pixels. */
static resize_plan plan_in_corner(const image_rgb *im, const int canvas[2], int side,
                                  resample_kind resample) {
  int height = clip(im->height, side, canvas[0] * side);
  int width = clip(im->width, side, canvas[1] * side);
  double by_height = (double)height / im->height, by_width = (double)width / im->width;
  resize_plan plan = {width, height, resample, false};
  if (by_width < by_height) {
    int whole = (int)(im->height * by_width);
    plan.height = whole < 1 ? 1 : whole < height ? whole : height;
  } else {
    int whole = (int)(im->width * by_height);
    plan.width = whole < 1 ? 1 : whole < width ? whole : width;
  }
  return plan;
}

/* The picture, resized, at column x and row y of a black canvas. */
static loci_status put_on_canvas(const image_rgb *im, const resize_plan *plan, const int size[2],
                                 const int at[2], image_rgb *out, loci_err *err) {
  image_rgb resized;
  int height = size[0], width = size[1];
  *out = (image_rgb){0};
  TRY(image_resize(im, plan, &resized, err));
  uint8_t *pixels = calloc((size_t)height * (size_t)width, 3);
  if (!pixels) {
    image_clear(&resized);
    return fail_nomem(err, "cutting a picture into tiles");
  }
  size_t y = (size_t)at[0], x = (size_t)at[1], row = (size_t)plan->width * 3;
  for (size_t i = 0; i < (size_t)plan->height; i++)
    memcpy(pixels + ((y + i) * (size_t)width + x) * 3, resized.pixels + i * row, row);
  image_clear(&resized);
  *out = (image_rgb){.width = width, .height = height, .pixels = pixels};
  return LOCI_OK;
}

loci_status tiling_canvas(const image_rgb *im, int height, int width, resample_kind resample,
                          image_rgb *out, loci_err *err) {
  const resize_plan plan = plan_on_canvas(im, height, width, resample);
  const int at[2] = {(height - plan.height) / 2, (width - plan.width) / 2};
  return put_on_canvas(im, &plan, (const int[2]){height, width}, at, out, err);
}

loci_status tiling_corner(const image_rgb *im, const int canvas[2], int side,
                          resample_kind resample, image_rgb *out, loci_err *err) {
  const resize_plan plan = plan_in_corner(im, canvas, side, resample);
  const int size[2] = {canvas[0] * side, canvas[1] * side}, at[2] = {0, 0};
  return put_on_canvas(im, &plan, size, at, out, err);
}
