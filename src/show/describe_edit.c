/* What edits say, and what is measured of them. */
#include <stdio.h>

#include "edit/edit.h"
#include "show/describe.h"

static void say_settings(sink *s, const loci_edit_settings *set) {
  js_value *v = edit_settings_json(set);
  say_json(s, "settings", v);
  js_free(v);
}

/* NULL for several layers. */
static void say_layer(sink *s, int layer) {
  if (layer < 0) {
    say_null(s, "layer");
  } else {
    say_int(s, "layer", layer);
  }
}

/* ---------------------------------------------------------------- edits */

static void say_fact(sink *s, const loci_edit_fact *f) {
  say_members(s, f, image, question);
  say_wording(s, f->template_name, f->system, f->date);
  say_text(s, "constraint", f->constraint);
  say_target(s, f->target_ids, f->target_count, f->target, true);
  say_int(s, "position", f->position);
  say_int(s, "prompts", f->prompt_count);
  say_real(s, "p_before", f->before.m.p);
  say_real(s, "p_after", f->after.m.p);
  say_real(s, "logp_before", f->before.m.logp);
  say_real(s, "logp_after", f->after.m.logp);
  say_members(s, f, reached, hint, answer_before, answer_after);
  say_begin(s, "before");
  say_outcome(s, &f->before, true, false);
  say_end(s);
  say_begin(s, "after");
  say_outcome(s, &f->after, true, true);
  say_end(s);
  say_members(s, f, key_norm, value_norm, delta_norm);
  say_list(s, "steps");
  for (int i = 0; i < f->step_count; i++) {
    say_begin(s, NULL);
    say_members(s, &f->steps[i], loss, p);
    say_end(s);
  }
  say_end(s);
}

/* Where there are several, or it matters how much of one was free to be changed. */
static void say_parts(sink *s, const loci_edit *e) {
  if (e->part_count < 2 && (e->part_count < 1 || e->parts->free_count < 0)) return;
  say_list(s, "parts");
  for (int i = 0; i < e->part_count; i++) {
    const loci_edit_part *p = &e->parts[i];
    say_begin(s, NULL);
    say_members(s, p, layer, tensor, rank, norm);
    if (p->free_count >= 0) {
      say_int(s, "free", p->free_count);
      say_int(s, "of", e->inner);
    }
    say_end(s);
  }
  say_end(s);
}

/* A single request's numbers stand at the top. */
void describe_edit(const void *result, sink *s) {
  const loci_edit *e = result;
  say_format(s, "edit");
  say_text(s, "method", e->method);
  say_text(s, "model_hash", e->hash);
  say_members(s, e, precision, layer, tensor);
  say_text(s, "note", e->note);
  say_settings(s, &e->settings);
  say_begin(s, "update");
  say_members(s, e, rank, norm);
  say_end(s);
  say_parts(s, e);
  if (e->fact_count == 1) say_fact(s, &e->facts[0]);
  say_list(s, "requests");
  for (int i = 0; e->fact_count > 1 && i < e->fact_count; i++) {
    say_begin(s, NULL);
    say_fact(s, &e->facts[i]);
    say_end(s);
  }
  say_end(s);
  say_list(s, "dropped");
  for (int i = 0; i < e->dropped_count; i++) {
    say_begin(s, NULL);
    say_members(s, &e->dropped[i], name, reason);
    say_int(s, "request", e->dropped[i].request);
    say_end(s);
  }
  say_end(s);
  say_request(s, &e->result);
  say_cost(s, &e->cost);
}

void describe_covariance(const void *result, sink *s) {
  const loci_covariance *c = result;
  say_format(s, "edit.covariance");
  if (c->sample.model) say_sample(s, &c->sample);
  say_text(s, "model_hash", c->hash);
  say_members(s, c, precision, layer, tensor, inner, prompts, keys);
  say_request(s, &c->result);
}

void describe_edit_saved(const void *result, sink *s) {
  const loci_edit_saved *e = result;
  say_format(s, "edit.apply");
  say_members(s, e, dir, hash, dtype);
  say_int(s, "edits", e->edit_count);
  say_int(s, "matrices", e->matrix_count);
  say_begin(s, "files");
  say_members(s, e, written, linked, copied);
  say_texts(s, "left", e->left, e->left_count);
  say_end(s);
  say_members(s, e, norm, rounding);
  say_list(s, "requests");
  for (int i = 0; i < e->check_count; i++) {
    const loci_edit_check *c = &e->checks[i];
    say_begin(s, NULL);
    say_members(s, c, question, target, p_before, p_edited, p_saved, edited, saved, answer_edited,
                answer_saved);
    say_end(s);
  }
  say_end(s);
  say_int(s, "lost", e->lost);
  say_int(s, "missed", e->missed);
  say_request(s, &e->result);
}

/* ---------------------------------------------------------------- tests */

