/* Gathered numbers to curves (see average.h). */
#include "base/names.h"
#include "base/options.h"
#include "base/result.h"
#include "study/average_tests.h"
#include "study/jobs.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static loci_status no_memory(loci_err *err) { return fail_nomem(err, "averaging"); }

watch average_watch(const averaging *a) {
  return (watch){a->s->opts->progress, a->s->opts->progress_ctx};
}

loci_status average_begin(averaging *a, loci_err *err) {
  a->numbers = arena_zarray(a->mem, AVERAGE_NUMBERS, loci_number);
  if (!a->numbers) return no_memory(err);
  a->out->numbers = a->numbers;
  return LOCI_OK;
}

void average_clear(averaging *a) {
  for (int i = 0; i < a->series_count; i++) free(a->series[i].x);
  for (int i = 0; i < 3; i++) {
    stat_draws_free(a->draws[i]);
    a->draws[i] = NULL;
  }
  free(a->right);
  free(a->series);
  a->series = NULL;
  a->series_count = a->series_room = 0;
  a->right = NULL;
}

/* ---------------------------------------------------------------- gathering */

int average_find(const averaging *a, const char *quantity, int window, const char *place) {
  for (int i = 0; i < a->series_count; i++) {
    const series_key *k = &a->series[i].key;
    if (k->window == window && strcmp(k->quantity, quantity) == 0 && strcmp(k->place, place) == 0)
      return i;
  }
  return -1;
}

static void forget(averaging *a, int example) {
  for (int i = 0; i < a->series_count; i++) {
    average_row *r = &a->series[i];
    for (int k = 0; k < r->key.points && !r->waits; k++)
      r->x[(int64_t)example * r->key.points + k] = (double)NAN;
  }
}

/* As many rows as the others have; what is new has no values (those of later rows go when they
 * begin: memory that is never touched is not taken). */
static loci_status grow(const averaging *a, average_row *r, loci_err *err) {
  if (r->waits || (r->x && r->room == a->room)) return LOCI_OK;
  int64_t had = (int64_t)r->room * r->key.points, has = (int64_t)a->room * r->key.points;
  double *x = realloc(r->x, (size_t)has * sizeof *x);
  if (!x) return no_memory(err);
  for (int64_t k = had; k < (int64_t)(a->n + 1) * r->key.points; k++) x[k] = (double)NAN;
  r->x = x;
  r->room = a->room;
  return LOCI_OK;
}

