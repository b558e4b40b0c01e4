/* What is seen are the numbers of the result, each at its place (see view_test.c): tables and bars
 * of edits, flows, scores and predictions. */
#include "show/seen_test.h"

static loci_edit_test make_test(const fixture *f, source *s) {
  static const char *const names[] = {"efficacy", "paraphrases", "same_entity"};
  loci_edit_group *g = arena_zarray(s->mem, 3, loci_edit_group);
  for (int i = 0; i < 3; i++) {
    loci_edit_metric *m = arena_zarray(s->mem, 1, loci_edit_metric);
    *m = (loci_edit_metric){"answer", draw_interval(s), draw_interval(s)};
    g[i] = (loci_edit_group){names[i], 4, 4 + i, 1, m};
  }
  return (loci_edit_test){.sample = {.model = f->trace.model,
                                     .precision = "f32",
                                     .path = "x",
                                     .template_name = "y",
                                     .used = 4},
                          .method = "rome",
                          .layer = 3,
                          .score = draw_interval(s),
                          .group_count = 3,
                          .groups = g};
}

static void edits_show_before_and_after_each_at_its_place(void **state) {
  (void)state;
  fixture f;
  fixture_make(&f, (fixture_opts){0});
  source s = source_of(f.mem);
  const loci_edit_test a = make_test(&f, &s), b = make_test(&f, &s);
  const loci_edit_test *const both[] = {&a, &b};
  const double points[] = {1, 2};
  const char *const names[] = {"a", "b"};
  const loci_edit_curve curve = {
      .over = "layer", .point_count = 2, .points = points, .tests = both};
  const loci_edit_tests tests = {.count = 2, .names = names, .tests = both};
  views v = blocks_of(view_edit_test, &a, LOCI_METRIC_P);
  views of_curve = blocks_of(view_edit_curve, &curve, LOCI_METRIC_P);
  views of_tests = blocks_of(view_edit_tests, &tests, LOCI_METRIC_P);
  const view_bars *bars = nth(&v, VIEW_BARS, 0)->data;
  const view_bars *beside = nth(&of_tests, VIEW_BARS, 0)->data;
  const view_lines *lines = nth(&of_curve, VIEW_LINES, 0)->data;
  for (int g = 0; g < 3; g++) {
    const loci_edit_metric *m = &a.groups[g].metrics[0];
    assert_true(bars->series[0].values[g] == m->before.value &&
                bars->series[0].lo[g] == m->before.lo);
    assert_true(bars->series[1].values[g] == m->after.value &&
                bars->series[1].hi[g] == m->after.hi);
    for (int i = 0; i < 2; i++) {
      const loci_interval *x = &both[i]->groups[g].metrics[0].after;
      assert_true(lines->series[g].values[i] == x->value && lines->series[g].lo[i] == x->lo);
      assert_true(beside->series[i].values[g] == x->value && beside->series[i].hi[g] == x->hi);
    }
  }
  assert_true(lines->series[3].values[1] == b.score.value);
  assert_true(beside->series[1].values[3] == b.score.value);
  views_free(&v);
  views_free(&of_curve);
  views_free(&of_tests);
  fixture_free(&f);
}

static void a_flow_shows_its_numbers_and_heads(void **state) {
  (void)state;
  enum { HEADS = 3, SOURCES = 2 };
  fixture f;
  fixture_make(&f, (fixture_opts){0});
  source s = source_of(f.mem);
  int T = f.trace.prompt->length, cells = LAYERS * HEADS * T;
  float *heads = arena_array(f.mem, cells, float);
  for (int i = 0; i < cells; i++) heads[i] = (float)draw_one(&s);
  const int queries[] = {T - 1};
  const loci_flow_path x = {.from = "constraint",
                            .to = "last",
                            .source_count = SOURCES,
                            .query_count = 1,
                            .sources = count_up(&s, 7, SOURCES),
                            .queries = queries,
                            .profile = draw_many(&s, LAYERS * SOURCES),
                            .weights = draw_many(&s, LAYERS * SOURCES),
                            .total = draw_many(&s, LAYERS),
                            .max = draw_many(&s, LAYERS),
                            .mean = draw_many(&s, LAYERS),
                            .norm_of_sum = draw_many(&s, LAYERS),
                            .attention = draw_many(&s, LAYERS),
                            .top_count = 1,
                            .top = count_up(&s, 7, LAYERS),
                            .top_share = draw_many(&s, LAYERS)};
  const loci_flow flow = {.model = f.trace.model,
                          .prompt = f.trace.prompt,
                          .precision = "f32",
                          .layer_count = LAYERS,
                          .query_count = 1,
                          .layers = count_up(&s, 0, LAYERS),
                          .queries = queries,
                          .head_count = HEADS,
                          .contribution_heads = heads,
                          .path_count = 1,
                          .paths = &x};
  views v = blocks_of(view_flow, &flow, LOCI_METRIC_P);
  const heatmap *of_heads = nth(&v, VIEW_MAP, 2)->data;
  for (int l = 0; l < LAYERS; l++) {
    const view_cell *row = nth(&v, VIEW_ROW, 1 + l)->cells; /* the first holds titles */
    const double want[] = {x.total[l],       x.max[l],       x.mean[l],
                           x.norm_of_sum[l], x.attention[l], 100 * x.top_share[l]};
    assert_int_equal(atoi(row[0].text), l);
    for (int i = 0; i < 6; i++) assert_true(fabs(atof(row[1 + i].text) - want[i]) < 0.051);
    for (int i = 0; i < 5; i++) assert_true(fabs(atof(row[1 + i].text) - want[i]) < 6e-5);
    for (int h = 0; h < HEADS; h++) {
      const float *c = heads + ((int64_t)l * HEADS + h) * T;
      double sum = (double)c[7] + (double)c[8];
      assert_true(fabs(of_heads->panels[0].values[h * LAYERS + l] - sum) < 1e-6);
    }
  }
  views_free(&v);
  fixture_free(&f);
}

