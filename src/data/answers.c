/* When two answers are the same: the rules of the VQA evaluation (Antol et al. 2015), made to work
 * on any alphabet.
 *
 * Letters become lower case (NFC); apostrophes vanish ("don't", "dont"); a comma
 * between digits vanishes, a point in front of a digit stays ("1,000", "3.14"), other points vanish
 * ("U.S."); the marks in [blanked] and Unicode's other punctuation become blanks; spelled numbers
 * become digits; articles are left out.  What differs from the evaluation's script: its list of
 * contractions is not needed without apostrophes, a minus sign in front of a number stays, and an
 * answer made of articles alone ("A") keeps them. */
#include <stdlib.h>
#include <string.h>

#include "base/list.h"
#include "base/utf8.h"
#include "data/example.h"
#include "text/unicode.h"

static bool is_digit(uint32_t r) { return r >= '0' && r <= '9'; }

static bool is_apostrophe(uint32_t r) {
  return r == '\'' || r == '`' || r == 0x2018 || r == 0x2019 || r == 0x02BC;
}

static bool is_blanked(uint32_t r) {
  static const char blanked[] = ";/[]\"{}()=+\\_-><@,?!";
  if (r < 0x80) return r < 0x20 || strchr(blanked, (char)r) != NULL;
  return rune_is_punctuation(r);
}

/* The text as lower-case characters in normal form C, and their count. */
static loci_status runes_of(const char *s, arena *mem, uint32_t **out, size_t *count,
                            loci_err *err) {
  rune_text composed;
  uint32_t rune;
  size_t n = strlen(s), k = 0;
  uint32_t *runes = arena_array(mem, (int64_t)n + 1, uint32_t);
  if (!runes) return fail_nomem(err, "comparing answers");
  *out = runes;
  if (utf8_is_valid(s, n)) {
    TRY(unicode_normalise(FORM_NFC, s, n, mem, &composed, err));
    if (composed.items) {
      if (composed.count > n) { /* some characters compose to several */
        runes = *out = arena_array(mem, (int64_t)composed.count, uint32_t);
        if (!runes) return fail_nomem(err, "comparing answers");
      }
      for (; k < composed.count; k++) runes[k] = rune_lower(composed.items[k].rune);
      *count = k;
      return LOCI_OK;
    }
  }
  for (size_t i = 0; i < n;) {
    int bytes = utf8_decode(s + i, n - i, &rune);
    runes[k++] = bytes ? rune_lower(rune) : 0xFFFD;
    i += (size_t)(bytes ? bytes : utf8_invalid_length(s + i, n - i));
  }
  *count = k;
  return LOCI_OK;
}

/* What stands for character i: itself, a blank, or 0: nothing. */
static uint32_t kept(const uint32_t *r, size_t n, size_t i) {
  uint32_t before = i > 0 ? r[i - 1] : ' ', after = i + 1 < n ? r[i + 1] : ' ';
  if (rune_is_space(r[i])) return ' ';
  if (is_apostrophe(r[i]) || (r[i] == ',' && is_digit(before) && is_digit(after))) return 0;
  if (r[i] == '.') return is_digit(after) ? '.' : 0;
  if (r[i] == '-' && is_digit(after) && (rune_is_space(before) || is_blanked(before))) return '-';
  return is_blanked(r[i]) ? ' ' : r[i];
}

static bool is_article(const char *word) {
  return strcmp(word, "a") == 0 || strcmp(word, "an") == 0 || strcmp(word, "the") == 0;
}

static const char *digits_of(const char *word) {
  static const struct {
    const char *word, *digits;
  } numbers[] = {
      {"none", "0"},      {"zero", "0"},     {"one", "1"},        {"two", "2"},
      {"three", "3"},     {"four", "4"},     {"five", "5"},       {"six", "6"},
      {"seven", "7"},     {"eight", "8"},    {"nine", "9"},       {"ten", "10"},
      {"eleven", "11"},   {"twelve", "12"},  {"thirteen", "13"},  {"fourteen", "14"},
      {"fifteen", "15"},  {"sixteen", "16"}, {"seventeen", "17"}, {"eighteen", "18"},
      {"nineteen", "19"}, {"twenty", "20"},  {"thirty", "30"},    {"forty", "40"},
      {"fifty", "50"},    {"sixty", "60"},   {"seventy", "70"},   {"eighty", "80"},
      {"ninety", "90"},
  };
  for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
    if (strcmp(numbers[i].word, word) == 0) return numbers[i].digits;
  }
  return word;
}

/* The words of s (which is taken apart), joined by single blanks, into out. */
static void join_words(char *s, bool articles, char *out) {
  char *rest = NULL, *end = out;
  for (char *word = strtok_r(s, " ", &rest); word; word = strtok_r(NULL, " ", &rest)) {
    if (!articles && is_article(word)) continue;
    const char *as = digits_of(word);
    size_t n = strlen(as);
    if (end > out) *end++ = ' ';
    memcpy(end, as, n);
    end += n;
  }
  *end = 0;
}

loci_status answer_normalise(const char *answer, arena *mem, char **out, loci_err *err) {
  uint32_t *runes;
  size_t count, n = 0;
  TRY(runes_of(answer, mem, &runes, &count, err));
  char *plain = arena_array(mem, 4 * (int64_t)count + 1, char);
  char *again = arena_array(mem, 4 * (int64_t)count + 1, char);
  *out = arena_array(mem, 4 * (int64_t)count + 1, char);
  if (!plain || !again || !*out) return fail_nomem(err, "comparing answers");
  for (size_t i = 0; i < count; i++) {
    uint32_t r = kept(runes, count, i);
    if (r) n += (size_t)utf8_encode(r, plain + n);
  }
  plain[n] = 0;
  memcpy(again, plain, n + 1);
  join_words(plain, false, *out);
  if (!**out) join_words(again, true, *out);
  return LOCI_OK;
}

loci_status answer_matches(const char *answer, const char *const *accepted, int count, bool *out,
                           loci_err *err) {
  char *given, *wanted;
  *out = false;
  arena *mem = arena_new();
  if (!mem) return fail_nomem(err, "comparing answers");
  loci_status st = answer_normalise(answer, mem, &given, err);
  for (int i = 0; !st && !*out && i < count; i++) {
    st = answer_normalise(accepted[i], mem, &wanted, err);
    if (!st) *out = given[0] && strcmp(given, wanted) == 0;
  }
  arena_free(mem);
  return st;
}
