/* How a result is made: in an arena of its own, which loci_free gives back as a whole.  So a result
 * has nothing that is not public, and one function frees all kinds. */
#ifndef LOCI_BASE_RESULT_H
#define LOCI_BASE_RESULT_H

#include "base/arena.h"
#include "base/status.h"

/* A result of [size] bytes that begins with a loci_result, zeroed.  Its memory is an arena, for
 * what belongs to it.  NULL: out of memory. */
void *result_new(loci_kind kind, size_t size);
/* A result that says what the struct [from] of this size says after its loci_result. */
loci_status result_copy(loci_kind kind, const void *from, size_t size, void **out, loci_err *err);

#endif
