/* Study flow: contributions averaged over examples (docs/MATH.md, "Averages"; Basu et al.
 * 2024, section 4.3). */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "study/flow_measure.h"
#include "study/jobs.h"

enum {
  PAIRED = 200, /* examples whose top sets are compared, each with each */
  SIDE = 8      /* SIDE x SIDE places of a picture, whatever its grid */
};

/* The rows of numbers an example gives. */
static const char image_row[] = "image -> constraint-last", last_row[] = "constraint -> last",
                  share_row[] = "top share";

/* What a view of a picture gives, where it has several. */
static const char *const view_rows_of[MOST_VIEWS] = {"image-base -> constraint-last",
                                                     "image-tiles -> constraint-last"};

/* What stands for a picture's tokens: themselves, or, where each picture has a grid of its own, the
 * parts of it that they cover. */
static const struct picture_rows {
  const char *profile, *top;              /* rows of numbers */
  const char *likeness, *profiles, *axis; /* of charts */
} kinds[] = {
    {"visual tokens", "top visual tokens", "same visual tokens in the top 5 % of two examples",
     "which visual tokens give, all layers", "visual token"},
    {"visual places", "top visual places",
     "same parts of the picture (8 x 8) in the top 5 % of two examples",
     "which parts of the picture (8 x 8) give, all layers", "part of the picture, row by row"}};

/* ---------------------------------------------------------------- one example */

static int top_count(int P) { return (P + 19) / 20; } /* 5 %, at least one */

/* The top 5 % of the tokens, strongest first; returns their share of the total. */
static double find_top(const double *profile, int P, uint8_t *taken, double *top) {
  double share = 0, total = 0;
  memset(taken, 0, (size_t)P);
  for (int i = 0; i < P; i++) total += profile[i];
  for (int k = 0; k < top_count(P); k++) {
    int best = -1;
    for (int i = 0; i < P; i++) {
      if (!taken[i] && (best < 0 || profile[i] > profile[best])) best = i;
    }
    taken[best] = 1;
    top[k] = best;
    share += profile[best];
  }
  return total > 0 ? share / total : (double)NAN;
}

static loci_status put_row(averaging *a, const char *quantity, const double *x, int points,
                           loci_err *err) {
  return average_put(a, &(series_key){.quantity = quantity, .place = "", .points = points}, x, err);
}

/* An example's visual tokens are summed over layers and given as shares of that sum before
 * examples are averaged: else the examples with the largest norms would decide which tokens
 * matter. */
/* How much of [0, 1) the i-th of n parts and the k-th of SIDE have in common, in units of the
 * former. */
static double overlap(int i, int n, int k) {
  double lo = fmax((double)i / n, (double)k / SIDE);
  double hi = fmin((double)(i + 1) / n, (double)(k + 1) / SIDE);
  return hi > lo ? (hi - lo) * n : 0;
}

/* places (SIDE, SIDE) += the profile of a view, every cell's number shared out by area. */
static void spread_view(const loci_image_view *v, const double *profile, double *places) {
  for (int row = 0; row < v->rows; row++) {
    for (int k = 0; k < SIDE; k++) {
      double down = overlap(row, v->rows, k);
      for (int col = 0; down > 0 && col < v->cols; col++) {
        for (int m = 0; m < SIDE; m++) {
          double x = profile[layout_row(v, row, col)];
          places[k * SIDE + m] += x * down * overlap(col, v->cols, m);
        }
      }
    }
  }
}

/* Of all views; rows that end lines have no place in the picture. */
static void spread(const image_layout *g, const double *profile, double *places) {
  memset(places, 0, SIDE * SIDE * sizeof *places);
  for (int i = 0; i < g->view_count; i++) spread_view(&g->views[i], profile, places);
}

/* What an example's picture gives, in all and by place; room for one layer, and sums. */
typedef struct picture_sums {
  int P, n; /* tokens, and numbers of a profile */
  double *profile, *places, *token, *totals, *shares, *top;
  double *views; /* (MOST_VIEWS, layers) sums of each view's tokens */
  uint8_t *taken;
} picture_sums;

/* Room for one example's picture, whose size may be its own. */
static bool picture_room(picture_sums *x, int L, arena *mem) {
  int most = x->P > x->n ? x->P : x->n;
  x->profile = arena_array(mem, x->P, double);
  x->places = arena_array(mem, x->n, double);
  x->token = arena_zarray(mem, x->n, double);
  x->totals = arena_zarray(mem, L, double);
  x->views = arena_zarray(mem, (int64_t)MOST_VIEWS * L, double);
  x->shares = arena_array(mem, L, double);
  x->top = arena_array(mem, (int64_t)L * top_count(most), double);
  x->taken = arena_array(mem, most, uint8_t);
  return x->views && x->profile && x->places && x->token && x->totals && x->shares && x->top &&
         x->taken;
}

