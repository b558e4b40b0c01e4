/* The parts of a walk one by one: heads, added values, masks, patterns, windows, records in
 * children, the cache of keys and values, and what the last layer leaves out. */
#include "walk/grad.h"
#include "base/names.h"
#include "walk/laws_test.h"

enum { LENGTH = 18 };

static loci_model *model_named(const char *name) {
  char dir[500];
  snprintf(dir, sizeof dir, "%s%s", MODELS, name);
  return open_f32(dir);
}

/* A test's model, rows and scenario: stream 0 a root, stream 1 its child with another row 4. */
typedef struct bench {
  loci_model *m;
  float *rows, *other;
  scenario s;
} bench;

static bench *bench_open(const char *name) {
  static bench b;
  b.m = model_named(name);
  b.rows = token_rows_of(b.m, LENGTH, 3);
  b.other = token_rows_of(b.m, LENGTH, 100);
  b.s = (scenario){.m = b.m, .T = LENGTH, .embeds = b.rows};
  add_run(&b.s, -1);
  add_run(&b.s, 0);
  add_embed(&b.s, 1, 4, b.other);
  return &b;
}

static void bench_close(bench *b) {
  free(b->rows);
  free(b->other);
  loci_model_close(b->m);
}

/* Streams a and b have the same logits at all positions. */
static void assert_equal_runs(const bench *b, int a, int other) {
  int64_t n = (int64_t)LENGTH * model_decoder(b->m)->vocab;
  float *logits = run_logits(&b->s, false, 0, NULL);
  double d = distance(logits + a * n, logits + other * n, n);
  if (!(d <= TOLERANCE)) fail_msg("streams %d and %d are %g apart", a, other, d);
  free(logits);
}

static const char *const both_kinds[] = {"text-llama", "text-phi"}; /* sequential, parallel */

static void all_heads_patched_one_by_one_are_the_row_patched_at_once(void **state) {
  (void)state;
  static const loci_site sites[] = {LOCI_SITE_Q, LOCI_SITE_K, LOCI_SITE_V, LOCI_SITE_Z};
  for (int k = 0; k < 8; k++) {
    bench *b = bench_open(both_kinds[k / 4]);
    const decoder_config *c = model_decoder(b->m);
    loci_site site = sites[k % 4];
    int heads = site == LOCI_SITE_Q || site == LOCI_SITE_Z ? c->heads : c->kv_heads;
    walk_patch p = {.site = site, .layer = 1, .position = 6, .head = -1, .source = 0};
    add_patch(&b->s, add_run(&b->s, 1), p);
    int s = add_run(&b->s, 1);
    for (p.head = 0; p.head < heads; p.head++) add_patch(&b->s, s, p);
    assert_equal_runs(b, 2, 3);
    bench_close(b);
  }
}

static void adding_the_difference_is_replacing(void **state) {
  (void)state;
  for (int k = 0; k < 2; k++) {
    bench *b = bench_open(both_kinds[k]);
    for (int site = LOCI_SITE_RESID_PRE; site <= LOCI_SITE_RESID_POST; site++) {
      if (site == LOCI_SITE_PATTERN) continue;
      if (site == LOCI_SITE_RESID_MID && model_decoder(b->m)->parallel) continue;
      b->s.stream_count = 2;
      b->s.op_count = 1;
      int64_t width = site_width(b->m, (loci_site)site);
      float *clean = record_root(&b->s, 0, (loci_site)site, 2);
      float *own = record_root(&b->s, 1, (loci_site)site, 2);
      for (int64_t i = 0; i < width; i++)
        own[7 * width + i] = clean[7 * width + i] - own[7 * width + i];
      walk_patch p = {.site = (loci_site)site, .layer = 2, .position = 7, .head = -1, .source = 0};
      add_patch(&b->s, add_run(&b->s, 1), p);
      p.source = -1;
      p.values = own + 7 * width;
      p.add = true;
      add_patch(&b->s, add_run(&b->s, 1), p);
      assert_equal_runs(b, 2, 3);
      free(clean);
      free(own);
    }
    bench_close(b);
  }
}

