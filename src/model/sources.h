/* Rows outside of the sequence that some layers read instead of it (cross-attention): a picture's
 * projected rows, and what those layers make of them.  Keys and values depend on nothing else, so
 * they are made once for a prompt and every walk, step of an answer or of an edit reads them. */
#ifndef LOCI_MODEL_SOURCES_H
#define LOCI_MODEL_SOURCES_H

#include "checkpoint/weights.h"

struct kv_stretch; /* tensor/attention.h */

typedef struct source_rows {
  int count;           /* P */
  int seen;            /* the first of them hold a picture */
  int from;            /* the first position of the sequence that sees these */
  bool before_see_all; /* positions before it see every row, empty ones too; else they see none */
  const int
      *number; /* (L) of a layer that reads them: which one it is; -1: it reads the sequence */
  float *keys, *values; /* packed, (such layers, key/value heads) */
} source_rows;

/* Of rows (count, D); [like]'s members but the last three are copied.  Memory is the arena's. */
loci_status sources_new(dtype type, int threads, const checkpoint *c, const float *rows,
                        source_rows like, arena *mem, const source_rows **out, loci_err *err);

/* Whether both are the same rows, seen alike; or there are none. */
bool sources_same(const source_rows *a, const source_rows *b, const decoder_config *c);

/* tanh of a gate; 1 where there is none. */
double cross_factor(const weight *gate);

/* How many of the rows a position sees: the first so many. */
static inline int sources_seen(const source_rows *s, int position) {
  if (!s) return 0;
  return position >= s->from ? s->seen : s->before_see_all ? s->count : 0;
}
/* The first position that sees any. */
static inline int sources_first(const source_rows *s) { return s->before_see_all ? 0 : s->from; }
/* The rows that any position may see. */
static inline int sources_most(const source_rows *s) {
  return s->before_see_all ? s->count : s->seen;
}
/* Keys and values of one key/value head at a layer that reads them. */
struct kv_stretch sources_at(const source_rows *s, const decoder_config *c, int layer, int head);

#endif
