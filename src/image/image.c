/* Image files to RGB bytes: the kind of file is told by its first bytes, never by its name, and the
 * decoders in jpeg.c, png.c and webp.c do the rest.  What comes out is what Pillow's
 * Image.open(..).convert("RGB") gives: alpha is dropped without compositing, colour profiles,
 * gamma and the EXIF orientation are ignored. */
#include "image/image.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/kind.h"
#include "base/size.h"
#include "image/decoders.h"

enum { MAX_FILE_BYTES = 1 << 29 };

static bool starts_with(const uint8_t *bytes, size_t n, const void *magic, size_t m) {
  return n >= m && memcmp(bytes, magic, m) == 0;
}

static bool is_ascii_text(uint8_t c) { return (c >= ' ' && c <= '~') || (c >= '\t' && c <= '\r'); }

/* A server's answer under a picture's name says itself what went wrong. */
static loci_status not_a_picture(const image_source *src, loci_err *err) {
  enum { SHOWN = 60 };
  size_t n = 0;
  while (n < src->size && n < SHOWN && is_ascii_text(src->bytes[n])) n++;
  if (n < src->size && n < SHOWN)
    return fail(err, LOCI_EFORMAT, "%s: neither a JPEG nor a PNG nor a WebP file", src->what);
  return fail(err, LOCI_EFORMAT, "%s: a text (\"%.*s\"), neither a JPEG nor a PNG nor a WebP file",
              src->what, (int)n, (const char *)src->bytes);
}

static loci_status decode(const image_source *src, image_rgb *out, loci_err *err) {
  const uint8_t *bytes = src->bytes;
  size_t n = src->size;
  if (starts_with(bytes, n, "\xff\xd8\xff", 3)) return jpeg_decode(src, out, err);
  if (starts_with(bytes, n, "\x89PNG\r\n\x1a\n", 8)) return png_decode(src, out, err);
  if (n >= 12 && starts_with(bytes, n, "RIFF", 4) && memcmp(bytes + 8, "WEBP", 4) == 0)
    return webp_decode(src, out, err);
  TRY(kind_refuse(bytes, n, src->what, "a JPEG, PNG or WebP picture", err));
  return not_a_picture(src, err);
}

loci_status image_decode_within(const uint8_t *bytes, size_t n, const char *what,
                                int64_t max_pixels, image_rgb *out, loci_err *err) {
  const image_source src = {bytes, n, what, max_pixels};
  *out = (image_rgb){0};
  if (n == 0) return fail(err, LOCI_EFORMAT, "%s: an empty file, expected a picture", what);
  TRY(decode(&src, out, err));
  out->orientation = exif_orientation(bytes, n);
  return LOCI_OK;
}

loci_status image_decode(const uint8_t *bytes, size_t n, const char *what, image_rgb *out,
                         loci_err *err) {
  return image_decode_within(bytes, n, what, IMAGE_MAX_PIXELS, out, err);
}

loci_status image_load(const char *path, image_rgb *out, loci_err *err) {
  char *bytes;
  size_t n;
  *out = (image_rgb){0};
  TRY(file_read(path, MAX_FILE_BYTES, &bytes, &n, err));
  loci_status st = image_decode((const uint8_t *)bytes, n, path, out, err);
  free(bytes);
  return st;
}