/* Pictures of any size are averaged over the places of one square; others over their own rows. */
static loci_status put_image(averaging *a, const flow_table *t, const loci_prompt *p, arena *mem,
                             loci_err *err) {
  bool own = model_keeps_sizes(p->model);
  picture_sums x = {.P = t->sources.count, .n = own ? SIDE * SIDE : t->sources.count};
  int L = t->layers, size = top_count(x.n);
  double all = 0;
  if (!picture_room(&x, L, mem)) return fail_nomem(err, "averaging contributions");
  for (int l = 0; l < L; l++) {
    double *top = x.top + (int64_t)l * size; /* tokens' first, where places' come next */
    flow_profile_at(t, l, x.profile, NULL);
    x.shares[l] = find_top(x.profile, x.P, x.taken, top);
    if (own) spread(&p->image, x.profile, x.places);
    if (own) find_top(x.places, x.n, x.taken, top);
    for (int i = 0; i < x.P; i++) x.totals[l] += x.profile[i];
    for (int i = 0; i < x.P; i++) {
      int view = layout_cell(p->image.views, p->image.view_count, i).view;
      if (view >= 0) x.views[view * L + l] += x.profile[i];
    }
    for (int i = 0; i < x.n; i++) x.token[i] += own ? x.places[i] : x.profile[i];
    all += x.totals[l];
  }
  for (int i = 0; i < x.n; i++) x.token[i] = all > 0 ? x.token[i] / all : (double)NAN;
  TRY(put_row(a, image_row, x.totals, L, err));
  int views = p->image.view_count > MOST_VIEWS ? MOST_VIEWS : p->image.view_count;
  for (int i = 0; views > 1 && i < views; i++) {
    TRY(put_row(a, view_rows_of[i], x.views + (int64_t)i * L, L, err));
  }
  TRY(put_row(a, share_row, x.shares, L, err));
  TRY(put_row(a, kinds[own].profile, x.token, x.n, err));
  return put_row(a, kinds[own].top, x.top, L * size, err);
}

static loci_status put_last(averaging *a, const flow_table *t, arena *mem, loci_err *err) {
  double *max = arena_array(mem, t->layers, double), sum = 0;
  if (!max) return fail_nomem(err, "averaging contributions");
  for (int l = 0; l < t->layers; l++) sum += max[l] = flow_path_at(t, l).max;
  TRY(put_row(a, last_row, max, t->layers, err));
  return average_put_number(a, "mean constraint -> last", sum / t->layers, err);
}

/* Both pathways of an example come from one walk; a prompt without a picture has the second
 * only. */
static loci_status measure(averaging *a, const loci_prompt *p, arena *mem, loci_err *err) {
  int L = model_decoder(p->model)->layers;
  flow_table t[2] = {{.layers = L}, {.layers = L}};
  bool sees = prompt_picture(p) != NULL;
  flow_job job = {
      .table_count = sees ? 2 : 1, .tables = t, .progress = study_progress, .progress_ctx = a->s};
  TRY(flow_group(p, GROUP_LAST, mem, &t[0].queries, err));
  TRY(flow_group(p, GROUP_CONSTRAINT, mem, &t[0].sources, err));
  TRY(flow_table_room(p->model, FLOW_NORMS, mem, &t[0], err));
  if (sees) {
    TRY(flow_group(p, GROUP_CONSTRAINT_LAST, mem, &t[1].queries, err));
    TRY(flow_sources(p, GROUP_IMAGE, mem, &t[1].sources, &t[1].outside, err));
    TRY(flow_table_room(p->model, FLOW_NORMS, mem, &t[1], err));
  }
  TRY(flow_measure(p, &job, err));
  TRY(average_room(a, err));
  if (sees) TRY(put_image(a, &t[1], p, mem, err));
  return put_last(a, &t[0], mem, err);
}

static loci_status gather(void *ctx, study_item *item, loci_err *err) {
  averaging *a = ((average_job *)ctx)->a;
  const study_answer *answer = NULL;
  if (item->example->answer_count > 0) TRY(study_ask(a->s, item, &answer, err));
  TRY(measure(a, item->prompt, item->mem, err));
  average_next(a, answer ? answer->right : -1);
  return LOCI_OK;
}

/* ---------------------------------------------------------------- likeness of top sets */

typedef struct likeness {
  const float *jaccard; /* (n, n) */
} likeness;

/* The mean over pairs of different examples. */
static double mean_likeness(const void *ctx, const int *times, int64_t n) {
  const likeness *x = ctx;
  double sum = 0, pairs = 0;
  for (int64_t i = 0; i < n; i++) {
    for (int64_t k = 0; k < i && times[i] > 0; k++) {
      double count = (double)times[i] * times[k];
      sum += count * (double)x->jaccard[i * n + k];
      pairs += count;
    }
  }
  return pairs > 0 ? sum / pairs : (double)NAN;
}

/* The examples that have top sets, the first PAIRED of them. */
typedef struct top_sets {
  int n, layers, size;
  const double *of[PAIRED]; /* (layers, size) tokens */
} top_sets;

