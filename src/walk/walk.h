/* The walk: the one mechanism everything in loci runs on.
 *
 * A walk advances a set of streams together, layer by layer.  A stream is one run of the decoder
 * over a sequence.  A root has all its rows; a child is its parent except for its interventions,
 * and only the rows that differ from the parent's are ever computed: from the child's birth on, at
 * the first (layer, position) an intervention touches, and all positions after it a layer later.
 *
 * At every layer the live rows of all streams form one matrix, so each weight matrix is read and
 * multiplied once for thousands of rows.  Attention of a row reads the keys and values of its
 * ancestors before its stream's first live position, and its own from there on.
 *
 * Legal order: walk_new; streams and interventions, parents before children and sources before the
 * patches that read them; walk_run once; walk_free, or walk_clear and anew.  Positions are of the
 * sequence, layers 0-based.  Pointers given to a walk are borrowed until walk_run returns.
 * Cost: rows as in docs/MATH.md, "The sweep"; memory: sizes.h. */
#ifndef LOCI_WALK_WALK_H
#define LOCI_WALK_WALK_H

#include "model/input.h"
#include "walk/sizes.h"

typedef struct walk walk;

/* Keys and values of a finished stretch, kept over walks: generation continues from it. */
typedef struct kv_cache kv_cache;

loci_status walk_new(const loci_model *m, walk **out, loci_err *err);
void walk_free(walk *w);
/* Empties a walk for the next one over the same model; memory and compiled products stay. */
void walk_clear(walk *w);

/* ---------------- streams; all return the new stream's number in *out */

/* A full run over input rows. */
loci_status walk_root(walk *w, input rows, int *out, loci_err *err);
/* A run that continues the cached positions with more input rows, and caches them. */
loci_status walk_continue(walk *w, kv_cache *cache, input rows, int *out, loci_err *err);
/* A run of the positions from [first] on that begins at [layer], above 0 with rows.state, and reads
 * the cache before them.  The cache keeps its first [first] positions, so that a change at (layer,
 * first) can be tried again and again at the cost of the rows it reaches. */
loci_status walk_resume(walk *w, kv_cache *cache, int first, int layer, input rows, int *out,
                        loci_err *err);
/* The run of [parent] with its interventions, which come first, and those still to be given. */
loci_status walk_child(walk *w, int parent, int *out, loci_err *err);
/* A run that is [parent], interventions included, at its first [first] positions and goes on with
 * rows of its own: another question on the same picture. */
loci_status walk_branch(walk *w, int parent, int first, input rows, int *out, loci_err *err);

/* ---------------- interventions */

/* Replaces one input row (input_width); what cross-attention reads, before the stream has children.
 */
loci_status walk_embed(walk *w, int stream, int position, const float *row, loci_err *err);
loci_status walk_sources(walk *w, int stream, const source_rows *sources, loci_err *err);

typedef struct walk_patch {
  loci_site site;
  int layer, position;
  int head;            /* of q, k, v, z: this head only; -1: all */
  int source;          /* an earlier stream whose value at the same place is taken; -1: [values] */
  const float *values; /* row of the site (or of the head) */
  bool add;            /* add instead of replace */
} walk_patch;
/* Overwrites a site at one position; several patches of one place work in the order given.  Every
 * site of a layer can be patched; `pattern` by values only, its row of every head: (H, T). */
loci_status walk_patch_add(walk *w, int stream, const walk_patch *patch, loci_err *err);

/* Cuts the attention edges from [query] to the positions first .. first + count - 1, all heads,
 * before the softmax.  In a layer that reads sources: to these, by their numbers. */
loci_status walk_mask(walk *w, int stream, int layer, int query, int first, int count,
                      loci_err *err);

/* ---------------- what to keep */

/* Copies a site of every position into out (T, row size); `pattern` of a root: (H, T, T), in a
 * layer that reads P sources (H, T, P), and `k`, `v` P rows; sites without a layer take layer 0. */
loci_status walk_record(walk *w, int stream, loci_site site, int layer, float *out, loci_err *err);

typedef struct walk_span {
  int first, count; /* positions */
} walk_span;
/* The same for a span of positions alone: (count, row size). */
loci_status walk_record_at(walk *w, int stream, loci_site site, int layer, walk_span at, float *out,
                           loci_err *err);

/* Asks for the logits of a position, for the callback of walk_run. */
loci_status walk_want(walk *w, int stream, int position, loci_err *err);
/* The same of the residual stream after [layer]: what final norm and head would make of it.  Not
 * in a walk with gradients. */
loci_status walk_want_after(walk *w, int stream, int layer, int position, loci_err *err);

/* ---------------- running */

/* One row of logits (V), borrowed during the call; [index] counts the walk_want calls.  The first
 * [ordered] come in order from the calling thread, then the others from several threads at once. */
typedef void (*walk_logits_fn)(void *ctx, int64_t index, const float *logits);

typedef struct walk_hooks {
  walk_logits_fn logits;
  void *logits_ctx;
  int64_t ordered;
  loci_progress_fn progress;
  void *progress_ctx;
} walk_hooks;

loci_status walk_run(walk *w, const walk_hooks *hooks, loci_err *err);

/* (row, layer) pairs, backwards twice (grad.h), and 2 M N K of all products, so far. */
int64_t walk_rows(const walk *w);
double walk_flop(const walk *w);
/* Adds a share of both, and of what the walk's seconds went into. */
void walk_add_cost(const walk *w, double share, loci_cost *cost);

/* ---------------- cache */

loci_status kv_cache_new(const loci_model *m, int capacity, kv_cache **out, loci_err *err);
void kv_cache_free(kv_cache *c);
int kv_cache_length(const kv_cache *c); /* positions kept */

#endif
