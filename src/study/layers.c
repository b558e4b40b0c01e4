/* The range of layers a study is asked for (see layers.h). */
#include "study/layers.h"

loci_status layers_check(int first, int *count, int L, loci_err *err) {
  if (first >= 0 && first < L && *count == 0) *count = L - first;
  if (first < 0 || *count < 1 || first >= L || *count > L - first) {
    return fail(err, LOCI_EINVAL, "layers %d to %lld: the model has layers 0 to %d", first,
                (long long)first + *count - 1, L - 1);
  }
  return LOCI_OK;
}

loci_status layers_list(int first, int *count, int L, arena *mem, int **out, loci_err *err) {
  TRY(layers_check(first, count, L, err));
  *out = arena_array(mem, *count, int);
  if (!*out) return fail_nomem(err, "listing layers");
  for (int i = 0; i < *count; i++) (*out)[i] = first + i;
  return LOCI_OK;
}
