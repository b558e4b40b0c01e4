/* Statistics over examples (see stats.h). */
#include "study/stats.h"

#include <math.h>
#include <stdlib.h>

/* ---------------------------------------------------------------- numbers */

static int ascending_numbers(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return x < y ? -1 : x > y;
}

void stat_sort(double *x, int64_t n) { qsort(x, (size_t)n, sizeof *x, ascending_numbers); }

double stat_quantile(const double *ascending, int64_t n, double q) {
  double at = q * (double)(n - 1);
  int64_t below = (int64_t)at;
  if (below >= n - 1) return ascending[n - 1];
  return ascending[below] + (at - (double)below) * (ascending[below + 1] - ascending[below]);
}

typedef struct placed { /* a number and where it came from */
  double x;
  int64_t i;
} placed;

static int ascending(const void *a, const void *b) {
  const placed *p = a, *q = b;
  if (p->x != q->x) return p->x < q->x ? -1 : 1;
  return p->i < q->i ? -1 : p->i > q->i; /* equal ones keep their order */
}

static placed *sorted(const double *x, int64_t n) {
  placed *p = malloc((size_t)(n > 0 ? n : 1) * sizeof *p);
  if (!p) return NULL;
  for (int64_t i = 0; i < n; i++) p[i] = (placed){x[i], i};
  qsort(p, (size_t)n, sizeof *p, ascending);
  return p;
}

loci_status stat_ranks(const double *x, int64_t n, double *rank, loci_err *err) {
  placed *p = sorted(x, n);
  if (!p) return fail_nomem(err, "ranking");
  for (int64_t i = 0, end; i < n; i = end) {
    for (end = i + 1; end < n && p[end].x == p[i].x;) end++;
    for (int64_t k = i; k < end; k++) rank[p[k].i] = 0.5 * (double)(i + end + 1);
  }
  free(p);
  return LOCI_OK;
}

/* r = sum (x - mx)(y - my) / sqrt(sum (x - mx)^2 sum (y - my)^2).  Of ranks, whose sums are exact:
 * a constant is seen as one. */
static double pearson(const double *x, const double *y, int64_t n) {
  double mx = 0, my = 0, xx = 0, yy = 0, xy = 0;
  for (int64_t i = 0; i < n; i++) {
    mx += x[i];
    my += y[i];
  }
  mx /= (double)n;
  my /= (double)n;
  for (int64_t i = 0; i < n; i++) {
    xx += (x[i] - mx) * (x[i] - mx);
    yy += (y[i] - my) * (y[i] - my);
    xy += (x[i] - mx) * (y[i] - my);
  }
  return xx > 0 && yy > 0 ? xy / sqrt(xx * yy) : (double)NAN;
}

loci_status stat_spearman(const double *x, const double *y, int64_t n, double *out, loci_err *err) {
  loci_status st = LOCI_OK;
  double *ranks = malloc((size_t)(n > 0 ? 2 * n : 1) * sizeof *ranks);
  *out = (double)NAN;
  if (!ranks) return fail_nomem(err, "ranking");
  TRY_DONE(stat_ranks(x, n, ranks, err));
  TRY_DONE(stat_ranks(y, n, ranks + n, err));
  if (n > 1) *out = pearson(ranks, ranks + n, n);
done:
  free(ranks);
  return st;
}

/* With z the normal's 97.5 % quantile: (p + z^2/2n +- z sqrt(p(1-p)/n + z^2/4n^2)) / (1 + z^2/n) */
loci_interval stat_proportion(int64_t right, int64_t n) {
  const double z = 1.959963984540054;
  if (n < 1) return (loci_interval){(double)NAN, (double)NAN, (double)NAN};
  double m = (double)n, p = (double)right / m, zz = z * z / m;
  double middle = p + zz / 2, half = z * sqrt(p * (1 - p) / m + zz / (4 * m));
  double lo = (middle - half) / (1 + zz), hi = (middle + half) / (1 + zz);
  return (loci_interval){p, right == 0 ? 0 : lo, right == n ? 1 : hi};
}

void stat_running_add(stat_running *r, double x) {
  double from_mean = x - r->mean;
  r->n++;
  r->mean += from_mean / (double)r->n;
  r->squares += from_mean * (x - r->mean);
}

double stat_running_error(const stat_running *r) {
  return r->n < 2 ? (double)NAN : sqrt(r->squares / (double)(r->n - 1) / (double)r->n);
}

loci_interval stat_running_mean(const stat_running *r) {
  const double z = 1.959963984540054;
  if (r->n < 1) return (loci_interval){(double)NAN, (double)NAN, (double)NAN};
  if (r->n < 2) return (loci_interval){r->mean, (double)NAN, (double)NAN};
  double half = z * stat_running_error(r);
  return (loci_interval){r->mean, r->mean - half, r->mean + half};
}

/* ---------------------------------------------------------------- bootstrap */

void stat_draw(random_source *r, int *times, int64_t n) {
  for (int64_t i = 0; i < n; i++) times[i] = 0;
  for (int64_t i = 0; i < n; i++) times[random_below(r, n)]++;
}

