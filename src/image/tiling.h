/* A picture on the canvas that is cut into tiles (LLaVA-NeXT's "anyres"): one of several sizes,
 * which it fills as well as its proportions allow, in the middle, on black. */
#ifndef LOCI_IMAGE_TILING_H
#define LOCI_IMAGE_TILING_H

#include "image/image.h"

/* Height and width of the canvas for a picture: the size that keeps most of its pixels, and of
 * several such the one with the least room left over. */
const int *tiling_size(const tile_sizes *sizes, int width, int height);
/* Caller clears *out. */
loci_status tiling_canvas(const image_rgb *im, int height, int width, resample_kind resample,
                          image_rgb *out, loci_err *err);

#endif
