/* The C library's functions in the C locale (see plain.h). */
#include "base/plain.h"

#include <locale.h>
#include <math.h>

#undef snprintf
#undef vsnprintf
#undef strtod

/* The C locale always exists: making it takes no memory. */
plain_locale plain_enter(void) {
  locale_t c = newlocale(LC_ALL_MASK, "C", (locale_t)0);
  return (plain_locale){c, c ? uselocale(c) : (locale_t)0};
}

void plain_leave(plain_locale l) {
  if (!l.plain) return;
  uselocale(l.before);
  freelocale(l.plain);
}

int plain_vsnprintf(char *out, size_t room, const char *format, va_list args) {
  plain_locale l = plain_enter();
  int n = vsnprintf(out, room, format, args);
  plain_leave(l);
  return n;
}

int plain_snprintf(char *out, size_t room, const char *format, ...) {
  va_list args;
  va_start(args, format);
  int n = plain_vsnprintf(out, room, format, args);
  va_end(args);
  return n;
}

double plain_strtod(const char *text, char **end) {
  plain_locale l = plain_enter();
  double x = strtod(text, end);
  plain_leave(l);
  return x;
}

bool plain_decimal(const char *text, double *out, const char **end) {
  const char *digits = *text == '.' ? text + 1 : text;
  char *stop;
  if (!plain_isdigit((unsigned char)*digits)) return false;
  if (*text == '0' && plain_tolower((unsigned char)text[1]) == 'x') return false;
  *out = plain_strtod(text, &stop);
  *end = stop;
  return isfinite(*out);
}

int plain_strncasecmp(const char *a, const char *b, size_t n) {
  for (; n > 0; a++, b++, n--) {
    int x = tolower((unsigned char)*a), y = tolower((unsigned char)*b);
    if (x != y || !x) return x - y;
  }
  return 0;
}

int plain_strcasecmp(const char *a, const char *b) { return plain_strncasecmp(a, b, (size_t)-1); }
