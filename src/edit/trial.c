/* loci_edit_test_new: what edits do on an edit set (docs/MATH.md, "Measures of edits").
 *
 * Without edits given, every example is an edit of its own: solved, laid on a view of the model,
 * measured, taken away.  With edits, all of them are laid on once and every example is measured
 * there.  The model itself is never changed. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/options.h"
#include "base/result.h"
#include "data/questions.h"
#include "edit/extra_prompts.h"
#include "edit/solve_opts.h"
#include "edit/test_question.h"
#include "study/intervals.h"
#include "study/study.h"

/* The groups of questions, in the order of their names. */
typedef enum group_id {
  EFFICACY,
  PARAPHRASES,
  SAME_ENTITY,
  SAME_IMAGE,
  OTHER_IMAGES,
  UNRELATED,
  GROUPS
} group_id;
static const char *const group_names[GROUPS] = {"efficacy",   "paraphrases",  "same_entity",
                                                "same_image", "other_images", "unrelated"};
static bool has_target(int g) { return g <= SAME_ENTITY; }

/* One example: sums, then means, over its questions. */
typedef struct example_row {
  double before[GROUPS][METRICS], after[GROUPS][METRICS];
  int counts[GROUPS];
} example_row;

typedef struct trial {
  study s;
  const loci_edit_test_opts *opts;
  test_opts asked;
  solve_opts said; /* complete, for the request */
  loci_edit_opts how;
  loci_model *edited;  /* with the edits given, or NULL */
  extra_prompts extra; /* what the running example's edit was solved with */
  loci_edit_test *out;
  int room;
  example_row *rows; /* (room) of the used examples; the heap's */
} trial;

/* ---------------------------------------------------------------- one example */

/* A question that the edit was solved with (as a wording, as one kept) is not asked again: it
 * would measure memory and not generality. */
static loci_status add(const trial *t, const loci_model *edited, test_question q, int g,
                       example_row *row, loci_err *err) {
  test_numbers numbers;
  q.template_name = t->opts->study->template_name;
  q.system = t->opts->study->system;
  q.date = t->opts->study->date;
  q.max_new = t->opts->study->max_new;
  if (t->s.model->info.image_rows == 0) q.image = NULL; /* a text model is asked without */
  if (extra_prompts_has(&t->extra, q.image, q.text)) return LOCI_OK;
  TRY(test_question_measure(t->s.model, edited, &q, &numbers, err));
  for (int i = 0; i < METRICS; i++) {
    row->before[g][i] += numbers.before[i];
    row->after[g][i] += numbers.after[i];
  }
  row->counts[g]++;
  return study_progress((void *)(uintptr_t)&t->s, "", 0, 0) ? LOCI_OK
                                                            : fail(err, LOCI_ECANCELLED, "stopped");
}

static example_source source_of(const trial *t, const loci_example *e) {
  return (example_source){examples_path(t->s.examples), examples_folder(t->s.examples),
                          examples_unit(t->s.examples), e->line};
}

/* The lists of an example may be long and are forgotten after it. */
static loci_status add_list(const trial *t, const loci_model *edited, const loci_example *e, int g,
                            example_row *row, loci_err *err) {
  side_question *list;
  int count;
  arena *mem = arena_new();
  if (!mem) return fail_nomem(err, "testing an edit");
  example_source from = source_of(t, e);
  loci_status st = side_questions(&from, e, group_names[g], mem, &list, &count, err);
  for (int i = 0; !st && i < count; i++) {
    test_question q = {.image = list[i].image,
                       .text = list[i].question,
                       .answers = list[i].answers,
                       .answer_count = list[i].answer_count};
    st = add(t, edited, q, g, row, err);
  }
  arena_free(mem);
  return st;
}

/* An example's questions are averaged before examples are: one with a hundred neighbours counts
 * as one. */
