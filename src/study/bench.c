/* loci bench: how close a walk comes to the matrix products it consists of.
 *
 * A decoder with random weights is made in memory; a walk of one root and many short children runs
 * over it; then the same products run alone, at the same shapes.  The share of the two rates is
 * what the walk loses to norms, attention, activations and bookkeeping.  Weights and inputs are
 * random and not zero: zeros would flatter some CPUs. */
#include <math.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>

#include "base/options.h"
#include "base/clock.h"
#include "base/random.h"
#include "base/result.h"
#include "base/threads.h"
#include "model/command.h"
#include "study/bench.h"
#include "tensor/kernels.h"
#include "tensor/product.h"
#include "walk/walk.h"

enum { ROOT = 256, CHILD = 24, VOCAB = 16, MATRICES = 7, LAYERS = 4, REPEATS = 5 };

typedef struct rig {
  loci_model model;
  checkpoint weights;
  arena *mem;
  linear_weights *all[MATRICES]; /* of layer 0, in the order of use */
  float *embeds;
  int children;
} rig;

/* A random weight of the benchmark's type; one block of numbers is repeated, which no kernel can
 * notice. */
static loci_status random_weight(rig *r, int64_t rows, int64_t cols, weight *out, loci_err *err) {
  enum { BLOCK = 4099 };
  static const char name[] = "random";
  dtype type = r->model.compute_type;
  size_t size = dtype_bytes(type);
  uint8_t *data = arena_alloc(r->mem, rows, (size_t)cols * size);
  if (!data) return fail_nomem(err, "making weights");
  random_source source = random_new((uint64_t)(rows * 31 + cols));
  float block[BLOCK], scale = (float)(1 / sqrt((double)cols));
  uint16_t half[BLOCK];
  for (int i = 0; i < BLOCK; i++) block[i] = (float)random_gaussian(&source) * scale;
  dtype_to_bf16(DTYPE_F32, block, half, BLOCK);
  const void *from = type == DTYPE_BF16 ? (const void *)half : block;
  for (int64_t i = 0; i < rows * cols; i += BLOCK) {
    int64_t n = rows * cols - i < BLOCK ? rows * cols - i : BLOCK;
    memcpy(data + (size_t)i * size, from, (size_t)n * size);
  }
  *out = (weight){.name = name, .data = data, .type = type, .rows = rows, .cols = cols};
  return LOCI_OK;
}

/* Every matrix is its own memory, as in a checkpoint: reusing one would leave it in the cache
 * and flatter the walk. */
static loci_status make_layer(rig *r, decoder_layer *l, loci_err *err) {
  const decoder_config *c = &r->weights.config.text;
  int64_t D = c->width, F = c->inner, HK = (int64_t)c->heads * c->head_dim;
  int64_t GK = (int64_t)c->kv_heads * c->head_dim;
  TRY(random_weight(r, 1, D, &l->norm1.w, err));
  TRY(random_weight(r, 1, D, &l->norm2.w, err));
  TRY(random_weight(r, HK, D, &l->q.w, err));
  TRY(random_weight(r, GK, D, &l->k.w, err));
  TRY(random_weight(r, GK, D, &l->v.w, err));
  TRY(random_weight(r, D, HK, &l->o.w, err));
  TRY(random_weight(r, F, D, &l->gate.w, err));
  TRY(random_weight(r, F, D, &l->up.w, err));
  return random_weight(r, D, F, &l->down.w, err);
}

static loci_status check_opts(const loci_bench *b, loci_err *err) {
  bool sane = b->layers >= 1 && b->layers <= 256 && b->width >= 16 && b->width <= 65536 &&
              b->inner >= 16 && b->inner <= 262144 && b->heads >= 1 && b->kv_heads >= 1 &&
              b->rows >= 1 && b->rows <= 1 << 20;
  if (!sane || b->width % b->heads || b->heads % b->kv_heads || b->width / b->heads % 2) {
    return fail(err, LOCI_EINVAL,
                "bench: %d layers, width %d, inner %d, %d heads, %d kv heads, %d rows do not make "
                "a decoder",
                b->layers, b->width, b->inner, b->heads, b->kv_heads, b->rows);
  }
  return LOCI_OK;
}

