/* What a model sees of an image, as a file. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "checkpoint/safetensors.h"
#include "show/again.h"
#include "show/canvas.h"
#include "show/formats.h"

static loci_status write_tensors(const loci_image *image, const char *path, loci_err *err) {
  int64_t w = image->width, h = image->height, iw = image->input_width, ih = image->input_height;
  st_tensor tensors[2] = {{.name = "rgb",
                           .dtype = ST_U8,
                           .rank = 3,
                           .shape = {h, w, 3},
                           .data = image->rgb,
                           .bytes = 3 * w * h},
                          {.name = "pixel_values",
                           .dtype = ST_F32,
                           .rank = 3,
                           .shape = {3, ih, iw},
                           .data = (const uint8_t *)image->pixel_values,
                           .bytes = 12 * iw * ih}};
  if (image->view_count > 1) {
    tensors[1].rank = 4;
    memcpy(tensors[1].shape, (int64_t[]){image->view_count, 3, ih, iw}, 4 * sizeof(int64_t));
    tensors[1].bytes *= image->view_count;
  }
  const char *const metadata[] = {"request", image->result.request, "command",
                                  image->result.command, NULL};
  return st_write(path, tensors, 2, image->result.request ? metadata : NULL, err);
}

/* The ways processors in use normalise; an image does not say which one made it. */
typedef struct normalisation {
  double mean[3], deviation[3];
} normalisation;

static const normalisation known[] = {
    {{0.48145466, 0.4578275, 0.40821073}, {0.26862954, 0.26130258, 0.27577711}}, /* CLIP */
    {{0.5, 0.5, 0.5}, {0.5, 0.5, 0.5}},                                          /* SigLIP */
    {{0.485, 0.456, 0.406}, {0.229, 0.224, 0.225}},                              /* ImageNet */
    {{0, 0, 0}, {1, 1, 1}},                                                      /* rescaled only */
};

/* Undoes [how]; false if that does not give whole bytes for every pixel. */
static bool restore_bytes(const loci_image *image, const normalisation *how, uint8_t *out) {
  int64_t n = (int64_t)image->input_width * image->input_height;
  for (int c = 0; c < 3; c++) {
    const float *x = image->pixel_values + c * n;
    for (int64_t i = 0; i < n; i++) {
      double byte = ((double)x[i] * how->deviation[c] + how->mean[c]) * 255;
      double whole = round(byte);
      if (!(fabs(byte - whole) < 0.02) || whole < 0 || whole > 255) return false;
      out[3 * i + c] = (uint8_t)whole;
    }
  }
  return true;
}

/* Values of an unknown normalisation: each channel stretched to 0..255. */
static void stretch_bytes(const loci_image *image, uint8_t *out) {
  int64_t n = (int64_t)image->input_width * image->input_height;
  for (int c = 0; c < 3; c++) {
    const float *x = image->pixel_values + c * n;
    float lo = x[0], hi = x[0];
    for (int64_t i = 1; i < n; i++) {
      lo = fminf(lo, x[i]);
      hi = fmaxf(hi, x[i]);
    }
    float scale = hi > lo ? 255 / (hi - lo) : 0;
    for (int64_t i = 0; i < n; i++) out[3 * i + c] = (uint8_t)lroundf((x[i] - lo) * scale);
  }
}

void image_bytes(const loci_image *image, uint8_t *out) {
  for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
    if (restore_bytes(image, &known[i], out)) return;
  }
  stretch_bytes(image, out);
}

/* What the picture says of how it was made, as others do. */
static loci_status put_making(const loci_image *image, bytes *png, loci_err *err) {
  const char *text;
  arena *mem = arena_new();
  loci_status st = mem ? again_text(&image->result, image->result.command, mem, &text, err)
                       : fail_nomem(err, "writing an image");
  if (!st && text) again_into_png(png, text);
  arena_free(mem);
  return st;
}

/* A view's pixels into a larger picture of [width], at (x, y). */
static void put_view(const loci_image *image, int view, uint8_t *room, uint8_t *out, int64_t width,
                     int64_t x, int64_t y) {
  int64_t w = image->input_width, h = image->input_height;
  loci_image one = *image;
  one.pixel_values += 3 * w * h * view;
  image_bytes(&one, room);
  for (int64_t i = 0; i < h; i++) {
    memcpy(out + 3 * ((y + i) * width + x), room + 3 * i * w, (size_t)(3 * w));
  }
}

/* The whole and, to the right of it, on white, its tiles; or these alone. */
static loci_status write_png(const loci_image *image, const char *path, loci_err *err) {
  bytes file = {0};
  int64_t w = image->input_width, h = image->input_height, first = !image->tiles_alone;
  int64_t gap = image->tiles_down && first ? w / 8 + 1 : 0;
  int64_t left = first * w + gap, width = left + w * image->tiles_across;
  int64_t height = image->tiles_down > 1 ? h * image->tiles_down : h;
  if (w <= 0 || h <= 0) return fail(err, LOCI_EINVAL, "%s: the image has no pixels", path);
  uint8_t *pixels = malloc((size_t)(3 * width * height)), *room = malloc((size_t)(3 * w * h));
  if (!pixels || !room) {
    free(pixels);
    free(room);
    return fail_nomem(err, path);
  }
  memset(pixels, 255, (size_t)(3 * width * height));
  int whole = image->whole_last ? image->view_count - 1 : 0;
  if (first) put_view(image, whole, room, pixels, width, 0, 0);
  for (int i = 0; i < image->tiles_down * image->tiles_across; i++) {
    put_view(image, (int)first * (whole == 0) + i, room, pixels, width,
             left + i % image->tiles_across * w, i / image->tiles_across * h);
  }
  loci_status st = canvas_png_of_rgb(pixels, (int)width, (int)height, &file, err);
  free(room);
  free(pixels);
  if (!st) st = put_making(image, &file, err);
  if (!st) return bytes_write(&file, path, err);
  bytes_clear(&file);
  return st;
}

loci_status image_write(const void *result, const char *path, loci_err *err) {
  const loci_image *image = result;
  if (path_ends_with(path, ".safetensors")) return write_tensors(image, path, err);
  if (path_ends_with(path, ".png")) return write_png(image, path, err);
  return fail(err, LOCI_EINVAL, "%s: an image is written as .safetensors or .png", path);
}
