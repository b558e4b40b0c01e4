/* Seeded random numbers: SplitMix64 (Steele, Lea, Flood 2014) for bits, the polar method (Marsaglia
 * 1964) for Gaussians.  Same seed, same numbers, on every machine. */
#ifndef LOCI_BASE_RANDOM_H
#define LOCI_BASE_RANDOM_H

#include <stdint.h>

#define RANDOM_STEP UINT64_C(0x9E3779B97F4A7C15) /* of the state, for each 64 bits */

typedef struct random_source {
  uint64_t state;
  double spare; /* the polar method makes two at a time */
  int has_spare;
} random_source;

random_source random_new(uint64_t seed);
/* The [number]-th of many sources of one seed; those of another seed have nothing in common. */
random_source random_stream(uint64_t seed, uint64_t number);
static inline uint64_t random_bits(random_source *r) {
  uint64_t z = (r->state += RANDOM_STEP);
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
  return z ^ (z >> 31);
}
/* The source as it is after so many calls of random_bits. */
static inline random_source random_after(const random_source *r, uint64_t calls) {
  return (random_source){.state = r->state + calls * RANDOM_STEP};
}
/* Uniform in [0, 1). */
static inline double random_unit(random_source *r) {
  return (double)(random_bits(r) >> 11) * 0x1p-53;
}
/* Uniform in 0 .. n-1, n >= 1. */
static inline int64_t random_below(random_source *r, int64_t n) {
  return (int64_t)(random_unit(r) * (double)n);
}
/* Mean 0, variance 1. */
double random_gaussian(random_source *r);

#endif
