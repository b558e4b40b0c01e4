/* RGB bytes to pixel_values, as the slow (Pillow and NumPy) Hugging Face processors compute them,
 * in their order: pad to a square, resize, centre crop, rescale, normalise, channels first.  Where
 * a picture is cut into tiles, it is resized twice: as a whole, and onto the canvas of the tiles.
 *
 * Bit-exact float32: v = f32(u8 * factor), the product in double; then (v - mean) / std with all
 * three in float32.  A pixel has 256 values, so this is a table per channel.  The crop pads with
 * zeros before the arithmetic, so padding too comes out of the table. */
#include "image/image.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/size.h"
#include "image/tiling.h"
#include "image/resize.h"

static bool is_side(int n) { return n >= 1 && n <= IMAGE_MAX_SIDE; }

/* A size of its own for every picture. */
static loci_status check_bounds(const image_processor *p, const char *what, loci_err *err) {
  int64_t cell = (int64_t)p->patch * p->merge;
  if (!is_side(p->patch) || p->merge < 1 || p->merge > 8 || p->frames < 1 || p->frames > 8)
    return fail(err, LOCI_EFORMAT, "%s: patches of %d pixels, %d frames, merged by %d", what,
                p->patch, p->frames, p->merge);
  if (p->min_pixels < 1 || p->max_pixels > IMAGE_MAX_PIXELS || p->max_pixels < cell * cell)
    return fail(err, LOCI_EFORMAT,
                "%s: sizes of %" PRId64 " to %" PRId64
                " pixels, expected at least 1, at most %d, and room for %" PRId64 " x %" PRId64,
                what, p->min_pixels, p->max_pixels, IMAGE_MAX_PIXELS, cell, cell);
  if (p->min_pixels <= p->max_pixels) return LOCI_OK;
  return fail(err, LOCI_EFORMAT, "%s: at least %" PRId64 " pixels and at most %" PRId64, what,
              p->min_pixels, p->max_pixels);
}

static loci_status check_sizes(const image_processor *p, const char *what, loci_err *err) {
  if (p->merge != 0) TRY(check_bounds(p, what, err));
  if (p->resize && p->merge == 0 && p->shortest_edge != 0 && !is_side(p->shortest_edge))
    return fail(err, LOCI_EFORMAT, "%s: a shortest edge of %d pixels, expected 1 to %d", what,
                p->shortest_edge, IMAGE_MAX_SIDE);
  if (p->resize && p->merge == 0 && p->shortest_edge == 0 &&
      !(is_side(p->resize_width) && is_side(p->resize_height)))
    return fail(err, LOCI_EFORMAT, "%s: a size of %d x %d pixels, expected 1 to %d on each side",
                what, p->resize_width, p->resize_height, IMAGE_MAX_SIDE);
  if (p->crop && !(is_side(p->crop_width) && is_side(p->crop_height)))
    return fail(err, LOCI_EFORMAT, "%s: a crop of %d x %d pixels, expected 1 to %d on each side",
                what, p->crop_width, p->crop_height, IMAGE_MAX_SIDE);
  if (p->resize && (int)p->resample > RESAMPLE_HAMMING)
    return fail(err, LOCI_EFORMAT, "%s: resample %d, expected 0 to %d", what, (int)p->resample,
                RESAMPLE_HAMMING);
  return LOCI_OK;
}

