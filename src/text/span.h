/* A piece of a question, and where it stands: "this place", or "this place@2" for the second
 * occurrence.  The prompt finds its constraints with this, and whoever checks them before. */
#ifndef LOCI_TEXT_SPAN_H
#define LOCI_TEXT_SPAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"

typedef struct span {
  int64_t begin;  /* byte offset; -1: it is not there, or not that often */
  size_t length;  /* of the piece, without "@2" */
  int occurrence; /* as asked for, from 1 */
} span;

/* As spelled, upper and lower case, wherever the bytes stand.  An "@2" that gives nothing may
 * belong to the piece itself. */
span span_find(const char *question, const char *given);
/* The bytes [begin, end) as span_find finds them: "this place@2" if need be.  In the arena; NULL:
 * no memory. */
char *span_text(arena *mem, const char *question, int64_t begin, int64_t end);
/* Which occurrence of the [length] bytes at [begin] that one is, from 1. */
int span_count(const char *question, int64_t begin, size_t length);
/* A piece of a question that looks like another text. */
typedef struct likeness {
  int64_t begin, end; /* bytes in the question */
  bool by_case;       /* upper and lower case differ, and nothing else */
  char how[160];      /* what differs, in words */
} likeness;

/* The [nth] (from 1) place, at whole words, where the [n] bytes of [text] stand but for what the
 * eye does not tell: how characters are composed, which blanks, quotes and dashes they are, what
 * has no width, of which script a letter is; and but for case and width.  False: there is none (or
 * no memory to look). */
bool span_alike(arena *mem, const char *question, const char *text, size_t n, int nth,
                likeness *out);
/* Whether no word goes on beyond either end of the bytes [begin, end). */
bool span_is_whole(const char *question, int64_t begin, int64_t end);
/* "visual" or "textual", as the first word of a constraint says. */
const char *constraint_kind(const char *text, bool has_image);

#endif
