/* Studies when memory runs out, one allocation at a time: an example on its way through, what is
 * computed of many, and the reports. */
#include "failing_malloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "study/predict.h"
#include "sized.h"

#define MODEL LOCI_SOURCE_DIR "/tests/golden/models/text-llama"

enum { EXAMPLES = 20 };

typedef struct things {
  loci_model *model;
  loci_prediction *prediction;
  loci_average *average;
  char path[64], out[80];
} things;

static things all;

static loci_status predict(const char *path, int limit, loci_prediction **out, loci_err *err) {
  loci_predict_opts o = {.size = sizeof o,
                         .study =
                             SIZED(loci_study_opts, .limit = limit, .max_new = 1, .no_hash = true)};
  loci_examples *x;
  *out = NULL;
  TRY(loci_examples_open(path, &x, err));
  loci_status st = loci_prediction_new(all.model, x, &o, out, err);
  loci_examples_close(x);
  return st;
}

/* One example is too few to test a score: what is left is its answer. */
static loci_status measure_one(void *ctx, loci_err *err) {
  loci_prediction *p;
  (void)ctx;
  loci_status st = predict(all.path, 1, &p, err);
  assert_int_equal(p != NULL, st == LOCI_OK);
  assert_true(!p || (p->note && p->predictor_count == 0));
  loci_free(p);
  return st;
}

/* Scores of made-up numbers. */
static loci_status score(void *ctx, loci_err *err) {
  loci_predicted rows[EXAMPLES];
  float flows[EXAMPLES * 2], resid[EXAMPLES * 2];
  static const loci_study_opts plain;
  static const loci_predict_opts o = {.study = &plain};
  study s = {.model = all.model, .opts = &plain};
  loci_prediction out;
  (void)ctx;
  memset(&out, 0, sizeof out);
  memset(rows, 0, sizeof rows);
  for (int i = 0; i < EXAMPLES; i++) {
    rows[i].right = i % 2 == 0;
    rows[i].confidence = (i * 7) % 11;
    flows[2 * i] = resid[2 * i] = (float)((i * 5) % 13);
    flows[2 * i + 1] = resid[2 * i + 1] = (float)((i * 3) % 7);
  }
  predicting p = {.s = &s,
                  .opts = &o,
                  .mem = arena_new(),
                  .n = EXAMPLES,
                  .L = 2,
                  .D = 2,
                  .rows = rows,
                  .flows = flows,
                  .resid = resid};
  if (!p.mem) return fail_nomem(err, "testing");
  loci_status st = predict_scores(&p, &out, err);
  arena_free(p.mem);
  return st;
}

static loci_status count_right(void *ctx, loci_err *err) {
  static const char *const by = "id";
  loci_score_opts o = {.size = sizeof o,
                       .study = SIZED(loci_study_opts, .limit = 2, .max_new = 1, .no_hash = true),
                       .choose = *(const loci_choose *)ctx,
                       .by = &by,
                       .by_count = 1};
  loci_examples *x;
  loci_score *s;
  char *text;
  TRY(loci_examples_open(all.path, &x, err));
  loci_status st = loci_score_new(all.model, x, &o, &s, err);
  loci_examples_close(x);
  assert_true((st == LOCI_OK) == (s != NULL));
  if (!st) st = loci_draw(&s->result, NULL, &text, err);
  if (!st) loci_text_free(text);
  loci_free(s);
  return st;
}

static loci_status average_flow(void *ctx, loci_err *err) {
  loci_study_opts o = {.size = sizeof o, .limit = 1, .max_new = 1, .no_hash = true};
  loci_examples *x;
  loci_average *a;
  (void)ctx;
  TRY(loci_examples_open(all.path, &x, err));
  loci_status st = loci_average_new(all.model, x,
                                    SIZED(loci_average_opts, .what = "flow", .study = &o), &a, err);
  loci_examples_close(x);
  assert_true((st == LOCI_OK) == (a != NULL));
  loci_free(a);
  return st;
}

static loci_status average_cuts(void *ctx, loci_err *err) {
  loci_study_opts o = {.size = sizeof o, .limit = 1, .max_new = 1, .no_hash = true};
  loci_examples *x;
  loci_average *a;
  (void)ctx;
  TRY(loci_examples_open(all.path, &x, err));
  loci_status st = loci_average_new(
      all.model, x, SIZED(loci_average_opts, .what = "knockout", .study = &o), &a, err);
  loci_examples_close(x);
  assert_true((st == LOCI_OK) == (a != NULL));
  loci_free(a);
  return st;
}

static loci_status average_trace(void *ctx, loci_err *err) {
  static const loci_site site = LOCI_SITE_MLP_OUT;
  loci_study_opts o = {.size = sizeof o, .limit = 1, .max_new = 1, .no_hash = true};
  loci_trace_opts how = {.size = sizeof how, .sites = &site, .site_count = 1, .layer_count = 1};
  loci_examples *x;
  loci_average *a;
  (void)ctx;
  TRY(loci_examples_open(all.path, &x, err));
  loci_status st = loci_average_new(
      all.model, x, SIZED(loci_average_opts, .study = &o, .trace = &how, .least_effect = -1), &a,
      err);
  loci_examples_close(x);
  assert_true((st == LOCI_OK) == (a != NULL));
  loci_free(a);
  return st;
}

