/* Attribution patching: a first-order estimate of every cell (Nanda 2023; docs/MATH.md,
 * "Screening"), of which the K strongest are then run exactly.
 *
 *   estimate = sum over the cell's positions of (given value - own value) . d metric / d site
 *
 * with the gradient of the run that is patched.  One walk has the clean run and the corrupted ones
 * forwards, and goes back once for log p (p is p times that), once more if the logit difference is
 * asked for.  Where values and gradients of all sites and seeds do not fit the memory, seeds and
 * then sites take turns. */
#include <math.h>
#include <stdlib.h>

#include "study/stats.h"
#include "study/sweep.h"
#include "tensor/backward.h"
#include "walk/grad.h"

/* A part of the work: some seeds, some sites. */
typedef struct screen {
  sweep *s;
  int L, P;        /* layers; positions from the first corrupted one to the prompt's last */
  int seed, seeds; /* of this walk */
  int site, sites; /* in s->screened.sites */
  int64_t floats;  /* values of one run: sites, layers, positions */
  float *values;   /* (1 + seeds, floats): clean, corrupted ... */
  float *grads;    /* (1 + seeds, floats) */
  bool diff;       /* the loss is the logit difference */
  int diff_seed;   /* whose o' the clean run's takes */
  walk_hooks hooks;
} screen;

static bool goes(const sweep *s, loci_direction d) { return (int)s->opts->direction & (int)d; }

/* Where estimates are kept: of a direction (0 denoise, 1 noise), site, layer, position, head 0. */
static loci_estimate *estimate_at(const sweep *s, int direction, int site, int layer, int p) {
  const screened *e = &s->screened;
  int64_t i = ((int64_t)direction * e->site_count + site) * model_decoder(s->m)->layers + layer;
  return e->of + (i * (s->T - s->first) + p) * model_decoder(s->m)->heads;
}

/* The positions at which a layer's cells can have an effect. */
static walk_span span_of(const screen *x, int layer) {
  const sweep *s = x->s;
  int first = layer == x->L - 1 ? s->T - 1 : s->first;
  return (walk_span){first, s->T - first};
}

/* Offset of (site, layer, the span's first position) in a run's floats. */
static int64_t offset_of(const screen *x, int site, int layer) {
  int64_t at = 0;
  for (int i = x->site; i < site; i++) at += site_width(x->s->m, x->s->screened.sites[i]);
  at *= (int64_t)x->L * x->P;
  int64_t width = site_width(x->s->m, x->s->screened.sites[site]);
  return at + ((int64_t)layer * x->P + span_of(x, layer).first - x->s->first) * width;
}

/* ---------------------------------------------------------------- one walk */

static void on_logits(void *ctx, int64_t index, const float *logits) {
  const screen *x = ctx;
  int runs = 1 + x->seeds, run = (int)(index % runs);
  variants_read_base(&x->s->runs, run > 0 ? run + x->seed : 0, (int)(index / runs), logits);
}

static void on_slope(void *ctx, int64_t index, const float *logits, float *slope) {
  const screen *x = ctx;
  const sweep *s = x->s;
  int runs = 1 + x->seeds, run = (int)(index % runs), token = (int)(index / runs);
  if (!x->diff) {
    logp_backward(slope, logits, model_decoder(s->m)->vocab, s->runs.target.ids[token], 1);
  } else if (token == 0) {
    slope[s->runs.target.ids[0]] += 1;
    slope[s->runs.other[run > 0 ? run - 1 + x->seed : x->diff_seed]] -= 1;
  }
}

/* Values are wanted of every run, for their differences; gradients only of the runs that a
 * direction patches. */
static loci_status add_requests(const screen *x, walk *w, loci_err *err) {
  for (int site = x->site; site < x->site + x->sites; site++) {
    for (int l = 0; l < x->L; l++) {
      int64_t at = offset_of(x, site, l);
      loci_site name = x->s->screened.sites[site];
      for (int run = 0; run <= x->seeds; run++) {
        bool patched = goes(x->s, run > 0 ? LOCI_DENOISE : LOCI_NOISE);
        float *value = x->values + run * x->floats + at, *grad = x->grads + run * x->floats + at;
        TRY(walk_record_at(w, run, name, l, span_of(x, l), value, err));
        if (patched) TRY(walk_grad(w, run, name, l, span_of(x, l), grad, err));
      }
    }
  }
  return LOCI_OK;
}