static loci_status add_example(const trial *t, const loci_model *edited, const loci_example *e,
                               example_row *row, loci_err *err) {
  test_question q = {.image = e->image, .text = e->question, .target = e->target};
  TRY(add(t, edited, q, EFFICACY, row, err));
  for (int i = 0; i < e->rephrase_count; i++) {
    q.text = e->rephrase[i];
    TRY(add(t, edited, q, PARAPHRASES, row, err));
  }
  q.text = e->question;
  for (int i = 0; i < e->same_entity_count; i++) {
    q.image = e->same_entity[i];
    TRY(add(t, edited, q, SAME_ENTITY, row, err));
  }
  for (int g = SAME_IMAGE; g < GROUPS; g++) TRY(add_list(t, edited, e, g, row, err));
  for (int g = 0; g < GROUPS; g++) {
    for (int i = 0; i < METRICS; i++) {
      row->before[g][i] = row->counts[g] ? row->before[g][i] / row->counts[g] : (double)NAN;
      row->after[g][i] = row->counts[g] ? row->after[g][i] / row->counts[g] : (double)NAN;
    }
  }
  return LOCI_OK;
}

/* ---------------------------------------------------------------- an edit of its own */

/* Wordings and pictures beside the question come from the example itself. */
static loci_status solve(trial *t, const study_item *item, loci_edit **out, loci_err *err) {
  const loci_example *e = item->example;
  example_source from = source_of(t, e);
  *out = NULL;
  TRY(extra_prompts_open(t->s.model, e, &from, t->opts, &t->extra, err));
  loci_edit_request r = {.prompt = item->prompt,
                         .rephrased = (const loci_prompt *const *)t->extra.more,
                         .rephrased_count = t->extra.more_count,
                         .kept = (const loci_prompt *const *)t->extra.kept,
                         .kept_count = t->extra.kept_count,
                         .target = e->target};
  return loci_edit_solve(t->s.model, &r, 1, &t->how, out, err);
}

/* The edit is laid on a view, so the model is the same for the next example, bit for bit. */
static loci_status try_alone(trial *t, const study_item *item, example_row *row, loci_err *err) {
  loci_model *view = NULL;
  loci_edit *e;
  loci_status st = solve(t, item, &e, err);
  if (!st) st = view_new(t->s.model, &view, err);
  if (!st) st = edit_lay_on(view, e, err);
  if (!st) st = add_example(t, view, item->example, row, err);
  if (!st) {
    t->out->method = e->method; /* a constant of the library */
    t->out->layer = e->layer;
    t->out->settings = e->settings;
  }
  view_free(view);
  loci_free(e);
  extra_prompts_clear(&t->extra);
  return st;
}

/* Rows outlive the example, so they are not in its arena. */
static loci_status measure(void *ctx, study_item *item, loci_err *err) {
  trial *t = ctx;
  if (!item->example->target) {
    item->drop = "no target";
    return LOCI_OK;
  }
  if (t->s.used == t->room) {
    int room = t->room ? 2 * t->room : 64;
    example_row *more = realloc(t->rows, (size_t)room * sizeof *more);
    if (!more) return fail_nomem(err, "testing an edit");
    t->rows = more;
    t->room = room;
  }
  example_row *row = &t->rows[t->s.used];
  memset(row, 0, sizeof *row);
  return t->edited ? add_example(t, t->edited, item->example, row, err)
                   : try_alone(t, item, row, err);
}

/* ---------------------------------------------------------------- the result */

/* What a measure of one example can be; what is a share of its questions has a share's interval. */
static stat_range range_of(const char *metric) {
  if (strcmp(metric, "p") == 0) return stat_probability;
  if (strcmp(metric, "lead") == 0) return stat_change;
  return strcmp(metric, "kl") == 0 ? stat_amount : stat_shares;
}

/* The mean of a column over examples. */
static loci_status mean_of(const trial *t, bool after, int g, int i, double *scratch,
                           loci_interval *out, loci_err *err) {
  for (int k = 0; k < t->s.used; k++) {
    scratch[k] = after ? t->rows[k].after[g][i] : t->rows[k].before[g][i];
  }
  return stat_mean(scratch, t->s.used, range_of(metric_names[has_target(g)][i]),
                   t->opts->study->seed, out, err);
}

