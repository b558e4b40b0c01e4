/* What config.json says of the tower, of what stands between it and the decoder, and of how a
 * prompt writes a picture: a part of config.h. */
#ifndef LOCI_CHECKPOINT_CONFIG_VISION_H
#define LOCI_CHECKPOINT_CONFIG_VISION_H

#include <stdbool.h>

#include "checkpoint/tiles.h"
#include "tensor/kernels.h"

typedef enum norm_kind { NORM_RMS, NORM_LAYER, NORM_RMS_PLUS_ONE } norm_kind; /* w, w, 1 + w */

typedef struct vision_config {
  const char *model_type; /* "clip_vision_model", "siglip_vision_model", "qwen2_vl", .. */
  int width, inner, layers, heads, patch;
  int image_size, grid; /* pixels and whole patches each way; 0: every picture has its own */
  double eps;
  norm_kind norm;
  act_kind act;
  bool gated;    /* act(gate) * up, or act(fc1) */
  bool fused;    /* q, k, v are one tensor in the file, with the names of a Qwen tower */
  bool fc_names; /* of such a tower: its MLP is linear_fc1, linear_fc2 */
  bool rotary;   /* rows turn by their place in the picture; else there is a table of positions */
  int stretched; /* beside that: a table of so many positions each way, for pictures of any size;
                    0: none */
  int frames;    /* a still picture stands that often in a patch; 0: once, without such an axis */
  int merge;     /* merge x merge patches become one row of the sequence */
  bool shuffle;  /* features stand line by line and are put side by side afterwards; else merged
                    patches stand together from the pixels on */
  int window;    /* rows of the sequence on the side of a window; 0: there are none */
  int places;    /* tiles that it sees together, empty ones too; 0: views one by one */
  tile_sizes canvases; /* of tiles, down and across, that a picture may be put on */
  int gated_layers;    /* the last of [layers]: after a norm of their own, branches through gates */
  const bool *full;    /* (layers) sees the whole picture; NULL: all do */
  bool class_token;    /* CLIP: a class embedding stands before the patches */
  bool patch_bias, pre_norm; /* SigLIP; CLIP: pre_layrnorm right after the embeddings */
  bool post_norm;            /* what the last layer gives is normalised before it is a feature */
  bool scaled; /* each branch times a number for every channel; with the names of InternVL */
  bool qkv_bias, qk_norm; /* of such a tower: biases; q and k are normalised, all heads together */
  int n_features; /* hidden states side by side, usually 1; with places, by channel from the 2nd on
                   */
  int feature_depth[8];          /* each as the number of encoder layers run before it is taken */
  int deep_count, deep_depth[8]; /* hidden states that go to the decoder's first layers, likewise */
  bool drop_class; /* row 0 of each feature is dropped: CLIP's class token, SigLIP's first patch */
} vision_config;

typedef struct projector_config {
  int n_linear; /* 0 identity, 1 linear, 2 the usual mlp2x_gelu, .. */
  act_kind act; /* between two linears */
  bool bias;
  bool norm, norm_joined; /* of every patch before patches are joined; of what they are joined to */
  norm_kind norm_kind;
  double norm_eps;
  int inner;   /* width between two linears */
  bool pooled; /* patches that become one row are their mean, not side by side */
  bool turned; /* the file has the matrix as x W multiplies it, under a name of its own */
} projector_config;

/* What a prompt has in place of its mark of a picture: the placeholder for every row, in runs with
 * texts between them, tile by tile, then the whole. */
typedef struct picture_text {
  const char *mark; /* of a picture, before it is spelled out; NULL: the placeholder */
  const char *begin;
  const char *tile[3]; /* before a tile: its line and its column, from 1, stand between these; NULL:
                          nothing */
  const char *line;    /* after a line of tiles */
  const char *whole[2]; /* before the whole: where it is all there is; after tiles */
  const char *end;
} picture_text;

int vision_patch_values(const vision_config *v); /* channels x frames x rows x columns */

#endif
