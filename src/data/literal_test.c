/* Lists and dictionaries as Python prints them, as JSON; what is none is refused. */
#include "data/literal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

static void what_python_prints_is_read(void **state) {
  (void)state;
  static const char *const rows[][2] = {
      {"['a', \"b's\"]", "[\"a\",\"b's\"]"},
      {"('a',)", "[\"a\"]"},
      {"{'a', 'b'}", "[\"a\",\"b\"]"},
      {"{'answer': 'a', 'n': 1}", "{\"answer\":\"a\",\"n\":\"1\"}"},
      {"[{'a': None}, {'a': [nan, <NA>]}]", "[{\"a\":null},{\"a\":[null,null]}]"},
      {"['a' 'b'\n 'c']", "[\"a\",\"b\",\"c\"]"},
      {"[1. 2.5 -3]", "[\"1.\",\"2.5\",\"-3\"]"},
      {"array(['a', 'b'], dtype='<U1')", "[\"a\",\"b\"]"},
      {"[np.str_('a'), np.float64(2.0), True]", "[\"a\",\"2.0\",\"True\"]"},
      {"[u'a', 'it\\'s', 'C:\\\\x', '\\d']", "[\"a\",\"it's\",\"C:\\\\x\",\"\\\\d\"]"},
      {"['\\xef\\u00ef\\U0001F600\\n']", "[\"\\u00ef\\u00ef\xF0\x9F\x98\x80\\u000a\"]"},
      {"[]", "[]"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    loci_err err;
    const char *json = NULL;
    arena *mem = arena_new();
    if (literal_to_json(rows[i][0], mem, &json, &err)) fail_msg("%s", err.msg);
    assert_string_equal(json, rows[i][1]);
    arena_free(mem);
  }
}

static void anything_else_is_refused(void **state) {
  (void)state;
  static const char *const rows[] = {"",           "a",
                                     "['a'",       "['a']]",
                                     "['it''s']",  "['a',,'b']",
                                     "[a]",        "['a')",
                                     "['a': 'b']", "{'a': 'b'",
                                     "['\\x4']",   "[b'a']",
                                     "['a']x",     "array(['a'], shape=2)",
                                     "np.save(",   "[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]"};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    loci_err err;
    const char *json = NULL;
    arena *mem = arena_new();
    if (literal_to_json(rows[i], mem, &json, &err) != LOCI_EFORMAT) fail_msg("%s", rows[i]);
    arena_free(mem);
  }
}

int main(void) {
  static const struct CMUnitTest tests[] = {
      cmocka_unit_test(what_python_prints_is_read),
      cmocka_unit_test(anything_else_is_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
