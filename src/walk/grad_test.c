/* The backward pass of whole decoders: against central differences of the forward pass, and by
 * laws: a child that computes only what differs has the gradients of a root that computes
 * everything, and a resumed run those of a run from the beginning. */
#include "walk/grad.h"
#include "base/names.h"
#include "tensor/backward.h"
#include "walk/trees_test.h"

static const char *const decoders[] = {"text-llama",       "llava-clip-llama-bf16",
                                       "llava-siglip-phi", "text-phi",
                                       "qwen2-5-vl",       "text-qwen3",
                                       "text-phi3",        "text-gemma2",
                                       "text-gemma3",      "text-gpt2",
                                       "qwen3-vl",         "gemma3",
                                       "paligemma"};
enum { DECODERS = 13, MOST_ASKED = 512 };

/* A gradient that is asked for, and where it goes in each of two walks. */
typedef struct asked {
  int stream, layer;
  loci_site site;
  walk_span at;
  float *grad;
  int64_t n;
} asked;

typedef struct problem {
  scenario s;
  int asked_count;
  asked asked[MOST_ASKED];
  int want_count;
  int want_stream[MOST_STREAMS], want_position[MOST_STREAMS];
} problem;

static loci_model *open_named(const char *name) {
  char dir[500];
  snprintf(dir, sizeof dir, "%s%s", MODELS, name);
  return open_f32(dir);
}

static bool has_gradient(const loci_model *m, loci_site site) {
  if (site == LOCI_SITE_PATTERN || site >= LOCI_SITE_FINAL_NORM) return false;
  return site != LOCI_SITE_RESID_MID || !model_decoder(m)->parallel;
}

static void ask(problem *c, int stream, loci_site site, int layer, walk_span at) {
  assert_in_range(c->asked_count, 0, MOST_ASKED - 1);
  int64_t n = at.count * site_width(c->s.m, site);
  c->asked[c->asked_count++] = (asked){stream, layer, site, at, room(n), n};
}

static void free_asked(problem *c) {
  for (int i = 0; i < c->asked_count; i++) free(c->asked[i].grad);
}

static int target_of(const loci_model *m, int64_t index) {
  return (int)((index * 37 + 5) % model_decoder(m)->vocab);
}

/* The loss: a weighted sum of log-probabilities, one token for each wanted position. */
static double weight_of(int64_t index) { return 1 + 0.5 * (double)(index % 3); }

static void slope(void *ctx, int64_t index, const float *logits, float *out) {
  const problem *c = ctx;
  logp_backward(out, logits, model_decoder(c->s.m)->vocab, target_of(c->s.m, index),
                weight_of(index));
}

typedef struct total {
  const problem *c;
  int stream; /* whose loss is added up */
  double loss;
} total;

static void add_loss(void *ctx, int64_t index, const float *logits) {
  total *t = ctx;
  if (t->c->want_stream[index] != t->stream) return;
  int V = model_decoder(t->c->s.m)->vocab;
  float *unused = room(V);
  t->loss += weight_of(index) * logp_backward(unused, logits, V, target_of(t->c->s.m, index), 1);
  free(unused);
}

static void add_wants(walk *w, const problem *c) {
  loci_err err;
  for (int i = 0; i < c->want_count; i++) {
    must(walk_want(w, c->want_stream[i], c->want_position[i], &err), &err);
  }
}

static void add_grads(walk *w, const problem *c) {
  loci_err err;
  for (int i = 0; i < c->asked_count; i++) {
    const asked *a = &c->asked[i];
    must(walk_grad(w, a->stream, a->site, a->layer, a->at, a->grad, &err), &err);
  }
}

static void no_logits(void *ctx, int64_t index, const float *logits) {
  (void)ctx;
  (void)index;
  (void)logits;
}

static void run_backward(problem *c, bool flat, int64_t *forward_rows, int64_t *rows) {
  loci_err err;
  walk *w = build_walk(&c->s, flat);
  add_wants(w, c);
  add_grads(w, c);
  must(walk_run(w, &(walk_hooks){.logits = no_logits}, &err), &err);
  if (forward_rows) *forward_rows = walk_rows(w);
  must(walk_backward(w, slope, c, NULL, &err), &err);
  if (rows) *rows = walk_rows(w) - *forward_rows;
  walk_free(w);
}