/* The bounds keep every value finite in float32; a NaN fails each comparison. */
loci_status image_processor_check(const image_processor *p, const char *what, loci_err *err) {
  TRY(check_sizes(p, what, err));
  if (p->tiles.count > 0) {
    if (p->merge != 0 || !p->resize || p->shortest_edge != 0 || p->crop || p->pad_square ||
        p->resize_width != p->resize_height)
      return fail(err, LOCI_EFORMAT, "%s: tiles of %d x %d pixels, expected squares", what,
                  p->resize_width, p->resize_height);
    TRY(tile_sizes_check(&p->tiles, p->resize_width, what, err));
  }
  if (p->places > 0 && (p->places > TILE_PLACES || p->canvases.count < 1 || p->merge != 0 ||
                        p->tiles.count > 0 || !p->resize || p->shortest_edge != 0 || p->crop ||
                        p->pad_square || p->resize_width != p->resize_height ||
                        (int64_t)p->places * p->resize_width * p->resize_width > IMAGE_MAX_PIXELS))
    return fail(err, LOCI_EFORMAT, "%s: %d tiles of %d x %d pixels, expected squares", what,
                p->places, p->resize_width, p->resize_height);
  if ((p->grid != GRID_NONE || p->longest_edge != 0) &&
      (p->places > 0 || p->merge != 0 || p->tiles.count > 0 || !p->resize ||
       p->shortest_edge != 0 || p->crop || p->pad_square || p->resize_width != p->resize_height ||
       p->longest_edge < 0 || p->longest_edge > IMAGE_MAX_SIDE))
    return fail(err, LOCI_EFORMAT, "%s: tiles of %d x %d pixels, expected squares", what,
                p->resize_width, p->resize_height);
  if (p->grid == GRID_NEAREST &&
      (p->least_tiles < 1 || p->least_tiles > p->most_tiles || p->most_tiles > GRID_MOST))
    return fail(err, LOCI_EFORMAT, "%s: %d to %d tiles, expected at least 1 and at most %d", what,
                p->least_tiles, p->most_tiles, GRID_MOST);
  if (p->rescale && !(p->rescale_factor >= 1e-9 && p->rescale_factor <= 1e6))
    return fail(err, LOCI_EFORMAT, "%s: a rescale factor of %g, expected 1e-9 to 1e6", what,
                p->rescale_factor);
  for (int c = 0; c < 3 && p->normalise; c++) {
    if (!(fabs(p->mean[c]) <= 1e6))
      return fail(err, LOCI_EFORMAT, "%s: a mean of %g, expected -1e6 to 1e6", what, p->mean[c]);
    if (!(p->std[c] >= 1e-6 && p->std[c] <= 1e6))
      return fail(err, LOCI_EFORMAT, "%s: a standard deviation of %g, expected 1e-6 to 1e6", what,
                  p->std[c]);
  }
  return LOCI_OK;
}

loci_status image_bound(image_processor *p, int64_t max_pixels, loci_err *err) {
  p->max_pixels = max_pixels;
  if (p->min_pixels > max_pixels) p->min_pixels = max_pixels;
  return image_processor_check(p, "--max-pixels", err);
}

static loci_status pad_square(const image_rgb *in, const uint8_t colour[3], image_rgb *out,
                              loci_err *err) {
  int side = in->width > in->height ? in->width : in->height;
  int64_t pixels = (int64_t)side * side;
  *out = (image_rgb){0};
  if (pixels > IMAGE_MAX_PIXELS)
    return fail(err, LOCI_EUNSUPPORTED,
                "a picture of %d x %d, padded to a square, has %" PRId64
                " pixels; at most %d are accepted",
                in->width, in->height, pixels, IMAGE_MAX_PIXELS);
  out->pixels = malloc((size_t)pixels * 3);
  if (!out->pixels) return fail_nomem(err, "padding a picture");
  out->width = out->height = side;
  for (int64_t i = 0; i < pixels; i++) memcpy(out->pixels + 3 * i, colour, 3);
  size_t x0 = (size_t)(side - in->width) / 2, y0 = (size_t)(side - in->height) / 2;
  size_t row = (size_t)in->width * 3;
  for (size_t y = 0; y < (size_t)in->height; y++)
    memcpy(out->pixels + ((y0 + y) * (size_t)side + x0) * 3, in->pixels + y * row, row);
  return LOCI_OK;
}

/* One side as a multiple of the cell, not beyond what Pillow could hold. */
static int sides_of(double cells, int cell) { return (int)fmin(cells, 1 << 24) * cell; }

/* The nearest multiples of the cell, halves to even; beyond the bounds the picture shrinks or grows
 * as a whole, and each side is cut or raised to a multiple. */
