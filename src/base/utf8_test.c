/* UTF-8: every scalar value there and back, everything else refused. */
#include "base/utf8.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <string.h>

static void every_scalar_value_round_trips(void **state) {
  (void)state;
  for (uint32_t r = 0; r <= 0x10FFFF; r++) {
    if (r >= 0xD800 && r <= 0xDFFF) continue;
    char s[4];
    uint32_t back = ~r;
    int n = utf8_encode(r, s);
    assert_int_equal(n, r < 0x80 ? 1 : r < 0x800 ? 2 : r < 0x10000 ? 3 : 4);
    assert_int_equal(utf8_decode(s, (size_t)n, &back), n);
    assert_int_equal(back, r);
    for (int k = 1; k < n; k++) assert_int_equal(utf8_decode(s, (size_t)k, &back), 0);
  }
}

/* All 2^24 three-byte strings: a sequence is accepted only if encoding its value gives it back. */
static void only_shortest_forms_of_scalar_values_are_accepted(void **state) {
  (void)state;
  for (uint32_t x = 0; x < 1u << 24; x++) {
    char s[4] = {(char)(x >> 16), (char)(x >> 8), (char)x, 0}, again[4];
    uint32_t r = 0;
    int n = utf8_decode(s, 3, &r);
    if (n == 0) continue;
    if (r > 0x10FFFF || (r >= 0xD800 && r <= 0xDFFF)) fail_msg("%06x gives %x", x, r);
    if (utf8_encode(r, again) != n || memcmp(s, again, (size_t)n) != 0) fail_msg("%06x", x);
  }
}

static void broken_sequences_are_refused(void **state) {
  (void)state;
  const char *const broken[] = {
      "\x80",
      "\xbf",
      "\xc0\x80",
      "\xc1\xbf",
      "\xc2",
      "\xe0\x80\x80",
      "\xe0\x9f\xbf",
      "\xed\xa0\x80",
      "\xed\xbf\xbf",
      "\xe2\x82",
      "\xf0\x8f\xbf\xbf",
      "\xf0\x9f\x98",
      "\xf4\x90\x80\x80",
      "\xf5",
      "\xff",
      "\xc3(",
  };
  for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
    uint32_t r;
    assert_int_equal(utf8_decode(broken[i], strlen(broken[i]), &r), 0);
    assert_false(utf8_is_valid(broken[i], strlen(broken[i])));
  }
}

static void valid_text_may_hold_zero_bytes_and_be_empty(void **state) {
  (void)state;
  assert_true(utf8_is_valid("", 0));
  assert_true(utf8_is_valid("a\0b", 3));
  assert_true(utf8_is_valid("Kyiv \xd0\x9a\xd0\xb8\xd1\x97\xd0\xb2 \xf0\x9f\x87\xba", 18));
}

/* Unicode 15, table 3-8: how many bytes one replacement character stands for. */
static void invalid_lengths_are_maximal_subparts(void **state) {
  (void)state;
  const struct {
    const char *bytes;
    int length;
  } cases[] = {
      {"\xc0\xaf", 1},         {"\xe0\x9f\xbf", 1}, {"\xed\xa0\x80", 1},
      {"\xf4\x91\x92\x93", 1}, {"\xff", 1},         {"\x80\x80", 1},
      {"\xe1\x80\xe2\xf0", 2}, {"\xe2\xf0\x91", 1}, {"\xf0\x91\x92", 3},
      {"\xf1\xbf", 2},         {"\xc2", 1},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    assert_int_equal(utf8_invalid_length(cases[i].bytes, strlen(cases[i].bytes)), cases[i].length);
  }
}

static void unprintable_becomes_question_marks_of_the_same_length(void **state) {
  (void)state;
  /* NOLINTNEXTLINE(misc-misleading-bidirectional): that is what is tested */
  char s[] = "a\x1b\x7f\xc2\x85\xff\xe2\x80\xae\xe2\x81\xa6z\xc3\xa9";
  size_t n = strlen(s);
  utf8_make_printable(s);
  assert_string_equal(s, "a???????????z\xc3\xa9");
  assert_int_equal(strlen(s), n);
  char none[] =
      "\xef\xbf\xbe\xef\xb7\x90\xf0\x9f\xbf\xbf\xef\xbf\xbd"; /* U+FFFE, FDD0, 1FFFF; FFFD */
  utf8_make_printable(none);
  assert_string_equal(none, "??????????\xef\xbf\xbd");
}

static void columns_count_wide_characters_twice_and_marks_not_at_all(void **state) {
  (void)state;
  assert_int_equal(utf8_columns("loci", 4), 4);
  assert_int_equal(utf8_columns("", 0), 0);
  assert_int_equal(utf8_columns("e\xcc\x81", 3), 1);
  assert_int_equal(utf8_columns("\xe4\xb8\xad\xe6\x96\x87", 6), 4);
  assert_int_equal(utf8_columns("\xff\xff", 2), 2);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_scalar_value_round_trips),
      cmocka_unit_test(only_shortest_forms_of_scalar_values_are_accepted),
      cmocka_unit_test(broken_sequences_are_refused),
      cmocka_unit_test(valid_text_may_hold_zero_bytes_and_be_empty),
      cmocka_unit_test(invalid_lengths_are_maximal_subparts),
      cmocka_unit_test(unprintable_becomes_question_marks_of_the_same_length),
      cmocka_unit_test(columns_count_wide_characters_twice_and_marks_not_at_all),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
