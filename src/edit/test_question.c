/* A question before and after an edit (see test_question.h; docs/MATH.md, "Measures of edits").
 *
 * Free answers come first: the model writes, and stops where it stops.  "The original answer" is
 * the unedited model's greedy one, without its end token; probabilities are of whole answers,
 * teacher forced. */
#include "edit/test_question.h"

#include <math.h>
#include <string.h>

#include "data/questions.h"
#include "data/vqa_accuracy.h"
#include "study/likelihood.h"
#include "walk/ask.h"

const char *const metric_names[QUESTION_KINDS][METRICS + 1] = {
    [SHOULD_STAY] = {"unchanged", "first", "p", "right", "kl", "target", "top1", "top10", "vqa"},
    [SHOULD_CHANGE] = {"free", "first", "forced", "p", "lead", "vqa"},
    [FACT] = {"balanced", "yes", "no", "p", "free"}};

/* One model's view of a question. */
typedef struct model_answer {
  const loci_model *m;
  char *text; /* greedy answer, normalised */
  const char *raw;
  int first; /* its first token */
  int count; /* ids of the answer, the end token left out */
  const int *ids;
  double *logp;    /* (V) at the last prompt position */
  int *best;       /* (tokens, BEST) of the answer whose agreement is measured */
  kv_cache *cache; /* of the prompt and what follows */
} model_answer;

typedef struct job {
  const test_question *q;
  const loci_prompt *p;
  arena *mem;
  const watch *watch;
  target given;    /* the first of the accepted answers; none: not a single token */
  target original; /* the original answer */
  target agreed;   /* of one that should stay: the answer at whose positions models are compared */
} job;

static bool is_end(const loci_model *m, int id) {
  const model_config *c = &m->weights->config;
  for (int i = 0; i < c->n_eos; i++) {
    if (c->eos[i] == id) return true;
  }
  return false;
}

/* The prompt's rows do not depend on the MLP weights a view changes, so it is not made again;
 * the end token is no part of the answer, as a model that stops at once would else seem to
 * answer. */
static loci_status take_answer(const job *j, model_answer *s, loci_err *err) {
  loci_answer *a;
  loci_prompt same = *j->p;
  same.model = s->m;
  answering of = {.p = &same,
                  .rows = same.embeds,
                  .first = same.info.length,
                  .room = j->given.count,
                  .cache = &s->cache};
  walk_hooks hooks = {.progress = j->watch->progress, .progress_ctx = j->watch->ctx};
  int most = j->q->max_new ? j->q->max_new : ANSWER_TOKENS;
  TRY(answer_make(&of, most, &hooks, &a, err));
  loci_status st = answer_normalise(a->text, j->mem, &s->text, err);
  int *ids = arena_array(j->mem, a->count, int);
  s->raw = arena_strdup(j->mem, a->text);
  if (!st && (!ids || !s->raw)) st = fail_nomem(err, "testing an edit");
  for (int i = 0; !st && i < a->count; i++) ids[i] = a->ids[i];
  s->ids = ids;
  s->first = a->top[0][0].id;
  s->count = a->count > 1 && is_end(s->m, a->ids[a->count - 1]) ? a->count - 1 : a->count;
  loci_free(a);
  return st;
}

/* min(1, others who say so / 3), where several people answered. */
static loci_status accuracy(const job *j, const model_answer *s, double *out, loci_err *err) {
  *out = (double)NAN;
  if (j->q->vote_count < 2) return LOCI_OK;
  return vqa_accuracy(s->raw, j->q->votes, j->q->vote_count, out, err);
}

/* Means over the tokens of the target: 1 where it is the most likely one. */
static loci_status with_target(const job *j, const model_answer *s, double *out, loci_err *err) {
  target_reading now = {0}, old = {0};
  bool same;
  TRY(answer_matches(s->raw, j->q->answers, j->q->answer_count, &same, err));
  TRY(measure_target(s->m, &j->given, s->cache, &now, err));
  TRY(measure_target(s->m, &j->original, s->cache, &old, err));
  out[0] = same;
  out[1] = s->first == j->given.ids[0];
  out[2] = now.share;
  out[3] = now.p;
  out[4] = now.p - old.p;
  return accuracy(j, s, &out[5], err);
}

static double divergence(const double *p, const double *q, int V) {
  double sum = 0;
  for (int i = 0; i < V; i++) {
    if (p[i] > -700) sum += exp(p[i]) * (p[i] - q[i]);
  }
  return sum;
}

/* Over the positions of an answer, and the first [k] ranks: the share of ids that are the same in
 * both models, rank by rank (EasyEdit, VLKEB). */
static double agreement(const int *a, const int *b, int count, int k) {
  int same = 0, all = 0;
  for (int i = 0; i < count; i++) {
    for (int r = 0; r < k && a[i * BEST + r] >= 0; r++, all++)
      same += a[i * BEST + r] == b[i * BEST + r];
  }
  return (double)same / all;
}

/* Of a question that should stay, an answer that cannot stand after the prompt is none. */
static loci_status take_given(job *j, loci_err *err) {
  loci_err own = {0};
  if (j->q->kind == FACT || j->q->answer_count == 0) return LOCI_OK;
  loci_status st = target_make(j->p, j->q->answers[0], j->mem, &j->given, &own);
  j->given.watch = j->watch;
  if (!st) return LOCI_OK;
  j->given.count = 0;
  return j->q->kind == SHOULD_STAY && status_is_own(st) ? LOCI_OK : pass_on(&own, err);
}

