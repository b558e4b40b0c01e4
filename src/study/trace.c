/* loci_trace_new, loci_traces: causal traces from prompts to their grids (Basu et al. 2024, section
 * 3; docs/MATH.md).
 *
 * [the model's own answer] -> corrupt -> lay out the grids -> [screen] -> sweep, of all together ->
 * effects -> verify -> hints
 *
 * A trace with a watcher goes in turns (turns.c) from the grids on. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/options.h"
#include "base/result.h"
#include "base/clock.h"
#include "model/command.h"
#include "study/request.h"
#include "study/sets.h"
#include "study/donor.h"
#include "study/path_patch.h"

/* What a cell that was not run is likely to be. */
static loci_metrics estimated_cell(const sweep *s, const loci_metrics *base,
                                   const loci_estimate *e) {
  loci_metrics m = {.p = base->p + e->p,
                    .logp = base->logp + e->logp,
                    .p_first = (double)NAN,
                    .logp_first = (double)NAN,
                    .logit_diff = base->logit_diff + e->logit_diff,
                    .kl = (double)NAN};
  if (s->runs.target.count == 1) m.p_first = m.p, m.logp_first = m.logp;
  return m;
}

/* Skipped cells are the run they restore; effects of all cells against that run. */
static void set_effects(const sweep *s, const loci_trace *t) {
  double total = t->clean.m.logit_diff - t->corrupted.m.logit_diff;
  for (int i = 0; i < s->grid_count; i++) {
    const loci_grid *g = &s->grids[i];
    loci_metrics *cells = (loci_metrics *)(uintptr_t)g->cells;
    double *ie = (double *)(uintptr_t)g->ie, *restoration = (double *)(uintptr_t)g->restoration;
    double *logits = (double *)(uintptr_t)g->restoration_logit_diff;
    const loci_metrics *base = g->direction == LOCI_DENOISE ? &t->corrupted.m : &t->clean.m;
    for (int64_t k = 0; k < grid_cells(g); k++) {
      bool estimated = g->exact && !g->exact[k];
      if (g->skipped[k]) cells[k] = *base;
      if (g->skipped[k] && g->top_ids) ((int *)(uintptr_t)g->top_ids)[k] = s->runs.base[0].top;
      if (estimated) cells[k] = estimated_cell(s, base, &g->estimates[k]);
      ie[k] = g->skipped[k] ? 0 : estimated ? g->estimates[k].p : cells[k].p - base->p;
      restoration[k] = fabs(t->total_effect) < LEAST_TOTAL ? (double)NAN : ie[k] / t->total_effect;
      logits[k] = fabs(total) < LEAST_LOGIT_DIFF ? (double)NAN
                                                 : (cells[k].logit_diff - base->logit_diff) / total;
    }
  }
}

/* What a forward per cell would cost: all positions through all layers, head of one row, vision
 * tower. */
static double naive_flop(const sweep *s) {
  double cells = 0;
  for (int i = 0; i < s->grid_count; i++) cells += (double)grid_cells(&s->grids[i]);
  return cells * s->corrupted.seeds * forward_flop(s->p, s->runs.target.length);
}

/* With the corruption that was taken in the end, and what one trace may have beside a study's. */
static loci_status tell(const sweep *s, loci_trace *t, loci_err *err) {
  loci_trace_opts o = *s->opts;
  command_words words = command_of("trace", s->m);
  js_value *request = request_of_prompt(s->p);
  if (!s->donor) o.corrupt = s->corrupted.kind;
  if (!s->donor) js_put(&request, "seed", request_seed(o.seed));
  if (s->donor) donor_describe(s, &request, &words);
  trace_request_describe(&request, &o);
  words.cannot |= o.noise_deviation > 0 && !o.noise_data;
  if (o.verify > 0) js_put(&request, "verify", js_int(o.verify));
  return request_tell(&words, request, &t->result, err);
}

/* Instead of clean and corrupted run, the donor's and the prompt's own. */
static void set_donor_outcomes(const sweep *s, loci_trace *t) {
  int other = s->runs.other[0];
  const char *text = tokenizer_token(s->m->tokens, other);
  t->clean.m = donor_metrics(s);
  t->corrupted.m = sweep_corrupted(s);
  top_logits_candidates(donor_top(s), s->m, t->clean.top);
  top_logits_candidates(&s->runs.clean.top, s->m, t->corrupted.top);
  t->other = (loci_candidate){other, text ? text : "", exp(s->runs.clean.logp[other])};
  t->total_effect = t->clean.m.p - t->corrupted.m.p;
}

