/* Eigenvalues without eigenvectors (see spectrum.h; Golub and Van Loan, Matrix Computations, 8.3):
 *
 *   A = Q T Q^T       by n - 2 reflections, T tridiagonal
 *   T = G D G^T       by the implicit QR algorithm with Wilkinson's shift, G a product of rotations
 *
 * Both are kept as what they are made of, so a vector's coordinates D-wise, G^T Q^T x, cost n^2 and
 * the eigenvectors, which would cost n^3 more than once, are never made: P x is the way there, the
 * coordinates of large eigenvalues left out, and the way back. */
#include "tensor/spectrum.h"

#include <float.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_SWEEPS = 60, WORTH_THREADS = 128, ASKED_SWEEPS = 64 };

typedef struct rotation {
  double c, s;
} rotation;

/* Rotations of the planes (from, from + 1), ... in this order. */
typedef struct sweep {
  int64_t from, count, first; /* first: its number among all rotations */
} sweep;

struct spectrum {
  int64_t n;
  double *a;     /* (n,n) reflection k in row k, right of the diagonal */
  double *scale; /* (n) 2 / v^T v of each */
  double *d, *e; /* (n) diagonal, then eigenvalues; beside it */
  rotation *turns;
  sweep *sweeps;
  int64_t turn_count, turn_room, sweep_count, sweep_room;
};

/* ---------------------------------------------------------------- to tridiagonal form */

/* Row k right of the diagonal := v with (I - scale v v^T) x = (alpha, 0, ...), x what stood there.
 */
static double reflect(double *v, int64_t n, double *scale) {
  double squares = 0, norm;
  for (int64_t i = 1; i < n; i++) squares += v[i] * v[i];
  double alpha = v[0];
  *scale = 0;
  if (squares == 0) return alpha;
  norm = sqrt(alpha * alpha + squares);
  if (alpha > 0) norm = -norm;
  v[0] = alpha - norm;
  *scale = 2 / (v[0] * v[0] + squares);
  return norm;
}

/* A := H A H of the rows and columns after k: A - v w^T - w v^T, w = p - (scale v^T p / 2) v, p =
 * scale A v. */
static void both_sides(spectrum *s, int64_t k, double *p, int threads) {
  int64_t n = s->n, m = n - k - 1;
  const double *v = s->a + k * n + k + 1;
  double scale = s->scale[k], along = 0;
#pragma omp parallel for num_threads(threads) schedule(static) if (m > WORTH_THREADS)
  for (int64_t i = 0; i < m; i++) {
    const double *row = s->a + (k + 1 + i) * n + k + 1;
    double sum = 0;
#pragma omp simd reduction(+ : sum)
    for (int64_t j = 0; j < m; j++) sum += row[j] * v[j];
    p[i] = scale * sum;
  }
  for (int64_t i = 0; i < m; i++) along += v[i] * p[i];
  for (int64_t i = 0; i < m; i++) p[i] -= scale * along / 2 * v[i];
#pragma omp parallel for num_threads(threads) schedule(static) if (m > WORTH_THREADS)
  for (int64_t i = 0; i < m; i++) {
    double *row = s->a + (k + 1 + i) * n + k + 1, vi = v[i], wi = p[i];
    for (int64_t j = 0; j < m; j++) row[j] -= vi * p[j] + wi * v[j];
  }
}

static loci_status stopped(const watch *w, double done, double total, loci_err *err) {
  if (!watch_stops(w, "covariance", done, total)) return LOCI_OK;
  return fail(err, LOCI_ECANCELLED, "cancelled while taking a covariance apart");
}

static loci_status to_tridiagonal(spectrum *s, double *scratch, int threads, const watch *w,
                                  loci_err *err) {
  int64_t n = s->n;
  for (int64_t k = 0; k < n; k++) {
    s->d[k] = s->a[k * n + k];
    s->scale[k] = 0;
    if (k + 1 == n) break;
    s->e[k] =
        k + 2 < n ? reflect(s->a + k * n + k + 1, n - k - 1, &s->scale[k]) : s->a[k * n + k + 1];
    TRY(stopped(w, (double)k, (double)n, err));
    if (s->scale[k] != 0) both_sides(s, k, scratch, threads);
  }
  return LOCI_OK;
}

/* ---------------------------------------------------------------- to diagonal form */

static bool room_for(spectrum *s, int64_t turns) {
  if (s->sweep_count == s->sweep_room) {
    int64_t room = s->sweep_room ? 2 * s->sweep_room : 64;
    sweep *more = realloc(s->sweeps, (size_t)room * sizeof *more);
    if (!more) return false;
    s->sweeps = more;
    s->sweep_room = room;
  }
  if (s->turn_count + turns <= s->turn_room) return true;
  int64_t room = s->turn_room ? s->turn_room + s->turn_room / 2 : 16 * s->n;
  if (room < s->turn_count + turns) room = s->turn_count + turns;
  rotation *more = realloc(s->turns, (size_t)room * sizeof *more);
  if (!more) return false;
  s->turns = more;
  s->turn_room = room;
  return true;
}

/* One sweep over the block from lo to hi: the first rotation is the shifted matrix's, the others
 * chase what it leaves beside the diagonals. */
