/* Parts of blocks, 32 numbers in two registers, with AVX-512: the formulas of quant.h, bit for bit
 * (compared by tests/gguf_blocks_test.c).  Included by simd_convert.c and
 * simd_dots.c alone. */
#ifndef LOCI_TENSOR_BLOCKS_AVX512_H
#define LOCI_TENSOR_BLOCKS_AVX512_H

#include <immintrin.h>

#include "tensor/quant.h"

/* What a block's parts are multiplied with (of Q6_K, each half of a part) and what is then taken
 * away or added. */
typedef struct block_scales {
  float by[16], plus[8];
} block_scales;

#define BLOCK_INLINE static inline __attribute__((always_inline))

BLOCK_INLINE float half_at(const uint8_t *b) {
  __m128i h = _mm_cvtsi32_si128(b[0] | b[1] << 8);
  return _mm512_cvtss_f32(_mm512_cvtph_ps(_mm256_castsi128_si256(h)));
}

BLOCK_INLINE __m256 eight(uint64_t bytes) {
  return _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(_mm_cvtsi64_si128((int64_t)bytes)));
}

/* Scales and offsets of the eight parts at once, a byte each (k_scale). */
BLOCK_INLINE void k_bytes(const uint8_t *b, uint64_t *scales, uint64_t *offsets) {
  uint32_t w[3];
  const uint32_t six = 0x3F3F3F3Fu, four = 0x0F0F0F0Fu, two = 0x30303030u;
  memcpy(w, b + 4, sizeof w);
  *scales = (uint64_t)((w[2] & four) | (w[0] >> 2 & two)) << 32 | (w[0] & six);
  *offsets = (uint64_t)((w[2] >> 4 & four) | (w[1] >> 2 & two)) << 32 | (w[1] & six);
}

BLOCK_INLINE void prepare_k(const uint8_t *b, block_scales *s) {
  uint64_t scales, offsets;
  k_bytes(b, &scales, &offsets);
  _mm256_storeu_ps(s->by, _mm256_mul_ps(eight(scales), _mm256_set1_ps(half_at(b))));
  _mm256_storeu_ps(s->plus, _mm256_mul_ps(eight(offsets), _mm256_set1_ps(half_at(b + 2))));
}

BLOCK_INLINE void prepare(const dtype t, const uint8_t *b, block_scales *s) {
  if (t == DTYPE_Q4_K || t == DTYPE_Q5_K) {
    prepare_k(b, s);
  } else if (t == DTYPE_Q6_K) {
    __m128i scales = _mm_loadu_si128((const __m128i *)(b + 192));
    __m512 x = _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(scales));
    _mm512_storeu_ps(s->by, _mm512_mul_ps(x, _mm512_set1_ps(half_at(b + 208))));
  } else {
    s->by[0] = half_at(b);
    if (t == DTYPE_Q4_1 || t == DTYPE_Q5_1) s->plus[0] = half_at(b + 2);
  }
}

