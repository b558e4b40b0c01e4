/* A trace as JSON ("loci.trace/1"): everything that was asked, found and spent, so that the file
 * alone explains itself.  Grid arrays are [layer][column], with heads [layer][column][head]. */
#include <inttypes.h>
#include <math.h>
#include <stddef.h>
#include <stdio.h>

#include "show/json_parts.h"

static js_value *json_model(const loci_trace *t) {
  const loci_model_info *m = t->model;
  js_value *o = js_object();
  js_put(&o, "path", js_text(m->path));
  js_put(&o, "family", js_text(m->family));
  js_put(&o, "layers", js_int(m->layers));
  js_put(&o, "width", js_int(m->width));
  js_put(&o, "heads", js_int(m->heads));
  js_put(&o, "kv_heads", js_int(m->kv_heads));
  js_put(&o, "dtype", js_text(m->dtype));
  js_put(&o, "hash", js_text(t->hash && t->hash[0] ? t->hash : NULL));
  return o;
}

static const char *direction_name(loci_direction d) {
  return d == LOCI_NOISE ? "noise" : d == LOCI_BOTH ? "both" : "denoise";
}

/* Seeds beyond JSON's signed integers are written as text rather than rounded. */
static js_value *json_seed(uint64_t seed) {
  char digits[32];
  if (seed <= INT64_MAX) return js_int((int64_t)seed);
  snprintf(digits, sizeof digits, "%" PRIu64, seed);
  return js_text(digits);
}

static js_value *json_request(const loci_trace *t) {
  js_value *o = js_object();
  js_put(&o, "image", js_text(t->prompt->image_path));
  js_put(&o, "question", js_text(t->prompt->question));
  js_put(&o, "template", js_text(t->prompt->template_name));
  js_put(&o, "corrupt", js_text(t->corrupt));
  js_put(&o, "window", js_ints(t->windows, t->window_count));
  js_put(&o, "direction", js_text(direction_name(t->direction)));
  js_put(&o, "precision", js_text(t->precision));
  js_put(&o, "seed", json_seed(t->seed));
  return o;
}

static bool has_whole_answer(const loci_trace *t) { return t->answer_given || t->target_count > 1; }

static js_value *json_outcome(const loci_trace *t, const loci_outcome *r, bool corrupted) {
  js_value *o = js_object();
  js_put(&o, "p", js_real(r->m.p));
  js_put(&o, "logp", js_real(r->m.logp));
  if (has_whole_answer(t)) {
    js_put(&o, "p_first", js_real(r->m.p_first));
    js_put(&o, "logp_first", js_real(r->m.logp_first));
  }
  js_put(&o, "logit_diff", js_real(r->m.logit_diff));
  if (corrupted) js_put(&o, "kl", js_real(r->m.kl));
  js_put(&o, "top", json_top(r->top, LOCI_TOP));
  if (corrupted) {
    js_value *other = js_object();
    js_put(&other, "id", js_int(t->other.id));
    js_put(&other, "text", js_text(t->other.text));
    js_put(&other, "p", js_real(t->other.p));
    js_put(&o, "other", other);
  }
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
  return o;
}

/* ---------------------------------------------------------------- the rest */

static js_value *json_cost(const loci_cost *c) {
  js_value *o = js_object();
  js_put(&o, "seconds", js_real(c->seconds));
  js_put(&o, "rows", js_int(c->rows));
  js_put(&o, "formula", js_int(c->formula));
  js_put(&o, "flop", js_real(c->flop));
  js_put(&o, "flop_per_s", js_real(c->seconds > 0 ? c->flop / c->seconds : (double)NAN));
  js_put(&o, "naive_flop", js_real(c->naive_flop));
  return o;
}

static js_value *json_verify(const loci_trace *t) {
  if (t->verified <= 0) return js_null();
  js_value *o = js_object();
  js_put(&o, "cells", js_int(t->verified));
  js_put(&o, "error", js_real(t->verify_error));
  return o;
}

static js_value *json_target(const loci_trace *t) {
  js_value *o = js_object();
  js_put(&o, "ids", js_ints(t->target_ids, t->target_count));
  js_put(&o, "text", js_text(t->target_text));
  js_put(&o, "given", js_bool(t->answer_given));
  return o;
}

loci_status loci_trace_json(const loci_trace *trace, char **out, loci_err *err) {
  js_value *o = json_result("trace"), *grids = js_array(), *notes = js_array();
  js_put(&o, "model", json_model(trace));
  js_put(&o, "request", json_request(trace));
  js_put(&o, "prompt", json_prompt(trace->prompt));
  js_put(&o, "constraints", json_constraints(trace->prompt));
  js_put(&o, "target", json_target(trace));
  js_put(&o, "clean", json_outcome(trace, &trace->clean, false));
  js_put(&o, "corrupt", json_outcome(trace, &trace->corrupted, true));
  js_put(&o, "total_effect", js_real(trace->total_effect));
  for (int i = 0; i < trace->grid_count; i++) js_push(&grids, json_grid(trace, &trace->grids[i]));
  js_put(&o, "grids", grids);
  js_put(&o, "cost", json_cost(&trace->cost));
  js_put(&o, "verify", json_verify(trace));
  for (int i = 0; i < trace->note_count; i++) js_push(&notes, js_text(trace->notes[i]));
  js_put(&o, "notes", notes);
  return json_print_lines(o, out, err);
}
