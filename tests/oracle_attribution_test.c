/* Attribution patching against the reference: the estimate of every cell of three sites, for every
 * metric, from the gradients of the corrupted run; and what is run of them afterwards. */
#include "oracle_test.h"

enum { SITES = 3, METRICS = 3 };
static const loci_site sites[SITES] = {LOCI_SITE_MLP_OUT, LOCI_SITE_ATTN_OUT, LOCI_SITE_RESID_POST};
static const char *const metrics[METRICS] = {"p", "logp", "logit_diff"};

static double estimate(const loci_estimate *e, int metric) {
  return metric == 0 ? e->p : metric == 1 ? e->logp : e->logit_diff;
}

static void check_grid(oracle *o, const loci_grid *g, int site, int T) {
  assert_int_equal(g->site, sites[site]);
  int first = g->positions[0];
  for (int k = 0; k < METRICS; k++) {
    oracle_array want = oracle_get(o, metrics[k]);
    for (int i = 0; i < g->layer_count * T; i++) {
      int l = i / T, p = i % T;
      int64_t at = (int64_t)l * g->column_count + p - first;
      double x = p < first ? 0 : estimate(&g->estimates[at], k);
      oracle_near(o, metrics[k], i, x, (double)want.data[(int64_t)site * g->layer_count * T + i],
                  ORACLE_TOLERANCE * want.largest);
    }
  }
}

static void check_attribution(const char *name) {
  loci_model *m = oracle_model(name);
  oracle o = oracle_open(m, name, "attribution");
  loci_trace *t;
  loci_err err;
  loci_trace_opts opts = {.size = sizeof opts,
                          .corrupt = oracle_text(oracle_member(o.json, "kind")),
                          .positions = "each",
                          .no_hash = true,
                          .screen = 1,
                          .screen_metric = LOCI_METRIC_LOGIT_DIFF};
  assert_ok(loci_trace_new(m, o.prompt, &opts, &t, &err), err);
  loci_metrics clean = oracle_read_metrics(oracle_member(o.json, "clean"));
  oracle_metrics_near(&o, "clean", &t->clean.m, &clean);
  assert_int_equal(t->other.id, oracle_int(oracle_member(o.json, "alt")));
  assert_int_equal(t->grid_count, SITES);
  assert_int_equal(t->screen, 1);
  for (int i = 0; i < SITES; i++) check_grid(&o, &t->grids[i], i, o.prompt->info.length);
  loci_free(t);
  oracle_close(&o);
  loci_model_close(m);
}

#define TEST(id, name, has_image, cases)                                                           \
  static void attribution_of_##id(void **s) {                                                      \
    (void)s;                                                                                       \
    check_attribution(name);                                                                       \
  }
ORACLE_MODELS_WITH_KINDS(TEST)

#define ENTRY(id, name, has_image, cases) cmocka_unit_test(attribution_of_##id),

int main(void) {
  const struct CMUnitTest tests[] = {ORACLE_MODELS_WITH_KINDS(ENTRY)};
  return cmocka_run_group_tests(tests, oracle_enter, NULL);
}
