/* From measured examples to scores and what they are worth (see predict.h).
 *
 * Layers are never chosen on an example they are tested on: one half of the examples, drawn with
 * the seed and with the same share of right answers, chooses; the other tests.  Probe scores are of
 * folds the probe was not fitted on. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "study/predict.h"
#include "study/probe.h"
#include "study/stats.h"

enum { FOLDS = 5, PREDICTORS = 7 };

/* What scores are computed and tested with. */
typedef struct scoring {
  predicting *p;
  loci_prediction *out;
  bool *right;   /* (n) */
  int *half;     /* (n) 0 chooses, 1 tests; all 1 if layers were given */
  double *score; /* (n) scratch */
  int tested;
  bool *tested_right; /* (tested) */
  stat_roc confidence;
} scoring;

/* ---------------------------------------------------------------- too few */

/* Answers took hours and stay worth having; what is not to be had of so few is said instead. */
static loci_status note_too_few(const scoring *s, int least, const char *what, loci_err *err) {
  char text[240];
  snprintf(text, sizeof text, "no score is tested: %s needs %d right and %d wrong answers", what,
           least, least);
  s->out->note = arena_strdup(s->p->mem, text);
  return s->out->note ? LOCI_OK : fail_nomem(err, "predicting failure");
}

/* An AUROC of a handful of wrong answers is noise, and half of them go into choosing layers: of too
 * few of either kind there is none, rather than one with an interval nobody reads. */
static loci_status count(scoring *s, loci_err *err) {
  loci_prediction *o = s->out;
  for (int i = 0; i < s->p->n; i++) {
    s->right[i] = s->p->rows[i].right;
    o->right += s->right[i];
    o->first_right += s->p->rows[i].first_right;
  }
  o->wrong = s->p->n - o->right;
  int fewest = o->right < o->wrong ? o->right : o->wrong;
  if (s->p->n == 0) return study_nothing_left(s->p->s, examples_path(s->p->s->examples), err);
  if (fewest < PREDICT_LEAST) return note_too_few(s, PREDICT_LEAST, "an AUROC", err);
  if (s->p->opts->layer_count == 0 && fewest < 2 * PREDICT_LEAST) {
    return note_too_few(s, 2 * PREDICT_LEAST,
                        "choosing layers on one half and testing them on the other (given layers "
                        "do not)",
                        err);
  }
  return LOCI_OK;
}

/* ---------------------------------------------------------------- layers */

static void contributions(const scoring *s, int first, int layers, double *out) {
  for (int i = 0; i < s->p->n; i++) {
    const float *flow = s->p->flows + (int64_t)i * s->p->L;
    double sum = 0;
    for (int l = first; l < first + layers; l++) sum += (double)flow[l];
    out[i] = sum / layers;
  }
}

/* [layers] of them round the one whose mean over the choosing half is largest. */
static int layers_round_maximum(const scoring *s, int layers) {
  int L = s->p->L, best = 0;
  double most = -1;
  for (int l = 0; l < L; l++) {
    double sum = 0;
    for (int i = 0; i < s->p->n; i++) {
      if (s->half[i] == 0) sum += (double)s->p->flows[(int64_t)i * L + l];
    }
    if (sum <= most) continue;
    most = sum;
    best = l;
  }
  int first = best - layers / 2;
  return first < 0 ? 0 : first + layers > L ? L - layers : first;
}

/* Times each example is there if one half is meant. */
static void of_half(const scoring *s, int half, int *times) {
  for (int i = 0; i < s->p->n; i++) times[i] = s->half[i] == half;
}

/* The [layers] neighbours with the largest AUROC on the choosing half. */
static loci_status layers_of_best_auroc(const scoring *s, int layers, int *out, loci_err *err) {
  double most = -1;
  loci_status st = LOCI_OK;
  arena *mem = arena_new();
  int *times = malloc((size_t)s->p->n * sizeof *times);
  if (!mem || !times) {
    st = fail_nomem(err, "choosing layers");
    goto done;
  }
  of_half(s, 0, times);
  for (int first = 0; first + layers <= s->p->L; first++) {
    stat_roc roc;
    contributions(s, first, layers, s->score);
    TRY_DONE(stat_roc_new(s->score, s->right, s->p->n, mem, &roc, err));
    double area = stat_auroc(&roc, times, s->p->n);
    if (area <= most) continue;
    most = area;
    *out = first;
  }
done:
  free(times);
  arena_free(mem);
  return st;
}

