/* Scores and mixing of every kernel set against the plain one, and attention over stretches: the
 * result does not depend on where the keys are cut. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "tensor/attention.h"

#include <cmocka.h> /* last: its fail() is a macro */

enum { MOST_KEYS = 40, MOST_ROWS = 9, WIDEST = 128, LD = 64 };
static const int widths[] = {1, 4, 12, 16, 20, 33, 72, 128};
enum { WIDTHS = 8 };

/* Sums of at most 128 products of numbers of size 1, in f32 and another order: 128 ulps of 12, the
 * largest sum of magnitudes here, is 2e-4 at worst; the errors do not all have one sign. */
static const double SUMS = 2e-5;

typedef struct arrays { /* one head */
  float q[MOST_ROWS * WIDEST], k[MOST_KEYS * WIDEST], v[MOST_KEYS * WIDEST];
  float S[MOST_ROWS * LD], z[MOST_ROWS * WIDEST];
  float panels[4 * 48 * WIDEST], values[4 * MOST_KEYS * WIDEST];
} arrays;

static arrays *filled(uint64_t seed) {
  arrays *a = calloc(1, sizeof *a);
  assert_non_null(a);
  random_source r = random_new(seed);
  for (int i = 0; i < MOST_ROWS * WIDEST; i++) a->q[i] = (float)random_gaussian(&r);
  for (int i = 0; i < MOST_KEYS * WIDEST; i++) a->k[i] = (float)random_gaussian(&r);
  for (int i = 0; i < MOST_KEYS * WIDEST; i++) a->v[i] = (float)random_gaussian(&r);
  for (int i = 0; i < MOST_ROWS * LD; i++) a->S[i] = 77;
  for (int i = 0; i < MOST_ROWS * WIDEST; i++) a->z[i] = 77;
  return a;
}

/* Attention of R rows over [count] keys cut at the [cuts] (ascending), with kernel set k; the rows'
 * queries and results stand [width] apart, which leaves a gap that must stay as it is. */
static void attend(const kernel_set *k, arrays *a, int R, int K, int count, const int *cuts,
                   int n) {
  kv_stretch stretches[4];
  float *panels = a->panels, *values = a->values;
  for (int i = 0; i <= n; i++) {
    int from = cuts && i ? cuts[i - 1] : 0, to = cuts && i < n ? cuts[i] : count;
    stretches[i] = (kv_stretch){panels, packed_values(values, to - from), from, to - from};
    for (int j = from; j < to; j++) { /* row by row: packing goes on where it stopped */
      pack_keys(panels, j - from, a->k + (int64_t)j * WIDEST, WIDEST, 1, K);
      pack_values(values, to - from, j - from, a->v + (int64_t)j * WIDEST, WIDEST, 1, K);
    }
    panels += key_floats(to - from, K);
    values += value_floats(to - from, K);
  }
  attend_rows rows = {.q = a->q,
                      .q_stride = WIDEST,
                      .z = a->z,
                      .z_stride = WIDEST,
                      .R = R,
                      .K = K,
                      .stretches = stretches,
                      .stretch_count = n + 1,
                      .S = a->S,
                      .ld = LD};
  attend_scores(k, &rows);
  for (int r = 0; r < R; r++) k->softmax(a->S + r * LD, count);
  attend_mix(k, &rows);
}

static void assert_same_results(const arrays *got, const arrays *plain, int R, int K, int count) {
  for (int r = 0; r < R; r++) {
    for (int j = 0; j < count; j++) {
      assert_true(fabs((double)got->S[r * LD + j] - (double)plain->S[r * LD + j]) <= SUMS);
    }
    for (int c = 0; c < WIDEST; c++) {
      float x = got->z[r * WIDEST + c];
      if (c < K) {
        assert_true(fabs((double)x - (double)plain->z[r * WIDEST + c]) <= SUMS);
      } else {
        assert_true(x == 77);
      }
    }
  }
  for (int i = R * WIDEST; i < MOST_ROWS * WIDEST; i++) assert_true(got->z[i] == 77);
}

/* The formula, in double, without panels or stretches. */
static void formula(arrays *a, int R, int K, int count) {
  for (int r = 0; r < R; r++) {
    double e[MOST_KEYS], sum = 0, most = -(double)INFINITY;
    for (int j = 0; j < count; j++) {
      e[j] = 0;
      for (int c = 0; c < K; c++) {
        e[j] += (double)a->q[r * WIDEST + c] * (double)a->k[j * WIDEST + c];
      }
      e[j] /= sqrt(K);
      most = fmax(most, e[j]);
    }
    for (int j = 0; j < count; j++) sum += e[j] = exp(e[j] - most);
    for (int j = 0; j < count; j++) a->S[r * LD + j] = (float)(e[j] / sum);
    for (int c = 0; c < K; c++) {
      double z = 0;
      for (int j = 0; j < count; j++) z += e[j] / sum * (double)a->v[j * WIDEST + c];
      a->z[r * WIDEST + c] = (float)z;
    }
  }
}

static void every_shape_gives_the_formula(void **state) {
  (void)state;
  for (int w = 0; w < WIDTHS; w++) {
    for (int R = 1; R <= MOST_ROWS; R++) {
      for (int count = 1; count <= MOST_KEYS; count += R % 3 + 1) {
        arrays *plain = filled(3);
        formula(plain, R, widths[w], count);
        for (int set = 0; kernels_at(set); set++) {
          arrays *got = filled(3);
          attend(kernels_at(set), got, R, widths[w], count, NULL, 0);
          assert_same_results(got, plain, R, widths[w], count);
          free(got);
        }
        free(plain);
      }
    }
  }
}

static void it_does_not_matter_where_the_keys_are_cut(void **state) {
  (void)state;
  static const int counts[] = {2, 15, 17, 33, 40};
  for (int set = 0; kernels_at(set); set++) {
    for (int i = 0; i < 5; i++) {
      int count = counts[i], R = 1 + i * 2;
      arrays *whole = filled(8);
      attend(kernels_at(set), whole, R, 20, count, NULL, 0);
      for (int a = 1; a < count; a++) {
        arrays *cut = filled(8);
        attend(kernels_at(set), cut, R, 20, count, &a, 1);
        assert_same_results(cut, whole, R, 20, count);
        free(cut);
        for (int b = a + 1; b < count; b += 5) {
          cut = filled(8);
          attend(kernels_at(set), cut, R, 20, count, (const int[]){a, b}, 2);
          assert_same_results(cut, whole, R, 20, count);
          free(cut);
        }
      }
      free(whole);
    }
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_shape_gives_the_formula),
      cmocka_unit_test(it_does_not_matter_where_the_keys_are_cut),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
