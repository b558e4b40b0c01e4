/* Intervals round means (see intervals.h). */
#include "study/intervals.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define ENDLESS ((double)INFINITY)
const stat_range stat_any = {-ENDLESS, ENDLESS, false, false},
                 stat_probability = {0, 1, false, false}, stat_shares = {0, 1, true, false},
                 stat_verdicts = {0, 1, true, true}, stat_change = {-1, 1, false, false},
                 stat_amount = {0, ENDLESS, false, false}, stat_index = {0, ENDLESS, false, true};

/* A tile has two columns for a point, or four where some examples lack it. */
enum { POINTS_MOST = TILE / 2, LEAST = 3 };

static const loci_interval undefined = {(double)NAN, (double)NAN, (double)NAN};

static loci_status no_memory(loci_err *err) { return fail_nomem(err, "resampling"); }

bool stat_is_of(stat_range r, double x) {
  static const double roundings = 1e-3; /* of a sum of f32 shares over a vocabulary, and to spare */
  if (r.whole && x != floor(x)) return isnan(x);
  return isnan(x) || (x >= r.lo - roundings && x <= r.hi + roundings);
}

/* ---------------------------------------------------------------- from draws to an interval */

static double cut(double x, stat_range r) { return fmin(fmax(x, r.lo), r.hi); }

/* The 97.5 % quantile of Student's t: bisected, since p falls with t. */
static double student_quantile(double df) {
  double lo = 1.9, hi = 13;
  for (int i = 0; i < 60; i++) {
    double middle = (lo + hi) / 2;
    *(stat_t_test(middle, df) > 0.05 ? &lo : &hi) = middle;
  }
  return lo;
}

/* Wilson's, of [count] questions: (m + z^2/2n -+ z sqrt(m (1 - m) / n + z^2/4n^2)) / (1 + z^2/n) */
static loci_interval wilson(double m, double count, double z) {
  double zz = z * z / count, middle = m + zz / 2;
  double half = z * sqrt(fmax(m * (1 - m), 0) / count + zz / (4 * count));
  return (loci_interval){m, m <= 0 ? 0 : (middle - half) / (1 + zz),
                         m >= 1 ? 1 : (middle + half) / (1 + zz)};
}

/* What a sample says of its mean's error: s / sqrt(n), degrees of freedom, and, where asks_alike,
 * whether more than half of it is one and the same number. */
typedef struct own_error {
  double error, df;
  bool alike;
} own_error;

/* Whether more than 2.5 % of the draws have no t*. */
static bool lacks_tail(int defined) { return 40 * defined < 39 * STAT_RESAMPLES; }

/* Another pass over all examples, for the few means that need it. */
static bool asks_alike(double error, int defined) { return error == 0 || lacks_tail(defined); }

/* Of what lies in 0 .. 1 Wilson's interval with n* = m (1 - m) / se^2 in place of n; else m -+ t
 * se, but not where most numbers are the same: the few others say nothing of those that were not
 * met. */
static void by_error(own_error e, stat_range range, loci_interval *out) {
  double t = student_quantile(e.df), m = out->value;
  if (range.lo == 0 && range.hi == 1 && m >= 0 && m <= 1) {
    *out = wilson(m, m > 0 && m < 1 ? m * (1 - m) / (e.error * e.error) : e.df + 1, t);
  } else if (!e.alike) {
    out->lo = cut(m - t * e.error, range);
    out->hi = cut(m + t * e.error, range);
  }
}

/* m - t*_.975 se .. m - t*_.025 se.  A draw without an error of its own has no t*.  Where more than
 * 2.5 % have none, they are the tail that a bound would be read from (of one example in a hundred
 * that is not 0, t* of the others is never below 0, and the mean would be its own upper bound):
 * there the sample's error is asked.  So it is where all are at an end of 0 .. 1. */