/* A model without tokenizer, tower or file: what the walk reads and no more. */
static loci_status rig_init(rig *r, const loci_bench *b, dtype type, loci_err *err) {
  *r = (rig){.mem = arena_new()};
  if (!r->mem) return fail_nomem(err, "making a decoder");
  r->model.compute_type = type;
  r->model.threads = b->threads;
  r->model.weights = &r->weights;
  r->weights.config.text = (decoder_config){.vocab = VOCAB,
                                            .width = b->width,
                                            .inner = b->inner,
                                            .layers = b->layers,
                                            .heads = b->heads,
                                            .kv_heads = b->kv_heads,
                                            .head_dim = b->width / b->heads,
                                            .rotary_dim = b->width / b->heads,
                                            .max_positions = ROOT,
                                            .eps = 1e-5,
                                            .norm = NORM_RMS,
                                            .act = ACT_SILU,
                                            .gated = true,
                                            .rope = {.theta = 1e4}};
  r->weights.layers = arena_zarray(r->mem, b->layers, decoder_layer);
  r->embeds = arena_array(r->mem, (int64_t)ROOT * b->width, float);
  if (!r->weights.layers || !r->embeds) return fail_nomem(err, "making a decoder");
  for (int l = 0; l < b->layers; l++) TRY(make_layer(r, &r->weights.layers[l], err));
  TRY(random_weight(r, 1, b->width, &r->weights.final_norm.w, err));
  TRY(random_weight(r, VOCAB, b->width, &r->weights.head.w, err));
  random_source source = random_new(1);
  for (int64_t i = 0; i < (int64_t)ROOT * b->width; i++) {
    r->embeds[i] = (float)random_gaussian(&source);
  }
  r->children = b->rows > ROOT ? (b->rows - ROOT) / CHILD : 0;
  decoder_layer *l = r->weights.layers;
  linear_weights *all[MATRICES] = {&l->q, &l->k, &l->v, &l->o, &l->gate, &l->up, &l->down};
  memcpy(r->all, all, sizeof all);
  return LOCI_OK;
}

static void ignore_logits(void *ctx, int64_t index, const float *logits) {
  (void)ctx;
  (void)index;
  (void)logits;
}

/* One walk; every row's logits are asked for, so that no layer is pruned. */
static loci_status run_walk(const rig *r, const loci_bench *b, loci_bench *out, loci_err *err) {
  walk *w;
  int root, child, length = b->rows < ROOT ? b->rows : ROOT;
  TRY(walk_new(&r->model, &w, err));
  loci_status st = LOCI_OK;
  TRY_DONE(walk_root(w, input_rows(r->embeds, length), &root, err));
  for (int p = 0; p < length; p++) TRY_DONE(walk_want(w, root, p, err));
  for (int i = 0; i < r->children; i++) {
    TRY_DONE(walk_child(w, root, &child, err));
    int first = length - CHILD;
    TRY_DONE(walk_embed(w, child, first, r->embeds + (int64_t)(i % first) * b->width, err));
    for (int p = first; p < length; p++) TRY_DONE(walk_want(w, child, p, err));
  }
  double begin = clock_seconds();
  TRY_DONE(walk_run(w, &(walk_hooks){.logits = ignore_logits}, err));
  double seconds = clock_seconds() - begin, rate = walk_flop(w) / seconds;
  if (rate > out->walk_flop_per_s) {
    out->walk_flop_per_s = rate;
    out->walk_seconds = seconds;
  }
done:
  walk_free(w);
  return st;
}

