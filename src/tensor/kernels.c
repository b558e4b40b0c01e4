/* Which kernel set runs (see kernels.h). */
#include "tensor/kernels.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#if defined(__x86_64__)
#include <cpuid.h>
#endif

#include "tensor/kernels_sets.h"

#if defined(__x86_64__)
/* clang 14 has no word for it in __builtin_cpu_supports.  Asked of the CPU once: in a virtual
 * machine cpuid goes to its host and back, which takes longer than the sums of a small head. */
static bool has_f16c(void) {
  enum { NO = 1, YES };
  static atomic_int known; /* 0: not yet; threads that ask at once find the same */
  if (!known) {
    unsigned a, b, c = 0, d;
    known = __get_cpuid(1, &a, &b, &c, &d) && (c & bit_F16C) ? YES : NO;
  }
  return known == YES;
}
#endif

const kernel_set *kernels_at(int i) {
  const kernel_set *sets[5] = {&kernels_ref, &kernels_base};
  int n = 2;
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && has_f16c()) {
    sets[n++] = &kernels_avx2;
  }
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl")) {
    sets[n++] = &kernels_avx512;
  }
#endif
  return i >= 0 && i < n ? sets[i] : NULL;
}

const kernel_set *kernels_choose(void) {
  const char *wanted = getenv("LOCI_KERNELS");
  const kernel_set *best = NULL;
  for (int i = 0; kernels_at(i); i++) {
    best = kernels_at(i);
    if (wanted && strcmp(wanted, best->name) == 0) return best;
  }
  return best;
}
