/* Screening: what is run is what an exact trace says, the estimates do not depend on how much is
 * run or how much memory there is, and a small enough change is estimated exactly. */
#include "study/corrupt.h"
#include "walk/variants.h"

#include "study/traces_test.h"

static const loci_site all_sites[] = {LOCI_SITE_MLP_OUT, LOCI_SITE_ATTN_OUT, LOCI_SITE_RESID_POST,
                                      LOCI_SITE_Z};

static const loci_trace_opts usual = {.size = sizeof usual,
                                      .sites = all_sites,
                                      .site_count = 4,
                                      .direction = LOCI_BOTH,
                                      .screen = 25};

/* Cells that were run are the exact trace's; all others are estimates, weaker than those of their
 * grid that were chosen. */
static void check_against_exact(const loci_trace *screened, const loci_trace *exact) {
  int64_t run = 0, estimated = 0, drawn = 0;
  for (int i = 0; i < exact->grid_count; i++) {
    const loci_grid *g = &screened->grids[i], *e = &exact->grids[i];
    double strongest = 0; /* of those left */
    for (int64_t k = 0; k < cells_of(g); k++)
      if (!g->exact[k]) strongest = fmax(strongest, fabs(g->estimates[k].p));
    assert_int_equal(cells_of(g), cells_of(e));
    for (int64_t k = 0; k < cells_of(g); k++) {
      assert_int_equal(g->skipped[k], e->skipped[k]);
      double strength = fabs(g->estimates[k].p);
      if (g->skipped[k]) {
        assert_true(g->exact[k] && strength == 0);
      } else if (g->exact[k]) {
        run++;
        drawn += strength < strongest;
        /* the same run in another walk: sums of other row counts, 1e-6 of p */
        assert_true(fabs(g->cells[k].p - e->cells[k].p) < 1e-5);
        assert_true(fabs(g->cells[k].kl - e->cells[k].kl) < 1e-4);
      } else {
        estimated++;
        assert_true(isnan(g->cells[k].kl) && g->ie[k] == g->estimates[k].p);
      }
    }
  }
  assert_int_equal(run, screened->screen + screened->audit.cells);
  assert_int_equal(run + estimated, screened->screen_cells);
  assert_true(drawn <= screened->audit.cells); /* weaker than one left: drawn, not chosen */
  assert_true(screened->cost.rows <= screened->cost.formula);
}

