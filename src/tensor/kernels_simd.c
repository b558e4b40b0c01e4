/* The fast kernels: one source, compiled once for every instruction set (LOCI_ISA is base, avx2 or
 * avx512).
 *
 * A vf is one register of the set: 16, 8 or 4 floats.  (Wider ones than the set has go through
 * memory with gcc 12, at a tenth of the speed.)  Sums run in as many lanes and are folded in a
 * fixed order, so results depend on the instruction set but never on the number of threads.  What
 * each kernel computes stands in kernels_ref.c, its plain twin. */
#include <math.h>
#include <string.h>
#if defined(__F16C__) || defined(__AVX512F__)
#include <immintrin.h>
#endif

#include "tensor/quant.h"
#include "tensor/kernels_sets.h"
#if defined(__AVX512F__)
#include "tensor/quant_avx512.h"
#include "tensor/dots_q4_k.h"
#endif

#ifndef LOCI_ISA
#define LOCI_ISA base
#endif
#define JOIN_(a, b) a##b
#define JOIN(a, b) JOIN_(a, b)
#define TEXT_(a) #a
#define TEXT(a) TEXT_(a)

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

/* exp(x) to 2 ulp: x = n ln 2 + r, |r| <= ln 2 / 2, a polynomial in r (Cephes' coefficients), times
 * 2^n. Below -87 the result is an exact zero. */
static inline vf exp_of(vf x) {
  const vf magic = all(12582912.0f); /* 1.5 * 2^23: adding it rounds to an integer */
  vf clamped = x;
  vi low = x<all(-87.0f), high = x> all(88.0f);
  clamped = (vf)(((vi)clamped & ~low) | ((vi)all(-87.0f) & low));
  clamped = (vf)(((vi)clamped & ~high) | ((vi)all(88.0f) & high));
  vf t = clamped * all(1.44269504088896341f) + magic;
  vf n = t - magic;
  vf r = clamped - n * all(0.693359375f);
  r = r - n * all(-2.12194440e-4f);
  vf p = all(1.9875691500e-4f);
  p = p * r + all(1.3981999507e-3f);
  p = p * r + all(8.3334519073e-3f);
  p = p * r + all(4.1665795894e-2f);
  p = p * r + all(1.6666665459e-1f);
  p = p * r + all(5.0000001201e-1f);
  p = p * r * r + r + all(1.0f);
  vi power = ((vi)t - (vi)magic + 127) << 23;
  vf y = p * (vf)power;
  return (vf)((vi)y & ~low);
}

/* Of rows with numbers beyond 1e19 the sum is infinite; the plain kernel then sums in double. */
static float sum_of_squares(const float *x, float mean, int64_t n) {
  vf sum = all(0), m = all(mean);
  int64_t i = 0;
  for (; i + LANES <= n; i += LANES) {
    vf d = load(x + i) - m;
    sum += d * d;
  }
  if (i < n) {
    vf d = load_part(x + i, n - i, mean) - m;
    sum += d * d;
  }
  return fold(sum);
}

static void rmsnorm(float *out, const float *x, const float *w, int64_t n, double eps) {
  float sum = sum_of_squares(x, 0, n);
  if (!isfinite(sum)) {
    kernels_ref.rmsnorm(out, x, w, n, eps);
    return;
  }
  float r = (float)(1 / sqrt((double)sum / (double)n + eps));
  for (int64_t i = 0; i < n; i++) out[i] = w[i] * (x[i] * r);
}

static void layernorm(float *out, const float *x, const float *w, const float *b, int64_t n,
                      double eps) {
  vf sum = all(0);
  int64_t i = 0;
  for (; i + LANES <= n; i += LANES) sum += load(x + i);
  if (i < n) sum += load_part(x + i, n - i, 0);
  float mean = fold(sum) / (float)n;
  float squares = sum_of_squares(x, mean, n);
  if (!isfinite(squares)) {
    kernels_ref.layernorm(out, x, w, b, n, eps);
    return;
  }
  float r = (float)(1 / sqrt((double)squares / (double)n + eps));
  for (i = 0; i < n; i++) out[i] = (x[i] - mean) * r * w[i] + b[i];
}

