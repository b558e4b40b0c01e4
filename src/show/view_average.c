/* Averages over examples for the eye: a line chart for each quantity, means with their intervals,
 * and each curve's peak in words. */
#include <math.h>
#include <string.h>

#include "base/fixed.h"
#include "show/view_heads.h"

static bool is_over_layers(const loci_chart *c) { return strstr(c->x_name, "layer") != NULL; }

static void fill_series(views *v, const loci_curve *c, int points, view_series *out) {
  double *x = view_array(v, 3 * (int64_t)points, double);
  for (int i = 0; i < points && x; i++) {
    x[i] = c->points[i].value;
    x[points + i] = c->points[i].lo;
    x[2 * points + i] = c->points[i].hi;
  }
  if (!x) return;
  *out = (view_series){.name = view_arrows(v, c->name),
                       .n = c->n,
                       .values = x,
                       .lo = x + points,
                       .hi = x + 2 * points};
}

static void say_lines(views *v, const loci_average *a, const loci_chart *c, bool beside) {
  view_lines *l = view_array(v, 1, view_lines);
  view_series *series = view_array(v, c->curve_count, view_series);
  for (int k = 0; k < c->curve_count && !v->status; k++)
    fill_series(v, &c->curves[k], c->point_count, &series[k]);
  if (v->status) return;
  *l = (view_lines){.title = view_arrows(v, c->name),
                    .unit = c->unit,
                    .x_name = c->x_name,
                    .point_count = c->point_count,
                    .points = c->points,
                    .series_count = c->curve_count,
                    .series = series,
                    .mark = c->mark,
                    .mark_name = c->mark_name,
                    .floor = strcmp(a->what, "trace") == 0 ? heatmap_least_effect : 0};
  /* others would not fit a terminal, and are told in words */
  view_draw(v, VIEW_LINES, is_over_layers(c) ? VIEW_ALL : VIEW_PAGE | VIEW_HTML, beside, l);
}

/* ---------------------------------------------------------------- peaks in words */

/* The point farthest from the mark, or from 0. */
static int peak_of(const loci_chart *c, const loci_curve *curve) {
  double from = isnan(c->mark) ? 0 : c->mark;
  int best = -1;
  for (int i = 0; i < c->point_count; i++) {
    if (isnan(curve->points[i].value)) continue;
    if (best < 0 || fabs(curve->points[i].value - from) > fabs(curve->points[best].value - from))
      best = i;
  }
  return best;
}

/* "peak 6 (5-7), stays in 83 % of draws; causal layers 5 to 7" */
static void say_stability(views *v, const loci_curve *c) {
  if (c->causal_count == 0 || isnan(c->peak_at.lo)) return; /* noise has a peak, too */
  view_say(v, VIEW_DIM, "(peak %.0f to %.0f, in %.0f %% of draws the same); causal: layers",
           c->peak_at.lo, c->peak_at.hi, 100 * c->peak_stays);
  for (int i = 0; i < c->causal_count; i++) {
    int from = i;
    while (i + 1 < c->causal_count && c->causal[i + 1] == c->causal[i] + 1) i++;
    if (from == i) view_say(v, VIEW_DIM, "%d", c->causal[i]);
    if (from < i) view_say(v, VIEW_DIM, "%d to %d", c->causal[from], c->causal[i]);
  }
}

/* "(p 0.0001, Holm 0.02, BH 0.01) (own peak there in 0.61 (0.44 - 0.75))" */
static void say_test(views *v, const loci_curve *c, int at) {
  char text[80];
  view_say(v, VIEW_DIM, "(p %.2g, Holm %.2g, BH %.2g)", c->p[at], c->holm[at], c->bh[at]);
  if (at == c->peak)
    view_say(v, VIEW_DIM, "(own peak there in %s)",
             interval_text(&c->own_peak, false, v->ascii, text));
}

/* "(restored at 6: of p 0.93 (0.9 - 0.95), of the logit difference 0.88 (0.8 - 0.91), ratio of
 * means 0.87 (0.8 - 0.9), 2 left out)" */
static void say_restored(views *v, const loci_curve *c, int at) {
  const loci_restored *p = c->p_restored, *l = c->logit_diff_restored;
  char text[80], whole[80];
  if (c->causal_count == 0 || !p || !l || l->n == 0) return;
  view_say(v, VIEW_DIM, "(restored: of p %s,",
           interval_text(&p->mean_of_ratios[at], false, v->ascii, text));
  view_say(v, VIEW_DIM, "of the logit difference %s, ratio of means %s",
           interval_text(&l->mean_of_ratios[at], false, v->ascii, text),
           interval_text(&l->ratio_of_means[at], false, v->ascii, whole));
  view_say(v, VIEW_DIM, "over %d, %d left out)", l->n, l->left_out);
}

