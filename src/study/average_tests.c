/* Tests of averages (see average_tests.h; docs/MATH.md, "Averages"): whether means are other
 * than zero, corrected for being many; and whether examples agree with the mean about the
 * strongest. */
#include <math.h>
#include <stdlib.h>

#include "study/average_tests.h"
#include "study/permutation.h"

enum { TEN = 10 };

static stat_table table_of(const averaging *a, int series, int from, int count) {
  const average_row *r = &a->series[series];
  return (stat_table){r->x + from, a->n, r->key.points, count, NULL};
}

loci_status average_test(averaging *a, loci_chart *chart, int first, int series, loci_err *err) {
  int points = (chart->curve_count - first) * chart->point_count;
  double *p = arena_array(a->mem, points, double);
  if (!p) return fail_nomem(err, "averaging");
  stat_table t = table_of(a, series, 0, points);
  const watch w = average_watch(a);
  TRY(stat_sign_flips(&t, a->s->opts->seed, &w, p, err));
  for (int k = first; k < chart->curve_count; k++)
    ((loci_curve *)(uintptr_t)&chart->curves[k])->p = p + (k - first) * chart->point_count;
  return LOCI_OK;
}

/* The first of the highest; -1: none is a number. */
static int highest(const double *x, int count) {
  int best = -1;
  for (int k = 0; k < count; k++)
    if (!isnan(x[k]) && (best < 0 || x[k] > x[best])) best = k;
  return best;
}

loci_interval average_own_peak(const averaging *a, int series, int peak) {
  stat_table t = table_of(a, series, 0, a->series[series].key.points);
  int64_t agree = 0, n = 0;
  for (int64_t i = 0; i < t.n; i++) {
    int own = highest(t.x + i * t.stride, t.points);
    n += own >= 0;
    agree += own >= 0 && own == peak;
  }
  return stat_proportion(agree, n);
}

/* Where of all curves the highest number is, of an example or (-1) of the means; -1: there is none.
 */
static int highest_of_all(const averaging *a, const loci_chart *c, const int *series, int example) {
  int best = -1;
  double most = 0;
  for (int k = 0; k < c->curve_count; k++) {
    for (int i = 0; i < c->point_count; i++) {
      double x =
          example < 0 ? c->curves[k].points[i].value : average_row_of(a, series[k], example)[i];
      if (isnan(x) || (best >= 0 && x <= most)) continue;
      best = k * c->point_count + i;
      most = x;
    }
  }
  return best;
}

void average_own_map(const averaging *a, loci_chart *chart, const int *series) {
  int64_t agree = 0, n = 0;
  int peak = highest_of_all(a, chart, series, -1);
  for (int i = 0; i < a->n; i++) {
    int own = highest_of_all(a, chart, series, i);
    n += own >= 0;
    agree += own >= 0 && own == peak;
  }
  chart->own_peak = stat_proportion(agree, n);
}

/* Numbers above the tenth highest, and of those equal to it the first. */
static void mark_ten(const double *x, int count, bool *taken) {
  for (int k = 0; k < count; k++) taken[k] = false;
  for (int n = 0; n < TEN && n < count; n++) {
    int best = -1;
    for (int k = 0; k < count; k++)
      if (!taken[k] && !isnan(x[k]) && (best < 0 || x[k] > x[best])) best = k;
    if (best < 0) return;
    taken[best] = true;
  }
}

loci_status average_among_ten(const averaging *a, int series, double *out, loci_err *err) {
  int count = a->series[series].key.points;
  stat_table t = table_of(a, series, 0, count);
  bool *taken = malloc((size_t)count * sizeof *taken);
  if (!taken) return fail_nomem(err, "averaging");
  int64_t n = 0;
  for (int k = 0; k < count; k++) out[k] = 0;
  for (int64_t i = 0; i < t.n; i++) {
    const double *x = t.x + i * t.stride;
    if (highest(x, count) < 0) continue;
    n++;
    mark_ten(x, count, taken);
    for (int k = 0; k < count; k++) out[k] += taken[k];
  }
  for (int k = 0; k < count; k++) out[k] = n ? out[k] / (double)n : (double)NAN;
  free(taken);
  return LOCI_OK;
}

loci_status average_correct(averaging *a, loci_err *err) {
  int64_t n = 0, at = 0;
  for (int c = 0; c < a->out->chart_count; c++)
    for (int k = 0; k < a->charts[c].curve_count; k++)
      n += a->charts[c].curves[k].p ? a->charts[c].point_count : 0;
  double *p = arena_array(a->mem, n, double), *holm = arena_array(a->mem, n, double);
  double *bh = arena_array(a->mem, n, double);
  if (!p || !holm || !bh) return fail_nomem(err, "averaging");
  for (int c = 0; c < a->out->chart_count; c++) {
    const loci_chart *chart = &a->charts[c];
    for (int k = 0; k < chart->curve_count; k++) {
      loci_curve *curve = (loci_curve *)(uintptr_t)&chart->curves[k];
      if (!curve->p) continue;
      for (int i = 0; i < chart->point_count; i++) p[at + i] = curve->p[i];
      curve->p = p + at;
      curve->holm = holm + at;
      curve->bh = bh + at;
      at += chart->point_count;
    }
  }
  return stat_correct(p, n, holm, bh, err);
}
