/* What all engines of matrix products share (see product.h): the plain loops, and how many rows. */
#include "tensor/product.h"

#include <string.h>

/* Never one alone: for that oneDNN has products of its own, which round otherwise (bf16). */
int64_t product_rows(int64_t rows) {
  if (rows < 1) return 1;
  return rows <= 256    ? (rows + 15) / 16 * 16
         : rows <= 1024 ? (rows + 63) / 64 * 64
                        : (rows + 127) / 128 * 128;
}

static float value_at(dtype type, const void *m, int64_t i) {
  float f;
  uint16_t h;
  if (type == DTYPE_F32) {
    memcpy(&f, (const char *)m + 4 * i, sizeof f);
    return f;
  }
  memcpy(&h, (const char *)m + 2 * i, sizeof h);
  return f32_from_bf16(h);
}

void product_plain(dtype type, product_shape s, const void *x, const void *w, float *y) {
  for (int64_t m = 0; m < s.M; m++) {
    for (int64_t n = 0; n < s.N; n++) {
      double sum = 0;
      for (int64_t k = 0; k < s.K; k++) {
        int64_t at = s.backward ? k * s.N + n : n * s.K + k;
        sum += (double)value_at(type, x, m * s.K + k) * (double)value_at(type, w, at);
      }
      y[m * s.ldy + n] = (float)sum;
    }
  }
}
