/* Bytes as the text of a list, JSON's or Python's: what is accepted must be whole. */
#include <stdlib.h>
#include <string.h>

#include "data/choice.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n) {
  const char *const *items;
  int count;
  arena *mem = arena_new();
  char *text = mem ? arena_strndup(mem, (const char *)bytes, n) : NULL;
  if (text && !choice_list(text, mem, &items, &count, NULL)) {
    size_t total = 0;
    for (int i = 0; i < count; i++) total += strlen(items[i]);
    if (total > strlen(text)) abort();
  }
  arena_free(mem);
  return 0;
}
