/* The kernel sets that kernels.c chooses from. */
#ifndef LOCI_TENSOR_KERNELS_SETS_H
#define LOCI_TENSOR_KERNELS_SETS_H

#include "tensor/kernels.h"

extern const kernel_set kernels_ref;
extern const kernel_set kernels_base;
#if defined(__x86_64__)
extern const kernel_set kernels_avx2;
extern const kernel_set kernels_avx512;
#endif

#endif
