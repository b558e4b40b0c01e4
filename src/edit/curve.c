/* loci_edit_curve_new: what edits do over a setting, or over their number (docs/MATH.md, "Measures
 * of edits").  Every point is an edit test of its own over the same examples.
 *
 * Over "count" the first n requests of the file are solved into one matrix, and the test asks what
 * has become of each of them; otherwise each example is solved alone. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fixed.h"
#include "base/options.h"
#include "base/result.h"
#include "edit/solve_opts.h"
#include "study/study.h"

/* A request for the edit of many, with the prompt it owns. */
typedef struct owned_request {
  loci_prompt *prompt;
  char *target;
} owned_request;

typedef struct drawing {
  const loci_model *model;
  const char *path; /* of the edit set */
  const loci_edit_curve_opts *opts;
  const loci_edit_test_opts *test; /* of each point, but for its value */
  loci_edit_curve *out;
  loci_edit_test **tests; /* (points) */
  int now;                /* the point that is measured */
} drawing;

static bool report(void *ctx, const char *stage, double done, double total) {
  const drawing *d = ctx;
  const loci_study_opts *o = d->test->study;
  double share = total > 0 ? done / total : 0;
  (void)stage;
  return !o->progress ||
         o->progress(o->progress_ctx, "points", d->now + share, d->out->point_count);
}

/* ---------------------------------------------------------------- settings */

static bool is_over(const char *over, const char *what) { return strcmp(over, what) == 0; }

/* 0 means "none" to a reader and "the default" in the options, so it is handed on as the options'
 * own sign for none. */
static void put_value(const char *over, double x, test_opts *o) {
  loci_edit_settings *s = &o->how.settings;
  if (is_over(over, "count")) o->study.limit = (int)x;
  if (is_over(over, "steps")) s->steps = (int)x;
  if (is_over(over, "lambda")) s->lambda = x > 0 ? x : -1;
  if (is_over(over, "max-norm")) s->max_norm = x > 0 ? x : -1;
  if (is_over(over, "lr")) s->lr = x;
  if (!is_over(over, "layer")) return;
  o->how.o.has_layer = true;
  o->how.o.layer_count = 0;
  o->how.o.layer = (int)x;
}

/* ---------------------------------------------------------------- many in one matrix */

/* Only the first constraint counts, as in an edit of one example (trial.c). */
static loci_status add_request(const drawing *d, const loci_example *e, owned_request *out,
                               loci_err *err) {
  loci_question q = {.size = sizeof q,
                     .image = d->model->info.image_rows > 0 ? e->image : NULL,
                     .text = e->question,
                     .template_name = d->test->study->template_name,
                     .system = d->test->study->system,
                     .date = d->test->study->date,
                     .constraints = e->constraints,
                     .constraint_count = e->constraint_count > 0};
  if (!e->target || e->constraint_count == 0) {
    return fail(err, LOCI_EINVAL, "%s:%lld: an edit needs a target and a constraint", d->path,
                (long long)e->line);
  }
  TRY(loci_prompt_new(d->model, &q, &out->prompt, err));
  out->target = strdup(e->target);
  return out->target ? LOCI_OK : fail_nomem(err, "solving edits");
}

/* The first [n] requests of the file. */
static loci_status read_requests(const drawing *d, owned_request *own, int n, loci_err *err) {
  loci_examples *x;
  TRY(loci_examples_open(d->path, &x, err));
  const loci_study_opts *o = d->test->study;
  loci_status st = o->sample ? loci_examples_sample(x, o->sample, o->seed, err) : LOCI_OK;
  for (int i = 0; !st && i < n; i++) {
    loci_example *e;
    st = loci_examples_next(x, &e, err);
    if (!st && !e) st = fail(err, LOCI_EINVAL, "%s: %d requests, %d were asked for", d->path, i, n);
    if (!st) st = add_request(d, e, &own[i], err);
    loci_free(e);
  }
  loci_examples_close(x);
  return st;
}

/* Prompts live until the edit is solved, and no longer. */
static loci_status solve_many(const drawing *d, const test_opts *o, loci_edit **out,
                              loci_err *err) {
  int n = o->study.limit;
  loci_edit_opts how = o->how.o;
  how.no_answers = true;
  *out = NULL;
  owned_request *own = calloc((size_t)n, sizeof *own);
  loci_edit_request *asked = calloc((size_t)n, sizeof *asked);
  loci_status st = own && asked ? read_requests(d, own, n, err) : fail_nomem(err, "solving edits");
  for (int i = 0; !st && i < n; i++) {
    asked[i] = (loci_edit_request){.prompt = own[i].prompt, .target = own[i].target};
  }
  if (!st) st = loci_edit_solve(d->model, asked, n, &how, out, err);
  for (int i = 0; own && i < n; i++) {
    loci_prompt_free(own[i].prompt);
    free(own[i].target);
  }
  free(own);
  free(asked);
  return st;
}

/* ---------------------------------------------------------------- points */

/* Every point opens the file anew: a test reads its examples to the end. */
static loci_status measure_point(drawing *d, double x, loci_edit_test **out, loci_err *err) {
  test_opts own;
  loci_edit *many = NULL;
  const loci_edit *edits[1];
  loci_examples *file;
  TRY(test_opts_take(&own, d->test, err));
  put_value(d->opts->over, x, &own);
  own.study.progress = own.how.o.progress = report;
  own.study.progress_ctx = own.how.o.progress_ctx = d;
  if (is_over(d->opts->over, "count")) {
    TRY(solve_many(d, &own, &many, err));
    edits[0] = many;
    own.o.edits = edits;
    own.o.edit_count = 1;
  }
  loci_status st = loci_examples_open(d->path, &file, err);
  if (!st) {
    st = loci_edit_test_new(d->model, file, &own.o, out, err);
    loci_examples_close(file);
  }
  loci_free(many);
  return st;
}