/* [rows]: each measure is a row of CSV. */
static void say_groups(sink *s, const loci_edit_test *t, bool rows) {
  say_list(s, "groups");
  for (int g = 0; g < t->group_count; g++) {
    const loci_edit_group *x = &t->groups[g];
    say_begin(s, NULL);
    say_text(s, "name|group", x->name);
    say_members(s, x, examples, questions);
    say_begin(s, "metrics");
    for (int i = 0; i < x->metric_count; i++) {
      const loci_edit_metric *m = &x->metrics[i];
      say_begin(s, m->name);
      if (is_for(s, SINK_CSV)) say_text(s, "metric", m->name);
      say_interval(s, "before", "before_lo", "before_hi", &m->before);
      say_interval(s, "after", "after_lo", "after_hi", &m->after);
      if (rows) say_row(s);
      say_end(s);
    }
    say_end(s);
    say_end(s);
  }
  say_end(s);
}

/* Of CSV the group is "measures", the metric its name. */
static void say_measures(sink *s, const loci_edit_test *t, bool rows) {
  say_begin(s, "measures");
  for (int i = 0; i < t->measure_count; i++) {
    const loci_edit_measure *m = &t->measures[i];
    say_begin(s, m->name);
    if (is_for(s, SINK_CSV)) {
      say_text(s, "group", "measures");
      say_text(s, "metric", m->name);
      say_text(s, "questions", "");
    }
    say_members(s, m, examples);
    say_interval(s, "before", "before_lo", "before_hi", &m->before);
    say_interval(s, "after", "after_lo", "after_hi", &m->after);
    if (rows) say_row(s);
    say_end(s);
  }
  say_end(s);
}

static void say_test(sink *s, const loci_edit_test *t) {
  say_layer(s, t->layer);
  say_settings(s, &t->settings);
  say_interval(s, "score", NULL, NULL, &t->score);
  say_groups(s, t, true);
  say_measures(s, t, true);
}

void describe_edit_test(const void *result, sink *s) {
  const loci_edit_test *t = result;
  row_columns(s, "group,metric,examples,questions,before,before_lo,before_hi,after,after_lo,"
                 "after_hi");
  say_format(s, "edit.test");
  say_sample(s, &t->sample);
  say_text(s, "method", t->method);
  say_request(s, &t->result);
  say_test(s, t);
}

void describe_edit_curve(const void *result, sink *s) {
  const loci_edit_curve *c = result;
  row_columns(s, "over,value,group,metric,examples,questions,before,before_lo,before_hi,after,"
                 "after_lo,after_hi");
  say_format(s, "edit-curve");
  say_sample(s, &c->tests[0]->sample);
  say_text(s, "method", c->tests[0]->method);
  say_text(s, "over", c->over);
  say_request(s, &c->result);
  say_list(s, "points");
  for (int i = 0; i < c->point_count; i++) {
    say_begin(s, NULL);
    say_real(s, "value", c->points[i]);
    say_int(s, "used", c->tests[i]->sample.used);
    say_test(s, c->tests[i]);
    say_end(s);
  }
  say_end(s);
  say_text(s, "note", c->note);
}

/* A row of CSV for what became of a group. */
static void say_share(sink *s, const char *group, const loci_interval *x) {
  say_begin(s, NULL);
  say_text(s, "group", group);
  say_interval(s, "value", "lo", "hi", x);
  say_row(s);
  say_end(s);
}

void describe_edit_tests(const void *result, sink *s) {
  const loci_edit_tests *c = result;
  row_columns(s, "name,group,value,lo,hi");
  say_format(s, "edit-compare");
  say_request(s, &c->result);
  say_list(s, "tests");
  for (int i = 0; i < c->count; i++) {
    const loci_edit_test *t = c->tests[i];
    say_begin(s, NULL);
    say_text(s, "name", c->names[i]);
    say_text(s, "method", t->method);
    say_layer(s, t->layer);
    say_int(s, "used", t->sample.used);
    say_interval(s, "score", NULL, NULL, &t->score);
    say_groups(s, t, false);
    say_measures(s, t, false);
    if (is_for(s, SINK_CSV)) {
      for (int g = 0; g < t->group_count; g++)
        say_share(s, t->groups[g].name, &t->groups[g].metrics[0].after);
      say_share(s, "together", &t->score);
      for (int k = 0; k < t->measure_count; k++)
        say_share(s, t->measures[k].name, &t->measures[k].after);
    }
    say_end(s);
  }
  say_end(s);
}

void describe_edit_cost(const void *result, sink *s) {
  const loci_edit_cost *c = result;
  say_format(s, "edit-cost");
  say_model(s, c->model, "");
  say_members(s, c, precision, cpu, engine, threads, positions, layer, steps);
  say_members(s, c, reached, step_rows, prepare_seconds, step_seconds, update_seconds,
              edit_seconds);
  say_request(s, &c->result);
}
