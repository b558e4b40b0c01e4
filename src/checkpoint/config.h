/* What config.json says, after all defaults and spellings, within bounds: one struct for every
 * family, so that the code that runs the model never asks which family it is. */
#ifndef LOCI_CHECKPOINT_CONFIG_H
#define LOCI_CHECKPOINT_CONFIG_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/json.h"
#include "base/status.h"
#include "checkpoint/config_vision.h"
#include "checkpoint/decoder_config.h"

typedef enum layout_kind {
  LAYOUT_HF_LEGACY,
  LAYOUT_HF_NEW,
  LAYOUT_HF_BASE,
  LAYOUT_LLAVA_ORIGINAL,
  LAYOUT_BUNNY,
  LAYOUT_QWEN_VL,
  LAYOUT_MLLAMA,
  LAYOUT_IDEFICS,
  LAYOUT_INTERNVL,
  LAYOUT_TEXT,
  LAYOUT_GGUF
} layout_kind;

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
  const picture_text *picture; /* NULL: the placeholder for every row, and nothing else */
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

const char *layout_name(layout_kind layout);
const char *act_name(act_kind act);

#endif
