/* The GGUF container: what is read is what was written, and every broken rule is a sentence. */
#include "checkpoint/gguf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/random.h"
#include "gguf_make.h"

#include <cmocka.h>

static loci_err err;

/* Metadata of every kind and two tensors. */
static gguf_maker small(void) {
  gguf_maker m = {0};
  uint8_t block[34] = {0, 0x3C, 1, 255, 127, 128}; /* scale 1 */
  float norm[4] = {1, 2, 3, 4};
  make_text(&m, "general.architecture", "llama");
  make_u32(&m, "llama.block_count", 7);
  make_f32(&m, "llama.rope.freq_base", 10000);
  make_bool(&m, "tokenizer.ggml.add_bos_token", 1);
  make_array(&m, "texts", MAKE_TEXT, 3);
  made_text(&m.values, "a", 1);
  made_text(&m.values, "", 0);
  made_text(&m.values, "\xC4\xA0the", 5);
  make_array(&m, "numbers", MAKE_I32, 2);
  made_u32(&m.values, 5);
  made_u32(&m.values, (uint32_t)-6);
  make_tensor(&m, "blk.0.q", 2, (const uint64_t[]){32, 1}, 8, block, sizeof block);
  make_tensor(&m, "norm", 1, (const uint64_t[]){4}, 0, norm, sizeof norm);
  return m;
}

static loci_status open_made(gguf_maker *m, gguf **out, made_bytes *file) {
  *file = make_file(m);
  make_clear(m);
  return gguf_open_bytes(file->at, file->n, "made", out, &err);
}

static void what_was_written_is_read(void **state) {
  (void)state;
  gguf_maker m = small();
  made_bytes file;
  gguf *g;
  int64_t n = 0;
  double x = 0;
  bool on = false;
  gguf_text text = {0};
  const gguf_value *v;
  if (open_made(&m, &g, &file)) fail_msg("%s", err.msg);
  assert_int_equal(gguf_count(g), 6);
  assert_int_equal(gguf_get_int(g, "llama.block_count", 1, 9, &n, &err), LOCI_OK);
  assert_int_equal(n, 7);
  assert_int_equal(gguf_get_real(g, "llama.rope.freq_base", &x, &err), LOCI_OK);
  assert_true(x == 10000);
  assert_int_equal(gguf_get_bool(g, "tokenizer.ggml.add_bos_token", &on, &err), LOCI_OK);
  assert_true(on);
  assert_int_equal(gguf_get_text(g, "general.architecture", &text, &err), LOCI_OK);
  assert_true(text.n == 5 && memcmp(text.s, "llama", 5) == 0);
  assert_int_equal(gguf_get_array(g, "texts", GGUF_TEXT, &v, &err), LOCI_OK);
  const uint8_t *at = v->at;
  assert_int_equal(gguf_next_text(&at).n, 1);
  assert_int_equal(gguf_next_text(&at).n, 0);
  assert_memory_equal(gguf_next_text(&at).s, "\xC4\xA0the", 5);
  assert_int_equal(gguf_get_array(g, "numbers", GGUF_I32, &v, &err), LOCI_OK);
  assert_true(gguf_int(v, 1, &n) && n == -6);
  assert_false(gguf_int(v, 2, &n));
  assert_int_equal(gguf_get_int(g, "absent", 0, 1, &n, &err), LOCI_OK);
  assert_int_equal(n, -6);
  const st_tensor *t = st_find(gguf_tensors(g), "blk.0.q");
  assert_non_null(t);
  assert_int_equal(t->dtype, ST_Q8_0);
  assert_true(t->rank == 2 && t->shape[0] == 1 && t->shape[1] == 32 && t->bytes == 34);
  t = st_find(gguf_tensors(g), "norm");
  assert_true(t && t->rank == 1 && t->dtype == ST_F32 && t->bytes == 16);
  gguf_close(g);
  free(file.at);
}

static void values_of_another_type_are_named(void **state) {
  (void)state;
  gguf_maker m = small();
  made_bytes file;
  gguf *g;
  int64_t n = 0;
  bool on;
  const gguf_value *v;
  if (open_made(&m, &g, &file)) fail_msg("%s", err.msg);
  assert_int_equal(gguf_get_int(g, "llama.block_count", 8, 9, &n, &err), LOCI_EFORMAT);
  assert_non_null(strstr(err.msg, "\"llama.block_count\" is 7, expected 8 to 9"));
  assert_int_equal(gguf_get_int(g, "texts", 0, 9, &n, &err), LOCI_EFORMAT);
  assert_non_null(strstr(err.msg, "must be an integer, found an array of string"));
  assert_int_equal(gguf_get_bool(g, "llama.block_count", &on, &err), LOCI_EFORMAT);
  assert_non_null(strstr(err.msg, "must be a bool, found uint32"));
  assert_int_equal(gguf_get_array(g, "numbers", GGUF_TEXT, &v, &err), LOCI_EFORMAT);
  assert_non_null(strstr(err.msg, "must be an array of strings"));
  gguf_close(g);
  free(file.at);
}

static void refused_bytes(const uint8_t *bytes, size_t n, const char *what) {
  gguf *g;
  loci_status st = gguf_open_bytes(bytes, n, "made", &g, &err);
  if (!st) fail_msg("accepted: %s", what);
  assert_null(g);
  if (!strstr(err.msg, what)) fail_msg("\"%s\" has no \"%s\"", err.msg, what);
}

static void refused(gguf_maker *m, const char *what) {
  made_bytes file = make_file(m);
  make_clear(m);
  refused_bytes(file.at, file.n, what);
  free(file.at);
}

