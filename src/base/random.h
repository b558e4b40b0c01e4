/* Seeded random numbers: SplitMix64 (Steele, Lea, Flood 2014) for bits, the polar method (Marsaglia
 * 1964) for Gaussians.  Same seed, same numbers, on every machine. */
#ifndef LOCI_BASE_RANDOM_H
#define LOCI_BASE_RANDOM_H

#include <stdint.h>

typedef struct random_source {
  uint64_t state;
  double spare; /* the polar method makes two at a time */
  int has_spare;
} random_source;

random_source random_new(uint64_t seed);
/* The [number]-th of many sources of one seed; those of another seed have nothing in common. */
random_source random_stream(uint64_t seed, uint64_t number);
uint64_t random_bits(random_source *r);
/* Uniform in [0, 1). */
double random_unit(random_source *r);
/* Uniform in 0 .. n-1, n >= 1. */
int64_t random_below(random_source *r, int64_t n);
/* Mean 0, variance 1. */
double random_gaussian(random_source *r);

#endif
