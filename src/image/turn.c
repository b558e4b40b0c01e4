/* A picture as its EXIF asks for it: mirrored, turned, or both, as Pillow's exif_transpose does. */
#include <stdlib.h>
#include <string.h>

#include "image/image.h"

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
