/* Printing text of unknown origin: prompts, tokens, answers, file names.
 *
 * Control characters, broken UTF-8 and marks that turn the writing direction never reach the
 * terminal as they are: they come out as \n, \t, \x1b or \u202e.  Without UTF-8 everything beyond
 * ASCII does too. */
#ifndef LOCI_PROGRAMS_TEXT_OUT_H
#define LOCI_PROGRAMS_TEXT_OUT_H

#include <stdbool.h>
#include <stdio.h>

void put_text(FILE *out, const char *s, bool utf8);
int text_width(const char *s, bool utf8); /* in columns, as put_text prints it */

/* Exactly [width] columns: padded on the right (width > 0) or left (width < 0), cut with a mark if
 * too long. */
void put_cell(FILE *out, const char *s, int width, bool utf8);

/* Words of s, wrapped to [columns]; the first line starts at column [at], the others are indented
 * by [indent]. */
typedef struct wrap {
  int at, indent, columns;
  bool utf8;
} wrap;
void put_wrapped(FILE *out, const char *s, const wrap *how);

/* As a JSON string, quotes included; bytes that are not UTF-8 are U+FFFD. */
void put_json_string(FILE *out, const char *s);

/* "12.5 MB" (powers of 1000) into buf, which is returned. */
char *size_text(double bytes, char buf[32]);

#endif
