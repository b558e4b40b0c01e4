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
  const loci_prediction *p;
  plot_page out;
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

static void measure(page *p) {
  double y = PLOT_MARGIN - 4;
  p->out.width = GUTTER + CHART + ASIDE + 2 * PLOT_MARGIN;
  add_head(p, &y);
  y = plot_half_points(y + 24, 0, 1e9);
  p->box = (canvas_box){PLOT_MARGIN + GUTTER, y, CHART, CHART};
  y += CHART + plot_chart_below(p->out.ruler, &p->chart, CHART) + 8;
  plot_page_add(&p->out, &plot_note_font,
                "AUROC with 95 % bootstrap interval over the tested examples.", 2, &y);
  plot_sample(&p->out, &p->p->sample, &y);
  p->out.height = ceil(y + PLOT_MARGIN - 6);
}

loci_status plot_prediction(const void *result, loci_metric metric, canvas_kind kind, bytes *out,
                            loci_err *err) {
  page p = {.p = result};
  canvas *c = NULL;
  loci_status st = LOCI_OK;
  (void)metric;
  p.out.mem = arena_new();
  p.out.ruler = canvas_new(CANVAS_PNG, 1, 1, "");
  if (!p.out.mem || !p.out.ruler || !fill_chart(&p)) {
    st = fail_nomem(err, "drawing a prediction");
    goto done;
  }
  measure(&p);
  c = canvas_new(kind, p.out.width, p.out.height, "failure prediction");
  if (!c) {
    st = fail_nomem(err, "drawing a prediction");
    goto done;
  }
  plot_page_text(&p.out, c);
  plot_chart_draw(c, &p.chart, p.box);
  st = canvas_finish(c, out, err);
done:
  canvas_free(c);
  canvas_free(p.out.ruler);
  arena_free(p.out.mem);
  return st;
}