/* The 32 integers of part j, as signed or unsigned bytes. */
BLOCK_INLINE __m256i integers(const dtype t, const uint8_t *b, int j) {
  const __m256i nibble = _mm256_set1_epi8(15), fifth = _mm256_set1_epi8(16);
  if (t == DTYPE_Q8_0) return _mm256_loadu_si256((const __m256i *)(b + 2));
  if (t == DTYPE_Q4_K || t == DTYPE_Q5_K) {
    const uint8_t *q = b + (t == DTYPE_Q4_K ? 16 : 48) + j / 2 * 32;
    __m256i x = _mm256_loadu_si256((const __m256i *)q);
    x = _mm256_and_si256(j % 2 ? _mm256_srli_epi16(x, 4) : x, nibble);
    if (t == DTYPE_Q4_K) return x;
    __m256i bits = _mm256_loadu_si256((const __m256i *)(b + 16));
    return _mm256_mask_add_epi8(x, _mm256_test_epi8_mask(bits, _mm256_set1_epi8((char)(1 << j))), x,
                                fifth);
  }
  if (t == DTYPE_Q6_K) {
    const uint8_t *low = b + 64 * (j / 4) + j % 2 * 32, *high = b + 128 + 32 * (j / 4);
    __m256i x = _mm256_loadu_si256((const __m256i *)low);
    __m256i y = _mm256_loadu_si256((const __m256i *)high);
    x = _mm256_and_si256(j % 4 / 2 ? _mm256_srli_epi16(x, 4) : x, nibble);
    y = _mm256_and_si256(_mm256_srl_epi16(y, _mm_cvtsi32_si128(j % 4 * 2)), _mm256_set1_epi8(3));
    x = _mm256_or_si256(x, _mm256_slli_epi16(y, 4));
    return _mm256_sub_epi8(x, _mm256_set1_epi8(32));
  }
  int offset = t == DTYPE_Q4_0 ? 2 : t == DTYPE_Q4_1 ? 4 : t == DTYPE_Q5_0 ? 6 : 8;
  __m128i q = _mm_loadu_si128((const __m128i *)(b + offset));
  __m256i x = _mm256_inserti128_si256(_mm256_castsi128_si256(q), _mm_srli_epi16(q, 4), 1);
  x = _mm256_and_si256(x, nibble);
  if (t == DTYPE_Q4_0) return _mm256_sub_epi8(x, _mm256_set1_epi8(8));
  if (t == DTYPE_Q4_1) return x;
  x = _mm256_mask_add_epi8(x, (__mmask32)fifth_bits(b + (t == DTYPE_Q5_0 ? 2 : 4)), x, fifth);
  return t == DTYPE_Q5_0 ? _mm256_sub_epi8(x, fifth) : x;
}

/* Numbers 16 half .. of part j of a block, whose integers are [q]. */
BLOCK_INLINE __m512 numbers_of(const dtype t, const block_scales *s, __m256i q, int j, int half) {
  __m128i bytes = half ? _mm256_extracti128_si256(q, 1) : _mm256_castsi256_si128(q);
  bool is_k = t == DTYPE_Q4_K || t == DTYPE_Q5_K, plus = t == DTYPE_Q4_1 || t == DTYPE_Q5_1;
  __m512 x =
      _mm512_cvtepi32_ps(is_k || plus ? _mm512_cvtepu8_epi32(bytes) : _mm512_cvtepi8_epi32(bytes));
  __m512 by = _mm512_set1_ps(s->by[t == DTYPE_Q6_K ? 2 * j + half : j]);
  if (is_k) return _mm512_fmsub_ps(x, by, _mm512_set1_ps(s->plus[j]));
  if (plus) return _mm512_fmadd_ps(x, by, _mm512_set1_ps(s->plus[0]));
  return _mm512_mul_ps(x, by);
}

/* f(t, ..) with each format in blocks as a constant. */
#define OF_FORMATS(f, t, ...)                                                                      \
  switch (t) {                                                                                     \
    case DTYPE_Q4_0: f(DTYPE_Q4_0, __VA_ARGS__); break;                                            \
    case DTYPE_Q4_1: f(DTYPE_Q4_1, __VA_ARGS__); break;                                            \
    case DTYPE_Q5_0: f(DTYPE_Q5_0, __VA_ARGS__); break;                                            \
    case DTYPE_Q5_1: f(DTYPE_Q5_1, __VA_ARGS__); break;                                            \
    case DTYPE_Q8_0: f(DTYPE_Q8_0, __VA_ARGS__); break;                                            \
    case DTYPE_Q4_K: f(DTYPE_Q4_K, __VA_ARGS__); break;                                            \
    case DTYPE_Q5_K: f(DTYPE_Q5_K, __VA_ARGS__); break;                                            \
    default: f(DTYPE_Q6_K, __VA_ARGS__);                                                           \
  }

#endif
