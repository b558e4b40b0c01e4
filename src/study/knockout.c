/* loci_knockout_new: attention knockout (docs/MATH.md, "Knockout").
 *
 * A pathway's edges are masked before the softmax, in all heads of a window of layers round each
 * centre: variants of the clean run with masks, one for each pathway and window
 * (walk/variants.h).  Centres near a border whose windows are cut to the same layers share one. */
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/options.h"
#include "base/random.h"
#include "base/result.h"
#include "base/clock.h"
#include "model/command.h"
#include "study/request.h"
#include "walk/variants.h"

/* The positions of a pathway. */
typedef struct edges {
  int *sources, *queries; /* ascending; queries that see no source are left out */
  int source_count, query_count;
  bool outside; /* from the picture's rows outside of the sequence, which are all cut at once */
} edges;

/* One run: a pathway cut in the layers [begin, end), for some neighbouring centres. */
typedef struct cut {
  int pathway, first, count; /* centres */
  int begin, end;
  const int *layers; /* of a control: these instead, as many as the window has; else NULL */
  int layer_count;
  int control; /* which one it is */
} cut;

static int cut_layers(const cut *c) { return c->layers ? c->layer_count : c->end - c->begin; }
static int cut_layer(const cut *c, int i) { return c->layers ? c->layers[i] : c->begin + i; }

typedef struct knockout {
  const loci_prompt *p;
  const loci_model *m;
  const loci_knockout_opts *opts;
  arena *mem;
  int T, L, window;
  variants runs; /* clean, and one for each cut */

  int pathway_count;
  loci_pathway *pathways; /* cells are filled in by the runs */
  edges *edges;           /* one for each pathway */
  int cut_count;
  cut *cuts;
} knockout;

/* ---------------------------------------------------------------- pathways */

static loci_status group_of(const knockout *k, const char *name, int **at, int *count,
                            group_kind *g, loci_err *err) {
  TRY(group_find(name ? name : "", name ? strlen(name) : 0, g, err));
  *at = arena_array(k->mem, k->runs.target.length, int);
  if (!*at) return fail_nomem(err, "laying out a knockout");
  *count = group_positions(k->p, *g, k->opts->constraint, *at);
  for (int i = k->T; *g == GROUP_AFTER_IMAGE && *count > 0 && i < k->runs.target.length; i++)
    (*at)[(*count)++] = i;
  return LOCI_OK;
}

/* The end of the positions that a query sees. */
static int seen_by(const knockout *k, int query) { return mutual_end(k->p->mutual, query + 1); }

