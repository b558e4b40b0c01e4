/* Results and their memory (see result.h). */
#include "base/result.h"

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

void loci_free(void *result) {
  loci_result *r = result;
  if (r) arena_free(r->memory);
}
