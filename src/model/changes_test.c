/* Changes of matrices stack, and leave nothing behind. */
#include "model/changes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h> /* last: it has a macro `fail` */

#include "model/compute.h"

#define MODELS LOCI_SOURCE_DIR "/tests/golden/models/"

enum { LAYER = 1, RANK = 2 };

static loci_model *open_model(void) {
  loci_model *m;
  loci_err err;
  loci_model_opts opts = {.size = sizeof opts, .precision = LOCI_PRECISION_F32, .threads = 2};
  if (loci_model_open(MODELS "text-phi", &opts, &m, &err)) fail_msg("%s", err.msg);
  return m;
}

/* A change of [seed]'s own, with memory that the test frees. */
static low_rank some_change(const loci_model *m, int layer, int seed) {
  int64_t D = model_decoder(m)->width, F = model_decoder(m)->inner;
  float *left = calloc((size_t)(D * RANK), sizeof *left);
  float *right = calloc((size_t)(RANK * F), sizeof *right);
  assert_true(left && right);
  for (int64_t i = 0; i < D * RANK; i++) left[i] = (float)((i * 7 + seed) % 11) / 11 - 0.5f;
  for (int64_t i = 0; i < RANK * F; i++) right[i] = (float)((i * 5 + seed) % 13) / 13 - 0.4f;
  return (low_rank){.layer = layer, .rank = RANK, .left = left, .right = right};
}

static void free_change(low_rank *c) {
  free((float *)(uintptr_t)c->left);
  free((float *)(uintptr_t)c->right);
}

/* The matrix of the layer as f32. */
static float *matrix_of(const loci_model *m, int layer) {
  const weight *w = &m->weights->layers[layer].down.w;
  float *out = calloc((size_t)(w->rows * w->cols), sizeof *out);
  assert_non_null(out);
  for (int64_t d = 0; d < w->rows; d++) weight_row(w, d, out + d * w->cols);
  return out;
}

static bool same(const loci_model *m, const float *a, const float *b) {
  size_t n = (size_t)(model_decoder(m)->width * (int64_t)model_decoder(m)->inner);
  return memcmp(a, b, n * sizeof *a) == 0;
}

static void must(loci_status st, const loci_err *err) {
  if (st) fail_msg("%s", err->msg);
}

static void a_change_is_the_product_of_its_factors(void **state) {
  (void)state;
  loci_err err;
  loci_model *m = open_model();
  int64_t F = model_decoder(m)->inner;
  low_rank c = some_change(m, LAYER, 3);
  float *before = matrix_of(m, LAYER);
  must(changes_add(m, &c, &c, 1, &err), &err);
  float *after = matrix_of(m, LAYER);
  for (int64_t i = 0; i < model_decoder(m)->width * F; i++) {
    double want = (double)before[i];
    for (int k = 0; k < RANK; k++) {
      want += (double)c.left[i / F * RANK + k] * (double)c.right[k * F + i % F];
    }
    assert_true(after[i] == (float)want); /* rounded once */
  }
  free(before);
  free(after);
  loci_model_close(m); /* with the change still on it */
  free_change(&c);
}

static void the_last_one_taken_away_leaves_the_map(void **state) {
  (void)state;
  loci_err err;
  loci_model *m = open_model();
  weight original = m->weights->layers[LAYER].down.w;
  low_rank c[3] = {some_change(m, LAYER, 1), some_change(m, LAYER, 2), some_change(m, 2, 3)};
  for (int i = 0; i < 3; i++) must(changes_add(m, &c[i], &c[i], 1, &err), &err);
  assert_int_equal(changes_count(m), 3);
  must(changes_remove(m, &c[0], &err), &err);
  float *rest = matrix_of(m, LAYER);
  must(changes_remove(m, &c[1], &err), &err);
  must(changes_remove(m, &c[2], &err), &err);
  assert_ptr_equal(m->weights->layers[LAYER].down.w.data, original.data);
  assert_int_equal(m->weights->layers[LAYER].down.w.type, original.type);
  must(changes_add(m, &c[1], &c[1], 1, &err), &err);
  float *alone = matrix_of(m, LAYER);
  assert_true(same(m, rest, alone)); /* what the second alone makes, bit for bit */
  free(rest);
  free(alone);
  loci_model_close(m);
  for (int i = 0; i < 3; i++) free_change(&c[i]);
}

static void an_owner_has_one_change(void **state) {
  (void)state;
  loci_err err;
  loci_model *m = open_model();
  low_rank c = some_change(m, LAYER, 1);
  assert_int_equal(changes_remove(m, &c, &err), LOCI_EINVAL);
  assert_string_equal(err.msg, "this edit is not applied to the model");
  must(changes_add(m, &c, &c, 1, &err), &err);
  assert_int_equal(changes_add(m, &c, &c, 1, &err), LOCI_EINVAL);
  assert_string_equal(err.msg, "this edit is applied already");
  loci_model_close(m);
  free_change(&c);
}

static void a_view_changes_alone(void **state) {
  (void)state;
  loci_err err;
  loci_model *m = open_model(), *view;
  low_rank c = some_change(m, LAYER, 1);
  float *before = matrix_of(m, LAYER);
  must(view_new(m, &view, &err), &err);
  must(changes_add(view, &c, &c, 1, &err), &err);
  float *still = matrix_of(m, LAYER), *other = matrix_of(view, LAYER);
  assert_true(same(m, before, still));
  assert_false(same(m, before, other));
  free(before);
  free(still);
  free(other);
  view_free(view);
  loci_model_close(m);
  free_change(&c);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_change_is_the_product_of_its_factors),
      cmocka_unit_test(the_last_one_taken_away_leaves_the_map),
      cmocka_unit_test(an_owner_has_one_change),
      cmocka_unit_test(a_view_changes_alone),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
