/* JSON results: they parse, hold what the page about formats promises, and keep their digits. */
#include "show/fixture_test.h"

#include "base/json.h"

static js_value *parsed(char *text) {
  js_value *v;
  loci_err err;
  if (js_parse(text, strlen(text), "result", &v, &err)) fail_msg("%s", err.msg);
  loci_text_free(text);
  return v;
}

static js_value *trace_json(const loci_trace *t) {
  char *text;
  assert_int_equal(loci_json(&t->result, &text, NULL), LOCI_OK);
  return parsed(text);
}

static double real_at(const js_value *v, int64_t i, int64_t k) {
  double x = -1;
  assert_true(js_real_of(js_at(js_at(v, i), k), &x));
  return x;
}

static const char *text_of(const js_value *v, const char *key) {
  return js_text_of(js_get(v, key), NULL);
}

static void members_come_in_the_documented_order(void **state) {
  (void)state;
  static const char *const keys[] = {
      "format", "version", "model",        "request", "command", "prompt", "constraints", "target",
      "clean",  "corrupt", "total_effect", "grids",   "cost",    "verify", "screen",      "notes"};
  fixture f;
  fixture_make(&f, (fixture_opts){.groups = true});
  js_value *v = trace_json(&f.trace);
  const char *key;
  const js_value *m;
  int i = 0;
  for (void *it = js_first(v, &key, &m); it; it = js_next(v, it, &key, &m))
    assert_string_equal(key, keys[i++]);
  assert_int_equal(i, 16);
  assert_string_equal(text_of(v, "format"), "loci.trace/1");
  assert_string_equal(text_of(js_get(v, "request"), "direction"), "denoise");
  assert_string_equal(text_of(js_get(js_get(v, "corrupt"), "other"), "text"), "\xE2\x96\x81London");
  js_free(v);
  fixture_free(&f);
}

static void grids_are_layers_by_columns_with_twelve_digits(void **state) {
  (void)state;
  fixture f;
  fixture_make(&f, (fixture_opts){.groups = true});
  js_value *v = trace_json(&f.trace);
  const js_value *grids = js_get(v, "grids");
  assert_int_equal(js_count(grids), 6);
  for (int i = 0; i < 6; i++) {
    const loci_grid *g = &f.trace.grids[i];
    const js_value *o = js_at(grids, i), *p = js_get(o, "p"), *ie = js_get(o, "ie");
    assert_int_equal(js_count(p), g->layer_count);
    assert_int_equal(js_count(js_at(p, 0)), g->column_count);
    assert_true(!js_get(o, "groups") != !js_get(o, "positions"));
    assert_null(js_get(o, "p_first"));
    int64_t k = 5 * (int64_t)g->column_count + 2;
    assert_true(fabs(real_at(p, 5, 2) / g->cells[k].p - 1) < 1e-11);
    assert_true(fabs(real_at(ie, 5, 2) - g->ie[k]) <= 1e-11 * fabs(g->ie[k]));
  }
  js_free(v);
  fixture_free(&f);
}

static void a_given_answer_adds_its_first_token(void **state) {
  (void)state;
  fixture f;
  fixture_make(&f, (fixture_opts){.layers = 2});
  f.trace.answer_given = true;
  js_value *v = trace_json(&f.trace);
  assert_non_null(js_get(js_get(v, "clean"), "p_first"));
  assert_non_null(js_get(js_at(js_get(v, "grids"), 0), "logp_first"));
  js_free(v);
  fixture_free(&f);
}

static void an_empty_restoration_is_null(void **state) {
  (void)state;
  fixture f;
  fixture_make(&f, (fixture_opts){.flat = true});
  js_value *v = trace_json(&f.trace);
  const js_value *row = js_at(js_get(js_at(js_get(v, "grids"), 0), "restoration"), 0);
  assert_int_equal(js_kind_of(js_at(row, 1)), JS_NULL);
  assert_int_equal(js_count(row), f.trace.grids[0].column_count);
  js_free(v);
  fixture_free(&f);
}

static void heads_are_the_last_axis(void **state) {
  (void)state;
  fixture f;
  fixture_make(&f, (fixture_opts){.heads = 4});
  js_value *v = trace_json(&f.trace);
  const js_value *z = js_at(js_get(v, "grids"), 0), *o = js_at(js_get(v, "grids"), 1);
  assert_int_equal(js_count(js_get(z, "heads")), 4);
  assert_int_equal(js_count(js_at(js_at(js_get(z, "kl"), 3), 2)), 4);
  int64_t at = (3 * (int64_t)f.trace.grids[0].column_count + 2) * 4 + 1;
  assert_true(fabs(real_at(js_at(js_get(z, "kl"), 3), 2, 1) - f.trace.grids[0].cells[at].kl) <
              1e-10);
  assert_null(js_get(o, "heads"));
  js_free(v);
  fixture_free(&f);
}

