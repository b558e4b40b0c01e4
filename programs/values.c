/* Strict readers for the values of options (see values.h). */
#include "values.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Digits only, then the rest in *end: strtoull alone would take spaces, signs and wrap "-1". */
static bool digits(const char *s, uint64_t *out, const char **end) {
  char *stop;
  if (!isdigit((unsigned char)*s)) return false;
  errno = 0;
  *out = strtoull(s, &stop, 10);
  *end = stop;
  return errno == 0;
}

bool value_u64(const char *s, uint64_t *out) {
  const char *end;
  return digits(s, out, &end) && !*end;
}

bool value_int(const char *s, int lowest, int highest, int *out) {
  uint64_t n;
  if (!value_u64(s, &n) || n > INT_MAX || (int)n < lowest || (int)n > highest) return false;
  *out = (int)n;
  return true;
}

bool value_real(const char *s, double *out) {
  char *end;
  if (!isdigit((unsigned char)*s) && *s != '.') return false; /* no sign, blank, inf, nan */
  if (strpbrk(s, "xX")) return false;                         /* no 0x1p3 */
  *out = strtod(s, &end);
  return end != s && !*end && isfinite(*out);
}

bool value_size(const char *s, int64_t *out) {
  static const char units[] = "KMGT";
  uint64_t n;
  const char *end;
  if (!digits(s, &n, &end)) return false;
  const char *unit = *end ? strchr(units, toupper((unsigned char)*end)) : NULL;
  int shift = unit ? 10 * (int)(unit - units + 1) : 0;
  if (unit) {
    end++;
    if (strcasecmp(end, "b") == 0 || strcasecmp(end, "ib") == 0) end += strlen(end);
  }
  if (*end || n == 0 || n > (uint64_t)INT64_MAX >> shift) return false;
  *out = (int64_t)(n << shift);
  return true;
}

bool value_layers(const char *s, int *first, int *count) {
  uint64_t a, b;
  const char *end;
  *first = *count = 0;
  if (strcmp(s, "all") == 0) return true;
  if (!digits(s, &a, &end)) return false;
  b = a;
  if (*end == '-' && !digits(end + 1, &b, &end)) return false;
  if (*end || b < a || b > 1000000) return false;
  *first = (int)a;
  *count = (int)(b - a) + 1;
  return true;
}

bool value_next(const char **list, char *out, size_t size) {
  if (!*list) return false;
  size_t n = strcspn(*list, ",");
  size_t kept = n < size ? n : size - 1;
  memcpy(out, *list, kept);
  out[kept] = 0;
  *list = (*list)[n] ? *list + n + 1 : NULL;
  return true;
}
