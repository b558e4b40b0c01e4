/* Pieces of questions that look alike: where they are found, and what is said of them. */
#include "text/span.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h> /* last: its fail() is a macro */

static const struct {
  const char *question, *text, *found; /* NULL: it is not there */
  const char *how;
} rows[] = {
    {"Where is this caf\u00e9?", "cafe\u0301", "caf\u00e9", "NFC and NFD"},
    {"Where is this cafe\u0301?", "caf\u00e9", "cafe\u0301", "NFC and NFD"},
    {"Where is this cafe\u0301?", "cafe", NULL, ""},
    {"the capital of this\u00a0country?", "this country", "this\u00a0country", "U+00A0"},
    {"the capital of this country?", "this\u00a0country", "this country", "U+00A0"},
    {"the capital of this  country?", "this country", "this  country", ""},
    {"the capital of this\u3000country?", "this country", "this\u3000country", "U+3000"},
    {"of this co\u200buntry?", "this country", "this co\u200buntry", "without width (U+200B"},
    {"of this co\u00aduntry?", "this country", "this co\u00aduntry", "U+00AD"},
    {"Whose is O\u2019Keeffe's hat?", "O'Keeffe's hat", "O\u2019Keeffe's hat", "a quote (U+2019)"},
    {"the \u201cRed\u201d one", "\"Red\"", "\u201cRed\u201d", "a quote (U+201C)"},
    {"a twenty\u2013first day", "twenty-first", "twenty\u2013first", "a dash (U+2013)"},
    {"Is This Country big?", "this country", "This Country", "upper and lower case"},
    {"Is this countryside big?", "this country", NULL, ""},
    {"\u00c9cole is where?", "\u00e9cole", "\u00c9cole", "upper and lower case"},
    {"of this country?", "this  country", "this country", "how many blanks"},
    {"the capital of this  country?", "this country", "this  country", "how many blanks"},
    {"the \ufb01rst one\u2026", "first one...", "\ufb01rst one\u2026", "one character for letters"},
    {"a b\u2026 c", "b...", "b\u2026", "one character for dots"},
    {"a b\u2026 c", "b..", NULL, ""},
    {"Where is STRASSE 7?", "Stra\u00dfe 7", "STRASSE 7", "upper and lower case"},
    {"Where is Stra\u00dfe 7?", "STRASSE 7", "Stra\u00dfe 7", "upper and lower case"},
    {"Where is \u0130zmir?", "izmir", "\u0130zmir", "upper and lower case"},
    {"Where is izmir?", "\u0130zmir", "izmir", "upper and lower case"},
    {"Was \u039f\u0394\u039f\u03a3 here?", "\u03bf\u03b4\u03bf\u03c2", "\u039f\u0394\u039f\u03a3",
     "upper and lower case"},
    {"the \uff26\uff29\uff26\uff21 cup", "FIFA", "\uff26\uff29\uff26\uff21",
     "of full width (U+FF26"},
    {"the FIFA cup", "\uff46\uff49\uff46\uff41", "FIFA", "full width (U+FF46)"},
    {"the \u0421uba flag", "Cuba", "\u0421uba", "a Cyrillic letter (U+0421)"},
    {"the cyp", "\u0441\u0443\u0440", "cyp", "a Cyrillic letter (U+0441)"},
    {"the \u039aenya flag", "kenya", "\u039aenya", "a Greek letter (U+039A)"},
    {"\u041c\u043e\u0441\u043a\u0432\u0430?", "\u043c\u043e\u0441\u043a\u0432\u0430",
     "\u041c\u043e\u0441\u043a\u0432\u0430", "upper and lower case"},
    {"the straight one", "stra\u00dfe", NULL, ""},
    {"What?", "", NULL, ""},
    {"What is it today?", "today ", "today", "blanks at its ends"},
    {"What is it Today?", "\u00a0today\t", "Today", "blanks at its ends"},
    {"What is it today?", "to ", NULL, ""},
    {"What is it today?", "today\uff1f", "today?", "has a character of ASCII (U+003F)"},
};

static void what_looks_alike_is_found_and_told(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    arena *mem = arena_new();
    likeness like = {0};
    const char *q = rows[i].question;
    bool found = span_alike(mem, q, rows[i].text, strlen(rows[i].text), 1, &like);
    if (rows[i].found && !found) fail_msg("row %d: not found", (int)i);
    if (found && rows[i].found) {
      size_t n = strlen(rows[i].found);
      if (like.end - like.begin != (int64_t)n || memcmp(q + like.begin, rows[i].found, n) != 0) {
        fail_msg("row %d: bytes %d to %d", (int)i, (int)like.begin, (int)like.end);
      }
      if (!strstr(like.how, rows[i].how)) fail_msg("row %d: \"%s\"", (int)i, like.how);
      assert_int_equal(like.by_case, strstr(rows[i].how, "case") != NULL);
    }
    if (found && !rows[i].found) fail_msg("row %d: found", (int)i);
    arena_free(mem);
  }
}

static void the_second_place_is_found_too(void **state) {
  (void)state;
  arena *mem = arena_new();
  likeness like;
  const char *q = "this\u00a0hat and that hat and this\u2009hat";
  assert_true(span_alike(mem, q, "this hat", 8, 2, &like));
  assert_int_equal(like.end, (int64_t)strlen(q));
  assert_false(span_alike(mem, q, "this hat", 8, 3, &like));
  assert_false(span_alike(mem, "\xff", "a", 1, 1, &like));
  arena_free(mem);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(what_looks_alike_is_found_and_told),
      cmocka_unit_test(the_second_place_is_found_too),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
