/* Input rows of the decoder, and where they stand. */
#ifndef LOCI_MODEL_INPUT_H
#define LOCI_MODEL_INPUT_H

#include "model/rope.h"
#include "model/sources.h"

typedef struct input {
  const float *rows; /* (count, D) */
  int count;
  const rope_place *places;   /* (count); NULL: each row at its index in the sequence */
  const source_rows *sources; /* what cross-attention reads; NULL: there is none */
} input;

static inline input input_rows(const float *rows, int count) {
  return (input){rows, count, NULL, NULL};
}

/* What is left after the first [n]; D numbers in a row. */
static inline input input_from(input all, int n, int64_t D) {
  return (input){all.rows + n * D, all.count - n, all.places ? all.places + n : NULL, all.sources};
}

/* The place of row i, which is the sequence's i-th. */
static inline rope_place input_place(const input *in, int i) {
  return in->places ? in->places[i] : (rope_place){{i, i, i}};
}

#endif
