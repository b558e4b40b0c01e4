/* Fine-tuning of one matrix, what MultEdit is compared with (docs/MATH.md, "Fine-tuning"):
 *
 *   loss = -(1/n) sum_i log p(o_i), a mean over all prompts; Adam on every entry of W' - W
 *   ft-l: each entry of W' - W is cut to +-eps after each step
 *   at_last: the tokens are not given one after the other; all of them are asked for at the
 *   prompt's last position, as ROME's release does
 *
 * A change C = W' - W of the down projection moves mlp_out of the layer at every position by C x,
 * with x (T,F) = mlp_post, which no change of W moves.  So a step is a resumed walk over all
 * positions with X C^T added, and
 *
 *   d loss / d C = G^T X,   G (T,D) = d loss / d mlp_out
 *
 * In the last layer only the positions of the answer count.  The prompts take turns in one cache,
 * and the gradient is summed over them before the step. */
#include <math.h>
#include <string.h>

#include "edit/target_run.h"
#include "edit/requests.h"
#include "tensor/backward.h"
#include "tensor/product.h"
#include "walk/grad.h"

typedef struct tuning {
  problems *requests;
  problem *all; /* (n) them */
  int n;
  const loci_edit_settings *set;
  target_run *runs; /* (count) what is trained on, of all requests */
  int *owner;       /* (count) the request of each */
  int count, room, V;
  int64_t D, F, T;      /* T of the longest prompt */
  float *change, *grad; /* (D,F) C and its gradient, summed */
  float *part;          /* (D,F) one prompt's share */
  float *moved, *slope; /* (T,D) X C^T, G */
  float *turned;        /* (D,T) G^T */
  kv_cache *cache;      /* for whichever prompt runs */
  product *products;
  adam adam;
  walk *w;            /* of all steps */
  loci_prompt **bare; /* (n) questions without their constraint */
  double logp;        /* of the running prompt */
  const target_run *now;
  bool not_finite;
} tuning;

/* ---------------------------------------------------------------- prompts */

/* The question without its constraint: "Where is this city?" becomes "Where is?". */
static loci_status bare_prompt(const problem *q, loci_prompt **out, loci_err *err) {
  const loci_prompt_info *i = &q->p->info;
  size_t from = (size_t)i->constraints[0].bytes[0], n = strlen(i->question);
  const char *rest = i->question + i->constraints[0].bytes[1];
  while (from > 0 && i->question[from - 1] == ' ') from--;
  while (from == 0 && *rest == ' ') rest++;
  char *text = arena_alloc(q->work, (int64_t)n + 1, 1);
  if (!text) return fail_nomem(err, "solving an edit");
  memcpy(text, i->question, from);
  memcpy(text + from, rest, strlen(rest) + 1);
  if (!text[strspn(text, " ?.!,:;")]) {
    return fail(err, LOCI_EINVAL, "the question \"%s\" is empty without its constraint",
                i->question);
  }
  loci_question asked = {.size = sizeof asked,
                         .image = i->image_path,
                         .text = text,
                         .template_name = i->template_name,
                         .system = i->system,
                         .date = i->date};
  return loci_prompt_new(q->m, &asked, out, err);
}

/* Where a change of the layer begins to count. */
static int first_change(const problem *q, const target_run *b) {
  return target_run_layer(q) > q->layer ? 0 : b->first_want;
}

/* The change reaches every position, so all of an answer's positions are keys here, not the
 * constraint's last alone. */
static loci_status add_lesson(tuning *t, int request, const loci_prompt *p, loci_err *err) {
  problem *q = &t->all[request];
  target_run *b = &t->runs[t->count];
  target answer;
  if (p == q->p) {
    answer = q->target;
  } else {
    TRY(problem_target(q, p, &answer, err));
  }
  TRY(target_run_make(q, p, &answer, 0, b, err));
  b->key_first = 0;
  b->key_count = answer.length;
  if (t->set->at_last) b->wants = 1;
  t->owner[t->count++] = request;
  if (answer.length > t->T) t->T = answer.length;
  return LOCI_OK;
}

/* A run of its own brings rows and keys; what it leaves in a cache nobody reads. */
static loci_status run_target_first(problem *q, target_run *b, bool first, loci_err *err) {
  loci_status st = first ? key_find(q, b, 1, err) : target_run_first(q, b, NULL, NULL, err);
  kv_cache_free(b->cache);
  b->cache = NULL;
  if (b->wants == 1) b->target.length = b->p->info.length; /* what stands after has no part */
  return st;
}

/* What one request is trained on, after the runs there are: all its wordings, as the methods
 * have them that fine-tuning is compared with. */
