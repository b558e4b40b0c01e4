/* Greedy generation: a walk over the prompt that keeps its keys and values, then a walk of one row
 * a token.
 *
 * The token with the largest logit is taken, the first of equals, unless one is drawn; generation
 * ends with an end token, which counts, after max_new tokens, or where the model's positions end.
 *
 * A checkpoint's repetition penalty (Keskar et al. 2019) divides the positive and multiplies the
 * negative logits of all tokens there were before, the prompt's too, as transformers does; original
 * layouts give their prompt as rows without ids, so only the answer's own tokens count there. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/result.h"
#include "model/command.h"
#include "walk/logits.h"
#include "walk/ask.h"
#include "walk/keep.h"

enum { MOST_NEW = 1 << 16 };

typedef struct taken {
  top_logits top;
  bool finite;
  float penalty; /* 1: none */
  bool *seen;    /* (V) */
  float *scores; /* (V) logits after the penalty */
  token_draw *draw;
  int id; /* the next token */
} taken;

/* The first token whose share of the sum, with those before it, is above a number in [0, 1). */
static int draw_token(token_draw *d, const float *logits, int V) {
  double largest = (double)logits[argmax_of(logits, V, -1)], sum = 0;
  for (int i = 0; i < V; i++) sum += exp(((double)logits[i] - largest) / d->temperature);
  double at = random_unit(&d->source) * sum;
  for (int i = 0; i < V; i++) {
    at -= exp(((double)logits[i] - largest) / d->temperature);
    if (at < 0) return i;
  }
  return argmax_of(logits, V, -1); /* rounding alone leads here */
}

static void take_top(void *ctx, int64_t index, const float *logits) {
  taken *t = ctx;
  (void)index;
  t->finite = logits_are_finite(logits, t->top.vocab);
  for (int i = 0; t->penalty != 1 && i < t->top.vocab; i++) {
    float x = logits[i];
    t->scores[i] = !t->seen[i] ? x : x < 0 ? x * t->penalty : x / t->penalty;
  }
  const float *scores = t->penalty != 1 ? t->scores : logits;
  top_logits_of(scores, t->top.vocab, &t->top);
  t->id = t->draw && t->finite ? draw_token(t->draw, scores, t->top.vocab) : t->top.id[0];
}

static void mark_taken(taken *t, int id) {
  if (id >= 0 && id < t->top.vocab) t->seen[id] = true;
}

static loci_status taken_init(taken *t, const loci_model *m, const loci_prompt *p, arena *mem,
                              loci_err *err) {
  int V = model_decoder(m)->vocab;
  *t = (taken){.top.vocab = V, .penalty = (float)m->weights->config.repetition_penalty};
  t->seen = arena_zarray(mem, V, bool);
  t->scores = arena_array(mem, V, float);
  if (!t->seen || !t->scores) return fail_nomem(err, "answering");
  bool has_ids = !m->weights->config.split_at_image;
  for (int i = 0; has_ids && i < p->info.length; i++) mark_taken(t, p->ids[i]);
  return LOCI_OK;
}

/* One walk over [rows] more input rows, of which [kept] stand in the cache already; the candidates
 * for the next token into top.  [of]: whose values the run has; NULL: a token's. */
static loci_status step(const loci_model *m, walk *w, kv_cache *cache, input rows, int kept,
                        const answering *of, const walk_hooks *hooks, loci_err *err) {
  int s, length = kv_cache_length(cache) + rows.count - kept;
  walk_clear(w);
  walk_beside(w, kept);
  TRY(walk_continue(w, cache, input_from(rows, kept, model_decoder(m)), &s, err));
  for (int64_t i = 0; of && i < of->patch_count; i++)
    TRY(walk_patch_add(w, s, &of->patches[i], err));
  TRY(walk_want(w, s, length - 1, err));
  return walk_run(w, hooks, err);
}

static bool is_end(const loci_model *m, int id) {
  const model_config *c = &m->weights->config;
  for (int i = 0; i < c->n_eos; i++) {
    if (c->eos[i] == id) return true;
  }
  return false;
}

/* Decoded, stripped of blanks at both ends; to be freed. */
static loci_status decode_answer(const loci_model *m, const int *ids, int count, char **out,
                                 loci_err *err) {
  size_t n;
  TRY(tokenizer_decode(m->tokens, ids, count, true, out, &n, err));
  size_t from = strspn(*out, " \t\r\n");
  while (n > from && strchr(" \t\r\n", (*out)[n - 1])) n--;
  memmove(*out, *out + from, n - from);
  (*out)[n - from] = 0;
  return LOCI_OK;
}

static loci_status tell_so_far(const answering *of, loci_answer *a, int count, loci_err *err) {
  char *text;
  if (!of->watch.tell) return LOCI_OK;
  TRY(decode_answer(of->p->model, a->ids, count, &text, err));
  a->text = text;
  a->count = count;
  of->watch.tell(of->watch.ctx, a);
  free(text);
  return LOCI_OK;
}

/* What an answer holds beside its tokens. */
static loci_status finish(const loci_model *m, loci_answer *a, loci_err *err) {
  char *text;
  a->hash = arena_strdup(a->result.memory, model_known_hash(m));
  if (!a->hash) return fail_nomem(err, "answering");
  TRY(decode_answer(m, a->ids, a->count, &text, err));
  a->text = arena_strdup(a->result.memory, text);
  free(text);
  return a->text ? LOCI_OK : fail_nomem(err, "decoding the answer");
}

