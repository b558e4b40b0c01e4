/* Screening: what is run is what an exact trace says, the estimates do not depend on how much is
 * run or how much memory there is, and a small enough change is estimated exactly. */
#include "study/traces_test.h"

static const loci_site all_sites[] = {LOCI_SITE_MLP_OUT, LOCI_SITE_ATTN_OUT, LOCI_SITE_RESID_POST,
                                      LOCI_SITE_Z};

static const loci_trace_opts usual = {.size = sizeof usual,
                                      .sites = all_sites,
                                      .site_count = 4,
                                      .direction = LOCI_BOTH,
                                      .screen = 25};

/* Cells that were run are the exact trace's; all others are estimates, weaker than those. */
static void check_against_exact(const loci_trace *screened, const loci_trace *exact) {
  int64_t run = 0, estimated = 0;
  double weakest = (double)INFINITY, strongest = 0;
  for (int i = 0; i < exact->grid_count; i++) {
    const loci_grid *g = &screened->grids[i], *e = &exact->grids[i];
    assert_int_equal(cells_of(g), cells_of(e));
    for (int64_t k = 0; k < cells_of(g); k++) {
      assert_int_equal(g->skipped[k], e->skipped[k]);
      double strength = fabs(g->estimates[k].p);
      if (g->skipped[k]) {
        assert_true(g->exact[k] && strength == 0);
      } else if (g->exact[k]) {
        run++;
        weakest = fmin(weakest, strength);
        /* the same run in another walk: sums of other row counts, 1e-6 of p */
        assert_true(fabs(g->cells[k].p - e->cells[k].p) < 1e-5);
        assert_true(fabs(g->cells[k].kl - e->cells[k].kl) < 1e-4);
      } else {
        estimated++;
        strongest = fmax(strongest, strength);
        assert_true(isnan(g->cells[k].kl) && g->ie[k] == g->estimates[k].p);
      }
    }
  }
  assert_int_equal(run, screened->screen);
  assert_int_equal(run + estimated, screened->screen_cells);
  if (estimated) assert_true(weakest >= strongest);
  assert_true(screened->cost.rows <= screened->cost.formula);
}

static void the_strongest_cells_are_run(void **state) {
  (void)state;
  static const char *const models[] = {"llava-clip-llama", "text-phi"};
  for (int i = 0; i < 2; i++) {
    loci_model *m = open_with(models[i], LOCI_PRECISION_F32, 1);
    loci_prompt *p = ask_about(m, i == 0 ? PICTURE : NULL);
    loci_trace_opts o = usual, plain = usual;
    plain.screen = 0;
    loci_trace *exact = trace_of(m, p, plain);
    for (o.screen = 1; o.screen < 100000; o.screen *= 60) {
      loci_trace *t = trace_of(m, p, o);
      check_against_exact(t, exact);
      if (o.screen > 10000) assert_true(trace_distance(t, exact) < 1e-4);
      loci_free(t);
    }
    loci_free(exact);
    loci_prompt_free(p);
    loci_model_close(m);
  }
}

static double estimate_distance(const loci_trace *a, const loci_trace *b) {
  double most = 0;
  for (int i = 0; i < a->grid_count; i++) {
    for (int64_t k = 0; k < cells_of(&a->grids[i]); k++) {
      const loci_estimate *x = &a->grids[i].estimates[k], *y = &b->grids[i].estimates[k];
      most = fmax(most, fmax(fabs(x->p - y->p), fabs(x->logp - y->logp)));
      most = fmax(most, fabs(x->logit_diff - y->logit_diff));
    }
  }
  return most;
}

/* Seeds and sites in one walk, or one by one where memory is short. */
static void memory_changes_no_estimate(void **state) {
  (void)state;
  loci_model *m = open_with("llava-clip-llama", LOCI_PRECISION_F32, 1);
  loci_prompt *p = ask_about(m, PICTURE);
  loci_trace_opts o = usual;
  o.corrupt = "noise:3";
  o.seeds = 4;
  o.screen_metric = LOCI_METRIC_LOGIT_DIFF;
  loci_trace *all = trace_of(m, p, o);
  int64_t enough = 1LL << 30, little = 1 << 20;
  int64_t rows = 0; /* of the trace with the least memory that will do */
  while (enough - little > 4096) {
    loci_err err;
    loci_trace *t;
    o.no_hash = true;
    m->memory = (enough + little) / 2;
    loci_status st = loci_trace_new(m, p, &o, &t, &err);
    if (st) assert_int_equal(st, LOCI_ENOMEM);
    *(st ? &little : &enough) = m->memory;
    if (st) continue;
    assert_true(estimate_distance(t, all) < 1e-5);
    rows = t->cost.rows;
    loci_free(t);
  }
  assert_true(rows > 2 * all->cost.rows); /* four seeds and four sites, one by one */
  loci_free(all);
  loci_prompt_free(p);
  loci_model_close(m);
}

/* With little noise everything is linear: estimates are effects, and ranks agree. */
static void small_changes_are_estimated_exactly(void **state) {
  (void)state;
  static const char *const kinds[] = {"noise:0.02", "image-noise:0.01"};
  for (int i = 0; i < 2; i++) {
    loci_model *m = open_with("llava-siglip-phi", LOCI_PRECISION_F32, 1);
    loci_prompt *p = ask_about(m, PICTURE);
    loci_trace_opts o = usual;
    o.corrupt = kinds[i];
    o.seeds = 2;
    o.screen = 1 << 30; /* all of them */
    o.screen_metric = LOCI_METRIC_LOGP;
    loci_trace *t = trace_of(m, p, o);
    double largest = 0, worst = 0;
    for (int g = 0; g < t->grid_count; g++) {
      const loci_grid *x = &t->grids[g];
      double base = x->direction == LOCI_NOISE ? t->clean.m.logp : t->corrupted.m.logp;
      for (int64_t k = 0; k < cells_of(x); k++) {
        double effect = x->cells[k].logp - base;
        largest = fmax(largest, fabs(effect));
        worst = fmax(worst, fabs(effect - x->estimates[k].logp));
      }
    }
    assert_true(largest > 1e-4);
    assert_true(worst < 0.05 * largest); /* what is not linear in a change of this size */
    assert_true(t->spearman > 0.98);
    loci_free(t);
    loci_prompt_free(p);
    loci_model_close(m);
  }
}

static void requests_that_make_no_sense_are_refused(void **state) {
  (void)state;
  static const int three[] = {3}, two[] = {1, 3};
  loci_model *m = open_with("text-phi", LOCI_PRECISION_F32, 1);
  loci_prompt *p = ask_about(m, NULL);
  loci_trace_opts bad[] = {{.screen = -1},
                           {.screen = 5, .windows = three, .window_count = 1},
                           {.screen = 5, .windows = two, .window_count = 2},
                           {.screen = 5, .authors = true},
                           {.screen = 5, .screen_metric = LOCI_METRIC_KL}};
  for (int i = 0; i < 5; i++) {
    loci_trace *t;
    loci_err err;
    bad[i].no_hash = true;
    assert_int_equal(loci_trace_new(m, p, &bad[i], &t, &err), LOCI_EINVAL);
    assert_null(t);
  }
  loci_prompt_free(p);
  loci_model_close(m);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_strongest_cells_are_run),
      cmocka_unit_test(memory_changes_no_estimate),
      cmocka_unit_test(small_changes_are_estimated_exactly),
      cmocka_unit_test(requests_that_make_no_sense_are_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
