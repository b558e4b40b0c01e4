/* UTF-8 decoding and checking (see utf8.h; Unicode 15, table 3-7). */
#include "base/utf8.h"

#include <string.h>

/* Allowed range of the second byte and the length, by first byte. */
static int lead(uint8_t b, uint8_t *lo, uint8_t *hi) {
  *lo = 0x80;
  *hi = 0xBF;
  if (b < 0x80) return 1;
  if (b >= 0xC2 && b <= 0xDF) return 2;
  if (b == 0xE0) *lo = 0xA0;
  if (b == 0xED) *hi = 0x9F;
  if (b >= 0xE0 && b <= 0xEF) return 3;
  if (b == 0xF0) *lo = 0x90;
  if (b == 0xF4) *hi = 0x8F;
  if (b >= 0xF0 && b <= 0xF4) return 4;
  return 0;
}

/* Bytes of the sequence at s that are in place; *want is the length its first byte promises. */
static int good_prefix(const uint8_t *s, size_t n, int *want) {
  uint8_t lo, hi;
  *want = lead(s[0], &lo, &hi);
  if (*want == 0) return 0;
  int have = 1;
  while (have < *want && (size_t)have < n && s[have] >= lo && s[have] <= hi) {
    lo = 0x80;
    hi = 0xBF;
    have++;
  }
  return have;
}

int utf8_decode(const char *s, size_t n, uint32_t *rune) {
  const uint8_t *b = (const uint8_t *)s;
  int want, have = good_prefix(b, n, &want);
  if (want == 0 || have < want) return 0;
  uint32_t r = want == 1 ? b[0] : (uint32_t)b[0] & (0x7Fu >> want);
  for (int i = 1; i < want; i++) r = r << 6 | (b[i] & 0x3Fu);
  *rune = r;
  return want;
}

int utf8_encode(uint32_t rune, char out[4]) {
  if (rune < 0x80) {
    out[0] = (char)rune;
    return 1;
  }
  int n = rune < 0x800 ? 2 : rune < 0x10000 ? 3 : 4;
  for (int i = n - 1; i > 0; i--) {
    out[i] = (char)(0x80 | (rune & 0x3F));
    rune >>= 6;
  }
  out[0] = (char)((0xF00u >> n & 0xF0u) | rune);
  return n;
}

bool utf8_is_valid(const char *s, size_t n) {
  for (size_t i = 0; i < n;) {
    uint32_t rune;
    int k = utf8_decode(s + i, n - i, &rune);
    if (k == 0) return false;
    i += (size_t)k;
  }
  return true;
}

int utf8_invalid_length(const char *s, size_t n) {
  int want, have = good_prefix((const uint8_t *)s, n, &want);
  return have > 0 ? have : 1;
}

bool utf8_is_control(uint32_t rune) {
  bool turns = (rune >= 0x2028 && rune <= 0x202E) || (rune >= 0x2066 && rune <= 0x2069);
  bool none = (rune >= 0xFDD0 && rune <= 0xFDEF) || (rune & 0xFFFE) == 0xFFFE;
  return rune < 0x20 || (rune >= 0x7F && rune < 0xA0) || turns || none;
}

void utf8_make_printable(char *s) {
  size_t n = strlen(s);
  for (size_t i = 0; i < n;) {
    uint32_t rune;
    int k = utf8_decode(s + i, n - i, &rune);
    bool control = k > 0 && utf8_is_control(rune);
    if (k == 0) k = 1, control = true;
    if (control) memset(s + i, '?', (size_t)k);
    i += (size_t)k;
  }
}

static int rune_columns(uint32_t r) {
  if (r == 0 || (r >= 0x300 && r <= 0x36F) || (r >= 0x200B && r <= 0x200F) ||
      (r >= 0xFE00 && r <= 0xFE0F))
    return 0;
  bool wide = (r >= 0x1100 && r <= 0x115F) || (r >= 0x2E80 && r <= 0xA4CF) ||
              (r >= 0xAC00 && r <= 0xD7A3) || (r >= 0xF900 && r <= 0xFAFF) ||
              (r >= 0xFE30 && r <= 0xFE6F) || (r >= 0xFF00 && r <= 0xFF60) ||
              (r >= 0x1F300 && r <= 0x1FAFF) || (r >= 0x20000 && r <= 0x3FFFD);
  return wide ? 2 : 1;
}

int utf8_columns(const char *s, size_t n) {
  int columns = 0;
  for (size_t i = 0; i < n;) {
    uint32_t rune = '?';
    int k = utf8_decode(s + i, n - i, &rune);
    columns += k ? rune_columns(rune) : 1;
    i += k ? (size_t)k : 1;
  }
  return columns;
}
