/* Reading line by line. */
#include "base/lines.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"

static char path[] = "/tmp/loci-lines-XXXXXX";

static line_reader *open_text(const char *text, size_t n, size_t limit) {
  line_reader *r = NULL;
  loci_err err;
  assert_int_equal(file_write(path, text, n, &err), LOCI_OK);
  assert_int_equal(lines_open(path, limit, &r, &err), LOCI_OK);
  return r;
}

static void expect(line_reader *r, const char *want) {
  const char *line;
  size_t n;
  loci_err err;
  assert_int_equal(lines_next(r, &line, &n, &err), LOCI_OK);
  if (!want) {
    assert_null(line);
    return;
  }
  assert_non_null(line);
  assert_int_equal(n, strlen(want));
  assert_string_equal(line, want);
}

static void ends_of_lines_are_left_out(void **state) {
  (void)state;
  static const char text[] = "\xEF\xBB\xBFone\r\n\n\xEF\xBB\xBFthree\nlast";
  line_reader *r = open_text(text, sizeof text - 1, 100);
  expect(r, "one");
  expect(r, "");
  expect(r, "\xEF\xBB\xBFthree");
  assert_true(lines_share(r) == (double)(sizeof text - 5) / (sizeof text - 1));
  expect(r, "last");
  assert_true(lines_share(r) == 1);
  assert_int_equal(lines_number(r), 4);
  expect(r, NULL);
  expect(r, NULL);
  assert_int_equal(lines_number(r), 4);
  lines_close(r);
  r = open_text("", 0, 100);
  expect(r, NULL);
  lines_close(r);
  r = open_text("a\n", 2, 100);
  expect(r, "a");
  expect(r, NULL);
  lines_close(r);
}

static void a_long_line_is_refused_and_passed_over(void **state) {
  (void)state;
  enum { N = 30000 };
  char *text = malloc(2 * N + 3);
  const char *line;
  size_t n;
  loci_err err;
  assert_non_null(text);
  memset(text, 'x', 2 * N + 3);
  text[N] = text[2 * N + 2] = '\n'; /* N bytes, then N + 1 */
  line_reader *r = open_text(text, 2 * N + 3, N);
  assert_int_equal(lines_next(r, &line, &n, &err), LOCI_OK);
  assert_int_equal(n, N);
  assert_int_equal(lines_next(r, &line, &n, &err), LOCI_EFORMAT);
  assert_non_null(strstr(err.msg, "line 2 is longer than 30000 bytes"));
  expect(r, NULL);
  lines_close(r);
  free(text);
}

static void nul_bytes_stay(void **state) {
  (void)state;
  const char *line;
  size_t n;
  line_reader *r = open_text("a\0b\n", 4, 10);
  assert_int_equal(lines_next(r, &line, &n, NULL), LOCI_OK);
  assert_int_equal(n, 3);
  assert_memory_equal(line, "a\0b", 4);
  lines_close(r);
}

static void what_cannot_be_read_is_said(void **state) {
  (void)state;
  line_reader *r;
  const char *line;
  size_t n;
  loci_err err;
  assert_int_equal(lines_open("/nowhere/at/all", 10, &r, &err), LOCI_EIO);
  assert_null(r);
  assert_non_null(strstr(err.msg, "/nowhere/at/all: No such file"));
  assert_int_equal(lines_open("/", 10, &r, &err), LOCI_OK);
  assert_int_equal(lines_next(r, &line, &n, &err), LOCI_EIO);
  assert_non_null(strstr(err.msg, "directory"));
  lines_close(r);
}

int main(void) {
  static const struct CMUnitTest tests[] = {
      cmocka_unit_test(ends_of_lines_are_left_out),
      cmocka_unit_test(a_long_line_is_refused_and_passed_over),
      cmocka_unit_test(nul_bytes_stay),
      cmocka_unit_test(what_cannot_be_read_is_said),
  };
  int fd = mkstemp(path);
  if (fd < 0) return 1;
  close(fd);
  int failed = cmocka_run_group_tests(tests, NULL, NULL);
  unlink(path);
  return failed;
}
