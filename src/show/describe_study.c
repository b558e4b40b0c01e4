/* What studies of many examples say: predictions, scores, averages, comparisons, stores. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "show/describe.h"

/* ---------------------------------------------------------------- failure prediction */

static void say_layers(sink *s, const char *key, int first, int count) {
  if (first < 0) {
    say_null(s, key);
    return;
  }
  say_list(s, key);
  for (int l = first; l < first + count; l++) say_int(s, NULL, l);
  say_end(s);
}

static void say_counts(sink *s, const char *key, int right, int wrong) {
  say_begin(s, key);
  say_int(s, "right", right);
  say_int(s, "wrong", wrong);
  say_end(s);
}

static void say_predictor(sink *s, const loci_predictor *r) {
  say_begin(s, NULL);
  say_members(s, r, name, meaning);
  say_interval(s, "auroc", NULL, NULL, &r->auroc);
  say_interval(s, "lead", NULL, NULL, &r->lead);
  say_interval(s, "all", NULL, NULL, &r->all);
  say_begin(s, "roc");
  say_reals(s, "false_rate", r->false_rate, r->corner_count);
  say_reals(s, "true_rate", r->true_rate, r->corner_count);
  say_end(s);
  say_end(s);
}

static void say_predicted(sink *s, const loci_predicted *e) {
  say_begin(s, NULL);
  say_example(s, e->line, e->id);
  say_members(s, e, answer, right, first_right, tested, contribution, best_layers, confidence,
              margin, entropy, probe, consistency);
  say_row(s);
  say_end(s);
}

void describe_prediction(const void *result, sink *s) {
  const loci_prediction *p = result;
  int L = p->sample.model->layers;
  row_columns(s, "line,id,answer,right,first_right,tested,contribution,best_layers,confidence,"
                 "margin,entropy,probe,consistency");
  say_format(s, "predict");
  say_sample(s, &p->sample);
  say_request(s, &p->result);
  say_counts(s, "all", p->right, p->wrong);
  say_counts(s, "tested", p->tested_right, p->tested_wrong);
  say_int(s, "first_right", p->first_right);
  say_text(s, "note", p->note);
  say_begin(s, "layers");
  say_layers(s, "contribution", p->first_layer, p->layer_count);
  say_layers(s, "best_layers", p->best_first_layer, p->layer_count);
  say_end(s);
  say_list(s, "scores");
  for (int i = 0; i < p->predictor_count; i++) say_predictor(s, &p->predictors[i]);
  say_end(s);
  say_begin(s, "contribution");
  say_reals(s, "right", p->contribution_right, L);
  say_reals(s, "wrong", p->contribution_wrong, L);
  say_end(s);
  say_list(s, "examples");
  for (int i = 0; i < p->sample.used; i++) say_predicted(s, &p->examples[i]);
  say_end(s);
}

/* ---------------------------------------------------------------- accuracy */

/* Only where people's answers are known. */
static void say_votes(sink *s, int voted, const loci_interval *vqa) {
  if (voted == 0) return;
  say_int(s, "voted", voted);
  say_interval(s, "vqa", NULL, NULL, vqa);
}

static void say_group(sink *s, const loci_score_group *g) {
  say_begin(s, NULL);
  say_members(s, g, field, value, n, right);
  say_interval(s, "accuracy", NULL, NULL, &g->accuracy);
  say_votes(s, g->voted, &g->vqa);
  say_end(s);
}

/* Keys of the fields that are grouped by: other columns may have their names. */
static const char *const by_keys[] = {"by 0", "by 1", "by 2", "by 3",
                                      "by 4", "by 5", "by 6", "by 7"};

/* In CSV with what was asked, which a file of examples says better than JSON would. */
static void say_scored(sink *s, const loci_score *score, const loci_scored *e) {
  say_begin(s, NULL);
  say_example(s, e->line, e->id);
  if (is_for(s, SINK_CSV)) {
    for (int i = 0; i < score->by_count; i++) say_text(s, by_keys[i], e->by[i]);
    say_members(s, e, image, question);
    say_int(s, "options", e->option_count);
    if (e->option_count > 0) {
      say_real(s, "logp_chosen", e->logp[e->chosen]);
      say_real(s, "logp_correct", e->logp[e->correct]);
    }
  }
  say_members(s, e, answer, expected, right);
  if (is_for(s, SINK_CSV) || !isnan(e->vqa)) say_real(s, "vqa", e->vqa);
  if (e->option_count > 0) {
    say_members(s, e, chosen, correct);
    say_reals(s, "logp", e->logp, e->option_count);
  }
  say_row(s);
  say_end(s);
}

