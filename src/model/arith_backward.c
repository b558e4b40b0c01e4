/* Backward passes of norm, linear and activation on rows (see arith.h).  A linear's weight is used
 * as it stands: its converted blocks are rows of W, and each adds its share to dx. */
#include <stdlib.h>
#include <string.h>

#include "model/arith.h"
#include "tensor/backward.h"

loci_status norm_backward(arith *a, norm_spec spec, const norm_weights *weights, float *dx,
                          const int64_t *rows, const float *dy, const float *x, int64_t n,
                          loci_err *err) {
  const float *w;
  int64_t D = spec.width;
  TRY(weight_vector(a, &weights->w, 0, &w, err));
#pragma omp parallel for num_threads(threads_for(a, n *D)) schedule(static)
  for (int64_t i = 0; i < n; i++) {
    float *to = dx + (rows ? rows[i] : i) * D;
    if (spec.kind == NORM_LAYER) {
      layernorm_backward(to, dy + i * D, x + i * D, w, D, spec.eps);
    } else {
      rmsnorm_backward(to, dy + i * D, x + i * D, w, D, spec.eps);
    }
  }
  return LOCI_OK;
}

static loci_status grow_back(arith *a, int64_t bytes, int64_t part, loci_err *err) {
  if (bytes > a->back.operand_bytes) {
    free(a->back.operand);
    a->back.operand = calloc((size_t)bytes, 1);
    a->back.operand_bytes = a->back.operand ? bytes : 0;
  }
  if (part > a->back.part_size) {
    free(a->back.part);
    a->back.part = calloc((size_t)part, sizeof *a->back.part);
    a->back.part_size = a->back.part ? part : 0;
  }
  bool ok = a->back.operand_bytes >= bytes && a->back.part_size >= part;
  return ok ? LOCI_OK : fail_nomem(err, "computing gradients");
}

/* Few rows: the weight is read once as it stands, some of its rows at a time, each thread its own
 * columns (see few_rows). */
static void linear_few_back(arith *a, const weight *w, float *dx, const float *dy, int64_t n) {
  enum { ROWS = 16, COLUMNS = 64 };
  int64_t K = w->cols, N = w->rows, size = (int64_t)dtype_bytes(w->type);
  int64_t chunks = (K + COLUMNS - 1) / COLUMNS;
  int threads = threads_for(a, N * K);
  memset(dx, 0, (size_t)(n * K) * sizeof *dx);
#pragma omp parallel for num_threads(threads) schedule(static)
  for (int t = 0; t < threads; t++) {
    int64_t c = chunks * t / threads * COLUMNS, end = chunks * (t + 1) / threads * COLUMNS;
    if (end > K) end = K;
    for (int64_t r = 0; r < N; r += ROWS) {
      weight_rows rows = {w->type, w->data + (r * K + c) * size, K};
      int64_t count = N - r < ROWS ? N - r : ROWS;
      a->k->dots_back(dx + c, K, dy + r, N, (int)n, rows, count, end - c);
    }
  }
}

loci_status linear_backward(arith *a, const linear_weights *w, float *dx, const float *dy,
                            int64_t n, loci_err *err) {
  int64_t N = w->w.rows, K = w->w.cols, step = weight_block_rows(a, &w->w);
  a->flop += 2.0 * (double)n * (double)N * (double)K;
  if (n == 0) return LOCI_OK;
  if (few_rows(a, &w->w, n)) {
    linear_few_back(a, &w->w, dx, dy, n);
    return LOCI_OK;
  }
  TRY(grow_back(a, operand_bytes(a, n, step), step < N ? product_rows(n) * K : 1, err));
  for (int64_t first = 0; first < N; first += step) {
    int64_t rows = N - first < step ? N - first : step;
    const void *block = NULL;
    TRY(weight_block(a, &w->w, first, rows, &block, err));
#pragma omp parallel for num_threads(threads_for(a, n *rows)) schedule(static)
    for (int64_t i = 0; i < n; i++) operand_set(a, a->back.operand, i, dy + i * N + first, rows);
    product_shape shape = {.M = n, .N = K, .K = rows, .ldy = K, .backward = true};
    float *out = first == 0 ? dx : a->back.part;
    TRY(product_run(a->products, shape, a->back.operand, block, out, err));
    if (first == 0) continue;
#pragma omp parallel for num_threads(threads_for(a, n *K)) schedule(static)
    for (int64_t i = 0; i < n; i++) a->k->add(dx + i * K, out + i * K, K);
  }
  return LOCI_OK;
}

void act_backward(act_kind act, float *dx, const float *x, int64_t n) {
  switch (act) {
    case ACT_COUNT: break;
    case ACT_SILU: silu_backward(dx, x, n); break;
    case ACT_GELU_TANH: gelu_tanh_backward(dx, x, n); break;
    case ACT_GELU_ERF: gelu_erf_backward(dx, x, n); break;
    case ACT_QUICK_GELU: quick_gelu_backward(dx, x, n); break;
    case ACT_RELU: relu_backward(dx, x, n); break;
  }
}
