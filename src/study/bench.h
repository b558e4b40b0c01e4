/* What the benchmarks share. */
#ifndef LOCI_STUDY_BENCH_H
#define LOCI_STUDY_BENCH_H

#include "model/prompt.h"

/* 2 M N K per second of the products of one layer of these sizes, alone, over random numbers: the
 * best of [repeats]. */
loci_status bench_product_rate(const loci_bench *sizes, dtype type, int repeats, double *out,
                               loci_err *err);

/* A question of random tokens, as long as the model's own ones are, into p->mem: 23 of text, five
 * of them the constraint, and the picture's rows, zero. */
loci_status bench_prompt(const loci_model *m, loci_prompt *p, loci_err *err);

#endif