static loci_status fit_cells(const image_processor *p, int width, int height, int *to_width,
                             int *to_height, loci_err *err) {
  int cell = p->patch * p->merge;
  double w = width, h = height;
  if (fmax(w, h) / fmin(w, h) > 200)
    return fail(err, LOCI_EUNSUPPORTED,
                "a picture of %d x %d is too long: one side may be 200 times the other", width,
                height);
  *to_width = sides_of(rint(w / cell), cell);
  *to_height = sides_of(rint(h / cell), cell);
  int64_t pixels = (int64_t)*to_width * *to_height;
  if (pixels > p->max_pixels) {
    double by = sqrt(h * w / (double)p->max_pixels);
    *to_height = sides_of(fmax(1, floor(h / by / cell)), cell);
    *to_width = sides_of(fmax(1, floor(w / by / cell)), cell);
  } else if (pixels < p->min_pixels) {
    double by = sqrt((double)p->min_pixels / (h * w));
    *to_height = sides_of(ceil(h * by / cell), cell);
    *to_width = sides_of(ceil(w * by / cell), cell);
  }
  if ((int64_t)*to_width * *to_height <= IMAGE_MAX_PIXELS) return LOCI_OK;
  return fail(err, LOCI_EUNSUPPORTED, "a picture of %d x %d, resized to %d x %d, is too large",
              width, height, *to_width, *to_height);
}

/* A picture that is not resized has to have a size that patches fill. */
static loci_status check_unresized(const image_processor *p, int width, int height, loci_err *err) {
  int cell = p->patch * p->merge;
  if (width % cell == 0 && height % cell == 0) return LOCI_OK;
  return fail(err, LOCI_EUNSUPPORTED,
              "a picture of %d x %d is not resized (\"do_resize\"), and its sides are no multiples "
              "of %d",
              width, height, cell);
}

/* The long side follows the short one by a double quotient, cut off, not rounded. */
static loci_status plan_resize(const image_processor *p, int width, int height, resize_plan *plan,
                               loci_err *err) {
  *plan = (resize_plan){p->resize_width, p->resize_height, p->resample, false};
  if (p->merge != 0) return fit_cells(p, width, height, &plan->width, &plan->height, err);
  if (p->shortest_edge == 0) return LOCI_OK;
  bool upright = width <= height;
  int shorter = upright ? width : height, longer = upright ? height : width;
  double quotient = (double)((int64_t)p->shortest_edge * longer) / shorter;
  if (quotient * p->shortest_edge > IMAGE_MAX_PIXELS)
    return fail(err, LOCI_EUNSUPPORTED,
                "a picture of %d x %d, resized to a shortest edge of %d, has more than %d pixels",
                width, height, p->shortest_edge, IMAGE_MAX_PIXELS);
  plan->width = upright ? p->shortest_edge : (int)quotient;
  plan->height = upright ? (int)quotient : p->shortest_edge;
  return LOCI_OK;
}

/* A grid of tiles and the whole, unless there is one tile, which is the whole. */
static loci_status shape_of_grid(const image_processor *p, int width, int height, image_shape *s,
                                 loci_err *err) {
  int tiles[2];
  if (p->longest_edge) tiling_longest(p->longest_edge, &width, &height);
  tiling_grid(p, width, height, tiles);
  int64_t n = (int64_t)tiles[0] * tiles[1];
  if (n > GRID_MOST || (n + 1) * s->width * s->height > IMAGE_MAX_PIXELS)
    return fail(err, LOCI_EUNSUPPORTED,
                "a picture of %d x %d makes %" PRId64 " tiles of %d x %d, which are too many",
                s->full_width, s->full_height, n, s->width, s->height);
  if (n == 1) return LOCI_OK;
  s->down = tiles[0];
  s->across = tiles[1];
  s->views = 1 + (int)n;
  s->whole_last = true;
  return LOCI_OK;
}

