/* The value of one request (docs/MATH.md, "Editing"):
 *
 *   v     = W k + delta
 *   loss  = -(1/n) sum_i log p(o_i) + wd ||delta|| / ||v0||^2 [+ kl KL(after || before)]
 *
 * with v0 = W k (other methods: see key.c) and delta added to what the MLP of the layer gives at
 * the key's position, before a gate or norm that comes after it; if asked for, the first term is a
 * mean over all prompts, delta added at the key's position of each.
 *
 * A step is: forward, loss; stop if p(o) has been reached or the loss is low enough; backward;
 * Adam; then ||delta|| is cut to max_norm ||v0||. */
#include <math.h>
#include <string.h>

#include "edit/target_run.h"
#include "tensor/backward.h"
#include "walk/grad.h"

typedef struct optimum {
  problem *q;
  target_run *all; /* the prompts, then that of the KL term */
  int count;       /* of the prompts */
  bool has_essence;
  int V;
  double *essence_logp; /* (V) log p before */
  double *logp;         /* (count) of the running step: log p(o) */
  double nll, kl, loss;
  float *grads; /* (prompts and essence, D) */
  adam adam;
  walk *w; /* of all steps */
  bool not_finite;
} optimum;

/* ---------------------------------------------------------------- the KL term */

static void read_essence(void *ctx, int64_t index, const float *logits) {
  optimum *o = ctx;
  double total = log_sum_exp(logits, o->V);
  (void)index;
  for (int i = 0; i < o->V; i++) o->essence_logp[i] = (double)logits[i] - total;
}

/* The unedited distribution is read once; the steps compare themselves with it. */
static loci_status run_essence(optimum *o, loci_prompt **prompt, loci_err *err) {
  problem *q = o->q;
  const char *constraint = q->p->info.constraints[0].text;
  loci_question asked = {.size = sizeof asked,
                         .image = q->p->info.image_path,
                         .seen = q->p,
                         .text = constraint,
                         .template_name = "is-a",
                         .constraints = &constraint,
                         .constraint_count = 1};
  TRY(loci_prompt_new(q->m, &asked, prompt, err));
  const loci_prompt *p = *prompt;
  target next; /* of no answer: the one after the prompt is read */
  TRY(target_make(p, NULL, q->work, &next, err));
  TRY(target_run_make(q, p, &next, key_position(p), &o->all[o->count], err));
  o->has_essence = true;
  o->all[o->count].first_want = key_position(p); /* as the releases have it */
  o->essence_logp = arena_array(q->work, o->V, double);
  if (!o->essence_logp) return fail_nomem(err, "solving an edit");
  return target_run_first(q, &o->all[o->count], read_essence, o, err);
}

/* ---------------------------------------------------------------- a step */

/* Which prompt a wanted row is of, and its number among that prompt's. */
static int prompt_of(const optimum *o, int64_t *index) {
  int i = 0;
  while (i < o->count && *index >= o->all[i].target.count) *index -= o->all[i++].target.count;
  return i;
}

/* Terms of p below e^-700 are zero in double and are passed over, lest 0 times -inf be NaN. */
static void read_step(void *ctx, int64_t index, const float *logits) {
  optimum *o = ctx;
  int at = prompt_of(o, &index);
  const target *t = &o->all[at].target;
  o->not_finite |= !logits_are_finite(logits, o->V);
  double total = log_sum_exp(logits, o->V);
  if (at < o->count) {
    double logp = (double)logits[t->ids[index]] - total;
    o->logp[at] += logp;
    o->nll -= logp / t->count / o->count;
    return;
  }
  for (int i = 0; i < o->V; i++) {
    double lq = (double)logits[i] - total;
    if (lq > -700) o->kl += exp(lq) * (lq - o->essence_logp[i]);
  }
}

