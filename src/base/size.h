/* Products and sums of sizes that come from files: false instead of overflow.  All operands must be
 * >= 0. */
#ifndef LOCI_BASE_SIZE_H
#define LOCI_BASE_SIZE_H

#include <stdbool.h>
#include <stdint.h>

static inline bool size_mul(int64_t a, int64_t b, int64_t *out) {
  return a >= 0 && b >= 0 && !__builtin_mul_overflow(a, b, out);
}

static inline bool size_add(int64_t a, int64_t b, int64_t *out) {
  return a >= 0 && b >= 0 && !__builtin_add_overflow(a, b, out);
}

#endif
