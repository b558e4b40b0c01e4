/* Laws of edits: the update brings every value, solving leaves the model as it is, reverting leaves
 * nothing after, a file holds what was written, a step costs what it reaches (methods_test.c: the
 * methods, and what is refused). */
#include "edit/update.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h> /* last: it has a macro `fail` */

#include "base/file.h"
#include "base/random.h"
#include "edit/questions_test.h"
#include "model/compute.h"
#include "sized.h"

/* Logits of the last position. */
static float *logits_of(const loci_model *m, const loci_prompt *p) {
  loci_run *r;
  loci_view v;
  loci_err err;
  int64_t V = model_decoder(m)->vocab;
  float *out = malloc((size_t)V * sizeof *out);
  assert_non_null(out);
  loci_status st = loci_run_new(m, p, &r, &err);
  if (!st) st = loci_run_record(r, LOCI_SITE_LOGITS, 0, &err);
  if (!st) st = loci_run_forward(r, NULL, NULL, &err);
  if (!st) st = loci_run_get(r, LOCI_SITE_LOGITS, 0, &v, &err);
  if (st) fail_msg("%s", err.msg);
  memcpy(out, v.data + (v.rows - 1) * V, (size_t)V * sizeof *out);
  loci_run_free(r);
  return out;
}

/* right K^T = (lambda I + K K^T)^-1 K K^T, so (lambda I + K K^T) right = K; nearly parallel keys
 * included.  Sums of 40 products of size 1 in f32 are good to 1e-5. */
static void the_update_solves_its_equation(void **state) {
  (void)state;
  enum { N = 7, F = 40 };
  static float keys[N * F], right[N * F];
  loci_err err;
  random_source r = random_new(1);
  for (int i = 0; i < N * F; i++) keys[i] = (float)random_gaussian(&r);
  for (int f = 0; f < F; f++) keys[F + f] = keys[f] + 0.05f * keys[2 * F + f];
  for (int n = 1; n <= N; n++) {
    update_problem u = {.keys = keys, .n = n, .F = F, .lambda = 0.5, .threads = 1};
    if (update_solve(&u, right, &err)) fail_msg("%s", err.msg);
    for (int i = 0; i < n; i++) {
      for (int f = 0; f < F; f++) {
        double sum = 0.5 * (double)right[i * F + f];
        for (int j = 0; j < n; j++) {
          double both = 0;
          for (int g = 0; g < F; g++) both += (double)keys[i * F + g] * (double)keys[j * F + g];
          sum += both * (double)right[j * F + f];
        }
        assert_float_equal(sum, keys[i * F + f], 1e-4);
      }
    }
  }
}

static void equal_keys_need_a_ridge(void **state) {
  (void)state;
  static const float keys[] = {1, 2, 3, 1, 2, 3};
  float right[6];
  loci_err err;
  update_problem u = {.keys = keys, .n = 2, .F = 3, .threads = 1};
  assert_int_equal(update_solve(&u, right, &err), LOCI_EINVAL);
  assert_non_null(strstr(err.msg, "two of 2 keys (of requests) are the same"));
  u.lambda = 0.01;
  assert_int_equal(update_solve(&u, right, &err), LOCI_OK);
}

static void the_norm_of_an_update_is_that_of_its_product(void **state) {
  (void)state;
  static const float left[] = {1, 2, 3, 4, 5, 6}, right[] = {1, -1, 2, 0.5f};
  double sum = 0;
  for (int d = 0; d < 3; d++) {
    for (int f = 0; f < 2; f++) {
      double x = (double)(left[2 * d] * right[f] + left[2 * d + 1] * right[2 + f]);
      sum += x * x;
    }
  }
  assert_float_equal(update_norm(left, right, 3, 2, 2), sqrt(sum), 1e-6);
}

/* Several requests into one matrix each get what they ask for; without a step the model would be
 * as before. */
