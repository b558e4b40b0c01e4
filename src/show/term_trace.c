/* A trace for a terminal: the question with its tokens, the two answers, a map per site, the
 * strongest cells in words, what it cost. */
#include <math.h>
#include <stdlib.h>

#include "show/formats.h"
#include "show/label.h"
#include "show/term_parts.h"

enum { MAX_ROWS = 40, MAX_PEAKS = 8 };

/* What the parts of the text need. */
typedef struct report {
  const loci_trace *trace;
  loci_metric metric;
  const sheet *s;
  label_spelling spelling;
} report;

static const char *token_label(term *t, const report *r, const char *token) {
  return term_token(t, r->spelling, token);
}

/* ---------------------------------------------------------------- answers */

static void put_outcome(term *t, const report *r, const char *name, const loci_outcome *o) {
  t->indent = 10;
  term_put(t, TERM_DIM, name);
  term_outcome(t, r->spelling, o);
}

static void put_answers(term *t, const report *r) {
  const loci_trace *trace = r->trace;
  put_outcome(t, r, "clean     ", &trace->clean);
  term_newline(t);
  put_outcome(t, r, "corrupted ", &trace->corrupted);
  if (trace->corrupt) term_format(t, TERM_DIM, "(%s)", trace->corrupt);
  term_newline(t);
  term_put(t, TERM_DIM, "target    ");
  term_format(t, TERM_BOLD, "\xE2\x80\x9C%s\xE2\x80\x9D", token_label(t, r, trace->target_text));
  char clean[24], corrupted[24], total[24];
  term_format(t, TERM_PLAIN, "%s \xE2\x86\x92 %s, total effect %s",
              label_number(trace->clean.m.p, 3, clean),
              label_number(trace->corrupted.m.p, 3, corrupted),
              label_number(trace->total_effect, 3, total));
  term_newline(t);
  t->indent = 0;
}

/* ---------------------------------------------------------------- the strongest cells */

static void put_effect(term *t, const report *r, const sheet_panel *p, double x) {
  static const char *const quantities[] = {"p(answer)", "log p(answer)", "the logit difference",
                                           "KL(clean || run)"};
  double total = r->trace->total_effect;
  bool noise = p->direction == LOCI_NOISE;
  char effect[24], whole[24];
  label_number(fabs(x), 2, effect);
  label_number(total, 2, whole);
  if (r->metric == LOCI_METRIC_RESTORATION) {
    term_format(t, TERM_PLAIN, "restores %.0f %% of the total effect", x * 100);
  } else if (r->metric == LOCI_METRIC_P && !noise && x > 0 && total > 0) {
    term_format(t, TERM_PLAIN, "restores %s of %s", effect, whole);
  } else if (r->metric == LOCI_METRIC_P && noise && x < 0 && total > 0) {
    term_format(t, TERM_PLAIN, "destroys %s of %s", effect, whole);
  } else {
    term_format(t, TERM_PLAIN, "%s %s by %.3g", x < 0 ? "lowers" : "raises", quantities[r->metric],
                fabs(x));
  }
}

static void put_peak(term *t, const report *r, const sheet_panel *p, bool groups) {
  int row, layer;
  if (!sheet_peak(p, groups, &row, &layer)) return;
  const sheet_row *at = &p->rows[row];
  double x = p->values[(int64_t)row * p->layer_count + layer];
  if (fabs(x) < 0.01 * fmax(r->s->hi, -r->s->lo)) return; /* nothing one would see */
  t->indent = 4;
  term_put(t, TERM_PLAIN, "  ");
  term_format(t, TERM_BOLD, "%s%s", loci_site_name(p->site), p->window > 1 ? "" : ",");
  if (p->window > 1) term_format(t, TERM_PLAIN, "(window %d),", p->window);
  term_format(t, TERM_PLAIN, "layer %d,", p->layers[layer]);
  if (at->first < 0 || at->first != at->last) {
    term_format(t, TERM_PLAIN, "%s:", at->label);
  } else {
    term_format(t, TERM_PLAIN, "%d \xE2\x80\x9C%s\xE2\x80\x9D", at->first, at->label);
    term_format(t, TERM_PLAIN, "(%s):", loci_role_name(at->role));
  }
  put_effect(t, r, p, x);
  bool run = !p->exact || p->exact[(int64_t)row * p->layer_count + layer];
  if (!run) term_words(t, TERM_DIM, "(estimate)");
  term_newline(t);
  t->indent = 0;
}

