/* --verify: random cells recomputed the slow way, one full forward each, and compared.
 *
 * Both runs are roots here: every row of every position and layer is computed, nothing is shared,
 * and the patch reads the other full run.  That is the literal definition of a cell. */
#include <math.h>
#include <string.h>

#include "base/random.h"
#include "base/names.h"
#include "study/donor.h"
#include "study/path_patch.h"

/* f32: the reference models differ by up to 4e-6 between f32 and f64 arithmetic, which leaves a
 * wide margin under 1e-4.  bf16: each operand is rounded to 8 bits, and a full forward rounds other
 * sums. */
static const double TOLERANCE_F32 = 1e-4, TOLERANCE_BF16 = 0.05;

/* How far it is, for whoever asks within a forward. */
typedef struct verifying {
  const sweep *s;
  int64_t done, all;
  float *corrupted; /* (length, input_width) input rows */
} verifying;

static bool report(void *ctx, const char *stage, double done, double total) {
  const verifying *v = ctx;
  const watch asked = {v->s->opts->progress, v->s->opts->progress_ctx};
  (void)stage, (void)done, (void)total;
  return !watch_stops(&asked, "verify", (double)v->done, (double)v->all);
}

/* One cell and seed, run in full. */
typedef struct full_forward {
  const sweep *s;
  const cell *c;
  float *corrupted; /* (length, input_width) input rows */
  int seed;
  reading *readings; /* (target count) */
} full_forward;

static void on_logits(void *ctx, int64_t index, const float *logits) {
  const full_forward *x = ctx;
  const variants *v = &x->s->runs;
  const reference *to = v->against ? v->against : &v->clean;
  x->readings[index] = reading_of(logits, model_decoder(v->m)->vocab, v->target.ids[index],
                                  v->other[x->seed], index ? NULL : to);
}

/* The corrupted run's rows with what its layers of cross-attention read. */
static input corrupted_input(const full_forward *x) {
  const corruption *c = &x->s->corrupted;
  input in = target_input(&x->s->runs.target);
  in.rows = x->corrupted;
  if (c->sources) in.sources = c->sources[x->seed];
  return in;
}

static loci_status patch_all(const sweep *s, walk *w, int stream, loci_site site, int layer,
                             int head, int source, loci_err *err) {
  for (int i = 0; i < s->runs.target.length; i++) {
    walk_patch patch = {
        .site = site, .layer = layer, .position = i, .head = head, .source = source};
    TRY(walk_patch_add(w, stream, &patch, err));
  }
  return LOCI_OK;
}

/* The sender's values of the other run, in a run where all heads and MLPs below the receiver are
 * held as they are without them. */
static loci_status hold_all_but(const sweep *s, walk *w, const cell *c, int run, int plain,
                                int other, loci_err *err) {
  const receiver *to = path_receiver(s);
  int below = to->site == LOCI_SITE_LOGITS ? model_decoder(s->m)->layers : to->layer;
  for (int l = 0; l < below; l++) {
    TRY(patch_all(s, w, run, LOCI_SITE_Z, l, -1, plain, err));
    TRY(patch_all(s, w, run, LOCI_SITE_MLP_OUT, l, -1, plain, err));
  }
  for (int u = 0; u < cell_units(c); u++) {
    for (int i = 0; i < c->position_count; i++) {
      if (cell_layer(c, u) >= below + (c->site == LOCI_SITE_RESID_PRE)) continue;
      walk_patch patch = {.site = c->site,
                          .layer = cell_layer(c, u),
                          .position = c->positions[i],
                          .head = cell_head(c, u),
                          .source = other};
      TRY(walk_patch_add(w, run, &patch, err));
    }
  }
  return LOCI_OK;
}

/* A path in two full forwards: what the receiver sees where nothing between has moved, and the run
 * in which it sees that. */
static loci_status build_path(const full_forward *x, walk *w, loci_err *err) {
  const sweep *s = x->s;
  const target *t = &s->runs.target;
  const receiver *to = path_receiver(s);
  bool denoise = x->c->direction == LOCI_DENOISE;
  int other, plain, held, run;
  input clean = target_input(t), corrupted = corrupted_input(x);
  input own = denoise ? corrupted : clean;
  TRY(walk_root(w, denoise ? clean : corrupted, &other, err));
  TRY(walk_root(w, own, &plain, err));
  TRY(walk_root(w, own, &held, err));
  TRY(hold_all_but(s, w, x->c, held, plain, other, err));
  run = held;
  if (to->site != LOCI_SITE_LOGITS) {
    TRY(walk_root(w, own, &run, err));
    TRY(patch_all(s, w, run, to->site, to->layer, to->head, held, err));
  }
  for (int i = 0; i < t->count; i++) TRY(walk_want(w, run, s->T - 1 + i, err));
  return LOCI_OK;
}

