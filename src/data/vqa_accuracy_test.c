/* VQA accuracy against the evaluation script itself (tests/golden/vqa/accuracy.json says how its
 * numbers were made), and against the definition taken literally. */
#include "data/vqa_accuracy.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define REFERENCE LOCI_SOURCE_DIR "/tests/golden/vqa/accuracy.json"

enum { MOST_VOTES = 10 };

static double accuracy_of(const char *answer, const char *const *votes, int n) {
  double x = (double)NAN;
  loci_err err;
  if (vqa_accuracy(answer, votes, n, &x, &err)) fail_msg("%s", err.msg);
  return x;
}

static void forms_and_accuracies_are_the_scripts(void **state) {
  (void)state;
  js_value *reference;
  loci_err err;
  const char *other = getenv("LOCI_VQA_REFERENCE"); /* more rows, made in the same way */
  if (js_parse_file(other ? other : REFERENCE, 1 << 26, &reference, &err)) fail_msg("%s", err.msg);
  const js_value *rows = js_get(reference, "rows");
  assert_true(js_count(rows) > 200);
  for (int64_t i = 0; i < js_count(rows); i++) {
    const js_value *row = js_at(rows, i), *list = js_get(row, "votes");
    const char *votes[MOST_VOTES], *answer = js_text_of(js_get(row, "answer"), NULL);
    double want = (double)NAN;
    char *form;
    arena *mem = arena_new();
    int n = (int)js_count(list);
    assert_true(n <= MOST_VOTES && mem);
    for (int k = 0; k < n; k++) votes[k] = js_text_of(js_at(list, k), NULL);
    assert_true(js_real_of(js_get(row, "accuracy"), &want));
    assert_int_equal(vqa_normalise(answer, mem, &form, &err), LOCI_OK);
    const char *expected = js_text_of(js_get(row, "form"), NULL);
    if (strcmp(form, expected) != 0)
      fail_msg("row %d: \"%s\" became \"%s\", not \"%s\"", (int)i, answer, form, expected);
    double have = accuracy_of(answer, votes, n);
    if (fabs(have - want) > 1e-12) fail_msg("row %d: %.15g, not %.15g", (int)i, have, want);
    arena_free(mem);
  }
  js_free(reference);
}

/* min(1, matches among the others / 3), summed as the definition has it. */
static double slow(int m, int n) {
  double sum = 0;
  for (int i = 0; i < n; i++) {
    int others = 0;
    for (int k = 0; k < n; k++) others += k != i && k < m;
    sum += others < 3 ? others / 3.0 : 1;
  }
  return sum / n;
}

static void every_number_of_matches_is_the_definition(void **state) {
  (void)state;
  const char *votes[MOST_VOTES];
  for (int n = 2; n <= MOST_VOTES; n++) {
    for (int m = 0; m <= n; m++) {
      for (int i = 0; i < n; i++) votes[i] = i < m ? "lima" : "cusco";
      assert_true(fabs(accuracy_of("lima", votes, n) - slow(m, n)) < 1e-15);
    }
  }
}

/* The script brings nothing to a form where everybody wrote the same. */
static void one_mind_is_compared_as_written(void **state) {
  (void)state;
  static const char *const same[] = {"Lima", "Lima", "Lima"}, *const not [] = {"Lima", "lima", "x"};
  assert_true(accuracy_of("lima", same, 3) == 0);
  assert_true(accuracy_of("Lima ", same, 3) == 2 / 3.0);
  assert_true(fabs(accuracy_of("The LIMA.", not, 3) - (2 * 1 / 3.0 + 2 / 3.0) / 3) < 1e-15);
}

static loci_status votes_of(const char *line, int *count, loci_err *err) {
  example_source from = {.path = "x.jsonl", .folder = ".", .unit = "line", .line = 7};
  const char *const *votes;
  loci_example *e;
  arena *mem = arena_new();
  loci_status st = example_parse(line, strlen(line), &from, &e, err);
  if (!st) st = example_votes(e, from.path, from.unit, mem, &votes, count, err);
  for (int i = 0; !st && i < *count; i++) assert_non_null(votes[i]);
  loci_free(e);
  arena_free(mem);
  return st;
}

static void votes_are_a_list_of_several(void **state) {
  (void)state;
  static const char *const odd[] = {"{\"question\":\"Q\",\"votes\":[\"a\"]}",
                                    "{\"question\":\"Q\",\"votes\":[{}, {}]}",
                                    "{\"question\":\"Q\",\"votes\":\"a\"}"};
  int n = -1;
  loci_err err;
  assert_int_equal(votes_of("{\"question\":\"Q\",\"votes\":[\"a\",\"b\",\"a\"]}", &n, &err), 0);
  assert_int_equal(n, 3);
  assert_int_equal(votes_of("{\"question\":\"Q\"}", &n, &err), 0);
  assert_int_equal(n, 0);
  for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) {
    assert_int_equal(votes_of(odd[i], &n, &err), LOCI_EFORMAT);
    assert_non_null(strstr(err.msg, "x.jsonl, line 7: \"votes\""));
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(forms_and_accuracies_are_the_scripts),
      cmocka_unit_test(every_number_of_matches_is_the_definition),
      cmocka_unit_test(one_mind_is_compared_as_written),
      cmocka_unit_test(votes_are_a_list_of_several),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