/* Layers that are given need no half to choose them, so every example tests them.  Those that
 * are not are chosen on half 0 alone, and half 1 is all that a reader sees.  Where nothing is
 * tested all examples choose. */
static loci_status choose_layers(scoring *s, loci_err *err) {
  const loci_predict_opts *o = s->p->opts;
  loci_prediction *out = s->out;
  int L = s->p->L, n = s->p->n;
  bool tests = !out->note;
  out->best_first_layer = -1;
  out->first_layer = o->first_layer;
  out->layer_count = o->layer_count;
  for (int i = 0; i < n; i++) s->half[i] = tests;
  if (o->layer_count == 0) {
    if (tests) TRY(stat_split(s->right, n, 2, o->study->seed, s->half, err));
    out->layer_count = (L + 1) / 3 > 0 ? (L + 1) / 3 : 1; /* a third, to the nearest */
    out->first_layer = layers_round_maximum(s, out->layer_count);
    if (tests) TRY(layers_of_best_auroc(s, out->layer_count, &out->best_first_layer, err));
  }
  for (int i = 0; i < n; i++) {
    s->p->rows[i].tested = s->half[i] == 1;
    if (s->half[i] == 0) continue;
    s->tested_right[s->tested++] = s->right[i];
    out->tested_right += s->right[i];
  }
  out->tested_wrong = s->tested - out->tested_right;
  return LOCI_OK;
}

/* ---------------------------------------------------------------- scores */

/* Folds are drawn with another seed than the halves, so that no fold is a half. */
static loci_status probe(scoring *s, loci_err *err) {
  const predicting *p = s->p;
  loci_status st = LOCI_OK;
  int *fold = malloc((size_t)p->n * sizeof *fold);
  if (!fold) return fail_nomem(err, "fitting a probe");
  probe_data data = {p->n, p->D, p->resid, s->right};
  const watch w = {p->opts->study->progress, p->opts->study->progress_ctx};
  TRY_DONE(stat_split(s->right, p->n, FOLDS, p->opts->study->seed + 1, fold, err));
  TRY_DONE(probe_cross_validate(&data, fold, FOLDS, &w, s->score, err));
  for (int i = 0; i < p->n; i++) p->rows[i].probe = s->score[i];
done:
  free(fold);
  return st;
}

static loci_status fill_scores(scoring *s, loci_err *err) {
  const loci_prediction *o = s->out;
  const predicting *p = s->p;
  contributions(s, o->first_layer, o->layer_count, s->score);
  for (int i = 0; i < p->n; i++) p->rows[i].contribution = s->score[i];
  if (o->best_first_layer >= 0) contributions(s, o->best_first_layer, o->layer_count, s->score);
  for (int i = 0; i < p->n; i++)
    p->rows[i].best_layers = o->best_first_layer >= 0 ? s->score[i] : (double)NAN;
  for (int i = 0; o->note && i < p->n; i++) p->rows[i].probe = (double)NAN;
  return o->note ? LOCI_OK : probe(s, err); /* its folds have some of both kinds */
}

/* Means of every layer's contribution over right and over wrong answers; NaN: there are none. */
static loci_status fill_means(const scoring *s, loci_err *err) {
  const predicting *p = s->p;
  double *means = arena_zarray(p->mem, 2 * (int64_t)p->L, double);
  if (!means) return fail_nomem(err, "predicting failure");
  for (int i = 0; i < p->n; i++) {
    double *to = means + (s->right[i] ? 0 : p->L);
    int of = s->right[i] ? s->out->right : s->out->wrong;
    for (int l = 0; l < p->L; l++) to[l] += (double)p->flows[(int64_t)i * p->L + l] / of;
  }
  for (int l = 0; l < 2 * p->L; l++)
    if ((l < p->L ? s->out->right : s->out->wrong) == 0) means[l] = (double)NAN;
  s->out->contribution_right = means;
  s->out->contribution_wrong = means + p->L;
  return LOCI_OK;
}

/* ---------------------------------------------------------------- what they are worth */

/* Every score is turned so that more of it should mean a right answer. */
static double score_of(const loci_predicted *row, int k) {
  const double scores[PREDICTORS] = {row->contribution, row->best_layers, row->confidence,
                                     row->margin,       -row->entropy,    row->probe,
                                     row->consistency};
  return scores[k];
}

enum { BEST_LAYERS = 1, CONFIDENCE = 2, CONSISTENCY = 6 };

