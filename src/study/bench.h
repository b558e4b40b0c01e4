/* What the two benchmarks share. */
#ifndef LOCI_STUDY_BENCH_H
#define LOCI_STUDY_BENCH_H

#include "model/model.h"

/* 2 M N K per second of the products of one layer of these sizes, alone, over random numbers: the
 * best of [repeats]. */
loci_status bench_product_rate(const loci_bench *sizes, dtype type, int repeats, double *out,
                               loci_err *err);

#endif
