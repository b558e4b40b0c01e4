/* The orientation that a picture's EXIF asks for: where EXIF stands in a JPEG, a PNG and a WebP
 * file, and the one tag of it that matters here. */
#include <string.h>

#include "image/decoders.h"

enum { ORIENTATION = 0x0112 };

static uint32_t number(const uint8_t *b, int n, bool big) {
  uint32_t x = 0;
  for (int i = 0; i < n; i++) x = x << 8 | b[big ? i : n - 1 - i];
  return x;
}

/* The tag in a TIFF's first directory: "II" or "MM", 42, where the directory begins; there a count
 * and entries of twelve bytes. */
static int of_tiff(const uint8_t *b, size_t n) {
  if (n >= 6 && memcmp(b, "Exif\0\0", 6) == 0) b += 6, n -= 6;
  if (n < 8 || (memcmp(b, "II", 2) != 0 && memcmp(b, "MM", 2) != 0)) return 0;
  bool big = b[0] == 'M';
  uint32_t at = number(b + 4, 4, big);
  if (number(b + 2, 2, big) != 42 || at > n - 2) return 0;
  uint32_t count = number(b + at, 2, big);
  for (uint32_t i = 0; i < count; i++) {
    size_t entry = (size_t)at + 2 + 12 * (size_t)i;
    if (entry + 12 > n) return 0;
    if (number(b + entry, 2, big) != ORIENTATION) continue;
    uint32_t value = number(b + entry + 8, 2, big);
    return value <= 8 ? (int)value : 0;
  }
  return 0;
}

/* APP1 segments before the picture's data. */
static int of_jpeg(const uint8_t *b, size_t n) {
  size_t at = 2;
  while (at + 4 <= n && b[at] == 0xFF) {
    uint8_t marker = b[at + 1];
    size_t size = number(b + at + 2, 2, true);
    if (marker == 0xDA || marker == 0xD9 || size < 2 || size > n - at - 2) return 0;
    bool exif = marker == 0xE1 && size >= 8 && memcmp(b + at + 4, "Exif\0\0", 6) == 0;
    if (exif) return of_tiff(b + at + 4, size - 2);
    at += 2 + size;
  }
  return 0;
}

/* A chunk of PNG (length, name, data, checksum) or of RIFF (name, length, data). */
static int of_chunks(const uint8_t *b, size_t n, bool png) {
  size_t at = png ? 8 : 12;
  while (n - at >= 12 && at < n) {
    size_t size = number(b + at + (png ? 0 : 4), 4, png);
    const uint8_t *name = b + at + (png ? 4 : 0);
    if (size > n - at - 8) return 0;
    if (memcmp(name, png ? "eXIf" : "EXIF", 4) == 0) return of_tiff(b + at + 8, size);
    at += 8 + size + (png ? 4 : size % 2);
    if (at > n) return 0;
  }
  return 0;
}

int exif_orientation(const uint8_t *b, size_t n) {
  int found = n < 12                                   ? 0
              : b[0] == 0xFF                           ? of_jpeg(b, n)
              : memcmp(b, "\x89PNG\r\n\x1a\n", 8) == 0 ? of_chunks(b, n, true)
                                                       : of_chunks(b, n, false);
  return found > 0 ? found : 1;
}

/* Where the pixel (x, y) of the turned picture stands in the w x h one: 2 to 4 keep the sides, 5 to
 * 8 exchange them; 2, 3, 7, 8 run along the columns backwards, 3, 4, 6, 7 along the rows. */
static size_t source_of(int orientation, int x, int y, int w, int h) {
  bool exchanged = orientation >= 5;
  bool left = orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8;
  bool up = orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7;
  int column = exchanged ? y : x, row = exchanged ? x : y;
  if (left) column = w - 1 - column;
  if (up) row = h - 1 - row;
  return (size_t)row * (size_t)w + (size_t)column;
}

loci_status image_orient(image_rgb *im, const char *what, loci_err *err) {
  int o = im->orientation, w = im->width, h = im->height;
  if (o < 2 || o > 8) return LOCI_OK;
  int wide = o >= 5 ? h : w, high = o >= 5 ? w : h;
  uint8_t *to = malloc((size_t)wide * (size_t)high * 3);
  if (!to) return fail_nomem(err, what);
  for (int y = 0; y < high; y++)
    for (int x = 0; x < wide; x++)
      memcpy(to + ((size_t)y * (size_t)wide + (size_t)x) * 3,
             im->pixels + source_of(o, x, y, w, h) * 3, 3);
  free(im->pixels);
  *im = (image_rgb){.width = wide, .height = high, .pixels = to, .orientation = 1};
  return LOCI_OK;
}