/* After what is said of other layers. */
static loci_status leave_out(drawing *d, double layer, const char *why, loci_err *err) {
  const char *old = d->out->note;
  size_t n = (old ? strlen(old) : 0) + strlen(why) + 64;
  char *text = arena_array(d->out->result.memory, (int64_t)n, char);
  if (!text) return fail_nomem(err, "drawing a curve of edits");
  snprintf(text, n, "%s%slayer %g is left out: %s", old ? old : "", old ? "; " : "", layer, why);
  d->out->note = text;
  return LOCI_OK;
}

/* All values are checked before the first is measured, for a curve takes hours.  A layer that
 * cannot bring the answer is no mistake there but a finding: it is left out and said. */
static loci_status measure_all(drawing *d, loci_err *err) {
  const loci_edit_curve_opts *o = d->opts;
  loci_edit_curve *v = d->out;
  struct stat s;
  if (strcmp(d->path, "-") == 0 || (stat(d->path, &s) == 0 && !S_ISREG(s.st_mode)))
    return fail(err, LOCI_EINVAL, "%s: a curve reads its file again for every point: no pipe",
                d->path);
  double *points = arena_array(d->out->result.memory, o->value_count, double);
  d->tests = arena_zarray(d->out->result.memory, o->value_count, loci_edit_test *);
  v->over = arena_strdup(d->out->result.memory, o->over);
  if (!points || !d->tests || !v->over) return fail_nomem(err, "drawing a curve of edits");
  memcpy(points, o->values, (size_t)o->value_count * sizeof *points);
  v->points = points;
  v->tests = (const loci_edit_test *const *)d->tests;
  v->point_count = o->value_count;
  int n = 0;
  loci_err own = {0};
  for (d->now = 0; d->now < o->value_count; d->now++) {
    loci_status st = measure_point(d, o->values[d->now], &d->tests[n], &own);
    if (st && !(st == LOCI_EINVAL && is_over(d->opts->over, "layer"))) return pass_on(&own, err);
    if (st) TRY(leave_out(d, o->values[d->now], own.msg, err));
    if (!st && !arena_defer(d->out->result.memory, loci_free, d->tests[n]))
      return fail_nomem(err, "drawing a curve of edits");
    if (!st) points[n++] = o->values[d->now];
  }
  v->point_count = n;
  return n > 0 ? LOCI_OK : pass_on(&own, err);
}

/* "lambda=0.01,0.1,1" */
static const char *over_text(const loci_edit_curve_opts *o, arena *mem) {
  size_t room = strlen(o->over) + 2 + 32 * (size_t)o->value_count, n = 0;
  char *text = arena_array(mem, (int64_t)room, char);
  if (!text) return NULL;
  n = fixed_add(text, room, n, "%s=", o->over);
  for (int i = 0; i < o->value_count; i++) {
    char digits[32];
    n = fixed_add(text, room, n, "%s%s", i ? "," : "", fixed_number(o->values[i], digits));
  }
  return text;
}

/* What leads to other numbers, and nothing else, so that equal requests are equal texts. */
static loci_status tell(const drawing *d, loci_err *err) {
  const loci_edit_test_opts *t = d->test;
  const loci_study_opts *o = t->study;
  solve_opts how;
  js_value *request = js_object();
  command_words words = command_of("edit curve", d->model);
  const char *over = over_text(d->opts, d->out->result.memory);
  loci_status st = solve_opts_take(&how, t->how, err);
  if (!st) st = solve_opts_complete(&how, NULL, err);
  words.file = d->path;
  words.words = t->how->words;
  words.word_count = t->how->word_count;
  words.cannot = words.word_count == 0 && (t->how->keep_count > 0 || t->how->covariance);
  js_put(&request, "data", js_text(d->path));
  study_put_common(&request, d->model, o, true);
  if (o->sample > 0) js_put(&request, "sample", js_int(o->sample));
  if (o->limit > 0) js_put(&request, "limit", js_int(o->limit));
  js_put(&request, "seed", request_seed(o->seed));
  if (!st) solve_opts_describe(&request, &how);
  if (!is_over(d->opts->over, "count")) { /* of many in one matrix each has one wording */
    js_put(&request, "prompts", js_int(t->prompts > 0 ? t->prompts : 1));
    js_put(&request, "renderings", js_int(t->renderings));
  }
  js_put(&request, "over", js_text(over));
  if (!st && !over) st = fail_nomem(err, "drawing a curve of edits");
  if (!st) return request_tell(&words, request, &d->out->result, err);
  js_free(request);
  return st;
}

loci_status loci_edit_curve_new(const loci_model *model, const char *path,
                                const loci_edit_curve_opts *opts, loci_edit_curve **out,
                                loci_err *err) {
  NEEDS(out, "place for the result");
  *out = NULL;
  NEEDS(model, "model");
  NEEDS(path, "path");
  TRY(edit_check_format(model, err));
  loci_edit_curve_opts own;
  test_opts test;
  TRY(options_take(loci_edit_curve_opts, &own, opts, err));
  TRY(test_opts_take(&test, own.test, err));
  TRY(loci_check(LOCI_KIND_EDIT_CURVE, opts, err));
  drawing d = {.model = model, .path = path, .opts = &own, .test = &test.o};
  d.out = result_new(LOCI_KIND_EDIT_CURVE, sizeof *d.out);
  loci_status st = d.out ? measure_all(&d, err) : fail_nomem(err, "drawing a curve of edits");
  if (!st) st = tell(&d, err);
  if (st) {
    loci_free(d.out);
    return st;
  }
  *out = d.out;
  return LOCI_OK;
}
