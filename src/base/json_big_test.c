/* Integers beyond 64 bits are read as real numbers; everything else stays as it is. */
#include "base/json_big.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h> /* last: it has a macro `fail` */

static js_value *parsed(const char *text) {
  js_value *v;
  loci_err err;
  if (js_parse_big(text, strlen(text), "test", &v, &err) != LOCI_OK) fail_msg("%s", err.msg);
  return v;
}

static void big_integers_become_real_numbers(void **s) {
  (void)s;
  js_value *v =
      parsed("[1000000000000000019884624838656,-9223372036854775809,18446744073709551616]");
  static const double want[] = {1e30, -9223372036854775808.0, 18446744073709551616.0};
  for (int i = 0; i < 3; i++) {
    double x = 0;
    assert_int_equal(js_kind_of(js_at(v, i)), JS_REAL);
    assert_true(js_real_of(js_at(v, i), &x));
    assert_true(x / want[i] > 1 - 1e-12 && x / want[i] < 1 + 1e-12);
  }
  js_free(v);
}

static void everything_else_is_untouched(void **s) {
  (void)s;
  js_value *v = parsed("{\"12345678901234567890\\\"12345678901234567890\":\"12345678901234567890\","
                       "\"a\":123456789012345678,\"b\":0.12345678901234567890123,\"c\":1e2}");
  int64_t a = 0;
  double b = 0;
  assert_string_equal(js_text_of(js_get(v, "12345678901234567890\"12345678901234567890"), NULL),
                      "12345678901234567890");
  assert_true(js_int_of(js_get(v, "a"), &a));
  assert_int_equal(a, 123456789012345678);
  assert_true(js_real_of(js_get(v, "b"), &b));
  assert_true(b > 0.123456789 && b < 0.123456790);
  js_free(v);
}

static void unsound_text_is_still_refused(void **s) {
  (void)s;
  static const char *const texts[] = {
      "", "[", "\"\\", "[01234567890123456789012]", "[1.]", "12345678901234567890x"};
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
    js_value *v;
    loci_err err;
    assert_int_equal(js_parse_big(texts[i], strlen(texts[i]), "test", &v, &err), LOCI_EFORMAT);
    assert_null(v);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(big_integers_become_real_numbers),
      cmocka_unit_test(everything_else_is_untouched),
      cmocka_unit_test(unsound_text_is_still_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
