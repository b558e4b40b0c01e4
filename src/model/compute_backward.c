/* Backward passes of norm, linear and activation on rows (see compute.h).  A linear's weight is
 * used as it stands: its converted blocks are rows of W, and each adds its share to dx. */
#include <stdlib.h>
#include <string.h>

#include "model/compute.h"

static loci_status grow_back(compute *a, int64_t bytes, int64_t part, loci_err *err) {
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

/* Through a weight that stands the other way round: some of its stored rows give as many numbers of
 * dx, and each of these is one sum. */
static loci_status linear_back_turned(compute *a, const weight *w, float *dx, const float *dy,
                                      int64_t n, loci_err *err) {
  int64_t N = w->rows, K = w->cols, step = weight_stored_rows(a, w);
  TRY(grow_back(a, operand_bytes(a, n, N), 1, err));
  rows_copy(&a->rows, operand_rows(a, a->back.operand, N, NULL), rows_f32(dy, N, NULL), n, N);
  for (int64_t first = 0; first < K; first += step) {
    int64_t count = K - first < step ? K - first : step;
    const void *block = NULL;
    TRY(weight_stored(a, w, first, count, &block, err));
    product_shape shape = {.M = n, .N = count, .K = N, .ldy = K};
    TRY(product_run(a->products, shape, a->back.operand, block, dx + first, err));
  }
  return LOCI_OK;
}

loci_status linear_backward(compute *a, const linear_weights *w, float *dx, const float *dy,
                            int64_t n, loci_err *err) {
  int64_t N = w->w.rows, K = w->w.cols, step = weight_block_rows(a, &w->w);
  a->flop += 2.0 * (double)n * (double)N * (double)K;
  if (n == 0) return LOCI_OK;
  if (w->w.row_step) return linear_back_turned(a, &w->w, dx, dy, n, err);
  if (w->w.turned) {
    TRY(compute_grow(&a->back.turned, &a->back.turned_size, n * N, err));
    memcpy(a->back.turned, dy, (size_t)(n * N) * sizeof *dy);
    TRY(unpermute_heads(a, &w->w, a->back.turned, n, true, err));
    dy = a->back.turned;
  }
  if (few_rows(a, &w->w, n) && !dtype_has_blocks(w->w.type)) {
    few_through(a, (weight_rows){w->w.type, w->w.data, K}, dx, K, dy, N, n);
    return LOCI_OK;
  }
  TRY(grow_back(a, operand_bytes(a, n, step), step < N ? product_rows(n) * K : 1, err));
  for (int64_t first = 0; first < N; first += step) {
    int64_t rows = N - first < step ? N - first : step;
    const void *block = NULL;
    TRY(weight_block(a, &w->w, first, rows, &block, err));
    rows_copy(&a->rows, operand_rows(a, a->back.operand, rows, NULL), rows_f32(dy + first, N, NULL),
              n, rows);
    product_shape shape = {.M = n, .N = K, .K = rows, .ldy = K, .backward = true};
    float *out = first == 0 ? dx : a->back.part;
    TRY(product_run(a->products, shape, a->back.operand, block, out, err));
    if (first > 0) rows_add(&a->rows, rows_f32(dx, K, NULL), rows_f32(out, K, NULL), n, K);
  }
  return LOCI_OK;
}
