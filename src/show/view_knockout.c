/* An attention knockout for the eye: question and answer, a line over the layers for each pathway,
 * the strongest cut of each in words. */
#include <math.h>

#include "show/view_parts.h"

/* One run per pathway, with all layers cut. */
static bool cuts_all(const loci_knockout *k) {
  const loci_pathway *x = &k->pathways[0]; /* all have the same window and centres */
  int begin = x->layers[0] - x->window / 2, end = x->layers[0] + (x->window + 1) / 2;
  return x->layer_count == 1 && begin <= 0 && end >= k->model->layers;
}

static const char *quantity_of(loci_metric metric) {
  static const char *const names[] = {"p(answer)", "log p(answer)", "the logit difference",
                                      "KL(clean || run)"};
  return names[metric];
}

/* "p("Paris")", and for the logit difference both tokens. */
static const char *unit_of(views *v, const loci_knockout *k, loci_metric metric) {
  label_spelling spelling = view_spelling(k->prompt);
  const char *o = label_cut(v->mem, view_token(v, spelling, k->target_text), 24, false);
  const char *other = label_cut(v->mem, view_token(v, spelling, k->other.text), 24, false);
  if (!o || !other) return "";
  switch (metric) {
    case LOCI_METRIC_LOGP: return view_format(v, "log p(\xE2\x80\x9C%s\xE2\x80\x9D)", o);
    case LOCI_METRIC_LOGIT_DIFF:
      return view_format(v,
                         "logit(\xE2\x80\x9C%s\xE2\x80\x9D) \xE2\x88\x92 "
                         "logit(\xE2\x80\x9C%s\xE2\x80\x9D)",
                         o, other);
    case LOCI_METRIC_KL: return "KL(clean || cut)";
    case LOCI_METRIC_P:
    case LOCI_METRIC_RESTORATION:
    case LOCI_METRIC_RESTORATION_LOGIT_DIFF: break;
  }
  return view_format(v, "p(\xE2\x80\x9C%s\xE2\x80\x9D)", o);
}

/* All layers cut at once: a bar for each pathway, since lines of one point say nothing. */
static void say_bars(views *v, const loci_knockout *k, const view_lines *l) {
  const char **names = view_array(v, k->pathway_count, const char *);
  const char **notes = view_array(v, k->pathway_count, const char *);
  double *x = view_array(v, k->pathway_count, double),
         *none = view_array(v, k->pathway_count, double);
  view_series *series = view_array(v, 1, view_series);
  view_bars *b = view_array(v, 1, view_bars);
  if (v->status) return;
  for (int a = 0; a < k->pathway_count; a++) {
    char p[24];
    x[a] = l->series[a].values[0];
    none[a] = (double)NAN;
    names[a] = l->series[a].name;
    notes[a] = view_format(v, "%s", label_number(x[a], 3, p));
  }
  *series = (view_series){.name = "", .values = x, .lo = none, .hi = none};
  *b = (view_bars){.unit = view_format(v, "%s, %s", l->unit, l->title),
                   .lying = true,
                   .group_count = k->pathway_count,
                   .groups = names,
                   .notes = notes,
                   .series_count = 1,
                   .series = series,
                   .mark = l->mark,
                   .mark_name = l->mark_name};
  view_draw(v, VIEW_BARS, VIEW_PAGE | VIEW_HTML, false, b);
}

