/* What is asked of an example and what is made of it: the locality grid, portability, fact checks,
 * agreement and VQA accuracy, scope and blindness, each against a slow way. */
#include "edit/trial.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h> /* last: it has a macro `fail` */

#include "base/file.h"
#include "data/vqa_accuracy.h"
#include "edit/solve_test.h"
#include "sized.h"

#define IMAGES LOCI_SOURCE_DIR "/tests/golden/images/"
#define QUESTION "The bridge of Vienna was built by"
#define OWN "{\"question\":\"" QUESTION "\",\"constraints\":[{\"text\":\"Vienna\"}],"

/* One line as a file, tested; answers are one token long. */
static loci_status try_line(const loci_model *m, const char *line, const loci_edit *e,
                            loci_edit_test **out, loci_err *err) {
  char path[] = "/tmp/loci-trial-test-XXXXXX";
  loci_study_opts raw = {.size = sizeof raw, .max_new = 1};
  if (m->info.image_rows == 0) raw.template_name = "raw";
  loci_edit_test_opts o = {.size = sizeof o, .study = &raw, .edits = &e, .edit_count = 1};
  loci_examples *x;
  int fd = mkstemp(path);
  assert_true(fd >= 0 && close(fd) == 0);
  assert_int_equal(file_write(path, line, strlen(line), err), LOCI_OK);
  if (loci_examples_open(path, &x, err)) fail_msg("%s", err->msg);
  loci_status st = loci_edit_test_new(m, x, &o, out, err);
  loci_examples_close(x);
  unlink(path);
  return st;
}

static loci_edit_test *test_line(const loci_model *m, const char *line, const loci_edit *e) {
  loci_edit_test *t;
  loci_err err;
  if (try_line(m, line, e, &t, &err)) fail_msg("%s", err.msg);
  assert_int_equal(t->sample.used, 1);
  return t;
}

static const loci_edit_group *group_of(const loci_edit_test *t, const char *name) {
  for (int g = 0; g < t->group_count; g++)
    if (strcmp(t->groups[g].name, name) == 0) return &t->groups[g];
  fail_msg("no group %s", name);
  return NULL;
}

static const loci_edit_metric *metric(const loci_edit_test *t, const char *group,
                                      const char *name) {
  const loci_edit_group *g = group_of(t, group);
  for (int i = 0; i < g->metric_count; i++)
    if (strcmp(g->metrics[i].name, name) == 0) return &g->metrics[i];
  fail_msg("no %s of %s", name, group);
  return NULL;
}

static const loci_edit_measure *measure(const loci_edit_test *t, const char *name) {
  for (int i = 0; i < t->measure_count; i++)
    if (strcmp(t->measures[i].name, name) == 0) return &t->measures[i];
  fail_msg("no measure %s", name);
  return NULL;
}

/* Of the question beside [image], or in words alone. */
static loci_edit *edit_beside(loci_model *m, const char *image, const char *answer,
                              const char *method, int steps, double lr) {
  static const char *const constraint = "Vienna";
  loci_question q = {.size = sizeof q,
                     .image = image,
                     .text = QUESTION,
                     .template_name = image ? NULL : "raw",
                     .constraints = &constraint,
                     .constraint_count = 1};
  loci_prompt *p;
  loci_err err;
  if (loci_prompt_new(m, &q, &p, &err)) fail_msg("%s", err.msg);
  loci_edit_request r = {.prompt = p, .target = answer};
  loci_edit_opts o = {.has_layer = true, .layer = 1, .no_answers = true, .method = method};
  o.settings = SIZED(loci_edit_settings, .steps = steps, .lr = lr);
  loci_edit *e = solve(m, &r, 1, o);
  loci_prompt_free(p);
  return e;
}
static loci_edit *edit_of(loci_model *m, const char *answer, int steps, double lr) {
  return edit_beside(m, NULL, answer, "multedit", steps, lr);
}

static void asked(const loci_edit_test *t, const char *group, int questions) {
  int n = group_of(t, group)->questions;
  if (n != questions) fail_msg("%s: %d questions, expected %d", group, n, questions);
}