static void student(double *t, int defined, own_error e, stat_range range, loci_interval *out) {
  double error = e.error;
  bool at_end = range.lo == 0 && range.hi == 1 && (out->value == 0 || out->value == 1);
  if (error == 0 && !e.alike) out->lo = out->hi = out->value;
  if (!(error > 0) && !(error == 0 && at_end)) return;
  if (lacks_tail(defined)) {
    by_error(e, range, out);
    return;
  }
  stat_sort(t, defined);
  out->lo = cut(out->value - stat_quantile(t, defined, 0.975) * error, range);
  out->hi = cut(out->value - stat_quantile(t, defined, 0.025) * error, range);
}

/* Sums of a group in a draw: of (x - mean) / s, of its square, and how many there are. */
typedef struct drawn_sums {
  double z, zz, count;
} drawn_sums;

/* (mean, squared standard error) in units of s; false: it has no error.  The square is a mean over
 * n, the sample's over n - 1: so t* is a little larger, which brought twenty log-normal numbers
 * from 91.3 to 92.5 % of the intervals and normal ones from 94.1 to 95.0 (bench/coverage.c). */
static bool drawn_mean(drawn_sums s, double *mean, double *error) {
  if (s.count < 2) return false;
  *mean = s.z / s.count;
  double variance = (s.zz - s.z * *mean) / s.count;
  *error = variance / s.count;
  return variance > 1e-12; /* what rounding leaves of zero, in units of the sample's variance */
}

double stat_table_at(const stat_table *t, int64_t i, int k) {
  return t->x[(t->rows ? t->rows[i] : i) * t->stride + k];
}

/* Two columns of a tile: z and z^2 of point k, 0 where it has no number; in two more, [there],
 * whether it has. */
static void fill_columns(double *tile, const stat_table *t, int k, const stat_running *r,
                         bool there) {
  double s = r->n > 1 ? sqrt(r->squares / (double)(r->n - 1)) : 0, scale = s > 0 ? 1 / s : 0;
  for (int64_t i = 0; i < t->n; i++, tile += TILE) {
    double v = stat_table_at(t, i, k);
    double z = isnan(v) ? 0 : (v - r->mean) * scale;
    tile[0] = z;
    tile[1] = z * z;
    if (!there) continue;
    tile[2] = !isnan(v);
    tile[3] = 0;
  }
}

typedef struct scratch {
  double *tile;         /* (n, TILE) */
  double (*sums)[TILE]; /* (STAT_RESAMPLES, TILE) */
  double *t;            /* (STAT_RESAMPLES) */
} scratch;

static void scratch_clear(scratch *s) {
  free(s->tile);
  free(s->sums);
  free(s->t);
}

static loci_status scratch_new(int64_t n, scratch *s, loci_err *err) {
  *s = (scratch){calloc((size_t)n + 1, TILE * sizeof(double)),
                 calloc(STAT_RESAMPLES, sizeof *s->sums), calloc(STAT_RESAMPLES, sizeof *s->t)};
  if (s->tile && s->sums && s->t) return LOCI_OK;
  scratch_clear(s);
  return no_memory(err);
}

/* Of points k, k + 1, .. side by side, since each step of one waits for the step before it. */
static void run_through(const stat_table *t, int k, int count, stat_running *out) {
  memset(out, 0, (size_t)count * sizeof *out);
  for (int64_t i = 0; i < t->n; i++) {
    for (int p = 0; p < count; p++) {
      double v = stat_table_at(t, i, k + p);
      if (!isnan(v)) stat_running_add(&out[p], v);
    }
  }
}

static stat_running running_of(const stat_table *t, int k) {
  stat_running r;
  run_through(t, k, 1, &r);
  return r;
}

/* Whether more than half of a point's numbers are the same: the only candidate is what is left when
 * pairs of different ones go (Boyer and Moore 1991). */
