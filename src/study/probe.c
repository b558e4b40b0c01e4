/* Logistic regression by Newton's method (see probe.h).  The Hessian is never formed: each step is
 * found by conjugate gradients, of which an iteration reads the data twice, so that thousands of
 * features cost no more than they hold.  Sums are in double. */
#include "study/probe.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { NEWTON_STEPS = 100, HALVINGS = 40, ASKED_NUMBERS = 1 << 24 };

typedef struct logistic_fit {
  const probe_data *data;
  double penalty;
  int64_t size;                                          /* width + 1 */
  double *w;                                             /* (size) */
  double *gradient;                                      /* (size) */
  double *step, *direction, *residual, *product, *tried; /* (size) */

  double *curve; /* (n) p (1 - p) */
  const watch *watch;
  int64_t unasked; /* numbers read since the last look */
} logistic_fit;

static double dot(const double *a, const double *b, int64_t n) {
  double sum = 0;
  for (int64_t i = 0; i < n; i++) sum += a[i] * b[i];
  return sum;
}

/* x v + v_b of one example. */
static double apply(const float *x, const double *v, int64_t width) {
  double sum = v[width];
  for (int64_t i = 0; i < width; i++) sum += (double)x[i] * v[i];
  return sum;
}

/* out += a (x, 1) */
static void add_scaled(const float *x, double a, double *out, int64_t width) {
  for (int64_t i = 0; i < width; i++) out[i] += a * (double)x[i];
  out[width] += a;
}

/* log(1 + e^-m), without overflow */
static double log_loss(double m) { return m > 0 ? log1p(exp(-m)) : log1p(exp(m)) - m; }

static double objective(const logistic_fit *f, const double *w) {
  const probe_data *d = f->data;
  double sum = 0.5 * f->penalty * dot(w, w, d->width);
  for (int64_t i = 0; i < d->n; i++) {
    double m = apply(d->x + i * d->width, w, d->width);
    sum += log_loss(d->y[i] ? m : -m);
  }
  return sum;
}

/* g = penalty w + sum (p - y) (x, 1); and p (1 - p) for the Hessian.  Returns the largest |g|. */
static double find_gradient(logistic_fit *f) {
  const probe_data *d = f->data;
  double largest = 0;
  for (int64_t i = 0; i < d->width; i++) f->gradient[i] = f->penalty * f->w[i];
  f->gradient[d->width] = 0;
  for (int64_t i = 0; i < d->n; i++) {
    const float *x = d->x + i * d->width;
    double p = 1 / (1 + exp(-apply(x, f->w, d->width)));
    f->curve[i] = p * (1 - p);
    add_scaled(x, p - (d->y[i] ? 1 : 0), f->gradient, d->width);
  }
  for (int64_t i = 0; i < f->size; i++) largest = fmax(largest, fabs(f->gradient[i]));
  return largest;
}

/* H v = penalty v + sum p (1 - p) (x v + v_b) (x, 1) */
static void hessian_times(const logistic_fit *f, const double *v, double *out) {
  const probe_data *d = f->data;
  for (int64_t i = 0; i < d->width; i++) out[i] = f->penalty * v[i];
  out[d->width] = 0;
  for (int64_t i = 0; i < d->n; i++) {
    const float *x = d->x + i * d->width;
    add_scaled(x, f->curve[i] * apply(x, v, d->width), out, d->width);
  }
}

static bool is_stopped(logistic_fit *f) {
  f->unasked += f->data->n * f->size;
  if (f->unasked < ASKED_NUMBERS) return false;
  f->unasked = 0;
  return watch_stops(f->watch, "probe", 0, 0);
}

/* H step = -gradient, by conjugate gradients (Hestenes, Stiefel 1952).  False: it was
 * stopped. */
static bool find_step(logistic_fit *f) {
  int64_t size = f->size;
  for (int64_t i = 0; i < size; i++) {
    f->step[i] = 0;
    f->residual[i] = f->direction[i] = -f->gradient[i];
  }
  double rr = dot(f->residual, f->residual, size), enough = 1e-16 * rr;
  for (int64_t k = 0; k < 2 * size && rr > enough; k++) {
    hessian_times(f, f->direction, f->product);
    if (is_stopped(f)) return false;
    double bend = dot(f->direction, f->product, size);
    if (!(bend > 0)) break;
    double a = rr / bend, before = rr;
    for (int64_t i = 0; i < size; i++) {
      f->step[i] += a * f->direction[i];
      f->residual[i] -= a * f->product[i];
    }
    rr = dot(f->residual, f->residual, size);
    for (int64_t i = 0; i < size; i++)
      f->direction[i] = f->residual[i] + rr / before * f->direction[i];
  }
  return true;
}

