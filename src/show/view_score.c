/* Accuracy for the eye: of all examples, and of the groups; and how well scores tell right answers
 * from wrong ones. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/utf8.h"
#include "show/view_parts.h"

enum { NAME_LEAST = 8, NAME_MOST = 30, MOST_BARS = 60, NAME_COLUMNS = 34 };

/* What was asked, and how it was answered. */
static void say_title(views *v, const loci_score *s) {
  static const char *const ways[] = {"the most likely option's letter", "the most likely option",
                                     "a free answer"};
  int choices = s->sample.used - s->free_count;
  view_begin(v, VIEW_TITLE);
  if (choices == 0) {
    view_say(v, VIEW_BOLD, "%d questions, answered freely", s->sample.used);
  } else if (s->free_count == 0) {
    view_say(v, VIEW_BOLD, "%d questions with options, answered by %s", choices, ways[s->choose]);
  } else {
    view_say(v, VIEW_BOLD, "%d questions: %d answered freely, %d by %s", s->sample.used,
             s->free_count, choices, ways[s->choose]);
  }
  if (!isnan(s->chance)) view_say(v, VIEW_DIM, "(guessing: %.2f)", s->chance);
}

/* The last column is there where people's answers are known. */
static void say_counts(views *v, int n, int right, const loci_interval *accuracy, int voted,
                       const loci_interval *vqa) {
  char text[80];
  view_cell_of(v, VIEW_DIM, "%d", n);
  view_cell_of(v, VIEW_DIM, "%d", right);
  view_cell_of(v, VIEW_PLAIN, "   %s", interval_text(accuracy, false, v->ascii, text));
  if (voted > 0) view_cell_of(v, VIEW_PLAIN, "   %s", interval_text(vqa, false, v->ascii, text));
}

/* As wide as the longest name, within reason. */
static const view_columns *score_columns(views *v, const loci_score *s) {
  view_columns *all = view_array(v, 1, view_columns);
  view_column *c = view_array(v, 5, view_column);
  int width = NAME_LEAST;
  for (int i = 0; i < s->group_count; i++) {
    const char *value = s->groups[i].value;
    int n = value ? utf8_columns(value, strlen(value)) + 4 : 8;
    width = n > width ? n : width;
  }
  if (v->status) return NULL;
  c[0] = (view_column){"", width < NAME_MOST ? width : NAME_MOST, false, false};
  c[1] = (view_column){"n", 6, true, false};
  c[2] = (view_column){"right", 7, true, false};
  c[3] = (view_column){"   accuracy (95 %)", 21, false, false};
  c[4] = (view_column){"   VQA accuracy (95 %)", 23, false, false};
  *all = (view_columns){s->voted > 0 ? 5 : 4, c};
  return all;
}

static void say_table(views *v, const loci_score *s) {
  const view_columns *columns = score_columns(v, s);
  if (!columns) return;
  view_row_of_titles(v, columns);
  for (int i = 0; i < s->group_count; i++) {
    const loci_score_group *g = &s->groups[i];
    if (i == 0 || strcmp(g->field, s->groups[i - 1].field) != 0) {
      view_row(v, columns);
      view_cell_of(v, VIEW_DIM, "%s", g->field);
    }
    view_row(v, columns);
    view_cell_of(v, VIEW_PLAIN, "  %s", g->value ? g->value : "(none)");
    say_counts(v, g->n, g->right, &g->accuracy, g->voted, &g->vqa);
  }
  view_row(v, columns);
  view_cell_of(v, VIEW_BOLD, "all");
  say_counts(v, s->sample.used, s->right, &s->accuracy, s->voted, &s->vqa);
}

/* ---------------------------------------------------------------- bars */

/* A bar's name, note and numbers while they are filled in. */
typedef struct bars {
  const char **names, **notes;
  double *x; /* (3, most) value, lo, hi */
  int n, most;
} bars;

static void add_bar(views *v, bars *to, const char *name, int n, const loci_interval *x) {
  char text[80];
  const char *label = label_text(v->mem, name);
  label = label ? label_cut(v->mem, label, NAME_COLUMNS, false) : NULL;
  to->names[to->n] = label ? label : "";
  to->notes[to->n] = view_format(v, "%s  n %d", interval_text(x, false, false, text), n);
  to->x[to->n] = x->value;
  to->x[to->most + to->n] = x->lo;
  to->x[2 * to->most + to->n++] = x->hi;
}

