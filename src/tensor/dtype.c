/* Number formats (see dtype.h). */
#include "tensor/dtype.h"

#include <string.h>

#include "tensor/quant.h"

static float float_of(uint32_t bits) {
  float x;
  memcpy(&x, &bits, sizeof x);
  return x;
}

static uint32_t bits_of(float x) {
  uint32_t bits;
  memcpy(&bits, &x, sizeof bits);
  return bits;
}

static const struct {
  const char *name;
  int block, bytes;
} formats[DTYPE_COUNT] = {
    [DTYPE_F32] = {"f32", 1, 4},       [DTYPE_BF16] = {"bf16", 1, 2},
    [DTYPE_F16] = {"f16", 1, 2},       [DTYPE_Q4_0] = {"Q4_0", 32, 18},
    [DTYPE_Q4_1] = {"Q4_1", 32, 20},   [DTYPE_Q5_0] = {"Q5_0", 32, 22},
    [DTYPE_Q5_1] = {"Q5_1", 32, 24},   [DTYPE_Q8_0] = {"Q8_0", 32, 34},
    [DTYPE_Q4_K] = {"Q4_K", 256, 144}, [DTYPE_Q5_K] = {"Q5_K", 256, 176},
    [DTYPE_Q6_K] = {"Q6_K", 256, 210},
};

int64_t dtype_block(dtype t) { return formats[t].block; }
size_t dtype_bytes(dtype t) { return (size_t)formats[t].bytes; }
const char *dtype_name(dtype t) { return formats[t].name; }

float f32_from_bf16(uint16_t x) { return float_of((uint32_t)x << 16); }

float f32_from_f16(uint16_t x) {
  uint32_t sign = (uint32_t)(x & 0x8000u) << 16, rest = x & 0x7FFFu;
  if (rest >= 0x7C00u) return float_of(sign | 0x7F800000u | (rest & 0x3FFu) << 13);
  if (rest >= 0x400u) return float_of(sign | ((rest << 13) + 0x38000000u));
  return float_of(sign | bits_of((float)rest * 0x1p-24f)); /* subnormal or zero: exact */
}

uint16_t bf16_from_f32(float x) {
  uint32_t b = bits_of(x);
  if ((b & 0x7FFFFFFFu) > 0x7F800000u) return (uint16_t)(b >> 16 | 0x40u);
  return (uint16_t)((b + 0x7FFFu + (b >> 16 & 1u)) >> 16);
}

uint16_t f16_from_f32(float x) {
  uint32_t b = bits_of(x), sign = b >> 16 & 0x8000u, rest = b & 0x7FFFFFFFu;
  if (rest > 0x7F800000u) return (uint16_t)(sign | 0x7E00u);
  if (rest >= 0x47800000u) return (uint16_t)(sign | 0x7C00u); /* 65536 and up */
  if (rest < 0x38800000u) {                                   /* below 2^-14: a multiple of 2^-24 */
    float scaled = float_of(rest) + 0.5f;                     /* rounds to nearest even at 2^-24 */
    return (uint16_t)(sign | (bits_of(scaled) - bits_of(0.5f)));
  }
  rest += 0xFFFu + (rest >> 13 & 1u);
  return (uint16_t)(sign | (rest - 0x38000000u) >> 13);
}

void dtype_to_f32(dtype t, const void *src, float *dst, int64_t n) {
  const unsigned char *s = src;
  if (t == DTYPE_F32) {
    memcpy(dst, src, (size_t)n * sizeof *dst);
    return;
  }
  if (dtype_has_blocks(t)) {
    blocks_widen(dst, t, src, n);
    return;
  }
  for (int64_t i = 0; i < n; i++) {
    uint16_t x;
    memcpy(&x, s + 2 * i, 2);
    dst[i] = t == DTYPE_BF16 ? f32_from_bf16(x) : f32_from_f16(x);
  }
}

static void blocks_to_bf16(dtype t, const unsigned char *src, uint16_t *dst, int64_t n) {
  float block[BLOCK_MOST];
  int64_t step = dtype_block(t);
  for (int64_t i = 0; i < n; i += step, src += dtype_bytes(t)) {
    blocks_widen(block, t, src, step);
    for (int64_t k = 0; k < step; k++) dst[i + k] = bf16_from_f32(block[k]);
  }
}

void dtype_to_bf16(dtype t, const void *src, uint16_t *dst, int64_t n) {
  const unsigned char *s = src;
  if (dtype_has_blocks(t)) {
    blocks_to_bf16(t, src, dst, n);
    return;
  }
  if (t == DTYPE_BF16) {
    memcpy(dst, src, (size_t)n * sizeof *dst);
    return;
  }
  for (int64_t i = 0; i < n; i++) {
    if (t == DTYPE_F16) {
      uint16_t x;
      memcpy(&x, s + 2 * i, 2);
      dst[i] = bf16_from_f32(f32_from_f16(x));
    } else {
      float x;
      memcpy(&x, s + 4 * i, 4);
      dst[i] = bf16_from_f32(x);
    }
  }
}

void dtype_cut_to_f32(dtype t, const void *row, int64_t first, float *dst, int64_t n) {
  const unsigned char *at = (const unsigned char *)row + dtype_size(t, first);
  int64_t step = dtype_block(t), skip = first % step;
  float block[BLOCK_MOST];
  if (step == 1) dtype_to_f32(t, at, dst, n);
  for (int64_t i = 0; step > 1 && i < n; at += dtype_bytes(t), skip = 0) {
    int64_t count = step - skip < n - i ? step - skip : n - i;
    blocks_widen(block, t, at, step);
    memcpy(dst + i, block + skip, (size_t)count * sizeof *dst);
    i += count;
  }
}
