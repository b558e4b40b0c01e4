/* Pieces of questions (see span.h). */
#include "text/span.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "text/unicode.h"

static void split_occurrence(const char *given, size_t *length, int *occurrence) {
  *length = strlen(given);
  *occurrence = 1;
  const char *at = strrchr(given, '@');
  if (!at || at == given || at[1] < '1' || at[1] > '9') return;
  char *end;
  long n = strtol(at + 1, &end, 10);
  if (*end || n > 1000) return;
  *length = (size_t)(at - given);
  *occurrence = (int)n;
}

/* Byte offset of the n-th occurrence, or -1. */
static int64_t find_occurrence(const char *text, const char *needle, size_t length, int n) {
  for (const char *p = text; *p; p++) {
    if (strncmp(p, needle, length) == 0 && --n == 0) return p - text;
  }
  return -1;
}

span span_find(const char *question, const char *given) {
  span s;
  split_occurrence(given, &s.length, &s.occurrence);
  s.begin = s.length ? find_occurrence(question, given, s.length, s.occurrence) : -1;
  if (s.begin < 0 && s.length < strlen(given)) { /* perhaps the @ belongs to the text */
    int64_t at = find_occurrence(question, given, strlen(given), 1);
    if (at >= 0) s = (span){at, strlen(given), 1};
  }
  return s;
}

int span_count(const char *question, int64_t begin, size_t length) {
  int n = 1;
  for (int64_t i = 0; i < begin; i++) n += strncmp(question + i, question + begin, length) == 0;
  return n;
}

char *span_text(arena *mem, const char *question, int64_t begin, int64_t end) {
  size_t n = (size_t)(end - begin);
  int count = span_count(question, begin, n);
  char *s = arena_alloc(mem, (int64_t)n + 16, 1);
  if (!s) return NULL;
  snprintf(s, n + 16, "%.*s", (int)n, question + begin);
  size_t plain;
  int own;
  split_occurrence(s, &plain, &own); /* "a@2" itself is "a@2@1" */
  if (count > 1 || plain < n) snprintf(s + n, 16, "@%d", count);
  return s;
}

static bool is_word_at(const char *s, size_t n) {
  uint32_t rune;
  return n > 0 && utf8_decode(s, n, &rune) > 0 && rune_is_word(rune);
}

/* Whether a word goes over the border at byte [at]. */
static bool is_in_word(const char *text, int64_t at) {
  size_t n = strlen(text + at);
  int64_t before = at - 1;
  while (before > 0 && ((unsigned char)text[before] & 0xC0) == 0x80) before--;
  return at > 0 && is_word_at(text + at, n) && is_word_at(text + before, (size_t)(at - before));
}

bool span_is_whole(const char *question, int64_t begin, int64_t end) {
  return !is_in_word(question, begin) && !is_in_word(question, end);
}

/* ---------------------------------------------------------------- alike to the eye */

/* A character as it is compared, and the bytes it comes from. */
typedef struct folded {
  uint32_t rune;
  int64_t begin, end;
} folded;

typedef struct folded_text {
  folded *items;
  int64_t count;
} folded_text;

static bool has_no_width(uint32_t r) {
  return (r >= 0x200B && r <= 0x200F) || r == 0x2060 || r == 0xFEFF || r == 0x00AD;
}

/* Letters of other scripts that look like a Latin one, in one case or both. */
static uint32_t latin_of(uint32_t r) {
  static const struct {
    uint32_t is;
    char like;
  } all[] = {{0x0430, 'a'}, {0x0432, 'b'}, {0x0435, 'e'}, {0x043A, 'k'}, {0x043C, 'm'},
             {0x043D, 'h'}, {0x043E, 'o'}, {0x0440, 'p'}, {0x0441, 'c'}, {0x0442, 't'},
             {0x0443, 'y'}, {0x0445, 'x'}, {0x0455, 's'}, {0x0456, 'i'}, {0x0458, 'j'},
             {0x0501, 'd'}, {0x051B, 'q'}, {0x051D, 'w'}, {0x03B1, 'a'}, {0x03B2, 'b'},
             {0x03B5, 'e'}, {0x03B6, 'z'}, {0x03B7, 'h'}, {0x03B9, 'i'}, {0x03BA, 'k'},
             {0x03BC, 'm'}, {0x03BD, 'n'}, {0x03BF, 'o'}, {0x03C1, 'p'}, {0x03C4, 't'},
             {0x03C5, 'y'}, {0x03C7, 'x'}, {0x0131, 'i'}}; /* Cyrillic, Greek; a dotless i */
  for (size_t i = 0; i < sizeof all / sizeof *all; i++)
    if (all[i].is == r) return (uint32_t)all[i].like;
  return r;
}

/* One rune for all that look alike and are no letters; else itself. */
static uint32_t likeness_of(uint32_t r) {
  static const uint32_t single[] = {0x2018, 0x2019, 0x201A, 0x201B, 0x2032, 0x00B4, 0x0060, 0x02BC};
  static const uint32_t twice[] = {0x201C, 0x201D, 0x201E, 0x201F, 0x2033, 0x00AB, 0x00BB};
  if (rune_is_space(r)) return ' ';
  if ((r >= 0x2010 && r <= 0x2015) || r == 0x2212 || r == 0xFF0D) return '-';
  for (size_t i = 0; i < sizeof single / sizeof *single; i++) {
    if (r == single[i]) return '\'';
  }
  for (size_t i = 0; i < sizeof twice / sizeof *twice; i++) {
    if (r == twice[i]) return '"';
  }
  return r;
}

