/* Tests of edits: an edit of nothing changes nothing, a good one is seen as such, and examples that
 * cannot be used are dropped with their reason. */
#include "edit/edit.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h> /* last: it has a macro `fail` */

#include "base/file.h"
#include "sized.h"

#define MODELS LOCI_SOURCE_DIR "/tests/golden/models/"

static char path[64];

static const char set[] =
    "{\"question\":\"The bridge of Vienna was built by\",\"constraints\":[{\"text\":\"Vienna\"}],"
    "\"target\":\"few\",\"rephrase\":[\"The bridge in Vienna is by\",\"By whom is that bridge\"],"
    "\"same_image\":[{\"question\":\"The people of Vienna speak\",\"answers\":[\"ri\"]}],"
    "\"unrelated\":[{\"question\":\"In Rome they say\"},{\"question\":\"A bridge is\"}]}\n"
    "{\"question\":\"The bridge of Vienna was built by\",\"constraints\":[{\"text\":\"Vienna\"}]}\n"
    "{\"question\":\"The bridge of Vienna was built by\",\"constraints\":[{\"text\":\"Vienna\"}],"
    "\"target\":\"few\",\"unrelated\":[{\"image\":\"a.png\"}]}\n";

static int write_set(void **state) {
  (void)state;
  loci_err err;
  strcpy(path, "/tmp/loci-trial-test-XXXXXX");
  int fd = mkstemp(path);
  if (fd < 0 || close(fd)) return -1;
  return file_write(path, set, sizeof set - 1, &err) ? -1 : 0;
}

static int remove_set(void **state) {
  (void)state;
  return unlink(path);
}

static loci_model *open_model(void) {
  loci_model *m;
  loci_err err;
  loci_model_opts opts = {.size = sizeof opts, .precision = LOCI_PRECISION_F32, .threads = 1};
  if (loci_model_open(MODELS "text-llama", &opts, &m, &err)) fail_msg("%s", err.msg);
  return m;
}

static loci_edit_test *run(loci_model *m, loci_edit_test_opts o) {
  loci_study_opts study = {.size = sizeof study, .template_name = "raw", .max_new = 3};
  o.size = sizeof o;
  o.study = &study;
  loci_examples *x;
  loci_edit_test *t;
  loci_err err;
  if (loci_examples_open(path, &x, &err)) fail_msg("%s", err.msg);
  if (loci_edit_test_new(m, x, &o, &t, &err)) fail_msg("%s", err.msg);
  loci_examples_close(x);
  return t;
}

static const loci_edit_metric *metric(const loci_edit_test *t, const char *group,
                                      const char *name) {
  for (int i = 0; i < t->group_count; i++) {
    for (int k = 0; k < t->groups[i].metric_count; k++) {
      if (strcmp(t->groups[i].name, group) == 0 &&
          strcmp(t->groups[i].metrics[k].name, name) == 0) {
        return &t->groups[i].metrics[k];
      }
    }
  }
  fail_msg("no %s of %s", name, group);
  return NULL;
}

static void is(const loci_edit_test *t, const char *group, const char *name, double before,
               double after) {
  const loci_edit_metric *m = metric(t, group, name);
  if (m->before.value != before || m->after.value != after) {
    fail_msg("%s of %s is %g, then %g", name, group, m->before.value, m->after.value);
  }
}

static void a_good_edit_is_seen_as_one(void **state) {
  (void)state;
  loci_model *m = open_model();
  loci_edit_test *t =
      run(m, (loci_edit_test_opts){
                 .how = SIZED(loci_edit_opts, .has_layer = true, .layer = 1,
                              .settings = SIZED(loci_edit_settings, .steps = 40, .lr = 0.3))});
  assert_int_equal(t->sample.used, 1);
  assert_int_equal(t->sample.dropped_count, 2);
  assert_string_equal(t->sample.dropped[0].kind, "no target");
  assert_non_null(
      strstr(t->sample.dropped[1].reason, "\"unrelated\", item 1: must have a question"));
  assert_int_equal(t->layer, 1);
  assert_int_equal(t->settings.steps, 40);
  static const int questions[] = {1, 2, 0, 1, 0, 2};
  for (int i = 0; i < 6; i++) assert_int_equal(t->groups[i].questions, questions[i]);
  is(t, "efficacy", "first", 0, 1);
  is(t, "efficacy", "forced", 0, 1);
  assert_true(metric(t, "efficacy", "p")->after.value > 0.5);
  assert_true(metric(t, "efficacy", "p")->before.value < 0.1);
  assert_true(metric(t, "efficacy", "lead")->before.value < 0);
  assert_true(metric(t, "efficacy", "lead")->after.value > 0);
  assert_true(metric(t, "same_image", "kl")->after.value > 0);
  assert_true(isnan(metric(t, "unrelated", "right")->after.value));
  assert_true(isnan(metric(t, "same_entity", "free")->after.value));
  assert_int_equal(changes_count(m), 0);
  loci_free(t);
  loci_model_close(m);
}

/* An edit of several layers is of none of them alone. */
static void several_layers_are_not_called_by_the_last(void **state) {
  (void)state;
  static const int layers[] = {0, 1};
  loci_model *m = open_model();
  loci_edit_opts how = {.size = sizeof how, .method = "memit", .no_covariance = true};
  how.settings = SIZED(loci_edit_settings, .steps = 2);
  how.layers = layers;
  how.layer_count = 2;
  loci_edit_test *t = run(m, (loci_edit_test_opts){.how = &how});
  assert_int_equal(t->layer, -1);
  loci_free(t);
  loci_model_close(m);
}

