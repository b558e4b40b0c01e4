/* Matrix products y = x W^T with W as checkpoints store it, (N, K) row-major: the place where a
 * walk spends its life, and the fence round oneDNN (product.c) or, where that has no fast products,
 * OpenBLAS (product_blas.c): the build chooses one.
 *
 * A product context belongs to one walk (one thread calls it; the product itself uses all threads).
 * It keeps compiled products by shape, because compiling one costs milliseconds; so callers ask for
 * few distinct row counts: product_rows says to how many rows a count is rounded up.  Operands and
 * results must have room for that many rows; what stands in the surplus rows is never read. */
#ifndef LOCI_TENSOR_PRODUCT_H
#define LOCI_TENSOR_PRODUCT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"
#include "tensor/dtype.h"

typedef struct product product;

/* [type] of both operands: DTYPE_F32 or DTYPE_BF16 (sums are f32 in both).  LOCI_KERNELS=ref
 * selects the plain loops.  A product runs with [threads], and leaves the calling thread's own
 * count as it was.  Free with product_free. */
loci_status product_new(dtype type, int threads, product **out, loci_err *err);
void product_free(product *p);

/* Whether this CPU multiplies bf16 faster than f32. */
bool product_has_bf16(void);

/* Row count that a product over [rows] rows is run with. */
int64_t product_rows(int64_t rows);

typedef struct product_shape {
  int64_t M, N, K;
  int64_t ldy;   /* distance of rows of y, >= N */
  bool backward; /* W stands as (K, N): y = x W */
} product_shape;

/* y (M, N) = x (M, K) W (N, K)^T, or, backward, y = x W with W (K, N): of a linear's weight (out,
 * in), the gradient of its input from that of its output.  x and W hold the context's type; y is
 * f32. */
loci_status product_run(product *p, product_shape shape, const void *x, const void *w, float *y,
                        loci_err *err);

/* The same by plain loops, sums in double. */
void product_plain(dtype type, product_shape shape, const void *x, const void *w, float *y);

/* The library and version that compute the products, for reports: "oneDNN 2.6.3". */
const char *product_engine(void);

#endif