static void of_two_patches_of_one_place_the_later_counts(void **state) {
  (void)state;
  bench *b = bench_open("text-llama");
  walk_patch p = {.site = LOCI_SITE_MLP_OUT, .layer = 2, .position = 7, .head = -1, .source = -1};
  int once = add_run(&b->s, 0), twice = add_run(&b->s, 0), below = add_run(&b->s, twice);
  p.values = b->other;
  add_patch(&b->s, twice, p);
  p.values = b->rows;
  add_patch(&b->s, once, p);
  add_patch(&b->s, twice, p);
  assert_equal_runs(b, once, twice);
  p.values = b->other; /* the child's own comes after its parent's */
  add_patch(&b->s, below, p);
  int like = add_run(&b->s, 0);
  add_patch(&b->s, like, p);
  assert_equal_runs(b, below, like);
  bench_close(b);
}

/* ---------------------------------------------------------------- masks and patterns */

static void add_mask(bench *b, int stream, int layer, int query, int first, int count) {
  add_op(&b->s, (op){.kind = OP_MASK,
                     .stream = stream,
                     .layer = layer,
                     .position = query,
                     .first = first,
                     .count = count});
}

static void a_row_that_sees_nothing_has_a_zero_attention_result(void **state) {
  (void)state;
  for (int k = 0; k < 2; k++) {
    bench *b = bench_open(both_kinds[k]);
    int masked = add_run(&b->s, 0), zeroed = add_run(&b->s, 0);
    float *zero = room(site_width(b->m, LOCI_SITE_Z));
    add_mask(b, masked, 1, 9, 0, 10);
    add_patch(&b->s, zeroed,
              (walk_patch){.site = LOCI_SITE_Z,
                           .layer = 1,
                           .position = 9,
                           .head = -1,
                           .source = -1,
                           .values = zero});
    assert_equal_runs(b, masked, zeroed);
    free(zero);
    bench_close(b);
  }
}

static void masking_what_a_row_does_not_see_changes_nothing(void **state) {
  (void)state;
  bench *b = bench_open("text-llama");
  int s = add_run(&b->s, 1);
  add_mask(b, s, 1, 9, 10, 5);
  add_mask(b, s, 2, 9, 12, 1000000);
  assert_equal_runs(b, s, 1);
  bench_close(b);
}

static void masking_all_keys_but_one_gives_that_keys_value(void **state) {
  (void)state;
  bench *b = bench_open("text-phi");
  int masked = add_run(&b->s, 0), patched = add_run(&b->s, 0);
  float *pattern = room((int64_t)LENGTH * model_decoder(b->m)->heads);
  add_mask(b, masked, 1, 9, 0, 4);
  add_mask(b, masked, 1, 9, 5, 5);
  for (int h = 0; h < model_decoder(b->m)->heads; h++) pattern[h * LENGTH + 4] = 1;
  add_patch(&b->s, patched,
            (walk_patch){.site = LOCI_SITE_PATTERN,
                         .layer = 1,
                         .position = 9,
                         .head = -1,
                         .source = -1,
                         .values = pattern});
  assert_equal_runs(b, masked, patched);
  free(pattern);
  bench_close(b);
}

static void the_rows_of_a_pattern_sum_to_one_and_see_no_later_key(void **state) {
  (void)state;
  bench *b = bench_open("text-llama");
  for (int l = 0; l < model_decoder(b->m)->layers; l++) {
    float *pattern = record_root(&b->s, 0, LOCI_SITE_PATTERN, l);
    for (int row = 0; row < model_decoder(b->m)->heads * LENGTH; row++) {
      double sum = 0;
      for (int j = 0; j < LENGTH; j++) {
        float x = pattern[row * LENGTH + j];
        if (j > row % LENGTH) assert_true(x == 0);
        sum += (double)x;
      }
      assert_true(fabs(sum - 1) < 1e-6); /* 18 numbers below 1, each off by at most 6e-8 */
    }
    free(pattern);
  }
  bench_close(b);
}

/* ---------------------------------------------------------------- records and rows */

