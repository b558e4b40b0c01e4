/* Input rows of the decoder, and where they stand.
 *
 * A row is what the first layer reads, and, where a decoder has it so (`deep`), as many parts more
 * as layers add to it when they are done, each of the same width (DeepStack, Meng et al. 2024);
 * those of text are 0. */
#ifndef LOCI_MODEL_INPUT_H
#define LOCI_MODEL_INPUT_H

#include "model/rope.h"
#include "model/sources.h"

/* The positions first .. end - 1 of a sequence, whose rows see one another, whichever comes first;
 * all others see what is before them.  end 0: there are none. */
typedef struct mutual_rows {
  int first, end;
} mutual_rows;

/* The first row that sees the one at a position, or is it. */
static inline int mutual_first(mutual_rows m, int position) {
  return position > m.first && position < m.end ? m.first : position;
}
/* The end of what the rows before [end] see. */
static inline int mutual_end(mutual_rows m, int end) {
  return end > m.first && end < m.end ? m.end : end;
}
/* How many of the first [n] rows of two sequences see the same, if they are the same rows. */
static inline int mutual_shared(mutual_rows a, mutual_rows b, int n) {
  bool same = a.first == b.first && a.end == b.end;
  if (a.end > 0 && n > a.first && (n < a.end || !same)) n = a.first;
  if (b.end > 0 && n > b.first && (n < b.end || !same)) n = b.first;
  return n;
}

typedef struct input {
  const float *rows; /* (count, input_width) */
  int count;
  const rope_place *places;   /* (count); NULL: each row at its index in the sequence */
  const source_rows *sources; /* what cross-attention reads; NULL: there is none */
  const float *state; /* (count, D) of the residual stream, where a run begins above layer 0 */
  mutual_rows mutual; /* by position in the sequence */
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
