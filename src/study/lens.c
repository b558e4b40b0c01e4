/* loci_lens_new: the logit lens (docs/MATH.md, "Lens"; nostalgebraist 2020): what the final norm
 * and the output head make of the residual stream after every layer.  One root stream; the rows
 * asked for are kept after their layer and go through the head with the clean run's last row,
 * which comes first because the target is its most likely token. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/options.h"
#include "base/result.h"
#include "base/clock.h"
#include "model/command.h"
#include "study/layers.h"
#include "study/request.h"
#include "walk/variants.h"

typedef struct lens {
  const loci_prompt *p;
  const loci_model *m;
  const loci_lens_opts *opts;
  arena *mem;
  int T, L;
  int target;
  bool not_finite;
  top_logits clean;
  int position_count, *positions;
  int layer_count, *layers;
  loci_lens_cell *cells; /* (positions, layers) */
} lens;

/* ---------------------------------------------------------------- positions and layers */

/* Marks one item of the list: "each", a number, or a group. */
static loci_status mark_item(const lens *l, const char *item, size_t n, bool *asked,
                             loci_err *err) {
  group_kind g;
  bool number = n > 0 && strspn(item, "0123456789") >= n;
  if (number) {
    long at = n < 10 ? strtol(item, NULL, 10) : l->T;
    if (at < l->T) {
      asked[at] = true;
      return LOCI_OK;
    }
    return fail(err, LOCI_EINVAL, "position %.*s: the sequence has positions 0 to %d", (int)n, item,
                l->T - 1);
  }
  if (n == 4 && memcmp(item, "each", n) == 0) {
    for (int i = 0; i < l->T; i++) asked[i] = true;
    return LOCI_OK;
  }
  TRY(group_find(item, n, &g, err));
  int *at = arena_array(l->mem, l->T, int);
  if (!at) return fail_nomem(err, "laying out a lens");
  int count = group_positions(l->p, g, l->opts->constraint, at);
  if (count == 0) return fail_empty_group(l->p, g, err);
  for (int i = 0; i < count; i++) asked[at[i]] = true;
  return LOCI_OK;
}

/* Marked first and listed after: a position asked for twice is read once, and they come in
 * order. */
static loci_status find_positions(lens *l, loci_err *err) {
  const char *text = l->opts->positions;
  bool *asked = arena_zarray(l->mem, l->T, bool);
  l->positions = arena_array(l->mem, l->T, int);
  if (!asked || !l->positions) return fail_nomem(err, "laying out a lens");
  for (bool more = true; more; text++) {
    size_t n = strcspn(text, ",");
    TRY(mark_item(l, text, n, asked, err));
    text += n;
    more = *text == ',';
  }
  for (int i = 0; i < l->T; i++) {
    if (asked[i]) l->positions[l->position_count++] = i;
  }
  return LOCI_OK;
}

/* ---------------------------------------------------------------- the walk */

/* Ties rank below lower ids, as the argmax breaks them, so that rank 1 is the token the model
 * would say. */
static void on_logits(void *ctx, int64_t index, const float *logits) {
  lens *l = ctx;
  int64_t V = model_decoder(l->m)->vocab;
  top_logits top;
  if (index == 0) {
    l->not_finite = !logits_are_finite(logits, V);
    top_logits_of(logits, (int)V, &l->clean);
    if (!l->opts->answer) l->target = l->clean.id[0];
    return;
  }
  loci_lens_cell *c = &l->cells[index - 1];
  float x = logits[l->target];
  top_logits_of(logits, (int)V, &top);
  top_logits_candidates(&top, l->m, c->top);
  c->logp = (double)x - log_sum_exp(logits, V);
  c->p = exp(c->logp);
  c->rank = 1;
  for (int64_t i = 0; i < V; i++) c->rank += logits[i] > x || (i < l->target && logits[i] == x);
}

/* One run, whose residual rows go through the head after each layer. */
static loci_status build(void *ctx, walk *w, loci_err *err) {
  const lens *l = ctx;
  int run;
  int from; /* positions are ascending */
  TRY(keep_root(w, l->p, NULL, prompt_input(l->p), l->positions[0], &run, &from, err));
  TRY(walk_want(w, run, l->T - 1, err));
  for (int i = 0; i < l->position_count; i++) {
    for (int k = 0; k < l->layer_count; k++) {
      TRY(walk_want_after(w, run, l->layers[k], l->positions[i], err));
    }
  }
  return LOCI_OK;
}

