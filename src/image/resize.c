/* Pillow's resampling, bit for bit.
 *
 * Per axis, output position i looks at the input round c = (i + 1/2) in/out, through a filter
 * stretched by in/out where the picture shrinks (so every input pixel counts).  The weights are
 * computed in double, divided by their sum and rounded to 22 fractional bits; a pixel is the
 * rounded sum of u8 * weight, clamped to 0..255.  The passes are separate and the values between
 * them are again u8, so their order shows in the result (see horizontal_passes_first).
 *
 * Weights are made for a block of output positions at a time, so a long row does not cost a table
 * of many times its size.  "Nearest" is no filter but a walk with an accumulated step, as Pillow's
 * affine transform does it. */
#include "image/resize.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "image/decoders.h"

enum { PRECISION_BITS = 22, BLOCK_WEIGHTS = 1 << 18, STRIP = 1024 };

/* A sum over n inputs is below 255 (1.7 * 2^22 + n / 2): this many keep it in 31 bits. */
enum { MAX_INPUTS = 1 << 20 };

static const double pi = 3.14159265358979323846;

static double box_at(double x) { return x > -0.5 && x <= 0.5 ? 1.0 : 0.0; }

static double bilinear_at(double x) {
  x = fabs(x);
  return x < 1.0 ? 1.0 - x : 0.0;
}

/* Pillow's constants are floats here. */
static double hamming_at(double x) {
  x = fabs(x);
  if (x == 0.0) return 1.0;
  if (x >= 1.0) return 0.0;
  x *= pi;
  return sin(x) / x * ((double)0.54f + (double)0.46f * cos(x));
}

/* Keys' cubic with a = -1/2. */
static double bicubic_at(double x) {
  const double a = -0.5;
  x = fabs(x);
  if (x < 1.0) return ((a + 2.0) * x - (a + 3.0)) * x * x + 1;
  if (x < 2.0) return (((x - 5) * x + 8) * x - 4) * a;
  return 0.0;
}

static double sinc(double x) {
  if (x == 0.0) return 1.0;
  x *= pi;
  return sin(x) / x;
}

static double lanczos_at(double x) { return x >= -3.0 && x < 3.0 ? sinc(x) * sinc(x / 3) : 0.0; }

typedef struct filter {
  double (*at)(double x);
  double support; /* 0 outside [-support, support] */
} filter;

static const filter filters[] = {
    [RESAMPLE_NEAREST] = {NULL, 0},         [RESAMPLE_LANCZOS] = {lanczos_at, 3},
    [RESAMPLE_BILINEAR] = {bilinear_at, 1}, [RESAMPLE_BICUBIC] = {bicubic_at, 2},
    [RESAMPLE_BOX] = {box_at, 0.5},         [RESAMPLE_HAMMING] = {hamming_at, 1},
};

/* Weights of [count] output positions from [first] on.  Position first + i reads n[i] input pixels
 * from lo[i] on, with weights k[i * stride ..]. */
typedef struct block {
  const filter *f;
  int in, out; /* sizes of the axis */
  double scale, stretch, support;
  int first, count, capacity;
  size_t stride;
  int *lo, *n;
  int32_t *k;
} block;

static void block_clear(block *b) {
  free(b->lo);
  free(b->n);
  free(b->k);
}

/* To be cleared after a failure too. */
static loci_status block_init(block *b, const filter *f, int in, int out, loci_err *err) {
  *b = (block){.f = f, .in = in, .out = out};
  b->scale = (double)in / out;
  b->stretch = b->scale < 1.0 ? 1.0 : b->scale;
  b->support = f->support * b->stretch;
  double reach = ceil(b->support) * 2 + 1;
  b->stride = reach < in ? (size_t)reach : (size_t)in;
  size_t fit = BLOCK_WEIGHTS / b->stride;
  b->capacity = fit < 1 ? 1 : fit > (size_t)out ? out : (int)fit;
  b->lo = calloc((size_t)b->capacity, sizeof *b->lo);
  b->n = calloc((size_t)b->capacity, sizeof *b->n);
  b->k = calloc((size_t)b->capacity * b->stride, sizeof *b->k);
  return b->lo && b->n && b->k ? LOCI_OK : fail_nomem(err, "resizing a picture");
}

