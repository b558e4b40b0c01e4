/* Single weights of 16 and 32 bits as registers of f32, and back to bf16 (dtype.h says which bits
 * are what). */
#ifndef LOCI_TENSOR_SIMD_WIDEN_H
#define LOCI_TENSOR_SIMD_WIDEN_H

#include "tensor/simd.h"

/* The bits of a f16 as f32, without a branch: normal numbers, subnormal ones, infinities and NaN
 * (dtype.c says which is which) are all computed and the right one is chosen. */
static inline uint32_t bits_of_f16(uint16_t h) {
  uint32_t rest = h & 0x7FFFu, sign = (uint32_t)(h & 0x8000u) << 16, small;
  float tiny = (float)(int32_t)rest * 0x1p-24f;
  memcpy(&small, &tiny, sizeof small);
  uint32_t normal = (rest << 13) + (rest >= 0x7C00u ? 0x70000000u : 0x38000000u);
  return sign | (rest < 0x400u ? small : normal);
}

static inline float float_of(uint32_t bits) {
  float x;
  memcpy(&x, &bits, sizeof x);
  return x;
}

static inline uint32_t bits_at(dtype t, const char *src, int64_t i) {
  uint16_t h;
  uint32_t b;
  if (t == DTYPE_F32) {
    memcpy(&b, src + 4 * i, sizeof b);
    return b;
  }
  memcpy(&h, src + 2 * i, sizeof h);
  return t == DTYPE_BF16 ? (uint32_t)h << 16 : bits_of_f16(h);
}

static inline uint32_t rounded(uint32_t b) {
  uint32_t nearest = (b + 0x7FFFu + (b >> 16 & 1u)) >> 16;
  uint32_t quiet = b >> 16 | 0x40u; /* a NaN must not round to infinity */
  return (b & 0x7FFFFFFFu) > 0x7F800000u ? quiet : nearest;
}

/* LANES weights as f32.  (Gcc 12 widens a half register in two steps; the instructions do it in
 * one.) */
static inline vf widened(dtype t, const char *w) {
#if defined(__AVX512F__)
  if (t != DTYPE_F32) {
    __m256i h = _mm256_loadu_si256((const __m256i *)w);
    return t == DTYPE_F16 ? (vf)_mm512_cvtph_ps(h)
                          : (vf)_mm512_slli_epi32(_mm512_cvtepu16_epi32(h), 16);
  }
#elif defined(__AVX2__) && defined(__F16C__)
  if (t != DTYPE_F32) {
    __m128i h = _mm_loadu_si128((const __m128i *)w);
    return t == DTYPE_F16 ? (vf)_mm256_cvtph_ps(h)
                          : (vf)_mm256_slli_epi32(_mm256_cvtepu16_epi32(h), 16);
  }
#endif
  uint32_t b[LANES];
  for (int i = 0; i < LANES; i++) b[i] = bits_at(t, w, i);
  vf x;
  memcpy(&x, b, sizeof x);
  return x;
}

/* LANES numbers rounded at once. */
static inline vh rounded_all(vf x) {
  vu b = (vu)x, nearest = (b + 0x7FFFu + (b >> 16 & 1u)) >> 16, quiet = b >> 16 | 0x40u;
  vu nan = (vu)(x != x);
  return __builtin_convertvector((quiet & nan) | (nearest & ~nan), vh);
}

#endif