static bool is_alike(const stat_table *t, int k) {
  double most = (double)NAN;
  int64_t lead = 0, same = 0, n = 0;
  for (int64_t i = 0; i < t->n; i++) {
    double v = stat_table_at(t, i, k);
    if (isnan(v)) continue;
    if (lead == 0) most = v;
    lead += v == most ? 1 : -1;
  }
  for (int64_t i = 0; i < t->n; i++) {
    double v = stat_table_at(t, i, k);
    n += !isnan(v);
    same += v == most;
  }
  return 2 * same > n;
}

/* ---------------------------------------------------------------- means */

/* A point and where its sums are. */
typedef struct summed_point {
  int k;
  stat_running r;
  const double (*sums)[TILE];
  int z, there; /* columns of the tile; there -1: all examples have the point */
} summed_point;

/* The studentised bootstrap (Efron & Tibshirani 1993, 12.5): of each draw t* = (mean* - mean) /
 * se*.  Too few values get a mean and no interval. */
static void mean_of_point(const summed_point *p, const stat_table *t, stat_range range,
                          double *t_of_draws, loci_interval *out, double *error, double *drawn) {
  double unit = p->r.n > 1 ? sqrt(p->r.squares / (double)(p->r.n - 1)) : 0;
  int defined = 0;
  for (int b = 0; b < STAT_RESAMPLES; b++) {
    double mean, square;
    const double *s = p->sums[b];
    double count = p->there < 0 ? (double)t->n : s[p->there];
    if (drawn) drawn[(int64_t)b * t->points + p->k] = p->r.mean + unit * s[p->z] / count;
    if (drawn_mean((drawn_sums){s[p->z], s[p->z + 1], count}, &mean, &square))
      t_of_draws[defined++] = mean / sqrt(square);
  }
  *out = undefined;
  *error = stat_running_error(&p->r);
  if (p->r.n > 0) out->value = p->r.mean;
  own_error own = {*error, (double)(p->r.n - 1), asks_alike(*error, defined) && is_alike(t, p->k)};
  if (p->r.n >= LEAST) student(t_of_draws, defined, own, range, out);
}

/* As many points as find room in a tile: half as many where an example lacks one, with a column
 * for who has it. */
static int sum_points(const stat_draws *d, const stat_table *t, int k, scratch *s,
                      summed_point out[POINTS_MOST]) {
  int n = t->points - k < POINTS_MOST ? t->points - k : POINTS_MOST;
  bool whole = true;
  stat_running of[POINTS_MOST];
  run_through(t, k, n, of);
  for (int i = 0; i < n; i++) {
    out[i] = (summed_point){k + i, of[i], (const double(*)[TILE])s->sums, 2 * i, -1};
    whole = whole && of[i].n == t->n;
  }
  if (!whole && n > POINTS_MOST / 2) n = POINTS_MOST / 2;
  for (int i = 0; i < n; i++) {
    if (!whole) out[i].z = 4 * i, out[i].there = 4 * i + 2;
    fill_columns(s->tile + out[i].z, t, k + i, &out[i].r, !whole);
  }
  stat_draws_sum(d, s->tile, s->sums);
  return n;
}

/* A share's interval is Wilson's, which needs no draws. */
static void share_of_point(const stat_table *t, int k, double *tile, loci_interval *out,
                           double *error) {
  stat_running r = running_of(t, k);
  for (int64_t i = 0; i < t->n; i++) tile[i] = stat_table_at(t, i, k);
  *out = stat_share(tile, t->n);
  *error = stat_running_error(&r);
}

loci_status stat_means(const stat_draws *d, const stat_table *t, stat_range range,
                       loci_interval *out, double *errors, double *drawn, loci_err *err) {
  scratch s;
  summed_point points[POINTS_MOST];
  double error;
  TRY(scratch_new(t->n, &s, err));
  for (int k = 0, n; k < t->points && (!range.share || drawn); k += n) {
    if (stat_draws_stopped(d, k, t->points)) {
      scratch_clear(&s);
      return fail(err, LOCI_ECANCELLED, "cancelled while resampling");
    }
    n = sum_points(d, t, k, &s, points);
    for (int i = 0; i < n; i++) {
      mean_of_point(&points[i], t, range, s.t, &out[k + i], &error, drawn);
      if (errors) errors[k + i] = error;
    }
  }
  for (int k = 0; range.share && k < t->points; k++) {
    share_of_point(t, k, s.tile, &out[k], &error);
    if (errors) errors[k] = error;
  }
  scratch_clear(&s);
  return LOCI_OK;
}

