/* Estimates of every cell by gradients (docs/MATH.md, "Screening"); which of them are then run, and
 * what those say about the estimates, is audit.c's.
 *
 *   estimate = sum over the cell's positions of (given value - own value) . slope
 *
 * Attribution patching (Nanda 2023) takes for the slope d metric / d site of the run that is
 * patched.  Where that run is sure of another answer its gradient is next to nothing, whatever the
 * patch would do; integrated gradients (Hanna et al. 2024, "EAP-IG") take the mean of it over runs
 * whose input rows lie between the corrupted ones and the clean.  One walk has all these runs
 * forwards, and goes back once for log p (p is p times that), once more if the logit
 * difference is asked for.  Where values and gradients do not fit the memory, seeds, then steps,
 * then sites take turns. */
#include <math.h>
#include <string.h>

#include "study/sweep.h"
#include "tensor/backward.h"
#include "walk/grad.h"

/* A part of the work: some seeds, some steps, some sites.  The walk's streams: clean, corrupted
 * ones, then the runs between them, step by step for each seed. */
typedef struct screen {
  sweep *s;
  int L, P;        /* layers; positions from the first corrupted one to the prompt's last */
  int seed, seeds; /* of this walk */
  int step, steps; /* of this walk; 0 steps: slopes are of clean and corrupted runs themselves */
  int site, sites; /* in s->screened.sites */
  int64_t floats;  /* values of one run: sites, layers, positions */
  float *values;   /* (1 + seeds, floats): clean, corrupted ... */
  float *grads;    /* (sloped runs, floats) */
  float *between;  /* (seeds, steps, changed positions, input_width) */
  double *logp;    /* of the target, in the runs between */
  bool diff;       /* the loss is the logit difference */
  int diff_seed;   /* whose o' the clean run's takes */
  walk_hooks hooks;
  arena *mem; /* of this walk */
} screen;

/* The runs that slopes are taken of: those between, or else clean and corrupted ones. */
static int sloped(const screen *x) { return x->steps > 0 ? x->seeds * x->steps : 1 + x->seeds; }

static int stream_of(const screen *x, int run) { return x->steps > 0 ? 1 + x->seeds + run : run; }

static int base_rows(const screen *x) { return (1 + x->seeds) * x->s->runs.target.count; }

static bool takes_direction(const sweep *s, loci_direction d) {
  return (int)s->opts->direction & (int)d;
}

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

/* Rows of the base runs come first, then those between, token by token. */
static void on_logits(void *ctx, int64_t index, const float *logits) {
  const screen *x = ctx;
  variants *v = &x->s->runs;
  int V = model_decoder(v->m)->vocab, runs = 1 + x->seeds, run = (int)(index % runs);
  if (index < base_rows(x)) {
    variants_read_base(v, run > 0 ? run + x->seed : 0, (int)(index / runs), logits);
    return;
  }
  index -= base_rows(x);
  int token = (int)(index / sloped(x));
  if (token == 0) v->not_finite |= !logits_are_finite(logits, V);
  x->logp[index % sloped(x)] += reading_of(logits, V, v->target.ids[token], 0, NULL).logp;
}

/* The loss of one row of logits: of clean or corrupted runs, or only of those between. */
static void on_slope(void *ctx, int64_t index, const float *logits, float *slope) {
  const screen *x = ctx;
  const sweep *s = x->s;
  int runs = 1 + x->seeds, run = (int)(index % runs), token = (int)(index / runs);
  int seed = run > 0 ? run - 1 + x->seed : x->diff_seed;
  if (x->steps > 0) {
    index -= base_rows(x);
    if (index < 0) return;
    token = (int)(index / sloped(x));
    seed = (int)(index % sloped(x)) / x->steps + x->seed;
  }
  if (!x->diff) {
    logp_backward(slope, logits, model_decoder(s->m)->vocab, s->runs.target.ids[token], 1);
  } else if (token == 0) {
    slope[s->runs.target.ids[0]] += 1;
    slope[s->runs.other[seed]] -= 1;
  }
}

