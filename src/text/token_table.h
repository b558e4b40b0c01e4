/* Tokens by text and by id.  Memory goes with the number of tokens, not with the largest id, so
 * that a hostile file cannot ask for more than it brings. */
#ifndef LOCI_TEXT_TOKEN_TABLE_H
#define LOCI_TEXT_TOKEN_TABLE_H

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"

typedef struct token_entry {
  const char *text;
  size_t size;
  int id;
} token_entry;

typedef struct token_table {
  token_entry *items;
  size_t count, room;
  uint32_t *by_text, *by_id; /* open addressing: index + 1, or 0 */
  size_t mask;
} token_table;

/* For at most [room] tokens.  -1: out of memory. */
int token_table_init(token_table *t, size_t room, arena *mem);
/* The text is borrowed.  The caller has made sure that neither text nor id is taken, and that there
 * is room. */
void token_table_put(token_table *t, const char *text, size_t size, int id);
/* NULL: no such token. */
const token_entry *token_by_text(const token_table *t, const char *text, size_t size);
const token_entry *token_by_id(const token_table *t, int id);

#endif
