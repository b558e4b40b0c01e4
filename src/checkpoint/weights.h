/* A checkpoint directory as the model code wants it: every tensor found under its canonical place,
 * whatever the layout on disk calls it, and its shape checked against the config.  Data stays in
 * the map, in the file's own dtype; nothing is copied or converted here. */
#ifndef LOCI_CHECKPOINT_WEIGHTS_H
#define LOCI_CHECKPOINT_WEIGHTS_H

#include "checkpoint/config.h"
#include "checkpoint/safetensors.h"
#include "tensor/dtype.h"

/* A matrix (rows, cols) as stored: y = x W^T.  A vector has rows 1.  data NULL: the checkpoint has
 * none. */
typedef struct weight {
  const char *name; /* as spelled in the file */
  const uint8_t *data;
  dtype type;
  int64_t rows, cols;
  int64_t row_step; /* 0, or, of a matrix that stands as (cols, rows), how far its rows are apart:
                       that of channel c begins at number c row_step */
  int turned; /* 0, or the width of a head: in the file the two channels that rotate together stand
                 side by side, and not half a head apart */
} weight;

typedef struct linear_weights {
  weight w; /* (out, in) */
  weight b; /* (1, out) or absent */
} linear_weights;

typedef struct norm_weights {
  weight w, b; /* (1, width); b absent for RMS norms */
} norm_weights;

/* What a layer that reads rows outside of the sequence has besides. */
typedef struct cross_weights {
  weight attn_gate, mlp_gate; /* (1, 1) tanh of it multiplies what the branch adds; or absent */
} cross_weights;

typedef struct decoder_layer {
  norm_weights norm1; /* before attention (and before the MLP where blocks are parallel) */
  linear_weights q, k, v, o;
  norm_weights norm2;               /* before the MLP; absent where blocks are parallel */
  linear_weights gate, up, down;    /* gated: gate, up, down.  plain: up = fc1, down = fc2 */
  norm_weights q_norm, k_norm;      /* (1, head_dim) of every head, or absent */
  norm_weights attn_norm, mlp_norm; /* of what a branch gives, or absent */
  cross_weights cross;
} decoder_layer;

typedef struct vision_layer {
  norm_weights norm1, norm2;
  linear_weights q, k, v, o;     /* q, k, v may be parts of one tensor */
  linear_weights gate, fc1, fc2; /* gated: gate, fc1 = up, fc2 = down */
  weight attn_gate, mlp_gate;    /* (1, 1) of a gated layer: tanh of it multiplies the branch */
  weight attn_scale, mlp_scale;  /* (1, width) multiplies the branch, or absent */
  norm_weights q_norm, k_norm;   /* of all heads together, or absent */
} vision_layer;

/* What a tower adds to rows that stand in tiles: tables by the picture's canvas (rows 1, 2, .. of
 * them), and gates (1, 1), of which tanh counts. */
typedef struct tile_weights {
  weight before, before_gate;     /* (canvases + 1, places D) to all rows of a tile, at first */
  weight after, after_gate;       /* the same before the gated layers */
  weight position, position_gate; /* (canvases + 1, places rows D) to every row */
  norm_weights after_norm;        /* before the gated layers */
} tile_weights;

typedef struct projector_weights {
  norm_weights norm; /* of patches before they are joined, or of what they become; or absent */
  linear_weights linear[8];
} projector_weights;

typedef struct checkpoint {
  model_config config;
  weight embed;  /* (V', width) */
  weight places; /* (positions, width) added to the input rows, or absent */
  decoder_layer *layers;
  norm_weights final_norm;
  linear_weights head;    /* (V, width); shares embed when tied */
  weight class_embedding; /* (1, vision width) or absent */
  linear_weights patch;   /* (vision width, 3 [* frames] * patch * patch), channel-major patches */
  weight position;        /* (grid^2 [+ 1], vision width) or (stretched^2, ..), or absent */
  norm_weights pre_norm, post_norm; /* before the tower's layers, and of what the last gives */
  tile_weights tiles;
  vision_layer *vision_layers;          /* as many as the deepest feature needs */
  projector_weights projector, deep[8]; /* deep: of the hidden states for the first layers */
  weight newline;                       /* (1, width) the row that ends a row of tiles, or absent */
  struct checkpoint_files *files;       /* maps and arena */
} checkpoint;

/* Opens DIR: config.json, model.safetensors or the sharded index, the vision directory where there
 * is one; or a GGUF file with the others of its split. Only headers are read.  Close with
 * checkpoint_close. */
loci_status checkpoint_open(const char *dir, checkpoint **out, loci_err *err);
/* The same with the GGUF file of a vision tower and projector beside a language model's; NULL:
 * none. */
loci_status checkpoint_open_with(const char *dir, const char *eyes, checkpoint **out,
                                 loci_err *err);
/* Whether the weights are a GGUF file's, which are not written back. */
bool checkpoint_is_gguf(const checkpoint *c);
void checkpoint_close(checkpoint *c);

/* XXH3 of any bytes. */
uint64_t bytes_hash(const void *data, size_t n);

/* xxh3 over all tensors' names, dtypes, shapes and bytes, in name order: "xxh3:" and 16 hex digits
 * into out[32]. Reads everything once; the first call computes, later ones remember. */
loci_status checkpoint_hash(const checkpoint *c, loci_progress_fn progress, void *ctx, char out[32],
                            loci_err *err);

/* Total bytes of the tensors, number of tensors, number of files; the dtype most bytes are stored
 * in. */
typedef struct checkpoint_sizes {
  int64_t bytes, tensors, parameters;
  int files;
  dtype main_dtype;
} checkpoint_sizes;
checkpoint_sizes checkpoint_measure(const checkpoint *c);
/* Sentences about harmless oddities (conflicting ids, unread tensors); NULL after the last. */
const char *checkpoint_note(const checkpoint *c, int i);

#endif
