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

loci_status measure_target(const loci_model *m, const target *t, kv_cache *cache,
                           target_reading *out, loci_err *err) {
  best_ids best = {out->best, model_decoder(m)->vocab};
  variants v = {.m = m, .target = *t, .cache = cache};
  if (out->best) {
    v.look_at = read_best;
    v.ctx = &best;
  }
  if (t->watch) {
    v.progress = t->watch->progress;
    v.progress_ctx = t->watch->ctx;
  }
  arena *mem = arena_new();
  if (!mem) return fail_nomem(err, "measuring an edit");
  loci_status st = run_target(&v, mem, err);
  if (!st && v.not_finite) st = not_finite(m, err);
  if (!st) {
    out->p = variants_base(&v, 0).p;
    out->share = (double)v.wins / t->count;
    out->wins = v.wins == t->count;
  }
  if (!st && out->logp)
    memcpy(out->logp, v.clean.logp, (size_t)model_decoder(m)->vocab * sizeof *out->logp);
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