/* Clean and corrupted run, as the last walk has them. */
static void set_outcomes(const sweep *s, loci_trace *t) {
  if (s->donor) {
    set_donor_outcomes(s, t);
    return;
  }
  t->clean.m = variants_base(&s->runs, 0);
  t->corrupted.m = sweep_corrupted(s);
  top_logits_candidates(&s->runs.clean.top, s->m, t->clean.top);
  top_logits_candidates(&s->runs.beside_top, s->m, t->corrupted.top);
  const char *other = tokenizer_token(s->m->tokens, s->runs.other[0]);
  /* logit(o) - logit(o') = log p(o) - log p(o') in the corrupted run */
  loci_metrics first = variants_base(&s->runs, 1);
  double other_logp = first.logp_first - first.logit_diff;
  t->other = (loci_candidate){s->runs.other[0], other ? other : "", exp(other_logp)};
  t->total_effect = t->clean.m.p - t->corrupted.m.p;
}

/* The view borrows from the sweep, which lives as long as the trace does; only what the caller's
 * options own is copied. */
static loci_status fill_view(sweep *s, loci_trace *t, loci_err *err) {
  const loci_trace_opts *o = s->opts;
  t->model = loci_model_get_info(s->m);
  t->prompt = &s->p->info;
  t->corrupt = s->corrupted.kind;
  t->precision = dtype_name(s->m->compute_type);
  t->direction = o->direction;
  t->window_count = o->window_count;
  int *windows = arena_array(s->mem, t->window_count, int);
  if (!windows) return fail_nomem(err, "tracing");
  memcpy(windows, o->windows, (size_t)t->window_count * sizeof *windows);
  t->windows = windows;
  t->receiver = o->receiver ? arena_strdup(s->mem, o->receiver) : NULL;
  if (o->receiver && !t->receiver) return fail_nomem(err, "tracing");
  t->seed = o->seed;
  t->target_count = s->runs.target.count;
  t->target_ids = s->runs.target.ids;
  t->answer_given = s->donor ? o->answer != NULL : s->runs.target.given;
  if (s->donor) t->donor = &o->donor->info, t->donor_model = &o->donor->model->info;
  t->donor_at = s->donor && o->donor_at ? arena_strdup(s->mem, o->donor_at) : NULL;
  if (s->donor && o->donor_at && !t->donor_at) return fail_nomem(err, "tracing");
  TRY(target_text(s->m, s->runs.target.ids, s->runs.target.count, s->mem, &t->target_text, err));
  t->grid_count = s->grid_count;
  t->grids = s->grids;
  return tell(s, t, err);
}

static void set_cells(const sweep *s, loci_trace *t) {
  set_outcomes(s, t);
  set_effects(s, t);
}

/* ---------------------------------------------------------------- one trace among several */

typedef struct job {
  sweep s;
  const loci_trace_opts *asked; /* the caller's; NULL: all defaults */
  loci_trace_opts opts;         /* complete; strings are the result's */
  loci_trace *out;
  bool alone;     /* else nobody may look on */
  int answer;     /* its first token; -1: not known yet */
  double seconds; /* of its own, beside the walks that are shared */
} job;

static void begin(job *j, const loci_prompt *p, const loci_model *m) {
  j->s = (sweep){.p = p, .m = m, .opts = &j->opts};
}

/* What is asked for, and the target that is measured. */
static loci_status take_request(job *j, loci_err *err) {
  sweep *s = &j->s;
  NEEDS(s->p, "prompt");
  s->T = s->p->info.length;
  TRY(prompt_check_model(s->p, s->m, err));
  j->out = result_new(LOCI_KIND_TRACE, sizeof *j->out);
  if (!j->out) return fail_nomem(err, "tracing");
  s->mem = j->out->result.memory;
  TRY(options_take(loci_trace_opts, &j->opts, j->asked, err));
  if (!j->alone) j->opts.watch = NULL;
  request_of of = {.m = s->m, .p = s->p, .mem = s->mem};
  TRY(trace_request_complete(&of, &j->opts, err));
  TRY(path_new(s, err));
  TRY(target_make(s->p, s->opts->answer, s->mem, &s->runs.target, err));
  TRY(donor_new(s, err));
  j->answer = s->runs.target.given ? s->runs.target.ids[0] : -1;
  return LOCI_OK;
}

