/* Two open-addressing indexes over one array (see token_table.h).  The hash of texts is FNV-1a with
 * a final mix; a file made to collide costs time quadratic in its own size, which its size limit
 * bounds. */
#include "text/token_table.h"

#include <string.h>

static uint64_t mix(uint64_t h) {
  h ^= h >> 32;
  h *= 0xD6E8FEB86659FD93u;
  return h ^ h >> 32;
}

static uint64_t hash_text(const char *s, size_t n) {
  uint64_t h = 0xCBF29CE484222325u;
  for (size_t i = 0; i < n; i++) h = (h ^ (uint8_t)s[i]) * 0x100000001B3u;
  return mix(h);
}

static uint64_t hash_id(int id) { return mix((uint64_t)id + 1); }

int token_table_init(token_table *t, size_t room, arena *mem) {
  size_t slots = 16;
  while (slots < 2 * room) slots *= 2;
  *t = (token_table){.room = room, .mask = slots - 1};
  t->items = arena_array(mem, (int64_t)room, token_entry);
  t->by_text = arena_zarray(mem, (int64_t)slots, uint32_t);
  t->by_id = arena_zarray(mem, (int64_t)slots, uint32_t);
  return t->items && t->by_text && t->by_id ? 0 : -1;
}

void token_table_put(token_table *t, const char *text, size_t size, int id) {
  uint32_t index = (uint32_t)t->count++;
  t->items[index] = (token_entry){text, size, id};
  size_t i = hash_text(text, size) & t->mask;
  while (t->by_text[i]) i = (i + 1) & t->mask;
  t->by_text[i] = index + 1;
  i = hash_id(id) & t->mask;
  while (t->by_id[i]) i = (i + 1) & t->mask;
  t->by_id[i] = index + 1;
}

const token_entry *token_by_text(const token_table *t, const char *text, size_t size) {
  if (!t->items) return NULL;
  for (size_t i = hash_text(text, size) & t->mask; t->by_text[i]; i = (i + 1) & t->mask) {
    const token_entry *e = &t->items[t->by_text[i] - 1];
    if (e->size == size && memcmp(e->text, text, size) == 0) return e;
  }
  return NULL;
}

const token_entry *token_by_id(const token_table *t, int id) {
  if (!t->items) return NULL;
  for (size_t i = hash_id(id) & t->mask; t->by_id[i]; i = (i + 1) & t->mask) {
    const token_entry *e = &t->items[t->by_id[i] - 1];
    if (e->id == id) return e;
  }
  return NULL;
}
