/* Gathered numbers to curves (see average.h). */
#include "study/average.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct average_box { /* the public view first, so that one pointer serves both */
  loci_average view;
  arena *mem;
} average_box;

void loci_average_free(loci_average *average) {
  if (!average) return;
  average_box *box = (average_box *)average;
  arena_free(box->mem);
  free(box);
}

static loci_status no_memory(loci_err *err) { return fail_nomem(err, "averaging"); }

loci_status average_begin(averaging *a, loci_err *err) {
  a->charts = arena_zarray(a->mem, AVERAGE_CHARTS, loci_chart);
  a->numbers = arena_zarray(a->mem, AVERAGE_NUMBERS, loci_number);
  if (!a->charts || !a->numbers) return no_memory(err);
  a->out->charts = a->charts;
  a->out->numbers = a->numbers;
  return LOCI_OK;
}

void average_clear(averaging *a) {
  for (int i = 0; i < a->series_count; i++) free(a->series[i].x);
  free(a->right);
  a->series_count = 0;
  a->right = NULL;
}

/* ---------------------------------------------------------------- gathering */

int average_series(averaging *a, int points) {
  if (a->series_count == AVERAGE_SERIES) return -1;
  a->series[a->series_count] = (average_row){.points = points};
  return a->series_count++;
}

static void forget(averaging *a, int example) {
  for (int i = 0; i < a->series_count; i++) {
    average_row *r = &a->series[i];
    for (int k = 0; k < r->points; k++) r->x[(int64_t)example * r->points + k] = (double)NAN;
  }
}

/* As many rows as the others have; what is new has no values. */
static loci_status grow(const averaging *a, average_row *r, loci_err *err) {
  if (r->room == a->room) return LOCI_OK;
  int64_t had = (int64_t)r->room * r->points, has = (int64_t)a->room * r->points;
  double *x = realloc(r->x, (size_t)has * sizeof *x);
  if (!x) return no_memory(err);
  for (int64_t k = had; k < has; k++) x[k] = (double)NAN;
  r->x = x;
  r->room = a->room;
  return LOCI_OK;
}

loci_status average_room(averaging *a, loci_err *err) {
  if (a->n == a->room) {
    int room = a->room ? 2 * a->room : 64;
    signed char *right = realloc(a->right, (size_t)room);
    if (!right) return no_memory(err);
    a->right = right;
    a->room = room;
  }
  for (int i = 0; i < a->series_count; i++) TRY(grow(a, &a->series[i], err));
  forget(a, a->n);
  return LOCI_OK;
}

void average_put(averaging *a, int series, const double *values) {
  if (series < 0) return;
  average_row *r = &a->series[series];
  memcpy(r->x + (int64_t)a->n * r->points, values, (size_t)r->points * sizeof *values);
}

void average_next(averaging *a, int right) {
  a->right[a->n++] = (signed char)right;
  if (right == 1) a->out->right++;
  if (right == 0) a->out->wrong++;
}

static bool is_of(const averaging *a, int example, average_whose whose) {
  return whose == OF_ALL || a->right[example] == (whose == OF_RIGHT);
}

int average_count(const averaging *a, average_whose whose) {
  int n = 0;
  for (int i = 0; i < a->n; i++) n += is_of(a, i, whose);
  return n;
}

/* ---------------------------------------------------------------- means */

/* One point of a series over the examples meant; *n of them have a value. */
static loci_status mean_at(const averaging *a, int series, int point, average_whose whose,
                           loci_interval *out, int *n, loci_err *err) {
  const average_row *r = &a->series[series];
  int count = 0;
  *n = 0;
  double *column = calloc((size_t)a->n + 1, sizeof *column);
  if (!column) return no_memory(err);
  for (int i = 0; i < a->n; i++) {
    if (!is_of(a, i, whose)) continue;
    column[count++] = r->x[(int64_t)i * r->points + point];
    *n += !isnan(column[count - 1]);
  }
  loci_status st = stat_mean(column, count, a->s->opts->seed, out, err);
  free(column);
  return st;
}

loci_chart *average_chart(averaging *a, const char *name, const char *unit, int first, int points,
                          int curves) {
  if (a->out->chart_count == AVERAGE_CHARTS) return NULL;
  int *at = arena_array(a->mem, points, int);
  loci_curve *room = arena_zarray(a->mem, curves, loci_curve);
  if (!at || !room) return NULL;
  for (int i = 0; i < points; i++) at[i] = first + i;
  loci_chart *c = &a->charts[a->out->chart_count++];
  *c = (loci_chart){.name = name,
                    .unit = unit,
                    .x_name = "layer",
                    .point_count = points,
                    .points = at,
                    .curves = room,
                    .mark = (double)NAN};
  return c;
}

loci_status average_curve(averaging *a, loci_chart *chart, int series, average_whose whose,
                          const char *name, loci_err *err) {
  if (!chart || series < 0) return no_memory(err);
  if (average_count(a, whose) == 0) return LOCI_OK;
  loci_curve *curve = (loci_curve *)(uintptr_t)&chart->curves[chart->curve_count];
  loci_interval *points = arena_array(a->mem, chart->point_count, loci_interval);
  curve->name = arena_strdup(a->mem, name);
  if (!points || !curve->name) return no_memory(err);
  for (int i = 0; i < chart->point_count; i++) {
    int n;
    TRY(mean_at(a, series, i, whose, &points[i], &n, err));
    if (n > curve->n) curve->n = n;
  }
  curve->points = points;
  if (curve->n > 0) chart->curve_count++;
  return LOCI_OK;
}

loci_status average_number(averaging *a, int series, int point, average_whose whose,
                           const char *name, loci_err *err) {
  int n;
  if (a->out->number_count == AVERAGE_NUMBERS || series < 0) return no_memory(err);
  loci_number *x = &a->numbers[a->out->number_count];
  TRY(mean_at(a, series, point, whose, &x->value, &n, err));
  if (n == 0) return LOCI_OK;
  x->name = arena_strdup(a->mem, name);
  if (!x->name) return no_memory(err);
  a->out->number_count++;
  return LOCI_OK;
}

/* ---------------------------------------------------------------- the frame */

static loci_status nothing_left(const study *s, loci_err *err) {
  const char *reason = study_first_reason(s);
  return fail(err, LOCI_EINVAL, "no example can be used: %d dropped%s%s", s->dropped_count,
              reason ? ", the first: " : "", reason ? reason : "");
}

loci_status average_run(loci_model *model, loci_examples *examples, const loci_study_opts *opts,
                        average_job *job, loci_average **out, loci_err *err) {
  static const loci_study_opts defaults;
  *out = NULL;
  average_box *box = calloc(1, sizeof *box);
  if (!box) return no_memory(err);
  loci_status st = LOCI_OK;
  study s = {
      .model = model, .opts = opts ? opts : &defaults, .examples = examples, .needs = job->needs};
  averaging *a = job->a = &job->own;
  *a = (averaging){.s = &s, .out = &box->view};
  box->mem = a->mem = s.mem = arena_new();
  if (!box->mem) {
    st = no_memory(err);
    goto done;
  }
  box->view.what = job->what;
  TRY_DONE(average_begin(a, err));
  TRY_DONE(study_each(&s, job->gather, job->ctx, err));
  if (s.used == 0) {
    st = nothing_left(&s, err);
    goto done;
  }
  TRY_DONE(job->finish(job->ctx, err));
  TRY_DONE(study_describe(&s, &box->view.sample, err));
  *out = &box->view;
  box = NULL;
done:
  average_clear(a);
  study_clear(&s);
  if (box) loci_average_free(&box->view);
  return st;
}
