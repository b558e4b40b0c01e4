/* Between image.c, which tells the kinds of file apart, and the three decoders, each the fence
 * round its library.  A decoder learns the size from the file's header, asks image_alloc for room
 * and fills it; on failure it leaves *out empty. */
#ifndef LOCI_IMAGE_DECODE_H
#define LOCI_IMAGE_DECODE_H

#include "image/image.h"

typedef struct image_source {
  const uint8_t *bytes;
  size_t size;
  const char *what;   /* names the file in error sentences */
  int64_t max_pixels; /* larger pictures are refused before memory is taken */
} image_source;

loci_status jpeg_decode(const image_source *src, image_rgb *out, loci_err *err);
loci_status png_decode(const image_source *src, image_rgb *out, loci_err *err);
loci_status webp_decode(const image_source *src, image_rgb *out, loci_err *err);

/* How EXIF wants a picture (JPEG, PNG, WebP) turned, 1 to 8; 1: as it stands. */
int exif_orientation(const uint8_t *bytes, size_t n);

/* Room for width x height pixels, not initialised, after checking the size against the limit. */
loci_status image_alloc(const image_source *src, int64_t width, int64_t height, image_rgb *out,
                        loci_err *err);

#endif
