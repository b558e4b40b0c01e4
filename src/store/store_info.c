/* loci_store_info_new: what is in a store (see store.h). */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/result.h"
#include "model/command.h"
#include "store/numbers.h"
#include "store/store.h"

static loci_status copy_text(arena *mem, const char *s, const char **out, loci_err *err) {
  *out = arena_strdup(mem, s ? s : "");
  return *out ? LOCI_OK : fail_nomem(err, "reading a store");
}

/* ---------------------------------------------------------------- one run */

static loci_status read_counts(db *d, loci_store_run_info *r, loci_err *err) {
  db_query *q;
  int other; /* than right and wrong */
  bool row;
  TRY(db_prepare(d,
                 "SELECT count(*) FILTER (WHERE dropped IS NULL), count(dropped),"
                 " count(*) FILTER (WHERE dropped IS NULL AND right = 1),"
                 " count(*) FILTER (WHERE dropped IS NULL AND right = 0), total(seconds),"
                 " max(right) FILTER (WHERE right NOT IN (0, 1))"
                 " FROM result WHERE run = ?",
                 &q, err));
  db_bind_int(q, 1, r->id);
  loci_status st = db_step(q, &row, err);
  if (!st && row) {
    r->used = db_int(q, 0);
    r->dropped = db_int(q, 1);
    r->right = db_int(q, 2);
    r->wrong = db_int(q, 3);
    st = store_verdict(q, 5, db_path(d), &other, err);
    if (!st) st = store_real(q, 4, db_path(d), "seconds", stat_amount, &r->seconds, err);
  }
  db_finish(q);
  return st;
}

static const double REPORTED_TE = 0.1; /* the usual least effect of a report */

enum { TALLIES = 32 };

/* Kinds of reasons, most frequent first; SQLite takes the reason from the row of the least line. */
static loci_status read_tallies(db *d, arena *mem, loci_store_run_info *r, loci_err *err) {
  db_query *q;
  bool row;
  loci_tally *t = arena_zarray(mem, TALLIES, loci_tally);
  if (!t) return fail_nomem(err, "reading a store");
  TRY(db_prepare(d,
                 "SELECT dropped, count(*), min(line), reason FROM result JOIN example USING"
                 " (example) WHERE run = ? AND dropped IS NOT NULL GROUP BY dropped"
                 " ORDER BY 2 DESC, 1",
                 &q, err));
  db_bind_int(q, 1, r->id);
  loci_status st;
  while (!(st = db_step(q, &row, err)) && row && r->tally_count < TALLIES) {
    loci_tally *x = &t[r->tally_count++];
    x->count = db_int(q, 1);
    x->first_line = db_int(q, 2);
    st = copy_text(mem, db_text(q, 0), &x->kind, err);
    if (!st) st = copy_text(mem, db_text(q, 3), &x->first_reason, err);
    if (st) break;
  }
  db_finish(q);
  r->tallies = t;
  return st;
}

/* The headline's numbers: of all examples, or of those that a report averages. */
static loci_status read_mean(db *d, const loci_store_run_info *r, bool reported, stat_running *out,
                             loci_err *err) {
  db_query *q;
  TRY(db_prepare(d, store_headline_query, &q, err));
  db_bind_int(q, 1, r->id);
  db_bind_text(q, 2, r->headline);
  db_bind_int(q, 3, reported);
  db_bind_real(q, 4, reported ? REPORTED_TE : 0);
  loci_status st = store_mean(q, db_path(d), r->headline, out, err);
  db_finish(q);
  return st;
}

/* Traces with other prompts' values: all count. */
static bool has_donors(const loci_store_run_info *r) {
  js_value *settings;
  if (js_parse(r->settings, strlen(r->settings), "settings", &settings, NULL)) return false;
  bool has = js_get(settings, "donors") != NULL;
  js_free(settings);
  return has;
}

