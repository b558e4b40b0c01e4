/* Views of a picture and their rows (see image_layout.h). */
#include "model/image_layout.h"

#include <math.h>
#include <string.h>

/* The tiles' grid in patches: put together, without the canvas's margins, and as it is shrunk. */
typedef struct tile_grid {
  int side, across;          /* patches of a tile, each way; tiles of a line */
  int top, left, rows, cols; /* what is kept of them */
  int to_rows, to_cols;
} tile_grid;

/* A side of the picture on the canvas, in patches.  Rounded first: a product just below a whole
 * number is that number. */
static int covered(int side, double by) { return (int)(nearbyint(side * by * 1e7) / 1e7); }

static tile_grid grid_of(const model_config *c, const image_shape *s) {
  int side = c->vision.grid, rows = s->down * side, cols = s->across * side;
  int w = s->full_width, h = s->full_height;
  tile_grid g = {.side = side, .across = s->across, .rows = rows, .cols = cols};
  g.to_rows = rows;
  g.to_cols = cols;
  if (s->together || s->whole_last) return g; /* margins, if any, are rows like others */
  if ((double)w / h > (double)cols / rows) {
    g.top = (rows - covered(h, (double)cols / w)) / 2;
    g.rows -= 2 * g.top;
  } else {
    g.left = (cols - covered(w, (double)rows / h)) / 2;
    g.cols -= 2 * g.left;
  }
  g.to_rows = g.rows;
  g.to_cols = g.cols;
  double most = (double)c->most_tiles * side * side;
  double by = most > 0 ? sqrt((double)g.rows * g.cols / most) : 0;
  if (by > 1.1) {
    g.to_rows = (int)floor(g.rows / by);
    g.to_cols = (int)floor(g.cols / by);
  }
  return g;
}

/* Of tiles that the picture fills, one after the other, and the whole after them. */
static image_layout layout_of_grid(const image_shape *s, image_layout whole) {
  image_layout out = whole;
  int side = whole.views[0].cols;
  out.view_count = 2;
  out.tiles[0] = s->down;
  out.tiles[1] = s->across;
  out.views[0].name = "base";
  out.views[0].first = s->down * s->across * whole.count;
  out.views[1] = (loci_image_view){.name = "tiles",
                                   .rows = s->down * side,
                                   .cols = s->across * side,
                                   .tile = side,
                                   .bare = true};
  out.count += out.views[0].first;
  return out;
}

image_layout layout_of(const model_config *c, const image_shape *s) {
  const vision_config *v = &c->vision;
  int cell = v->patch * v->merge, first = v->class_token - v->drop_class;
  if (cell < 1) return (image_layout){0};
  loci_image_view whole = {
      .name = "picture", .first = first, .rows = s->height / cell, .cols = s->width / cell};
  if (s->together) {
    whole.first = 0;
    whole.rows = s->down * v->grid;
    whole.cols = s->across * v->grid;
    whole.tile = v->grid;
    return (image_layout){
        .count = s->views * (v->grid * v->grid + 1), .view_count = 1, .views = {whole}};
  }
  image_layout out = {.count = first + whole.rows * whole.cols, .view_count = 1, .views = {whole}};
  if (s->down == 0) return out;
  if (s->whole_last) return layout_of_grid(s, out);
  tile_grid g = grid_of(c, s);
  out.view_count = 2;
  out.views[0].name = "base";
  out.views[1] = (loci_image_view){
      .name = "tiles", .first = out.count, .rows = g.to_rows, .cols = g.to_cols, .breaks = true};
  out.count += view_rows(&out.views[1]);
  return out;
}

/* Of cells that stand tile by tile. */
static image_cell tile_cell(const loci_image_view *v, int view, int at) {
  int side = v->tile, each = side * side + !v->bare, tile = at / each, i = at % each - !v->bare;
  int across = v->cols / side;
  if (i < 0) return (image_cell){-1, 0, 0};
  return (image_cell){view, tile / across * side + i / side, tile % across * side + i % side};
}

int layout_row_at(const loci_prompt_info *p, int position) {
  int low = 0, high = p->image_count - 1;
  if (p->image_first < 0 || position < p->image_first) return -1;
  if (!p->image_positions) {
    return position - p->image_first < p->image_count ? position - p->image_first : -1;
  }
  while (low < high) {
    int middle = (low + high) / 2;
    if (p->image_positions[middle] < position)
      low = middle + 1;
    else
      high = middle;
  }
  return p->image_count > 0 && p->image_positions[low] == position ? low : -1;
}

int layout_row(const loci_image_view *v, int row, int col) {
  int side = v->tile;
  if (!side) return v->first + row * (v->cols + v->breaks) + col;
  int tile = row / side * (v->cols / side) + col / side;
  return v->first + tile * (side * side + !v->bare) + !v->bare + row % side * side + col % side;
}

