/* Numbers as text with a point, whatever the locale.
 *
 * A program may have set one with decimal commas, as every GTK or Qt program does; then printf
 * writes "1,5" and strtod reads "1" of "1.5".  What is called here by the C library's names runs
 * in the C locale; base/status.h includes this, so that nothing in the library can miss it. */
#ifndef LOCI_BASE_PLAIN_H
#define LOCI_BASE_PLAIN_H

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

int plain_snprintf(char *out, size_t room, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
int plain_vsnprintf(char *out, size_t room, const char *format, va_list args)
    __attribute__((format(printf, 3, 0)));
double plain_strtod(const char *text, char **end);

#undef snprintf
#undef vsnprintf
#undef strtod
#define snprintf plain_snprintf
#define vsnprintf plain_vsnprintf
#define strtod plain_strtod

#endif
