/* Attention knockout against the reference: the edges from a pathway's sources to its queries are
 * masked in a window of layers round each layer.  Once in a run of its own, once in a child of the
 * clean run, of which only the rows after the mask are computed, and once by the public call. */
#include "oracle_test.h"

#include "walk/logits.h"
#include "walk/walk.h"

enum { PATHWAYS = 4 };

static const struct {
  const char *name, *sources, *queries;
} pathways[PATHWAYS] = {{"image->constraint", "image", "constraint"},
                        {"image->last", "image", "last"},
                        {"constraint->last", "constraint", "last"},
                        {"last->last", "last", "last"}};

/* Logits (V) of every stream's last position; row 0 is the clean run's. */
typedef struct result {
  int64_t V;
  float *rows; /* (1 + PATHWAYS * L, V) */
} result;

static void keep_row(void *ctx, int64_t index, const float *logits) {
  const result *r = ctx;
  memcpy(r->rows + index * r->V, logits, (size_t)r->V * sizeof *logits);
}

enum { ROOM = 256 };

/* The positions of a group of the case. */
static int positions_of(const oracle *o, const char *group, int at[ROOM]) {
  return oracle_ints(oracle_member(oracle_member(o->json, "groups"), group), at, ROOM);
}

/* Whether the pathway has edges: the picture's rows may stand outside of the sequence. */
static bool outside(const oracle *o, int a) {
  return strcmp(pathways[a].sources, "image") == 0 && o->prompt->sources;
}
static bool has_edges(const oracle *o, int a) {
  int at[ROOM];
  return positions_of(o, pathways[a].sources, at) > 0 || outside(o, a);
}

/* Cuts pathway [a] in [window] layers round [centre]. */
static void cut(const oracle *o, walk *w, int stream, int a, int centre, int window) {
  int sources[ROOM] = {0}, queries[ROOM], L = o->prompt->model->info.layers;
  int source_count = positions_of(o, pathways[a].sources, sources);
  int query_count = positions_of(o, pathways[a].queries, queries);
  loci_err err;
  for (int l = centre - window / 2; l < centre + (window + 1) / 2; l++) {
    if (l < 0 || l >= L || oracle_is_cross(o->prompt->model, l) != outside(o, a)) continue;
    int all = o->prompt->info.source_count; /* one cut, or one for each position */
    for (int i = 0; i < query_count; i++) {
      if (outside(o, a)) assert_ok(walk_mask(w, stream, l, queries[i], 0, all, &err), err);
      for (int k = 0; k < source_count && !outside(o, a); k++) {
        assert_ok(walk_mask(w, stream, l, queries[i], sources[k], 1, &err), err);
      }
    }
  }
}

static void run_all(const oracle *o, bool as_children, result *r) {
  const loci_prompt *p = o->prompt;
  int L = p->model->info.layers, T = p->info.length, s, clean;
  int window = oracle_int(oracle_member(o->json, "window"));
  walk *w;
  loci_err err;
  assert_ok(walk_new(p->model, &w, &err), err);
  assert_ok(walk_root(w, prompt_input(p), &clean, &err), err);
  assert_ok(walk_want(w, clean, T - 1, &err), err);
  for (int a = 0; a < PATHWAYS; a++) {
    for (int l = 0; l < L; l++) {
      if (as_children) assert_ok(walk_child(w, clean, &s, &err), err);
      if (!as_children) assert_ok(walk_root(w, prompt_input(p), &s, &err), err);
      if (has_edges(o, a)) cut(o, w, s, a, l, window);
      assert_ok(walk_want(w, s, T - 1, &err), err);
    }
  }
  walk_hooks hooks = {.logits = keep_row, .logits_ctx = r};
  assert_ok(walk_run(w, &hooks, &err), err);
  walk_free(w);
}

/* Metrics of a row of logits against the clean row. */
static loci_metrics metrics_of(const result *r, int64_t row, int target, int other) {
  const float *clean = r->rows, *x = r->rows + row * r->V;
  double clean_total = log_sum_exp(clean, r->V), total = log_sum_exp(x, r->V);
  loci_metrics m = {.logp = (double)x[target] - total,
                    .logit_diff = (double)x[target] - (double)x[other]};
  for (int64_t i = 0; i < r->V; i++) {
    double lp = (double)clean[i] - clean_total;
    m.kl += exp(lp) * (lp - ((double)x[i] - total));
  }
  m.p = m.p_first = exp(m.logp);
  m.logp_first = m.logp;
  return m;
}

static void check_grid(oracle *o, const result *r, int target, int other) {
  int L = o->prompt->model->info.layers;
  for (int i = 0; i < 4; i++) {
    oracle_array want = oracle_get(o, oracle_metrics[i]);
    assert_int_equal(want.count, PATHWAYS * L);
    for (int k = 0; k < PATHWAYS * L; k++) {
      assert_int_equal(!has_edges(o, k / L), isnan(want.data[k]));
      if (!has_edges(o, k / L)) continue; /* no image */
      loci_metrics m = metrics_of(r, 1 + k, target, other);
      double x = (double)want.data[k];
      oracle_near(o, oracle_metrics[i], k, oracle_metric(&m, i), x,
                  oracle_room(i, x, want.largest));
    }
  }
}