/* Examples without a question in the group are no part of its mean. */
static loci_status fill_group(const trial *t, int g, double *scratch, loci_edit_group *out,
                              loci_err *err) {
  loci_edit_metric *metrics = arena_zarray(t->out->result.memory, METRICS, loci_edit_metric);
  if (!metrics) return fail_nomem(err, "testing an edit");
  *out = (loci_edit_group){.name = group_names[g], .metric_count = METRICS, .metrics = metrics};
  for (int k = 0; k < t->s.used; k++) {
    out->questions += t->rows[k].counts[g];
    out->examples += t->rows[k].counts[g] > 0;
  }
  for (int i = 0; i < METRICS; i++) {
    metrics[i].name = metric_names[has_target(g)][i];
    TRY(mean_of(t, false, g, i, scratch, &metrics[i].before, err));
    TRY(mean_of(t, true, g, i, scratch, &metrics[i].after, err));
  }
  return LOCI_OK;
}

static const int scored_groups[] = {EFFICACY, PARAPHRASES, SAME_ENTITY, SAME_IMAGE, OTHER_IMAGES};
enum { SCORED = sizeof scored_groups / sizeof *scored_groups };

static double first_measure(const trial *t, int64_t i, int k) {
  return t->rows[i].after[scored_groups[k]][0];
}

/* Harmonic mean H of the first measures m_k of the [used] groups that have examples, and its
 * standard error by the delta method: an example moves H by sum over k of dH/dm_k (x_ik - m_k) /
 * n_k with dH/dm_k = H^2 / (used m_k^2). */
static bool harmonic(const void *ctx, const int *times, int64_t n, double *value, double *error) {
  const trial *t = ctx;
  double mean[SCORED] = {0}, count[SCORED] = {0}, inverse = 0, squares = 0;
  int used = 0;
  for (int k = 0; k < SCORED; k++) {
    for (int64_t i = 0; i < n; i++) {
      double x = first_measure(t, i, k);
      if (isnan(x)) continue;
      mean[k] += times[i] * x;
      count[k] += times[i];
    }
    if (count[k] == 0) continue;
    mean[k] /= count[k];
    inverse += 1 / mean[k]; /* of zero: H is zero, without an error */
    used++;
  }
  *value = used ? used / inverse : (double)NAN;
  for (int64_t i = 0; i < n; i++) {
    double moves = 0;
    for (int k = 0; k < SCORED; k++) {
      double x = first_measure(t, i, k);
      if (!isnan(x) && mean[k] > 0) moves += (x - mean[k]) / (mean[k] * mean[k] * count[k]);
    }
    squares += times[i] * moves * moves;
  }
  *error = *value * *value / (used ? used : 1) * sqrt(squares);
  return used > 0;
}

/* Where no example differs from the others draws say nothing: then the harmonic mean of the groups'
 * own intervals, which are never of width zero. */
static loci_status fill_score(const trial *t, loci_edit_test *v, loci_err *err) {
  double lo = 0, hi = 0;
  int used = 0;
  TRY(stat_studentised(harmonic, t, t->s.used, stat_probability, t->opts->study->seed, &v->score,
                       err));
  if (isnan(v->score.value) || v->score.hi > v->score.lo) return LOCI_OK;
  for (int k = 0; k < SCORED; k++) {
    const loci_interval *after = &v->groups[scored_groups[k]].metrics[0].after;
    if (isnan(after->value)) continue;
    lo += 1 / after->lo;
    hi += 1 / after->hi;
    used++;
  }
  v->score.lo = used / lo;
  v->score.hi = used / hi;
  return LOCI_OK;
}

/* Groups come before the score, which is made of them. */
static loci_status fill_result(trial *t, loci_err *err) {
  loci_edit_test *v = t->out;
  double *scratch = arena_array(t->out->result.memory, t->s.used + 1, double);
  loci_edit_group *groups = arena_zarray(t->out->result.memory, GROUPS, loci_edit_group);
  if (!scratch || !groups) return fail_nomem(err, "testing an edit");
  if (t->s.used == 0) {
    const char *why = study_first_reason(&t->s);
    return fail(err, LOCI_EINVAL, "%s: no example can be used%s%s", examples_path(t->s.examples),
                why ? ", the first because: " : "", why ? why : "");
  }
  for (int g = 0; g < GROUPS; g++) TRY(fill_group(t, g, scratch, &groups[g], err));
  v->groups = groups;
  v->group_count = GROUPS;
  TRY(fill_score(t, v, err));
  return study_describe(&t->s, &v->sample, err);
}

