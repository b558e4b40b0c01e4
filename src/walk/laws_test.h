/* What the tests of the walk share: the small models, input rows, and scenarios.
 *
 * A scenario is a tree of streams with interventions.  It is run in two ways: as it is given, by a
 * walk of children that compute only what differs; and flattened, by a walk of roots that compute
 * every row of every layer, each with the interventions of all its ancestors.  The law of the walk
 * is that both give the same numbers. */
#ifndef LOCI_WALK_LAWS_TEST_H
#define LOCI_WALK_LAWS_TEST_H

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "model/prompt.h"
#include "walk/walk.h"
#include "farther.h"

#include <cmocka.h> /* last: its fail() is a macro */

#define MODELS LOCI_SOURCE_DIR "/tests/golden/models/"

enum { MOST_STREAMS = 256, MOST_OPS = 2048 };

/* Two orders of summation of the same f32 numbers: attention adds the stretches of a stream's
 * ancestors one by one, a root adds one stretch.  The models' sums have at most 112 terms, and 4 to
 * 5 layers pass the differences on: the largest seen are 1e-6 of the largest value. */
static const double TOLERANCE = 1e-5;

typedef enum op_kind { OP_EMBED, OP_PATCH, OP_MASK } op_kind;
typedef struct op {
  op_kind kind;
  int stream;
  int position; /* of embed; the mask's query */
  const float *row;
  walk_patch patch;
  int layer, first, count; /* mask */
} op;

typedef struct scenario {
  const loci_model *m;
  int T;
  const float *embeds, *others; /* (T, input_width); of branches */
  int stream_count, parent[MOST_STREAMS];
  int branch[MOST_STREAMS]; /* where it goes its own way; 0: it is a root or a child */
  int op_count;
  op ops[MOST_OPS];
} scenario;

static inline void must(loci_status st, const loci_err *err) {
  if (st) fail_msg("%s: %s", loci_status_name(st), err->msg);
}

static inline loci_model *open_f32(const char *dir) {
  loci_model *m;
  loci_err err;
  loci_model_opts o = {.size = sizeof o, .precision = LOCI_PRECISION_F32, .threads = 1};
  must(loci_model_open(dir, &o, &m, &err), &err);
  return m;
}

static inline float *room(int64_t n) {
  if (n <= 0) abort(); /* an analyser takes no assertion of cmocka for an end */
  float *x = calloc((size_t)n, sizeof *x);
  assert_non_null(x);
  return x;
}

/* Rows of n different tokens (n, input_width); their parts, if there are any, are other tokens'. */
static inline float *token_rows_of(const loci_model *m, int n, int seed) {
  const decoder_config *c = model_decoder(m);
  int64_t D = c->width, W = input_width(c);
  float *rows = room(n * W + W);
  for (int i = 0; i < n * (1 + c->deep); i++) {
    int id = (int)((seed + 37LL * i) % c->vocab);
    assert_true(embed_token(m, id, rows + i * D)); /* zeros behind it, until the next one */
  }
  return rows;
}

static inline int add_run(scenario *s, int parent) {
  assert_in_range(s->stream_count, 0, MOST_STREAMS - 1);
  s->parent[s->stream_count] = parent;
  s->branch[s->stream_count] = 0;
  return s->stream_count++;
}

static inline void add_op(scenario *s, op o) {
  assert_in_range(s->op_count, 0, MOST_OPS - 1);
  s->ops[s->op_count++] = o;
}

static inline void add_patch(scenario *s, int stream, walk_patch p) {
  add_op(s, (op){.kind = OP_PATCH, .stream = stream, .patch = p});
}

static inline void add_embed(scenario *s, int stream, int position, const float *row) {
  add_op(s, (op){.kind = OP_EMBED, .stream = stream, .position = position, .row = row});
}

/* ---------------------------------------------------------------- running a scenario */

/* Gives stream [to] of the walk the interventions that the scenario gives stream [from] before
 * position [end]. */
static inline void apply_ops(walk *w, const scenario *s, int from, int to, int end) {
  loci_err err;
  for (int i = 0; i < s->op_count; i++) {
    const op *o = &s->ops[i];
    int position = o->kind == OP_PATCH ? o->patch.position : o->position;
    if (o->stream != from || position >= end) continue;
    if (o->kind == OP_EMBED) must(walk_embed(w, to, o->position, o->row, &err), &err);
    if (o->kind == OP_PATCH) must(walk_patch_add(w, to, &o->patch, &err), &err);
    if (o->kind == OP_MASK) {
      must(walk_mask(w, to, o->layer, o->position, o->first, o->count, &err), &err);
    }
  }
}

static inline void apply_chain(walk *w, const scenario *s, int from, int to, int end) {
  loci_err err;
  int b = s->branch[from];
  int64_t W = input_width(model_decoder(s->m));
  if (s->parent[from] >= 0) apply_chain(w, s, s->parent[from], to, b && b < end ? b : end);
  for (int p = b; b > 0 && p < end; p++) must(walk_embed(w, to, p, s->others + p * W, &err), &err);
  apply_ops(w, s, from, to, end);
}

