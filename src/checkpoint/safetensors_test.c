/* safetensors: what is written is read back, every rule's breach gets its sentence, and opening
 * costs the header alone. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "checkpoint/safetensors.h"

#include <cmocka.h> /* last: its fail() is a macro */

/* Header length, header, [data] zero bytes; freed by the caller. */
static uint8_t *bytes_of(const char *header, size_t length, size_t data, size_t *n) {
  *n = 8 + length + data;
  uint8_t *bytes = calloc(1, *n + 1);
  for (int i = 0; i < 8; i++) bytes[i] = (uint8_t)((uint64_t)length >> 8 * i);
  memcpy(bytes + 8, header, length);
  return bytes;
}

static loci_status open_header(const char *header, size_t length, size_t data, loci_err *err) {
  size_t n;
  uint8_t *bytes = bytes_of(header, length, data, &n);
  st_file *f;
  loci_status st = st_open_bytes(bytes, n, "case", &f, err);
  if (st) assert_null(f);
  st_close(f);
  free(bytes);
  return st;
}

#define ENTRY(name, dtype, shape, begin, end)                                                      \
  "\"" name "\":{\"dtype\":\"" dtype "\",\"shape\":[" shape "],\"data_offsets\":[" begin "," end   \
  "]}"

static const struct {
  const char *header;
  size_t data;
  const char *expected;
} breaches[] = {
    {"", 0, "not valid JSON"},
    {"[]", 0, "must be an object"},
    {"{} x", 0, "not valid JSON"},
    {"{\"a\":1}", 0, "tensor a: expected an object, found an integer"},
    {"{\"a\":null}", 0, "tensor a: expected an object, found null"},
    {"{\"a\":{}}", 0, "\"dtype\" must be a string, found null"},
    {"{\"a\":{\"dtype\":3}}", 0, "\"dtype\" must be a string, found an integer"},
    {"{\"a\":{\"dtype\":\"F32\"}}", 0, "\"shape\" must be an array, found null"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1]}}", 0, "\"data_offsets\" must be an array"},
    {"{" ENTRY("a", "F33", "1", "0", "4") "}", 4, "unknown dtype \"F33\""},
    {"{" ENTRY("a", "f32", "1", "0", "4") "}", 4, "unknown dtype \"f32\""},
    {"{" ENTRY("a", "F4", "2", "0", "1") "}", 1, "dtype F4"},
    {"{" ENTRY("a", "F6_E2M3", "4", "0", "3") "}", 3, "dtype F6_E2M3"},
    {"{" ENTRY("a", "U8", "-1", "0", "1") "}", 1, "item 0 of \"shape\""},
    {"{" ENTRY("a", "U8", "1.0", "0", "1") "}", 1, "item 0 of \"shape\""},
    {"{" ENTRY("a", "U8", "1e0", "0", "1") "}", 1, "item 0 of \"shape\""},
    {"{" ENTRY("a", "U8", "1,\"1\"", "0", "1") "}", 1, "item 1 of \"shape\""},
    {"{" ENTRY("a", "U8", "1,1,1,1,1,1,1,1,1", "0", "1") "}", 1, "has 9 items, at most 8"},
    {"{" ENTRY("a", "U8", "1", "0", "1,1") "}", 1, "has 3 items, at most 2"},
    {"{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0]}}", 1, "1 items, expected 2"},
    {"{" ENTRY("a", "U8", "1", "-1", "0") "}", 1, "item 0 of \"data_offsets\""},
    {"{" ENTRY("a", "U8", "1", "1", "0") "}", 1, "before it begins"},
    {"{" ENTRY("a", "U8", "18446744073709551616", "0", "1") "}", 1, "not an integer"},
    {"{" ENTRY("a", "U8", "9223372036854775808", "0", "1") "}", 1, "not an integer"},
    {"{" ENTRY("a", "U8", "9223372036854775807", "0", "1") "}", 1, "its shape needs 92233720368"},
    {"{" ENTRY("a", "U8", "1", "0", "9223372036854775807") "}", 1, "(truncated?)"},
    {"{" ENTRY("a", "F64", "9223372036854775807", "0", "1") "}", 1, "more than 2^63 bytes"},
    {"{" ENTRY("a", "U8", "4294967296,4294967296", "0", "1") "}", 1, "more than 2^63 bytes"},
    {"{" ENTRY("a", "F32", "2,3", "0", "20") "}", 20, "needs 24 bytes of F32, \"data_off"},
    {"{" ENTRY("a", "F32", "0,3", "0", "4") "}", 4, "needs 0 bytes"},
    {"{" ENTRY("a", "F32", "", "0", "8") "}", 8, "needs 4 bytes"},
    {"{" ENTRY("a", "F32", "2", "0", "8") "}", 7, "data ends at 8, the file's data has 7"},
    {"{" ENTRY("a", "F32", "2", "0", "8") "}", 9, "1 bytes after the last tensor"},
    {"{}", 1, "1 bytes after the last tensor"},
    {"{" ENTRY("a", "U8", "4", "1", "5") "}", 5, "a hole of 1 bytes before tensor a"},
    {"{" ENTRY("a", "U8", "1", "0", "1") "," ENTRY("b", "U8", "1", "2", "3") "}", 3, "a hole"},
    {"{" ENTRY("a", "U8", "4", "0", "4") "," ENTRY("b", "U8", "4", "2", "6") "}", 6,
     "tensors a and b overlap at byte 2"},
    {"{" ENTRY("a", "U8", "4", "0", "4") "," ENTRY("b", "U8", "4", "0", "4") "}", 4, "overlap"},
    {"{" ENTRY("a", "U8", "1", "0", "1") "," ENTRY("a", "U8", "1", "0", "1") "}", 1, "duplicate"},
    {"{" ENTRY("a", "U8", "1", "0", "1") "," ENTRY("\\u0061", "U8", "1", "1", "2") "}", 2,
     "duplicate"},
    {"{\"__metadata__\":{},\"__metadata__\":{}}", 0, "duplicate"},
    {"{\"__metadata__\":[]}", 0, "\"__metadata__\" must be an object"},
    {"{\"__metadata__\":null}", 0, "\"__metadata__\" must be an object, found null"},
    {"{\"__metadata__\":{\"n\":1}}", 0, "\"n\" must be a string, found an integer"},
    {"{\"__metadata__\":{\"n\":null}}", 0, "\"n\" must be a string, found null"},
    {"{" ENTRY("a\xff", "U8", "1", "0", "1") "}", 1, "not UTF-8"},
    {"{" ENTRY("\\ud800", "U8", "1", "0", "1") "}", 1, "not valid JSON"},
    {"{" ENTRY("a\\u0000b", "U8", "1", "0", "1") "}", 1, "JSON that is not read"},
    {"\xef\xbb\xbf{}", 0, "not valid JSON"},
};

