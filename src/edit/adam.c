/* Adam (Kingma and Ba 2015), with bias correction:
 *
 *   m = b1 m + (1 - b1) g        x -= lr (m / (1 - b1^t)) / (sqrt(v / (1 - b2^t)) + eps)
 *   v = b2 v + (1 - b2) g^2      b1 = 0.9, b2 = 0.999, eps = 1e-8
 *
 * The first step is nearly lr sign(g), however small g is: so the moments are double. */
#include <math.h>

#include "edit/target_run.h"

loci_status adam_make(arena *mem, int64_t n, double lr, int threads, adam *out, loci_err *err) {
  *out = (adam){.n = n, .lr = lr, .threads = n < 1 << 16 ? 1 : threads};
  out->m = arena_zarray(mem, n, double);
  out->v = arena_zarray(mem, n, double);
  return out->m && out->v ? LOCI_OK : fail_nomem(err, "solving an edit");
}

void adam_step(adam *a, float *x, const float *grad) {
  static const double b1 = 0.9, b2 = 0.999, eps = 1e-8;
  a->t++;
  double rest1 = 1 - pow(b1, a->t), rest2 = 1 - pow(b2, a->t);
#pragma omp parallel for num_threads(a->threads) schedule(static)
  for (int64_t i = 0; i < a->n; i++) {
    double g = (double)grad[i];
    a->m[i] = b1 * a->m[i] + (1 - b1) * g;
    a->v[i] = b2 * a->v[i] + (1 - b2) * g * g;
    double mean = a->m[i] / rest1, square = a->v[i] / rest2;
    x[i] = (float)((double)x[i] - a->lr * mean / (sqrt(square) + eps));
  }
}
