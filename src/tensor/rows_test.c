/* Operations over lists of rows: each does to every row named what its kernel does to one, touches
 * no other row, and gives the same bytes with any number of threads. */
#include "tensor/rows.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "tensor/backward.h"

#include <cmocka.h> /* last: its fail() is a macro */

/* Rows of 200 numbers: 400 of them are worth more than one thread. */
enum { ROWS = 400, WIDTH = 200, HEADS = 5, K = 40, HALF = 16, ANGLES = 30 };

typedef struct bench {
  float *x, *y, *z, *lines, *expected;
  uint16_t *half;
  int64_t to[ROWS], from[ROWS], angles[ROWS];
  row_engine e;
} bench;

static float *numbers(uint64_t seed) {
  random_source r = random_new(seed);
  float *x = malloc(sizeof(float) * ROWS * WIDTH);
  assert_non_null(x);
  for (int i = 0; i < ROWS * WIDTH; i++) x[i] = (float)random_gaussian(&r);
  return x;
}

/* Every other row, backwards, to rows of its own. */
static void open_bench(bench *b, int threads) {
  b->x = numbers(1);
  b->y = numbers(2);
  b->z = numbers(3);
  b->expected = numbers(2);
  b->half = calloc(ROWS * WIDTH, sizeof *b->half);
  b->lines = calloc((size_t)threads * 208, sizeof *b->lines);
  assert_true(b->half && b->lines);
  for (int i = 0; i < ROWS; i++) {
    b->to[i] = (i * 7 + 3) % ROWS;
    b->from[i] = ROWS - 1 - i;
    b->angles[i] = i * 11 % ANGLES;
  }
  b->e = (row_engine){
      .ops = &rows_cpu, .k = kernels_choose(), .threads = threads, .lines = b->lines, .line = 208};
}

static void close_bench(bench *b) {
  free(b->x);
  free(b->y);
  free(b->z);
  free(b->expected);
  free(b->half);
  free(b->lines);
}

enum { LISTED = ROWS - 50 }; /* the other rows stay as they are */
static row_list list(const float *at, const int64_t *index) { return rows_f32(at, WIDTH, index); }
static float *row(float *at, int64_t i) { return at + i * WIDTH; }

static void assert_as_expected(const bench *b) {
  assert_memory_equal(b->y, b->expected, sizeof(float) * ROWS * WIDTH);
}

#define FOR_THREADS(b)                                                                             \
  for (int threads_ = 1; threads_ < 4; threads_++)                                                 \
    for (bench b, *once_ = (open_bench(&(b), threads_), &(b)); once_;                              \
         close_bench(&(b)), once_ = NULL)

static void rows_are_copied_added_and_cleared_where_the_lists_say(void **state) {
  (void)state;
  FOR_THREADS(b) {
    rows_copy(&b.e, list(b.y, b.to), list(b.x, b.from), LISTED, WIDTH);
    for (int i = 0; i < LISTED; i++) {
      memcpy(row(b.expected, b.to[i]), row(b.x, b.from[i]), sizeof(float) * WIDTH);
    }
    assert_as_expected(&b);
    rows_add(&b.e, list(b.y, b.to), list(b.z, NULL), LISTED, WIDTH);
    rows_add(&b.e, list(b.y, NULL), rows_f32(b.z, 0, NULL), LISTED, WIDTH); /* one row for all */
    for (int i = 0; i < LISTED * WIDTH; i++) {
      row(b.expected, b.to[i / WIDTH])[i % WIDTH] += b.z[i];
    }
    for (int i = 0; i < LISTED * WIDTH; i++) b.expected[i] += b.z[i % WIDTH];
    assert_as_expected(&b);
    rows_zero(&b.e, list(b.y, b.to), LISTED, WIDTH - 3);
    for (int i = 0; i < LISTED; i++) {
      memset(row(b.expected, b.to[i]), 0, sizeof(float) * (WIDTH - 3));
    }
    assert_as_expected(&b);
  }
}

static void a_copy_to_bf16_rounds(void **state) {
  (void)state;
  FOR_THREADS(b) {
    row_list half = {b.half, DTYPE_BF16, WIDTH, b.to};
    rows_copy(&b.e, half, list(b.x, b.from), LISTED, WIDTH);
    for (int i = 0; i < LISTED * WIDTH; i++) {
      float x = row(b.x, b.from[i / WIDTH])[i % WIDTH];
      assert_int_equal(b.half[b.to[i / WIDTH] * WIDTH + i % WIDTH], bf16_from_f32(x));
    }
  }
}

