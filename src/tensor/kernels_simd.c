/* The fast kernels: one source, compiled once for every instruction set (LOCI_ISA is base, avx2 or
 * avx512).
 *
 * A vf is 16 floats; the compiler turns it into one 512-bit, two 256-bit or four 128-bit registers.
 * Sums run in 16 lanes and are folded in a fixed order, so results depend on the instruction set
 * but never on the number of threads.  What each kernel computes stands in kernels_ref.c, its plain
 * twin. */
#include <math.h>
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
#define TEXT_(a) #a
#define TEXT(a) TEXT_(a)

typedef float vf __attribute__((vector_size(64)));
typedef int32_t vi __attribute__((vector_size(64)));
#if defined(__AVX512F__)
typedef uint32_t vu __attribute__((vector_size(64)));
typedef uint16_t vh __attribute__((vector_size(32)));
#endif
enum { LANES = 16 };

static inline vf load(const float *p) {
  vf x;
  memcpy(&x, p, sizeof x);
  return x;
}

static inline void store(float *p, vf x) { memcpy(p, &x, sizeof x); }

static inline vf all(float x) { return (vf){x, x, x, x, x, x, x, x, x, x, x, x, x, x, x, x}; }

/* The first n < 16 values, the rest filled up with [fill]. */
static inline vf load_part(const float *p, int64_t n, float fill) {
  float part[LANES];
  for (int64_t i = 0; i < LANES; i++) part[i] = i < n ? p[i] : fill;
  return load(part);
}

static inline void store_part(float *p, vf x, int64_t n) { memcpy(p, &x, (size_t)n * sizeof *p); }

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
  float r = (float)(1 / sqrt((double)sum_of_squares(x, 0, n) / (double)n + eps));
  for (int64_t i = 0; i < n; i++) out[i] = w[i] * (x[i] * r);
}

static void layernorm(float *out, const float *x, const float *w, const float *b, int64_t n,
                      double eps) {
  vf sum = all(0);
  int64_t i = 0;
  for (; i + LANES <= n; i += LANES) sum += load(x + i);
  if (i < n) sum += load_part(x + i, n - i, 0);
  float mean = fold(sum) / (float)n;
  float r = (float)(1 / sqrt((double)sum_of_squares(x, mean, n) / (double)n + eps));
  for (i = 0; i < n; i++) out[i] = (x[i] - mean) * r * w[i] + b[i];
}

/* x / (1 + exp(-s x)): SiLU for s = 1, quick GELU for s = 1.702 */
static inline vf sigmoid_times(vf x, float s) { return x / (all(1.0f) + exp_of(x * all(-s))); }

/* 0.5 x (1 + tanh(u)) = x / (1 + exp(-2u)) */
static inline vf gelu_tanh_of(vf x) {
  vf u = all(0.7978845608028654f) * (x + all(0.044715f) * x * x * x);
  return x / (all(1.0f) + exp_of(all(-2.0f) * u));
}

#define EACH(expression)                                                                           \
  for (int64_t i = 0; i < n; i += LANES) {                                                         \
    int64_t left = n - i;                                                                          \
    vf v = left >= LANES ? load(x + i) : load_part(x + i, left, 0);                                \
    v = (expression);                                                                              \
    store_part(x + i, v, left >= LANES ? LANES : left);                                            \
  }

static void silu(float *x, int64_t n) { EACH(sigmoid_times(v, 1.0f)) }
static void quick_gelu(float *x, int64_t n) { EACH(sigmoid_times(v, 1.702f)) }
static void gelu_tanh(float *x, int64_t n) { EACH(gelu_tanh_of(v)) }

static void gelu_erf(float *x, int64_t n) {
  for (int64_t i = 0; i < n; i++) x[i] = 0.5f * x[i] * (1 + erff(x[i] * 0.70710678f));
}

static void relu(float *x, int64_t n) {
  for (int64_t i = 0; i < n; i++) x[i] = x[i] < 0 ? 0 : x[i];
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

/* 16 weights as f32. */
static inline vf widened(dtype t, const char *w) {
#if defined(__AVX512F__)
  if (t == DTYPE_F16) return (vf)_mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)w));
#elif defined(__F16C__)
  if (t == DTYPE_F16) {
    __m256 x[2] = {_mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)w)),
                   _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(w + 16)))};
    vf both;
    memcpy(&both, x, sizeof both);
    return both;
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

