/* Readable tokens (see label.h).  Byte-level vocabularies spell each byte as a printable character:
 * the bytes that are printable in Latin-1 as themselves, the other 68 as U+0100..U+0143 in order.
 */
#include "show/label.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/utf8.h"
#include "base/plain.h"

label_spelling label_spelling_of(const loci_token *tokens, int count) {
  bool byte_level = false;
  for (int i = 0; i < count; i++) {
    const char *s = tokens[i].text ? tokens[i].text : "";
    if (strstr(s, "\xE2\x96\x81")) return LABEL_PIECES;                    /* ▁ */
    if (strstr(s, "\xC4\xA0") || strstr(s, "\xC4\x8A")) byte_level = true; /* Ġ, Ċ */
  }
  return byte_level ? LABEL_BYTE_LEVEL : LABEL_PIECES;
}

/* The byte that a byte-level vocabulary spells as [rune], or -1. */
static int byte_of(uint32_t rune) {
  if (rune >= 0x21 && rune <= 0x7E) return (int)rune;
  if (rune >= 0xA1 && rune <= 0xFF && rune != 0xAD) return (int)rune;
  if (rune < 0x100 || rune > 0x143) return -1;
  int k = (int)rune - 0x100;
  if (k <= 0x20) return k;               /* 0x00..0x20 */
  if (k <= 0x42) return k - 0x21 + 0x7F; /* 0x7F..0xA0 */
  return 0xAD;
}

/* Back to plain text in place (never longer); a token that is not spelled in bytes stays. */
static void decode_bytes(char *s) {
  size_t n = strlen(s), m = 0;
  for (size_t i = 0, k; i < n; i += k) {
    uint32_t rune = 0;
    k = (size_t)utf8_decode(s + i, n - i, &rune);
    if (k == 0 || byte_of(rune) <= 0) return;
  }
  for (size_t i = 0; i < n;) {
    uint32_t rune = 0;
    i += (size_t)utf8_decode(s + i, n - i, &rune);
    s[m++] = (char)byte_of(rune);
  }
  s[m] = 0;
}

/* ▁ to a blank in place. */
static void decode_pieces(char *s) {
  char *to = s;
  while (*s) {
    if (memcmp(s, "\xE2\x96\x81", strnlen(s, 3)) == 0 && strnlen(s, 3) == 3) {
      *to++ = ' ';
      s += 3;
    } else {
      *to++ = *s++;
    }
  }
  *to = 0;
}

static char *copy_of(arena *a, const char *s) { return arena_strdup(a, s ? s : ""); }

/* Copies s with blanks made visible, and control characters and broken UTF-8 as SentencePiece
 * spells bytes: "<0x1B>". */
static char *visible(arena *a, const char *s) {
  size_t n = strlen(s), m = 0;
  char *out = arena_alloc(a, (int64_t)(6 * n + 1), 1);
  if (!out) return NULL;
  bool only_blanks = strspn(s, " ") == n;
  for (size_t i = !only_blanks && s[0] == ' '; i < n;) {
    uint32_t rune = 0;
    int k = utf8_decode(s + i, n - i, &rune);
    if (rune == '\n') {
      m += (size_t)utf8_encode(0x21B5, out + m); /* ↵ */
    } else if (rune == ' ' && only_blanks) {
      m += (size_t)utf8_encode(0x2423, out + m); /* ␣ */
    } else if (k == 0 || rune < 0x20 || rune == 0x7F) {
      m += (size_t)sprintf(out + m, "<0x%02X>", (unsigned)(uint8_t)s[i]);
    } else {
      memcpy(out + m, s + i, (size_t)k);
      m += (size_t)k;
    }
    i += k > 0 ? (size_t)k : 1;
  }
  out[m] = 0;
  utf8_make_printable(out);
  return out;
}

char *label_token(arena *a, label_spelling spelling, const char *token) {
  char *s = copy_of(a, token);
  if (!s) return NULL;
  if (strlen(s) == 6 && memcmp(s, "<0x", 3) == 0 && s[5] == '>') {
    long byte = strtol(s + 3, NULL, 16);
    if (byte > 0 && byte <= 0x20) s[0] = (char)byte, s[1] = 0;
  }
  if (spelling == LABEL_BYTE_LEVEL) {
    decode_bytes(s);
  } else {
    decode_pieces(s);
  }
  return visible(a, s);
}

char *label_text(arena *a, const char *text) {
  char *s = copy_of(a, text);
  if (!s) return NULL;
  for (char *c = s; *c; c++) {
    if (*c == '\n' || *c == '\r' || *c == '\t') *c = ' ';
  }
  utf8_make_printable(s);
  return s;
}

char *label_cut(arena *a, const char *label, int columns, bool ascii) {
  size_t n = strlen(label), i = 0;
  if (utf8_columns(label, n) <= columns) return arena_strdup(a, label);
  while (i < n) {
    uint32_t rune;
    int k = utf8_decode(label + i, n - i, &rune);
    if (k == 0) k = 1;
    if (utf8_columns(label, i + (size_t)k) > columns - 1) break;
    i += (size_t)k;
  }
  char *out = arena_alloc(a, (int64_t)i + 4, 1);
  if (!out) return NULL;
  const char *mark = columns < 1 ? "" : ascii ? "." : "\xE2\x80\xA6";
  memcpy(out, label, i);
  memcpy(out + i, mark, strlen(mark) + 1);
  return out;
}

char *label_ascii(arena *a, const char *label) {
  size_t n = strlen(label), m = 0;
  char *out = arena_alloc(a, (int64_t)(2 * n + 1), 1);
  if (!out) return NULL;
  for (size_t i = 0; i < n;) {
    uint32_t rune;
    int k = utf8_decode(label + i, n - i, &rune);
    if (k == 0) k = 1, rune = '?';
    i += (size_t)k;
    switch (rune) {
      case 0x2423: out[m++] = '_'; break;
      case 0x21B5: out[m++] = '\\', out[m++] = 'n'; break;
      case 0xB7:
      case 0x2026: out[m++] = '.'; break;
      case 0xD7: out[m++] = 'x'; break;
      case 0x2192: out[m++] = '-', out[m++] = '>'; break;
      case 0x201C:
      case 0x201D: out[m++] = '"'; break;
      case 0x2013:
      case 0x2212: out[m++] = '-'; break;
      default: out[m++] = rune < 0x7F ? (char)rune : '?';
    }
  }
  out[m] = 0;
  return out;
}

const char *label_number(double x, int decimals, char out[24]) {
  bool vanishes = x != 0 && fabs(x) < 0.5 * pow(10, -decimals);
  snprintf(out, 24, vanishes ? "%.*g" : "%.*f", vanishes ? 2 : decimals, x);
  return out;
}

const char *label_model(const loci_model_info *m) {
  return m && m->path ? path_base(m->path) : "model";
}