static double dot(const float *a, const float *b, const float *grad, int64_t n) {
  double sum = 0;
  for (int64_t i = 0; i < n; i++) sum += ((double)a[i] - (double)b[i]) * (double)grad[i];
  return sum;
}

/* Adds what the last backward pass says about patching [run] with the values of [source]. */
static void add_estimates(const screen *x, loci_direction d, int run, int source) {
  const sweep *s = x->s;
  int patched = run > 0 ? run + x->seed : 0, S = s->corrupted.seeds, H = model_decoder(s->m)->heads;
  double p = variants_base(&s->runs, patched).p;
  for (int site = x->site; site < x->site + x->sites; site++) {
    int64_t width = site_width(s->m, s->screened.sites[site]);
    int heads = s->screened.sites[site] == LOCI_SITE_Z ? H : 1;
    for (int i = 0; i < x->L * x->P; i++) {
      int l = i / x->P, skip = span_of(x, l).first - s->first;
      if (i % x->P < skip) continue;
      int64_t at = offset_of(x, site, l) + (i % x->P - skip) * width, n = width / heads;
      loci_estimate *e = estimate_at(s, d == LOCI_NOISE, site, l, i % x->P);
      for (int h = 0; h < heads; h++, at += n) {
        double sum = dot(x->values + source * x->floats + at, x->values + run * x->floats + at,
                         x->grads + run * x->floats + at, n);
        if (x->diff) {
          e[h].logit_diff += sum / S;
        } else {
          e[h].logp += sum / S;
          e[h].p += p * sum / S;
        }
      }
    }
  }
}

/* One loss: back, then into the estimates of both directions. */
static loci_status back(screen *x, walk *w, loci_err *err) {
  int rounds = x->diff && goes(x->s, LOCI_NOISE) ? x->seeds : 1; /* an o' for each seed */
  for (int k = 0; k < rounds; k++) {
    x->diff_seed = x->seed + k;
    TRY(walk_backward(w, on_slope, x, &x->hooks, err));
    for (int run = 1; run <= x->seeds; run++) {
      if (goes(x->s, LOCI_DENOISE) && k == 0) add_estimates(x, LOCI_DENOISE, run, 0);
      if (goes(x->s, LOCI_NOISE) && (rounds == 1 || k == run - 1)) {
        add_estimates(x, LOCI_NOISE, 0, run);
      }
    }
  }
  return LOCI_OK;
}

static loci_status build(void *ctx, walk *w, loci_err *err) {
  const screen *x = ctx;
  variants *v = &x->s->runs;
  TRY(walk_root(w, v->target.embeds, v->target.length, &v->stream, err));
  TRY(variants_add_base(v, w, x->seed, x->seeds, err));
  return add_requests(x, w, err);
}

static loci_status go_back(void *ctx, walk *w, loci_err *err) {
  screen *x = ctx;
  sweep *s = x->s;
  if (s->runs.not_finite) return not_finite(s->m, err);
  x->diff = false;
  TRY(back(x, w, err));
  x->diff = true;
  return s->opts->screen_metric == LOCI_METRIC_LOGIT_DIFF ? back(x, w, err) : LOCI_OK;
}

static void count_floats(screen *x) {
  int64_t width = 0;
  for (int i = x->site; i < x->site + x->sites; i++) {
    width += site_width(x->s->m, x->s->screened.sites[i]);
  }
  x->floats = width * x->L * x->P;
}

/* The backward pass costs twice a forward one over the rows it reaches; the formula says so, for
 * it is what the estimate is sold by. */
static loci_status run_part(screen *x, loci_err *err) {
  sweep *s = x->s;
  count_floats(x);
  arena *mem = arena_new();
  if (!mem) return fail_nomem(err, "screening");
  x->values = arena_array(mem, (1 + x->seeds) * x->floats, float);
  x->grads = arena_array(mem, (1 + x->seeds) * x->floats, float);
  loci_status st = x->values && x->grads ? LOCI_OK : fail_nomem(err, "screening");
  x->hooks = (walk_hooks){.logits = on_logits,
                          .logits_ctx = x,
                          .ordered = (int64_t)(1 + x->seeds) * s->runs.target.count,
                          .progress = s->opts->progress,
                          .progress_ctx = s->opts->progress_ctx};
  walk_job job = {.m = s->m,
                  .build = build,
                  .after = go_back,
                  .ctx = x,
                  .hooks = x->hooks,
                  .cost = &s->runs.cost};
  if (!st) st = walk_once(&job, err);
  arena_free(mem);
  int64_t n = s->runs.target.length, own = n - s->first;
  int64_t back = 2 * own * ((goes(s, LOCI_DENOISE) ? x->seeds : 0) + goes(s, LOCI_NOISE));
  if (s->opts->screen_metric == LOCI_METRIC_LOGIT_DIFF) {
    back *= 1 + (goes(s, LOCI_NOISE) ? x->seeds : 1);
  }
  s->runs.cost.formula += x->L * (n + x->seeds * own + back);
  return st;
}

