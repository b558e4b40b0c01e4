/* The KL term keeps what the model says of the essence, "CONSTRAINT is a", about the same picture:
 * its value after one step is computed here from two plain runs of that prompt. */
#include "edit/edit.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h> /* last: it has a macro `fail` */

#include "edit/solve_test.h"
#include "walk/walk.h"

#define PICTURE LOCI_SOURCE_DIR "/tests/golden/images/scene-a.png"
#define KL 0.25
enum { LAYER = 2 };

typedef struct rows_of_logits {
  int V;
  double *logp; /* (2, V) */
} rows_of_logits;

static void keep(void *ctx, int64_t index, const float *logits) {
  rows_of_logits *r = ctx;
  double total = log_sum_exp(logits, r->V);
  for (int i = 0; i < r->V; i++) r->logp[index * r->V + i] = (double)logits[i] - total;
}

static const char *const constraint = "this building";

static loci_prompt *asked(const loci_model *m, const char *text, const char *how) {
  loci_prompt *p;
  loci_err err;
  loci_question q = {.size = sizeof q,
                     .image = PICTURE,
                     .text = text,
                     .template_name = how,
                     .constraints = &constraint,
                     .constraint_count = 1};
  if (loci_prompt_new(m, &q, &p, &err)) fail_msg("%s", err.msg);
  return p;
}

/* KL(with delta || without) of the essence at its key. */
static double essence_moves(const loci_model *m, const float *delta) {
  loci_prompt *p = asked(m, constraint, "is-a");
  rows_of_logits r = {.V = model_decoder(m)->vocab};
  r.logp = malloc((size_t)(2 * r.V) * sizeof *r.logp);
  assert_non_null(r.logp);
  walk *w;
  loci_err err;
  int plain, moved;
  walk_patch add = {.site = LOCI_SITE_MLP_OUT,
                    .layer = LAYER,
                    .position = key_position(p),
                    .head = -1,
                    .source = -1,
                    .values = delta,
                    .add = true};
  loci_status st = walk_new(m, &w, &err);
  if (!st) st = walk_root(w, prompt_input(p), &plain, &err);
  if (!st) st = walk_child(w, plain, &moved, &err);
  if (!st) st = walk_patch_add(w, moved, &add, &err);
  if (!st) st = walk_want(w, plain, key_position(p), &err);
  if (!st) st = walk_want(w, moved, key_position(p), &err);
  if (!st) st = walk_run(w, &(walk_hooks){.logits = keep, .logits_ctx = &r, .ordered = 2}, &err);
  if (st) fail_msg("%s", err.msg);
  walk_free(w);
  double kl = 0;
  for (int i = 0; i < r.V; i++) kl += exp(r.logp[r.V + i]) * (r.logp[r.V + i] - r.logp[i]);
  free(r.logp);
  loci_prompt_free(p);
  return kl;
}

/* With one key k, no covariance and no other request the update is delta k^T / (k^T k), and its
 * norm times that of k is delta's. */
static void delta_of(const loci_edit *e, float *delta) {
  double size = 0;
  int D = (int)e->width;
  for (int i = 0; i < D; i++) size += (double)e->left[i] * (double)e->left[i];
  double by = e->facts[0].delta_norm / sqrt(size);
  for (int i = 0; i < D; i++) delta[i] = (float)(by * (double)e->left[i]);
}

static double loss_after_a_step(loci_model *m, const loci_prompt *p, double kl, float *delta) {
  const loci_edit_settings set = {.size = sizeof set, .steps = 2, .lr = 0.5, .kl = kl};
  loci_edit_opts o = {.method = "rome",
                      .has_layer = true,
                      .layer = LAYER,
                      .settings = &set,
                      .no_covariance = true,
                      .no_answers = true};
  loci_edit *e = solve(m, &(loci_edit_request){.prompt = p, .target = "few"}, 1, o);
  assert_int_equal(e->facts[0].step_count, 2);
  double loss = e->facts[0].steps[1].loss;
  delta_of(e, delta);
  loci_free(e);
  return loss;
}

static void the_kl_term_is_of_the_essence_with_its_picture(void **state) {
  static const char *const families[] = {"llava-clip-llama", "qwen2-vl", "qwen2-5-vl", "mllama",
                                         "qwen3-vl"};
  (void)state;
  for (size_t i = 0; i < sizeof families / sizeof *families; i++) {
    loci_model *m = open_model(families[i]);
    loci_prompt *p = asked(m, "In which city is this building?", NULL);
    float delta[2][512] = {0};
    assert_true(model_decoder(m)->width <= 512);
    double with = loss_after_a_step(m, p, KL, delta[0]);
    double without = loss_after_a_step(m, p, 0, delta[1]);
    double size = 0;
    /* at delta = 0 the term is least, so that its slope is nothing and the first step is the same
     */
    for (int d = 0; d < model_decoder(m)->width; d++) {
      assert_true(fabs((double)delta[0][d] - (double)delta[1][d]) < 1e-3);
      size = fmax(size, fabs((double)delta[0][d]));
    }
    double moved = essence_moves(m, delta[0]);
    assert_true(size > 0.1 && moved > 1e-3);
    /* a loss of ten in f32 is known to 1e-6 */
    if (fabs((with - without) / KL - moved) > 1e-3 * moved + 1e-5)
      fail_msg("%s: the term is %.9g, two runs say %.9g", families[i], (with - without) / KL,
               moved);
    loci_prompt_free(p);
    loci_model_close(m);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_kl_term_is_of_the_essence_with_its_picture),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
