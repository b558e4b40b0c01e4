/* Which answers count as the same. */
#include "data/example.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void expect_normal(const char *answer, const char *want) {
  char *have = NULL;
  loci_err err = {0};
  arena *mem = arena_new();
  assert_non_null(mem);
  if (answer_normalise(answer, mem, &have, &err)) fail_msg("%s", err.msg);
  if (strcmp(have, want) != 0) fail_msg("\"%s\" became \"%s\", not \"%s\"", answer, have, want);
  arena_free(mem);
}

static void answers_lose_what_does_not_matter(void **state) {
  (void)state;
  static const char *const cases[][2] = {
      {"Paris", "paris"},
      {"  Paris.\n", "paris"},
      {"The Eiffel Tower", "eiffel tower"},
      {"an apple, a pear", "apple pear"},
      {"Don't know", "dont know"},
      {"Don\xE2\x80\x99t know", "dont know"},
      {"New-York", "new york"},
      {"U.S.A.", "usa"},
      {"1,000", "1000"},
      {"red,green", "red green"},
      {"3.14", "3.14"},
      {"3.", "3"},
      {"-5", "-5"},
      {"5-6", "5 6"},
      {"12:30", "12:30"},
      {"50%", "50%"},
      {"$5", "$5"},
      {"Two", "2"},
      {"none", "0"},
      {"twenty one", "20 1"},
      {"someone", "someone"},
      {"S\xC3\x83O", "s\xC3\xA3o"},
      {"Sa\xCC\x83o", "s\xC3\xA3o"}, /* combining tilde */
      {"\xC2\xBFqui\xC3\xA9n?", "qui\xC3\xA9n"},
      {"a", "a"},
      {"The", "the"},
      {"?", ""},
      {"", ""},
      {"bad \xFF byte", "bad \xEF\xBF\xBD byte"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    expect_normal(cases[i][0], cases[i][1]);
    if (!strstr(cases[i][0], "\xFF")) expect_normal(cases[i][1], cases[i][1]); /* once is enough */
  }
}

static bool matches(const char *answer, const char *const *accepted, int count) {
  bool same;
  loci_err err = {0};
  assert_int_equal(answer_matches(answer, accepted, count, &same, &err), LOCI_OK);
  return same;
}

static void any_accepted_answer_will_do(void **state) {
  (void)state;
  static const char *const cities[] = {"Mexico City", "the city of Mexico", "?"};
  assert_true(matches("mexico city.", cities, 3));
  assert_true(matches("City of Mexico", cities, 3));
  assert_false(matches("Mexico", cities, 3));
  assert_false(matches("Mexico City", cities, 0));
  assert_false(matches("", cities, 3)); /* nothing is never right */
  assert_false(matches("!", cities, 3));
}

int main(void) {
  static const struct CMUnitTest tests[] = {
      cmocka_unit_test(answers_lose_what_does_not_matter),
      cmocka_unit_test(any_accepted_answer_will_do),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
