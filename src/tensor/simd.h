/* Registers of whichever instruction set a fast kernel is compiled for, and what all of its files
 * do with them.
 *
 * The fast kernels (kernels_simd.c and simd_*.c, which alone include this) are compiled once for
 * every set; LOCI_ISA is base, avx2 or avx512.  A vf is one register of the set: 16, 8 or 4 floats.
 * (Wider ones than the set has go through memory with gcc 12, at a tenth of the speed.)  Sums run
 * in as many lanes and are folded in a fixed order, so results depend on the instruction set but
 * never on the number of threads. */
#ifndef LOCI_TENSOR_SIMD_H
#define LOCI_TENSOR_SIMD_H

#include <string.h>
#if defined(__F16C__) || defined(__AVX512F__)
#include <immintrin.h>
#endif

#include "tensor/kernels_sets.h"

#ifndef LOCI_ISA
#define LOCI_ISA base
#endif
#define JOIN_(a, b) a##b
#define JOIN(a, b) JOIN_(a, b)
/* A function's name in this set: simd_dots_avx512. */
#define OF_SET(name) JOIN(JOIN(simd_, name), JOIN(_, LOCI_ISA))

#if defined(__AVX512F__)
enum { LANES = 16 };
#elif defined(__AVX2__)
enum { LANES = 8 };
#else
enum { LANES = 4 };
#endif
typedef float vf __attribute__((vector_size(4 * LANES)));
typedef int32_t vi __attribute__((vector_size(4 * LANES)));
typedef uint32_t vu __attribute__((vector_size(4 * LANES)));
typedef uint16_t vh __attribute__((vector_size(2 * LANES)));

#define INLINE static inline __attribute__((always_inline))

static inline vf load(const float *p) {
  vf x;
  memcpy(&x, p, sizeof x);
  return x;
}

static inline void store(float *p, vf x) { memcpy(p, &x, sizeof x); }

static inline vf all(float x) { return x - (vf){0}; }

/* The first n values (LANES at most), the rest filled up with [fill]. */
static inline vf load_part(const float *p, int64_t n, float fill) {
  if (n >= LANES) return load(p);
  float part[LANES];
  for (int64_t i = 0; i < LANES; i++) part[i] = i < n ? p[i] : fill;
  return load(part);
}

static inline void store_part(float *p, vf x, int64_t n) {
  if (n >= LANES) {
    store(p, x);
  } else {
    memcpy(p, &x, (size_t)n * sizeof *p);
  }
}

static inline float fold(vf x) {
  float s[LANES];
  store(s, x);
  for (int step = LANES / 2; step > 0; step /= 2) {
    for (int i = 0; i < step; i++) s[i] += s[i + step];
  }
  return s[0];
}

/* Tiles of up to ROWS rows and two registers of columns: their sums stay in registers. */
enum { ROWS = 4, COLUMNS = 2 * LANES };

/* R is a constant where a tile is used, so that a short one computes no row in vain. */
#define OF_ROWS(tile, most, R, ...)                                                                \
  switch ((R) < (most) ? (R) : (most)) {                                                           \
    case 1: tile(1, __VA_ARGS__); break;                                                           \
    case 2: tile(2, __VA_ARGS__); break;                                                           \
    case 3: tile(3, __VA_ARGS__); break;                                                           \
    default: tile(4, __VA_ARGS__);                                                                 \
  }

/* Weights of any dtype (simd_convert.c): n of them, whole blocks, as f32 or rounded to bf16. */
void OF_SET(to_f32)(float *out, dtype t, const void *src, int64_t n);
void OF_SET(to_bf16)(uint16_t *out, dtype t, const void *src, int64_t n);

/* Members of the set that stand in files of their own (kernels.h). */
void OF_SET(dots)(float *y, int64_t ldy, const float *x, int M, dtype t, const void *w, int64_t R,
                  int64_t K);
void OF_SET(dots_back)(float *y, int64_t ldy, const float *x, int64_t ldx, int M, weight_rows w,
                       int64_t R, int64_t C);
void OF_SET(scores)(float *S, int64_t ld, const float *q, int64_t q_stride, int R, int K,
                    float scale, const float *panels, int count);
void OF_SET(softmax)(float *x, int64_t n);
double OF_SET(log_sum_exp)(const float *x, int64_t n);
void OF_SET(mix)(float *z, int64_t z_stride, const float *S, int64_t ld, int R, value_rows v,
                 int count, int K);

#endif
