/* Numbers as commands have them: short, exact, and as people write them. */
#include "base/fixed.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void numbers_are_written_as_people_do(void **state) {
  (void)state;
  static const struct {
    double x;
    const char *text;
  } all[] = {{10, "10"},         {100, "100"},
             {200000, "200000"}, {0, "0"},
             {0.1, "0.1"},       {6.5, "6.5"},
             {-3, "-3"},         {1e-5, "1e-05"},
             {1e20, "1e+20"},    {0.30000000000000004, "0.30000000000000004"}};
  char text[32];
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
    assert_string_equal(fixed_number(all[i].x, text), all[i].text);
    assert_true(strtod(text, NULL) == all[i].x);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(numbers_are_written_as_people_do)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