/* The stream's loss with [values] added to a site of it; every stream a root. */
static double loss_with(const problem *c, int stream, walk_patch patch) {
  loci_err err;
  walk *w = build_walk(&c->s, true);
  add_wants(w, c);
  if (patch.values) must(walk_patch_add(w, stream, &patch, &err), &err);
  total t = {.c = c, .stream = stream};
  must(walk_run(w, &(walk_hooks){.logits = add_loss, .logits_ctx = &t, .ordered = c->want_count},
                &err),
       &err);
  walk_free(w);
  return t.loss;
}

/* ---------------------------------------------------------------- central differences */

/* The slope along a random direction of length 1, at one position of an asked-for gradient.  A loss
 * of size 10 in f32 is good to some 1e-6, so a step of 0.05 leaves 2e-5 of noise in the slope; the
 * curvature adds as much as 1e-3 of the gradient's length. */
static void check_slope(problem *c, const asked *a, int k, random_source *r) {
  int64_t n = site_width(c->s.m, a->site);
  float *u = room(n), *step = room(n);
  double length = 0, along = 0, size = 0;
  const float *grad = a->grad + k * n;
  for (int64_t i = 0; i < n; i++) {
    u[i] = (float)random_gaussian(r);
    length += (double)u[i] * (double)u[i];
  }
  for (int64_t i = 0; i < n; i++) {
    u[i] = (float)((double)u[i] / sqrt(length));
    along += (double)u[i] * (double)grad[i];
    size += (double)grad[i] * (double)grad[i];
  }
  double loss[2], eps = 0.05;
  for (int side = 0; side < 2; side++) {
    for (int64_t i = 0; i < n; i++) step[i] = (float)((side ? -eps : eps) * (double)u[i]);
    loss[side] = loss_with(c, a->stream,
                           (walk_patch){.site = a->site,
                                        .layer = a->layer,
                                        .position = a->at.first + k,
                                        .head = -1,
                                        .source = -1,
                                        .values = step,
                                        .add = true});
  }
  double slope_seen = (loss[0] - loss[1]) / (2 * eps);
  if (!(fabs(slope_seen - along) <= 5e-3 * sqrt(size) + 5e-5)) {
    fail_msg("stream %d, %s.%d, position %d: the gradient says %g of %g, the loss %g", a->stream,
             site_name(a->site), a->layer, a->at.first + k, along, sqrt(size), slope_seen);
  }
  free(u);
  free(step);
}

/* A root and a child of it with another input row, a cut edge, an added value, and values put in
 * the place of others at every site. */
static void two_streams(problem *c, const loci_model *m, int T, const float *clean,
                        const float *other) {
  const decoder_config *d = model_decoder(m);
  *c = (problem){.s = {.m = m, .T = T, .embeds = clean}};
  add_run(&c->s, -1);
  add_run(&c->s, 0);
  add_embed(&c->s, 1, 3, other + 3 * input_width(d));
  add_op(&c->s,
         (op){.kind = OP_MASK, .stream = 1, .layer = 1, .position = 6, .first = 2, .count = 2});
  add_patch(&c->s, 1,
            (walk_patch){.site = LOCI_SITE_Z, .layer = 1, .position = 5, .head = 1, .source = 0});
  add_patch(&c->s, 1,
            (walk_patch){.site = LOCI_SITE_MLP_OUT,
                         .layer = 2,
                         .position = 4,
                         .head = -1,
                         .source = -1,
                         .values = other,
                         .add = true});
  for (int site = 0; site < LOCI_SITE_COUNT; site++) {
    if (!has_gradient(m, (loci_site)site)) continue;
    add_patch(&c->s, 1,
              (walk_patch){.site = (loci_site)site,
                           .layer = 1 + site % 2,
                           .position = 3 + site % 4,
                           .head = -1,
                           .source = 0});
  }
  static const int streams[] = {0, 0, 1, 1}, back[] = {1, 3, 1, 2};
  c->want_count = 4;
  for (int i = 0; i < 4; i++) {
    c->want_stream[i] = streams[i];
    c->want_position[i] = T - back[i];
  }
}

