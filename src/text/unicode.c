/* The fence round utf8proc (see unicode.h; UAX #15).
 *
 * Normalisation runs in three passes over an array: decompose every character, sort each run of
 * marks by combining class, compose again.  Beside each character goes its change (unicode.h),
 * which a composition adds up as left + right - 1; the tokenizers library counts the same way, and
 * offsets have to agree with it. */
#include "text/unicode.h"

#include <string.h>
#include <utf8proc.h>

#include "base/utf8.h"

enum { LONGEST_DECOMPOSITION = 32 }; /* U+FDFA has 18 */

bool rune_is_space(uint32_t r) {
  if (r < 0x80) return r == ' ' || (r >= 9 && r <= 13);
  return r == 0x85 || r == 0xA0 || r == 0x1680 || (r >= 0x2000 && r <= 0x200A) || r == 0x2028 ||
         r == 0x2029 || r == 0x202F || r == 0x205F || r == 0x3000;
}

static utf8proc_category_t category(uint32_t r) { return utf8proc_category((utf8proc_int32_t)r); }

bool rune_is_word(uint32_t r) {
  utf8proc_category_t c = category(r);
  if (c >= UTF8PROC_CATEGORY_LU && c <= UTF8PROC_CATEGORY_ME) return true; /* L*, M* */
  return c == UTF8PROC_CATEGORY_ND || c == UTF8PROC_CATEGORY_NL || c == UTF8PROC_CATEGORY_PC ||
         r == 0x200C || r == 0x200D || (r >= 0x24B6 && r <= 0x24E9) ||
         (r >= 0x1F130 && r <= 0x1F149) || (r >= 0x1F150 && r <= 0x1F169) ||
         (r >= 0x1F170 && r <= 0x1F189);
}

bool rune_is_number(uint32_t r) {
  utf8proc_category_t c = category(r);
  return c >= UTF8PROC_CATEGORY_ND && c <= UTF8PROC_CATEGORY_NO;
}

bool rune_is_digit(uint32_t r) { return category(r) == UTF8PROC_CATEGORY_ND; }

char rune_case(uint32_t r) {
  utf8proc_category_t c = category(r);
  return c == UTF8PROC_CATEGORY_LU   ? 'u'
         : c == UTF8PROC_CATEGORY_LL ? 'l'
         : c == UTF8PROC_CATEGORY_LT ? 't'
                                     : '\0';
}

bool rune_is_punctuation(uint32_t r) {
  if (r < 0x80)
    return (r > ' ' && r < '0') || (r > '9' && r < 'A') || (r > 'Z' && r < 'a') ||
           (r > 'z' && r < 0x7F);
  utf8proc_category_t c = category(r);
  return c >= UTF8PROC_CATEGORY_PC && c <= UTF8PROC_CATEGORY_PO;
}

bool rune_is_printable(uint32_t r) {
  utf8proc_category_t c = category(r);
  if (c >= UTF8PROC_CATEGORY_ZS && c <= UTF8PROC_CATEGORY_ZP) return r == ' ';
  return c != UTF8PROC_CATEGORY_CN && c < UTF8PROC_CATEGORY_CC;
}

bool rune_is_letter(uint32_t r) {
  utf8proc_category_t c = category(r);
  return c >= UTF8PROC_CATEGORY_LU && c <= UTF8PROC_CATEGORY_LO;
}

uint32_t rune_lower(uint32_t r) { return (uint32_t)utf8proc_tolower((utf8proc_int32_t)r); }

uint32_t rune_upper(uint32_t r) { return (uint32_t)utf8proc_toupper((utf8proc_int32_t)r); }

uint32_t rune_title(uint32_t r) { return (uint32_t)utf8proc_totitle((utf8proc_int32_t)r); }

int rune_fold(uint32_t r, bool compat, uint32_t out[RUNE_FOLD_MOST]) {
  utf8proc_option_t how = UTF8PROC_CASEFOLD;
  utf8proc_int32_t to[RUNE_FOLD_MOST];
  int boundary = 0;
  if (compat) how |= UTF8PROC_DECOMPOSE | UTF8PROC_COMPAT;
  utf8proc_ssize_t n =
      utf8proc_decompose_char((utf8proc_int32_t)r, to, RUNE_FOLD_MOST, how, &boundary);
  if (n < 1 || n > RUNE_FOLD_MOST) to[0] = (utf8proc_int32_t)r, n = 1;
  for (utf8proc_ssize_t i = 0; i < n; i++) out[i] = (uint32_t)to[i];
  return (int)n;
}

static int combining_class(uint32_t r) {
  return utf8proc_get_property((utf8proc_int32_t)r)->combining_class;
}

/* Below this every character is in the form already and composes with nothing before it. */
static uint32_t first_unstable(unicode_form form) {
  return form == FORM_NFC ? 0x300 : form == FORM_NFD ? 0xC0 : 0xA0;
}

