/* Where the curves of a chart have their peaks, how surely, and which layers are causal
 * (docs/MATH.md, "Averages"). */
#include <math.h>

#include "study/average.h"

/* The first of the highest; -1: none is a number. */
static int peak_of(const double *means, int points) {
  int best = -1;
  for (int k = 0; k < points; k++)
    if (!isnan(means[k]) && (best < 0 || means[k] > means[best])) best = k;
  return best;
}

/* How often the peak stays over the draws of the bootstrap, and where it goes. */
static void peak_over_draws(const double *drawn, int points, int first, loci_curve *out) {
  double at[STAT_RESAMPLES];
  int defined = 0, stays = 0;
  for (int b = 0; b < STAT_RESAMPLES; b++) {
    int peak = peak_of(drawn + (int64_t)b * points, points);
    if (peak < 0) continue;
    stays += peak == out->peak;
    at[defined++] = first + peak;
  }
  if (defined == 0) return;
  out->peak_stays = (double)stays / defined;
  stat_sort(at, defined);
  out->peak_at.lo = stat_quantile(at, defined, 0.025);
  out->peak_at.hi = stat_quantile(at, defined, 0.975);
}

void average_peak(const double *drawn, int points, int first, loci_curve *out) {
  out->peak = -1;
  for (int k = 0; k < points; k++) {
    double x = out->points[k].value;
    if (!isnan(x) && (out->peak < 0 || x > out->points[out->peak].value)) out->peak = k;
  }
  out->peak_at =
      (loci_interval){out->peak < 0 ? (double)NAN : first + out->peak, (double)NAN, (double)NAN};
  out->peak_stays = (double)NAN;
  if (out->n > 1 && out->peak >= 0) peak_over_draws(drawn, points, first, out);
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

loci_status average_peaks(const averaging *a, loci_chart *chart, loci_err *err) {
  double highest = 0;
  for (int c = 0; c < chart->curve_count; c++) {
    for (int k = 0; k < chart->point_count; k++)
      highest = fmax(highest, chart->curves[c].points[k].value);
  }
  for (int c = 0; c < chart->curve_count; c++) {
    loci_curve *curve = (loci_curve *)(uintptr_t)&chart->curves[c];
    curve->has_peak = true;
    if (highest > 0) TRY(find_causal(a, chart, highest, curve, err));
  }
  return LOCI_OK;
}