static void every_breach_of_the_format_has_its_sentence(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof breaches / sizeof breaches[0]; i++) {
    loci_err err = {0};
    loci_status st =
        open_header(breaches[i].header, strlen(breaches[i].header), breaches[i].data, &err);
    if (st == LOCI_OK) fail_msg("accepted: %s", breaches[i].header);
    if (strncmp(err.msg, "case: ", 6) != 0 || !strstr(err.msg, breaches[i].expected)) {
      fail_msg("%s: expected \"%s\", found \"%s\"", breaches[i].header, breaches[i].expected,
               err.msg);
    }
  }
}

static void odd_but_sound_headers_are_accepted(void **state) {
  (void)state;
  static const struct {
    const char *header;
    size_t data;
  } rows[] = {
      {"{}", 0},
      {" \t\r\n{} \n  ", 0},
      {"{\"__metadata__\":{\"format\":\"pt\"}}", 0},
      {"{" ENTRY("b", "U8", "1", "4", "5") "," ENTRY("a", "F32", "", "0", "4") "}", 5},
      {"{" ENTRY("a", "F32", "0,3", "0", "0") "," ENTRY("b", "F32", "0", "0", "0") "}", 0},
      {"{" ENTRY("a", "F32", "1", "0", "4") "," ENTRY("b", "F32", "0", "4", "4") "}", 4},
      {"{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1],\"more\":{\"x\":[1.5]}}}", 1},
      {"{" ENTRY("", "U8", "1,1,1,1,1,1,1,1", "0", "1") "}", 1},
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    loci_err err = {0};
    if (open_header(rows[i].header, strlen(rows[i].header), rows[i].data, &err)) {
      fail_msg("%s: %s", rows[i].header, err.msg);
    }
  }
}