image_cell layout_cell(const loci_image_view *views, int view_count, int i) {
  for (int k = 0; k < view_count; k++) {
    int at = i - views[k].first, line = views[k].cols + views[k].breaks;
    if (at < 0 || at >= view_rows(&views[k])) continue;
    return views[k].tile ? tile_cell(&views[k], k, at) : (image_cell){k, at / line, at % line};
  }
  return (image_cell){-1, 0, 0};
}

/* ---------------------------------------------------------------- rows */

typedef struct tile_rows {
  tile_grid g;
  const float *rows; /* (tiles, side, side, D) */
  int64_t D;
} tile_rows;

/* The row of a patch of the kept grid. */
static const float *patch_row(const tile_rows *t, int row, int col) {
  const tile_grid *g = &t->g;
  int y = row + g->top, x = col + g->left;
  int64_t tile = (int64_t)(y / g->side) * g->across + x / g->side;
  return t->rows + ((tile * g->side + y % g->side) * g->side + x % g->side) * t->D;
}

/* Where a shrunk grid's line i looks between two of [n] lines. */
typedef struct between {
  int lo, hi;
  float part; /* of hi */
} between;

static between look_between(int i, int n, int to) {
  float at = ((float)i + 0.5F) * ((float)n / (float)to) - 0.5F;
  if (at < 0) at = 0;
  int lo = (int)at < n - 1 ? (int)at : n - 1;
  return (between){lo, lo + 1 < n ? lo + 1 : lo, at - (float)lo};
}

/* out (D) := the cell of the shrunk grid, between four patches (bilinear, without smoothing). */
static void shrink_to(const tile_rows *t, int row, int col, float *out) {
  between y = look_between(row, t->g.rows, t->g.to_rows);
  between x = look_between(col, t->g.cols, t->g.to_cols);
  const float *a = patch_row(t, y.lo, x.lo), *b = patch_row(t, y.lo, x.hi);
  const float *c = patch_row(t, y.hi, x.lo), *d = patch_row(t, y.hi, x.hi);
  for (int64_t i = 0; i < t->D; i++) {
    float upper = (1 - x.part) * a[i] + x.part * b[i], lower = (1 - x.part) * c[i] + x.part * d[i];
    out[i] = (1 - y.part) * upper + y.part * lower;
  }
}

void layout_arrange(const model_config *c, const image_shape *s, const float *rows,
                    const float *newline, int64_t D, float *out) {
  int64_t base = (int64_t)c->vision.grid * c->vision.grid;
  size_t bytes = (size_t)D * sizeof *out;
  tile_rows t = {grid_of(c, s), rows + base * D, D};
  bool same = t.g.to_rows == t.g.rows && t.g.to_cols == t.g.cols;
  memcpy(out, rows, (size_t)base * bytes);
  out += base * D;
  for (int y = 0; y < t.g.to_rows; y++) {
    for (int x = 0; x < t.g.to_cols; x++, out += D) {
      if (same) memcpy(out, patch_row(&t, y, x), bytes);
      if (!same) shrink_to(&t, y, x, out);
    }
    memcpy(out, newline, bytes);
    out += D;
  }
}

/* ---------------------------------------------------------------- pixels */

loci_status layout_picture(const model_config *c, const seen_picture *p, arena *mem,
                           seen_picture *out, loci_err *err) {
  const image_shape *s = &p->shape;
  int P = c->vision.patch;
  *out = *p;
  if (s->down == 0) return LOCI_OK;
  tile_grid g = grid_of(c, s);
  int64_t height = (int64_t)g.rows * P, width = (int64_t)g.cols * P, S = s->height;
  out->shape = (image_shape){.views = 1, .height = (int)S, .width = (int)S};
  if (height == 0 || width == 0) return LOCI_OK; /* all margin: the whole is there alone */
  float *pixels = arena_array(mem, 3 * height * width, float);
  if (!pixels) return fail_nomem(err, "putting tiles together");
  for (int64_t i = 0; i < 3 * height * g.cols; i++) {
    int64_t channel = i / g.cols / height, y = i / g.cols % height + (int64_t)g.top * P;
    int x = (int)(i % g.cols) + g.left, across = g.side * P;
    int64_t tile = !s->together && !s->whole_last;
    tile += y / across * g.across + x / g.side;
    const float *from = p->pixels + ((tile * 3 + channel) * S + y % across) * S;
    memcpy(pixels + i * P, from + (int64_t)(x % g.side) * P, (size_t)P * sizeof *pixels);
  }
  out->pixels = pixels;
  out->shape.height = (int)height;
  out->shape.width = (int)width;
  return LOCI_OK;
}
