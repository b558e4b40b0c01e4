/* Image files to the numbers the vision tower reads: decode to RGB as Pillow does, resize, crop,
 * pad, normalise as the checkpoint's processor file says.  Bit-exact. */
#ifndef LOCI_IMAGE_IMAGE_H
#define LOCI_IMAGE_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/json.h"
#include "base/status.h"
#include "checkpoint/tiles.h"

typedef struct image_rgb {
  int width, height;
  uint8_t *pixels; /* (height, width, 3); owned */
  int orientation; /* what EXIF asks for, 1 to 8; the pixels are as they stand in the file */
} image_rgb;

enum {
  IMAGE_MAX_PIXELS = 178956970, /* Pillow refuses more as a decompression bomb */
  IMAGE_MAX_SIDE = 16384        /* of the sizes a processor file may ask for */
};

/* JPEG, PNG or WebP, told apart by content; the same bytes as Pillow's convert("RGB").  Refuses
 * pictures of more than 178,956,970 pixels (Pillow's limit) before allocating for them. */
loci_status image_decode(const uint8_t *bytes, size_t n, const char *what, image_rgb *out,
                         loci_err *err);
/* The same with another limit than IMAGE_MAX_PIXELS. */
loci_status image_decode_within(const uint8_t *bytes, size_t n, const char *what,
                                int64_t max_pixels, image_rgb *out, loci_err *err);
loci_status image_load(const char *path, image_rgb *out, loci_err *err);
/* Turns a picture as its orientation asks; then it asks for nothing. */
loci_status image_orient(image_rgb *im, const char *what, loci_err *err);
void image_clear(image_rgb *im);

typedef enum resample_kind {
  RESAMPLE_NEAREST = 0,
  RESAMPLE_LANCZOS = 1,
  RESAMPLE_BILINEAR = 2,
  RESAMPLE_BICUBIC = 3,
  RESAMPLE_BOX = 4,
  RESAMPLE_HAMMING = 5
} resample_kind;

/* How many tiles a picture is cut into that fills them, whatever its proportions. */
typedef enum grid_kind {
  GRID_NONE,
  GRID_SIDES,   /* each side becomes the next multiple of a tile's, the longer one first */
  GRID_NEAREST, /* the proportions that are nearest to the picture's */
} grid_kind;
enum { GRID_MOST = 1024 }; /* tiles */

/* A processor file, understood.  A plain value; nothing to free. */
typedef struct image_processor {
  bool pad_square; /* first, with the mean colour */
  uint8_t pad_colour[3];
  bool resize;
  int shortest_edge; /* 0: resize to resize_width x resize_height instead */
  int resize_width, resize_height;
  resample_kind resample;
  int patch, merge, frames; /* sizes are multiples of patch x merge, whatever the picture's; merge
                             * 0: they are as above and below */
  int64_t min_pixels, max_pixels; /* of such a size */
  int places;          /* tiles that are seen together, empty ones too; 0: others than these */
  tile_sizes canvases; /* down and across, in tiles of resize_width x resize_height, that a picture
                        * may be put on */
  tile_sizes tiles; /* of resize_width x resize_height each, after a view of the whole; none: it is
                     * all there is */
  grid_kind grid;   /* tiles of resize_width x resize_height, before a view of the whole */
  int longest_edge; /* what the longer side becomes first; 0: it stays */
  int least_tiles, most_tiles; /* of GRID_NEAREST */
  bool crop;
  int crop_width, crop_height;
  bool rescale, normalise;
  double rescale_factor, mean[3], std[3];
} image_processor;

/* From DIR's preprocessor_config.json or processor_config.json (or, for original layouts without
 * one, from config.json: the tower's defaults and image_aspect_ratio); or from the metadata of a
 * projector's GGUF file. */
loci_status image_processor_read(const char *dir, image_processor *out, loci_err *err);
/* The same from parsed JSON; [model_type], or NULL, decides where no class is named. */
loci_status image_processor_parse(const js_value *v, const char *what, const char *model_type,
                                  image_processor *out, loci_err *err);

/* Whether all sizes and numbers are within bounds; [what] names the source in the sentence. */
loci_status image_processor_check(const image_processor *p, const char *what, loci_err *err);

/* Another bound on the pixels of pictures that keep their own sizes. */
loci_status image_bound(image_processor *p, int64_t max_pixels, loci_err *err);
/* What becomes of a picture: views of one size, the whole first or last; or the places of tiles
 * that are seen together, of which the first down x across hold the picture. */
typedef struct image_shape {
  int views, height, width;
  int down, across;            /* the other views are so many tiles of it; 0: there are none */
  bool together;               /* all views are places of tiles */
  int full_height, full_width; /* of the picture itself */
  bool whole_last;             /* the tiles, which the picture fills, come before it */
} image_shape;
int64_t image_values(const image_shape *s); /* views x 3 x height x width */
/* That of a picture of width x height. */
loci_status image_shape_of(const image_processor *p, int width, int height, image_shape *out,
                           loci_err *err);
/* The same picture of another size, as Pillow resizes (bicubic); caller clears *out. */
loci_status image_scale(const image_rgb *im, int width, int height, image_rgb *out, loci_err *err);

/* pixel_values (views, 3, height, width), f32; caller frees *out. */
loci_status image_process(const image_processor *p, const image_rgb *im, float **out,
                          image_shape *shape, loci_err *err);

#endif
