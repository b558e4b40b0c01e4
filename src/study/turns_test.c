/* A trace that is looked on: early parts come first, the end is the trace of one walk bit for bit,
 * and a stop at any time leaves exactly what was done. */
#include "study/traces_test.h"
#include "walk/keep.h"

typedef struct seen {
  int calls, estimated; /* calls so far; the first that had estimates */
  int64_t done;
  int stop_at; /* the call after which nothing more is to be done; 0: none */
  double strongest_left;
  bool ordered;
} seen;

static bool go_on(void *ctx, const char *stage, double done, double total) {
  const seen *x = ctx;
  (void)stage, (void)done, (void)total;
  return x->stop_at == 0 || x->calls < x->stop_at;
}

static bool stop_at_once(void *ctx, const char *stage, double done, double total) {
  (void)ctx, (void)stage, (void)done, (void)total;
  return false;
}

/* The weakest estimate of the cells that were run is at least the strongest of the others. */
static bool is_ordered(const loci_trace *t) {
  double weakest = (double)INFINITY, strongest = 0;
  for (int i = 0; i < t->grid_count; i++) {
    const loci_grid *g = &t->grids[i];
    for (int64_t k = 0; k < cells_of(g); k++) {
      double e = fabs(g->estimates[k].p);
      if (g->skipped[k] || isnan(e)) continue;
      if (g->exact[k]) weakest = fmin(weakest, e);
      if (!g->exact[k]) strongest = fmax(strongest, e);
    }
  }
  return weakest >= strongest;
}

static void look(void *ctx, const loci_trace *t) {
  seen *x = ctx;
  int64_t run = 0;
  x->calls++;
  assert_true(t->clean.m.p > 0 && t->clean.top[0].text && t->corrupted.top[0].text);
  int64_t done = t->planned - t->missing;
  assert_true(done >= x->done && t->missing >= 0);
  for (int i = 0; i < t->grid_count; i++) {
    const loci_grid *g = &t->grids[i];
    for (int64_t k = 0; k < cells_of(g); k++) {
      run += g->exact[k] && !g->skipped[k];
      if (!g->exact[k]) assert_true(isnan(g->cells[k].kl));
      if (!g->exact[k] && !isnan(g->estimates[k].p) && !x->estimated) x->estimated = x->calls;
    }
  }
  assert_int_equal(run, done);
  if (x->calls == 1) assert_int_equal(run, 0);
  x->ordered &= is_ordered(t);
  x->done = done;
}

static loci_trace_opts watched(const loci_trace_opts *plain, seen *x) {
  loci_trace_opts o = *plain;
  o.progress = go_on;
  o.progress_ctx = x;
  o.watch = look;
  o.watch_ctx = x;
  o.partial = true;
  return o;
}

static void assert_same(const loci_trace *a, const loci_trace *b) {
  assert_int_equal(a->grid_count, b->grid_count);
  for (int i = 0; i < a->grid_count; i++) {
    size_t n = (size_t)cells_of(&a->grids[i]);
    assert_memory_equal(a->grids[i].cells, b->grids[i].cells, n * sizeof(loci_metrics));
    assert_memory_equal(a->grids[i].ie, b->grids[i].ie, n * sizeof(double));
    assert_memory_equal(a->grids[i].restoration, b->grids[i].restoration, n * sizeof(double));
  }
}

static const loci_site sites[] = {LOCI_SITE_MLP_OUT, LOCI_SITE_Z, LOCI_SITE_RESID_POST};
static const loci_site odd_sites[] = {LOCI_SITE_MLP_OUT, LOCI_SITE_RESID_PRE};
static const int windows[] = {1, 3};

static const loci_trace_opts kinds[] = {
    {.corrupt = "replace:Rome", .sites = sites, .site_count = 3},
    {.corrupt = "noise:3", .seeds = 2, .direction = LOCI_BOTH},
    {.corrupt = "mean", .sites = odd_sites, .site_count = 2, .windows = windows, .window_count = 2},
    {.answer = "Paris and Rome", .positions = "constraint,last"},
    {.corrupt = "mean", .screen = 20, .screen_steps = 3},
};
enum { KINDS = sizeof kinds / sizeof *kinds };