static loci_status target_runs_of(tuning *t, int i, loci_err *err) {
  problem *q = &t->all[i];
  int first = t->count;
  TRY(add_lesson(t, i, q->p, err));
  TRY(run_target_first(q, &t->runs[first], true, err));
  if (t->set->without_constraint) {
    TRY(bare_prompt(q, &t->bare[i], err));
    t->count = first; /* in its place */
    TRY(add_lesson(t, i, t->bare[i], err));
    return run_target_first(q, &t->runs[first], false, err);
  }
  for (int k = 0; k < q->asked->rephrased_count; k++) {
    TRY(add_lesson(t, i, q->asked->rephrased[k], err));
    TRY(run_target_first(q, &t->runs[t->count - 1], false, err));
  }
  return LOCI_OK;
}

/* A request that cannot be run is left out by itself, and all others move up. */
static loci_status make_lessons(tuning *t, loci_err *err) {
  int room = 0;
  for (int i = 0; i < t->n; i++) room += 2 + t->all[i].asked->rephrased_count;
  t->runs = arena_zarray(t->all->work, room, target_run);
  t->owner = arena_zarray(t->all->work, room, int);
  t->bare = arena_zarray(t->all->work, t->n, loci_prompt *);
  if (!t->runs || !t->owner || !t->bare) return fail_nomem(err, "solving an edit");
  for (int i = 0; i < t->n;) {
    loci_err own = {0};
    int first = t->count;
    loci_status st = target_runs_of(t, i, &own);
    if (!st) {
      i++;
      continue;
    }
    t->count = first;
    loci_prompt_free(t->bare[i]);
    t->bare[i] = NULL;
    TRY(problems_failed(t->requests, i, st, &own, err));
    t->n = t->requests->n;
  }
  return LOCI_OK;
}

/* All of it before the first step: a step allocates nothing, and can fail only in the walk. */
static loci_status make_room(tuning *t, loci_err *err) {
  arena *mem = t->all->work;
  const loci_model *m = t->all->m;
  int64_t T = product_rows(t->T), D = product_rows(t->D);
  t->grad = arena_zarray(mem, t->D * t->F, float);
  t->part = arena_zarray(mem, D * t->F, float);
  t->moved = arena_zarray(mem, T * t->D, float);
  t->slope = arena_zarray(mem, T * t->D, float);
  t->turned = arena_zarray(mem, D * t->T, float);
  if (!t->grad || !t->part || !t->moved || !t->slope || !t->turned) {
    return fail_nomem(err, "solving an edit");
  }
  TRY(adam_make(mem, t->D * t->F, t->set->lr, m->threads, &t->adam, err));
  TRY(kv_cache_new_back(m, (int)t->T, &t->cache, err));
  TRY(walk_new_back(m, &t->w, err));
  return product_new(DTYPE_F32, m->threads, &t->products, err);
}

/* ---------------------------------------------------------------- a step */

static void read_step(void *ctx, int64_t index, const float *logits) {
  tuning *t = ctx;
  t->not_finite |= !logits_are_finite(logits, t->V);
  double total = log_sum_exp(logits, t->V);
  const target *o = &t->now->target;
  if (!t->set->at_last) {
    t->logp += (double)logits[o->ids[index]] - total;
    return;
  }
  for (int i = 0; i < o->count; i++) t->logp += (double)logits[o->ids[i]] - total;
}

static void slope_step(void *ctx, int64_t index, const float *logits, float *slope) {
  const tuning *t = ctx;
  const target *o = &t->now->target;
  double share = -1.0 / o->count / t->count;
  if (!t->set->at_last) {
    logp_backward(slope, logits, t->V, o->ids[index], share);
    return;
  }
  for (int i = 0; i < o->count; i++) logp_backward(slope, logits, t->V, o->ids[i], share);
}

/* grad += G^T X over the positions of one prompt */
static loci_status add_gradient(tuning *t, const target_run *b, loci_err *err) {
  int64_t n = b->target.length;
  for (int64_t i = 0; i < n; i++) {
    for (int64_t d = 0; d < t->D; d++) t->turned[d * n + i] = t->slope[i * t->D + d];
  }
  product_shape shape = {.M = t->D, .N = t->F, .K = n, .ldy = t->F, .backward = true};
  TRY(product_run(t->products, shape, t->turned, b->keys, t->part, err));
  for (int64_t i = 0; i < t->D * t->F; i++) t->grad[i] += t->part[i];
  t->all->flop += 2.0 * (double)(t->D * t->F * n);
  return LOCI_OK;
}

