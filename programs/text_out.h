/* Printing text of unknown origin: prompts, tokens, answers, file names.
 *
 * Control characters, broken UTF-8 and marks that turn the writing direction never reach the
 * terminal as they are: they come out as \n, \t, \x1b or \u202e.  Without UTF-8 everything beyond
 * ASCII does too. */
#ifndef LOCI_PROGRAMS_TEXT_OUT_H
#define LOCI_PROGRAMS_TEXT_OUT_H

#include <stdbool.h>
#include <stdio.h>

enum { TOKEN_TEXT = 256 };

void put_text(FILE *out, const char *s, bool utf8);
int text_width(const char *s, bool utf8); /* in columns, as put_text prints it */

/* Exactly [width] columns: padded on the right (width > 0) or left (width < 0), cut with a mark if
 * too long. */
void put_cell(FILE *out, const char *s, int width, bool utf8);

/* A token as its vocabulary spells it; one of a byte-level vocabulary as the text it is, with the
 * mark of other vocabularies for a blank before it, and bytes that are no character alone as
 * <0xE6>.  The text is [out]'s, or the token's own. */
const char *token_text(const char *token, bool byte_level, char out[TOKEN_TEXT]);
/* Whether tokens are spelled in bytes: some have a mark of such a vocabulary, none of others. */
bool is_byte_level(const char *(*token_at)(const void *ctx, int i), const void *ctx, int count);

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
/* So many significant digits, and a number of more digits before its point whole: 150, not 1.5e+02.
 */
char *digits_text(double x, int digits, char buf[32]);

#endif
