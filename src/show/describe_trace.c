/* What traces, knockouts, flows and lenses say: everything that was asked, found and spent, so that
 * a file alone explains itself. */
#include <stdio.h>

#include "base/fixed.h"
#include "base/names.h"
#include "show/describe.h"

/* ---------------------------------------------------------------- traces */

static const char *direction_name(loci_direction d) {
  return loci_name(LOCI_NAMES_DIRECTION, (int)d - 1);
}

/* Whether the answer's first token has numbers of its own.  In CSV they are columns only if there
 * are further tokens; as arrays they are always there. */
static bool tells_first(const sink *s, int target_count, bool given) {
  if (is_for(s, SINK_CSV)) return target_count > 1;
  return target_count > 1 || given || is_for(s, SINK_ARRAYS);
}

static void say_cells(sink *s, const loci_trace *t, const loci_grid *g) {
  table_metrics(s, g->cells, tells_first(s, t->target_count, t->answer_given));
  table_arrays(s, g, ie, restoration, skipped);
  if (g->restoration_logit_diff) table_arrays(s, g, restoration_logit_diff);
  if (g->top_ids) table_arrays(s, g, top_ids);
  if (!g->estimates) return;
  table_arrays(s, g, exact);
  table_reals(s, "estimate_p", &g->estimates->p, sizeof *g->estimates);
  table_reals(s, "estimate_logp", &g->estimates->logp, sizeof *g->estimates);
  table_reals(s, "estimate_logit_diff", &g->estimates->logit_diff, sizeof *g->estimates);
}

static void say_grid(sink *s, const loci_trace *t, const loci_grid *g) {
  const loci_axis axes[] = {{"layer", g->layer_count, g->layers, NULL},
                            {"position", g->column_count, g->positions, g->groups},
                            {"head", g->head_count, NULL, NULL}};
  say_begin(s, NULL);
  array_under(s, "%s.%s.w%d%s", direction_name(g->direction), site_name(g->site), g->window,
              g->groups ? ".groups" : "");
  say_text(s, "site", site_name(g->site));
  say_int(s, "window", g->window);
  say_text(s, "direction", direction_name(g->direction));
  say_axis(s, "layers", &axes[0]);
  if (g->groups) {
    say_null(s, "positions");
    say_axis(s, "groups", &axes[1]);
  } else {
    say_axis(s, "positions", &axes[1]);
    say_null(s, "groups");
  }
  if (g->head_count > 0) {
    say_list(s, "heads");
    for (int h = 0; h < g->head_count; h++) say_int(s, NULL, h);
    say_end(s);
  }
  table_begin(s, g->head_count > 0 ? 3 : 2, axes);
  say_cells(s, t, g);
  table_end(s);
  if (g->estimates) say_real(s, "spearman", g->spearman);
  if (g->estimates) say_real(s, "reach", g->reach);
  say_end(s);
}

/* Where the estimate of a cell run at random was farthest from its effect. */
static void say_miss(sink *s, const loci_trace *t) {
  const loci_audit *a = &t->audit;
  const loci_grid *g = &t->grids[a->grid];
  int64_t heads = g->head_count > 0 ? g->head_count : 1, column = a->at / heads % g->column_count;
  say_begin(s, "miss");
  say_text(s, "site", site_name(g->site));
  say_text(s, "direction", direction_name(g->direction));
  say_int(s, "layer", g->layers[a->at / heads / g->column_count]);
  if (g->groups) say_text(s, "group", g->groups[column]);
  if (g->positions) say_int(s, "position", g->positions[column]);
  if (g->head_count > 0) say_int(s, "head", a->at % heads);
  say_real(s, "estimate", a->estimate);
  say_real(s, "effect", a->effect);
  say_end(s);
}

static void say_audit(sink *s, const loci_trace *t) {
  say_begin(s, "audit");
  say_int(s, "cells", t->audit.cells);
  say_real(s, "spearman", t->audit.spearman);
  if (t->audit.cells > 0) {
    say_miss(s, t);
  } else {
    say_null(s, "miss");
  }
  say_bool(s, "poor", t->audit.poor);
  say_end(s);
}

