/* The operations of an engine (engine.h) by name, and the processor's, which are rows_cpu. */
#ifndef LOCI_TENSOR_ROWS_H
#define LOCI_TENSOR_ROWS_H

#include "tensor/engine.h"

/* Threads worth waking for a loop over so many numbers: waking costs as much as some ten thousand.
 */
static inline int row_threads(const row_engine *e, int64_t numbers) {
  return numbers < 16384 ? 1 : e->threads;
}

extern const row_ops rows_cpu;

/* The operations by name; those of a norm are compute's, which has its weights. */
static inline void rows_copy(const row_engine *e, row_list to, row_list from, int64_t n,
                             int64_t width) {
  e->ops->copy(e, to, from, n, width);
}
static inline void rows_add(const row_engine *e, row_list to, row_list from, int64_t n,
                            int64_t width) {
  e->ops->add(e, to, from, n, width);
}
static inline void rows_zero(const row_engine *e, row_list to, int64_t n, int64_t width) {
  e->ops->zero(e, to, n, width);
}
static inline void rows_rotate(const row_engine *e, row_list x, int64_t n,
                               const row_rotation *turn) {
  e->ops->turn(e, x, n, turn);
}
static inline void rows_gate(const row_engine *e, row_list to, row_list g, row_list u, act_kind act,
                             int64_t n, int64_t width) {
  e->ops->gate(e, to, g, u, act, n, width);
}
static inline void rows_gate_back(const row_engine *e, row_list df, row_list g, row_list u,
                                  act_kind act, int64_t n, int64_t width) {
  e->ops->gate_back(e, df, g, u, act, n, width);
}

static inline loci_status rows_settle(const row_engine *e, loci_err *err) {
  return e->ops->settle(e, err);
}
/* The same numbers where the host reads them; fails where they cannot be had. */
static inline loci_status rows_fetch(const row_engine *e, const float *at, int64_t n,
                                     const float **out, loci_err *err) {
  *out = e->ops->fetch(e, at, n);
  return *out ? LOCI_OK : e->ops->settle(e, err);
}
/* A matrix of an engine, of zeros. */
static inline float *rows_room(const row_engine *e, arena *mem, int64_t floats) {
  return (float *)e->ops->room(e, mem, floats * (int64_t)sizeof(float), true);
}

#endif
