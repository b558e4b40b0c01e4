/* Arena: a list of blocks; small pieces share a block, large ones get their own (see arena.h). */
#include "base/arena.h"

#include <stdlib.h>
#include <string.h>

#include "base/size.h"

enum { ALIGN = 64, BLOCK = 64 * 1024 };

typedef struct block {
  struct block *next;
  size_t used, size;
  char *data; /* aligned, inside the same allocation */
} block;

/* What is called when the arena is freed. */
typedef struct deferred {
  struct deferred *next;
  void (*release)(void *);
  void *what;
} deferred;

struct arena {
  block *blocks; /* the first one is the one being filled */
  deferred *deferred;
  size_t bytes;
};

arena *arena_new(void) { return calloc(1, sizeof(arena)); }

void arena_free(arena *a) {
  if (!a) return;
  for (deferred *d = a->deferred; d; d = d->next) d->release(d->what);
  for (block *b = a->blocks, *next; b; b = next) {
    next = b->next;
    free(b);
  }
  free(a);
}

static block *block_new(size_t size) {
  if (size > SIZE_MAX - sizeof(block) - ALIGN) return NULL;
  char *raw = malloc(sizeof(block) + ALIGN + size);
  if (!raw) return NULL;
  block *b = (block *)raw;
  uintptr_t at = (uintptr_t)(raw + sizeof(block));
  b->next = NULL;
  b->used = 0;
  b->size = size;
  b->data = raw + sizeof(block) + (ALIGN - at % ALIGN) % ALIGN;
  return b;
}

void *arena_alloc(arena *a, int64_t count, size_t size) {
  int64_t bytes;
  if (!size_mul(count, (int64_t)size, &bytes) || bytes > INT64_MAX - ALIGN) return NULL;
  size_t need = ((size_t)bytes + ALIGN - 1) / ALIGN * ALIGN;
  if (need == 0) need = ALIGN;
  block *b = a->blocks;
  if (!b || need > b->size - b->used) {
    b = block_new(need > BLOCK ? need : BLOCK);
    if (!b) return NULL;
    if (need > BLOCK && a->blocks) { /* keep filling the small block */
      b->next = a->blocks->next;
      a->blocks->next = b;
    } else {
      b->next = a->blocks;
      a->blocks = b;
    }
  }
  void *p = b->data + b->used;
  b->used += need;
  a->bytes += need;
  return p;
}

void *arena_zalloc(arena *a, int64_t count, size_t size) {
  void *p = arena_alloc(a, count, size);
  if (p) memset(p, 0, (size_t)count * size);
  return p;
}

char *arena_strndup(arena *a, const char *s, size_t n) {
  char *p = arena_alloc(a, (int64_t)n + 1, 1);
  if (!p) return NULL;
  if (n) memcpy(p, s, n);
  p[n] = 0;
  return p;
}

char *arena_strdup(arena *a, const char *s) { return arena_strndup(a, s, strlen(s)); }

bool arena_defer(arena *a, void (*release)(void *), void *what) {
  deferred *d = arena_alloc(a, 1, sizeof *d);
  if (!d) {
    release(what);
    return false;
  }
  *d = (deferred){a->deferred, release, what};
  a->deferred = d;
  return true;
}

size_t arena_bytes(const arena *a) { return a->bytes; }
