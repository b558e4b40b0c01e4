/* Two small measurements of an example, to be averaged: the answer (right or not, how sure), and
 * the logit lens at the constraint and at the end. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/names.h"
#include "data/vqa_accuracy.h"
#include "study/jobs.h"
#include "study/request.h"

/* ---------------------------------------------------------------- ask */

/* VQA accuracy, of an example that several people answered. */
static loci_status put_votes(averaging *a, const study_item *item, const char *answer,
                             loci_err *err) {
  const loci_examples *from = a->s->examples;
  const char *const *votes;
  double accuracy;
  int n;
  TRY(example_votes(item->example, examples_path(from), examples_unit(from), item->mem, &votes, &n,
                    err));
  if (n == 0) return LOCI_OK;
  TRY(vqa_accuracy(answer, votes, n, &accuracy, err));
  return average_put_number(a, "VQA accuracy", accuracy, err);
}

/* Examples without known answers have a confidence and no "right": they enter the one mean and
 * not the other. */
static loci_status gather_answer(void *ctx, study_item *item, loci_err *err) {
  averaging *a = ((average_job *)ctx)->a;
  const study_answer *answer;
  bool known = item->example->answer_count > 0;
  TRY(study_ask(a->s, item, &answer, err));
  TRY(average_room(a, err));
  if (known) TRY(average_put_number(a, "right", answer->right, err));
  if (known) TRY(average_put_number(a, "first token right", answer->first_right, err));
  TRY(put_votes(a, item, answer->text, err));
  TRY(average_put_number(a, "confidence", answer->confidence, err));
  TRY(average_put_number(a, "margin", answer->margin, err));
  average_next(a, known ? answer->right : -1);
  return LOCI_OK;
}

/* Every single number as it is. */
static loci_status put_numbers(averaging *a, loci_err *err) {
  for (int i = 0; i < a->series_count; i++) {
    const series_key *k = &a->series[i].key;
    if (k->points == 1 && !k->place[0]) TRY(average_number(a, i, 0, OF_ALL, k->quantity, err));
  }
  return LOCI_OK;
}

static loci_status finish_answers(void *ctx, loci_err *err) {
  averaging *a = ((average_job *)ctx)->a;
  a->out->title = "Answers";
  return put_numbers(a, err);
}

average_job *job_ask(arena *mem) {
  average_job *job = arena_alloc(mem, 1, sizeof *job);
  if (!job) return NULL;
  *job = (average_job){.what = "ask",
                       .asks = true,
                       .gather = gather_answer,
                       .finish = finish_answers,
                       .tells_right = true,
                       .headline = "confidence",
                       .ctx = job};
  return job;
}

/* ---------------------------------------------------------------- lens */

typedef struct lens_study {
  average_job job;
  loci_lens_opts how;
  bool some; /* not all layers */
} lens_study;

static const char target_row[] = "p of the target", leads_row[] = "target leads";

/* The mean over the positions of a role, layer by layer. */
static loci_status put_role(averaging *a, const loci_lens *l, loci_role role, double *p,
                            double *leads, loci_err *err) {
  int L = l->layer_count, count = 0;
  for (int k = 0; k < L; k++) p[k] = leads[k] = 0;
  for (int i = 0; i < l->position_count; i++) {
    if (l->prompt->tokens[l->positions[i]].role != role) continue;
    count++;
    for (int k = 0; k < L; k++) {
      const loci_lens_cell *cell = &l->cells[(int64_t)i * L + k];
      p[k] += cell->p;
      leads[k] += cell->rank == 1;
    }
  }
  if (count == 0) return LOCI_OK;
  for (int k = 0; k < L; k++) {
    p[k] /= count;
    leads[k] /= count;
  }
  series_key key = {target_row, 0, role_name(role), l->layers[0], L};
  TRY(average_put(a, &key, p, err));
  key.quantity = leads_row;
  return average_put(a, &key, leads, err);
}

static loci_status put_lens(averaging *a, const loci_lens *l, arena *mem, loci_err *err) {
  double *p = arena_array(mem, l->layer_count, double);
  double *leads = arena_array(mem, l->layer_count, double);
  if (!p || !leads) return fail_nomem(err, "averaging");
  TRY(average_room(a, err));
  TRY(average_put_number(a, "clean p", l->clean[0].p, err));
  for (int r = 0; r <= LOCI_ROLE_LAST; r++) TRY(put_role(a, l, (loci_role)r, p, leads, err));
  average_next(a, -1);
  return LOCI_OK;
}

static loci_status gather_lens(void *ctx, study_item *item, loci_err *err) {
  lens_study *s = ctx;
  loci_lens *l;
  loci_lens_opts how = s->how;
  how.no_hash = true;
  how.progress = study_progress;
  how.progress_ctx = s->job.a->s;
  TRY(loci_lens_new(s->job.a->s->model, item->prompt, &how, &l, err));
  loci_status st = put_lens(s->job.a, l, item->mem, err);
  loci_free(l);
  return st;
}

/* A role that no example has gets no curve, and a chart without curves is not begun. */
static loci_status lens_chart(averaging *a, const char *quantity, const char *name,
                              const char *unit, loci_err *err) {
  loci_chart *c = NULL;
  for (int r = 0; r <= LOCI_ROLE_LAST; r++) {
    const char *role = role_name((loci_role)r);
    int i = average_find(a, quantity, 0, role);
    if (i < 0) continue;
    const series_key *k = &a->series[i].key;
    if (!c) c = average_chart(a, name, unit, k->first, k->points, LOCI_ROLE_LAST + 1);
    TRY(average_curve(a, c, i, OF_ALL, role, err));
  }
  return LOCI_OK;
}

static loci_status finish_lens(void *ctx, loci_err *err) {
  averaging *a = ((lens_study *)ctx)->job.a;
  a->out->title = "What every layer would answer";
  TRY(put_numbers(a, err));
  TRY(lens_chart(a, target_row, "probability of the model's own answer, layer by layer", "p", err));
  return lens_chart(a, leads_row, "share of examples whose layer would answer it", "share", err);
}

static loci_status complete_lens(void *ctx, const loci_model *m, loci_err *err) {
  lens_study *s = ctx;
  s->some = s->how.layer_count > 0 || s->how.first_layer > 0;
  TRY(lens_request_complete(&(request_of){.m = m, .each = true}, &s->how, err));
  s->some &= s->how.layer_count < loci_model_get_info(m)->layers;
  return LOCI_OK;
}

/* What was asked for alone: a lens as usual has the settings that stores have of it. */
static void describe_lens(const void *ctx, js_value **to) {
  const lens_study *s = ctx;
  const loci_lens_opts *o = &s->how;
  int range[2] = {o->first_layer, o->first_layer + o->layer_count - 1};
  if (o->positions) js_put(to, "positions", js_text(o->positions));
  if (o->constraint > 0) js_put(to, "only", js_int(o->constraint));
  if (s->some) js_put(to, "layers", js_ints(range, 2));
  if (o->answer) js_put(to, "answer", js_text(o->answer));
}

average_job *job_lens(arena *mem, const loci_lens_opts *how) {
  lens_study *s = arena_zalloc(mem, 1, sizeof *s);
  if (!s) return NULL;
  s->job = (average_job){.what = "lens",
                         .complete = complete_lens,
                         .describe = describe_lens,
                         .gather = gather_lens,
                         .finish = finish_lens,
                         .headline = "clean p",
                         .ctx = s};
  if (how) s->how = *how;
  s->how.size = sizeof s->how;
  return &s->job;
}