/* d KL(q || p) / d x = q (log q - log p - KL), q = softmax(x) */
static void slope_step(void *ctx, int64_t index, const float *logits, float *slope) {
  optimum *o = ctx;
  int at = prompt_of(o, &index);
  const target *t = &o->all[at].target;
  if (at < o->count) {
    logp_backward(slope, logits, o->V, t->ids[index], -1.0 / t->count / o->count);
    return;
  }
  double total = log_sum_exp(logits, o->V);
  for (int i = 0; i < o->V; i++) {
    double lq = (double)logits[i] - total;
    double change = lq > -700 ? exp(lq) * (lq - o->essence_logp[i] - o->kl) : 0;
    slope[i] += (float)(o->q->set->kl * change);
  }
}

static double norm_of(const float *x, int64_t n) {
  double sum = 0;
  for (int64_t i = 0; i < n; i++) sum += (double)x[i] * (double)x[i];
  return sqrt(sum);
}

/* Every p is high enough, or the loss low enough. */
static bool is_reached(const optimum *o) {
  const loci_edit_settings *set = o->q->set;
  bool all = set->stop_p > 0;
  for (int i = 0; i < o->count; i++) all &= exp(o->logp[i]) >= set->stop_p;
  return all || o->loss < set->stop_loss;
}

/* Forward, and backward unless the optimisation [ends] here, as it does where it is reached. */
static loci_status run_step(optimum *o, bool ends, bool *reached, loci_err *err) {
  problem *q = o->q;
  walk *w = o->w;
  int runs = o->count + o->has_essence, wanted = 0;
  int64_t D = model_decoder(q->m)->width;
  o->nll = o->kl = 0;
  for (int i = 0; i < o->count; i++) o->logp[i] = 0;
  for (int i = 0; i < runs; i++) wanted += o->all[i].target.count;
  walk_hooks hooks = target_run_hooks(q, read_step, o, wanted);
  walk_clear(w);
  loci_status st = LOCI_OK;
  for (int i = 0; !st && i < runs; i++) {
    mlp_change a = {o->all[i].position, 1, q->delta, o->grads + i * D};
    st = target_run_resume(q, w, &o->all[i], &a, err);
  }
  if (!st) st = walk_run(w, &hooks, err);
  if (!st && o->not_finite) st = edit_not_finite(q, err);
  double decay = q->set->weight_decay * norm_of(q->delta, D) / (q->norm0 * q->norm0);
  o->loss = o->nll + decay + q->set->kl * o->kl;
  *reached = is_reached(o);
  if (!st && !ends && !*reached) st = walk_backward(w, slope_step, o, &hooks, err);
  for (int i = 0; !st && i < runs; i++) {
    mlp_change a = {o->all[i].position, 1, q->delta, o->grads + i * D};
    if (!ends && !*reached) target_run_slopes(q, &o->all[i], &a);
  }
  target_run_cost(q, w);
  for (int i = 0; i < runs; i++) {
    q->formula += target_run_reach(q, &o->all[i], !ends && !*reached);
  }
  return st;
}

/* A step of Adam, then the bound on ||delta||; the gradient is summed over the runs. */
static void update_delta(optimum *o) {
  problem *q = o->q;
  int64_t D = model_decoder(q->m)->width;
  double length = norm_of(q->delta, D);
  double decay = length > 0 ? q->set->weight_decay / (length * q->norm0 * q->norm0) : 0;
  for (int64_t i = 0; i < D; i++) {
    double g = decay * (double)q->delta[i];
    for (int k = 0; k < o->count + o->has_essence; k++) g += (double)o->grads[k * D + i];
    o->grads[i] = (float)g;
  }
  adam_step(&o->adam, q->delta, o->grads);
  length = norm_of(q->delta, D);
  double most = q->set->max_norm * q->norm0;
  for (int64_t i = 0; most > 0 && length > most && i < D; i++) {
    q->delta[i] = (float)((double)q->delta[i] * (most / length));
  }
}

/* The last round measures and does not step, so that what is reported is of the delta that is
 * kept. */
