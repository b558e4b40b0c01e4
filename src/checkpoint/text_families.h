/* What is known of a text decoder before its config.json is read (text_families.c): names of
 * fields, defaults, and rules of its own.  Private to src/checkpoint. */
#ifndef LOCI_CHECKPOINT_TEXT_FAMILIES_H
#define LOCI_CHECKPOINT_TEXT_FAMILIES_H

#include "checkpoint/config_parts.h"

/* What the sizes are called. */
typedef struct text_keys {
  const char *width, *inner, *layers, *heads, *act, *max_positions;
} text_keys;

/* Which layers see a window of positions only, where config.json does not list them. */
typedef enum window_rule {
  WINDOW_NONE,
  WINDOW_ALL,
  WINDOW_UPPER,  /* from max_window_layers on, if use_sliding_window says so */
  WINDOW_PATTERN /* all but every so many */
} window_rule;

typedef struct text_family {
  const text_keys *keys;
  const char *eps_key;
  double partial_rotary; /* 0: the family has no such thing */
  window_rule window;
  int window_pattern;
  bool own_bias, own_mlp_bias; /* config.json says whether attention, or the MLP, has biases */
  bool scaled_rows;            /* token rows times the width's root */
  double query_scalar;         /* > 0: scores are divided by its root */
  bool attention_caps;         /* attn_logit_softcapping counts */
  bool interleaved;            /* channel pairs of time, row and column take turns */
  bool longrope; /* whatever its rotary scaling is called, it is longrope: not supported */
  int bos, eos;
  decoder_config config; /* head_dim 0: width / heads; kv_heads 0: heads; inner 0: 4 width */
} text_family;
const text_family *text_family_of(const char *model_type); /* NULL: not known */

#endif
