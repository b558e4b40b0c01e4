/* One JSON string, for --lines. */
#ifndef LOCI_PROGRAMS_JSON_STRING_H
#define LOCI_PROGRAMS_JSON_STRING_H

#include <stddef.h>

/* Decodes the line s[0..n), which must be one JSON string and nothing else but blanks, in place;
 * the result is s[0..*size) and may hold NUL characters.  NULL, or what is wrong. */
const char *json_string_decode(char *s, size_t n, size_t *size);

#endif
