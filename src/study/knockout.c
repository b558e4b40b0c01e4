/* loci_knockout_new: attention knockout (docs/MATH.md, "Knockout").
 *
 * A pathway's edges are masked before the softmax, in all heads of a window of layers round each
 * centre.  Streams of one walk:
 *
 *   0       clean, a root
 *   1 ..    children of 0, one for each pathway and window, with masks
 *
 * Centres near a border whose windows are cut to the same layers share a run.  The clean run's
 * logits are read first: target and o' come from them. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/result.h"
#include "base/clock.h"
#include "model/command.h"
#include "study/request.h"
#include "study/target.h"
#include "walk/logits.h"
#include "walk/walk.h"

/* The positions of a pathway. */
typedef struct edges {
  int *sources, *queries; /* ascending; queries that see no source are left out */
  int source_count, query_count;
} edges;

/* One run: a pathway cut in the layers [begin, end), for some neighbouring centres. */
typedef struct cut {
  int pathway, first, count; /* centres */
  int begin, end;
} cut;

typedef struct knockout {
  const loci_prompt *p;
  const loci_model *m;
  const loci_knockout_opts *opts;
  arena *mem;
  int T, L, window;
  target target;
  double *clean_logp; /* (V) at the last prompt position */
  top_logits clean_top;
  int other;
  bool not_finite;

  int pathway_count;
  loci_pathway *pathways; /* cells are filled in by the runs */
  edges *edges;           /* one for each pathway */
  int cut_count;
  cut *cuts;
  reading *base;     /* (target count) the clean run's */
  reading *readings; /* (cuts, target count) */
  int first_cut;     /* of the batch that is running */
  loci_cost cost;
} knockout;

/* ---------------------------------------------------------------- pathways */

static loci_status group_of(const knockout *k, const char *name, int **at, int *count,
                            group_kind *g, loci_err *err) {
  TRY(group_find(name ? name : "", name ? strlen(name) : 0, g, err));
  *at = arena_array(k->mem, k->T, int);
  if (!*at) return fail_nomem(err, "laying out a knockout");
  *count = group_positions(k->p, *g, k->opts->constraint, *at);
  return LOCI_OK;
}

/* Adds a pathway.  [asked]: it must have edges; else it is left out without. */
static loci_status add_pathway(knockout *k, const loci_edges *names, bool asked, loci_err *err) {
  group_kind from, to;
  edges e;
  int queries = 0;
  TRY(group_of(k, names->from, &e.sources, &e.source_count, &from, err));
  TRY(group_of(k, names->to, &e.queries, &e.query_count, &to, err));
  if (asked && e.source_count == 0) return fail_empty_group(k->p, from, err);
  if (asked && e.query_count == 0) return fail_empty_group(k->p, to, err);
  loci_pathway x = {.from = group_name(from),
                    .to = group_name(to),
                    .from_count = e.source_count,
                    .to_count = e.query_count,
                    .window = k->window};
  for (int i = 0; i < e.query_count && e.source_count > 0; i++) {
    if (e.queries[i] >= e.sources[0]) e.queries[queries++] = e.queries[i];
  }
  e.query_count = queries;
  if (asked && queries == 0) {
    return fail(err, LOCI_EINVAL,
                "%s -> %s has no edges: attention looks back, and all of %s stands behind %s",
                x.from, x.to, x.from, x.to);
  }
  if (queries == 0) return LOCI_OK;
  k->edges[k->pathway_count] = e;
  k->pathways[k->pathway_count++] = x;
  return LOCI_OK;
}

static loci_status find_pathways(knockout *k, loci_err *err) {
  const loci_knockout_opts *o = k->opts;
  int n = o->pathway_count;
  k->pathways = arena_zarray(k->mem, n, loci_pathway);
  k->edges = arena_zarray(k->mem, n, edges);
  if (!k->pathways || !k->edges) return fail_nomem(err, "laying out a knockout");
  for (int i = 0; i < n; i++) TRY(add_pathway(k, &o->pathways[i], !pathways_are_usual(o), err));
  return LOCI_OK;
}

/* ---------------------------------------------------------------- centres and cuts */

