/* What config.json says, after all defaults and spellings, within bounds: one struct for every
 * family, so that the code that runs the model never asks which family it is. */
#ifndef LOCI_CHECKPOINT_CONFIG_H
#define LOCI_CHECKPOINT_CONFIG_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/json.h"
#include "base/status.h"
#include "checkpoint/tiles.h"
#include "tensor/kernels.h"

typedef enum norm_kind { NORM_RMS, NORM_LAYER } norm_kind;
typedef enum rope_kind { ROPE_DEFAULT, ROPE_LINEAR, ROPE_DYNAMIC, ROPE_LLAMA3 } rope_kind;
typedef enum layout_kind {
  LAYOUT_HF_LEGACY,
  LAYOUT_HF_NEW,
  LAYOUT_HF_BASE,
  LAYOUT_LLAVA_ORIGINAL,
  LAYOUT_BUNNY,
  LAYOUT_QWEN_VL,
  LAYOUT_MLLAMA,
  LAYOUT_TEXT,
  LAYOUT_GGUF
} layout_kind;

typedef struct rope_config {
  rope_kind kind;
  double theta, factor;       /* factor: linear, dynamic, llama3 */
  double low_freq, high_freq; /* llama3: low_freq_factor, high_freq_factor */
  int original_max_positions; /* llama3 */
  const float *factors;       /* (rotary_dim / 2) each frequency is divided by; NULL: none */
  int sections[3]; /* channel pairs that turn by a place's time, row, column; all 0: by its index */
} rope_config;

typedef struct decoder_config {
  const char *model_type; /* "llama", "mistral", "qwen2", "phi" */
  int vocab;              /* rows of the output head as stored */
  int width, inner, layers, heads, kv_heads, head_dim;
  int rotary_dim; /* channels of each head that rotate; head_dim unless partial */
  int max_positions, sliding_window; /* window 0: none; a longer prompt is refused */
  double eps;
  norm_kind norm;
  act_kind act;
  bool gated;    /* act(gate) * up, or act(fc1) */
  bool parallel; /* attention and MLP read the same norm (Phi), or one after the other */
  bool qkv_bias, o_bias, mlp_bias;
  const bool *cross; /* (layers) reads rows outside of the sequence, through gates; NULL: none */
  bool tied;         /* the head may be missing from the file: it is the embedding */
  rope_config rope;
} decoder_config;

typedef struct vision_config {
  const char *model_type; /* "clip_vision_model", "siglip_vision_model", "qwen2_vl", "qwen2_5_vl" */
  int width, inner, layers, heads, patch;
  int image_size, grid; /* pixels and whole patches each way; 0: every picture has its own */
  double eps;
  norm_kind norm;
  act_kind act;
  bool gated;  /* act(gate) * up, or act(fc1) */
  bool fused;  /* q, k, v are one tensor in the file, with the names of a Qwen tower */
  bool rotary; /* rows turn by their place in the picture; else there is a table of positions */
  int frames;  /* a still picture stands that often in a patch; 0: once, without such an axis */
  int merge;   /* merge x merge patches become one row of the sequence */
  int window;  /* rows of the sequence on the side of a window; 0: there are none */
  int places;  /* tiles that it sees together, empty ones too; 0: views one by one */
  tile_sizes canvases; /* of tiles, down and across, that a picture may be put on */
  int gated_layers;    /* the last of [layers]: after a norm of their own, branches through gates */
  const bool *full;    /* (layers) sees the whole picture; NULL: all do */
  bool class_token;    /* CLIP: a class embedding stands before the patches */
  bool patch_bias, pre_norm; /* SigLIP; CLIP: pre_layrnorm right after the embeddings */
  int n_features; /* hidden states side by side, usually 1; with places, by channel from the 2nd on
                   */
  int feature_depth[8]; /* each as the number of encoder layers run before it is taken */
  bool drop_class; /* row 0 of each feature is dropped: CLIP's class token, SigLIP's first patch */
} vision_config;

typedef struct projector_config {
  int n_linear;    /* 0 identity, 1 linear, 2 the usual mlp2x_gelu, .. */
  act_kind act;    /* between two linears */
  bool bias, norm; /* norm: of the tower's kind, on every patch before patches are joined */
  int inner;       /* width between two linears */
} projector_config;

typedef struct model_config {
  const char *family; /* "llava", "llava-next", "bunny-phi", "qwen2-vl", "text", .. */
  layout_kind layout;
  decoder_config text;
  bool has_vision;
  vision_config vision;
  projector_config projector;
  int image_rows;   /* P: rows one image takes in the sequence; 0: that depends on its size */
  tile_sizes tiles; /* also seen in the tiles of one of them; none: as a whole alone */
  int most_tiles;   /* larger grids shrink to about the rows of so many tiles; 0: none do */
  int image_token; /* placeholder id, or -1 where prompts are split at <image> (original layouts) */
  int image_marks[2];  /* ids round the placeholder, by which the model counts pictures; 0: none */
  bool split_at_image; /* original layouts: chunks round <image> are tokenized on their own */
  const char *vision_dir;       /* mm_vision_tower, where it is a directory beside the checkpoint */
  const char *image_aspect;     /* "pad", or NULL */
  const char *default_template; /* used where the checkpoint brings no chat template */
  int bos, n_eos, eos[16];      /* bos -1: none */
  double repetition_penalty;    /* of answers; 1: none */
  int max_length; /* positions the model was made for: its own, or those its tokenizer allows */
  const char *generation_problem; /* a sentence: why greedy answers would be wrong; NULL: none */
  int n_notes;                    /* sentences about harmless oddities, for checkpoint_note */
  const char *notes[8];
} model_config;

/* Reads DIR/config.json and DIR/generation_config.json.  Strings live in [a]. */
loci_status config_read(const char *dir, arena *a, model_config *out, loci_err *err);
/* The same from parsed JSON (generation may be NULL); [what] names it in errors. */
loci_status config_parse(const js_value *config, const js_value *generation, const char *dir,
                         const char *what, arena *a, model_config *out, loci_err *err);

int vision_patch_values(const vision_config *v); /* channels x frames x rows x columns */
const char *layout_name(layout_kind layout);
const char *act_name(act_kind act);

#endif
