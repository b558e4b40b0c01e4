/* loci_average_flow: contributions averaged over examples (docs/MATH.md, "Averages"; Basu et al.
 * 2024, section 4.3). */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "study/average.h"
#include "study/flow.h"

enum { PAIRED = 200 }; /* examples whose top sets are compared, each with each */

typedef struct flow_study {
  average_job job;
  int L, P;
  int image, last, share, profile; /* series; -1: none */
  uint8_t *top;                    /* (PAIRED, L, P) whether a visual token is in the top set */
  int paired;
  double *row; /* (max(L, P)) scratch */
  double *token;
} flow_study;

static loci_status start(flow_study *f, loci_err *err) {
  const loci_model *m = f->job.a->s->model;
  f->L = model_decoder(m)->layers;
  f->P = m->info.image_rows;
  f->image = f->share = f->profile = -1;
  f->last = average_series(f->job.a, f->L);
  f->row = malloc((size_t)(f->L + f->P + 1) * sizeof *f->row);
  f->token = malloc((size_t)(f->P + 1) * sizeof *f->token);
  if (!f->row || !f->token) return fail_nomem(err, "averaging contributions");
  if (f->P == 0) return LOCI_OK;
  f->image = average_series(f->job.a, f->L);
  f->share = average_series(f->job.a, f->L);
  f->profile = average_series(f->job.a, f->P);
  f->top = calloc((size_t)PAIRED * (size_t)f->L, (size_t)f->P);
  return f->top ? LOCI_OK : fail_nomem(err, "averaging contributions");
}

/* ---------------------------------------------------------------- one example */

static int top_count(int P) { return (P + 19) / 20; } /* 5 %, at least one */

/* Marks the top 5 % of the tokens; returns their share of the total. */
static double mark_top(const double *profile, int P, uint8_t *top) {
  double share = 0, total = 0;
  for (int i = 0; i < P; i++) total += profile[i];
  for (int k = 0; k < top_count(P); k++) {
    int best = -1;
    for (int i = 0; i < P; i++) {
      if (!top[i] && (best < 0 || profile[i] > profile[best])) best = i;
    }
    top[best] = 1;
    share += profile[best];
  }
  return total > 0 ? share / total : (double)NAN;
}

static loci_status put_image(flow_study *f, const flow_table *t, loci_err *err) {
  int P = t->sources.count;
  if (P != f->P) return fail(err, LOCI_EUNSUPPORTED, "%d visual tokens instead of %d", P, f->P);
  double *profile = f->row, all = 0;
  double *totals = malloc((size_t)f->L * sizeof *totals);
  double *shares = malloc((size_t)f->L * sizeof *shares);
  uint8_t *spare = calloc((size_t)f->L, (size_t)P + 1);
  if (!totals || !shares || !spare) {
    free(totals);
    free(shares);
    free(spare);
    return fail_nomem(err, "averaging contributions");
  }
  bool paired = f->paired < PAIRED;
  uint8_t *top = paired ? f->top + (int64_t)f->paired * f->L * P : spare;
  memset(top, 0, (size_t)f->L * (size_t)P); /* a dropped example may have been here */
  for (int i = 0; i < P; i++) f->token[i] = 0;
  for (int l = 0; l < f->L; l++) {
    flow_profile_at(t, l, profile, NULL);
    shares[l] = mark_top(profile, P, top + (int64_t)l * P);
    totals[l] = 0;
    for (int i = 0; i < P; i++) {
      totals[l] += profile[i];
      f->token[i] += profile[i];
    }
    all += totals[l];
  }
  for (int i = 0; i < P; i++) f->token[i] = all > 0 ? f->token[i] / all : (double)NAN;
  average_put(f->job.a, f->image, totals);
  average_put(f->job.a, f->share, shares);
  average_put(f->job.a, f->profile, f->token);
  f->paired += paired;
  free(totals);
  free(shares);
  free(spare);
  return LOCI_OK;
}

static void put_last(flow_study *f, const flow_table *t) {
  for (int l = 0; l < f->L; l++) f->row[l] = flow_path_at(t, l).max;
  average_put(f->job.a, f->last, f->row);
}

static loci_status measure(flow_study *f, const loci_prompt *p, arena *mem, loci_err *err) {
  flow_table t[2] = {{.layers = f->L}, {.layers = f->L}};
  bool sees = p->info.image_first >= 0;
  flow_job job = {.table_count = sees ? 2 : 1,
                  .tables = t,
                  .progress = study_progress,
                  .progress_ctx = f->job.a->s};
  TRY(flow_group(p, GROUP_LAST, mem, &t[0].queries, err));
  TRY(flow_group(p, GROUP_CONSTRAINT, mem, &t[0].sources, err));
  TRY(flow_table_room(p->model, FLOW_NORMS, mem, &t[0], err));
  if (sees) {
    TRY(flow_group(p, GROUP_CONSTRAINT_LAST, mem, &t[1].queries, err));
    TRY(flow_group(p, GROUP_IMAGE, mem, &t[1].sources, err));
    TRY(flow_table_room(p->model, FLOW_NORMS, mem, &t[1], err));
  }
  TRY(flow_measure(p, &job, err));
  if (sees) TRY(put_image(f, &t[1], err));
  put_last(f, &t[0]);
  return LOCI_OK;
}

