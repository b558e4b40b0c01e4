/* A vision tower while it runs: what vision.c and tower_tiles.c share.  Private to src/model. */
#ifndef LOCI_MODEL_TOWER_RUN_H
#define LOCI_MODEL_TOWER_RUN_H

#include "model/rope.h"
#include "model/vision.h"
#include "tensor/attention.h"

enum { QUERY_BLOCK = 8 };

/* Where a patch is, in patches, and its place in the features; -1: it has none. */
typedef struct patch_place {
  int row, col;
  int64_t to;
  int tile; /* of tiles that are seen together */
} patch_place;

typedef struct tower {
  compute *a;
  const checkpoint *c;
  const vision_config *v;
  seen_picture picture; /* the view that is looked at */
  int64_t n;            /* rows: patches and the class token; of tiles, those that fill up, too */
  int64_t seen;         /* of tiles: the first rows, which hold a picture; all see these, and only
                         * these see the others */
  int canvas;           /* of tiles: the picture's row of tables */
  patch_place *places;  /* of the patches, in the order of rows; of tiles: of all rows */
  int64_t *windows;     /* (window_count + 1) first row of each; NULL: there are none */
  int64_t window_count;
  rope_table turns;         /* by row and column */
  int64_t *angles;          /* (n) a row's place in it */
  float *x, *y;             /* (n, D) residual stream, a sub-layer's result */
  float *q, *k, *value, *z; /* (n, D) */
  float *inner, *gate;      /* (n, F) */
  float *patch;             /* one patch */
  float *position;          /* (4, D) of a stretched table */
  void *operand;            /* (n, max(D, F, 3 patch^2)) */
  float *keys, *values;     /* packed, per head */
  float *scores;            /* per thread (QUERY_BLOCK, ld) */
  int64_t ld;
} tower;

/* Where features go. */
typedef struct seen_features {
  float *at;    /* (feature rows, feature width) */
  float *deep;  /* (deep, feature rows, tower's width) those for the first layers, or NULL */
  int64_t part; /* numbers of one of these */
} seen_features;

/* projector.c: the rows of the sequence from those of the views. */
loci_status project_features(compute *a, const checkpoint *c, const image_shape *s,
                             const seen_features *f, float *projected, arena *mem, loci_err *err);

/* Values of one patch of any picture: (channel, frame, y, x), every frame the same. */
void read_patch(const vision_config *v, const seen_picture *p, const patch_place *at, float *out);

/* tower_tiles.c, of a tower that sees all tiles of a picture together: how many rows there are,...
 */
int64_t tiles_count(const vision_config *v);
/* ...their order; false: memory is out,... */
bool tiles_place(tower *t, arena *mem);
/* ...x := their rows, normalised,... */
loci_status tiles_embed(tower *t, loci_err *err);
/* ...and what happens before the gated layers. */
loci_status tiles_begin_gated(tower *t, loci_err *err);
static inline norm_spec vision_norm(const tower *t) {
  return (norm_spec){.kind = t->v->norm, .eps = t->v->eps, .width = t->v->width};
}

#endif
