/* How well the numbers of a run tell right answers from wrong ones: for each that is single for an
 * example the chance that a right answer has the higher one (the area under the ROC curve). */
#include <math.h>

#include "base/arena.h"
#include "store/asked.h"
#include "store/numbers.h"
#include "study/average.h"
#include "study/stats.h"

/* The numbers of one series beside whether the answer was right. */
typedef struct rated {
  double *x;
  bool *right;
  int64_t n, right_count;
} rated;

static loci_status read_series(loci_store *s, int64_t series, int64_t most, rated *out,
                               loci_err *err) {
  db_query *q;
  bool row;
  loci_status st;
  TRY(db_prepare(s->d,
                 "SELECT json_extract(v.x, '$[0]'), r.right FROM value v JOIN result r USING"
                 " (result) WHERE v.series = ? AND r.right IS NOT NULL AND r.dropped IS NULL"
                 " ORDER BY r.result",
                 &q, err));
  db_bind_int(q, 1, series);
  out->n = out->right_count = 0;
  while (!(st = db_step(q, &row, err)) && row && out->n < most) {
    double x = db_real(q, 0);
    if (!isfinite(x)) continue;
    out->x[out->n] = x;
    int right;
    st = store_verdict(q, 1, db_path(s->d), &right, err);
    if (st) break;
    out->right[out->n] = right == 1;
    out->right_count += out->right[out->n++];
  }
  db_finish(q);
  return st;
}

static void put_finite(js_value **to, const char *key, double x) {
  js_put(to, key, isfinite(x) ? js_real(x) : js_null());
}

/* A score without right or without wrong answers has no AUROC. */
static loci_status score(const rated *x, const watch *w, arena *mem, js_value **to, loci_err *err) {
  loci_interval i = {.value = (double)NAN, .lo = (double)NAN, .hi = (double)NAN};
  stat_roc roc;
  if (x->right_count > 0 && x->right_count < x->n) {
    TRY(stat_roc_new(x->x, x->right, x->n, mem, &roc, err));
    TRY(stat_bootstrap(stat_auroc, &roc, x->n, 0, w, &i, err));
  }
  js_value *o = js_object();
  put_finite(&o, "value", i.value);
  put_finite(&o, "lo", i.lo);
  put_finite(&o, "hi", i.hi);
  js_put(to, "right", js_int(x->right_count));
  js_put(to, "wrong", js_int(x->n - x->right_count));
  js_put(to, "auroc", o);
  return LOCI_OK;
}

static loci_status score_all(loci_store *s, db_query *q, int64_t most, const watch *w, arena *mem,
                             js_value **list, loci_err *err) {
  rated x = {.x = arena_array(mem, most + 1, double), .right = arena_array(mem, most + 1, bool)};
  bool row;
  if (!x.x || !x.right) return fail_nomem(err, "rating a run's numbers");
  for (;;) {
    TRY(db_step(q, &row, err));
    if (!row) return LOCI_OK;
    if (watch_stops(w, "auroc", 0, 0)) return fail(err, LOCI_ECANCELLED, "stopped");
    const char *quantity = db_text(q, 1), *place = db_text(q, 2);
    if (quantity && average_is_outcome(quantity)) continue;
    js_value *o = js_object();
    js_put(&o, "quantity", js_text(quantity ? quantity : ""));
    js_put(&o, "place", js_text(place ? place : ""));
    loci_status st = read_series(s, db_int(q, 0), most, &x, err);
    if (!st) st = score(&x, w, mem, &o, err);
    js_push(list, o);
    TRY(st);
  }
}

loci_status store_auroc(loci_store *s, int64_t run, const watch *w, js_value **to, loci_err *err) {
  db_query *q = NULL;
  int64_t most = 0;
  arena *mem = arena_new();
  js_value *list = js_array();
  loci_status st = mem ? LOCI_OK : fail_nomem(err, "rating a run's numbers");
  if (!st) st = db_number(s->d, "SELECT count(*) FROM result", &most, err);
  if (!st)
    st = db_prepare(s->d,
                    "SELECT series, quantity, place FROM series WHERE run = ? AND points = 1"
                    " ORDER BY series",
                    &q, err);
  if (!st) db_bind_int(q, 1, run);
  if (!st) st = score_all(s, q, most, w, mem, &list, err);
  db_finish(q);
  js_put(to, "scores", list);
  arena_free(mem);
  return st;
}
