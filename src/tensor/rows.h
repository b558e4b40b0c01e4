/* Operations over lists of rows: what a walk computes and moves between its matrix products.
 *
 * A list names rows of a matrix, so that one operation is a copy, a gather or a scatter.  The rows
 * of a list that is written are all different, and an operation reads nothing that it writes but
 * the row itself; so rows may be done in any order, by any number of threads, or elsewhere.  An
 * engine is a table of these operations and what they need; rows_cpu is the processor's, on the
 * kernels of kernels.h. */
#ifndef LOCI_TENSOR_ROWS_H
#define LOCI_TENSOR_ROWS_H

#include "tensor/kernels.h"

/* Row i is index[i] of the matrix, or i where index is NULL; rows are [stride] numbers apart (0:
 * one row for all). */
typedef struct row_list {
  void *at;
  dtype type;
  int64_t stride;
  const int64_t *index;
} row_list;

/* Rows of f32 numbers, and those of [index]. */
static inline row_list rows_f32(const float *at, int64_t stride, const int64_t *index) {
  return (row_list){(void *)(uintptr_t)at, DTYPE_F32, stride, index};
}

/* A norm over rows of [width] numbers: of b NULL the root mean square's, else the layer norm. */
typedef struct row_norm {
  double eps;
  int64_t width;
  const float *w, *b;
} row_norm;

/* Angles by row of the tables, (rows, half) each; [heads] heads of K channels, of which 2 half
 * turn. */
typedef struct row_rotation {
  const float *cosine, *sine;
  const int64_t *angles; /* of each row */
  int half, heads, K;
  bool back; /* the other way round: the gradient's */
} row_rotation;

typedef struct row_engine row_engine;
typedef struct row_ops {
  const char *name;
  /* to := from, n rows of [width] numbers; f32 to bf16 rounds */
  void (*copy)(const row_engine *e, row_list to, row_list from, int64_t n, int64_t width);
  /* to += from, f32 */
  void (*add)(const row_engine *e, row_list to, row_list from, int64_t n, int64_t width);
  void (*zero)(const row_engine *e, row_list to, int64_t n, int64_t width);
  /* to := norm(x); f32 or bf16 */
  void (*norm)(const row_engine *e, row_list to, row_list x, int64_t n, const row_norm *norm);
  /* dx += d loss / d x, of dy = d loss / d norm(x) */
  void (*norm_back)(const row_engine *e, row_list dx, row_list dy, row_list x, int64_t n,
                    const row_norm *norm);
  /* x turned in place */
  void (*turn)(const row_engine *e, row_list x, int64_t n, const row_rotation *turn);
  /* to := act(g) u, or act(g) where u.at is NULL; to may be g */
  void (*gate)(const row_engine *e, row_list to, row_list g, row_list u, act_kind act, int64_t n,
               int64_t width);
  /* Of f = act(g) u: df := d loss / d g, u := d loss / d u; without u, df := d loss / d g alone. */
  void (*gate_back)(const row_engine *e, row_list df, row_list g, row_list u, act_kind act,
                    int64_t n, int64_t width);
} row_ops;

struct row_engine {
  const row_ops *ops;
  const kernel_set *k;
  int threads;
  float *lines; /* per thread: room for a row, [line] numbers */
  int64_t line;
};

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

#endif