/* Every site of every layer, recorded in children of children while other rows are shared. */
static void what_a_child_records_is_what_the_full_run_has(void **state) {
  (void)state;
  for (int k = 0; k < 2; k++) {
    bench *b = bench_open(both_kinds[k]);
    walk_patch p = {.site = LOCI_SITE_ATTN_OUT, .layer = 1, .position = 9, .head = -1, .source = 0};
    int child = add_run(&b->s, 1);
    add_patch(&b->s, child, p);
    p = (walk_patch){.site = LOCI_SITE_MLP_OUT, .layer = 3, .position = 6, .head = -1, .source = 0};
    add_patch(&b->s, child, p);
    for (int site = 0; site < LOCI_SITE_COUNT; site++) {
      if (site == LOCI_SITE_PATTERN) continue; /* of roots only */
      if (site == LOCI_SITE_RESID_MID && model_decoder(b->m)->parallel) continue;
      for (int l = 0; l < model_decoder(b->m)->layers; l++) {
        int64_t n = LENGTH * site_width(b->m, (loci_site)site);
        float *full = record_root(&b->s, child, (loci_site)site, l), *got = room(n);
        loci_err err;
        walk *w = build_walk(&b->s, false);
        must(walk_record(w, child, (loci_site)site, l, got, &err), &err);
        must(walk_run(w, NULL, &err), &err);
        double d = distance(got, full, n);
        if (!(d <= TOLERANCE)) {
          fail_msg("%s of layer %d: %g apart", site_name((loci_site)site), l, d);
        }
        walk_free(w);
        free(got);
        free(full);
      }
    }
    bench_close(b);
  }
}

static void a_patch_costs_its_row_and_the_rows_after_it(void **state) {
  (void)state;
  bench *b = bench_open("text-llama");
  int64_t L = model_decoder(b->m)->layers, before, after;
  b->s.stream_count = 1;
  b->s.op_count = 0;
  free(run_logits(&b->s, false, LENGTH - 1, &before));
  assert_int_equal(before, L * LENGTH);
  for (int l = 0; l < L; l++) {
    for (int p = 0; p < LENGTH; p++) {
      b->s.stream_count = 1;
      b->s.op_count = 0;
      walk_patch patch = {.site = LOCI_SITE_ATTN_OUT, .layer = l, .position = p, .head = -1};
      patch.source = 0;
      add_patch(&b->s, add_run(&b->s, 0), patch);
      free(run_logits(&b->s, false, LENGTH - 1, &after));
      assert_int_equal(after - before, 1 + (LENGTH - p) * (L - 1 - l));
    }
  }
  bench_close(b);
}

static void a_chain_of_streams_too_deep_is_refused(void **state) {
  (void)state;
  loci_model *m = model_named("text-phi");
  float *rows = token_rows_of(m, 2, 1);
  loci_err err;
  walk *w;
  int s;
  must(walk_new(m, &w, &err), &err);
  must(walk_root(w, input_rows(rows, 2), &s, &err), &err);
  for (int depth = 1; depth < 16; depth++) must(walk_child(w, s, &s, &err), &err);
  assert_int_equal(walk_child(w, s, &s, &err), LOCI_EINVAL);
  assert_string_equal(err.msg, "a stream below 16 others, a walk takes 15");
  walk_free(w);
  free(rows);
  loci_model_close(m);
}

/* A change goes no further in a layer than the window: of rows w - 1 further on in each layer,
 * later ones are what they were, bit for bit, although they are computed. */
static void a_change_goes_no_further_than_the_window(void **state) {
  (void)state;
  enum { T = 40, FIRST = 3, WINDOW = 4 };
  loci_model *m = model_named("text-llama");
  decoder_config *c = &m->weights->config.text;
  int64_t D = c->width;
  float *rows = token_rows_of(m, T, 1), *other = token_rows_of(m, 1, 77), *at[2];
  bool slides[64];
  loci_err err;
  walk *w;
  assert_in_range(c->layers, 2, 64);
  for (int l = 0; l < c->layers; l++) slides[l] = true;
  c->sliding_window = WINDOW;
  c->slides = slides;
  for (int changed = 0; changed < 2; changed++) {
    int s;
    at[changed] = room((int64_t)T * D);
    must(walk_new(m, &w, &err), &err);
    must(walk_root(w, input_rows(rows, T), &s, &err), &err);
    if (changed) must(walk_child(w, s, &s, &err), &err);
    if (changed) must(walk_embed(w, s, FIRST, other, &err), &err);
    must(walk_record(w, s, LOCI_SITE_RESID_POST, c->layers - 1, at[changed], &err), &err);
    must(walk_run(w, NULL, &err), &err);
    walk_free(w);
  }
  int last = FIRST + c->layers * (WINDOW - 1);
  assert_in_range(last, FIRST, T - 2);
  for (int p = 0; p < T; p++) {
    bool same = memcmp(at[0] + p * D, at[1] + p * D, (size_t)D * sizeof(float)) == 0;
    assert_int_equal(same, p < FIRST || p > last);
  }
  float *all[] = {rows, other, at[0], at[1]};
  for (int i = 0; i < 4; i++) free(all[i]);
  loci_model_close(m);
}

