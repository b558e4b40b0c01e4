/* Printing text of unknown origin (see text_out.h). */
#define _XOPEN_SOURCE 700 /* wcwidth */
#include "text_out.h"

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