/* Centres, and the window: all layers are the window L round the centre floor(L / 2). */
static void find_centres(knockout *k, int *first, int *count) {
  bool all = k->opts->window == LOCI_ALL_LAYERS;
  *first = all ? k->L / 2 : k->opts->first_layer;
  *count = all ? 1 : k->opts->layer_count;
  k->window = all ? k->L : k->opts->window;
}

/* In the last layer only the last position's row is read. */
static bool matters(const knockout *k, int layer, int query) {
  return layer < k->L - 1 || query >= k->T - 1;
}

/* The first query whose cut edges reach the answer, or -1. */
static int first_query(const knockout *k, const cut *c) {
  const edges *e = &k->edges[c->pathway];
  for (int i = 0; i < e->query_count; i++) {
    if (matters(k, c->begin, e->queries[i])) return e->queries[i];
  }
  return -1;
}

/* The runs of one pathway; centres whose cuts cannot matter are only marked. */
static void make_cuts(knockout *k, int pathway) {
  loci_pathway *x = &k->pathways[pathway];
  bool *skipped = (bool *)(uintptr_t)x->skipped;
  cut *last = NULL;
  for (int i = 0; i < x->layer_count; i++) {
    cut c = {.pathway = pathway, .first = i, .count = 1};
    c.begin = x->layers[i] - x->window / 2;
    c.end = x->layers[i] + (x->window + 1) / 2;
    if (c.begin < 0) c.begin = 0;
    if (c.end > k->L) c.end = k->L;
    skipped[i] = first_query(k, &c) < 0;
    if (skipped[i]) continue;
    if (last && last->begin == c.begin && last->end == c.end) {
      last->count++;
    } else {
      last = &k->cuts[k->cut_count++];
      *last = c;
    }
  }
}

static loci_status lay_out(knockout *k, loci_err *err) {
  int first, count;
  find_centres(k, &first, &count);
  TRY(find_pathways(k, err));
  int *layers = arena_array(k->mem, count, int);
  k->cuts = arena_array(k->mem, (int64_t)count * k->pathway_count, cut);
  if (!layers || !k->cuts) return fail_nomem(err, "laying out a knockout");
  for (int i = 0; i < count; i++) layers[i] = first + i;
  for (int a = 0; a < k->pathway_count; a++) {
    loci_pathway *x = &k->pathways[a];
    x->layers = layers;
    x->layer_count = count;
    x->cells = arena_zarray(k->mem, count, loci_metrics);
    x->skipped = arena_zarray(k->mem, count, bool);
    if (!x->cells || !x->skipped) return fail_nomem(err, "laying out a knockout");
    make_cuts(k, a);
  }
  k->base = arena_zarray(k->mem, k->target.count, reading);
  k->readings = arena_zarray(k->mem, (int64_t)k->cut_count * k->target.count, reading);
  k->clean_logp = arena_array(k->mem, model_decoder(k->m)->vocab, double);
  bool ok = k->base && k->readings && k->clean_logp;
  return ok ? LOCI_OK : fail_nomem(err, "laying out a knockout");
}

/* ---------------------------------------------------------------- the walk */

/* The clean run's row at the last prompt position: target, o', reference distribution. */
static void read_clean(knockout *k, const float *logits) {
  int64_t V = model_decoder(k->m)->vocab;
  double total = log_sum_exp(logits, V);
  k->not_finite |= !logits_are_finite(logits, V);
  if (!k->target.given) k->target.ids[0] = argmax_of(logits, V, -1);
  k->other = argmax_of(logits, V, k->target.ids[0]);
  for (int64_t i = 0; i < V; i++) k->clean_logp[i] = (double)logits[i] - total;
  top_logits_of(logits, (int)V, &k->clean_top);
}

static void on_logits(void *ctx, int64_t index, const float *logits) {
  knockout *k = ctx;
  int n = k->target.count;
  int64_t V = model_decoder(k->m)->vocab, run = index / n;
  int token = (int)(index % n);
  if (index == 0) read_clean(k, logits);
  reading *out = run == 0 ? k->base : k->readings + (k->first_cut + run - 1) * n;
  out[token] = reading_of(logits, V, k->target.ids[token], k->other, token ? NULL : k->clean_logp);
}