/* Cells that the file has no questions for follow from those it has. */
static void the_grid_is_asked_cell_by_cell(void **state) {
  (void)state;
  static const char line[] =
      OWN "\"image\":\"" IMAGES "scene-a.png\",\"target\":\"few\","
          "\"same_image\":[{\"image\":\"" IMAGES "scene-a.png\",\"question\":\"Who is it?\"}],"
          "\"other_images\":[{\"image\":\"" IMAGES "scene-b.png\",\"question\":\"" QUESTION "\"},"
          "{\"image\":\"" IMAGES "rgb.png\",\"question\":\"" QUESTION "\"},"
          "{\"image\":\"" IMAGES "tall.png\",\"question\":\"" QUESTION "\"}],"
          "\"unrelated\":[{\"image\":\"" IMAGES "gray.png\",\"question\":\"Why?\"},"
          "{\"image\":\"" IMAGES "gray.png\",\"question\":\"When?\"},{\"question\":\"How?\"}],"
          "\"similar\":[{\"question\":\"The tower of Vienna was built by\"},"
          "{\"question\":\"The people of Vienna speak\"}],"
          "\"text_only\":[{\"question\":\"What is it?\"}]}\n";
  loci_model *m = open_model("llava-clip-llama");
  loci_edit *e = edit_of(m, "few", 1, 0.1);
  loci_edit_test *t = test_line(m, line, e);
  asked(t, "other_images", 3);
  asked(t, "unrelated", 3);
  asked(t, "unrelated_images", 1); /* one picture, twice; and a question without */
  asked(t, "no_image", 1);
  asked(t, "similar", 2);
  asked(t, "similar_other_images", 3); /* in turn, not all with all */
  asked(t, "similar_no_image", 2);
  asked(t, "text_only", 1);
  asked(t, "portability", 0);
  loci_free(t);
  loci_free(e);
  loci_model_close(m);
  m = open_model("text-llama"); /* reads no pictures: there is no grid of them */
  e = edit_of(m, "few", 1, 0.1);
  t = test_line(m, line, e);
  asked(t, "unrelated_images", 0);
  asked(t, "no_image", 0);
  asked(t, "similar", 2);
  asked(t, "similar_other_images", 0);
  asked(t, "similar_no_image", 0);
  loci_free(t);
  loci_free(e);
  loci_model_close(m);
}

/* Best first, the smaller id first of equals. */
static void best_of(const float *logits, int V, int out[BEST]) {
  bool *taken = calloc((size_t)V, sizeof *taken);
  assert_non_null(taken);
  for (int r = 0; r < BEST; r++) {
    int best = -1;
    for (int i = 0; i < V; i++)
      if (!taken[i] && (best < 0 || logits[i] > logits[best])) best = i;
    taken[out[r] = best] = true;
  }
  free(taken);
}

static void ranks_of(const loci_model *m, const char *question, int out[BEST]) {
  loci_run *r;
  loci_view v;
  loci_err err;
  loci_prompt *p;
  int V = model_decoder(m)->vocab;
  loci_question q = {.size = sizeof q, .text = question, .template_name = "raw"};
  loci_status st = loci_prompt_new(m, &q, &p, &err);
  if (!st) st = loci_run_new(m, p, &r, &err);
  if (!st) st = loci_run_record(r, LOCI_SITE_LOGITS, 0, &err);
  if (!st) st = loci_run_forward(r, NULL, NULL, &err);
  if (!st) st = loci_run_get(r, LOCI_SITE_LOGITS, 0, &v, &err);
  if (st) fail_msg("%s", err.msg);
  best_of(v.data + (v.rows - 1) * V, V, out);
  loci_run_free(r);
  loci_prompt_free(p);
}

/* At the one position of a one-token answer agreement is what two plain runs say. */
static void agreement_is_that_of_two_plain_runs(void **state) {
  (void)state;
  static const char line[] =
      OWN "\"target\":\"few\",\"text_only\":[{\"question\":\"The people of Vienna speak\"}]}\n";
  loci_model *m = open_model("text-llama");
  loci_edit *e = edit_of(m, "few", 30, 0.3);
  loci_edit_test *t = test_line(m, line, e);
  loci_err err;
  int before[BEST], after[BEST], same = 0;
  ranks_of(m, "The people of Vienna speak", before);
  assert_int_equal(loci_edit_apply(m, e, &err), LOCI_OK);
  ranks_of(m, "The people of Vienna speak", after);
  assert_int_equal(loci_edit_revert(m, e, &err), LOCI_OK);
  for (int r = 0; r < BEST; r++) same += before[r] == after[r];
  assert_in_range(same, 0, BEST - 1); /* or the edit would show nothing */
  assert_true(metric(t, "text_only", "top10")->before.value == 1);
  assert_true(metric(t, "text_only", "top10")->after.value == (double)same / BEST);
  assert_true(metric(t, "text_only", "top1")->after.value == (before[0] == after[0]));
  loci_free(t);
  loci_free(e);
  loci_model_close(m);
}