static void to_f32(float *out, dtype t, const void *src, int64_t n) {
  switch (t) {
    case DTYPE_F32: to_f32_of(out, DTYPE_F32, src, n); break;
    case DTYPE_BF16: to_f32_of(out, DTYPE_BF16, src, n); break;
    case DTYPE_F16: to_f32_of(out, DTYPE_F16, src, n); break;
  }
}

#if defined(__AVX512F__)
/* The same of 16 at once; compilers do as well on the plain loop for the smaller sets. */
static inline vh rounded_all(vf x) {
  vu b = (vu)x, nearest = (b + 0x7FFFu + (b >> 16 & 1u)) >> 16, quiet = b >> 16 | 0x40u;
  vu nan = (vu)(x != x);
  return __builtin_convertvector((quiet & nan) | (nearest & ~nan), vh);
}
#endif

static inline void to_bf16_of(uint16_t *out, dtype t, const char *src, int64_t n) {
  int64_t i = 0;
#if defined(__AVX512F__)
  for (; i + LANES <= n; i += LANES) {
    vh h = rounded_all(widened(t, src + i * (t == DTYPE_F32 ? 4 : 2)));
    memcpy(out + i, &h, sizeof h);
  }
#endif
  for (; i < n; i++) out[i] = (uint16_t)rounded(bits_at(t, src, i));
}

static void to_bf16(uint16_t *out, dtype t, const void *src, int64_t n) {
  switch (t) {
    case DTYPE_F32: to_bf16_of(out, DTYPE_F32, src, n); break;
    case DTYPE_BF16: memcpy(out, src, (size_t)n * sizeof *out); break;
    case DTYPE_F16: to_bf16_of(out, DTYPE_F16, src, n); break;
  }
}

static void round_bf16(uint16_t *out, const float *x, int64_t n) { to_bf16(out, DTYPE_F32, x, n); }

/* Four rows at a time: as many streams from memory, and sums that do not wait for each other. */
static inline void dots_of(float *y, const float *x, dtype t, const char *w, int64_t R, int64_t K) {
  int64_t size = t == DTYPE_F32 ? 4 : 2, row = K * size, whole = K / LANES * LANES;
  for (int64_t r = 0; r < R; r += 4) {
    const char *w0 = w + r * row, *w1 = r + 1 < R ? w0 + row : w0, *w2 = r + 2 < R ? w1 + row : w0,
               *w3 = r + 3 < R ? w2 + row : w0;
    vf a0 = all(0), a1 = a0, a2 = a0, a3 = a0;
    for (int64_t k = 0; k < whole; k += LANES) {
      vf v = load(x + k);
      a0 += v * widened(t, w0 + k * size);
      a1 += v * widened(t, w1 + k * size);
      a2 += v * widened(t, w2 + k * size);
      a3 += v * widened(t, w3 + k * size);
    }
    const char *rows[4] = {w0, w1, w2, w3};
    float sum[4] = {fold(a0), fold(a1), fold(a2), fold(a3)};
    for (int i = 0; i < 4 && r + i < R; i++) {
      for (int64_t k = whole; k < K; k++) {
        float v = float_of(bits_at(t, rows[i], k));
        sum[i] += x[k] * v;
      }
      y[r + i] = sum[i];
    }
  }
}

