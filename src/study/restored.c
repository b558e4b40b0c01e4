/* loci_ask_restored: what the model would answer at a cell of a trace.
 *
 * The cell's values are recorded of the one run (clean, or corrupted where noise is put in) and
 * written into the other, which then goes on as an answer does, token by token.  Of corruptions
 * with seeds it is the first seed's run.  Rows before the corruption are the prompt's own, so a
 * kept run serves both. */
#include <string.h>

#include "base/options.h"
#include "model/command.h"
#include "study/request.h"
#include "study/sweep.h"
#include "walk/ask.h"

typedef struct restored {
  sweep s;
  loci_trace_opts o;
  bool has_cell;    /* else the run alone is asked */
  bool corrupts;    /* the run that is running is the corrupted one */
  float *corrupted; /* (T, input_width) */
  float *values;    /* (patches, width of the site) */
  walk_patch *patches;
  int64_t patch_count;
  int answer; /* the clean run's next token */
} restored;

static bool is_noise(const restored *r) { return r->o.direction == LOCI_NOISE; }

/* ---------------------------------------------------------------- the cell */

static loci_status check_cell(restored *r, loci_err *err) {
  loci_trace_opts *o = &r->o;
  r->has_cell = o->site_count > 0;
  if (o->direction == LOCI_BOTH)
    return fail(err, LOCI_EINVAL, "an answer is of one direction, denoise or noise");
  if (o->screen > 0 || o->verify > 0)
    return fail(err, LOCI_EINVAL, "an answer has no cells to screen or verify");
  if (!r->has_cell && (o->layer_count || o->positions || o->window_count))
    return fail(err, LOCI_EINVAL, "a cell to restore needs a site");
  if (!r->has_cell) o->positions = "last", o->layer_count = 1;
  if (o->seeds > 1 || (o->corrupt && corruption_is_noise(o->corrupt))) o->seeds = 1;
  return LOCI_OK;
}

static loci_status find_cell(restored *r, loci_err *err) {
  const sweep *s = &r->s;
  if (!r->has_cell) return LOCI_OK;
  const loci_grid *g = s->grids;
  if (s->grid_count == 1 && g->layer_count == 1 && g->column_count == 1) return LOCI_OK;
  return fail(err, LOCI_EINVAL,
              "one cell is restored: one site, one layer, one window, and one position or group");
}

/* A patch for every layer and position of it; heads of z go together. */
static loci_status lay_out(restored *r, loci_err *err) {
  sweep *s = &r->s;
  int64_t W = input_width(model_decoder(s->m)), n = s->cell_count > 0 && r->has_cell ? 1 : 0;
  const cell *c = n > 0 ? &s->cells[0] : NULL;
  int64_t width = c ? site_width(s->m, c->site) : 0;
  if (c) n = (int64_t)(c->end - c->begin) * c->position_count;
  r->patches = arena_array(s->mem, n + 1, walk_patch);
  r->values = arena_array(s->mem, n * width + 1, float);
  r->corrupted = arena_array(s->mem, s->T * W, float);
  if (!r->patches || !r->values || !r->corrupted) return fail_nomem(err, "restoring a cell");
  for (int l = c ? c->begin : 0; c && l < c->end; l++) {
    for (int i = 0; i < c->position_count; i++) {
      if (!restoring_matters(s, c->site, c->positions[i], l)) continue;
      r->patches[r->patch_count] = (walk_patch){.site = c->site,
                                                .layer = l,
                                                .position = c->positions[i],
                                                .head = -1,
                                                .source = -1,
                                                .values = r->values + r->patch_count * width};
      r->patch_count++;
    }
  }
  return LOCI_OK;
}

/* What the corrupted run reads by cross-attention. */
static const source_rows *sources_of(const restored *r) {
  const corruption *c = &r->s.corrupted;
  return c->sources ? c->sources[0] : r->s.p->sources;
}

static void corrupt_rows(const restored *r) {
  const sweep *s = &r->s;
  corruption_lay(&s->corrupted, 0, s->p->embeds, s->T, input_width(model_decoder(s->m)),
                 r->corrupted);
}

/* ---------------------------------------------------------------- the run it is taken from */

static void take_answer(void *ctx, int64_t index, const float *logits) {
  restored *r = ctx;
  (void)index;
  if (!r->corrupts) r->answer = argmax_of(logits, model_decoder(r->s.m)->vocab, -1);
}

/* The values to restore come from the run that is not answered: clean where it denoises, corrupted
 * where it adds noise. */
