/* Rotary angles (Su et al. 2021) with the scalings of model_type's configs, and those of rows that
 * stand somewhere in time, row and column (M-RoPE, Wang et al. 2024). */
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
void rope_fill(const decoder_config *c, const rope_config *r, int64_t first, int length,
               rope_table *t);
/* Where a row stands: text at one number, a cell of a picture at three.  A row that nobody gave a
 * place stands at its index. */
typedef struct rope_place {
  int at[3]; /* time, row, column */
} rope_place;
static inline bool rope_is_same_place(rope_place a, rope_place b) {
  return a.at[0] == b.at[0] && a.at[1] == b.at[1] && a.at[2] == b.at[2];
}
/* Rows first .. first + n - 1 := the angles of n places. */
void rope_fill_places(const decoder_config *c, const rope_config *r, int64_t first,
                      const rope_place *places, int n, rope_table *t);
/* Whether the layers that slide turn otherwise than the others. */
static inline bool rope_has_local(const decoder_config *c) {
  return c->slides && c->local.theta > 0;
}
/* Whether a model tells a row's place from its index. */
static inline bool rope_has_places(const decoder_config *c) {
  return c->rope.sections[0] + c->rope.sections[1] + c->rope.sections[2] > 0;
}
/* Whether sequences of a and of b positions turn by the same angles. */
bool rope_is_same(const decoder_config *c, int a, int b);

#endif