/* What one character of print stands for; NULL: itself. */
static const char *letters_of(uint32_t r) {
  static const char *const ligatures[] = {"ff", "fi", "fl", "ffi", "ffl"}; /* U+FB00 and on */
  if (r == 0x2026) return "...";
  return r >= 0xFB00 && r <= 0xFB04 ? ligatures[r - 0xFB00] : NULL;
}

/* Without case and presentation, one letter for those that look alike.  Blanks count once, and the
 * dot of a Turkish i not at all.  Without items it only counts, more or less. */
static void push_folded(folded_text *t, uint32_t rune, int64_t begin, int64_t end) {
  uint32_t all[RUNE_FOLD_MOST] = {likeness_of(rune)};
  int n = all[0] == rune ? rune_fold(rune, true, all) : 1;
  if (has_no_width(rune)) return;
  for (int i = 0; i < n; i++) {
    folded *last = t->items && t->count > 0 ? &t->items[t->count - 1] : NULL;
    uint32_t look = latin_of(all[i]);
    if (look == 0x0307 && last && last->rune == 'i') {
      last->end = end;
    } else if (look == ' ' && last && last->rune == ' ') {
      last->end = end;
    } else {
      if (t->items) t->items[t->count] = (folded){look, begin, end};
      t->count++;
    }
  }
}

static bool push_all(const char *s, size_t n, const rune_text *apart, folded_text *out) {
  int64_t at = 0, begin = 0;
  uint32_t rune = 0;
  out->count = 0;
  for (size_t i = 0; apart->items ? i < apart->count : (size_t)at < n; i++) {
    int change = apart->items ? apart->items[i].change : 0;
    if (change <= 0) begin = at;
    for (int k = 0; change <= 0 && k <= -change && (size_t)at < n; k++) {
      int bytes = utf8_decode(s + at, n - (size_t)at, &rune);
      if (bytes == 0) return false;
      at += bytes;
    }
    push_folded(out, apart->items ? apart->items[i].rune : rune, begin, at);
  }
  return true;
}

/* The text taken apart (NFD), character by character.  False: no memory, or not UTF-8. */
static bool fold(arena *mem, const char *s, size_t n, folded_text *out) {
  rune_text apart = {0};
  *out = (folded_text){0};
  if (unicode_normalise(FORM_NFD, s, n, mem, &apart, NULL)) return false;
  if (!push_all(s, n, &apart, out)) return false;
  out->items = arena_array(mem, out->count + 1, folded);
  return out->items && push_all(s, n, &apart, out);
}

/* Whether [what] stands in [in] from item [at] on, as whole characters. */
static bool stands_at(const folded_text *in, int64_t at, const folded_text *what) {
  int64_t end = at + what->count;
  if (end > in->count) return false;
  for (int64_t i = 0; i < what->count; i++) {
    if (in->items[at + i].rune != what->items[i].rune) return false;
  }
  bool begins = at == 0 || in->items[at - 1].end <= in->items[at].begin;
  return begins && (end == in->count || in->items[end].begin >= in->items[end - 1].end);
}

static const char *name_of(uint32_t r) {
  if (has_no_width(r)) return "a character without width";
  if (letters_of(r)) return r == 0x2026 ? "one character for dots" : "one character for letters";
  if (rune_is_space(r)) return r == ' ' ? "a blank" : "another kind of blank";
  if (likeness_of(r) == '-') return "a dash";
  if (likeness_of(r) == '\'' || likeness_of(r) == '"') return "a quote";
  if (r >= 0x0400 && r < 0x0530) return "a Cyrillic letter";
  if (r >= 0x0370 && r < 0x0400) return "a Greek letter";
  if (r >= 0xFF00 && r < 0xFFF0) return "a character of full width";
  if (r < 0x80 && !(rune_lower(r) >= 'a' && rune_lower(r) <= 'z')) return "a character of ASCII";
  return r < 0x0250 ? "a Latin letter" : "a letter";
}

/* Whether two letters are of two scripts or widths, and no mark is among them. */
static bool are_strangers(uint32_t a, uint32_t b) {
  static const uint32_t first_mark = 0x0300, last_mark = 0x036F;
  bool mark = (a >= first_mark && a <= last_mark) || (b >= first_mark && b <= last_mark);
  return !mark && strcmp(name_of(a), name_of(b)) != 0;
}

/* Without case; the number of characters.  [out] NULL: only counts. */
static size_t without_case(const char *s, size_t n, uint32_t *out) {
  size_t count = 0;
  for (size_t i = 0; i < n;) {
    uint32_t rune = 0, all[RUNE_FOLD_MOST];
    int bytes = utf8_decode(s + i, n - i, &rune);
    int k = rune_fold(rune, false, all);
    i += bytes > 0 ? (size_t)bytes : 1;
    for (int j = 0; j < k; j++) {
      if (all[j] == 0x0307 && j > 0 && all[j - 1] == 'i') continue; /* of a Turkish capital i */
      if (out) out[count] = all[j];
      count++;
    }
  }
  return count;
}

