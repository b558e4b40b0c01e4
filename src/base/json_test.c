/* JSON: what is accepted, what is refused and in which words, and what is written. */
#include "base/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static js_value *parsed(const char *text) {
  js_value *v;
  loci_err err = {LOCI_OK, ""};
  if (js_parse(text, strlen(text), "t.json", &v, &err)) fail_msg("%s: %s", text, err.msg);
  return v;
}

static void expect_refused(const char *text, size_t n, const char *why) {
  js_value *v = (js_value *)1;
  loci_err err = {LOCI_OK, ""};
  assert_int_equal(js_parse(text, n, "t.json", &v, &err), LOCI_EFORMAT);
  assert_null(v);
  bool well_formed = strstr(why, "duplicate") || strstr(why, "overflow") || strstr(why, "depth");
  assert_non_null(strstr(err.msg, well_formed ? "t.json: JSON that is not read at line "
                                              : "t.json: not valid JSON at line "));
  if (!strstr(err.msg, why)) fail_msg("%s: says \"%s\", expected \"%s\"", text, err.msg, why);
}

static void kinds_are_told_apart(void **state) {
  (void)state;
  js_value *v = parsed("[null, true, 7, 7.5, \"s\", [], {}, 7e0]");
  const js_kind kinds[] = {JS_NULL, JS_BOOL,  JS_INT,    JS_REAL,
                           JS_TEXT, JS_ARRAY, JS_OBJECT, JS_REAL};
  assert_int_equal(js_count(v), 8);
  for (int i = 0; i < 8; i++) assert_int_equal(js_kind_of(js_at(v, i)), kinds[i]);
  assert_int_equal(js_kind_of(NULL), JS_NULL);
  assert_string_equal(js_kind_name(JS_NULL), "null");
  assert_string_equal(js_kind_name(JS_OBJECT), "an object");
  js_free(v);
  js_free(NULL);
}

static void values_are_taken_only_as_what_they_are(void **state) {
  (void)state;
  js_value *v = parsed("[1, 1.5, true, \"a\\u0000b\"]");
  int64_t i = -7;
  double x = -7;
  bool b = false;
  size_t n = 99;
  assert_true(js_int_of(js_at(v, 0), &i) && i == 1);
  assert_false(js_int_of(js_at(v, 1), &i));
  assert_true(js_real_of(js_at(v, 0), &x) && x == 1);
  assert_true(js_real_of(js_at(v, 1), &x) && x == 1.5);
  assert_false(js_real_of(js_at(v, 2), &x));
  assert_true(js_bool_of(js_at(v, 2), &b) && b);
  assert_false(js_bool_of(js_at(v, 0), &b));
  assert_memory_equal(js_text_of(js_at(v, 3), &n), "a\0b", 4);
  assert_int_equal(n, 3);
  assert_null(js_text_of(js_at(v, 0), NULL));
  assert_null(js_at(v, 4));
  assert_null(js_at(v, -1));
  assert_null(js_at(js_at(v, 0), 0));
  assert_int_equal(js_count(js_at(v, 3)), 0);
  js_free(v);
}

static void members_are_found_and_null_counts_as_absent(void **state) {
  (void)state;
  js_value *v = parsed("{\"a\": 1, \"b\": null}");
  assert_non_null(js_get(v, "a"));
  assert_null(js_get(v, "b"));
  assert_null(js_get(v, "c"));
  assert_null(js_get(NULL, "a"));
  assert_null(js_get(js_get(v, "a"), "a"));
  js_free(v);
}

static void members_come_in_file_order(void **state) {
  (void)state;
  js_value *v = parsed("{\"z\": 0, \"a\": 1, \"m\": 2, \"b\": null}");
  const char *key, *const keys[] = {"z", "a", "m", "b"};
  const js_value *member;
  int i = 0;
  for (void *it = js_first(v, &key, &member); it; it = js_next(v, it, &key, &member), i++) {
    assert_string_equal(key, keys[i]);
  }
  assert_int_equal(i, 4);
  js_free(v);
  assert_null(js_first(NULL, &key, &member));
  v = parsed("{}");
  assert_null(js_first(v, &key, &member));
  js_free(v);
}

