/* What keys an update spares (see update.h; docs/MATH.md, "ROME and MEMIT", "AlphaEdit"): C^-1 of a
 * covariance by its Cholesky factor, or P, the projection on the directions in which keys hardly
 * vary.  Made once for a layer, however many batches of requests are solved in it. */
#include <float.h>
#include <math.h>
#include <stdlib.h>

#include "edit/update.h"
#include "tensor/cholesky.h"
#include "tensor/spectrum.h"

struct key_metric {
  int64_t F;
  double *values; /* (F,F) the factor, or what the spectrum is made of */
  spectrum *s;    /* NULL: C^-1 */
  double bound;
};

static watch watch_of(const problem *p) {
  return (watch){p->opts->progress, p->opts->progress_ctx};
}

/* C + ridge mean(diag C) I = L L^T; the ridge makes a covariance of too few keys invertible. */
static loci_status factorise(key_metric *k, const loci_covariance *c, double trace,
                             const problem *of, loci_err *err) {
  const loci_edit_settings *set = of->set;
  const watch w = watch_of(of);
  for (int64_t i = 0; i < k->F; i++) k->values[i * k->F + i] += set->ridge * trace / (double)k->F;
  loci_status st = cholesky_factor(k->values, k->F, of->m->threads, &w);
  if (!st) return LOCI_OK;
  if (st == LOCI_ECANCELLED) return fail(err, st, "cancelled while inverting a covariance");
  return fail(err, LOCI_EINVAL,
              "the covariance of layer %d is not positive definite: it wants more questions, or a "
              "larger ridge than %g",
              c->layer, set->ridge);
}

/* An absolute bound is AlphaEdit's; one in means of the eigenvalues goes along with the scale of
 * the keys. */
static loci_status decompose(key_metric *k, const loci_covariance *c, double trace,
                             const problem *of, loci_err *err) {
  const loci_edit_settings *set = of->set;
  const watch w = watch_of(of);
  double mean = trace / (double)k->F;
  k->bound = set->null_relative > 0 ? set->null_relative * mean : set->null_below;
  TRY(spectrum_new(k->values, k->F, of->m->threads, &w, &k->s, err));
  int64_t wrong = spectrum_below(k->s, -0.01 * mean); /* rounding leaves a thousandth at most */
  if (wrong > 0) {
    return fail(err, LOCI_EFORMAT,
                "not a covariance of layer %d: %lld of its eigenvalues are below 0", c->layer,
                (long long)wrong);
  }
  if (spectrum_below(k->s, k->bound) > 0) return LOCI_OK;
  return fail(err, LOCI_EINVAL,
              "no direction of the keys of layer %d is free: all eigenvalues of their covariance "
              "(mean %.3g) are %g or more; a larger --null-below, or --null-relative",
              c->layer, mean, k->bound);
}

int64_t key_metric_bytes(edit_method method, int64_t F) {
  return F * F * (int64_t)sizeof(double) + (method == ALPHAEDIT ? spectrum_bytes(F) : 0);
}

static loci_status check_memory(const loci_covariance *c, const problem *of, loci_err *err) {
  int64_t bytes = key_metric_bytes(of->method, c->inner);
  if (bytes <= of->m->memory) return LOCI_OK;
  return fail(err, LOCI_ENOMEM,
              "the covariance of layer %d needs %lld MiB beside the weights, --memory allows %lld",
              c->layer, (long long)(bytes >> 20) + 1, (long long)(of->m->memory >> 20));
}

/* A mean of k k^T is symmetric, and no element exceeds the root of its two on the diagonal.  One
 * hundredth of that is far beyond what sums in f32 leave and far within what a damaged or foreign
 * file has; a projection on its eigenvectors would take any of them without a word.  A square may
 * underflow where the product with another key does not. */
static loci_status check_values(const loci_covariance *c, loci_err *err) {
  const float *v = c->values;
  double trace = 0;
  for (int64_t i = 0; i < c->inner; i++) {
    double d = (double)v[i * c->inner + i];
    if (!(d >= 0) || isinf(d))
      return fail(err, LOCI_EFORMAT,
                  "not a covariance of layer %d: element %lld of its diagonal is %g", c->layer,
                  (long long)i, d);
    trace += d;
  }
  if (trace == 0)
    return fail(err, LOCI_EFORMAT, "the covariance of layer %d is all zeros: it is of no keys",
                c->layer);
  for (int64_t i = 0; i < c->inner; i++)
    for (int64_t j = 0; j < i; j++) {
      double a = (double)v[i * c->inner + j], b = (double)v[j * c->inner + i];
      double most = sqrt((double)fmaxf(v[i * c->inner + i], FLT_MIN) *
                         (double)fmaxf(v[j * c->inner + j], FLT_MIN));
      bool even = fabs(a - b) <= 0.01 * most; /* false of a NaN, too */
      if (!even || !(fabs(a) <= 1.01 * most))
        return fail(err, LOCI_EFORMAT,
                    "not a covariance of layer %d: elements (%lld,%lld) and (%lld,%lld) are %g and "
                    "%g: %s",
                    c->layer, (long long)i, (long long)j, (long long)j, (long long)i, a, b,
                    even ? "more than the diagonal allows" : "it is not symmetric");
    }
  return LOCI_OK;
}

loci_status key_metric_new(const loci_covariance *c, const problem *of, key_metric **out,
                           loci_err *err) {
  *out = NULL;
  if (!c) return LOCI_OK;
  TRY(check_memory(c, of, err));
  TRY(check_values(c, err));
  int64_t F = c->inner;
  double trace = 0;
  key_metric *k = calloc(1, sizeof *k);
  double *a = malloc((size_t)(F * F) * sizeof *a);
  loci_status st = LOCI_OK;
  if (!k || !a) {
    free(a);
    st = fail_nomem(err, "solving for the update");
    goto done;
  }
  *k = (key_metric){.F = F, .values = a};
  for (int64_t i = 0; i < F; i++) trace += (double)c->values[i * F + i];
  for (int64_t i = 0; i < F * F; i++) a[i] = (double)c->values[i];
  TRY_DONE(of->method == ALPHAEDIT ? decompose(k, c, trace, of, err)
                                   : factorise(k, c, trace, of, err));
  *out = k;
  k = NULL;
done:
  key_metric_free(k);
  return st;
}

void key_metric_free(key_metric *k) {
  if (!k) return;
  spectrum_free(k->s);
  free(k->values);
  free(k);
}

void key_metric_apply(const key_metric *k, double *z, int64_t m, int threads) {
  if (!k) return;
  if (k->s) {
    spectrum_project(k->s, k->bound, z, m, threads);
    return;
  }
#pragma omp parallel for num_threads(threads) schedule(static)
  for (int64_t i = 0; i < m; i++) cholesky_solve(k->values, k->F, z + i * k->F);
}

int64_t key_metric_free_count(const key_metric *k) {
  return k && k->s ? spectrum_below(k->s, k->bound) : -1;
}
