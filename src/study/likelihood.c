/* The likelihood of given answers (see likelihood.h).
 *
 *   log p(a_1..k | prompt) = sum_i log p(a_i | prompt, a_1..i-1)
 *
 * The prompt is run once and keeps its keys and values; its last logits answer for the first token
 * of every answer.  Then each answer's own rows are run after them, over and over. */
#include "study/likelihood.h"

#include <string.h>

#include "walk/logits.h"
#include "walk/walk.h"

/* One answer's tokens, and the rows of all but the last. */
typedef struct wording {
  int *ids, count;
  float *rows; /* (count - 1, input_width) */
} wording;

typedef struct measuring {
  const loci_model *m;
  const loci_prompt *p;
  int n;
  wording *all;
  double *logp;
  const rope_place *places; /* of the prompt and of what follows, or NULL */
  walk *w;
  int now; /* the answer whose rows are run; -1: the prompt's */
  bool not_finite;
} measuring;

static void read_logits(void *ctx, int64_t index, const float *logits) {
  measuring *r = ctx;
  int V = model_decoder(r->m)->vocab;
  double total = log_sum_exp(logits, V);
  r->not_finite |= !logits_are_finite(logits, V);
  if (r->now >= 0) {
    r->logp[r->now] += (double)logits[r->all[r->now].ids[index + 1]] - total;
    return;
  }
  for (int i = 0; i < r->n; i++) r->logp[i] = (double)logits[r->all[i].ids[0]] - total;
}

/* Every token of an answer but its last is an input row; the last is only predicted. */
static loci_status read_wording(const measuring *r, const char *answer, arena *mem, wording *out,
                                loci_err *err) {
  int64_t W = input_width(model_decoder(r->m));
  int V = model_decoder(r->m)->vocab;
  TRY(answer_ids(r->p, answer, mem, &out->ids, &out->count, err));
  TRY(check_length(r->m, (int64_t)r->p->info.length + out->count - 1, "the prompt with the answer",
                   err));
  out->rows = arena_array(mem, out->count * W, float);
  if (!out->rows) return fail_nomem(err, "comparing answers");
  for (int i = 0; i < out->count; i++) {
    if (out->ids[i] < 0 || out->ids[i] >= V || !embed_token(r->m, out->ids[i], out->rows + i * W)) {
      return fail(err, LOCI_EINVAL, "token %d of the answer \"%s\" is not in the vocabulary of %d",
                  out->ids[i], answer, V);
    }
  }
  return LOCI_OK;
}

/* Runs [count] rows after the first [from] positions of the cache, and reads each one's logits (of
 * the prompt: the last one's). */
static loci_status run(measuring *r, kv_cache *cache, int from, input rows, walk_hooks *hooks,
                       loci_err *err) {
  int s, count = rows.count, first = r->now < 0 ? count - 1 : 0;
  hooks->ordered = count - first;
  walk_clear(r->w);
  TRY(from == 0 ? walk_continue(r->w, cache, rows, &s, err)
                : walk_resume(r->w, cache, from, 0, rows, &s, err));
  for (int i = first; i < count; i++) TRY(walk_want(r->w, s, from + i, err));
  return walk_run(r->w, hooks, err);
}

static loci_status run_all(measuring *r, kv_cache *cache, walk_hooks *hooks, loci_err *err) {
  int T = r->p->info.length;
  r->now = -1;
  TRY(run(r, cache, 0, prompt_input(r->p), hooks, err));
  for (r->now = 0; r->now < r->n; r->now++) {
    const wording *a = &r->all[r->now];
    const rope_place *at = r->places ? r->places + T : NULL;
    input rows = {.rows = a->rows, .count = a->count - 1, .places = at, .sources = r->p->sources};
    if (a->count > 1) TRY(run(r, cache, T, rows, hooks, err));
  }
  return r->not_finite ? not_finite(r->m, err) : LOCI_OK;
}

loci_status likelihood_of(const loci_prompt *p, const char *const *answers, int n, double *logp,
                          loci_progress_fn progress, void *ctx, loci_err *err) {
  kv_cache *cache = NULL;
  int longest = 1;
  measuring r = {.m = p->model, .p = p, .n = n, .logp = logp};
  arena *mem = arena_new();
  r.all = mem ? arena_zarray(mem, n, wording) : NULL;
  loci_status st = r.all ? LOCI_OK : fail_nomem(err, "comparing answers");
  for (int i = 0; !st && i < n; i++) {
    st = read_wording(&r, answers[i], mem, &r.all[i], err);
    if (r.all[i].count > longest) longest = r.all[i].count;
  }
  walk_hooks hooks = {
      .logits = read_logits, .logits_ctx = &r, .progress = progress, .progress_ctx = ctx};
  if (!st) st = prompt_places(p, longest, mem, &r.places, err);
  if (!st) st = kv_cache_new(r.m, p->info.length + longest - 1, &cache, err);
  if (!st) st = walk_new(r.m, &r.w, err);
  if (!st) st = run_all(&r, cache, &hooks, err);
  walk_free(r.w);
  kv_cache_free(cache);
  arena_free(mem);
  return st;
}
