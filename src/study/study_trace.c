/* loci_average_trace: indirect effects by role, averaged over examples (docs/MATH.md, "Averages").
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "study/average.h"
#include "study/layers.h"

enum { GRIDS = 12, ROLES = LOCI_ROLE_LAST + 1 };

/* One chart: a site with a window. */
typedef struct effect_grid {
  loci_site site;
  int window;
  loci_direction direction;
  int series[ROLES];
} effect_grid;

typedef struct trace_study {
  average_job job;
  loci_trace_opts how;
  double least_effect;
  int first_layer, layer_count;
  int clean, corrupted, effect; /* series */
  int grid_count;
  effect_grid grids[GRIDS];
} trace_study;

static loci_status start(trace_study *s, const loci_trace *t, loci_err *err) {
  averaging *a = s->job.a;
  s->clean = average_series(a, 1);
  s->corrupted = average_series(a, 1);
  s->effect = average_series(a, 1);
  s->layer_count = t->grids[0].layer_count;
  s->first_layer = t->grids[0].layers[0];
  if (t->grid_count > GRIDS) {
    return fail(err, LOCI_ENOMEM, "%d sites and windows at once: at most %d", t->grid_count, GRIDS);
  }
  for (int i = 0; i < t->grid_count; i++) {
    const loci_grid *g = &t->grids[i];
    effect_grid *out = &s->grids[s->grid_count++];
    *out = (effect_grid){.site = g->site, .window = g->window, .direction = g->direction};
    for (int r = 0; r < ROLES; r++) out->series[r] = average_series(a, s->layer_count);
  }
  return LOCI_OK;
}

/* Mean effect of the positions of a role, layer by layer (and over heads); false: it has none. */
static bool effect_of_role(const loci_trace *t, const loci_grid *g, loci_role role, double *out) {
  int heads = g->head_count ? g->head_count : 1, count = 0;
  for (int l = 0; l < g->layer_count; l++) out[l] = 0;
  for (int c = 0; c < g->column_count; c++) {
    int position = g->positions[c];
    if (position >= t->prompt->length || t->prompt->tokens[position].role != role) continue;
    count++;
    for (int l = 0; l < g->layer_count; l++) {
      for (int h = 0; h < heads; h++)
        out[l] += g->ie[((int64_t)l * g->column_count + c) * heads + h] / heads;
    }
  }
  for (int l = 0; l < g->layer_count && count > 0; l++) out[l] /= count;
  return count > 0;
}

static loci_status put(trace_study *s, const loci_trace *t, loci_err *err) {
  averaging *a = s->job.a;
  if (a->series_count == 0) TRY(start(s, t, err));
  TRY(average_room(a, err));
  double *ie = malloc((size_t)s->layer_count * sizeof *ie);
  if (!ie) return fail_nomem(err, "averaging");
  average_put(a, s->clean, &t->clean.m.p);
  average_put(a, s->corrupted, &t->corrupted.m.p);
  average_put(a, s->effect, &t->total_effect);
  for (int i = 0; i < s->grid_count; i++) {
    for (int r = 0; r < ROLES; r++) {
      if (effect_of_role(t, &t->grids[i], (loci_role)r, ie))
        average_put(a, s->grids[i].series[r], ie);
    }
  }
  free(ie);
  average_next(a, -1);
  return LOCI_OK;
}

/* ---------------------------------------------------------------- one example */

/* "swap" takes the example's own text; false: it has none. */
static bool corruption_of(const trace_study *s, const study_item *item, char text[256]) {
  const char *kind = s->how.corrupt ? s->how.corrupt : "replace:Paris";
  const char *swap = loci_example_field(item->example, "swap");
  if (strcmp(kind, "swap") != 0) {
    snprintf(text, 256, "%s", kind);
    return true;
  }
  if (swap) snprintf(text, 256, "swap:%s", swap);
  return swap != NULL;
}

