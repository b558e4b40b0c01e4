/* Rotary angles (Su et al. 2021) with the scalings of model_type's configs. */
#ifndef LOCI_MODEL_ROPE_H
#define LOCI_MODEL_ROPE_H

#include "base/arena.h"
#include "checkpoint/config.h"

typedef struct rope_table {
  int half;      /* rotating channels / 2 */
  float *cosine; /* (length, half) */
  float *sine;
} rope_table;

/* Angles of positions 0 .. length-1 of a sequence of that length (dynamic scaling depends on it).
 * Memory is the arena's; false if it is out. */
bool rope_fill(const decoder_config *c, int length, arena *mem, rope_table *out);

#endif
