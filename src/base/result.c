/* Results and their memory (see result.h). */
#include "base/result.h"

#include <string.h>

void *result_new(loci_kind kind, size_t size) {
  arena *own = arena_new();
  loci_result *r = own ? arena_zalloc(own, 1, size) : NULL;
  if (!r) {
    arena_free(own);
    return NULL;
  }
  *r = (loci_result){.kind = kind, .memory = own};
  return r;
}

loci_status result_copy(loci_kind kind, const void *from, size_t size, void **out, loci_err *err) {
  *out = result_new(kind, size);
  if (!*out) return fail_nomem(err, "making a result");
  loci_result head = *(loci_result *)*out;
  memcpy(*out, from, size);
  *(loci_result *)*out = head;
  return LOCI_OK;
}

void loci_free(void *result) {
  loci_result *r = result;
  if (r) arena_free(r->memory);
}
