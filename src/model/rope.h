/* Rotary angles (Su et al. 2021) with the scalings of model_type's configs. */
#ifndef LOCI_MODEL_ROPE_H
#define LOCI_MODEL_ROPE_H

#include "base/arena.h"
#include "checkpoint/config.h"

typedef struct rope_table {
  int half;      /* rotating channels / 2 */
  float *cosine; /* (rows, half) */
  float *sine;
} rope_table;

/* Room for so many rows; memory is the arena's; false if it is out. */
bool rope_init(const decoder_config *c, int64_t rows, arena *mem, rope_table *out);
/* Rows first .. first + length - 1 := the angles of a sequence of that length; dynamic scaling
 * depends on it. */
void rope_fill(const decoder_config *c, int64_t first, int length, rope_table *t);
/* Whether sequences of a and of b positions turn by the same angles. */
bool rope_is_same(const decoder_config *c, int a, int b);

#endif
