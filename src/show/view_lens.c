/* A logit lens for the eye: the most likely word in every layer at each position, and the target's
 * probability over the layers. */
#include <math.h>

#include "base/names.h"
#include "show/view_parts.h"

enum { MOST_SERIES = 7, LABEL_COLUMNS = 16 };

static const loci_token *token_at(const loci_lens *l, int i) {
  return &l->prompt->tokens[l->positions[i]];
}

static const loci_lens_cell *cell_at(const loci_lens *l, int position, int layer) {
  return &l->cells[(int64_t)position * l->layer_count + layer];
}

/* "85 “:”" */
static const char *position_name(views *v, const loci_lens *l, int i) {
  const char *label = view_token(v, view_spelling(l->prompt), token_at(l, i)->text);
  label = label_cut(v->mem, label, LABEL_COLUMNS, false);
  return view_format(v, "%d \xE2\x80\x9C%s\xE2\x80\x9D", l->positions[i], label ? label : "");
}

static void say_words(views *v, const loci_lens *l) {
  label_spelling spelling = view_spelling(l->prompt);
  int n = l->position_count, L = l->layer_count;
  view_words *w = view_array(v, 1, view_words);
  view_word *words = view_array(v, (int64_t)n * L, view_word);
  const char **labels = view_array(v, n, const char *);
  loci_role *roles = view_array(v, n, loci_role);
  for (int i = 0; i < n && !v->status; i++) {
    labels[i] = view_token(v, spelling, token_at(l, i)->text);
    roles[i] = token_at(l, i)->role;
    for (int k = 0; k < L; k++) {
      const loci_lens_cell *c = cell_at(l, i, k);
      words[(int64_t)i * L + k] = (view_word){.text = view_token(v, spelling, c->top[0].text),
                                              .p = c->top[0].p,
                                              .is_target = c->top[0].id == l->target_id,
                                              .target_p = c->p,
                                              .target_rank = c->rank};
    }
  }
  if (v->status) return;
  *w = (view_words){n,      L,     l->positions, l->layers,
                    labels, roles, words,        "p of the most likely word (bold: the target)"};
  view_draw(v, VIEW_WORDS, VIEW_ALL, false, w);
}

/* The target's probability, where positions are few enough to tell lines apart. */
static void say_lines(views *v, const loci_lens *l, bool logs) {
  int n = l->position_count, L = l->layer_count;
  view_lines *lines = view_array(v, 1, view_lines);
  view_series *series = view_array(v, n, view_series);
  for (int i = 0; i < n && !v->status; i++) {
    double *values = view_array(v, L, double);
    for (int k = 0; k < L && values; k++)
      values[k] = logs ? cell_at(l, i, k)->logp : cell_at(l, i, k)->p;
    series[i] = (view_series){.name = position_name(v, l, i), .values = values};
  }
  if (v->status) return;
  const char *target = view_token(v, view_spelling(l->prompt), l->target_text);
  target = label_cut(v->mem, target, LABEL_COLUMNS, false);
  *lines = (view_lines){.unit = view_format(v, "%sp(\xE2\x80\x9C%s\xE2\x80\x9D)",
                                            logs ? "log " : "", target ? target : ""),
                        .x_name = "layer",
                        .point_count = L,
                        .points = l->layers,
                        .series_count = n,
                        .series = series,
                        .mark = (double)NAN};
  view_draw(v, VIEW_LINES, VIEW_PAGE | VIEW_HTML, true, lines);
}

/* From which layer on the target is the most likely, or how near it comes. */
static void say_summary(views *v, const loci_lens *l, int i) {
  int best = 0, from = l->layer_count;
  while (from > 0 && cell_at(l, i, from - 1)->rank == 1) from--;
  for (int k = 0; k < l->layer_count; k++) {
    if (cell_at(l, i, k)->rank < cell_at(l, i, best)->rank) best = k;
  }
  view_begin(v, VIEW_ITEM);
  view_only(v, VIEW_TERM);
  view_say(v, VIEW_BOLD, "%d \xE2\x80\x9C%s\xE2\x80\x9D", l->positions[i],
           view_token(v, view_spelling(l->prompt), token_at(l, i)->text));
  view_say(v, VIEW_PLAIN, "(%s):", role_name(token_at(l, i)->role));
  if (from < l->layer_count) {
    view_say(v, VIEW_PLAIN, "the target is the most likely from layer %d on", l->layers[from]);
  } else {
    char p[24];
    view_say(v, VIEW_PLAIN, "the target's best rank is %d, in layer %d (p %s)",
             cell_at(l, i, best)->rank, l->layers[best],
             label_number(cell_at(l, i, best)->p, 3, p));
  }
}

void view_lens(const void *result, const loci_draw_opts *opts, views *v) {
  const loci_lens *l = result;
  label_spelling spelling = view_spelling(l->prompt);
  view_question(v, l->prompt, l->model);
  view_fact(v, "clean");
  view_outcome(v, spelling, l->clean);
  view_target(v, spelling, l->target_text);
  view_gap(v);
  say_words(v, l);
  if (l->position_count <= MOST_SERIES) say_lines(v, l, opts->metric == LOCI_METRIC_LOGP);
  view_gap(v);
  for (int i = 0; i < l->position_count && l->position_count <= 8; i++) say_summary(v, l, i);
  if (l->position_count <= 8) view_gap(v);
  view_cost(v, l->model, &l->cost, "cell");
  view_begin(v, VIEW_LINE);
  view_only(v, VIEW_PAGE);
  view_say(v, VIEW_DIM, "Final norm and output head on the residual stream after each layer.");
  view_made_by(v, l->model, l->precision, NULL);
}
