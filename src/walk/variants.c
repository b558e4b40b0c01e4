/* Runs beside a clean run (see variants.h). */
#include "walk/variants.h"

#include <string.h>

#include "model/rope.h"
#include "walk/grad.h"

/* Two stretches of keys in place of one cost more than fewer rows would save. */
enum { LEAST_SHARED = 16 };

/* The sets of a walk. */
typedef struct batch {
  variants *const *sets;
  int count;
} batch;

static int streams_each(const variants *v) { return v->beside > 0 ? v->beside : 1; }

static int64_t base_rows(const variants *v) { return (int64_t)(1 + v->beside) * v->target.count; }

static int64_t variant_rows(const variants *v) {
  return (v->end - v->begin) * streams_each(v) * v->target.count;
}

loci_status variants_room(variants *v, arena *mem, loci_err *err) {
  v->other = arena_zarray(mem, streams_each(v), int);
  v->base = arena_zarray(mem, base_rows(v), reading);
  bool ok = reference_room(&v->clean, model_decoder(v->m)->vocab, mem) && v->other && v->base;
  return ok ? LOCI_OK : fail_nomem(err, "preparing runs");
}

/* ---------------------------------------------------------------- reading logits */

static reading read_row(const variants *v, const float *logits, int token, int other) {
  const reference *r = v->against ? v->against : &v->clean;
  return reading_of(logits, model_decoder(v->m)->vocab, v->target.ids[token], other,
                    token > 0 ? NULL : r);
}

/* The clean run's difference of logits is a mean over the o' of the runs beside it, which are read
 * after it. */
static void add_difference(variants *v, int run) {
  double diff = v->clean.logp[v->target.ids[0]] - v->clean.logp[v->other[run - 1]];
  v->base[0].logit_diff = (run == 1 ? 0 : v->base[0].logit_diff) + diff / v->beside;
}

void variants_read_base(variants *v, int run, int token, const float *logits) {
  int V = model_decoder(v->m)->vocab;
  if (token == 0) v->not_finite |= !logits_are_finite(logits, V);
  if (token == 0 && run == 0) {
    reference_read(&v->clean, &v->target, logits, V);
    v->other[0] = v->against && v->against->other >= 0 ? v->against->other : v->clean.other;
    v->wins = 0;
  } else if (token == 0) {
    v->other[run - 1] = argmax_of(logits, V, v->target.ids[0]);
    if (run == 1) top_logits_of(logits, V, &v->beside_top);
  }
  if (run == 0 && v->look_at) v->look_at(v->ctx, token, logits);
  if (run == 0) v->wins += argmax_of(logits, V, -1) == v->target.ids[token];
  v->base[(int64_t)run * v->target.count + token] =
      read_row(v, logits, token, v->other[run > 0 ? run - 1 : 0]);
  if (run > 0 && token == 0) add_difference(v, run);
}

loci_metrics variants_base(const variants *v, int run) {
  return readings_metrics(v->base + (int64_t)run * v->target.count, v->target.count);
}

/* Base runs of all sets, then variants of all sets. */
static void on_logits(void *ctx, int64_t index, const float *logits) {
  const batch *b = ctx;
  variants *const *set = b->sets;
  for (int i = 0; i < b->count; i++) {
    int runs = 1 + set[i]->beside;
    if (index < base_rows(set[i])) {
      variants_read_base(set[i], (int)(index % runs), (int)(index / runs), logits);
      return;
    }
    index -= base_rows(set[i]);
  }
  for (; index >= variant_rows(*set); set++) index -= variant_rows(*set);
  const variants *v = *set;
  int token = (int)(index % v->target.count);
  int64_t stream = index / v->target.count % streams_each(v);
  v->readings[index] = read_row(v, logits, token, v->other[stream]);
}

/* ---------------------------------------------------------------- streams */

static loci_status want_token(const variants *v, walk *w, int stream, int token, loci_err *err) {
  return walk_want(w, stream, v->target.length - v->target.count + token, err);
}

loci_status variants_add_base(const variants *v, walk *w, int first, int count, loci_err *err) {
  int stream;
  for (int run = first; run < first + count; run++) {
    TRY(walk_child(w, v->stream, &stream, err));
    TRY(v->add_beside(v->ctx, w, run, stream, err));
  }
  for (int token = 0; token < v->target.count; token++) {
    for (int run = 0; run <= count; run++) TRY(want_token(v, w, v->stream + run, token, err));
  }
  return LOCI_OK;
}

