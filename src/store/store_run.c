/* loci_store_run: a file of examples, measured into a store (see store.h).
 *
 * study_each goes through the file as for any study; the keeper below tells it which examples are
 * there, and writes the others down as they are measured: one transaction each, all its kinds. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/options.h"
#include "base/clock.h"
#include "base/result.h"
#include "store/row_writer.h"
#include "store/numbers.h"
#include "store/store.h"
#include "study/noise_data.h"

enum { KINDS = 5, LEAST_COUNTED = 30 };

/* One kind of measurement. */
typedef struct kept_job {
  average_job *job;
  int64_t run;
  averaging numbers; /* of one example at a time */
  loci_average view;
  bool todo, again; /* the example at hand; it was dropped before */
  int64_t used, dropped, fresh;
  stat_running mean; /* of the headline */
} kept_job;

/* Options with the options inside them; the pointers of [o] lead to the others. */
typedef struct run_request {
  loci_store_run_opts o;
  loci_study_opts study;
  loci_trace_opts trace;
  loci_knockout_opts knockout;
  loci_lens_opts lens;
} run_request;

typedef struct keeping {
  run_request asked;
  const loci_store_run_opts *opts;
  loci_store *store;
  study s;
  arena *mem;
  row_writer rows;
  int job_count;
  kept_job jobs[KINDS];
  int64_t result; /* being written */
  picture_hashes *pictures;
  double started, first_share;
  loci_err broken; /* what the store refused: ends the study, whatever its code */
} keeping;

/* ---------------------------------------------------------------- how far it is */

static loci_store_run_state state_of(const keeping *x, const kept_job *k) {
  loci_store_run_state s = {.what = k->job->what,
                            .headline = k->job->headline,
                            .used = k->used,
                            .dropped = k->dropped,
                            .fresh = k->fresh,
                            .counted = k->mean.n,
                            .mean = stat_running_mean(&k->mean),
                            .seconds = clock_seconds() - x->started,
                            .share = examples_share(x->s.examples),
                            .left = (double)NAN};
  if (x->opts->study->limit > 0)
    s.share = fmax(s.share, (double)x->s.used / (double)x->opts->study->limit);
  double gone = s.share - x->first_share; /* what was there already took no time */
  if (k->fresh > 0 && gone > 0) s.left = s.seconds / gone * fmax(1 - s.share, 0);
  return s;
}

/* What the run has from before. */
static loci_status count_before(const keeping *x, kept_job *k, loci_err *err) {
  db_query *q;
  bool row;
  TRY(db_prepare(x->store->d, store_headline_query, &q, err));
  k->mean = (stat_running){0};
  k->used = k->dropped = 0;
  db_bind_int(q, 1, k->run);
  db_bind_text(q, 2, k->job->headline);
  db_bind_int(q, 3, k->job->judge != NULL);
  db_bind_real(q, 4, x->opts->least_effect);
  loci_status st = store_mean(q, db_path(x->store->d), k->job->headline, &k->mean, err);
  db_finish(q);
  TRY(st);
  TRY(db_prepare(x->store->d,
                 "SELECT dropped IS NULL, count(*) FROM result WHERE run = ? GROUP BY 1", &q, err));
  db_bind_int(q, 1, k->run);
  while (!(st = db_step(q, &row, err)) && row) {
    *(db_int(q, 0) ? &k->used : &k->dropped) = db_int(q, 1);
  }
  db_finish(q);
  return st;
}

/* Rows to or from other processes; what came from others counts. */
static loci_status share(keeping *x, loci_err *err) {
  const loci_sharing *s = x->opts->sharing;
  bool added = false;
  if (!s) return LOCI_OK;
  TRY(s->between(s->ctx, x->store, &added, err));
  for (int i = 0; added && i < x->job_count; i++) TRY(count_before(x, &x->jobs[i], err));
  return LOCI_OK;
}

static bool enough(void *ctx) {
  keeping *x = ctx;
  if (share(x, &x->broken)) return true;
  loci_store_run_state s = state_of(x, &x->jobs[0]);
  if (x->opts->each) x->opts->each(x->opts->each_ctx, &s);
  if (!(x->opts->stop_width > 0) || s.counted < LEAST_COUNTED) return false;
  loci_interval looked_at = stat_running_sequence(&x->jobs[0].mean); /* after every example */
  return looked_at.hi - looked_at.lo < x->opts->stop_width;
}