static bool is_plainly_normal(unicode_form form, const char *s, size_t n) {
  uint32_t limit = first_unstable(form), r;
  for (size_t i = 0; i < n;) {
    if ((uint8_t)s[i] < 0x80) {
      i++;
      continue;
    }
    i += (size_t)utf8_decode(s + i, n - i, &r);
    if (r >= limit) return false;
  }
  return true;
}

static size_t decompose(unicode_form form, uint32_t r, utf8proc_int32_t *out) {
  utf8proc_option_t how = UTF8PROC_DECOMPOSE;
  if (form == FORM_NFKC || form == FORM_NFKD) how |= UTF8PROC_COMPAT;
  int boundary = 0;
  utf8proc_ssize_t k =
      utf8proc_decompose_char((utf8proc_int32_t)r, out, LONGEST_DECOMPOSITION, how, &boundary);
  if (k >= 1 && k <= LONGEST_DECOMPOSITION) return (size_t)k;
  out[0] = (utf8proc_int32_t)r;
  return 1;
}

/* Sorts the marks by combining class, keeping the order within a class. */
static void sort_marks(rune_change *x, size_t n, rune_change *scratch) {
  if (n <= 8) {
    for (size_t i = 1; i < n; i++) {
      rune_change c = x[i];
      size_t j = i;
      for (; j > 0 && combining_class(x[j - 1].rune) > combining_class(c.rune); j--)
        x[j] = x[j - 1];
      x[j] = c;
    }
    return;
  }
  size_t at[257] = {0};
  for (size_t i = 0; i < n; i++) at[(combining_class(x[i].rune) & 0xFF) + 1]++;
  for (int c = 0; c < 256; c++) at[c + 1] += at[c];
  for (size_t i = 0; i < n; i++) scratch[at[combining_class(x[i].rune) & 0xFF]++] = x[i];
  memcpy(x, scratch, n * sizeof *x);
}

static void sort_all_marks(rune_change *x, size_t n, rune_change *scratch) {
  for (size_t i = 0; i < n;) {
    size_t end = i;
    while (end < n && combining_class(x[end].rune) != 0) end++;
    if (end - i > 1) sort_marks(x + i, end - i, scratch);
    i = end + 1;
  }
}

/* The composite of a and b, or 0. */
static uint32_t compose_pair(uint32_t a, uint32_t b) {
  utf8proc_int32_t pair[2] = {(utf8proc_int32_t)a, (utf8proc_int32_t)b};
  utf8proc_ssize_t k = utf8proc_normalize_utf32(pair, 2, UTF8PROC_COMPOSE | UTF8PROC_STABLE);
  return k == 1 ? (uint32_t)pair[0] : 0;
}

/* Composes in place; returns the new count.  x[starter] is the character marks may join; between it
 * and [end] wait the marks that did not. */
static size_t compose_all(rune_change *x, size_t n) {
  size_t end = 0, starter = 0;
  bool has_starter = false;
  for (size_t i = 0; i < n; i++) {
    int class = combining_class(x[i].rune);
    if (has_starter) {
      bool waiting = end > starter + 1;
      int last = waiting ? combining_class(x[end - 1].rune) : -1;
      uint32_t r = last < class ? compose_pair(x[starter].rune, x[i].rune) : 0;
      if (r) {
        x[starter] = (rune_change){r, x[starter].change + x[i].change - 1};
        continue;
      }
    }
    if (class == 0) {
      starter = end;
      has_starter = true;
    }
    x[end++] = x[i];
  }
  return end;
}

loci_status unicode_normalise(unicode_form form, const char *s, size_t n, arena *mem,
                              rune_text *out, loci_err *err) {
  *out = (rune_text){0};
  if (is_plainly_normal(form, s, n)) return LOCI_OK;
  utf8proc_int32_t parts[LONGEST_DECOMPOSITION];
  uint32_t r = 0;
  size_t total = 0;
  for (size_t i = 0; i < n;) {
    i += (size_t)utf8_decode(s + i, n - i, &r);
    total += decompose(form, r, parts);
  }
  rune_change *x = arena_array(mem, (int64_t)total, rune_change);
  rune_change *scratch = arena_array(mem, (int64_t)total, rune_change);
  if (!x || !scratch) return fail_nomem(err, "normalising text");
  size_t m = 0;
  for (size_t i = 0; i < n;) {
    i += (size_t)utf8_decode(s + i, n - i, &r);
    size_t k = decompose(form, r, parts);
    for (size_t j = 0; j < k; j++) x[m++] = (rune_change){(uint32_t)parts[j], j > 0};
  }
  sort_all_marks(x, m, scratch);
  if (form == FORM_NFC || form == FORM_NFKC) m = compose_all(x, m);
  *out = (rune_text){x, m};
  return LOCI_OK;
}
