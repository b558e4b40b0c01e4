/* Weights in blocks against what the Python package `gguf` makes of the same bytes
 * (tools/gguf_blocks.py), bit for bit, with every set of kernels.
 *
 *   gguf_blocks_test [FILE]     other blocks than those committed */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "checkpoint/safetensors.h"
#include "tensor/kernels.h"

#include <cmocka.h>

typedef struct format {
  dtype type;
  const uint8_t *blocks;
  float *values;
  int64_t n;
} format;

static const char *path = LOCI_SOURCE_DIR "/tests/golden/gguf/blocks.safetensors";
static st_file *file;

static int open_golden(void **state) {
  (void)state;
  loci_err err;
  if (st_open(path, &file, &err)) {
    print_error("%s\n", err.msg);
    return -1;
  }
  return 0;
}

static int close_golden(void **state) {
  (void)state;
  st_close(file);
  return 0;
}

/* The caller frees values, which are a copy at an address of their own. */
static format read_format(dtype t, const char *kind) {
  char name[32];
  snprintf(name, sizeof name, "%s.%sblocks", dtype_name(t), kind);
  const st_tensor *blocks = st_find(file, name);
  snprintf(name, sizeof name, "%s.%svalues", dtype_name(t), kind);
  const st_tensor *values = st_find(file, name);
  assert_true(blocks && values);
  format f = {.type = t, .blocks = blocks->data, .n = values->shape[0]};
  assert_int_equal(blocks->bytes, dtype_size(t, f.n));
  f.values = malloc((size_t)values->bytes);
  assert_non_null(f.values);
  memcpy(f.values, values->data, (size_t)values->bytes);
  return f;
}

/* Bit for bit; which bits say that something is no number is nobody's business. */
static void assert_same_values(const float *found, const float *values, int64_t n) {
  for (int64_t i = 0; i < n; i++) {
    uint32_t a, b;
    memcpy(&a, found + i, sizeof a);
    memcpy(&b, values + i, sizeof b);
    if (isnan(values[i]) ? !isnan(found[i]) : a != b) {
      fail_msg("number %d: %a, not %a", (int)i, (double)found[i], (double)values[i]);
    }
  }
}

static void assert_blocks_are(format f) {
  float *found = malloc((size_t)f.n * sizeof *found);
  uint16_t *half = malloc((size_t)f.n * sizeof *half);
  assert_true(found && half);
  dtype_to_f32(f.type, f.blocks, found, f.n);
  assert_same_values(found, f.values, f.n);
  for (int s = 0; kernels_at(s); s++) {
    memset(found, 0x5F, (size_t)f.n * sizeof *found);
    kernels_at(s)->to_f32(found, f.type, f.blocks, f.n);
    assert_same_values(found, f.values, f.n);
    kernels_at(s)->to_bf16(half, f.type, f.blocks, f.n);
    for (int64_t i = 0; i < f.n; i++) {
      if (isnan(f.values[i])) {
        assert_true((half[i] & 0x7FFF) > 0x7F80);
      } else {
        assert_int_equal(half[i], bf16_from_f32(f.values[i]));
      }
    }
  }
  free(found);
  free(half);
}

static void every_block_is_what_gguf_makes_of_it(void **state) {
  (void)state;
  for (dtype t = DTYPE_Q4_0; t < DTYPE_COUNT; t++) {
    format f = read_format(t, "");
    assert_blocks_are(f);
    free(f.values);
  }
}

/* Scales of zero, subnormal, infinite and not a number, of which a hostile file is full. */
static void odd_scales_give_what_gguf_makes_of_them(void **state) {
  (void)state;
  for (dtype t = DTYPE_Q4_0; t < DTYPE_COUNT; t++) {
    format f = read_format(t, "odd.");
    assert_blocks_are(f);
    free(f.values);
  }
}

static void a_cut_begins_and_ends_within_blocks(void **state) {
  (void)state;
  random_source r = random_new(3);
  for (dtype t = DTYPE_Q4_0; t < DTYPE_COUNT; t++) {
    format f = read_format(t, "");
    float found[600];
    for (int i = 0; i < 100; i++) {
      int64_t first = (int64_t)(random_bits(&r) % (uint64_t)f.n);
      int64_t n = (int64_t)(random_bits(&r) % 600);
      if (n > f.n - first) n = f.n - first;
      dtype_cut_to_f32(t, f.blocks, first, found, n);
      assert_memory_equal(found, f.values + first, (size_t)n * sizeof *found);
    }
    free(f.values);
  }
}

/* Blocks whose scales are near one, so that sums mean something. */
static void tame(uint8_t *blocks, const format *f, random_source *r) {
  static const int offsets[DTYPE_COUNT] = {
      [DTYPE_Q4_1] = 1, [DTYPE_Q5_1] = 1, [DTYPE_Q4_K] = 1, [DTYPE_Q5_K] = 1};
  memcpy(blocks, f->blocks, (size_t)dtype_size(f->type, f->n));
  for (int64_t i = 0; i < f->n / dtype_block(f->type); i++) {
    uint8_t *b = blocks + i * (int64_t)dtype_bytes(f->type);
    uint8_t *scale = f->type == DTYPE_Q6_K ? b + 208 : b;
    for (int k = 0; k <= offsets[f->type]; k++) {
      uint16_t bits = f16_from_f32(0.01F * (float)(1 + random_bits(r) % 9));
      memcpy(scale + 2 * k, &bits, sizeof bits);
    }
  }
}

/* Rows of 768, 512, and 256 numbers, some more of them than fit a tile. */
static void dots_with_blocks_are_those_of_their_numbers(void **state) {
  (void)state;
  enum { MOST = 20 };
  random_source r = random_new(5);
  for (dtype t = DTYPE_Q4_0; t < DTYPE_COUNT; t++) {
    format f = read_format(t, "");
    f.n = 1536;
    uint8_t *w = malloc((size_t)dtype_size(t, f.n));
    float x[MOST * 768], y[MOST * 8], expected[MOST * 8];
    assert_non_null(w);
    for (int i = 0; i < MOST * 768; i++) x[i] = (float)random_gaussian(&r);
    for (int64_t K = 256; K <= 768; K += 256) {
      tame(w, &f, &r);
      dtype_to_f32(t, w, f.values, f.n);
      int64_t R = f.n / K;
      for (int M = 1; M <= MOST; M += M < 4 ? 1 : 4) {
        for (int s = 0; kernels_at(s); s++) {
          const kernel_set *k = kernels_at(s);
          memset(y, 0, sizeof y);
          k->dots(y, 7, x, M, t, w, R, K);
          k->dots(expected, 7, x, M, DTYPE_F32, f.values, R, K);
          for (int m = 0; m < M; m++) {
            for (int64_t i = 0; i < R; i++) {
              /* sums of up to 768 products of size 10 in f32, in two orders */
              assert_float_equal(y[7 * m + i], expected[7 * m + i], 2e-2F);
            }
          }
        }
      }
    }
    free(w);
    free(f.values);
  }
}

int main(int argc, char **argv) {
  if (argc > 1) path = argv[1];
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_block_is_what_gguf_makes_of_it),
      cmocka_unit_test(odd_scales_give_what_gguf_makes_of_them),
      cmocka_unit_test(a_cut_begins_and_ends_within_blocks),
      cmocka_unit_test(dots_with_blocks_are_those_of_their_numbers),
  };
  return cmocka_run_group_tests(tests, open_golden, close_golden);
}
