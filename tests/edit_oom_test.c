/* Edits when memory runs out, one allocation at a time: solving, writing, reading, applying and
 * reverting.  A failure leaves neither half a file nor half a change. */
#include "failing_malloc.h"

#include <stdio.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/tree.h"
#include "edit/edit.h"
#include "sized.h"

#define MODELS LOCI_SOURCE_DIR "/tests/golden/models/"
#define PICTURE LOCI_SOURCE_DIR "/tests/golden/images/scene-a.png"

typedef struct things { /* made while memory lasts */
  loci_model *model;
  loci_prompt *prompt, *text;
  loci_edit *edit;
  loci_covariance *covariance;
  char path[64], set[80];
} things;

static loci_status make_prompt(const loci_model *m, const char *image, loci_prompt **out,
                               loci_err *err) {
  static const char *const constraint = "this city";
  loci_question q = {.size = sizeof q,
                     .image = image,
                     .text = "Where is this city?",
                     .constraints = &constraint,
                     .constraint_count = 1};
  if (!image) q.template_name = "raw";
  return loci_prompt_new(m, &q, out, err);
}

static loci_status edit(void *ctx, loci_err *err) {
  const things *t = ctx;
  loci_edit *e;
  char *json = NULL;
  loci_edit_settings set = {.size = sizeof set, .steps = 1, .kl = 0.1};
  loci_edit_opts o = {.size = sizeof o, .no_answers = true, .settings = &set};
  loci_edit_request r[2] = {{.prompt = t->text, .target = "old castle"},
                            {.prompt = t->prompt, .rephrased_count = 1, .target = "here"}};
  r[1].rephrased = (const loci_prompt *const *)&t->text;
  r[1].kept = r[1].rephrased;
  r[1].kept_count = 1;
  set.average_loss = set.each_key = true;
  loci_status st = loci_edit_solve(t->model, r, 2, &o, &e, err);
  assert_true((st == LOCI_OK) == (e != NULL));
  if (!st) st = loci_json(&e->result, &json, err);
  loci_text_free(json);
  loci_free(e);
  return st;
}

/* A covariance made, fine-tuning and ROME with it. */
static loci_status rival_edits(void *ctx, loci_err *err) {
  static const char *const methods[] = {"ft-l", "rome"};
  const things *t = ctx;
  loci_examples *x;
  loci_covariance *c = NULL;
  loci_study_opts study = {.size = sizeof study, .template_name = "raw"};
  loci_edit_request r = {.prompt = t->text, .target = "old castle"};
  TRY(loci_examples_open(t->set, &x, err));
  loci_status st = loci_covariance_new(t->model, x, 2, &study, &c, err);
  loci_examples_close(x);
  for (int i = 0; !st && i < 2; i++) {
    loci_edit *e;
    loci_edit_settings set = {.size = sizeof set, .steps = 1, .without_constraint = i == 0};
    loci_edit_opts o = {
        .size = sizeof o, .no_answers = true, .method = methods[i], .settings = &set};
    o.covariance = i == 1 ? c : NULL;
    st = loci_edit_solve(t->model, &r, 1, &o, &e, err);
    assert_true((st == LOCI_OK) == (e != NULL));
    loci_free(e);
  }
  loci_free(c);
  return st;
}

static loci_status keep_covariance(void *ctx, loci_err *err) {
  const things *t = ctx;
  loci_covariance *back;
  loci_status st = loci_write(&t->covariance->result, t->path, NULL, err);
  if (st) {
    assert_int_not_equal(access(t->path, F_OK), 0);
    return st;
  }
  st = covariance_read(t->path, &back, err);
  assert_true((st == LOCI_OK) == (back != NULL));
  loci_free(back);
  assert_int_equal(unlink(t->path), 0);
  return st;
}

static loci_status apply_edit(void *ctx, loci_err *err) {
  const things *t = ctx;
  loci_edit *e;
  loci_status st = loci_write(&t->edit->result, t->path, NULL, err);
  if (st) {
    assert_int_not_equal(access(t->path, F_OK), 0);
    return st;
  }
  st = edit_read(t->path, &e, err);
  assert_true((st == LOCI_OK) == (e != NULL));
  assert_int_equal(unlink(t->path), 0);
  if (!st) st = loci_edit_apply(t->model, e, err);
  if (!st) {
    st = loci_edit_apply(t->model, t->edit, err);
    if (!st) st = loci_edit_revert(t->model, e, err);
    if (st) assert_int_equal(loci_edit_revert(t->model, e, NULL), LOCI_OK);
    if (loci_edit_revert(t->model, t->edit, NULL)) assert_int_not_equal(st, LOCI_OK);
  }
  loci_free(e);
  return st;
}

