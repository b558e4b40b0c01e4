/* The sweep: clean run, corrupted runs and all restored runs in one walk, or in as few walks as the
 * memory allows (docs/MATH.md, "The sweep").  Several sweeps share a walk where they fit: weights
 * are read and converted once, and questions on one picture share its rows.  Streams, for S seeds:
 *
 *   clean          a root, or a branch of another sweep's that begins with the same rows
 *   clean + 1..S   corrupted: children of clean with other input rows
 *   behind them    restored, cell by cell, seed by seed: children of their corrupted run with
 *                  patches from clean (denoise), or of clean with patches from their corrupted run
 *                  (noise)
 *
 * The logits of clean and corrupted runs are read first, in order, because target and o' come from
 * them. */
#include "study/sweep.h"

#include "model/rope.h"

#include <string.h>

/* Two stretches of keys in place of one cost more than fewer rows would save. */
enum { LEAST_SHARED = 16 };

/* A sweep's cells in a walk. */
typedef struct part {
  sweep *s;
  int64_t first, count; /* cells */
  int clean;            /* its stream */
} part;

typedef struct batch {
  part *parts;
  int count;
  walk *w;
} batch;

/* ---------------------------------------------------------------- reading logits */

void read_logits(const sweep *s, const float *logits, int token, int other, reading *out) {
  *out = reading_of(logits, model_decoder(s->m)->vocab, s->target[token], other,
                    token > 0 ? NULL : s->clean_logp);
}

loci_metrics metrics_of(const sweep *s, const reading *r) {
  return readings_metrics(r, s->target_count);
}

loci_metrics metrics_mean(const loci_metrics *m, int n) {
  loci_metrics mean = {0};
  for (int i = 0; i < n; i++) {
    mean.p += m[i].p / n;
    mean.logp += m[i].logp / n;
    mean.p_first += m[i].p_first / n;
    mean.logp_first += m[i].logp_first / n;
    mean.logit_diff += m[i].logit_diff / n;
    mean.kl += m[i].kl / n;
  }
  return mean;
}

/* The clean run's first row: target, reference distribution. */
static void read_clean(sweep *s, const float *logits) {
  int64_t V = model_decoder(s->m)->vocab;
  double total = log_sum_exp(logits, V);
  s->not_finite |= !logits_are_finite(logits, V);
  if (!s->answer_given) s->target[0] = argmax_of(logits, V, -1);
  for (int64_t i = 0; i < V; i++) s->clean_logp[i] = (double)logits[i] - total;
  top_logits_of(logits, (int)V, &s->clean_top);
}

void sweep_read_base(sweep *s, int run, int token, const float *logits) {
  int64_t V = model_decoder(s->m)->vocab;
  if (run == 0 && token == 0) read_clean(s, logits);
  if (run > 0 && token == 0) {
    s->not_finite |= !logits_are_finite(logits, V);
    int best = argmax_of(logits, V, -1);
    s->other[run - 1] = best == s->target[0] ? argmax_of(logits, V, best) : best;
    if (run == 1) top_logits_of(logits, (int)V, &s->corrupt_top);
  }
  reading *r = &s->base[(int64_t)run * s->target_count + token];
  read_logits(s, logits, token, run > 0 ? s->other[run - 1] : 0, r);
  if (run == 0 && token == 0)
    r->logit_diff = (double)logits[s->target[0]]; /* o' is not known yet */
  if (run > 0 && token == 0) {
    /* the clean run's logit difference against this seed's o', averaged over seeds */
    double diff = s->clean_logp[s->target[0]] - s->clean_logp[s->other[run - 1]];
    s->base[0].logit_diff = (run == 1 ? 0 : s->base[0].logit_diff) + diff / s->corrupted.seeds;
  }
}

static int64_t cell_logits(const part *p) {
  return p->count * p->s->corrupted.seeds * p->s->target_count;
}

/* Base rows of all parts, then cells of all parts. */
static void on_logits(void *ctx, int64_t index, const float *logits) {
  const batch *b = ctx;
  for (const part *p = b->parts; p < b->parts + b->count; p++) {
    int runs = 1 + p->s->corrupted.seeds;
    if (index < p->s->base_count) {
      sweep_read_base(p->s, (int)(index % runs), (int)(index / runs), logits);
      return;
    }
    index -= p->s->base_count;
  }
  const part *p = b->parts;
  for (; index >= cell_logits(p); p++) index -= cell_logits(p);
  const sweep *s = p->s;
  int64_t token = index % s->target_count, seed = index / s->target_count % s->corrupted.seeds;
  read_logits(s, logits, (int)token, s->other[seed], &s->readings[index]);
}

/* ---------------------------------------------------------------- streams */

static loci_status want_answer(const sweep *s, walk *w, int stream, int token, loci_err *err) {
  return walk_want(w, stream, s->T - 1 + token, err);
}

