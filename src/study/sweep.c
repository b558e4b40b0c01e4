/* The sweep: clean run, corrupted runs and all restored runs as variants of one clean run
 * (docs/MATH.md, "The sweep"; walk/variants.h).  For S seeds there are S corrupted runs beside the
 * clean one; a cell is a variant of each: a child of the corrupted run with patches from clean
 * (denoise), or of clean with patches from the corrupted run (noise). */
#include "study/donor.h"
#include "study/path_patch.h"

static loci_status add_corrupted(const void *ctx, walk *w, int seed, int stream, loci_err *err) {
  const sweep *s = ctx;
  const corruption *c = &s->corrupted;
  int64_t W = input_width(model_decoder(s->m));
  if (c->sources) TRY(walk_sources(w, stream, c->sources[seed], err));
  for (int i = 0; i < c->count; i++) {
    const float *row = c->rows + ((int64_t)seed * c->count + i) * W;
    TRY(walk_embed(w, stream, c->positions[i], row, err));
  }
  return LOCI_OK;
}

/* Positions of the identical prefix, and rows that nobody reads, are left alone. */
static loci_status add_cell(const void *ctx, walk *w, int64_t k, int seed, int *out,
                            loci_err *err) {
  const sweep *s = ctx;
  const cell *c = &s->cells[k];
  bool denoise = c->direction == LOCI_DENOISE;
  int clean = s->runs.stream, corrupted = clean + 1 + seed;
  if (s->path) return path_add(s, w, c, seed, out, err);
  TRY(walk_child(w, denoise && !s->donor ? corrupted : clean, out, err));
  for (int u = 0; u < cell_units(c); u++) {
    for (int i = 0; i < c->position_count; i++) {
      int p = c->positions[i];
      if (!restoring_matters(s, c->site, p, cell_layer(c, u))) continue;
      walk_patch patch = {.site = c->site,
                          .layer = cell_layer(c, u),
                          .position = p,
                          .head = cell_head(c, u),
                          .source = s->donor  ? -1
                                    : denoise ? clean
                                              : corrupted,
                          .values = s->donor ? donor_row(s, c, u, i) : NULL};
      TRY(walk_patch_add(w, *out, &patch, err));
    }
  }
  return LOCI_OK;
}

static variant_size size_of_cell(const void *ctx, int64_t i) {
  const sweep *s = ctx;
  const cell *c = &s->cells[i];
  if (s->path) /* of its two streams each has no more rows than a cell */
    return (variant_size){
        .rows = 2 * cell_rows(s, c), .formula = 2 * cell_formula(s, c), .extra = path_bytes(s, c)};
  return (variant_size){.rows = cell_rows(s, c), .formula = cell_formula(s, c)};
}

static void take_cell(void *ctx, int64_t i, const reading *of) {
  sweep *s = ctx;
  const cell *c = &s->cells[i];
  loci_metrics *cells = (loci_metrics *)(uintptr_t)s->grids[c->grid].cells;
  cells[c->at] = readings_mean(of, s->corrupted.seeds, s->runs.target.count);
  if (s->donor) ((int *)(uintptr_t)s->grids[c->grid].top_ids)[c->at] = of->top;
  s->taken = i + 1;
}

loci_status sweep_runs(sweep *s, loci_err *err) {
  variants *v = &s->runs;
  *v = (variants){.m = s->m,
                  .target = v->target,
                  .cost = v->cost,
                  .progress = s->opts->progress,
                  .progress_ctx = s->opts->progress_ctx,
                  .ctx = s,
                  .beside = s->donor ? 0 : s->corrupted.seeds,
                  .p = s->p,
                  .own = v->own,
                  .look = s->first,
                  .first = s->first,
                  .what = "cell",
                  .add_beside = add_corrupted,
                  .add = add_cell,
                  .size = size_of_cell,
                  .take = take_cell,
                  .after = s->path ? path_after : NULL};
  return variants_room(v, s->mem, err);
}

loci_metrics sweep_corrupted(const sweep *s) {
  const target *t = &s->runs.target;
  if (s->donor) return variants_base(&s->runs, 0);
  return readings_mean(s->runs.base + t->count, s->corrupted.seeds, t->count);
}

loci_status sweeps_run(sweep *const *sweeps, int n, loci_err *err) {
  if (n == 0) return LOCI_OK;
  variants **all = arena_array(sweeps[0]->mem, n, variants *);
  if (!all) return fail_nomem(err, "tracing");
  for (int i = 0; i < n; i++) {
    all[i] = &sweeps[i]->runs;
    all[i]->count = sweeps[i]->cell_count;
  }
  return variants_run(all, n, err);
}