static loci_status build(void *ctx, walk *w, loci_err *err) {
  const restored *r = ctx;
  const sweep *s = &r->s;
  input rows = prompt_input(s->p);
  if (r->corrupts) rows.rows = r->corrupted;
  if (r->corrupts) rows.sources = sources_of(r);
  int root, from;
  /* what is kept is the prompt's own, and stays so */
  TRY(keep_root(w, r->corrupts ? NULL : s->p, NULL, rows, s->first, &root, &from, err));
  for (int64_t i = 0; r->corrupts == is_noise(r) && i < r->patch_count; i++) {
    const walk_patch *x = &r->patches[i];
    TRY(walk_record_at(w, root, x->site, x->layer, (walk_span){x->position, 1},
                       (float *)(uintptr_t)x->values, err));
  }
  return walk_want(w, root, s->T - 1, err);
}

/* The clean run, or the corrupted one; that of the two which the cell's values come from records
 * them. */
static loci_status run(restored *r, bool corrupted, loci_err *err) {
  r->corrupts = corrupted;
  walk_job job = {.m = r->s.m, .build = build, .ctx = r};
  job.hooks = (walk_hooks){.logits = take_answer,
                           .logits_ctx = r,
                           .ordered = 1,
                           .progress = r->o.progress,
                           .progress_ctx = r->o.progress_ctx};
  return walk_once(&job, err);
}

/* ---------------------------------------------------------------- the call */

/* As a trace of this one cell is prepared, so that both have the same numbers. */
static loci_status prepare(restored *r, loci_err *err) {
  sweep *s = &r->s;
  request_of of = {.m = s->m, .p = s->p, .mem = s->mem};
  TRY(check_cell(r, err));
  TRY(trace_request_complete(&of, &r->o, err));
  s->opts = &r->o;
  TRY(target_make(s->p, NULL, s->mem, &s->runs.target, err));
  TRY(corruption_make(s->p, s->opts, -1, s->mem, &s->corrupted, err));
  s->first = s->corrupted.first;
  TRY(sweep_grids(s, err));
  TRY(find_cell(r, err));
  TRY(lay_out(r, err));
  corrupt_rows(r);
  return LOCI_OK;
}

/* As a trace does, other words are taken where the usual ones tell the answer. */
static loci_status avoid_answer(restored *r, loci_err *err) {
  sweep *s = &r->s;
  if (!corruption_is_default(&r->o) || s->corrupted.first_id != r->answer) return LOCI_OK;
  TRY(corruption_make(s->p, s->opts, r->answer, s->mem, &s->corrupted, err));
  corrupt_rows(r);
  return LOCI_OK;
}

static loci_status tell(const restored *r, int max_new, loci_answer *a, loci_err *err) {
  js_value *request = request_of_prompt(r->s.p);
  command_words words = command_of("ask", r->s.m);
  loci_trace_opts o = r->o;
  words.cannot =
      o.authors || o.noise_path || o.noise_deviation > 0; /* options that the command has not */
  o.corrupt = r->s.corrupted.kind;
  restored_request_describe(&request, &o, r->has_cell);
  js_put(&request, "max_new", js_int(max_new));
  return request_tell(&words, request, &a->result, err);
}

/* First the run that values come from, then the other one, with them in place, token by token. */
static loci_status answer(restored *r, int max_new, loci_answer **out, loci_err *err) {
  const sweep *s = &r->s;
  TRY(prepare(r, err));
  /* its next token decides which words corrupt */
  if (!is_noise(r) || corruption_is_default(&r->o)) TRY(run(r, false, err));
  TRY(avoid_answer(r, err));
  if (is_noise(r)) TRY(run(r, true, err));
  answering of = {.p = s->p,
                  .rows = is_noise(r) ? s->p->embeds : r->corrupted,
                  .sources = is_noise(r) ? s->p->sources : sources_of(r),
                  .first = s->first,
                  .patches = r->patches,
                  .patch_count = r->patch_count};
  walk_hooks hooks = {.progress = r->o.progress, .progress_ctx = r->o.progress_ctx};
  TRY(answer_make(&of, max_new, &hooks, out, err));
  loci_status st = tell(r, max_new, *out, err);
  if (!st) return LOCI_OK;
  loci_free(*out);
  *out = NULL;
  return st;
}

loci_status loci_ask_restored(const loci_model *model, const loci_prompt *prompt,
                              const loci_trace_opts *at, int max_new, loci_answer **out,
                              loci_err *err) {
  NEEDS(out, "place for the result");
  *out = NULL;
  NEEDS(model, "model");
  NEEDS(prompt, "prompt");
  restored r = {.s = {.p = prompt, .m = model, .T = prompt->info.length}};
  TRY(prompt_check_model(prompt, model, err));
  TRY(options_take(loci_trace_opts, &r.o, at, err));
  if (max_new == 0) max_new = ANSWER_TOKENS;
  r.s.mem = arena_new();
  loci_status st = r.s.mem ? answer(&r, max_new, out, err) : fail_nomem(err, "restoring a cell");
  arena_free(r.s.mem);
  return st;
}