static void headers_longer_than_the_file_or_the_limit_are_refused(void **state) {
  (void)state;
  static const struct {
    uint64_t length;
    size_t n;
    const char *expected;
  } rows[] = {{0, 0, "a header needs 8"},
              {0, 7, "a header needs 8"},
              {3, 10, "(truncated?)"},
              {100000001, 10, "at most 100000000"},
              {UINT64_MAX, 10, "not safetensors"},
              {UINT64_MAX - 7, 10, "not safetensors"}};
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    uint8_t bytes[16] = {0};
    st_file *f;
    loci_err err = {0};
    for (int j = 0; j < 8; j++) bytes[j] = (uint8_t)(rows[i].length >> 8 * j);
    assert_int_not_equal(st_open_bytes(bytes, rows[i].n, "case", &f, &err), LOCI_OK);
    assert_non_null(strstr(err.msg, rows[i].expected));
  }
}

static void deep_dense_and_long_headers_are_refused(void **state) {
  (void)state;
  size_t n = 200000;
  char *text = malloc(n);
  loci_err err = {0};
  memset(text, '[', n);
  assert_int_equal(open_header(text, n, 0, &err), LOCI_EFORMAT);
  assert_non_null(strstr(err.msg, "nests deeper"));
  memcpy(text, "{\"a\":", 5);
  assert_int_equal(open_header(text, n, 0, &err), LOCI_EFORMAT);
  assert_non_null(strstr(err.msg, "nests deeper"));
  for (size_t i = 0; i < n; i++) text[i] = "0,"[i % 2];
  text[0] = '[';
  assert_int_equal(open_header(text, n, 0, &err), LOCI_EFORMAT);
  assert_non_null(strstr(err.msg, "no list of tensors"));
  static const char tail[] = "\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]}}";
  memset(text, 'a', n);
  memcpy(text, "{\"", 2);
  memcpy(text + 2000, tail, sizeof tail - 1);
  assert_int_equal(open_header(text, 2000 + sizeof tail - 1, 1, &err), LOCI_EFORMAT);
  assert_non_null(strstr(err.msg, "a tensor name of 1998 bytes"));
  free(text);
}

/* ---------------------------------------------------------------- files */

static char *temporary(char out[64], const char *name) {
  snprintf(out, 64, "/tmp/loci-st-%s-%ld", name, (long)getpid());
  return out;
}

static void what_is_written_is_read_back(void **state) {
  (void)state;
  uint8_t x[24], y[2] = {0x80, 0x3f};
  for (int i = 0; i < 24; i++) x[i] = (uint8_t)(i * 11);
  st_tensor tensors[] = {
      {.name = "a.weight", .dtype = ST_F32, .rank = 2, .shape = {2, 3}, .data = x, .bytes = 24},
      {.name = "scal\"är", .dtype = ST_BF16, .data = y, .bytes = 2},
      {.name = "empty", .dtype = ST_I64, .rank = 2, .shape = {0, 7}, .data = x, .bytes = 0},
      {.name = "b", .dtype = ST_BOOL, .rank = 1, .shape = {3}, .data = x + 5, .bytes = 3}};
  const char *metadata[] = {"format", "pt", "made by", "a test", NULL};
  char path[64];
  st_file *f;
  loci_err err;
  assert_int_equal(st_write(temporary(path, "roundtrip"), tensors, 4, metadata, &err), LOCI_OK);
  assert_int_equal(st_open(path, &f, &err), LOCI_OK);
  assert_int_equal(st_count(f), 4);
  assert_string_equal(st_metadata(f, "made by"), "a test");
  assert_null(st_metadata(f, "absent"));
  assert_null(st_find(f, "absent"));
  for (int i = 0; i < 4; i++) {
    const st_tensor *t = st_find(f, tensors[i].name);
    assert_non_null(t);
    assert_int_equal(t->dtype, tensors[i].dtype);
    assert_int_equal(t->rank, tensors[i].rank);
    assert_int_equal(t->bytes, tensors[i].bytes);
    for (int j = 0; j < t->rank; j++) assert_int_equal(t->shape[j], tensors[i].shape[j]);
    if (t->bytes) assert_memory_equal(t->data, tensors[i].data, (size_t)t->bytes);
    st_prefetch(f, t, 0, t->bytes);
    st_release(f, t);
    if (t->bytes) assert_memory_equal(t->data, tensors[i].data, (size_t)t->bytes);
  }
  assert_int_equal((uintptr_t)st_at(f, 0)->data % 8, 0); /* the header is padded */
  st_close(f);
  unlink(path);
}

