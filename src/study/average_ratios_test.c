/* Which share of a difference comes back, over examples: against traces of single examples, and
 * laws of both ratios. */
#include "study/traces_test.h"

#include "sized.h"
#include "study/average_tests.h"

enum { EXAMPLES = 6 };

static char path[] = "/tmp/loci-ratios-XXXXXX";

static const char *const texts[EXAMPLES][2] = {
    {"The bridge of Vienna was built by", "Vienna"}, {"The people of Vienna speak", "Vienna"},
    {"Who made this old building here", "this old"}, {"In Rome they say that", "Rome"},
    {"The tower of the town was built by", "tower"}, {"A city of Vienna is", "city"}};

static const loci_site sites[] = {LOCI_SITE_MLP_OUT, LOCI_SITE_Z};

static loci_trace_opts how(void) {
  return (loci_trace_opts){.size = sizeof(loci_trace_opts),
                           .corrupt = "noise:0.04",
                           .sites = sites,
                           .site_count = 2,
                           .positions = "each,last"};
}

static void write_examples(void) {
  FILE *f = fopen(path, "w");
  assert_non_null(f);
  for (int i = 0; i < EXAMPLES; i++)
    fprintf(f, "{\"question\":\"%s\",\"constraints\":[{\"text\":\"%s\"}]}\n", texts[i][0],
            texts[i][1]);
  assert_int_equal(fclose(f), 0);
}

static loci_average *average_of(loci_model *m) {
  loci_trace_opts trace = how();
  loci_study_opts over = {.size = sizeof over, .template_name = "raw", .no_hash = true};
  loci_examples *x;
  loci_average *a;
  loci_err err;
  write_examples();
  must(loci_examples_open(path, &x, &err), &err);
  must(loci_average_new(m, x,
                        SIZED(loci_average_opts, .what = "trace", .study = &over, .trace = &trace,
                              .least_effect = -1),
                        &a, &err),
       &err);
  loci_examples_close(x);
  return a;
}

static loci_trace *single(loci_model *m, int i, loci_prompt **p) {
  loci_question q = {.size = sizeof q,
                     .text = texts[i][0],
                     .template_name = "raw",
                     .constraints = &texts[i][1],
                     .constraint_count = 1};
  loci_err err;
  must(loci_prompt_new(m, &q, p, &err), &err);
  return trace_of(m, *p, how());
}

/* The last position as a group, of a site: of head h, or (-1) without heads. */
static double effect_of(const loci_trace *t, loci_site site, int head, int layer, bool logits) {
  for (int i = 0; i < t->grid_count; i++) {
    const loci_grid *g = &t->grids[i];
    if (g->site != site || !g->groups) continue;
    int64_t at = head < 0 ? layer : (int64_t)layer * g->head_count + head;
    double share = logits ? g->restoration_logit_diff[at] : g->restoration[at];
    double whole = logits ? t->clean.m.logit_diff - t->corrupted.m.logit_diff : t->total_effect;
    double effect = logits ? g->cells[at].logit_diff - t->corrupted.m.logit_diff
                           : g->cells[at].p - t->corrupted.m.p;
    if (!g->skipped[at] && !isnan(share)) assert_true(fabs(share * whole - effect) < 1e-9);
    return effect;
  }
  fail_msg("no grid");
  return 0;
}

static const loci_curve *curve_of(const loci_average *a, const char *chart, const char *name) {
  for (int i = 0; i < a->chart_count; i++) {
    for (int k = 0; strcmp(a->charts[i].name, chart) == 0 && k < a->charts[i].curve_count; k++)
      if (strcmp(a->charts[i].curves[k].name, name) == 0) return &a->charts[i].curves[k];
  }
  fail_msg("no curve \"%s\" of \"%s\"", name, chart);
  return NULL;
}

/* Both ratios the plain way. */
static void check(loci_trace *const *t, const loci_restored *r, loci_site site, int head,
                  bool logits, int *left_out) {
  int L = t[0]->grids[0].layer_count;
  assert_non_null(r);
  *left_out = 0;
  for (int l = 0; l < L; l++) {
    double ratios = 0, parts = 0, all = 0;
    int n = 0;
    for (int i = 0; i < EXAMPLES; i++) {
      double whole =
          logits ? t[i]->clean.m.logit_diff - t[i]->corrupted.m.logit_diff : t[i]->total_effect;
      double part = effect_of(t[i], site, head, l, logits);
      if (fabs(whole) < (logits ? 0.1 : 1e-6)) continue;
      ratios += part / whole;
      parts += part;
      all += whole;
      n++;
    }
    assert_int_equal(r->n, n);
    assert_int_equal(r->left_out, EXAMPLES - n);
    *left_out = EXAMPLES - n;
    const loci_interval *mean = &r->mean_of_ratios[l], *ratio = &r->ratio_of_means[l];
    /* the same walks; sums in another order */
    assert_true(fabs(mean->value - ratios / n) < 1e-9 * (1 + fabs(ratios)));
    assert_true(fabs(ratio->value - parts / all) < 1e-9 * (1 + fabs(parts / all)));
    assert_true(isnan(ratio->lo) || (ratio->lo <= ratio->value && ratio->value <= ratio->hi));
  }
}

