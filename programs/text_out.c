/* Printing text of unknown origin (see text_out.h). */
#define _XOPEN_SOURCE 700 /* wcwidth */
#include "text_out.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

/* One character as it will be printed: at most "\U0010ffff". */
typedef struct glyph {
  char bytes[12];
  int width;
} glyph;

static int utf8_length(unsigned char b) {
  if (b < 0x80) return 1;
  if (b >= 0xC2 && b <= 0xDF) return 2;
  if (b >= 0xE0 && b <= 0xEF) return 3;
  return b >= 0xF0 && b <= 0xF4 ? 4 : 0;
}

/* Decodes one character; 0 when the bytes are not UTF-8. */
static int decode(const char *s, uint32_t *rune) {
  static const uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
  const unsigned char *b = (const unsigned char *)s;
  int n = utf8_length(b[0]);
  if (n == 0) return 0;
  uint32_t r = n == 1 ? b[0] : b[0] & (0x7Fu >> n);
  for (int i = 1; i < n; i++) {
    if ((b[i] & 0xC0) != 0x80) return 0;
    r = r << 6 | (b[i] & 0x3Fu);
  }
  if (r < smallest[n] || r > 0x10FFFF || (r >= 0xD800 && r <= 0xDFFF)) return 0;
  *rune = r;
  return n;
}

static bool is_harmful(uint32_t r) {
  return r < 0x20 || (r >= 0x7F && r < 0xA0) || r == 0xAD || r == 0x61C ||
         (r >= 0x200B && r <= 0x200F) || (r >= 0x2028 && r <= 0x202E) ||
         (r >= 0x2060 && r <= 0x206F) || r == 0xFEFF || (r >= 0xFFF9 && r <= 0xFFFB) ||
         (r >= 0xE000 && r <= 0xF8FF) || r >= 0xE0000;
}

static void escape(uint32_t r, glyph *g) {
  static const char controls[] = "\n\t\r", letters[] = "ntr";
  const char *at = r && r < 0x80 ? strchr(controls, (int)r) : NULL;
  if (at) {
    snprintf(g->bytes, sizeof g->bytes, "\\%c", letters[at - controls]);
  } else if (r < 0x80) {
    snprintf(g->bytes, sizeof g->bytes, "\\x%02x", (unsigned)r);
  } else if (r < 0x10000) {
    snprintf(g->bytes, sizeof g->bytes, "\\u%04x", (unsigned)r);
  } else {
    snprintf(g->bytes, sizeof g->bytes, "\\U%08x", (unsigned)r);
  }
  g->width = (int)strlen(g->bytes);
}

/* The next character of s as a glyph; returns the bytes taken. */
static int next_glyph(const char *s, bool utf8, glyph *g) {
  uint32_t rune = 0;
  int n = decode(s, &rune);
  if (n == 0) {
    snprintf(g->bytes, sizeof g->bytes, "\\x%02x", (unsigned)(unsigned char)*s);
    g->width = 4;
    return 1;
  }
  int columns = utf8 ? wcwidth((wchar_t)rune) : -1;
  if (!utf8 && rune == 0x2581) { /* the word mark of many vocabularies */
    snprintf(g->bytes, sizeof g->bytes, "_");
    g->width = 1;
  } else if (is_harmful(rune) || (rune >= 0x80 && columns < 0)) {
    escape(rune, g);
  } else {
    memcpy(g->bytes, s, (size_t)n);
    g->bytes[n] = 0;
    g->width = rune < 0x80 ? 1 : columns;
  }
  return n;
}

void put_text(FILE *out, const char *s, bool utf8) {
  glyph g;
  while (*s) {
    s += next_glyph(s, utf8, &g);
    fputs(g.bytes, out);
  }
}

int text_width(const char *s, bool utf8) {
  glyph g;
  int width = 0;
  while (*s) {
    s += next_glyph(s, utf8, &g);
    width += g.width;
  }
  return width;
}

void put_cell(FILE *out, const char *s, int width, bool utf8) {
  glyph g;
  int room = abs(width), whole = text_width(s, utf8), used = 0;
  bool cut = whole > room;
  if (!cut && width < 0) fprintf(out, "%*s", room - whole, "");
  int limit = cut ? room - 1 : room;
  while (*s) {
    s += next_glyph(s, utf8, &g);
    if (used + g.width > limit) break;
    fputs(g.bytes, out);
    used += g.width;
  }
  if (cut && room > 0) {
    fputs(utf8 ? "\u2026" : "~", out);
    used++;
  }
  if (cut || width > 0) fprintf(out, "%*s", room > used ? room - used : 0, "");
}

