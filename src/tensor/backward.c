/* Backward passes of the small kernels (see backward.h); the formula stands above its loop. */
#include "tensor/backward.h"

#include <assert.h>
#include <math.h>

/* y_i = w_i x_i r, r = (mean(x^2) + eps)^-1/2, g_i = w_i dy_i:
 * dx_i = r g_i - x_i r^3 mean(g x) */
void rmsnorm_backward(float *dx, const float *dy, const float *x, const float *w, int64_t n,
                      double eps) {
  double square = 0, along = 0;
  for (int64_t i = 0; i < n; i++) {
    square += (double)x[i] * (double)x[i];
    along += (double)w[i] * (double)dy[i] * (double)x[i];
  }
  double r = 1 / sqrt(square / (double)n + eps), back = r * r * r * along / (double)n;
  for (int64_t i = 0; i < n; i++) {
    dx[i] += (float)(r * (double)w[i] * (double)dy[i] - (double)x[i] * back);
  }
}

/* y_i = w_i u_i + b_i, u_i = (x_i - mean) r, r = (var + eps)^-1/2, g_i = w_i dy_i:
 * dx_i = r (g_i - mean(g) - u_i mean(g u)) */
void layernorm_backward(float *dx, const float *dy, const float *x, const float *w, int64_t n,
                        double eps) {
  double mean = 0, var = 0, flat = 0, along = 0;
  for (int64_t i = 0; i < n; i++) mean += (double)x[i];
  mean /= (double)n;
  for (int64_t i = 0; i < n; i++) var += ((double)x[i] - mean) * ((double)x[i] - mean);
  double r = 1 / sqrt(var / (double)n + eps);
  for (int64_t i = 0; i < n; i++) {
    double g = (double)w[i] * (double)dy[i];
    flat += g;
    along += g * ((double)x[i] - mean) * r;
  }
  flat /= (double)n;
  along /= (double)n;
  for (int64_t i = 0; i < n; i++) {
    double g = (double)w[i] * (double)dy[i], u = ((double)x[i] - mean) * r;
    dx[i] += (float)(r * (g - flat - u * along));
  }
}

/* f = x s, s = 1 / (1 + e^-ax): f' = s + a x s (1 - s) */
static inline float sigmoid_slope(float x, float a) {
  float s = 1 / (1 + expf(-a * x));
  return s + a * x * s * (1 - s);
}

void silu_backward(float *dx, const float *x, int64_t n) {
  for (int64_t i = 0; i < n; i++) dx[i] *= sigmoid_slope(x[i], 1);
}

void quick_gelu_backward(float *dx, const float *x, int64_t n) {
  for (int64_t i = 0; i < n; i++) dx[i] *= sigmoid_slope(x[i], 1.702f);
}

/* f = x (1 + t) / 2, t = tanh(c (x + a x^3)): f' = (1 + t) / 2 + x (1 - t^2) c (1 + 3 a x^2) / 2 */
void gelu_tanh_backward(float *dx, const float *x, int64_t n) {
  const double c = 0.7978845608028654, a = 0.044715;
  for (int64_t i = 0; i < n; i++) {
    double v = (double)x[i], t = tanh(c * (v + a * v * v * v));
    dx[i] *= (float)(0.5 * (1 + t) + 0.5 * v * (1 - t * t) * c * (1 + 3 * a * v * v));
  }
}

/* f = x Phi(x): f' = Phi(x) + x phi(x) */
void gelu_erf_backward(float *dx, const float *x, int64_t n) {
  for (int64_t i = 0; i < n; i++) {
    double v = (double)x[i];
    double phi = 0.3989422804014327 * exp(-0.5 * v * v);
    dx[i] *= (float)(0.5 * (1 + erf(v * 0.7071067811865476)) + v * phi);
  }
}

void relu_backward(float *dx, const float *x, int64_t n) {
  for (int64_t i = 0; i < n; i++) dx[i] = x[i] > 0 ? dx[i] : 0;
}

/* The transpose of a rotation is the rotation by the opposite angle. */
void rope_backward(float *dx, const float *cosine, const float *sine, int heads, int K, int rot) {
  int half = rot / 2;
  for (int h = 0; h < heads; h++, dx += K) {
    for (int i = 0; i < half; i++) {
      float a = dx[i], b = dx[i + half];
      dx[i] = a * cosine[i] + b * sine[i];
      dx[i + half] = b * cosine[i] - a * sine[i];
    }
  }
}

/* ds_j = p_j (dp_j - sum_i p_i dp_i) */
void softmax_backward(float *dp, const float *p, int64_t n) {
  double mean = 0;
  for (int64_t j = 0; j < n; j++) mean += (double)p[j] * (double)dp[j];
  for (int64_t j = 0; j < n; j++) dp[j] = p[j] * (float)((double)dp[j] - mean);
}

/* d log p_t / d x_i = [i = t] - p_i */
double logp_backward(float *dx, const float *x, int64_t V, int target, double weight) {
  assert(V > 0);
  float max = x[0];
  for (int64_t i = 1; i < V; i++) max = x[i] > max ? x[i] : max;
  double sum = exp((double)x[0] - (double)max);
  for (int64_t i = 1; i < V; i++) sum += exp((double)x[i] - (double)max);
  for (int64_t i = 0; i < V; i++) {
    dx[i] -= (float)(weight * exp((double)x[i] - (double)max) / sum);
  }
  dx[target] += (float)weight;
  return (double)x[target] - (double)max - log(sum);
}