static void the_strongest_cells_are_run(void **state) {
  (void)state;
  static const char *const models[] = {"llava-clip-llama", "text-phi", "gemma3", "paligemma"};
  for (int i = 0; i < 4; i++) {
    loci_model *m = open_with(models[i], LOCI_PRECISION_F32, 1);
    loci_prompt *p = ask_about(m, i != 1 ? PICTURE : NULL);
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
  loci_model *m = open_with("llava-clip-llama", LOCI_PRECISION_F32, 1);
  loci_prompt *p = ask_about(m, PICTURE);
  loci_trace_opts o = usual;
  o.corrupt = "noise:3";
  o.seeds = 4;
  o.screen_metric = LOCI_METRIC_LOGIT_DIFF;
  o.screen_steps = *(int *)*state;
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
  for (int i = 0; i < 4; i++) {
    loci_model *m = open_with("llava-siglip-phi", LOCI_PRECISION_F32, 1);
    loci_prompt *p = ask_about(m, PICTURE);
    loci_trace_opts o = usual;
    o.corrupt = kinds[i % 2];
    o.seeds = 2;
    o.screen = 1 << 30;     /* all of them */
    o.screen_steps = i / 2; /* 0: attribution patching */
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

/* ---------------------------------------------------------------- integrated gradients */

enum { STEPS = 2, LAYER = 1 };

/* What a shift along (clean - corrupted) at resid_post of one layer, at the last position, changes
 * log p of the target by, in the run between whose input rows lie [share] of the way. */
typedef struct between {
  const loci_prompt *p;
  target t;
  corruption c;
  float share, shift;
  int T;
  float *rows, *values, *patch; /* (changed, D); (2, T, D): clean, corrupted; (D) */
  double logp;
} between;

static void read_shifted(void *ctx, int64_t index, const float *logits) {
  between *b = ctx;
  int V = model_decoder(b->p->model)->vocab;
  (void)index;
  b->logp = reading_of(logits, V, b->t.ids[0], 0, NULL).logp;
}

static void run_walk(between *b, walk *w) {
  loci_err err;
  walk_hooks hooks = {.logits = read_shifted, .logits_ctx = b, .ordered = 1};
  must(walk_run(w, &hooks, &err), &err);
  walk_free(w);
}

/* Records clean and corrupted values, or runs between them with the shift. */
static void run_between(between *b, bool record) {
  loci_err err;
  walk *w;
  int clean, run, D = model_decoder(b->p->model)->width;
  must(walk_new(b->p->model, &w, &err), &err);
  must(walk_root(w, target_input(&b->t), &clean, &err), &err);
  must(walk_child(w, clean, &run, &err), &err);
  for (int i = 0; i < b->c.count; i++) {
    const float *to = b->t.embeds + (int64_t)b->c.positions[i] * D, *from = b->c.rows + i * D;
    for (int d = 0; d < D; d++)
      b->rows[i * D + d] = from[d] + (record ? 0 : b->share * (to[d] - from[d]));
    must(walk_embed(w, run, b->c.positions[i], b->rows + i * D, &err), &err);
  }
  for (int k = 0; record && k < 2; k++)
    must(walk_record(w, k ? run : clean, LOCI_SITE_RESID_POST, LAYER,
                     b->values + (int64_t)k * b->T * D, &err),
         &err);
  walk_patch patch = {.site = LOCI_SITE_RESID_POST,
                      .layer = LAYER,
                      .position = b->T - 1,
                      .head = -1,
                      .source = -1,
                      .values = b->patch,
                      .add = true};
  if (!record) must(walk_patch_add(w, run, &patch, &err), &err);
  must(walk_want(w, run, b->T - 1, &err), &err);
  run_walk(b, w);
}

/* The mean slope over the middles of the steps, by differences. */
static double slope_between(between *b) {
  const float e = 0.01F;
  double sum = 0;
  int D = model_decoder(b->p->model)->width;
  const float *clean = b->values + (int64_t)(b->T - 1) * D, *corrupted = clean + (int64_t)b->T * D;
  for (int k = 0; k < STEPS; k++) {
    b->share = ((float)k + 0.5F) / STEPS;
    for (int sign = -1; sign <= 1; sign += 2) {
      for (int d = 0; d < D; d++) b->patch[d] = (float)sign * e * (clean[d] - corrupted[d]);
      run_between(b, false);
      sum += sign * b->logp / (2 * (double)e) / STEPS;
    }
  }
  return sum;
}

static void integrated_gradients_are_mean_slopes_on_the_way(void **state) {
  (void)state;
  loci_model *m = open_with("text-phi", LOCI_PRECISION_F32, 1);
  between b = {.p = ask_about(m, NULL)};
  loci_trace_opts o = {.corrupt = "replace:Rome", .seeds = 1, .screen = 1, .screen_steps = STEPS};
  loci_trace *t = trace_of(m, (loci_prompt *)(uintptr_t)b.p, o);
  arena *mem = arena_new();
  loci_err err;
  int D = model_decoder(m)->width;
  must(target_make(b.p, NULL, mem, &b.t, &err), &err);
  must(corruption_make(b.p, &o, -1, mem, &b.c, &err), &err);
  b.T = b.t.length;
  b.t.ids[0] = t->target_ids[0];
  b.rows = arena_array(mem, (int64_t)b.c.count * D, float);
  b.values = arena_array(mem, 2LL * b.T * D, float);
  b.patch = arena_array(mem, D, float);
  assert_true(b.rows && b.values && b.patch);
  run_between(&b, true);
  const loci_grid *g = &t->grids[4]; /* resid_post, positions */
  assert_true(g->site == LOCI_SITE_RESID_POST && g->positions);
  double got = g->estimates[(LAYER + 1) * g->column_count - 1].logp, want = slope_between(&b);
  assert_true(fabs(want) > 1e-3);
  assert_true(fabs(got - want) < 0.01 * fabs(want)); /* differences of f32 numbers */
  assert_true(t->screen_steps == STEPS);
  arena_free(mem);
  loci_free(t);
  loci_prompt_free((loci_prompt *)(uintptr_t)b.p);
  loci_model_close(m);
}

/* ---------------------------------------------------------------- the sample */

/* A grid's reach, from what came out and an exact trace. */
static double reach_again(const loci_trace *t, const loci_trace *exact, int grid) {
  double left = -1, strongest = 0;
  for (int i = 0; i < t->grid_count; i++) {
    const loci_grid *g = &t->grids[i];
    if (g->site != t->grids[grid].site || g->direction != t->grids[grid].direction) continue;
    for (int64_t k = 0; k < cells_of(g); k++) {
      if (!g->exact[k]) left = fmax(left, fabs(g->estimates[k].p));
      if (g->exact[k]) strongest = fmax(strongest, fabs(exact->grids[i].ie[k]));
    }
  }
  return left / strongest; /* at least: the sample can only add */
}

static void what_a_sample_cannot_rule_out_is_said(void **state) {
  (void)state;
  loci_model *m = open_with("llava-siglip-phi", LOCI_PRECISION_F32, 1);
  loci_prompt *p = ask_about(m, PICTURE);
  loci_trace *exact = trace_of(m, p, (loci_trace_opts){.direction = LOCI_BOTH});
  int poor = 0, sound = 0;
  for (int k = 1; k <= 4096; k *= 8) {
    loci_trace_opts o = {.direction = LOCI_BOTH, .screen = k, .screen_steps = 3, .audit = 24};
    loci_trace *t = trace_of(m, p, o);
    bool any = false;
    for (int i = 0; i < t->grid_count; i++) {
      double reach = t->grids[i].reach;
      if (!isnan(reach)) assert_true(reach >= reach_again(t, exact, i) - 1e-6);
      any |= reach >= 0.35;
    }
    assert_true(t->audit.poor == any);
    assert_true(any == (t->note_count > 0 && strstr(t->notes[0], "NOT TO BE TRUSTED") != NULL));
    assert_true(t->audit.cells <= 24 && (t->screen == t->screen_cells || t->audit.cells > 0));
    poor += any;
    sound += !any;
    loci_free(t);
  }
  assert_true(poor > 0 && sound > 0); /* one cell of each site says little, all say everything */
  loci_free(exact);
  loci_prompt_free(p);
  loci_model_close(m);
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
                           {.screen = 5, .screen_steps = -1},
                           {.screen = 5, .audit = -1},
                           {.screen = 5, .screen_metric = LOCI_METRIC_KL}};
  for (int i = 0; i < 7; i++) {
    loci_trace *t;
    loci_err err;
    bad[i].size = sizeof bad[i];
    bad[i].no_hash = true;
    assert_int_equal(loci_trace_new(m, p, &bad[i], &t, &err), LOCI_EINVAL);
    assert_null(t);
  }
  loci_prompt_free(p);
  loci_model_close(m);
}

int main(void) {
  static int steps[] = {0, 3};
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_strongest_cells_are_run),
      cmocka_unit_test_prestate(memory_changes_no_estimate, &steps[0]),
      cmocka_unit_test_prestate(memory_changes_no_estimate, &steps[1]),
      cmocka_unit_test(small_changes_are_estimated_exactly),
      cmocka_unit_test(integrated_gradients_are_mean_slopes_on_the_way),
      cmocka_unit_test(what_a_sample_cannot_rule_out_is_said),
      cmocka_unit_test(requests_that_make_no_sense_are_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