loci_status image_shape_of(const image_processor *p, int width, int height, image_shape *out,
                           loci_err *err) {
  resize_plan plan = {.width = width, .height = height};
  if (p->places > 0) {
    const int *canvas = tiling_canvas_of(&p->canvases, p->resize_width, width, height);
    *out = (image_shape){.views = p->places,
                         .height = p->resize_height,
                         .width = p->resize_width,
                         .down = canvas[0],
                         .across = canvas[1],
                         .full_height = height,
                         .full_width = width,
                         .together = true};
    return LOCI_OK;
  }
  if (p->resize) TRY(plan_resize(p, width, height, &plan, err));
  if (!p->resize && p->merge != 0) TRY(check_unresized(p, width, height, err));
  *out = (image_shape){.views = 1,
                       .height = p->crop ? p->crop_height : plan.height,
                       .width = p->crop ? p->crop_width : plan.width,
                       .full_height = height,
                       .full_width = width};
  if (p->grid != GRID_NONE) return shape_of_grid(p, width, height, out, err);
  if (p->tiles.count == 0) return LOCI_OK;
  const int *size = tiling_size(&p->tiles, width, height);
  out->down = size[0] / out->height;
  out->across = size[1] / out->width;
  out->views = 1 + out->down * out->across;
  return LOCI_OK;
}

int64_t image_values(const image_shape *s) { return 3 * (int64_t)s->views * s->height * s->width; }

loci_status image_scale(const image_rgb *im, int width, int height, image_rgb *out, loci_err *err) {
  const resize_plan plan = {width, height, RESAMPLE_BICUBIC, false};
  return image_resize(im, &plan, out, err);
}

static void fill_table(const image_processor *p, int c, float table[256]) {
  for (int v = 0; v < 256; v++) {
    float x = (float)v;
    if (p->rescale) x = (float)((double)v * p->rescale_factor);
    if (p->normalise) x = (x - (float)p->mean[c]) / (float)p->std[c];
    table[v] = x;
  }
}

/* One axis of a centre crop: output i shows input i + shift, and zero where there is no such input.
 * An odd difference leans to the start when cutting and to the end when padding. */
static int crop_shift(int in, int out) {
  return in >= out ? (in - out) / 2 : -((out - in + 1) / 2);
}

/* [height] x [width] values of a picture from (x0, y0) on, which may lie outside of it. */
static void write_channel(const image_rgb *in, int c, const float table[256], const int from[2],
                          const image_shape *s, float *out) {
  for (int y = 0; y < s->height; y++) {
    int from_y = y + from[0];
    bool inside = from_y >= 0 && from_y < in->height;
    const uint8_t *row = in->pixels + (inside ? (size_t)from_y * (size_t)in->width * 3 : 0);
    for (int x = 0; x < s->width; x++) {
      int from_x = x + from[1];
      bool seen = inside && from_x >= 0 && from_x < in->width;
      *out++ = table[seen ? row[(size_t)from_x * 3 + (size_t)c] : 0];
    }
  }
}

/* The values of one view: row and column [from] of a picture on. */
static void write_view(const image_processor *p, const image_rgb *in, const int from[2],
                       const image_shape *s, float *out) {
  for (int c = 0; c < 3; c++) {
    float table[256];
    fill_table(p, c, table);
    write_channel(in, c, table, from, s, out + (int64_t)c * s->height * s->width);
  }
}

/* The picture on the canvas that is cut into its tiles.  Caller clears *out. */
static loci_status canvas_of(const image_processor *p, const image_rgb *im, const image_shape *s,
                             image_rgb *out, loci_err *err) {
  const int tiles[2] = {s->down, s->across};
  int height = s->down * s->height, width = s->across * s->width;
  const resize_plan filled = {width, height, p->resample, false};
  if (s->whole_last) return image_resize(im, &filled, out, err);
  return s->together ? tiling_corner(im, tiles, s->width, p->resample, out, err)
                     : tiling_canvas(im, height, width, p->resample, out, err);
}

/* The tiles of a canvas, row by row. */
static void cut_tiles(const image_processor *p, const image_rgb *canvas, const image_shape *s,
                      float *out) {
  for (int i = 0; i < s->down * s->across; i++, out += 3 * (int64_t)s->height * s->width) {
    const int from[2] = {i / s->across * s->height, i % s->across * s->width};
    write_view(p, canvas, from, s, out);
  }
}