/* w += the longest of step, step/2, step/4, ... that lowers the objective.  False: none does. */
static bool take_step(logistic_fit *f, double *value) {
  double slope = dot(f->gradient, f->step, f->size), t = 1;
  for (int k = 0; k < HALVINGS; k++, t /= 2) {
    for (int64_t i = 0; i < f->size; i++) f->tried[i] = f->w[i] + t * f->step[i];
    double there = objective(f, f->tried);
    if (there > *value + 1e-4 * t * slope) continue;
    *value = there;
    memcpy(f->w, f->tried, (size_t)f->size * sizeof *f->w);
    return true;
  }
  return false;
}

loci_status probe_fit(const probe_data *data, double penalty, const watch *w, double *weights,
                      loci_err *err) {
  int64_t size = data->width + 1;
  double *room = calloc((size_t)(6 * size + data->n), sizeof *room);
  if (!room) return fail_nomem(err, "fitting a probe");
  logistic_fit f = {.data = data, .penalty = penalty, .size = size, .w = weights, .watch = w};
  f.gradient = room;
  f.step = room + size;
  f.direction = room + 2 * size;
  f.residual = room + 3 * size;
  f.product = room + 4 * size;
  f.tried = room + 5 * size;
  f.curve = room + 6 * size;
  memset(weights, 0, (size_t)size * sizeof *weights);
  double value = objective(&f, weights), enough = 1e-10 * (double)data->n;
  bool stopped = false;
  for (int k = 0; k < NEWTON_STEPS && find_gradient(&f) > enough; k++) {
    stopped = !find_step(&f);
    if (stopped || !take_step(&f, &value)) break;
  }
  free(room);
  return stopped ? fail(err, LOCI_ECANCELLED, "cancelled while fitting a probe") : LOCI_OK;
}

/* ---------------------------------------------------------------- cross-validation */

/* Means and one over standard deviations of the examples outside [fold]; 0 for a constant. */
static void find_scale(const probe_data *d, const int *fold, int without, double *mean,
                       double *scale) {
  int64_t count = 0;
  memset(mean, 0, (size_t)d->width * sizeof *mean);
  memset(scale, 0, (size_t)d->width * sizeof *scale);
  for (int64_t i = 0; i < d->n; i++) count += fold[i] != without;
  for (int64_t i = 0; i < d->n; i++) {
    if (fold[i] == without) continue;
    for (int64_t k = 0; k < d->width; k++)
      mean[k] += (double)d->x[i * d->width + k] / (double)count;
  }
  for (int64_t i = 0; i < d->n; i++) {
    if (fold[i] == without) continue;
    for (int64_t k = 0; k < d->width; k++) {
      double away = (double)d->x[i * d->width + k] - mean[k];
      scale[k] += away * away / (double)count;
    }
  }
  for (int64_t k = 0; k < d->width; k++) {
    bool constant = scale[k] <= 1e-12 * mean[k] * mean[k];
    scale[k] = constant ? 0 : 1 / sqrt(scale[k]);
  }
}

typedef struct validation {
  const probe_data *data;
  const int *fold;
  double *mean, *scale, *weights; /* (width), (width), (width + 1) */
  float *x;                       /* (n, width) the scaled features, those fitted on first */
  bool *y;
  double *score;
  const watch *w;
} validation;

static void scale_row(const validation *v, int64_t i, float *out) {
  for (int64_t k = 0; k < v->data->width; k++) {
    double x = (double)v->data->x[i * v->data->width + k];
    out[k] = (float)((x - v->mean[k]) * v->scale[k]);
  }
}

/* Mean and scale are of the fitted rows alone: those of the fold would tell the probe about what
 * it is tested on. */
static loci_status validate_fold(const validation *v, int fold, loci_err *err) {
  const probe_data *d = v->data;
  int64_t fitted = 0;
  find_scale(d, v->fold, fold, v->mean, v->scale);
  for (int64_t i = 0; i < d->n; i++) {
    if (v->fold[i] == fold) continue;
    scale_row(v, i, v->x + fitted * d->width);
    v->y[fitted++] = d->y[i];
  }
  probe_data part = {fitted, d->width, v->x, v->y};
  TRY(probe_fit(&part, (double)d->width, v->w, v->weights, err));
  for (int64_t i = 0; i < d->n; i++) {
    if (v->fold[i] != fold) continue;
    scale_row(v, i, v->x); /* the fitted rows are not needed any more */
    v->score[i] = apply(v->x, v->weights, d->width);
  }
  return LOCI_OK;
}

loci_status probe_cross_validate(const probe_data *data, const int *fold, int folds, const watch *w,
                                 double *score, loci_err *err) {
  int64_t width = data->width;
  loci_status st = LOCI_OK;
  double *room = calloc((size_t)(3 * width + 1), sizeof *room);
  float *x = calloc((size_t)(data->n * width + 1), sizeof *x);
  bool *y = calloc((size_t)data->n + 1, sizeof *y);
  if (!room || !x || !y) {
    st = fail_nomem(err, "fitting a probe");
    goto done;
  }
  validation v = {data, fold, room, room + width, room + 2 * width, x, y, score, w};
  for (int k = 0; k < folds; k++) TRY_DONE(validate_fold(&v, k, err));
done:
  free(room);
  free(x);
  free(y);
  return st;
}
