/* What a text decoder is, after all defaults and spellings of config.json (config_text.c): its
 * sizes, and which parts its layers have.  The code that runs it reads this and never asks which
 * family it is. */
#ifndef LOCI_CHECKPOINT_DECODER_CONFIG_H
#define LOCI_CHECKPOINT_DECODER_CONFIG_H

#include <stdbool.h>

#include "checkpoint/config_vision.h"

typedef enum rope_kind {
  ROPE_DEFAULT,
  ROPE_LINEAR,
  ROPE_DYNAMIC,
  ROPE_LLAMA3,
  ROPE_YARN
} rope_kind;
/* What the tensors of a decoder's layer are called (weight_tables.c). */
typedef enum layer_names {
  NAMES_LLAMA,
  NAMES_PHI,
  NAMES_PHI3,
  NAMES_GEMMA,
  NAMES_GPT2,
  NAMES_COUNT
} layer_names;
typedef struct rope_config {
  rope_kind kind;
  double theta, factor;       /* factor: linear, dynamic, llama3, yarn */
  double low_freq, high_freq; /* llama3: low_freq_factor, high_freq_factor; yarn: turns over the
                                 original positions, beta_slow and beta_fast */
  int original_max_positions; /* llama3, yarn */
  double attention;           /* yarn: cosines and sines are multiplied by it */
  bool exact;                 /* yarn: the ramp's ends are not whole channel pairs */
  const float *factors;       /* (rotary_dim / 2) each frequency is divided by; NULL: none */
  int first;                  /* the place of the first row, where rows stand at their indices */
  int sections[3]; /* channel pairs that turn by a place's time, row, column; all 0: by its index */
  bool interleaved; /* these take turns; else they stand one after the other */
} rope_config;

/* Rows that see one another, whichever comes first; all others see what is before them. */
typedef enum mutual_rule { MUTUAL_NONE, MUTUAL_PICTURE, MUTUAL_PROMPT } mutual_rule;

typedef struct decoder_config {
  const char *model_type; /* "llama", "mistral", "qwen2", "phi", "gemma2", .. */
  layer_names names;
  int vocab; /* rows of the output head as stored */
  int width, inner, layers, heads, kv_heads, head_dim;
  int rotary_dim; /* channels of each head that rotate; head_dim unless partial */
  int max_positions;
  int sliding_window; /* positions that a row of some layers sees, its own included; 0: all */
  const bool *slides; /* (layers) sees no more than these; NULL: none does */
  mutual_rule mutual; /* a picture's rows, whatever the window, or the prompt's, but no answer's */
  double eps;
  norm_kind norm;
  act_kind act;
  bool gated;    /* act(gate) * up, or act(fc1) */
  bool parallel; /* attention and MLP read the same norm (Phi), or one after the other */
  bool qkv_bias, o_bias, mlp_bias;
  bool qk_norm;           /* every head of q and k has a norm, before it turns */
  bool post_norms;        /* what attention and MLP give goes through a norm before it is added */
  bool position_table;    /* a row for every position is added to the input rows; nothing turns */
  double embed_scale;     /* of the rows of tokens; 0: they are as stored */
  double attention_scale; /* of scores; 0: 1 / sqrt(head_dim) */
  double attention_cap,
      logit_cap;     /* c: scores, or logits, x become c tanh(x / c); 0: they do not */
  const bool *cross; /* (layers) reads rows outside of the sequence, through gates; NULL: none */
  int deep;  /* an input row has so many parts more, added to it after the first layers, one each */
  bool tied; /* the head may be missing from the file: it is the embedding */
  rope_config rope;
  rope_config local; /* of the layers that slide; theta 0: as the others */
} decoder_config;

#endif