/* Input rows that both begin with; each keeps at least its last one to itself. */
static int common_rows(const variants *a, const variants *b) {
  const target *s = &a->target, *t = &b->target;
  const input p = target_input(s), q = target_input(t);
  size_t bytes = (size_t)input_width(model_decoder(a->m)) * sizeof(float);
  int n = 0, most = s->length < t->length ? s->length : t->length;
  if (!rope_is_same(model_decoder(a->m), s->length, t->length)) return 0;
  if (!sources_same(s->sources, t->sources, model_decoder(a->m))) return 0;
  const char *x = (const char *)s->embeds, *y = (const char *)t->embeds;
  while (n < most - 1 && memcmp(x + (size_t)n * bytes, y + (size_t)n * bytes, bytes) == 0 &&
         rope_is_same_place(input_place(&p, n), input_place(&q, n))) {
    n++;
  }
  return mutual_shared(s->mutual, t->mutual, n);
}

/* The clean run after what is cached: from the prompt's last row on, whose logits are the first
 * token's, or from where rows begin that see one another with it. */
static loci_status add_after(variants *v, walk *w, loci_err *err) {
  const target *t = &v->target;
  v->shared = mutual_first(t->mutual, t->length - t->count);
  walk_beside(w, v->shared);
  input own = input_from(target_input(t), v->shared, model_decoder(v->m));
  return walk_resume(w, v->cache, v->shared, 0, own, &v->stream, err);
}

/* The clean run: a branch of the root that shares most, or a root. */
static loci_status add_clean(const batch *b, walk *w, int i, loci_err *err) {
  variants *v = b->sets[i];
  const target *t = &v->target;
  const variants *base = NULL;
  v->shared = 0;
  if (v->cache) return add_after(v, w, err);
  for (int k = 0; k < i; k++) {
    if (b->sets[k]->shared > 0) continue;
    int n = common_rows(v, b->sets[k]);
    if (n < LEAST_SHARED || n <= v->shared) continue;
    base = b->sets[k];
    v->shared = n;
  }
  if (!base) {
    int last = t->length - t->count, look = v->look < last ? v->look : last;
    if (b->count > 1) look = 0;
    return keep_root(w, v->p, v->own, target_input(t), look, &v->stream, &v->shared, err);
  }
  input own = input_from(target_input(t), v->shared, model_decoder(v->m));
  return walk_branch(w, base->stream, v->shared, own, &v->stream, err);
}

static loci_status add_variants(const variants *v, walk *w, loci_err *err) {
  int stream;
  for (int64_t i = v->begin; i < v->end; i++) {
    for (int run = 0; run < streams_each(v); run++) {
      TRY(v->add(v->ctx, w, i, run, &stream, err));
      for (int token = 0; token < v->target.count; token++) {
        TRY(want_token(v, w, stream, token, err));
      }
    }
  }
  return LOCI_OK;
}

static loci_status build(void *ctx, walk *w, loci_err *err) {
  batch *b = ctx;
  walk_apart(w, b->count == 1 ? b->sets[0]->apart : 0);
  for (int i = 0; i < b->count; i++) {
    TRY(add_clean(b, w, i, err));
    TRY(variants_add_base(b->sets[i], w, 0, b->sets[i]->beside, err));
  }
  for (int i = 0; i < b->count; i++) TRY(add_variants(b->sets[i], w, err));
  return LOCI_OK;
}

/* ---------------------------------------------------------------- a walk */

loci_status walk_once(const walk_job *job, loci_err *err) {
  walk *w = job->w;
  if (!w) TRY(job->back ? walk_new_back(job->m, &w, err) : walk_new(job->m, &w, err));
  walk_clear(w);
  loci_status st = job->build(job->ctx, w, err);
  if (!st) st = walk_run(w, &job->hooks, err);
  if (!st && job->after) st = job->after(job->ctx, w, err);
  if (!st && job->cost) walk_add_cost(w, 1, job->cost);
  if (!job->w) walk_free(w);
  return st;
}

/* The bound of docs/MATH.md for the set's rows in this walk. */
static int64_t formula_of(const variants *v) {
  int64_t L = model_decoder(v->m)->layers, n = v->target.length, rows = 0;
  if (v->begin == 0) rows = L * (n - v->shared + v->beside * (n - v->first));
  for (int64_t i = v->begin; i < v->end; i++) rows += streams_each(v) * v->size(v->ctx, i).formula;
  return rows;
}

/* Of a shared walk's cost every set bears its part of the formula. */
static loci_status share_cost(void *ctx, walk *w, loci_err *err) {
  const batch *b = ctx;
  double all = 0;
  (void)err;
  for (int i = 0; i < b->count; i++) all += (double)formula_of(b->sets[i]);
  for (int i = 0; i < b->count; i++) {
    variants *v = b->sets[i];
    int64_t formula = formula_of(v);
    v->cost.formula += formula;
    walk_add_cost(w, b->count == 1 ? 1 : (double)formula / all, &v->cost);
  }
  return LOCI_OK;
}

