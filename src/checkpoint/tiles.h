/* The sizes that a model cuts pictures into tiles of ("image_grid_pinpoints"), of which one is
 * chosen for every picture.  config.json and the processor file both list them. */
#ifndef LOCI_CHECKPOINT_TILES_H
#define LOCI_CHECKPOINT_TILES_H

#include "base/json.h"
#include "base/status.h"

enum { MOST_TILE_SIZES = 64, TILE_PLACES = 16 };

typedef struct tile_sizes {
  int count;                  /* 0: pictures are seen whole */
  int at[MOST_TILE_SIZES][2]; /* height and width in pixels, in the order of the file */
} tile_sizes;

/* The families' own: five sizes of at most 672 x 672 or three tiles in a row (LLaVA-NeXT), and
 * every grid of up to 6 x 6 tiles of 384 pixels (LLaVA-OneVision). */
void tile_sizes_next(tile_sizes *out);
void tile_sizes_onevision(tile_sizes *out);
/* Every grid of at most [most] tiles, TILE_PLACES at most, in tiles: by their lines, then by how
 * many stand in one (Llama-3.2-Vision). */
void tile_sizes_within(int most, tile_sizes *out);
/* A list of heights and widths under [key]. */
loci_status tile_sizes_parse_key(const js_value *o, const char *key, const char *what,
                                 tile_sizes *inout, loci_err *err);
/* The member "image_grid_pinpoints" of [o], if it is there; [what] names the file. */
loci_status tile_sizes_parse(const js_value *o, const char *what, tile_sizes *inout, loci_err *err);
/* Whether all are made of whole tiles of [side] pixels, and not of too many pixels. */
loci_status tile_sizes_check(const tile_sizes *t, int side, const char *what, loci_err *err);
bool tile_sizes_equal(const tile_sizes *a, const tile_sizes *b);

#endif
