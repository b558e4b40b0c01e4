/* What a test of an edit says of the original answer is what the model said when it was asked: with
 * its picture, and with the places that the family gives its rows. */
#include "edit/test_question.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h> /* last: it has a macro `fail` */

#include "edit/solve_test.h"
#include "walk/ask.h"

#define PICTURE LOCI_SOURCE_DIR "/tests/golden/images/scene-a.png"
#define QUESTION "In which city is this building?"

enum { MOST = 4 };

typedef struct reports {
  int count, stop_at; /* 0: never */
  int walks;          /* of them */
} reports;

static bool report(void *ctx, const char *stage, double done, double total) {
  reports *r = ctx;
  (void)done, (void)total;
  r->walks += strcmp(stage, "walk") == 0;
  return ++r->count != r->stop_at;
}

/* p of the whole greedy answer, without its end token, and how often a run of it reports. */
static double asked_p(const loci_model *m, reports *r) {
  loci_prompt *p;
  loci_answer *a;
  loci_err err;
  loci_question q = {.size = sizeof q, .text = QUESTION, .image = PICTURE};
  if (loci_prompt_new(m, &q, &p, &err)) fail_msg("%s", err.msg);
  if (loci_ask(m, p, MOST, report, r, &a, &err)) fail_msg("%s", err.msg);
  double all = 1;
  for (int i = 0; i < a->count; i++) {
    bool end = false;
    for (int k = 0; k < m->weights->config.n_eos; k++)
      end |= m->weights->config.eos[k] == a->ids[i];
    if (i == 0 || !end) all *= a->top[i][0].p;
  }
  loci_free(a);
  loci_prompt_free(p);
  return all;
}

static loci_status measure(const loci_model *m, question_kind kind, reports *r, test_numbers *out,
                           loci_err *err) {
  static const char *const answers[QUESTION_KINDS][1] = {
      [SHOULD_STAY] = {"wall"}, [SHOULD_CHANGE] = {"few"}, [FACT] = {"yes"}};
  const watch w = {report, r};
  const test_question q = {.image = PICTURE,
                           .text = QUESTION,
                           .kind = kind,
                           .target = "few",
                           .answers = answers[kind],
                           .answer_count = 1,
                           .max_new = MOST};
  return test_question_measure(m, m, &q, &w, out, err);
}

static const char *const families[] = {"llava-clip-llama", "qwen2-vl",  "qwen2-5-vl", "mllama",
                                       "gemma3",           "paligemma", "qwen3-vl"};

static void the_original_answer_is_what_was_asked(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof families / sizeof *families; i++) {
    loci_model *m = open_model(families[i]);
    loci_err err;
    test_numbers n;
    double p = asked_p(m, &(reports){0});
    assert_true(p > 1e-9);
    if (measure(m, SHOULD_CHANGE, &(reports){0}, &n, &err)) fail_msg("%s", err.msg);
    /* p - lead; each p is a product of a few softmaxes of f32 logits */
    double own = n.before[3] - n.before[4];
    if (fabs(own - p) > 1e-5 * p) fail_msg("%s: %.9g, asked %.9g", families[i], own, p);
    if (measure(m, SHOULD_STAY, &(reports){0}, &n, &err)) fail_msg("%s", err.msg);
    if (fabs(n.before[2] - p) > 1e-5 * p)
      fail_msg("%s: %.9g, asked %.9g", families[i], n.before[2], p);
    assert_true(n.after[0] == 1 && n.after[2] == n.before[2] && n.after[4] == 0);
    loci_model_close(m);
  }
}

/* Prompt, answers and every measured target report: a stop is heeded in each. */
static void a_question_stops_wherever_it_is_told(void **state) {
  (void)state;
  loci_model *m = open_model("llava-clip-llama");
  test_numbers n;
  loci_err err;
  reports asked = {0};
  asked_p(m, &asked);
  for (question_kind k = 0; k < QUESTION_KINDS; k++) {
    reports all = {0};
    if (measure(m, k, &all, &n, &err)) fail_msg("%s", err.msg);
    /* an answer of each model; the original one and a target, or both verdicts, by all layers */
    int runs = k == FACT ? 2 : 4;
    assert_true(all.walks >= 2 * asked.walks + runs * model_decoder(m)->layers);
    for (int at = 1; at <= all.count; at++) {
      reports r = {.stop_at = at};
      assert_int_equal(measure(m, k, &r, &n, &err), LOCI_ECANCELLED);
      assert_int_equal(r.count, at);
    }
  }
  loci_model_close(m);
}

/* After the cached prompt an answer has every number of its run from the first position on. */
static void an_answer_after_the_cached_prompt_is_its_own_run(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof families / sizeof *families; i++) {
    loci_model *m = open_model(families[i]);
    loci_err err;
    loci_prompt *p;
    loci_answer *a;
    kv_cache *cache;
    target t;
    loci_question q = {.size = sizeof q, .text = QUESTION, .image = PICTURE};
    arena *mem = arena_new();
    assert_non_null(mem);
    if (loci_prompt_new(m, &q, &p, &err)) fail_msg("%s", err.msg);
    if (target_make(p, "a few old walls", mem, &t, &err)) fail_msg("%s", err.msg);
    assert_true(t.count > 2);
    answering of = {
        .p = p, .rows = p->embeds, .first = p->info.length, .room = t.count, .cache = &cache};
    if (answer_make(&of, 1, &(walk_hooks){0}, &a, &err)) fail_msg("%s", err.msg);
    target_reading r[2];
    int V = model_decoder(m)->vocab;
    for (int k = 0; k < 2; k++) {
      r[k] = (target_reading){.logp = arena_array(mem, V, double),
                              .best = arena_array(mem, t.count * BEST, int)};
      assert_true(r[k].logp && r[k].best);
      if (measure_target(m, &t, k ? cache : NULL, &r[k], &err)) fail_msg("%s", err.msg);
    }
    if (r[0].p != r[1].p) fail_msg("%s: %.17g, after %.17g", families[i], r[0].p, r[1].p);
    assert_true(r[0].p > 0 && r[0].share == r[1].share);
    assert_memory_equal(r[0].logp, r[1].logp, (size_t)V * sizeof(double));
    assert_memory_equal(r[0].best, r[1].best, (size_t)t.count * BEST * sizeof(int));
    kv_cache_free(cache);
    loci_free(a);
    loci_prompt_free(p);
    arena_free(mem);
    loci_model_close(m);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(an_answer_after_the_cached_prompt_is_its_own_run),
      cmocka_unit_test(the_original_answer_is_what_was_asked),
      cmocka_unit_test(a_question_stops_wherever_it_is_told),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