static top_sets find_sets(const averaging *a, const struct picture_rows *kind) {
  int series = average_find(a, kind->top, 0, ""), totals = average_find(a, image_row, 0, "");
  top_sets s = {0};
  if (series < 0 || totals < 0) return s;
  s.layers = a->series[totals].key.points;
  s.size = a->series[series].key.points / s.layers;
  if (s.size == 0) return s;
  for (int i = 0; i < a->n && s.n < PAIRED; i++) {
    const double *row = average_row_of(a, series, i);
    if (!isnan(row[0])) s.of[s.n++] = row;
  }
  return s;
}

/* |A and B| / |A or B| of every pair at one layer. */
static void compare_tops(const top_sets *s, int layer, float *jaccard) {
  for (int i = 0; i < s->n; i++) {
    for (int k = 0; k < i; k++) {
      const double *a = s->of[i] + (int64_t)layer * s->size;
      const double *b = s->of[k] + (int64_t)layer * s->size;
      int both = 0;
      for (int x = 0; x < s->size; x++) {
        int y = 0;
        while (y < s->size && a[x] != b[y]) y++;
        both += y < s->size;
      }
      jaccard[(int64_t)i * s->n + k] = (float)both / (float)(2 * s->size - both);
    }
  }
}

/* Pairs of examples are not independent, so whole examples are drawn, and a pair is in a draw as
 * often as both of its examples are.  The mark is about what sets drawn at random would share. */
static loci_status likeness_chart(averaging *a, const top_sets *s, const char *name, int P,
                                  loci_err *err) {
  loci_chart *c = average_chart(a, name, "Jaccard index", 0, s->layers, 1);
  loci_interval *points = arena_array(a->mem, s->layers, loci_interval);
  float *jaccard = malloc((size_t)s->n * (size_t)s->n * sizeof *jaccard);
  if (!c || !points || !jaccard) {
    free(jaccard);
    return fail_nomem(err, "averaging contributions");
  }
  loci_status st = LOCI_OK;
  likeness x = {jaccard};
  const watch w = average_watch(a);
  for (int l = 0; !st && l < s->layers; l++) {
    compare_tops(s, l, jaccard);
    st = stat_bootstrap(mean_likeness, &x, s->n, a->s->opts->seed, &w, &points[l], err);
  }
  free(jaccard);
  TRY(st);
  loci_curve *curve = (loci_curve *)(uintptr_t)&c->curves[0];
  *curve = (loci_curve){.name = "all", .n = s->n, .points = points};
  c->curve_count = 1;
  c->mark = (double)s->size / (2 * P - s->size);
  c->mark_name = "about by chance";
  return LOCI_OK;
}

/* ---------------------------------------------------------------- charts */

/* Right and wrong answers apart, or all if nobody knows; NULL: there are no such numbers. */
static loci_status apart(averaging *a, const char *quantity, const char *name, const char *unit,
                         loci_chart **out, loci_err *err) {
  int series = average_find(a, quantity, 0, "");
  if (series < 0) return LOCI_OK;
  loci_chart *c = average_chart(a, name, unit, 0, a->series[series].key.points, 2);
  if (out) *out = c;
  if (a->out->right + a->out->wrong == 0) return average_curve(a, c, series, OF_ALL, "all", err);
  TRY(average_curve(a, c, series, OF_RIGHT, "right answers", err));
  return average_curve(a, c, series, OF_WRONG, "wrong answers", err);
}

/* Right and wrong answers are drawn as two curves where both are known; what is about the
 * picture is left out where no example has one. */
static loci_status finish(void *ctx, loci_err *err) {
  averaging *a = ((average_job *)ctx)->a;
  loci_chart *c = NULL;
  const struct picture_rows *kind = &kinds[average_find(a, kinds[0].profile, 0, "") < 0];
  top_sets sets = find_sets(a, kind);
  int profile = average_find(a, kind->profile, 0, "");
  a->out->title = "Attention contributions";
  TRY(apart(a, image_row, image_row, "contribution", NULL, err));
  for (int i = 0; i < MOST_VIEWS; i++) {
    TRY(apart(a, view_rows_of[i], view_rows_of[i], "contribution", NULL, err));
  }
  TRY(apart(a, last_row, last_row, "contribution", NULL, err));
  if (sets.n == 0 || profile < 0) return LOCI_OK;
  int P = a->series[profile].key.points;
  TRY(apart(a, share_row, "share of the top 5 % of visual tokens", "share", &c, err));
  if (!c) return LOCI_OK;
  c->mark = kind == kinds ? (double)sets.size / P : 0.05;
  c->mark_name = "all alike";
  TRY(likeness_chart(a, &sets, kind->likeness, P, err));
  c = average_chart(a, kind->profiles, "share", 0, P, 1);
  TRY(average_curve(a, c, profile, OF_ALL, "all", err));
  c->x_name = kind->axis;
  c->mark = 1.0 / P;
  c->mark_name = "all alike";
  return LOCI_OK;
}

average_job *job_flow(arena *mem) {
  average_job *job = arena_alloc(mem, 1, sizeof *job);
  if (!job) return NULL;
  *job = (average_job){.what = "flow",
                       .needs = NEEDS_CONSTRAINT,
                       .asks = true,
                       .gather = gather,
                       .finish = finish,
                       .tells_right = true,
                       .headline = "mean constraint -> last",
                       .ctx = job};
  return job;
}
