/* Seeded random numbers (see random.h). */
#include "base/random.h"

#include <math.h>

random_source random_new(uint64_t seed) { return (random_source){.state = seed}; }

random_source random_stream(uint64_t seed, uint64_t number) {
  random_source of_seed = random_new(seed);
  return random_new(random_bits(&of_seed) + number);
}

uint64_t random_bits(random_source *r) {
  uint64_t z = (r->state += 0x9E3779B97F4A7C15u);
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
  return z ^ (z >> 31);
}

double random_unit(random_source *r) { return (double)(random_bits(r) >> 11) * 0x1p-53; }

int64_t random_below(random_source *r, int64_t n) { return (int64_t)(random_unit(r) * (double)n); }

double random_gaussian(random_source *r) {
  if (r->has_spare) {
    r->has_spare = 0;
    return r->spare;
  }
  double x, y, s;
  do {
    x = 2 * random_unit(r) - 1;
    y = 2 * random_unit(r) - 1;
    s = x * x + y * y;
  } while (s >= 1 || s == 0);
  double f = sqrt(-2 * log(s) / s);
  r->spare = y * f;
  r->has_spare = 1;
  return x * f;
}
