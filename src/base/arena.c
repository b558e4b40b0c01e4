/* Arena: a list of blocks; small pieces share a block, large ones get their own (see arena.h).
 *
 * Blocks come from calloc, so a fresh one is zero and costs nothing until it is touched: [dirty]
 * says up to where that is not so any more.  Large ones ask for huge pages: a walk touches all of
 * its memory, and a fault for every 4 KiB takes longer than what is computed in them. */
#include "base/arena.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/size.h"

enum { ALIGN = 64, BLOCK = 64 * 1024, HUGE_PAGE = 2 << 20 };

typedef struct block {
  struct block *next;
  size_t used, size;
  size_t dirty; /* bytes from here on were never handed out: they are zero */
  char *data;   /* aligned, inside the same allocation */
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

bool memory_is_there(size_t bytes) {
  void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (p == MAP_FAILED) return false;
  munmap(p, bytes);
  return true;
}

arena *arena_new(void) { return calloc(1, sizeof(arena)); }

static void release_deferred(arena *a) {
  for (deferred *d = a->deferred; d; d = d->next) d->release(d->what);
  a->deferred = NULL; /* the list itself stands in the blocks */
}

static void free_blocks(arena *a) {
  for (block *b = a->blocks, *next; b; b = next) {
    next = b->next;
    free(b);
  }
  a->blocks = NULL;
}

void arena_free(arena *a) {
  if (!a) return;
  release_deferred(a);
  free_blocks(a);
  free(a);
}

/* Advice only: a system without huge pages goes on with small ones. */
static void ask_huge_pages(char *data, size_t size) {
#ifdef MADV_HUGEPAGE
  size_t before = (HUGE_PAGE - (uintptr_t)data % HUGE_PAGE) % HUGE_PAGE;
  if (size < before + HUGE_PAGE) return;
  (void)madvise(data + before, (size - before) / HUGE_PAGE * HUGE_PAGE, MADV_HUGEPAGE);
#else
  (void)data;
  (void)size;
#endif
}

static block *block_new(size_t size) {
  if (size > SIZE_MAX - sizeof(block) - ALIGN) return NULL;
  char *raw = calloc(1, sizeof(block) + ALIGN + size);
  if (!raw) return NULL;
  block *b = (block *)raw;
  uintptr_t at = (uintptr_t)(raw + sizeof(block));
  b->size = size;
  b->data = raw + sizeof(block) + (ALIGN - at % ALIGN) % ALIGN;
  ask_huge_pages(b->data, size);
  return b;
}

/* Room for [need] bytes, in the block being filled or in a new one; NULL: there is none. */
static block *block_with(arena *a, size_t need) {
  block *first = a->blocks;
  if (first && need <= first->size - first->used) return first;
  block *b = block_new(need > BLOCK ? need : BLOCK);
  if (!b) return NULL;
  if (need > BLOCK && first) { /* keep filling the small block */
    b->next = first->next;
    first->next = b;
  } else {
    b->next = first;
    a->blocks = b;
  }
  return b;
}

/* A piece of [count * size] bytes; its first [*used] ones were handed out before. */
static void *take(arena *a, int64_t count, size_t size, size_t *used) {
  int64_t bytes;
  if (!size_mul(count, (int64_t)size, &bytes) || bytes > INT64_MAX - ALIGN) return NULL;
  size_t need = ((size_t)bytes + ALIGN - 1) / ALIGN * ALIGN;
  if (need == 0) need = ALIGN;
  block *b = block_with(a, need);
  if (!b) return NULL;
  void *p = b->data + b->used;
  *used = b->dirty <= b->used ? 0 : b->dirty - b->used < need ? b->dirty - b->used : need;
  b->used += need;
  if (b->dirty < b->used) b->dirty = b->used;
  a->bytes += need;
  return p;
}

void *arena_alloc(arena *a, int64_t count, size_t size) {
  size_t used;
  return take(a, count, size, &used);
}

void *arena_zalloc(arena *a, int64_t count, size_t size) {
  size_t used;
  void *p = take(a, count, size, &used);
  if (p) memset(p, 0, used);
  return p;
}

void arena_reset(arena *a, size_t most) {
  size_t all = 0;
  release_deferred(a);
  for (block *b = a->blocks; b; b = b->next) all += b->size;
  bool one = a->blocks && !a->blocks->next;
  if (!one || all > most) {
    free_blocks(a);
    if (all > 0 && all <= most) a->blocks = block_new(all);
  }
  if (a->blocks) a->blocks->used = 0;
  a->bytes = 0;
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
