/* The fast kernels: one source, compiled once for every instruction set (LOCI_ISA is base, avx2 or
 * avx512).
 *
 * A vf is 16 floats; the compiler turns it into one 512-bit, two 256-bit or four 128-bit registers.
 * Sums run in 16 lanes and are folded in a fixed order, so results depend on the instruction set
 * but never on the number of threads.  What each kernel computes stands in kernels_ref.c, its plain
 * twin. */
#include <math.h>
#include <string.h>

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

static void round_bf16(uint16_t *out, const float *x, int64_t n) {
  for (int64_t i = 0; i < n; i++) {
    uint32_t b;
    memcpy(&b, x + i, sizeof b);
    uint32_t rounded = (b + 0x7FFFu + (b >> 16 & 1u)) >> 16;
    uint32_t quiet = b >> 16 | 0x40u; /* a NaN must not round to infinity */
    out[i] = (uint16_t)((b & 0x7FFFFFFFu) > 0x7F800000u ? quiet : rounded);
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
    .rope = rope,
    .scores = scores,
    .softmax = softmax,
    .mix = mix,
};