static int32_t to_fixed(double w) {
  double x = w * (1 << PRECISION_BITS);
  return (int32_t)(x < 0 ? x - 0.5 : x + 0.5);
}

/* The weights are evaluated twice, once for their sum: cheaper than a second table. */
static void block_fill_one(block *b, int i) {
  double center = (b->first + i + 0.5) * b->scale, step = 1.0 / b->stretch, sum = 0;
  int lo = (int)(center - b->support + 0.5), hi = (int)(center + b->support + 0.5);
  if (lo < 0) lo = 0;
  if (hi > b->in) hi = b->in;
  int32_t *k = b->k + (size_t)i * b->stride;
  for (int x = lo; x < hi; x++) sum += b->f->at((x - center + 0.5) * step);
  for (int x = lo; x < hi; x++) {
    double w = b->f->at((x - center + 0.5) * step);
    k[x - lo] = to_fixed(sum != 0.0 ? w / sum : w);
  }
  b->lo[i] = lo;
  b->n[i] = hi - lo;
}

/* Moves on to the next positions; false after the last. */
static bool block_next(block *b) {
  b->first += b->count;
  b->count = b->out - b->first < b->capacity ? b->out - b->first : b->capacity;
  for (int i = 0; i < b->count; i++) block_fill_one(b, i);
  return b->count > 0;
}

static uint8_t clamp8(int32_t sum) {
  int32_t v = sum >> PRECISION_BITS;
  return (uint8_t)(v < 0 ? 0 : v > 255 ? 255 : v);
}

static void resize_row(const block *b, const uint8_t *in, uint8_t *out) {
  const int32_t half = 1 << (PRECISION_BITS - 1);
  for (int i = 0; i < b->count; i++) {
    const int32_t *k = b->k + (size_t)i * b->stride;
    const uint8_t *p = in + (size_t)b->lo[i] * 3;
    int32_t red = half, green = half, blue = half;
    for (int j = 0; j < b->n[i]; j++, p += 3) {
      red += p[0] * k[j];
      green += p[1] * k[j];
      blue += p[2] * k[j];
    }
    uint8_t *q = out + (size_t)(b->first + i) * 3;
    q[0] = clamp8(red);
    q[1] = clamp8(green);
    q[2] = clamp8(blue);
  }
}

/* Output row first + i of the block: a weighted sum of input rows, a strip of columns at a time. */
static void sum_rows(const block *b, int i, const image_rgb *in, uint8_t *out) {
  size_t stride = (size_t)in->width * 3;
  const int32_t *k = b->k + (size_t)i * b->stride;
  int32_t sums[STRIP];
  for (size_t at = 0; at < stride; at += STRIP) {
    size_t n = stride - at < STRIP ? stride - at : STRIP;
    const uint8_t *p = in->pixels + (size_t)b->lo[i] * stride + at;
    for (size_t x = 0; x < n; x++) sums[x] = 1 << (PRECISION_BITS - 1);
    for (int j = 0; j < b->n[i]; j++, p += stride)
      for (size_t x = 0; x < n; x++) sums[x] += p[x] * k[j];
    for (size_t x = 0; x < n; x++) out[at + x] = clamp8(sums[x]);
  }
}

static loci_status new_picture(int width, int height, image_rgb *out, loci_err *err) {
  const image_source limits = {.what = "resized picture", .max_pixels = IMAGE_MAX_PIXELS};
  return image_alloc(&limits, width, height, out, err);
}

