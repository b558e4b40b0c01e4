/* How a result is made: in an arena of its own, which loci_free gives back as a whole.  So a result
 * has nothing that is not public, and one function frees all kinds. */
#ifndef LOCI_BASE_RESULT_H
#define LOCI_BASE_RESULT_H

#include "base/arena.h"
#include "loci.h"

/* A result of [size] bytes that begins with a loci_result, zeroed.  Its memory is an arena, for
 * what belongs to it.  NULL: out of memory. */
void *result_new(loci_kind kind, size_t size);

#endif
