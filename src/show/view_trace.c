/* A causal trace for the eye: the question, the two answers, a map per site and window, the
 * strongest cells in words. */
#include <math.h>

#include "base/fixed.h"
#include "base/names.h"
#include "show/view_parts.h"

enum { MAX_ROWS = 44, MAX_PEAKS = 8 };

typedef struct report {
  const loci_trace *t;
  loci_metric metric;
  label_spelling spelling;
} report;

static void say_answers(views *v, const report *r) {
  const loci_trace *t = r->t;
  char clean[24], corrupted[24], total[24];
  view_fact(v, t->donor ? "donor" : "clean");
  view_outcome(v, r->spelling, t->clean.top);
  view_fact(v, t->donor ? "own run" : "corrupted");
  view_outcome(v, r->spelling, t->corrupted.top);
  if (t->donor) {
    view_say(v, VIEW_DIM, "(values of \xE2\x80\x9C%s\xE2\x80\x9D, %s, are put in)",
             t->donor->question, t->donor_model->path);
  } else if (t->corrupt)
    view_say(v, VIEW_DIM, "(%s)", t->corrupt);
  view_target(v, r->spelling, t->target_text);
  view_say(v, VIEW_PLAIN, "%s \xE2\x86\x92 %s, total effect %s",
           label_number(t->clean.m.p, 3, clean), label_number(t->corrupted.m.p, 3, corrupted),
           label_number(t->total_effect, 3, total));
  if (!t->receiver) return;
  view_fact(v, "receiver");
  view_say(v, VIEW_PLAIN, "%s: what is restored reaches it alone, and all after it", t->receiver);
}

/* ---------------------------------------------------------------- the strongest cells */

static void say_effect(views *v, const report *r, loci_direction direction, double x) {
  static const char *const quantities[] = {"p(answer)", "log p(answer)", "the logit difference",
                                           "KL(clean || run)"};
  double total = r->t->total_effect;
  bool noise = direction == LOCI_NOISE;
  char effect[24], whole[24], digits[32];
  label_number(fabs(x), 2, effect);
  label_number(total, 2, whole);
  if (r->metric == LOCI_METRIC_RESTORATION) {
    view_say(v, VIEW_PLAIN, "restores %.0f %% of the total effect", x * 100);
  } else if (r->metric == LOCI_METRIC_RESTORATION_LOGIT_DIFF) {
    view_say(v, VIEW_PLAIN, "restores %.0f %% of the logit difference", x * 100);
  } else if (r->metric == LOCI_METRIC_P && !noise && x > 0 && total > 0) {
    view_say(v, VIEW_PLAIN, "restores %s of %s", effect, whole);
  } else if (r->metric == LOCI_METRIC_P && noise && x < 0 && total > 0) {
    view_say(v, VIEW_PLAIN, "destroys %s of %s", effect, whole);
  } else {
    view_say(v, VIEW_PLAIN, "%s %s by %s", x < 0 ? "lowers" : "raises", quantities[r->metric],
             fixed_digits(fabs(x), 3, digits));
  }
}

static void say_peak(views *v, const report *r, const heatmap *s, const heatmap_panel *p,
                     bool groups) {
  int row, layer;
  if (!heatmap_peak(p, groups, &row, &layer)) return;
  const heatmap_row *at = &p->rows[row];
  int64_t i = (int64_t)row * p->layer_count + layer;
  double x = p->values[i];
  if (fabs(x) < 0.01 * fmax(s->hi, -s->lo)) return; /* nothing one would see */
  view_begin(v, VIEW_ITEM);
  view_only(v, p->heads ? VIEW_ALL : VIEW_TERM); /* a picture cannot say which head it is */
  view_say(v, VIEW_BOLD, "%s%s", site_name(p->site), p->window > 1 ? "" : ",");
  if (p->window > 1) view_say(v, VIEW_PLAIN, "(window %d),", p->window);
  view_say(v, VIEW_PLAIN, "layer %d,", p->layers[layer]);
  if (p->heads) view_say(v, VIEW_BOLD, "head %d,", p->heads[i]);
  if (at->first < 0 || at->first != at->last) {
    view_say(v, VIEW_PLAIN, "%s:", at->label);
  } else {
    view_say(v, VIEW_PLAIN, "%d \xE2\x80\x9C%s\xE2\x80\x9D", at->first, at->label);
    view_say(v, VIEW_PLAIN, "(%s):", role_name(at->role));
  }
  say_effect(v, r, p->direction, x);
}

static void say_peaks(views *v, const report *r, const heatmap *s) {
  for (int i = 0; i < s->panel_count && i < MAX_PEAKS; i++) {
    say_peak(v, r, s, &s->panels[i], true);
    say_peak(v, r, s, &s->panels[i], false);
  }
}

/* "the set at last: restores 0.62 of 0.96; 20 random sets 0.03 on average (norm 2.9 to 3.2, its own
 * 3.1), p 0.048" */
