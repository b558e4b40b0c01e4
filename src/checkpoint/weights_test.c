/* Opening whole checkpoints: the reference models of tests/golden/models, the same weights renamed
 * into every layout, and shapes that disagree with config.json. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "checkpoint/weights.h"

#include <cmocka.h> /* last: its fail() is a macro */

#define MODELS LOCI_SOURCE_DIR "/tests/golden/models/"

static checkpoint *open_model(const char *dir) {
  checkpoint *c;
  loci_err err;
  if (checkpoint_open(dir, &c, &err)) fail_msg("%s", err.msg);
  return c;
}

static float value_at(const weight *w, int64_t i) {
  float x;
  dtype_to_f32(w->type, w->data + (size_t)i * dtype_bytes(w->type), &x, 1);
  return x;
}

static void reference_models_open(void **state) {
  (void)state;
  static const struct {
    const char *dir, *family;
    layout_kind layout;
    int layers, heads, kv_heads, head_dim, rotary_dim, vocab, image_rows, depth, files;
    dtype type;
  } rows[] = {
      {"llava-clip-llama", "llava", LAYOUT_HF_LEGACY, 5, 4, 2, 16, 16, 640, 16, 2, 1, DTYPE_F32},
      {"llava-clip-llama-bf16", "llava", LAYOUT_HF_NEW, 4, 4, 2, 12, 12, 640, 9, 2, 3, DTYPE_BF16},
      {"bunny-siglip-phi", "bunny-phi", LAYOUT_BUNNY, 4, 4, 4, 12, 4, 678, 16, 2, 1, DTYPE_F16},
      {"llava-siglip-phi", "llava", LAYOUT_HF_LEGACY, 4, 3, 3, 16, 8, 704, 16, 2, 1, DTYPE_F32},
      {"text-llama", "text", LAYOUT_TEXT, 5, 4, 2, 16, 16, 640, 0, 0, 1, DTYPE_F32},
      {"text-phi", "text", LAYOUT_TEXT, 4, 2, 2, 20, 8, 700, 0, 0, 1, DTYPE_F16},
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    char dir[500];
    snprintf(dir, sizeof dir, "%s%s", MODELS, rows[i].dir);
    checkpoint *c = open_model(dir);
    const model_config *m = &c->config;
    assert_string_equal(m->family, rows[i].family);
    assert_int_equal(m->layout, rows[i].layout);
    assert_int_equal(m->text.layers, rows[i].layers);
    assert_int_equal(m->text.heads, rows[i].heads);
    assert_int_equal(m->text.kv_heads, rows[i].kv_heads);
    assert_int_equal(m->text.head_dim, rows[i].head_dim);
    assert_int_equal(m->text.rotary_dim, rows[i].rotary_dim);
    assert_int_equal(m->text.vocab, rows[i].vocab);
    assert_int_equal(m->text.sliding_window, 0);
    assert_int_equal(m->image_rows, rows[i].image_rows);
    assert_int_equal(m->vision.feature_depth[0], rows[i].depth);
    assert_int_equal(m->max_length, 512);
    checkpoint_sizes sizes = checkpoint_measure(c);
    assert_int_equal(sizes.files, rows[i].files);
    assert_int_equal(sizes.main_dtype, rows[i].type);
    assert_null(checkpoint_note(c, 0));
    checkpoint_close(c);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(reference_models_open)};
  (void)value_at;
  return cmocka_run_group_tests(tests, NULL, NULL);
}
