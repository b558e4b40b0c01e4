/* Arithmetic on rows with weights as the checkpoint stores them: norm, linear, activation.
 *
 * An arith belongs to one walk: it holds the precision, the kernels, the compiled products and the
 * scratch memory in which a weight of another dtype is converted, block by block, just before it is
 * used.  Operands (inputs of products) hold the precision's type; everything else is f32. */
#ifndef LOCI_MODEL_ARITH_H
#define LOCI_MODEL_ARITH_H

#include "checkpoint/weights.h"
#include "tensor/kernels.h"
#include "tensor/product.h"

/* What the time of a walk goes into; WORK_OTHER is norms, activations and bookkeeping. */
typedef enum work_kind {
  WORK_OTHER,
  WORK_READ,
  WORK_CONVERT,
  WORK_PRODUCT,
  WORK_ATTENTION,
  WORK_HEAD,
  WORK_COUNT
} work_kind;

typedef struct arith {
  dtype type; /* of operands: DTYPE_F32 or DTYPE_BF16 */
  int threads;
  const kernel_set *k;
  product *products;
  void *block;      /* a block of converted weights */
  float *vector[2]; /* a norm's weight and bias, or a linear's bias, as f32 */
  int64_t vector_size;
  float *few;  /* few rows of a product's operand, as f32 */
  float *line; /* per thread: a row on its way to an operand */
  int64_t few_size, line_size;
  struct {
    void *operand; /* a gradient's columns as an operand */
    float *part;   /* one block's share of a backward product */
    int64_t operand_bytes, part_size;
  } back;
  double flop;   /* 2 M N K of all products run so far */
  work_kind now; /* since [since] */
  double since, seconds[WORK_COUNT];
} arith;

/* From here on time goes into [w], unless it goes into more than WORK_OTHER already: a head's
 * products count as head.  Returns what it went into, for work_end. */
work_kind work_begin(arith *a, work_kind w);
void work_end(arith *a, work_kind before);

/* Threads for a loop over so many numbers: waking costs as much as some ten thousand of them. */
static inline int threads_for(const arith *a, int64_t numbers) {
  return numbers < 16384 ? 1 : a->threads;
}

loci_status arith_new(dtype type, int threads, arith **out, loci_err *err);
void arith_free(arith *a);
void arith_restart(arith *a); /* counts work and time from here on */

/* Bytes of an operand of [rows] rows (rounded up as products need) of n values. */
int64_t operand_bytes(const arith *a, int64_t rows, int64_t n);
/* out (operand row r of width n) := x (n) */
void operand_set(const arith *a, void *out, int64_t r, const float *x, int64_t n);
/* The n rows of x (n, width) as an operand: x itself, or its rows rounded into [room]. */
const void *operand_of(const arith *a, void *room, const float *x, int64_t n, int64_t width);

typedef struct norm_spec {
  norm_kind kind;
  double eps;
  int64_t width;
} norm_spec;

/* Operand row i := norm(x row rows[i]) for i < n; rows NULL: rows 0 .. n-1. */
loci_status norm_forward(arith *a, norm_spec spec, const norm_weights *w, void *out, const float *x,
                         const int64_t *rows, int64_t n, loci_err *err);

/* out (n, N) = in (n, K) W^T + b; [out] needs room for product_rows(n) rows. */
loci_status linear_forward(arith *a, const linear_weights *w, float *out, const void *in, int64_t n,
                           loci_err *err);

/* Some of a linear's input channels, and where what they give goes: rows of [out] are [ldy] apart.
 */
typedef struct linear_part {
  int64_t first, count;
  float *out;
  int64_t ldy;
} linear_part;
/* out (n, N) = in (n, count) W[:, first .. first + count)^T, without the bias; [out] needs room for
 * product_rows(n) rows. */
loci_status linear_part_forward(arith *a, const linear_weights *w, linear_part part, const void *in,
                                int64_t n, loci_err *err);

/* n rows of [width] values: out := act(g) u, or act(g) where u is NULL; f32, or an operand in
 * bf16. */
void gate_forward(const arith *a, void *out, dtype type, const float *g, const float *u,
                  act_kind act, int64_t n, int64_t width);

/* The backward passes (arith_backward.c). */
/* dx row rows[i] += d loss / d x row rows[i] of norm_forward, dy (n, D); rows NULL: 0 .. n-1; x row
 * i is x + i * D. */
loci_status norm_backward(arith *a, norm_spec spec, const norm_weights *w, float *dx,
                          const int64_t *rows, const float *dy, const float *x, int64_t n,
                          loci_err *err);
/* dx (n, K) := dy (n, N) W; dx needs room for product_rows(n) rows. */
loci_status linear_backward(arith *a, const linear_weights *w, float *dx, const float *dy,
                            int64_t n, loci_err *err);
void act_backward(act_kind act, float *dx, const float *x, int64_t n); /* dx *= act'(x) */

/* Rows [first, first + n) of a weight in the operands' type, in place where the map already holds
 * it; and how many rows go through one product. */
loci_status weight_block(arith *a, const weight *w, int64_t first, int64_t n, const void **out,
                         loci_err *err);
int64_t weight_block_rows(const arith *a, const weight *w);
/* Whether n rows are multiplied with a weight without either. */
bool few_rows(const arith *a, const weight *w, int64_t n);

/* f32 copy of a vector (1, n) weight in scratch i (0 or 1), valid until the scratch's next use. */
loci_status weight_vector(arith *a, const weight *w, int i, const float **out, loci_err *err);
/* Row [row] of a matrix as f32. */
void weight_row(const weight *w, int64_t row, float *out);
#endif