static void typed_members_keep_their_default_or_say_what_is_wrong(void **state) {
  (void)state;
  js_value *v = parsed("{\"layers\": 32, \"eps\": 1e-5, \"tie\": true, \"name\": \"llava\","
                       " \"none\": null, \"nul\": \"a\\u0000b\"}");
  int64_t i = 5;
  double x = 5;
  bool b = false;
  const char *s = "five";
  loci_err err = {LOCI_OK, ""};
  assert_int_equal(js_get_int(v, "absent", "c", 1, 9, &i, &err), LOCI_OK);
  assert_int_equal(js_get_int(v, "none", "c", 1, 9, &i, &err), LOCI_OK);
  assert_int_equal(i, 5);
  assert_int_equal(js_get_int(v, "layers", "c", 1, 32, &i, &err), LOCI_OK);
  assert_int_equal(i, 32);
  assert_int_equal(js_get_int(v, "layers", "c.json", 1, 31, &i, &err), LOCI_EFORMAT);
  assert_string_equal(err.msg, "c.json: \"layers\" is 32, expected 1 to 31");
  assert_int_equal(js_get_int(v, "eps", "c.json", 1, 31, &i, &err), LOCI_EFORMAT);
  assert_string_equal(err.msg, "c.json: \"eps\" must be an integer, found a real number");
  assert_int_equal(js_get_real(v, "eps", "c", &x, &err), LOCI_OK);
  assert_true(x == 1e-5);
  assert_int_equal(js_get_real(v, "layers", "c", &x, &err), LOCI_OK);
  assert_true(x == 32);
  assert_int_equal(js_get_real(v, "name", "c.json", &x, &err), LOCI_EFORMAT);
  assert_string_equal(err.msg, "c.json: \"name\" must be a number, found a string");
  assert_int_equal(js_get_bool(v, "tie", "c", &b, &err), LOCI_OK);
  assert_true(b);
  assert_int_equal(js_get_bool(v, "layers", "c.json", &b, &err), LOCI_EFORMAT);
  assert_int_equal(js_get_text(v, "name", "c", &s, &err), LOCI_OK);
  assert_string_equal(s, "llava");
  assert_int_equal(js_get_text(v, "tie", "c.json", &s, &err), LOCI_EFORMAT);
  assert_string_equal(err.msg, "c.json: \"tie\" must be a string, found true or false");
  assert_int_equal(js_get_text(v, "nul", "c.json", &s, &err), LOCI_EFORMAT);
  assert_string_equal(err.msg, "c.json: \"nul\" holds a NUL character");
  assert_string_equal(s, "llava");
  js_free(v);
}