static void say_bars(views *v, const loci_score *s) {
  int most = 1 + (s->group_count < MOST_BARS ? s->group_count : MOST_BARS);
  bars to = {.names = view_array(v, most, const char *),
             .notes = view_array(v, most, const char *),
             .x = view_array(v, 3 * most, double),
             .most = most};
  view_series *series = view_array(v, 1, view_series);
  view_bars *b = view_array(v, 1, view_bars);
  if (v->status) return;
  add_bar(v, &to, "all", s->sample.used, &s->accuracy);
  for (int i = 0; to.n < most; i++) {
    const loci_score_group *g = &s->groups[i];
    add_bar(v, &to, g->value ? g->value : "(none)", g->n, &g->accuracy);
  }
  *series = (view_series){.name = "", .values = to.x, .lo = to.x + most, .hi = to.x + 2 * most};
  *b = (view_bars){.unit = "share answered correctly",
                   .lying = true,
                   .group_count = to.n,
                   .groups = to.names,
                   .notes = to.notes,
                   .series_count = 1,
                   .series = series,
                   .mark = s->chance,
                   .mark_name = "guessing"};
  view_draw(v, VIEW_BARS, VIEW_PAGE | VIEW_HTML, false, b);
  view_begin(v, VIEW_LINE);
  view_only(v, VIEW_PAGE);
  view_say(v, VIEW_DIM, "Lines are 95 %% Wilson intervals.");
  if (s->group_count > MOST_BARS)
    view_say(v, VIEW_DIM, "The first %d of %d groups.", MOST_BARS, s->group_count);
}

void view_score(const void *result, const loci_draw_opts *opts, views *v) {
  const loci_score *s = result;
  (void)opts;
  say_title(v, s);
  view_gap(v);
  say_table(v, s);
  view_gap(v);
  say_bars(v, s);
  view_sample(v, &s->sample);
}

/* ---------------------------------------------------------------- prediction of failures */

static const view_column predict_column[] = {{"score", 14, false, false},
                                             {"AUROC (95 %)", 21, false, false},
                                             {"minus confidence's", 22, false, false},
                                             {"on all examples", 20, false, false}};
static const view_columns predict_columns = {4, predict_column};

static void say_predictors(views *v, const loci_prediction *p) {
  view_row_of_titles(v, &predict_columns);
  for (int i = 0; i < p->predictor_count; i++) {
    const loci_predictor *r = &p->predictors[i];
    bool itself = strcmp(r->name, "confidence") == 0;
    char text[80];
    view_row(v, &predict_columns);
    view_cell_of(v, VIEW_BOLD, "%s", r->name);
    view_cell_of(v, VIEW_PLAIN, "%s", interval_text(&r->auroc, false, v->ascii, text));
    view_cell_of(v, VIEW_PLAIN, "%s", itself ? "" : interval_text(&r->lead, true, v->ascii, text));
    view_cell_of(v, VIEW_PLAIN, "%s", interval_text(&r->all, false, v->ascii, text));
  }
}

static void say_curves(views *v, const loci_prediction *p) {
  view_lines *l = view_array(v, 1, view_lines);
  view_series *series = view_array(v, p->predictor_count, view_series);
  for (int i = 0; i < p->predictor_count && !v->status; i++) {
    const loci_predictor *r = &p->predictors[i];
    char auroc[80];
    series[i] = (view_series){
        .name = view_format(v, "%s  %s", r->name, interval_text(&r->auroc, false, false, auroc)),
        .values = r->true_rate,
        .x = r->false_rate,
        .count = r->corner_count};
  }
  if (v->status) return;
  *l = (view_lines){.unit = "right answers above the threshold",
                    .square = true,
                    .x_name = "wrong answers above the threshold",
                    .series_count = p->predictor_count,
                    .series = series,
                    .mark = (double)NAN};
  view_draw(v, VIEW_LINES, VIEW_PAGE | VIEW_HTML, false, l);
  view_begin(v, VIEW_LINE);
  view_only(v, VIEW_PAGE);
  view_say(v, VIEW_DIM, "AUROC with 95 %% interval over the tested examples.");
}

static void say_prediction_head(views *v, const loci_prediction *p) {
  int last = p->layer_count - 1;
  view_begin(v, VIEW_TITLE);
  view_say(v, VIEW_BOLD, "%d right, %d wrong of %d answers", p->right, p->wrong, p->sample.used);
  view_only(v, VIEW_TERM);
  view_say(v, VIEW_DIM, "(first token right: %d)", p->first_right);
  view_begin(v, VIEW_FACT);
  if (p->note) {
    view_say(v, VIEW_PLAIN, "%s", p->note);
  } else if (p->best_first_layer < 0) {
    view_say(v, VIEW_PLAIN, "layers %d to %d, as asked for; tested on all", p->first_layer,
             p->first_layer + last);
  } else {
    view_say(v, VIEW_PLAIN,
             "layers %d to %d round the strongest, %d to %d as best layers: chosen on one half, "
             "tested on the other (%d right, %d wrong)",
             p->first_layer, p->first_layer + last, p->best_first_layer, p->best_first_layer + last,
             p->tested_right, p->tested_wrong);
  }
}

static void say_meanings(views *v, const loci_prediction *p) {
  for (int i = 0; i < p->predictor_count; i++) {
    view_begin(v, VIEW_LINE);
    view_only(v, VIEW_TERM | VIEW_HTML);
    view_indent(v, 0, 2);
    view_say(v, VIEW_DIM, "%s: %s", p->predictors[i].name, p->predictors[i].meaning);
  }
}

void view_prediction(const void *result, const loci_draw_opts *opts, views *v) {
  const loci_prediction *p = result;
  (void)opts;
  say_prediction_head(v, p);
  view_gap(v);
  if (!p->note) {
    say_predictors(v, p);
    view_gap(v);
    say_curves(v, p);
    say_meanings(v, p);
    view_gap(v);
  }
  view_sample(v, &p->sample);
}