/* Values are wanted of every run, for their differences; gradients only of the runs that a
 * direction patches. */
static loci_status add_requests(const screen *x, walk *w, loci_err *err) {
  for (int site = x->site; site < x->site + x->sites; site++) {
    for (int l = 0; l < x->L; l++) {
      int64_t at = offset_of(x, site, l);
      loci_site name = x->s->screened.sites[site];
      walk_span span = span_of(x, l);
      for (int run = 0; run <= x->seeds; run++)
        TRY(walk_record_at(w, run, name, l, span, x->values + run * x->floats + at, err));
      for (int run = 0; run < sloped(x); run++) {
        if (x->steps == 0 && !takes_direction(x->s, run > 0 ? LOCI_DENOISE : LOCI_NOISE)) continue;
        float *grad = x->grads + run * x->floats + at;
        TRY(walk_grad(w, stream_of(x, run), name, l, span, grad, err));
      }
    }
  }
  return LOCI_OK;
}

/* The same of what cross-attention reads. */
static loci_status read_between(const screen *x, walk *w, int stream, int seed, float share,
                                loci_err *err) {
  const sweep *s = x->s;
  int64_t n = s->p->info.source_count * (int64_t)model_decoder(s->m)->width;
  const float *clean = s->p->projected, *corrupted = s->corrupted.source_rows + seed * n;
  float *rows = arena_array(x->mem, n, float);
  const source_rows *sources;
  if (!rows) return fail_nomem(err, "screening");
  for (int64_t i = 0; i < n; i++) rows[i] = corrupted[i] + share * (clean[i] - corrupted[i]);
  TRY(prompt_sources(s->p, rows, x->mem, &sources, err));
  return walk_sources(w, stream, sources, err);
}

/* The run of a seed whose changed rows lie at the middle of a step from corrupted to clean. */
static loci_status add_between(const screen *x, walk *w, int run, loci_err *err) {
  const sweep *s = x->s;
  const corruption *c = &s->corrupted;
  int seed = run / x->steps + x->seed, stream;
  int64_t W = input_width(model_decoder(s->m));
  float share = ((float)(run % x->steps + x->step) + 0.5F) / (float)s->opts->screen_steps;
  TRY(walk_child(w, s->runs.stream, &stream, err));
  if (c->sources) TRY(read_between(x, w, stream, seed, share, err));
  for (int i = 0; i < c->count; i++) {
    const float *clean = s->runs.target.embeds + c->positions[i] * W;
    const float *corrupted = c->rows + ((int64_t)seed * c->count + i) * W;
    float *row = x->between + ((int64_t)run * c->count + i) * W;
    for (int64_t d = 0; d < W; d++) row[d] = corrupted[d] + share * (clean[d] - corrupted[d]);
    TRY(walk_embed(w, stream, c->positions[i], row, err));
  }
  return LOCI_OK;
}

/* Clean and corrupted runs, those between them that slopes are taken at, and what is wanted of
 * each. */
static loci_status build(void *ctx, walk *w, loci_err *err) {
  const screen *x = ctx;
  variants *v = &x->s->runs;
  const target *t = &v->target;
  TRY(walk_root(w, target_input(t), &v->stream, err));
  TRY(variants_add_base(v, w, x->seed, x->seeds, err));
  int between = x->steps > 0 ? sloped(x) : 0;
  for (int run = 0; run < between; run++) TRY(add_between(x, w, run, err));
  for (int token = 0; token < t->count; token++) {
    for (int run = 0; run < between; run++)
      TRY(walk_want(w, stream_of(x, run), t->length - t->count + token, err));
  }
  return add_requests(x, w, err);
}

/* ---------------------------------------------------------------- what it says */

