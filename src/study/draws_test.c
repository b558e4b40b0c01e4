/* Draws are those that are counted one by one, their sums those of plain loops, to the bit. */
#include "study/draws.h"

#include <omp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* On whatever instructions this machine has: no product is fused, and the order is always the same.
 */
static void chosen_rows_are_summed_in_sixes(void **state) {
  (void)state;
  enum { COUNT = 50, SIX = 6 };
  lanes x[WORD], sums[COUNT];
  uint64_t words[COUNT];
  random_source r = random_new(2);
  for (int i = 0; i < WORD; i++)
    for (int k = 0; k < TILE; k++) x[i][k] = random_gaussian(&r);
  for (int b = 0; b < COUNT; b++) {
    words[b] = b == 0 ? 0 : b == 1 ? UINT64_MAX : random_bits(&r);
    for (int k = 0; k < TILE; k++) sums[b][k] = random_gaussian(&r);
  }
  lanes want[COUNT];
  memcpy(want, sums, sizeof want);
  lanes_add_chosen(x, words, COUNT, sums);
  for (int b = 0; b < COUNT; b++) {
    for (int k = 0; k < TILE; k++) {
      double sum = want[b][k];
      for (int first = 0; first < WORD; first += SIX) {
        double six = 0;
        for (int i = first; i < first + SIX && i < WORD; i++)
          if (words[b] >> i & 1) six += x[i][k];
        sum += six;
      }
      assert_true(sums[b][k] == sum);
    }
  }
}

/* Whole numbers have exact sums.  Some examples are in a draw more than three times. */
static void sums_count_each_example_as_often_as_it_is_drawn(void **state) {
  (void)state;
  const int sizes[] = {1, 2, 31, 32, 33, 64, 65, 1000};
  static double sums[STAT_RESAMPLES][TILE];
  int often = 0;
  for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
    int n = sizes[s];
    double *x = calloc((size_t)n * TILE, sizeof *x);
    int *times = calloc((size_t)n, sizeof *times);
    stat_draws *d;
    assert_true(x && times);
    for (int i = 0; i < n * TILE; i++) x[i] = i % 97 - 40;
    assert_int_equal(stat_draws_new(n, 7, &d, NULL), LOCI_OK);
    assert_int_equal(stat_draws_count(d), n);
    stat_draws_sum(d, x, sums);
    random_source r = random_new(7);
    for (int b = 0; b < STAT_RESAMPLES; b++) {
      double want[TILE] = {0};
      stat_draw(&r, times, n);
      for (int i = 0; i < n; i++) {
        often += n > 3 && times[i] > 3;
        for (int k = 0; k < TILE; k++) want[k] += times[i] * x[i * TILE + k];
      }
      assert_memory_equal(sums[b], want, sizeof want);
    }
    stat_draws_free(d);
    free(times);
    free(x);
  }
  assert_true(often > 1000);
}

static void sums_are_the_same_on_any_number_of_threads(void **state) {
  (void)state;
  enum { N = 205 };
  static double x[N * TILE], one[STAT_RESAMPLES][TILE], many[STAT_RESAMPLES][TILE];
  int threads = omp_get_max_threads();
  stat_draws *d;
  random_source r = random_new(4);
  for (int i = 0; i < N * TILE; i++) x[i] = random_gaussian(&r);
  assert_int_equal(stat_draws_new(N, 3, &d, NULL), LOCI_OK);
  omp_set_num_threads(1);
  stat_draws_sum(d, x, one);
  for (int t = 2; t < 8; t++) {
    omp_set_num_threads(t);
    stat_draws_sum(d, x, many);
    assert_memory_equal(one, many, sizeof one);
  }
  omp_set_num_threads(threads);
  stat_draws_free(d);
}

int main(void) {
  static const struct CMUnitTest tests[] = {
      cmocka_unit_test(chosen_rows_are_summed_in_sixes),
      cmocka_unit_test(sums_count_each_example_as_often_as_it_is_drawn),
      cmocka_unit_test(sums_are_the_same_on_any_number_of_threads),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
