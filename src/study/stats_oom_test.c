/* Statistics when memory runs out, one allocation at a time. */
#include "failing_malloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "study/intervals.h"
#include "study/probe.h"

enum { N = 8 };

static loci_status compute(void *ctx, loci_err *err) {
  static const double x[N] = {3, 1, 4, 1, 5, 9, 2, 6}, y[N] = {2, 7, 1, 8, 2, 8, 1, 8};
  static const float features[N] = {3, 1, 4, 1, 5, 9, 2, 6};
  static const bool label[N] = {true, false, true, false, true, true, false, false};
  const probe_data data = {N, 1, features, label};
  double rho, score[N];
  loci_interval i;
  stat_roc roc;
  int part[N];
  (void)ctx;
  TRY(stat_spearman(x, y, N, &rho, err));
  TRY(stat_mean(x, N, stat_any, 1, &i, err));
  stat_draws *d;
  TRY(stat_draws_new(N, 1, &d, err));
  loci_status both = stat_difference(d, x, 3, y, N - 3, &i, err);
  stat_draws_free(d);
  TRY(both);
  TRY(stat_split(label, N, 2, 1, part, err));
  TRY(probe_cross_validate(&data, part, 2, NULL, score, err));
  arena *mem = arena_new();
  if (!mem) return fail_nomem(err, "ranking");
  loci_status st = stat_roc_new(x, label, N, mem, &roc, err);
  if (!st) st = stat_bootstrap(stat_auroc, &roc, N, 1, NULL, &i, err);
  arena_free(mem);
  return st;
}

static void running_out_of_memory_is_said(void **state) {
  (void)state;
  failing_malloc_run(compute, NULL);
}

int main(void) {
  static const struct CMUnitTest tests[] = {cmocka_unit_test(running_out_of_memory_is_said)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
