/* loci_average_knockout: p of the answer with attention cut, averaged over examples (docs/MATH.md,
 * "Averages"). */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "study/average.h"
#include "study/layers.h"

enum { PATHWAYS = 32 };

typedef struct cut_study {
  average_job job;
  loci_knockout_opts how;
  int clean; /* series */
  int pathway_count, layer_count, first_layer, window;
  int series[PATHWAYS], change[PATHWAYS];
  char names[PATHWAYS][64];
} cut_study;

/* The number of a pathway; its series are made where it is first met: an example without a picture
 * may come before one that has one.  -1: there are too many. */
static int number_of(cut_study *c, const loci_pathway *x) {
  char name[64];
  snprintf(name, sizeof name, "%s -> %s", x->from, x->to);
  for (int i = 0; i < c->pathway_count; i++) {
    if (strcmp(c->names[i], name) == 0) return i;
  }
  if (c->pathway_count == PATHWAYS) return -1;
  memcpy(c->names[c->pathway_count], name, sizeof name);
  c->series[c->pathway_count] = average_series(c->job.a, x->layer_count);
  c->change[c->pathway_count] = average_series(c->job.a, x->layer_count);
  return c->pathway_count++;
}

static void start(cut_study *c, const loci_knockout *k) {
  c->clean = average_series(c->job.a, 1);
  c->layer_count = k->pathways[0].layer_count; /* all have the same centres */
  c->first_layer = k->pathways[0].layers[0];
  c->window = k->pathways[0].window;
}

static loci_status put(cut_study *c, const loci_knockout *k, loci_err *err) {
  averaging *a = c->job.a;
  if (a->series_count == 0) start(c, k);
  for (int i = 0; i < k->pathway_count; i++) number_of(c, &k->pathways[i]);
  TRY(average_room(a, err));
  double *p = malloc((size_t)c->layer_count * sizeof *p);
  if (!p) return fail_nomem(err, "averaging");
  average_put(a, c->clean, &k->clean.m.p);
  for (int i = 0; i < k->pathway_count; i++) {
    int number = number_of(c, &k->pathways[i]);
    if (number < 0) continue;
    for (int l = 0; l < c->layer_count; l++) p[l] = k->pathways[i].cells[l].p;
    average_put(a, c->series[number], p);
    for (int l = 0; l < c->layer_count; l++) p[l] -= k->clean.m.p;
    average_put(a, c->change[number], p);
  }
  free(p);
  average_next(a, -1);
  return LOCI_OK;
}

static loci_status gather(void *ctx, study_item *item, loci_err *err) {
  cut_study *c = ctx;
  loci_knockout *k;
  loci_knockout_opts how = c->how;
  how.no_hash = true;
  how.progress = study_progress;
  how.progress_ctx = c->job.a->s;
  TRY(loci_knockout_new(c->job.a->s->model, item->prompt, &how, &k, err));
  loci_status st = put(c, k, err);
  loci_knockout_free(k);
  return st;
}

static loci_status finish(void *ctx, loci_err *err) {
  cut_study *c = ctx;
  averaging *a = c->job.a;
  char title[96];
  if (c->how.window == LOCI_ALL_LAYERS)
    snprintf(title, sizeof title, "Attention cut in all layers at once");
  else
    snprintf(title, sizeof title, "Attention cut, window of %d layer%s", c->window,
             c->window == 1 ? "" : "s");
  a->out->title = arena_strdup(a->mem, title);
  if (!a->out->title) return fail_nomem(err, "averaging");
  TRY(average_number(a, c->clean, 0, OF_ALL, "clean p", err));
  loci_chart *chart = average_chart(a, "probability of the answer", "p", c->first_layer,
                                    c->layer_count, c->pathway_count);
  for (int i = 0; i < c->pathway_count; i++)
    TRY(average_curve(a, chart, c->series[i], OF_ALL, c->names[i], err));
  chart->mark = a->out->numbers[0].value.value;
  chart->mark_name = "clean";
  chart = average_chart(a, "change by the cut, example by example", "change of p", c->first_layer,
                        c->layer_count, c->pathway_count);
  for (int i = 0; i < c->pathway_count; i++)
    TRY(average_curve(a, chart, c->change[i], OF_ALL, c->names[i], err));
  return LOCI_OK;
}

loci_status loci_average_knockout(loci_model *model, loci_examples *examples,
                                  const loci_study_opts *opts, const loci_knockout_opts *how,
                                  loci_average **out, loci_err *err) {
  cut_study c = {.job = {.what = "knockout", .gather = gather, .finish = finish}};
  if (how) c.how = *how;
  int layers = c.how.layer_count, L = model_decoder(model)->layers;
  *out = NULL;
  if (c.how.window != LOCI_ALL_LAYERS) TRY(layers_check(c.how.first_layer, &layers, L, err));
  c.job.ctx = &c;
  return average_run(model, examples, opts, &c.job, out, err);
}