static void every_broken_rule_of_metadata_is_a_sentence(void **state) {
  (void)state;
  gguf_maker m = small();
  make_u32(&m, "llama.block_count", 7);
  refused(&m, "\"llama.block_count\" is there twice");
  m = small();
  make_array(&m, "deep", MAKE_ARRAY, 0);
  refused(&m, "arrays in arrays");
  m = small();
  make_array(&m, "long", MAKE_U32, 1ULL << 62);
  refused(&m, "items in its metadata, more than");
  m = small();
  make_key(&m, "kind", 13);
  refused(&m, "a value of the unknown type 13");
  m = small();
  make_bool(&m, "truth", 2);
  refused(&m, "\"truth\": a bool is 2");
  m = small();
  make_text(&m, "bytes", "\xFF");
  refused(&m, "\"bytes\": text 0 is not UTF-8");
  m = small();
  make_u32(&m, "", 1);
  refused(&m, "a name among its keys of 0 bytes");
  m = small();
  make_u32(&m, "general.alignment", 48);
  refused(&m, "\"general.alignment\" is 48, expected a power of two");
  m = small();
  make_u32(&m, "general.alignment", 0);
  refused(&m, "expected 1 to");
}

static void every_broken_rule_of_tensors_is_a_sentence(void **state) {
  (void)state;
  static const uint8_t zeros[1024];
  static const uint64_t two_rows[] = {32, 2}, odd[] = {33}, none[] = {0},
                        huge[] = {1ULL << 40, 1ULL << 40};
  gguf_maker m = small();
  make_tensor(&m, "norm", 1, (const uint64_t[]){4}, 0, zeros, 16);
  refused(&m, "tensor norm is there twice");
  m = small();
  make_tensor(&m, "x", 2, two_rows, 8, zeros, 34);
  refused(&m, "tensor x: 68 bytes from 96 of the data on, which has 160 (truncated?)");
  m = small();
  make_tensor(&m, "x", 1, odd, 8, zeros, 68);
  refused(&m, "rows of 33 numbers are not whole blocks of Q8_0 (32)");
  m = small();
  make_tensor(&m, "x", 1, none, 0, zeros, 0);
  refused(&m, "a dimension of 0");
  m = small();
  make_tensor(&m, "x", 2, huge, 0, zeros, 0);
  refused(&m, "more than 2^63 bytes");
  m = small();
  make_tensor(&m, "x", 0, NULL, 0, zeros, 4);
  refused(&m, "0 dimensions, expected 1 to 4");
  m = small();
  make_tensor(&m, "x", 1, (const uint64_t[]){256}, 10, zeros, 84);
  refused(&m, "tensor x: format Q2_K is not supported; known are F32");
  m = small();
  make_tensor(&m, "x", 1, (const uint64_t[]){32}, 39, zeros, 17);
  refused(&m, "format MXFP4 is not supported");
  m = small();
  make_tensor(&m, "x", 1, (const uint64_t[]){32}, 4, zeros, 32);
  refused(&m, "format 4 is not known");
  m = small();
  made_put(&m.data, zeros, 64);
  refused(&m, "64 bytes after the last tensor");
  m = small();
  made_put(&m.data, zeros, 32);
  make_tensor(&m, "x", 1, (const uint64_t[]){1}, 0, zeros, 4);
  refused(&m, "tensor x begins at byte 128 of the data, expected 96");
}

static void other_versions_and_machines_are_named(void **state) {
  (void)state;
  uint8_t bytes[24] = "GGUF\1\0\0\0";
  refused_bytes(bytes, sizeof bytes, "GGUF version 1; known are 2 and 3");
  bytes[4] = 0, bytes[7] = 3;
  refused_bytes(bytes, sizeof bytes, "a GGUF file of a big-endian machine");
  memcpy(bytes, "GGML", 4);
  refused_bytes(bytes, sizeof bytes, "not a GGUF file");
  refused_bytes(bytes, 3, "cut off, or garbled, in its beginning");
}

/* However the file ends, and whichever byte of its head is another one: a sentence, or values and
 * tensors that can be read. */
static void cut_and_garbled_files_are_sound_or_refused(void **state) {
  (void)state;
  gguf_maker m = small();
  made_bytes file = make_file(&m);
  make_clear(&m);
  random_source r = random_new(4);
  gguf *g;
  for (size_t n = 0; n < file.n; n++) {
    loci_status st = gguf_open_bytes(file.at, n, "made", &g, &err);
    if (!st && n + 32 < file.n) fail_msg("accepted %zu of %zu bytes", n, file.n);
    gguf_close(g);
  }
  for (int i = 0; i < 20000; i++) {
    size_t at = (size_t)(random_bits(&r) % file.n);
    uint8_t before = file.at[at];
    file.at[at] = (uint8_t)random_bits(&r);
    if (!gguf_open_bytes(file.at, file.n, "made", &g, &err)) {
      const st_file *f = gguf_tensors(g);
      for (int64_t k = 0; k < st_count(f); k++) {
        const st_tensor *t = st_at(f, k);
        assert_true(t->data >= file.at && t->data + t->bytes <= file.at + file.n);
      }
    }
    gguf_close(g);
    file.at[at] = before;
  }
  free(file.at);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(what_was_written_is_read),
      cmocka_unit_test(values_of_another_type_are_named),
      cmocka_unit_test(every_broken_rule_of_metadata_is_a_sentence),
      cmocka_unit_test(every_broken_rule_of_tensors_is_a_sentence),
      cmocka_unit_test(other_versions_and_machines_are_named),
      cmocka_unit_test(cut_and_garbled_files_are_sound_or_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
