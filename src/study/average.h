/* Averages over examples: numbers are gathered example by example, then become curves with
 * intervals.  Nothing here knows what the numbers are; a stored study can gather them from its
 * rows. Private to src/study.
 *
 *   average_begin(&a, ...); int s = average_series(&a, points);
 *   per example: average_put(&a, s, values) for every series that has some; average_next(&a, right)
 *   average_chart, average_curve, average_number; average_end */
#ifndef LOCI_STUDY_AVERAGE_H
#define LOCI_STUDY_AVERAGE_H

#include "study/stats.h"
#include "study/study.h"

enum { AVERAGE_SERIES = 128, AVERAGE_CHARTS = 48, AVERAGE_NUMBERS = 16 };

/* Whose mean it is. */
typedef enum average_whose { OF_ALL, OF_RIGHT, OF_WRONG } average_whose;

typedef struct average_row {
  int points, room;
  double *x; /* (room, points), the heap's; NaN where an example has nothing */
} average_row;

typedef struct averaging {
  study *s;
  arena *mem;
  loci_average *out;
  int n, room;
  signed char *right; /* (room) 1, 0, or -1: not known; the heap's */
  int series_count;
  average_row series[AVERAGE_SERIES];
  loci_chart *charts;   /* (AVERAGE_CHARTS) */
  loci_number *numbers; /* (AVERAGE_NUMBERS) */
} averaging;

loci_status average_begin(averaging *a, loci_err *err);
void average_clear(averaging *a);

/* Its number, or -1 when there are too many.  One that is added late has nothing for the examples
 * before. */
int average_series(averaging *a, int points);
/* Room for one more example, after its series are added and before its values are put. */
loci_status average_room(averaging *a, loci_err *err);
void average_put(averaging *a, int series, const double *values);
void average_next(averaging *a, int right);
int average_count(const averaging *a, average_whose whose);

/* A chart whose points are 0 .. points - 1 from [first]; NULL when there are too many.  Room for
 * [curves]. */
loci_chart *average_chart(averaging *a, const char *name, const char *unit, int first, int points,
                          int curves);
/* The mean of a series as a further curve; none where there is no example. */
loci_status average_curve(averaging *a, loci_chart *chart, int series, average_whose whose,
                          const char *name, loci_err *err);
/* The mean of one point of a series. */
loci_status average_number(averaging *a, int series, int point, average_whose whose,
                           const char *name, loci_err *err);

/* ---- the public calls' frame */

typedef struct average_job average_job;
/* Runs [gather] over the examples, then [finish], which makes the charts. */
struct average_job {
  const char *what;
  unsigned needs;
  study_fn *gather; /* ctx is the job's */
  loci_status (*finish)(void *ctx, loci_err *err);
  void *ctx;
  averaging *a; /* [own], set before gather is called first */
  averaging own;
};
loci_status average_run(loci_model *model, loci_examples *examples, const loci_study_opts *opts,
                        average_job *job, loci_average **out, loci_err *err);

#endif
