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
static loci_status check_maps(db *d, db_query *q, const char *where, loci_err *err) {
  (void)d;
  bool row;
  for (;;) {
    size_t n;
    TRY(db_step(q, &row, err));
    if (!row) return LOCI_OK;
    const unsigned char *bytes = db_bytes(q, 0, &n);
    TRY(store_effects(bytes, n, where, err));
  }
}

static loci_status check_lines(db *d, db_query *q, const char *where, loci_err *err) {
  (void)d;
  int64_t line;
  bool row;
  for (;;) {
    TRY(db_step(q, &row, err));
    if (!row) return LOCI_OK;
    TRY(store_line(q, 0, where, &line, err));
  }
}

/* Models, as whoever reads the runs will read them. */
static loci_status check_models(db *d, db_query *q, const char *where, loci_err *err) {
  (void)d;
  bool row;
  loci_status st;
  while (!(st = db_step(q, &row, err)) && row) {
    const char *json = db_text(q, 0), *hash;
    loci_model_info model;
    arena *mem = arena_new();
    if (!mem) return fail_nomem(err, "reading a store");
    st = settings_read_model(json ? json : "", where, mem, &model, &hash, err);
    arena_free(mem);
    if (st) break;
  }
  return st;
}

static loci_status check_verdicts(db *d, db_query *q, const char *where, loci_err *err) {
  (void)d;
  int verdict;
  bool row;
  for (;;) {
    TRY(db_step(q, &row, err));
    if (!row) return LOCI_OK;
    TRY(store_verdict(q, 0, where, &verdict, err));
    TRY(store_verdict(q, 1, where, &verdict, err));
  }
}

static loci_status check_seconds(db *d, db_query *q, const char *where, loci_err *err) {
  (void)d;
  double seconds;
  bool row;
  for (;;) {
    TRY(db_step(q, &row, err));
    if (!row) return LOCI_OK;
    TRY(store_real(q, 0, where, "seconds", stat_amount, &seconds, err));
  }
}

loci_status store_check_numbers(db *d, const char *path, loci_err *err) {
  static const struct {
    const char *sql;
    loci_status (*check)(db *d, db_query *q, const char *where, loci_err *err);
  } all[] = {
      {"SELECT series, x FROM source.value", check_rows},
      {"SELECT seconds FROM source.result", check_seconds},
      {"SELECT model FROM source.run", check_models},
      {"SELECT line FROM source.example", check_lines},
      {"SELECT right, first_right FROM source.result", check_verdicts},
      {"SELECT ie FROM source.grid", check_maps},
  };
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
    db_query *q;
    TRY(db_prepare(d, all[i].sql, &q, err));
    loci_status st = all[i].check(d, q, path, err);
    db_finish(q);
    TRY(st);
  }
  return LOCI_OK;
}