loci_status stat_bootstrap(stat_fn *statistic, const void *ctx, int64_t n, uint64_t seed,
                           const watch *w, loci_interval *out, loci_err *err) {
  const int64_t some = 1 << 16; /* examples drawn between two looks at the watch */
  loci_status st = LOCI_OK;
  int defined = 0;
  int64_t drawn_since = 0;
  double *drawn = malloc(STAT_RESAMPLES * sizeof *drawn);
  int *times = calloc((size_t)(n > 0 ? n : 1), sizeof *times);
  *out = (loci_interval){(double)NAN, (double)NAN, (double)NAN};
  if (!drawn || !times) {
    st = fail_nomem(err, "resampling");
    goto done;
  }
  for (int64_t i = 0; i < n; i++) times[i] = 1;
  out->value = statistic(ctx, times, n);
  random_source r = random_new(seed);
  for (int b = 0; b < STAT_RESAMPLES && n > 1; b++) {
    stat_draw(&r, times, n);
    drawn[defined] = statistic(ctx, times, n);
    if (!isnan(drawn[defined])) defined++;
    drawn_since += n;
    if (drawn_since < some) continue;
    drawn_since = 0;
    if (!watch_stops(w, "resampling", b + 1, STAT_RESAMPLES)) continue;
    st = fail(err, LOCI_ECANCELLED, "cancelled while resampling");
    goto done;
  }
  if (2 * defined < STAT_RESAMPLES) goto done; /* too rarely defined to say anything */
  stat_sort(drawn, defined);
  out->lo = stat_quantile(drawn, defined, 0.025);
  out->hi = stat_quantile(drawn, defined, 0.975);
done:
  free(drawn);
  free(times);
  return st;
}

/* ---------------------------------------------------------------- ROC */

loci_status stat_roc_new(const double *score, const bool *positive, int64_t n, arena *mem,
                         stat_roc *out, loci_err *err) {
  int64_t *order = arena_array(mem, n, int64_t);
  double *by_score = arena_array(mem, n, double);
  bool *labels = arena_array(mem, n, bool);
  placed *p = sorted(score, n);
  if (!order || !by_score || !labels || !p) {
    free(p);
    return fail_nomem(err, "ranking");
  }
  for (int64_t i = 0; i < n; i++) {
    const placed *from = &p[n - 1 - i];
    order[i] = from->i;
    by_score[i] = from->x;
    labels[i] = positive[from->i];
  }
  free(p);
  *out = (stat_roc){n, order, by_score, labels};
  return LOCI_OK;
}

/* Sum over groups of equal scores, from the top: (positives above + half of those in the group) x
 * negatives in the group, over all pairs.  The same as the U statistic of mid-ranks. */
double stat_auroc(const void *ctx, const int *times, int64_t n) {
  const stat_roc *roc = ctx;
  double positives = 0, negatives = 0, area = 0;
  for (int64_t i = 0, end; i < n; i = end) {
    double p = 0, q = 0;
    for (end = i; end < n && roc->score[end] == roc->score[i]; end++) {
      int k = times[roc->order[end]];
      if (roc->positive[end]) {
        p += k;
      } else {
        q += k;
      }
    }
    area += q * (positives + p / 2);
    positives += p;
    negatives += q;
  }
  return positives > 0 && negatives > 0 ? area / (positives * negatives) : (double)NAN;
}

int64_t stat_roc_curve(const stat_roc *roc, double *false_rate, double *true_rate) {
  int64_t corners = 1, positives = 0, negatives = 0;
  false_rate[0] = true_rate[0] = 0;
  for (int64_t i = 0; i < roc->n; i++) {
    if (roc->positive[i]) {
      positives++;
    } else {
      negatives++;
    }
    if (i + 1 < roc->n && roc->score[i + 1] == roc->score[i]) continue;
    false_rate[corners] = (double)negatives;
    true_rate[corners++] = (double)positives;
  }
  for (int64_t i = 1; i < corners; i++) {
    false_rate[i] = negatives > 0 ? false_rate[i] / (double)negatives : (double)NAN;
    true_rate[i] = positives > 0 ? true_rate[i] / (double)positives : (double)NAN;
  }
  return corners;
}

/* ---------------------------------------------------------------- splits */

/* Fisher and Yates. */
static void shuffle(random_source *r, int64_t *x, int64_t n) {
  for (int64_t i = n - 1; i > 0; i--) {
    int64_t k = random_below(r, i + 1), y = x[i];
    x[i] = x[k];
    x[k] = y;
  }
}

loci_status stat_split(const bool *positive, int64_t n, int parts, uint64_t seed, int *part,
                       loci_err *err) {
  int64_t *of_class = malloc((size_t)(n > 0 ? n : 1) * sizeof *of_class), dealt = 0;
  if (!of_class) return fail_nomem(err, "splitting");
  random_source r = random_new(seed);
  for (int class = 0; class < 2; class ++) {
    int64_t count = 0;
    for (int64_t i = 0; i < n; i++) {
      if (positive[i] == (class == 1)) of_class[count++] = i;
    }
    shuffle(&r, of_class, count);
    for (int64_t i = 0; i < count; i++) part[of_class[i]] = (int)(dealt++ % parts);
  }
  free(of_class);
  return LOCI_OK;
}