static void unsound_tensors_are_not_written(void **state) {
  (void)state;
  uint8_t x[8] = {0};
  st_tensor good = {.name = "a", .dtype = ST_F32, .rank = 1, .shape = {2}, .data = x, .bytes = 8};
  st_tensor twice[] = {good, good}, odd = good, reserved = good, latin = good;
  odd.bytes = 7;
  reserved.name = "__metadata__";
  latin.name = "\xe4";
  char path[64];
  loci_err err;
  temporary(path, "unsound");
  assert_int_equal(st_write(path, twice, 2, NULL, &err), LOCI_EINVAL);
  assert_non_null(strstr(err.msg, "two tensors named a"));
  assert_int_equal(st_write(path, &odd, 1, NULL, &err), LOCI_EINVAL);
  assert_int_equal(st_write(path, &reserved, 1, NULL, &err), LOCI_EINVAL);
  assert_int_equal(st_write(path, &latin, 1, NULL, &err), LOCI_EINVAL);
  assert_int_equal(st_write("/dev/null", &good, 1, NULL, &err), LOCI_EINVAL);
  assert_int_equal(st_write("/tmp", &good, 1, NULL, &err), LOCI_EINVAL);
  assert_int_equal(st_write("/nonexistent/file", &good, 1, NULL, &err), LOCI_EIO);
  assert_false(file_exists(path));
}

static void a_failed_write_leaves_the_old_file(void **state) {
  (void)state;
  uint8_t x[8] = {1, 2, 3, 4, 5, 6, 7, 8};
  st_tensor t = {.name = "a", .dtype = ST_U8, .rank = 1, .shape = {8}, .data = x, .bytes = 8};
  st_tensor bad = t;
  char path[64];
  st_file *f;
  loci_err err;
  bad.shape[0] = 9;
  assert_int_equal(st_write(temporary(path, "old"), &t, 1, NULL, &err), LOCI_OK);
  assert_int_equal(st_write(path, &bad, 1, NULL, &err), LOCI_EINVAL);
  assert_int_equal(st_open(path, &f, &err), LOCI_OK);
  assert_memory_equal(st_at(f, 0)->data, x, 8);
  st_close(f);
  unlink(path);
}

static double seconds(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void ten_gigabytes_open_without_reading_them(void **state) {
  (void)state;
  char path[64];
  const char *header = "{" ENTRY("a", "F32", "50000,50000", "0", "10000000000") "}";
  size_t n;
  uint8_t *bytes = bytes_of(header, strlen(header), 0, &n);
  int fd = open(temporary(path, "sparse"), O_CREAT | O_RDWR | O_TRUNC, 0600);
  bool made =
      fd >= 0 && write(fd, bytes, n) == (ssize_t)n && ftruncate(fd, (off_t)n + 10000000000) == 0;
  free(bytes);
  if (fd >= 0) close(fd);
  if (!made) {
    unlink(path);
    skip();
  }
  struct rusage before, after;
  st_file *f;
  loci_err err;
  double start = seconds();
  getrusage(RUSAGE_SELF, &before);
  loci_status st = st_open(path, &f, &err);
  getrusage(RUSAGE_SELF, &after);
  double took = seconds() - start;
  unlink(path);
  assert_int_equal(st, LOCI_OK);
  assert_int_equal(st_at(f, 0)->bytes, 10000000000);
  st_close(f);
  assert_true(took < 0.5);
  assert_true(after.ru_maxrss - before.ru_maxrss < 64 * 1024); /* KiB */
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_breach_of_the_format_has_its_sentence),
      cmocka_unit_test(odd_but_sound_headers_are_accepted),
      cmocka_unit_test(headers_longer_than_the_file_or_the_limit_are_refused),
      cmocka_unit_test(deep_dense_and_long_headers_are_refused),
      cmocka_unit_test(what_is_written_is_read_back),
      cmocka_unit_test(unsound_tensors_are_not_written),
      cmocka_unit_test(a_failed_write_leaves_the_old_file),
      cmocka_unit_test(ten_gigabytes_open_without_reading_them)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
