/* A tower that sees all tiles of a picture together (Llama-3.2-Vision; see tower_run.h):
 *
 *   x = patches W^T + tanh(g1) before[canvas][tile]            a class row before each tile's
 *   x = LN(x + (1 - tanh(g2)) position[row] + tanh(g2) tiles[canvas][tile][row])
 *   layers;  x = LN(x) + tanh(g3) after[canvas][tile];  layers, each branch through a gate
 *
 * Every tile is filled up with rows of zeros to a multiple of eight, after the first norm, and
 * places without a tile are computed like the others.  Rows that hold no picture do not see each
 * other, but the picture's see them.  So the picture's stand first, and what sees what is two runs
 * of rows.  (A square and the class row are never a multiple of eight: there is always some
 * filling.) */
#include <math.h>
#include <string.h>

#include "model/tower_run.h"

enum { FILLED_TO = 8 };

/* Rows of a tile that have features, and with those that fill it up. */
static int64_t tile_rows(const vision_config *v) { return (int64_t)v->grid * v->grid + 1; }
static int64_t filled_rows(const vision_config *v) { return round_up(tile_rows(v), FILLED_TO); }

int64_t tiles_count(const vision_config *v) { return v->places * filled_rows(v); }

void read_patch(const vision_config *v, const seen_picture *p, const patch_place *at, float *out) {
  int P = v->patch, frames = v->frames ? v->frames : 1;
  int64_t width = p->shape.width, corner = at->row * P * width + (int64_t)at->col * P;
  for (int i = 0; i < 3 * frames; i++) {
    const float *from = p->pixels + i / frames * p->shape.height * width + corner;
    for (int y = 0; y < P; y++, out += P) {
      memcpy(out, from + y * width, (size_t)P * sizeof *out);
    }
  }
}

static int canvas_of(const vision_config *v, const image_shape *s) {
  for (int i = 0; i < v->canvases.count; i++) {
    if (v->canvases.at[i][0] == s->down && v->canvases.at[i][1] == s->across) return i + 1;
  }
  return 0;
}

/* Rows [first, end) of some tiles, in the order of the picture. */
static int64_t place_tiles(const tower *t, const int tiles[2], const int64_t rows[2],
                           patch_place *out) {
  int side = t->v->grid;
  int64_t n = 0, each = tile_rows(t->v);
  for (int tile = tiles[0]; tile < tiles[1]; tile++) {
    for (int64_t i = rows[0]; i < rows[1]; i++) {
      patch_place p = {.row = -1, .col = -1, .to = i < each ? tile * each + i : -1, .tile = tile};
      if (i > 0 && i < each) {
        p.row = (int)(i - 1) / side;
        p.col = (int)(i - 1) % side;
      }
      out[n++] = p;
    }
  }
  return n;
}

bool tiles_place(tower *t, arena *mem) {
  const vision_config *v = t->v;
  int64_t each = tile_rows(v), filled = filled_rows(v);
  int used = t->picture.shape.down * t->picture.shape.across;
  const int with[2] = {0, used}, without[2] = {used, v->places};
  patch_place *at = t->places = arena_array(mem, t->n, patch_place);
  t->canvas = canvas_of(v, &t->picture.shape);
  if (!at) return false;
  at += place_tiles(t, with, (const int64_t[]){0, each}, at);
  t->seen = at - t->places;
  at += place_tiles(t, with, (const int64_t[]){each, filled}, at);
  place_tiles(t, without, (const int64_t[]){0, filled}, at);
  return true;
}

static float gate_of(const weight *gate) {
  float g;
  weight_row(gate, 0, &g);
  return (float)tanh((double)g);
}

/* D numbers of row [row] of a table, from the [at]-th stretch of D on. */
static void table_part(const tower *t, const weight *table, int64_t row, int64_t at, float *out) {
  int64_t D = t->v->width;
  dtype_to_f32(table->type, table->data + dtype_size(table->type, row * table->cols + at * D), out,
               D);
}

/* y := patches W^T, tile by tile. */
static loci_status project_patches(tower *t, loci_err *err) {
  const vision_config *v = t->v;
  int64_t length = vision_patch_values(v), side = v->grid, n = 0;
  seen_picture tile = t->picture;
  for (int i = 0; i < v->places; i++) {
    for (int64_t k = 0; k < side * side; k++) {
      const patch_place at = {.row = (int)(k / side), .col = (int)(k % side)};
      read_patch(v, &tile, &at, t->patch);
      operand_set(t->a, t->operand, n++, t->patch, length);
    }
    tile.pixels += 3 * (int64_t)v->image_size * v->image_size;
  }
  return linear_forward(t->a, &t->c->patch, t->y, t->operand, n, err);
}

static void add_part(float *x, const float *part, float by, int64_t D) {
  for (int64_t d = 0; d < D; d++) x[d] += by * part[d];
}

/* Row i of x, which has features, before the norm; [part] (D). */
static void embed_row(tower *t, int64_t i, const float gates[2], float *part) {
  const tile_weights *w = &t->c->tiles;
  const patch_place *p = &t->places[i];
  int64_t D = t->v->width, each = tile_rows(t->v), row = p->to - p->tile * each;
  float *x = t->x + i * D;
  if (row == 0) {
    weight_row(&t->c->class_embedding, 0, x);
  } else {
    memcpy(x, t->y + (p->tile * (each - 1) + row - 1) * D, (size_t)D * sizeof *x);
    table_part(t, &w->before, t->canvas, p->tile, part);
    add_part(x, part, gates[0], D);
  }
  weight_row(&t->c->position, row, part);
  add_part(x, part, 1 - gates[1], D);
  table_part(t, &w->position, t->canvas, p->to, part);
  add_part(x, part, gates[1], D);
}

loci_status tiles_embed(tower *t, loci_err *err) {
  int64_t D = t->v->width;
  const float gates[2] = {gate_of(&t->c->tiles.before_gate), gate_of(&t->c->tiles.position_gate)};
  TRY(project_patches(t, err));
  for (int64_t i = 0; i < t->n; i++) {
    if (t->places[i].to >= 0) embed_row(t, i, gates, t->z);
  }
  row_list x = rows_f32(t->x, D, NULL); /* in place */
  TRY(norm_forward(t->a, vision_norm(t), &t->c->pre_norm, x, x, t->n, err));
  for (int64_t i = 0; i < t->n; i++) {
    if (t->places[i].to < 0) memset(t->x + i * D, 0, (size_t)D * sizeof *t->x);
  }
  return LOCI_OK;
}

loci_status tiles_begin_gated(tower *t, loci_err *err) {
  const tile_weights *w = &t->c->tiles;
  int64_t D = t->v->width;
  float gate = gate_of(&w->after_gate);
  row_list x = rows_f32(t->x, D, NULL); /* in place */
  TRY(norm_forward(t->a, vision_norm(t), &w->after_norm, x, x, t->n, err));
  for (int64_t i = 0; i < t->n; i++) {
    table_part(t, &w->after, t->canvas, t->places[i].tile, t->z);
    add_part(t->x + i * D, t->z, gate, D);
  }
  return LOCI_OK;
}
