/* Text in a buffer of fixed size: what does not fit is cut, whatever the numbers in it are. */
#ifndef LOCI_BASE_FIXED_H
#define LOCI_BASE_FIXED_H

#include <stddef.h>

/* Writes at out[at], after what is there; returns the new length, size - 1 at most. */
size_t fixed_add(char *out, size_t size, size_t at, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* The shortest digits that are the same number, as people write it: 10 and 0.001, not 1e+01; very
 * large and small ones with an exponent.  Returns [out]. */
const char *fixed_number(double x, char out[32]);
/* So many significant digits, as "%.*g", but a number of more than [digits] before its point is
 * written whole: 179, not 1.8e+02.  Returns [out]. */
const char *fixed_digits(double x, int digits, char out[32]);

#endif
