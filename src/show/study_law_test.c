/* The law that a result is what its files say, for studies of many examples and for edits. */
#include "show/law_test.h"

enum { EXAMPLES = 5 };

static const double *numbers_of(const loci_interval *x) { return &x->value; }

static void interval_is(const files *f, const char *path, const loci_interval *x) {
  in_json(f, x->value, "%s.value", path);
  in_json(f, x->lo, "%s.lo", path);
  in_json(f, x->hi, "%s.hi", path);
}

/* Three columns of CSV. */
static void interval_in_row(const files *f, int row, const char *const titles[3],
                            const loci_interval *x) {
  for (int i = 0; i < 3; i++) in_csv(f, row, titles[i], numbers_of(x)[i]);
}

static loci_interval *intervals(int64_t n) {
  return (loci_interval *)(void *)chances(base.mem, 3 * n);
}

static void seed_is_whole(const files *f) {
  size_t n;
  assert_string_equal(js_text_of(at_path(f, "sample.seed"), &n), "18446744073709551615");
}

/* ---------------------------------------------------------------- averages */

/* One point of a curve, wherever the files of an average say it. */
static void point_is(files *f, const loci_chart *charts, int row) {
  int c = row / LAYERS, p = row % LAYERS;
  const loci_curve *curve = &charts[c / 2].curves[c % 2];
  char object[48];
  snprintf(object, sizeof object, "charts.%d.curves.%d", c / 2, c % 2);
  spot s = {.object = object, .row = row, .i = p};
  snprintf(s.index, sizeof s.index, ".%d", p);
  everywhere(f, &s, "lo", curve->points[p].lo);
  everywhere(f, &s, "hi", curve->points[p].hi);
  everywhere(f, &s, "se", curve->errors[p]);
  in_csv(f, row, "mean", curve->points[p].value);
  in_json(f, curve->points[p].value, "%s.value.%d", object, p);
  in_json(f, curve->peak_stays, "%s.peak_stays", object);
  in_json(f, curve->peak_at.lo, "%s.peak.lo", object);
  in_json(f, curve->peak_at.hi, "%s.peak.hi", object);
  in_csv(f, row, "point", layers[p]);
  in_csv(f, row, "n", curve->n);
  assert_string_equal(field(f, row, "curve"), curve->name);
  assert_string_equal(field(f, row, "chart"), charts[c / 2].name);
}

static void an_average_is_what_its_files_say(void **state) {
  (void)state;
  files f;
  loci_curve curves[4];
  loci_chart charts[2];
  loci_number numbers[] = {{"one", interval()}, {"two", interval()}};
  static const char *const names[] = {"c0", "c1", "c2", "c3"};
  for (int i = 0; i < 4; i++)
    curves[i] = (loci_curve){.name = names[i],
                             .n = 10 + i,
                             .points = intervals(LAYERS),
                             .errors = chances(base.mem, LAYERS),
                             .has_peak = true,
                             .peak_at = interval(),
                             .peak_stays = chance()};
  for (int i = 0; i < 2; i++)
    charts[i] = (loci_chart){.name = i ? "second" : "first",
                             .unit = "p",
                             .x_name = "layer",
                             .point_count = LAYERS,
                             .points = layers,
                             .curve_count = 2,
                             .curves = &curves[2 * i],
                             .mark = chance(),
                             .mark_name = "clean"};
  loci_average a = {.result.kind = LOCI_KIND_AVERAGE,
                    .what = "flow",
                    .sample = sample_of(3),
                    .title = "t",
                    .number_count = 2,
                    .numbers = numbers,
                    .chart_count = 2,
                    .charts = charts};
  open_files(&f, &a.result, false);
  seed_is_whole(&f);
  in_json(&f, a.sample.seconds, "sample.seconds");
  for (int i = 0; i < 2; i++) {
    char path[32];
    snprintf(path, sizeof path, "numbers.%d", i);
    interval_is(&f, path, &numbers[i].value);
    in_json(&f, charts[i].mark, "charts.%d.mark.value", i);
  }
  for (int row = 0; row < 4 * LAYERS; row++) point_is(&f, charts, row);
  close_files(&f);
}

/* ---------------------------------------------------------------- predictions, scores */

