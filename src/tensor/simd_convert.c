/* Fast kernels: weights as operands of another type, before a product of many rows.  Blocks are
 * widened a part at a time, in registers where there is AVX-512. */
#include "tensor/quant.h"
#include "tensor/simd_widen.h"
#if defined(__AVX512F__)
#include "tensor/quant_avx512.h"
#endif

static inline void to_f32_of(float *out, dtype t, const char *src, int64_t n) {
  int64_t size = t == DTYPE_F32 ? 4 : 2, i = 0;
  for (; i + LANES <= n; i += LANES) store(out + i, widened(t, src + i * size));
  for (; i < n; i++) out[i] = float_of(bits_at(t, src, i));
}

static inline void to_bf16_of(uint16_t *out, dtype t, const char *src, int64_t n) {
  int64_t i = 0;
  for (; i + LANES <= n; i += LANES) {
    vh h = rounded_all(widened(t, src + i * (t == DTYPE_F32 ? 4 : 2)));
    memcpy(out + i, &h, sizeof h);
  }
  for (; i < n; i++) out[i] = (uint16_t)rounded(bits_at(t, src, i));
}

#if defined(__AVX512F__)
/* n numbers as f32, or, where [half] is given, rounded to bf16. */
INLINE void blocks_out(const dtype t, float *out, uint16_t *half, const uint8_t *b, int64_t n) {
  const int64_t step = t >= DTYPE_Q4_K ? 256 : 32;
  for (int64_t i = 0; i < n; i += step, b += dtype_bytes(t)) {
    block_scales s;
    prepare(t, b, &s);
    for (int j = 0; j < step / 32; j++) {
      __m256i q = integers(t, b, j);
      for (int k = 0; k < 2; k++) {
        vf x = (vf)numbers_of(t, &s, q, j, k);
        int64_t at = i + 32 * j + 16 * k;
        if (!half) {
          store(out + at, x);
          continue;
        }
        vh h = rounded_all(x);
        memcpy(half + at, &h, sizeof h);
      }
    }
  }
}

static void blocks_to_f32(float *out, dtype t, const void *src, int64_t n) {
  OF_FORMATS(blocks_out, t, out, NULL, src, n)
}

static void blocks_to_bf16(uint16_t *out, dtype t, const void *src, int64_t n) {
  OF_FORMATS(blocks_out, t, NULL, out, src, n)
}
#else
static void blocks_to_f32(float *out, dtype t, const void *src, int64_t n) {
  blocks_widen(out, t, src, n);
}

static void blocks_to_bf16(uint16_t *out, dtype t, const char *src, int64_t n) {
  float block[BLOCK_MOST];
  int64_t step = dtype_block(t);
  for (int64_t i = 0; i < n; i += step, src += dtype_bytes(t)) {
    blocks_widen(block, t, src, step);
    to_bf16_of(out + i, DTYPE_F32, (const char *)block, step);
  }
}
#endif

void OF_SET(to_f32)(float *out, dtype t, const void *src, int64_t n) {
  switch (t) {
    case DTYPE_F32: to_f32_of(out, DTYPE_F32, src, n); break;
    case DTYPE_BF16: to_f32_of(out, DTYPE_BF16, src, n); break;
    case DTYPE_F16: to_f32_of(out, DTYPE_F16, src, n); break;
    default: blocks_to_f32(out, t, src, n);
  }
}

void OF_SET(to_bf16)(uint16_t *out, dtype t, const void *src, int64_t n) {
  switch (t) {
    case DTYPE_F32: to_bf16_of(out, DTYPE_F32, src, n); break;
    case DTYPE_BF16: memcpy(out, src, (size_t)n * sizeof *out); break;
    case DTYPE_F16: to_bf16_of(out, DTYPE_F16, src, n); break;
    default: blocks_to_bf16(out, t, src, n);
  }
}
