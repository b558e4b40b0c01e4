/* The C library's functions in the C locale (see plain.h). */
#include "base/plain.h"

#include <locale.h>

#undef snprintf
#undef vsnprintf
#undef strtod

/* Of this thread alone.  The C locale always exists: making it takes no memory. */
static locale_t enter(locale_t *old) {
  locale_t c = newlocale(LC_ALL_MASK, "C", (locale_t)0);
  *old = c ? uselocale(c) : (locale_t)0;
  return c;
}

static void leave(locale_t c, locale_t old) {
  if (!c) return;
  uselocale(old);
  freelocale(c);
}

int plain_vsnprintf(char *out, size_t room, const char *format, va_list args) {
  locale_t old, c = enter(&old);
  int n = vsnprintf(out, room, format, args);
  leave(c, old);
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
  locale_t old, c = enter(&old);
  double x = strtod(text, end);
  leave(c, old);
  return x;
}

int plain_strncasecmp(const char *a, const char *b, size_t n) {
  for (; n > 0; a++, b++, n--) {
    int x = tolower((unsigned char)*a), y = tolower((unsigned char)*b);
    if (x != y || !x) return x - y;
  }
  return 0;
}

int plain_strcasecmp(const char *a, const char *b) { return plain_strncasecmp(a, b, (size_t)-1); }
