/* The fast kernels as a set, and those of them that go through single rows: norms, activations,
 * rotation.  One source, compiled once for every instruction set (simd.h); weights are in
 * simd_convert.c, products with few rows in simd_dots.c, attention in simd_attention.c.  What each
 * kernel computes stands in kernels_ref.c, its plain twin. */
#include <math.h>

#include "tensor/simd_exp.h"
#include "tensor/simd_widen.h"

#define TEXT_(a) #a
#define TEXT(a) TEXT_(a)

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

static void round_bf16(uint16_t *out, const float *x, int64_t n) {
  OF_SET(to_bf16)(out, DTYPE_F32, x, n);
}

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

const kernel_set JOIN(kernels_, LOCI_ISA) = {
    .name = TEXT(LOCI_ISA),
    .rmsnorm = rmsnorm,
    .layernorm = layernorm,
    .gate = gate,
    .add = add,
    .mul = mul,
    .round_bf16 = round_bf16,
    .to_f32 = OF_SET(to_f32),
    .to_bf16 = OF_SET(to_bf16),
    .dots = OF_SET(dots),
    .dots_back = OF_SET(dots_back),
    .rope = rope,
    .scores = OF_SET(scores),
    .softmax = OF_SET(softmax),
    .log_sum_exp = OF_SET(log_sum_exp),
    .mix = OF_SET(mix),
};
