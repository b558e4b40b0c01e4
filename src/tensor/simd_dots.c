/* Fast kernels: few rows with a weight as it stands, forwards and back.  The weight is read once
 * and widened on the way, so that an answer's next token takes the time of reading memory. */
#include "tensor/quant.h"
#include "tensor/simd_widen.h"
#if defined(__AVX512F__)
#include "tensor/dots_q4_k.h"
#endif

/* A tile of products with a weight has four rows of it, and this many of the other operand. */
enum { DOT_ROWS = LANES == 16 ? 4 : 2 };

/* The sums of four registers, each folded like fold(): halves until four lanes are left. */
typedef float v4 __attribute__((vector_size(16)));

static inline v4 quarter(vf x) {
#if defined(__AVX512F__)
  typedef float v8 __attribute__((vector_size(32)));
  v8 h = __builtin_shufflevector(x, x, 0, 1, 2, 3, 4, 5, 6, 7) +
         __builtin_shufflevector(x, x, 8, 9, 10, 11, 12, 13, 14, 15);
  return __builtin_shufflevector(h, h, 0, 1, 2, 3) + __builtin_shufflevector(h, h, 4, 5, 6, 7);
#elif defined(__AVX2__)
  return __builtin_shufflevector(x, x, 0, 1, 2, 3) + __builtin_shufflevector(x, x, 4, 5, 6, 7);
#else
  return x;
#endif
}

static inline v4 fold4(vf a, vf b, vf c, vf d) {
  v4 p = quarter(a), q = quarter(b), r = quarter(c), s = quarter(d);
  v4 pq = __builtin_shufflevector(p, q, 0, 4, 1, 5) + __builtin_shufflevector(p, q, 2, 6, 3, 7);
  v4 rs = __builtin_shufflevector(r, s, 0, 4, 1, 5) + __builtin_shufflevector(r, s, 2, 6, 3, 7);
  return __builtin_shufflevector(pq, rs, 0, 1, 4, 5) + __builtin_shufflevector(pq, rs, 2, 3, 6, 7);
}

/* M rows of x with four rows of a weight, of which [rows] are there: sums stay in registers. */
INLINE void dots_tile(const int M, float *y, int64_t ldy, const float *x, const dtype t,
                      const char *w, int64_t rows, int64_t K) {
  const int64_t size = t == DTYPE_F32 ? 4 : 2, row = K * size, whole = K / LANES * LANES;
  const char *w0 = w, *w1 = rows > 1 ? w + row : w, *w2 = rows > 2 ? w + 2 * row : w,
             *w3 = rows > 3 ? w + 3 * row : w;
  vf a[ROWS][4];
  for (int m = 0; m < M; m++) a[m][0] = a[m][1] = a[m][2] = a[m][3] = all(0);
  for (int64_t k = 0; k < whole; k += LANES) {
    vf u0 = widened(t, w0 + k * size), u1 = widened(t, w1 + k * size),
       u2 = widened(t, w2 + k * size), u3 = widened(t, w3 + k * size);
    for (int m = 0; m < M; m++) {
      vf v = load(x + m * K + k);
      a[m][0] += v * u0;
      a[m][1] += v * u1;
      a[m][2] += v * u2;
      a[m][3] += v * u3;
    }
  }
  const char *each[4] = {w0, w1, w2, w3};
  for (int m = 0; m < M; m++) {
    v4 sum = fold4(a[m][0], a[m][1], a[m][2], a[m][3]);
    for (int i = 0; i < 4 && i < rows; i++) {
      float s = sum[i];
      for (int64_t k = whole; k < K; k++) s += x[m * K + k] * float_of(bits_at(t, each[i], k));
      y[m * ldy + i] = s;
    }
  }
}

/* Four rows of the weight at a time: as many streams from memory, and sums that do not wait for
 * each other.  All rows of x meet them while they are in the cache. */
INLINE void dots_of(float *y, int64_t ldy, const float *x, int M, const dtype t, const char *w,
                    int64_t R, int64_t K) {
  const int64_t size = t == DTYPE_F32 ? 4 : 2;
  for (int64_t r = 0; r < R; r += 4) {
    for (int m = 0; m < M; m += DOT_ROWS)
      OF_ROWS(dots_tile, DOT_ROWS, M - m, y + m * ldy + r, ldy, x + m * K, t, w + r * K * size,
              R - r, K)
  }
}

/* M rows of x, at most FEW, with four rows of a weight in blocks, of which [rows] are there: some
 * blocks of each are widened at a time, and all rows of x meet them in the nearest cache. */