/* ---------------------------------------------------------------- whose turn it is */

static bool in_shard(const keeping *x, int64_t line) {
  int n = x->opts->shard_count;
  return n <= 1 || (line - 1) % n == x->opts->shard - 1;
}

/* Asked once of a line. */
static bool is_ours(const keeping *x, int64_t line) {
  const loci_sharing *s = x->opts->sharing;
  return in_shard(x, line) && (!s || s->mine(s->ctx, line));
}

/* Names the line that was read last; [e] NULL: it is no example. */
static loci_status name_line(const keeping *x, const loci_example *e, example_key *out,
                             loci_err *err) {
  uint64_t picture = 0;
  if (e && e->image) TRY(picture_hash(x->pictures, e->image, &picture, err));
  *out = store_key(e, examples_fingerprint(x->s.examples), picture);
  return LOCI_OK;
}

static loci_status find_todo(keeping *x, const example_key *key, study_turn *out, loci_err *err) {
  *out = TURN_PASSED;
  for (int i = 0; i < x->job_count; i++) {
    result_state have;
    kept_job *k = &x->jobs[i];
    TRY(rows_find(&x->rows, k->run, key, &have, err));
    k->again = have == RESULT_DROPPED && x->opts->retry;
    k->todo = have == RESULT_NONE || k->again;
    if (have == RESULT_USED && *out == TURN_PASSED) *out = TURN_USED;
    if (k->todo) *out = TURN_NEW;
  }
  return LOCI_OK;
}

static loci_status turn(void *ctx, const loci_example *e, study_turn *out, loci_err *err) {
  keeping *x = ctx;
  example_key key;
  TRY(name_line(x, e, &key, err));
  TRY(find_todo(x, &key, out, err));
  if (*out == TURN_NEW && !is_ours(x, e->line)) {
    *out = TURN_PASSED;
    for (int i = 0; i < x->job_count; i++) x->jobs[i].todo = false;
  }
  if (*out == TURN_USED && !in_shard(x, e->line)) *out = TURN_PASSED;
  if (*out != TURN_NEW) x->first_share = examples_share(x->s.examples);
  return LOCI_OK;
}

/* ---------------------------------------------------------------- one example */

static loci_status see_trace(void *ctx, const loci_trace *t, loci_err *err) {
  keeping *x = ctx;
  for (int i = 0; i < t->grid_count && !x->broken.code; i++)
    (void)rows_grid(&x->rows, x->result, t, &t->grids[i], &x->broken);
  return x->broken.code ? fail(err, LOCI_ECANCELLED, "%s", x->broken.msg) : LOCI_OK;
}

/* The example's headline into the running mean, if it counts. */
static void count_headline(kept_job *k, const study_item *item) {
  averaging *a = &k->numbers;
  study_item own = *item;
  int series = average_find(a, k->job->headline, 0, "");
  const study_answer *answer = item->example->answer_count > 0 ? item->answer : NULL;
  own.drop = NULL;
  if (k->job->judge) k->job->judge(k->job->ctx, &own, answer);
  if (series >= 0 && !own.drop) stat_running_add(&k->mean, average_row_of(a, series, 0)[0]);
}

/* Measures and writes one kind. */
static loci_status measure_kind(keeping *x, kept_job *k, study_item *item, int64_t example,
                                loci_err *err) {
  double began = clock_seconds();
  loci_err own = {0};
  loci_status st = LOCI_OK;
  k->todo = false;
  k->dropped -= k->again;
  k->numbers.n = 0;
  item->drop = study_lacking(k->job->needs, item->example);
  item->why[0] = 0;
  TRY(rows_begin(&x->rows, k->run, example, &x->result, err));
  if (!item->drop) st = k->job->gather(k->job->ctx, item, &own);
  if (st && !status_is_own(st)) return pass_on(&own, err);
  k->numbers.n = 0;
  if (!st && !item->drop) TRY(rows_values(&x->rows, k->run, x->result, &k->numbers, err));
  result_end end = {.dropped = st ? "refused" : item->drop,
                    .answer = item->answer,
                    .judged = item->example->answer_count > 0,
                    .seconds = clock_seconds() - began};
  end.reason = st ? own.msg : item->why[0] ? item->why : item->drop;
  TRY(rows_end(&x->rows, x->result, &end, err));
  if (!end.dropped) count_headline(k, item);
  *(end.dropped ? &k->dropped : &k->used) += 1;
  k->fresh++;
  item->drop = end.dropped;
  item->refused = st;
  if (st) snprintf(item->why, sizeof item->why, "%.*s", (int)sizeof item->why - 1, own.msg);
  return LOCI_OK;
}

