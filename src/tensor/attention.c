/* Attention over stretches of keys and values (see attention.h).  The scores of a row stand in one
 * line of S, so that softmax, masks and recording see the whole row at once; a later stretch
 * overwrites the surplus columns that the panels of an earlier one wrote after its end. */
#include "tensor/attention.h"

#include <math.h>
#include <string.h>

int64_t key_floats(int64_t n, int K) { return round_up(n, PANEL) * K; }
int64_t value_floats(int64_t n, int K) { return n * round_up(K, PANEL); }

void pack_keys(float *panels, int64_t at, const float *k, int64_t stride, int64_t n, int K) {
  for (int64_t i = 0; i < n; i++) {
    int64_t j = at + i;
    float *column = panels + j / PANEL * PANEL * K + j % PANEL;
    for (int c = 0; c < K; c++) column[c * PANEL] = k[i * stride + c];
  }
  int64_t end = at + n;
  if (end % PANEL == 0) return;
  float *last = panels + end / PANEL * PANEL * K;
  for (int c = 0; c < K; c++) {
    for (int64_t j = end % PANEL; j < PANEL; j++) last[c * PANEL + j] = 0;
  }
}

void pack_values(float *values, int64_t room, int64_t at, const float *v, int64_t stride, int64_t n,
                 int K) {
  for (int c = 0; c < K; c += PANEL, values += room * PANEL) {
    int there = K - c < PANEL ? K - c : PANEL;
    for (int64_t i = 0; i < n; i++) {
      float *to = values + (at + i) * PANEL;
      memcpy(to, v + i * stride + c, (size_t)there * sizeof *to);
      memset(to + there, 0, (size_t)(PANEL - there) * sizeof *to);
    }
  }
}

value_rows packed_values(const float *values, int64_t room) {
  return (value_rows){values, PANEL, room * PANEL};
}

void value_row(value_rows v, int64_t j, int K, float *out) {
  for (int c = 0; c < K; c++) out[c] = v.at[j * v.row + c / PANEL * v.panel + c % PANEL];
}

void key_row(const float *panels, int64_t j, int K, float *out) {
  const float *column = panels + j / PANEL * PANEL * K + j % PANEL;
  for (int c = 0; c < K; c++) out[c] = column[c * PANEL];
}

float attend_scale(const attend_rows *a) {
  return (float)(a->scale > 0 ? a->scale : 1 / sqrt((double)a->K));
}

void attend_scores(const kernel_set *k, const attend_rows *a) {
  float scale = attend_scale(a), cap = (float)a->cap;
  int count = 0;
  for (int i = 0; i < a->stretch_count; i++) {
    const kv_stretch *s = &a->stretches[i];
    k->scores(a->S + s->first, a->ld, a->q, a->q_stride, a->R, a->K, scale, s->keys, s->count);
    count = s->first + s->count;
  }
  for (int r = 0; cap > 0 && r < a->R; r++) {
    float *line = a->S + r * a->ld;
    for (int j = 0; j < count; j++) line[j] = cap * tanhf(line[j] / cap);
  }
}

void attend_mix(const kernel_set *k, const attend_rows *a) {
  for (int r = 0; r < a->R; r++) memset(a->z + r * a->z_stride, 0, (size_t)a->K * sizeof *a->z);
  for (int i = 0; i < a->stretch_count; i++) {
    const kv_stretch *s = &a->stretches[i];
    k->mix(a->z, a->z_stride, a->S + s->first, a->ld, a->R, s->values, s->count, a->K);
  }
}
