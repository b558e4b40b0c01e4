/* The numbers of a store, which may be a stranger's: read, and held to what measurements give.
 *
 * numbers.c         a number, a row of them    run_series.c   what the rows of a run are
 * check_numbers.c   those of a whole store
 *
 * Private to src/store. */
#ifndef LOCI_STORE_NUMBERS_H
#define LOCI_STORE_NUMBERS_H

#include "store/db.h"
#include "study/average.h"

enum { STORE_POINTS = 1 << 20 }; /* in a row, at most */

/* A number of a store: NULL is NaN, and none is beyond its range or what the library computes with
 * (f32). */
loci_status store_real(const db_query *q, int column, const char *where, const char *quantity,
                       stat_range range, double *out, loci_err *err);
/* The mean of a query's only column, which has numbers of that quantity. */
loci_status store_mean(db_query *q, const char *where, const char *quantity, stat_running *mean,
                       loci_err *err);
/* n numbers out of a row's JSON; null is NaN. */
loci_status store_numbers(const char *json, const char *where, double *out, int n, loci_err *err);
/* The same of rows as stores write them, to the last bit and many times as fast; false: such a row
 * it is not. */
bool store_plain_row(const char *json, double *out, int n);

/* An example's line, from 1 on. */
loci_status store_line(const db_query *q, int column, const char *where, int64_t *out,
                       loci_err *err);
/* An answer's verdict: 1, 0, or -1 where the column is NULL; LOCI_EFORMAT: another. */
loci_status store_verdict(const db_query *q, int column, const char *where, int *out,
                          loci_err *err);
/* Effect [at] of a heat map's bytes, 32-bit little-endian floats. */
float store_effect(const unsigned char *bytes, size_t at);
/* The effects of a heat map, 32-bit little-endian floats. */
loci_status store_effects(const unsigned char *bytes, size_t size, const char *where,
                          loci_err *err);

/* LOCI_EFORMAT, with its sentence. */
loci_status store_no_measurement(const char *where, const char *quantity, double x, loci_err *err);

/* All numbers of the store attached as "source" are in range, and its rows as long as they say
 * (check_numbers.c). */
loci_status store_check_numbers(db *d, const char *path, loci_err *err);

/* ---------------------------------------------------------------- the series of a run */

/* Which run it is: its measurement ("": any) and the layers of its model (0: unknown). */
typedef struct run_kind {
  const char *what;
  int layers;
} run_kind;

/* A series out of five columns from [at] on: quantity, window, place, first, points; borrowed until
 * the next step.  LOCI_EFORMAT: no run of that kind gives it. */
loci_status series_key_read(const db_query *q, int at, const char *where, run_kind of,
                            series_key *out, loci_err *err);
/* A row's numbers, as many as the series has; LOCI_EFORMAT where one of them is beyond the range.
 */
loci_status series_numbers(const series_key *key, stat_range range, const char *json,
                           const char *where, double *out, loci_err *err);

/* What the rows of a run are, ordered by the ids that its store gave them. */
typedef struct run_series {
  int64_t id;
  series_key key;
  stat_range range;
} run_series;
typedef struct run_series_list {
  int count;
  run_series *all;
} run_series_list;
/* In [mem]; run 0: of all runs of the store that is attached as "source". */
loci_status run_series_read(db *d, int64_t run, const char *where, run_kind of, arena *mem,
                            run_series_list *out, loci_err *err);
loci_status run_series_find(const run_series_list *list, int64_t id, const char *where,
                            const run_series **out, loci_err *err);

#endif
