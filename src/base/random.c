/* Seeded random numbers (see random.h). */
#include "base/random.h"

#include <math.h>

random_source random_new(uint64_t seed) { return (random_source){.state = seed}; }

random_source random_stream(uint64_t seed, uint64_t number) {
  random_source of_seed = random_new(seed);
  return random_new(random_bits(&of_seed) + number);
}

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
