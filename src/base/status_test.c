/* Error sentences. */
#include "base/status.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

static loci_status opens(const char *path, loci_err *err) {
  return (fail)(err, LOCI_EIO, "%s: no such file", path);
}

static void a_failure_says_its_sentence_and_returns_its_code(void **state) {
  (void)state;
  loci_err err;
  assert_int_equal(opens("a.json", &err), LOCI_EIO);
  assert_int_equal(err.code, LOCI_EIO);
  assert_string_equal(err.msg, "a.json: no such file");
}

static void the_error_may_be_null(void **state) {
  (void)state;
  assert_int_equal(opens("a.json", NULL), LOCI_EIO);
  assert_int_equal((fail_nomem)(NULL, "testing"), LOCI_ENOMEM);
}

static void a_message_may_quote_the_message_before_it(void **state) {
  (void)state;
  loci_err err;
  assert_int_equal(opens("x", &err), LOCI_EIO);
  (void)(fail)(&err, LOCI_EFORMAT, "while opening: %s", err.msg);
  assert_string_equal(err.msg, "while opening: x: no such file");
}

static void control_characters_of_a_hostile_name_are_replaced(void **state) {
  (void)state;
  loci_err err;
  assert_int_equal(opens("\x1b[2J\xff\n\xc2\x9b", &err), LOCI_EIO);
  assert_string_equal(err.msg, "?[2J????: no such file");
}

static void a_long_name_is_cut_without_half_a_character(void **state) {
  (void)state;
  char name[1001];
  for (size_t i = 0; i + 1 < sizeof name; i += 2) memcpy(name + i, "\xc3\xa9", 2);
  name[sizeof name - 1] = 0;
  loci_err err;
  assert_int_equal(opens(name, &err), LOCI_EIO);
  size_t n = strlen(err.msg);
  assert_int_equal(n, sizeof err.msg - 1);
  assert_memory_equal(err.msg + n - 3, "\xc3\xa9?", 3);
}

static void out_of_memory_says_while_doing_what(void **state) {
  (void)state;
  loci_err err;
  assert_int_equal((fail_nomem)(&err, "testing"), LOCI_ENOMEM);
  assert_string_equal(err.msg, "out of memory while testing");
}

static void every_status_has_words_of_its_own(void **state) {
  (void)state;
  for (int i = LOCI_OK; i <= LOCI_ESYSTEM; i++) {
    assert_string_not_equal(loci_status_name((loci_status)i), "unknown");
    for (int j = LOCI_OK; j < i; j++) {
      assert_string_not_equal(loci_status_name((loci_status)i), loci_status_name((loci_status)j));
    }
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_failure_says_its_sentence_and_returns_its_code),
      cmocka_unit_test(the_error_may_be_null),
      cmocka_unit_test(a_message_may_quote_the_message_before_it),
      cmocka_unit_test(control_characters_of_a_hostile_name_are_replaced),
      cmocka_unit_test(a_long_name_is_cut_without_half_a_character),
      cmocka_unit_test(out_of_memory_says_while_doing_what),
      cmocka_unit_test(every_status_has_words_of_its_own),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