static loci_status read_layers(lens *l, loci_cost *cost, loci_err *err) {
  walk_job job = {.m = l->m, .build = build, .ctx = l, .cost = cost};
  job.hooks = (walk_hooks){.logits = on_logits,
                           .logits_ctx = l,
                           .ordered = 1,
                           .progress = l->opts->progress,
                           .progress_ctx = l->opts->progress_ctx};
  TRY(walk_once(&job, err));
  return l->not_finite ? not_finite(l->m, err) : LOCI_OK;
}

/* ---------------------------------------------------------------- the result */

/* The naive way is a forward for every position and layer, which is what hooks would do. */
static loci_status fill_view(const lens *l, loci_lens *out, loci_err *err) {
  out->model = loci_model_get_info(l->m);
  out->prompt = &l->p->info;
  out->precision = dtype_name(l->m->compute_type);
  out->target_id = l->target;
  TRY(target_text(l->m, &l->target, 1, l->mem, &out->target_text, err));
  out->answer_given = l->opts->answer != NULL;
  top_logits_candidates(&l->clean, l->m, out->clean);
  out->position_count = l->position_count;
  out->positions = l->positions;
  out->layer_count = l->layer_count;
  out->layers = l->layers;
  out->cells = l->cells;
  int64_t cells = (int64_t)l->position_count * l->layer_count;
  out->cost.formula = (int64_t)l->T * l->L;
  out->cost.naive_flop = (double)cells * forward_flop(l->p, l->T);
  js_value *request = request_of_prompt(l->p);
  command_words words = command_of("lens", l->m);
  lens_request_describe(&request, l->opts);
  return request_tell(&words, request, &out->result, err);
}

/* The target is known before the walk only if it was given; else the first logits that come
 * decide it (on_logits). */
static loci_status make_lens(lens *l, loci_lens *out, loci_err *err) {
  double begin = clock_seconds();
  target t;
  TRY(target_make(l->p, l->opts->answer, l->mem, &t, err));
  l->target = t.ids[0];
  TRY(find_positions(l, err));
  l->layer_count = l->opts->layer_count;
  TRY(layers_list(l->opts->first_layer, &l->layer_count, l->L, l->mem, &l->layers, err));
  l->cells = arena_zarray(l->mem, (int64_t)l->position_count * l->layer_count, loci_lens_cell);
  if (!l->cells) return fail_nomem(err, "laying out a lens");
  TRY(read_layers(l, &out->cost, err));
  TRY(fill_view(l, out, err));
  out->cost.seconds = clock_seconds() - begin;
  return LOCI_OK;
}

loci_status loci_lens_new(const loci_model *model, const loci_prompt *prompt,
                          const loci_lens_opts *opts, loci_lens **out, loci_err *err) {
  NEEDS(out, "place for the result");
  *out = NULL;
  NEEDS(model, "model");
  NEEDS(prompt, "prompt");
  loci_lens_opts own;
  TRY(options_take(loci_lens_opts, &own, opts, err));
  TRY(prompt_check_model(prompt, model, err));
  loci_lens *made = result_new(LOCI_KIND_LENS, sizeof *made);
  if (!made) return fail_nomem(err, "looking through the layers");
  loci_status st = LOCI_OK;
  lens l = {.p = prompt,
            .m = model,
            .opts = &own,
            .mem = made->result.memory,
            .T = prompt->info.length,
            .L = model_decoder(model)->layers};
  request_of of = {.m = model, .p = prompt, .mem = l.mem};
  TRY_DONE(lens_request_complete(&of, &own, err));
  TRY_DONE(make_lens(&l, made, err));
  made->hash = "";
  if (!l.opts->no_hash) {
    TRY_DONE(model_hash(model, l.opts->progress, l.opts->progress_ctx, &made->hash, err));
  }
  *out = made;
  made = NULL;
done:
  loci_free(made);
  return st;
}
