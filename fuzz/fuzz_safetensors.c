/* Bytes as a safetensors file: whatever is accepted must let every tensor's bytes be read, every
 * name be found, and must tile the data. */
#include <stdlib.h>
#include <string.h>

#include "checkpoint/safetensors.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n) {
  st_file *f;
  loci_err err;
  volatile uint8_t sink = 0;
  int64_t total = 0;
  if (st_open_bytes(bytes, n, "fuzz", &f, &err)) {
    if (f || err.code == LOCI_OK || err.msg[0] == 0) abort();
    return 0;
  }
  for (int64_t i = 0; i < st_count(f); i++) {
    const st_tensor *t = st_at(f, i);
    if (t->bytes > 0) sink = (uint8_t)(sink + t->data[0] + t->data[t->bytes - 1]);
    if (t->rank > ST_MAX_RANK || st_find(f, t->name) != t) abort();
    total += t->bytes;
  }
  if (total > (int64_t)n) abort();
  st_metadata(f, "format");
  st_close(f);
  return 0;
}
