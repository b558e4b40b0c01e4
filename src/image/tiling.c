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

loci_status tiling_canvas(const image_rgb *im, int height, int width, resample_kind resample,
                          image_rgb *out, loci_err *err) {
  image_rgb resized;
  const resize_plan plan = plan_on_canvas(im, height, width, resample);
  *out = (image_rgb){0};
  TRY(image_resize(im, &plan, &resized, err));
  uint8_t *pixels = calloc((size_t)height * (size_t)width, 3);
  if (!pixels) {
    image_clear(&resized);
    return fail_nomem(err, "cutting a picture into tiles");
  }
  size_t x = (size_t)(width - plan.width) / 2, y = (size_t)(height - plan.height) / 2;
  size_t row = (size_t)plan.width * 3;
  for (size_t i = 0; i < (size_t)plan.height; i++)
    memcpy(pixels + ((y + i) * (size_t)width + x) * 3, resized.pixels + i * row, row);
  image_clear(&resized);
  *out = (image_rgb){.width = width, .height = height, .pixels = pixels};
  return LOCI_OK;
}