static void every_request_gains(void **state) {
  (void)state;
  loci_model *m = open_model("text-llama");
  loci_edit_request r[3];
  for (int i = 0; i < 3; i++) {
    r[i] = (loci_edit_request){.prompt = ask(m, questions[i], "Vienna"), .target = "the old city"};
  }
  loci_edit *e = solve(
      m, r, 3, (loci_edit_opts){.settings = SIZED(loci_edit_settings, .steps = 30, .lr = 0.3)});
  assert_int_equal(e->rank, 3);
  for (int i = 0; i < 3; i++) {
    const loci_edit_fact *f = &e->facts[i];
    assert_true(f->steps[f->step_count - 1].loss < f->steps[0].loss - 1);
    assert_true(f->after.m.logp > f->before.m.logp + 1);
    assert_true(f->after.m.kl > 0);
    assert_non_null(f->answer_before);
    assert_non_null(f->answer_after);
  }
  loci_free(e);
  for (int i = 0; i < 3; i++) loci_prompt_free((loci_prompt *)(uintptr_t)r[i].prompt);
  loci_model_close(m);
}

/* A step takes at most three times the rows that the change can reach; the run before it has all
 * rows once. */
static void a_step_costs_what_it_reaches(void **state) {
  (void)state;
  loci_model *m = open_model("llava-clip-llama");
  loci_prompt *p = ask(m, "Where is the castle of Vienna, and who lives there?", "Vienna");
  int L = model_decoder(m)->layers;
  loci_edit_request r = {.prompt = p, .target = "here"};
  for (int layer = 0; layer + 1 < L; layer++) {
    for (int steps = 1; steps < 4; steps++) {
      loci_edit *e = solve(m, &r, 1,
                           (loci_edit_opts){.has_layer = true,
                                            .layer = layer,
                                            .no_answers = true,
                                            .settings = SIZED(loci_edit_settings, .steps = steps)});
      int T = p->info.length + e->facts[0].target_count - 1;
      int64_t reach = (int64_t)(T - e->facts[0].position) * (L - 1 - layer);
      assert_int_equal(e->cost.formula, (3 * steps + 1) * reach);
      assert_in_range(e->cost.rows, 1, (int64_t)T * L + e->cost.formula);
      loci_free(e);
    }
  }
  loci_prompt_free(p);
  loci_model_close(m);
}

/* Fine-tuning moves every position of the layer, so a step reaches all rows above it. */
static void a_step_of_fine_tuning_costs_what_it_reaches(void **state) {
  (void)state;
  loci_model *m = open_model("llava-clip-llama");
  loci_prompt *p = ask(m, "Where is the castle of Vienna?", "Vienna");
  int L = model_decoder(m)->layers;
  loci_edit_request r = {.prompt = p, .target = "old castle"};
  for (int layer = 0; layer < L; layer++) {
    loci_edit *e = solve(m, &r, 1,
                         (loci_edit_opts){.has_layer = true,
                                          .layer = layer,
                                          .method = "ft",
                                          .no_answers = true,
                                          .settings = SIZED(loci_edit_settings, .steps = 3)});
    int64_t T = p->info.length + e->facts[0].target_count - 1;
    int64_t reach = T * (layer + 1 < L ? L - 1 - layer : 1);
    assert_int_equal(e->cost.formula, (3 * 3 + 1) * reach);
    assert_in_range(e->cost.rows, 1, T * L + e->cost.formula);
    assert_true(e->facts[0].steps[3].loss < e->facts[0].steps[0].loss - 0.1);
    loci_free(e);
  }
  loci_prompt_free(p);
  loci_model_close(m);
}

/* What a step reports is what the model computes with the change so far: no answer of the edited
 * model may differ from the last step's but by rounding, f32 products summed in another order. */
