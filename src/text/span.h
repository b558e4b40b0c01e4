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
/* Whether no word goes on beyond either end of the bytes [begin, end). */
bool span_is_whole(const char *question, int64_t begin, int64_t end);

#endif
