/* How a picture stands in a sequence.  A view is one look at the whole picture: a grid of rows of
 * the sequence, row by row, each of whose lines may end in a row of its own.  Prompts, overlays,
 * groups and averages read this, never the configuration. */
#ifndef LOCI_MODEL_IMAGE_LAYOUT_H
#define LOCI_MODEL_IMAGE_LAYOUT_H

#include "base/arena.h"
#include "checkpoint/config.h"
#include "image/image.h"
#include "loci.h"

enum { MOST_VIEWS = 2 };

typedef struct image_layout {
  int count;      /* rows of the sequence; more than the grids have where a class row is kept */
  int view_count; /* 0: no picture */
  loci_image_view views[MOST_VIEWS];
  int tiles[2]; /* down and across, each a run of rows, before that of the whole; 0: one run is all
                 */
} image_layout;

/* A processed picture. */
typedef struct seen_picture {
  const float *pixels; /* (views, 3, height, width); NULL: none */
  image_shape shape;
} seen_picture;

image_layout layout_of(const model_config *c, const image_shape *s);
/* Rows of the sequence (layout's count, D) from those of all views (views, rows of one, D): the
 * whole's, and the tiles' put together, without what only the canvas filled, line by line, each
 * with [newline] (D) after it (Liu et al. 2024). */
void layout_arrange(const model_config *c, const image_shape *s, const float *rows,
                    const float *newline, int64_t D, float *out);
/* The picture that the views' grids cover, as the model sees it: that of the tiles, put together
 * likewise, or the only view, borrowed.  Memory is the arena's. */
loci_status layout_picture(const model_config *c, const seen_picture *p, arena *mem,
                           seen_picture *out, loci_err *err);

/* Which row of the picture stands at a position; -1: none. */
int layout_row_at(const loci_prompt_info *p, int position);

/* What row i of a picture shows: a cell of a view, or the end of one of its lines (col = cols).
 * view -1: neither, a class row. */
typedef struct image_cell {
  int view, row, col;
} image_cell;
image_cell layout_cell(const loci_image_view *views, int view_count, int i);
/* The row of a cell of a view, counted as [first] is. */
int layout_row(const loci_image_view *v, int row, int col);
/* Rows of a view, those that end its lines included. */
static inline int view_rows(const loci_image_view *v) {
  int tiles = v->tile && !v->bare ? v->rows / v->tile * (v->cols / v->tile) : 0;
  return v->rows * (v->cols + v->breaks) + tiles;
}

#endif
