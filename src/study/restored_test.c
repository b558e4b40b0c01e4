/* The answer at a cell begins with what the cell's own run says, whatever is kept; the corrupted
 * run without a cell, and a cell that changes nothing, answer as the corrupted run does. */
#include "study/traces_test.h"

static loci_answer *answer_at(const loci_model *m, const loci_prompt *p, loci_trace_opts o) {
  loci_answer *a;
  loci_err err;
  o.size = sizeof o;
  must(loci_ask_restored(m, p, &o, 3, &a, &err), &err);
  return a;
}

/* p of the target among the first candidates, or what is left for it. */
static double first_p(const loci_answer *a, int id) {
  for (int i = 0; i < LOCI_TOP; i++)
    if (a->top[0][i].id == id) return a->top[0][i].p;
  return -1;
}

/* The prompt's own first token. */
static double own_p(const loci_model *m, const loci_prompt *p) {
  loci_answer *a;
  loci_err err;
  must(loci_ask(m, p, 1, NULL, NULL, &a, &err), &err);
  double own = a->top[0][0].p;
  loci_free(a);
  return own;
}

static int compared;

static void check_cell(const loci_model *m, const loci_prompt *p, const loci_trace *t,
                       loci_trace_opts o, const loci_grid *g, int64_t k) {
  char position[16];
  loci_site site = g->site;
  snprintf(position, sizeof position, "%d", g->positions ? g->positions[k % g->column_count] : 0);
  o.sites = &site;
  o.site_count = 1;
  o.first_layer = g->layers[k / g->column_count];
  o.layer_count = 1;
  o.windows = &g->window;
  o.window_count = 1;
  o.positions = g->positions ? position : g->groups[k % g->column_count];
  loci_answer *a = answer_at(m, p, o);
  double p_first = first_p(a, t->target_ids[0]);
  if (p_first >= 0) {
    assert_true(fabs(p_first - g->cells[k].p) < 1e-5);
    compared++;
  } else {
    assert_true(g->cells[k].p < a->top[0][LOCI_TOP - 1].p + 1e-5);
  }
  assert_non_null(strstr(a->result.request, "\"sites\""));
  assert_non_null(strstr(a->result.command, "--site"));
  loci_free(a);
}

static const loci_site sites[] = {LOCI_SITE_MLP_OUT, LOCI_SITE_RESID_POST, LOCI_SITE_RESID_PRE};
static const int windows[] = {1, 3};

static const loci_trace_opts kinds[] = {
    {.corrupt = "replace:Rome"},
    {.corrupt = "noise:3", .seeds = 1, .seed = 5, .direction = LOCI_NOISE},
    {.corrupt = "mean", .constraint = 2},
    {0},
};

static void an_answer_begins_as_the_cell_says(void **state) {
  static const char *const models[] = {"llava-clip-llama", "text-phi", "gemma3", "paligemma"};
  (void)state;
  for (int i = 0; i < 16; i++) {
    loci_model *m = open_with(models[i % 4], LOCI_PRECISION_F32, 1);
    loci_prompt *p = ask_about(m, i % 4 != 1 ? PICTURE : NULL);
    loci_trace_opts o = kinds[i / 4], all = o;
    all.sites = sites;
    all.site_count = 3;
    all.windows = windows;
    all.window_count = 2;
    loci_trace *t = trace_of(m, p, all);
    double before = own_p(m, p);
    assert_int_equal(loci_prompt_keep(p, i % 8 < 4 ? 0 : 1 << 30, NULL, NULL, NULL), LOCI_OK);
    for (int g = 0; g < t->grid_count; g++) {
      int64_t n = cells_of(&t->grids[g]);
      for (int64_t k = n / 5; k < n; k += n / 3 + 1) check_cell(m, p, t, o, &t->grids[g], k);
    }
    loci_answer *alone = answer_at(m, p, o);
    const loci_candidate *top = o.direction == LOCI_NOISE ? t->clean.top : t->corrupted.top;
    assert_int_equal(alone->top[0][0].id, top[0].id);
    assert_true(fabs(alone->top[0][0].p - top[0].p) < 1e-5);
    loci_free(alone);
    assert_true(own_p(m, p) == before); /* what is kept was not written over */
    loci_free(t);
    loci_prompt_free(p);
    loci_model_close(m);
  }
  assert_true(compared > 40);
}

/* "Paris" is the usual replacement: of a question whose answer it is, trace and answer take another
 * one, in both directions. */
static void a_cell_avoids_the_answer_as_its_trace_does(void **state) {
  static const char *const constraint[] = {"this country"};
  static const loci_site site[] = {LOCI_SITE_RESID_POST};
  static const loci_direction directions[] = {LOCI_DENOISE, LOCI_NOISE};
  loci_model *m = open_with(LOCI_SOURCE_DIR "/models/flags", LOCI_PRECISION_F32, 1);
  loci_question q = {.size = sizeof q,
                     .image = LOCI_SOURCE_DIR "/models/flags/images/france.png",
                     .text = "What is the capital of this country?",
                     .constraints = constraint,
                     .constraint_count = 1};
  loci_prompt *p;
  loci_err err;
  (void)state;
  must(loci_prompt_new(m, &q, &p, &err), &err);
  for (int i = 0; i < 2; i++) {
    loci_trace_opts o = {.sites = site,
                         .site_count = 1,
                         .layer_count = 1,
                         .first_layer = 1,
                         .positions = "constraint-last",
                         .direction = directions[i]};
    loci_trace *t = trace_of(m, p, o);
    assert_string_equal(t->corrupt, "replace:London");
    loci_answer *a = answer_at(m, p, o);
    assert_non_null(strstr(a->result.request, "replace:London"));
    double p_first = first_p(a, t->target_ids[0]);
    assert_true(p_first < 0 || fabs(p_first - t->grids[0].cells[0].p_first) < 1e-5);
    loci_free(a);
    loci_free(t);
  }
  loci_prompt_free(p);
  loci_model_close(m);
}

static void what_is_no_cell_is_refused(void **state) {
  static const int two[] = {1, 3};
  loci_model *m = open_with("text-phi", LOCI_PRECISION_F32, 1);
  loci_prompt *p = ask_about(m, NULL);
  loci_trace_opts bad[] = {
      {.sites = sites, .site_count = 2, .layer_count = 1, .positions = "last"},
      {.sites = sites, .site_count = 1, .layer_count = 2, .positions = "last"},
      {.sites = sites, .site_count = 1, .layer_count = 1, .positions = "last,constraint"},
      {.sites = sites, .site_count = 1, .layer_count = 1},
      {.sites = sites,
       .site_count = 1,
       .layer_count = 1,
       .positions = "last",
       .windows = two,
       .window_count = 2},
      {.sites = sites,
       .site_count = 1,
       .layer_count = 1,
       .positions = "last",
       .direction = LOCI_BOTH},
      {.positions = "last"},
      {.layer_count = 1},
      {.corrupt = "nonsense"},
      {.screen = 3},
  };
  (void)state;
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    loci_answer *a;
    loci_err err;
    bad[i].size = sizeof bad[i];
    assert_int_equal(loci_ask_restored(m, p, &bad[i], 3, &a, &err), LOCI_EINVAL);
    assert_null(a);
  }
  loci_prompt_free(p);
  loci_model_close(m);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(an_answer_begins_as_the_cell_says),
      cmocka_unit_test(a_cell_avoids_the_answer_as_its_trace_does),
      cmocka_unit_test(what_is_no_cell_is_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
