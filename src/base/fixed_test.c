/* Numbers as commands have them: short, exact, and as people write them. */
#include "base/fixed.h"
#include "base/plain.h"

#include <math.h>
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

static void digits_that_do_not_fit_are_written_whole(void **state) {
  (void)state;
  static const struct {
    double x;
    int digits;
    const char *text;
  } all[] = {{178.6, 2, "179"},     {99.4, 2, "99"},       {99.6, 2, "100"},   {35.04, 2, "35"},
             {0.12345, 2, "0.12"},  {-1834.2, 3, "-1834"}, {999.4, 3, "999"},  {999.7, 3, "1000"},
             {123456, 4, "123456"}, {0, 3, "0"},           {1e-7, 2, "1e-07"}, {1e20, 3, "1e+20"}};
  char text[32];
  for (size_t i = 0; i < sizeof all / sizeof *all; i++)
    assert_string_equal(fixed_digits(all[i].x, all[i].digits, text), all[i].text);
  assert_string_equal(fixed_digits((double)NAN, 3, text), "nan");
}

/* A setting is a decimal number; what strtod takes besides is a slip of the keyboard. */
static void only_decimal_numbers_are_read(void **state) {
  (void)state;
  static const char *const none[] = {"",  ".",   "-1",  "+1",  " 1",  "0x1p3", "0X10", "inf",
                                     "e", "nan", "1e9", "-.5", "x12", ".x",    "\t1",  ".e1"};
  const char *end;
  double x;
  for (size_t i = 0; i < sizeof none / sizeof *none; i++)
    assert_int_equal(plain_decimal(none[i], &x, &end), strcmp(none[i], "1e9") == 0);
  assert_false(plain_decimal("1e999", &x, &end));
  assert_true(plain_decimal("2.5s", &x, &end) && x == 2.5 && strcmp(end, "s") == 0);
  assert_true(plain_decimal(".5", &x, &end) && x == 0.5 && !*end);
  assert_true(plain_decimal("07.", &x, &end) && x == 7 && !*end);
  assert_true(plain_decimal("3e-2", &x, &end) && x == 0.03 && !*end);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(numbers_are_written_as_people_do),
                                     cmocka_unit_test(digits_that_do_not_fit_are_written_whole),
                                     cmocka_unit_test(only_decimal_numbers_are_read)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