enum { FEW = 16 };

static void dots_of_blocks(float *y, int64_t ldy, const float *x, int M, dtype t, const char *w,
                           int64_t rows, int64_t K) {
  int64_t bytes = dtype_size(t, K);
  float u[4][BLOCK_MOST] = {0};
  vf a[FEW][4];
  for (int m = 0; m < M; m++) a[m][0] = a[m][1] = a[m][2] = a[m][3] = all(0);
  for (int64_t k = 0; k < K; k += BLOCK_MOST) {
    int64_t n = K - k < BLOCK_MOST ? K - k : BLOCK_MOST;
    for (int64_t i = 0; i < 4 && i < rows; i++) {
      OF_SET(to_f32)(u[i], t, w + i * bytes + dtype_size(t, k), n);
    }
    for (int m = 0; m < M; m++) {
      vf s0 = a[m][0], s1 = a[m][1], s2 = a[m][2], s3 = a[m][3];
      for (int64_t i = 0; i < n; i += LANES) {
        vf v = load(x + m * K + k + i);
        s0 += v * load(u[0] + i);
        s1 += v * load(u[1] + i);
        s2 += v * load(u[2] + i);
        s3 += v * load(u[3] + i);
      }
      a[m][0] = s0, a[m][1] = s1, a[m][2] = s2, a[m][3] = s3;
    }
  }
  for (int m = 0; m < M; m++) {
    v4 sum = fold4(a[m][0], a[m][1], a[m][2], a[m][3]);
    for (int64_t i = 0; i < 4 && i < rows; i++) y[m * ldy + i] = sum[i];
  }
}

#if defined(__AVX512F__)
/* M rows of x with four rows of a weight in blocks of a format, widened in registers. */
INLINE void block_tile(const int M, const dtype t, float *y, int64_t ldy, const float *x,
                       const uint8_t *w, int64_t rows, int64_t K) {
  const int64_t step = t >= DTYPE_Q4_K ? 256 : 32, bytes = (int64_t)dtype_bytes(t);
  const int64_t row = K / step * bytes;
  const uint8_t *each[4] = {w, rows > 1 ? w + row : w, rows > 2 ? w + 2 * row : w,
                            rows > 3 ? w + 3 * row : w};
  vf a[ROWS][4];
  for (int m = 0; m < M; m++) a[m][0] = a[m][1] = a[m][2] = a[m][3] = all(0);
  /* the next four rows, or, of rows too long for a near cache, further on in these */
  const int64_t ahead = row <= 4096 ? 4 * row : 4096;
  for (int64_t k = 0; k < K; k += step) {
    block_scales s[4];
    for (int i = 0; i < 4; i++) {
      for (int64_t at = 0; at < bytes; at += 64) __builtin_prefetch(each[i] + ahead + at);
      prepare(t, each[i], &s[i]);
    }
    for (int j = 0; j < step / 32; j++) {
      for (int i = 0; i < 4; i++) {
        __m256i q = integers(t, each[i], j);
        vf u = (vf)numbers_of(t, &s[i], q, j, 0), v = (vf)numbers_of(t, &s[i], q, j, 1);
        for (int m = 0; m < M; m++) {
          a[m][i] += load(x + m * K + k + 32 * j) * u;
          a[m][i] += load(x + m * K + k + 32 * j + 16) * v;
        }
      }
    }
    for (int i = 0; i < 4; i++) each[i] += bytes;
  }
  for (int m = 0; m < M; m++) {
    v4 sum = fold4(a[m][0], a[m][1], a[m][2], a[m][3]);
    for (int i = 0; i < 4 && i < rows; i++) y[m * ldy + i] = sum[i];
  }
}

INLINE void block_tiles(const dtype t, const int M, float *y, int64_t ldy, const float *x,
                        const uint8_t *w, int64_t R, int64_t K) {
  const int64_t row = K / (t >= DTYPE_Q4_K ? 256 : 32) * (int64_t)dtype_bytes(t);
  for (int64_t r = 0; r < R; r += 4) block_tile(M, t, y + r, ldy, x, w + r * row, R - r, K);
}