static void a_screened_trace_tells_estimates_from_runs(void **state) {
  (void)state;
  fixture f;
  fixture_make(&f, (fixture_opts){.layers = 2, .sites = 1});
  loci_grid *g = (loci_grid *)(uintptr_t)f.trace.grids;
  int64_t n = (int64_t)g->layer_count * g->column_count;
  loci_estimate *estimates = calloc((size_t)n, sizeof *estimates);
  bool *exact = calloc((size_t)n, sizeof *exact);
  assert_true(estimates && exact);
  int64_t at = g->column_count + 2; /* layer 1, column 2 */
  estimates[at] = (loci_estimate){0.25, 1.5, (double)NAN};
  exact[at] = true;
  g->estimates = estimates;
  g->exact = exact;
  g->spearman = 0.5;
  f.trace.screen = 1;
  f.trace.screen_cells = n;
  f.trace.spearman = (double)NAN;
  js_value *v = trace_json(&f.trace);
  const js_value *o = js_at(js_get(v, "grids"), 0), *s = js_get(v, "screen");
  assert_true(real_at(js_get(o, "estimate_p"), 1, 2) == 0.25);
  assert_true(real_at(js_get(o, "estimate_logp"), 1, 2) == 1.5);
  assert_int_equal(js_kind_of(js_at(js_at(js_get(o, "estimate_logit_diff"), 1), 2)), JS_NULL);
  assert_int_equal(js_count(js_at(js_get(o, "exact"), 1)), g->column_count);
  assert_string_equal(text_of(s, "metric"), "p");
  assert_int_equal(js_kind_of(js_get(s, "spearman")), JS_NULL); /* too few were run */
  js_free(v);
  free(estimates);
  free(exact);
  fixture_free(&f);
}

static void awkward_tokens_still_give_sound_json(void **state) {
  (void)state;
  fixture f;
  fixture_make_awkward(&f);
  js_value *v = trace_json(&f.trace);
  const js_value *tokens = js_get(js_get(v, "prompt"), "tokens");
  assert_int_equal(js_count(tokens), f.trace.prompt->length);
  assert_string_equal(text_of(js_at(tokens, 5), "text"), "\x1b[31mred");
  assert_string_equal(text_of(v, "command"), "loci trace -m /models/llava-tiny");
  js_free(v);
  fixture_free(&f);
}

static void a_grid_row_stands_on_its_own_line(void **state) {
  (void)state;
  fixture f;
  char *text;
  fixture_make(&f, (fixture_opts){.layers = 3, .sites = 1});
  assert_int_equal(loci_json(&f.trace.result, &text, NULL), LOCI_OK);
  assert_non_null(strstr(text, "\"skipped\":[\n    [true,false,"));
  assert_non_null(strstr(text, "\n   {\"pos\":0,\"id\":1,\"text\":\"<s>\",\"role\":\"before\","
                               "\"bytes\":[0,0]},\n"));
  loci_text_free(text);
  fixture_free(&f);
}

static void tokens_of_a_text_are_one_line(void **state) {
  (void)state;
  const int ids[] = {1, 72};
  const char *const tokens[] = {"<s>", "\n\"H"};
  const int64_t ranges[][2] = {{0, 0}, {0, 3}};
  loci_text_tokens t = {
      {.kind = LOCI_KIND_TEXT}, 2, ids, tokens, ranges, "<s>\n\"H", "\n\0H", 6, 3};
  char *text;
  assert_int_equal(loci_json(&t.result, &text, NULL), LOCI_OK);
  assert_string_equal(text,
                      "{\"ids\":[1,72],\"tokens\":[\"<s>\",\"\\n\\\"H\"],\"bytes\":[[0,0],[0,3]],"
                      "\"decoded\":\"<s>\\n\\\"H\",\"decoded_skip_special\":\"\\n\\u0000H\","
                      "\"request\":null,\"command\":null}");
  loci_text_free(text);
}

static void an_answer_lists_its_steps(void **state) {
  (void)state;
  const int ids[] = {7, 2};
  const loci_candidate top[2][LOCI_TOP] = {{{7, "Rome", 0.75}, {8, "Pisa", 0.125}},
                                           {{2, "</s>", 1}}};
  loci_answer a = {
      .result.kind = LOCI_KIND_ANSWER, .text = "Rome", .count = 2, .ids = ids, .top = top};
  char *text;
  assert_int_equal(loci_json(&a.result, &text, NULL), LOCI_OK);
  js_value *v = parsed(text);
  assert_string_equal(text_of(v, "format"), "loci.ask/1");
  const js_value *step = js_at(js_get(v, "steps"), 0);
  assert_string_equal(text_of(step, "text"), "Rome");
  assert_int_equal(js_count(js_get(step, "top")), 2);
  js_free(v);
}

static void benches_are_objects(void **state) {
  (void)state;
  loci_bench b = {.result.kind = LOCI_KIND_BENCH,
                  .layers = 2,
                  .precision = "bf16",
                  .cpu = "a cpu",
                  .engine = "onednn",
                  .walk_flop_per_s = 1.25e12};
  char *text;
  assert_int_equal(loci_json(&b.result, &text, NULL), LOCI_OK);
  js_value *v = parsed(text);
  double rate;
  assert_true(js_real_of(js_get(v, "walk_flop_per_s"), &rate) && fabs(rate - 1.25e12) < 1);
  js_free(v);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(members_come_in_the_documented_order),
      cmocka_unit_test(grids_are_layers_by_columns_with_twelve_digits),
      cmocka_unit_test(a_given_answer_adds_its_first_token),
      cmocka_unit_test(an_empty_restoration_is_null),
      cmocka_unit_test(heads_are_the_last_axis),
      cmocka_unit_test(a_screened_trace_tells_estimates_from_runs),
      cmocka_unit_test(awkward_tokens_still_give_sound_json),
      cmocka_unit_test(a_grid_row_stands_on_its_own_line),
      cmocka_unit_test(tokens_of_a_text_are_one_line),
      cmocka_unit_test(an_answer_lists_its_steps),
      cmocka_unit_test(benches_are_objects),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