/* There is no row of the table for what comes after it. */
static void a_run_past_the_table_of_positions_is_refused(void **state) {
  (void)state;
  loci_model *m = model_named("text-gpt2");
  float *rows = token_rows_of(m, 9, 1);
  loci_err err;
  walk *w;
  int s;
  m->weights->config.text.max_positions = 8;
  must(walk_new(m, &w, &err), &err);
  must(walk_root(w, input_rows(rows, 8), &s, &err), &err);
  assert_int_equal(walk_root(w, input_rows(rows, 9), &s, &err), LOCI_EINVAL);
  assert_string_equal(err.msg, "a run of 9 positions: the model has rows for 8");
  walk_free(w);
  free(rows);
  loci_model_close(m);
}

/* ---------------------------------------------------------------- cache */

/* A prompt of 18 rows: 1, 4 or 17 at first, then one by one (or 3 at once). */
static void check_cache(const char *name, int first, int step) {
  bench *b = bench_open(name);
  int64_t V = model_decoder(b->m)->vocab;
  b->s.stream_count = 1;
  b->s.op_count = 0;
  float *full = run_logits(&b->s, false, 0, NULL);
  loci_err err;
  kv_cache *cache;
  must(kv_cache_new(b->m, LENGTH, &cache, &err), &err);
  logit_rows k = {.V = V, .rows = room(LENGTH * V)};
  for (int n = 0, more = first; n < LENGTH; n += more, more = step) {
    if (more > LENGTH - n) more = LENGTH - n;
    walk *w;
    int s;
    must(walk_new(b->m, &w, &err), &err);
    input rows = placed_rows(b->m, b->rows, LENGTH, n);
    rows.count = more;
    must(walk_continue(w, cache, rows, &s, &err), &err);
    for (int p = n; p < n + more; p++) must(walk_want(w, s, p, &err), &err);
    must(walk_run(w, &(walk_hooks){.logits = keep_logits, .logits_ctx = &k}, &err), &err);
    walk_free(w);
    assert_int_equal(kv_cache_length(cache), n + more);
    double d = distance(k.rows, full + n * V, more * V);
    if (!(d <= TOLERANCE)) fail_msg("%s: %d rows after %d: %g apart", name, more, n, d);
  }
  walk *w;
  int s;
  must(walk_new(b->m, &w, &err), &err);
  assert_int_equal(walk_continue(w, cache, input_rows(b->rows, 1), &s, &err), LOCI_EINVAL);
  walk_free(w);
  free(k.rows);
  free(full);
  kv_cache_free(cache);
  bench_close(b);
}

static void a_run_continued_row_by_row_is_the_whole_run(void **state) {
  (void)state;
  for (int k = 0; k < 2; k++) {
    check_cache(both_kinds[k], 4, 1);
    check_cache(both_kinds[k], 1, 3);
    check_cache(both_kinds[k], 17, 1);
  }
  check_cache("llava-clip-llama-bf16", 5, 2);
  check_cache("qwen2-5-vl", 5, 2);
}

/* A child of a continued run shares the cached positions, and can be patched after them. */
static void a_child_of_a_continued_run_starts_after_the_cache(void **state) {
  (void)state;
  bench *b = bench_open("text-llama");
  int64_t V = model_decoder(b->m)->vocab, D = model_decoder(b->m)->width;
  walk_patch p = {.site = LOCI_SITE_RESID_PRE, .layer = 2, .position = 12, .head = -1};
  p.source = -1;
  p.values = b->other;
  b->s.stream_count = 1;
  b->s.op_count = 0;
  add_patch(&b->s, add_run(&b->s, 0), p);
  float *full = run_logits(&b->s, false, LENGTH - 1, NULL);
  loci_err err;
  kv_cache *cache;
  walk *w;
  int root, child;
  must(kv_cache_new(b->m, LENGTH, &cache, &err), &err);
  logit_rows k = {.V = V, .rows = room(2 * V)};
  walk_hooks hooks = {.logits = keep_logits, .logits_ctx = &k};
  for (int n = 0; n < LENGTH; n += 9) {
    must(walk_new(b->m, &w, &err), &err);
    must(walk_continue(w, cache, input_rows(b->rows + n * D, 9), &root, &err), &err);
    must(walk_want(w, root, n + 8, &err), &err);
    must(walk_child(w, root, &child, &err), &err);
    if (n > 0) {
      assert_int_equal(walk_embed(w, child, 8, b->other, &err), LOCI_EINVAL);
      must(walk_patch_add(w, child, &p, &err), &err);
    }
    must(walk_want(w, child, n + 8, &err), &err);
    must(walk_run(w, &hooks, &err), &err);
    walk_free(w);
  }
  assert_true(distance(k.rows, full, 2 * V) <= TOLERANCE);
  free(k.rows);
  free(full);
  kv_cache_free(cache);
  bench_close(b);
}