loci_status sweep_add_base(const sweep *s, walk *w, int clean, int first, int seeds,
                           loci_err *err) {
  int run;
  int64_t D = model_decoder(s->m)->width;
  const corruption *c = &s->corrupted;
  for (int seed = first; seed < first + seeds; seed++) {
    TRY(walk_child(w, clean, &run, err));
    for (int i = 0; i < c->count; i++) {
      const float *row = c->rows + ((int64_t)seed * c->count + i) * D;
      TRY(walk_embed(w, run, c->positions[i], row, err));
    }
  }
  for (int token = 0; token < s->target_count; token++) {
    for (run = clean; run <= clean + seeds; run++) TRY(want_answer(s, w, run, token, err));
  }
  return LOCI_OK;
}

/* Input rows that both begin with; each keeps at least its last one to itself. */
static int common_rows(const sweep *a, const sweep *b) {
  size_t bytes = (size_t)model_decoder(a->m)->width * sizeof(float);
  int n = 0, most = a->length < b->length ? a->length : b->length;
  if (!rope_is_same(model_decoder(a->m), a->length, b->length)) return 0;
  const char *x = (const char *)a->embeds, *y = (const char *)b->embeds;
  while (n < most - 1 && memcmp(x + (size_t)n * bytes, y + (size_t)n * bytes, bytes) == 0) n++;
  return n;
}

/* The clean run: a branch of the root that shares most, or a root. */
static loci_status add_clean(const batch *b, walk *w, int i, loci_err *err) {
  part *p = &b->parts[i];
  const part *base = NULL;
  int64_t D = model_decoder(p->s->m)->width;
  p->s->shared = 0;
  for (int k = 0; k < i; k++) {
    if (b->parts[k].s->shared > 0) continue;
    int n = common_rows(p->s, b->parts[k].s);
    if (n < LEAST_SHARED || n <= p->s->shared) continue;
    base = &b->parts[k];
    p->s->shared = n;
  }
  if (!base) return walk_root(w, p->s->embeds, p->s->length, &p->clean, err);
  int n = p->s->shared;
  return walk_branch(w, base->clean, n, p->s->embeds + n * D, p->s->length - n, &p->clean, err);
}

loci_status add_cell(const sweep *s, walk *w, const cell *c, int parent, int source, int *out,
                     loci_err *err) {
  TRY(walk_child(w, parent, out, err));
  for (int l = c->begin; l < c->end; l++) {
    for (int i = 0; i < c->position_count; i++) {
      int p = c->positions[i];
      if (!restoring_matters(s, p, l)) continue;
      walk_patch patch = {
          .site = c->site, .layer = l, .position = p, .head = c->head, .source = source};
      TRY(walk_patch_add(w, *out, &patch, err));
    }
  }
  return LOCI_OK;
}

static loci_status add_cells(const part *p, walk *w, loci_err *err) {
  const sweep *s = p->s;
  for (int64_t i = p->first; i < p->first + p->count; i++) {
    const cell *c = &s->cells[i];
    for (int seed = 0; seed < s->corrupted.seeds; seed++) {
      int run = p->clean + 1 + seed, out;
      bool denoise = c->direction == LOCI_DENOISE;
      TRY(add_cell(s, w, c, denoise ? run : p->clean, denoise ? p->clean : run, &out, err));
      for (int token = 0; token < s->target_count; token++) {
        TRY(want_answer(s, w, out, token, err));
      }
    }
  }
  return LOCI_OK;
}

/* Mean of the cell's metrics over seeds, into its grid. */
static loci_status store_cells(const part *p, loci_err *err) {
  const sweep *s = p->s;
  int S = s->corrupted.seeds;
  loci_metrics *of_seed = arena_array(s->mem, S, loci_metrics);
  if (!of_seed) return fail_nomem(err, "tracing");
  for (int64_t i = 0; i < p->count; i++) {
    const cell *c = &s->cells[p->first + i];
    for (int seed = 0; seed < S; seed++) {
      of_seed[seed] = metrics_of(s, s->readings + (i * S + seed) * s->target_count);
    }
    loci_metrics *cells = (loci_metrics *)(uintptr_t)s->grids[c->grid].cells;
    cells[c->at] = metrics_mean(of_seed, S);
  }
  return LOCI_OK;
}

/* ---------------------------------------------------------------- a walk */

static loci_status build(const batch *b, walk *w, int64_t *base_count, loci_err *err) {
  *base_count = 0;
  for (int i = 0; i < b->count; i++) {
    part *p = &b->parts[i];
    sweep *s = p->s;
    s->base_count = (int64_t)(1 + s->corrupted.seeds) * s->target_count;
    s->readings = arena_array(s->mem, cell_logits(p), reading);
    if (!s->readings) return fail_nomem(err, "tracing");
    TRY(add_clean(b, w, i, err));
    TRY(sweep_add_base(s, w, p->clean, 0, s->corrupted.seeds, err));
    *base_count += s->base_count;
  }
  for (int i = 0; i < b->count; i++) TRY(add_cells(&b->parts[i], w, err));
  return LOCI_OK;
}

/* The bound of docs/MATH.md for the part's rows in this walk. */
static int64_t part_formula(const part *p) {
  const sweep *s = p->s;
  int64_t L = model_decoder(s->m)->layers, S = s->corrupted.seeds, rows = 0;
  if (p->first == 0) rows = L * (s->length - s->shared + S * (s->length - s->first));
  for (int64_t i = p->first; i < p->first + p->count; i++)
    rows += S * cell_formula(s, &s->cells[i]);
  return rows;
}