static void take_variants(variants *v) {
  int64_t each = streams_each(v) * v->target.count;
  for (int64_t i = v->begin; i < v->end; i++)
    v->take(v->ctx, i, v->readings + (i - v->begin) * each);
}

/* Sets of variants go through one walk as streams of it, so that they share every product; their
 * cost is shared out afterwards. */
static loci_status run_walk(variants *const *sets, int n, walk *w, loci_err *err) {
  batch b = {sets, n};
  arena *mem = arena_new();
  loci_status st = mem ? LOCI_OK : fail_nomem(err, "running variants");
  walk_job job = {.m = sets[0]->m, .w = w, .build = build, .after = share_cost, .ctx = &b};
  job.hooks = (walk_hooks){.logits = on_logits,
                           .logits_ctx = &b,
                           .progress = sets[0]->progress,
                           .progress_ctx = sets[0]->progress_ctx};
  for (int i = 0; !st && i < n; i++) {
    job.hooks.ordered += base_rows(sets[i]);
    sets[i]->readings = arena_array(mem, variant_rows(sets[i]), reading);
    if (!sets[i]->readings) st = fail_nomem(err, "running variants");
  }
  if (!st) st = walk_once(&job, err);
  for (int i = 0; !st && i < n; i++) take_variants(sets[i]);
  arena_free(mem);
  return st;
}

/* ---------------------------------------------------------------- what fits the memory */

/* What is kept on a device is there already, and counted there. */
static int64_t room_of(const variants *v) { return v->m->memory - device_held(v->m->device); }

/* A clean run that is kept has no rows before the first that is looked at. */
static int64_t base_bytes(const variants *v) {
  int64_t n = v->target.length, rows = v->own ? n - (v->look < n ? v->look : n - 1) : n;
  int64_t kept = v->held + (v->own && !v->m->device ? keep_bytes(v->p) : 0);
  return (rows + (int64_t)v->beside * (n - v->first)) * walk_row_bytes(v->m) + kept;
}

static int64_t variant_bytes(const variants *v, int64_t i) {
  variant_size s = v->size(v->ctx, i);
  int64_t one = s.rows * walk_row_bytes(v->m) + walk_stream_bytes(v->m) + s.extra;
  return streams_each(v) * (one + v->target.count * (int64_t)(sizeof(reading) + 16));
}

/* As many variants as fit the memory beside the base runs, and one walk; at least one. */
static loci_status next_variants(variants *v, loci_err *err) {
  int64_t left = room_of(v) - walk_fixed_bytes(v->m, v->target.length) - base_bytes(v);
  int64_t pairs = 0;
  v->begin = v->end;
  while (v->end < v->count && (v->each == 0 || pairs < v->each)) {
    left -= variant_bytes(v, v->end);
    if (left < 0) break;
    pairs += streams_each(v) * v->size(v->ctx, v->end++).formula;
  }
  if (v->end > v->begin || v->begin == v->count) return LOCI_OK;
  return fail(err, LOCI_ENOMEM,
              "a walk of one %s needs %lld MiB beside the weights, --memory allows %lld", v->what,
              (long long)((v->m->memory - left) >> 20), (long long)(v->m->memory >> 20));
}

/* How many of [n] sets fit one walk whole; at least one. */
static int fitting(variants *const *sets, int n) {
  int64_t left = room_of(sets[0]);
  int longest = 0, i = 0;
  for (; i < n; i++) {
    const variants *v = sets[i];
    if (v->target.length > longest) longest = v->target.length;
    left -= base_bytes(v);
    for (int64_t k = 0; k < v->count && left >= 0; k++) left -= variant_bytes(v, k);
    if (left < walk_fixed_bytes(v->m, longest)) break;
  }
  return i > 0 ? i : 1;
}

static loci_status run_alone(variants *v, walk *w, loci_err *err) {
  v->begin = v->end = 0;
  do {
    TRY(next_variants(v, err));
    v->apart = (v->more + v->count - (v->end - v->begin)) * streams_each(v) * v->target.count;
    TRY(run_walk(&v, 1, w, err));
    if (v->after) v->after(v->ctx, v->begin, v->end);
  } while (!v->not_finite && v->end < v->count);
  return LOCI_OK;
}

loci_status variants_run(variants *const *all, int n, loci_err *err) {
  walk *w;
  if (n == 0) return LOCI_OK;
  TRY(walk_new(all[0]->m, &w, err));
  loci_status st = LOCI_OK;
  for (int i = 0, k; !st && i < n; i += k) {
    k = n - i > 1 ? fitting(all + i, n - i) : 1;
    for (int j = i; j < i + k; j++) {
      all[j]->begin = 0;
      all[j]->end = all[j]->count;
    }
    st = k > 1 ? run_walk(all + i, k, w, err) : run_alone(all[i], w, err);
  }
  walk_free(w);
  return st;
}