loci_status average_expect(averaging *a, int count, loci_err *err) {
  if (a->room > 0 || count < 1) return LOCI_OK;
  a->right = malloc((size_t)count);
  if (!a->right) return no_memory(err);
  a->room = count;
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

/* Series are found by their key for ever after, so their names are copied and their place never
 * changes. */
static loci_status add_series(averaging *a, const average_row *row, loci_err *err) {
  if (a->series_count == AVERAGE_SERIES)
    return fail(err, LOCI_EUNSUPPORTED, "more than %d rows of numbers to average", AVERAGE_SERIES);
  if (a->series_count == a->series_room) {
    int room = a->series_room ? 2 * a->series_room : 64;
    average_row *more = realloc(a->series, (size_t)room * sizeof *more);
    if (!more) return no_memory(err);
    a->series = more;
    a->series_room = room;
  }
  average_row *r = &a->series[a->series_count];
  *r = *row;
  r->key.quantity = arena_strdup(a->mem, r->key.quantity);
  r->key.place = arena_strdup(a->mem, r->key.place);
  if (!r->key.quantity || !r->key.place) return no_memory(err);
  TRY(grow(a, r, err));
  a->series_count++;
  return LOCI_OK;
}

/* The series of that key, added if there is none. */
static loci_status series_for(averaging *a, const average_row *row, average_row **out,
                              loci_err *err) {
  const series_key *key = &row->key;
  int i = average_find(a, key->quantity, key->window, key->place);
  if (i < 0) TRY(add_series(a, row, err));
  average_row *r = *out = &a->series[i < 0 ? a->series_count - 1 : i];
  if (r->waits != row->waits || r->source != row->source)
    return fail(err, LOCI_EUNSUPPORTED, "%s: two series of one name", key->quantity);
  if (r->key.points == key->points && r->key.first == key->first) return LOCI_OK;
  return fail(err, LOCI_EUNSUPPORTED, "%s: %d numbers from %d, those before have %d from %d",
              key->quantity, key->points, key->first, r->key.points, r->key.first);
}

loci_status average_put(averaging *a, const series_key *key, const double *values, loci_err *err) {
  average_row *r;
  TRY(series_for(a, &(average_row){.key = *key}, &r, err));
  if (!r->x) return no_memory(err);
  memcpy(r->x + (int64_t)a->n * key->points, values, (size_t)key->points * sizeof *values);
  return LOCI_OK;
}

loci_status average_await(averaging *a, const series_key *key, int64_t source, loci_err *err) {
  average_row *r;
  return series_for(a, &(average_row){.key = *key, .waits = true, .source = source}, &r, err);
}

static bool is_recalled(const series_key *key, const char *quantity, int window,
                        const char *place) {
  size_t n = strlen(quantity);
  if (key->window != window || strncmp(key->quantity, quantity, n) != 0) return false;
  const char *rest = key->quantity + n;
  return (!*rest || strcmp(rest, AVERAGE_LOGITS) == 0) &&
         (!place || strcmp(key->place, place) == 0);
}

loci_status average_recall(averaging *a, const char *quantity, int window, const char *place,
                           loci_err *err) {
  if (!a->recall) return LOCI_OK;
  for (int i = 0; i < a->series_count; i++) {
    if (!a->series[i].waits) continue;
    free(a->series[i].x);
    a->series[i].x = NULL;
  }
  for (int i = 0; i < a->series_count; i++) {
    average_row *r = &a->series[i];
    int64_t count = (int64_t)a->n * r->key.points;
    if (!r->waits || !is_recalled(&r->key, quantity, window, place)) continue;
    r->x = malloc((size_t)count * sizeof *r->x);
    if (!r->x) return no_memory(err);
    for (int64_t k = 0; k < count; k++) r->x[k] = (double)NAN;
  }
  return a->recall(a->recall_ctx, err);
}

loci_status average_put_number(averaging *a, const char *quantity, double x, loci_err *err) {
  return average_put(a, &(series_key){.quantity = quantity, .place = "", .points = 1}, &x, err);
}

const double *average_row_of(const averaging *a, int series, int example) {
  const average_row *r = &a->series[series];
  assert(r->x);
  return r->x + (int64_t)example * r->key.points;
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

const char *grid_name(const loci_grid *g, char out[GRID_NAME]) {
  bool noise = g->direction == LOCI_NOISE;
  snprintf(out, GRID_NAME, "%s%s", site_name(g->site), noise ? ", noise" : "");
  return out;
}

/* Draws depend only on how many examples there are: all curves over as many examples share them,
 * so that their intervals can be compared, and they are made once. */
loci_status average_draws(averaging *a, average_whose whose, const stat_draws **out,
                          loci_err *err) {
  int n = average_count(a, whose);
  *out = NULL;
  for (int i = 0; i < 3 && !*out; i++)
    if (a->draws[i] && stat_draws_count(a->draws[i]) == n) *out = a->draws[i];
  if (*out) return LOCI_OK;
  for (int i = 0; i < 3; i++) { /* those of all and those of a part are not needed by turns */
    if (i != (int)whose && (i == OF_ALL) == (whose == OF_ALL)) continue;
    stat_draws_free(a->draws[i]);
    a->draws[i] = NULL;
  }
  TRY(stat_draws_new(n, a->s->opts->seed, &a->draws[whose], err));
  stat_draws_follow(a->draws[whose], average_watch(a));
  *out = a->draws[whose];
  return LOCI_OK;
}

/* Which examples are meant; NULL: out of memory. */
static int *rows_of(const averaging *a, average_whose whose) {
  int rows = 0, *list = malloc(((size_t)a->n + 1) * sizeof *list);
  for (int i = 0; list && i < a->n; i++) {
    if (is_of(a, i, whose)) list[rows++] = i;
  }
  return list;
}

/* Means of points first .. first + count - 1 of a series over the examples meant; *n: of them, the
 * most that have a value at one point. */
static loci_status means_at(averaging *a, int series, int first, int count, average_whose whose,
                            loci_interval *out, double *errors, double *drawn, int *n,
                            loci_err *err) {
  const average_row *r = &a->series[series];
  const stat_draws *draws;
  int rows = average_count(a, whose);
  int *own = NULL;
  *n = 0;
  TRY(average_draws(a, whose, &draws, err));
  if (rows < a->n && !(own = rows_of(a, whose))) return no_memory(err);
  const stat_table t = {r->x + first, rows, r->key.points, count, own};
  for (int k = 0; k < count; k++) {
    int has = 0;
    for (int i = 0; i < rows; i++) has += !isnan(stat_table_at(&t, i, k));
    if (has > *n) *n = has;
  }
  loci_status st = stat_means(draws, &t, average_range(r->key.quantity), out, errors, drawn, err);
  free(own);
  return st;
}

static bool more_charts(averaging *a) {
  int room = a->chart_room ? 2 * a->chart_room : 16;
  loci_chart *more = arena_zarray(a->mem, room, loci_chart);
  if (!more) return false;
  if (a->chart_room > 0) memcpy(more, a->charts, (size_t)a->chart_room * sizeof *more);
  a->chart_room = room;
  a->out->charts = a->charts = more;
  return true;
}

loci_chart *average_chart(averaging *a, const char *name, const char *unit, int first, int points,
                          int curves) {
  if (a->out->chart_count == a->chart_room && !more_charts(a)) return NULL;
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
                    .mark = (double)NAN,
                    .own_peak = {(double)NAN, (double)NAN, (double)NAN}};
  return c;
}

loci_status average_curve_from(averaging *a, loci_chart *chart, int series, int from,
                               average_whose whose, const char *name, loci_err *err) {
  if (!chart || series < 0) return no_memory(err);
  if (average_count(a, whose) == 0) return LOCI_OK;
  loci_curve *curve = (loci_curve *)(uintptr_t)&chart->curves[chart->curve_count];
  loci_interval *points = arena_array(a->mem, chart->point_count, loci_interval);
  double *errors = arena_array(a->mem, chart->point_count, double);
  curve->name = arena_strdup(a->mem, name);
  if (!points || !errors || !curve->name) return no_memory(err);
  curve->points = points;
  curve->own_peak = (loci_interval){(double)NAN, (double)NAN, (double)NAN};
  bool peaks =
      !average_range(a->series[series].key.quantity).share; /* shares are drawn for nobody */
  double *drawn = peaks ? calloc((size_t)chart->point_count * STAT_RESAMPLES, sizeof *drawn) : NULL;
  if (peaks && !drawn) return no_memory(err);
  loci_status st =
      means_at(a, series, from, chart->point_count, whose, points, errors, drawn, &curve->n, err);
  if (!st && peaks) average_peak(drawn, chart->point_count, chart->points[0], curve);
  free(drawn);
  TRY(st);
  curve->errors = errors;
  if (curve->n > 0) chart->curve_count++;
  return LOCI_OK;
}

loci_status average_curve(averaging *a, loci_chart *chart, int series, average_whose whose,
                          const char *name, loci_err *err) {
  return average_curve_from(a, chart, series, 0, whose, name, err);
}

loci_status average_number(averaging *a, int series, int point, average_whose whose,
                           const char *name, loci_err *err) {
  int n;
  double error;
  if (a->out->number_count == AVERAGE_NUMBERS || series < 0) return no_memory(err);
  loci_number *x = &a->numbers[a->out->number_count];
  TRY(means_at(a, series, point, 1, whose, &x->value, &error, NULL, &n, err));
  if (n == 0) return LOCI_OK;
  x->name = arena_strdup(a->mem, name);
  if (!x->name) return no_memory(err);
  a->out->number_count++;
  return LOCI_OK;
}

/* ---------------------------------------------------------------- the frame */

loci_status average_make(study *s, average_job *job, average_fill *fill, void *ctx,
                         loci_average **out, loci_err *err) {
  *out = NULL;
  loci_average *made = result_new(LOCI_KIND_AVERAGE, sizeof *made);
  if (!made) return no_memory(err);
  loci_status st = LOCI_OK;
  averaging *a = calloc(1, sizeof *a);
  if (a) *a = (averaging){.s = s, .out = made};
  if (!a) {
    st = no_memory(err);
    goto done;
  }
  job->a = a;
  a->mem = s->mem = made->result.memory;
  s->result = &made->result;
  made->what = job->what;
  TRY_DONE(average_begin(a, err));
  TRY_DONE(fill(ctx, job, &made->sample, err));
  TRY_DONE(job->finish(job->ctx, err));
  *out = made;
  made = NULL;
done:
  if (a) average_clear(a);
  free(a);
  study_clear(s);
  loci_free(made);
  return st;
}

static loci_status measure_all(void *ctx, average_job *job, loci_sample *sample, loci_err *err) {
  study *s = ctx;
  TRY(study_each(s, job->gather, job->ctx, err));
  if (s->used == 0) return study_nothing_left(s, examples_path(s->examples), err);
  return study_describe(s, sample, err);
}

loci_status average_run(const loci_model *model, loci_examples *examples,
                        const loci_study_opts *opts, average_job *job, loci_average **out,
                        loci_err *err) {
  *out = NULL;
  char command[32];
  loci_study_opts own;
  TRY(options_take(loci_study_opts, &own, opts, err));
  if (job->complete) TRY(job->complete(job->ctx, model, err));
  snprintf(command, sizeof command, "study %s", job->what);
  study s = {.model = model,
             .opts = &own,
             .examples = examples,
             .needs = job->needs,
             .results = 1,
             .command = command,
             .asks = job->asks,
             .describe = job->describe,
             .describe_ctx = job->ctx};
  return average_make(&s, job, measure_all, &s, out, err);
}