/* The same edit by its file's way gives the same numbers; scaled to nothing, it changes nothing. */
static void given_edits_are_measured_alike(void **state) {
  (void)state;
  static const char *const constraint = "Vienna";
  loci_err err;
  loci_edit *e;
  loci_prompt *p;
  loci_model *m = open_model();
  loci_edit_opts how = {.size = sizeof how,
                        .has_layer = true,
                        .layer = 1,
                        .settings = SIZED(loci_edit_settings, .steps = 40, .lr = 0.3)};
  loci_question q = {.size = sizeof q,
                     .text = "The bridge of Vienna was built by",
                     .template_name = "raw",
                     .constraints = &constraint,
                     .constraint_count = 1};
  if (loci_prompt_new(m, &q, &p, &err)) fail_msg("%s", err.msg);
  loci_edit_request r = {.prompt = p, .target = "few"};
  if (loci_edit_solve(m, &r, 1, &how, &e, &err)) fail_msg("%s", err.msg);
  const loci_edit *edits[] = {e};
  loci_edit_test_opts given = {.size = sizeof given, .edits = edits, .edit_count = 1};
  loci_edit_test *alone = run(m, (loci_edit_test_opts){.how = &how}), *same = run(m, given);
  for (int g = 0; g < alone->group_count; g++) {
    for (int k = 0; k < alone->groups[g].metric_count; k++) {
      double a = alone->groups[g].metrics[k].after.value,
             b = same->groups[g].metrics[k].after.value;
      assert_true(a == b || (isnan(a) && isnan(b)));
    }
  }
  float *left = (float *)(uintptr_t)e->left;
  for (int64_t i = 0; i < e->width; i++) left[i] = 0;
  loci_edit_test *none = run(m, given);
  is(none, "same_image", "unchanged", 1, 1);
  is(none, "unrelated", "kl", 0, 0);
  is(none, "unrelated", "first", 1, 1);
  for (int g = 0; g < none->group_count; g++) {
    for (int k = 0; k < none->groups[g].metric_count; k++) {
      const loci_edit_metric *x = &none->groups[g].metrics[k];
      assert_true(x->before.value == x->after.value || isnan(x->after.value));
    }
  }
  loci_free(alone);
  loci_free(same);
  loci_free(none);
  loci_free(e);
  loci_prompt_free(p);
  loci_model_close(m);
}

/* A wording that the key is averaged over, and a question that is kept, test nothing. */
static void what_an_edit_was_solved_with_is_not_tested(void **state) {
  (void)state;
  static const char line[] =
      "{\"question\":\"The bridge of Vienna was built by\",\"constraints\":[{\"text\":\"Vienna\"}],"
      "\"target\":\"few\",\"rephrase\":[\"Who built the bridge\",\"Vienna had a bridge by\",\"The "
      "bridge in Vienna is by\"],\"same_image\":[{\"question\":\"The people of Vienna speak\"},"
      "{\"question\":\"In Rome they say\"}],\"keep\":[{\"question\":\"The people of Vienna "
      "speak\"}]}\n";
  char own[64];
  loci_err err;
  snprintf(own, sizeof own, "%s", path);
  snprintf(path, sizeof path, "/tmp/loci-trial-test-XXXXXX");
  int fd = mkstemp(path);
  assert_true(fd >= 0 && close(fd) == 0);
  assert_int_equal(file_write(path, line, sizeof line - 1, &err), LOCI_OK);
  loci_model *m = open_model();
  loci_edit_test_opts o = {
      .size = sizeof o,
      .how = SIZED(loci_edit_opts, .settings = SIZED(loci_edit_settings, .steps = 1))};
  loci_edit_test *one = run(m, o);
  o.prompts = 2;
  loci_edit_test *two = run(m, o);
  assert_int_equal(one->groups[1].questions, 3);
  assert_int_equal(two->groups[1].questions, 2); /* the first wording has no constraint to use */
  assert_int_equal(one->groups[3].questions, 1);
  assert_int_equal(two->groups[3].questions, 1);
  loci_free(one);
  loci_free(two);
  loci_model_close(m);
  unlink(path);
  snprintf(path, sizeof path, "%s", own);
}

static void a_file_without_a_use_is_refused(void **state) {
  (void)state;
  loci_err err;
  loci_examples *x;
  loci_edit_test *t;
  loci_model *m = open_model();
  loci_edit_test_opts o = {.size = sizeof o,
                           .study = SIZED(loci_study_opts, .template_name = "raw"),
                           .how = SIZED(loci_edit_opts, .has_layer = true, .layer = 9)};
  if (loci_examples_open(path, &x, &err)) fail_msg("%s", err.msg);
  assert_int_equal(loci_edit_test_new(m, x, &o, &t, &err), LOCI_EINVAL);
  assert_null(t);
  assert_non_null(strstr(err.msg, "no example can be used, the first because: layer 9"));
  loci_examples_close(x);
  loci_model_close(m);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_good_edit_is_seen_as_one),
      cmocka_unit_test(several_layers_are_not_called_by_the_last),
      cmocka_unit_test(given_edits_are_measured_alike),
      cmocka_unit_test(what_an_edit_was_solved_with_is_not_tested),
      cmocka_unit_test(a_file_without_a_use_is_refused),
  };
  return cmocka_run_group_tests(tests, write_set, remove_set);
}
