/* Any bytes as JSON: what is accepted is printed, accepted again and printed the same. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  js_value *v;
  loci_err err;
  char *first, *second;
  if (js_parse((const char *)data, size, "fuzz", &v, &err)) return 0;
  if (js_print(v, false, &first, &err)) abort();
  if (js_parse(first, strlen(first), "fuzz", &v, &err)) abort();
  if (js_print(v, false, &second, &err)) abort();
  if (strcmp(first, second) != 0) abort();
  free(first);
  free(second);
  return 0;
}
