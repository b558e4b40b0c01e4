/* Picture files of any bytes: they decode or fail with a sentence, and what decodes goes through
 * the two usual processors.  The limit of a million pixels keeps a run fast; what it cuts off is
 * tested by image_decode_test.c. */
#include <stdlib.h>
#include <string.h>

#include "image/image.h"

enum { MAX_PIXELS = 1000 * 1000, MAX_PADDED_SIDE = 1024 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void process(const image_rgb *im, int size, bool clip) {
  bool small = im->width <= MAX_PADDED_SIDE && im->height <= MAX_PADDED_SIDE;
  const image_processor p = {.pad_square = small && im->width % 2 == 1,
                             .pad_colour = {122, 116, 104},
                             .resize = true,
                             .shortest_edge = clip ? size : 0,
                             .resize_width = size,
                             .resize_height = size,
                             .resample = (resample_kind)(im->height % 6),
                             .crop = clip,
                             .crop_width = size,
                             .crop_height = size,
                             .rescale = true,
                             .normalise = true,
                             .rescale_factor = 1.0 / 255,
                             .mean = {0.48145466, 0.4578275, 0.40821073},
                             .std = {0.26862954, 0.26130258, 0.27577711}};
  float *values;
  image_shape shape;
  loci_err err;
  if (image_process(&p, im, &values, &shape, &err) == LOCI_OK &&
      (shape.height != size || shape.width != size))
    abort();
  free(values);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  image_rgb im;
  loci_err err = {0};
  if (image_decode_within(data, size, "fuzz", MAX_PIXELS, &im, &err)) {
    if (im.pixels || !strstr(err.msg, "fuzz")) abort();
    return 0;
  }
  process(&im, 28, true);
  process(&im, 30, false);
  image_clear(&im);
  return 0;
}