typedef struct pair {
  const stat_roc *a, *b;
} pair;

static double lead(const void *ctx, const int *times, int64_t n) {
  const pair *p = ctx;
  return stat_auroc(p->a, times, n) - stat_auroc(p->b, times, n);
}

static loci_status roc_of(const scoring *s, int k, bool all, stat_roc *out, loci_err *err) {
  int n = 0;
  for (int i = 0; i < s->p->n; i++) {
    if (all || s->half[i] == 1) s->score[n++] = score_of(&s->p->rows[i], k);
  }
  return stat_roc_new(s->score, all ? s->right : s->tested_right, n, s->p->mem, out, err);
}

/* Predictors are compared with the confidence on the same draws of examples ("lead"), which says
 * more than two intervals side by side.  One whose layers were chosen has no figure over all
 * examples: half of them chose the layers. */
static loci_status test(scoring *s, int k, loci_predictor *out, loci_err *err) {
  const loci_study_opts *o = s->p->opts->study;
  const watch w = {o->progress, o->progress_ctx};
  uint64_t seed = o->seed;
  bool chosen = s->p->opts->layer_count == 0 && k <= BEST_LAYERS;
  stat_roc roc, all;
  TRY(roc_of(s, k, false, &roc, err));
  TRY(stat_bootstrap(stat_auroc, &roc, roc.n, seed, &w, &out->auroc, err));
  pair against = {&roc, &s->confidence};
  TRY(stat_bootstrap(lead, &against, roc.n, seed, &w, &out->lead, err));
  out->all = (loci_interval){(double)NAN, (double)NAN, (double)NAN};
  if (!chosen) {
    TRY(roc_of(s, k, true, &all, err));
    TRY(stat_bootstrap(stat_auroc, &all, all.n, seed, &w, &out->all, err));
  }
  double *rates = arena_array(s->p->mem, 2 * (roc.n + 1), double);
  if (!rates) return fail_nomem(err, "predicting failure");
  out->corner_count = (int)stat_roc_curve(&roc, rates, rates + roc.n + 1);
  out->false_rate = rates;
  out->true_rate = rates + roc.n + 1;
  return LOCI_OK;
}

/* "best layers" is there only where layers were chosen, "consistency" where answers were drawn. */
static loci_status test_all(scoring *s, loci_err *err) {
  static const char *const names[PREDICTORS] = {
      "contribution", "best layers", "confidence", "margin", "entropy", "probe", "consistency"};
  static const char *const meanings[PREDICTORS] = {
      "attention contribution constraint -> last, layers round the strongest",
      "the same, layers that told best on the other half",
      "probability of the next token",
      "its lead over the second",
      "minus the entropy of the next token",
      "logistic probe on the last position's residual, cross-validated",
      "share of drawn answers that are the greedy one"};
  loci_predictor *rows = arena_zarray(s->p->mem, PREDICTORS, loci_predictor);
  if (!rows) return fail_nomem(err, "predicting failure");
  TRY(roc_of(s, CONFIDENCE, false, &s->confidence, err));
  for (int k = 0; k < PREDICTORS; k++) {
    if (k == BEST_LAYERS && s->out->best_first_layer < 0) continue;
    if (k == CONSISTENCY && s->p->opts->samples == 0) continue;
    loci_predictor *row = &rows[s->out->predictor_count++];
    row->name = names[k];
    row->meaning = meanings[k];
    TRY(test(s, k, row, err));
  }
  s->out->predictors = rows;
  return LOCI_OK;
}

loci_status predict_scores(predicting *p, loci_prediction *out, loci_err *err) {
  scoring s = {.p = p, .out = out};
  s.right = arena_array(p->mem, p->n, bool);
  s.half = arena_array(p->mem, p->n, int);
  s.score = arena_array(p->mem, p->n, double);
  s.tested_right = arena_array(p->mem, p->n, bool);
  loci_predicted *rows = arena_array(p->mem, p->n, loci_predicted);
  if (!s.right || !s.half || !s.score || !s.tested_right || !rows)
    return fail_nomem(err, "predicting failure");
  TRY(count(&s, err));
  TRY(choose_layers(&s, err));
  TRY(fill_scores(&s, err));
  TRY(fill_means(&s, err));
  if (!out->note) TRY(test_all(&s, err));
  memcpy(rows, p->rows, (size_t)p->n * sizeof *rows);
  out->examples = rows;
  return LOCI_OK;
}
