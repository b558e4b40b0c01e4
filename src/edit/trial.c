/* loci_edit_test_new: what edits do on an edit set (docs/MATH.md, "Measures of edits").
 *
 * Without edits given, every example is an edit of its own: solved, laid on a view of the model,
 * measured, taken away.  With edits, all of them are laid on once and every example is measured
 * there.  The model itself is never changed.
 *
 * trial.c            examples, their edits, the call
 * trial_questions.c  what is asked of an example
 * trial_result.c     means over examples
 * test_question.c    one question before and after */
#include <stdlib.h>
#include <string.h>

#include "base/result.h"
#include "edit/trial.h"

/* ---------------------------------------------------------------- an edit of its own */

/* Wordings and pictures beside the question come from the example itself. */
static loci_status solve(trial *t, const study_item *item, loci_edit **out, loci_err *err) {
  const loci_example *e = item->example;
  example_source from = trial_source(t, e);
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
  if (!st) st = trial_ask(t, view, item->example, row, err);
  if (!st) {
    t->out->method = e->method; /* a constant of the library */
    t->out->layer = e->part_count > 1 ? -1 : e->layer;
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
  return t->edited ? trial_ask(t, t->edited, item->example, row, err)
                   : try_alone(t, item, row, err);
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
    if (t->opts->edits[i]->layer != v->layer || t->opts->edits[i]->part_count > 1) v->layer = -1;
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
  if (!st) st = trial_fill(&t, err);
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
