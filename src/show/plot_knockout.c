/* The page of a knockout: a line for each pathway over the centres, the clean value dashed. */
#include <math.h>
#include <stdio.h>

#include "show/formats.h"
#include "show/label.h"
#include "show/plot_lines.h"

static const double CHART_W = 340, CHART_H = 190, GUTTER = 30;

typedef struct page {
  plot_page out; /* first */
  const loci_knockout *k;
  plot_chart chart;
  canvas_box box;
  loci_metric metric;
} page;

static const char *token_of(page *p, const char *token) {
  const loci_prompt_info *info = p->k->prompt;
  label_spelling spelling = label_spelling_of(info->tokens, info->length);
  const char *label = label_token(p->out.mem, spelling, token ? token : "");
  return label ? label : "";
}

/* "p("Paris")", and for the logit difference both tokens. */
static bool name_unit(page *p, loci_metric metric) {
  char text[256];
  const char *o = label_cut(p->out.mem, token_of(p, p->k->target_text), 24, false);
  const char *other = label_cut(p->out.mem, token_of(p, p->k->other.text), 24, false);
  if (!o || !other) return false;
  switch (metric) {
    case LOCI_METRIC_LOGP:
      snprintf(text, sizeof text, "log p(\xE2\x80\x9C%s\xE2\x80\x9D)", o);
      break;
    case LOCI_METRIC_LOGIT_DIFF:
      snprintf(text, sizeof text,
               "logit(\xE2\x80\x9C%s\xE2\x80\x9D) \xE2\x88\x92 logit(\xE2\x80\x9C%s\xE2\x80\x9D)",
               o, other);
      break;
    case LOCI_METRIC_KL: snprintf(text, sizeof text, "KL(clean || cut)"); break;
    default: snprintf(text, sizeof text, "p(\xE2\x80\x9C%s\xE2\x80\x9D)", o);
  }
  p->chart.unit = arena_strdup(p->out.mem, text);
  return p->chart.unit != NULL;
}

static bool fill_chart(page *p) {
  const loci_knockout *k = p->k;
  const loci_pathway *first = &k->pathways[0]; /* all have the same centres */
  plot_series *series = arena_zarray(p->out.mem, k->pathway_count, plot_series);
  if (!series || !name_unit(p, p->metric)) return false;
  for (int a = 0; a < k->pathway_count; a++) {
    const loci_pathway *x = &k->pathways[a];
    double *values = arena_array(p->out.mem, x->layer_count, double);
    char name[96];
    snprintf(name, sizeof name, "%s \xE2\x86\x92 %s", x->from, x->to);
    series[a] = (plot_series){.name = arena_strdup(p->out.mem, name), .values = values};
    if (!values || !series[a].name) return false;
    for (int i = 0; i < x->layer_count; i++) values[i] = metric_of(&x->cells[i], p->metric);
  }
  p->chart.layer_count = first->layer_count;
  p->chart.layers = first->layers;
  p->chart.x_name = knockout_cuts_all(k) ? "all layers" : "layer";
  p->chart.series_count = k->pathway_count;
  p->chart.series = series;
  p->chart.mark = metric_of(&k->clean.m, p->metric);
  p->chart.mark_name = "clean";
  return true;
}

static void add_head(page *p, double *y) {
  const loci_knockout *k = p->k;
  char text[512], clean[24];
  plot_page_add(&p->out, &plot_title_font, k->prompt->question ? k->prompt->question : "", 2, y);
  *y += 3;
  snprintf(text, sizeof text,
           "clean: \xE2\x80\x9C%s\xE2\x80\x9D %.3f   \xC2\xB7   p(\xE2\x80\x9C%s\xE2\x80\x9D) %s",
           token_of(p, k->clean.top[0].text), k->clean.top[0].p, token_of(p, k->target_text),
           label_number(k->clean.m.p, 3, clean));
  plot_page_add(&p->out, &plot_text_font, text, 2, y);
}

static void add_foot(page *p, double *y) {
  const loci_knockout *k = p->k;
  const loci_pathway *x = &k->pathways[0];
  char text[256];
  if (knockout_cuts_all(k)) {
    snprintf(text, sizeof text, "Attention edges cut in all heads of all layers.");
  } else {
    snprintf(text, sizeof text, "Attention edges cut in all heads of %d layer%s round each centre.",
             x->window, x->window == 1 ? "" : "s");
  }
  plot_page_add(&p->out, &plot_note_font, text, 1, y);
  plot_page_made_by(&p->out, k->model, k->precision, y);
}

static bool lay_out(plot_page *out) {
  page *p = (page *)out;
  double y = PLOT_MARGIN - 4;
  out->width = GUTTER + CHART_W + 2 * PLOT_MARGIN;
  if (!fill_chart(p)) return false;
  add_head(p, &y);
  y = plot_half_points(y + 24, 0, 1e9);
  p->box = (canvas_box){PLOT_MARGIN + GUTTER, y, CHART_W, CHART_H};
  y += CHART_H + plot_chart_below(out->ruler, &p->chart, CHART_W) + 8;
  add_foot(p, &y);
  out->height = ceil(y + PLOT_MARGIN - 6);
  return true;
}

static bool draw(plot_page *out, canvas *c) {
  const page *p = (const page *)out;
  plot_chart_draw(c, &p->chart, p->box);
  return true;
}

loci_status plot_knockout(const void *result, loci_metric metric, canvas_kind kind, bytes *out,
                          loci_err *err) {
  static const plot_picture picture = {"drawing a knockout", lay_out, draw};
  page p = {.k = result, .metric = metric};
  if (metric == LOCI_METRIC_RESTORATION) return knockout_metric_error(err);
  return plot_page_draw(&p.out, &picture, p.k->prompt->question, kind, out, err);
}
