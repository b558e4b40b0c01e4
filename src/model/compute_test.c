/* Slices of products: they are the same numbers, and work stops between two of them.  And weights
 * in blocks beside the numbers that they are. */
#include "model/compute.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "tensor/product.h"

#include <cmocka.h> /* last: its fail() is a macro */

enum { M = 4200, N = 600, K = 96 }; /* more rows and weights than one slice has */

typedef struct rig {
  compute *a;
  float *w, *x, *y;
  void *in;
  linear_weights linear;
} rig;

static void open_rig(rig *r, dtype type) {
  loci_err err;
  random_source s = random_new(3);
  if (compute_new(type, 2, &r->a, &err)) fail_msg("%s", err.msg);
  r->w = malloc(sizeof(float) * N * K);
  r->x = malloc(sizeof(float) * M * K);
  r->y = malloc(sizeof(float) * (size_t)(product_rows(M) * N));
  r->in = calloc(1, (size_t)operand_bytes(r->a, M, K));
  assert_true(r->w && r->x && r->y && r->in);
  for (int i = 0; i < N * K; i++) r->w[i] = (float)random_gaussian(&s);
  for (int i = 0; i < M * K; i++) r->x[i] = (float)random_gaussian(&s);
  for (int i = 0; i < M; i++) operand_set(r->a, r->in, i, r->x + (size_t)i * K, K);
  r->linear = (linear_weights){
      .w = {.type = DTYPE_F32, .data = (const uint8_t *)r->w, .rows = N, .cols = K}};
}

static void close_rig(rig *r) {
  compute_free(r->a);
  free(r->w);
  free(r->x);
  free(r->y);
  free(r->in);
}

typedef struct counter {
  int asked, stop_at;
} counter;

static bool count(void *ctx, const char *stage, double done, double total) {
  counter *c = ctx;
  assert_string_equal(stage, "walk");
  assert_true(done == 3 && total == 8);
  return ++c->asked != c->stop_at;
}

static loci_status run(rig *r, double slice, counter *c, loci_err *err) {
  r->a->follow.slice = slice;
  compute_follow(r->a, (watch){count, c}, "walk", 3, 8);
  return linear_forward(r->a, &r->linear, r->y, r->in, M, err);
}

static void slices_change_no_number(void **state) {
  (void)state;
  loci_err err;
  for (int bf16 = 0; bf16 < 2; bf16++) {
    rig r;
    counter none = {0}, some = {0};
    open_rig(&r, bf16 ? DTYPE_BF16 : DTYPE_F32);
    assert_int_equal(run(&r, 1e12, &none, &err), LOCI_OK);
    float *whole = malloc(sizeof(float) * M * N);
    assert_non_null(whole);
    memcpy(whole, r.y, sizeof(float) * M * N);
    memset(r.y, 0, sizeof(float) * M * N);
    assert_int_equal(run(&r, 1e6, &some, &err), LOCI_OK);
    assert_memory_equal(r.y, whole, sizeof(float) * M * N);
    assert_int_equal(none.asked, 0);
    assert_int_equal(some.asked, 9); /* 3 of rows by 3 of weights */
    free(whole);
    close_rig(&r);
  }
}

static void work_stops_between_two_slices(void **state) {
  (void)state;
  loci_err err;
  rig r;
  open_rig(&r, DTYPE_F32);
  for (int at = 1; at <= 9; at++) {
    counter c = {.stop_at = at};
    assert_int_equal(run(&r, 1e6, &c, &err), LOCI_ECANCELLED);
    assert_int_equal(c.asked, at);
    assert_non_null(strstr(err.msg, "layer 3"));
  }
  close_rig(&r);
}

/* However many rows: few of them meet both weights as they stand. */
static void blocks_and_their_numbers_give_the_same_bits(void **state) {
  (void)state;
  enum { MOST = 20, BLOCK = 34 };
  static uint8_t blocks[N * K / 32 * BLOCK];
  static float found[32 * N];
  loci_err err;
  rig r;
  random_source s = random_new(8);
  open_rig(&r, DTYPE_F32);
  for (size_t i = 0; i < sizeof blocks; i++) blocks[i] = (uint8_t)random_bits(&s);
  for (size_t i = 0; i < sizeof blocks; i += BLOCK) blocks[i + 1] = 0x20; /* scales near 0.01 */
  dtype_to_f32(DTYPE_Q8_0, blocks, r.w, (int64_t)N * K);
  linear_weights in_blocks = {.w = {.type = DTYPE_Q8_0, .data = blocks, .rows = N, .cols = K}};
  for (int rows = 1; rows <= MOST; rows++) {
    assert_int_equal(linear_forward(r.a, &r.linear, r.y, r.in, rows, &err), LOCI_OK);
    assert_int_equal(linear_forward(r.a, &in_blocks, found, r.in, rows, &err), LOCI_OK);
    assert_memory_equal(found, r.y, sizeof(float) * (size_t)rows * N);
  }
  close_rig(&r);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(slices_change_no_number),
                                     cmocka_unit_test(work_stops_between_two_slices),
                                     cmocka_unit_test(blocks_and_their_numbers_give_the_same_bits)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
