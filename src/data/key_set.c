/* A set of hashes by open addressing (see key_set.h). */
#include "data/key_set.h"

#include <stdlib.h>

struct key_set {
  key_set_entry *entries;
  uint64_t room, count; /* room: a power of two */
};

key_set *key_set_new(void) {
  key_set *s = calloc(1, sizeof *s);
  if (!s) return NULL;
  s->room = 256;
  s->entries = calloc(s->room, sizeof *s->entries);
  if (s->entries) return s;
  free(s);
  return NULL;
}

void key_set_free(key_set *s) {
  if (!s) return;
  free(s->entries);
  free(s);
}

static key_set_entry *find(key_set_entry *entries, uint64_t room, uint64_t key) {
  uint64_t i = key & (room - 1);
  while (entries[i].line && entries[i].key != key) i = (i + 1) & (room - 1);
  return &entries[i];
}

/* Full to three quarters at most. */
static bool grow(key_set *s) {
  if (4 * (s->count + 1) <= 3 * s->room) return true;
  key_set_entry *more = calloc(2 * s->room, sizeof *more);
  if (!more) return false;
  for (uint64_t i = 0; i < s->room; i++) {
    if (s->entries[i].line) *find(more, 2 * s->room, s->entries[i].key) = s->entries[i];
  }
  free(s->entries);
  s->entries = more;
  s->room *= 2;
  return true;
}

const key_set_entry *key_set_add(key_set *s, uint64_t key, uint32_t more, int64_t line,
                                 bool *fresh) {
  if (!grow(s)) return NULL;
  key_set_entry *e = find(s->entries, s->room, key);
  *fresh = e->line == 0;
  if (!*fresh) return e;
  *e = (key_set_entry){key, more, line < UINT32_MAX ? (uint32_t)line : UINT32_MAX};
  s->count++;
  return e;
}

/* FNV-1a over the bytes, and a finaliser that spreads them over all bits (splitmix64). */
uint64_t key_hash(uint64_t before, const char *text) {
  uint64_t h = before ^ 0xCBF29CE484222325u;
  for (const char *p = text; p && *p; p++) h = (h ^ (unsigned char)*p) * 0x100000001B3u;
  h = (h ^ (text ? 1 : 2)) * 0x9E3779B97F4A7C15u;
  h = (h ^ h >> 30) * 0xBF58476D1CE4E5B9u;
  h = (h ^ h >> 27) * 0x94D049BB133111EBu;
  return h ^ h >> 31;
}
