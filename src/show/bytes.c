/* Growing bytes (see bytes.h). */
#include "show/bytes.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/utf8.h"

/* Room for n more bytes and a 0 byte. */
static bool reserve(bytes *b, size_t n) {
  if (b->failed) return false;
  if (n < b->room - b->size) return true;
  size_t room = b->room < 256 ? 256 : b->room;
  while (room - b->size <= n) {
    if (room > SIZE_MAX / 2) {
      b->failed = true;
      return false;
    }
    room *= 2;
  }
  char *data = realloc(b->data, room);
  b->failed = !data;
  if (!data) return false;
  b->data = data;
  b->room = room;
  return true;
}

void bytes_add(bytes *b, const void *data, size_t n) {
  if (n == 0 || !reserve(b, n)) return;
  memcpy(b->data + b->size, data, n);
  b->size += n;
}

void bytes_text(bytes *b, const char *s) { bytes_add(b, s, strlen(s)); }

void bytes_format(bytes *b, const char *format, ...) {
  va_list args;
  va_start(args, format);
  int n = vsnprintf(NULL, 0, format, args);
  va_end(args);
  if (n < 0) b->failed = true;
  if (n <= 0 || !reserve(b, (size_t)n)) return;
  va_start(args, format);
  vsnprintf(b->data + b->size, (size_t)n + 1, format, args);
  va_end(args);
  b->size += (size_t)n;
}

void bytes_repeat(bytes *b, const char *s, int count) {
  for (int i = 0; i < count; i++) bytes_text(b, s);
}

/* As JSON spells it: what is JSON stays the same text. */
static void put_control(bytes *b, uint32_t rune) {
  if (rune > 0xFFFF) {
    bytes_format(b, "\\u%04X", (unsigned)(0xD800 + ((rune - 0x10000) >> 10)));
    rune = 0xDC00 + (rune & 0x3FF);
  }
  bytes_format(b, "\\u%04X", (unsigned)rune);
}

void bytes_escaped(bytes *b, const char *s) {
  for (size_t n = s ? strlen(s) : 0; n > 0;) {
    uint32_t rune;
    int k = utf8_decode(s, n, &rune);
    if (k == 0) {
      k = 1;
      bytes_text(b, "\xEF\xBF\xBD");
    } else if (rune != '\n' && rune != '\t' && utf8_is_control(rune)) {
      put_control(b, rune);
    } else if (strchr("&<>\"", *s)) {
      bytes_text(b, *s == '&' ? "&amp;" : *s == '<' ? "&lt;" : *s == '>' ? "&gt;" : "&quot;");
    } else {
      bytes_add(b, s, (size_t)k);
    }
    s += k;
    n -= (size_t)k;
  }
}

void bytes_u16(bytes *b, uint32_t x) {
  uint8_t le[2] = {(uint8_t)x, (uint8_t)(x >> 8)};
  bytes_add(b, le, sizeof le);
}

void bytes_u32(bytes *b, uint32_t x) {
  bytes_u16(b, x & 0xFFFF);
  bytes_u16(b, x >> 16);
}

uint32_t bytes_crc32(uint32_t crc, const void *data, size_t n) {
  const uint8_t *b = data;
  crc = ~crc;
  for (size_t i = 0; i < n; i++) {
    crc ^= b[i];
    for (int k = 0; k < 8; k++) crc = crc >> 1 ^ (crc & 1 ? 0xEDB88320u : 0);
  }
  return ~crc;
}

void bytes_clear(bytes *b) {
  free(b->data);
  *b = (bytes){0};
}

loci_status bytes_take(bytes *b, char **out, size_t *size, loci_err *err) {
  *out = NULL;
  if (!reserve(b, 0)) {
    bytes_clear(b);
    return fail_nomem(err, "writing a result");
  }
  b->data[b->size] = 0;
  *out = b->data;
  if (size) *size = b->size;
  *b = (bytes){0};
  return LOCI_OK;
}

loci_status bytes_write(bytes *b, const char *path, loci_err *err) {
  loci_status st = b->failed ? fail_nomem(err, path) : file_write(path, b->data, b->size, err);
  bytes_clear(b);
  return st;
}

void loci_text_free(char *text) { free(text); }