/* Saved in f32, opened again and measured: the directory is there, or nothing is. */
static loci_status save_edit(void *ctx, loci_err *err) {
  const things *t = ctx;
  loci_edit_saved *saved;
  const loci_edit *edits[] = {t->edit};
  char *json = NULL;
  loci_status st = loci_edit_save(t->model, edits, 1, t->path, NULL, NULL, &saved, err);
  assert_true((st == LOCI_OK) == (saved != NULL));
  if (!st) st = loci_json(&saved->result, &json, err);
  loci_text_free(json);
  loci_free(saved);
  if (access(t->path, F_OK) == 0) {
    loci_status undone = loci_edit_undo(t->path, NULL, NULL, st ? NULL : err);
    if (!st) st = undone;
    if (st) assert_int_equal(access(t->path, F_OK), 0);
    tree_remove(t->path);
  }
  return st;
}

static loci_status test_edit(void *ctx, loci_err *err) {
  const things *t = ctx;
  loci_examples *x;
  loci_edit_test *r = NULL;
  char *json = NULL, *text = NULL;
  const loci_edit *edits[] = {t->edit};
  loci_edit_test_opts o = {.size = sizeof o, .edits = edits, .edit_count = 1};
  o.study = SIZED(loci_study_opts, .template_name = "raw", .max_new = 1);
  TRY(loci_examples_open(t->set, &x, err));
  loci_status st = loci_edit_test_new(t->model, x, &o, &r, err);
  assert_true((st == LOCI_OK) == (r != NULL));
  if (!st) st = loci_json(&r->result, &json, err);
  if (!st) st = loci_draw(&r->result, NULL, &text, err);
  loci_text_free(json);
  loci_text_free(text);
  loci_free(r);
  loci_examples_close(x);
  return st;
}

/* ---------------------------------------------------------------- tests */

static things all;

static int make_all(void **state) {
  (void)state;
  loci_err err;
  loci_model_opts opts = {.size = sizeof opts, .precision = LOCI_PRECISION_F32, .threads = 1};
  loci_edit_opts edit_opts = {.size = sizeof edit_opts,
                              .settings = SIZED(loci_edit_settings, .steps = 1)};
  strcpy(all.path, "/tmp/loci-edit-oom-XXXXXX.safetensors");
  int fd = mkstemps(all.path, 12);
  if (fd < 0 || close(fd) || unlink(all.path)) return -1;
  static const char line[] = "{\"question\":\"Where is it?\",\"target\":\"here\",\"unrelated\":"
                             "[{\"question\":\"Why?\",\"answers\":[\"so\"]}]}\n";
  snprintf(all.set, sizeof all.set, "%s.jsonl", all.path);
  if (file_write(all.set, line, sizeof line - 1, &err)) return -1;
  if (loci_model_open(MODELS "llava-clip-llama", &opts, &all.model, &err)) return -1;
  if (make_prompt(all.model, PICTURE, &all.prompt, &err)) return -1;
  if (make_prompt(all.model, NULL, &all.text, &err)) return -1;
  loci_examples *x;
  loci_study_opts study = {.size = sizeof study, .template_name = "raw"};
  if (loci_examples_open(all.set, &x, &err)) return -1;
  loci_status st = loci_covariance_new(all.model, x, 1, &study, &all.covariance, &err);
  loci_examples_close(x);
  if (st) return -1;
  loci_edit_request r = {.prompt = all.text, .target = "old castle"};
  return loci_edit_solve(all.model, &r, 1, &edit_opts, &all.edit, &err) ? -1 : 0;
}

static int free_all(void **state) {
  (void)state;
  unlink(all.set);
  loci_free(all.edit);
  loci_free(all.covariance);
  loci_prompt_free(all.text);
  loci_prompt_free(all.prompt);
  loci_model_close(all.model);
  return 0;
}

static void solving_survives(void **state) {
  (void)state;
  assert_true(failing_malloc_run_without_json(edit, &all) > 50);
}

static void rivals_survive(void **state) {
  (void)state;
  assert_true(failing_malloc_run_without_json(rival_edits, &all) > 100);
  assert_true(failing_malloc_run_without_json(keep_covariance, &all) > 5);
}

static void applying_survives(void **state) {
  (void)state;
  assert_true(failing_malloc_run_without_json(apply_edit, &all) > 10);
}

static void saving_survives(void **state) {
  (void)state;
  assert_true(failing_malloc_run_without_json(save_edit, &all) > 50);
}

static void testing_survives(void **state) {
  (void)state;
  assert_true(failing_malloc_run_without_json(test_edit, &all) > 50);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(solving_survives),  cmocka_unit_test(rivals_survive),
      cmocka_unit_test(applying_survives), cmocka_unit_test(saving_survives),
      cmocka_unit_test(testing_survives),
  };
  return cmocka_run_group_tests(tests, make_all, free_all);
}