static void predicted_is(const files *f, int i, const loci_predicted *e) {
  const struct {
    const char *name;
    double x;
  } all[] = {{"line", (double)e->line},         {"right", e->right},
             {"first_right", e->first_right},   {"tested", e->tested},
             {"contribution", e->contribution}, {"best_layers", e->best_layers},
             {"confidence", e->confidence},     {"margin", e->margin},
             {"entropy", e->entropy},           {"probe", e->probe},
             {"consistency", e->consistency}};
  for (size_t k = 0; k < sizeof all / sizeof *all; k++) {
    in_json(f, all[k].x, "examples.%d.%s", i, all[k].name);
    in_csv(f, i, all[k].name, all[k].x);
  }
}

static void a_prediction_is_what_its_files_say(void **state) {
  (void)state;
  files f;
  loci_predicted examples[EXAMPLES];
  loci_predictor score = {.name = "margin",
                          .meaning = "m",
                          .auroc = interval(),
                          .lead = interval(),
                          .all = interval(),
                          .corner_count = LAYERS,
                          .false_rate = chances(base.mem, LAYERS),
                          .true_rate = chances(base.mem, LAYERS)};
  loci_prediction p = {.result.kind = LOCI_KIND_PREDICTION,
                       .sample = sample_of(EXAMPLES),
                       .examples = examples,
                       .predictor_count = 1,
                       .predictors = &score,
                       .contribution_right = chances(base.mem, base.trace.model->layers),
                       .contribution_wrong = chances(base.mem, base.trace.model->layers)};
  for (int i = 0; i < EXAMPLES; i++)
    examples[i] =
        (loci_predicted){i + 7,    NULL,     "yes",    i % 2 == 0, i % 3 == 0, i % 2 == 1, chance(),
                         chance(), chance(), chance(), chance(),   chance(),   chance()};
  open_files(&f, &p.result, false);
  seed_is_whole(&f);
  interval_is(&f, "scores.0.auroc", &score.auroc);
  interval_is(&f, "scores.0.lead", &score.lead);
  interval_is(&f, "scores.0.all", &score.all);
  for (int i = 0; i < LAYERS; i++) {
    in_json(&f, score.false_rate[i], "scores.0.roc.false_rate.%d", i);
    in_json(&f, score.true_rate[i], "scores.0.roc.true_rate.%d", i);
    in_column(&f, "scores.0.roc.true_rate", i, score.true_rate[i]);
    in_json(&f, p.contribution_right[i], "contribution.right.%d", i);
    in_json(&f, p.contribution_wrong[i], "contribution.wrong.%d", i);
  }
  for (int i = 0; i < EXAMPLES; i++) predicted_is(&f, i, &examples[i]);
  close_files(&f);
}

static void a_score_is_what_its_files_say(void **state) {
  (void)state;
  files f;
  static const char *const by[] = {"answer"}, *const values[] = {"a field of that name"};
  loci_scored examples[EXAMPLES];
  loci_score_group group = {"answer", "x", 4, 3, interval(), 2, interval()};
  loci_score x = {.result.kind = LOCI_KIND_SCORE,
                  .sample = sample_of(EXAMPLES),
                  .accuracy = interval(),
                  .chance = chance(),
                  .by_count = 1,
                  .by = by,
                  .group_count = 1,
                  .groups = &group,
                  .examples = examples,
                  .voted = 2,
                  .vqa = interval()};
  for (int i = 0; i < EXAMPLES; i++)
    examples[i] = (loci_scored){.line = i + 3,
                                .question = "q",
                                .answer = "yes",
                                .expected = "no",
                                .right = i % 2 == 0,
                                .option_count = 4,
                                .logp = chances(base.mem, 4),
                                .chosen = i % 4,
                                .correct = (i + 1) % 4,
                                .by = values,
                                .vqa = i < 2 ? chance() : (double)NAN};
  open_files(&f, &x.result, false);
  interval_is(&f, "accuracy", &x.accuracy);
  interval_is(&f, "groups.0.accuracy", &group.accuracy);
  interval_is(&f, "groups.0.vqa", &group.vqa);
  interval_is(&f, "vqa", &x.vqa);
  in_json(&f, x.voted, "voted");
  in_json(&f, x.chance, "chance");
  assert_string_equal(f.fields[2], "answer");
  for (int i = 0; i < EXAMPLES; i++) {
    const loci_scored *e = &examples[i];
    in_csv(&f, i, "logp_chosen", e->logp[e->chosen]);
    in_csv(&f, i, "logp_correct", e->logp[e->correct]);
    in_csv(&f, i, "chosen", e->chosen);
    in_csv(&f, i, "correct", e->correct);
    in_csv(&f, i, "right", e->right);
    if (i < 2) {
      in_csv(&f, i, "vqa", e->vqa);
      in_json(&f, e->vqa, "examples.%d.vqa", i);
    } else {
      assert_string_equal(field(&f, i, "vqa"), "");
    }
    in_json(&f, e->chosen, "examples.%d.chosen", i);
    in_json(&f, e->correct, "examples.%d.correct", i);
    for (int k = 0; k < 4; k++) in_json(&f, e->logp[k], "examples.%d.logp.%d", i, k);
    assert_string_equal(f.fields[(i + 1) * f.columns + 2], values[0]);
  }
  close_files(&f);
}