static double p_of(loci_model *m, const char *answer) {
  loci_edit *e = edit_of(m, answer, 1, 0.1);
  double p = e->facts[0].before.m.p;
  loci_free(e);
  return p;
}

/* p of the right word among both, by another way; both kinds count the same, however many there
 * are.  Sums of exponentials in double of logits in f32: 1e-6. */
static void facts_are_checked_in_balance(void **state) {
  (void)state;
  char line[1000];
  loci_model *m = open_model("text-llama");
  double yes = p_of(m, "yes"), no = p_of(m, "no"), p = yes / (yes + no);
  assert_true(fabs(p - 0.5) > 1e-4);
  loci_edit *e = edit_of(m, "few", 1, 0.1);
#define FACT_OF(answer) "{\"question\":\"" QUESTION "\",\"answers\":[\"" answer "\"]}"
  snprintf(line, sizeof line, "%s\"target\":\"few\",\"fact_check\":[%s,%s,%s]}\n", OWN,
           FACT_OF("yes"), FACT_OF("no"), FACT_OF("no"));
  loci_edit_test *t = test_line(m, line, e);
  assert_true(metric(t, "fact_check", "yes")->before.value == (p > 0.5));
  assert_true(metric(t, "fact_check", "no")->before.value == (p < 0.5));
  assert_true(metric(t, "fact_check", "balanced")->before.value == 0.5);
  assert_float_equal(metric(t, "fact_check", "p")->before.value, (p + 2 * (1 - p)) / 3, 1e-6);
  loci_free(t);
  snprintf(line, sizeof line, "%s\"target\":\"few\",\"fact_check\":[%s]}\n", OWN, FACT_OF("yes"));
  t = test_line(m, line, e);
  assert_true(isnan(metric(t, "fact_check", "balanced")->before.value)); /* one kind alone */
  assert_true(metric(t, "fact_check", "yes")->before.value == (p > 0.5));
  loci_free(t);
  loci_err err;
  snprintf(line, sizeof line, "%s\"target\":\"few\",\"fact_check\":[%s]}\n", OWN,
           FACT_OF("perhaps"));
  assert_int_equal(try_line(m, line, e, &t, &err), LOCI_EINVAL);
  assert_non_null(strstr(err.msg, "\"fact_check\", item 1: the answer is yes or no"));
  snprintf(line, sizeof line, "%s\"target\":\"few\",\"portability\":[{\"question\":\"Who?\"}]}\n",
           OWN);
  assert_int_equal(try_line(m, line, e, &t, &err), LOCI_EINVAL);
  assert_non_null(strstr(err.msg, "\"portability\", item 1: must have answers"));
  loci_free(e);
  loci_model_close(m);
}

/* An answer out of all that are accepted, and what several people said of it. */
static void portability_and_votes_have_answers_of_their_own(void **state) {
  (void)state;
  loci_err err;
  loci_answer *a;
  char line[1000], word[64];
  loci_model *m = open_model("text-llama");
  loci_prompt *p = ask(m, "The people of Vienna speak", NULL);
  if (loci_ask(m, p, 1, NULL, NULL, &a, &err)) fail_msg("%s", err.msg);
  snprintf(word, sizeof word, "%s", a->text + strspn(a->text, " "));
  assert_true(word[0] && !strpbrk(word, "\"\\"));
  loci_free(a);
  loci_prompt_free(p);
  loci_edit *e = edit_of(m, "few", 1, 1e-6);
  snprintf(line, sizeof line,
           "%s\"target\":\"few\",\"votes\":[\"few\",\"few\"],\"portability\":[{\"question\":\"The "
           "people of Vienna speak\",\"answers\":[\"never this\",\"%s\"]}],\"text_only\":"
           "[{\"question\":\"The people of Vienna speak\",\"votes\":[\"%s\",\"%s\",\"x\"]}]}\n",
           OWN, word, word, word);
  loci_edit_test *t = test_line(m, line, e);
  const char *const votes[] = {word, word, "x"};
  double expected;
  assert_int_equal(vqa_accuracy(word, votes, 3, &expected, &err), LOCI_OK);
  assert_true(expected > 0);
  assert_true(metric(t, "portability", "free")->before.value == 1);
  assert_true(metric(t, "text_only", "vqa")->before.value == expected);
  assert_true(metric(t, "efficacy", "vqa")->before.value == 0); /* it is not answered with few */
  assert_true(isnan(metric(t, "portability", "vqa")->before.value));
  loci_free(t);
  loci_free(e);
  loci_model_close(m);
}