static void sweep_block(spectrum *s, int64_t lo, int64_t hi) {
  double *d = s->d, *e = s->e;
  double half = (d[hi - 1] - d[hi]) / 2, last = e[hi - 1];
  double far = hypot(half, last), shift = d[hi] - last * (last / (half + (half < 0 ? -far : far)));
  double x = d[lo] - shift, z = e[lo];
  s->sweeps[s->sweep_count++] = (sweep){lo, hi - lo, s->turn_count};
  for (int64_t k = lo; k < hi; k++) {
    double r = hypot(x, z), c = r > 0 ? x / r : 1, t = r > 0 ? z / r : 0;
    double d1 = d[k], d2 = d[k + 1], b = e[k];
    if (k > lo) e[k - 1] = r;
    d[k] = c * c * d1 + 2 * c * t * b + t * t * d2;
    d[k + 1] = t * t * d1 - 2 * c * t * b + c * c * d2;
    e[k] = c * t * (d2 - d1) + (c * c - t * t) * b;
    s->turns[s->turn_count++] = (rotation){c, t};
    x = e[k];
    if (k + 1 < hi) {
      z = t * e[k + 1];
      e[k + 1] *= c;
    }
  }
}

/* What is below the rounding of the whole matrix is zero. */
static bool is_small(const spectrum *s, int64_t k, double norm) {
  return fabs(s->e[k]) <= DBL_EPSILON * (fabs(s->d[k]) + fabs(s->d[k + 1]) + norm / 16);
}

static loci_status to_diagonal(spectrum *s, const watch *w, loci_err *err) {
  double norm = 0;
  for (int64_t k = 0; k < s->n; k++)
    norm = fmax(norm, fabs(s->d[k]) + (k + 1 < s->n ? fabs(s->e[k]) : 0));
  int64_t sweeps = 0;
  for (int64_t hi = s->n - 1; hi > 0;) {
    int64_t lo = hi;
    while (lo > 0 && !is_small(s, lo - 1, norm)) lo--;
    if (lo == hi) {
      hi--;
      continue;
    }
    if (++sweeps > MOST_SWEEPS * s->n || !isfinite(s->d[hi]))
      return fail(err, LOCI_EINVAL, "the eigenvalues of a covariance do not converge");
    if (sweeps % ASKED_SWEEPS == 0) TRY(stopped(w, (double)(s->n - hi), (double)s->n, err));
    if (!room_for(s, hi - lo)) return fail_nomem(err, "eigenvalues");
    sweep_block(s, lo, hi);
  }
  return LOCI_OK;
}

int64_t spectrum_bytes(int64_t n) { return 2 * n * n * (int64_t)sizeof(rotation); }

loci_status spectrum_new(double *a, int64_t n, int threads, const watch *w, spectrum **out,
                         loci_err *err) {
  *out = NULL;
  spectrum *s = calloc(1, sizeof *s);
  double *scratch = malloc((size_t)n * sizeof *scratch);
  if (s) {
    *s = (spectrum){.n = n, .a = a};
    s->scale = calloc((size_t)n, sizeof *s->scale);
    s->d = calloc((size_t)n, sizeof *s->d);
    s->e = calloc((size_t)n, sizeof *s->e);
  }
  bool room = s && scratch && s->scale && s->d && s->e;
  loci_status st = room ? LOCI_OK : fail_nomem(err, "eigenvalues");
  if (!st) st = to_tridiagonal(s, scratch, threads, w, err);
  if (!st) st = to_diagonal(s, w, err);
  free(scratch);
  if (st) {
    spectrum_free(s);
    return st;
  }
  *out = s;
  return LOCI_OK;
}

void spectrum_free(spectrum *s) {
  if (!s) return;
  free(s->scale);
  free(s->d);
  free(s->e);
  free(s->turns);
  free(s->sweeps);
  free(s);
}

/* ---------------------------------------------------------------- there and back */

const double *spectrum_values(const spectrum *s) { return s->d; }

int64_t spectrum_below(const spectrum *s, double bound) {
  int64_t count = 0;
  for (int64_t k = 0; k < s->n; k++) count += s->d[k] < bound;
  return count;
}

static void reflect_one(const spectrum *s, int64_t k, double *x) {
  const double *v = s->a + k * s->n + k + 1;
  double sum = 0, scale = s->scale[k];
  int64_t m = s->n - k - 1;
  if (scale == 0) return;
  x += k + 1;
  for (int64_t i = 0; i < m; i++) sum += v[i] * x[i];
  for (int64_t i = 0; i < m; i++) x[i] -= scale * sum * v[i];
}

static void project_one(const spectrum *s, double bound, double *x) {
  for (int64_t k = 0; k < s->n; k++) reflect_one(s, k, x);
  for (int64_t i = 0; i < s->sweep_count; i++) {
    const sweep *w = &s->sweeps[i];
    double *at = x + w->from;
    for (int64_t k = 0; k < w->count; k++) {
      rotation r = s->turns[w->first + k];
      double one = at[k], two = at[k + 1];
      at[k] = r.c * one + r.s * two;
      at[k + 1] = r.c * two - r.s * one;
    }
  }
  for (int64_t k = 0; k < s->n; k++)
    if (!(s->d[k] < bound)) x[k] = 0;
  for (int64_t i = s->sweep_count; i-- > 0;) {
    const sweep *w = &s->sweeps[i];
    double *at = x + w->from;
    for (int64_t k = w->count; k-- > 0;) {
      rotation r = s->turns[w->first + k];
      double one = at[k], two = at[k + 1];
      at[k] = r.c * one - r.s * two;
      at[k + 1] = r.c * two + r.s * one;
    }
  }
  for (int64_t k = s->n; k-- > 0;) reflect_one(s, k, x);
}

void spectrum_project(const spectrum *s, double bound, double *x, int64_t m, int threads) {
#pragma omp parallel for num_threads(threads) schedule(dynamic) if (m > 1)
  for (int64_t i = 0; i < m; i++) project_one(s, bound, x + i * s->n);
}