/* The corrupted run must not be told the answer, and the usual words may be just that. */
static bool has_to_know(const sweep *s) {
  return !s->donor && corruption_is_default(s->opts) && !s->runs.target.given;
}

/* The corruption, and what is to be run. */
static loci_status prepare(job *j, loci_err *err) {
  double start = clock_seconds();
  sweep *s = &j->s;
  s->corrupted = (corruption){.kind = "donor", .seeds = 1, .first_id = -1, .differs = -1};
  if (!s->donor) TRY(corruption_make(s->p, s->opts, j->answer, s->mem, &s->corrupted, err));
  s->first = s->corrupted.first;
  TRY(sweep_runs(s, err));
  TRY(sweep_grids(s, err));
  if (s->donor) TRY(donor_run(s, err));
  if (s->path) TRY(path_prepare(s, err));
  TRY(sets_new(s, err));
  if (s->opts->screen > 0 && !s->opts->watch) TRY(sweep_screen(s, err));
  j->seconds += clock_seconds() - start;
  return LOCI_OK;
}

/* The clean run alone, which tells the target, before anything else is run.  It is kept where the
 * memory allows, and the sweep's begins after what it has. */
static loci_status know_answer(job *j, loci_err *err) {
  double start = clock_seconds();
  sweep *s = &j->s;
  variants *v = &s->runs;
  *v = (variants){.m = s->m,
                  .target = v->target,
                  .progress = s->opts->progress,
                  .progress_ctx = s->opts->progress_ctx,
                  .p = s->p,
                  .look = s->T - 1,
                  .first = s->T,
                  .what = "answer"};
  if (!keep_is_used(s->p) && keep_bytes(s->p) < s->m->memory / 4) TRY(keep_new(s->p, &v->own, err));
  TRY(variants_room(v, s->mem, err));
  loci_status st = variants_run(&v, 1, err);
  j->answer = v->target.ids[0];
  j->seconds += clock_seconds() - start;
  return st;
}

/* Whether the corrupted run was told the answer by the usual words. */
static bool is_told(const sweep *s) {
  return has_to_know(s) && !s->runs.not_finite && s->corrupted.first_id == s->runs.target.ids[0];
}

/* Several traces walk together before any answer is known; the rare one whose usual words were its
 * answer is run again, alone. */
static loci_status avoid_answer(job *j, loci_err *err) {
  sweep *s = &j->s;
  int answer = s->runs.target.ids[0];
  if (!is_told(s)) return LOCI_OK;
  double start = clock_seconds(), before = j->seconds;
  loci_trace *first = j->out;
  loci_cost cost = s->runs.cost;
  begin(j, s->p, s->m);
  s->runs.cost = cost;
  j->out = NULL;
  loci_free(first);
  TRY(take_request(j, err));
  j->answer = answer;
  TRY(prepare(j, err));
  TRY(sweeps_run(&s, 1, err));
  j->seconds = before + clock_seconds() - start;
  return LOCI_OK;
}

/* [seconds]: its part of the walks'. */
static loci_status finish(job *j, const loci_model *m, double seconds, loci_err *err) {
  double begin = clock_seconds();
  sweep *s = &j->s;
  loci_trace *t = j->out;
  if (s->runs.not_finite) return not_finite(s->m, err);
  bool whole = t->missing == 0;
  if (!s->opts->watch) TRY(fill_view(s, t, err));
  set_cells(s, t);
  TRY(sets_fill(s, t, err));
  if (s->opts->screen > 0 && whole) TRY(audit_report(s, t, err));
  t->cost = s->runs.cost;
  t->cost.naive_flop = naive_flop(s);
  t->cost.seconds = j->seconds + seconds + clock_seconds() - begin;
  if (s->opts->verify > 0 && whole) TRY(sweep_verify(s, t, err));
  TRY(sweep_notes(s, t, err));
  t->hash = whole ? "" : model_known_hash(m);
  return s->opts->no_hash || !whole
             ? LOCI_OK
             : model_hash(m, s->opts->progress, s->opts->progress_ctx, &t->hash, err);
}

/* What was run before somebody said stop, if that is asked for and means anything: what is left is
 * marked, and nothing more is begun that would be stopped again. */
