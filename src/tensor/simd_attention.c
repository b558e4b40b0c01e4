/* Fast kernels: attention.  Queries with keys, softmax, and the values mixed by it. */
#include <math.h>

#include "tensor/simd_exp.h"

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

void OF_SET(scores)(float *S, int64_t ld, const float *q, int64_t q_stride, int R, int K,
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

void OF_SET(softmax)(float *x, int64_t n) {
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

void OF_SET(mix)(float *z, int64_t z_stride, const float *S, int64_t ld, int R, value_rows v,
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