/* The walk's products of one layer, alone. */
static loci_status run_products(const rig *r, const loci_bench *b, loci_bench *out, loci_err *err) {
  product *p;
  double flop = 0, begin = 0;
  int64_t widest = b->inner > b->width ? b->inner : b->width, rows = product_rows(b->rows);
  arena *mem = arena_new();
  if (!mem) return fail_nomem(err, "multiplying");
  weight x = {0};
  loci_status st = product_new(r->model.compute_type, r->model.threads, &p, err);
  if (st) {
    arena_free(mem);
    return st;
  }
  rig room = {.mem = mem, .model = {.compute_type = r->model.compute_type}};
  TRY_DONE(random_weight(&room, rows, widest, &x, err));
  float *y = arena_zarray(mem, rows * widest, float);
  if (!y) {
    st = fail_nomem(err, "multiplying");
    goto done;
  }
  for (int pass = 0; pass < 2; pass++) { /* the first compiles and warms up */
    begin = clock_seconds();
    flop = 0;
    for (int i = 0; i < MATRICES; i++) {
      const weight *w = &r->all[i]->w;
      product_shape shape = {.M = b->rows, .N = w->rows, .K = w->cols, .ldy = w->rows};
      TRY_DONE(product_run(p, shape, x.data, w->data, y, err));
      flop += 2.0 * b->rows * (double)w->rows * (double)w->cols;
    }
  }
  double rate = flop / (clock_seconds() - begin);
  if (rate > out->product_flop_per_s) out->product_flop_per_s = rate;
done:
  product_free(p);
  arena_free(mem);
  return st;
}

loci_status bench_product_rate(const loci_bench *sizes, dtype type, int repeats, double *out,
                               loci_err *err) {
  loci_bench b = *sizes;
  rig r;
  b.layers = 1;
  b.product_flop_per_s = 0;
  loci_status st = check_opts(&b, err);
  if (st) return st;
  st = rig_init(&r, &b, type, err);
  for (int i = 0; !st && i < repeats; i++) st = run_products(&r, &b, &b, err);
  arena_free(r.mem);
  *out = b.product_flop_per_s;
  return st;
}

/* The sizes in full, whatever model they came from; how many layers no option says. */
static loci_status tell(loci_bench **out, int repeats, loci_err *err) {
  const loci_bench *b = *out;
  command_words words = {.name = "bench", .threads = b->threads, .cannot = b->layers != LAYERS};
  js_value *request = js_object();
  js_put(&request, "rows", js_int(b->rows));
  js_put(&request, "width", js_int(b->width));
  js_put(&request, "inner", js_int(b->inner));
  js_put(&request, "heads", js_int(b->heads));
  js_put(&request, "kv_heads", js_int(b->kv_heads));
  js_put(&request, "repeats", js_int(repeats));
  js_put(&request, "precision", js_text(b->precision));
  return request_tell_of(&words, request, (loci_result **)out, err);
}

loci_status loci_bench_run(const loci_bench_opts *opts, loci_bench **out, loci_err *err) {
  NEEDS(out, "place for the result");
  *out = NULL;
  loci_bench_opts o;
  TRY(options_take(loci_bench_opts, &o, opts, err));
  loci_bench b = {.layers = o.layers ? o.layers : LAYERS,
                  .width = o.width ? o.width : 2048,
                  .inner = o.inner ? o.inner : 5504,
                  .heads = o.heads ? o.heads : 16,
                  .rows = o.rows ? o.rows : 2048,
                  .threads = o.threads > 0 ? o.threads : omp_get_max_threads()};
  TRY(threads_check(b.threads, err));
  if (b.threads > 1) threads_used();
  b.kv_heads = o.kv_heads ? o.kv_heads : b.heads;
  int repeats = o.repeats > 0 ? o.repeats : REPEATS;
  bool bf16 = o.precision == LOCI_PRECISION_BF16 ||
              (o.precision == LOCI_PRECISION_AUTO && product_has_bf16());
  TRY(check_opts(&b, err));
  b.precision = bf16 ? "bf16" : "f32";
  b.cpu = kernels_choose()->name;
  b.engine = product_engine();
  rig r;
  loci_status st = rig_init(&r, &b, bf16 ? DTYPE_BF16 : DTYPE_F32, err);
  for (int i = 0; !st && i < repeats; i++) { /* in turn, so that both see the same machine */
    if (o.progress && !o.progress(o.progress_ctx, "bench", i, repeats)) {
      st = fail(err, LOCI_ECANCELLED, "cancelled");
      break;
    }
    st = run_products(&r, &b, &b, err);
    if (!st) st = run_walk(&r, &b, &b, err);
  }
  arena_free(r.mem);
  if (st) return st;
  b.share = b.walk_flop_per_s / b.product_flop_per_s;
  TRY(result_copy(LOCI_KIND_BENCH, &b, sizeof b, (void **)out, err));
  return tell(out, repeats, err);
}
