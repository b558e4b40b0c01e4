/* The page of a failure prediction: an ROC curve for each score, its AUROC with interval in the
 * legend. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "show/formats.h"
#include "show/plot_lines.h"
#include "show/study_parts.h"

static const double CHART = 240, GUTTER = 30, ASIDE = 90;

typedef struct page {
  plot_page out; /* first */
  const loci_prediction *p;
  plot_chart chart;
  canvas_box box;
} page;

static bool fill_chart(page *p) {
  plot_series *series = arena_zarray(p->out.mem, p->p->predictor_count, plot_series);
  if (!series) return false;
  for (int i = 0; i < p->p->predictor_count; i++) {
    const loci_predictor *r = &p->p->predictors[i];
    char text[128], auroc[48];
    snprintf(text, sizeof text, "%s  %s", r->name, interval_text(&r->auroc, false, false, auroc));
    series[i] = (plot_series){.name = arena_strdup(p->out.mem, text),
                              .values = r->true_rate,
                              .x = r->false_rate,
                              .count = r->corner_count};
    if (!series[i].name) return false;
  }
  p->chart = (plot_chart){.unit = "right answers above the threshold",
                          .square = true,
                          .x_name = "wrong answers above the threshold",
                          .series_count = p->p->predictor_count,
                          .series = series,
                          .mark = (double)NAN};
  return true;
}

static void add_head(page *p, double *y) {
  const loci_prediction *x = p->p;
  char text[256];
  plot_page_add(&p->out, &plot_title_font, "Is the answer right?", 1, y);
  *y += 3;
  if (x->best_first_layer < 0) {
    snprintf(text, sizeof text, "%d right and %d wrong answers; layers %d to %d as asked for",
             x->right, x->wrong, x->first_layer, x->first_layer + x->layer_count - 1);
  } else {
    snprintf(text, sizeof text,
             "%d right and %d wrong answers, tested on %d and %d of them; on the others layers "
             "were chosen: %d to %d (best: %d to %d)",
             x->right, x->wrong, x->tested_right, x->tested_wrong, x->first_layer,
             x->first_layer + x->layer_count - 1, x->best_first_layer,
             x->best_first_layer + x->layer_count - 1);
  }
  plot_page_add(&p->out, &plot_text_font, text, 3, y);
}

static bool lay_out(plot_page *out) {
  page *p = (page *)out;
  double y = PLOT_MARGIN - 4;
  out->width = GUTTER + CHART + ASIDE + 2 * PLOT_MARGIN;
  if (!fill_chart(p)) return false;
  add_head(p, &y);
  y = plot_half_points(y + 24, 0, 1e9);
  p->box = (canvas_box){PLOT_MARGIN + GUTTER, y, CHART, CHART};
  y += CHART + plot_chart_below(out->ruler, &p->chart, CHART) + 8;
  plot_page_add(out, &plot_note_font,
                "AUROC with 95 % bootstrap interval over the tested examples.", 2, &y);
  plot_sample(out, &p->p->sample, &y);
  out->height = ceil(y + PLOT_MARGIN - 6);
  return true;
}

static bool draw(plot_page *out, canvas *c) {
  const page *p = (const page *)out;
  plot_chart_draw(c, &p->chart, p->box);
  return true;
}

loci_status plot_prediction(const void *result, loci_metric metric, canvas_kind kind, bytes *out,
                            loci_err *err) {
  static const plot_picture picture = {"drawing a prediction", lay_out, draw};
  page p = {.p = result};
  (void)metric;
  return plot_page_draw(&p.out, &picture, "failure prediction", kind, out, err);
}