/* The model's own answer; of one that should stay the given one is forced, as there, where there is
 * one. */
static loci_status take_original(job *j, const model_answer *s, loci_err *err) {
  TRY(target_of_ids(j->p, s->ids, s->count, j->mem, &j->original, err));
  j->original.watch = j->watch;
  j->agreed = j->given.count > 0 ? j->given : j->original;
  return LOCI_OK;
}

static bool is_original(const job *j) {
  const target *a = &j->agreed, *b = &j->original;
  return a->count == b->count && memcmp(a->ids, b->ids, (size_t)a->count * sizeof *a->ids) == 0;
}

/* A question that should stay: the same text, the same first token, the probability of the old
 * answer, whether it is right, how far the whole distribution moved, whether it is answered with
 * what the edit brings elsewhere. */
static loci_status without_target(const job *j, const model_answer *before, model_answer *s,
                                  double *out, loci_err *err) {
  int V = model_decoder(s->m)->vocab;
  bool right = false, brought;
  s->logp = arena_array(j->mem, V, double);
  s->best = arena_array(j->mem, (int64_t)j->agreed.count * BEST, int);
  if (!s->logp || !s->best) return fail_nomem(err, "testing an edit");
  bool same = is_original(j);
  target_reading old = {.logp = s->logp, .best = same ? s->best : NULL}, other = {.best = s->best};
  TRY(measure_target(s->m, &j->original, s->cache, &old, err));
  if (!same) TRY(measure_target(s->m, &j->agreed, s->cache, &other, err));
  TRY(answer_matches(s->raw, j->q->answers, j->q->answer_count, &right, err));
  TRY(answer_matches(s->raw, &j->q->target, 1, &brought, err));
  out[0] = strcmp(s->text, before->text) == 0;
  out[1] = s->first == before->first;
  out[2] = old.p;
  out[3] = j->q->answer_count > 0 ? (double)right : (double)NAN;
  out[4] = divergence(before->logp, s->logp, V);
  out[STAY_TARGET] = brought;
  out[6] = agreement(before->best, s->best, j->agreed.count, 1);
  out[7] = agreement(before->best, s->best, j->agreed.count, BEST);
  return accuracy(j, s, &out[8], err);
}

/* Yes or no, whichever is likelier as a whole answer; equal ones are half right. */
static loci_status of_fact(const job *j, const model_answer *s, double *out, loci_err *err) {
  const char *words[2];
  double logp[2];
  bool free = false;
  loci_prompt same = *j->p; /* as above */
  same.model = s->m;
  if (!side_verdict(j->q->answers[0], words)) return fail(err, LOCI_EINVAL, "neither yes nor no");
  TRY(likelihood_of(&same, words, 2, logp, j->watch->progress, j->watch->ctx, err));
  TRY(answer_matches(s->raw, words, 1, &free, err));
  double right = logp[0] > logp[1] ? 1 : logp[0] < logp[1] ? 0 : 0.5;
  bool yes = words[0][0] == 'y' || words[0][0] == 'Y';
  out[FACT_YES] = yes ? right : (double)NAN;
  out[FACT_NO] = yes ? (double)NAN : right;
  out[3] = 1 / (1 + exp(logp[1] - logp[0]));
  out[4] = free;
  return LOCI_OK;
}

static loci_status measure_one(job *j, const model_answer *before, model_answer *s, double *out,
                               loci_err *err) {
  for (int k = 0; k < METRICS; k++) out[k] = (double)NAN;
  TRY(take_answer(j, s, err));
  if (s == before) TRY(take_original(j, s, err));
  switch (j->q->kind) {
    case SHOULD_CHANGE: return with_target(j, s, out, err);
    case FACT: return of_fact(j, s, out, err);
    default: return without_target(j, before, s, out, err);
  }
}

/* Before first: what is asked of the edited model is the unedited one's own answer. */
static loci_status measure_both(job *j, const loci_model *m, const loci_model *edited,
                                test_numbers *out, loci_err *err) {
  model_answer answers[2] = {{.m = m}, {.m = edited}};
  double *to[2] = {out->before, out->after};
  loci_status st = take_given(j, err);
  for (int i = 0; i < 2 && !st; i++) {
    st = measure_one(j, &answers[0], &answers[i], to[i], err);
    kv_cache_free(answers[i].cache);
  }
  return st;
}

loci_status test_question_measure(const loci_model *m, const loci_model *edited,
                                  const test_question *q, const watch *w, test_numbers *out,
                                  loci_err *err) {
  loci_prompt *p = NULL;
  loci_question asked = {.size = sizeof asked,
                         .image = q->image,
                         .text = q->text,
                         .template_name = q->template_name,
                         .system = q->system,
                         .date = q->date,
                         .progress = w->progress,
                         .progress_ctx = w->ctx};
  arena *mem = arena_new();
  loci_status st = mem ? loci_prompt_new(m, &asked, &p, err) : fail_nomem(err, "testing an edit");
  job j = {.q = q, .p = p, .mem = mem, .watch = w};
  if (!st) st = measure_both(&j, m, edited, out, err);
  loci_prompt_free(p);
  arena_free(mem);
  return st;
}