/* ---------------------------------------------------------------- comparisons */

static void a_comparison_is_what_its_files_say(void **state) {
  (void)state;
  static const char *const titles[] = {"difference", "lo", "hi"};
  files f;
  loci_compared points[LAYERS];
  loci_compared_row row = {.quantity = "p",
                           .place = "last",
                           .window = 3,
                           .first = 4,
                           .count = LAYERS,
                           .points = points,
                           .spearman = chance(),
                           .peak_a = 1,
                           .peak_b = 2};
  loci_comparison c = {.result.kind = LOCI_KIND_COMPARISON,
                       .a = {.store = "a.db", .title = "t", .used = 3},
                       .b = {.store = "b.db", .title = "u", .used = 4},
                       .row_count = 1,
                       .rows = &row};
  for (int i = 0; i < LAYERS; i++)
    points[i] = (loci_compared){i + 2, chance(), chance(), interval(), chance(), chance()};
  open_files(&f, &c.result, false);
  in_json(&f, row.spearman, "rows.0.spearman");
  in_json(&f, 5, "rows.0.peak_a");
  in_json(&f, 6, "rows.0.peak_b");
  in_json(&f, 3, "a.used");
  in_json(&f, 4, "b.used");
  for (int i = 0; i < LAYERS; i++) {
    const loci_compared *p = &points[i];
    const double x[] = {i + 4, p->a, p->b, p->p, p->q};
    static const char *const names[] = {"point", "a", "b", "p", "q"};
    char path[48];
    for (int k = 0; k < 5; k++) {
      in_json(&f, x[k], "rows.0.points.%d.%s", i, names[k]);
      in_csv(&f, i, names[k], x[k]);
    }
    snprintf(path, sizeof path, "rows.0.points.%d.difference", i);
    interval_is(&f, path, &p->difference);
    interval_in_row(&f, i, titles, &p->difference);
    in_csv(&f, i, "pairs", p->n);
  }
  close_files(&f);
}

/* ---------------------------------------------------------------- edits */

enum { GROUPS = 2, METRICS = 2 };
static const char *const group_names[] = {"efficacy", "unrelated"};
static const char *const metric_names[] = {"free", "p"};
static const char *const before[] = {"before", "before_lo", "before_hi"};
static const char *const after[] = {"after", "after_lo", "after_hi"};

static loci_edit_test a_test(void) {
  loci_edit_group *groups = arena_zarray(base.mem, GROUPS, loci_edit_group);
  for (int g = 0; g < GROUPS; g++) {
    loci_edit_metric *m = arena_zarray(base.mem, METRICS, loci_edit_metric);
    for (int i = 0; i < METRICS; i++)
      m[i] = (loci_edit_metric){metric_names[i], interval(), interval()};
    groups[g] = (loci_edit_group){group_names[g], 3 + g, 5 + g, METRICS, m};
  }
  return (loci_edit_test){.result.kind = LOCI_KIND_EDIT_TEST,
                          .sample = sample_of(2),
                          .method = "multedit",
                          .layer = 3,
                          .settings = {.steps = 5, .lr = chance(), .kl = chance()},
                          .score = interval(),
                          .group_count = GROUPS,
                          .groups = groups};
}

/* [object]: "points.1."; rows of CSV from [row] on, none: -1. */
static void test_is(const files *f, const char *object, int row, const loci_edit_test *t) {
  char path[96];
  snprintf(path, sizeof path, "%sscore", object);
  interval_is(f, path, &t->score);
  for (int g = 0; g < GROUPS; g++) {
    for (int i = 0; i < METRICS; i++) {
      const loci_edit_metric *m = &t->groups[g].metrics[i];
      snprintf(path, sizeof path, "%sgroups.%d.metrics.%s.before", object, g, m->name);
      interval_is(f, path, &m->before);
      snprintf(path, sizeof path, "%sgroups.%d.metrics.%s.after", object, g, m->name);
      interval_is(f, path, &m->after);
      if (row < 0) continue;
      interval_in_row(f, row, before, &m->before);
      interval_in_row(f, row, after, &m->after);
      in_csv(f, row, "examples", t->groups[g].examples);
      in_csv(f, row, "questions", t->groups[g].questions);
      assert_string_equal(field(f, row, "metric"), m->name);
      assert_string_equal(field(f, row++, "group"), group_names[g]);
    }
  }
}