static void say_checks(sink *s, const loci_trace *t) {
  if (t->verified > 0) {
    say_begin(s, "verify");
    say_int(s, "cells", t->verified);
    say_real(s, "error", t->verify_error);
    say_real(s, "rounding", t->verify_rounding);
    say_end(s);
  } else {
    say_null(s, "verify");
  }
  if (t->screen > 0) {
    say_begin(s, "screen");
    say_text(s, "metric", loci_name(LOCI_NAMES_METRIC, (int)t->screen_metric));
    say_int(s, "cells", t->screen_cells);
    say_int(s, "exact", t->screen);
    say_int(s, "steps", t->screen_steps);
    say_real(s, "spearman", t->spearman);
    say_audit(s, t);
    say_end(s);
  } else {
    say_null(s, "screen");
  }
}

/* Group names of the grids, "constraint,last", for readers of arrays. */
static void note_groups(sink *s, const loci_trace *t) {
  char text[512] = "";
  size_t n = 0;
  for (int i = 0; i < t->grid_count; i++) {
    const loci_grid *g = &t->grids[i];
    for (int c = 0; g->groups && c < g->column_count && n < sizeof text; c++)
      n = fixed_add(text, sizeof text, n, "%s%s", c > 0 ? "," : "", g->groups[c]);
    if (g->groups) break; /* the same for every grid */
  }
  array_note(s, "groups", text);
}

static void say_set(sink *s, const loci_set *x) {
  const loci_axis draws = {"control", x->control_count, NULL, NULL};
  say_begin(s, NULL);
  say_text(s, "site", site_name(x->site));
  say_text(s, "direction", direction_name(x->direction));
  say_text(s, "group", x->group);
  say_ints(s, "layers", x->layers, x->unit_count);
  if (x->heads) say_ints(s, "heads", x->heads, x->unit_count);
  say_real(s, "p", x->m.p);
  say_real(s, "logp", x->m.logp);
  say_real(s, "logit_diff", x->m.logit_diff);
  say_members(s, x, ie, restoration, norm);
  say_begin(s, "controls");
  say_int(s, "count", x->control_count);
  say_ints(s, "layers", x->control_layers, x->control_count * x->unit_count);
  if (x->heads) say_ints(s, "heads", x->control_heads, x->control_count * x->unit_count);
  table_begin(s, 1, &draws);
  table_reals(s, "ie", x->control_ie, sizeof *x->control_ie);
  table_reals(s, "norm", x->control_norm, sizeof *x->control_norm);
  table_end(s);
  say_real(s, "mean", x->control_mean);
  say_real(s, "p_value", x->p);
  say_end(s);
  say_end(s);
}

static void say_sets(sink *s, const loci_trace *t) {
  if (t->set_count == 0 || is_for(s, SINK_CSV)) return;
  say_list(s, "sets");
  for (int i = 0; i < t->set_count; i++) say_set(s, &t->sets[i]);
  say_end(s);
}

/* Whose run "clean" is; "corrupt" is the prompt's own. */
static void say_donor(sink *s, const loci_trace *t) {
  say_begin(s, "donor");
  say_text(s, "text", t->donor->text);
  say_text(s, "model", t->donor_model->path);
  say_text(s, "at", t->donor_at);
  say_end(s);
}

void describe_trace(const void *result, sink *s) {
  const loci_trace *t = result;
  bool whole = tells_first(s, t->target_count, t->answer_given);
  row_columns(s, "site,window,direction,layer,position,token,role,p,logp,logit_diff,kl,ie,"
                 "restoration,?head,?p_first,?logp_first,?exact,?estimate_p,?estimate_logp,"
                 "?estimate_logit_diff,?restoration_logit_diff,?top_ids");
  say_format(s, "trace");
  say_model(s, t->model, t->hash);
  say_request(s, &t->result);
  say_prompt(s, t->prompt);
  say_target(s, t->target_ids, t->target_count, t->target_text, t->answer_given);
  array_note(s, "corrupt", t->corrupt);
  array_note(s, "target", t->target_text);
  note_groups(s, t);
  say_begin(s, "clean");
  say_outcome(s, &t->clean, whole, false);
  say_end(s);
  say_begin(s, "corrupt");
  say_outcome(s, &t->corrupted, whole, true);
  say_candidate(s, "other", &t->other);
  say_end(s);
  say_real(s, "total_effect", t->total_effect);
  if (t->receiver) say_text(s, "receiver", t->receiver);
  if (t->receiver) array_note(s, "receiver", t->receiver);
  if (t->donor) say_donor(s, t);
  say_list(s, "grids");
  for (int i = 0; i < t->grid_count; i++) say_grid(s, t, &t->grids[i]);
  say_end(s);
  say_sets(s, t);
  say_cost(s, &t->cost);
  say_checks(s, t);
  if (t->missing > 0) say_int(s, "missing", t->missing);
  say_texts(s, "notes", t->notes, t->note_count);
}

