/* Study knockout: p of the answer with attention cut, averaged over examples (docs/MATH.md,
 * "Averages"). */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/options.h"
#include "study/jobs.h"
#include "study/request.h"

typedef struct cut_study {
  average_job job;
  loci_knockout_opts how;
} cut_study;

static const char right_row[] = "first token right";

/* Whether a run's most likely next token begins an accepted answer. */
static loci_status is_right(const study_item *item, int id, double *out, loci_err *err) {
  bool right;
  const loci_example *e = item->example;
  TRY(study_begins_with(item->prompt, e->answers, e->answer_count, id, &right, err));
  *out = right;
  return LOCI_OK;
}

/* The change is averaged example by example, paired with the example's own clean run: its
 * interval is narrower than the difference of two means would allow. */
static loci_status put_pathway(averaging *a, const loci_pathway *x, double clean,
                               const study_item *item, loci_err *err) {
  char name[64];
  double *p = malloc((size_t)x->layer_count * sizeof *p);
  if (!p) return fail_nomem(err, "averaging");
  snprintf(name, sizeof name, "%s -> %s", x->from, x->to);
  series_key key = {.quantity = "p",
                    .window = x->window,
                    .place = name,
                    .first = x->layers[0],
                    .points = x->layer_count};
  for (int l = 0; l < x->layer_count; l++) p[l] = x->cells[l].p;
  loci_status st = average_put(a, &key, p, err);
  key.quantity = "change";
  for (int l = 0; l < x->layer_count; l++) p[l] -= clean;
  if (!st) st = average_put(a, &key, p, err);
  char random[96];
  snprintf(random, sizeof random, "%s: random layers", name);
  if (!st && x->control_count > 0) { /* one number, beside the layers' */
    for (int l = 0; l < x->layer_count; l++) p[l] = x->control_mean - clean;
    key.place = random;
    st = average_put(a, &key, p, err);
    key.place = name;
  }
  if (!st && item->example->answer_count > 0) {
    key.quantity = right_row;
    for (int l = 0; !st && l < x->layer_count; l++) st = is_right(item, x->top_ids[l], &p[l], err);
    if (!st) st = average_put(a, &key, p, err);
  }
  free(p);
  return st;
}

/* One example's numbers, each into its own series. */
static loci_status put(averaging *a, const loci_knockout *k, const study_item *item,
                       loci_err *err) {
  double right;
  TRY(average_room(a, err));
  TRY(average_put_number(a, "clean p", k->clean.m.p, err));
  if (item->example->answer_count > 0) {
    TRY(is_right(item, k->clean.top[0].id, &right, err));
    TRY(average_put_number(a, right_row, right, err));
  }
  for (int i = 0; i < k->pathway_count; i++)
    TRY(put_pathway(a, &k->pathways[i], k->clean.m.p, item, err));
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
  loci_status st = put(c->job.a, k, item, err);
  loci_free(k);
  return st;
}

/* A curve for each pathway. */
static loci_status chart_of(averaging *a, const char *quantity, const char *name, const char *unit,
                            loci_chart **out, loci_err *err) {
  *out = NULL;
  for (int i = 0; i < a->series_count; i++) {
    const series_key *k = &a->series[i].key;
    if (strcmp(k->quantity, quantity) != 0 || !k->place[0]) continue;
    if (!*out) *out = average_chart(a, name, unit, k->first, k->points, a->series_count);
    TRY(average_curve(a, *out, i, OF_ALL, k->place, err));
  }
  return *out ? LOCI_OK : fail_nomem(err, "averaging");
}

/* Of examples that have answers. */
static loci_status chart_of_right(const cut_study *c, loci_err *err) {
  averaging *a = c->job.a;
  loci_chart *chart;
  int clean = average_find(a, right_row, 0, "");
  if (clean < 0) return LOCI_OK;
  TRY(average_number(a, clean, 0, OF_ALL, right_row, err));
  TRY(chart_of(a, right_row, "accuracy, by the first token", "share right", &chart, err));
  if (c->how.window == LOCI_ALL_LAYERS) chart->x_name = "all layers";
  chart->mark = a->out->numbers[a->out->number_count - 1].value.value;
  chart->mark_name = "clean";
  return LOCI_OK;
}

static int window_of(const averaging *a) {
  for (int i = 0; i < a->series_count; i++)
    if (a->series[i].key.window != 0) return a->series[i].key.window;
  return 0;
}

/* The window that is drawn is one that was used: a request for all layers has one centre and no
 * axis of layers. */
static loci_status finish(void *ctx, loci_err *err) {
  const cut_study *c = ctx;
  averaging *a = c->job.a;
  char title[96];
  int window = window_of(a);
  if (c->how.window == LOCI_ALL_LAYERS)
    snprintf(title, sizeof title, "Attention cut in all layers at once");
  else if (c->how.window == LOCI_ONWARD)
    snprintf(title, sizeof title, "Attention cut from a layer on");
  else
    snprintf(title, sizeof title, "Attention cut, window of %d layer%s", window,
             window == 1 ? "" : "s");
  a->out->title = arena_strdup(a->mem, title);
  if (!a->out->title) return fail_nomem(err, "averaging");
  TRY(average_number(a, average_find(a, "clean p", 0, ""), 0, OF_ALL, "clean p", err));
  loci_chart *chart;
  TRY(chart_of(a, "p", "probability of the answer", "p", &chart, err));
  if (c->how.window == LOCI_ALL_LAYERS) chart->x_name = "all layers";
  chart->mark = a->out->numbers[0].value.value;
  chart->mark_name = "clean";
  TRY(chart_of(a, "change", "change by the cut, example by example", "change of p", &chart, err));
  if (c->how.window == LOCI_ALL_LAYERS) chart->x_name = "all layers";
  return chart_of_right(c, err);
}

static loci_status complete(void *ctx, const loci_model *m, loci_err *err) {
  cut_study *c = ctx;
  return knockout_request_complete(&(request_of){.m = m, .each = true}, &c->how, err);
}

static void describe(const void *ctx, js_value **to) {
  knockout_request_describe(to, &((const cut_study *)ctx)->how);
}

average_job *job_knockout(arena *mem, const loci_knockout_opts *how) {
  cut_study *c = arena_zalloc(mem, 1, sizeof *c);
  if (!c) return NULL;
  c->job = (average_job){.what = "knockout",
                         .complete = complete,
                         .describe = describe,
                         .gather = gather,
                         .finish = finish,
                         .headline = "clean p",
                         .ctx = c};
  if (how) c->how = *how;
  c->how.size = sizeof c->how;
  return &c->job;
}
