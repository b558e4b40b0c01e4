/* loci bench --scale: what a trace of a true model takes here, and what it is made of.
 *
 *   picture -> one token after another -> a whole trace -> the bare products of a layer
 *
 * The question is made of random tokens, the picture of random pixels: time does not depend on what
 * they show.  The trace is loci_trace_new's own. */
#include <omp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "base/clock.h"
#include "base/random.h"
#include "base/result.h"
#include "checkpoint/reader.h"
#include "model/command.h"
#include "model/vision.h"
#include "study/bench.h"
#include "walk/walk.h"

enum { BEFORE = 5, AFTER = 18, CONSTRAINT = 5, BEHIND = 10, TOKENS = 4, ROWS = 2048, REPEATS = 3 };

/* ---------------------------------------------------------------- the question */

/* Rows of the picture into the prompt, through tower and projector. */
static loci_status see_picture(const loci_model *m, loci_prompt *p, loci_scale *out,
                               loci_err *err) {
  const model_config *c = &m->weights->config;
  int64_t n = image_values(&p->picture.shape);
  float *pixels = arena_array(p->mem, n, float);
  compute *a;
  if (!pixels) return fail_nomem(err, "making a picture");
  random_source r = random_new(1);
  for (int64_t i = 0; i < n; i++) pixels[i] = (float)random_gaussian(&r);
  p->picture.pixels = pixels;
  TRY(compute_new(m->compute_type, m->threads, &a, err));
  double begin = clock_seconds();
  bool outside = c->text.cross != NULL;
  float *rows = outside ? p->projected : p->embeds + BEFORE * input_width(&c->text);
  loci_status st = vision_forward(a, m->weights, NULL, &p->picture, NULL, rows, err);
  out->vision_seconds = clock_seconds() - begin;
  if (m->release) checkpoint_release_vision(m->weights);
  compute_free(a);
  if (!st && outside) st = prompt_sources(p, rows, p->mem, &p->sources, err);
  return st;
}

static loci_role role_of(int position, int T, int image_rows) {
  int from_end = T - position;
  if (position >= BEFORE && position < BEFORE + image_rows) return LOCI_ROLE_IMAGE;
  if (from_end > CONSTRAINT + BEHIND) return LOCI_ROLE_BEFORE;
  if (from_end == CONSTRAINT + BEHIND) return LOCI_ROLE_CONSTRAINT_FIRST;
  if (from_end > BEHIND + 1) return LOCI_ROLE_CONSTRAINT_MIDDLE;
  if (from_end == BEHIND + 1) return LOCI_ROLE_CONSTRAINT_LAST;
  if (from_end == BEHIND) return LOCI_ROLE_AFTER_FIRST;
  return from_end > 1 ? LOCI_ROLE_AFTER_MIDDLE : LOCI_ROLE_LAST;
}

loci_status bench_prompt(const loci_model *m, loci_prompt *p, loci_err *err) {
  const model_config *c = &m->weights->config;
  p->picture.shape = model_usual_shape(m);
  p->image = layout_of(c, &p->picture.shape);
  bool outside = c->text.cross != NULL; /* then a token stands for it */
  int rows = p->image.count, P = outside ? 0 : rows, T = BEFORE + P + outside + AFTER;
  int64_t W = input_width(&c->text);
  loci_token *tokens = arena_zarray(p->mem, T, loci_token);
  loci_constraint *constraint = arena_zarray(p->mem, 1, loci_constraint);
  p->ids = arena_zarray(p->mem, T, int);
  /* products write whole blocks of rows */
  p->embeds = arena_zarray(p->mem, (BEFORE + product_rows(P) + 1 + AFTER) * W, float);
  if (outside) p->projected = arena_zarray(p->mem, product_rows(rows) * W, float);
  if (outside && !p->projected) return fail_nomem(err, "making a question");
  if (!tokens || !constraint || !p->ids || !p->embeds) return fail_nomem(err, "making a question");
  random_source r = random_new(2);
  int64_t V = m->weights->embed.rows < c->text.vocab ? m->weights->embed.rows : c->text.vocab;
  for (int i = 0; i < T; i++) {
    tokens[i].role = role_of(i, T, P);
    tokens[i].text = "";
    if (tokens[i].role == LOCI_ROLE_IMAGE) continue;
    tokens[i].id = p->ids[i] = (int)random_below(&r, V);
    embed_token(m, p->ids[i], p->embeds + i * W);
  }
  *constraint = (loci_constraint){
      .text = "", .kind = "visual", .first = T - CONSTRAINT - BEHIND, .count = CONSTRAINT};
  p->info = (loci_prompt_info){.text = "",
                               .question = "",
                               .template_name = "",
                               .length = T,
                               .tokens = tokens,
                               .image_first = P ? BEFORE : -1,
                               .image_count = P,
                               .image_view_count = p->image.view_count,
                               .image_views = p->image.views,
                               .source_count = outside ? rows : 0,
                               .source_seen = outside ? view_rows(&p->image.views[0]) : 0,
                               .source_from = outside ? BEFORE : 0,
                               .constraint_count = 1,
                               .constraints = constraint};
  TRY(prompt_place_rows(p, err));
  return check_length(m, T, "the question", err);
}

