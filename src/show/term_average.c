/* Averages over examples for a terminal: the means of every chart as rows of colour over the
 * layers, and each curve's peak with its interval in words. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "show/formats.h"
#include "show/study_parts.h"

static bool fill_panel(arena *mem, const loci_chart *c, sheet *s, sheet_panel *panel) {
  sheet_row *rows = arena_zarray(mem, c->curve_count, sheet_row);
  double *values = arena_zarray(mem, (int64_t)c->curve_count * c->point_count, double);
  bool *zero = arena_zarray(mem, (int64_t)c->curve_count * c->point_count, bool);
  char *title = chart_words(mem, c->name);
  if (!rows || !values || !zero || !title) return false;
  for (int k = 0; k < c->curve_count; k++) {
    rows[k] = (sheet_row){chart_words(mem, c->curves[k].name), -1, -1, LOCI_ROLE_BEFORE};
    if (!rows[k].label) return false;
    for (int i = 0; i < c->point_count; i++)
      values[(int64_t)k * c->point_count + i] = c->curves[k].points[i].value;
  }
  *panel = (sheet_panel){.title = title,
                         .group_rows = c->curve_count,
                         .row_count = c->curve_count,
                         .rows = rows,
                         .layer_count = c->point_count,
                         .layers = c->points,
                         .values = values,
                         .zero = zero};
  *s = (sheet){.mem = mem, .panel_count = 1, .panels = panel, .unit = c->unit};
  sheet_scale(s);
  return true;
}

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
static void put_stability(term *t, const loci_curve *c) {
  if (c->causal_count == 0 || isnan(c->peak_at.lo)) return; /* noise has a peak, too */
  term_format(t, TERM_DIM, "(peak %.0f to %.0f, in %.0f %% of draws the same); causal: layers",
              c->peak_at.lo, c->peak_at.hi, 100 * c->peak_stays);
  for (int i = 0; i < c->causal_count; i++) {
    int from = i;
    while (i + 1 < c->causal_count && c->causal[i + 1] == c->causal[i] + 1) i++;
    term_format(t, TERM_DIM, from == i ? "%d" : "%d to %d", c->causal[from], c->causal[i]);
  }
}

static void put_peaks(term *t, const loci_chart *c) {
  for (int k = 0; k < c->curve_count; k++) {
    const loci_curve *curve = &c->curves[k];
    int i = peak_of(c, curve);
    char text[80];
    if (i < 0) continue;
    t->indent = 4;
    term_put(t, TERM_PLAIN, "  ");
    term_format(t, TERM_BOLD, "%s", chart_words(t->mem, curve->name));
    term_format(t, TERM_DIM, "(n %d):", curve->n);
    term_format(t, TERM_PLAIN, "%s at %s %d", mean_text(&curve->points[i], t->ascii, text),
                c->x_name, c->points[i]);
    if (curve->has_peak) put_stability(t, curve);
    term_newline(t);
  }
  if (!isnan(c->mark)) {
    term_put(t, TERM_PLAIN, "  ");
    term_format(t, TERM_DIM, "%s: %.3g", c->mark_name, c->mark);
    term_newline(t);
  }
  t->indent = 0;
}

static loci_status put_chart(term *t, const loci_chart *c, loci_err *err) {
  sheet s;
  sheet_panel panel;
  if (c->curve_count == 0) return LOCI_OK;
  if (strcmp(c->x_name, "layer") == 0) { /* others would not fit, and are told in words */
    if (!fill_panel(t->mem, c, &s, &panel)) return fail_nomem(err, "drawing averages");
    term_panel(t, &s, &panel);
    term_legend(t, &s);
  } else {
    term_words(t, TERM_BOLD, c->name);
    term_newline(t);
  }
  put_peaks(t, c);
  term_newline(t);
  return LOCI_OK;
}

static void put_head(term *t, const loci_average *a) {
  char text[80];
  term_words(t, TERM_BOLD, a->title);
  term_format(t, TERM_PLAIN, "of %d examples", a->sample.used);
  if (a->right + a->wrong > 0)
    term_format(t, TERM_PLAIN, "(%d answered rightly, %d wrongly)", a->right, a->wrong);
  term_newline(t);
  for (int i = 0; i < a->number_count; i++) {
    term_format(t, TERM_PLAIN, "%s %s", a->numbers[i].name,
                mean_text(&a->numbers[i].value, t->ascii, text));
    term_newline(t);
  }
  term_newline(t);
}

loci_status average_draw(const void *result, const loci_draw_opts *opts, char **out,
                         loci_err *err) {
  const loci_average *a = result;
  loci_draw_opts o = opts ? *opts : (loci_draw_opts){0};
  loci_status st = LOCI_OK;
  *out = NULL;
  arena *mem = arena_new();
  if (!mem) return fail_nomem(err, "drawing averages");
  term t = term_of(&o, mem);
  put_head(&t, a);
  for (int i = 0; !st && i < a->chart_count; i++) st = put_chart(&t, &a->charts[i], err);
  term_dropped(&t, &a->sample);
  term_sample(&t, &a->sample);
  if (!st) {
    st = bytes_take(&t.out, out, NULL, err);
  } else {
    bytes_clear(&t.out);
  }
  arena_free(mem);
  return st;
}
