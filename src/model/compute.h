/* Arithmetic on rows with weights as the checkpoint stores them: norm, linear, activation.
 *
 * A compute context belongs to one walk: it holds the precision, the kernels, the compiled products
 * and the scratch memory in which a weight of another dtype is converted, block by block, just
 * before it is used.  Operands (inputs of products) hold the precision's type; everything else is
 * f32. */
#ifndef LOCI_MODEL_ARITH_H
#define LOCI_MODEL_ARITH_H
#include "checkpoint/weights.h"
#include "model/work.h"
#include "tensor/device.h"
#include "tensor/product.h"

struct compute {
  dtype type;      /* of operands: DTYPE_F32 or DTYPE_BF16 */
  row_engine rows; /* what is not a product */
  device *device;
  product *products;
  void *block;      /* a block of converted weights */
  float *vector[2]; /* a norm's weight and bias, or a linear's bias, as f32 */
  int64_t vector_size;
  float *few; /* few rows of a product's operand, as f32 */
  int64_t few_size, lines_size;
  int64_t beside; /* rows that a product counts besides its own: whether they are few (few_rows) */
  struct {
    void *operand; /* a gradient's columns as an operand */
    float *part;   /* one block's share of a backward product */
    float *turned; /* a gradient in the order of a turned weight's rows */
    int64_t operand_bytes, part_size, turned_size;
  } back;
  work_follow follow;
  double flop;   /* 2 M N K of all products run so far */
  work_kind now; /* since [since] */
  double since, seconds[WORK_COUNT];
};

loci_status compute_new(dtype type, int threads, compute **out, loci_err *err);
/* On a device; NULL: the processor. */
loci_status compute_on(device *d, dtype type, int threads, compute **out, loci_err *err);
void compute_free(compute *a);
void compute_restart(compute *a); /* counts work and time from here on */
/* Bytes of an operand of [rows] rows (rounded up as products need) of n values. */
int64_t operand_bytes(const compute *a, int64_t rows, int64_t n);
/* out (operand row r of width n) := x (n) */
void operand_set(const compute *a, void *out, int64_t r, const float *x, int64_t n);
/* Rows of an operand. */
static inline row_list operand_rows(const compute *a, const void *at, int64_t width,
                                    const int64_t *index) {
  return (row_list){(void *)(uintptr_t)at, a->type, width, index};
}
/* n numbers in *at, of which what stood there is lost. */
loci_status compute_grow(float **at, int64_t *size, int64_t n, loci_err *err);
/* Room in the engine for a row of each thread. */
loci_status compute_lines(compute *a, int64_t width, loci_err *err);
/* The n rows of x (n, width) as an operand: x itself, or its rows rounded into [room]. */
const void *operand_of(const compute *a, void *room, const float *x, int64_t n, int64_t width);

typedef struct norm_spec {
  norm_kind kind;
  double eps;
  int64_t width;
} norm_spec;
/* out := norm(x), n rows; out is f32 or an operand. */
loci_status norm_forward(compute *a, norm_spec spec, const norm_weights *w, row_list out,
                         row_list x, int64_t n, loci_err *err);

/* out (n, N) = in (n, K) W^T + b; [out] needs room for product_rows(n) rows. */
loci_status linear_forward(compute *a, const linear_weights *w, float *out, const void *in,
                           int64_t n, loci_err *err);

/* Some of a linear's input channels, and where what they give goes: rows of [out] are [ldy] apart.
 */
typedef struct linear_part {
  int64_t first, count;
  float *out;
  int64_t ldy;
} linear_part;
/* out (n, N) = in (n, count) W[:, first .. first + count)^T, without the bias; [out] needs room for
 * product_rows(n) rows. */
loci_status linear_part_forward(compute *a, const linear_weights *w, linear_part part,
                                const void *in, int64_t n, loci_err *err);

/* The backward passes (compute_backward.c).  dx += d loss / d x of norm_forward, of dy = d loss / d
 * out, n rows. */
loci_status norm_backward(compute *a, norm_spec spec, const norm_weights *w, row_list dx,
                          row_list dy, row_list x, int64_t n, loci_err *err);
/* dx (n, K) := dy (n, N) W; dx needs room for product_rows(n) rows. */
loci_status linear_backward(compute *a, const linear_weights *w, float *dx, const float *dy,
                            int64_t n, loci_err *err);

/* Rows [first, first + n) of a weight in the operands' type, in place where the map already holds
 * it, as (n, cols) or, of a weight that stands the other way round, as (cols, n); and how many rows
 * go through one product. */
loci_status weight_block(compute *a, const weight *w, int64_t first, int64_t n, const void **out,
                         loci_err *err);
int64_t weight_block_rows(const compute *a, const weight *w);
/* Of a weight that stands the other way round: rows [first, first + n) of what is stored, (n,
 * rows), and how many of them go through one product. */
loci_status weight_stored(compute *a, const weight *w, int64_t first, int64_t n, const void **out,
                          loci_err *err);
int64_t weight_stored_rows(const compute *a, const weight *w);
/* Whether n rows are multiplied with a weight without either; more than FEW_ROWS never are. */
enum { FEW_ROWS = 16 };
bool few_rows(const compute *a, const weight *w, int64_t n);

/* n rows of [out], heads of w->turned channels each, from the order of a turned weight's rows to
 * ours, or [back] from ours to that. */
loci_status unpermute_heads(compute *a, const weight *w, float *out, int64_t n, bool back,
                            loci_err *err);

/* out (n, C) := x (n, R) w, of few rows: w (R, C) is read once as it stands, some of its rows at a
 * time, each thread its own columns. */
void few_through(compute *a, weight_rows w, float *out, int64_t C, const float *x, int64_t R,
                 int64_t n);

/* f32 copy of a vector (1, n) weight in scratch i (0 or 1), valid until the scratch's next use. */
loci_status weight_vector(compute *a, const weight *w, int i, const float **out, loci_err *err);
/* Row [row] of a matrix as f32. */
void weight_row(const weight *w, int64_t row, float *out);
#endif
