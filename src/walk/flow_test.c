/* The laws of contributions: over all sources and heads they sum to the attention output without
 * its bias; norms are those of the vectors; one head's are those of a model whose other heads are
 * silent.  For sequential and parallel blocks, biases, and heads that share keys and values. */
#include "walk/laws_test.h"

#include "model/compute.h"
#include "walk/flow.h"

/* More positions than sources are taken at once, and more queries than are mixed at once. */
enum { LENGTH = 100, QUERIES = 11 };

/* text-llama: 4 heads share 2 key/value heads, no biases; text-phi: biases, parallel; the bf16 one
 * has a head width that is not a multiple of the kernels' 16. */
static const char *const models[] = {"text-llama", "text-phi", "llava-clip-llama-bf16"};

static const int queries[QUERIES] = {0, 1, 17, 40, 41, 42, 63, 64, 65, 98, 99};

typedef struct rig {
  loci_model *m;
  int layer, H, every[LENGTH];
  int64_t D;
  float *rows;
  scenario s;
} rig;

static rig rig_open(const char *name, int layer) {
  char dir[500];
  snprintf(dir, sizeof dir, "%s%s", MODELS, name);
  rig r = {.m = open_f32(dir)};
  r.layer = layer < 0 ? model_decoder(r.m)->layers - 1 : layer;
  r.H = model_decoder(r.m)->heads;
  r.D = model_decoder(r.m)->width;
  r.rows = token_rows_of(r.m, LENGTH, 5);
  r.s = (scenario){.m = r.m, .T = LENGTH, .embeds = r.rows};
  add_run(&r.s, -1);
  for (int i = 0; i < LENGTH; i++) r.every[i] = i;
  return r;
}

static void rig_close(rig *r) {
  free(r->rows);
  loci_model_close(r->m);
}

/* A request of the QUERIES and [count] sources, with all of its arrays. */
static walk_flow request_of(const rig *r, const int *sources, int count) {
  int64_t cells = (int64_t)QUERIES * count;
  return (walk_flow){.layer = r->layer,
                     .query_count = QUERIES,
                     .source_count = count,
                     .queries = queries,
                     .sources = sources,
                     .attention = room(r->H * cells),
                     .norms = room(cells),
                     .head_norms = room(r->H * cells),
                     .sums = room(QUERIES * r->D),
                     .value_norms = room(count)};
}

static void request_free(walk_flow *f) {
  free(f->attention);
  free(f->norms);
  free(f->head_norms);
  free(f->sums);
  free(f->value_norms);
}

/* The scenario's streams as roots, with [n] requests. */
static void run_requests(const rig *r, const walk_flow *f, int n) {
  loci_err err;
  walk *w = build_walk(&r->s, true);
  for (int i = 0; i < n; i++) must(walk_flow_add(w, &f[i], &err), &err);
  must(walk_run(w, NULL, &err), &err);
  walk_free(w);
}

static double norm_of(const float *x, int64_t n) {
  double sum = 0;
  for (int64_t i = 0; i < n; i++) sum += (double)x[i] * (double)x[i];
  return sqrt(sum);
}

/* attn_out of the queries without the output projection's bias (QUERIES, D). */
static float *unbiased_output(const rig *r) {
  const weight *bias = &r->m->weights->layers[r->layer].o.b;
  float *out = record_root(&r->s, 0, LOCI_SITE_ATTN_OUT, r->layer), *b = room(r->D);
  float *at = room(QUERIES * r->D);
  if (bias->data) weight_row(bias, 0, b);
  for (int q = 0; q < QUERIES; q++) {
    for (int64_t d = 0; d < r->D; d++) at[q * r->D + d] = out[queries[q] * r->D + d] - b[d];
  }
  free(out);
  free(b);
  return at;
}

static void assert_near(const char *what, const float *got, const float *want, int64_t n) {
  double d = distance(got, want, n);
  if (!(d <= TOLERANCE)) fail_msg("%s: %g apart", what, d);
}

/* Every source asked for alone gives its vector: their sum, and the sum that one request of all
 * sources gives, are the attention output. */
static void check_sum(const char *name, int layer) {
  rig r = rig_open(name, layer);
  walk_flow each[LENGTH], all = request_of(&r, r.every, LENGTH);
  float *want = unbiased_output(&r), *total = room(QUERIES * r.D), *lengths = room(all.query_count);
  for (int j = 0; j < LENGTH; j++) each[j] = request_of(&r, &r.every[j], 1);
  run_requests(&r, each, LENGTH);
  run_requests(&r, &all, 1);
  for (int j = 0; j < LENGTH; j++) {
    for (int64_t i = 0; i < QUERIES * r.D; i++) total[i] += each[j].sums[i];
  }
  assert_near("sum of the vectors", total, want, QUERIES * r.D);
  assert_near("sum of the request", all.sums, want, QUERIES * r.D);
  for (int j = 0; j < LENGTH; j++) {
    float of_all[QUERIES];
    for (int q = 0; q < QUERIES; q++) {
      lengths[q] = (float)norm_of(each[j].sums + q * r.D, r.D);
      of_all[q] = all.norms[q * LENGTH + j];
    }
    assert_near("norms", of_all, lengths, QUERIES);
    request_free(&each[j]);
  }
  request_free(&all);
  free(want);
  free(total);
  free(lengths);
  rig_close(&r);
}

