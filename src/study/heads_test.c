/* Averages of traces head by head, and their tests, against traces of single examples and sums over
 * them. */
#include "study/traces_test.h"

#include "sized.h"
#include "study/permutation.h"

enum { EXAMPLES = 5, HEADS = 16, LAYERS = 16 };

static char path[] = "/tmp/loci-heads-XXXXXX";

static const char *const texts[EXAMPLES][2] = {
    {"The bridge of Vienna was built by", "Vienna"},
    {"The people of Vienna speak", "Vienna"},
    {"Who made this old building here", "this old building"},
    {"In Rome they say that", "Rome"},
    {"The tower of the town was built by", "the town"}};

static void write_examples(void) {
  FILE *f = fopen(path, "w");
  assert_non_null(f);
  for (int i = 0; i < EXAMPLES; i++)
    fprintf(f, "{\"question\":\"%s\",\"constraints\":[{\"text\":\"%s\"}]}\n", texts[i][0],
            texts[i][1]);
  assert_int_equal(fclose(f), 0);
}

static const loci_site sites[] = {LOCI_SITE_Z};

static loci_trace_opts how(void) {
  return (loci_trace_opts){.size = sizeof(loci_trace_opts),
                           .corrupt = "mean",
                           .sites = sites,
                           .site_count = 1,
                           .positions = "each,last"};
}

static loci_average *average_of(loci_model *m, loci_trace_opts trace) {
  loci_study_opts study = {.size = sizeof study, .template_name = "raw", .no_hash = true};
  loci_examples *x;
  loci_average *a;
  loci_err err;
  must(loci_examples_open(path, &x, &err), &err);
  must(loci_average_new(m, x,
                        SIZED(loci_average_opts, .what = "trace", .study = &study, .trace = &trace,
                              .least_effect = -1),
                        &a, &err),
       &err);
  loci_examples_close(x);
  return a;
}

/* ie of each example, head and layer, the last position restored as a group. */
static void single_traces(loci_model *m, double ie[EXAMPLES][HEADS][LAYERS]) {
  for (int i = 0; i < EXAMPLES; i++) {
    loci_question q = {.size = sizeof q,
                       .text = texts[i][0],
                       .template_name = "raw",
                       .constraints = &texts[i][1],
                       .constraint_count = 1};
    loci_prompt *p;
    loci_err err;
    must(loci_prompt_new(m, &q, &p, &err), &err);
    loci_trace *t = trace_of(m, p, how());
    const loci_grid *g = NULL;
    for (int k = 0; k < t->grid_count; k++)
      if (t->grids[k].groups) g = &t->grids[k];
    assert_non_null(g);
    if (!g) return; /* for those who do not know that it has ended */
    assert_string_equal(g->groups[0], "last");
    for (int l = 0; l < g->layer_count; l++)
      for (int h = 0; h < g->head_count; h++) ie[i][h][l] = g->ie[l * g->head_count + h];
    loci_free(t);
    loci_prompt_free(p);
  }
}

static const loci_chart *find_chart(const loci_average *a, const char *name) {
  for (int i = 0; i < a->chart_count; i++)
    if (strcmp(a->charts[i].name, name) == 0) return &a->charts[i];
  fail_msg("no chart \"%s\"", name);
  return NULL;
}

/* Whether it is among the ten highest of an example; equal ones in their order. */
static bool among_ten(double x[HEADS][LAYERS], int heads, int layers, int head, int layer) {
  int above = 0;
  for (int h = 0; h < heads; h++)
    for (int l = 0; l < layers; l++) {
      bool before = h < head || (h == head && l < layer);
      above += x[h][l] > x[head][layer] || (before && x[h][l] == x[head][layer]);
    }
  return above < 10;
}

/* Two-sided: the share of the 2^5 signs whose sum is as far from zero. */
static double slow_p(const double *x, int64_t stride) {
  int far = 0;
  double own = 0;
  for (int i = 0; i < EXAMPLES; i++) own += x[i * stride];
  for (int signs = 0; signs < 1 << EXAMPLES; signs++) {
    double sum = 0;
    for (int i = 0; i < EXAMPLES; i++) sum += (signs >> i & 1 ? -1 : 1) * x[i * stride];
    far += fabs(sum) >= fabs(own) - 1e-12;
  }
  return far / (double)(1 << EXAMPLES);
}

