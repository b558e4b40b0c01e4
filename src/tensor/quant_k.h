/* The block formats named K, of 256 numbers in eight parts (see quant.h, which includes this). */
#ifndef LOCI_TENSOR_BLOCKS_K_H
#define LOCI_TENSOR_BLOCKS_K_H

#include "tensor/dtype.h"

static inline float block_scale(const uint8_t *b) {
  return f32_from_f16((uint16_t)(b[0] | b[1] << 8));
}

/* Scale and offset of part j of 8, six bits each in twelve bytes. */
static inline void k_scale(const uint8_t *s, int j, int *scale, int *offset) {
  if (j < 4) {
    *scale = s[j] & 63;
    *offset = s[j + 4] & 63;
  } else {
    *scale = (s[j + 4] & 15) | (s[j - 4] >> 6) << 4;
    *offset = s[j + 4] >> 4 | (s[j] >> 6) << 4;
  }
}

/* 32 bytes hold two parts of 32: the low four bits, then the high ones. */
static inline void widen_q4_k(float *y, const uint8_t *b) {
  float d = block_scale(b), m = block_scale(b + 2);
  for (int j = 0; j < 8; j++) {
    const uint8_t *q = b + 16 + j / 2 * 32;
    int scale, offset, shift = j % 2 * 4;
    k_scale(b + 4, j, &scale, &offset);
    float by = d * (float)scale, less = m * (float)offset;
    for (int i = 0; i < 32; i++) y[32 * j + i] = (float)(q[i] >> shift & 15) * by - less;
  }
}

/* As Q4_K; bit j of byte i of 32 more is the fifth of number i of part j. */
static inline void widen_q5_k(float *y, const uint8_t *b) {
  float d = block_scale(b), m = block_scale(b + 2);
  for (int j = 0; j < 8; j++) {
    const uint8_t *q = b + 48 + j / 2 * 32, *fifth = b + 16;
    int scale, offset, shift = j % 2 * 4;
    k_scale(b + 4, j, &scale, &offset);
    float by = d * (float)scale, less = m * (float)offset;
    for (int i = 0; i < 32; i++) {
      int x = (q[i] >> shift & 15) | (fifth[i] >> j & 1) << 4;
      y[32 * j + i] = (float)x * by - less;
    }
  }
}

/* Two halves of 128, each four parts of 32: the low four bits of 64 bytes, then the high ones; two
 * more bits of each in 32 bytes.  A scale of 8 bits for every 16. */
static inline void widen_q6_k(float *y, const uint8_t *b) {
  float d = block_scale(b + 208);
  for (int j = 0; j < 8; j++) {
    int half = j / 4, part = j % 4;
    const uint8_t *low = b + 64 * half + part % 2 * 32, *high = b + 128 + 32 * half;
    const uint8_t *scales = b + 192 + 2 * j;
    float by = d * (float)(int8_t)scales[0], then = d * (float)(int8_t)scales[1];
    for (int i = 0; i < 32; i++) {
      int x = (low[i] >> (part / 2 * 4) & 15) | (high[i] >> (2 * part) & 3) << 4;
      y[32 * j + i] = (float)(x - 32) * (i < 16 ? by : then);
    }
  }
}

#endif