static loci_status write_example(keeping *x, study_item *item, bool *used, loci_err *err) {
  const loci_example *e = item->example;
  example_key key;
  int64_t example;
  TRY(name_line(x, e, &key, err));
  *used = false;
  TRY(rows_example(&x->rows, e, &key, e->line, &example, err));
  for (int i = 0; i < x->job_count; i++) {
    if (!x->jobs[i].todo) continue;
    TRY(measure_kind(x, &x->jobs[i], item, example, err));
    if (!item->drop) *used = true;
  }
  return LOCI_OK;
}

static loci_status commit(keeping *x, loci_status st, loci_err *err) {
  if (!st) st = db_exec(x->store->d, "COMMIT", err);
  if (st) db_exec(x->store->d, "ROLLBACK", NULL); /* if SQLite has not done so */
  return st;
}

static loci_status measure(void *ctx, study_item *item, loci_err *err) {
  keeping *x = ctx;
  bool used;
  loci_err own = {0};
  loci_status st = db_exec(x->store->d, "BEGIN IMMEDIATE", &own);
  if (!st) st = commit(x, write_example(x, item, &used, &own), &own);
  if (st) {
    if (!x->broken.code) x->broken = own; /* no fault of the example */
    return fail(err, LOCI_ECANCELLED, "%s", own.msg);
  }
  item->drop = used ? NULL : "dropped"; /* written down already */
  return LOCI_OK;
}

/* An example that no kind can use, or a line that is none. */
static loci_status write_dropped(keeping *x, const loci_example *e, const loci_dropped *d,
                                 const example_key *key, loci_err *err) {
  int64_t example;
  TRY(rows_example(&x->rows, e, key, d->line, &example, err));
  for (int i = 0; i < x->job_count; i++) {
    kept_job *k = &x->jobs[i];
    if (!k->todo) continue;
    TRY(rows_begin(&x->rows, k->run, example, &x->result, err));
    TRY(rows_end(&x->rows, x->result,
                 &(result_end){.dropped = d->kind, .reason = d->reason, .seconds = (double)NAN},
                 err));
    k->todo = false;
    k->dropped += !k->again;
    k->fresh++;
  }
  return LOCI_OK;
}

static loci_status drop(void *ctx, const loci_example *e, const loci_dropped *d, loci_err *err) {
  keeping *x = ctx;
  example_key key;
  study_turn have = TURN_NEW;
  TRY(store_check_folder(x->store, e, err));
  TRY(name_line(x, e, &key, err));
  if (!e) TRY(find_todo(x, &key, &have, err));
  bool any = false;
  for (int i = 0; i < x->job_count; i++) any |= x->jobs[i].todo;
  if (!any || have != TURN_NEW || (!e && !is_ours(x, d->line))) return LOCI_OK;
  TRY(db_exec(x->store->d, "BEGIN IMMEDIATE", err));
  return commit(x, write_dropped(x, e, d, &key, err), err);
}

/* ---------------------------------------------------------------- what is to be done */

typedef struct line_list {
  int64_t *at, count, room;
} line_list;

static loci_status add_line(line_list *l, int64_t line, loci_err *err) {
  if (l->count == l->room) {
    int64_t more = l->room ? 2 * l->room : 1024;
    int64_t *lines = realloc(l->at, (size_t)more * sizeof *lines);
    if (!lines) return fail_nomem(err, "going through examples");
    l->at = lines;
    l->room = more;
  }
  l->at[l->count++] = line;
  return LOCI_OK;
}

