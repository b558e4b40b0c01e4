/* Where the curves of a chart have their peaks, how surely, and which layers are causal
 * (docs/MATH.md, "Averages"). */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "study/average.h"

/* The point with the highest mean over the examples, each there times[i] times; -1: none. */
static int peak_of(const average_row *r, const int *times, int n, double *sum, double *count) {
  int best = -1, points = r->key.points;
  memset(sum, 0, (size_t)points * sizeof *sum);
  memset(count, 0, (size_t)points * sizeof *count);
  for (int i = 0; i < n; i++) {
    for (int k = 0; times[i] > 0 && k < points; k++) {
      double x = r->x[(int64_t)i * points + k];
      if (isnan(x)) continue;
      sum[k] += times[i] * x;
      count[k] += times[i];
    }
  }
  for (int k = 0; k < points; k++) {
    if (count[k] == 0) continue;
    sum[k] /= count[k];
    if (best < 0 || sum[k] > sum[best]) best = k;
  }
  return best;
}

static int ascending(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return x < y ? -1 : x > y;
}

typedef struct scratch {
  int *times;
  double *sum, *count, *drawn;
} scratch;

static void scratch_clear(scratch *s) {
  free(s->times);
  free(s->sum);
  free(s->count);
  free(s->drawn);
}

static loci_status scratch_new(int n, int points, scratch *s, loci_err *err) {
  *s =
      (scratch){calloc((size_t)n + 1, sizeof *s->times), calloc((size_t)points, sizeof *s->sum),
                calloc((size_t)points, sizeof *s->count), calloc(STAT_RESAMPLES, sizeof *s->drawn)};
  if (s->times && s->sum && s->count && s->drawn) return LOCI_OK;
  scratch_clear(s);
  return fail_nomem(err, "finding peaks");
}

/* The peak of all examples; of each draw of the bootstrap: the interval, and how often it stays. */
static loci_status find_peak(const averaging *a, const average_row *r, loci_curve *out,
                             loci_err *err) {
  scratch s;
  int defined = 0, stays = 0;
  TRY(scratch_new(a->n, r->key.points, &s, err));
  for (int i = 0; i < a->n; i++) s.times[i] = 1;
  out->peak = peak_of(r, s.times, a->n, s.sum, s.count);
  random_source random = random_new(a->s->opts->seed);
  for (int b = 0; b < STAT_RESAMPLES && a->n > 1 && out->peak >= 0; b++) {
    stat_draw(&random, s.times, a->n);
    int peak = peak_of(r, s.times, a->n, s.sum, s.count);
    if (peak < 0) continue;
    stays += peak == out->peak;
    s.drawn[defined++] = r->key.first + peak;
  }
  out->peak_at = (loci_interval){out->peak < 0 ? (double)NAN : r->key.first + out->peak,
                                 (double)NAN, (double)NAN};
  out->peak_stays = defined > 0 ? (double)stays / defined : (double)NAN;
  if (defined > 0) {
    qsort(s.drawn, (size_t)defined, sizeof *s.drawn, ascending);
    out->peak_at.lo = stat_quantile(s.drawn, defined, 0.025);
    out->peak_at.hi = stat_quantile(s.drawn, defined, 0.975);
  }
  scratch_clear(&s);
  return LOCI_OK;
}

/* Layers whose interval lies above half of the chart's highest mean. */
static loci_status find_causal(const averaging *a, const loci_chart *chart, double highest,
                               loci_curve *out, loci_err *err) {
  int *causal = arena_array(a->mem, chart->point_count, int);
  if (!causal) return fail_nomem(err, "finding peaks");
  for (int k = 0; k < chart->point_count; k++)
    if (out->points[k].lo > highest / 2) causal[out->causal_count++] = chart->points[k];
  out->causal = causal;
  return LOCI_OK;
}

loci_status average_peaks(const averaging *a, loci_chart *chart, const int *series, loci_err *err) {
  double highest = 0;
  for (int c = 0; c < chart->curve_count; c++) {
    for (int k = 0; k < chart->point_count; k++)
      highest = fmax(highest, chart->curves[c].points[k].value);
  }
  for (int c = 0; c < chart->curve_count; c++) {
    loci_curve *curve = (loci_curve *)(uintptr_t)&chart->curves[c];
    curve->has_peak = true;
    TRY(find_peak(a, &a->series[series[c]], curve, err));
    if (highest > 0) TRY(find_causal(a, chart, highest, curve, err));
  }
  return LOCI_OK;
}
