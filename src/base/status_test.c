/* Error sentences. */
#include "base/status.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/utf8.h"

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

/* Its beginning says what it is about, its end what is wrong; no character is cut in half. */
static void of_a_long_name_the_middle_is_left_out(void **state) {
  (void)state;
  for (size_t size = 480; size < 9000; size += size < 4000 ? 1 : 211) {
    char name[9001];
    for (size_t i = 0; i + 1 < sizeof name; i += 2) memcpy(name + i, "\xc3\xa9", 2);
    name[size] = 0; /* every second ends in half a character */
    loci_err err;
    assert_int_equal(opens(name, &err), LOCI_EIO);
    size_t n = strlen(err.msg);
    const char *end = size % 2 ? "?: no such file" : "\xc3\xa9: no such file";
    bool fits = size + strlen(": no such file") < sizeof err.msg;
    assert_true(fits ? n == size + strlen(": no such file") : n < sizeof err.msg && n > 506);
    assert_memory_equal(err.msg, "\xc3\xa9\xc3\xa9", 4);
    assert_string_equal(err.msg + n - strlen(end), end);
    assert_true(utf8_is_valid(err.msg, n));
    if (size > sizeof err.msg) assert_non_null(strstr(err.msg, "\xa9 ... \xc3"));
    assert_int_equal((fail_errno)(&err, 2, "%s", name), LOCI_EIO);
    assert_non_null(strstr(err.msg, ": No such file or directory"));
  }
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
      cmocka_unit_test(of_a_long_name_the_middle_is_left_out),
      cmocka_unit_test(out_of_memory_says_while_doing_what),
      cmocka_unit_test(every_status_has_words_of_its_own),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