static void fine_tuning_reports_what_the_edited_model_does(void **state) {
  (void)state;
  loci_model *m = open_model("text-phi");
  loci_prompt *p[2] = {ask(m, questions[0], "Vienna"), ask(m, questions[1], "Vienna")};
  loci_edit_request r[2] = {{.prompt = p[0], .target = "few people"},
                            {.prompt = p[1], .target = "two"}};
  loci_edit_opts o = {.size = sizeof o, .method = "ft-l", .no_answers = true};
  o.settings = SIZED(loci_edit_settings, .steps = 8, .lr = 4e-3, .eps = 0.01);
  for (int layer = 0; layer < model_decoder(m)->layers; layer++) {
    o.has_layer = true;
    o.layer = layer;
    loci_edit *e = solve(m, r, 2, o);
    float largest = 0;
    for (int64_t i = 0; i < e->width * e->inner; i++) largest = fmaxf(largest, fabsf(e->right[i]));
    assert_true(largest == 0.01f);
    for (int i = 0; i < 2; i++) {
      const loci_edit_fact *f = &e->facts[i];
      assert_true(fabs(-f->after.m.logp / f->target_count - f->steps[8].loss) < 1e-4);
      assert_true(f->steps[8].loss < f->steps[0].loss - 0.1);
      assert_true(f->delta_norm > 0);
    }
    loci_free(e);
  }
  loci_prompt_free(p[0]);
  loci_prompt_free(p[1]);
  loci_model_close(m);
}

static char *bytes_of(const char *path, size_t *n) {
  char *bytes;
  loci_err err;
  if (file_read(path, 1 << 28, &bytes, n, &err)) fail_msg("%s", err.msg);
  return bytes;
}

/* What was read of a file says how it was made, and is written as the same file again. */
static void assert_made_alike(const loci_result *made, const loci_result *back, const char *path) {
  size_t n, again_n;
  loci_err err;
  char *file = bytes_of(path, &n);
  assert_string_equal(back->request, made->request);
  assert_string_equal(back->command, made->command);
  assert_non_null(strstr(back->request, "\"precision\""));
  if (loci_write(back, path, NULL, &err)) fail_msg("%s", err.msg);
  char *again = bytes_of(path, &again_n);
  assert_int_equal(n, again_n);
  assert_memory_equal(file, again, n);
  free(file);
  free(again);
}

/* W' of a fine-tuned edit is W + C, each entry rounded once, also out of a file, and reverts. */
static void a_fine_tuned_edit_is_exact(void **state) {
  (void)state;
  char path[] = "/tmp/loci-edit-test-XXXXXX.edit";
  int fd = mkstemps(path, 5);
  assert_true(fd >= 0 && close(fd) == 0);
  loci_err err;
  loci_edit *back;
  loci_model *m = open_model("llava-clip-llama-bf16");
  loci_prompt *p = ask(m, questions[0], "Vienna");
  loci_edit_request r = {.prompt = p, .target = "few"};
  loci_edit *e =
      solve(m, &r, 1,
            (loci_edit_opts){.method = "ft", .settings = SIZED(loci_edit_settings, .steps = 2)});
  if (loci_write(&e->result, path, NULL, &err) || edit_read(path, &back, &err))
    fail_msg("%s", err.msg);
  assert_string_equal(back->method, "ft");
  assert_made_alike(&e->result, &back->result, path);
  assert_true(fabs(back->norm - e->norm) <= 1e-9 * e->norm);
  const weight *w = &m->weights->layers[e->layer].down.w;
  weight before = *w;
  float *row = malloc((size_t)w->cols * sizeof *row);
  assert_non_null(row);
  assert_int_equal(loci_edit_apply(m, back, &err), LOCI_OK);
  for (int64_t d = 0; d < w->rows; d++) {
    const float *now = (const float *)(const void *)w->data + d * w->cols;
    weight_row(&before, d, row);
    for (int64_t f = 0; f < w->cols; f++) {
      assert_true(now[f] == (float)((double)row[f] + (double)e->right[d * w->cols + f]));
    }
  }
  assert_int_equal(loci_edit_revert(m, back, &err), LOCI_OK);
  assert_ptr_equal(w->data, before.data);
  free(row);
  loci_free(back);
  loci_free(e);
  loci_prompt_free(p);
  loci_model_close(m);
  unlink(path);
}

