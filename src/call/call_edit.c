/* Calls that solve edits, test them, and write them into a checkpoint. */
#include <string.h>

#include "call/calling.h"
#include "edit/edit.h"

static loci_status pick(const calling *c, const int *numbers, int n, const loci_prompt *const **out,
                        loci_err *err) {
  const loci_prompt **list = arena_zarray(c->mem, n + 1, const loci_prompt *);
  *out = list;
  if (!c->out) return LOCI_OK; /* there are none yet */
  if (!list) return fail_nomem(err, "reading a request");
  for (int i = 0; i < n; i++) {
    if (numbers[i] >= c->of->prompt_count)
      return fail(err, LOCI_EINVAL, "prompt %d: the call has %d", numbers[i], c->of->prompt_count);
    list[i] = c->of->prompts[numbers[i]];
  }
  return LOCI_OK;
}

/* How edits are solved, and what else the request says of them. */
typedef struct solving {
  loci_edit_opts o;
  loci_edit_settings settings;
  extras x;
} solving;

/* "none", or files, which are read for the call itself alone. */
static loci_status read_covariances(const calling *c, const char *const *paths, int n,
                                    loci_edit_opts *o, loci_err *err) {
  loci_covariance *read;
  if (n == 0) return LOCI_OK;
  o->no_covariance = !c->out || (n == 1 && strcmp(paths[0], "none") == 0);
  if (o->no_covariance) return LOCI_OK;
  const loci_covariance **all = arena_zarray(c->mem, n, const loci_covariance *);
  if (!all) return fail_nomem(err, "reading a request");
  for (int i = 0; i < n; i++) {
    TRY(covariance_read(paths[i], &read, err));
    if (!arena_defer(c->mem, loci_free, read)) return fail_nomem(err, "reading a request");
    all[i] = read;
  }
  o->covariance = all[0];
  if (n == 1) return LOCI_OK;
  o->covariances = all;
  o->covariance_count = n;
  return LOCI_OK;
}

static loci_status read_edit(const calling *c, const target_table *more, int n, solving *how,
                             loci_err *err) {
  *how = (solving){.o = {.size = sizeof how->o, .settings = &how->settings},
                   .settings = {.size = sizeof how->settings}};
  loci_edit_opts *o = &how->o;
  extras *x = &how->x;
  target_table all[MOST_TABLES] = {
      {edit_fields(), o}, {setting_fields(), &how->settings}, {edit_ask_fields(), x}};
  for (int i = 0; i < n; i++) all[3 + i] = more[i];
  TRY(read_request(c, all, 3 + n, err));
  FOLLOW(*o);
  o->keep_count = x->keep_count;
  TRY(pick(c, x->keep, x->keep_count, &o->keep, err));
  TRY(read_covariances(c, x->covariances, x->covariance_count, o, err));
  if (!x->preset) return LOCI_OK;
  bool at_last = how->settings.at_last;
  TRY(loci_edit_preset(x->preset, o, &how->settings, err));
  if (js_get(c->request, "ft_at")) how->settings.at_last = at_last; /* a choice, whichever it is */
  return LOCI_OK;
}

/* Prompts of a call that asks for no edit of its own are those to keep, unless it says which. */
static void keep_all(const calling *c, loci_edit_opts *o) {
  if (o->keep_count > 0) return;
  o->keep = c->of->prompts;
  o->keep_count = c->of->prompt_count;
}

loci_status solve_call(const calling *c, loci_err *err) {
  solving how;
  TRY(read_edit(c, NULL, 0, &how, err));
  CHECKED(LOCI_KIND_EDIT, &how.o);
  how.o.watch = c->of->watch_steps;
  how.o.watch_ctx = c->of->watch_ctx;
  extras x = how.x;
  loci_edit_request *all = arena_zarray(c->mem, x.ask_count + 1, loci_edit_request);
  if (!all) return fail_nomem(err, "reading a request");
  for (int i = 0; i < x.ask_count; i++) {
    const edit_ask *w = &x.asks[i];
    const loci_prompt *const *asked;
    TRY(pick(c, &w->prompt, w->refused ? 0 : 1, &asked, err));
    TRY(pick(c, w->rephrased, w->rephrased_count, &all[i].rephrased, err));
    TRY(pick(c, w->kept, w->kept_count, &all[i].kept, err));
    all[i].prompt = asked[0];
    all[i].rephrased_count = w->rephrased_count;
    all[i].kept_count = w->kept_count;
    all[i].target = w->target;
    all[i].name = w->name;
    all[i].refused = w->refused;
  }
  return loci_edit_solve(c->of->model, all, x.ask_count, &how.o, (loci_edit **)c->out, err);
}

static loci_status trial(const calling *c, loci_examples *examples, loci_err *err) {
  solving how;
  loci_study_opts study = {.size = sizeof study};
  loci_edit_test_opts o = {.size = sizeof o,
                           .study = &study,
                           .edits = c->of->edits,
                           .edit_count = c->of->edit_count,
                           .how = &how.o};
  const target_table more[] = {{study_fields(), &study}, {trial_fields(), &o}};
  TRY(read_edit(c, more, 2, &how, err));
  keep_all(c, &how.o);
  CHECKED(LOCI_KIND_EDIT, &how.o);
  FOLLOW(study);
  return loci_edit_test_new(c->of->model, examples, &o, (loci_edit_test **)c->out, err);
}

loci_status trial_call(const calling *c, loci_err *err) { return with_examples(c, trial, err); }

loci_status curve_call(const calling *c, loci_err *err) {
  solving how;
  loci_study_opts study = {.size = sizeof study};
  loci_edit_test_opts test = {.size = sizeof test, .study = &study, .how = &how.o};
  loci_edit_curve_opts o = {.size = sizeof o, .test = &test};
  const target_table more[] = {
      {study_fields(), &study}, {trial_fields(), &test}, {curve_fields(), &o}};
  TRY(read_edit(c, more, 3, &how, err));
  keep_all(c, &how.o);
  if (o.over) TRY(loci_check(LOCI_KIND_EDIT_CURVE, &o, err));
  CHECKED(LOCI_KIND_EDIT, &how.o);
  NEEDS(c->of->path, "path of a file of examples");
  FOLLOW(study);
  return loci_edit_curve_new(c->of->model, c->of->path, &o, (loci_edit_curve **)c->out, err);
}

loci_status apply_call(const calling *c, loci_err *err) {
  READ({{NULL, 0}, NULL});
  if (!c->out) return LOCI_OK;
  NEEDS(c->of->path, "path of a directory");
  return loci_edit_save(c->of->model, c->of->edits, c->of->edit_count, c->of->path, c->of->progress,
                        c->of->progress_ctx, (loci_edit_saved **)c->out, err);
}
