/* Room for a picture's pixels, bounded before it is taken (see decoders.h). */
#include <inttypes.h>
#include <stdlib.h>

#include "base/size.h"
#include "image/decoders.h"

loci_status image_alloc(const image_source *src, int64_t width, int64_t height, image_rgb *out,
                        loci_err *err) {
  int64_t pixels, bytes;
  *out = (image_rgb){0};
  if (width < 1 || height < 1 || width > INT32_MAX || height > INT32_MAX)
    return fail(err, LOCI_EFORMAT, "%s: a picture of %" PRId64 " x %" PRId64 " pixels", src->what,
                width, height);
  if (!size_mul(width, height, &pixels) || pixels > src->max_pixels)
    return fail(err, LOCI_EUNSUPPORTED,
                "%s: %" PRId64 " x %" PRId64 " pixels, at most %" PRId64 " are accepted", src->what,
                width, height, src->max_pixels);
  if (!size_mul(pixels, 3, &bytes)) return fail_nomem(err, src->what);
  out->pixels = malloc((size_t)bytes);
  if (!out->pixels) return fail_nomem(err, src->what);
  out->width = (int)width;
  out->height = (int)height;
  return LOCI_OK;
}

void image_clear(image_rgb *im) {
  free(im->pixels);
  *im = (image_rgb){0};
}