static double dot(const float *a, const float *b, const float *grad, int64_t n) {
  double sum = 0;
  for (int64_t i = 0; i < n; i++) sum += ((double)a[i] - (double)b[i]) * (double)grad[i];
  return sum;
}

/* A slope and what it is applied to. */
typedef struct step {
  loci_direction direction;
  int sloped;     /* the run whose gradients are taken */
  int own, given; /* runs whose values are exchanged */
  double p;       /* of the sloped run: d p = p d log p */
  double weight;  /* of this step in the mean over seeds and steps */
} step;

/* Adds what the last backward pass says about one step. */
static void add_estimates(const screen *x, const step *of) {
  const sweep *s = x->s;
  int H = model_decoder(s->m)->heads;
  for (int site = x->site; site < x->site + x->sites; site++) {
    int64_t width = site_width(s->m, s->screened.sites[site]);
    int heads = s->screened.sites[site] == LOCI_SITE_Z ? H : 1;
    for (int i = 0; i < x->L * x->P; i++) {
      int l = i / x->P, skip = span_of(x, l).first - s->first;
      if (i % x->P < skip) continue;
      int64_t at = offset_of(x, site, l) + (i % x->P - skip) * width, n = width / heads;
      loci_estimate *e = estimate_at(s, of->direction == LOCI_NOISE, site, l, i % x->P);
      for (int h = 0; h < heads; h++, at += n) {
        double sum = of->weight * dot(x->values + of->given * x->floats + at,
                                      x->values + of->own * x->floats + at,
                                      x->grads + of->sloped * x->floats + at, n);
        if (x->diff) {
          e[h].logit_diff += sum;
        } else {
          e[h].logp += sum;
          e[h].p += of->p * sum;
        }
      }
    }
  }
}

/* The slopes of clean and corrupted runs themselves. */
static loci_status back_plainly(screen *x, walk *w, loci_err *err) {
  const variants *v = &x->s->runs;
  double part = 1.0 / x->s->corrupted.seeds;
  int rounds =
      x->diff && takes_direction(x->s, LOCI_NOISE) ? x->seeds : 1; /* an o' for each seed */
  for (int k = 0; k < rounds; k++) {
    x->diff_seed = x->seed + k;
    TRY(walk_backward(w, on_slope, x, &x->hooks, err));
    for (int run = 1; run <= x->seeds; run++) {
      if (takes_direction(x->s, LOCI_DENOISE) && k == 0)
        add_estimates(x,
                      &(step){LOCI_DENOISE, run, run, 0, variants_base(v, run + x->seed).p, part});
      if (takes_direction(x->s, LOCI_NOISE) && (rounds == 1 || k == run - 1))
        add_estimates(x, &(step){LOCI_NOISE, 0, 0, run, variants_base(v, 0).p, part});
    }
  }
  return LOCI_OK;
}