/* Both runs, and the patches of one from the other; or the prompt's own, and a donor's values. */
static loci_status build(void *ctx, walk *w, loci_err *err) {
  const full_forward *x = ctx;
  const target *t = &x->s->runs.target;
  const cell *c = x->c;
  bool denoise = c->direction == LOCI_DENOISE, donor = x->s->donor != NULL;
  int source = -1, run;
  if (x->s->path) return build_path(x, w, err);
  input clean = target_input(t), corrupted = corrupted_input(x);
  if (!donor) TRY(walk_root(w, denoise ? clean : corrupted, &source, err));
  TRY(walk_root(w, denoise && !donor ? corrupted : clean, &run, err));
  for (int u = 0; u < cell_units(c); u++) {
    for (int i = 0; i < c->position_count; i++) {
      walk_patch patch = {.site = c->site,
                          .layer = cell_layer(c, u),
                          .position = c->positions[i],
                          .head = cell_head(c, u),
                          .source = source,
                          .values = donor ? donor_row(x->s, c, u, i) : NULL};
      TRY(walk_patch_add(w, run, &patch, err));
    }
  }
  for (int i = 0; i < t->count; i++) TRY(walk_want(w, run, x->s->T - 1 + i, err));
  return LOCI_OK;
}

/* Difference over the value's size, but at least over [floor], under which only the absolute one
 * counts. */
static double difference(double got, double plain, double floor) {
  return fabs(got - plain) / fmax(fabs(plain), floor);
}

/* The largest difference of the four metrics; p counts from 0.02 up, where 1e-4 of it is the 2e-6
 * that f32 logits leave uncertain, and the others, differences of logits, from 1 up. */
static double compare(const loci_metrics *got, const loci_metrics *plain) {
  double d[] = {difference(got->p, plain->p, 0.02), difference(got->logp, plain->logp, 1),
                difference(got->logit_diff, plain->logit_diff, 1),
                difference(got->kl, plain->kl, 1)};
  double worst = d[0];
  for (int i = 1; i < 4; i++) {
    if (!(d[i] <= worst)) worst = d[i]; /* a NaN stays */
  }
  return worst;
}

/* The cell by full runs of [m]: the model, or what it is in f32. */
static loci_status forward_cell(verifying *v, const loci_model *m, const cell *c, loci_metrics *out,
                                loci_err *err) {
  const sweep *s = v->s;
  int S = s->corrupted.seeds, n = s->runs.target.count;
  full_forward x = {.s = s, .c = c, .corrupted = v->corrupted};
  walk_job job = {.m = m, .build = build, .ctx = &x};
  job.hooks =
      (walk_hooks){.logits = on_logits, .logits_ctx = &x, .progress = report, .progress_ctx = v};
  reading *all = arena_zarray(s->mem, (int64_t)S * n, reading);
  if (!all) return fail_nomem(err, "verifying");
  for (x.seed = 0; x.seed < S; x.seed++) {
    x.readings = all + (int64_t)x.seed * n;
    corruption_lay(&s->corrupted, x.seed, s->runs.target.embeds, s->runs.target.length,
                   input_width(model_decoder(s->m)), v->corrupted);
    TRY(walk_once(&job, err));
  }
  *out = readings_mean(all, S, n);
  return LOCI_OK;
}

/* Against the same cell by the same arithmetic, which must agree; and, where that rounds, against
 * f32, to say how much rounding does to a cell. */
static loci_status verify_cell(verifying *v, const cell *c, loci_trace *t, loci_err *err) {
  const sweep *s = v->s;
  bool rounds = s->m->compute_type != DTYPE_F32;
  double allowed = rounds ? TOLERANCE_BF16 : TOLERANCE_F32;
  const loci_metrics *got = &s->grids[c->grid].cells[c->at];
  loci_metrics plain, exact;
  TRY(forward_cell(v, s->m, c, &plain, err));
  double error = compare(got, &plain);
  if (error > t->verify_error) t->verify_error = error;
  if (!(error <= allowed)) {
    return fail(err, LOCI_EVERIFY,
                "%s, layers %d to %d, position %d: the sweep says p = %.9g, log p = %.9g, a full "
                "forward %.9g, %.9g",
                site_name(c->site), c->begin, c->end - 1, c->positions[0], got->p, got->logp,
                plain.p, plain.logp);
  }
  if (!rounds) return LOCI_OK;
  loci_model f32 = *s->m;
  f32.compute_type = DTYPE_F32;
  TRY(forward_cell(v, &f32, c, &exact, err));
  double rounding = fabs(got->p - exact.p);
  if (!(rounding <= t->verify_rounding)) t->verify_rounding = rounding;
  return LOCI_OK;
}

loci_status sweep_verify(sweep *s, loci_trace *t, loci_err *err) {
  int64_t n = s->opts->verify;
  if (n > s->cell_count) n = s->cell_count;
  verifying v = {.s = s, .all = n};
  int64_t W = input_width(model_decoder(s->m));
  v.corrupted = arena_array(s->mem, s->runs.target.length * W, float);
  if (!v.corrupted) return fail_nomem(err, "verifying");
  random_source source = random_new(s->opts->seed ^ 0x5EED5EEDu);
  for (int64_t k = 0; k < n; k++) {
    v.done = k;
    /* all cells if that many are asked for, else random ones */
    const cell *c = &s->cells[n == s->cell_count ? k : random_below(&source, s->cell_count)];
    TRY(verify_cell(&v, c, t, err));
    t->verified++;
  }
  return LOCI_OK;
}
