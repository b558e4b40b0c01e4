/* Examples and answers when memory runs out, one allocation at a time. */
#include "failing_malloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "loci.h"

static loci_status read_examples(void *path, loci_err *err) {
  loci_examples *x;
  loci_example *e = NULL;
  loci_status st = loci_examples_open(path, &x, err);
  assert_true((st == LOCI_OK) == (x != NULL));
  while (!st) {
    st = loci_examples_next(x, &e, err);
    if (!e) break;
    loci_example_free(e);
  }
  loci_examples_close(x);
  return st;
}

static loci_status compare_answers(void *ctx, loci_err *err) {
  static const char *const accepted[] = {"two", "Sa\xCC\x83o Paulo"};
  bool same;
  (void)ctx;
  TRY(loci_answer_matches("S\xC3\xA3o Paulo", accepted, 2, &same, err));
  assert_true(same);
  return LOCI_OK;
}

static void running_out_of_memory_is_said(void **state) {
  (void)state;
  static const char text[] =
      "{\"question\":\"Q\",\"image\":\"i.png\",\"answers\":[\"a\",\"b\"],\"id\":1,"
      "\"constraints\":[{\"text\":\"Q\",\"kind\":\"visual\"}],\"more\":[1,2],\"set\":\"s\"}\n\n";
  char path[] = "/tmp/loci-data-oom-XXXXXX", *longer;
  loci_err err;
  int fd = mkstemp(path);
  assert_true(fd >= 0);
  close(fd);
  enum { LONG = 9000 }; /* more than the first room of a line, and of an arena's piece */
  longer = malloc(sizeof text + LONG + 32);
  assert_non_null(longer);
  memcpy(longer, text, sizeof text - 1);
  size_t n = sizeof text - 1;
  memcpy(longer + n, "{\"question\":\"", 13);
  memset(longer + n + 13, 'q', LONG);
  memcpy(longer + n + 13 + LONG, "\"}", 2);
  assert_int_equal(file_write(path, longer, n + 15 + LONG, &err), LOCI_OK);
  free(longer);
  failing_malloc_run(read_examples, path);
  failing_malloc_run(compare_answers, NULL);
  unlink(path);
}

int main(void) {
  static const struct CMUnitTest tests[] = {cmocka_unit_test(running_out_of_memory_is_said)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
