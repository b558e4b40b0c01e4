/* Matrix products by OpenBLAS (see product.h), for processors on which oneDNN has none that are
 * fast.  It knows f32 alone, so a walk in bf16 is refused before it comes here; what does come,
 * from tests, takes the plain loops. */
#include "tensor/product.h"

#include <cblas.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

struct product {
  int threads;
  dtype type;
  bool plain;
};

const char *product_engine(void) { return LOCI_OPENBLAS; }

bool product_has_bf16(void) { return false; }

loci_status product_new(dtype type, int threads, product **out, loci_err *err) {
  *out = calloc(1, sizeof **out);
  if (!*out) return fail_nomem(err, "preparing matrix products");
  const char *kernels = getenv("LOCI_KERNELS");
  (*out)->plain = type != DTYPE_F32 || (kernels && strcmp(kernels, "ref") == 0);
  (*out)->type = type;
  (*out)->threads = threads;
  return LOCI_OK;
}

void product_free(product *p) { free(p); }

loci_status product_run(product *p, product_shape s, const void *x, const void *w, float *y,
                        loci_err *err) {
  if (s.M == 0 || s.N == 0) return LOCI_OK;
  if (p->plain || s.K == 0) {
    product_plain(p->type, s, x, w, y);
    return LOCI_OK;
  }
  if (s.M > INT_MAX || s.N > INT_MAX || s.K > INT_MAX || s.ldy > INT_MAX)
    return fail(err, LOCI_EUNSUPPORTED, "OpenBLAS has no matrices of so many rows or columns");
  openblas_set_num_threads(p->threads);
  cblas_sgemm(CblasRowMajor, CblasNoTrans, s.backward ? CblasNoTrans : CblasTrans, (int)s.M,
              (int)s.N, (int)s.K, 1, x, (int)s.K, w, (int)(s.backward ? s.N : s.K), 0, y,
              (int)s.ldy);
  return LOCI_OK;
}