loci_status stat_mean(const double *x, int64_t n, stat_range range, uint64_t seed,
                      loci_interval *out, loci_err *err) {
  stat_table t = {x, n, 1, 1, NULL};
  stat_draws *d;
  if (range.share) {
    *out = stat_share(x, n);
    return LOCI_OK;
  }
  TRY(stat_draws_new(n, seed, &d, err));
  loci_status st = stat_means(d, &t, range, out, NULL, NULL, err);
  stat_draws_free(d);
  return st;
}

/* Degrees of freedom of a difference of means, unless neither varies (Welch 1947). */
static double welch_freedom(const stat_running *a, const stat_running *b) {
  double ea = stat_running_error(a), eb = stat_running_error(b), u = ea * ea, v = eb * eb;
  return (u + v) * (u + v) / (u * u / (double)(a->n - 1) + v * v / (double)(b->n - 1));
}

/* In a draw of both groups together each keeps about its size; t* has both their errors. */
loci_status stat_difference(const stat_draws *d, const double *x, int64_t n, const double *y,
                            int64_t m, loci_interval *out, loci_err *err) {
  const stat_table of_x = {x, n, 1, 1, NULL}, of_y = {y, m, 1, 1, NULL};
  stat_running a = running_of(&of_x, 0), b = running_of(&of_y, 0);
  double ea = stat_running_error(&a), eb = stat_running_error(&b);
  double ua = ea * ea * (double)a.n, ub = eb * eb * (double)b.n; /* variances: units of the sums */
  int defined = 0;
  scratch s;
  *out = undefined;
  if (a.n > 0 && b.n > 0) out->value = b.mean - a.mean;
  if (a.n < 2 || b.n < 2) return LOCI_OK;
  TRY(scratch_new(n + m, &s, err));
  fill_columns(s.tile, &of_x, 0, &a, true); /* a group's columns are zero in the other's rows */
  fill_columns(s.tile + n * TILE + TILE / 2, &of_y, 0, &b, true);
  stat_draws_sum(d, s.tile, s.sums);
  for (int i = 0; i < STAT_RESAMPLES; i++) {
    double p, q, ep, eq, *u = s.sums[i], *v = u + TILE / 2;
    bool one = drawn_mean((drawn_sums){u[0], u[1], u[2]}, &p, &ep);
    bool other = drawn_mean((drawn_sums){v[0], v[1], v[2]}, &q, &eq);
    double square = (one ? ua * ep : 0) + (other ? ub * eq : 0);
    if (u[2] < 1 || v[2] < 1 || !(square > 0) || !(one || other)) continue;
    p = u[0] / u[2];
    q = v[0] / v[2];
    s.t[defined++] = (q * sqrt(ub) - p * sqrt(ua)) / sqrt(square);
  }
  own_error own = {.error = hypot(ea, eb), .df = welch_freedom(&a, &b)};
  if (asks_alike(own.error, defined)) own.alike = is_alike(&of_x, 0) || is_alike(&of_y, 0);
  student(s.t, defined, own, stat_any, out);
  scratch_clear(&s);
  return LOCI_OK;
}

