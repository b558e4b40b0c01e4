/* Eight columns side by side, in the widest registers that the machine has: what sums over draws
 * of examples are made of (draws.c, permutation.c).  Private to src/study. */
#ifndef LOCI_STUDY_LANES_H
#define LOCI_STUDY_LANES_H

#include <stdint.h>

/* Sums do not depend on the set: no product is fused with an addition. */
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) &&                             \
    !defined(__SANITIZE_ADDRESS__)
#define WIDEST __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define WIDEST
#endif

enum { TILE = 8, WORD = 64 };
typedef double lanes __attribute__((vector_size(TILE * sizeof(double))));

/* sums (count) += for each of [count] words the rows of x (WORD) whose bits are set. */
void lanes_add_chosen(const lanes *x, const uint64_t *words, int count, lanes *sums);

#endif
