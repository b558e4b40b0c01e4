/* The arena and checked sizes. */
#include "base/arena.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/size.h"

static void every_piece_is_aligned_and_its_own(void **state) {
  (void)state;
  arena *a = arena_new();
  assert_non_null(a);
  enum { N = 400 };
  unsigned char *piece[N];
  size_t size[N];
  for (int i = 0; i < N; i++) {
    size[i] = i % 50 == 49 ? 100 * 1000 : (size_t)(i * 37 % 1000);
    piece[i] = arena_alloc(a, (int64_t)size[i], 1);
    assert_non_null(piece[i]);
    assert_int_equal((uintptr_t)piece[i] % 64, 0);
    memset(piece[i], i & 0xFF, size[i]);
  }
  for (int i = 0; i < N; i++) {
    for (size_t k = 0; k < size[i]; k++) assert_int_equal(piece[i][k], i & 0xFF);
  }
  arena_free(a);
}

static void a_large_piece_leaves_the_small_block_in_use(void **state) {
  (void)state;
  arena *a = arena_new();
  char *first = arena_alloc(a, 1, 1);
  assert_non_null(arena_alloc(a, 1 << 20, 1));
  char *second = arena_alloc(a, 1, 1);
  assert_ptr_equal(second, first + 64);
  arena_free(a);
}

static void an_empty_piece_is_not_null(void **state) {
  (void)state;
  arena *a = arena_new();
  void *p = arena_alloc(a, 0, sizeof(double)), *q = arena_alloc(a, 0, sizeof(double));
  assert_non_null(p);
  assert_non_null(q);
  assert_ptr_not_equal(p, q);
  arena_free(a);
}

static void sizes_that_overflow_or_are_negative_are_refused(void **state) {
  (void)state;
  arena *a = arena_new();
  assert_null(arena_alloc(a, INT64_MAX, 2));
  assert_null(arena_alloc(a, INT64_MAX, 1));
  assert_null(arena_alloc(a, -1, 1));
  assert_null(arena_alloc(a, 1, SIZE_MAX));
  assert_null(arena_zalloc(a, INT64_MAX / 4, 8));
  assert_int_equal(arena_bytes(a), 0);
  assert_non_null(arena_alloc(a, 1, 1));
  arena_free(a);
}

static void zeroed_pieces_are_zero(void **state) {
  (void)state;
  arena *a = arena_new();
  memset(arena_alloc(a, 1000, 1), 0xFF, 1000);
  double *x = arena_zarray(a, 20000, double);
  for (int i = 0; i < 20000; i++) assert_true(x[i] == 0);
  arena_free(a);
}

static void pieces_after_a_reset_are_zero_too(void **state) {
  (void)state;
  enum { N = 3 << 20 }; /* several huge pages */
  arena *a = arena_new();
  memset(arena_alloc(a, 1000, 1), 0xFF, 1000);
  memset(arena_alloc(a, N, 1), 0xFF, N);
  for (int round = 0; round < 3; round++) {
    arena_reset(a, 8 << 20);
    assert_int_equal(arena_bytes(a), 0);
    char *small = arena_zalloc(a, 100, 1), *large = arena_zalloc(a, N - 64 * round, 1);
    assert_non_null(small);
    assert_non_null(large);
    for (int i = 0; i < 100; i++) assert_int_equal(small[i], 0);
    for (int i = 0; i < N - 64 * round; i++) assert_int_equal(large[i], 0);
    memset(small, 0xFF, 100);
    memset(large, 0xFF, (size_t)(N - 64 * round));
  }
  arena_free(a);
}

static void a_reset_keeps_one_block_for_the_same_pieces(void **state) {
  (void)state;
  arena *a = arena_new();
  char *first[2];
  arena_reset(a, 1 << 20); /* of nothing */
  for (int round = 0; round < 4; round++) {
    char *p = arena_alloc(a, 1000, 1), *q = arena_alloc(a, 200 * 1000, 1);
    if (round == 1) first[0] = p, first[1] = q;
    if (round > 1) assert_ptr_equal(p, first[0]);
    if (round > 1) assert_ptr_equal(q, first[1]);
    arena_reset(a, 1 << 20);
  }
  arena_free(a);
}

static void strings_are_copied_with_their_zero(void **state) {
  (void)state;
  arena *a = arena_new();
  assert_string_equal(arena_strdup(a, "loci"), "loci");
  assert_string_equal(arena_strdup(a, ""), "");
  char *p = arena_strndup(a, "lo\0ci", 5);
  assert_memory_equal(p, "lo\0ci", 6);
  arena_free(a);
}

static void bytes_count_what_was_handed_out(void **state) {
  (void)state;
  arena *a = arena_new();
  assert_int_equal(arena_bytes(a), 0);
  arena_alloc(a, 1, 1);
  arena_alloc(a, 65, 1);
  assert_int_equal(arena_bytes(a), 64 + 128);
  arena_free(a);
}

static void freeing_nothing_is_fine(void **state) {
  (void)state;
  arena_free(NULL);
}

static void count_call(void *what) { ++*(int *)what; }

static void what_was_deferred_is_released_once_with_the_arena(void **state) {
  (void)state;
  int calls[2] = {0, 0};
  arena *a = arena_new();
  assert_non_null(a);
  assert_true(arena_defer(a, count_call, &calls[0]));
  assert_true(arena_defer(a, count_call, &calls[1]));
  assert_int_equal(calls[0] + calls[1], 0);
  arena_free(a);
  assert_int_equal(calls[0], 1);
  assert_int_equal(calls[1], 1);
}

static void products_and_sums_of_sizes_are_checked(void **state) {
  (void)state;
  int64_t x;
  assert_true(size_mul(3, 5, &x));
  assert_int_equal(x, 15);
  assert_true(size_mul(INT64_MAX, 0, &x));
  assert_int_equal(x, 0);
  assert_true(size_mul(INT64_C(3037000499), INT64_C(3037000499), &x));
  assert_false(size_mul(INT64_C(3037000500), INT64_C(3037000500), &x));
  assert_false(size_mul(-1, 5, &x));
  assert_false(size_mul(5, INT64_MIN, &x));
  assert_true(size_add(INT64_MAX, 0, &x));
  assert_false(size_add(INT64_MAX, 1, &x));
  assert_false(size_add(-1, 1, &x));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_piece_is_aligned_and_its_own),
      cmocka_unit_test(a_large_piece_leaves_the_small_block_in_use),
      cmocka_unit_test(an_empty_piece_is_not_null),
      cmocka_unit_test(sizes_that_overflow_or_are_negative_are_refused),
      cmocka_unit_test(zeroed_pieces_are_zero),
      cmocka_unit_test(pieces_after_a_reset_are_zero_too),
      cmocka_unit_test(a_reset_keeps_one_block_for_the_same_pieces),
      cmocka_unit_test(strings_are_copied_with_their_zero),
      cmocka_unit_test(bytes_count_what_was_handed_out),
      cmocka_unit_test(freeing_nothing_is_fine),
      cmocka_unit_test(what_was_deferred_is_released_once_with_the_arena),
      cmocka_unit_test(products_and_sums_of_sizes_are_checked),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