/* ---------------------------------------------------------------- knockouts */

static void say_pathway(sink *s, const loci_knockout *k, const loci_pathway *x) {
  const loci_axis layers = {"layer", x->layer_count, x->layers, NULL};
  bool first = is_for(s, SINK_CSV) ? k->target_count > 1 : k->answer_given;
  say_begin(s, NULL);
  say_members(s, x, from, to, from_count, to_count, window);
  say_axis(s, "layers", &layers);
  table_begin(s, 1, &layers);
  table_metrics(s, x->cells, first);
  table_arrays(s, x, skipped);
  if (x->top_ids) table_arrays(s, x, top_ids);
  if (x->control_count > 0) table_reals(s, "control_p_value", x->control_value, sizeof(double));
  table_end(s);
  if (x->control_count > 0) {
    say_begin(s, "controls");
    say_int(s, "count", x->control_count);
    say_ints(s, "layers", x->control_layers, x->control_count * x->window);
    say_reals(s, "p", x->control_p, x->control_count);
    say_real(s, "mean", x->control_mean);
    say_end(s);
  }
  say_end(s);
}

void describe_knockout(const void *result, sink *s) {
  const loci_knockout *k = result;
  row_columns(s, "from,to,window,layer,p,logp,logit_diff,kl,skipped,?p_first,?logp_first");
  say_format(s, "knockout");
  say_model(s, k->model, k->hash);
  say_request(s, &k->result);
  say_prompt(s, k->prompt);
  say_target(s, k->target_ids, k->target_count, k->target_text, k->answer_given);
  say_begin(s, "clean");
  say_outcome(s, &k->clean, k->answer_given, false);
  say_candidate(s, "other", &k->other);
  say_end(s);
  say_list(s, "pathways");
  for (int i = 0; i < k->pathway_count; i++) say_pathway(s, k, &k->pathways[i]);
  say_end(s);
  say_cost(s, &k->cost);
}

/* ---------------------------------------------------------------- lenses */

static void say_best(sink *s, const loci_lens *l) {
  static const char *const keys[LOCI_TOP][2] = {
      {"top1", "p1"}, {"top2", "p2"}, {"top3", "p3"}, {"top4", "p4"}, {"top5", "p5"}};
  for (int k = 0; is_for(s, SINK_CSV) && k < LOCI_TOP; k++) {
    table_texts(s, keys[k][0], &l->cells->top[k].text, sizeof *l->cells);
    table_reals(s, keys[k][1], &l->cells->top[k].p, sizeof *l->cells);
  }
  if (is_for(s, SINK_CSV)) return;
  say_list(s, "top");
  for (int i = 0; i < l->position_count; i++) {
    say_list(s, NULL);
    for (int k = 0; k < l->layer_count; k++)
      say_top(s, NULL, l->cells[(int64_t)i * l->layer_count + k].top, LOCI_TOP);
    say_end(s);
  }
  say_end(s);
}

void describe_lens(const void *result, sink *s) {
  const loci_lens *l = result;
  const loci_axis axes[] = {{"position", l->position_count, l->positions, NULL},
                            {"layer", l->layer_count, l->layers, NULL}};
  row_columns(s, "position,token,role,layer,p_target,logp_target,rank,top1,p1,top2,p2,top3,p3,"
                 "top4,p4,top5,p5");
  say_format(s, "lens");
  say_model(s, l->model, l->hash);
  say_request(s, &l->result);
  say_prompt(s, l->prompt);
  say_target(s, &l->target_id, 1, l->target_text, l->answer_given);
  say_begin(s, "clean");
  say_top(s, "top", l->clean, LOCI_TOP);
  say_end(s);
  say_axis(s, "positions", &axes[0]);
  say_axis(s, "layers", &axes[1]);
  table_begin(s, 2, axes);
  say_best(s, l);
  table_reals(s, "p_target", &l->cells->p, sizeof *l->cells);
  table_reals(s, "logp_target", &l->cells->logp, sizeof *l->cells);
  table_members(s, l->cells, rank);
  table_end(s);
  say_cost(s, &l->cost);
}