loci_status stat_studentised(stat_error_fn *statistic, const void *ctx, int64_t n, stat_range range,
                             uint64_t seed, loci_interval *out, loci_err *err) {
  double *t = malloc(STAT_RESAMPLES * sizeof *t), value, error = (double)NAN;
  int *times = calloc((size_t)(n > 0 ? n : 1), sizeof *times), defined = 0;
  loci_status st = t && times ? LOCI_OK : no_memory(err);
  *out = undefined;
  for (int64_t i = 0; times && i < n; i++) times[i] = 1;
  if (!st && statistic(ctx, times, n, &value, &error)) {
    out->value = value;
    random_source r = random_new(seed);
    for (int b = 0; b < STAT_RESAMPLES && n >= LEAST; b++) {
      double drawn, its;
      stat_draw(&r, times, n);
      if (statistic(ctx, times, n, &drawn, &its) && its > 0) t[defined++] = (drawn - value) / its;
    }
    if (n >= LEAST) student(t, defined, (own_error){error, (double)(n - 1), false}, range, out);
  }
  free(t);
  free(times);
  return st;
}

/* ---------------------------------------------------------------- tests */

/* The incomplete beta function I_x(a, b) by its continued fraction, Lentz's method (Press and
 * others, Numerical Recipes 6.4), for x < (a + 1) / (a + b + 2). */
static double beta_fraction(double a, double b, double x) {
  const double tiny = 1e-300;
  double c = 1, d = 1 - (a + b) * x / (a + 1), f;
  d = 1 / (fabs(d) < tiny ? tiny : d);
  f = d;
  for (int m = 1; m < 500; m++) {
    double even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
    double odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
    const double steps[] = {even, odd};
    double step = 1;
    for (int i = 0; i < 2; i++) {
      d = 1 + steps[i] * d;
      c = 1 + steps[i] / c;
      d = 1 / (fabs(d) < tiny ? tiny : d);
      c = fabs(c) < tiny ? tiny : c;
      f *= step = d * c;
    }
    if (fabs(step - 1) < 1e-14) break;
  }
  return f;
}

static double incomplete_beta(double a, double b, double x) {
  if (x <= 0 || x >= 1) return x >= 1;
  double front = exp(lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(x) + b * log1p(-x));
  if (x < (a + 1) / (a + b + 2)) return front * beta_fraction(a, b, x) / a;
  return 1 - front * beta_fraction(b, a, 1 - x) / b;
}

double stat_t_test(double t, double df) {
  if (isnan(t) || !(df > 0)) return 1;
  return incomplete_beta(df / 2, 0.5, df / (df + t * t));
}

double stat_welch(const stat_running *a, const stat_running *b) {
  double ea = stat_running_error(a), eb = stat_running_error(b), d = b->mean - a->mean;
  if (isnan(ea) || isnan(eb)) return 1; /* of one example nobody knows the spread */
  double u = ea * ea, v = eb * eb;
  if (u + v == 0) return d == 0 ? 1 : 0;
  return stat_t_test(d / sqrt(u + v), welch_freedom(a, b));
}

loci_interval stat_share(const double *x, int64_t n) {
  stat_running r = running_of(&(stat_table){x, n, 1, 1, NULL}, 0);
  if (r.n < 1) return undefined;
  double m = r.mean, least = m * (1 - m) / (double)r.n;
  double z = student_quantile(r.n > 2 ? (double)(r.n - 1) : 1);
  double variance = fmax(r.squares / (double)r.n, least);
  double count = variance > 0 ? (double)r.n * m * (1 - m) / variance : (double)r.n;
  return wilson(m, count, z);
}

/* mean -+ s sqrt(2 (n r + 1) / (n^2 r) log(sqrt(n r + 1) / .05)), r = rho^2 of the theorem, chosen
 * to be tightest at n = 100. */
loci_interval stat_running_sequence(const stat_running *r) {
  const double alpha = 0.05, r0 = (-2 * log(alpha) + log(1 - 2 * log(alpha))) / 100;
  double n = (double)r->n, error = stat_running_error(r);
  if (r->n < 2) return (loci_interval){r->n ? r->mean : (double)NAN, (double)NAN, (double)NAN};
  double half =
      error * sqrt(n) * sqrt(2 * (n * r0 + 1) / (n * n * r0) * log(sqrt(n * r0 + 1) / alpha));
  return (loci_interval){r->mean, r->mean - half, r->mean + half};
}
