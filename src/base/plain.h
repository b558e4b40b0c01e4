/* Text as it is in the C locale, whatever the program's.
 *
 * A program may have set one with decimal commas, as every GTK or Qt program does; then printf
 * writes "1,5" and strtod reads "1" of "1.5".  In a Turkish one "I" is no capital of "i".  What is
 * called here by the C library's names runs as in the C locale; base/status.h includes this, and
 * tools/check_circles.sh sees to it that no file of the library misses it. */
#ifndef LOCI_BASE_PLAIN_H
#define LOCI_BASE_PLAIN_H

#include <ctype.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

int plain_snprintf(char *out, size_t room, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
int plain_vsnprintf(char *out, size_t room, const char *format, va_list args)
    __attribute__((format(printf, 3, 0)));
double plain_strtod(const char *text, char **end);
/* A decimal number such as 3, .5 or 1e-3 and nothing before it, *end behind it.  False: there is
 * none, or it is too large.  What strtod takes besides (blanks, signs, 0x1p3, inf, nan) is refused:
 * nobody means it who types a setting. */
bool plain_decimal(const char *text, double *out, const char **end);
int plain_strncasecmp(const char *a, const char *b, size_t n);
int plain_strcasecmp(const char *a, const char *b);

/* The C locale for this thread, until plain_leave: for libraries that ask. */
typedef struct plain_locale {
  void *plain, *before;
} plain_locale;
plain_locale plain_enter(void);
void plain_leave(plain_locale l);

/* Letters of ASCII alone. */
static inline int plain_islower(int c) { return c >= 'a' && c <= 'z'; }
static inline int plain_isupper(int c) { return c >= 'A' && c <= 'Z'; }
static inline int plain_isdigit(int c) { return c >= '0' && c <= '9'; }
static inline int plain_tolower(int c) { return plain_isupper(c) ? c - 'A' + 'a' : c; }
static inline int plain_toupper(int c) { return plain_islower(c) ? c - 'a' + 'A' : c; }
static inline int plain_isxdigit(int c) {
  return plain_isdigit(c) || (plain_tolower(c) >= 'a' && plain_tolower(c) <= 'f');
}

#undef snprintf
#undef vsnprintf
#undef strtod
#undef strcasecmp
#undef strncasecmp
#undef islower
#undef isupper
#undef isdigit
#undef isxdigit
#undef tolower
#undef toupper
#define snprintf plain_snprintf
#define vsnprintf plain_vsnprintf
#define strtod plain_strtod
#define strcasecmp plain_strcasecmp
#define strncasecmp plain_strncasecmp
#define islower plain_islower
#define isupper plain_isupper
#define isdigit plain_isdigit
#define isxdigit plain_isxdigit
#define tolower plain_tolower
#define toupper plain_toupper

#endif
