/* One naming for every layout on disk, so that the tables of weights.c need one spelling:
 *
 *   language_model.{embed_tokens, layers.N.*, norm}.*    lm_head.*
 *   multi_modal_projector.linear_K.*                     (K from 1)
 *   vision_tower.{embeddings, pre_layrnorm, encoder.layers.N}.*
 *
 * Private to src/checkpoint. */
#ifndef LOCI_CHECKPOINT_NAMES_H
#define LOCI_CHECKPOINT_NAMES_H

#include <stdbool.h>

#include "checkpoint/config.h"

/* The canonical form of [name], or NULL if out of memory.  [is_tower]: the file is the vision
 * tower's own. */
const char *name_canonical(arena *a, layout_kind layout, bool is_tower, const char *name);
/* Buffers that were once saved and are computed now, and parts of a tower no feature needs. */
bool name_is_needless(const char *canonical);
/* Why a tensor of this name means that the checkpoint cannot be read, or NULL. */
const char *name_refusal(const char *name);
/* Which of the three Hugging Face layouts a name belongs to; false: it does not tell. */
bool name_tells_layout(const char *name, layout_kind *out);

#endif