/* One prompt, forward, and backward unless the optimisation ends here. */
static loci_status run_prompt(tuning *t, int at, bool ends, loci_err *err) {
  problem *q = &t->all[t->owner[at]];
  target_run *b = &t->runs[at];
  walk *w = t->w;
  int first = first_change(q, b), n = b->target.length;
  product_shape shape = {.M = n, .N = t->D, .K = t->F, .ldy = t->D};
  TRY(product_run(t->products, shape, b->keys, t->change, t->moved, err));
  q->flop += 2.0 * (double)(t->D * t->F) * n;
  t->now = b;
  t->logp = 0;
  b->cache = t->cache;
  walk_hooks hooks = target_run_hooks(q, read_step, t, b->wants);
  walk_clear(w);
  mlp_change a = {first, n - first, t->moved + first * t->D, t->slope + first * t->D};
  memset(t->slope, 0, (size_t)(first * t->D) * sizeof *t->slope);
  loci_status st = target_run_resume(q, w, b, &a, err);
  if (!st) st = walk_run(w, &hooks, err);
  if (!st && t->not_finite) st = edit_not_finite(q, err);
  if (!st && !ends) st = walk_backward(w, slope_step, t, &hooks, err);
  if (!st && !ends) target_run_slopes(q, b, &a);
  target_run_cost(q, w);
  b->cache = NULL;
  q->formula += target_run_reach(q, b, !ends);
  return st || ends ? st : add_gradient(t, b, err);
}

/* All prompts; the first of each request writes its step. */
static loci_status run_step(tuning *t, int step, bool ends, bool *reached, loci_err *err) {
  memset(t->grad, 0, (size_t)(t->D * t->F) * sizeof *t->grad);
  double mean = 0;
  *reached = t->set->stop_p > 0;
  for (int i = 0; i < t->count; i++) {
    loci_edit_fact *f = t->all[t->owner[i]].fact;
    TRY(run_prompt(t, i, ends, err));
    double loss = -t->logp / t->runs[i].target.count, p = exp(t->logp);
    mean += loss / t->count;
    *reached &= p >= t->set->stop_p;
    if (i > 0 && t->owner[i - 1] == t->owner[i]) continue;
    ((loci_edit_step *)(uintptr_t)f->steps)[step] = (loci_edit_step){loss, p};
    f->step_count = step + 1;
  }
  *reached |= mean < t->set->stop_loss;
  return LOCI_OK;
}

/* The bound is applied after each step, as the published FT-L does: it is a projection and no
 * penalty. */
static loci_status optimise(tuning *t, loci_err *err) {
  float bound = (float)t->set->eps;
  const loci_edit_opts *o = t->all->opts;
  for (int i = 0; i < t->n; i++) {
    t->all[i].fact->steps = arena_zarray(t->all[i].mem, t->set->steps + 1, loci_edit_step);
    if (!t->all[i].fact->steps) return fail_nomem(err, "solving an edit");
  }
  for (int i = 0; i <= t->set->steps; i++) {
    bool reached;
    TRY(run_step(t, i, i == t->set->steps, &reached, err));
    const loci_edit_fact *f = t->all->fact; /* all are trained at once: the first stands for them */
    if (o->watch) o->watch(o->watch_ctx, f->steps, f->step_count);
    if (reached) break;
    if (i == t->set->steps) break;
    adam_step(&t->adam, t->change, t->grad);
    for (int64_t k = 0; bound > 0 && k < t->D * t->F; k++) {
      t->change[k] = fminf(fmaxf(t->change[k], -bound), bound);
    }
  }
  return LOCI_OK;
}

/* ||C k|| of every request */
static void fill_facts(tuning *t) {
  for (int i = 0; i < t->n; i++) {
    double sum = 0;
    for (int64_t d = 0; d < t->D; d++) {
      double y = 0;
      for (int64_t f = 0; f < t->F; f++) {
        y += (double)t->change[d * t->F + f] * (double)t->all[i].key[f];
      }
      sum += y * y;
    }
    t->all[i].fact->delta_norm = sqrt(sum);
  }
}

loci_status tune(problems *p, const loci_edit_settings *set, float *change, loci_err *err) {
  const decoder_config *c = model_decoder(p->at[0].m);
  int n = p->n;
  tuning t = {.requests = p, .all = p->at, .n = n, .set = set, .V = c->vocab, .change = change};
  t.D = c->width;
  t.F = c->inner;
  loci_status st = make_lessons(&t, err);
  if (!st) st = make_room(&t, err);
  if (!st) st = optimise(&t, err);
  if (!st) fill_facts(&t);
  for (int i = 0; t.bare && i < n; i++) loci_prompt_free(t.bare[i]);
  walk_free(t.w);
  kv_cache_free(t.cache);
  product_free(t.products);
  return st;
}
