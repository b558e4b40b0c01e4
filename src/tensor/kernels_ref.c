/* The plain kernels: each is its formula and nothing else.  Sums are in double, so that they are
 * the ones to trust when a fast kernel disagrees. */
#include <math.h>

#include "tensor/dtype.h"
#include "tensor/kernels_sets.h"

static void rmsnorm(float *out, const float *x, const float *w, int64_t n, double eps) {
  double sum = 0;
  for (int64_t i = 0; i < n; i++) sum += (double)x[i] * (double)x[i];
  double r = 1 / sqrt(sum / (double)n + eps);
  for (int64_t i = 0; i < n; i++) out[i] = w[i] * (float)((double)x[i] * r);
}

static void layernorm(float *out, const float *x, const float *w, const float *b, int64_t n,
                      double eps) {
  double mean = 0, var = 0;
  for (int64_t i = 0; i < n; i++) mean += (double)x[i];
  mean /= (double)n;
  for (int64_t i = 0; i < n; i++) var += ((double)x[i] - mean) * ((double)x[i] - mean);
  double r = 1 / sqrt(var / (double)n + eps);
  for (int64_t i = 0; i < n; i++) {
    out[i] = (float)(((double)x[i] - mean) * r * (double)w[i] + (double)b[i]);
  }
}

static float act_of(act_kind act, float x) {
  double v = (double)x;
  switch (act) {
    case ACT_SILU: return x / (1 + expf(-x));
    case ACT_QUICK_GELU: return x / (1 + expf(-1.702f * x));
    case ACT_GELU_TANH:
      return (float)(0.5 * v * (1 + tanh(0.7978845608028654 * (v + 0.044715 * v * v * v))));
    case ACT_GELU_ERF: return (float)(0.5 * v * (1 + erf(v * 0.7071067811865476)));
    case ACT_RELU:
    case ACT_COUNT: break;
  }
  return x < 0 ? 0 : x;
}

static void gate(void *out, dtype t, const float *g, const float *u, act_kind act, int64_t n) {
  for (int64_t i = 0; i < n; i++) {
    float x = act_of(act, g[i]) * (u ? u[i] : 1);
    if (t == DTYPE_BF16) {
      ((uint16_t *)out)[i] = bf16_from_f32(x);
    } else {
      ((float *)out)[i] = x;
    }
  }
}

static void add(float *out, const float *x, int64_t n) {
  for (int64_t i = 0; i < n; i++) out[i] += x[i];
}

static void mul(float *out, const float *x, int64_t n) {
  for (int64_t i = 0; i < n; i++) out[i] *= x[i];
}

static void round_bf16(uint16_t *out, const float *x, int64_t n) {
  for (int64_t i = 0; i < n; i++) out[i] = bf16_from_f32(x[i]);
}

static void to_f32(float *out, dtype t, const void *src, int64_t n) {
  dtype_to_f32(t, src, out, n);
}

static void to_bf16(uint16_t *out, dtype t, const void *src, int64_t n) {
  dtype_to_bf16(t, src, out, n);
}

static double weight_at(dtype t, const void *w, int64_t i) {
  float v;
  dtype_cut_to_f32(t, w, i, &v, 1);
  return (double)v;
}

static void dots(float *y, int64_t ldy, const float *x, int M, dtype t, const void *w, int64_t R,
                 int64_t K) {
  for (int m = 0; m < M; m++) {
    for (int64_t r = 0; r < R; r++) {
      double sum = 0;
      for (int64_t k = 0; k < K; k++) sum += (double)x[m * K + k] * weight_at(t, w, r * K + k);
      y[m * ldy + r] = (float)sum;
    }
  }
}

static void dots_back(float *y, int64_t ldy, const float *x, int64_t ldx, int M, weight_rows w,
                      int64_t R, int64_t C) {
  for (int m = 0; m < M; m++) {
    for (int64_t c = 0; c < C; c++) {
      double sum = (double)y[m * ldy + c];
      for (int64_t r = 0; r < R; r++) {
        sum += (double)x[m * ldx + r] * weight_at(w.type, w.at, r * w.row + c);
      }
      y[m * ldy + c] = (float)sum;
    }
  }
}

static void rope(float *x, const float *cosine, const float *sine, int heads, int K, int rot) {
  int half = rot / 2;
  for (int h = 0; h < heads; h++, x += K) {
    for (int i = 0; i < half; i++) {
      float a = x[i], b = x[i + half];
      x[i] = a * cosine[i] - b * sine[i];
      x[i + half] = b * cosine[i] + a * sine[i];
    }
  }
}

static void scores(float *S, int64_t ld, const float *q, int64_t q_stride, int R, int K,
                   float scale, const float *panels, int count) {
  int64_t columns = round_up(count, PANEL);
  for (int r = 0; r < R; r++) {
    for (int64_t j = 0; j < columns; j++) {
      const float *key = panels + j / PANEL * PANEL * K + j % PANEL;
      double sum = 0;
      for (int c = 0; c < K; c++) sum += (double)q[r * q_stride + c] * (double)key[c * PANEL];
      S[r * ld + j] = (float)(sum * (double)scale);
    }
  }
}

static void softmax(float *x, int64_t n) {
  float max = -INFINITY;
  for (int64_t i = 0; i < n; i++) max = x[i] > max ? x[i] : max;
  if (max == -INFINITY) max = 0; /* everything is masked: all weights are zero */
  double sum = 0;
  for (int64_t i = 0; i < n; i++) sum += exp((double)(x[i] - max));
  for (int64_t i = 0; i < n; i++) {
    x[i] = sum == 0 ? 0 : (float)(exp((double)(x[i] - max)) / sum); /* a NaN is one for all */
  }
}

static double log_sum_exp(const float *x, int64_t n) {
  float max = -INFINITY;
  for (int64_t i = 0; i < n; i++) max = x[i] > max ? x[i] : max;
  double sum = 0;
  for (int64_t i = 0; i < n; i++) sum += exp((double)x[i] - (double)max);
  return n > 0 ? (double)max + log(sum) : (double)-INFINITY;
}

static void mix(float *z, int64_t z_stride, const float *S, int64_t ld, int R, value_rows v,
                int count, int K) {
  for (int r = 0; r < R; r++) {
    for (int c = 0; c < K; c++) {
      const float *x = v.at + c / PANEL * v.panel + c % PANEL;
      double sum = (double)z[r * z_stride + c];
      for (int j = 0; j < count; j++) sum += (double)S[r * ld + j] * (double)x[j * v.row];
      z[r * z_stride + c] = (float)sum;
    }
  }
}

const kernel_set kernels_ref = {
    .name = "ref",
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
    .log_sum_exp = log_sum_exp,
    .mix = mix,
};
