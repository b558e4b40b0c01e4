/* Clean less corrupted values (see differences.h). */
#include "study/differences.h"

typedef struct recording {
  sweep *s;
  const differences *d;
  float *values[LOCI_SITE_COUNT]; /* (1 + seeds, layers, span, row) */
} recording;

/* Clean and corrupted runs beside each other in one walk, all asked for at the corrupted positions
 * on. */
static loci_status build(void *ctx, walk *w, loci_err *err) {
  recording *r = ctx;
  sweep *s = r->s;
  const differences *d = r->d;
  walk_span span = {s->first, d->span};
  int clean, stream;
  TRY(walk_root(w, target_input(&s->runs.target), &clean, err));
  for (int run = 0; run <= s->corrupted.seeds; run++) {
    stream = clean;
    if (run > 0) TRY(walk_child(w, clean, &stream, err));
    if (run > 0) TRY(s->runs.add_beside(s, w, run - 1, stream, err));
    for (int i = 0; i < LOCI_SITE_COUNT; i++) {
      int64_t rows = (int64_t)d->span * d->row[i];
      for (int l = 0; r->values[i] && l < d->layers; l++) {
        float *to = r->values[i] + ((int64_t)run * d->layers + l) * rows;
        TRY(walk_record_at(w, stream, (loci_site)i, l, span, to, err));
      }
    }
  }
  return LOCI_OK;
}

/* values of a site := clean - corrupted, of each seed in the place of its own. */
static void subtract(const sweep *s, float *values, int64_t n) {
  for (int seed = 0; seed < s->corrupted.seeds; seed++) {
    float *own = values + (1 + seed) * n;
    for (int64_t i = 0; i < n; i++) own[i] = values[i] - own[i];
  }
}

/* The tables stay beside every walk. */
loci_status differences_table(sweep *s, int64_t n, float **out, loci_err *err) {
  s->runs.held += n * (int64_t)sizeof(float);
  int64_t needs = s->runs.held + walk_fixed_bytes(s->m, s->runs.target.length);
  if (needs > s->m->memory) {
    return fail(err, LOCI_ENOMEM,
                "what differs between the runs needs %lld MiB beside the weights, --memory allows "
                "%lld (fewer sites or seeds need less)",
                (long long)(needs >> 20), (long long)(s->m->memory >> 20));
  }
  *out = arena_array(s->mem, n, float);
  return *out ? LOCI_OK : fail_nomem(err, "recording what differs");
}

loci_status differences_record(sweep *s, int layers, const bool asked[LOCI_SITE_COUNT],
                               differences *out, loci_err *err) {
  recording r = {.s = s, .d = out};
  int64_t runs = 1 + s->corrupted.seeds;
  bool any = false;
  *out = (differences){.layers = layers, .span = s->T - s->first};
  for (int i = 0; i < LOCI_SITE_COUNT; i++) {
    if (!asked[i]) continue;
    any = true;
    out->row[i] = site_width(s->m, (loci_site)i);
    TRY(differences_table(s, runs * layers * out->span * out->row[i], &r.values[i], err));
  }
  walk_job job = {.m = s->m, .build = build, .ctx = &r, .cost = &s->runs.cost};
  job.hooks = (walk_hooks){.progress = s->opts->progress, .progress_ctx = s->opts->progress_ctx};
  if (any) TRY(walk_once(&job, err));
  for (int i = 0; i < LOCI_SITE_COUNT; i++) {
    int64_t n = (int64_t)layers * out->span * out->row[i];
    if (!r.values[i]) continue;
    subtract(s, r.values[i], n);
    out->at[i] = r.values[i] + n;
    out->clean[i] = r.values[i];
  }
  return LOCI_OK;
}
