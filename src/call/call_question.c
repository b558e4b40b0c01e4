/* Calls about one question: its answer, where its fact is kept, how it gets to the answer. */
#include "call/calling.h"
#include "model/prompt.h"
#include "study/info.h"
#include "study/request.h"
#include "walk/ask.h"

#include <stdlib.h>

loci_status ask_call(const calling *c, loci_err *err) {
  static const char *const of_cells[] = {"window", "layers", "positions"},
                           *const of_runs[] = {"only",  "direction", "compat",
                                               "noise", "seeds",     "seed"};
  extras x = {0};
  loci_trace_opts at = {.size = sizeof at};
  READ({ask_fields(), &x}, {cell_fields(), &at});
  if (at.site_count == 0)
    TRY(refuse_members(c, of_cells, 3, ": a cell to restore needs a site", err));
  if (at.corrupt || at.site_count > 0) {
    CHECKED(LOCI_KIND_TRACE, &at);
    FOLLOW(at);
    return loci_ask_restored(c->of->model, c->of->prompts[0], &at, x.max_new,
                             (loci_answer **)c->out, err);
  }
  TRY(refuse_members(c, of_runs, 6, " goes with a corruption, or with a site to restore", err));
  if (!c->out) return LOCI_OK;
  TRY(prompt_check_model(c->of->prompts[0], c->of->model, err));
  walk_hooks hooks = {.progress = c->of->progress, .progress_ctx = c->of->progress_ctx};
  answer_watch told = {c->of->watch_answer, c->of->watch_ctx};
  return ask_prompt(c->of->prompts[0], x.max_new, &hooks, told, (loci_answer **)c->out, err);
}

/* A donor that the call makes, and what of it the result borrows. */
typedef struct donor_made {
  loci_model *model; /* NULL: the call's own */
  loci_prompt *prompt;
} donor_made;

static void free_donor(void *made) {
  donor_made *d = made;
  loci_prompt_free(d->prompt);
  loci_model_close(d->model);
  free(d);
}

/* Its prompt is worded as the call's own is. */
static loci_status make_donor(const calling *c, const donor_words *w, donor_made *d,
                              loci_err *err) {
  const loci_prompt_info *own = loci_prompt_get_info(c->of->prompts[0]);
  char path[LOCI_PATH_SIZE];
  loci_question q = {.size = sizeof q,
                     .text = w->text,
                     .image = w->image,
                     .constraints = w->constraints,
                     .constraint_count = w->constraint_count,
                     .template_name = own->template_name,
                     .system = own->system,
                     .date = own->date};
  if (w->model) {
    loci_model_opts how = c->of->model->asked;
    TRY(loci_model_find(w->model, path, err));
    TRY(loci_model_open(path, &how, &d->model, err));
  }
  return loci_prompt_new(d->model ? d->model : c->of->model, &q, &d->prompt, err);
}

static loci_status check_donor(const donor_words *w, loci_err *err) {
  if (w->text || (!w->image && !w->model && w->constraint_count == 0)) return LOCI_OK;
  const char *given = w->image ? "donor_image" : w->model ? "donor_model" : "donor_constraint";
  return fail(err, LOCI_EINVAL, "%s goes with --donor, the question of another prompt", given);
}

static loci_status read_trace(const calling *c, loci_trace_opts *o, donor_words *w, loci_err *err) {
  *o = (loci_trace_opts){.size = sizeof *o};
  *w = (donor_words){0};
  READ({trace_fields(), o}, {donor_fields(), w});
  TRY(check_donor(w, err));
  settle_metric(o);
  FOLLOW(*o);
  return LOCI_OK;
}

loci_status traces_call(const calling *c, loci_trace **out, loci_err *errs, loci_err *err) {
  int n = c->of->prompt_count;
  loci_trace_opts o;
  donor_words w;
  TRY(read_trace(c, &o, &w, err));
  if (w.text) return fail(err, LOCI_EINVAL, "donor goes with one trace, not with several");
  loci_trace_request *all = arena_zarray(c->mem, n, loci_trace_request);
  if (!all) return fail_nomem(err, "tracing");
  for (int i = 0; i < n; i++)
    all[i] = (loci_trace_request){.prompt = c->of->prompts[i], .opts = &o};
  loci_status st = loci_traces(c->of->model, all, n, err);
  for (int i = 0; i < n; i++) out[i] = all[i].trace, errs[i] = all[i].err;
  return st;
}

/* A trace with another prompt's values; the prompt lives as long as the trace. */
static loci_status donor_call(const calling *c, loci_trace_opts *o, const donor_words *w,
                              loci_err *err) {
  if (!c->out) return trace_request_complete(&(request_of){.donors = true}, o, err);
  donor_made *d = calloc(1, sizeof *d);
  if (!d) return fail_nomem(err, "tracing");
  loci_trace *t = NULL;
  loci_status st = make_donor(c, w, d, err);
  o->donor = d->prompt;
  if (!st) st = loci_trace_new(c->of->model, c->of->prompts[0], o, &t, err);
  if (!st && !arena_defer(t->result.memory, free_donor, d)) st = fail_nomem(err, "tracing");
  if (st) loci_free(t);
  if (st) free_donor(d);
  if (!st) *c->out = &t->result;
  return st;
}

loci_status trace_call(const calling *c, loci_err *err) {
  loci_trace_opts o;
  donor_words w;
  TRY(read_trace(c, &o, &w, err));
  if (w.text) return donor_call(c, &o, &w, err);
  CHECKED(LOCI_KIND_TRACE, &o);
  o.watch = c->of->watch;
  o.watch_ctx = c->of->watch_ctx;
  o.so_far = c->of->so_far;
  return loci_trace_new(c->of->model, c->of->prompts[0], &o, (loci_trace **)c->out, err);
}

loci_status knockout_call(const calling *c, loci_err *err) {
  loci_knockout_opts o = {.size = sizeof o};
  cut_ends ends = {0};
  READ({knockout_fields(), &o}, {ends_fields(), &ends});
  TRY(cross_ends(c, &ends, &o, err));
  CHECKED(LOCI_KIND_KNOCKOUT, &o);
  FOLLOW(o);
  return loci_knockout_new(c->of->model, c->of->prompts[0], &o, (loci_knockout **)c->out, err);
}

loci_status flow_call(const calling *c, loci_err *err) {
  loci_flow_opts o = {.size = sizeof o};
  READ({flow_fields(), &o});
  CHECKED(LOCI_KIND_FLOW, &o);
  FOLLOW(o);
  return loci_flow_new(c->of->model, c->of->prompts[0], &o, (loci_flow **)c->out, err);
}

loci_status lens_call(const calling *c, loci_err *err) {
  loci_lens_opts o = {.size = sizeof o};
  READ({lens_fields(), &o});
  CHECKED(LOCI_KIND_LENS, &o);
  FOLLOW(o);
  return loci_lens_new(c->of->model, c->of->prompts[0], &o, (loci_lens **)c->out, err);
}

loci_status info_call(const calling *c, loci_err *err) {
  extras x = {0};
  READ({info_fields(), &x});
  watch w = {c->of->progress, c->of->progress_ctx};
  return c->out ? info_new(c->of->model, x.no_hash, &w, (loci_info **)c->out, err) : LOCI_OK;
}
