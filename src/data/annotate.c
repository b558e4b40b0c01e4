/* A file of examples with proposed constraints (see propose.h): the piece of each question that
 * points at the picture, and names and numbers as further conditions. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/options.h"
#include "base/fixed.h"
#include "data/file_rewrite.h"
#include "data/tie_break.h"
#include "data/feature_weights.h"
#include "text/span.h"

typedef struct annotator {
  const loci_annotate_opts *o;
  report *found;
  loci_data_report *counts;
  double weights[FEATURE_COUNT];
  double f1_sum;
} annotator;

/* One line on its way. */
typedef struct line_job {
  annotator *a;
  const loci_example *e;
  js_value *line;
  const example_source *from;
  arena *mem;
  qtext q;
  proposals p;
  proposal best;
  tie tie; /* what the model said, if there is one */
  loci_err *err;
} line_job;

static loci_status no_memory(const line_job *j) { return fail_nomem(j->err, "annotating"); }

static char *text_of(const line_job *j, int first, int last) {
  return span_text(j->mem, j->e->question, j->q.words[first].begin, j->q.words[last].end);
}

/* ---------------------------------------------------------------- the proposal */

/* The constraints of the set "known" are a demonstrative and the word after it, whatever it is. */
static bool follows_known(line_job *j) {
  if (!j->e->set || strcmp(j->e->set, "known") != 0 || j->a->o->whole) return false;
  for (int i = 0; i + 1 < j->q.count; i++) {
    if (j->q.words[i].is != WORD_DEMONSTRATIVE) continue;
    memset(&j->best, 0, sizeof j->best);
    j->best.first = i;
    j->best.last = i + 1;
    j->best.holds[FEATURE_DEMONSTRATIVE] = 1;
    j->best.holds[FEATURE_SHORT] = 1;
    return true;
  }
  return false;
}

static loci_status find_best(line_job *j, bool *found) {
  const loci_model *m = j->a->o->model;
  question_words(j->e->question, &j->q);
  *found = follows_known(j);
  if (*found) return LOCI_OK;
  propose(&j->q, &j->p);
  int best = proposal_best(&j->p, j->a->weights);
  *found = best >= 0;
  if (best < 0) return LOCI_OK;
  if (m) {
    TRY(tie_break(m, j->e, &j->q, &j->p, j->a->weights, best, &j->tie, j->err));
    best = j->tie.best;
  }
  j->best = j->p.items[best];
  return LOCI_OK;
}

/* "demonstrative +10, subject +1.5", and what the model said */
static void reasons(const line_job *j, char *out, size_t size) {
  size_t used = 0;
  out[0] = 0;
  for (int f = 0; f < FEATURE_COUNT; f++) {
    double x = (double)j->best.holds[f] * j->a->weights[f];
    if (j->best.holds[f] == 0) continue;
    used = fixed_add(out, size, used, "%s%s %+.3g", used ? ", " : "", features[f].name, x);
  }
  if (j->tie.count > 1)
    fixed_add(out, size, used, "%sof %d alike, by the model: %.3g a word", used ? "; " : "",
              j->tie.count, j->tie.effect);
}

/* ---------------------------------------------------------------- constraints of the line */

static loci_status put_constraint(line_job *j, js_value **list, int first, int last,
                                  const char *kind) {
  char *text = text_of(j, first, last);
  js_value *o = js_object();
  js_put(&o, "text", js_text(text));
  js_put(&o, "kind", js_text(kind));
  js_push(list, o);
  return text ? LOCI_OK : no_memory(j);
}

/* A name after the first word, or a number: a condition that stands in words. */
static bool is_condition(const line_job *j, int i) {
  const qword *w = &j->q.words[i];
  unsigned char c = (unsigned char)j->e->question[w->begin];
  if (i >= j->best.first && i <= j->best.last) return false;
  bool name = i > 0 && isupper(c) && strcmp(w->low, "i") != 0 && w->is != WORD_WH;
  return name || isdigit(c);
}

static loci_status put_conditions(line_job *j, js_value **list) {
  for (int i = 0, last; i < j->q.count; i = last + 1) {
    last = i;
    if (!is_condition(j, i)) continue;
    while (last + 1 < j->q.count && !j->q.words[last].stops && is_condition(j, last + 1)) last++;
    TRY(put_constraint(j, list, i, last, "textual"));
  }
  return LOCI_OK;
}

static loci_status put_constraints(line_job *j, bool found, bool *changed) {
  js_value *list = js_array();
  loci_status st = LOCI_OK;
  const char *kind = j->e->image ? "visual" : "textual";
  if (!found) { /* conditions must not look as if they were all */
    js_free(list);
    return LOCI_OK;
  }
  st = put_constraint(j, &list, j->best.first, j->best.last, kind);
  if (!st) st = put_conditions(j, &list);
  if (st) {
    js_free(list);
    return st;
  }
  *changed = true;
  return js_set(j->line, "constraints", list) ? LOCI_OK : no_memory(j);
}

/* ---------------------------------------------------------------- what is said of it */

static loci_status note(line_job *j, lint_rule kind, const char *proposed, const char *text) {
  place at = {j->from->line, j->e->id, "constraints", proposed};
  return report_add(j->a->found, kind, &at, j->err, "%s", text);
}

