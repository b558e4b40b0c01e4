/* Rows of a store for those who show them: here the SQL ends.
 *
 * Each function calls [fn] for every row, in the order of lines and series; what it fails with ends
 * the going and is the result.  Rows and their texts are borrowed during the call, and checked:
 * what no measurement gives is LOCI_EFORMAT.  Texts are never NULL. */
#ifndef LOCI_STORE_EACH_H
#define LOCI_STORE_EACH_H

#include "store/store.h"

typedef struct store_result {
  int64_t id, line;
  const char *name; /* of the example; "": none */
  int right;        /* -1: nobody asked */
  const char *question, *answer;
} store_result;

typedef struct store_series {
  int64_t id, window;
  const char *quantity, *place;
  int first, points;
} store_series;

typedef struct store_value {
  int64_t run;
  const char *what;
  store_result result; /* without question and answer */
  store_series series;
  const double *x; /* (points) */
} store_value;

/* A heat map of one example. */
typedef struct store_map {
  const char *site;
  int64_t window;
  int first, layers, rows;
  const js_value *tokens;  /* (rows) */
  const unsigned char *ie; /* (layers, rows) f32, little-endian */
} store_map;

typedef loci_status store_run_fn(void *ctx, int64_t run, loci_err *err);
typedef loci_status store_result_fn(void *ctx, const store_result *r, loci_err *err);
typedef loci_status store_series_fn(void *ctx, const store_series *r, loci_err *err);
typedef loci_status store_value_fn(void *ctx, const store_value *r, loci_err *err);
typedef loci_status store_map_fn(void *ctx, const store_map *m, loci_err *err);

/* [run] 0: every run. */
loci_status store_each_run(loci_store *s, int64_t run, store_run_fn *fn, void *ctx, loci_err *err);
loci_status store_each_value(loci_store *s, int64_t run, store_value_fn *fn, void *ctx,
                             loci_err *err);
/* Results that were used: the first [most], 0: all. */
loci_status store_each_result(loci_store *s, int64_t run, int most, store_result_fn *fn, void *ctx,
                              loci_err *err);
loci_status store_count_results(loci_store *s, int64_t run, int64_t *out, loci_err *err);
loci_status store_each_series(loci_store *s, int64_t run, store_series_fn *fn, void *ctx,
                              loci_err *err);
loci_status store_each_map(loci_store *s, int64_t result, store_map_fn *fn, void *ctx,
                           loci_err *err);
/* A series' numbers of n results, (n, points) into out; NaN where a result has none. */
loci_status store_fill_series(loci_store *s, const store_series *series, const int64_t *results,
                              int64_t n, double *out, loci_err *err);

#endif
