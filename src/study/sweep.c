/* The sweep: clean run, corrupted runs and all restored runs in one walk, or in as few walks as the
 * memory allows (docs/MATH.md, "The sweep").  Streams, for S seeds:
 *
 *   0            clean, a root
 *   1 .. S       corrupted: children of 0 with other input rows
 *   S + 1 ..     restored, cell by cell, seed by seed: children of their corrupted run with patches
 *                from 0 (denoise), or of 0 with patches from their corrupted run (noise)
 *
 * The logits of streams 0 .. S are read first, in order, because target and o' come from them. */
#include "study/sweep.h"

#include <math.h>

typedef struct batch {
  sweep *s;
  int64_t first, count; /* cells */
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

static void on_logits(void *ctx, int64_t index, const float *logits) {
  batch *b = ctx;
  sweep *s = b->s;
  if (index < s->base_count) {
    int runs = 1 + s->corrupted.seeds;
    sweep_read_base(s, (int)(index % runs), (int)(index / runs), logits);
    return;
  }
  index -= s->base_count;
  int64_t token = index % s->target_count, seed = index / s->target_count % s->corrupted.seeds;
  read_logits(s, logits, (int)token, s->other[seed], &s->readings[index]);
}

/* ---------------------------------------------------------------- streams */

static loci_status want_answer(const sweep *s, walk *w, int stream, int token, loci_err *err) {
  return walk_want(w, stream, s->T - 1 + token, err);
}

loci_status sweep_add_base(const sweep *s, walk *w, int first, int seeds, loci_err *err) {
  int clean, run;
  int64_t D = model_decoder(s->m)->width;
  const corruption *c = &s->corrupted;
  TRY(walk_root(w, s->embeds, s->length, &clean, err));
  for (int seed = first; seed < first + seeds; seed++) {
    TRY(walk_child(w, clean, &run, err));
    for (int i = 0; i < c->count; i++) {
      const float *row = c->rows + ((int64_t)seed * c->count + i) * D;
      TRY(walk_embed(w, run, c->positions[i], row, err));
    }
  }
  for (int token = 0; token < s->target_count; token++) {
    for (run = 0; run <= seeds; run++) TRY(want_answer(s, w, run, token, err));
  }
  return LOCI_OK;
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

static loci_status add_cells(const batch *b, walk *w, loci_err *err) {
  const sweep *s = b->s;
  for (int64_t i = b->first; i < b->first + b->count; i++) {
    const cell *c = &s->cells[i];
    for (int seed = 0; seed < s->corrupted.seeds; seed++) {
      int run = 1 + seed, out;
      bool denoise = c->direction == LOCI_DENOISE;
      TRY(add_cell(s, w, c, denoise ? run : 0, denoise ? 0 : run, &out, err));
      for (int token = 0; token < s->target_count; token++) {
        TRY(want_answer(s, w, out, token, err));
      }
    }
  }
  return LOCI_OK;
}

/* Mean of the cell's metrics over seeds, into its grid. */
static loci_status store_cells(const batch *b, loci_err *err) {
  const sweep *s = b->s;
  int S = s->corrupted.seeds;
  loci_metrics *of_seed = arena_array(s->mem, S, loci_metrics);
  if (!of_seed) return fail_nomem(err, "tracing");
  for (int64_t i = 0; i < b->count; i++) {
    const cell *c = &s->cells[b->first + i];
    for (int seed = 0; seed < S; seed++) {
      of_seed[seed] = metrics_of(s, s->readings + (i * S + seed) * s->target_count);
    }
    loci_metrics *cells = (loci_metrics *)(uintptr_t)s->grids[c->grid].cells;
    cells[c->at] = metrics_mean(of_seed, S);
  }
  return LOCI_OK;
}

static loci_status run_batch(const batch *b, loci_err *err) {
  sweep *s = b->s;
  walk *w;
  TRY(walk_new(s->m, &w, err));
  walk_hooks hooks = {.logits = on_logits,
                      .logits_ctx = (void *)(uintptr_t)b,
                      .ordered = s->base_count,
                      .progress = s->opts->progress,
                      .progress_ctx = s->opts->progress_ctx};
  loci_status st = sweep_add_base(s, w, 0, s->corrupted.seeds, err);
  if (!st) st = add_cells(b, w, err);
  if (!st) st = walk_run(w, &hooks, err);
  s->rows += walk_rows(w);
  s->flop += walk_flop(w);
  walk_free(w);
  if (st) return st;
  if (s->not_finite) return not_finite(s->m, err);
  return store_cells(b, err);
}

/* ---------------------------------------------------------------- batches */

static int64_t cell_bytes(const sweep *s, const cell *c) {
  int64_t one = cell_rows(s, c) * walk_row_bytes(s->m) + walk_stream_bytes(s->m);
  return s->corrupted.seeds * (one + s->target_count * (int64_t)(sizeof(reading) + 16));
}

/* As many cells as fit the memory beside the base runs; at least one. */
static loci_status next_batch(const sweep *s, batch *b, loci_err *err) {
  int64_t base = walk_fixed_bytes(s->m, s->length) + s->length * walk_row_bytes(s->m) +
                 (int64_t)s->corrupted.seeds * (s->length - s->first) * walk_row_bytes(s->m);
  int64_t left = s->m->memory - base;
  b->first += b->count;
  b->count = 0;
  while (b->first + b->count < s->cell_count) {
    left -= cell_bytes(s, &s->cells[b->first + b->count]);
    if (left < 0) break;
    b->count++;
  }
  if (b->count == 0 && b->first < s->cell_count) {
    return fail(err, LOCI_ENOMEM,
                "a walk of one cell needs %lld MiB beside the weights, --memory allows %lld",
                (long long)((s->m->memory - left) >> 20), (long long)(s->m->memory >> 20));
  }
  return LOCI_OK;
}

static void count_formula(sweep *s, bool first_batch, const batch *b) {
  int64_t L = model_decoder(s->m)->layers, S = s->corrupted.seeds;
  if (first_batch) s->formula += L * (s->length + S * (s->length - s->first));
  for (int64_t i = b->first; i < b->first + b->count; i++) {
    s->formula += S * cell_formula(s, &s->cells[i]);
  }
}

loci_status sweep_run(sweep *s, loci_err *err) {
  batch b = {.s = s};
  s->base_count = (int64_t)(1 + s->corrupted.seeds) * s->target_count;
  bool first = true;
  do {
    TRY(next_batch(s, &b, err));
    int64_t n = b.count * s->corrupted.seeds * s->target_count;
    s->readings = arena_array(s->mem, n, reading);
    if (!s->readings) return fail_nomem(err, "tracing");
    count_formula(s, first, &b);
    TRY(run_batch(&b, err));
    first = false;
  } while (b.first + b.count < s->cell_count);
  s->clean = metrics_of(s, s->base);
  for (int seed = 0; seed < s->corrupted.seeds; seed++) {
    s->corrupt[seed] = metrics_of(s, s->base + (int64_t)(1 + seed) * s->target_count);
  }
  return LOCI_OK;
}