static void the_end_is_that_of_one_walk(void **state) {
  static const char *const models[] = {"llava-clip-llama", "text-phi", "gemma3", "paligemma"};
  (void)state;
  for (int m = 0; m < 4; m++) {
    loci_model *model = open_with(models[m], LOCI_PRECISION_F32, 1);
    loci_prompt *p = ask_about(model, m != 1 ? PICTURE : NULL);
    for (int i = 0; i < KINDS; i++) {
      for (int keep = 0; keep < 2; keep++) {
        seen x = {.ordered = true};
        loci_trace *plain = trace_of(model, p, kinds[i]);
        assert_int_equal(loci_prompt_keep(p, keep ? 1 << 30 : 0, NULL, NULL, NULL), LOCI_OK);
        loci_trace *t = trace_of(model, p, watched(&kinds[i], &x));
        assert_same(plain, t);
        assert_true(t->missing == 0 && t->planned > 0);
        assert_true(x.calls > (t->planned > 40 ? 8 : 3) && x.estimated == 2);
        assert_true(x.ordered || kinds[i].screen > 0); /* which takes of every grid in turn */
        assert_int_equal(t->grids[0].estimates != NULL, kinds[i].screen > 0);
        loci_free(t);
        loci_free(plain);
      }
    }
    loci_prompt_free(p);
    loci_model_close(model);
  }
}

/* No run is kept of a prompt whose rows all see one another: each would be a run more. */
static void only_what_is_used_is_kept(void **state) {
  static const char *const models[] = {"llava-clip-llama", "gemma3", "paligemma"};
  (void)state;
  for (int m = 0; m < 3; m++) {
    loci_model *model = open_with(models[m], LOCI_PRECISION_F32, 1);
    loci_prompt *p = ask_about(model, PICTURE);
    assert_int_equal(loci_prompt_keep(p, 1 << 30, NULL, NULL, NULL), LOCI_OK);
    assert_int_equal(keep_is_used(p), m < 2);
    assert_int_equal(keep_fits(p, 1 << 30), m < 2);
    assert_false(keep_fits(p, 1000));
    loci_prompt_free(p);
    loci_model_close(model);
  }
}

/* Each cell of a stopped trace is the whole one's, or marked. */
static void a_stop_keeps_what_is_done(void **state) {
  loci_model *m = open_with("llava-clip-llama", LOCI_PRECISION_F32, 1);
  loci_prompt *p = ask_about(m, PICTURE);
  loci_err err;
  (void)state;
  for (int i = 0; i < KINDS; i++) {
    loci_trace *whole = trace_of(m, p, kinds[i]);
    for (int at = 1; at < 9; at += 2) {
      seen x = {.ordered = true, .stop_at = at};
      loci_trace_opts o = watched(&kinds[i], &x);
      loci_trace *t = trace_of(m, p, o);
      int64_t run = 0;
      assert_true(x.calls == at && t->missing > 0);
      for (int g = 0; g < t->grid_count; g++) {
        for (int64_t k = 0; k < cells_of(&t->grids[g]); k++) {
          if (!t->grids[g].exact[k]) continue;
          run += !t->grids[g].skipped[k];
          assert_memory_equal(&t->grids[g].cells[k], &whole->grids[g].cells[k],
                              sizeof(loci_metrics));
        }
      }
      assert_int_equal(run, t->planned - t->missing);
      assert_true(at < 3 ? run == 0 : run > 0);
      loci_free(t);
    }
    loci_free(whole);
  }
  seen x = {.stop_at = 3};
  loci_trace_opts o = watched(&kinds[0], &x);
  loci_trace *t;
  o.size = sizeof o;
  o.partial = false; /* nobody asked for a part */
  assert_int_equal(loci_trace_new(m, p, &o, &t, &err), LOCI_ECANCELLED);
  assert_true(t == NULL && x.calls == 3);
  x.calls = 0;
  o.partial = true;
  o.size = sizeof o;
  o.progress = stop_at_once;
  assert_int_equal(loci_trace_new(m, p, &o, &t, &err), LOCI_ECANCELLED);
  assert_true(t == NULL && x.calls == 0);
  loci_prompt_free(p);
  loci_model_close(m);
}