static loci_status answered_rightly(trace_study *s, study_item *item, bool *out, loci_err *err) {
  study_answer answer = {0};
  *out = true;
  if (item->example->answer_count == 0) return LOCI_OK;
  arena *mem = arena_new();
  if (!mem) return fail_nomem(err, "averaging");
  loci_status st = study_ask(s->job.a->s, item, mem, &answer, err);
  *out = answer.right;
  if (!st && !answer.right) {
    item->drop = "answered wrongly";
    snprintf(item->why, sizeof item->why, "answered \"%.80s\", expected \"%.80s\"", answer.text,
             item->example->answers[0]);
  }
  arena_free(mem);
  return st;
}

static loci_status gather(void *ctx, study_item *item, loci_err *err) {
  trace_study *s = ctx;
  char corrupt[256];
  bool right;
  loci_trace *t;
  loci_trace_opts how = s->how;
  if (!corruption_of(s, item, corrupt)) {
    item->drop = "no swap";
    return LOCI_OK;
  }
  TRY(answered_rightly(s, item, &right, err));
  if (!right) return LOCI_OK;
  how.corrupt = corrupt;
  how.positions = "each";
  how.no_hash = true;
  how.progress = study_progress;
  how.progress_ctx = s->job.a->s;
  TRY(loci_trace_new(s->job.a->s->model, item->prompt, &how, &t, err));
  loci_status st = LOCI_OK;
  if (t->total_effect < s->least_effect) {
    item->drop = "small effect";
    snprintf(item->why, sizeof item->why, "the corruption lowers p by %.3g, less than %.3g",
             t->total_effect, s->least_effect);
  } else {
    st = put(s, t, err);
  }
  loci_trace_free(t);
  return st;
}

/* ---------------------------------------------------------------- charts */

static loci_status chart_of(trace_study *s, const effect_grid *g, loci_err *err) {
  averaging *a = s->job.a;
  char name[96];
  snprintf(name, sizeof name, "%s, window %d%s", loci_site_name(g->site), g->window,
           g->direction == LOCI_NOISE ? ", noise" : "");
  char *own = arena_strdup(a->mem, name);
  if (!own) return fail_nomem(err, "averaging");
  loci_chart *c = average_chart(a, own, "indirect effect", s->first_layer, s->layer_count, ROLES);
  for (int r = 0; r < ROLES; r++)
    TRY(average_curve(a, c, g->series[r], OF_ALL, loci_role_name((loci_role)r), err));
  return LOCI_OK;
}

static loci_status finish(void *ctx, loci_err *err) {
  trace_study *s = ctx;
  averaging *a = s->job.a;
  char title[128];
  snprintf(title, sizeof title, "Causal traces, %.80s",
           s->how.corrupt ? s->how.corrupt : "replace:Paris");
  a->out->title = arena_strdup(a->mem, title);
  if (!a->out->title) return fail_nomem(err, "averaging");
  TRY(average_number(a, s->clean, 0, OF_ALL, "clean p", err));
  TRY(average_number(a, s->corrupted, 0, OF_ALL, "corrupted p", err));
  TRY(average_number(a, s->effect, 0, OF_ALL, "total effect", err));
  for (int i = 0; i < s->grid_count; i++) TRY(chart_of(s, &s->grids[i], err));
  return LOCI_OK;
}

loci_status loci_average_trace(loci_model *model, loci_examples *examples,
                               const loci_study_opts *opts, const loci_trace_opts *how,
                               double least_effect, loci_average **out, loci_err *err) {
  trace_study s = {.job = {.what = "trace", .gather = gather, .finish = finish},
                   .least_effect = least_effect};
  if (how) s.how = *how;
  int layers = s.how.layer_count;
  *out = NULL;
  TRY(layers_check(s.how.first_layer, &layers, model_decoder(model)->layers, err));
  if (!s.how.corrupt || strncmp(s.how.corrupt, "image", 5) != 0) s.job.needs = NEEDS_CONSTRAINT;
  s.job.ctx = &s;
  return average_run(model, examples, opts, &s.job, out, err);
}
