/* Attention contributions against the reference: norms of each head's and of the heads' sum, of all
 * sources, for the constraint's last position and the prompt's; and what a flow costs. */
#include "oracle_test.h"

#include "study/flow_measure.h"

enum { QUERIES = 2 };

/* All positions as sources, the case's queries. */
static flow_table table_of(const oracle *o, int queries[QUERIES], unsigned parts) {
  loci_err err;
  int T = o->prompt->info.length, *all = arena_array(o->mem, T, int);
  assert_non_null(all);
  for (int i = 0; i < T; i++) all[i] = i;
  int n = oracle_ints(oracle_member(o->json, "queries"), queries, QUERIES);
  assert_int_equal(n, QUERIES);
  flow_table t = {
      .queries = {QUERIES, queries}, .sources = {T, all}, .layers = o->prompt->model->info.layers};
  assert_ok(flow_table_room(o->prompt->model, parts, o->mem, &t, &err), err);
  return t;
}

/* The same of the picture's rows outside of the sequence, in the layers that read them: of all that
 * are seen; the reference has zeros for the others. */
static void check_outside(oracle *o, const int queries[QUERIES]) {
  const loci_model *m = o->prompt->model;
  int P = o->prompt->info.source_count, seen = o->prompt->info.source_seen, H = m->info.heads;
  oracle_array sum = oracle_get(o, "cross.head_sum"), each = oracle_get(o, "cross.per_head");
  flow_table t = {.queries = {QUERIES, queries}, .layers = m->info.layers};
  flow_job job = {.table_count = 1, .tables = &t};
  loci_err err;
  assert_ok(flow_sources(o->prompt, GROUP_IMAGE, o->mem, &t.sources, &t.outside, &err), err);
  assert_true(t.outside);
  assert_int_equal(t.sources.count, seen);
  assert_ok(flow_table_room(m, FLOW_NORMS | FLOW_HEADS | FLOW_SUMS, o->mem, &t, &err), err);
  assert_ok(flow_measure(o->prompt, &job, &err), err);
  for (int l = 0; l < m->info.layers; l++) {
    int nth = oracle_nth(m, l, true);
    for (int64_t i = 0; i < (int64_t)(H + 1) * QUERIES * P; i++) {
      int64_t row = i / P, j = i % P; /* rows of the sum, then of heads */
      bool of_sum = row < QUERIES;
      int64_t head = row - QUERIES;
      const float *want = of_sum ? sum.data + (nth * QUERIES + row) * P
                                 : each.data + ((int64_t)nth * H * QUERIES + head) * P;
      if (!oracle_is_cross(m, l)) {
        if (j < seen && of_sum) assert_true(t.norms[(l * QUERIES + row) * seen + j] == 0);
        continue;
      }
      const float *got = of_sum ? t.norms + (l * QUERIES + row) * seen
                                : t.head_norms + ((int64_t)l * H * QUERIES + head) * seen;
      oracle_near(o, "cross", i, j < seen ? (double)got[j] : 0, (double)want[j],
                  ORACLE_TOLERANCE * each.largest);
    }
  }
}

static void check_contributions(const char *name) {
  loci_model *m = oracle_model(name);
  oracle o = oracle_open(m, name, "contributions");
  int queries[QUERIES], L = m->info.layers, T = o.prompt->info.length;
  loci_err err;
  flow_table t = table_of(&o, queries, FLOW_NORMS | FLOW_HEADS);
  flow_job job = {.table_count = 1, .tables = &t};
  assert_ok(flow_measure(o.prompt, &job, &err), err);
  oracle_array sum = oracle_get(&o, "head_sum"), each = oracle_get(&o, "per_head");
  int64_t n = (int64_t)L * QUERIES * T;
  assert_int_equal(sum.count, n);
  assert_int_equal(each.count, n * m->info.heads);
  oracle_all_near(&o, "head_sum", t.norms, sum.data, n);
  oracle_all_near(&o, "per_head", t.head_norms, each.data, each.count);
  if (o.prompt->sources) check_outside(&o, queries);
  oracle_close(&o);
  loci_model_close(m);
}

/* The weights are those of the case forward-attention, which asks the same question. */
static void check_attention(const char *name) {
  loci_model *m = oracle_model(name);
  oracle o = oracle_open(m, name, "contributions"), f = oracle_open(m, name, "forward-attention");
  int queries[QUERIES], L = m->info.layers, H = m->info.heads, T = o.prompt->info.length;
  loci_err err;
  flow_table t = table_of(&o, queries, 0);
  flow_job job = {.table_count = 1, .tables = &t};
  assert_ok(flow_measure(o.prompt, &job, &err), err);
  oracle_array pattern = oracle_get(&f, "pattern");
  assert_int_equal(pattern.count, (int64_t)oracle_nth(m, L, false) * H * T * T);
  for (int64_t i = 0; i < (int64_t)L * H * QUERIES; i++) {
    int layer = (int)(i / (H * QUERIES));
    if (oracle_is_cross(m, layer)) continue;
    int64_t row = oracle_nth(m, layer, false) * H + i / QUERIES % H;
    const float *want = pattern.data + (row * T + queries[i % QUERIES]) * T;
    oracle_all_near(&f, "pattern", t.attention + i * T, want, T);
  }
  oracle_close(&f);
  oracle_close(&o);
  loci_model_close(m);
}

#define TEST(id, name, has_image, cases)                                                           \
  static void contributions_of_##id(void **s) {                                                    \
    (void)s;                                                                                       \
    check_contributions(name);                                                                     \
  }                                                                                                \
  static void attention_of_##id(void **s) {                                                        \
    (void)s;                                                                                       \
    check_attention(name);                                                                         \
  }
ORACLE_MODELS(TEST)

#define ENTRY(id, name, has_image, cases)                                                          \
  cmocka_unit_test(contributions_of_##id), cmocka_unit_test(attention_of_##id),

int main(void) {
  const struct CMUnitTest tests[] = {ORACLE_MODELS(ENTRY)};
  return cmocka_run_group_tests(tests, oracle_enter, NULL);
}
