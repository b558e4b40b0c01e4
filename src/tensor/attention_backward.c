/* The gradient of attention (see attention.h), on the kernels of its forward pass:
 *
 *   z_i = sum_j P_ij v_j, P = softmax(S), S_ij = scale q_i . k_j
 *   dv_j = sum_i P_ij dz_i                    mix of P turned, with dz for values
 *   dP_ij = dz_i . v_j                        scores, with the values for keys
 *   dS_ij = P_ij (dP_ij - sum_m P_im dP_im)   softmax_backward
 *   dS_ij *= 1 - (S_ij / c)^2                 where scores are capped: S = c tanh(s / c)
 *   dq_i = scale sum_j dS_ij k_j              mix, with the keys for values
 *   dk_j = scale sum_i dS_ij q_i              mix of dS turned, with q for values */
#include <math.h>
#include <string.h>

#include "tensor/attention.h"
#include "tensor/backward.h"

void transpose_stretches(const kv_stretch *stretches, int n, int K, kv_turned *out) {
  int64_t width = round_up(K, PANEL);
  for (int i = 0; i < n; i++) {
    const kv_stretch *s = &stretches[i];
    float *rows = out->key_rows + s->first * width; /* first of the values */
    for (int64_t j = 0; j < s->count; j++) value_row(s->values, j, K, rows + j * width);
    pack_keys(out->value_panels, s->first, rows, width, s->count, K);
    for (int64_t j = 0; j < s->count; j++) {
      const float *column = s->keys + j / PANEL * PANEL * K + j % PANEL;
      float *row = rows + j * width;
      for (int c = 0; c < K; c++) row[c] = column[c * PANEL];
      for (int64_t c = K; c < width; c++) row[c] = 0;
    }
  }
}

/* rows of x, x_stride apart, as the kernels want values */
static void pad_rows(float *out, const float *x, int64_t x_stride, int R, int K) {
  pack_values(out, R, 0, x, x_stride, R, K);
}

/* The capped scores once more, for their slopes. */
static void cap_backward(const kernel_set *k, const attend_rows *a, const attend_grads *g) {
  attend_rows again = *a;
  again.S = g->slopes;
  attend_scores(k, &again);
  for (int r = 0; r < a->R; r++) {
    const float *s = g->slopes + r * a->ld;
    float *dS = g->dS + r * a->ld;
    for (int j = 0; j < g->count; j++) {
      float t = s[j] / (float)a->cap;
      dS[j] *= 1 - t * t;
    }
  }
}

/* to row j += sum_r M_rj x_r for the positions j from [first] on, M (R, ld) */
static void mix_across(const kernel_set *k, const attend_rows *a, const attend_grads *g,
                       const float *M, float *to) {
  int n = g->count - g->first;
  if (n <= 0) return;
  for (int j = 0; j < n; j++) {
    for (int r = 0; r < a->R; r++)
      g->transposed[(int64_t)j * a->R + r] = M[r * a->ld + g->first + j];
  }
  k->mix(to, g->kv_stride, g->transposed, a->R, n, packed_values(g->rows, a->R), a->R, a->K);
}

void attend_backward(const kernel_set *k, const attend_rows *a, const attend_grads *g) {
  float scale = attend_scale(a);
  pad_rows(g->rows, g->dz, a->z_stride, a->R, a->K);
  mix_across(k, a, g, a->S, g->dv);
  k->scores(g->dS, a->ld, g->dz, a->z_stride, a->R, a->K, 1, g->kv->value_panels, g->count);
  for (int r = 0; r < a->R; r++) {
    float *dS = g->dS + r * a->ld;
    softmax_backward(dS, a->S + r * a->ld, g->count);
    for (int j = 0; j < g->count; j++) dS[j] *= scale;
    memset(g->dq + r * a->q_stride, 0, (size_t)a->K * sizeof *g->dq);
  }
  if (a->cap > 0) cap_backward(k, a, g);
  value_rows keys = {g->kv->key_rows, round_up(a->K, PANEL), PANEL};
  k->mix(g->dq, a->q_stride, g->dS, a->ld, a->R, keys, g->count, a->K);
  pad_rows(g->rows, a->q, a->q_stride, a->R, a->K);
  mix_across(k, a, g, g->dS, g->dk);
}