static void what_is_not_json_is_refused_with_its_place(void **state) {
  (void)state;
  const struct {
    const char *text, *why;
  } cases[] = {
      {"", "near end of file"},
      {"{", "line 1"},
      {"[1,]", "line 1"},
      {"{\"a\": 1,\n\"a\": 2}", "duplicate object key"},
      {"[1] 2", "end of file expected"},
      {"[\"\xff\"]", "unable to decode byte"},
      {"[\"\xed\xa0\x80\"]", "unable to decode byte"},
      {"[\"\\ud800\"]", "invalid Unicode"},
      {"[\"\n\"]", "unexpected newline"},
      {"[01]", "line 1"},
      {"[1e999]", "real number overflow"},
      {"[NaN]", "invalid token"},
      {"\xef\xbb\xbf[]", "line 1"},
      {"[\"never closed", "line 1"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    expect_refused(cases[i].text, strlen(cases[i].text), cases[i].why);
  }
  expect_refused("[]\0", 3, "end of file expected");
}

static void nesting_is_limited_long_before_the_stack_ends(void **state) {
  (void)state;
  enum { DEEP = 1000000 };
  char *text = malloc(DEEP);
  assert_non_null(text);
  memset(text, '[', DEEP);
  expect_refused(text, DEEP, "maximum parsing depth reached");
  memset(text, '[', 1000);
  memset(text + 1000, ']', 1000);
  js_value *v;
  assert_int_equal(js_parse(text, 2000, "t", &v, NULL), LOCI_OK);
  js_free(v);
  free(text);
}

static void integers_up_to_64_bits_are_exact(void **state) {
  (void)state;
  js_value *v = parsed("[9223372036854775807, -9223372036854775808, 9007199254740993]");
  int64_t i;
  assert_true(js_int_of(js_at(v, 0), &i) && i == INT64_MAX);
  assert_true(js_int_of(js_at(v, 1), &i) && i == INT64_MIN);
  assert_true(js_int_of(js_at(v, 2), &i) && i == INT64_C(9007199254740993));
  js_free(v);
}

/* Checkpoints say "model_max_length": 1000000000000000019884624838656. */
static void integers_beyond_64_bits_become_reals_and_nothing_else_changes(void **state) {
  (void)state;
  js_value *v = parsed("{\"model_max_length\": 1000000000000000019884624838656,\n"
                       "\"text \\\" 1000000000000000019884624838656\": \"99999999999999999999\","
                       "\"exact\": 9223372036854775807, \"over\": [-9223372036854775808000,"
                       "9223372036854775808], \"real\": 1.00000000000000000000000005e3}");
  double x;
  int64_t i;
  assert_true(js_real_of(js_get(v, "model_max_length"), &x) && x == 1e30);
  assert_string_equal(js_text_of(js_get(v, "text \" 1000000000000000019884624838656"), NULL),
                      "99999999999999999999");
  assert_true(js_int_of(js_get(v, "exact"), &i) && i == INT64_MAX);
  assert_true(js_real_of(js_at(js_get(v, "over"), 0), &x) && x == -9223372036854775808000.0);
  assert_true(js_real_of(js_at(js_get(v, "over"), 1), &x) && x == 0x1p63);
  assert_true(js_real_of(js_get(v, "real"), &x) && fabs(x - 1000) < 1e-9);
  js_free(v);
  const char broken[] = "[99999999999999999999, \"open \\";
  expect_refused(broken, strlen(broken), "line 1");
}

static void a_tree_is_written_compact_or_indented(void **state) {
  (void)state;
  for (int pretty = 0; pretty <= 1; pretty++) {
    js_value *o = js_object(), *a = js_ints((const int[]){1, -2}, 2);
    js_push(&a, js_null());
    js_push(&a, js_real((double)NAN));
    js_push(&a, js_real((double)INFINITY));
    js_put(&o, "format", js_text("loci.test/1"));
    js_put(&o, "p", js_real(0.5));
    js_put(&o, "list", a);
    js_put(&o, "yes", js_bool(true));
    js_put(&o, "none", js_text(NULL));
    js_put(&o, "big", js_int(INT64_MIN));
    char *text;
    assert_int_equal(js_print(o, pretty, &text, NULL), LOCI_OK);
    assert_string_equal(
        text, pretty ? "{\n \"format\": \"loci.test/1\",\n \"p\": 0.5,\n \"list\": [\n  1,\n"
                       "  -2,\n  null,\n  null,\n  null\n ],\n \"yes\": true,\n"
                       " \"none\": null,\n \"big\": -9223372036854775808\n}"
                     : "{\"format\":\"loci.test/1\",\"p\":0.5,\"list\":[1,-2,null,null,null],"
                       "\"yes\":true,\"none\":null,\"big\":-9223372036854775808}");
    free(text);
  }
}

static void numbers_keep_nine_digits_and_the_decimal_point(void **state) {
  (void)state;
  setlocale(LC_ALL, ""); /* whatever the user has */
  const double numbers[] = {0.1, 1 / 3.0, 1e-300, 123456789.123, -2.5e17, 0};
  for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
    js_value *a = js_array();
    js_push(&a, js_real(numbers[i]));
    char *text;
    assert_int_equal(js_print(a, false, &text, NULL), LOCI_OK);
    js_value *back = parsed(text);
    double x = -1;
    assert_int_equal(js_kind_of(js_at(back, 0)), JS_REAL);
    assert_true(js_real_of(js_at(back, 0), &x));
    assert_true(fabs(x - numbers[i]) <= 1e-11 * fabs(numbers[i]));
    js_free(back);
    free(text);
  }
}