void describe_score(const void *result, sink *s) {
  const loci_score *x = result;
  row_columns(s, "line,id");
  for (int i = 0; i < x->by_count; i++) row_column(s, x->by[i], by_keys[i]);
  row_columns(s, "image,question,expected,answer,right,options,chosen,correct,logp_chosen,"
                 "logp_correct,vqa");
  say_format(s, "score");
  say_sample(s, &x->sample);
  say_request(s, &x->result);
  say_text(s, "choose", loci_name(LOCI_NAMES_CHOICE, (int)x->choose));
  say_int(s, "n", x->sample.used);
  say_int(s, "free", x->free_count);
  say_int(s, "right", x->right);
  say_interval(s, "accuracy", NULL, NULL, &x->accuracy);
  say_real(s, "chance", x->chance);
  say_votes(s, x->voted, &x->vqa);
  say_list(s, "groups");
  for (int i = 0; i < x->group_count; i++) say_group(s, &x->groups[i]);
  say_end(s);
  say_list(s, "examples");
  for (int i = 0; i < x->sample.used; i++) say_scored(s, x, &x->examples[i]);
  say_end(s);
}

/* ---------------------------------------------------------------- averages */

/* Shares of the difference, point by point. */
static void say_restored(sink *s, const char *what, const loci_restored *r, const loci_chart *c) {
  const loci_axis points = {"point", c->point_count, c->points, NULL};
  if (!r) return;
  say_begin(s, what);
  say_members(s, r, n, left_out);
  const loci_interval *of[] = {r->mean_of_ratios, r->ratio_of_means};
  for (int i = 0; i < 2; i++) {
    say_begin(s, i ? "ratio_of_means" : "mean_of_ratios");
    table_begin(s, 1, &points);
    table_members(s, of[i], value, lo, hi);
    table_end(s);
    say_end(s);
  }
  say_end(s);
}

/* In CSV means alone, as columns of the curve's table. */
static void say_restored_columns(sink *s, const loci_curve *c) {
  const loci_restored *p = c->p_restored, *logits = c->logit_diff_restored;
  if (!is_for(s, SINK_CSV)) return;
  if (p) table_reals(s, "p_restored", &p->mean_of_ratios->value, sizeof(loci_interval));
  if (p) table_reals(s, "p_ratio_of_means", &p->ratio_of_means->value, sizeof(loci_interval));
  if (!logits) return;
  table_reals(s, "logit_diff_restored", &logits->mean_of_ratios->value, sizeof(loci_interval));
  table_reals(s, "logit_diff_ratio_of_means", &logits->ratio_of_means->value,
              sizeof(loci_interval));
}

static void say_curve(sink *s, const loci_chart *chart, const loci_curve *c) {
  const loci_axis points = {"point", chart->point_count, chart->points, NULL};
  say_begin(s, NULL);
  say_text(s, "name|curve", c->name);
  say_int(s, "n", c->n);
  table_begin(s, 1, &points);
  table_reals(s, "value|mean", &c->points->value, sizeof *c->points);
  table_members(s, c->points, lo, hi);
  if (c->errors) table_reals(s, "se", c->errors, sizeof *c->errors);
  if (c->p) table_reals(s, "p", c->p, sizeof *c->p);
  if (c->holm) table_reals(s, "holm", c->holm, sizeof *c->holm);
  if (c->bh) table_reals(s, "bh", c->bh, sizeof *c->bh);
  if (c->among_ten) table_reals(s, "among_ten", c->among_ten, sizeof *c->among_ten);
  say_restored_columns(s, c);
  table_end(s);
  if (c->has_peak) {
    say_interval(s, "peak", NULL, NULL, &c->peak_at);
    say_real(s, "peak_stays", c->peak_stays);
    say_ints(s, "causal", c->causal, c->causal_count);
  }
  if (c->p) say_interval(s, "own_peak", NULL, NULL, &c->own_peak);
  if (!is_for(s, SINK_CSV)) {
    say_restored(s, "p_restored", c->p_restored, chart);
    say_restored(s, "logit_diff_restored", c->logit_diff_restored, chart);
  }
  say_end(s);
}

static void say_chart(sink *s, const loci_chart *c) {
  say_begin(s, NULL);
  say_text(s, "name|chart", c->name);
  say_text(s, "unit", c->unit);
  say_text(s, "x", c->x_name);
  say_ints(s, "points", c->points, c->point_count);
  say_list(s, "curves");
  for (int i = 0; i < c->curve_count; i++) say_curve(s, c, &c->curves[i]);
  say_end(s);
  if (!isnan(c->own_peak.value) && !is_for(s, SINK_CSV))
    say_interval(s, "own_peak", NULL, NULL, &c->own_peak);
  if (isnan(c->mark)) {
    say_null(s, "mark");
  } else {
    say_begin(s, "mark");
    say_text(s, "name", c->mark_name);
    say_real(s, "value", c->mark);
    say_end(s);
  }
  say_end(s);
}