/* Logits of the bench's child, in a walk that may have run before; with records and gradients if
 * [more]. */
static void run_child(const bench *b, walk *w, bool more, float *logits) {
  loci_err err;
  int root, child;
  int64_t width = site_width(b->m, LOCI_SITE_MLP_POST);
  float *record = room(LENGTH * width), *grad = room(width);
  must(walk_root(w, input_rows(b->rows, LENGTH), &root, &err), &err);
  must(walk_child(w, root, &child, &err), &err);
  must(walk_embed(w, child, 4, b->other, &err), &err);
  for (int p = more ? 0 : LENGTH - 1; p < LENGTH; p++) must(walk_want(w, child, p, &err), &err);
  if (more) {
    must(walk_mask(w, child, 1, 9, 0, 3, &err), &err);
    must(walk_record(w, root, LOCI_SITE_MLP_POST, 2, record, &err), &err);
    must(walk_grad(w, child, LOCI_SITE_MLP_POST, 1, (walk_span){7, 1}, grad, &err), &err);
  }
  logit_rows k = {.V = model_decoder(b->m)->vocab, .rows = logits};
  must(walk_run(w, &(walk_hooks){.logits = keep_logits, .logits_ctx = &k}, &err), &err);
  free(record);
  free(grad);
}

static void a_cleared_walk_is_as_good_as_a_new_one(void **state) {
  (void)state;
  for (int k = 0; k < 2; k++) {
    bench *b = bench_open(both_kinds[k]);
    int64_t V = model_decoder(b->m)->vocab;
    float *once = room(V), *again = room(LENGTH * V);
    loci_err err;
    walk *w;
    must(walk_new(b->m, &w, &err), &err);
    run_child(b, w, false, once);
    int64_t rows = walk_rows(w);
    double flop = walk_flop(w);
    walk_clear(w);
    run_child(b, w, true, again);
    for (int round = 0; round < 2; round++) {
      walk_clear(w);
      assert_int_equal(walk_rows(w), 0);
      run_child(b, w, false, again);
      assert_memory_equal(once, again, (size_t)V * sizeof *once);
      assert_int_equal(walk_rows(w), rows);
      assert_true(walk_flop(w) == flop);
    }
    walk_free(w);
    free(once);
    free(again);
    bench_close(b);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(all_heads_patched_one_by_one_are_the_row_patched_at_once),
      cmocka_unit_test(adding_the_difference_is_replacing),
      cmocka_unit_test(of_two_patches_of_one_place_the_later_counts),
      cmocka_unit_test(a_row_that_sees_nothing_has_a_zero_attention_result),
      cmocka_unit_test(masking_what_a_row_does_not_see_changes_nothing),
      cmocka_unit_test(masking_all_keys_but_one_gives_that_keys_value),
      cmocka_unit_test(the_rows_of_a_pattern_sum_to_one_and_see_no_later_key),
      cmocka_unit_test(what_a_child_records_is_what_the_full_run_has),
      cmocka_unit_test(a_patch_costs_its_row_and_the_rows_after_it),
      cmocka_unit_test(a_chain_of_streams_too_deep_is_refused),
      cmocka_unit_test(a_change_goes_no_further_than_the_window),
      cmocka_unit_test(a_run_past_the_table_of_positions_is_refused),
      cmocka_unit_test(a_run_continued_row_by_row_is_the_whole_run),
      cmocka_unit_test(a_cleared_walk_is_as_good_as_a_new_one),
      cmocka_unit_test(a_child_of_a_continued_run_starts_after_the_cache),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