/* Bytes of a part with so many seeds and sites. */
static int64_t part_bytes(screen *x, int seeds, int sites) {
  const loci_model *m = x->s->m;
  int length = x->s->runs.target.length;
  int64_t own = length - x->s->first, live = length + seeds * own;
  x->seeds = seeds;
  x->sites = sites;
  count_floats(x);
  return 2 * (1 + seeds) * x->floats * 4 + walk_fixed_bytes(m, length) +
         walk_grad_fixed_bytes(m, length) + live * (walk_row_bytes(m) + walk_kept_row_bytes(m)) +
         ((goes(x->s, LOCI_NOISE) ? own : 0) + (goes(x->s, LOCI_DENOISE) ? seeds * own : 0)) *
             walk_grad_row_bytes(m);
}

/* All at once if that fits, else seed by seed, else site by site, too. */
static loci_status choose_parts(screen *x, int *seeds, int *sites, loci_err *err) {
  int S = x->s->corrupted.seeds, n = x->s->screened.site_count;
  const int choices[3][2] = {{S, n}, {1, n}, {1, 1}};
  int64_t bytes = 0, allowed = x->s->m->memory;
  for (int i = 0; i < 3; i++) {
    *seeds = choices[i][0];
    *sites = choices[i][1];
    bytes = part_bytes(x, *seeds, *sites);
    if (bytes <= allowed) return LOCI_OK;
  }
  return fail(err, LOCI_ENOMEM,
              "screening needs %lld MiB beside the weights, --memory allows %lld; --method exact "
              "may need less",
              (long long)(bytes >> 20), (long long)(allowed >> 20));
}

/* ---------------------------------------------------------------- cells */

static loci_status list_sites(sweep *s, loci_err *err) {
  screened *e = &s->screened;
  for (int i = 0; i < s->grid_count; i++) {
    int k = 0;
    while (k < e->site_count && e->sites[k] != s->grids[i].site) k++;
    if (k == e->site_count) e->sites[e->site_count++] = s->grids[i].site;
  }
  int64_t n = 2LL * e->site_count * model_decoder(s->m)->layers * (s->T - s->first);
  e->of = arena_zarray(s->mem, n * model_decoder(s->m)->heads, loci_estimate);
  return e->of ? LOCI_OK : fail_nomem(err, "screening");
}

/* First order, so the estimate of a cell of several positions is the sum of theirs. */
static loci_estimate cell_estimate(const sweep *s, const cell *c) {
  loci_estimate sum = {0, 0, s->opts->screen_metric == LOCI_METRIC_LOGIT_DIFF ? 0 : (double)NAN};
  int site = 0;
  while (s->screened.sites[site] != c->site) site++;
  for (int i = 0; i < c->position_count; i++) {
    if (!restoring_matters(s, c->positions[i], c->begin)) continue;
    const loci_estimate *e =
        estimate_at(s, c->direction == LOCI_NOISE, site, c->begin, c->positions[i] - s->first);
    e += c->head >= 0 ? c->head : 0;
    sum.p += e->p;
    sum.logp += e->logp;
    sum.logit_diff += e->logit_diff;
  }
  return sum;
}

static double estimate_of(const sweep *s, const loci_estimate *e) {
  return s->opts->screen_metric == LOCI_METRIC_LOGIT_DIFF ? e->logit_diff
         : s->opts->screen_metric == LOCI_METRIC_LOGP     ? e->logp
                                                          : e->p;
}

typedef struct ranked {
  double strength;
  int64_t index;
} ranked;

static int stronger_first(const void *a, const void *b) {
  const ranked *x = a, *y = b;
  if (x->strength != y->strength) return x->strength > y->strength ? -1 : 1;
  return (x->index > y->index) - (x->index < y->index);
}