static void dots(float *y, const float *x, dtype t, const void *w, int64_t R, int64_t K) {
  switch (t) {
    case DTYPE_F32: dots_of(y, x, DTYPE_F32, w, R, K); break;
    case DTYPE_BF16: dots_of(y, x, DTYPE_BF16, w, R, K); break;
    case DTYPE_F16: dots_of(y, x, DTYPE_F16, w, R, K); break;
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

/* Scores of up to 4 queries with one pair of panels: 8 accumulators, 2 loads a channel. */
static inline void scores_block(float *S, int64_t ld, const float *q, int64_t q_stride, int R,
                                int K, float scale, const float *panel, bool two) {
  const float *q0 = q, *q1 = R > 1 ? q + q_stride : q, *q2 = R > 2 ? q + 2 * q_stride : q,
              *q3 = R > 3 ? q + 3 * q_stride : q;
  const float *second = two ? panel + (int64_t)K * PANEL : panel;
  vf a0 = all(0), a1 = a0, a2 = a0, a3 = a0, b0 = a0, b1 = a0, b2 = a0, b3 = a0;
  for (int c = 0; c < K; c++) {
    vf k = load(panel + c * PANEL), l = load(second + c * PANEL);
    vf s0 = all(q0[c]), s1 = all(q1[c]), s2 = all(q2[c]), s3 = all(q3[c]);
    a0 += s0 * k, b0 += s0 * l;
    a1 += s1 * k, b1 += s1 * l;
    a2 += s2 * k, b2 += s2 * l;
    a3 += s3 * k, b3 += s3 * l;
  }
  vf a[4] = {a0, a1, a2, a3}, b[4] = {b0, b1, b2, b3};
  for (int r = 0; r < R; r++) {
    store(S + r * ld, a[r] * all(scale));
    if (two) store(S + r * ld + PANEL, b[r] * all(scale));
  }
}

static void scores(float *S, int64_t ld, const float *q, int64_t q_stride, int R, int K,
                   float scale, const float *panels, int count) {
  int n = (count + PANEL - 1) / PANEL;
  for (int p = 0; p < n; p += 2) {
    const float *panel = panels + (int64_t)p * K * PANEL;
    for (int r = 0; r < R; r += 4) {
      scores_block(S + r * ld + p * PANEL, ld, q + r * q_stride, q_stride, R - r < 4 ? R - r : 4, K,
                   scale, panel, p + 1 < n);
    }
  }
}

static void softmax(float *x, int64_t n) {
  float max = -INFINITY;
  for (int64_t i = 0; i < n; i++) max = x[i] > max ? x[i] : max;
  if (max == -INFINITY) max = 0; /* everything is masked: all weights are zero */
  vf sum = all(0), m = all(max);
  for (int64_t i = 0; i < n; i += LANES) {
    int64_t left = n - i;
    vf v = left >= LANES ? load(x + i) : load_part(x + i, left, -INFINITY);
    v = exp_of(v - m);
    sum += v;
    store_part(x + i, v, left >= LANES ? LANES : left);
  }
  float total = fold(sum), r = total == 0 ? 0 : 1 / total; /* a NaN is one for all */
  for (int64_t i = 0; i < n; i++) x[i] *= r;
}

/* Channels [c, c + 32) (or 16) of up to 4 rows: 8 accumulators, 2 loads a value row. */
static inline void mix_block(float *z, int64_t z_stride, const float *S, int64_t ld, int R,
                             const float *v, int64_t width, int count, bool two, int64_t keep) {
  const float *s0 = S, *s1 = R > 1 ? S + ld : S, *s2 = R > 2 ? S + 2 * ld : S,
              *s3 = R > 3 ? S + 3 * ld : S;
  vf a0 = all(0), a1 = a0, a2 = a0, a3 = a0, b0 = a0, b1 = a0, b2 = a0, b3 = a0;
  for (int j = 0; j < count; j++, v += width) {
    vf x = load(v), y = two ? load(v + LANES) : x;
    vf w0 = all(s0[j]), w1 = all(s1[j]), w2 = all(s2[j]), w3 = all(s3[j]);
    a0 += w0 * x, b0 += w0 * y;
    a1 += w1 * x, b1 += w1 * y;
    a2 += w2 * x, b2 += w2 * y;
    a3 += w3 * x, b3 += w3 * y;
  }
  vf a[4] = {a0, a1, a2, a3}, b[4] = {b0, b1, b2, b3};
  for (int r = 0; r < R; r++) {
    float *to = z + r * z_stride;
    int64_t first = keep < LANES ? keep : LANES;
    store_part(to, load_part(to, first, 0) + a[r], first);
    if (keep > LANES) {
      store_part(to + LANES, load_part(to + LANES, keep - LANES, 0) + b[r], keep - LANES);
    }
  }
}

static void mix(float *z, int64_t z_stride, const float *S, int64_t ld, int R, const float *v,
                int count, int K) {
  int64_t width = round_up(K, PANEL);
  for (int r = 0; r < R; r += 4) {
    for (int64_t c = 0; c < width; c += 2 * LANES) {
      bool two = c + LANES < width;
      int64_t keep = K - c < 2 * LANES ? K - c : 2 * LANES;
      mix_block(z + r * z_stride + c, z_stride, S + r * ld, ld, R - r < 4 ? R - r : 4, v + c, width,
                count, two, keep);
    }
  }
}

const kernel_set JOIN(kernels_, LOCI_ISA) = {
    .name = TEXT(LOCI_ISA),
    .rmsnorm = rmsnorm,
    .layernorm = layernorm,
    .silu = silu,
    .gelu_tanh = gelu_tanh,
    .gelu_erf = gelu_erf,
    .quick_gelu = quick_gelu,
    .relu = relu,
    .add = add,
    .mul = mul,
    .round_bf16 = round_bf16,
    .to_f32 = to_f32,
    .to_bf16 = to_bf16,
    .dots = dots,
    .rope = rope,
    .scores = scores,
    .softmax = softmax,
    .mix = mix,
};