static void check_decoder(const char *name, int T, int stride) {
  loci_model *m = open_named(name);
  int L = model_decoder(m)->layers;
  float *clean = token_rows_of(m, T, 5), *other = token_rows_of(m, T, 211);
  static problem c;
  two_streams(&c, m, T, clean, other);
  for (int s = 0; s < 2; s++) {
    for (int site = 0; site < LOCI_SITE_COUNT; site++) {
      if (!has_gradient(m, (loci_site)site)) continue;
      for (int l = 0; l < L; l++)
        ask(&c, s, (loci_site)site, l, (walk_span){s ? 3 : 0, T - (s ? 3 : 0)});
    }
  }
  run_backward(&c, false, NULL, NULL);
  random_source r = random_new(4);
  int turn = 0;
  for (int i = 0; i < c.asked_count; i++) {
    for (int k = 0; k < c.asked[i].at.count; k++) {
      if (turn++ % stride == 0) check_slope(&c, &c.asked[i], k, &r);
    }
  }
  free_asked(&c);
  free(clean);
  free(other);
  loci_model_close(m);
}

static void every_site_of_every_decoder_has_its_slope(void **state) {
  (void)state;
  for (int i = 0; i < DECODERS; i++) check_decoder(decoders[i], 19, 9);
  check_decoder("llava-clip-llama", 9, 3);
}

static void the_plain_kernels_have_the_same_slopes(void **state) {
  (void)state;
  setenv("LOCI_KERNELS", "ref", 1);
  check_decoder("text-phi", 8, 7);
  check_decoder("text-llama", 8, 11);
  unsetenv("LOCI_KERNELS");
}

/* ---------------------------------------------------------------- laws */

/* Gradients are sums of as many terms as the logits and pass through as many layers again. */
static const double GRADIENT_TOLERANCE = 5e-5;

static void ask_at_random(problem *c, dice *d) {
  const loci_model *m = c->s.m;
  for (int i = 0; i < c->s.stream_count; i++) {
    for (int k = roll(d, 3); k > 0 && c->want_count < MOST_STREAMS; k--) {
      c->want_stream[c->want_count] = i;
      c->want_position[c->want_count++] = roll(d, c->s.T);
    }
    for (int k = roll(d, 5); k > 0; k--) {
      loci_site site = (loci_site)roll(d, LOCI_SITE_COUNT);
      int first = roll(d, c->s.T);
      walk_span at = {first, 1 + roll(d, c->s.T - first)};
      if (has_gradient(m, site)) ask(c, i, site, roll(d, model_decoder(m)->layers), at);
    }
  }
}

/* A tree's streams as children have the gradients they have as roots; logits stay the same, too. */
static void check_trees(const char *name, int trees, int longest) {
  loci_model *m = open_named(name);
  static dice d;
  static problem branch, flat;
  d = (dice){.r = random_new(8), .value_count = 20000, .no_patterns = true};
  d.values = room(d.value_count);
  for (int64_t i = 0; i < d.value_count; i++) d.values[i] = (float)random_gaussian(&d.r);
  for (int i = 0; i < trees; i++) {
    int T = 1 + roll(&d, longest);
    float *embeds = token_rows_of(m, T, i), *others = token_rows_of(m, T, i + 1000);
    random_tree(&d, m, T, embeds, i % 2 ? others : NULL);
    branch = (problem){.s = d.s};
    ask_at_random(&branch, &d);
    flat = branch;
    for (int k = 0; k < flat.asked_count; k++) flat.asked[k].grad = room(flat.asked[k].n);
    run_backward(&branch, false, NULL, NULL);
    run_backward(&flat, true, NULL, NULL);
    for (int k = 0; k < flat.asked_count; k++) {
      const asked *a = &branch.asked[k], *b = &flat.asked[k];
      double most = largest(b->grad, b->n), apart = distance(a->grad, b->grad, b->n);
      if (most < 1e-7) apart = largest(a->grad, a->n); /* the loss cannot be reached from there */
      if (apart <= GRADIENT_TOLERANCE) continue;
      fail_msg("%s, tree %d, stream %d, %s.%d from %d: %g apart", name, i, a->stream,
               site_name(a->site), a->layer, a->at.first, apart);
    }
    free_asked(&branch);
    free_asked(&flat);
    free(embeds);
    free(others);
  }
  free(d.values);
  loci_model_close(m);
}