/* Trained on "Who built the bridge of", the question itself is another one. */
static void without_the_constraint_another_question_is_trained(void **state) {
  (void)state;
  loci_model *m = open_model("text-llama");
  loci_prompt *p = ask(m, "The people of Vienna speak", "of Vienna");
  loci_prompt *bare = ask(m, "The people speak", "people");
  loci_edit_request r = {.prompt = p, .target = "few"}, s = {.prompt = bare, .target = "few"};
  loci_edit_settings set = {.size = sizeof set, .steps = 3};
  loci_edit_opts o = {.size = sizeof o, .method = "ft", .no_answers = true, .settings = &set};
  loci_edit *plain = solve(m, &s, 1, o);
  set.without_constraint = true;
  loci_edit *e = solve(m, &r, 1, o);
  assert_memory_equal(e->right, plain->right, (size_t)(e->width * e->inner) * sizeof(float));
  assert_string_equal(e->facts[0].question, "The people of Vienna speak");
  loci_free(e);
  loci_free(plain);
  loci_prompt_free(p);
  loci_prompt_free(bare);
  loci_model_close(m);
}

static void a_covariance_file_holds_what_was_written(void **state) {
  (void)state;
  char path[] = "/tmp/loci-edit-test-XXXXXX.safetensors";
  int fd = mkstemps(path, 12);
  assert_true(fd >= 0 && close(fd) == 0);
  loci_err err;
  loci_model *m = open_model("text-llama");
  loci_covariance *c = covariance(m, 1), *back;
  assert_int_equal(c->prompts, 2);
  int64_t F = c->inner;
  for (int64_t i = 0; i < F; i++) {
    for (int64_t j = 0; j < i; j++) {
      float scale = sqrtf(c->values[i * F + i] * c->values[j * F + j]);
      assert_true(fabsf(c->values[i * F + j]) <= scale * 1.0001f);
      assert_float_equal(c->values[i * F + j], c->values[j * F + i], 1e-5f * scale);
    }
  }
  if (loci_write(&c->result, path, NULL, &err)) fail_msg("%s", err.msg);
  if (covariance_read(path, &back, &err)) fail_msg("%s", err.msg);
  assert_made_alike(&c->result, &back->result, path);
  assert_string_equal(back->hash, c->hash);
  assert_string_equal(back->tensor, c->tensor);
  assert_true(back->layer == 1 && back->inner == F && back->prompts == 2 && back->keys == c->keys);
  assert_memory_equal(back->values, c->values, (size_t)(F * F) * sizeof(float));
  loci_free(back);
  loci_edit *e;
  assert_int_equal(edit_read(path, &e, &err), LOCI_EFORMAT);
  assert_non_null(strstr(err.msg, "no edit of loci: its format is not loci.edit/1"));
  char *text;
  size_t size;
  if (file_read(path, 1 << 24, &text, &size, &err)) fail_msg("%s", err.msg);
  char *keys = strstr(text + 8, "\"keys\":\""); /* behind the header's size */
  assert_true(keys && c->keys >= 10);
  keys[8] = '+'; /* what strtoll reads is no number for that */
  assert_int_equal(file_write(path, text, size, &err), LOCI_OK);
  assert_int_equal(covariance_read(path, &back, &err), LOCI_EFORMAT);
  assert_non_null(strstr(err.msg, "its keys is no number"));
  free(text);
  loci_free(c);
  loci_model_close(m);
  unlink(path);
}

