/* Averages over examples: numbers are gathered example by example, then become curves with
 * intervals.  Nothing here knows what the numbers are: they come from a measurement (jobs.h), or
 * from the rows of a store.  Private to src.
 *
 *   average_begin(&a, ...)
 *   per example: average_room(&a); average_put(&a, &key, values) for every series that has some;
 *   average_next(&a, right)
 *   average_chart, average_curve, average_number; average_clear */
#ifndef LOCI_STUDY_AVERAGE_H
#define LOCI_STUDY_AVERAGE_H

#include "study/intervals.h"
#include "study/study.h"

/* A dozen sites, both directions, two scales, all roles and groups, half a dozen windows. */
enum { AVERAGE_SERIES = 4096, AVERAGE_NUMBERS = 16 };

/* Whose mean it is. */
typedef enum average_whose { OF_ALL, OF_RIGHT, OF_WRONG } average_whose;

/* What a row of numbers is. */
typedef struct series_key {
  const char *quantity; /* "mlp_out", "clean p" */
  int window;           /* of layers; 0: it has none */
  const char *place;    /* a role or a pathway; "": none */
  int first, points;    /* the numbers belong to first, first + 1, .. */
} series_key;

typedef struct average_row {
  series_key key; /* strings in the arena */
  int room;
  double *x;      /* (room, points), the heap's; NaN where an example has nothing */
  bool waits;     /* elsewhere, until it is recalled: then x is NULL, later (n, points) */
  int64_t source; /* what it is called there */
} average_row;

typedef struct averaging {
  study *s;
  arena *mem;
  loci_average *out;
  int n, room, series_count, series_room, chart_room;
  signed char *right;   /* (room) 1, 0, or -1: not known; the heap's */
  average_row *series;  /* (series_room), the heap's */
  stat_draws *draws[3]; /* of the examples each average_whose means, once they are asked for */
  loci_chart *charts;   /* (chart_room) */
  loci_number *numbers; /* (AVERAGE_NUMBERS) */
  /* Fills those rows that wait and have room; NULL: none waits. */
  loci_status (*recall)(void *recall_ctx, loci_err *err);
  void *recall_ctx;
} averaging;

/* What a quantity can be, of a run as of a store's rows (series.c); whether it says how good an
 * answer is; whether a series only says otherwise what another one says, and is no test of its own.
 */
stat_range average_range(const char *quantity);
bool average_is_outcome(const char *quantity);
bool average_is_beside(const series_key *key);
/* Whether that job ("": any) in a model of so many layers (0: unknown) gives such a series: of that
 * name, place and window, and of so many numbers. */
bool average_is_series(const series_key *key, const char *job, int layers);
loci_status average_begin(averaging *a, loci_err *err);
void average_clear(averaging *a);

watch average_watch(const averaging *a); /* who follows it */
/* Before the first one: so many examples will come, at most. */
loci_status average_expect(averaging *a, int count, loci_err *err);
/* Room for one more example, before its values are put. */
loci_status average_room(averaging *a, loci_err *err);
/* The example's numbers of a series, met late nothing for those before; of one number.
 * LOCI_EUNSUPPORTED: there are too many, or it has other points than before. */
loci_status average_put(averaging *a, const series_key *key, const double *values, loci_err *err);
loci_status average_put_number(averaging *a, const char *quantity, double x, loci_err *err);
/* In place of average_put: they wait, as series [source] there, until they are recalled. */
loci_status average_await(averaging *a, const series_key *key, int64_t source, loci_err *err);
/* What waits of this quantity and window, and of the same on the logit difference, at [place] or
 * (NULL) everywhere, is here from now on; nothing else that waits. */
loci_status average_recall(averaging *a, const char *quantity, int window, const char *place,
                           loci_err *err);
void average_next(averaging *a, int right);
int average_count(const averaging *a, average_whose whose);
/* The series of that quantity, window and place, or -1. */
int average_find(const averaging *a, const char *quantity, int window, const char *place);
/* An example's numbers in a series; NaN where it has none. */
const double *average_row_of(const averaging *a, int series, int example);

/* Points from [first] on, room for [curves]; until the next chart is made.  NULL: no memory. */
loci_chart *average_chart(averaging *a, const char *name, const char *unit, int first, int points,
                          int curves);
/* The mean of a series as a further curve; none where there is no example. */
loci_status average_curve(averaging *a, loci_chart *chart, int series, average_whose whose,
                          const char *name, loci_err *err);
/* Where a curve with its points is highest, and how often in draws (STAT_RESAMPLES, points); the
 * chart shows its curves' peaks and has causal layers. */
void average_peak(const double *drawn, int points, int first, loci_curve *out);
loci_status average_peaks(const averaging *a, loci_chart *chart, loci_err *err);
loci_status average_draws(averaging *a, average_whose whose, const stat_draws **out, loci_err *err);
loci_status average_number(averaging *a, int series, int point, average_whose whose,
                           const char *name, loci_err *err);

#endif