static void children_have_the_gradients_of_full_runs(void **state) {
  (void)state;
  for (int i = 0; i < DECODERS; i++) check_trees(decoders[i], 24, 36);
}

/* A run that begins in the middle of the model, on the keys and values of a run before. */
typedef struct resumed {
  const loci_model *m;
  kv_cache *cache;
  float *rows; /* resid_pre of the layer, positions from [first] on */
  int T, first, at, layer;
} resumed;

static void resume(const resumed *r, const problem *c, const float *delta, float *grad,
                   float *logits) {
  loci_err err;
  walk *w;
  int s;
  must(walk_new(r->m, &w, &err), &err);
  input rows = placed_rows(r->m, c->s.embeds, r->T, r->first);
  rows.state = r->rows;
  must(walk_resume(w, r->cache, r->first, r->layer, rows, &s, &err), &err);
  must(walk_patch_add(w, s,
                      &(walk_patch){.site = LOCI_SITE_RESID_PRE,
                                    .layer = r->layer,
                                    .position = r->at,
                                    .head = -1,
                                    .source = -1,
                                    .values = delta,
                                    .add = true},
                      &err),
       &err);
  must(walk_want(w, s, r->T - 1, &err), &err);
  must(walk_grad(w, s, LOCI_SITE_RESID_PRE, r->layer, (walk_span){r->at, 1}, grad, &err), &err);
  logit_rows k = {.rows = logits, .V = model_decoder(r->m)->vocab};
  must(walk_run(w, &(walk_hooks){.logits = keep_logits, .logits_ctx = &k, .ordered = 1}, &err),
       &err);
  must(walk_backward(w, slope, (void *)(uintptr_t)c, NULL, &err), &err);
  /* three times the rows that the change reaches, way back included; less in the last layer */
  int64_t reach = (int64_t)(r->T - r->first) * (model_decoder(r->m)->layers - r->layer);
  assert_in_range(walk_rows(w), reach, 3 * reach);
  assert_int_equal(kv_cache_length(r->cache), r->first);
  walk_free(w);
}

static void check_resumed(const char *name) {
  enum { T = 21, FIRST = 6, LAYER = 0 }; /* parts of rows come above it, too */
  loci_err err;
  loci_model *m = open_named(name);
  int64_t D = model_decoder(m)->width, V = model_decoder(m)->vocab;
  float *embeds = token_rows_of(m, T, 5), *delta = token_rows_of(m, 1, 99), *rows = room(T * D);
  int first = mutual_first(mutual_of(m, T), FIRST); /* what the change at FIRST reaches */
  resumed r = {
      .m = m, .T = T, .first = first, .at = FIRST, .layer = LAYER + 1, .rows = rows + first * D};
  must(kv_cache_new(m, T, &r.cache, &err), &err);
  walk *w;
  int s;
  must(walk_new(m, &w, &err), &err);
  must(walk_continue(w, r.cache, placed_rows(m, embeds, T, 0), &s, &err), &err);
  must(walk_record(w, s, LOCI_SITE_RESID_POST, LAYER, rows, &err), &err);
  must(walk_run(w, NULL, &err), &err);
  walk_free(w);
  static problem c;
  c = (problem){.s = {.m = m, .T = T, .embeds = embeds}, .want_count = 1, .want_position = {T - 1}};
  add_run(&c.s, -1);
  walk_patch patch = {.site = LOCI_SITE_MLP_OUT,
                      .layer = LAYER,
                      .position = FIRST,
                      .head = -1,
                      .source = -1,
                      .values = delta,
                      .add = true};
  add_patch(&c.s, 0, patch);
  ask(&c, 0, LOCI_SITE_MLP_OUT, LAYER, (walk_span){FIRST, 1});
  run_backward(&c, true, NULL, NULL);
  float *logits = run_logits(&c.s, true, T - 1, NULL), *again = room(V), *grad = room(D);
  for (int step = 0; step < 3; step++) { /* the cache is as good as new every time */
    resume(&r, &c, delta, grad, again);
    assert_true(distance(again, logits, V) <= TOLERANCE);
    assert_true(distance(grad, c.asked[0].grad, D) <= GRADIENT_TOLERANCE);
  }
  kv_cache_free(r.cache);
  float *all[] = {embeds, delta, rows, logits, again, grad};
  for (int i = 0; i < 6; i++) free(all[i]);
  free_asked(&c);
  loci_model_close(m);
}