static loci_status write_tiles(const image_processor *p, const image_rgb *im, const image_shape *s,
                               float *out, loci_err *err) {
  image_rgb canvas;
  TRY(canvas_of(p, im, s, &canvas, err));
  cut_tiles(p, &canvas, s, out);
  image_clear(&canvas);
  return LOCI_OK;
}

/* The tiles, then the whole: of the picture, or of their canvas, where that is what is cut. */
static loci_status write_grid(const image_processor *p, const image_rgb *im, const image_shape *s,
                              float *out, loci_err *err) {
  static const int corner[2] = {0, 0};
  const resize_plan plan = {s->width, s->height, p->resample, false};
  image_rgb canvas, whole = {0};
  TRY(canvas_of(p, im, s, &canvas, err));
  cut_tiles(p, &canvas, s, out);
  loci_status st = image_resize(p->grid == GRID_SIDES ? &canvas : im, &plan, &whole, err);
  int64_t one = 3 * (int64_t)s->height * s->width;
  if (!st) write_view(p, &whole, corner, s, out + (s->views - 1) * one);
  image_clear(&canvas);
  image_clear(&whole);
  return st;
}

/* Room for the values, all 0. */
static loci_status values_room(const image_shape *s, float **out, loci_err *err) {
  int64_t bytes;
  if (!size_mul(image_values(s), (int64_t)sizeof(float), &bytes))
    return fail_nomem(err, "normalising a picture");
  *out = calloc((size_t)bytes, 1);
  return *out ? LOCI_OK : fail_nomem(err, "normalising a picture");
}

/* Tiles before the whole, or alone: of places that the picture does not fill all values are 0. */
static loci_status to_tiles(const image_processor *p, const image_rgb *im, const image_shape *s,
                            float **out, loci_err *err) {
  TRY(values_room(s, out, err));
  loci_status st = s->together ? write_tiles(p, im, s, *out, err) : write_grid(p, im, s, *out, err);
  if (!st) return LOCI_OK;
  free(*out);
  *out = NULL;
  return st;
}

/* [whole] is the picture after padding and resizing. */
static loci_status to_values(const image_processor *p, const image_rgb *im, const image_rgb *whole,
                             const image_shape *s, float **out, loci_err *err) {
  const int middle[2] = {crop_shift(whole->height, s->height), crop_shift(whole->width, s->width)};
  int64_t one = 3 * (int64_t)s->height * s->width;
  float *values;
  TRY(values_room(s, &values, err));
  write_view(p, whole, middle, s, values);
  loci_status st = s->views > 1 ? write_tiles(p, im, s, values + one, err) : LOCI_OK;
  if (st) {
    free(values);
    return st;
  }
  *out = values;
  return LOCI_OK;
}

loci_status image_process(const image_processor *p, const image_rgb *im, float **out,
                          image_shape *shape, loci_err *err) {
  image_rgb square = {0}, scaled = {0}, resized = {0};
  const image_rgb *now = im;
  loci_status st;
  *out = NULL;
  *shape = (image_shape){0};
  TRY_DONE(image_processor_check(p, "image processor", err));
  if (p->pad_square && im->width != im->height) {
    TRY_DONE(pad_square(now, p->pad_colour, &square, err));
    now = &square;
  }
  TRY_DONE(image_shape_of(p, now->width, now->height, shape, err));
  if (p->longest_edge) {
    resize_plan plan = {now->width, now->height, p->resample, false};
    tiling_longest(p->longest_edge, &plan.width, &plan.height);
    TRY_DONE(image_resize(now, &plan, &scaled, err));
    now = &scaled;
  }
  if (shape->together || shape->whole_last) {
    st = to_tiles(p, now, shape, out, err);
    goto done;
  }
  if (p->resize) {
    resize_plan plan;
    TRY_DONE(plan_resize(p, now->width, now->height, &plan, err));
    TRY_DONE(image_resize(now, &plan, &resized, err));
    now = &resized;
  }
  shape->full_height = im->height;
  shape->full_width = im->width;
  st = to_values(p, im, now, shape, out, err);
done:
  image_clear(&square);
  image_clear(&scaled);
  image_clear(&resized);
  return st;
}