static loci_status want_answer(const knockout *k, walk *w, int run, loci_err *err) {
  for (int i = 0; i < k->target.count; i++) TRY(walk_want(w, run, k->T - 1 + i, err));
  return LOCI_OK;
}

/* Cuts the query's edges to all sources, neighbouring ones at once. */
static loci_status mask_sources(const edges *e, walk *w, int run, int layer, int query,
                                loci_err *err) {
  for (int i = 0; i < e->source_count && e->sources[i] <= query;) {
    int n = 1;
    while (i + n < e->source_count && e->sources[i + n] == e->sources[i] + n) n++;
    TRY(walk_mask(w, run, layer, query, e->sources[i], n, err));
    i += n;
  }
  return LOCI_OK;
}

static loci_status add_cut(const knockout *k, walk *w, const cut *c, loci_err *err) {
  const edges *e = &k->edges[c->pathway];
  int run;
  TRY(walk_child(w, 0, &run, err));
  for (int l = c->begin; l < c->end; l++) {
    for (int i = 0; i < e->query_count; i++) {
      if (matters(k, l, e->queries[i])) TRY(mask_sources(e, w, run, l, e->queries[i], err));
    }
  }
  return want_answer(k, w, run, err);
}

static loci_status run_cuts(knockout *k, int count, loci_err *err) {
  walk *w;
  int clean;
  TRY(walk_new(k->m, &w, err));
  walk_hooks hooks = {.logits = on_logits,
                      .logits_ctx = k,
                      .ordered = k->target.count,
                      .progress = k->opts->progress,
                      .progress_ctx = k->opts->progress_ctx};
  loci_status st = walk_root(w, k->target.embeds, k->target.length, &clean, err);
  if (!st) st = want_answer(k, w, clean, err);
  for (int i = 0; !st && i < count; i++) st = add_cut(k, w, &k->cuts[k->first_cut + i], err);
  if (!st) st = walk_run(w, &hooks, err);
  walk_add_cost(w, 1, &k->cost);
  walk_free(w);
  if (!st && k->not_finite) st = not_finite(k->m, err);
  return st;
}

/* ---------------------------------------------------------------- batches */

/* Rows of a cut (docs/MATH.md): its queries join in the first layer, all behind the first of them
 * live above it. */
static int64_t cut_formula(const knockout *k, const cut *c) {
  const edges *e = &k->edges[c->pathway];
  int64_t joined = 0;
  for (int i = 0; i < e->query_count; i++) joined += matters(k, c->begin, e->queries[i]);
  return joined + (int64_t)(k->target.length - first_query(k, c)) * (k->L - 1 - c->begin);
}

static int64_t cut_bytes(const knockout *k, const cut *c) {
  const int64_t mask = 64; /* at least an item of a walk's list */
  const edges *e = &k->edges[c->pathway];
  int64_t rows = k->target.length - first_query(k, c), pieces = 0;
  for (int i = 0; i < e->source_count; i++) {
    pieces += i == 0 || e->sources[i] != e->sources[i - 1] + 1;
  }
  return rows * walk_row_bytes(k->m) + walk_stream_bytes(k->m) +
         mask * pieces * e->query_count * (c->end - c->begin);
}

/* How many of the cuts fit the memory beside the clean run. */
static loci_status next_batch(const knockout *k, int *count, loci_err *err) {
  int64_t left = k->m->memory - walk_fixed_bytes(k->m, k->target.length) -
                 k->target.length * walk_row_bytes(k->m);
  *count = 0;
  while (k->first_cut + *count < k->cut_count) {
    left -= cut_bytes(k, &k->cuts[k->first_cut + *count]);
    if (left < 0) break;
    ++*count;
  }
  if (*count > 0 || k->first_cut == k->cut_count) return LOCI_OK;
  return fail(err, LOCI_ENOMEM,
              "a walk with one cut needs %lld MiB beside the weights, --memory allows %lld",
              (long long)((k->m->memory - left) >> 20), (long long)(k->m->memory >> 20));
}

