/* Which tensors a checkpoint has: one row a tensor, one table a kind of part (weight_tables.c),
 * read by weights.c.  Private to src/checkpoint. */
#ifndef LOCI_CHECKPOINT_WEIGHT_TABLES_H
#define LOCI_CHECKPOINT_WEIGHT_TABLES_H

#include <stddef.h>

/* Sizes that shapes are made of; placing.dims holds their values. */
typedef enum dim {
  ONE, /* rows of a vector */
  WIDTH,
  INNER,
  Q,     /* heads * head_dim */
  KV,    /* kv_heads * head_dim */
  VOCAB, /* rows of the head */
  ANY,   /* 1 to 2^22: the tensor is trusted, not the config */
  PIXELS,
  POSITIONS,
  FROM,         /* input of a projector linear */
  TO,           /* its output */
  HEAD,         /* channels of a head */
  CANVASES,     /* rows of a table by canvas */
  TILE_NUMBERS, /* a row of it: of every tile */
  TILE_ROWS,    /* of every row of every tile */
  N_DIMS
} dim;

/* When a tensor must be there; placing.has says which of them hold. */
enum need {
  ALWAYS = 1,
  MAYBE = 2,
  QKV_BIAS = 4,
  O_BIAS = 8,
  MLP_BIAS = 16,
  CLASS = 32,
  PRE_NORM = 64,
  PATCH_BIAS = 128,
  PROJECTOR_BIAS = 256,
  TABLE = 512, /* of positions */
  NORM_BIAS = 1024,
  GATED = 2048,
  PLAIN = 4096, /* not gated */
  PROJECTOR_NORM = 8192,
  NEWLINE = 16384,
  GATES = 32768, /* of a tower's layer */
  POST_NORM = 65536,
  TOWER_BIAS = 131072, /* of its queries, keys and values */
  QK_NORM = 262144
};

typedef struct tensor_row {
  const char *name;
  size_t at;
  dim rows, cols;
  unsigned need;
} tensor_row;

/* Beside a need: the row is the first, second or third of three matrices in one tensor. */
#define THIRD(i) ((i) << 24)
#define third_of(need) ((need) >> 24)

/* Each ends with a row without a name. */
extern const tensor_row top_rows[], head_rows[], gated_norm_rows[], parallel_norm_rows[],
    gated_rows[], cross_rows[], parallel_rows[], tower_rows[], vision_rows[], tiled_tower_rows[],
    tiled_vision_rows[], fused_vision_rows[], scaled_vision_rows[], projector_norm_rows[],
    newline_rows[], projector_rows[];

#endif