/* Whether case is all that differs: every "ss" may be a sharp s, every end of a Greek word its
 * sigma. */
static bool differ_by_case(arena *mem, const char *a, size_t m, const char *b, size_t n) {
  size_t x = without_case(a, m, NULL), y = without_case(b, n, NULL);
  uint32_t *one = arena_array(mem, (int64_t)x + 1, uint32_t);
  uint32_t *two = arena_array(mem, (int64_t)y + 1, uint32_t);
  if (x != y || !one || !two) return false;
  without_case(a, m, one);
  without_case(b, n, two);
  return memcmp(one, two, x * sizeof *one) == 0;
}

static bool is_letter(uint32_t r) {
  return !has_no_width(r) && !letters_of(r) && likeness_of(r) != ' ' && likeness_of(r) != '-' &&
         likeness_of(r) != '\'' && likeness_of(r) != '"';
}

static bool ends_in_blank(const char *s, size_t n) {
  uint32_t r = 0;
  do n--;
  while (n > 0 && ((unsigned char)s[n] & 0xC0) == 0x80);
  return utf8_decode(s + n, 4, &r) > 0 && rune_is_space(r);
}

/* The first characters that differ, the question's and the text's. */
static void say_difference(arena *mem, const char *there, size_t m, const char *text, size_t n,
                           likeness *out) {
  uint32_t a = 0, b = 0;
  size_t i = 0, k = 0;
  out->by_case = differ_by_case(mem, there, m, text, n);
  if (out->by_case) {
    snprintf(out->how, sizeof out->how, "upper and lower case differ");
    return;
  }
  while (i < m && k < n) {
    int x = utf8_decode(there + i, m - i, &a), y = utf8_decode(text + k, n - k, &b);
    if (x == 0 || y == 0) break;
    if (a != b && rune_lower(a) != rune_lower(b)) break;
    i += (size_t)x;
    k += (size_t)y;
  }
  if (rune_is_space(a) != rune_is_space(b) && i > 0 && k > 0 && ends_in_blank(there, i) &&
      ends_in_blank(text, k)) {
    snprintf(out->how, sizeof out->how, "they differ in how many blanks stand in a row");
    return;
  }
  if (is_letter(a) && is_letter(b) && !are_strangers(a, b)) {
    snprintf(out->how, sizeof out->how,
             "they look alike, but accents are composed otherwise there (Unicode's NFC and NFD)");
    return;
  }
  snprintf(out->how, sizeof out->how,
           "they look alike, but the question has %s (U+%04X) where this has %s (U+%04X)",
           name_of(a), (unsigned)a, name_of(b), (unsigned)b);
}

/* The nth place where [what] stands as whole words. */
static bool find_place(const char *question, const folded_text *in, const folded_text *what,
                       int nth, likeness *out) {
  for (int64_t at = 0; what->count > 0 && at < in->count; at++) {
    if (!stands_at(in, at, what)) continue;
    out->begin = in->items[at].begin;
    out->end = in->items[at + what->count - 1].end;
    if (span_is_whole(question, out->begin, out->end) && --nth <= 0) return true;
  }
  return false;
}

/* Without the blanks at its ends, which nobody sees. */
static folded_text trimmed(const folded_text *t) {
  folded_text inner = *t;
  while (inner.count > 0 && inner.items[inner.count - 1].rune == ' ') inner.count--;
  while (inner.count > 0 && inner.items[0].rune == ' ') inner.items++, inner.count--;
  return inner;
}

bool span_alike(arena *mem, const char *question, const char *text, size_t n, int nth,
                likeness *out) {
  folded_text in, what;
  size_t size = strlen(question);
  if (!utf8_is_valid(question, size) || !utf8_is_valid(text, n)) return false;
  if (!fold(mem, question, size, &in) || !fold(mem, text, n, &what)) return false;
  if (find_place(question, &in, &what, nth, out)) {
    say_difference(mem, question + out->begin, (size_t)(out->end - out->begin), text, n, out);
    return true;
  }
  folded_text inner = trimmed(&what);
  if (inner.count == what.count || !find_place(question, &in, &inner, nth, out)) return false;
  out->by_case = false;
  snprintf(out->how, sizeof out->how, "they look alike, but this has blanks at its ends");
  return true;
}

/* Phrases that point at the image rather than name a condition. */
const char *constraint_kind(const char *text, bool has_image) {
  static const char *const pointing[] = {"this", "that", "these", "those",   "the",
                                         "his",  "her",  "its",   "their",   "he",
                                         "she",  "it",   "they",  "pictured"};
  size_t n = strcspn(text, " ");
  for (size_t i = 0; has_image && i < sizeof pointing / sizeof pointing[0]; i++) {
    if (strlen(pointing[i]) == n && strncasecmp(text, pointing[i], n) == 0) return "visual";
  }
  return "textual";
}