static void say_own_peak(views *v, const loci_chart *c) {
  char text[80];
  view_begin(v, VIEW_ITEM);
  view_only(v, VIEW_TERM);
  view_say(v, VIEW_DIM, "own strongest of all these the mean's in %s of the examples",
           interval_text(&c->own_peak, false, v->ascii, text));
}

static void say_peaks(views *v, const loci_chart *c) {
  for (int k = 0; k < c->curve_count; k++) {
    const loci_curve *curve = &c->curves[k];
    int i = peak_of(c, curve);
    char text[80];
    if (i < 0) continue;
    mean_text(&curve->points[i], v->ascii, text);
    view_begin(v, VIEW_ITEM);
    view_only(v, VIEW_TERM);
    view_say(v, VIEW_BOLD, "%s", view_arrows(v, curve->name));
    view_say(v, VIEW_DIM, "(n %d):", curve->n);
    if (c->point_count == 1) {
      view_say(v, VIEW_PLAIN, "%s", text);
    } else {
      view_say(v, VIEW_PLAIN, "%s at %s %d", text, c->x_name, c->points[i]);
    }
    if (curve->has_peak) say_stability(v, curve);
    if (curve->p && !isnan(curve->p[i])) say_test(v, curve, i);
    say_restored(v, curve, i);
  }
  if (!isnan(c->own_peak.value) && c->curve_count > 1) say_own_peak(v, c);
  if (isnan(c->mark)) return;
  char digits[32];
  view_begin(v, VIEW_ITEM);
  view_only(v, VIEW_TERM);
  view_say(v, VIEW_DIM, "%s: %s", c->mark_name, fixed_digits(c->mark, 3, digits));
}

/* ---------------------------------------------------------------- the whole */

static void say_head(views *v, const loci_average *a) {
  char text[80];
  view_begin(v, VIEW_TITLE);
  view_say(v, VIEW_BOLD, "%s, %d examples", a->title, a->sample.used);
  if (a->right + a->wrong > 0)
    view_say(v, VIEW_PLAIN, "(%d answered correctly, %d incorrectly)", a->right, a->wrong);
  for (int i = 0; i < a->number_count; i++) {
    view_begin(v, VIEW_FACT);
    view_say(v, VIEW_PLAIN, "%s %s", a->numbers[i].name,
             mean_text(&a->numbers[i].value, v->ascii, text));
  }
  view_gap(v);
}

/* Whether a mean that is not 0 in every example has no interval though there are enough of them. */
static bool lacks_interval(const loci_average *a) {
  for (int i = 0; i < a->chart_count; i++)
    for (int k = 0; k < a->charts[i].curve_count; k++)
      for (int p = 0; p < a->charts[i].point_count; p++) {
        const loci_interval *x = &a->charts[i].curves[k].points[p];
        if (a->charts[i].curves[k].n > 2 && x->value != 0 && isnan(x->lo) && !isnan(x->value))
          return true;
      }
  return false;
}

static void say_intervals(views *v, const loci_average *a) {
  view_begin(v, VIEW_LINE);
  view_only(v, VIEW_PAGE);
  view_say(v, VIEW_DIM, "Means over examples; bands are 95 %% intervals.");
  if (!lacks_interval(a)) return;
  view_begin(v, VIEW_LINE);
  view_say(v, VIEW_DIM,
           "A mean has no interval where too few examples differ from all others, which have the "
           "same number: nobody knows what more of them would be.");
}

void view_average(const void *result, const loci_draw_opts *opts, views *v) {
  const loci_average *a = result;
  int charts = 0;
  (void)opts;
  say_head(v, a);
  for (int i = 0; i < a->chart_count; i++)
    charts += a->charts[i].curve_count > 0 && !a->charts[i].of_heads;
  int in_a_row = charts % 2 == 0 && charts < 6 ? 2 : 3; /* two windows of three sites: a row each */
  for (int i = 0, shown = 0; i < a->chart_count; i++) {
    const loci_chart *c = &a->charts[i];
    if (c->curve_count == 0) continue;
    if (!is_over_layers(c)) {
      view_begin(v, VIEW_HEADING);
      view_only(v, VIEW_TERM);
      view_say(v, VIEW_BOLD, "%s", c->name);
    }
    if (c->of_heads) {
      view_heads(v, c);
      view_gap(v);
      continue;
    }
    say_lines(v, a, c, shown++ % in_a_row > 0);
    say_peaks(v, c);
    view_gap(v);
  }
  say_intervals(v, a);
  view_sample(v, &a->sample);
}
