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

static void silu(float *x, int64_t n) {
  for (int64_t i = 0; i < n; i++) x[i] = x[i] / (1 + expf(-x[i]));
}

static void gelu_tanh(float *x, int64_t n) {
  for (int64_t i = 0; i < n; i++) {
    double v = (double)x[i];
    x[i] = (float)(0.5 * v * (1 + tanh(0.7978845608028654 * (v + 0.044715 * v * v * v))));
  }
}

static void gelu_erf(float *x, int64_t n) {
  for (int64_t i = 0; i < n; i++) {
    double v = (double)x[i];
    x[i] = (float)(0.5 * v * (1 + erf(v * 0.7071067811865476)));
  }
}

static void quick_gelu(float *x, int64_t n) {
  for (int64_t i = 0; i < n; i++) x[i] = x[i] / (1 + expf(-1.702f * x[i]));
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
  for (int64_t i = 0; i < n; i++) out[i] = bf16_from_f32(x[i]);
}

static void to_f32(float *out, dtype t, const void *src, int64_t n) {
  dtype_to_f32(t, src, out, n);
}

static void to_bf16(uint16_t *out, dtype t, const void *src, int64_t n) {
  dtype_to_bf16(t, src, out, n);
}

static void dots(float *y, const float *x, dtype t, const void *w, int64_t R, int64_t K) {
  const char *from = w;
  for (int64_t r = 0; r < R; r++) {
    double sum = 0;
    for (int64_t k = 0; k < K; k++, from += dtype_bytes(t)) {
      float v;
      dtype_to_f32(t, from, &v, 1);
      sum += (double)x[k] * (double)v;
    }
    y[r] = (float)sum;
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