static void put_peaks(term *t, const report *r) {
  term_words(t, TERM_BOLD, "Strongest cells");
  term_newline(t);
  for (int i = 0; i < r->s->panel_count && i < MAX_PEAKS; i++) {
    put_peak(t, r, &r->s->panels[i], true);
    put_peak(t, r, &r->s->panels[i], false);
  }
}

/* ---------------------------------------------------------------- notes and cost */

static void put_notes(term *t, const report *r) {
  for (int i = 0; i < r->trace->note_count; i++) {
    t->indent = 6;
    term_put(t, TERM_BOLD, "note: ");
    term_words(t, TERM_PLAIN, r->trace->notes[i]);
    term_newline(t);
  }
  t->indent = 0;
  if (r->s->has_heads) {
    term_words(t, TERM_DIM, "Each cell of z shows its strongest head.");
    term_newline(t);
  }
  if (r->trace->screen > 0) {
    term_format(t, TERM_PLAIN,
                "Screened: %lld cells estimated by gradients, the %lld strongest run;",
                (long long)r->trace->screen_cells, (long long)r->trace->screen);
    if (isnan(r->trace->spearman)) {
      term_words(t, TERM_PLAIN, "too few to compare.");
    } else {
      term_format(t, TERM_PLAIN, "rank correlation of estimates and effects %.3f.",
                  r->trace->spearman);
    }
    term_newline(t);
  }
  if (r->s->band > 1) {
    term_format(t, TERM_DIM, "Up to %d positions share a row, which shows the strongest of them.",
                r->s->band);
    term_newline(t);
  }
}

static void put_cost(term *t, const report *r) {
  term_cost(t, &r->trace->cost, "cell");
  if (r->trace->verified > 0) {
    term_format(t, TERM_DIM, "; %d cells recomputed, largest difference %.2g", r->trace->verified,
                r->trace->verify_error);
    if (r->trace->verify_rounding > 0) {
      term_format(t, TERM_DIM, ", of p to f32 %.2g", r->trace->verify_rounding);
    }
  }
  term_newline(t);
}

static void put_trace(term *t, const report *r) {
  term_question(t, r->spelling, r->trace->prompt, r->trace->model);
  put_answers(t, r);
  for (int i = 0; i < r->s->panel_count; i++) {
    term_newline(t);
    term_panel(t, r->s, &r->s->panels[i]);
  }
  term_newline(t);
  term_legend(t, r->s);
  term_newline(t);
  if (r->s->hi > r->s->lo) {
    put_peaks(t, r);
    term_newline(t);
  }
  put_notes(t, r);
  put_cost(t, r);
}

loci_status trace_draw(const void *result, const loci_draw_opts *opts, char **out, loci_err *err) {
  const loci_trace *trace = result;
  loci_draw_opts o = opts ? *opts : (loci_draw_opts){0};
  report r = {.trace = trace, .metric = o.metric};
  sheet *s;
  *out = NULL;
  TRY(sheet_new(trace, o.metric, MAX_ROWS, &s, err));
  r.s = s;
  r.spelling = label_spelling_of(trace->prompt->tokens, trace->prompt->length);
  term t = term_of(&o, s->mem);
  put_trace(&t, &r);
  loci_status st = bytes_take(&t.out, out, NULL, err);
  sheet_free(s);
  return st;
}