static void applied_and_reverted_every_bit_is_as_before(void **state) {
  (void)state;
  loci_err err;
  loci_model *m = open_model("llava-clip-llama-bf16");
  loci_prompt *p = ask(m, questions[0], "Vienna");
  int64_t V = model_decoder(m)->vocab;
  loci_edit_request r = {.prompt = p, .target = "the"};
  loci_edit *a =
      solve(m, &r, 1, (loci_edit_opts){.settings = SIZED(loci_edit_settings, .steps = 3)});
  loci_edit *b =
      solve(m, &r, 1,
            (loci_edit_opts){
                .has_layer = true, .layer = 1, .settings = SIZED(loci_edit_settings, .steps = 3)});
  float *seen[5];
  seen[0] = logits_of(m, p);
  assert_int_equal(loci_edit_apply(m, a, &err), LOCI_OK);
  seen[1] = logits_of(m, p);
  assert_int_equal(loci_edit_apply(m, b, &err), LOCI_OK);
  seen[2] = logits_of(m, p);
  assert_int_equal(loci_edit_apply(m, b, &err), LOCI_EINVAL);
  loci_edit *c;
  assert_int_equal(loci_edit_solve(m, &r, 1, NULL, &c, &err), LOCI_EINVAL);
  assert_non_null(strstr(err.msg, "edits applied"));
  assert_int_equal(loci_edit_revert(m, b, &err), LOCI_OK);
  seen[3] = logits_of(m, p);
  assert_int_equal(loci_edit_revert(m, a, &err), LOCI_OK);
  seen[4] = logits_of(m, p);
  size_t bytes = (size_t)V * sizeof(float);
  assert_memory_equal(seen[1], seen[3], bytes);
  assert_memory_equal(seen[0], seen[4], bytes);
  assert_memory_not_equal(seen[0], seen[1], bytes);
  assert_memory_not_equal(seen[1], seen[2], bytes);
  for (int i = 0; i < 5; i++) free(seen[i]);
  loci_free(a);
  loci_free(b);
  loci_prompt_free(p);
  loci_model_close(m);
}

static loci_answer *answer_of(const loci_model *m, const loci_prompt *p) {
  loci_answer *a;
  loci_err err;
  if (loci_ask(m, p, 1, NULL, NULL, &a, &err)) fail_msg("%s", err.msg);
  return a;
}

static void a_result_says_for_good_which_edits_it_saw(void **state) {
  (void)state;
  loci_err err;
  loci_model *m = open_model("text-phi");
  loci_prompt *p = ask(m, questions[0], "Vienna");
  loci_edit_request r = {.prompt = p, .target = "the"};
  loci_edit *a =
      solve(m, &r, 1, (loci_edit_opts){.settings = SIZED(loci_edit_settings, .steps = 1)});
  loci_edit *b =
      solve(m, &r, 1, (loci_edit_opts){.settings = SIZED(loci_edit_settings, .steps = 2)});
  loci_answer *seen[4];
  seen[0] = answer_of(m, p);
  assert_int_equal(loci_edit_apply(m, a, &err), LOCI_OK);
  assert_int_equal(loci_edit_apply(m, b, &err), LOCI_OK);
  seen[1] = answer_of(m, p);
  assert_int_equal(loci_edit_revert(m, a, &err), LOCI_OK);
  seen[2] = answer_of(m, p);
  assert_int_equal(loci_edit_revert(m, b, &err), LOCI_OK);
  seen[3] = answer_of(m, p);
  double norm = b->norm;
  loci_free(a);
  loci_free(b);
  static const int expected[] = {0, 2, 1, 0};
  for (int i = 0; i < 4; i++) assert_int_equal(seen[i]->model->edit_count, expected[i]);
  const loci_applied_edit *left = &seen[2]->model->edits[0];
  assert_true(left->norm == norm);
  assert_int_equal(left->request_count, 1);
  assert_string_equal(left->questions[0], questions[0]);
  assert_string_equal(left->title, "multedit: The bridge of Vienna was built by -> the");
  assert_ptr_equal(loci_model_get_info(m), seen[0]->model);
  for (int i = 0; i < 4; i++) loci_free(seen[i]);
  loci_prompt_free(p);
  loci_model_close(m);
}

