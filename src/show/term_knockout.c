/* A knockout for a terminal: question and answer, a row of layers for each pathway coloured by the
 * change from the clean run, and the strongest cut of each in words. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "show/formats.h"
#include "show/term_parts.h"

bool knockout_cuts_all(const loci_knockout *k) {
  const loci_pathway *x = &k->pathways[0]; /* all have the same window and centres */
  int begin = x->layers[0] - x->window / 2, end = x->layers[0] + (x->window + 1) / 2;
  return x->layer_count == 1 && begin <= 0 && end >= k->model->layers;
}

loci_status knockout_metric_error(loci_err *err) {
  return fail(err, LOCI_EINVAL, "a knockout shows p, logp, logit_diff or kl, not restoration");
}

typedef struct report {
  const loci_knockout *k;
  loci_metric metric;
  label_spelling spelling;
  sheet s; /* one panel: pathways down, centres across */
  sheet_panel panel;
} report;

static const char *quantity_of(loci_metric metric) {
  static const char *const names[] = {"p(answer)", "log p(answer)", "the logit difference",
                                      "KL(clean || run)"};
  return names[metric];
}

/* The panel's rows are groups of positions: no position numbers. */
static bool fill_sheet(report *r, arena *mem) {
  const loci_knockout *k = r->k;
  int L = k->pathways[0].layer_count;
  char text[128];
  sheet_row *rows = arena_zarray(mem, k->pathway_count, sheet_row);
  double *values = arena_zarray(mem, (int64_t)k->pathway_count * L, double);
  bool *zero = arena_zarray(mem, (int64_t)k->pathway_count * L, bool);
  if (!rows || !values || !zero) return false;
  r->s = (sheet){.mem = mem, .panel_count = 1, .panels = &r->panel};
  for (int a = 0; a < k->pathway_count; a++) {
    const loci_pathway *x = &k->pathways[a];
    snprintf(text, sizeof text, "%s \xE2\x86\x92 %s", x->from, x->to);
    rows[a] = (sheet_row){arena_strdup(mem, text), -1, -1, LOCI_ROLE_BEFORE};
    if (!rows[a].label) return false;
    for (int i = 0; i < L; i++) {
      double clean = metric_of(&k->clean.m, r->metric);
      values[(int64_t)a * L + i] = metric_of(&x->cells[i], r->metric) - clean;
      zero[(int64_t)a * L + i] = x->skipped[i];
      r->s.has_zero |= x->skipped[i];
    }
  }
  if (knockout_cuts_all(k)) {
    snprintf(text, sizeof text, "attention cut in all layers");
  } else {
    snprintf(text, sizeof text, "attention cut, window %d", k->pathways[0].window);
  }
  r->panel = (sheet_panel){.title = arena_strdup(mem, text),
                           .group_rows = k->pathway_count,
                           .row_count = k->pathway_count,
                           .rows = rows,
                           .layer_count = L,
                           .layers = k->pathways[0].layers,
                           .values = values,
                           .zero = zero};
  snprintf(text, sizeof text, "change of %s", quantity_of(r->metric));
  r->s.unit = arena_strdup(mem, text);
  sheet_scale(&r->s);
  return r->panel.title && r->s.unit;
}

/* The centre whose cut changes the metric most. */
static int strongest(const report *r, int pathway) {
  int L = r->panel.layer_count, best = 0;
  const double *v = r->panel.values + (int64_t)pathway * L;
  for (int i = 1; i < L; i++) {
    if (fabs(v[i]) > fabs(v[best])) best = i;
  }
  return best;
}

static void put_answer(term *t, const report *r) {
  char p[24];
  t->indent = 10;
  term_put(t, TERM_DIM, "clean     ");
  term_outcome(t, r->spelling, &r->k->clean);
  term_newline(t);
  term_put(t, TERM_DIM, "target    ");
  term_format(t, TERM_BOLD, "\xE2\x80\x9C%s\xE2\x80\x9D",
              term_token(t, r->spelling, r->k->target_text));
  term_format(t, TERM_PLAIN, "%s", label_number(r->k->clean.m.p, 3, p));
  term_newline(t);
  t->indent = 0;
}

static void put_strongest(term *t, const report *r) {
  double clean = metric_of(&r->k->clean.m, r->metric);
  char from[24], to[24];
  term_words(t, TERM_BOLD, "Strongest cuts");
  term_newline(t);
  for (int a = 0; a < r->k->pathway_count; a++) {
    const loci_pathway *x = &r->k->pathways[a];
    int i = strongest(r, a);
    double cut = metric_of(&x->cells[i], r->metric);
    t->indent = 4;
    term_put(t, TERM_PLAIN, "  ");
    term_format(t, TERM_BOLD, "%s \xE2\x86\x92 %s,", x->from, x->to);
    if (!knockout_cuts_all(r->k)) term_format(t, TERM_PLAIN, "layer %d:", x->layers[i]);
    term_format(t, TERM_PLAIN, "%s %s \xE2\x86\x92 %s", quantity_of(r->metric),
                label_number(clean, 3, from), label_number(cut, 3, to));
    term_newline(t);
  }
  t->indent = 0;
}

static void put_knockout(term *t, const report *r) {
  term_question(t, r->spelling, r->k->prompt, r->k->model);
  put_answer(t, r);
  term_newline(t);
  term_panel(t, &r->s, &r->panel);
  term_newline(t);
  term_legend(t, &r->s);
  term_newline(t);
  put_strongest(t, r);
  term_newline(t);
  term_cost(t, &r->k->cost, "cut");
  term_newline(t);
}

loci_status knockout_draw(const void *result, const loci_draw_opts *opts, char **out,
                          loci_err *err) {
  const loci_knockout *k = result;
  loci_draw_opts o = opts ? *opts : (loci_draw_opts){0};
  report r = {.k = k, .metric = o.metric};
  *out = NULL;
  if (o.metric == LOCI_METRIC_RESTORATION) return knockout_metric_error(err);
  arena *mem = arena_new();
  if (!mem) return fail_nomem(err, "drawing a knockout");
  loci_status st = LOCI_OK;
  if (!fill_sheet(&r, mem)) {
    st = fail_nomem(err, "drawing a knockout");
    goto done;
  }
  r.spelling = label_spelling_of(k->prompt->tokens, k->prompt->length);
  term t = term_of(&o, mem);
  put_knockout(&t, &r);
  st = bytes_take(&t.out, out, NULL, err);
done:
  arena_free(mem);
  return st;
}
