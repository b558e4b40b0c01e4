/* A trace as JSON ("loci.trace/1"): everything that was asked, found and spent, so that the file
 * alone explains itself.  Grid arrays are [layer][column], with heads [layer][column][head]. */
#include <stddef.h>

#include "show/formats.h"
#include "show/json_parts.h"

static const char *direction_name(loci_direction d) {
  return loci_name(LOCI_NAMES_DIRECTION, (int)d - 1);
}

static bool has_whole_answer(const loci_trace *t) { return t->answer_given || t->target_count > 1; }

static js_value *json_corrupted(const loci_trace *t) {
  js_value *o = json_outcome(&t->corrupted, has_whole_answer(t), true);
  js_put(&o, "other", json_candidate(&t->other));
  return o;
}

/* ---------------------------------------------------------------- grids */

typedef js_value *cell_fn(const loci_grid *g, int64_t i, size_t offset);

static js_value *metric_cell(const loci_grid *g, int64_t i, size_t offset) {
  const double *x = (const double *)(const void *)((const char *)&g->cells[i] + offset);
  return js_real(*x);
}
static js_value *ie_cell(const loci_grid *g, int64_t i, size_t offset) {
  (void)offset;
  return js_real(g->ie[i]);
}
static js_value *restoration_cell(const loci_grid *g, int64_t i, size_t offset) {
  (void)offset;
  return js_real(g->restoration[i]);
}
static js_value *skipped_cell(const loci_grid *g, int64_t i, size_t offset) {
  (void)offset;
  return js_bool(g->skipped && g->skipped[i]);
}

static js_value *estimate_cell(const loci_grid *g, int64_t i, size_t offset) {
  const double *x = (const double *)(const void *)((const char *)&g->estimates[i] + offset);
  return js_real(*x);
}
static js_value *exact_cell(const loci_grid *g, int64_t i, size_t offset) {
  (void)offset;
  return js_bool(g->exact[i]);
}

static js_value *cell_array(const loci_grid *g, cell_fn *cell, size_t offset) {
  int heads = g->head_count > 0 ? g->head_count : 1;
  int64_t i = 0;
  js_value *layers = js_array();
  for (int l = 0; l < g->layer_count; l++) {
    js_value *row = js_array();
    for (int c = 0; c < g->column_count; c++) {
      js_value *last = js_array();
      for (int h = 0; h < heads; h++, i++) {
        js_push(g->head_count > 0 ? &last : &row, cell(g, i, offset));
      }
      if (g->head_count > 0) {
        js_push(&row, last);
      } else {
        js_free(last);
      }
    }
    js_push(&layers, row);
  }
  return layers;
}

static js_value *json_groups(const loci_grid *g) {
  if (!g->groups) return js_null();
  js_value *a = js_array();
  for (int c = 0; c < g->column_count; c++) js_push(&a, js_text(g->groups[c]));
  return a;
}

static js_value *json_heads(const loci_grid *g) {
  js_value *a = js_array();
  for (int h = 0; h < g->head_count; h++) js_push(&a, js_int(h));
  return a;
}

static js_value *json_grid(const loci_trace *t, const loci_grid *g) {
  js_value *o = js_object();
  js_put(&o, "site", js_text(loci_site_name(g->site)));
  js_put(&o, "window", js_int(g->window));
  js_put(&o, "direction", js_text(direction_name(g->direction)));
  js_put(&o, "layers", js_ints(g->layers, g->layer_count));
  js_put(&o, "positions", g->positions ? js_ints(g->positions, g->column_count) : js_null());
  js_put(&o, "groups", json_groups(g));
  if (g->head_count > 0) js_put(&o, "heads", json_heads(g));
  js_put(&o, "p", cell_array(g, metric_cell, offsetof(loci_metrics, p)));
  js_put(&o, "logp", cell_array(g, metric_cell, offsetof(loci_metrics, logp)));
  if (has_whole_answer(t)) {
    js_put(&o, "p_first", cell_array(g, metric_cell, offsetof(loci_metrics, p_first)));
    js_put(&o, "logp_first", cell_array(g, metric_cell, offsetof(loci_metrics, logp_first)));
  }
  js_put(&o, "logit_diff", cell_array(g, metric_cell, offsetof(loci_metrics, logit_diff)));
  js_put(&o, "kl", cell_array(g, metric_cell, offsetof(loci_metrics, kl)));
  js_put(&o, "ie", cell_array(g, ie_cell, 0));
  js_put(&o, "restoration", cell_array(g, restoration_cell, 0));
  js_put(&o, "skipped", cell_array(g, skipped_cell, 0));
  if (!g->estimates) return o;
  js_put(&o, "exact", cell_array(g, exact_cell, 0));
  js_put(&o, "estimate_p", cell_array(g, estimate_cell, offsetof(loci_estimate, p)));
  js_put(&o, "estimate_logp", cell_array(g, estimate_cell, offsetof(loci_estimate, logp)));
  js_put(&o, "estimate_logit_diff",
         cell_array(g, estimate_cell, offsetof(loci_estimate, logit_diff)));
  js_put(&o, "spearman", js_real(g->spearman));
  return o;
}

/* ---------------------------------------------------------------- the rest */

static js_value *json_screen(const loci_trace *t) {
  if (t->screen <= 0) return js_null();
  js_value *o = js_object();
  js_put(&o, "metric", js_text(loci_name(LOCI_NAMES_METRIC, (int)t->screen_metric)));
  js_put(&o, "cells", js_int(t->screen_cells));
  js_put(&o, "exact", js_int(t->screen));
  js_put(&o, "spearman", js_real(t->spearman));
  return o;
}

static js_value *json_verify(const loci_trace *t) {
  if (t->verified <= 0) return js_null();
  js_value *o = js_object();
  js_put(&o, "cells", js_int(t->verified));
  js_put(&o, "error", js_real(t->verify_error));
  js_put(&o, "rounding", js_real(t->verify_rounding));
  return o;
}

loci_status trace_json(const void *result, char **out, loci_err *err) {
  const loci_trace *trace = result;
  js_value *o = json_result("trace"), *grids = js_array(), *notes = js_array();
  js_put(&o, "model", json_model(trace->model, trace->hash));
  json_put_request(&o, &trace->result);
  js_put(&o, "prompt", json_prompt(trace->prompt));
  js_put(&o, "constraints", json_constraints(trace->prompt));
  js_put(
      &o, "target",
      json_target(trace->target_ids, trace->target_count, trace->target_text, trace->answer_given));
  js_put(&o, "clean", json_outcome(&trace->clean, has_whole_answer(trace), false));
  js_put(&o, "corrupt", json_corrupted(trace));
  js_put(&o, "total_effect", js_real(trace->total_effect));
  for (int i = 0; i < trace->grid_count; i++) js_push(&grids, json_grid(trace, &trace->grids[i]));
  js_put(&o, "grids", grids);
  js_put(&o, "cost", json_cost(&trace->cost));
  js_put(&o, "verify", json_verify(trace));
  js_put(&o, "screen", json_screen(trace));
  for (int i = 0; i < trace->note_count; i++) js_push(&notes, js_text(trace->notes[i]));
  js_put(&o, "notes", notes);
  return json_print_lines(o, out, err);
}
