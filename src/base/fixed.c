/* Text in a buffer of fixed size (see fixed.h). */
#include "base/fixed.h"

#include <stdarg.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/plain.h"

size_t fixed_add(char *out, size_t size, size_t at, const char *format, ...) {
  if (at + 1 >= size) return at;
  va_list args;
  va_start(args, format);
  int n = vsnprintf(out + at, size - at, format, args);
  va_end(args);
  if (n < 0) out[at] = 0; /* a character that has no bytes: nothing is added */
  size_t added = n < 0 ? 0 : (size_t)n;
  return added < size - at ? at + added : size - 1;
}

const char *fixed_number(double x, char out[32]) {
  bool whole = fabs(x) < 1e15 && floor(x) == x;
  if (whole) snprintf(out, 32, "%.0f", x);
  for (int n = 1; n <= 17 && !whole; n++) {
    snprintf(out, 32, "%.*g", n, x);
    if (strtod(out, NULL) == x) break;
  }
  return out;
}

const char *fixed_digits(double x, int digits, char out[32]) {
  bool whole = fabs(x) >= pow(10, digits) - 0.5 && fabs(x) < 1e15;
  snprintf(out, 32, whole ? "%.*f" : "%.*g", whole ? 0 : digits, x);
  return out;
}
