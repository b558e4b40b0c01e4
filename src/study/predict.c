/* loci_prediction_new: will the model be wrong? (docs/MATH.md, "Failure prediction"; Basu et al.
 * 2024, section 4.4)
 *
 * Each example costs one forward pass with the contributions asked of it, and one greedy answer. */
#include "study/predict.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/result.h"
#include "study/flow_measure.h"
#include "study/request.h"
#include "walk/ask.h"
#include "walk/logits.h"

/* ---------------------------------------------------------------- one example */

static bool grow(void **at, size_t room, size_t size) {
  void *more = realloc(*at, room * size);
  if (more) *at = more;
  return more != NULL;
}

/* Room for one more example. */
static bool make_room(predicting *p) {
  if (p->n < p->room) return true;
  int room = p->room ? 2 * p->room : 64;
  bool ok = grow((void **)&p->rows, (size_t)room, sizeof *p->rows) &&
            grow((void **)&p->flows, (size_t)room * (size_t)p->L, sizeof *p->flows) &&
            grow((void **)&p->resid, (size_t)room * (size_t)p->D, sizeof *p->resid);
  if (ok) p->room = room;
  return ok;
}

/* p = softmax(logits): the largest, the largest less the second, -sum p log p. */
static void read_confidence(const float *logits, int64_t V, loci_predicted *out) {
  double total = log_sum_exp(logits, V), entropy = 0;
  int best = argmax_of(logits, V, -1);
  int second = V > 1 ? argmax_of(logits, V, best) : best;
  for (int64_t i = 0; i < V; i++) {
    double logp = (double)logits[i] - total;
    entropy -= exp(logp) * logp;
  }
  out->confidence = exp((double)logits[best] - total);
  out->margin = V > 1 ? out->confidence - exp((double)logits[second] - total) : out->confidence;
  out->entropy = entropy;
}

/* Contributions of the constraint's positions to the last one, the strongest of each layer; logits;
 * residual stream. */
static loci_status measure_flow(predicting *p, const loci_prompt *prompt, arena *scratch,
                                loci_err *err) {
  flow_table t = {.layers = p->L};
  flow_job job = {.table_count = 1,
                  .tables = &t,
                  .logits = p->logits,
                  .resid = p->resid + (int64_t)p->n * p->D,
                  .progress = study_progress,
                  .progress_ctx = p->s};
  TRY(flow_group(prompt, GROUP_LAST, scratch, &t.queries, err));
  TRY(flow_group(prompt, GROUP_CONSTRAINT, scratch, &t.sources, err));
  TRY(flow_table_room(p->s->model, FLOW_NORMS, scratch, &t, err));
  TRY(flow_measure(prompt, &job, err));
  float *out = p->flows + (int64_t)p->n * p->L;
  for (int l = 0; l < p->L; l++) {
    out[l] = 0;
    for (int j = 0; j < t.sources.count; j++)
      out[l] = fmaxf(out[l], t.norms[(int64_t)l * t.sources.count + j]);
  }
  return LOCI_OK;
}

/* Self-consistency (Wang et al. 2023): answers are drawn from the whole distribution, compared as
 * answers are.  The prompt is run for the first of them alone. */
static loci_status draw_answers(predicting *p, const study_item *item, loci_predicted *row,
                                loci_err *err) {
  const loci_prompt *prompt = item->prompt;
  const loci_predict_opts *o = p->opts;
  token_draw draw = {random_stream(o->study->seed, (uint64_t)row->line), o->temperature};
  walk_hooks hooks = {.progress = study_progress, .progress_ctx = p->s};
  kv_cache *cache = NULL;
  loci_status st = LOCI_OK;
  row->consistency = o->samples > 0 ? 0 : (double)NAN;
  for (int i = 0; i < o->samples && !st; i++) {
    loci_answer *a;
    bool same = false;
    answering of = {.p = prompt,
                    .rows = prompt->embeds,
                    .first = prompt->info.length,
                    .draw = &draw,
                    .after = cache,
                    .cache = cache ? NULL : &cache};
    st = answer_make(&of, study_max_new(o->study), &hooks, &a, err);
    if (st) break;
    st = answer_matches(a->text, &row->answer, 1, &same, err);
    row->consistency += (double)same / o->samples;
    loci_free(a);
  }
  kv_cache_free(cache);
  return st;
}

/* Everything a predictor may need is read off one forward pass; the greedy answer is asked
 * apart, because it says only whether the example was answered correctly. */
static loci_status measure(void *ctx, study_item *item, loci_err *err) {
  predicting *p = ctx;
  const study_answer *answer;
  if (!make_room(p)) return fail_nomem(err, "predicting failure");
  loci_predicted *row = &p->rows[p->n];
  *row = (loci_predicted){.line = item->example->line};
  arena *scratch = arena_new();
  if (!scratch) return fail_nomem(err, "predicting failure");
  loci_status st = measure_flow(p, item->prompt, scratch, err);
  arena_free(scratch);
  TRY(st);
  read_confidence(p->logits, model_decoder(p->s->model)->vocab, row);
  TRY(study_ask(p->s, item, &answer, err));
  row->answer = arena_strdup(p->mem, answer->text);
  if (!row->answer) return fail_nomem(err, "predicting failure");
  row->right = answer->right;
  row->first_right = answer->first_right;
  if (item->example->id) {
    row->id = arena_strdup(p->mem, item->example->id);
    if (!row->id) return fail_nomem(err, "predicting failure");
  }
  TRY(draw_answers(p, item, row, err));
  p->n++;
  return LOCI_OK;
}

/* ---------------------------------------------------------------- the call */

static loci_status predict(predicting *p, loci_prediction *out, loci_err *err) {
  p->logits = arena_array(p->mem, model_decoder(p->s->model)->vocab, float);
  if (!p->logits) return fail_nomem(err, "predicting failure");
  TRY(study_each(p->s, measure, p, err));
  TRY(predict_scores(p, out, err));
  return study_describe(p->s, &out->sample, err);
}

static void describe(const void *ctx, js_value **to) { predict_request_describe(to, ctx); }

loci_status loci_prediction_new(const loci_model *model, loci_examples *examples,
                                const loci_predict_opts *opts, loci_prediction **out,
                                loci_err *err) {
  NEEDS(out, "place for the result");
  *out = NULL;
  NEEDS(model, "model");
  NEEDS(examples, "examples");
  predict_request own;
  TRY(predict_request_take(&own, opts, err));
  TRY(predict_request_complete(&(request_of){.m = model}, &own, err));
  loci_prediction *made = result_new(LOCI_KIND_PREDICTION, sizeof *made);
  if (!made) return fail_nomem(err, "predicting failure");
  loci_status st = LOCI_OK;
  study s = {.model = model,
             .opts = &own.study,
             .examples = examples,
             .needs = NEEDS_ANSWER | NEEDS_CONSTRAINT,
             .results = 1,
             .command = "study predict",
             .asks = true,
             .describe = describe,
             .describe_ctx = &own.o};
  predicting p = {
      .s = &s, .opts = &own.o, .L = model_decoder(model)->layers, .D = model_decoder(model)->width};
  p.mem = s.mem = made->result.memory;
  s.result = &made->result;
  TRY_DONE(predict(&p, made, err));
  *out = made;
  made = NULL;
done:
  study_clear(&s);
  free(p.rows);
  free(p.flows);
  free(p.resid);
  loci_free(made);
  return st;
}
