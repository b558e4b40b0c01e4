/* "image_grid_pinpoints" (see tiles.h). */
#include "checkpoint/tiles.h"

#include <string.h>

static const char pinpoints[] = "image_grid_pinpoints";

enum { MOST_SIDE = 16384, MOST_PIXELS = 1 << 27 };

void tile_sizes_next(tile_sizes *out) {
  *out = (tile_sizes){5, {{336, 672}, {672, 336}, {672, 672}, {1008, 336}, {336, 1008}}};
}

void tile_sizes_onevision(tile_sizes *out) {
  *out = (tile_sizes){.count = 36};
  for (int i = 0; i < out->count; i++) {
    out->at[i][0] = 384 * (i / 6 + 1);
    out->at[i][1] = 384 * (i % 6 + 1);
  }
}

void tile_sizes_within(int most, tile_sizes *out) {
  *out = (tile_sizes){0};
  for (int down = 1; down <= most; down++) {
    for (int across = 1; down * across <= most; across++) {
      out->at[out->count][0] = down;
      out->at[out->count++][1] = across;
    }
  }
}

loci_status tile_sizes_parse(const js_value *o, const char *what, tile_sizes *inout,
                             loci_err *err) {
  return tile_sizes_parse_key(o, pinpoints, what, inout, err);
}

loci_status tile_sizes_parse_key(const js_value *o, const char *key, const char *what,
                                 tile_sizes *inout, loci_err *err) {
  const js_value *list = js_get(o, key);
  int64_t n = js_count(list), side = 0;
  if (!list) return LOCI_OK;
  if (js_kind_of(list) != JS_ARRAY || n < 1 || n > MOST_TILE_SIZES) {
    return fail(err, LOCI_EUNSUPPORTED, "%s: \"%s\" must be a list of 1 to %d sizes", what, key,
                (int)MOST_TILE_SIZES);
  }
  *inout = (tile_sizes){.count = (int)n};
  for (int i = 0; i < 2 * n; i++) {
    const js_value *size = js_at(list, i / 2);
    if (js_kind_of(size) != JS_ARRAY || js_count(size) != 2 ||
        !js_int_of(js_at(size, i % 2), &side) || side < 1 || side > MOST_SIDE) {
      return fail(err, LOCI_EFORMAT, "%s: \"%s\" must hold heights and widths, 1 to %d", what, key,
                  (int)MOST_SIDE);
    }
    inout->at[i / 2][i % 2] = (int)side;
  }
  return LOCI_OK;
}

loci_status tile_sizes_check(const tile_sizes *t, int side, const char *what, loci_err *err) {
  for (int i = 0; i < t->count; i++) {
    int h = t->at[i][0], w = t->at[i][1];
    if (h % side != 0 || w % side != 0) {
      return fail(err, LOCI_EUNSUPPORTED,
                  "%s: \"%s\": a size of %d x %d is not made of whole tiles of %d pixels", what,
                  pinpoints, h, w, side);
    }
    if ((int64_t)h * w > MOST_PIXELS) {
      return fail(err, LOCI_EUNSUPPORTED, "%s: \"%s\": %d x %d pixels are too many", what,
                  pinpoints, h, w);
    }
  }
  return LOCI_OK;
}

bool tile_sizes_equal(const tile_sizes *a, const tile_sizes *b) {
  return a->count == b->count && memcmp(a->at, b->at, sizeof *a->at * (size_t)a->count) == 0;
}