/* Lines that some kind has not measured, examples or not. */
static loci_status list_todo(keeping *x, line_list *lines, int64_t *used, loci_err *err) {
  const loci_study_opts *o = x->opts->study;
  if (o->sample) TRY(loci_examples_sample(x->s.examples, o->sample, o->seed, err));
  for (;;) {
    loci_example *e = NULL;
    example_key key;
    study_turn have = TURN_USED;
    loci_status st = loci_examples_next(x->s.examples, &e, err);
    if (st && st != LOCI_EFORMAT) return st;
    if (!st && !e) return LOCI_OK;
    int64_t line = examples_line(x->s.examples);
    st = name_line(x, e, &key, err);
    if (!st) st = find_todo(x, &key, &have, err);
    loci_free(e); /* the key borrows of it */
    TRY(st);
    *used += have == TURN_USED;
    if (have == TURN_NEW && in_shard(x, line)) TRY(add_line(lines, line, err));
  }
}

/* ---------------------------------------------------------------- the call */

static loci_status add_job(keeping *x, const char *what, size_t n, loci_err *err) {
  char name[16];
  snprintf(name, sizeof name, "%.*s", (int)(n < sizeof name ? n : sizeof name - 1), what);
  for (int i = 0; i < x->job_count; i++) {
    if (strcmp(x->jobs[i].job->what, name) == 0)
      return fail(err, LOCI_EINVAL, "\"%s\" is there twice", name);
  }
  average_job *job;
  int kind;
  TRY(loci_name_find(LOCI_NAMES_STUDY, name, &kind, err));
  const loci_store_run_opts *o = x->opts;
  TRY(job_of(&(loci_average_opts){.what = name,
                                  .trace = o->trace,
                                  .knockout = o->knockout,
                                  .least_effect = o->least_effect,
                                  .donors = o->donors,
                                  .donor_model = o->donor_model},
             o->lens, true, x->mem, &job, err));
  kept_job *k = &x->jobs[x->job_count++]; /* there are no more kinds than places */
  if (job->complete) TRY(job->complete(job->ctx, x->s.model, err));
  k->job = job;
  x->s.results += strcmp(name, "ask") != 0; /* which is the answer */
  k->numbers = (averaging){.s = &x->s, .mem = x->mem, .out = &k->view};
  job->a = &k->numbers;
  job->see_trace = see_trace;
  job->see_ctx = x;
  return LOCI_OK;
}

static loci_status add_jobs(keeping *x, loci_err *err) {
  const char *list = x->opts->what ? x->opts->what : "trace";
  for (;;) {
    size_t n = strcspn(list, ",");
    TRY(add_job(x, list, n, err));
    if (!list[n]) return LOCI_OK;
    list += n + 1;
  }
}

static loci_status find_run(keeping *x, kept_job *k, const char *hash, loci_err *err) {
  char *settings = NULL, *model = NULL;
  loci_status st = LOCI_OK;
  TRY_DONE(settings_text(x->s.model, hash, k->job, x->opts->study, &settings, err));
  TRY_DONE(settings_model(loci_model_get_info(x->s.model), hash, &model, err));
  run_row row = {k->job->what, settings, model, x->opts->lent ? "" : examples_path(x->s.examples)};
  TRY_DONE(store_run(x->store->d, &row, &k->run, err));
done:
  free(settings);
  free(model);
  return st;
}

static loci_status find_runs(keeping *x, loci_err *err) {
  const char *hash;
  TRY(model_hash(x->s.model, x->opts->study->progress, x->opts->study->progress_ctx, &hash, err));
  for (int i = 0; i < x->job_count; i++) TRY(find_run(x, &x->jobs[i], hash, err));
  return LOCI_OK;
}

/* The drops among the results after [after]. */
static loci_status forget_dropped(const keeping *x, int64_t after, loci_err *err) {
  const char *sql = "DELETE FROM result WHERE run = ? AND dropped IS NOT NULL AND result > ?";
  for (int i = 0; i < x->job_count; i++) {
    db_query *q;
    TRY(db_prepare(x->store->d, sql, &q, err));
    db_bind_int(q, 1, x->jobs[i].run);
    db_bind_int(q, 2, after);
    loci_status st = db_run(q, err);
    db_finish(q);
    TRY(st);
  }
  return LOCI_OK;
}

static loci_status start(keeping *x, loci_err *err) {
  TRY(noise_of_study(x->s.model, examples_path(x->s.examples), x->s.opts, &x->asked.trace, err));
  TRY(rows_open(x->store->d, &x->rows, err));
  TRY(add_jobs(x, err));
  TRY(find_runs(x, err));
  for (int i = 0; i < x->job_count; i++) TRY(count_before(x, &x->jobs[i], err));
  return LOCI_OK;
}