/* Which of T rows see one another, if any do in this model. */
static inline mutual_rows mutual_of(const loci_model *m, int T) {
  mutual_rule rule = model_decoder(m)->mutual;
  if (rule == MUTUAL_NONE) return (mutual_rows){0, 0};
  return rule == MUTUAL_PROMPT ? (mutual_rows){0, T - T / 5} : (mutual_rows){T / 6, T / 6 + T / 2};
}

/* T rows from [first] on; somewhere else than at their indices, if the model can tell.
 */
static inline input placed_rows(const loci_model *m, const float *rows, int T, int first) {
  static rope_place places[256];
  const decoder_config *c = model_decoder(m);
  assert_in_range(T, 0, 256);
  for (int i = 0; i < T; i++) places[i] = (rope_place){{i / 2, i % 5, 3 * i}};
  input all = {.rows = rows, .count = T, .mutual = mutual_of(m, T)};
  if (rope_has_places(c)) all.places = places;
  return input_from(all, first, c);
}

/* The scenario's streams in a new walk: as given, or flattened to roots. */
static inline walk *build_walk(const scenario *s, bool flat) {
  walk *w;
  loci_err err;
  int out;
  must(walk_new(s->m, &w, &err), &err);
  for (int i = 0; i < s->stream_count; i++) {
    if (flat || s->parent[i] < 0) {
      must(walk_root(w, placed_rows(s->m, s->embeds, s->T, 0), &out, &err), &err);
    } else if (s->branch[i]) {
      input rows = placed_rows(s->m, s->others, s->T, s->branch[i]);
      must(walk_branch(w, s->parent[i], s->branch[i], rows, &out, &err), &err);
    } else {
      must(walk_child(w, s->parent[i], &out, &err), &err);
    }
    assert_int_equal(out, i);
  }
  for (int i = 0; i < s->stream_count; i++) {
    if (flat) {
      apply_chain(w, s, i, i, s->T);
    } else {
      apply_ops(w, s, i, i, s->T);
    }
  }
  return w;
}

typedef struct logit_rows {
  float *rows;
  int64_t V;
} logit_rows;

static inline void keep_logits(void *ctx, int64_t index, const float *logits) {
  logit_rows *k = ctx;
  memcpy(k->rows + index * k->V, logits, (size_t)k->V * sizeof *logits);
}

/* Logits (streams, T - first, V) of the positions from [first] on; rows that went through. */
static inline float *run_logits(const scenario *s, bool flat, int first, int64_t *rows) {
  loci_err err;
  walk *w = build_walk(s, flat);
  logit_rows k = {.V = model_decoder(s->m)->vocab};
  k.rows = room((int64_t)s->stream_count * (s->T - first) * k.V);
  for (int i = 0; i < s->stream_count; i++) {
    for (int p = first; p < s->T; p++) must(walk_want(w, i, p, &err), &err);
  }
  must(walk_run(w, &(walk_hooks){.logits = keep_logits, .logits_ctx = &k}, &err), &err);
  if (rows) *rows = walk_rows(w);
  walk_free(w);
  return k.rows;
}

/* ---------------------------------------------------------------- comparing */

static inline double largest(const float *x, int64_t n) {
  double most = 0;
  for (int64_t i = 0; i < n; i++) {
    if (!isfinite(x[i])) return (double)INFINITY;
    most = farther(most, x[i]);
  }
  return most;
}

/* Largest difference of a and b, in parts of b's largest value. */
static inline double distance(const float *a, const float *b, int64_t n) {
  double most = 0, size = largest(b, n);
  for (int64_t i = 0; i < n; i++) {
    double d = fabs((double)a[i] - (double)b[i]);
    if (!(d <= most)) most = d;
  }
  return most / fmax(size, 1e-30);
}

/* Both ways of running the scenario give the same logits, for all positions and for the last one
 * alone (which lets the walk leave out most of the last layer). */
static inline double law_distance(const scenario *s) {
  double most = 0;
  int64_t V = model_decoder(s->m)->vocab;
  for (int only_last = 0; only_last < 2; only_last++) {
    int first = only_last ? s->T - 1 : 0;
    int64_t n = (int64_t)s->stream_count * (s->T - first) * V;
    float *branch = run_logits(s, false, first, NULL), *flat = run_logits(s, true, first, NULL);
    double d = distance(branch, flat, n);
    if (!(d <= most)) most = d;
    free(branch);
    free(flat);
  }
  return most;
}

/* What one run of the input rows has at a site: (T, width), pattern (H, T, T). */
static inline float *record_root(const scenario *s, int stream, loci_site site, int layer) {
  loci_err err;
  int64_t T = s->T, n = T * site_width(s->m, site);
  if (site == LOCI_SITE_PATTERN) n = T * T * model_decoder(s->m)->heads;
  float *out = room(n);
  walk *w = build_walk(s, true);
  must(walk_record(w, stream, site, layer, out, &err), &err);
  must(walk_run(w, NULL, &err), &err);
  walk_free(w);
  return out;
}

#endif
