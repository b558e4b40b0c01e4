/* loci_store_export: the numbers of a store for other programs.  CSV goes out row by row, so a
 * store of any size fits; NPZ is put together in memory. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fixed.h"
#include "base/options.h"
#include "base/file.h"
#include "show/array_list.h"
#include "show/formats.h"
#include "store/each.h"

enum { SERIES_MAX = 4096 };

/* ---------------------------------------------------------------- CSV */

static void put_head(bytes *b, const store_value *v) {
  bytes_format(b, "%" PRId64 ",", v->run);
  csv_text(b, v->what);
  bytes_format(b, ",%" PRId64 ",", v->result.line);
  csv_text(b, v->result.name);
  bytes_text(b, ",");
  if (v->result.right >= 0) bytes_format(b, "%d", v->result.right);
  bytes_text(b, ",");
  csv_text(b, v->series.quantity);
  bytes_format(b, ",%" PRId64 ",", v->series.window);
  csv_text(b, v->series.place);
}

static loci_status put_csv_row(void *ctx, const store_value *v, loci_err *err) {
  out_file *to = ctx;
  bytes head = {0}, b = {0};
  put_head(&head, v);
  for (int i = 0; i < v->series.points; i++) {
    bytes_add(&b, head.data, head.size);
    bytes_format(&b, ",%d,", v->series.first + i);
    if (isfinite(v->x[i])) bytes_format(&b, "%.17g", v->x[i]);
    bytes_text(&b, "\r\n");
  }
  loci_status st = head.failed || b.failed ? fail_nomem(err, "writing a store")
                                           : out_file_write(to, b.data, b.size, err);
  bytes_clear(&head);
  bytes_clear(&b);
  return st;
}

static loci_status write_csv(loci_store *s, int64_t run, const char *path, loci_err *err) {
  static const char head[] = "run,what,line,id,right,quantity,window,place,x,value\r\n";
  out_file *to;
  TRY(out_file_open(path, &to, err));
  loci_status st = out_file_write(to, head, sizeof head - 1, err);
  if (!st) st = store_each_value(s, run, put_csv_row, to, err);
  if (!st) return out_file_keep(to, err);
  out_file_drop(to);
  return st;
}

/* ---------------------------------------------------------------- NPZ */

/* A run's arrays while they are put together. */
typedef struct exporting {
  loci_store *s;
  array_list arrays;
  int64_t run, n, i; /* results, and those that are listed */
  int64_t *results, *lines, *right;
} exporting;

/* "run1.p.w3.image-to-last" */
static void array_name(int64_t run, const store_series *r, char out[144]) {
  char text[128];
  size_t n = fixed_add(text, sizeof text, 0, "%.60s", r->quantity);
  if (r->window > 0) n = fixed_add(text, sizeof text, n, ".w%d", (int)r->window);
  if (r->place[0]) fixed_add(text, sizeof text, n, ".%.50s", r->place);
  int k = snprintf(out, 24, "run%" PRId64 ".", run);
  for (const char *c = text; *c && k < 140; c++) {
    if (strncmp(c, " -> ", 4) == 0) {
      memcpy(out + k, "-to-", 4);
      k += 4;
      c += 3;
    } else {
      out[k++] = *c == ' ' || *c == '/' ? '_' : *c;
    }
  }
  out[k] = 0;
}

static loci_status list_result(void *ctx, const store_result *r, loci_err *err) {
  exporting *x = ctx;
  (void)err;
  if (x->i == x->n) return LOCI_OK;
  x->results[x->i] = r->id;
  x->lines[x->i] = r->line;
  x->right[x->i++] = r->right;
  return LOCI_OK;
}

static loci_status add_series(void *ctx, const store_series *r, loci_err *err) {
  exporting *x = ctx;
  char name[144];
  int64_t shape[2] = {x->n, r->points};
  if (x->arrays.count == x->arrays.room)
    return fail(err, LOCI_EUNSUPPORTED,
                "%s: has more than the %d kinds of numbers an .npz file "
                "takes here: export it run by run (--run), or as .csv",
                db_path(x->s->d), (int)x->arrays.room);
  array_name(x->run, r, name);
  double *out = array_list_add(&x->arrays, name, ST_F64, shape, 2);
  return out ? store_fill_series(x->s, r, x->results, x->n, out, err)
             : fail_nomem(err, "writing a store");
}

/* Lines and labels of the used examples, then a table for each series. */
static loci_status add_run(void *ctx, int64_t run, loci_err *err) {
  exporting *x = ctx;
  char name[48];
  x->run = run;
  x->i = 0;
  TRY(store_count_results(x->s, run, &x->n, err));
  x->results = arena_array(x->arrays.mem, x->n, int64_t);
  snprintf(name, sizeof name, "run%" PRId64 ".line", run);
  x->lines = array_list_add(&x->arrays, name, ST_I64, &x->n, 1);
  snprintf(name, sizeof name, "run%" PRId64 ".answered_right", run);
  x->right = array_list_add(&x->arrays, name, ST_I64, &x->n, 1);
  if (!x->results || !x->lines || !x->right) return fail_nomem(err, "writing a store");
  TRY(store_each_result(x->s, run, 0, list_result, x, err));
  return store_each_series(x->s, run, add_series, x, err);
}

static loci_status write_npz(loci_store *s, int64_t run, const char *path, loci_err *err) {
  exporting x = {.s = s};
  array_list_init(&x.arrays, SERIES_MAX);
  TRY(array_list_check(&x.arrays, err));
  loci_status st = store_each_run(s, run, add_run, &x, err);
  if (!st) return array_list_write(&x.arrays, path, NULL, err);
  array_list_clear(&x.arrays);
  return st;
}

loci_status loci_store_export(loci_store *s, const loci_store_opts *opts, const char *path,
                              loci_err *err) {
  NEEDS(s, "store");
  NEEDS(path, "path");
  loci_store_opts o;
  TRY(options_take(loci_store_opts, &o, opts, err));
  bool csv = path_ends_with(path, ".csv");
  if (path_ends_with(path, ".html")) return store_report(s, &o, path, err);
  if (!csv && !path_ends_with(path, ".npz"))
    return fail(err, LOCI_EINVAL, "%s: a store is exported to .csv, .npz or .html", path);
  watch follow = {o.progress, o.progress_ctx};
  TRY(store_begin_reading(s, o.run, err));
  db_follow(s->d, &follow, "export", 0, 0);
  loci_status st = csv ? write_csv(s, o.run, path, err) : write_npz(s, o.run, path, err);
  db_follow(s->d, NULL, "", 0, 0);
  return store_end_reading(s, st, err);
}