static loci_status read_headline(db *d, arena *mem, loci_store_run_info *r, loci_err *err) {
  average_job *job;
  stat_running mean = {0}, reported = {0};
  r->headline = "";
  loci_average_opts how = {.what = r->what, .donors = has_donors(r) ? "" : NULL};
  TRY(job_of(&how, NULL, true, mem, &job, err));
  if (!job) return LOCI_OK;
  r->headline = job->headline;
  TRY(read_mean(d, r, false, &mean, err));
  if (job->judge) TRY(read_mean(d, r, true, &reported, err));
  r->reported = job->judge ? (int64_t)reported.n : r->used;
  stat_range range = average_range(r->headline);
  r->mean = stat_running_mean(&mean);
  r->mean.lo = fmax(r->mean.lo, range.lo);
  r->mean.hi = fmin(r->mean.hi, range.hi);
  return LOCI_OK;
}

/* The settings are the request. */
static loci_status read_command(const db *d, arena *mem, loci_store_run_info *r, loci_err *err) {
  js_value *settings;
  const command_words words = {.name = "study run",
                               .file = r->data,
                               .model = &r->model,
                               .more = " --store NEW.db",
                               .cannot = !r->data[0]};
  TRY(js_parse(r->settings, strlen(r->settings), db_path(d), &settings, err));
  loci_status st = command_line(&words, settings, mem, &r->command, err);
  js_free(settings);
  return st;
}

static loci_status read_run(db *d, const db_query *q, arena *mem, loci_store_run_info *r,
                            loci_err *err) {
  r->id = db_int(q, 0);
  TRY(copy_text(mem, db_text(q, 1), &r->what, err));
  TRY(copy_text(mem, db_text(q, 2), &r->settings, err));
  TRY(copy_text(mem, db_text(q, 4), &r->data, err));
  TRY(copy_text(mem, db_text(q, 5), &r->created, err));
  const char *model;
  TRY(copy_text(mem, db_text(q, 3), &model, err));
  TRY(settings_read_model(model, db_path(d), mem, &r->model, &r->hash, err));
  TRY(read_command(d, mem, r, err));
  TRY(read_counts(d, r, err));
  TRY(read_tallies(d, mem, r, err));
  return read_headline(d, mem, r, err);
}

/* ---------------------------------------------------------------- all */

static loci_status read_runs(db *d, const watch *w, loci_store_info *info, loci_err *err) {
  int64_t count, n = 0;
  db_query *q;
  bool row;
  db_follow(d, w, "store", 0, 0);
  TRY(db_number(d, "SELECT count(*) FROM run", &count, err));
  TRY(db_number(d, "SELECT count(*) FROM example", &info->examples, err));
  if (count > 100000) return fail(err, LOCI_EFORMAT, "%s: too many runs", db_path(d));
  loci_store_run_info *runs = arena_zarray(info->result.memory, count, loci_store_run_info);
  if (!runs) return fail_nomem(err, "reading a store");
  TRY(db_prepare(d, "SELECT run, what, settings, model, data, created FROM run ORDER BY run", &q,
                 err));
  loci_status st;
  while (!(st = db_step(q, &row, err)) && row && n < count) {
    db_follow(d, w, "store", (double)n, (double)count);
    st = read_run(d, q, info->result.memory, &runs[n++], err);
    if (st) break;
  }
  db_finish(q);
  info->runs = runs;
  info->run_count = (int)n;
  return st;
}

loci_status loci_store_info_new(loci_store *store, loci_progress_fn progress, void *ctx,
                                loci_store_info **out, loci_err *err) {
  watch w = {progress, ctx};
  NEEDS(out, "place for the result");
  *out = NULL;
  NEEDS(store, "store");
  loci_store_info *made = result_new(LOCI_KIND_STORE_INFO, sizeof *made);
  if (!made) return fail_nomem(err, "reading a store");
  loci_status st = LOCI_OK;
  TRY_DONE(copy_text(made->result.memory, db_path(store->d), &made->path, err));
  TRY_DONE(db_exec(store->d, "BEGIN", err)); /* a store without a run is fine here */
  st = store_end_reading(store, read_runs(store->d, &w, made, err), err);
  db_follow(store->d, NULL, "", 0, 0);
  if (st) goto done;
  *out = made;
  made = NULL;
done:
  loci_free(made);
  return st;
}