/* Several edits may be of several layers; then no one layer can be named (-1). */
static loci_status lay_on_edits(trial *t, loci_err *err) {
  loci_edit_test *v = t->out;
  const char *hash;
  int n = t->opts->edit_count;
  if (n == 0) return LOCI_OK;
  if (changes_count(t->s.model) > 0) {
    return fail(err, LOCI_EINVAL, "the model has edits applied already");
  }
  TRY(model_hash(t->s.model, t->opts->study->progress, t->opts->study->progress_ctx, &hash, err));
  TRY(view_new(t->s.model, &t->edited, err));
  v->settings = t->opts->edits[0]->settings;
  v->layer = t->opts->edits[0]->layer;
  for (int i = 0; i < n; i++) {
    TRY(edit_lay_on(t->edited, t->opts->edits[i], err));
    if (t->opts->edits[i]->layer != v->layer) v->layer = -1;
  }
  v->method = arena_strdup(t->out->result.memory, t->opts->edits[0]->method);
  return v->method ? LOCI_OK : fail_nomem(err, "testing an edit");
}

/* Edits that were given are named by their files; others by how each is solved. */
static void describe(const void *ctx, js_value **to) {
  const trial *t = ctx;
  const loci_edit_test_opts *o = t->opts;
  js_value *files = js_array();
  for (int i = 0; i < o->edit_count; i++) js_push(&files, js_text(o->edits[i]->path));
  js_put(to, "tested", files);
  if (o->edit_count > 0) return;
  solve_opts_describe(to, &t->said);
  js_put(to, "prompts", js_int(o->prompts > 0 ? o->prompts : 1));
  js_put(to, "renderings", js_int(o->renderings));
}

loci_status loci_edit_test_new(const loci_model *model, loci_examples *examples,
                               const loci_edit_test_opts *opts, loci_edit_test **out,
                               loci_err *err) {
  NEEDS(out, "place for the result");
  *out = NULL;
  NEEDS(model, "model");
  NEEDS(examples, "examples");
  TRY(edit_check_format(model, err));
  trial t = {.opts = &t.asked.o};
  TRY(test_opts_take(&t.asked, opts, err));
  t.out = result_new(LOCI_KIND_EDIT_TEST, sizeof *t.out);
  loci_status st = t.out ? LOCI_OK : fail_nomem(err, "testing an edit");
  if (!st) {
    t.out->method = "multedit";
    t.s = (study){
        .model = model, .opts = t.opts->study, .examples = examples, .mem = t.out->result.memory};
    t.s.needs = t.opts->edit_count > 0 ? 0 : NEEDS_CONSTRAINT;
    t.s.result = &t.out->result;
    t.s.command = "edit test";
    t.s.asks = true;
    t.s.describe = describe;
    t.s.describe_ctx = &t;
    t.s.words = t.opts->how->words;
    t.s.word_count = t.opts->how->word_count;
    t.s.wordless = t.s.word_count == 0 && (t.opts->how->keep_count > 0 || t.opts->how->covariance);
    t.how = *t.opts->how;
    t.how.no_answers = true;
    t.how.progress = study_progress;
    t.how.progress_ctx = &t.s;
    st = solve_opts_take(&t.said, t.opts->how, err);
    if (!st && t.opts->edit_count == 0) st = solve_opts_complete(&t.said, NULL, err);
    if (!st) st = lay_on_edits(&t, err);
  }
  if (!st) st = study_each(&t.s, measure, &t, err);
  if (!st) st = fill_result(&t, err);
  study_clear(&t.s);
  view_free(t.edited);
  free(t.rows);
  if (st) {
    loci_free(t.out);
    return st;
  }
  *out = t.out;
  return LOCI_OK;
}