/* x / (1 + exp(-s x)): SiLU for s = 1, quick GELU for s = 1.702 */
static inline vf sigmoid_times(vf x, float s) { return x / (all(1.0f) + exp_of(x * all(-s))); }

/* 0.5 x (1 + tanh(u)) = x / (1 + exp(-2u)) */
static inline vf gelu_tanh_of(vf x) {
  vf u = all(0.7978845608028654f) * (x + all(0.044715f) * x * x * x);
  return x / (all(1.0f) + exp_of(all(-2.0f) * u));
}

static void add(float *out, const float *x, int64_t n) {
  for (int64_t i = 0; i < n; i++) out[i] += x[i];
}

static void mul(float *out, const float *x, int64_t n) {
  for (int64_t i = 0; i < n; i++) out[i] *= x[i];
}

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

static inline void to_f32_of(float *out, dtype t, const char *src, int64_t n) {
  int64_t size = t == DTYPE_F32 ? 4 : 2, i = 0;
  for (; i + LANES <= n; i += LANES) store(out + i, widened(t, src + i * size));
  for (; i < n; i++) out[i] = float_of(bits_at(t, src, i));
}

/* LANES numbers rounded at once. */
static inline vh rounded_all(vf x) {
  vu b = (vu)x, nearest = (b + 0x7FFFu + (b >> 16 & 1u)) >> 16, quiet = b >> 16 | 0x40u;
  vu nan = (vu)(x != x);
  return __builtin_convertvector((quiet & nan) | (nearest & ~nan), vh);
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

static void to_f32(float *out, dtype t, const void *src, int64_t n) {
  switch (t) {
    case DTYPE_F32: to_f32_of(out, DTYPE_F32, src, n); break;
    case DTYPE_BF16: to_f32_of(out, DTYPE_BF16, src, n); break;
    case DTYPE_F16: to_f32_of(out, DTYPE_F16, src, n); break;
    default: blocks_to_f32(out, t, src, n);
  }
}

static void to_bf16(uint16_t *out, dtype t, const void *src, int64_t n) {
  switch (t) {
    case DTYPE_F32: to_bf16_of(out, DTYPE_F32, src, n); break;
    case DTYPE_BF16: memcpy(out, src, (size_t)n * sizeof *out); break;
    case DTYPE_F16: to_bf16_of(out, DTYPE_F16, src, n); break;
    default: blocks_to_bf16(out, t, src, n);
  }
}

static void round_bf16(uint16_t *out, const float *x, int64_t n) { to_bf16(out, DTYPE_F32, x, n); }

static inline vf gelu_erf_of(vf x) {
  float part[LANES];
  store(part, x);
  for (int i = 0; i < LANES; i++) part[i] = 0.5f * part[i] * (1 + erff(part[i] * 0.70710678f));
  return load(part);
}

static inline vf relu_of(vf x) {
  vi negative = x < all(0);
  return (vf)((vi)x & ~negative);
}

INLINE vf act_of(const act_kind act, vf x) {
  switch (act) {
    case ACT_SILU: return sigmoid_times(x, 1.0f);
    case ACT_QUICK_GELU: return sigmoid_times(x, 1.702f);
    case ACT_GELU_TANH: return gelu_tanh_of(x);
    case ACT_GELU_ERF: return gelu_erf_of(x);
    case ACT_RELU:
    case ACT_COUNT: break;
  }
  return relu_of(x);
}

INLINE void gate_of(void *out, dtype t, const float *g, const float *u, const act_kind act,
                    int64_t n) {
  for (int64_t i = 0; i < n; i += LANES) {
    vf v = act_of(act, load_part(g + i, n - i, 0));
    if (u) v *= load_part(u + i, n - i, 0);
    if (t == DTYPE_BF16) {
      vh h = rounded_all(v);
      memcpy((uint16_t *)out + i, &h, (size_t)(n - i < LANES ? n - i : LANES) * sizeof(uint16_t));
    } else {
      store_part((float *)out + i, v, n - i);
    }
  }
}

static void gate(void *out, dtype t, const float *g, const float *u, act_kind act, int64_t n) {
  switch (act) {
    case ACT_SILU: gate_of(out, t, g, u, ACT_SILU, n); break;
    case ACT_QUICK_GELU: gate_of(out, t, g, u, ACT_QUICK_GELU, n); break;
    case ACT_GELU_TANH: gate_of(out, t, g, u, ACT_GELU_TANH, n); break;
    case ACT_GELU_ERF: gate_of(out, t, g, u, ACT_GELU_ERF, n); break;
    case ACT_RELU:
    case ACT_COUNT: gate_of(out, t, g, u, ACT_RELU, n); break;
  }
}

/* Tiles of up to ROWS rows and two registers of columns: their sums stay in registers. */
enum { ROWS = 4, COLUMNS = 2 * LANES };
/* A tile of products with a weight has four rows of it, and this many of the other operand. */
enum { DOT_ROWS = LANES == 16 ? 4 : 2 };

/* R is a constant where a tile is used, so that a short one computes no row in vain. */
#define OF_ROWS(tile, most, R, ...)                                                                \
  switch ((R) < (most) ? (R) : (most)) {                                                           \
    case 1: tile(1, __VA_ARGS__); break;                                                           \
    case 2: tile(2, __VA_ARGS__); break;                                                           \
    case 3: tile(3, __VA_ARGS__); break;                                                           \
    default: tile(4, __VA_ARGS__);                                                                 \
  }

/* The sums of four registers, each folded like fold(): halves until four lanes are left. */
typedef float v4 __attribute__((vector_size(16)));

static inline v4 quarter(vf x) {
#if defined(__AVX512F__)
  typedef float v8 __attribute__((vector_size(32)));
  v8 h = __builtin_shufflevector(x, x, 0, 1, 2, 3, 4, 5, 6, 7) +
         __builtin_shufflevector(x, x, 8, 9, 10, 11, 12, 13, 14, 15);
  return __builtin_shufflevector(h, h, 0, 1, 2, 3) + __builtin_shufflevector(h, h, 4, 5, 6, 7);
#elif defined(__AVX2__)
  return __builtin_shufflevector(x, x, 0, 1, 2, 3) + __builtin_shufflevector(x, x, 4, 5, 6, 7);
#else
  return x;
#endif
}

static inline v4 fold4(vf a, vf b, vf c, vf d) {
  v4 p = quarter(a), q = quarter(b), r = quarter(c), s = quarter(d);
  v4 pq = __builtin_shufflevector(p, q, 0, 4, 1, 5) + __builtin_shufflevector(p, q, 2, 6, 3, 7);
  v4 rs = __builtin_shufflevector(r, s, 0, 4, 1, 5) + __builtin_shufflevector(r, s, 2, 6, 3, 7);
  return __builtin_shufflevector(pq, rs, 0, 1, 4, 5) + __builtin_shufflevector(pq, rs, 2, 3, 6, 7);
}

/* M rows of x with four rows of a weight, of which [rows] are there: sums stay in registers. */
INLINE void dots_tile(const int M, float *y, int64_t ldy, const float *x, const dtype t,
                      const char *w, int64_t rows, int64_t K) {
  const int64_t size = t == DTYPE_F32 ? 4 : 2, row = K * size, whole = K / LANES * LANES;
  const char *w0 = w, *w1 = rows > 1 ? w + row : w, *w2 = rows > 2 ? w + 2 * row : w,
             *w3 = rows > 3 ? w + 3 * row : w;
  vf a[ROWS][4];
  for (int m = 0; m < M; m++) a[m][0] = a[m][1] = a[m][2] = a[m][3] = all(0);
  for (int64_t k = 0; k < whole; k += LANES) {
    vf u0 = widened(t, w0 + k * size), u1 = widened(t, w1 + k * size),
       u2 = widened(t, w2 + k * size), u3 = widened(t, w3 + k * size);
    for (int m = 0; m < M; m++) {
      vf v = load(x + m * K + k);
      a[m][0] += v * u0;
      a[m][1] += v * u1;
      a[m][2] += v * u2;
      a[m][3] += v * u3;
    }
  }
  const char *each[4] = {w0, w1, w2, w3};
  for (int m = 0; m < M; m++) {
    v4 sum = fold4(a[m][0], a[m][1], a[m][2], a[m][3]);
    for (int i = 0; i < 4 && i < rows; i++) {
      float s = sum[i];
      for (int64_t k = whole; k < K; k++) s += x[m * K + k] * float_of(bits_at(t, each[i], k));
      y[m * ldy + i] = s;
    }
  }
}

/* Four rows of the weight at a time: as many streams from memory, and sums that do not wait for
 * each other.  All rows of x meet them while they are in the cache. */
INLINE void dots_of(float *y, int64_t ldy, const float *x, int M, const dtype t, const char *w,
                    int64_t R, int64_t K) {
  const int64_t size = t == DTYPE_F32 ? 4 : 2;
  for (int64_t r = 0; r < R; r += 4) {
    for (int m = 0; m < M; m += DOT_ROWS)
      OF_ROWS(dots_tile, DOT_ROWS, M - m, y + m * ldy + r, ldy, x + m * K, t, w + r * K * size,
              R - r, K)
  }
}

/* M rows of x, at most FEW, with four rows of a weight in blocks, of which [rows] are there: some
 * blocks of each are widened at a time, and all rows of x meet them in the nearest cache. */
enum { FEW = 16 };

static void dots_of_blocks(float *y, int64_t ldy, const float *x, int M, dtype t, const char *w,
                           int64_t rows, int64_t K) {
  int64_t bytes = dtype_size(t, K);
  float u[4][BLOCK_MOST] = {0};
  vf a[FEW][4];
  for (int m = 0; m < M; m++) a[m][0] = a[m][1] = a[m][2] = a[m][3] = all(0);
  for (int64_t k = 0; k < K; k += BLOCK_MOST) {
    int64_t n = K - k < BLOCK_MOST ? K - k : BLOCK_MOST;
    for (int64_t i = 0; i < 4 && i < rows; i++) {
      blocks_to_f32(u[i], t, w + i * bytes + dtype_size(t, k), n);
    }
    for (int m = 0; m < M; m++) {
      vf s0 = a[m][0], s1 = a[m][1], s2 = a[m][2], s3 = a[m][3];
      for (int64_t i = 0; i < n; i += LANES) {
        vf v = load(x + m * K + k + i);
        s0 += v * load(u[0] + i);
        s1 += v * load(u[1] + i);
        s2 += v * load(u[2] + i);
        s3 += v * load(u[3] + i);
      }
      a[m][0] = s0, a[m][1] = s1, a[m][2] = s2, a[m][3] = s3;
    }
  }
  for (int m = 0; m < M; m++) {
    v4 sum = fold4(a[m][0], a[m][1], a[m][2], a[m][3]);
    for (int64_t i = 0; i < 4 && i < rows; i++) y[m * ldy + i] = sum[i];
  }
}

#if defined(__AVX512F__)
/* M rows of x with four rows of a weight in blocks of a format, widened in registers. */
INLINE void block_tile(const int M, const dtype t, float *y, int64_t ldy, const float *x,
                       const uint8_t *w, int64_t rows, int64_t K) {
  const int64_t step = t >= DTYPE_Q4_K ? 256 : 32, bytes = (int64_t)dtype_bytes(t);
  const int64_t row = K / step * bytes;
  const uint8_t *each[4] = {w, rows > 1 ? w + row : w, rows > 2 ? w + 2 * row : w,
                            rows > 3 ? w + 3 * row : w};
  vf a[ROWS][4];
  for (int m = 0; m < M; m++) a[m][0] = a[m][1] = a[m][2] = a[m][3] = all(0);
  for (int64_t k = 0; k < K; k += step) {
    block_scales s[4];
    for (int i = 0; i < 4; i++) prepare(t, each[i], &s[i]);
    for (int j = 0; j < step / 32; j++) {
      for (int i = 0; i < 4; i++) {
        __m256i q = integers(t, each[i], j);
        vf u = (vf)numbers_of(t, &s[i], q, j, 0), v = (vf)numbers_of(t, &s[i], q, j, 1);
        for (int m = 0; m < M; m++) {
          a[m][i] += load(x + m * K + k + 32 * j) * u;
          a[m][i] += load(x + m * K + k + 32 * j + 16) * v;
        }
      }
    }
    for (int i = 0; i < 4; i++) each[i] += bytes;
  }
  for (int m = 0; m < M; m++) {
    v4 sum = fold4(a[m][0], a[m][1], a[m][2], a[m][3]);
    for (int i = 0; i < 4 && i < rows; i++) y[m * ldy + i] = sum[i];
  }
}

INLINE void block_tiles(const dtype t, const int M, float *y, int64_t ldy, const float *x,
                        const uint8_t *w, int64_t R, int64_t K) {
  const int64_t row = K / (t >= DTYPE_Q4_K ? 256 : 32) * (int64_t)dtype_bytes(t);
  for (int64_t r = 0; r < R; r += 4) block_tile(M, t, y + r, ldy, x, w + r * row, R - r, K);
}

/* An answer's next token: the time of reading the weight. */
static bool dots_one(float *y, int64_t ldy, const float *x, int M, dtype t, const void *w,
                     int64_t R, int64_t K) {
  if (M != 1) return false;
  if (t == DTYPE_Q4_K && R >= 4 && K <= TURNED_MOST) {
    turned_row turned;
    turn_row(&turned, x, K);
    q4_k_rows(y, &turned, w, R, K);
    return true;
  }
  OF_FORMATS(block_tiles, t, 1, y, ldy, x, w, R, K)
  return true;
}
#else
static bool dots_one(float *y, int64_t ldy, const float *x, int M, dtype t, const void *w,
                     int64_t R, int64_t K) {
  (void)y, (void)ldy, (void)x, (void)M, (void)t, (void)w, (void)R, (void)K;
  return false;
}
#endif

static void dots_blocks(float *y, int64_t ldy, const float *x, int M, dtype t, const char *w,
                        int64_t R, int64_t K) {
  if (dots_one(y, ldy, x, M, t, w, R, K)) return;
  for (int64_t r = 0; r < R; r += 4, w += 4 * dtype_size(t, K)) {
    for (int m = 0; m < M; m += FEW) {
      dots_of_blocks(y + m * ldy + r, ldy, x + m * K, M - m < FEW ? M - m : FEW, t, w, R - r, K);
    }
  }
}

static void dots(float *y, int64_t ldy, const float *x, int M, dtype t, const void *w, int64_t R,
                 int64_t K) {
  switch (t) {
    case DTYPE_F32: dots_of(y, ldy, x, M, DTYPE_F32, w, R, K); break;
    case DTYPE_BF16: dots_of(y, ldy, x, M, DTYPE_BF16, w, R, K); break;
    case DTYPE_F16: dots_of(y, ldy, x, M, DTYPE_F16, w, R, K); break;
    default: dots_blocks(y, ldy, x, M, t, w, R, K);
  }
}

/* M rows of y, two registers of columns; [keep] of them are there. */
INLINE void back_tile(const int M, float *y, int64_t ldy, const float *x, int64_t ldx,
                      const dtype t, const char *w, int64_t row, int64_t R) {
  const int64_t next = LANES * (t == DTYPE_F32 ? 4 : 2);
  vf a[ROWS], b[ROWS];
  for (int m = 0; m < M; m++) a[m] = b[m] = all(0);
  for (int64_t r = 0; r < R; r++, w += row) {
    vf u = widened(t, w), v = widened(t, w + next);
    for (int m = 0; m < M; m++) {
      vf s = all(x[m * ldx + r]);
      a[m] += s * u;
      b[m] += s * v;
    }
  }
  for (int m = 0; m < M; m++, y += ldy) {
    store(y, load(y) + a[m]);
    store(y + LANES, load(y + LANES) + b[m]);
  }
}

/* What is left of the columns, one by one. */
static void back_columns(float *y, int64_t ldy, const float *x, int64_t ldx, int M, dtype t,
                         const char *w, int64_t row, int64_t R, int64_t C) {
  for (int m = 0; m < M; m++) {
    for (int64_t c = 0; c < C; c++) {
      float sum = 0;
      for (int64_t r = 0; r < R; r++) {
        float v = float_of(bits_at(t, w + r * row, c));
        sum += x[m * ldx + r] * v;
      }
      y[m * ldy + c] += sum;
    }
  }
}

INLINE void back_of(float *y, int64_t ldy, const float *x, int64_t ldx, int M, const dtype t,
                    const char *w, int64_t row, int64_t R, int64_t C) {
  const int64_t size = t == DTYPE_F32 ? 4 : 2, whole = C / COLUMNS * COLUMNS;
  for (int64_t c = 0; c < whole; c += COLUMNS) {
    for (int m = 0; m < M; m += ROWS)
      OF_ROWS(back_tile, ROWS, M - m, y + m * ldy + c, ldy, x + m * ldx, ldx, t, w + c * size, row,
              R)
  }
  back_columns(y + whole, ldy, x, ldx, M, t, w + whole * size, row, R, C - whole);
}

static void dots_back(float *y, int64_t ldy, const float *x, int64_t ldx, int M, weight_rows w,
                      int64_t R, int64_t C) {
  int64_t row = w.row * (w.type == DTYPE_F32 ? 4 : 2);
  switch (w.type) {
    case DTYPE_F32: back_of(y, ldy, x, ldx, M, DTYPE_F32, w.at, row, R, C); break;
    case DTYPE_BF16: back_of(y, ldy, x, ldx, M, DTYPE_BF16, w.at, row, R, C); break;
    case DTYPE_F16: back_of(y, ldy, x, ldx, M, DTYPE_F16, w.at, row, R, C); break;
    default: break; /* weights in blocks are widened before */
  }
}

static void rope(float *x, const float *cosine, const float *sine, int heads, int K, int rot) {
  int half = rot / 2;
  for (int h = 0; h < heads; h++) {
    float *a = x + (int64_t)h * K, *b = a + half;
    for (int i = 0; i < half; i++) {
      float u = a[i], v = b[i];
      a[i] = u * cosine[i] - v * sine[i];
      b[i] = v * cosine[i] + u * sine[i];
    }
  }
}

/* The column of position j in panels of K channels, at its first channel. */
static inline const float *column(const float *panels, int K, int64_t j) {
  return panels + j / PANEL * PANEL * K + j % PANEL;
}

/* Scores of R queries with the columns [a, a + LANES) and [b, b + LANES); b is a where a register
 * is a whole panel and no other follows: what is beyond it belongs to another row. */
INLINE void scores_tile(const int R, float *S, int64_t ld, const float *q, int64_t q_stride, int K,
                        float scale, const float *a, const float *b) {
  const bool both = a != b;
  vf x[ROWS], y[ROWS];
  for (int r = 0; r < R; r++) x[r] = y[r] = all(0);
  for (int c = 0; c < K; c++, a += PANEL, b += PANEL) {
    vf k = load(a), l = load(b);
    for (int r = 0; r < R; r++) {
      vf s = all(q[r * q_stride + c]);
      x[r] += s * k;
      y[r] += s * l;
    }
  }
  for (int r = 0; r < R; r++) {
    store(S + r * ld, x[r] * all(scale));
    if (both) store(S + r * ld + LANES, y[r] * all(scale));
  }
}

static void scores(float *S, int64_t ld, const float *q, int64_t q_stride, int R, int K,
                   float scale, const float *panels, int count) {
  int64_t n = round_up(count, PANEL);
  for (int64_t j = 0; j < n; j += COLUMNS) {
    int64_t second = j + LANES < n ? j + LANES : j;
    const float *a = column(panels, K, j), *b = column(panels, K, second);
    for (int r = 0; r < R; r += ROWS)
      OF_ROWS(scores_tile, ROWS, R - r, S + r * ld + j, ld, q + r * q_stride, q_stride, K, scale, a,
              b)
  }
}

static float max_of(const float *x, int64_t n) {
  vf most = all(-INFINITY);
  int64_t i = 0;
  for (; i + LANES <= n; i += LANES) {
    vf v = load(x + i);
    vi more = v > most;
    most = (vf)(((vi)v & more) | ((vi)most & ~more));
  }
  float max = -INFINITY;
  for (int l = 0; l < LANES; l++) max = most[l] > max ? most[l] : max;
  for (; i < n; i++) max = x[i] > max ? x[i] : max;
  return max;
}

static void softmax(float *x, int64_t n) {
  float max = max_of(x, n);
  if (max == -INFINITY) max = 0; /* everything is masked: all weights are zero */
  vf sum = all(0), m = all(max);
  for (int64_t i = 0; i < n; i += LANES) {
    vf v = exp_of(load_part(x + i, n - i, -INFINITY) - m);
    sum += v;
    store_part(x + i, v, n - i);
  }
  float total = fold(sum), r = total == 0 ? 0 : 1 / total; /* a NaN is one for all */
  for (int64_t i = 0; i < n; i++) x[i] *= r;
}

/* Adds [keep] channels of the two registers at v and w of every row of values. */
INLINE void mix_tile(const int R, float *z, int64_t z_stride, const float *S, int64_t ld,
                     const float *v, const float *w, int64_t row, int count, int64_t keep) {
  vf a[ROWS], b[ROWS];
  for (int r = 0; r < R; r++) a[r] = b[r] = all(0);
  for (int j = 0; j < count; j++, v += row, w += row) {
    vf x = load(v), y = load(w);
    for (int r = 0; r < R; r++) {
      vf s = all(S[r * ld + j]);
      a[r] += s * x;
      b[r] += s * y;
    }
  }
  for (int r = 0; r < R; r++, z += z_stride) {
    store_part(z, load_part(z, keep, 0) + a[r], keep);
    if (keep > LANES) {
      store_part(z + LANES, load_part(z + LANES, keep - LANES, 0) + b[r], keep - LANES);
    }
  }
}

static void mix(float *z, int64_t z_stride, const float *S, int64_t ld, int R, value_rows v,
                int count, int K) {
  int64_t width = round_up(K, PANEL);
  for (int64_t c = 0; c < K; c += COLUMNS) {
    int64_t d = c + LANES < width ? c + LANES : c;
    const float *x = v.at + c / PANEL * v.panel + c % PANEL;
    const float *y = v.at + d / PANEL * v.panel + d % PANEL;
    for (int r = 0; r < R; r += ROWS)
      OF_ROWS(mix_tile, ROWS, R - r, z + r * z_stride + c, z_stride, S + r * ld, ld, x, y, v.row,
              count, K - c)
  }
}

const kernel_set JOIN(kernels_, LOCI_ISA) = {
    .name = TEXT(LOCI_ISA),
    .rmsnorm = rmsnorm,
    .layernorm = layernorm,
    .gate = gate,
    .add = add,
    .mul = mul,
    .round_bf16 = round_bf16,
    .to_f32 = to_f32,
    .to_bf16 = to_bf16,
    .dots = dots,
    .dots_back = dots_back,
    .rope = rope,
    .scores = scores,
    .softmax = softmax,
    .mix = mix,
};
