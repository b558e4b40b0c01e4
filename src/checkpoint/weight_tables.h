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
  PLACES,       /* rows of a table of positions */
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
  QK_NORM = 262144,
  POST_NORMS = 524288,   /* of what a decoder's branches give */
  PLACE_TABLE = 2097152, /* of the decoder's positions */
  FC_NAMES = 4194304     /* as PLAIN, of a tower that calls them otherwise */
};

/* Beside a need: the tensor is stored as (in, out), as x W multiplies it; or it holds several
 * matrices, one after the other, of which this is number i. */
#define TURNED (1u << 20)
#define PART(of, i) ((unsigned)(of) << 24 | (unsigned)(i) << 28)
#define parts_of(need) ((need) >> 24 & 15)
#define part_of(need) ((need) >> 28)
enum { ALONE, THIRDS, Q_K_V, GATE_AND_UP, PARTS_COUNT };
typedef struct tensor_parts {
  int count;
  dim rows[3]; /* of each; columns where the tensor is TURNED */
} tensor_parts;
extern const tensor_parts tensor_parts_of[PARTS_COUNT];

typedef struct tensor_row {
  const char *name;
  size_t at;
  dim rows, cols;
  unsigned need;
} tensor_row;

/* Each ends with a row without a name. */
extern const tensor_row top_rows[], head_rows[], gated_norm_rows[], parallel_norm_rows[],
    place_rows_of_text[], gated_rows[], cross_rows[], parallel_rows[], phi3_rows[], gemma_rows[],
    gpt2_rows[], tower_rows[], vision_rows[], tiled_tower_rows[], tiled_vision_rows[],
    fused_vision_rows[], scaled_vision_rows[], projector_norm_rows[], newline_rows[],
    projector_rows[], turned_projector_rows[];

#endif
