/* Whether the numbers of another's store are such as measurements give, before a row of it is
 * copied (see numbers.h). */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "store/numbers.h"
#include "store/store.h"

static loci_status check_row(const db_query *q, const char *where, const run_series_list *all,
                             double **room, loci_err *err) {
  const run_series *s;
  TRY(run_series_find(all, db_int(q, 0), where, &s, err));
  if (!*room) *room = malloc(STORE_POINTS * sizeof **room);
  if (!*room) return fail_nomem(err, "reading a store");
  return series_numbers(&s->key, s->range, db_text(q, 1), where, *room, err);
}

static loci_status check_rows(db *d, db_query *q, const char *where, loci_err *err) {
  run_series_list all;
  double *room = NULL;
  bool row;
  arena *mem = arena_new();
  if (!mem) return fail_nomem(err, "reading a store");
  loci_status st = run_series_read(d, 0, where, (run_kind){"", 0}, mem, &all, err);
  while (!st && !(st = db_step(q, &row, err)) && row) st = check_row(q, where, &all, &room, err);
  free(room);
  arena_free(mem);
  return st;
}

/* Effects of a heat map: as many as its layers and tokens are is for whoever draws it. */
static loci_status check_map(const db_query *q, const char *where, loci_err *err) {
  size_t n;
  const unsigned char *bytes = db_bytes(q, 0, &n);
  return store_effects(bytes, n, where, err);
}

static loci_status check_line(const db_query *q, const char *where, loci_err *err) {
  int64_t line;
  return store_line(q, 0, where, &line, err);
}

/* A model, as whoever reads its run will read it. */
static loci_status check_model(const db_query *q, const char *where, loci_err *err) {
  const char *json = db_text(q, 0), *hash;
  loci_model_info model;
  arena *mem = arena_new();
  if (!mem) return fail_nomem(err, "reading a store");
  loci_status st = settings_read_model(json ? json : "", where, mem, &model, &hash, err);
  arena_free(mem);
  return st;
}

static loci_status check_result(const db_query *q, const char *where, loci_err *err) {
  double seconds;
  int verdict;
  TRY(store_real(q, 0, where, "seconds", stat_amount, &seconds, err));
  TRY(store_verdict(q, 1, where, &verdict, err));
  return store_verdict(q, 2, where, &verdict, err);
}

typedef loci_status check_fn(const db_query *q, const char *where, loci_err *err);

static loci_status check_each(db_query *q, const char *where, check_fn *check, loci_err *err) {
  bool row;
  for (;;) {
    TRY(db_step(q, &row, err));
    if (!row) return LOCI_OK;
    TRY(check(q, where, err));
  }
}

loci_status store_check_numbers(db *d, const char *path, loci_err *err) {
  static const struct {
    const char *sql;
    check_fn *check; /* NULL: rows of numbers */
  } all[] = {
      {"SELECT series, x FROM source.value", NULL},
      {"SELECT seconds, right, first_right FROM source.result", check_result},
      {"SELECT model FROM source.run", check_model},
      {"SELECT line FROM source.example", check_line},
      {"SELECT ie FROM source.grid", check_map},
  };
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
    db_query *q;
    TRY(db_prepare(d, all[i].sql, &q, err));
    loci_status st =
        all[i].check ? check_each(q, path, all[i].check, err) : check_rows(d, q, path, err);
    db_finish(q);
    TRY(st);
  }
  return LOCI_OK;
}