static void say_lines(views *v, const loci_knockout *k, loci_metric metric) {
  const loci_pathway *first = &k->pathways[0]; /* all have the same centres */
  bool all = cuts_all(k);
  view_series *series = view_array(v, k->pathway_count, view_series);
  view_lines *l = view_array(v, 1, view_lines);
  for (int a = 0; a < k->pathway_count && !v->status; a++) {
    const loci_pathway *x = &k->pathways[a];
    double *values = view_array(v, x->layer_count, double);
    for (int i = 0; i < x->layer_count && values; i++) values[i] = metric_of(&x->cells[i], metric);
    series[a] = (view_series){.name = view_format(v, "%s \xE2\x86\x92 %s", x->from, x->to),
                              .values = values,
                              .zero = x->skipped};
  }
  if (v->status) return;
  const char *title = all ? "attention cut in all layers"
                      : first->window == 0
                          ? "attention cut from a layer on"
                          : view_format(v, "attention cut, window %d", first->window);
  *l = (view_lines){.title = title,
                    .unit = unit_of(v, k, metric),
                    .x_name = all ? "all layers" : "layer",
                    .point_count = first->layer_count,
                    .points = first->layers,
                    .series_count = k->pathway_count,
                    .series = series,
                    .mark = metric_of(&k->clean.m, metric),
                    .mark_name = "clean",
                    .change_unit = view_format(v, "change of %s", quantity_of(metric)),
                    .floor = heatmap_least_effect};
  bool bars = all && metric == LOCI_METRIC_P;
  view_draw(v, VIEW_LINES, bars ? VIEW_TERM : VIEW_ALL, false, l);
  if (bars) say_bars(v, k, l);
}

/* The centre whose cut changes the metric most. */
static int strongest(const loci_pathway *x, loci_metric metric, double clean) {
  int best = 0;
  for (int i = 1; i < x->layer_count; i++) {
    if (fabs(metric_of(&x->cells[i], metric) - clean) >
        fabs(metric_of(&x->cells[best], metric) - clean))
      best = i;
  }
  return best;
}

static void say_strongest(views *v, const loci_knockout *k, loci_metric metric) {
  double clean = metric_of(&k->clean.m, metric);
  char from[24], to[24];
  view_begin(v, VIEW_HEADING);
  view_only(v, VIEW_TERM);
  view_say(v, VIEW_BOLD, "Strongest cuts");
  for (int a = 0; a < k->pathway_count; a++) {
    const loci_pathway *x = &k->pathways[a];
    int i = strongest(x, metric, clean);
    view_begin(v, VIEW_ITEM);
    view_only(v, VIEW_TERM);
    view_say(v, VIEW_BOLD, "%s \xE2\x86\x92 %s,", x->from, x->to);
    if (!cuts_all(k)) view_say(v, VIEW_PLAIN, "layer %d:", x->layers[i]);
    view_say(v, VIEW_PLAIN, "%s %s \xE2\x86\x92 %s", quantity_of(metric),
             label_number(clean, 3, from), label_number(metric_of(&x->cells[i], metric), 3, to));
    if (x->control_count == 0) continue;
    view_say(v, VIEW_DIM, "(%d windows of random layers: p %s on average, p as low in %.2g)",
             x->control_count, label_number(x->control_mean, 3, from), x->control_value[i]);
  }
}

static void say_what_was_cut(views *v, const loci_knockout *k) {
  int window = k->pathways[0].window;
  view_begin(v, VIEW_LINE);
  view_only(v, VIEW_PAGE);
  if (cuts_all(k)) {
    view_say(v, VIEW_DIM, "Attention edges cut in all heads of all layers.");
  } else if (window == 0) {
    view_say(v, VIEW_DIM, "Attention edges cut in all heads of each layer and all above it.");
  } else {
    view_say(v, VIEW_DIM, "Attention edges cut in all heads of %d layer%s round each centre.",
             window, window == 1 ? "" : "s");
  }
}

void view_knockout(const void *result, const loci_draw_opts *opts, views *v) {
  const loci_knockout *k = result;
  label_spelling spelling = view_spelling(k->prompt);
  char p[24];
  if (opts->metric >= LOCI_METRIC_RESTORATION) {
    view_refuse(v, "a knockout shows p, logp, logit_diff or kl, not restoration");
    return;
  }
  view_question(v, k->prompt, k->model);
  view_fact(v, "clean");
  view_outcome(v, spelling, k->clean.top);
  view_target(v, spelling, k->target_text);
  view_say(v, VIEW_PLAIN, "%s", label_number(k->clean.m.p, 3, p));
  view_gap(v);
  say_lines(v, k, opts->metric);
  view_gap(v);
  say_strongest(v, k, opts->metric);
  view_gap(v);
  view_cost(v, k->model, &k->cost, "cut");
  say_what_was_cut(v, k);
  view_made_by(v, k->model, k->precision, NULL);
}
