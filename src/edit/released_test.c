/* ROME, MEMIT and fine-tuning as their releases do them, each law against numbers that are computed
 * here in another way; the KL term and the updates of single prompts are the reference's business
 * (tests/oracle_edit_test.c). */
#include "edit/edit.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h> /* last: it has a macro `fail` */

#include "model/compute.h"

enum { LAYER = 2, WORDINGS = 3 };
static const char *const wordings[WORDINGS] = {
    "The bridge of Vienna was built by", "People say that the old bridge of Vienna was built by",
    "As is known, this bridge of Vienna was built by"};

typedef struct fixture {
  loci_model *m;
  loci_prompt *p[WORDINGS];
  loci_covariance *c;
} fixture;

static loci_prompt *ask(const loci_model *m, const char *question) {
  static const char *const constraint = "Vienna";
  loci_prompt *p;
  loci_err err;
  loci_question q = {.size = sizeof q,
                     .text = question,
                     .template_name = "raw",
                     .constraints = &constraint,
                     .constraint_count = 1};
  if (loci_prompt_new(m, &q, &p, &err)) fail_msg("%s", err.msg);
  return p;
}

static loci_covariance *covariance(const loci_model *m) {
  char path[] = "/tmp/loci-released-test-XXXXXX";
  loci_examples *x;
  loci_covariance *c;
  loci_err err;
  loci_study_opts o = {.size = sizeof o, .template_name = "raw"};
  int fd = mkstemp(path);
  assert_true(fd >= 0);
  FILE *out = fdopen(fd, "w");
  assert_non_null(out);
  for (int i = 0; i < 60; i++)
    fprintf(out, "{\"question\":\"Who built the %d bridges of Rome?\"}\n", i);
  assert_int_equal(fclose(out), 0);
  if (loci_examples_open(path, &x, &err)) fail_msg("%s", err.msg);
  if (loci_covariance_new(m, x, LAYER, &o, &c, &err)) fail_msg("%s", err.msg);
  loci_examples_close(x);
  unlink(path);
  return c;
}

static int enter(void **state) {
  static fixture f;
  loci_err err;
  loci_model_opts opts = {.size = sizeof opts, .precision = LOCI_PRECISION_F32, .threads = 1};
  if (loci_model_open(LOCI_SOURCE_DIR "/tests/golden/models/text-llama", &opts, &f.m, &err))
    return -1;
  for (int i = 0; i < WORDINGS; i++) f.p[i] = ask(f.m, wordings[i]);
  f.c = covariance(f.m);
  *state = &f;
  return 0;
}

static int leave(void **state) {
  fixture *f = *state;
  for (int i = 0; i < WORDINGS; i++) loci_prompt_free(f->p[i]);
  loci_free(f->c);
  loci_model_close(f->m);
  return 0;
}

/* How an edit is solved, for short. */
typedef struct how {
  const char *method;
  bool no_covariance;
  loci_edit_settings settings;
} how;

static loci_edit *solve(const fixture *f, int wording_count, const char *answer, how o) {
  loci_edit *e;
  loci_err err;
  loci_edit_request r = {.prompt = f->p[0],
                         .rephrased = (const loci_prompt *const *)f->p + 1,
                         .rephrased_count = wording_count - 1,
                         .target = answer};
  bool weighed = o.method && strncmp(o.method, "ft", 2) != 0;
  loci_edit_opts opts = {.size = sizeof opts,
                         .method = o.method,
                         .has_layer = true,
                         .layer = LAYER,
                         .settings = &o.settings,
                         .covariance = weighed && !o.no_covariance ? f->c : NULL,
                         .no_covariance = o.no_covariance,
                         .no_answers = true};
  o.settings.size = sizeof o.settings;
  if (loci_edit_solve(f->m, &r, 1, &opts, &e, &err)) fail_msg("%s", err.msg);
  return e;
}

/* A site of layer LAYER (logits: of the model) at a position. */
static void record(const fixture *f, int wording, loci_site site, int position, double *out,
                   int64_t *n) {
  loci_run *r;
  loci_view v;
  loci_err err;
  int layer = site == LOCI_SITE_LOGITS ? 0 : LAYER;
  loci_status st = loci_run_new(f->m, f->p[wording], &r, &err);
  if (!st) st = loci_run_record(r, site, layer, &err);
  if (!st) st = loci_run_forward(r, NULL, NULL, &err);
  if (!st) st = loci_run_get(r, site, layer, &v, &err);
  if (st) fail_msg("%s", err.msg);
  *n = v.cols;
  for (int64_t i = 0; i < *n; i++) out[i] = (double)v.data[position * *n + i];
  loci_run_free(r);
}

