/* The series of a run: what its rows of numbers are.  They are read once, before the rows, and held
 * to what measurements give (see numbers.h). */
#include <inttypes.h>
#include <stdlib.h>

#include "store/numbers.h"

loci_status series_key_read(const db_query *q, int at, const char *where, run_kind of,
                            series_key *out, loci_err *err) {
  const char *quantity = db_text(q, at), *place = db_text(q, at + 2);
  int64_t window = db_int(q, at + 1), first = db_int(q, at + 3), points = db_int(q, at + 4);
  if (!quantity || !place || window != (int)window || first < 0 || first > STORE_POINTS ||
      points < 1 || points > STORE_POINTS)
    return fail(err, LOCI_EFORMAT, "%s: a series that makes no sense", where);
  *out = (series_key){quantity, (int)window, place, (int)first, (int)points};
  if (average_is_series(out, of.what, of.layers)) return LOCI_OK;
  return fail(err, LOCI_EFORMAT,
              "%s: has a series \"%.60s\" at \"%.60s\", window %d, of %d numbers from layer %d on,"
              " which no %s of its model gives",
              where, quantity, place, out->window, out->points, out->first,
              of.what[0] ? of.what : "measurement");
}

static loci_status read_series(const db_query *q, const char *where, run_kind of, arena *mem,
                               run_series *out, loci_err *err) {
  series_key key;
  TRY(series_key_read(q, 1, where, of, &key, err));
  *out = (run_series){db_int(q, 0), key, average_range(key.quantity)};
  out->key.quantity = arena_strdup(mem, key.quantity);
  out->key.place = arena_strdup(mem, key.place);
  return out->key.quantity && out->key.place ? LOCI_OK : fail_nomem(err, "reading a store");
}

static loci_status read_all(db_query *q, const char *where, run_kind of, arena *mem,
                            run_series_list *out, loci_err *err) {
  bool row;
  int room = 0;
  loci_status st;
  while (!(st = db_step(q, &row, err)) && row) {
    if (out->count == STORE_POINTS)
      return fail(err, LOCI_EFORMAT, "%s: has more than %d series", where, STORE_POINTS);
    if (out->count == room) {
      run_series *more = arena_array(mem, room = room ? 2 * room : 64, run_series);
      if (!more) return fail_nomem(err, "reading a store");
      for (int i = 0; i < out->count; i++) more[i] = out->all[i];
      out->all = more;
    }
    TRY(read_series(q, where, of, mem, &out->all[out->count], err));
    out->count++;
  }
  return st;
}

loci_status run_series_read(db *d, int64_t run, const char *where, run_kind of, arena *mem,
                            run_series_list *out, loci_err *err) {
  db_query *q;
  *out = (run_series_list){0};
  TRY(db_prepare(d,
                 run ? "SELECT series, quantity, window, place, first, points FROM series"
                       " WHERE run = ? ORDER BY series"
                     : "SELECT series, quantity, window, place, first, points FROM source.series"
                       " ORDER BY series",
                 &q, err));
  if (run) db_bind_int(q, 1, run);
  loci_status st = read_all(q, where, of, mem, out, err);
  db_finish(q);
  return st;
}

static int by_id(const void *a, const void *b) {
  const run_series *x = a, *y = b;
  return x->id < y->id ? -1 : x->id > y->id;
}

loci_status run_series_find(const run_series_list *list, int64_t id, const char *where,
                            const run_series **out, loci_err *err) {
  run_series key = {.id = id};
  *out = list->count > 0 ? bsearch(&key, list->all, (size_t)list->count, sizeof key, by_id) : NULL;
  if (*out) return LOCI_OK;
  return fail(err, LOCI_EFORMAT, "%s: has numbers of series %" PRId64 ", which is not of their run",
              where, id);
}

loci_status series_numbers(const series_key *key, stat_range range, const char *json,
                           const char *where, double *out, loci_err *err) {
  TRY(store_numbers(json, where, out, key->points, err));
  for (int i = 0; i < key->points; i++)
    if (!stat_is_of(range, out[i])) return store_no_measurement(where, key->quantity, out[i], err);
  return LOCI_OK;
}