/* Counts only constraints that are pieces of their question. */
static loci_status compare(line_job *j, const char *proposed) {
  char text[400];
  const char *there = j->e->constraint_count > 0 ? j->e->constraints[0] : NULL;
  if (!j->a->o->compare || !there) return LOCI_OK;
  char *constraint = arena_strndup(j->mem, there, span_find(j->e->question, there).length);
  if (!constraint) return no_memory(j);
  proposal none = {.first = 1, .last = 0};
  agreement a = proposal_agrees(&j->q, proposed ? &j->best : &none, constraint);
  if (!a.sound) return LOCI_OK;
  j->a->counts->compared++;
  j->a->counts->exact += proposed && a.same;
  j->a->f1_sum += proposed ? a.f1 : 0;
  if (proposed && a.same) return LOCI_OK;
  snprintf(text, sizeof text, "\"%.80s\" in \"%.200s\"", constraint, j->e->question);
  return note(j, LINT_DIFFERS, proposed, text);
}

static loci_status annotate_example(line_job *j, bool *changed) {
  char why[300], text[400];
  bool found;
  TRY(find_best(j, &found));
  char *proposed = found ? text_of(j, j->best.first, j->best.last) : NULL;
  if (found && !proposed) return no_memory(j);
  TRY(compare(j, proposed));
  if (j->a->o->keep && j->e->constraint_count > 0) return LOCI_OK;
  if (!found) {
    snprintf(text, sizeof text, "nothing in \"%.200s\" points at a picture", j->e->question);
    TRY(note(j, LINT_NO_PROPOSAL, NULL, text));
  } else if (j->a->o->why) {
    reasons(j, why, sizeof why);
    TRY(note(j, LINT_PROPOSED, proposed, why));
  }
  return put_constraints(j, found, changed);
}

static loci_status annotate_line(void *ctx, js_value *line, const example_source *from, bool *keep,
                                 bool *changed, loci_err *err) {
  loci_example *e;
  loci_err why = {0};
  annotator *a = ctx;
  place at = {.line = from->line};
  loci_status st = example_read(line, from, &e, &why);
  if (st && !status_is_own(st)) return pass_on(&why, err);
  if (st)
    return report_add(a->found, LINT_NO_EXAMPLE, &at, err, "%s",
                      report_plain(why.msg, from->path, from->line));
  line_job *j = calloc(1, sizeof *j);
  arena *mem = arena_new();
  if (j && mem) {
    *j = (line_job){.a = a, .e = e, .line = line, .from = from, .mem = mem, .err = err};
    *keep = true;
    st = annotate_example(j, changed);
  } else {
    st = fail_nomem(err, "annotating");
  }
  arena_free(mem);
  free(j);
  loci_free(e);
  return st;
}

/* ---------------------------------------------------------------- the file */

static loci_status get_weights(annotator *a, loci_err *err) {
  const loci_annotate_opts *o = a->o;
  feature_weights_default(a->weights);
  if (o->weights && !o->train) return feature_weights_read(o->weights, a->weights, err);
  if (!o->train) return LOCI_OK;
  TRY(feature_weights_learn(o->train, a->weights, err));
  return o->weights ? feature_weights_write(o->weights, a->weights, err) : LOCI_OK;
}

static loci_status tell(const annotator *a, const char *path, loci_err *err) {
  const loci_annotate_opts *o = a->o;
  command_words words = {.name = "data annotate"};
  js_value *request = js_object();
  if (o->model) words = command_of("data annotate", o->model);
  if (o->model) js_put(&request, "with_model", js_text(words.model->path));
  words.cannot = o->model && words.model->edit_count > 0;
  words.model = NULL;
  words.file = path;
  if (o->weights) js_put(&request, "weights", js_text(o->weights));
  if (o->train) js_put(&request, "train", js_text(o->train));
  if (o->keep) js_put(&request, "keep_given", js_bool(true));
  if (o->compare) js_put(&request, "compare", js_bool(true));
  if (o->why) js_put(&request, "why", js_bool(true));
  if (o->whole) js_put(&request, "whole", js_bool(true));
  return report_tell(a->found, &words, request, err);
}

loci_status loci_data_annotate(const char *path, const loci_annotate_opts *opts,
                               loci_data_report **out, loci_err *err) {
  NEEDS(out, "place for the result");
  *out = NULL;
  NEEDS(path, "path");
  loci_annotate_opts own;
  TRY(options_take(loci_annotate_opts, &own, opts, err));
  annotator a = {.o = &own};
  TRY(get_weights(&a, err));
  TRY(report_new("annotate", path, a.o->out, &a.found, err));
  a.counts = report_view(a.found);
  file_rewrite r = {path,          a.o->out, "annotate",    a.found,
                    annotate_line, &a,       a.o->progress, a.o->progress_ctx};
  loci_status st = file_rewrite_run(&r, err);
  if (!st) st = tell(&a, path, err);
  if (st) {
    loci_free(a.found);
    return st;
  }
  if (a.counts->compared > 0) a.counts->token_f1 = a.f1_sum / (double)a.counts->compared;
  *out = report_done(a.found);
  return LOCI_OK;
}