enum { MOST = 4096 };
static double keys[WORDINGS][MOST];

static int64_t record_keys(const fixture *f) {
  int64_t F = 0;
  for (int i = 0; i < WORDINGS; i++)
    record(f, i, LOCI_SITE_MLP_POST, key_position(f->p[i]), keys[i], &F);
  return F;
}

/* (C + ridge) right^T, which is a multiple of the key that was solved for. */
static void solved_for(const fixture *f, const loci_edit *e, double *out) {
  int64_t F = e->inner;
  double trace = 0;
  for (int64_t i = 0; i < F; i++) trace += (double)f->c->values[i * F + i];
  for (int64_t i = 0; i < F; i++) {
    out[i] = 1e-3 * trace / (double)F * (double)e->right[i];
    for (int64_t j = 0; j < F; j++) out[i] += (double)f->c->values[i * F + j] * (double)e->right[j];
  }
}

static double dot(const double *a, const double *b, int64_t n) {
  double sum = 0;
  for (int64_t i = 0; i < n; i++) sum += a[i] * b[i];
  return sum;
}

/* 1 where one is a multiple of the other; rounding of f32 factors takes up to 1e-9 of it. */
static double cosine(const double *a, const double *b, int64_t n) {
  return dot(a, b, n) / sqrt(dot(a, a, n) * dot(b, b, n));
}

/* The key of several wordings is their mean (ROME), or a mean of means, in which the question
 * counts as much as all others (MEMIT); and ROME divides by the question's own key. */
static void the_key_of_several_wordings_is_that_of_the_release(void **state) {
  const fixture *f = *state;
  static double want[MOST], got[MOST], right[MOST];
  int64_t F = record_keys(f);
  for (int k = 0; k < 2; k++) {
    double own = k ? 0.5 : 1.0 / 3, other = k ? 0.25 : 1.0 / 3;
    loci_edit *e =
        solve(f, 3, "few", (how){.method = k ? "memit" : "rome", .settings = {.steps = 2}});
    for (int64_t i = 0; i < F; i++) {
      want[i] = own * keys[0][i] + other * (keys[1][i] + keys[2][i]);
      right[i] = (double)e->right[i];
    }
    solved_for(f, e, got);
    assert_true(1 - cosine(got, want, F) < 1e-6);
    assert_true(1 - cosine(got, keys[0], F) > 1e-4); /* the test can tell them apart */
    if (k == 0) assert_true(fabs(dot(right, keys[0], F) - 1) < 1e-5);
    if (k == 0) assert_true(fabs(dot(right, want, F) - 1) > 1e-3);
    loci_free(e);
  }
}

/* Bounds and decay are relative to W k of the question's own key, or to the residual stream there.
 * With a bound that holds delta, its length is the bound. */
static void bounds_are_relative_to_what_the_release_says(void **state) {
  const fixture *f = *state;
  static double resid_after[MOST];
  int64_t D, F = record_keys(f);
  record(f, 0, LOCI_SITE_RESID_POST, key_position(f->p[0]), resid_after, &D);
  const weight *w = &f->m->weights->layers[LAYER].down.w;
  static float row[MOST];
  double value = 0;
  for (int64_t d = 0; d < D; d++) {
    double y = 0;
    weight_row(w, d, row);
    for (int64_t i = 0; i < F; i++) y += (double)row[i] * keys[0][i];
    value += y * y;
  }
  const double norms[] = {sqrt(value), sqrt(dot(resid_after, resid_after, D))};
  assert_true(fabs(norms[0] / norms[1] - 1) > 0.05);
  for (int k = 0; k < 2; k++) {
    how o = {.method = k ? "memit" : "rome", .settings = {.steps = 12, .lr = 0.5, .max_norm = 0.3}};
    loci_edit *e = solve(f, 3, "few", o);
    assert_true(fabs(e->facts[0].value_norm / norms[k] - 1) < 1e-5);
    assert_true(fabs(e->facts[0].delta_norm / (0.3 * norms[k]) - 1) < 1e-5);
    loci_free(e);
  }
}