/* An answer's next token: the time of reading the weight. */
static bool dots_one(float *y, int64_t ldy, const float *x, int M, dtype t, const void *w,
                     int64_t R, int64_t K) {
  if (M != 1) return false;
  if (t == DTYPE_Q4_K && R >= 4 && K <= TURNED_MOST) {
    turned_row turned;
    turn_row(&turned, x, K);
    q4_k_rows(y, &turned, w, R, K);
    return true;
  }
  OF_FORMATS(block_tiles, t, 1, y, ldy, x, w, R, K)
  return true;
}
#else
static bool dots_one(float *y, int64_t ldy, const float *x, int M, dtype t, const void *w,
                     int64_t R, int64_t K) {
  (void)y, (void)ldy, (void)x, (void)M, (void)t, (void)w, (void)R, (void)K;
  return false;
}
#endif

static void dots_blocks(float *y, int64_t ldy, const float *x, int M, dtype t, const char *w,
                        int64_t R, int64_t K) {
  if (dots_one(y, ldy, x, M, t, w, R, K)) return;
  for (int64_t r = 0; r < R; r += 4, w += 4 * dtype_size(t, K)) {
    for (int m = 0; m < M; m += FEW) {
      dots_of_blocks(y + m * ldy + r, ldy, x + m * K, M - m < FEW ? M - m : FEW, t, w, R - r, K);
    }
  }
}

void OF_SET(dots)(float *y, int64_t ldy, const float *x, int M, dtype t, const void *w, int64_t R,
                  int64_t K) {
  switch (t) {
    case DTYPE_F32: dots_of(y, ldy, x, M, DTYPE_F32, w, R, K); break;
    case DTYPE_BF16: dots_of(y, ldy, x, M, DTYPE_BF16, w, R, K); break;
    case DTYPE_F16: dots_of(y, ldy, x, M, DTYPE_F16, w, R, K); break;
    default: dots_blocks(y, ldy, x, M, t, w, R, K);
  }
}

/* M rows of y, two registers of columns; [keep] of them are there. */
INLINE void back_tile(const int M, float *y, int64_t ldy, const float *x, int64_t ldx,
                      const dtype t, const char *w, int64_t row, int64_t R) {
  const int64_t next = LANES * (t == DTYPE_F32 ? 4 : 2);
  vf a[ROWS], b[ROWS];
  for (int m = 0; m < M; m++) a[m] = b[m] = all(0);
  for (int64_t r = 0; r < R; r++, w += row) {
    vf u = widened(t, w), v = widened(t, w + next);
    for (int m = 0; m < M; m++) {
      vf s = all(x[m * ldx + r]);
      a[m] += s * u;
      b[m] += s * v;
    }
  }
  for (int m = 0; m < M; m++, y += ldy) {
    store(y, load(y) + a[m]);
    store(y + LANES, load(y + LANES) + b[m]);
  }
}

/* What is left of the columns, one by one. */
static void back_columns(float *y, int64_t ldy, const float *x, int64_t ldx, int M, dtype t,
                         const char *w, int64_t row, int64_t R, int64_t C) {
  for (int m = 0; m < M; m++) {
    for (int64_t c = 0; c < C; c++) {
      float sum = 0;
      for (int64_t r = 0; r < R; r++) {
        float v = float_of(bits_at(t, w + r * row, c));
        sum += x[m * ldx + r] * v;
      }
      y[m * ldy + c] += sum;
    }
  }
}

INLINE void back_of(float *y, int64_t ldy, const float *x, int64_t ldx, int M, const dtype t,
                    const char *w, int64_t row, int64_t R, int64_t C) {
  const int64_t size = t == DTYPE_F32 ? 4 : 2, whole = C / COLUMNS * COLUMNS;
  for (int64_t c = 0; c < whole; c += COLUMNS) {
    for (int m = 0; m < M; m += ROWS)
      OF_ROWS(back_tile, ROWS, M - m, y + m * ldy + c, ldy, x + m * ldx, ldx, t, w + c * size, row,
              R)
  }
  back_columns(y + whole, ldy, x, ldx, M, t, w + whole * size, row, R, C - whole);
}

void OF_SET(dots_back)(float *y, int64_t ldy, const float *x, int64_t ldx, int M, weight_rows w,
                       int64_t R, int64_t C) {
  int64_t row = w.row * (w.type == DTYPE_F32 ? 4 : 2);
  switch (w.type) {
    case DTYPE_F32: back_of(y, ldy, x, ldx, M, DTYPE_F32, w.at, row, R, C); break;
    case DTYPE_BF16: back_of(y, ldy, x, ldx, M, DTYPE_BF16, w.at, row, R, C); break;
    case DTYPE_F16: back_of(y, ldy, x, ldx, M, DTYPE_F16, w.at, row, R, C); break;
    default: break; /* weights in blocks are widened before */
  }
}
