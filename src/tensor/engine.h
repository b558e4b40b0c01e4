/* An engine: operations over lists of rows, which are what a walk computes and moves.
 *
 * A list names rows of a matrix, so that one operation is a copy, a gather or a scatter.  The rows
 * of a list that is written are all different, and an operation reads nothing that it writes but
 * the row itself; so rows may be done in any order, by any number of threads, or elsewhere.  An
 * engine is a table of these operations and what they need; rows_cpu is the processor's, on the
 * kernels of kernels.h.
 *
 * Where an engine is another machine's, the matrices of [room] are there, and the host has only
 * their addresses, to count from.  Lists, weights of norms and whatever else stands on the host is
 * carried over by the operation that reads it, and one that writes to the host's memory brings it
 * back.  An operation that fails there is told by the next one that can say so: see [settle]. */
#ifndef LOCI_TENSOR_ENGINE_H
#define LOCI_TENSOR_ENGINE_H

#include "base/arena.h"
#include "base/status.h"
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

struct weight;      /* checkpoint/weights.h */
struct kv_pack;     /* attend_list.h */
struct attend_list; /* likewise */

/* y (n, N), rows ldy apart, := x (n, count) W[:, first .. first + count)^T: of all of a weight's
 * channels, or [part], of some. */
typedef struct row_product {
  const struct weight *w;
  bool part;
  int64_t first, count;
  const void *x;
  float *y;
  int64_t ldy, n;
} row_product;

typedef struct row_engine row_engine;
typedef struct row_ops {
  const char *name;
  /* Bytes, zeroed or not, which last until [mem] is reset or the engine is cleared; NULL: there are
   * none */
  void *(*room)(const row_engine *e, arena *mem, int64_t bytes, bool zeroed);
  void (*clear)(const row_engine *e);
  /* [n] numbers for the host to read, until the next of these; NULL: see settle */
  const float *(*fetch)(const row_engine *e, const float *at, int64_t n);
  /* Waits for all operations so far, and says whether one failed */
  loci_status (*settle)(const row_engine *e, loci_err *err);
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
  /* x := c tanh(x / c) of n rows that stand one after the other */
  void (*cap)(const row_engine *e, float *x, int64_t n, int64_t width, float c);
  /* Row i of n that stand one after the other, times by[i] */
  void (*scale)(const row_engine *e, float *x, int64_t n, int64_t width, const float *by);
  /* Heads of K channels of n rows, from pairs that stand side by side to half a head apart, or
   * [back]; n rows of [width] one after the other */
  void (*unpermute)(const row_engine *e, float *x, int64_t n, int64_t width, int K, bool back);
  /* Keys and values of streams [first, end), and attention of jobs [from, to) (attend_list.h) */
  void (*pack)(const row_engine *e, const struct kv_pack *p, int64_t first, int64_t end);
  void (*attend)(const row_engine *e, const struct attend_list *l, int64_t from, int64_t to);
  bool goes_back; /* whether it has the operations of gradients */
} row_ops;

struct row_engine {
  const row_ops *ops;
  loci_status (*multiply)(const row_engine *e, const row_product *p, loci_err *err);
  void *own; /* the engine's, of whoever made it */
  const kernel_set *k;
  int threads;
  float *lines; /* per thread: room for a row, [line] numbers */
  int64_t line;
};

#endif
