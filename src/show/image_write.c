/* What a model sees of an image, as a file. */
#include <math.h>
#include <stdlib.h>

#include "base/file.h"
#include "checkpoint/safetensors.h"
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
  return st_write(path, tensors, 2, NULL, err);
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

static loci_status write_png(const loci_image *image, const char *path, loci_err *err) {
  bytes file = {0};
  int64_t n = (int64_t)image->input_width * image->input_height;
  if (n <= 0) return fail(err, LOCI_EINVAL, "%s: the image has no pixels", path);
  uint8_t *pixels = malloc((size_t)n * 3);
  if (!pixels) return fail_nomem(err, path);
  image_bytes(image, pixels);
  loci_status st = canvas_png_of_rgb(pixels, image->input_width, image->input_height, &file, err);
  free(pixels);
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
