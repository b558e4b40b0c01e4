/* A question before and after an edit (see test_question.h; docs/MATH.md, "Measures of edits").
 *
 * "The original answer" is the unedited model's greedy one, without its end token; probabilities
 * are of whole answers, teacher forced. */
#include "edit/test_question.h"

#include <math.h>
#include <string.h>

#include "data/example.h"
#include "walk/walk.h"

const char *const metric_names[2][METRICS] = {{"unchanged", "first", "p", "right", "kl"},
                                              {"free", "first", "forced", "p", "lead"}};

/* One model's view of a question. */
typedef struct model_answer {
  const loci_model *m;
  char *text; /* greedy answer, normalised */
  const char *raw;
  int first; /* its first token */
  int count; /* ids of the answer, the end token left out */
  const int *ids;
  double *logp; /* (V) at the last prompt position */
} model_answer;

typedef struct job {
  const test_question *q;
  const loci_prompt *p;
  arena *mem;
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
  loci_prompt same = *j->p; /* its rows do not depend on what a view changes */
  same.model = s->m;
  TRY(loci_ask(s->m, &same, j->q->max_new, NULL, NULL, &a, err));
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

/* Teacher forcing of given ids. */
static loci_status force(const job *j, const int *ids, int count, target *out, loci_err *err) {
  int64_t D = model_decoder(j->p->model)->width;
  int T = j->p->info.length;
  int room = count;
  while (room > 1 && check_length(j->p->model, (int64_t)T + room - 1, "the answer", NULL)) room--;
  *out = (target){.given = true, .count = room, .length = T + room - 1};
  out->ids = arena_array(j->mem, room, int);
  out->embeds = arena_array(j->mem, out->length * D, float);
  if (!out->ids || !out->embeds) return fail_nomem(err, "testing an edit");
  memcpy(out->ids, ids, (size_t)room * sizeof *ids);
  memcpy(out->embeds, j->p->embeds, (size_t)(T * D) * sizeof *out->embeds);
  for (int i = 0; i + 1 < room; i++) {
    if (!embed_token(j->p->model, ids[i], out->embeds + (T + i) * D)) {
      return fail(err, LOCI_EINVAL, "token %d of the answer has no row in the embedding", ids[i]);
    }
  }
  return LOCI_OK;
}

/* Means over the tokens of the target: 1 where it is the most likely one. */
static loci_status with_target(const job *j, const model_answer *s, const target *original,
                               double *out, loci_err *err) {
  target t;
  target_reading now, old;
  bool same;
  TRY(answer_matches(s->raw, &j->q->target, 1, &same, err));
  TRY(target_make(j->p, j->q->target, j->mem, &t, err));
  TRY(measure_target(s->m, &t, NULL, &now, err));
  TRY(measure_target(s->m, original, NULL, &old, err));
  out[0] = same;
  out[1] = s->first == t.ids[0];
  out[2] = now.share;
  out[3] = now.p;
  out[4] = now.p - old.p;
  return LOCI_OK;
}

static double divergence(const double *p, const double *q, int V) {
  double sum = 0;
  for (int i = 0; i < V; i++) {
    if (p[i] > -700) sum += exp(p[i]) * (p[i] - q[i]);
  }
  return sum;
}

/* A question that should stay: the same text, the same first token, the probability of the old
 * answer, whether it is right, and how far the whole distribution moved. */
static loci_status without_target(const job *j, const model_answer *before, model_answer *s,
                                  const target *original, double *out, loci_err *err) {
  int V = model_decoder(s->m)->vocab;
  target_reading old;
  bool right = false;
  s->logp = arena_array(j->mem, V, double);
  if (!s->logp) return fail_nomem(err, "testing an edit");
  TRY(measure_target(s->m, original, s->logp, &old, err));
  TRY(answer_matches(s->raw, j->q->answers, j->q->answer_count, &right, err));
  out[0] = strcmp(s->text, before->text) == 0;
  out[1] = s->first == before->first;
  out[2] = old.p;
  out[3] = j->q->answer_count > 0 ? (double)right : (double)NAN;
  out[4] = divergence(before->logp, s->logp, V);
  return LOCI_OK;
}

/* Before first: what is asked of the edited model is the unedited one's own answer. */
static loci_status measure_both(const job *j, const loci_model *m, const loci_model *edited,
                                test_numbers *out, loci_err *err) {
  model_answer answers[2] = {{.m = m}, {.m = edited}};
  double *to[2] = {out->before, out->after};
  target original = {0};
  for (int i = 0; i < 2; i++) {
    TRY(take_answer(j, &answers[i], err));
    if (i == 0) TRY(force(j, answers[0].ids, answers[0].count, &original, err));
    if (j->q->target) {
      TRY(with_target(j, &answers[i], &original, to[i], err));
    } else {
      TRY(without_target(j, &answers[0], &answers[i], &original, to[i], err));
    }
  }
  return LOCI_OK;
}

loci_status test_question_measure(const loci_model *m, const loci_model *edited,
                                  const test_question *q, test_numbers *out, loci_err *err) {
  loci_prompt *p = NULL;
  loci_question asked = {.size = sizeof asked,
                         .image = q->image,
                         .text = q->text,
                         .template_name = q->template_name,
                         .system = q->system,
                         .date = q->date};
  arena *mem = arena_new();
  loci_status st = mem ? loci_prompt_new(m, &asked, &p, err) : fail_nomem(err, "testing an edit");
  job j = {q, p, mem};
  if (!st) st = measure_both(&j, m, edited, out, err);
  loci_prompt_free(p);
  arena_free(mem);
  return st;
}