static loci_status gather(void *ctx, study_item *item, loci_err *err) {
  flow_study *f = ctx;
  averaging *a = f->job.a;
  study_answer answer = {0};
  if (a->series_count == 0) TRY(start(f, err));
  TRY(average_room(a, err));
  arena *mem = arena_new();
  if (!mem) return fail_nomem(err, "averaging contributions");
  loci_status st = LOCI_OK;
  if (item->example->answer_count > 0) st = study_ask(a->s, item, mem, &answer, err);
  if (!st) st = measure(f, item->prompt, mem, err);
  arena_free(mem);
  if (!st) average_next(a, item->example->answer_count > 0 ? answer.right : -1);
  return st;
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

/* |A and B| / |A or B| of every pair at one layer. */
static void compare_tops(const flow_study *f, int layer, float *jaccard) {
  int n = f->paired, P = f->P, size = top_count(P);
  for (int i = 0; i < n; i++) {
    for (int k = 0; k < i; k++) {
      const uint8_t *a = f->top + ((int64_t)i * f->L + layer) * P;
      const uint8_t *b = f->top + ((int64_t)k * f->L + layer) * P;
      int both = 0;
      for (int t = 0; t < P; t++) both += a[t] & b[t];
      jaccard[(int64_t)i * n + k] = (float)both / (float)(2 * size - both);
    }
  }
}

static loci_status likeness_chart(flow_study *f, loci_err *err) {
  averaging *a = f->job.a;
  int size = top_count(f->P);
  loci_chart *c = average_chart(a, "same visual tokens in the top 5 % of two examples",
                                "Jaccard index", 0, f->L, 1);
  loci_interval *points = arena_array(a->mem, f->L, loci_interval);
  float *jaccard = malloc((size_t)f->paired * (size_t)f->paired * sizeof *jaccard);
  if (!c || !points || !jaccard) {
    free(jaccard);
    return fail_nomem(err, "averaging contributions");
  }
  loci_status st = LOCI_OK;
  likeness x = {jaccard};
  for (int l = 0; !st && l < f->L; l++) {
    compare_tops(f, l, jaccard);
    st = stat_bootstrap(mean_likeness, &x, f->paired, a->s->opts->seed, &points[l], err);
  }
  free(jaccard);
  TRY(st);
  loci_curve *curve = (loci_curve *)(uintptr_t)&c->curves[0];
  *curve = (loci_curve){"all", f->paired, points};
  c->curve_count = 1;
  c->mark = (double)size / (2 * f->P - size);
  c->mark_name = "about by chance";
  return LOCI_OK;
}

/* ---------------------------------------------------------------- charts */

/* Right and wrong answers apart, or all if nobody knows. */
static loci_status apart(flow_study *f, loci_chart *c, int series, loci_err *err) {
  averaging *a = f->job.a;
  if (a->out->right + a->out->wrong == 0) return average_curve(a, c, series, OF_ALL, "all", err);
  TRY(average_curve(a, c, series, OF_RIGHT, "right answers", err));
  return average_curve(a, c, series, OF_WRONG, "wrong answers", err);
}

static loci_status finish(void *ctx, loci_err *err) {
  flow_study *f = ctx;
  averaging *a = f->job.a;
  loci_chart *c;
  a->out->title = "Attention contributions";
  if (f->paired > 0) {
    c = average_chart(a, "image -> constraint-last", "contribution", 0, f->L, 2);
    TRY(apart(f, c, f->image, err));
  }
  c = average_chart(a, "constraint -> last", "contribution", 0, f->L, 2);
  TRY(apart(f, c, f->last, err));
  if (f->paired == 0) return LOCI_OK;
  c = average_chart(a, "share of the top 5 % of visual tokens", "share", 0, f->L, 2);
  TRY(apart(f, c, f->share, err));
  c->mark = (double)top_count(f->P) / f->P;
  c->mark_name = "all alike";
  TRY(likeness_chart(f, err));
  c = average_chart(a, "which visual tokens give, all layers", "share", 0, f->P, 1);
  TRY(average_curve(a, c, f->profile, OF_ALL, "all", err));
  c->x_name = "visual token";
  c->mark = 1.0 / f->P;
  c->mark_name = "all alike";
  return LOCI_OK;
}

loci_status loci_average_flow(loci_model *model, loci_examples *examples,
                              const loci_study_opts *opts, loci_average **out, loci_err *err) {
  flow_study f = {
      .job = {.what = "flow", .needs = NEEDS_CONSTRAINT, .gather = gather, .finish = finish}};
  f.job.ctx = &f;
  loci_status st = average_run(model, examples, opts, &f.job, out, err);
  free(f.top);
  free(f.row);
  free(f.token);
  return st;
}