static loci_status run(keeping *x, loci_store_run_state *out, loci_err *err) {
  int64_t last;
  TRY(start(x, err));
  TRY(db_number(x->store->d, "SELECT ifnull(max(result), 0) FROM result", &last, err));
  loci_status st = study_each(&x->s, measure, x, err);
  *out = state_of(x, &x->jobs[0]);
  if (study_is_hopeless(&x->s)) { /* they may be measured yet */
    loci_err own = {0};
    if (forget_dropped(x, last, &own)) return pass_on(&own, err);
  }
  if (!x->broken.code) return st;
  if (err) *err = x->broken;
  return x->broken.code;
}

static loci_status take_request(run_request *own, const loci_store_run_opts *given, loci_err *err) {
  TRY(options_take(loci_store_run_opts, &own->o, given, err));
  TRY(options_take(loci_study_opts, &own->study, own->o.study, err));
  TRY(options_take(loci_trace_opts, &own->trace, own->o.trace, err));
  TRY(options_take(loci_knockout_opts, &own->knockout, own->o.knockout, err));
  TRY(options_take(loci_lens_opts, &own->lens, own->o.lens, err));
  own->o.lens = &own->lens;
  own->o.study = &own->study;
  own->o.trace = &own->trace;
  own->o.knockout = &own->knockout;
  return LOCI_OK;
}

static loci_status open_keeping(keeping *x, loci_store *store, const loci_model *model,
                                loci_examples *examples, const loci_store_run_opts *opts,
                                loci_err *err) {
  *x = (keeping){.opts = &x->asked.o, .store = store, .started = clock_seconds()};
  TRY(take_request(&x->asked, opts, err));
  if (!store->writes) return fail(err, LOCI_EINVAL, "%s: was opened to be read", db_path(store->d));
  TRY(picture_hashes_new(&x->pictures, err));
  x->mem = arena_new();
  x->s = (study){.model = model, .opts = x->opts->study, .examples = examples, .mem = x->mem};
  return x->mem ? LOCI_OK : fail_nomem(err, "starting a study");
}

static void close_keeping(keeping *x) {
  rows_close(&x->rows);
  picture_hashes_free(x->pictures);
  for (int i = 0; i < x->job_count; i++) average_clear(&x->jobs[i].numbers);
  study_clear(&x->s);
  arena_free(x->mem);
}

loci_status loci_store_run(loci_store *store, const loci_model *model, loci_examples *examples,
                           const loci_store_run_opts *opts, loci_store_run_state *out,
                           loci_err *err) {
  NEEDS(store, "store");
  NEEDS(model, "model");
  NEEDS(examples, "examples");
  NEEDS(out, "place for the result");
  keeping x;
  study_keeper keeper = {turn, drop, enough, &x};
  *out = (loci_store_run_state){0};
  loci_status st = open_keeping(&x, store, model, examples, opts, err);
  x.s.keeper = &keeper;
  if (!st) st = run(&x, out, err);
  close_keeping(&x);
  return st;
}

loci_status loci_store_todo(loci_store *store, const loci_model *model, loci_examples *examples,
                            const loci_store_run_opts *opts, loci_todo **out, loci_err *err) {
  NEEDS(out, "place for the result");
  *out = NULL;
  NEEDS(store, "store");
  NEEDS(model, "model");
  NEEDS(examples, "examples");
  keeping x;
  line_list lines = {0};
  loci_todo *made = result_new(LOCI_KIND_NONE, sizeof *made);
  if (!made) return fail_nomem(err, "going through examples");
  loci_status st = open_keeping(&x, store, model, examples, opts, err);
  if (!st) st = start(&x, err);
  if (!st) made->before = state_of(&x, &x.jobs[0]);
  if (!st) st = list_todo(&x, &lines, &made->used, err);
  close_keeping(&x);
  made->lines = lines.at;
  made->count = lines.count;
  bool kept = arena_defer(made->result.memory, free, lines.at);
  if (!st && !kept) st = fail_nomem(err, "going through examples");
  if (!st) *out = made;
  if (st) loci_free(made);
  return st;
}
