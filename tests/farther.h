/* The larger of [most] and |x|.  Not fmax(most, fabs((double)x)): on a loop of that over floats gcc
 * 12 for arm64 breaks at -O3 (an internal error in vect_transform_reduction). */
#ifndef LOCI_FARTHER_H
#define LOCI_FARTHER_H

#include <math.h>

static inline double farther(double most, float x) {
  double size = fabs((double)x);
  return size > most ? size : most;
}

#endif
