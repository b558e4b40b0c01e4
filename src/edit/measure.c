/* What an edit does to its own questions: the whole target's probability with W' in every position,
 * and the greedy answer (see edit.h). */
#include <math.h>

#include "edit/edit.h"
#include "walk/walk.h"

typedef struct look {
  problem *q;
  reading *readings; /* one for each token of the target */
  top_logits top;
  bool not_finite;
} look;

static void read_after(void *ctx, int64_t index, const float *logits) {
  look *k = ctx;
  const problem *q = k->q;
  int V = model_decoder(q->m)->vocab;
  k->not_finite |= !logits_are_finite(logits, V);
  if (index == 0) {
    k->top.vocab = V;
    top_logits_of(logits, V, &k->top);
  }
  k->readings[index] =
      reading_of(logits, V, q->target.ids[index], q->other, index ? NULL : q->before_logp);
}

loci_status measure_after(problem *q, const loci_model *view, loci_err *err) {
  int n = q->target.count, s;
  look k = {.q = q};
  walk *w;
  k.readings = arena_zarray(q->mem, n, reading);
  if (!k.readings) return fail_nomem(err, "measuring an edit");
  walk_hooks hooks = {.logits = read_after,
                      .logits_ctx = &k,
                      .ordered = n,
                      .progress = q->opts->progress,
                      .progress_ctx = q->opts->progress_ctx};
  TRY(walk_new(view, &w, err));
  loci_status st = walk_root(w, q->target.embeds, q->target.length, &s, err);
  for (int i = 0; !st && i < n; i++) st = walk_want(w, s, q->p->info.length - 1 + i, err);
  if (!st) st = walk_run(w, &hooks, err);
  walk_free(w);
  TRY(st);
  if (k.not_finite) return not_finite(view, err);
  q->fact->after.m = readings_metrics(k.readings, n);
  top_logits_candidates(&k.top, q->m, q->fact->after.top);
  if (q->opts->no_answers) return LOCI_OK;
  TRY(measure_answer(q->m, q->p, q->mem, &q->fact->answer_before, err));
  return measure_answer(view, q->p, q->mem, &q->fact->answer_after, err);
}

/* ---------------------------------------------------------------- a target alone */

typedef struct target_reader {
  const target *t;
  int V;
  double *all; /* (V) or NULL */
  double logp;
  int wins;
  bool not_finite;
} target_reader;

static void read_target(void *ctx, int64_t index, const float *logits) {
  target_reader *r = ctx;
  int id = r->t->ids[index];
  r->not_finite |= !logits_are_finite(logits, r->V);
  double total = log_sum_exp(logits, r->V);
  r->logp += (double)logits[id] - total;
  r->wins += argmax_of(logits, r->V, -1) == id;
  for (int i = 0; index == 0 && r->all && i < r->V; i++) r->all[i] = (double)logits[i] - total;
}

loci_status measure_target(const loci_model *m, const loci_prompt *p, const target *t, double *logp,
                           target_look *out, loci_err *err) {
  target_reader r = {.t = t, .V = model_decoder(m)->vocab, .all = logp};
  walk *w;
  int s;
  TRY(walk_new(m, &w, err));
  loci_status st = walk_root(w, t->embeds, t->length, &s, err);
  for (int i = 0; !st && i < t->count; i++) st = walk_want(w, s, p->info.length - 1 + i, err);
  walk_hooks hooks = {.logits = read_target, .logits_ctx = &r, .ordered = t->count};
  if (!st) st = walk_run(w, &hooks, err);
  walk_free(w);
  TRY(st);
  *out = (target_look){exp(r.logp), (double)r.wins / t->count, r.wins == t->count};
  return r.not_finite ? not_finite(m, err) : LOCI_OK;
}

loci_status measure_answer(const loci_model *m, const loci_prompt *p, arena *mem, const char **out,
                           loci_err *err) {
  loci_answer *a;
  loci_prompt same = *p; /* its rows do not depend on what a view changes */
  same.model = m;
  *out = NULL;
  if (m->weights->config.generation_problem) return LOCI_OK;
  TRY(loci_ask(m, &same, 0, NULL, NULL, &a, err));
  *out = arena_strdup(mem, a->text);
  loci_free(a);
  return *out ? LOCI_OK : fail_nomem(err, "measuring an edit");
}