static loci_status resize_width(const image_rgb *in, int width, const filter *f, image_rgb *out,
                                loci_err *err) {
  block b;
  TRY(new_picture(width, in->height, out, err));
  loci_status st = block_init(&b, f, in->width, width, err);
  while (!st && block_next(&b))
    for (int y = 0; y < in->height; y++)
      resize_row(&b, in->pixels + (size_t)y * (size_t)in->width * 3,
                 out->pixels + (size_t)y * (size_t)width * 3);
  block_clear(&b);
  return st;
}

static loci_status resize_height(const image_rgb *in, int height, const filter *f, image_rgb *out,
                                 loci_err *err) {
  block b;
  TRY(new_picture(in->width, height, out, err));
  loci_status st = block_init(&b, f, in->height, height, err);
  while (!st && block_next(&b))
    for (int i = 0; i < b.count; i++)
      sum_rows(&b, i, in, out->pixels + (size_t)(b.first + i) * (size_t)in->width * 3);
  block_clear(&b);
  return st;
}

/* Pillow 13: rows first where the height shrinks by more than twice what the width does. */
static bool horizontal_passes_first(const image_rgb *in, const resize_plan *plan) {
  int64_t narrower = (int64_t)in->width - plan->width, lower = (int64_t)in->height - plan->height;
  return plan->horizontal_first || !(lower > 0 && lower > 2 * narrower);
}

static loci_status resize_filtered(const image_rgb *in, const resize_plan *plan, image_rgb *out,
                                   loci_err *err) {
  const filter *f = &filters[plan->resample];
  if (in->height == plan->height) return resize_width(in, plan->width, f, out, err);
  if (in->width == plan->width) return resize_height(in, plan->height, f, out, err);
  image_rgb half = {0};
  loci_status st;
  if (horizontal_passes_first(in, plan)) {
    st = resize_width(in, plan->width, f, &half, err);
    if (!st) st = resize_height(&half, plan->height, f, out, err);
  } else {
    st = resize_height(in, plan->height, f, &half, err);
    if (!st) st = resize_width(&half, plan->width, f, out, err);
  }
  image_clear(&half);
  return st;
}

/* The step is added up, not multiplied: the roundings are part of the result. */
static loci_status resize_nearest(const image_rgb *in, const resize_plan *plan, image_rgb *out,
                                  loci_err *err) {
  double step_x = (double)in->width / plan->width, step_y = (double)in->height / plan->height;
  TRY(new_picture(plan->width, plan->height, out, err));
  double at_y = step_y * 0.5;
  for (int y = 0; y < plan->height; y++, at_y += step_y) {
    int from_y = (int)at_y < in->height ? (int)at_y : -1;
    uint8_t *q = out->pixels + (size_t)y * (size_t)plan->width * 3;
    double at_x = step_x * 0.5;
    for (int x = 0; x < plan->width; x++, at_x += step_x, q += 3) {
      int from_x = (int)at_x < in->width ? (int)at_x : -1;
      if (from_x < 0 || from_y < 0)
        memset(q, 0, 3);
      else
        memcpy(q, in->pixels + ((size_t)from_y * (size_t)in->width + (size_t)from_x) * 3, 3);
    }
  }
  return LOCI_OK;
}

loci_status image_resize(const image_rgb *in, const resize_plan *plan, image_rgb *out,
                         loci_err *err) {
  loci_status st;
  *out = (image_rgb){0};
  if (in->width > MAX_INPUTS || in->height > MAX_INPUTS)
    return fail(err, LOCI_EUNSUPPORTED,
                "a picture of %d x %d cannot be resized: a side has more "
                "than %d pixels",
                in->width, in->height, MAX_INPUTS);
  if (in->width == plan->width && in->height == plan->height) {
    st = new_picture(in->width, in->height, out, err);
    if (!st) memcpy(out->pixels, in->pixels, (size_t)in->width * (size_t)in->height * 3);
  } else if (plan->resample == RESAMPLE_NEAREST) {
    st = resize_nearest(in, plan, out, err);
  } else {
    st = resize_filtered(in, plan, out, err);
  }
  if (st) image_clear(out);
  return st;
}