static void check_knockout(const char *name) {
  loci_model *m = oracle_model(name);
  oracle o = oracle_open(m, name, "knockout");
  const js_value *listed = oracle_member(o.json, "pathways");
  result r = {.V = m->info.vocab};
  r.rows = arena_array(o.mem, (1 + PATHWAYS * m->info.layers) * r.V, float);
  assert_non_null(r.rows);
  for (int a = 0; a < PATHWAYS; a++) {
    assert_string_equal(oracle_text(js_at(listed, a)), pathways[a].name);
  }
  for (int as_children = 0; as_children < 2; as_children++) {
    run_all(&o, as_children, &r);
    int target = argmax_of(r.rows, r.V, -1), other = argmax_of(r.rows, r.V, target);
    assert_int_equal(target, oracle_int(js_at(oracle_member(o.json, "target"), 0)));
    assert_int_equal(other, oracle_int(oracle_member(o.json, "alt")));
    loci_metrics want = oracle_read_metrics(oracle_member(o.json, "clean"));
    loci_metrics clean = metrics_of(&r, 0, target, other);
    oracle_metrics_near(&o, "clean", &clean, &want);
    check_grid(&o, &r, target, other);
  }
  oracle_close(&o);
  loci_model_close(m);
}

/* The public call, with its defaults: the pathways that the prompt has, all layers, window 3. */
static void check_call(const char *name) {
  loci_model *m = oracle_model(name);
  oracle o = oracle_open(m, name, "knockout");
  loci_knockout *k;
  loci_err err;
  int L = m->info.layers, a = 0;
  assert_ok(loci_knockout_new(m, o.prompt, NULL, &k, &err), err);
  loci_metrics clean = oracle_read_metrics(oracle_member(o.json, "clean"));
  oracle_metrics_near(&o, "clean", &k->clean.m, &clean);
  assert_int_equal(k->target_ids[0], oracle_int(js_at(oracle_member(o.json, "target"), 0)));
  assert_int_equal(k->other.id, oracle_int(oracle_member(o.json, "alt")));
  for (int i = 0; i < 4; i++) {
    oracle_array want = oracle_get(&o, oracle_metrics[i]);
    a = 0;
    for (int c = 0; c < PATHWAYS * L; c++) {
      double x = (double)want.data[c];
      if (isnan(x)) continue; /* no image */
      const loci_pathway *path = &k->pathways[a];
      assert_int_equal(path->layers[c % L], c % L);
      assert_string_equal(path->from, pathways[c / L].sources);
      assert_string_equal(path->to, pathways[c / L].queries);
      oracle_near(&o, oracle_metrics[i], c, oracle_metric(&path->cells[c % L], i), x,
                  oracle_room(i, x, want.largest));
      a += c % L == L - 1;
    }
    assert_int_equal(a, k->pathway_count);
  }
  loci_free(k);
  oracle_close(&o);
  loci_model_close(m);
}

/* In the last layer nothing after the masked query reads it: the child's own rows begin there, and
 * its last one is the clean run's, bit for bit. */
static void check_last_layer(const char *name) {
  loci_model *m = oracle_model(name);
  oracle o = oracle_open(m, name, "knockout");
  result r = {.V = m->info.vocab};
  int T = o.prompt->info.length, first = o.prompt->info.constraints[0].first, clean, child;
  walk *w;
  loci_err err;
  r.rows = arena_array(o.mem, 3 * r.V, float);
  assert_non_null(r.rows);
  assert_ok(walk_new(m, &w, &err), err);
  assert_ok(walk_root(w, prompt_input(o.prompt), &clean, &err), err);
  assert_ok(walk_child(w, clean, &child, &err), err);
  assert_ok(walk_mask(w, child, m->info.layers - 1, first, 0, first, &err), err);
  assert_ok(walk_want(w, clean, T - 1, &err), err);
  assert_ok(walk_want(w, child, T - 1, &err), err);
  assert_ok(walk_want(w, child, first, &err), err);
  walk_hooks hooks = {.logits = keep_row, .logits_ctx = &r};
  assert_ok(walk_run(w, &hooks, &err), err);
  assert_memory_equal(r.rows, r.rows + r.V, (size_t)r.V * sizeof(float));
  assert_memory_not_equal(r.rows, r.rows + 2 * r.V, (size_t)r.V * sizeof(float));
  walk_free(w);
  oracle_close(&o);
  loci_model_close(m);
}

#define TEST(id, name, has_image, cases)                                                           \
  static void knockout_of_##id(void **s) {                                                         \
    (void)s;                                                                                       \
    check_knockout(name);                                                                          \
  }                                                                                                \
  static void call_for_##id(void **s) {                                                            \
    (void)s;                                                                                       \
    check_call(name);                                                                              \
  }                                                                                                \
  static void mask_in_last_layer_of_##id(void **s) {                                               \
    (void)s;                                                                                       \
    check_last_layer(name);                                                                        \
  }
ORACLE_MODELS(TEST)

#define ENTRY(id, name, has_image, cases)                                                          \
  cmocka_unit_test(knockout_of_##id), cmocka_unit_test(call_for_##id),                             \
      cmocka_unit_test(mask_in_last_layer_of_##id),

int main(void) {
  const struct CMUnitTest tests[] = {ORACLE_MODELS(ENTRY)};
  return cmocka_run_group_tests(tests, oracle_enter, NULL);
}
