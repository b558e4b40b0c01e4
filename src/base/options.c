/* Options of any size (see options.h). */
#include "base/options.h"

#include <stdbool.h>
#include <string.h>

/* More than any struct of options will have: a larger size is none, and is not followed. */
enum { MOST_BYTES = 4096 };

static bool is_zero(const char *bytes, size_t n) {
  for (size_t i = 0; i < n; i++)
    if (bytes[i]) return false;
  return true;
}

/* Each struct is aligned as its size is, so its size is a multiple of that: half of what
 * uninitialised memory might say is refused by this alone. */
static bool is_size(size_t n) {
  return n >= sizeof n && n <= MOST_BYTES && n % _Alignof(size_t) == 0;
}

loci_status options_copy(void *own, size_t size, const void *given, const char *type,
                         loci_err *err) {
  size_t n = size;
  memset(own, 0, size);
  if (given) memcpy(&n, given, sizeof n);
  if (!is_size(n))
    return fail(err, LOCI_EINVAL, "%s: its size is %zu; begin it with .size = sizeof, here %zu",
                type, n, size);
  if (n > size && !is_zero((const char *)given + size, n - size))
    return fail(err, LOCI_EINVAL, "%s: %zu bytes, but loci %s knows %zu of them, and more are set",
                type, n, LOCI_VERSION, size);
  if (given) memcpy(own, given, n < size ? n : size);
  memcpy(own, &size, sizeof size);
  return LOCI_OK;
}