static void a_test_of_edits_is_what_its_files_say(void **state) {
  (void)state;
  files f;
  loci_edit_test t = a_test();
  open_files(&f, &t.result, false);
  test_is(&f, "", 0, &t);
  in_json(&f, t.settings.lr, "settings.lr");
  in_json(&f, t.settings.kl, "settings.kl");
  close_files(&f);
}

static void a_curve_of_edits_is_what_its_files_say(void **state) {
  (void)state;
  files f;
  const double *points = chances(base.mem, 2);
  const loci_edit_test a = a_test(), b = a_test(), *const tests[] = {&a, &b};
  loci_edit_curve c = {
      .result.kind = LOCI_KIND_EDIT_CURVE, .over = "lambda", .point_count = 2, .points = points};
  c.tests = tests;
  open_files(&f, &c.result, false);
  for (int i = 0; i < 2; i++) {
    in_json(&f, points[i], "points.%d.value", i);
    for (int k = 0; k < GROUPS * METRICS; k++)
      in_csv(&f, i * GROUPS * METRICS + k, "value", points[i]);
    test_is(&f, i ? "points.1." : "points.0.", i * GROUPS * METRICS, tests[i]);
  }
  close_files(&f);
}

static void tests_of_edits_are_what_their_files_say(void **state) {
  (void)state;
  static const char *const names[] = {"one", "two"}, *const titles[] = {"value", "lo", "hi"};
  files f;
  const loci_edit_test a = a_test(), b = a_test(), *const tests[] = {&a, &b};
  loci_edit_tests c = {
      .result.kind = LOCI_KIND_EDIT_TESTS, .count = 2, .names = names, .tests = tests};
  open_files(&f, &c.result, false);
  for (int i = 0, row = 0; i < 2; i++) {
    test_is(&f, i ? "tests.1." : "tests.0.", -1, tests[i]);
    for (int g = 0; g < GROUPS; g++, row++) {
      interval_in_row(&f, row, titles, &tests[i]->groups[g].metrics[0].after);
      assert_string_equal(field(&f, row, "group"), group_names[g]);
      assert_string_equal(field(&f, row, "name"), names[i]);
    }
    interval_in_row(&f, row++, titles, &tests[i]->score);
  }
  close_files(&f);
}

/* ---------------------------------------------------------------- stores */

static void settings_from_outside_are_cut_where_they_are_deep(void **state) {
  (void)state;
  char deep[400] = "{\"corrupt\":\"mean\",\"odd\":", *text;
  size_t n = strlen(deep);
  memset(deep + n, '[', 100);
  memset(deep + n + 100, ']', 100);
  deep[n + 200] = '}';
  loci_store_run_info run = {.id = 1, .what = "trace", .settings = deep, .headline = "effect"};
  loci_store_info info = {
      .result.kind = LOCI_KIND_STORE_INFO, .path = "s.db", .run_count = 1, .runs = &run};
  assert_int_equal(loci_json(&info.result, &text, NULL), LOCI_OK);
  const char *at = strstr(text, "\"odd\":["), *s;
  assert_non_null(at);
  n = 0;
  for (s = at; *s; s++) n += *s == '[';
  assert_in_range(n, 2, 16);
  assert_non_null(strstr(at, "null"));
  loci_text_free(text);
}

static int make_base(void **state) {
  (void)state;
  fixture_make(&base, (fixture_opts){.layers = 6});
  return base.mem ? 0 : -1;
}

static int free_base(void **state) {
  (void)state;
  fixture_free(&base);
  return 0;
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(an_average_is_what_its_files_say),
      cmocka_unit_test(a_prediction_is_what_its_files_say),
      cmocka_unit_test(a_score_is_what_its_files_say),
      cmocka_unit_test(a_comparison_is_what_its_files_say),
      cmocka_unit_test(a_test_of_edits_is_what_its_files_say),
      cmocka_unit_test(a_curve_of_edits_is_what_its_files_say),
      cmocka_unit_test(tests_of_edits_are_what_their_files_say),
      cmocka_unit_test(settings_from_outside_are_cut_where_they_are_deep),
  };
  return cmocka_run_group_tests(tests, make_base, free_base);
}
