/* Regular expressions of tokenizer files.  They are written for Oniguruma (Ruby syntax); what means
 * something else there is translated, what has no counterpart is refused. */
#ifndef LOCI_TEXT_REGEX_H
#define LOCI_TEXT_REGEX_H

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/status.h"

typedef struct regex regex;

/* Bytes [begin, end) of a text. */
typedef struct range {
  uint32_t begin, end;
} range;

typedef struct range_list {
  range *items; /* in the arena given to regex_find_all */
  size_t count, room;
} range_list;

/* [what] names the file in error sentences.  Free with regex_free. */
loci_status regex_new(const char *pattern, size_t n, const char *what, regex **out, loci_err *err);
void regex_free(regex *re);

/* Appends all matches, left to right, not overlapping.  A search that goes on for seconds is an
 * error: the pattern comes from a file nobody vouches for. */
loci_status regex_find_all(const regex *re, const char *s, size_t n, arena *mem, range_list *out,
                           loci_err *err);
loci_status range_push(range_list *list, range r, arena *mem, loci_err *err);

#endif
