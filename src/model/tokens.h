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
} token_rows;

/* [picture] stands in place of the image marker; NULL: there must be none. */
loci_status expand_tokens(const loci_model *m, const char *text, size_t n,
                          const image_layout *picture, arena *mem, token_rows *out, loci_err *err);

#endif
