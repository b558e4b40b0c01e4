/* Input rows of the decoder, and where they stand.
 *
 * A row is what the first layer reads, and, where a decoder has it so (`deep`), as many parts more
 * as layers add to it when they are done, each of the same width (DeepStack, Meng et al. 2024);
 * those of text are 0. */
#ifndef LOCI_MODEL_INPUT_H
#define LOCI_MODEL_INPUT_H

#include "model/rope.h"
#include "model/sources.h"

typedef struct input {
  const float *rows; /* (count, input_width) */
  int count;
  const rope_place *places;   /* (count); NULL: each row at its index in the sequence */
  const source_rows *sources; /* what cross-attention reads; NULL: there is none */
  const float *state; /* (count, D) of the residual stream, where a run begins above layer 0 */
} input;

/* Numbers of an input row: D, and D for every part more. */
static inline int64_t input_width(const decoder_config *c) {
  return (int64_t)c->width * (1 + c->deep);
}

static inline input input_rows(const float *rows, int count) {
  return (input){.rows = rows, .count = count};
}

/* What is left after the first [n]. */
static inline input input_from(input all, int n, const decoder_config *c) {
  all.rows += n * input_width(c);
  all.count -= n;
  if (all.places) all.places += n;
  return all;
}

/* The place of row i, which is the sequence's i-th. */
static inline rope_place input_place(const input *in, int i) {
  return in->places ? in->places[i] : (rope_place){{i, i, i}};
}

#endif
