/* An arena: memory that is handed out piece by piece and freed all at once.  A walk has one, so
 * nothing below a walk calls free.  Every piece is aligned to 64 bytes (a cache line, and a tile
 * row). */
#ifndef LOCI_BASE_ARENA_H
#define LOCI_BASE_ARENA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct arena arena;

arena *arena_new(void); /* NULL: out of memory */
void arena_free(arena *a);

/* [count] items of [size] bytes, not initialised; NULL if the product overflows or memory is out.
 */
void *arena_alloc(arena *a, int64_t count, size_t size);
/* The same, zeroed. */
void *arena_zalloc(arena *a, int64_t count, size_t size);
/* Takes everything back.  Up to [most] bytes are kept, as one block, for what is asked for next; of
 * more than that, none. */
void arena_reset(arena *a, size_t most);
/* A copy of n bytes with a 0 byte after it. */
char *arena_strndup(arena *a, const char *s, size_t n);
char *arena_strdup(arena *a, const char *s);
/* Has [release] called on [what] when the arena is freed: what another made goes with it.  False:
 * out of memory, and it is released at once. */
bool arena_defer(arena *a, void (*release)(void *), void *what);
/* Whether the system would give so many bytes now: asked before a library is called that falls over
 * where it gets none.  The address space is tried, no page is touched. */
bool memory_is_there(size_t bytes);
/* Bytes handed out so far. */
size_t arena_bytes(const arena *a);

/* arena_array(a, n, float): n floats */
#define arena_array(a, count, type) ((type *)arena_alloc((a), (count), sizeof(type)))
#define arena_zarray(a, count, type) ((type *)arena_zalloc((a), (count), sizeof(type)))

#endif
