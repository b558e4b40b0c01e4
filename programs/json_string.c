/* One JSON string (RFC 8259, section 7; see json_string.h).  Decoding shortens, so it is done in
 * place.  That the bytes are UTF-8 is checked by the library, which reads the result. */
#include "json_string.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

static bool hex4(const char *s, const char *end, uint32_t *out) {
  *out = 0;
  if (end - s < 4) return false;
  for (int i = 0; i < 4; i++) {
    const char *digits = "0123456789abcdef",
               *at = s[i] ? strchr(digits, s[i] | (s[i] >= 'A' ? 0x20 : 0)) : NULL;
    if (!at) return false;
    *out = *out << 4 | (uint32_t)(at - digits);
  }
  return true;
}

static size_t put_utf8(char *out, uint32_t r) {
  if (r < 0x80) {
    out[0] = (char)r;
    return 1;
  }
  size_t n = r < 0x800 ? 2 : r < 0x10000 ? 3 : 4;
  for (size_t i = n - 1; i > 0; i--, r >>= 6) out[i] = (char)(0x80 | (r & 0x3F));
  static const unsigned char lead[] = {0, 0, 0xC0, 0xE0, 0xF0};
  out[0] = (char)(lead[n] | r);
  return n;
}

/* The escape after a backslash at *from; a pair of surrogates is one character. */
static const char *escape(const char **from, const char *end, char *s, size_t *size) {
  static const char names[] = "\"\\/bfnrt", values[] = "\"\\/\b\f\n\r\t";
  uint32_t r, low;
  if (*from == end) return "ends in a backslash";
  char name = *(*from)++;
  const char *at = name ? strchr(names, name) : NULL;
  if (at) {
    s[(*size)++] = values[at - names];
    return NULL;
  }
  if (name != 'u' || !hex4(*from, end, &r)) return "has an escape that JSON does not know";
  *from += 4;
  if (r >= 0xD800 && r < 0xDC00) {
    if (end - *from < 6 || (*from)[0] != '\\' || (*from)[1] != 'u' || !hex4(*from + 2, end, &low) ||
        low < 0xDC00 || low > 0xDFFF)
      return "has half a surrogate pair";
    *from += 6;
    r = 0x10000 + ((r - 0xD800) << 10) + (low - 0xDC00);
  } else if (r >= 0xDC00 && r <= 0xDFFF) {
    return "has half a surrogate pair";
  }
  *size += put_utf8(s + *size, r);
  return NULL;
}

static bool blank(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

const char *json_string_decode(char *s, size_t n, size_t *size) {
  const char *from = s, *end = s + n;
  *size = 0;
  while (from < end && blank(*from)) from++;
  while (end > from && blank(end[-1])) end--;
  if (from == end || *from++ != '"') return "is not a JSON string";
  for (;;) {
    if (from == end) return "has no closing quote";
    char c = *from++;
    if (c == '"') break;
    if ((unsigned char)c < 0x20) return "has a control character that is not escaped";
    const char *wrong = NULL;
    if (c == '\\') {
      wrong = escape(&from, end, s, size);
    } else {
      s[(*size)++] = c;
    }
    if (wrong) return wrong;
  }
  return from == end ? NULL : "has something after the string";
}