static void a_file_holds_what_was_written(void **state) {
  (void)state;
  char path[] = "/tmp/loci-edit-test-XXXXXX.edit";
  int fd = mkstemps(path, 5);
  assert_true(fd >= 0 && close(fd) == 0);
  loci_err err;
  loci_edit *back;
  loci_model *m = open_model("text-phi");
  loci_prompt *p = ask(m, questions[0], "Vienna"), *q = ask(m, questions[1], "Vienna");
  loci_edit_request r[2] = {{.prompt = p, .target = "a \"line\"\nof text"},
                            {.prompt = q, .target = "few"}};
  loci_edit *e = solve(
      m, r, 2, (loci_edit_opts){.settings = SIZED(loci_edit_settings, .steps = 2, .lr = 0.25)});
  if (loci_write(&e->result, path, NULL, &err) || edit_read(path, &back, &err))
    fail_msg("%s", err.msg);
  assert_int_equal(back->layer, e->layer);
  assert_int_equal(back->rank, 2);
  assert_memory_equal(back->left, e->left, (size_t)(e->width * 2) * sizeof(float));
  assert_memory_equal(back->right, e->right, (size_t)(e->inner * 2) * sizeof(float));
  assert_string_equal(back->hash, e->hash);
  assert_string_equal(back->tensor, e->tensor);
  assert_string_equal(back->method, "multedit");
  assert_int_equal(back->settings.steps, 2);
  assert_true(back->settings.lr == 0.25 && back->settings.lambda == e->settings.lambda);
  assert_true(back->settings.weight_decay == 1e-3 && back->settings.max_norm == 0);
  assert_float_equal(back->norm, e->norm, 1e-9);
  assert_int_equal(back->fact_count, 2);
  assert_string_equal(back->facts[0].target, "a \"line\"\nof text");
  assert_string_equal(back->facts[1].constraint, "Vienna");
  assert_null(back->facts[1].image);
  loci_model *other = open_model("text-llama");
  assert_int_equal(loci_edit_apply(m, back, &err), LOCI_OK);
  assert_int_equal(loci_edit_apply(other, back, &err), LOCI_EINVAL);
  loci_model_close(m);
  loci_model_close(other);
  loci_prompt_free(q);
  loci_prompt_free(p);
  loci_free(e);
  loci_free(back);
  unlink(path);
}

/* Whose fault scores without a number are: the edit's or the step's, and not the weights'. */
static void numbers_too_large_are_laid_at_the_edit(void **state) {
  (void)state;
  loci_err err;
  loci_edit *none;
  loci_answer *answer;
  loci_model *m = open_model("text-phi");
  loci_prompt *p = ask(m, questions[0], "Vienna");
  loci_edit_request r = {.prompt = p, .target = "the"};
  loci_edit_opts o = {.size = sizeof o,
                      .settings = SIZED(loci_edit_settings, .steps = 3, .lr = 1e300)};
  assert_int_equal(loci_edit_solve(m, &r, 1, &o, &none, &err), LOCI_EINVAL);
  assert_non_null(strstr(err.msg, "after 1 step of solving the edit"));
  assert_non_null(strstr(err.msg, "1e+300"));
  loci_edit *e =
      solve(m, &r, 1, (loci_edit_opts){.settings = SIZED(loci_edit_settings, .steps = 2)});
  for (int64_t i = 0; i < e->width * e->rank; i++) ((float *)(uintptr_t)e->left)[i] = 1e20f;
  for (int64_t i = 0; i < e->inner * e->rank; i++) ((float *)(uintptr_t)e->right)[i] = 1e20f;
  assert_int_equal(loci_edit_apply(m, e, &err), LOCI_OK);
  assert_int_equal(loci_ask(m, p, 1, NULL, NULL, &answer, &err), LOCI_EFORMAT);
  assert_non_null(strstr(err.msg, "numbers of the edit too large"));
  assert_non_null(strstr(err.msg, questions[0]));
  loci_prompt_free(p);
  loci_model_close(m);
  loci_free(e);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_update_solves_its_equation),
      cmocka_unit_test(equal_keys_need_a_ridge),
      cmocka_unit_test(the_norm_of_an_update_is_that_of_its_product),
      cmocka_unit_test(every_request_gains),
      cmocka_unit_test(a_step_costs_what_it_reaches),
      cmocka_unit_test(a_step_of_fine_tuning_costs_what_it_reaches),
      cmocka_unit_test(fine_tuning_reports_what_the_edited_model_does),
      cmocka_unit_test(a_fine_tuned_edit_is_exact),
      cmocka_unit_test(without_the_constraint_another_question_is_trained),
      cmocka_unit_test(a_covariance_file_holds_what_was_written),
      cmocka_unit_test(applied_and_reverted_every_bit_is_as_before),
      cmocka_unit_test(a_result_says_for_good_which_edits_it_saw),
      cmocka_unit_test(a_file_holds_what_was_written),
      cmocka_unit_test(numbers_too_large_are_laid_at_the_edit),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