static void invalid_bytes_are_written_as_replacement_characters(void **state) {
  (void)state;
  const struct {
    const char *raw, *printed;
  } cases[] = {
      {"plain", "[\"plain\"]"},
      {"\xd0\x9a", "[\"\xd0\x9a\"]"},
      {"a\xff"
       "b",
       "[\"a\xef\xbf\xbd"
       "b\"]"},
      {"\xf0\x9f\x98", "[\"\xef\xbf\xbd\"]"},
      {"\xff\xff", "[\"\xef\xbf\xbd\xef\xbf\xbd\"]"},
      {"\"\\\n\x01", "[\"\\\"\\\\\\n\\u0001\"]"},
      {"", "[\"\"]"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    js_value *a = js_array();
    js_push(&a, js_text(cases[i].raw));
    char *text;
    assert_int_equal(js_print(a, false, &text, NULL), LOCI_OK);
    assert_string_equal(text, cases[i].printed);
    free(text);
  }
}

static void a_failure_while_building_ends_as_out_of_memory(void **state) {
  (void)state;
  js_value *o = js_object();
  js_put(&o, "a", js_int(1));
  js_put(&o, "b", NULL);
  assert_null(o);
  js_put(&o, "c", js_int(2)); /* frees it */
  char *text;
  assert_int_equal(js_print(o, true, &text, NULL), LOCI_ENOMEM);
  assert_null(text);
  js_value *a = js_array();
  js_push(&a, NULL);
  assert_null(a);
  js_push(&a, js_object());
  assert_null(a);
}

static void a_file_is_read_up_to_its_limit(void **state) {
  (void)state;
  js_value *v;
  loci_err err = {LOCI_OK, ""};
  const char *presets = LOCI_SOURCE_DIR "/CMakePresets.json";
  assert_int_equal(js_parse_file(presets, 1 << 20, &v, &err), LOCI_OK);
  assert_true(js_count(js_get(v, "configurePresets")) > 0);
  js_free(v);
  assert_int_equal(js_parse_file(presets, 10, &v, &err), LOCI_EFORMAT);
  assert_null(v);
  assert_int_equal(js_parse_file(LOCI_SOURCE_DIR, 10, &v, &err), LOCI_EIO);
  assert_null(v);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(kinds_are_told_apart),
      cmocka_unit_test(values_are_taken_only_as_what_they_are),
      cmocka_unit_test(members_are_found_and_null_counts_as_absent),
      cmocka_unit_test(members_come_in_file_order),
      cmocka_unit_test(typed_members_keep_their_default_or_say_what_is_wrong),
      cmocka_unit_test(what_is_not_json_is_refused_with_its_place),
      cmocka_unit_test(nesting_is_limited_long_before_the_stack_ends),
      cmocka_unit_test(integers_up_to_64_bits_are_exact),
      cmocka_unit_test(integers_beyond_64_bits_become_reals_and_nothing_else_changes),
      cmocka_unit_test(a_tree_is_written_compact_or_indented),
      cmocka_unit_test(numbers_keep_nine_digits_and_the_decimal_point),
      cmocka_unit_test(invalid_bytes_are_written_as_replacement_characters),
      cmocka_unit_test(a_failure_while_building_ends_as_out_of_memory),
      cmocka_unit_test(a_file_is_read_up_to_its_limit),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
