/* What sinks ask of what they are told (see sinks.h): the key of a member, the cell of a column. */
#include <stdio.h>
#include <string.h>

#include "show/sinks.h"

const char *sink_key(const char *key, char out[64]) {
  if (!key) return NULL;
  snprintf(out, 64, "%.*s", (int)strcspn(key, "|"), key);
  return out;
}

const char *sink_csv_key(const char *key) {
  const char *other = key ? strchr(key, '|') : NULL;
  return other ? other + 1 : key;
}

const void *column_at(const loci_column *c, const int64_t *at) {
  const char *p = c->data;
  for (int i = 0; i < c->rank; i++) p += at[i] * c->strides[i];
  return p;
}
