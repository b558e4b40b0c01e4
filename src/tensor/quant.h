/* The block formats of GGUF files: how a block's bytes become numbers.  A block is 32 or 256
 * numbers of a few bits under a scale, or a scale and an offset, in f16; in the formats named K the
 * scales of its parts are numbers of 6 or 8 bits themselves.  After ggml's block layouts; every
 * number is rounded to f32 once, so that a fused multiplication and addition gives the same.
 *
 * One text for the plain kernels and the fast ones, which are compiled for their instruction sets;
 * so all is inline. */
#ifndef LOCI_TENSOR_BLOCKS_H
#define LOCI_TENSOR_BLOCKS_H

#include "tensor/quant_k.h"

enum { BLOCK_MOST = 256 }; /* numbers of a block, of any format */

/* Four bits each: the low ones of 16 bytes, then the high ones. */
static inline void widen_q4_0(float *y, const uint8_t *b) {
  float d = block_scale(b);
  for (int i = 0; i < 16; i++) {
    y[i] = (float)((b[2 + i] & 15) - 8) * d;
    y[16 + i] = (float)((b[2 + i] >> 4) - 8) * d;
  }
}

static inline void widen_q4_1(float *y, const uint8_t *b) {
  float d = block_scale(b), m = block_scale(b + 2);
  for (int i = 0; i < 16; i++) {
    y[i] = (float)(b[4 + i] & 15) * d + m;
    y[16 + i] = (float)(b[4 + i] >> 4) * d + m;
  }
}

/* The fifth bits stand in one word. */
static inline uint32_t fifth_bits(const uint8_t *b) {
  return (uint32_t)b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
}

static inline void widen_q5_0(float *y, const uint8_t *b) {
  float d = block_scale(b);
  uint32_t fifth = fifth_bits(b + 2);
  for (int i = 0; i < 16; i++) {
    int low = (b[6 + i] & 15) | (int)(fifth >> i & 1) << 4;
    int high = b[6 + i] >> 4 | (int)(fifth >> (16 + i) & 1) << 4;
    y[i] = (float)(low - 16) * d;
    y[16 + i] = (float)(high - 16) * d;
  }
}

static inline void widen_q5_1(float *y, const uint8_t *b) {
  float d = block_scale(b), m = block_scale(b + 2);
  uint32_t fifth = fifth_bits(b + 4);
  for (int i = 0; i < 16; i++) {
    int low = (b[8 + i] & 15) | (int)(fifth >> i & 1) << 4;
    int high = b[8 + i] >> 4 | (int)(fifth >> (16 + i) & 1) << 4;
    y[i] = (float)low * d + m;
    y[16 + i] = (float)high * d + m;
  }
}

static inline void widen_q8_0(float *y, const uint8_t *b) {
  float d = block_scale(b);
  for (int i = 0; i < 32; i++) y[i] = (float)(int8_t)b[2 + i] * d;
}

/* n numbers, whole blocks, of a format in blocks. */
static inline void blocks_widen(float *y, dtype t, const void *src, int64_t n) {
  const uint8_t *b = src;
  int64_t step = dtype_block(t), bytes = (int64_t)dtype_bytes(t);
  for (int64_t i = 0; i < n; i += step, b += bytes, y += step) {
    switch (t) {
      case DTYPE_Q4_0: widen_q4_0(y, b); break;
      case DTYPE_Q4_1: widen_q4_1(y, b); break;
      case DTYPE_Q5_0: widen_q5_0(y, b); break;
      case DTYPE_Q5_1: widen_q5_1(y, b); break;
      case DTYPE_Q8_0: widen_q8_0(y, b); break;
      case DTYPE_Q4_K: widen_q4_k(y, b); break;
      case DTYPE_Q5_K: widen_q5_k(y, b); break;
      case DTYPE_Q6_K: widen_q6_k(y, b); break;
      case DTYPE_F32:
      case DTYPE_BF16:
      case DTYPE_F16:
      case DTYPE_COUNT: break; /* have no blocks */
    }
  }
}

#endif