static bool keeps_part(job *j) {
  const loci_metrics none = {(double)NAN, (double)NAN, (double)NAN,
                             (double)NAN, (double)NAN, (double)NAN};
  sweep *s = &j->s;
  if (!j->opts.partial || s->opts->screen > 0 || s->taken == 0 || is_told(s)) return false;
  for (int64_t i = s->taken; i < s->cell_count; i++) {
    loci_metrics *cells = (loci_metrics *)(uintptr_t)s->grids[s->cells[i].grid].cells;
    cells[s->cells[i].at] = none;
  }
  j->out->missing = s->cell_count - s->taken;
  j->opts.no_hash = true;
  j->opts.verify = 0;
  return true;
}

/* What ends the other traces, too. */
static bool ends_all(loci_status st) { return st && !status_is_own(st); }

/* Walks of all that could be prepared, and what comes after. */
static loci_status run_jobs(const loci_model *m, job *jobs, loci_trace_request *requests, int n,
                            loci_err *err) {
  sweep **ready = calloc((size_t)n, sizeof *ready);
  int count = 0;
  double formula = 0, begin = clock_seconds();
  if (!ready) return fail_nomem(err, "tracing");
  for (int i = 0; i < n; i++) {
    if (!requests[i].err.code) ready[count++] = &jobs[i].s;
  }
  static const trace_view view = {fill_view, set_cells};
  bool watched = count == 1 && ready[0]->opts->watch;
  loci_status st =
      watched ? sweep_in_turns(ready[0], jobs[0].out, &view, err) : sweeps_run(ready, count, err);
  if (st == LOCI_ECANCELLED && n == 1 && !watched && keeps_part(&jobs[0])) st = LOCI_OK;
  double seconds = clock_seconds() - begin;
  for (int i = 0; i < count; i++) formula += (double)ready[i]->runs.cost.formula;
  free(ready);
  for (int i = 0; !st && i < n; i++) {
    loci_trace_request *r = &requests[i];
    if (r->err.code) continue;
    double share = count == 1 ? 1 : (double)jobs[i].s.runs.cost.formula / formula;
    loci_status own = n > 1 ? avoid_answer(&jobs[i], &r->err) : LOCI_OK;
    if (!own) own = finish(&jobs[i], m, share * seconds, &r->err);
    if (ends_all(own)) st = pass_on(&r->err, err);
  }
  return st;
}

loci_status loci_traces(const loci_model *model, loci_trace_request *requests, int count,
                        loci_err *err) {
  NEEDS(model, "model");
  NEEDS(requests, "requests");
  if (count < 1 || !requests) return fail(err, LOCI_EINVAL, "%d traces: expected 1 or more", count);
  loci_status st = LOCI_OK;
  job *jobs = calloc((size_t)count, sizeof *jobs);
  for (int i = 0; i < count; i++) {
    requests[i].trace = NULL;
    requests[i].err = (loci_err){0};
  }
  if (!jobs) return fail_nomem(err, "tracing");
  for (int i = 0; !st && i < count; i++) {
    loci_trace_request *r = &requests[i];
    begin(&jobs[i], r->prompt, model);
    jobs[i].asked = r->opts;
    jobs[i].alone = count == 1;
    if (ends_all(take_request(&jobs[i], &r->err))) st = pass_on(&r->err, err);
  }
  for (int i = 0; !st && i < count; i++) {
    loci_trace_request *r = &requests[i];
    loci_status own = r->err.code;
    if (!own && count == 1 && has_to_know(&jobs[i].s)) own = know_answer(&jobs[i], &r->err);
    if (!own) own = prepare(&jobs[i], &r->err);
    if (ends_all(own)) st = pass_on(&r->err, err);
  }
  if (!st) st = run_jobs(model, jobs, requests, count, err);
  for (int i = 0; i < count; i++) {
    keep_free(jobs[i].s.runs.own);
    if (!st && !requests[i].err.code) {
      requests[i].trace = jobs[i].out;
    } else {
      loci_free(jobs[i].out);
    }
  }
  free(jobs);
  return st;
}

loci_status loci_trace_new(const loci_model *model, const loci_prompt *prompt,
                           const loci_trace_opts *opts, loci_trace **out, loci_err *err) {
  NEEDS(out, "place for the result");
  *out = NULL;
  NEEDS(model, "model");
  NEEDS(prompt, "prompt");
  loci_trace_request r = {.prompt = prompt, .opts = opts};
  loci_err own;
  loci_status st = loci_traces(model, &r, 1, &own);
  if (!st && r.err.code) {
    own = r.err;
    st = r.err.code;
  }
  if (st && err) *err = own;
  *out = r.trace;
  return st;
}
