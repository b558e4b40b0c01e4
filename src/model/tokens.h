/* Text to the rows of a sequence: tokenizing round <image>, answers, replacement words. */
#ifndef LOCI_MODEL_TOKENS_H
#define LOCI_MODEL_TOKENS_H

#include "model/model.h"

enum { SPLIT_IMAGE_ID = -200 }; /* what original LLaVA and Bunny write in place of <image> */

/* Expanded ids; memory is the arena's. */
typedef struct token_rows {
  int count;
  int *ids;
  int64_t *begin, *end; /* byte ranges in the unexpanded text */
  bool *image;
  int image_first; /* -1: none */
  int image_at;    /* the token that stands for rows outside of the sequence; -1: there is none */
} token_rows;

/* What stands for a picture in the prompt's text, the tokens round its placeholder included; NULL:
 * the model sees none. */
const char *image_mark(const loci_model *m);
loci_status image_mark_of(const model_config *c, const tokenizer *t, arena *mem, const char **out,
                          loci_err *err);
/* [picture] stands in place of the image mark; NULL: there must be none.  [add_special]: with the
 * tokens that the tokenizer puts round a text. */
loci_status expand_tokens(const loci_model *m, const char *text, const image_layout *picture,
                          bool add_special, arena *mem, token_rows *out, loci_err *err);

#endif
