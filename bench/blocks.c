/* What weights in blocks cost (docs/BENCHMARKS.md): a product of many rows beside the same with f16
 * weights, and one of a single row, as for an answer's next token, beside reading the weights: 400
 * MB, more than caches hold, by a plain loop that asks for them as early as is best.
 *
 *   blocks [REPEATS]     the fastest of so many (5), of one thread, in the processor's own time */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/random.h"
#include "model/compute.h"

enum {
  ROWS = 2048,
  WIDTH = 2048,
  OUT = 5504,           /* of the weight that many rows meet */
  SOME = 32,            /* random rows, again and again */
  BYTES_ONE = 400 << 20 /* and of the one that one row meets */
};

static double seconds(void) {
  struct timespec t;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void *room(size_t bytes) {
  void *p = aligned_alloc(64, (bytes + 63) / 64 * 64);
  if (!p) exit(1);
  memset(p, 0, bytes);
  return p;
}

/* Random bits under scales of 0.01; a multiple of SOME rows. */
static weight random_weight(dtype t, int64_t rows) {
  int64_t bytes = dtype_size(t, SOME * WIDTH), block = (int64_t)dtype_bytes(t);
  uint8_t *data = room((size_t)dtype_size(t, rows * WIDTH));
  random_source r = random_new(1);
  uint16_t scale = f16_from_f32(0.01F);
  bool two = t == DTYPE_Q4_1 || t == DTYPE_Q5_1 || t == DTYPE_Q4_K || t == DTYPE_Q5_K;
  for (int64_t i = 0; i < bytes; i++) data[i] = (uint8_t)random_bits(&r);
  for (uint8_t *at = data; at < data + bytes; at += block) {
    if (!dtype_has_blocks(t)) at[1] &= 0x9F;
    if (dtype_has_blocks(t)) memcpy(t == DTYPE_Q6_K ? at + 208 : at, &scale, sizeof scale);
    if (two) memcpy(at + 2, &scale, sizeof scale);
  }
  for (int64_t i = SOME; i < rows; i += SOME) {
    memcpy(data + i / SOME * bytes, data, (size_t)bytes);
  }
  return (weight){.name = "w", .data = data, .type = t, .rows = rows, .cols = WIDTH};
}

/* The fastest of [repeats] products of [rows] rows. */
static double time_product(compute *a, const weight *w, const void *x, float *y, int rows,
                           int repeats) {
  linear_weights l = {.w = *w};
  loci_err err;
  double best = 1e9;
  for (int i = 0; i <= repeats; i++) { /* the first compiles */
    double begin = seconds();
    if (linear_forward(a, &l, y, x, rows, &err)) exit(1);
    double took = seconds() - begin;
    if (i > 0 && took < best) best = took;
  }
  return best;
}

/* The sum of n words, and the word [ahead] of each line asked for beforehand. */
static uint64_t sum_of(const uint64_t *at, int64_t n, int64_t ahead) {
  uint64_t sum[8] = {0}, all = 0;
  for (int64_t k = 0; k + 8 <= n; k += 8) {
    __builtin_prefetch(at + k + ahead);
    for (int j = 0; j < 8; j++) sum[j] += at[k + j];
  }
  for (int j = 0; j < 8; j++) all += sum[j];
  return all;
}

/* However far ahead is best here. */
static double time_reading(const weight *w, int repeats) {
  int64_t n = dtype_size(w->type, w->rows * w->cols) / 8;
  uint64_t all = 0;
  double best = 1e9;
  for (int i = 0; i < repeats; i++) {
    for (int64_t ahead = 0; ahead <= 1024; ahead = ahead ? 2 * ahead : 128) {
      double begin = seconds();
      all += sum_of((const uint64_t *)(const void *)w->data, n, ahead);
      double took = seconds() - begin;
      if (took < best) best = took;
    }
  }
  return all == UINT64_MAX ? 0 : best; /* whoever sums must be asked for the sum */
}

int main(int argc, char **argv) {
  int repeats = argc > 1 ? atoi(argv[1]) : 5;
  loci_err err;
  compute *a;
  dtype type = product_has_bf16() ? DTYPE_BF16 : DTYPE_F32;
  if (repeats < 1 || compute_new(type, 1, &a, &err)) return 1;
  float *x = room(sizeof(float) * ROWS * WIDTH), *y = room(sizeof(float) * ROWS * OUT);
  double f16 = 0;
  printf("%s products; of f16's time with %d rows; GB/s of one row, share of the rate of reading\n",
         dtype_name(type), ROWS);
  for (dtype t = DTYPE_F16; t < DTYPE_COUNT; t++) {
    weight w = random_weight(t, OUT),
           all = random_weight(t, BYTES_ONE / dtype_size(t, WIDTH) / SOME * SOME);
    double many = time_product(a, &w, x, y, ROWS, repeats);
    double read = time_reading(&all, 2 * repeats);
    double one = time_product(a, &all, x, y, 1, 2 * repeats);
    if (t == DTYPE_F16) f16 = many;
    printf("%-5s %6.2f %8.1f GB/s %4.0f %%\n", dtype_name(t), many / f16,
           1e-9 * (double)dtype_size(t, all.rows * WIDTH) / one, 100 * read / one);
    fflush(stdout);
    free((void *)(uintptr_t)w.data);
    free((void *)(uintptr_t)all.data);
  }
  free(x);
  free(y);
  compute_free(a);
  return 0;
}
