/* What the two halves of reading processor files share: processor.c understands one, and
 * processor_read.c finds the one that belongs to a checkpoint. */
#ifndef LOCI_IMAGE_PROCESSOR_H
#define LOCI_IMAGE_PROCESSOR_H

#include "image/image.h"

enum { MAX_JSON_BYTES = 1 << 24 };

typedef enum processor_kind {
  KIND_CLIP,
  KIND_SIGLIP,
  KIND_LLAVA,
  KIND_QWEN,
  KIND_NEXT,
  KIND_ONEVISION,
  KIND_MLLAMA,
  KIND_IDEFICS,
  KIND_GOT,
  KIND_GEMMA
} processor_kind;

/* A class's own values, for pictures of [size]. */
void processor_defaults(processor_kind kind, int size, image_processor *p);
/* The level that means are as a colour; a mean that is none is refused. */
loci_status processor_pad_colour(const char *what, image_processor *p, loci_err *err);

#endif
