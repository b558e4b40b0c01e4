/* The small kernels: everything a layer computes besides its matrix products.
 *
 * A kernel_set is one implementation of all of them.  kernels_ref is plain C and reads like the
 * formulas; the fast sets are one source (kernels_simd.c and simd_*.c) compiled for several
 * instruction sets.  kernels_choose picks the best one this CPU runs, or the plain one where
 * LOCI_KERNELS=ref is set, so that a wrong number can be bisected at run time.  All work on single
 * rows or small blocks; threads are the caller's business.
 *
 * Keys are stored in panels of 16: key j of a head is column j % 16 of panel j / 16, a (K, 16)
 * matrix, so that one query meets 16 keys in one vector.  Values are padded to a multiple of 16
 * channels, and stand in panels of 16 channels of all rows, so that a mix reads one stream; or
 * whole rows stand one after the other (value_rows). */
#ifndef LOCI_TENSOR_KERNELS_H
#define LOCI_TENSOR_KERNELS_H

#include <stdbool.h>
#include <stdint.h>

#include "tensor/dtype.h"

enum { PANEL = 16 };

static inline int64_t round_up(int64_t n, int64_t to) { return (n + to - 1) / to * to; }

typedef enum act_kind {
  ACT_SILU,
  ACT_GELU_TANH,
  ACT_GELU_ERF,
  ACT_QUICK_GELU,
  ACT_RELU,
  ACT_COUNT
} act_kind;

/* Channel c of value j is at[j * row + c / 16 * panel + c % 16]. */
typedef struct value_rows {
  const float *at;
  int64_t row, panel;
} value_rows;

/* Rows of a weight in place: row r begins [row] numbers after row r - 1. */
typedef struct weight_rows {
  dtype type;
  const void *at;
  int64_t row;
} weight_rows;

typedef struct kernel_set {
  const char *name; /* "ref", "base", "avx2", "avx512" */

  /* out = w * x / sqrt(mean(x^2) + eps), all (n); Zhang & Sennrich 2019 */
  void (*rmsnorm)(float *out, const float *x, const float *w, int64_t n, double eps);
  /* out = w * (x - mean) / sqrt(var + eps) + b; Ba et al. 2016, biased variance */
  void (*layernorm)(float *out, const float *x, const float *w, const float *b, int64_t n,
                    double eps);

  /* out := act(g) u, or act(g) where u is NULL, all (n); out is f32, and may be g or u, or it is
   * rounded to bf16 */
  void (*gate)(void *out, dtype t, const float *g, const float *u, act_kind act, int64_t n);

  void (*add)(float *out, const float *x, int64_t n); /* out += x */
  void (*mul)(float *out, const float *x, int64_t n); /* out *= x */
  void (*round_bf16)(uint16_t *out, const float *x, int64_t n);

  /* n weights of any dtype, whole blocks, as operands of another; src may be misaligned (dtype.h)
   */
  void (*to_f32)(float *out, dtype t, const void *src, int64_t n);
  void (*to_bf16)(uint16_t *out, dtype t, const void *src, int64_t n);
  /* y[m][r] = sum_k x[m][k] w[r][k] for few rows m < M of x (M, K) and rows r < R of a weight (R,
   * K) of any dtype, which is read once and widened on the way; rows of y are ldy apart */
  void (*dots)(float *y, int64_t ldy, const float *x, int M, dtype t, const void *w, int64_t R,
               int64_t K);
  /* y[m][c] += sum_r x[m][r] w[r][c], the way back: rows r < R of a weight, [row] apart, its
   * columns c < C; rows of x are ldx apart, those of y ldy.  Of single numbers only. */
  void (*dots_back)(float *y, int64_t ldy, const float *x, int64_t ldx, int M, weight_rows w,
                    int64_t R, int64_t C);

  /* Rotary embedding of one row of heads in place: channels (i, i + rot/2) of each head turn by the
   * angle whose cosine and sine are given (rot/2 each); channels from rot on stay.  Su et al. 2021,
   * half-split. */
  void (*rope)(float *x, const float *cosine, const float *sine, int heads, int K, int rot);

  /* S[r][j] = scale * q_r . k_j for rows r of queries (R, K) and keys j < count, in panels.
   * Writes whole panels: S must have room for round_up(count, 16) columns. */
  void (*scores)(float *S, int64_t ld, const float *q, int64_t q_stride, int R, int K, float scale,
                 const float *panels, int count);
  /* x := softmax(x) over n entries; -INFINITY entries become exact zeros. */
  void (*softmax)(float *x, int64_t n);
  /* log sum_i exp(x_i) over n entries, in double; a NaN makes a NaN */
  double (*log_sum_exp)(const float *x, int64_t n);
  /* z_r += sum_j S[r][j] v_j for rows r < R, values j < count, channels < K. */
  void (*mix)(float *z, int64_t z_stride, const float *S, int64_t ld, int R, value_rows v,
              int count, int K);
} kernel_set;

const kernel_set *kernels_choose(void);

/* All sets this CPU can run, the plain one first; NULL after the last (for tests). */
const kernel_set *kernels_at(int i);

#endif
