/* What an edit does to its own questions: the whole target's probability with W' in every position,
 * and the greedy answer (see edit.h). */
#include <string.h>

#include "edit/edit.h"
#include "walk/keep.h"
#include "walk/variants.h"

typedef struct best_ids {
  int *at, vocab;
} best_ids;

/* The target's run alone, under any view of the prompt's model. */
static loci_status run_target(variants *v, arena *mem, loci_err *err) {
  TRY(variants_room(v, mem, err));
  return variants_run(&v, 1, err);
}

loci_status edit_not_finite(const problem *q, loci_err *err) {
  int steps = q->fact->step_count;
  if (steps == 0) return not_finite(q->m, err);
  return fail(err, LOCI_EINVAL,
              "after %d step%s of solving the edit the scores are not finite: a smaller --lr "
              "(lr, %g here)",
              steps, steps == 1 ? "" : "s", q->set->lr);
}

loci_status measure_after(problem *q, const loci_model *view, loci_err *err) {
  variants v = {.m = view,
                .target = q->target,
                .against = &q->before,
                .progress = q->opts->progress,
                .progress_ctx = q->opts->progress_ctx};
  TRY(run_target(&v, q->mem, err));
  if (v.not_finite) return edit_not_finite(q, err);
  q->fact->after.m = variants_base(&v, 0);
  top_logits_candidates(&v.clean.top, q->m, q->fact->after.top);
  q->fact->reached = v.wins == q->target.count;
  if (!q->fact->reached) q->fact->hint = edit_hint(q);
  if (!q->fact->reached && !q->fact->hint) return fail_nomem(err, "measuring an edit");
  if (q->opts->no_answers) return LOCI_OK;
  watch asked = {q->opts->progress, q->opts->progress_ctx};
  TRY(measure_answer(q->m, q->p, &asked, q->mem, &q->fact->answer_before, err));
  return measure_answer(view, q->p, &asked, q->mem, &q->fact->answer_after, err);
}

/* The ids of the largest logits, the smaller id first of equals. */
static void read_best(void *ctx, int token, const float *logits) {
  const best_ids *b = ctx;
  int *best = b->at + (int64_t)token * BEST, n = 0;
  for (int id = 0; id < b->vocab; id++) {
    if (n == BEST && logits[id] <= logits[best[n - 1]]) continue;
    int at = n < BEST ? n++ : n - 1;
    for (; at > 0 && logits[id] > logits[best[at - 1]]; at--) best[at] = best[at - 1];
    best[at] = id;
  }
  for (; n < BEST; n++) best[n] = -1;
}

/* A run of a target alone, and what its logits said. */
typedef struct alone {
  const loci_model *m;
  target t;
  reference first;
  reading *all; /* (count) */
  best_ids best;
  int wins;
  bool not_finite;
} alone;

static void read_alone(void *ctx, int64_t token, const float *logits) {
  alone *r = ctx;
  int V = model_decoder(r->m)->vocab;
  if (token == 0) {
    r->not_finite = !logits_are_finite(logits, V);
    reference_read(&r->first, &r->t, logits, V);
  }
  if (r->best.at) read_best(&r->best, (int)token, logits);
  r->wins += argmax_of(logits, V, -1) == r->t.ids[token];
  r->all[token] = reading_of(logits, V, r->t.ids[token], -1, NULL);
}

/* After what is cached it begins with the prompt's last row, whose logits are the first token's, or
 * where rows begin that see one another with it. */
static loci_status run_alone(alone *r, kv_cache *cache, loci_err *err) {
  const target *t = &r->t;
  int s, last = t->length - t->count, from = cache ? mutual_first(t->mutual, last) : 0;
  input rows = input_from(target_input(t), from, model_decoder(r->m));
  walk *w;
  TRY(walk_new(r->m, &w, err));
  walk_hooks hooks = {.logits = read_alone, .logits_ctx = r, .ordered = t->count};
  if (t->watch) {
    hooks.progress = t->watch->progress;
    hooks.progress_ctx = t->watch->ctx;
  }
  walk_beside(w, from);
  loci_status st =
      cache ? walk_resume(w, cache, from, 0, rows, &s, err) : walk_root(w, rows, &s, err);
  for (int i = 0; !st && i < t->count; i++) st = walk_want(w, s, last + i, err);
  if (!st) st = walk_run(w, &hooks, err);
  walk_free(w);
  if (st) return st;
  return r->not_finite ? not_finite(r->m, err) : LOCI_OK;
}

loci_status measure_target(const loci_model *m, const target *t, kv_cache *cache,
                           target_reading *out, loci_err *err) {
  int V = model_decoder(m)->vocab;
  alone r = {.m = m, .t = *t, .best = {out->best, V}};
  arena *mem = arena_new();
  r.all = mem ? arena_array(mem, t->count, reading) : NULL;
  bool room = r.all && reference_room(&r.first, V, mem);
  loci_status st = room ? run_alone(&r, cache, err) : fail_nomem(err, "measuring an edit");
  if (!st) {
    out->p = readings_metrics(r.all, t->count).p;
    out->share = (double)r.wins / t->count;
    out->wins = r.wins == t->count;
    if (out->logp) memcpy(out->logp, r.first.logp, (size_t)V * sizeof *out->logp);
  }
  arena_free(mem);
  return st;
}

loci_status measure_answer(const loci_model *m, const loci_prompt *p, const watch *w, arena *mem,
                           const char **out, loci_err *err) {
  loci_answer *a;
  loci_prompt same = *p; /* its rows do not depend on what a view changes */
  same.model = m;
  *out = NULL;
  if (m->weights->config.generation_problem) return LOCI_OK;
  TRY(loci_ask(m, &same, 0, w->progress, w->ctx, &a, err));
  *out = arena_strdup(mem, a->text);
  loci_free(a);
  return *out ? LOCI_OK : fail_nomem(err, "measuring an edit");
}