static bool all_are(const loci_edit_test *t, const char *const *groups, int n) {
  bool all = true;
  for (int i = 0; i < n; i++) all = all && group_of(t, groups[i])->metrics[0].after.value == 1;
  return all;
}

/* Of one example every share is 0 or 1, as its groups say; each scope is met. */
static void a_scope_is_what_the_groups_say(void **state) {
  (void)state;
  static const char *const within[] = {"paraphrases"}, *const beyond[] = {"text_only"};
  static const char *const questions[] = {"The people of Vienna speak", "In Rome they say",
                                          "The tower of Vienna was built by", "Who"};
  static const char *const names[] = {"proper", "under", "over", "both"};
  loci_model *m = open_model("text-llama");
  int met[4] = {0}, failed = 0;
  for (int strength = 0; strength < 3; strength++) {
    loci_edit *e = edit_of(m, "few", 10 << strength, 0.1 * (1 + strength));
    for (int i = 0; i < 16; i++) {
      char line[600];
      snprintf(
          line, sizeof line,
          "%s\"target\":\"few\",\"rephrase\":[\"%s\"],\"text_only\":[{\"question\":\"%s\"}]}\n",
          OWN, i / 4 ? questions[i / 4] : "The bridge of Vienna was made by", questions[i % 4]);
      loci_edit_test *t = test_line(m, line, e);
      bool reached = all_are(t, within, 1), kept = all_are(t, beyond, 1);
      int scope = reached ? (kept ? 0 : 2) : (kept ? 1 : 3);
      bool is_edited = metric(t, "efficacy", "free")->after.value == 1;
      for (int s = 0; s < 4; s++) {
        const loci_edit_measure *x = measure(t, names[s]);
        assert_int_equal(x->examples, is_edited);
        if (is_edited) assert_true(x->after.value == (s == scope));
        assert_true(isnan(x->before.value));
      }
      met[scope] += is_edited;
      failed += !is_edited;
      loci_free(t);
    }
    loci_free(e);
  }
  int kinds = 0;
  for (int s = 0; s < 4; s++) kinds += met[s] > 0;
  if (kinds < 3)
    fail_msg("of %d %d %d %d met, %d not edited", met[0], met[1], met[2], met[3], failed);
  loci_model_close(m);
}

/* Fine-tuning on one picture answers so on others, too.  Over questions that only look like the
 * edit's, whichever group they are of. */
static void blindness_is_a_share_of_questions_on_other_pictures(void **state) {
  (void)state;
  static const char line[] =
      OWN "\"image\":\"" IMAGES "scene-a.png\",\"target\":\"few\","
          "\"other_images\":[{\"image\":\"" IMAGES "scene-b.png\",\"question\":\"" QUESTION "\"},"
          "{\"image\":\"" IMAGES "rgb.png\",\"question\":\"" QUESTION "\"}],"
          "\"unrelated\":[{\"image\":\"" IMAGES "gray.png\",\"question\":\"Why?\"}]}\n";
  loci_model *m = open_model("llava-clip-llama");
  loci_edit *e = edit_beside(m, IMAGES "scene-a.png", "few", "ft", 60, 5e-3);
  loci_edit_test *t = test_line(m, line, e);
  double a = metric(t, "other_images", "target")->after.value,
         b = metric(t, "unrelated_images", "target")->after.value;
  const loci_edit_measure *x = measure(t, "blindness");
  assert_int_equal(x->examples, 1);
  assert_float_equal(x->after.value, (2 * a + b) / 3, 1e-12);
  if (x->before.value != 0 || !(x->after.value > 0))
    fail_msg("%g, then %g; efficacy %g", x->before.value, x->after.value,
             metric(t, "efficacy", "free")->after.value);
  assert_true(metric(t, "unrelated", "target")->before.value == 0);
  loci_free(t);
  loci_free(e);
  loci_model_close(m);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_grid_is_asked_cell_by_cell),
      cmocka_unit_test(agreement_is_that_of_two_plain_runs),
      cmocka_unit_test(facts_are_checked_in_balance),
      cmocka_unit_test(portability_and_votes_have_answers_of_their_own),
      cmocka_unit_test(a_scope_is_what_the_groups_say),
      cmocka_unit_test(blindness_is_a_share_of_questions_on_other_pictures),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