/* -log p of a token. */
static double loss_of(const double *logits, int64_t V, int id) {
  double sum = exp(logits[0] - logits[id]);
  for (int64_t t = 1; t < V; t++) sum += exp(logits[t] - logits[id]);
  return log(sum);
}

/* N steps are N losses, the last of which only measures; and the loss is the mean over all
 * wordings, without being asked for. */
static void steps_are_counted_and_losses_averaged_as_the_release_does(void **state) {
  const fixture *f = *state;
  static double logits[MOST];
  loci_edit *e = solve(f, 3, "few", (how){.method = "rome", .settings = {.steps = 4}});
  assert_int_equal(e->facts[0].step_count, 4);
  assert_int_equal(e->facts[0].target_count, 1);
  double loss = 0;
  for (int i = 0; i < WORDINGS; i++) {
    int64_t V;
    record(f, i, LOCI_SITE_LOGITS, f->p[i]->info.length - 1, logits, &V);
    loss += loss_of(logits, V, e->facts[0].target_ids[0]) / WORDINGS;
  }
  assert_true(fabs(e->facts[0].steps[0].loss / loss - 1) < 1e-5);
  loci_free(e);
  e = solve(f, 1, "few", (how){.method = "rome", .settings = {.steps = 1}});
  assert_int_equal(e->facts[0].step_count, 1);
  assert_true(e->facts[0].delta_norm == 0 && e->norm == 0);
  loci_free(e);
}

/* The loss at which each method is content, unless another is asked for. */
static void a_low_loss_ends_the_work(void **state) {
  const fixture *f = *state;
  static const struct {
    const char *method;
    double bound;
  } all[] = {{"rome", 0.05}, {"memit", 0.05}, {"ft", 0.01}, {"rome", 0.5}, {"ft", 0.5}};
  for (int i = 0; i < 5; i++) {
    how o = {.method = all[i].method, .settings = {.steps = 200}};
    o.settings.lr = i % 3 == 2 || i == 4 ? 3e-3 : 0.5;
    if (i > 2) o.settings.stop_loss = all[i].bound;
    loci_edit *e = solve(f, 1, "few", o);
    const loci_edit_fact *x = &e->facts[0];
    int n = x->step_count;
    assert_true(n > 1 && n < 200);
    assert_true(x->steps[n - 1].loss < all[i].bound && x->steps[n - 2].loss >= all[i].bound);
    assert_true(e->settings.stop_loss == all[i].bound);
    loci_free(e);
    if (i > 2) continue;
    o.settings.stop_loss = -1;
    o.settings.steps = n + 2;
    e = solve(f, 1, "few", o);
    assert_true(e->facts[0].step_count > n);
    loci_free(e);
  }
}

/* ROME's release trains all tokens of an answer at the prompt's last position. */
static void fine_tuning_at_the_last_position_is_that_of_the_release(void **state) {
  const fixture *f = *state;
  static double logits[MOST];
  int64_t V;
  how o = {.method = "ft", .settings = {.steps = 12, .lr = 3e-3, .at_last = true}};
  loci_edit *e = solve(f, 1, "few people", o);
  const loci_edit_fact *x = &e->facts[0];
  assert_true(x->target_count > 1);
  for (int after = 0; after < 2; after++) {
    loci_err err;
    double mean = 0;
    if (after && loci_edit_apply(f->m, e, &err)) fail_msg("%s", err.msg);
    record(f, 0, LOCI_SITE_LOGITS, f->p[0]->info.length - 1, logits, &V);
    if (after && loci_edit_revert(f->m, e, &err)) fail_msg("%s", err.msg);
    for (int i = 0; i < x->target_count; i++) {
      mean += loss_of(logits, V, x->target_ids[i]) / x->target_count;
    }
    double loss = x->steps[after ? x->step_count - 1 : 0].loss;
    assert_true(fabs(loss / mean - 1) < 1e-4);
  }
  assert_true(x->steps[x->step_count - 1].loss < x->steps[0].loss - 1);
  o.settings.at_last = false;
  loci_edit *other = solve(f, 1, "few people", o);
  assert_true(fabs(other->facts[0].steps[0].loss / x->steps[0].loss - 1) > 1e-3);
  loci_free(e);
  loci_free(other);
}