static void norms_are_those_of_single_rows(void **state) {
  (void)state;
  FOR_THREADS(b) {
    for (int layer = 0; layer < 2; layer++) {
      row_norm m = {1e-5, WIDTH, b.z, layer ? b.z + WIDTH : NULL};
      row_list half = {b.half, DTYPE_BF16, WIDTH, NULL};
      b.e.ops->norm(&b.e, list(b.y, b.to), list(b.x, b.from), LISTED, &m);
      b.e.ops->norm(&b.e, half, list(b.x, b.from), LISTED, &m);
      for (int i = 0; i < LISTED; i++) {
        float *out = row(b.expected, b.to[i]);
        const float *x = row(b.x, b.from[i]);
        if (layer) {
          b.e.k->layernorm(out, x, m.w, m.b, WIDTH, m.eps);
        } else {
          b.e.k->rmsnorm(out, x, m.w, WIDTH, m.eps);
        }
        for (int k = 0; k < WIDTH; k++) {
          assert_int_equal(b.half[i * WIDTH + k], bf16_from_f32(out[k]));
        }
      }
      assert_as_expected(&b);
      b.e.ops->norm_back(&b.e, list(b.y, b.to), list(b.z, NULL), list(b.x, b.from), LISTED, &m);
      for (int i = 0; i < LISTED; i++) {
        float *out = row(b.expected, b.to[i]);
        const float *x = row(b.x, b.from[i]), *dy = row(b.z, i);
        if (layer) {
          layernorm_backward(out, dy, x, m.w, WIDTH, m.eps);
        } else {
          rmsnorm_backward(out, dy, x, m.w, WIDTH, m.eps);
        }
      }
      assert_as_expected(&b);
    }
  }
}

static void turning_back_undoes_a_turn(void **state) {
  (void)state;
  float cosine[ANGLES * HALF], sine[ANGLES * HALF];
  for (int i = 0; i < ANGLES * HALF; i++) {
    cosine[i] = cosf(0.1F * (float)i);
    sine[i] = sinf(0.1F * (float)i);
  }
  FOR_THREADS(b) {
    row_rotation t = {cosine, sine, b.angles, HALF, HEADS, K, false};
    rows_rotate(&b.e, list(b.y, b.to), LISTED, &t);
    for (int i = 0; i < LISTED; i++) {
      int64_t at = b.angles[i] * HALF;
      b.e.k->rope(row(b.expected, b.to[i]), cosine + at, sine + at, HEADS, K, 2 * HALF);
    }
    assert_as_expected(&b);
    float *before = numbers(2);
    t.back = true;
    rows_rotate(&b.e, list(b.y, b.to), LISTED, &t);
    for (int i = 0; i < ROWS * WIDTH; i++) { /* two rotations of an ulp each */
      assert_true(fabs((double)b.y[i] - (double)before[i]) < 1e-5);
    }
    free(before);
  }
}

static void gates_and_their_gradients_are_those_of_single_rows(void **state) {
  (void)state;
  FOR_THREADS(b) {
    for (int act = 0; act < ACT_COUNT; act++) {
      rows_gate(&b.e, list(b.y, b.to), list(b.x, b.from), list(b.z, NULL), (act_kind)act, LISTED,
                WIDTH);
      for (int i = 0; i < LISTED; i++) {
        b.e.k->gate(row(b.expected, b.to[i]), DTYPE_F32, row(b.x, b.from[i]), row(b.z, i),
                    (act_kind)act, WIDTH);
      }
      assert_as_expected(&b);
    }
    /* of silu: df u silu'(g), and df silu(g) in the place of u */
    float *df = numbers(2), *u = numbers(3);
    memcpy(b.y, df, sizeof(float) * ROWS * WIDTH);
    rows_gate_back(&b.e, list(b.y, NULL), list(b.x, NULL), list(b.z, NULL), ACT_SILU, LISTED,
                   WIDTH);
    for (int i = 0; i < LISTED * WIDTH; i++) {
      float slope = 1, value;
      silu_backward(&slope, b.x + i, 1);
      kernels_at(0)->gate(&value, DTYPE_F32, b.x + i, NULL, ACT_SILU, 1);
      assert_true(fabsf(b.y[i] - df[i] * u[i] * slope) <= 2e-6F * fabsf(df[i] * u[i]));
      assert_true(fabsf(b.z[i] - df[i] * value) <= 2e-6F * fmaxf(1, fabsf(df[i] * b.x[i])));
    }
    assert_memory_equal(row(b.z, LISTED), row(u, LISTED), sizeof(float) * (ROWS - LISTED) * WIDTH);
    free(df);
    free(u);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(rows_are_copied_added_and_cleared_where_the_lists_say),
      cmocka_unit_test(a_copy_to_bf16_rounds),
      cmocka_unit_test(norms_are_those_of_single_rows),
      cmocka_unit_test(turning_back_undoes_a_turn),
      cmocka_unit_test(gates_and_their_gradients_are_those_of_single_rows),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