/* ---------------------------------------------------------------- tokens */

static void ignore_logits(void *ctx, int64_t index, const float *logits) {
  (void)ctx;
  (void)index;
  (void)logits;
}

static loci_status step(walk *w, kv_cache *cache, input rows, double *seconds, loci_err *err) {
  int s;
  double begin = clock_seconds();
  walk_clear(w);
  TRY(walk_continue(w, cache, rows, &s, err));
  TRY(walk_want(w, s, kv_cache_length(cache) + rows.count - 1, err));
  TRY(walk_run(w, &(walk_hooks){.logits = ignore_logits}, err));
  *seconds = clock_seconds() - begin;
  return LOCI_OK;
}

/* Bytes of all matrices that a token is multiplied with. */
static double bytes_of_token(const loci_model *m) {
  const weight *head = &m->weights->head.w;
  double bytes = (double)dtype_size(head->type, head->rows * head->cols);
  for (int i = 0; i < model_decoder(m)->layers; i++) {
    const decoder_layer *l = &m->weights->layers[i];
    const weight *all[] = {&l->q.w, &l->k.w, &l->v.w, &l->o.w, &l->gate.w, &l->up.w, &l->down.w};
    for (int k = 0; k < 7; k++) {
      if (all[k]->data) bytes += (double)dtype_size(all[k]->type, all[k]->rows * all[k]->cols);
    }
  }
  return bytes;
}

/* The best token counts: the first one after the prompt pays for pages touched for the first
 * time. */
static loci_status answer(const loci_model *m, const loci_prompt *p, loci_scale *out,
                          loci_err *err) {
  kv_cache *cache;
  walk *w = NULL;
  int T = p->info.length;
  double best = 0;
  TRY(kv_cache_new(m, T + TOKENS, &cache, err));
  loci_status st = walk_new(m, &w, err);
  if (!st) st = step(w, cache, prompt_input(p), &out->first_token_seconds, err);
  for (int i = 0; !st && i < TOKENS; i++) {
    double seconds = 0;
    st = step(w, cache, (input){.rows = p->embeds, .count = 1, .sources = p->sources}, &seconds,
              err);
    if (i == 0 || seconds < best) best = seconds;
  }
  walk_free(w);
  kv_cache_free(cache);
  out->token_seconds = best;
  if (!st) out->token_bytes_per_s = bytes_of_token(m) / best;
  return st;
}

