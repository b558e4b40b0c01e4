/* One row with weights in Q4_K, as for an answer's next token, with AVX-512.  Included by
 * simd_dots.c alone. */
#ifndef LOCI_TENSOR_DOTS_Q4_K_H
#define LOCI_TENSOR_DOTS_Q4_K_H

#include "tensor/quant_avx512.h"

/* One row of x in the order in which a register of Q4_K's bytes has its numbers: lane l holds bytes
 * 4 l .. of two parts' pairs, so that a shift by 4 brings each next number to its lowest bits.
 * Beside it, where a block's offsets stand in scales_of, the parts' sums, negative. */
enum { TURNED_MOST = 16384 };
typedef struct turned_row {
  float x[TURNED_MOST], sums[TURNED_MOST / 16];
} turned_row;

static void turn_row(turned_row *t, const float *x, int64_t K) {
  const __m256i every_fourth = _mm256_setr_epi32(0, 4, 8, 12, 16, 20, 24, 28);
  for (int64_t p = 0; p < K / 32; p++) {
    float *at = t->x + p / 4 * 128 + p % 2 * 16 + p % 4 / 2 * 8;
    __m256 sum = _mm256_setzero_ps();
    for (int i = 0; i < 4; i++) {
      __m256 v = _mm256_i32gather_ps(x + 32 * p + i, every_fourth, sizeof *x);
      _mm256_storeu_ps(at + 32 * i, v);
      sum = _mm256_add_ps(sum, v);
    }
    t->sums[p / 8 * 16 + 8 + p % 8] = -_mm512_reduce_add_ps(_mm512_zextps256_ps512(sum));
  }
}

/* A block's eight scales, then its eight offsets (prepare_k, in one register). */
BLOCK_INLINE __m512 scales_of(const uint8_t *b) {
  const __m512i spread = _mm512_setr_epi32(0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1);
  uint64_t low, high;
  k_bytes(b, &low, &high);
  __m128i bytes = _mm_set_epi64x((int64_t)high, (int64_t)low);
  __m512 both = _mm512_cvtph_ps(_mm256_castsi128_si256(_mm_loadu_si64(b)));
  return _mm512_mul_ps(_mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(bytes)),
                       _mm512_permutexvar_ps(spread, both));
}

/* Two parts' numbers with x: a table in a register makes floats of four bits. */
BLOCK_INLINE __m512 four_bits(__m512i q, int shift, const float *x) {
  const __m512 table = _mm512_setr_ps(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
  __m512 sum = _mm512_setzero_ps();
  for (int i = 0; i < 4; i++) {
    __m512i index = _mm512_srli_epi32(q, (unsigned)(8 * i + shift));
    sum = _mm512_fmadd_ps(_mm512_permutexvar_ps(index, table), _mm512_loadu_ps(x + 32 * i), sum);
  }
  return sum;
}

/* R rows of Q4_K with a turned row.  What a part's numbers give is multiplied with its scale only
 * once: sum (d q - m) x = d sum q x - m sum x.  Memory is asked for what comes AHEAD: a core that
 * also multiplies looks too few lines ahead by itself, and its own prefetching ends with a page. */
static void q4_k_rows(float *y, const turned_row *t, const uint8_t *w, int64_t R, int64_t K) {
  enum { AHEAD = 4096, BYTES = 144 };
  const __m512i parts = _mm512_setr_epi32(0, 0, 0, 0, 0, 0, 0, 0, 2, 2, 2, 2, 2, 2, 2, 2);
  for (int64_t r = 0; r < R; r++) {
    __m512 even = _mm512_setzero_ps(), odd = even;
    for (int64_t k = 0; k < K; k += 256, w += BYTES) {
      for (int i = 0; i < BYTES; i += 64) _mm_prefetch((const char *)w + AHEAD + i, _MM_HINT_T0);
      __m512 by = scales_of(w);
      even = _mm512_mask3_fmadd_ps(by, _mm512_loadu_ps(t->sums + k / 16), even, 0xFF00);
      for (int a = 0; a < 2; a++) {
        __m512i q = _mm512_loadu_si512(w + 16 + 64 * a);
        const float *x = t->x + k + 128 * a;
        __m512i low = _mm512_add_epi32(parts, _mm512_set1_epi32(4 * a));
        __m512i high = _mm512_add_epi32(low, _mm512_set1_epi32(1));
        even = _mm512_fmadd_ps(four_bits(q, 0, x), _mm512_permutexvar_ps(low, by), even);
        odd = _mm512_fmadd_ps(four_bits(q, 4, x + 16), _mm512_permutexvar_ps(high, by), odd);
      }
    }
    y[r] = _mm512_reduce_add_ps(_mm512_add_ps(even, odd));
  }
}

#endif
