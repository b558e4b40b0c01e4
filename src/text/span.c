/* Pieces of questions (see span.h). */
#include "text/span.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "text/unicode.h"

static void split_occurrence(const char *given, size_t *length, int *occurrence) {
  *length = strlen(given);
  *occurrence = 1;
  const char *at = strrchr(given, '@');
  if (!at || at == given || at[1] < '1' || at[1] > '9') return;
  char *end;
  long n = strtol(at + 1, &end, 10);
  if (*end || n > 1000) return;
  *length = (size_t)(at - given);
  *occurrence = (int)n;
}

/* Byte offset of the n-th occurrence, or -1. */
static int64_t find_occurrence(const char *text, const char *needle, size_t length, int n) {
  for (const char *p = text; *p; p++) {
    if (strncmp(p, needle, length) == 0 && --n == 0) return p - text;
  }
  return -1;
}

span span_find(const char *question, const char *given) {
  span s;
  split_occurrence(given, &s.length, &s.occurrence);
  s.begin = s.length ? find_occurrence(question, given, s.length, s.occurrence) : -1;
  if (s.begin < 0 && s.length < strlen(given)) { /* perhaps the @ belongs to the text */
    int64_t at = find_occurrence(question, given, strlen(given), 1);
    if (at >= 0) s = (span){at, strlen(given), 1};
  }
  return s;
}

int span_count(const char *question, int64_t begin, size_t length) {
  int n = 1;
  for (int64_t i = 0; i < begin; i++) n += strncmp(question + i, question + begin, length) == 0;
  return n;
}

char *span_text(arena *mem, const char *question, int64_t begin, int64_t end) {
  size_t n = (size_t)(end - begin);
  int count = span_count(question, begin, n);
  char *s = arena_alloc(mem, (int64_t)n + 16, 1);
  if (!s) return NULL;
  snprintf(s, n + 16, "%.*s", (int)n, question + begin);
  size_t plain;
  int own;
  split_occurrence(s, &plain, &own); /* "a@2" itself is "a@2@1" */
  if (count > 1 || plain < n) snprintf(s + n, 16, "@%d", count);
  return s;
}

static bool is_word_at(const char *s, size_t n) {
  uint32_t rune;
  return n > 0 && utf8_decode(s, n, &rune) > 0 && rune_is_word(rune);
}

/* Whether a word goes over the border at byte [at]. */
static bool is_in_word(const char *text, int64_t at) {
  size_t n = strlen(text + at);
  int64_t before = at - 1;
  while (before > 0 && ((unsigned char)text[before] & 0xC0) == 0x80) before--;
  return at > 0 && is_word_at(text + at, n) && is_word_at(text + before, (size_t)(at - before));
}

bool span_is_whole(const char *question, int64_t begin, int64_t end) {
  return !is_in_word(question, begin) && !is_in_word(question, end);
}