static loci_status report_average(void *ctx, loci_err *err) {
  char *text;
  (void)ctx;
  TRY(loci_draw(&all.average->result, NULL, &text, err));
  loci_text_free(text);
  TRY(loci_json(&all.average->result, &text, err));
  loci_text_free(text);
  return LOCI_OK;
}

static loci_status report(void *ctx, loci_err *err) {
  char *text;
  (void)ctx;
  TRY(loci_draw(&all.prediction->result, NULL, &text, err));
  loci_text_free(text);
  return LOCI_OK;
}

static loci_status report_json(void *ctx, loci_err *err) {
  char *text;
  (void)ctx;
  TRY(loci_json(&all.prediction->result, &text, err));
  loci_text_free(text);
  return LOCI_OK;
}

static loci_status write_csv(void *ctx, loci_err *err) {
  (void)ctx;
  loci_status st = loci_write(&all.prediction->result, all.out, NULL, err);
  assert_int_equal(unlink(all.out) == 0, st == LOCI_OK);
  return st;
}

static void an_example_on_its_way_survives(void **state) {
  (void)state;
  assert_true(failing_malloc_run_without_json(measure_one, NULL) > 20);
}

static void scores_survive(void **state) {
  (void)state;
  assert_true(failing_malloc_run(score, NULL) > 10);
}

static void counting_right_answers_survives(void **state) {
  (void)state;
  static loci_choose ways[] = {LOCI_CHOOSE_LETTER, LOCI_CHOOSE_TEXT, LOCI_CHOOSE_FREE};
  for (int i = 0; i < 3; i++)
    assert_true(failing_malloc_run_without_json(count_right, &ways[i]) > 20);
}

static void averages_survive(void **state) {
  (void)state;
  assert_true(failing_malloc_run_without_json(average_flow, NULL) > 20);
  assert_true(failing_malloc_run_without_json(average_cuts, NULL) > 20);
  assert_true(failing_malloc_run_without_json(average_trace, NULL) > 20);
}

static void reports_survive(void **state) {
  (void)state;
  assert_true(failing_malloc_run(report, NULL) > 5);
  assert_true(failing_malloc_run(report_json, NULL) > 50);
  assert_true(failing_malloc_run(write_csv, NULL) > 2);
  assert_true(failing_malloc_run(report_average, NULL) > 20);
}

/* Half of the answers are right. */
static int make_all(void **state) {
  static const char *const right = "{\"question\":\"What is it?\",\"answers\":[\"%s\"],"
                                   "\"options\":[\"never\",\"%s\"],"
                                   "\"constraints\":[{\"text\":\"it\"}]}\n";
  loci_model_opts o = {.size = sizeof o, .precision = LOCI_PRECISION_F32, .threads = 1};
  loci_question q = {.size = sizeof q, .text = "What is it?"};
  loci_prompt *p;
  loci_answer *a;
  (void)state;
  strcpy(all.path, "/tmp/loci-studies-oom-XXXXXX");
  int fd = mkstemp(all.path);
  if (fd < 0 || close(fd)) return -1;
  snprintf(all.out, sizeof all.out, "%s.csv", all.path);
  if (loci_model_open(MODEL, &o, &all.model, NULL)) return -1;
  if (loci_prompt_new(all.model, &q, &p, NULL)) return -1;
  if (loci_ask(all.model, p, 1, NULL, NULL, &a, NULL)) return -1;
  FILE *f = fopen(all.path, "w");
  if (!f) return -1;
  for (int i = 0; i < EXAMPLES; i++) fprintf(f, right, i % 2 ? a->text : "never", a->text);
  fprintf(f, "no example\n");
  loci_free(a);
  loci_prompt_free(p);
  if (fclose(f) != 0) return -1;
  loci_examples *x;
  loci_study_opts all_of_them = {.size = sizeof all_of_them, .no_hash = true};
  if (loci_examples_open(all.path, &x, NULL)) return -1;
  loci_status st = loci_average_new(all.model, x,
                                    SIZED(loci_average_opts, .what = "flow", .study = &all_of_them),
                                    &all.average, NULL);
  loci_examples_close(x);
  return !st && predict(all.path, 0, &all.prediction, NULL) == LOCI_OK ? 0 : -1;
}

static int free_all(void **state) {
  (void)state;
  loci_free(all.average);
  loci_free(all.prediction);
  loci_model_close(all.model);
  unlink(all.path);
  return 0;
}

int main(void) {
  static const struct CMUnitTest tests[] = {
      cmocka_unit_test(an_example_on_its_way_survives),
      cmocka_unit_test(scores_survive),
      cmocka_unit_test(counting_right_answers_survives),
      cmocka_unit_test(averages_survive),
      cmocka_unit_test(reports_survive),
  };
  return cmocka_run_group_tests(tests, make_all, free_all);
}