static void a_resumed_run_is_the_end_of_a_whole_one(void **state) {
  (void)state;
  for (int i = 0; i < DECODERS; i++) check_resumed(decoders[i]);
}

/* The way back costs two rows for each row between the first site asked for and the last logits
 * wanted, whatever else the walk computes. */
static void the_way_back_goes_no_further_than_it_must(void **state) {
  (void)state;
  enum { T = 20, FIRST = 12, WANT = 17, LAYER = 1 };
  loci_model *m = open_named("text-llama");
  int L = model_decoder(m)->layers;
  float *embeds = token_rows_of(m, T, 5);
  static problem c;
  c = (problem){.s = {.m = m, .T = T, .embeds = embeds}, .want_count = 1, .want_position = {WANT}};
  add_run(&c.s, -1);
  ask(&c, 0, LOCI_SITE_MLP_OUT, LAYER, (walk_span){FIRST, 1});
  int64_t forward, back, reach = (int64_t)(WANT + 1 - FIRST) * (L - 1 - LAYER);
  run_backward(&c, true, &forward, &back);
  assert_int_equal(back, 2 * reach);
  ask(&c, 0, LOCI_SITE_RESID_PRE, 0, (walk_span){0, T});
  run_backward(&c, true, &forward, &back);
  assert_int_equal(back, 2 * (int64_t)(WANT + 1) * L);
  free_asked(&c);
  free(embeds);
  loci_model_close(m);
}

static void requests_that_make_no_sense_are_refused(void **state) {
  (void)state;
  loci_err err;
  loci_model *m = open_named("text-phi");
  float *embeds = token_rows_of(m, 5, 5), out[1];
  walk *w;
  int s;
  must(walk_new(m, &w, &err), &err);
  must(walk_root(w, input_rows(embeds, 5), &s, &err), &err);
  int L = model_decoder(m)->layers;
  walk_span one = {2, 1};
  assert_int_equal(walk_grad(w, s, LOCI_SITE_PATTERN, 0, one, out, &err), LOCI_EINVAL);
  assert_int_equal(walk_grad(w, s, LOCI_SITE_LOGITS, 0, one, out, &err), LOCI_EINVAL);
  assert_int_equal(walk_grad(w, s, LOCI_SITE_RESID_MID, 0, one, out, &err), LOCI_EINVAL);
  assert_int_equal(walk_grad(w, s, LOCI_SITE_Z, L, one, out, &err), LOCI_EINVAL);
  assert_int_equal(walk_grad(w, s, LOCI_SITE_Z, 0, (walk_span){5, 1}, out, &err), LOCI_EINVAL);
  assert_int_equal(walk_grad(w, s, LOCI_SITE_Z, 0, (walk_span){3, 3}, out, &err), LOCI_EINVAL);
  assert_int_equal(walk_grad(w, s, LOCI_SITE_Z, 0, (walk_span){3, 0}, out, &err), LOCI_EINVAL);
  kv_cache *cache;
  must(kv_cache_new(m, 4, &cache, &err), &err);
  assert_int_equal(walk_resume(w, cache, 1, 0, input_rows(embeds, 2), &s, &err),
                   LOCI_EINVAL); /* it is empty */
  assert_int_equal(walk_resume(w, cache, 0, 0, input_rows(embeds, 5), &s, &err), LOCI_EINVAL);
  assert_int_equal(walk_resume(w, cache, 0, L, input_rows(embeds, 4), &s, &err), LOCI_EINVAL);
  must(walk_resume(w, cache, 0, 2, input_rows(embeds, 4), &s, &err), &err);
  assert_int_equal(walk_grad(w, s, LOCI_SITE_Z, 1, one, out, &err), LOCI_EINVAL);
  walk_free(w);
  kv_cache_free(cache);
  free(embeds);
  loci_model_close(m);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_site_of_every_decoder_has_its_slope),
      cmocka_unit_test(the_plain_kernels_have_the_same_slopes),
      cmocka_unit_test(children_have_the_gradients_of_full_runs),
      cmocka_unit_test(a_resumed_run_is_the_end_of_a_whole_one),
      cmocka_unit_test(the_way_back_goes_no_further_than_it_must),
      cmocka_unit_test(requests_that_make_no_sense_are_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