/* Without a ridge, and without a covariance: the update is that of the bare equation. */
static void the_ridge_and_the_covariance_may_be_left_out(void **state) {
  const fixture *f = *state;
  loci_edit *e[3], *plain;
  loci_err err;
  how o = {.method = "rome", .settings = {.steps = 3}};
  e[0] = solve(f, 1, "few", o);
  o.settings.ridge = 0.5;
  e[1] = solve(f, 1, "few", o);
  assert_true(e[0]->settings.ridge == 1e-3 && e[1]->settings.ridge == 0.5);
  assert_memory_not_equal(e[0]->right, e[1]->right, (size_t)e[0]->inner * sizeof(float));
  e[2] =
      solve(f, 1, "few", (how){.method = "rome", .no_covariance = true, .settings = {.steps = 3}});
  plain = solve(f, 1, "few", (how){.settings = {.steps = 2, .lambda = -1}});
  for (int64_t i = 0; i < plain->inner; i++)
    assert_true(fabsf(plain->right[i] - e[2]->right[i]) < 1e-5f);
  loci_edit_opts two = {
      .size = sizeof two, .method = "rome", .covariance = f->c, .no_covariance = true};
  assert_int_equal(loci_check(LOCI_KIND_EDIT, &two, &err), LOCI_EINVAL);
  assert_non_null(strstr(err.msg, "a covariance and the identity in its place"));
  for (int i = 0; i < 3; i++) loci_free(e[i]);
  loci_free(plain);
}

/* A preset fills in what is not said, for every name there is. */
static void a_preset_gives_way_to_what_is_said(void **state) {
  (void)state;
  loci_err err;
  const char *name;
  for (int i = 0; (name = loci_name(LOCI_NAMES_PRESET, i)) != NULL; i++) {
    loci_edit_settings s = {.size = sizeof s},
                       mine = {.size = sizeof mine, .steps = 7, .lr = 0.125};
    loci_edit_opts o = {.size = sizeof o},
                   own = {.size = sizeof own, .has_layer = true, .layer = 1};
    if (loci_edit_preset(name, &o, &s, &err) || loci_edit_preset(name, &own, &mine, &err))
      fail_msg("%s", err.msg);
    assert_non_null(o.method);
    assert_int_equal(strncmp(name, o.method, strlen(o.method)), 0);
    assert_true(o.has_layer && s.steps >= 20 && s.lr > 0);
    assert_true(own.layer == 1 && mine.steps == 7 && mine.lr == 0.125);
    assert_true(mine.kl == s.kl && mine.eps == s.eps);
    loci_edit_settings none = {.size = sizeof none, .kl = -1, .max_norm = -1, .weight_decay = -1};
    if (loci_edit_preset(name, &o, &none, &err)) fail_msg("%s", err.msg);
    assert_true(none.kl < 0 && none.max_norm < 0 && none.weight_decay < 0);
    o.settings = &s;
    if (strncmp(name, "ft", 2) == 0 && loci_check(LOCI_KIND_EDIT, &o, &err))
      fail_msg("%s", err.msg);
  }
  loci_edit_settings s = {.size = sizeof s};
  loci_edit_opts o = {.size = sizeof o};
  assert_int_equal(loci_edit_preset("rome-gpt3", &o, &s, &err), LOCI_EINVAL);
  assert_non_null(strstr(err.msg, "unknown preset \"rome-gpt3\""));
  assert_int_equal(loci_edit_preset("memit-gpt-j", &o, &s, &err), LOCI_OK);
  assert_true(o.layer == 8 && s.lambda == 15000 && s.max_norm == 0.75);
  o.size = 0;
  assert_int_equal(loci_edit_preset("memit-gpt-j", &o, &s, &err), LOCI_EINVAL);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_key_of_several_wordings_is_that_of_the_release),
      cmocka_unit_test(bounds_are_relative_to_what_the_release_says),
      cmocka_unit_test(steps_are_counted_and_losses_averaged_as_the_release_does),
      cmocka_unit_test(a_low_loss_ends_the_work),
      cmocka_unit_test(fine_tuning_at_the_last_position_is_that_of_the_release),
      cmocka_unit_test(the_ridge_and_the_covariance_may_be_left_out),
      cmocka_unit_test(a_preset_gives_way_to_what_is_said),
  };
  return cmocka_run_group_tests(tests, enter, leave);
}
