/* UTF-8, strictly: no overlong forms, no surrogates, nothing above U+10FFFF. */
#ifndef LOCI_BASE_UTF8_H
#define LOCI_BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Decodes the character at s (n bytes are left, n >= 1).  Returns its length 1..4 and sets *rune,
 * or returns 0 if the bytes are not UTF-8. */
int utf8_decode(const char *s, size_t n, uint32_t *rune);

/* Writes [rune] (a valid scalar value) to out[0..3] and returns its length. */
int utf8_encode(uint32_t rune, char out[4]);

bool utf8_is_valid(const char *s, size_t n);

/* Length in bytes of the invalid sequence at s that decoders replace by one U+FFFD ("maximal
 * subpart", Unicode 3.9): at least 1.  Only meaningful where utf8_decode returned 0. */
int utf8_invalid_length(const char *s, size_t n);

/* What is no character to show: controls, marks that turn the direction of writing or end a line,
 * and the code points that are none for good (U+FFFE and its like), which cairo and XML refuse. */
bool utf8_is_control(uint32_t rune);

/* Replaces control characters, and bytes that are not UTF-8, by '?' in place. */
void utf8_make_printable(char *s);

/* Columns the text takes in a terminal: 0 for marks, 2 for wide characters. */
int utf8_columns(const char *s, size_t n);

#endif