/* All threads together, from memory that no cache holds. */
static loci_status measure_reading(int threads, double *out, loci_err *err) {
  enum { NUMBERS = 1 << 25, PIECES = 1 << 10, PIECE = NUMBERS / PIECES }; /* 256 MiB */
  uint64_t *x = malloc(NUMBERS * sizeof *x), sum = 0;
  if (!x) return fail_nomem(err, "measuring memory");
  for (int64_t i = 0; i < NUMBERS; i++) x[i] = (uint64_t)i;
  double best = 0;
  for (int pass = 0; pass < REPEATS; pass++) {
    double begin = clock_seconds();
#pragma omp parallel for num_threads(threads) schedule(static)
    for (int p = 0; p < PIECES; p++) { /* clang would export the lock of a reduction */
      uint64_t of_piece = 0;
      for (int i = 0; i < PIECE; i++) of_piece += x[(int64_t)p * PIECE + i];
#pragma omp atomic
      sum += of_piece;
    }
    double rate = (double)NUMBERS * sizeof *x / (clock_seconds() - begin);
    if (rate > best) best = rate;
  }
  *out = sum > 0 ? best : 0;
  free(x);
  return LOCI_OK;
}

/* ---------------------------------------------------------------- the whole */

/* The mean as corruption, because random tokens have no constraint's words to replace; its cost
 * is that of any other. */
static loci_status run_trace(const loci_model *m, const loci_prompt *p, loci_progress_fn progress,
                             void *ctx, loci_scale *out, loci_err *err) {
  loci_trace *t;
  loci_trace_opts opts = {.size = sizeof opts,
                          .corrupt = "mean",
                          .no_hash = true,
                          .progress = progress,
                          .progress_ctx = ctx};
  TRY(loci_trace_new(m, p, &opts, &t, err));
  out->cost = t->cost;
  for (int i = 0; i < t->grid_count; i++) {
    int64_t n = (int64_t)t->grids[i].layer_count * t->grids[i].column_count;
    out->cells += n;
    for (int64_t k = 0; k < n; k++) out->cells_run += !t->grids[i].skipped[k];
  }
  loci_free(t);
  return LOCI_OK;
}

/* The largest parts come last, so that what is said on the way says early whether to wait. */
static loci_status measure(const loci_model *m, loci_prompt *p, loci_progress_fn progress,
                           void *ctx, loci_scale *out, loci_err *err) {
  const decoder_config *c = model_decoder(m);
  loci_bench sizes = {.width = c->width,
                      .inner = c->inner,
                      .heads = c->heads,
                      .kv_heads = c->kv_heads,
                      .rows = ROWS,
                      .threads = m->threads};
  TRY(bench_prompt(m, p, err));
  if (m->weights->config.has_vision) TRY(see_picture(m, p, out, err));
  TRY(answer(m, p, out, err));
  TRY(measure_reading(m->threads, &out->read_bytes_per_s, err));
  TRY(run_trace(m, p, progress, ctx, out, err));
  out->positions = p->info.length;
  out->base_rows = (int64_t)c->layers * (p->info.length + CONSTRAINT + BEHIND);
  if (m->device) return device_rate(m->device, &out->product_flop_per_s, err);
  return bench_product_rate(&sizes, m->compute_type, REPEATS, &out->product_flop_per_s, err);
}

loci_status loci_scale_run(const loci_model *m, loci_progress_fn progress, void *ctx,
                           loci_scale **out, loci_err *err) {
  NEEDS(out, "place for the result");
  *out = NULL;
  NEEDS(m, "model");
  struct rusage used;
  loci_prompt p = {.model = m, .mem = arena_new()};
  loci_scale s = {.model = &m->info,
                  .precision = dtype_name(m->compute_type),
                  .cpu = kernels_choose()->name,
                  .engine = product_engine(),
                  .threads = m->threads};
  if (!p.mem) return fail_nomem(err, "measuring");
  loci_status st = measure(m, &p, progress, ctx, &s, err);
  arena_free(p.mem);
  if (st) return st;
  if (getrusage(RUSAGE_SELF, &used) == 0) s.peak_bytes = (int64_t)used.ru_maxrss * 1024;
  s.share = s.cost.flop / s.cost.seconds / s.product_flop_per_s;
  TRY(result_copy(LOCI_KIND_SCALE, &s, sizeof s, (void **)out, err));
  command_words words = command_of("bench", m);
  words.more = " --scale";
  js_value *request = js_object();
  request_put_model(&request, m);
  return request_tell_of(&words, request, (loci_result **)out, err);
}
