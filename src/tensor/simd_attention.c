/* Fast kernels: attention, and what stands at the end of all.  Queries with keys, softmax, the
 * values mixed by it; the sum of exponentials over a vocabulary. */
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

/* exp(x) of doubles up to 0, to two ulps: x = n ln 2 + r, |r| <= ln 2 / 2, Taylor's series in r,
 * times 2^n.  Below -700 the result is an exact zero. */
typedef double vd __attribute__((vector_size(4 * LANES)));
typedef int64_t vl __attribute__((vector_size(4 * LANES)));
typedef float half_vf __attribute__((vector_size(2 * LANES)));

static inline vd all_doubles(double x) { return x - (vd){0}; }

static inline vd exp_of_doubles(vd x) {
  static const double series[] = {1.0 / 6227020800, 1.0 / 479001600, 1.0 / 39916800, 1.0 / 3628800,
                                  1.0 / 362880,     1.0 / 40320,     1.0 / 5040,     1.0 / 720,
                                  1.0 / 120,        1.0 / 24,        1.0 / 6,        0.5};
  const vd magic = all_doubles(6755399441055744.0); /* 1.5 * 2^52: adding it rounds to an integer */
  vl low = x < all_doubles(-700);
  vd clamped = (vd)(((vl)x & ~low) | ((vl)all_doubles(-700) & low));
  vd t = clamped * all_doubles(1.4426950408889634) + magic, n = t - magic;
  vd r = clamped - n * all_doubles(6.93147180369123816490e-01);
  r = r - n * all_doubles(1.90821492927058770002e-10);
  vd p = all_doubles(series[0]);
  for (int i = 1; i < 12; i++) p = p * r + all_doubles(series[i]);
  p = p * r * r + r + all_doubles(1);
  vl power = ((vl)t - (vl)magic + 1023) << 52;
  return (vd)((vl)(p * (vd)power) & ~low);
}

double OF_SET(log_sum_exp)(const float *x, int64_t n) {
  enum { STEP = LANES / 2 };
  double max = (double)max_of(x, n), sum = 0;
  vd sums = all_doubles(0);
  int64_t i = 0;
  for (; i + STEP <= n; i += STEP) {
    half_vf v;
    memcpy(&v, x + i, sizeof v);
    sums += exp_of_doubles(__builtin_convertvector(v, vd) - all_doubles(max));
  }
  for (int l = 0; l < STEP; l++) sum += sums[l];
  for (; i < n; i++) sum += exp((double)x[i] - max);
  return max + log(sum);
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