static loci_status optimise(optimum *o, loci_err *err) {
  problem *q = o->q;
  int64_t D = model_decoder(q->m)->width;
  loci_edit_step *steps = arena_zarray(q->mem, q->set->steps + 1, loci_edit_step);
  o->grads = arena_zarray(q->work, (o->count + 1) * D, float);
  o->logp = arena_zarray(q->work, o->count, double);
  if (!steps || !o->grads || !o->logp) return fail_nomem(err, "solving an edit");
  TRY(adam_make(q->work, D, q->set->lr, 1, &o->adam, err));
  q->fact->steps = steps;
  int updates = method_is_released(q->method) ? q->set->steps - 1 : q->set->steps;
  for (int i = 0; i <= updates; i++) {
    bool last = i == updates, reached;
    TRY(run_step(o, last, &reached, err));
    steps[i] = (loci_edit_step){o->loss, exp(o->logp[0])};
    q->fact->step_count = i + 1;
    if (q->opts->watch) q->opts->watch(q->opts->watch_ctx, steps, i + 1);
    if (last || reached) break;
    update_delta(o);
  }
  q->fact->delta_norm = norm_of(q->delta, D);
  return LOCI_OK;
}

/* The prompts that delta is optimised on: the question, or all wordings of it. */
static loci_status make_lessons(optimum *o, loci_err *err) {
  problem *q = o->q;
  const loci_edit_request *r = q->asked;
  o->count = q->set->average_loss ? 1 + r->rephrased_count : 1;
  o->all = arena_zarray(q->work, o->count + 1, target_run);
  if (!o->all) return fail_nomem(err, "solving an edit");
  TRY(target_run_make(q, q->p, &q->target, q->position, &o->all[0], err));
  for (int i = 1; i < o->count; i++) {
    const loci_prompt *p = r->rephrased[i - 1];
    target t;
    TRY(problem_target(q, p, &t, err));
    TRY(target_run_make(q, p, &t, key_position(p), &o->all[i], err));
  }
  return LOCI_OK;
}

/* A layer of cross-attention gives nothing where the picture is not seen, whatever its weights are.
 */
static loci_status check_passes(const optimum *o, loci_err *err) {
  for (int i = 0; i < o->count; i++) {
    const target_run *b = &o->all[i];
    if (target_run_factor(o->q, b->p, b->position) != 0) continue;
    return fail(err, LOCI_EINVAL,
                "layer %d reads the picture by cross-attention, and \"%s\" has none before its "
                "constraint: the layer gives nothing there, so no edit of it changes the answer",
                o->q->layer, b->p->info.question);
  }
  return LOCI_OK;
}

/* Of the question itself. */
static loci_status keep_moved(const optimum *o, loci_err *err) {
  problem *q = o->q;
  int64_t D = model_decoder(q->m)->width;
  q->moved = arena_array(q->work, D, float);
  if (!q->moved) return fail_nomem(err, "solving an edit");
  mlp_change a = {o->all[0].position, 1, q->delta, NULL};
  memcpy(q->moved, target_run_pass(q, &o->all[0], &a), (size_t)D * sizeof *q->moved);
  return LOCI_OK;
}

loci_status value_find(problem *q, loci_err *err) {
  loci_prompt *essence = NULL;
  optimum o = {.q = q, .V = model_decoder(q->m)->vocab};
  q->delta = arena_zarray(q->work, model_decoder(q->m)->width, float);
  if (!q->delta) return fail_nomem(err, "solving an edit");
  loci_status st = make_lessons(&o, err);
  if (!st) st = check_passes(&o, err);
  if (!st) st = key_find(q, o.all, o.count, err);
  if (!st && q->set->kl > 0) st = run_essence(&o, &essence, err);
  if (!st) st = walk_new_back(q->m, &o.w, err);
  if (!st) st = optimise(&o, err);
  if (!st) st = keep_moved(&o, err);
  walk_free(o.w);
  for (int i = 0; o.all && i < o.count + o.has_essence; i++) kv_cache_free(o.all[i].cache);
  loci_prompt_free(essence);
  return st;
}