static void ratios_are_those_of_single_traces(void **state) {
  (void)state;
  loci_model *m = open_with("text-llama", LOCI_PRECISION_F32, 1);
  loci_average *a = average_of(m);
  loci_trace *t[EXAMPLES];
  loci_prompt *p[EXAMPLES];
  int left_out, most = 0;
  for (int i = 0; i < EXAMPLES; i++) t[i] = single(m, i, &p[i]);
  const loci_curve *c = curve_of(a, "mlp_out, window 1", "all of last");
  check(t, c->p_restored, LOCI_SITE_MLP_OUT, -1, false, &left_out);
  check(t, c->logit_diff_restored, LOCI_SITE_MLP_OUT, -1, true, &left_out);
  for (int h = 0; h < loci_model_get_info(m)->heads; h++) {
    char name[16];
    snprintf(name, sizeof name, "head %d", h);
    c = curve_of(a, "z by head, window 1: all of last", name);
    check(t, c->logit_diff_restored, LOCI_SITE_Z, h, true, &left_out);
    if (left_out > most) most = left_out;
  }
  assert_in_range(most, 1, EXAMPLES - 2); /* both kinds of example are there */
  for (int i = 0; i < EXAMPLES; i++) {
    loci_free(t[i]);
    loci_prompt_free(p[i]);
  }
  loci_free(a);
  loci_model_close(m);
}

/* ---------------------------------------------------------------- laws */

typedef struct made {
  loci_study_opts opts;
  study s;
  loci_average out;
  averaging a;
} made;

static made *make(int n, const double *effect, const double *total) {
  loci_err err;
  made *x = calloc(1, sizeof *x);
  assert_non_null(x);
  if (!x) abort();
  x->s.opts = &x->opts;
  x->a = (averaging){.s = &x->s, .mem = arena_new(), .out = &x->out};
  must(average_begin(&x->a, &err), &err);
  for (int i = 0; i < n; i++) {
    series_key key = {.quantity = "mlp_out", .window = 1, .place = "last", .points = 1};
    must(average_room(&x->a, &err), &err);
    must(average_put(&x->a, &key, &effect[i], &err), &err);
    must(average_put_number(&x->a, "total effect", total[i], &err), &err);
    average_next(&x->a, -1);
  }
  return x;
}

static const loci_restored *restored_of(made *x, double least) {
  const loci_restored *r;
  loci_err err;
  must(average_restored(&x->a, 0, 0, 1, 1, least, &r, &err), &err);
  return r;
}

static void end(made *x) {
  average_clear(&x->a);
  arena_free(x->a.mem);
  free(x);
}

/* Where all differences are the same, both ratios are, with their intervals; what differs too
 * little is in neither; and where each effect is the same share, nothing is uncertain. */
static void both_ratios_have_their_laws(void **state) {
  (void)state;
  const double effect[] = {0.2, 0.5, 0.1, 0.4, 0.7, 9}, same[] = {0.5, 0.5, 0.5, 0.5, 0.5, 0.01};
  const double half[] = {0.1, 0.2, 0.3, 0.4}, whole[] = {0.2, 0.4, 0.6, 0.8};
  made *x = make(6, effect, same);
  const loci_restored *r = restored_of(x, 0.1);
  assert_int_equal(r->n, 5);
  assert_int_equal(r->left_out, 1);
  assert_true(fabs(r->mean_of_ratios->value - 0.76) < 1e-12);
  assert_true(fabs(r->ratio_of_means->value - 0.76) < 1e-12);
  assert_true(fabs(r->mean_of_ratios->lo - r->ratio_of_means->lo) < 1e-9);
  assert_true(fabs(r->mean_of_ratios->hi - r->ratio_of_means->hi) < 1e-9);
  assert_true(r->mean_of_ratios->lo < 0.7 && r->mean_of_ratios->hi > 0.8);
  end(x);
  x = make(4, half, whole);
  r = restored_of(x, 0.1);
  assert_true(fabs(r->ratio_of_means->value - 0.5) < 1e-12);
  assert_false(r->ratio_of_means->hi - r->ratio_of_means->lo > 1e-9); /* or none: all alike */
  end(x);
}

/* Of two curves the strongest of both, not of each: two of three examples have it where the mean
 * has. */
static void own_peaks_are_of_the_whole_map(void **state) {
  (void)state;
  static const double x[3][2][2] = {{{1, 5}, {2, 0}}, {{0, 4}, {3, 1}}, {{0, 1}, {6, 2}}};
  loci_err err;
  int series[2];
  const double none[1] = {0};
  made *m = make(0, none, none);
  for (int i = 0; i < 3; i++) {
    must(average_room(&m->a, &err), &err);
    for (int k = 0; k < 2; k++) {
      series_key key = {.quantity = "z", .window = 1, .place = k ? "last" : "image", .points = 2};
      must(average_put(&m->a, &key, x[i][k], &err), &err);
    }
    average_next(&m->a, -1);
  }
  loci_chart *c = average_chart(&m->a, "z", "effect", 0, 2, 2);
  for (int k = 0; k < 2; k++) {
    series[k] = average_find(&m->a, "z", 1, k ? "last" : "image");
    must(average_curve(&m->a, c, series[k], OF_ALL, k ? "last" : "image", &err), &err);
  }
  assert_true(isnan(c->own_peak.value));
  average_own_map(&m->a, c, series);
  /* means 1/3 and 10/3, 11/3 and 1: the strongest is the second curve's first, one example's own */
  assert_true(fabs(c->own_peak.value - 1 / 3.0) < 1e-12);
  assert_true(average_own_peak(&m->a, series[0], 1).value == 1);
  end(m);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(ratios_are_those_of_single_traces),
      cmocka_unit_test(both_ratios_have_their_laws),
      cmocka_unit_test(own_peaks_are_of_the_whole_map),
  };
  int fd = mkstemp(path);
  if (fd < 0) return 1;
  close(fd);
  int failed = cmocka_run_group_tests(tests, NULL, NULL);
  unlink(path);
  return failed;
}