/* One loss: back, then into the estimates of both directions. */
static loci_status back(screen *x, walk *w, loci_err *err) {
  if (x->steps == 0) return back_plainly(x, w, err);
  double part = 1.0 / x->s->corrupted.seeds / x->s->opts->screen_steps;
  TRY(walk_backward(w, on_slope, x, &x->hooks, err));
  for (int run = 0; run < sloped(x); run++) {
    int corrupted = 1 + run / x->steps;
    double p = exp(x->logp[run]);
    if (takes_direction(x->s, LOCI_DENOISE))
      add_estimates(x, &(step){LOCI_DENOISE, run, corrupted, 0, p, part});
    if (takes_direction(x->s, LOCI_NOISE))
      add_estimates(x, &(step){LOCI_NOISE, run, 0, corrupted, p, part});
  }
  return LOCI_OK;
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

/* ---------------------------------------------------------------- parts */

static void count_floats(screen *x) {
  int64_t width = 0;
  for (int i = x->site; i < x->site + x->sites; i++) {
    width += site_width(x->s->m, x->s->screened.sites[i]);
  }
  x->floats = width * x->L * x->P;
}

/* Floats of the rows between, of all steps of this walk. */
static int64_t between_floats(const screen *x) {
  return (int64_t)x->seeds * x->steps * x->s->corrupted.count * input_width(model_decoder(x->s->m));
}

/* Rows of a layer that gradients go back through. */
static int64_t rows_back(const screen *x) {
  const sweep *s = x->s;
  int64_t own = s->runs.target.length - s->first;
  if (x->steps > 0) return own * sloped(x);
  return own * ((takes_direction(s, LOCI_DENOISE) ? x->seeds : 0) + takes_direction(s, LOCI_NOISE));
}

/* Rows of a layer there. */
static int64_t rows_there(const screen *x) {
  int64_t n = x->s->runs.target.length, own = n - x->s->first;
  return n + (int64_t)x->seeds * (1 + x->steps) * own;
}

/* The backward pass costs twice a forward one over the rows it reaches; the formula says so, for
 * it is what the estimate is sold by. */
static loci_status run_part(screen *x, loci_err *err) {
  sweep *s = x->s;
  count_floats(x);
  arena *mem = arena_new();
  if (!mem) return fail_nomem(err, "screening");
  x->mem = mem;
  x->values = arena_array(mem, (1 + x->seeds) * x->floats, float);
  x->grads = arena_array(mem, sloped(x) * x->floats, float);
  x->between = arena_array(mem, between_floats(x) + 1, float);
  x->logp = arena_zarray(mem, sloped(x), double);
  bool room = x->values && x->grads && x->between && x->logp;
  loci_status st = room ? LOCI_OK : fail_nomem(err, "screening");
  int64_t runs = 1 + x->seeds * (int64_t)(1 + x->steps);
  x->hooks = (walk_hooks){.logits = on_logits,
                          .logits_ctx = x,
                          .ordered = runs * s->runs.target.count,
                          .progress = s->opts->progress,
                          .progress_ctx = s->opts->progress_ctx};
  walk_job job = {.m = s->m,
                  .build = build,
                  .after = go_back,
                  .ctx = x,
                  .hooks = x->hooks,
                  .cost = &s->runs.cost,
                  .back = true};
  if (!st) st = walk_once(&job, err);
  arena_free(mem);
  int64_t rounds = 1;
  if (s->opts->screen_metric == LOCI_METRIC_LOGIT_DIFF)
    rounds += x->steps == 0 && takes_direction(s, LOCI_NOISE) ? x->seeds : 1;
  s->runs.cost.formula += x->L * (rows_there(x) + 2 * rounds * rows_back(x));
  return st;
}

/* Bytes of a part with so many seeds, steps and sites. */
static int64_t part_bytes(screen *x, const int part[3]) {
  const loci_model *m = x->s->m;
  int length = x->s->runs.target.length;
  x->seeds = part[0];
  x->steps = part[1];
  x->sites = part[2];
  count_floats(x);
  return (1 + x->seeds + sloped(x)) * x->floats * 4 + between_floats(x) * 4 +
         walk_fixed_bytes(m, length) + walk_grad_fixed_bytes(m, length) +
         rows_there(x) * (walk_row_bytes(m) + walk_kept_row_bytes(m)) +
         rows_back(x) * walk_grad_row_bytes(m);
}

/* All at once if that fits, else seed by seed, else step by step, else site by site, too. */
static loci_status choose_restored(screen *x, int part[3], loci_err *err) {
  int S = x->s->corrupted.seeds, n = x->s->screened.site_count, N = x->s->opts->screen_steps;
  const int choices[4][3] = {{S, N, n}, {1, N, n}, {1, N > 0, n}, {1, N > 0, 1}};
  int64_t bytes = 0, allowed = x->s->m->memory;
  for (int i = 0; i < 4; i++) {
    memcpy(part, choices[i], sizeof choices[i]);
    bytes = part_bytes(x, part);
    if (bytes <= allowed) return LOCI_OK;
  }
  return fail(err, LOCI_ENOMEM,
              "screening needs %lld MiB beside the weights, --memory allows %lld; --method exact "
              "may need less",
              (long long)(bytes >> 20), (long long)(allowed >> 20));
}

/* As many seeds, steps and sites at once as the memory holds ([part]). */
static loci_status run_restored(screen *x, const int part[3], loci_err *err) {
  int S = x->s->corrupted.seeds, N = x->s->opts->screen_steps;
  for (x->seed = 0; x->seed < S; x->seed += part[0]) {
    for (x->step = 0; x->step == 0 || x->step < N; x->step += part[1]) {
      for (x->site = 0; x->site < x->s->screened.site_count; x->site += part[2]) {
        x->seeds = part[0];
        x->steps = part[1];
        x->sites = part[2];
        TRY(run_part(x, err));
      }
      if (N == 0) break;
    }
  }
  return LOCI_OK;
}

/* ---------------------------------------------------------------- cells */

/* Values of several layers are no first order of each other's, and resid_pre has no gradient. */
static bool has_estimate(const cell *c) {
  return c->end - c->begin == 1 && c->site != LOCI_SITE_RESID_PRE;
}

static loci_status list_sites(sweep *s, loci_err *err) {
  screened *e = &s->screened;
  for (int64_t i = 0; i < s->cell_count; i++) {
    int k = 0;
    if (!has_estimate(&s->cells[i])) continue;
    while (k < e->site_count && e->sites[k] != s->cells[i].site) k++;
    if (k == e->site_count) e->sites[e->site_count++] = s->cells[i].site;
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
    if (!restoring_matters(s, c->site, c->positions[i], c->begin)) continue;
    const loci_estimate *e =
        estimate_at(s, c->direction == LOCI_NOISE, site, c->begin, c->positions[i] - s->first);
    e += c->head >= 0 ? c->head : 0;
    sum.p += e->p;
    sum.logp += e->logp;
    sum.logit_diff += e->logit_diff;
  }
  return sum;
}

loci_status sweep_no_estimates(sweep *s, loci_err *err) {
  for (int i = 0; i < s->grid_count; i++) {
    loci_grid *g = &s->grids[i];
    int64_t n = grid_cells(g);
    loci_estimate *estimates = arena_zarray(s->mem, n, loci_estimate);
    bool *exact = arena_array(s->mem, n, bool);
    if (!estimates || !exact) return fail_nomem(err, "screening");
    for (int64_t k = 0; k < n; k++) {
      exact[k] = g->skipped[k];
      if (!exact[k]) estimates[k] = (loci_estimate){(double)NAN, (double)NAN, (double)NAN};
    }
    g->estimates = estimates;
    g->exact = exact;
  }
  return LOCI_OK;
}

/* Every cell gets its estimate. */
static void give_estimates(const sweep *s) {
  for (int64_t i = 0; i < s->cell_count; i++) {
    const cell *c = &s->cells[i];
    if (!has_estimate(c)) continue;
    ((loci_estimate *)(uintptr_t)s->grids[c->grid].estimates)[c->at] = cell_estimate(s, c);
  }
}

loci_status sweep_estimate(sweep *s, loci_err *err) {
  screen x = {.s = s, .L = model_decoder(s->m)->layers, .P = s->T - s->first};
  int part[3];
  s->screened = (screened){0};
  TRY(list_sites(s, err));
  if (s->screened.site_count == 0) return LOCI_OK;
  TRY(choose_restored(&x, part, err));
  TRY(run_restored(&x, part, err));
  give_estimates(s);
  return LOCI_OK;
}

loci_status sweep_screen(sweep *s, loci_err *err) {
  TRY(sweep_no_estimates(s, err));
  TRY(sweep_estimate(s, err));
  return audit_choose(s, err);
}