static void contributions_sum_to_the_attention_output(void **state) {
  (void)state;
  for (int k = 0; k < 3; k++) {
    check_sum(models[k], 1);
    check_sum(models[k], -1); /* the last layer is pruned to the queries */
  }
}

/* With the weights of all other heads patched to 0, the heads' sum is the one head's vector. */
static void norms_of_heads_are_those_of_a_model_without_the_others(void **state) {
  (void)state;
  for (int k = 0; k < 3; k++) {
    rig r = rig_open(models[k], 1);
    int64_t n = (int64_t)QUERIES * LENGTH;
    walk_flow full = request_of(&r, r.every, LENGTH);
    run_requests(&r, &full, 1);
    for (int h = 0; h < r.H; h++) {
      walk_flow one = request_of(&r, r.every, LENGTH);
      float *weights = room((int64_t)QUERIES * r.H * LENGTH);
      r.s.op_count = 0;
      for (int q = 0; q < QUERIES; q++) { /* the other heads' weights are 0 */
        float *row = weights + (int64_t)q * r.H * LENGTH + (int64_t)h * LENGTH;
        memcpy(row, full.attention + ((int64_t)h * QUERIES + q) * LENGTH, LENGTH * sizeof *row);
        walk_patch p = {.site = LOCI_SITE_PATTERN,
                        .layer = 1,
                        .position = queries[q],
                        .head = -1,
                        .source = -1,
                        .values = weights + (int64_t)q * r.H * LENGTH};
        add_patch(&r.s, 0, p);
      }
      run_requests(&r, &one, 1);
      assert_near("a head's norms", one.norms, full.head_norms + h * n, n);
      request_free(&one);
      free(weights);
    }
    request_free(&full);
    rig_close(&r);
  }
}

/* What a patch or a mask does to the layer, its contributions show. */
static void interventions_are_seen(void **state) {
  (void)state;
  rig r = rig_open("text-llama", 1);
  int64_t width = site_width(r.m, LOCI_SITE_V);
  float *values = room(width), *v = record_root(&r.s, 0, LOCI_SITE_V, 1);
  for (int64_t i = 0; i < width; i++) values[i] = 2 * v[7 * width + i];
  walk_flow before = request_of(&r, r.every, LENGTH), after = request_of(&r, r.every, LENGTH);
  run_requests(&r, &before, 1);
  walk_patch p = {
      .site = LOCI_SITE_V, .layer = 1, .position = 7, .head = -1, .source = -1, .values = values};
  add_patch(&r.s, 0, p);
  add_op(&r.s, (op){.kind = OP_MASK, .layer = 1, .position = 17, .first = 3, .count = 2});
  run_requests(&r, &after, 1);
  float twice = 2 * before.norms[3 * LENGTH + 7];
  assert_near("a doubled value", &after.norms[3 * LENGTH + 7], &twice, 1);
  twice = 2 * before.value_norms[7];
  assert_near("its norm", &after.value_norms[7], &twice, 1);
  twice = (float)norm_of(v + 7 * width, width);
  assert_near("the norm of a value", &before.value_norms[7], &twice, 1);
  assert_true(before.norms[2 * LENGTH + 3] > 0);
  assert_true(after.norms[2 * LENGTH + 3] == 0 && after.norms[2 * LENGTH + 4] == 0);
  request_free(&before);
  request_free(&after);
  free(values);
  free(v);
  rig_close(&r);
}

/* A source after the query is not seen; asked for in any set, a source gives the same bytes. */
static void sources_are_independent(void **state) {
  (void)state;
  rig r = rig_open("text-phi", 2);
  static const int some[] = {2, 17, 64, 99};
  walk_flow all = request_of(&r, r.every, LENGTH), few = request_of(&r, some, 4);
  const walk_flow both[] = {all, few};
  run_requests(&r, both, 2);
  for (int q = 0; q < QUERIES; q++) {
    for (int j = 0; j < 4; j++) {
      float x = few.norms[q * 4 + j];
      assert_near("a source alone", &x, &all.norms[q * LENGTH + some[j]], 1);
      assert_true((x == 0) == (some[j] > queries[q]));
    }
  }
  request_free(&all);
  request_free(&few);
  rig_close(&r);
}

static void a_place_outside_is_refused(void **state) {
  (void)state;
  rig r = rig_open("text-llama", 1);
  walk *w = build_walk(&r.s, true);
  int far = LENGTH;
  loci_err err;
  walk_flow f = {.layer = 1, .query_count = 1, .queries = &far};
  assert_int_equal(walk_flow_add(w, &f, &err), LOCI_EINVAL);
  assert_non_null(strstr(err.msg, "positions 0 to 99"));
  f = (walk_flow){.layer = 99, .query_count = 1, .queries = r.every};
  assert_int_equal(walk_flow_add(w, &f, &err), LOCI_EINVAL);
  walk_free(w);
  rig_close(&r);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(contributions_sum_to_the_attention_output),
      cmocka_unit_test(norms_of_heads_are_those_of_a_model_without_the_others),
      cmocka_unit_test(interventions_are_seen),
      cmocka_unit_test(sources_are_independent),
      cmocka_unit_test(a_place_outside_is_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