static void a_score_shows_each_group(void **state) {
  (void)state;
  fixture f;
  fixture_make(&f, (fixture_opts){0});
  source s = source_of(f.mem);
  const loci_score_group groups[] = {{"by", "one", 10, 7, draw_interval(&s), 10, draw_interval(&s)},
                                     {"by", "two", 20, 5, draw_interval(&s), 0, draw_interval(&s)}};
  const loci_score score = {.sample = {.model = f.trace.model,
                                       .precision = "f32",
                                       .path = "x",
                                       .template_name = "y",
                                       .used = 30},
                            .right = 12,
                            .free_count = 30,
                            .accuracy = draw_interval(&s),
                            .chance = (double)NAN,
                            .group_count = 2,
                            .groups = groups,
                            .voted = 10,
                            .vqa = draw_interval(&s)};
  char vqa[80];
  views v = blocks_of(view_score, &score, LOCI_METRIC_P);
  const view_bars *b = nth(&v, VIEW_BARS, 0)->data;
  assert_true(b->series->values[0] == score.accuracy.value);
  for (int g = 0; g < 2; g++) {
    const view_cell *row = nth(&v, VIEW_ROW, 2 + g)->cells; /* titles, the field */
    assert_non_null(strstr(row[0].text, groups[g].value));
    assert_int_equal(atoi(row[1].text), groups[g].n);
    assert_int_equal(atoi(row[2].text), groups[g].right);
    assert_true(b->series->values[1 + g] == groups[g].accuracy.value);
    assert_true(b->series->lo[1 + g] == groups[g].accuracy.lo);
    assert_true(b->series->hi[1 + g] == groups[g].accuracy.hi);
    assert_int_equal(nth(&v, VIEW_ROW, 2 + g)->columns->count, 5);
    if (groups[g].voted == 0) continue;
    assert_non_null(strstr(row[4].text, interval_text(&groups[g].vqa, false, v.ascii, vqa)));
  }
  views_free(&v);
  fixture_free(&f);
}

static void a_prediction_shows_each_score_and_its_curve(void **state) {
  (void)state;
  fixture f;
  fixture_make(&f, (fixture_opts){0});
  source s = source_of(f.mem);
  loci_predictor p[2] = {{.name = "confidence", .meaning = "m"},
                         {.name = "margin", .meaning = "n"}};
  for (int i = 0; i < 2; i++) {
    p[i].auroc = draw_interval(&s);
    p[i].lead = draw_interval(&s);
    p[i].all = draw_interval(&s);
    p[i].corner_count = 5;
    p[i].false_rate = draw_many(&s, 5);
    p[i].true_rate = draw_many(&s, 5);
  }
  const loci_prediction x = {.sample = {.model = f.trace.model,
                                        .precision = "f32",
                                        .path = "x",
                                        .template_name = "y",
                                        .used = 30},
                             .predictor_count = 2,
                             .predictors = p};
  views v = blocks_of(view_prediction, &x, LOCI_METRIC_P);
  const view_lines *l = nth(&v, VIEW_LINES, 0)->data;
  for (int i = 0; i < 2; i++) {
    const view_cell *row = nth(&v, VIEW_ROW, 1 + i)->cells;
    const loci_interval *want[] = {&p[i].auroc, &p[i].lead, &p[i].all};
    assert_string_equal(row[0].text, p[i].name);
    for (int k = 0; k < 3; k++) {
      char text[80];
      bool itself = i == 0 && k == 1;
      assert_string_equal(row[1 + k].text,
                          itself ? "" : interval_text(want[k], k == 1, false, text));
    }
    for (int k = 0; k < 5; k++)
      assert_true(l->series[i].values[k] == p[i].true_rate[k] &&
                  l->series[i].x[k] == p[i].false_rate[k]);
  }
  views_free(&v);
  fixture_free(&f);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(edits_show_before_and_after_each_at_its_place),
      cmocka_unit_test(a_flow_shows_its_numbers_and_heads),
      cmocka_unit_test(a_score_shows_each_group),
      cmocka_unit_test(a_prediction_shows_each_score_and_its_curve),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
