/* Text in a buffer of fixed size: what does not fit is cut, whatever the numbers in it are. */
#ifndef LOCI_BASE_FIXED_H
#define LOCI_BASE_FIXED_H

#include <stddef.h>

/* Writes at out[at], after what is there; returns the new length, size - 1 at most. */
size_t fixed_add(char *out, size_t size, size_t at, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

#endif