static loci_status run_all(knockout *k, loci_err *err) {
  int count;
  k->cost.formula = (int64_t)k->target.length * k->L;
  do {
    TRY(next_batch(k, &count, err));
    for (int i = 0; i < count; i++) k->cost.formula += cut_formula(k, &k->cuts[k->first_cut + i]);
    TRY(run_cuts(k, count, err));
    k->first_cut += count;
  } while (k->first_cut < k->cut_count);
  return LOCI_OK;
}

/* ---------------------------------------------------------------- the result */

/* Metrics of every centre from its cut's; those without are the clean run's. */
static void fill_cells(const knockout *k, const loci_metrics *clean) {
  for (int a = 0; a < k->pathway_count; a++) {
    loci_metrics *cells = (loci_metrics *)(uintptr_t)k->pathways[a].cells;
    for (int i = 0; i < k->pathways[a].layer_count; i++) cells[i] = *clean;
  }
  for (int i = 0; i < k->cut_count; i++) {
    const cut *c = &k->cuts[i];
    loci_metrics *cells = (loci_metrics *)(uintptr_t)k->pathways[c->pathway].cells;
    loci_metrics m = readings_metrics(k->readings + (int64_t)i * k->target.count, k->target.count);
    for (int j = 0; j < c->count; j++) cells[c->first + j] = m;
  }
}

static loci_status fill_view(const knockout *k, loci_knockout *out, loci_err *err) {
  double runs = 1;
  out->model = loci_model_get_info(k->m);
  out->prompt = &k->p->info;
  out->precision = dtype_name(k->m->arith_type);
  out->target_count = k->target.count;
  out->target_ids = k->target.ids;
  TRY(target_text(k->m, k->target.ids, k->target.count, k->mem, &out->target_text, err));
  out->answer_given = k->target.given;
  out->clean.m = readings_metrics(k->base, k->target.count);
  top_logits_candidates(&k->clean_top, k->m, out->clean.top);
  const char *other = tokenizer_token(k->m->tokens, k->other);
  out->other = (loci_candidate){k->other, other ? other : "", exp(k->clean_logp[k->other])};
  fill_cells(k, &out->clean.m);
  out->pathway_count = k->pathway_count;
  out->pathways = k->pathways;
  for (int a = 0; a < k->pathway_count; a++) runs += k->pathways[a].layer_count;
  out->cost = k->cost;
  out->cost.naive_flop = runs * forward_flop(k->p, k->target.length);
  js_value *request = request_of_prompt(k->p);
  command_words words = command_of("knockout", k->m);
  knockout_request_describe(&request, k->opts);
  return request_tell(&words, request, &out->result, err);
}

static loci_status knock_out(knockout *k, loci_knockout *out, loci_err *err) {
  double begin = clock_seconds();
  TRY(target_make(k->p, k->opts->answer, k->mem, &k->target, err));
  TRY(lay_out(k, err));
  TRY(run_all(k, err));
  TRY(fill_view(k, out, err));
  out->cost.seconds = clock_seconds() - begin;
  return LOCI_OK;
}

loci_status loci_knockout_new(loci_model *model, const loci_prompt *prompt,
                              const loci_knockout_opts *opts, loci_knockout **out, loci_err *err) {
  loci_knockout_opts own = opts ? *opts : (loci_knockout_opts){0};
  *out = NULL;
  TRY(prompt_check_model(prompt, model, err));
  loci_knockout *made = result_new(LOCI_KIND_KNOCKOUT, sizeof *made);
  if (!made) return fail_nomem(err, "knocking out attention");
  loci_status st = LOCI_OK;
  knockout k = {.p = prompt,
                .m = model,
                .opts = &own,
                .mem = made->result.memory,
                .T = prompt->info.length,
                .L = model_decoder(model)->layers};
  request_of of = {.m = model, .p = prompt, .mem = k.mem};
  TRY_DONE(knockout_request_complete(&of, &own, err));
  TRY_DONE(knock_out(&k, made, err));
  made->hash = "";
  if (!k.opts->no_hash) {
    TRY_DONE(model_hash(model, k.opts->progress, k.opts->progress_ctx, &made->hash, err));
  }
  *out = made;
  made = NULL;
done:
  loci_free(made);
  return st;
}
