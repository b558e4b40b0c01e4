/* What was met before, in 16 bytes an entry: keys are hashes, so two that differ may pass for one,
 * once in 2^64 pairs; where more is at stake, [more] must agree as well. */
#ifndef LOCI_DATA_SEEN_H
#define LOCI_DATA_SEEN_H

#include <stdbool.h>
#include <stdint.h>

typedef struct key_set key_set;

typedef struct key_set_entry {
  uint64_t key;
  uint32_t more, line; /* line 0: a free place */
} key_set_entry;

key_set *key_set_new(void); /* NULL: out of memory */
void key_set_free(key_set *s);

/* The entry of that key: the one from before, or this one, new (*fresh).  NULL: out of memory.
 * Borrowed until the next call.  [line] is at least 1; lines beyond 2^32 - 1 count as that. */
const key_set_entry *key_set_add(key_set *s, uint64_t key, uint32_t more, int64_t line,
                                 bool *fresh);

/* A hash to begin with, and the same with a text after it (its end included); NULL is none. */
uint64_t key_hash(uint64_t before, const char *text);

#endif