/* What is stopped goes on with the cells that are left, and ends as the whole. */
static void a_stopped_trace_goes_on(void **state) {
  loci_model *m = open_with("llava-clip-llama", LOCI_PRECISION_F32, 1);
  loci_prompt *p = ask_about(m, PICTURE), *other = ask_about(m, PICTURE);
  loci_trace *none;
  loci_err err;
  (void)state;
  for (int i = 0; i < KINDS; i++) {
    loci_trace *whole = trace_of(m, p, kinds[i]), *part = NULL;
    for (int at = 3; at < 9; at += 3) { /* stopped twice, then left alone */
      seen x = {.ordered = true, .stop_at = at > 3 ? 4 : at};
      loci_trace_opts o = watched(&kinds[i], &x);
      o.so_far = part;
      if (kinds[i].screen > 0) o.so_far = NULL;
      loci_trace *t = trace_of(m, p, o);
      assert_true(!part || kinds[i].screen > 0 || t->missing < part->missing);
      loci_free(part);
      part = t;
    }
    seen x = {.ordered = true};
    loci_trace_opts o = watched(&kinds[i], &x);
    o.size = sizeof o;
    o.so_far = part;
    assert_int_equal(loci_trace_new(m, other, &o, &none, &err), LOCI_EINVAL);
    if (kinds[i].screen > 0) {
      assert_int_equal(loci_trace_new(m, p, &o, &none, &err), LOCI_EINVAL);
    } else {
      loci_trace *end = trace_of(m, p, o);
      assert_same(whole, end);
      assert_int_equal(end->missing, 0);
      loci_free(end);
    }
    loci_free(part);
    loci_free(whole);
  }
  loci_prompt_free(other);
  loci_prompt_free(p);
  loci_model_close(m);
}

/* As many layers or columns are not the same ones. */
static void a_trace_of_other_cells_is_not_gone_on_with(void **state) {
  static const loci_site one[] = {LOCI_SITE_MLP_OUT};
  const loci_trace_opts late = {.sites = one, .site_count = 1, .first_layer = 2, .layer_count = 2};
  const loci_trace_opts early = {.sites = one, .site_count = 1, .layer_count = 2};
  const loci_trace_opts group = {.sites = one, .site_count = 1, .positions = "last"};
  const loci_trace_opts other = {.sites = one, .site_count = 1, .positions = "constraint"};
  const loci_trace_opts *pairs[][2] = {{&early, &late}, {&group, &other}};
  loci_model *m = open_with("llava-clip-llama", LOCI_PRECISION_F32, 1);
  loci_prompt *p = ask_about(m, PICTURE);
  loci_err err;
  (void)state;
  for (int i = 0; i < 2; i++) {
    seen x = {.ordered = true, .stop_at = 3}, y = {.ordered = true};
    loci_trace *part = trace_of(m, p, watched(pairs[i][0], &x)), *none;
    loci_trace_opts o = watched(pairs[i][1], &y);
    o.size = sizeof o;
    o.so_far = part;
    assert_int_equal(loci_trace_new(m, p, &o, &none, &err), LOCI_EINVAL);
    loci_free(part);
  }
  loci_prompt_free(p);
  loci_model_close(m);
}

/* One cell, by the number of its position, is the whole trace's. */
static void a_position_by_its_number(void **state) {
  static const loci_site one[] = {LOCI_SITE_MLP_OUT};
  loci_model *m = open_with("llava-clip-llama", LOCI_PRECISION_F32, 1);
  loci_prompt *p = ask_about(m, PICTURE);
  loci_err err;
  loci_trace *whole = trace_of(m, p, (loci_trace_opts){.sites = one, .site_count = 1}), *t;
  const loci_grid *g = &whole->grids[0];
  (void)state;
  for (int c = 0; c < g->column_count; c += 3) {
    char positions[32];
    snprintf(positions, sizeof positions, "%d,%d,0,%d", g->positions[c], g->positions[0],
             g->positions[c]);
    t = trace_of(m, p,
                 (loci_trace_opts){.sites = one,
                                   .site_count = 1,
                                   .positions = positions,
                                   .first_layer = 1,
                                   .layer_count = 1});
    const loci_grid *few = &t->grids[0];
    int n = few->column_count - 1;
    assert_true(t->grid_count == 1 && few->positions[0] == 0 && few->skipped[0]);
    assert_true(n == (c > 0) + 1 && few->positions[n] == g->positions[c]);
    /* three rows of the head round otherwise than many */
    assert_true(fabs(few->cells[n].p - g->cells[g->column_count + c].p) < 1e-6);
    loci_free(t);
  }
  loci_trace_opts bad = {.size = sizeof bad, .positions = "100000"};
  assert_int_equal(loci_trace_new(m, p, &bad, &t, &err), LOCI_EINVAL);
  loci_free(whole);
  loci_prompt_free(p);
  loci_model_close(m);
  (void)state;
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_end_is_that_of_one_walk),
      cmocka_unit_test(a_stop_keeps_what_is_done),
      cmocka_unit_test(a_stopped_trace_goes_on),
      cmocka_unit_test(a_trace_of_other_cells_is_not_gone_on_with),
      cmocka_unit_test(a_position_by_its_number),
      cmocka_unit_test(only_what_is_used_is_kept),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
