/* Text in a buffer of fixed size (see fixed.h). */
#include "base/fixed.h"

#include <stdarg.h>
#include <stdio.h>

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
