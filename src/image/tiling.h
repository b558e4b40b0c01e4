/* A picture on the canvas that is cut into tiles (LLaVA-NeXT's "anyres"): one of several sizes,
 * which it fills as well as its proportions allow, in the middle, on black. */
#ifndef LOCI_IMAGE_TILING_H
#define LOCI_IMAGE_TILING_H

#include "image/image.h"

/* Height and width of the canvas for a picture: the size that keeps most of its pixels, and of
 * several such the one with the least room left over. */
const int *tiling_size(const tile_sizes *sizes, int width, int height);
/* The canvas of [canvases], in tiles of [side] pixels, for a picture: of those that hold it in full
 * size the one that enlarges it least, else the one that shrinks it least; of several such the
 * smallest. */
const int *tiling_canvas_of(const tile_sizes *canvases, int side, int width, int height);
/* The picture in the upper left of it, on black: no larger than the canvas, and enlarged to one
 * tile's side at most where it is smaller.  Caller clears *out. */
loci_status tiling_corner(const image_rgb *im, const int canvas[2], int side,
                          resample_kind resample, image_rgb *out, loci_err *err);
/* Idefics3's sizes: the longer side becomes [longest], 4096 at most, the other one follows, raised
 * to an even number before that bound. */
void tiling_longest(int longest, int *width, int *height);
/* Tiles down and across that the picture fills. */
void tiling_grid(const image_processor *p, int width, int height, int tiles[2]);
/* Caller clears *out. */
loci_status tiling_canvas(const image_rgb *im, int height, int width, resample_kind resample,
                          image_rgb *out, loci_err *err);

#endif