static void heads_are_the_means_of_single_traces(void **state) {
  (void)state;
  static double ie[EXAMPLES][HEADS][LAYERS];
  loci_model *m = open_with("text-llama", LOCI_PRECISION_F32, 1);
  write_examples();
  loci_average *a = average_of(m, how());
  single_traces(m, ie);
  const loci_chart *c = find_chart(a, "z by head, window 1: all of last");
  int heads = loci_model_get_info(m)->heads, layers = loci_model_get_info(m)->layers, agree = 0;
  assert_true(c->of_heads);
  assert_int_equal(c->curve_count, heads);
  assert_int_equal(c->point_count, layers);
  double best = -1;
  int best_head = 0, best_layer = 0;
  for (int h = 0; h < heads; h++) {
    const loci_curve *curve = &c->curves[h];
    assert_int_equal(curve->n, EXAMPLES);
    for (int l = 0; l < layers; l++) {
      double sum = 0, ten = 0;
      for (int i = 0; i < EXAMPLES; i++) {
        sum += ie[i][h][l] / EXAMPLES;
        ten += among_ten(ie[i], heads, layers, h, l) / (double)EXAMPLES;
      }
      /* the same walks; a mean in another order */
      assert_true(fabs(curve->points[l].value - sum) < 1e-7);
      assert_true(fabs(curve->among_ten[l] - ten) < 1e-12);
      bool zero = true;
      for (int i = 0; i < EXAMPLES; i++) zero &= ie[i][h][l] == 0;
      if (zero) assert_true(isnan(curve->p[l]) && isnan(curve->holm[l]));
      if (!zero) assert_true(fabs(curve->p[l] - slow_p(&ie[0][h][l], HEADS * LAYERS)) < 1e-12);
      if (sum > best) best = sum, best_head = h, best_layer = l;
    }
  }
  for (int i = 0; i < EXAMPLES; i++) {
    bool own = true;
    for (int h = 0; h < heads; h++)
      for (int l = 0; l < layers; l++) own &= !(ie[i][h][l] > ie[i][best_head][best_layer]);
    agree += own;
  }
  assert_true(fabs(c->curves[0].own_peak.value - agree / (double)EXAMPLES) < 1e-12);
  loci_free(a);
  loci_model_close(m);
}

/* The mean over heads is the site's own curve, and all tests are corrected together. */
static void charts_go_together(void **state) {
  (void)state;
  loci_model *m = open_with("text-llama", LOCI_PRECISION_F32, 1);
  write_examples();
  loci_average *a = average_of(m, how());
  const loci_chart *heads = find_chart(a, "z by head, window 1: last");
  const loci_chart *site = find_chart(a, "z, window 1");
  const loci_curve *last = NULL;
  for (int i = 0; i < site->curve_count; i++)
    if (strcmp(site->curves[i].name, "last") == 0) last = &site->curves[i];
  assert_non_null(last);
  if (!last) return;
  for (int l = 0; l < site->point_count; l++) {
    double mean = 0;
    for (int h = 0; h < heads->curve_count; h++)
      mean += heads->curves[h].points[l].value / heads->curve_count;
    assert_true(fabs(mean - last->points[l].value) < 1e-12);
  }
  static double p[20000], holm[20000], bh[20000];
  int64_t n = 0, at = 0;
  loci_err err;
  for (int i = 0; i < a->chart_count; i++)
    for (int k = 0; k < a->charts[i].curve_count; k++)
      for (int l = 0; l < a->charts[i].point_count; l++) p[n++] = a->charts[i].curves[k].p[l];
  must(stat_correct(p, n, holm, bh, &err), &err);
  for (int i = 0; i < a->chart_count; i++)
    for (int k = 0; k < a->charts[i].curve_count; k++)
      for (int l = 0; l < a->charts[i].point_count; l++, at++) {
        const loci_curve *c = &a->charts[i].curves[k];
        assert_true(c->holm[l] == holm[at] || isnan(holm[at]));
        assert_true(c->bh[l] == bh[at] || isnan(bh[at]));
      }
  loci_free(a);
  loci_model_close(m);
}

/* Nothing that was asked for is left out, however many charts and series that makes. */
static void every_site_and_window_has_its_chart(void **state) {
  (void)state;
  static const loci_site four[] = {LOCI_SITE_Z, LOCI_SITE_MLP_OUT, LOCI_SITE_ATTN_OUT,
                                   LOCI_SITE_RESID_POST};
  static const char *const names[] = {"z", "mlp_out", "attn_out", "resid_post"};
  static const int windows[] = {1, 2, 3, 4, 5};
  loci_model *m = open_with("text-llama", LOCI_PRECISION_F32, 1);
  loci_trace_opts o = how();
  o.sites = four;
  o.site_count = 4;
  o.windows = windows;
  o.window_count = 5;
  o.direction = LOCI_BOTH;
  loci_average *a = average_of(m, o);
  int heads = 0;
  for (int i = 0; i < a->chart_count; i++) {
    assert_non_null(a->charts[i].name);
    assert_true(a->charts[i].curve_count > 0);
    heads += a->charts[i].of_heads;
    for (int k = 0; k < i; k++) assert_string_not_equal(a->charts[i].name, a->charts[k].name);
  }
  for (int i = 0; i < 40; i++) {
    char name[64], by_head[64];
    const char *noise = i / 20 ? ", noise" : "";
    snprintf(name, sizeof name, "%s%s, window %d", names[i / 5 % 4], noise, windows[i % 5]);
    const loci_chart *c = find_chart(a, name);
    assert_true(c->curve_count >= 5); /* roles that some example has, and the group */
    for (int k = 0; i / 5 % 4 == 0 && k < c->curve_count; k++) {
      snprintf(by_head, sizeof by_head, "z%s by head, window %d: %s", noise, windows[i % 5],
               c->curves[k].name);
      find_chart(a, by_head);
      heads--;
    }
  }
  assert_int_equal(heads, 0);
  loci_free(a);
  loci_model_close(m);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(heads_are_the_means_of_single_traces),
      cmocka_unit_test(charts_go_together),
      cmocka_unit_test(every_site_and_window_has_its_chart),
  };
  int fd = mkstemp(path);
  if (fd < 0) return 1;
  close(fd);
  int failed = cmocka_run_group_tests(tests, NULL, NULL);
  unlink(path);
  return failed;
}