/* ---------------------------------------------------------------- tokens */

/* The byte that a byte-level vocabulary spells as [rune], or -1: printable Latin-1 as itself, the
 * other 68 bytes as U+0100 and on. */
static int byte_of(uint32_t rune) {
  if ((rune >= 0x21 && rune <= 0x7E) || (rune >= 0xA1 && rune <= 0xFF && rune != 0xAD))
    return (int)rune;
  if (rune < 0x100 || rune > 0x143) return -1;
  int k = (int)rune - 0x100;
  return k <= 0x20 ? k : k <= 0x42 ? k - 0x21 + 0x7F : 0xAD;
}

const char *token_text(const char *token, bool byte_level, char out[TOKEN_TEXT]) {
  char raw[TOKEN_TEXT / 6]; /* a byte is written in up to six */
  size_t n = 0, used = 0;
  for (const char *s = token; byte_level && *s;) {
    uint32_t rune;
    int k = decode(s, &rune), b = k ? byte_of(rune) : -1;
    if (b <= 0 || n + 1 == sizeof raw) return token;
    raw[n++] = (char)b;
    s += k;
  }
  if (!byte_level) return token;
  raw[n] = 0;
  for (size_t i = 0; i < n;) {
    uint32_t rune;
    int k = decode(raw + i, &rune);
    int wrote = k == 0 ? snprintf(out + used, 7, "<0x%02X>", (unsigned char)raw[i])
                : raw[i] == ' ' && i == 0 ? snprintf(out, 4, "\xE2\x96\x81")
                                          : snprintf(out + used, 5, "%.*s", k, raw + i);
    used += (size_t)wrote;
    i += k ? (size_t)k : 1;
  }
  out[used] = 0;
  return out;
}

bool is_byte_level(const char *(*token_at)(const void *ctx, int i), const void *ctx, int count) {
  bool found = false;
  for (int i = 0; i < count; i++) {
    const char *s = token_at(ctx, i);
    if (strstr(s, "\xE2\x96\x81")) return false;
    if (strstr(s, "\xC4\xA0") || strstr(s, "\xC4\x8A")) found = true;
  }
  return found;
}

void put_wrapped(FILE *out, const char *s, const wrap *how) {
  int at = how->at;
  bool first = true;
  while (*s) {
    char word[256];
    size_t n = 0; /* a longer word goes out in parts, without looking at the rest each time */
    while (n < sizeof word - 1 && s[n] && s[n] != ' ') n++;
    while (s[n] && s[n] != ' ' && ((unsigned char)s[n] & 0xC0) == 0x80 && n > sizeof word - 5) n--;
    memcpy(word, s, n);
    word[n] = 0;
    int width = text_width(word, how->utf8);
    if (!first && at + 1 + width > how->columns) {
      fprintf(out, "\n%*s", how->indent, "");
      at = how->indent;
    } else if (!first) {
      fputc(' ', out);
      at++;
    }
    put_text(out, word, how->utf8);
    at += width;
    first = false;
    s += n;
    s += *s == ' ';
  }
  fputc('\n', out);
}

void put_json_string(FILE *out, const char *s) {
  uint32_t rune;
  fputc('"', out);
  while (*s) {
    int n = decode(s, &rune);
    if (n == 0) {
      fputs("\\ufffd", out);
    } else if (rune < 0x20) {
      fprintf(out, "\\u%04x", (unsigned)rune);
    } else {
      if (rune == '"' || rune == '\\') fputc('\\', out);
      fwrite(s, 1, (size_t)n, out);
    }
    s += n ? n : 1;
  }
  fputc('"', out);
}

char *size_text(double bytes, char buf[32]) {
  static const char *const units[] = {"bytes", "kB", "MB", "GB", "TB"};
  int u = 0;
  while (bytes >= 999.5 && u < 4) {
    bytes /= 1000;
    u++;
  }
  snprintf(buf, 32, u == 0 ? "%.0f %s" : "%.3g %s", bytes, units[u]);
  return buf;
}

char *digits_text(double x, int digits, char buf[32]) {
  bool whole = fabs(x) >= pow(10, digits) - 0.5 && fabs(x) < 1e15;
  snprintf(buf, 32, whole ? "%.*f" : "%.*g", whole ? 0 : digits, x);
  return buf;
}