/* Every cell gets its estimate; the strongest remain to be run, in their old order. */
static loci_status keep_strongest(sweep *s, loci_err *err) {
  int64_t n = s->cell_count, K = s->opts->screen < n ? s->opts->screen : n, kept = 0;
  ranked *order = arena_array(s->mem, n + 1, ranked);
  bool *keep = arena_zarray(s->mem, n + 1, bool);
  if (!order || !keep) return fail_nomem(err, "screening");
  for (int64_t i = 0; i < n; i++) {
    const cell *c = &s->cells[i];
    loci_estimate e = cell_estimate(s, c);
    ((loci_estimate *)(uintptr_t)s->grids[c->grid].estimates)[c->at] = e;
    order[i] = (ranked){fabs(estimate_of(s, &e)), i};
  }
  qsort(order, (size_t)n, sizeof *order, stronger_first);
  for (int64_t i = 0; i < K; i++) keep[order[i].index] = true;
  for (int64_t i = 0; i < n; i++) {
    const cell *c = &s->cells[i];
    ((bool *)(uintptr_t)s->grids[c->grid].exact)[c->at] = keep[i];
    if (keep[i]) s->cells[kept++] = *c;
  }
  s->cell_count = kept;
  return LOCI_OK;
}

/* All cells begin as exact: those that are exact zeros stay so, the others are marked as they
 * are estimated. */
static loci_status make_room(sweep *s, loci_err *err) {
  for (int i = 0; i < s->grid_count; i++) {
    loci_grid *g = &s->grids[i];
    int64_t n = (int64_t)g->layer_count * g->column_count * (g->head_count ? g->head_count : 1);
    loci_estimate *estimates = arena_zarray(s->mem, n, loci_estimate);
    bool *exact = arena_array(s->mem, n, bool);
    if (!estimates || !exact) return fail_nomem(err, "screening");
    for (int64_t k = 0; k < n; k++) exact[k] = true; /* zeros are */
    g->estimates = estimates;
    g->exact = exact;
  }
  return LOCI_OK;
}

loci_status sweep_screen(sweep *s, loci_err *err) {
  screen x = {.s = s, .L = model_decoder(s->m)->layers, .P = s->T - s->first};
  int seeds, sites;
  s->screened.cells = s->cell_count;
  TRY(make_room(s, err));
  TRY(list_sites(s, err));
  TRY(choose_parts(&x, &seeds, &sites, err));
  for (x.seed = 0; x.seed < s->corrupted.seeds; x.seed += seeds) {
    for (x.site = 0; x.site < s->screened.site_count; x.site += sites) {
      x.seeds = seeds;
      x.sites = sites;
      TRY(run_part(&x, err));
    }
  }
  return keep_strongest(s, err);
}

/* ---------------------------------------------------------------- afterwards */

static double exact_of(const sweep *s, const loci_grid *g, const loci_trace *t, int64_t k) {
  const loci_metrics *base = g->direction == LOCI_DENOISE ? &t->corrupted.m : &t->clean.m;
  const loci_metrics *m = &g->cells[k];
  return s->opts->screen_metric == LOCI_METRIC_LOGIT_DIFF ? m->logit_diff - base->logit_diff
         : s->opts->screen_metric == LOCI_METRIC_LOGP     ? m->logp - base->logp
                                                          : m->p - base->p;
}

loci_status screen_report(sweep *s, loci_trace *t, loci_err *err) {
  int64_t n = 0;
  double *guess = arena_array(s->mem, s->cell_count + 1, double);
  double *exact = arena_array(s->mem, s->cell_count + 1, double);
  if (!guess || !exact) return fail_nomem(err, "screening");
  for (int i = 0; i < s->grid_count; i++) {
    loci_grid *g = &s->grids[i];
    int64_t cells = (int64_t)g->layer_count * g->column_count * (g->head_count ? g->head_count : 1);
    int64_t first = n;
    for (int64_t k = 0; k < cells; k++) {
      if (!g->exact[k] || g->skipped[k]) continue;
      guess[n] = estimate_of(s, &g->estimates[k]);
      exact[n++] = exact_of(s, g, t, k);
    }
    TRY(stat_spearman(guess + first, exact + first, n - first, &g->spearman, err));
  }
  t->screen = s->cell_count;
  t->screen_metric = s->opts->screen_metric;
  t->screen_cells = s->screened.cells;
  return stat_spearman(guess, exact, n, &t->spearman, err);
}
