/* Pillow's Image.resize for RGB, bit for bit: weights in 22-bit fixed point, two passes with 8-bit
 * values between them. */
#ifndef LOCI_IMAGE_RESIZE_H
#define LOCI_IMAGE_RESIZE_H

#include "image/image.h"

typedef struct resize_plan {
  int width, height; /* wanted, >= 1 */
  resample_kind resample;
  /* Pillow 13 starts with the pass that shrinks most; releases before it always started with the
   * horizontal one.  The two differ by at most a level or two of 255. */
  bool horizontal_first;
} resize_plan;

/* A new picture of the wanted size, a copy where the size is right already.  Caller clears *out. */
loci_status image_resize(const image_rgb *in, const resize_plan *plan, image_rgb *out,
                         loci_err *err);

#endif