static void say_sets(views *v, const loci_trace *t) {
  char effect[24], whole[24], mean[24], digits[3][32];
  for (int i = 0; i < t->set_count; i++) {
    const loci_set *x = &t->sets[i];
    double lo = HUGE_VAL, hi = 0;
    for (int k = 0; k < x->control_count; k++) {
      lo = fmin(lo, x->control_norm[k]);
      hi = fmax(hi, x->control_norm[k]);
    }
    view_begin(v, VIEW_ITEM);
    view_say(v, VIEW_BOLD, "%s, %d %s together,", site_name(x->site), x->unit_count,
             x->heads ? "heads" : "layers");
    view_say(v, VIEW_PLAIN, "%s%s: effect %s of %s;", x->group,
             x->direction == LOCI_NOISE ? " (noise)" : "", label_number(x->ie, 2, effect),
             label_number(t->total_effect, 2, whole));
    if (x->control_count == 0) view_say(v, VIEW_PLAIN, "nothing there reaches the answer");
    if (x->control_count == 0) continue;
    view_say(v, VIEW_PLAIN, "%d random sets of as many %s, p %.2g", x->control_count,
             label_number(x->control_mean, 2, mean), x->p);
    view_say(v, VIEW_DIM, "(clean and corrupted %s apart, those of the random sets %s to %s)",
             fixed_digits(x->norm, 3, digits[0]), fixed_digits(lo, 3, digits[1]),
             fixed_digits(hi, 3, digits[2]));
  }
}

/* ---------------------------------------------------------------- notes and cost */

static void say_screening(views *v, const loci_trace *t) {
  const loci_audit *a = &t->audit;
  view_begin(v, VIEW_LINE);
  view_say(v, VIEW_PLAIN, "Screened: %lld cells estimated by", (long long)t->screen_cells);
  if (t->screen_steps > 0)
    view_say(v, VIEW_PLAIN, "integrated gradients of %d steps;", t->screen_steps);
  else
    view_say(v, VIEW_PLAIN, "attribution patching;");
  view_say(v, VIEW_PLAIN, "the %lld with the strongest estimates run, and %lld of the others at",
           (long long)t->screen, (long long)a->cells);
  if (a->cells == 0) {
    view_say(v, VIEW_PLAIN, "random.");
    return;
  }
  if (isnan(a->spearman))
    view_say(v, VIEW_PLAIN, "random, too few to compare;");
  else
    view_say(v, VIEW_PLAIN, "random, where estimates and effects have a rank correlation of %.2f;",
             a->spearman);
  view_say(v, VIEW_PLAIN,
           "the largest miss there is an estimate of %.2g for an effect of %.2g (%s).", a->estimate,
           a->effect, site_name(t->grids[a->grid].site));
}

static void say_notes(views *v, const report *r, bool heads, int band) {
  view_notes(v, r->t->notes, r->t->note_count);
  if (heads) {
    view_begin(v, VIEW_LINE);
    view_say(v, VIEW_DIM, "Each cell of z shows its strongest head.");
  }
  if (r->t->screen > 0) say_screening(v, r->t);
  if (band > 1) {
    view_begin(v, VIEW_LINE);
    view_say(v, VIEW_DIM, "Up to %d positions share a row, which shows the strongest of them.",
             band);
  }
}

static void say_cost(views *v, const loci_trace *t) {
  view_cost(v, t->model, &t->cost, "cell");
  if (t->verified > 0) {
    view_say(v, VIEW_DIM, "; %d cells recomputed, largest difference %.2g", t->verified,
             t->verify_error);
    if (t->verify_rounding > 0) view_say(v, VIEW_DIM, ", of p to f32 %.2g", t->verify_rounding);
  }
}

static void say_heads(views *v, const report *r, const heatmap *s, loci_direction direction) {
  const heatmap *heads = heatmap_of_heads(v->mem, r->t, r->metric, direction, s);
  if (!heads && !v->status) v->status = fail_nomem(v->err, "drawing");
  view_draw(v, VIEW_MAP, VIEW_ALL, false, heads);
  view_gap(v);
}

/* Each direction has a scale of its own: one for both would empty the weaker one's maps. */
void view_trace(const void *result, const loci_draw_opts *opts, views *v) {
  const loci_trace *t = result;
  report r = {t, opts->metric, view_spelling(t->prompt)};
  const heatmap *heatmaps[2] = {0};
  bool any = false, heads = false;
  int band = 0;
  view_question(v, t->prompt, t->model);
  say_answers(v, &r);
  view_gap(v);
  for (int d = 0; d < 2 && !v->status; d++) {
    heatmap *s = heatmap_of_trace(v->mem, t, opts->metric, d ? LOCI_NOISE : LOCI_DENOISE, MAX_ROWS);
    if (!s) v->status = fail_nomem(v->err, "drawing");
    if (!s || s->panel_count == 0) continue;
    view_draw(v, VIEW_MAP, VIEW_ALL, false, heatmaps[d] = s);
    view_gap(v);
    if (s->has_heads) say_heads(v, &r, s, d ? LOCI_NOISE : LOCI_DENOISE);
    any |= s->most >= s->floor; /* less is no finding, wherever it is largest */
    heads |= s->has_heads;
    band = s->band > band ? s->band : band;
  }
  if (any) {
    view_begin(v, VIEW_HEADING);
    view_only(v, VIEW_TERM);
    view_say(v, VIEW_BOLD, t->screen > 0 ? "Strongest of the cells run" : "Strongest cells");
    for (int d = 0; d < 2; d++)
      if (heatmaps[d] && heatmaps[d]->most >= heatmaps[d]->floor) say_peaks(v, &r, heatmaps[d]);
    view_gap(v);
  }
  say_sets(v, t);
  say_notes(v, &r, heads, band);
  say_cost(v, t);
  view_made_by(v, t->model, t->precision, &t->seed);
}