/* The last token is not read, so it needs no position of its own. */
static int most_that_fit(const loci_model *m, int prompt, int most) {
  while (most > 1 && check_length(m, (int64_t)prompt + most - 1, "the answer", NULL)) most--;
  return most;
}

/* One walk for all tokens: the prompt's, cleared, serves each step, which would otherwise spend its
 * time on making room. */
static loci_status generate(const answering *of, int most, loci_answer *a, const walk_hooks *given,
                            loci_err *err) {
  const loci_prompt *p = of->p;
  const loci_model *m = p->model;
  int T = p->info.length;
  int *ids = arena_array(a->result.memory, most, int);
  loci_candidate(*top)[LOCI_TOP] = arena_zalloc(a->result.memory, most, sizeof *top);
  float *next = arena_array(a->result.memory, input_width(model_decoder(m)), float);
  if (!ids || !top || !next) return fail_nomem(err, "answering");
  a->model = loci_model_get_info(m);
  a->ids = ids;
  a->top = (const loci_candidate(*)[LOCI_TOP])top;
  taken best;
  TRY(taken_init(&best, m, p, a->result.memory, err));
  best.draw = of->draw;
  walk_hooks hooks = *given;
  hooks.logits = take_top;
  hooks.logits_ctx = &best;
  const rope_place *places;
  TRY(prompt_places(p, most, a->result.memory, &places, err));
  kv_cache *cache = of->after;
  walk *w = NULL;
  if (!cache) TRY(kv_cache_new(m, T + (most > of->room ? most : of->room), &cache, err));
  loci_status st = walk_new(m, &w, err);
  int same = mutual_first(p->mutual, of->first < T - 1 ? of->first : T - 1);
  int kept = of->after ? same : !st ? keep_copy(w, p, same, cache) : 0;
  if (of->after) kv_cache_cut(cache, same);
  input rows = prompt_input(p);
  rows.rows = of->rows;
  if (of->sources) rows.sources = of->sources;
  if (!st) st = step(m, w, cache, rows, kept, of, &hooks, err);
  int n = 0;
  while (!st && n < most) {
    if (!best.finite) {
      st = not_finite(m, err);
      break;
    }
    top_logits_candidates(&best.top, m, top[n]);
    ids[n++] = best.id;
    mark_taken(&best, best.id);
    st = tell_so_far(of, a, n, err);
    if (st || is_end(m, best.id) || n == most) break;
    if (!embed_token(m, best.id, next)) {
      st = fail(err, LOCI_EFORMAT, "the model answers with token %d, which has no embedding",
                best.id);
    }
    input one = {.rows = next, .count = 1, .sources = rows.sources};
    if (places) one.places = places + T + n - 1;
    if (!st) st = step(m, w, cache, one, 0, NULL, &hooks, err);
  }
  walk_free(w);
  a->count = n;
  if (!st) st = finish(m, a, err);
  if (!st && of->cache) *of->cache = cache;
  if ((st || !of->cache) && !of->after) kv_cache_free(cache);
  return st;
}

static loci_status tell(const loci_prompt *p, int max_new, loci_answer *a, loci_err *err) {
  js_value *request = request_of_prompt(p);
  command_words words = command_of("ask", p->model);
  js_put(&request, "max_new", js_int(max_new));
  return request_tell(&words, request, &a->result, err);
}

/* What cannot be answered is said before anything is computed. */
loci_status answer_make(const answering *of, int max_new, const walk_hooks *follow,
                        loci_answer **out, loci_err *err) {
  const loci_model *m = of->p->model;
  const char *problem = m->weights->config.generation_problem;
  if (problem) return fail(err, LOCI_EUNSUPPORTED, "%s", problem);
  if (max_new < 1 || max_new > MOST_NEW)
    return fail(err, LOCI_EINVAL, "%d new tokens, expected 1 to %d", max_new, MOST_NEW);
  loci_answer *a = result_new(LOCI_KIND_ANSWER, sizeof *a);
  if (!a) return fail_nomem(err, "answering");
  loci_status st = generate(of, most_that_fit(m, of->p->info.length, max_new), a, follow, err);
  if (st) {
    loci_free(a);
    return st;
  }
  *out = a;
  return LOCI_OK;
}

loci_status ask_prompt(const loci_prompt *p, int max_new, const walk_hooks *follow,
                       answer_watch told, loci_answer **out, loci_err *err) {
  answering of = {.p = p, .rows = p->embeds, .first = p->info.length, .watch = told};
  loci_answer *a;
  if (max_new == 0) max_new = ANSWER_TOKENS;
  TRY(answer_make(&of, max_new, follow, &a, err));
  loci_status st = tell(p, max_new, a, err);
  if (st) {
    loci_free(a);
    return st;
  }
  *out = a;
  return LOCI_OK;
}

loci_status loci_ask(const loci_model *m, const loci_prompt *p, int max_new,
                     loci_progress_fn progress, void *ctx, loci_answer **out, loci_err *err) {
  NEEDS(out, "place for the result");
  *out = NULL;
  NEEDS(m, "model");
  NEEDS(p, "prompt");
  TRY(prompt_check_model(p, m, err));
  walk_hooks hooks = {.progress = progress, .progress_ctx = ctx};
  return ask_prompt(p, max_new, &hooks, (answer_watch){0}, out, err);
}