/* Adds a pathway.  [asked]: it must have edges; else it is left out without. */
static loci_status add_pathway(knockout *k, const loci_edges *names, bool asked, loci_err *err) {
  group_kind from, to;
  edges e = {0};
  int queries = 0;
  TRY(group_of(k, names->from, &e.sources, &e.source_count, &from, err));
  e.outside = from == GROUP_IMAGE && k->p->sources;
  if (e.outside) {
    e.sources[0] = 0;
    e.source_count = 1;
  }
  TRY(group_of(k, names->to, &e.queries, &e.query_count, &to, err));
  if (asked && e.source_count == 0) return fail_empty_group(k->p, from, err);
  if (asked && e.query_count == 0) return fail_empty_group(k->p, to, err);
  loci_pathway x = {.from = group_name(from),
                    .to = group_name(to),
                    .from_count = e.outside ? k->p->info.source_seen : e.source_count,
                    .to_count = e.query_count,
                    .window = k->window};
  for (int i = 0; i < e.query_count && e.source_count > 0; i++) {
    if (seen_by(k, e.queries[i]) > e.sources[0]) e.queries[queries++] = e.queries[i];
  }
  e.query_count = queries;
  if (asked && queries == 0) {
    return fail(err, LOCI_EINVAL,
                "%s -> %s has no edges: attention looks back, and all of %s stands after %s",
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
  for (int i = 0; i < n; i++) TRY(add_pathway(k, &o->pathways[i], !pathways_are_default(o), err));
  return LOCI_OK;
}

/* ---------------------------------------------------------------- centres and cuts */

/* Centres, and the window: all layers are the window L round the centre floor(L / 2). */
static void find_centres(knockout *k, int *first, int *count) {
  bool all = k->opts->window == LOCI_ALL_LAYERS;
  *first = all ? k->L / 2 : k->opts->first_layer;
  *count = all ? 1 : k->opts->layer_count;
  k->window = all ? k->L : k->opts->window == LOCI_ONWARD ? 0 : k->opts->window;
}

/* In the last layer only the last position's row is read; and layers read the picture by
 * cross-attention, or the sequence. */
static bool matters(const knockout *k, const edges *e, int layer, int query) {
  const bool *cross = model_decoder(k->m)->cross;
  if ((cross && cross[layer]) != e->outside) return false;
  return layer < k->L - 1 || query >= k->T - 1;
}

/* The first query whose cut edges reach the answer, or -1. */
static int first_query(const knockout *k, const cut *c) {
  const edges *e = &k->edges[c->pathway];
  for (int i = 0; i < e->query_count; i++) {
    for (int l = 0; l < cut_layers(c); l++) {
      if (matters(k, e, cut_layer(c, l), e->queries[i])) return e->queries[i];
    }
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
    c.end = x->window == 0 ? k->L : x->layers[i] + (x->window + 1) / 2;
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

/* Layers of this pathway's kind, in which the cut reaches the answer. */
static int usable_layers(const knockout *k, int pathway, int *out) {
  int n = 0;
  for (int l = 0; l < k->L; l++) {
    cut c = {.pathway = pathway, .begin = l, .end = l + 1};
    if (first_query(k, &c) >= 0) out[n++] = l;
  }
  return n;
}

/* Runs with the pathway cut in random layers, as many as a window has (docs/MATH.md, "Knockout").
 */
static loci_status make_controls(knockout *k, int pathway, loci_err *err) {
  loci_pathway *x = &k->pathways[pathway];
  int N = k->opts->controls, w = x->window;
  int *usable = arena_array(k->mem, k->L, int);
  int *layers = arena_array(k->mem, (int64_t)N * w + 1, int);
  x->control_p = arena_zarray(k->mem, N, double);
  x->control_value = arena_zarray(k->mem, x->layer_count, double);
  if (!usable || !layers || !x->control_p || !x->control_value)
    return fail_nomem(err, "laying out a knockout");
  random_source r = random_stream(k->opts->seed, (uint64_t)pathway);
  int n = usable_layers(k, pathway, usable);
  if (n < w)
    return fail(err, LOCI_EINVAL, "%s -> %s: %d layers to draw windows of %d from", x->from, x->to,
                n, w);
  for (int c = 0; c < N; c++) {
    int *own = layers + (int64_t)c * w;
    for (int i = 0; i < w; i++) { /* the first w of a shuffle */
      int at = i + (int)random_below(&r, n - i), other = usable[i];
      own[i] = usable[at];
      usable[at] = other;
      usable[i] = own[i];
    }
    cut made = {.pathway = pathway, .layers = own, .layer_count = w, .control = c, .begin = k->L};
    for (int i = 0; i < w; i++) {
      if (own[i] < made.begin) made.begin = own[i];
      if (own[i] >= made.end) made.end = own[i] + 1;
    }
    k->cuts[k->cut_count++] = made;
  }
  x->control_count = N;
  x->control_layers = layers;
  return LOCI_OK;
}

/* How often random layers lower p at least as much as each window. */
static void compare_controls(const knockout *k) {
  for (int a = 0; a < k->pathway_count; a++) {
    loci_pathway *x = &k->pathways[a];
    double sum = 0, *p = (double *)(uintptr_t)x->control_value;
    for (int c = 0; c < x->control_count; c++) sum += x->control_p[c];
    x->control_mean = x->control_count ? sum / x->control_count : (double)NAN;
    for (int i = 0; i < x->layer_count && x->control_count > 0; i++) {
      int low = 1;
      for (int c = 0; c < x->control_count; c++) low += x->control_p[c] <= x->cells[i].p;
      p[i] = (double)low / (1 + x->control_count);
    }
  }
}

/* Pathways share their centres: the figure draws them on one axis. */
static loci_status lay_out(knockout *k, loci_err *err) {
  int first, count;
  find_centres(k, &first, &count);
  TRY(find_pathways(k, err));
  int *layers = arena_array(k->mem, count, int);
  int64_t most = (int64_t)count + k->opts->controls;
  k->cuts = arena_array(k->mem, most * k->pathway_count, cut);
  if (!layers || !k->cuts) return fail_nomem(err, "laying out a knockout");
  for (int i = 0; i < count; i++) layers[i] = first + i;
  for (int a = 0; a < k->pathway_count; a++) {
    loci_pathway *x = &k->pathways[a];
    x->layers = layers;
    x->layer_count = count;
    x->cells = arena_zarray(k->mem, count, loci_metrics);
    x->skipped = arena_zarray(k->mem, count, bool);
    x->top_ids = arena_zarray(k->mem, count, int);
    if (!x->cells || !x->skipped || !x->top_ids) return fail_nomem(err, "laying out a knockout");
    make_cuts(k, a);
    if (k->opts->controls > 0) TRY(make_controls(k, a, err));
  }
  return LOCI_OK;
}

/* ---------------------------------------------------------------- the runs */

/* Cuts the query's edges to all sources, neighbouring ones at once. */
static loci_status mask_sources(const knockout *k, const edges *e, walk *w, int run, int layer,
                                int query, loci_err *err) {
  int seen = seen_by(k, query);
  if (e->outside) return walk_mask(w, run, layer, query, 0, INT_MAX, err);
  for (int i = 0; i < e->source_count && e->sources[i] < seen;) {
    int n = 1;
    while (i + n < e->source_count && e->sources[i + n] == e->sources[i] + n) n++;
    TRY(walk_mask(w, run, layer, query, e->sources[i], n, err));
    i += n;
  }
  return LOCI_OK;
}

/* A variant is a child of the clean run with masks; edges that cannot matter any more (a query
 * in the last layer that nobody reads) are left alone, so that they cost no rows. */
static loci_status add_cut(const void *ctx, walk *w, int64_t at, int base, int *out,
                           loci_err *err) {
  const knockout *k = ctx;
  const cut *c = &k->cuts[at];
  const edges *e = &k->edges[c->pathway];
  (void)base;
  TRY(walk_child(w, k->runs.stream, out, err));
  for (int n = 0; n < cut_layers(c); n++) {
    int l = cut_layer(c, n);
    for (int i = 0; i < e->query_count; i++) {
      if (matters(k, e, l, e->queries[i])) TRY(mask_sources(k, e, w, *out, l, e->queries[i], err));
    }
  }
  return LOCI_OK;
}

/* Rows of a cut (docs/MATH.md): its queries join in the first layer, all after the first of them
 * live above it. */
static variant_size size_of_cut(const void *ctx, int64_t at) {
  const int64_t mask = 64; /* at least an item of a walk's list */
  const knockout *k = ctx;
  const cut *c = &k->cuts[at];
  const edges *e = &k->edges[c->pathway];
  int64_t joined = 0, pieces = 0;
  for (int i = 0; i < e->query_count; i++) {
    for (int l = 0; l < cut_layers(c); l++) {
      if (!matters(k, e, cut_layer(c, l), e->queries[i])) continue;
      joined++;
      break;
    }
  }
  for (int i = 0; i < e->source_count; i++) {
    pieces += i == 0 || e->sources[i] != e->sources[i - 1] + 1;
  }
  int64_t rows = k->runs.target.length - mutual_first(k->p->mutual, first_query(k, c));
  return (variant_size){.rows = rows,
                        .formula = joined + rows * (k->L - 1 - c->begin),
                        .extra = mask * pieces * e->query_count * cut_layers(c)};
}

/* The metrics of every centre that shares the cut. */
static void take_cut(void *ctx, int64_t at, const reading *of) {
  const knockout *k = ctx;
  const cut *c = &k->cuts[at];
  loci_metrics *cells = (loci_metrics *)(uintptr_t)k->pathways[c->pathway].cells;
  int *top = (int *)(uintptr_t)k->pathways[c->pathway].top_ids;
  loci_metrics m = readings_metrics(of, k->runs.target.count);
  if (c->layers) {
    ((double *)(uintptr_t)k->pathways[c->pathway].control_p)[c->control] = m.p;
    return;
  }
  for (int j = 0; j < c->count; j++) {
    cells[c->first + j] = m;
    top[c->first + j] = of->top;
  }
}

/* The clean run is kept up to the first position that any cut looks at. */
static loci_status run_cuts(knockout *k, loci_err *err) {
  variants *v = &k->runs;
  v->count = k->cut_count;
  v->p = k->p;
  v->look = k->T - 1;
  for (int i = 0; i < k->cut_count; i++) {
    int query = mutual_first(k->p->mutual, first_query(k, &k->cuts[i]));
    if (query < v->look) v->look = query;
  }
  TRY(variants_room(v, k->mem, err));
  TRY(variants_run(&v, 1, err));
  return v->not_finite ? not_finite(k->m, err) : LOCI_OK;
}

/* ---------------------------------------------------------------- the result */

/* Centres without a cut are the clean run's. */
static void fill_skipped(const knockout *k, const loci_metrics *clean) {
  for (int a = 0; a < k->pathway_count; a++) {
    loci_metrics *cells = (loci_metrics *)(uintptr_t)k->pathways[a].cells;
    int *top = (int *)(uintptr_t)k->pathways[a].top_ids;
    for (int i = 0; i < k->pathways[a].layer_count; i++) {
      if (!k->pathways[a].skipped[i]) continue;
      cells[i] = *clean;
      top[i] = k->runs.base[0].top;
    }
  }
}

/* One forward for the clean run and one for each centre is what the naive way would take: the
 * cost is compared with that. */
static loci_status fill_view(const knockout *k, loci_knockout *out, loci_err *err) {
  double runs = 1;
  const variants *v = &k->runs;
  const target *t = &v->target;
  out->model = loci_model_get_info(k->m);
  out->prompt = &k->p->info;
  out->precision = dtype_name(k->m->compute_type);
  out->target_count = t->count;
  out->target_ids = t->ids;
  TRY(target_text(k->m, t->ids, t->count, k->mem, &out->target_text, err));
  out->answer_given = t->given;
  out->clean.m = variants_base(v, 0);
  top_logits_candidates(&v->clean.top, k->m, out->clean.top);
  int o = v->clean.other;
  const char *other = tokenizer_token(k->m->tokens, o);
  out->other = (loci_candidate){o, other ? other : "", exp(v->clean.logp[o])};
  fill_skipped(k, &out->clean.m);
  compare_controls(k);
  out->pathway_count = k->pathway_count;
  out->pathways = k->pathways;
  for (int a = 0; a < k->pathway_count; a++) runs += k->pathways[a].layer_count;
  out->cost = v->cost;
  out->cost.naive_flop = runs * forward_flop(k->p, t->length);
  js_value *request = request_of_prompt(k->p);
  command_words words = command_of("knockout", k->m);
  knockout_request_describe(&request, k->opts);
  return request_tell(&words, request, &out->result, err);
}

/* The runs come before the view: skipped cells are filled from the clean run, which is known
 * then. */
static loci_status knock_out(knockout *k, loci_knockout *out, loci_err *err) {
  double begin = clock_seconds();
  k->runs = (variants){.m = k->m,
                       .progress = k->opts->progress,
                       .progress_ctx = k->opts->progress_ctx,
                       .ctx = k,
                       .what = "cut",
                       .add = add_cut,
                       .size = size_of_cut,
                       .take = take_cut};
  TRY(target_make(k->p, k->opts->answer, k->mem, &k->runs.target, err));
  TRY(lay_out(k, err));
  TRY(run_cuts(k, err));
  TRY(fill_view(k, out, err));
  out->cost.seconds = clock_seconds() - begin;
  return LOCI_OK;
}

loci_status loci_knockout_new(const loci_model *model, const loci_prompt *prompt,
                              const loci_knockout_opts *opts, loci_knockout **out, loci_err *err) {
  NEEDS(out, "place for the result");
  *out = NULL;
  NEEDS(model, "model");
  NEEDS(prompt, "prompt");
  loci_knockout_opts own;
  TRY(options_take(loci_knockout_opts, &own, opts, err));
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