/* Of a shared walk's cost every sweep bears its part of the formula. */
static void add_costs(const batch *b, const walk *w) {
  double all = 0;
  for (int i = 0; i < b->count; i++) all += (double)part_formula(&b->parts[i]);
  for (int i = 0; i < b->count; i++) {
    sweep *s = b->parts[i].s;
    int64_t formula = part_formula(&b->parts[i]);
    double share = b->count == 1 ? 1 : (double)formula / all;
    s->cost.formula += formula;
    walk_add_cost(w, share, &s->cost);
  }
}

static loci_status run_batch(const batch *b, loci_err *err) {
  walk *w = b->w;
  int64_t base_count;
  const loci_trace_opts *o = b->parts[0].s->opts;
  walk_clear(w);
  loci_status st = build(b, w, &base_count, err);
  walk_hooks hooks = {.logits = on_logits,
                      .logits_ctx = (void *)(uintptr_t)b,
                      .ordered = base_count,
                      .progress = o->progress,
                      .progress_ctx = o->progress_ctx};
  if (!st) st = walk_run(w, &hooks, err);
  if (!st) add_costs(b, w);
  for (int i = 0; !st && i < b->count; i++) st = store_cells(&b->parts[i], err);
  return st;
}

/* ---------------------------------------------------------------- what fits the memory */

static int64_t base_bytes(const sweep *s) {
  int64_t rows = s->length + (int64_t)s->corrupted.seeds * (s->length - s->first);
  return rows * walk_row_bytes(s->m);
}

static int64_t cell_bytes(const sweep *s, const cell *c) {
  int64_t one = cell_rows(s, c) * walk_row_bytes(s->m) + walk_stream_bytes(s->m);
  return s->corrupted.seeds * (one + s->target_count * (int64_t)(sizeof(reading) + 16));
}

/* As many cells as fit the memory beside the base runs; at least one. */
static loci_status next_cells(part *p, loci_err *err) {
  const sweep *s = p->s;
  int64_t left = s->m->memory - walk_fixed_bytes(s->m, s->length) - base_bytes(s);
  p->first += p->count;
  p->count = 0;
  while (p->first + p->count < s->cell_count) {
    left -= cell_bytes(s, &s->cells[p->first + p->count]);
    if (left < 0) break;
    p->count++;
  }
  if (p->count == 0 && p->first < s->cell_count) {
    return fail(err, LOCI_ENOMEM,
                "a walk of one cell needs %lld MiB beside the weights, --memory allows %lld",
                (long long)((s->m->memory - left) >> 20), (long long)(s->m->memory >> 20));
  }
  return LOCI_OK;
}

/* How many of [n] sweeps fit one walk whole; at least one. */
static int fitting(sweep *const *sweeps, int n) {
  const loci_model *m = sweeps[0]->m;
  int64_t left = m->memory;
  int longest = 0, i = 0;
  for (; i < n; i++) {
    const sweep *s = sweeps[i];
    if (s->length > longest) longest = s->length;
    left -= base_bytes(s);
    for (int64_t k = 0; k < s->cell_count && left >= 0; k++) left -= cell_bytes(s, &s->cells[k]);
    if (left < walk_fixed_bytes(m, longest)) break;
  }
  return i > 0 ? i : 1;
}

static loci_status run_alone(sweep *s, walk *w, loci_err *err) {
  part p = {.s = s};
  batch b = {&p, 1, w};
  do {
    TRY(next_cells(&p, err));
    TRY(run_batch(&b, err));
  } while (!s->not_finite && p.first + p.count < s->cell_count);
  return LOCI_OK;
}

static loci_status run_together(sweep *const *sweeps, int n, walk *w, loci_err *err) {
  batch b = {arena_zarray(sweeps[0]->mem, n, part), n, w};
  if (!b.parts) return fail_nomem(err, "tracing");
  for (int i = 0; i < n; i++) b.parts[i] = (part){.s = sweeps[i], .count = sweeps[i]->cell_count};
  return run_batch(&b, err);
}

loci_status sweeps_run(sweep *const *sweeps, int n, loci_err *err) {
  walk *w;
  if (n == 0) return LOCI_OK;
  TRY(walk_new(sweeps[0]->m, &w, err));
  loci_status st = LOCI_OK;
  for (int i = 0, k; !st && i < n; i += k) {
    k = fitting(sweeps + i, n - i);
    st = k > 1 ? run_together(sweeps + i, k, w, err) : run_alone(sweeps[i], w, err);
  }
  walk_free(w);
  if (st) return st;
  for (int i = 0; i < n; i++) {
    sweep *s = sweeps[i];
    s->clean = metrics_of(s, s->base);
    for (int seed = 0; seed < s->corrupted.seeds; seed++)
      s->corrupt[seed] = metrics_of(s, s->base + (int64_t)(1 + seed) * s->target_count);
  }
  return LOCI_OK;
}
