/* One row with weights in Q4_K, as for an answer's next token, with AVX-512.  Included by
 * simd_dots.c alone. */
#ifndef LOCI_TENSOR_DOTS_Q4_K_H
#define LOCI_TENSOR_DOTS_Q4_K_H

#include "tensor/quant_avx512.h"

/* One row of x in the order in which a register of Q4_K's bytes has its numbers: lane l holds bytes
 * 4 l .. of two parts' pairs, so that a shift by 4 brings each next number to its lowest bits.
 * Beside it the sums of the parts, which meet the offsets. */
enum { TURNED_MOST = 16384 };
typedef struct turned_row {
  float x[TURNED_MOST], sums[TURNED_MOST / 32];
} turned_row;

static void turn_row(turned_row *t, const float *x, int64_t K) {
  for (int64_t p = 0; p < K / 32; p++) {
    float sum = 0, *at = t->x + p / 4 * 128 + p % 2 * 16 + p % 4 / 2 * 8;
    for (int i = 0; i < 32; i++) {
      at[i % 4 * 32 + i / 4] = x[32 * p + i];
      sum += x[32 * p + i];
    }
    t->sums[p] = sum;
  }
}

/* R rows of Q4_K with a turned row.  A table in a register makes floats of four bits, and what a
 * part's numbers give is multiplied with its scale only then: sum (d q - m) x = d sum q x - m sum
 * x. */
static void q4_k_rows(float *y, const turned_row *t, const uint8_t *w, int64_t R, int64_t K) {
  const __m512 table = _mm512_setr_ps(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
  const __m512i even = _mm512_setr_epi32(0, 0, 0, 0, 0, 0, 0, 0, 2, 2, 2, 2, 2, 2, 2, 2);
  const int64_t bytes = 144, row = K / 256 * bytes;
  for (int64_t r = 0; r < R; r++, w += row) {
    __m512 sum = _mm512_setzero_ps();
    __m256 less = _mm256_setzero_ps();
    const uint8_t *b = w;
    for (int64_t k = 0; k < K; k += 256, b += bytes) {
      block_scales s;
      prepare_k(b, &s);
      __m512 by = _mm512_castps256_ps512(_mm256_loadu_ps(s.by));
      less = _mm256_fmadd_ps(_mm256_loadu_ps(s.plus), _mm256_loadu_ps(t->sums + k / 32), less);
      for (int a = 0; a < 2; a++) {
        __m512i q = _mm512_loadu_si512(b + 16 + 64 * a);
        const float *x = t->x + k + 128 * a;
        __m512 low = _mm512_setzero_ps(), high = low;
        for (int i = 0; i < 4; i++) {
          low =
              _mm512_fmadd_ps(_mm512_permutexvar_ps(_mm512_srli_epi32(q, (unsigned)(8 * i)), table),
                              _mm512_loadu_ps(x + 32 * i), low);
          high = _mm512_fmadd_ps(
              _mm512_permutexvar_ps(_mm512_srli_epi32(q, (unsigned)(8 * i + 4)), table),
              _mm512_loadu_ps(x + 32 * i + 16), high);
        }
        __m512i which = _mm512_add_epi32(even, _mm512_set1_epi32(4 * a));
        sum = _mm512_fmadd_ps(low, _mm512_permutexvar_ps(which, by), sum);
        which = _mm512_add_epi32(which, _mm512_set1_epi32(1));
        sum = _mm512_fmadd_ps(high, _mm512_permutexvar_ps(which, by), sum);
      }
    }
    float part[8], minus = 0;
    _mm256_storeu_ps(part, less);
    for (int i = 0; i < 8; i++) minus += part[i];
    y[r] = _mm512_reduce_add_ps(sum) - minus;
  }
}

#endif