/* In CSV only where there is no chart: then they are all there is. */
static void say_number(sink *s, const loci_average *a, const loci_number *x) {
  bool row = is_for(s, SINK_CSV) && a->chart_count == 0;
  say_begin(s, NULL);
  say_text(s, "name|curve", x->name);
  if (row) {
    say_text(s, "chart", a->title);
    say_int(s, "n", a->sample.used);
    say_interval(s, "mean", "lo", "hi", &x->value);
    say_row(s);
  } else {
    say_members(s, &x->value, value, lo, hi);
  }
  say_end(s);
}

void describe_average(const void *result, sink *s) {
  const loci_average *a = result;
  char name[32];
  snprintf(name, sizeof name, "study.%s", a->what);
  row_columns(s, "chart,unit,curve,n,x,point,mean,lo,hi,se,?p,?holm,?bh,?among_ten,?p_restored,"
                 "?p_ratio_of_means,?logit_diff_restored,?logit_diff_ratio_of_means");
  say_format(s, name);
  say_sample(s, &a->sample);
  say_request(s, &a->result);
  say_members(s, a, title, right, wrong);
  say_list(s, "numbers");
  for (int i = 0; i < a->number_count; i++) say_number(s, a, &a->numbers[i]);
  say_end(s);
  say_list(s, "charts");
  for (int i = 0; i < a->chart_count; i++) say_chart(s, &a->charts[i]);
  say_end(s);
}

/* ---------------------------------------------------------------- comparisons */

static void say_side(sink *s, const char *key, const loci_compared_run *r) {
  say_begin(s, key);
  say_members(s, r, store, run, what, title, model, hash, used, dropped);
  say_end(s);
}

static void say_peak(sink *s, const char *key, const loci_compared_row *r, int peak) {
  if (peak < 0) {
    say_null(s, key);
  } else {
    say_int(s, key, r->first + peak);
  }
}

static void say_compared(sink *s, const loci_compared *p, int point) {
  say_begin(s, NULL);
  say_int(s, "point", point);
  if (is_for(s, SINK_CSV)) say_int(s, "pairs", p->n);
  say_members(s, p, a, b);
  say_interval(s, "difference", "lo", "hi", &p->difference);
  say_members(s, p, p, q);
  say_row(s);
  say_end(s);
}

void describe_comparison(const void *result, sink *s) {
  const loci_comparison *c = result;
  row_columns(s, "quantity,window,place,point,pairs,a,b,difference,lo,hi,p,q");
  say_format(s, "study.compare");
  say_side(s, "a", &c->a);
  say_side(s, "b", &c->b);
  say_members(s, c, by_right, pairs, tests);
  say_text(s, "correction", "Benjamini-Hochberg");
  say_request(s, &c->result);
  say_list(s, "rows");
  for (int i = 0; i < c->row_count; i++) {
    const loci_compared_row *r = &c->rows[i];
    say_begin(s, NULL);
    say_members(s, r, quantity, window, place, spearman);
    say_peak(s, "peak_a", r, r->peak_a);
    say_peak(s, "peak_b", r, r->peak_b);
    say_list(s, "points");
    for (int k = 0; k < r->count; k++) say_compared(s, &r->points[k], r->first + k);
    say_end(s);
    say_end(s);
  }
  say_end(s);
}

/* ---------------------------------------------------------------- stores */

static void say_run(sink *s, const loci_store_run_info *r) {
  say_begin(s, NULL);
  say_int(s, "run", r->id);
  say_text(s, "what", r->what);
  say_json_text(s, "settings", r->settings);
  say_model(s, &r->model, r->hash);
  say_members(s, r, data, created, used, right, wrong, dropped, reported);
  say_text(s, "command", r->command && r->command[0] ? r->command : NULL);
  say_list(s, "reasons");
  for (int i = 0; i < r->tally_count; i++) {
    say_begin(s, NULL);
    say_members(s, &r->tallies[i], kind, count, first_line, first_reason);
    say_end(s);
  }
  say_end(s);
  say_begin(s, "mean");
  say_text(s, "name", r->headline);
  say_members(s, &r->mean, value, lo, hi);
  say_end(s);
  say_real(s, "seconds", r->seconds);
  say_end(s);
}

void describe_store_info(const void *result, sink *s) {
  const loci_store_info *info = result;
  say_format(s, "study.status");
  say_text(s, "store", info->path);
  say_int(s, "examples", info->examples);
  say_list(s, "runs");
  for (int i = 0; i < info->run_count; i++) say_run(s, &info->runs[i]);
  say_end(s);
}
