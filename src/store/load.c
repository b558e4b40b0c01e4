/* loci_store_average: a run's rows become the average that the study commands make of a file, by
 * the same code and to the last digit. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/options.h"
#include "store/numbers.h"
#include "store/store.h"

enum { MOST_EXPECTED = 1 << 22 }; /* examples: beyond it room grows as it is filled */

typedef struct loading {
  loci_store *store;
  int64_t run;
  uint64_t seed;
  arena *mem;     /* of the result */
  arena *scratch; /* until the call ends */
  study s;
  loci_study_opts opts;
  average_job *job;
  loci_model_info *model;
  const char *data, *hash, *template_name, *settings;
  const char *system, *date, *device; /* NULL: none */
  double least_effect;
  db_query *values;
  run_series_list series;
  double *room; /* numbers of a row */
  int room_size;
  int64_t *results; /* (total) of the examples that are used, in their order */
  int right;        /* 1, 0: right, wrong answers only, whatever the average leaves out; -1: all */
  loci_status (*finish)(void *ctx, loci_err *err); /* the job's own, where there is a side */
  void *finish_ctx;
  store_side *side; /* also keeps the examples' names and numbers; or NULL */
  const watch *watch;
  double total; /* the run's examples, for the watch */
} loading;

static const char *copy_text(arena *mem, const char *s) { return arena_strdup(mem, s ? s : ""); }

/* ---------------------------------------------------------------- the run's settings */

/* Corruption and window are all that an average says of its settings. */
static loci_status read_settings(loading *l, const char *what, loci_err *err) {
  js_value *v;
  const char *corrupt = NULL, *template_name = "", *system = NULL, *date = NULL, *card = NULL,
             *donors = NULL;
  int64_t window = LOCI_ALL_LAYERS; /* "all", or -1 as it was once */
  loci_trace_opts trace = {0};
  loci_knockout_opts knockout = {0};
  loci_average_opts how = {
      .what = what, .trace = &trace, .knockout = &knockout, .least_effect = l->least_effect};
  const char *where = db_path(l->store->d);
  TRY(js_parse(l->settings, strlen(l->settings), where, &v, err));
  loci_status st = js_get_text(v, "corrupt", where, &corrupt, err);
  if (!st) st = js_get_text(v, "donors", where, &donors, err);
  if (!st) st = js_get_text(v, "template", where, &template_name, err);
  if (!st) st = js_get_text(v, "system", where, &system, err);
  if (!st) st = js_get_text(v, "date", where, &date, err);
  if (!st) st = js_get_text(v, "device_name", where, &card, err);
  (void)js_int_of(js_get(v, "window"), &window);
  const char *word = js_text_of(js_get(v, "window"), NULL);
  bool onward = word && strcmp(word, "onward") == 0;
  knockout.window = onward                           ? LOCI_ONWARD
                    : window > 0 && window < 1 << 20 ? (int)window
                                                     : LOCI_ALL_LAYERS;
  if (!st && corrupt) trace.corrupt = copy_text(l->scratch, corrupt);
  if (!st && donors) how.donors = copy_text(l->scratch, donors);
  l->template_name = copy_text(l->scratch, template_name);
  l->system = system ? copy_text(l->scratch, system) : NULL;
  l->date = date ? copy_text(l->scratch, date) : NULL;
  l->device = card ? copy_text(l->scratch, card) : NULL;
  if (!st && (!l->template_name || (system && !l->system) || (date && !l->date) ||
              (card && !l->device) || (corrupt && !trace.corrupt) || (donors && !how.donors)))
    st = fail_nomem(err, "reading a store");
  js_free(v);
  if (!st) st = job_of(&how, NULL, true, l->scratch, &l->job, err);
  if (!st && !l->job) st = fail(err, LOCI_EFORMAT, "%s: a run of \"%.20s\"", where, what);
  return st;
}

static loci_status read_run(loading *l, db_query *q, loci_err *err) {
  bool row;
  db_bind_int(q, 1, l->run);
  TRY(db_step(q, &row, err));
  if (!row) return fail(err, LOCI_EFORMAT, "%s: a run without a row", db_path(l->store->d));
  l->run = db_int(q, 0);
  const char *what = copy_text(l->scratch, db_text(q, 1));
  l->settings = copy_text(l->scratch, db_text(q, 2));
  const char *model = copy_text(l->scratch, db_text(q, 3));
  l->data = copy_text(l->scratch, db_text(q, 4));
  db_rewind(q);
  l->model = arena_zalloc(l->scratch, 1, sizeof *l->model);
  if (!what || !l->settings || !model || !l->data || !l->model)
    return fail_nomem(err, "reading a store");
  TRY(settings_read_model(model, db_path(l->store->d), l->scratch, l->model, &l->hash, err));
  if (l->model->layers < 1)
    return fail(err, LOCI_EFORMAT, "%s: a run of a model without layers", db_path(l->store->d));
  return read_settings(l, what, err);
}

static loci_status find_run(loading *l, loci_err *err) {
  db_query *q;
  const char *sql = l->run ? "SELECT run, what, settings, model, data FROM run WHERE run = ?"
                           : "SELECT run, what, settings, model, data FROM run"
                             " WHERE run > ? ORDER BY run DESC LIMIT 1";
  TRY(db_prepare(l->store->d, sql, &q, err));
  loci_status st = read_run(l, q, err);
  db_finish(q);
  return st;
}

/* ---------------------------------------------------------------- one example's rows */

static loci_status put_row(loading *l, averaging *a, loci_err *err) {
  const db_query *q = l->values;
  const char *where = db_path(l->store->d);
  const run_series *s;
  TRY(run_series_find(&l->series, db_int(q, 0), where, &s, err));
  if (a->recall && l->job->waits(&s->key)) return average_await(a, &s->key, s->id, err);
  if (l->room_size < s->key.points) {
    double *more = realloc(l->room, (size_t)s->key.points * sizeof *more);
    if (!more) return fail_nomem(err, "reading a store");
    l->room = more;
    l->room_size = s->key.points;
  }
  TRY(series_numbers(&s->key, s->range, db_text(q, 1), where, l->room, err));
  return average_put(a, &s->key, l->room, err);
}

static loci_status put_rows(loading *l, int64_t result, loci_err *err) {
  bool row;
  averaging *a = l->job->a;
  loci_status st;
  TRY(average_room(a, err));
  if (a->n >= l->total) /* of a damaged file */
    return fail(err, LOCI_EFORMAT, "%s: has more results than it counts", db_path(l->store->d));
  l->results[a->n] = result;
  db_bind_int(l->values, 1, result);
  while (!(st = db_step(l->values, &row, err)) && row) {
    st = put_row(l, a, err);
    if (st) {
      db_rewind(l->values);
      return st;
    }
  }
  return st;
}

/* ---------------------------------------------------------------- numbers that waited */

/* The row of an average that is this series, and has room. */
static average_row *recalled(averaging *a, int64_t source) {
  for (int i = 0; i < a->series_count; i++)
    if (a->series[i].waits && a->series[i].x && a->series[i].source == source) return &a->series[i];
  return NULL;
}

static loci_status recall_example(loading *l, db_query *q, int example, loci_err *err) {
  bool row;
  loci_status st;
  db_bind_int(q, 1, l->results[example]);
  while (!(st = db_step(q, &row, err)) && row) {
    average_row *r = recalled(l->job->a, db_int(q, 0));
    if (!r) continue;
    const run_series *s;
    const char *where = db_path(l->store->d);
    double *x = r->x + (int64_t)example * r->key.points;
    st = run_series_find(&l->series, r->source, where, &s, err);
    if (!st) st = series_numbers(&s->key, s->range, db_text(q, 1), where, x, err);
    if (st) break;
  }
  return st;
}

/* Of all examples that are used, between the first and the last series that have room. */
static loci_status recall(void *ctx, loci_err *err) {
  loading *l = ctx;
  const averaging *a = l->job->a;
  int64_t first = INT64_MAX, last = INT64_MIN;
  db_query *q;
  loci_status st = LOCI_OK;
  for (int i = 0; i < a->series_count; i++) {
    const average_row *r = &a->series[i];
    if (!r->waits || !r->x) continue;
    if (r->source < first) first = r->source;
    if (r->source > last) last = r->source;
  }
  TRY(db_prepare(l->store->d,
                 "SELECT series, x FROM value WHERE result = ? AND series BETWEEN ? AND ?", &q,
                 err));
  db_bind_int(q, 2, first);
  db_bind_int(q, 3, last);
  for (int i = 0; !st && i < a->n; i++) {
    db_follow(l->store->d, l->watch, "store", i, a->n);
    st = recall_example(l, q, i, err);
  }
  db_finish(q);
  return st;
}

/* ---------------------------------------------------------------- all examples */

static loci_status add_dropped(loading *l, const db_query *q, const char *kind, const char *reason,
                               loci_err *err) {
  loci_example e = {.id = db_text(q, 1)};
  loci_dropped d = {.kind = copy_text(l->mem, kind), .reason = reason};
  if (!d.kind) return fail_nomem(err, "reading a store");
  TRY(store_line(q, 0, db_path(l->store->d), &d.line, err));
  return study_drop(&l->s, &e, &d, err);
}

/* The first of the answers in JSON, which is what a sentence about a wrong one names. */
static loci_status first_answer(const char *json, const char *where, arena *mem, const char **out,
                                loci_err *err) {
  js_value *v;
  *out = "";
  if (!json) return LOCI_OK;
  TRY(js_parse(json, strlen(json), where, &v, err));
  const char *text = js_text_of(js_at(v, 0), NULL);
  if (text) *out = arena_strdup(mem, text);
  js_free(v);
  return *out ? LOCI_OK : fail_nomem(err, "reading a store");
}

/* Whether the example counts; if not, item says why. */
static void judge(const loading *l, study_item *item, bool judged, const study_answer *answer) {
  bool split = l->right >= 0;
  if (split && (!judged || answer->right != (l->right == 1)))
    item->drop = !judged ? "no answer" : answer->right ? "answered correctly" : "answered wrongly";
  if (!split && l->job->judge) l->job->judge(l->job->ctx, item, judged ? answer : NULL);
}

/* The names of an example that is used. */
static loci_status keep_names(loading *l, const db_query *q, loci_err *err) {
  store_side *side = l->side;
  int n = l->job->a->n;
  if (n % 1024 == 0) {
    char **keys = arena_array(l->mem, n + 1024, char *),
         **ids = arena_array(l->mem, n + 1024, char *);
    if (!keys || !ids) return fail_nomem(err, "reading a store");
    if (n > 0) memcpy(keys, side->keys, (size_t)n * sizeof *keys);
    if (n > 0) memcpy(ids, side->ids, (size_t)n * sizeof *ids);
    side->keys = keys;
    side->ids = ids;
  }
  side->keys[n] = arena_strdup(l->mem, db_text(q, 9) ? db_text(q, 9) : "");
  side->ids[n] = arena_strdup(l->mem, db_text(q, 1) ? db_text(q, 1) : "");
  return side->keys[n] && side->ids[n] ? LOCI_OK : fail_nomem(err, "reading a store");
}

/* line, id, dropped, reason, right, answer, result, answers, seconds, key */
static loci_status load_example(loading *l, const db_query *q, arena *mem, loci_err *err) {
  const char *dropped = db_text(q, 2), *reason = db_text(q, 3), *expected;
  if (dropped) return add_dropped(l, q, dropped, reason ? reason : dropped, err);
  int right;
  TRY(store_verdict(q, 4, db_path(l->store->d), &right, err));
  bool judged = right >= 0;
  const char *answer_text = db_text(q, 5);
  study_answer answer = {.text = answer_text ? answer_text : "", .right = right == 1};
  TRY(first_answer(db_text(q, 7), db_path(l->store->d), mem, &expected, err));
  loci_example e = {.answers = &expected, .answer_count = 1};
  study_item item = {.example = &e};
  TRY(put_rows(l, db_int(q, 6), err));
  judge(l, &item, judged, &answer);
  if (item.drop) return add_dropped(l, q, item.drop, item.why[0] ? item.why : item.drop, err);
  l->s.used++;
  if (l->side) TRY(keep_names(l, q, err));
  average_next(l->job->a, judged && l->job->tells_right ? answer.right : -1);
  return LOCI_OK;
}

static loci_status load_examples(loading *l, db_query *q, double *seconds, loci_err *err) {
  bool row;
  loci_status st;
  int64_t done = 0;
  db_bind_int(q, 1, l->run);
  while (!(st = db_step(q, &row, err)) && row) {
    db_follow(l->store->d, l->watch, "store", (double)done++, l->total);
    arena *mem = arena_new();
    double took;
    st = mem ? store_real(q, 8, db_path(l->store->d), "seconds", stat_amount, &took, err)
             : fail_nomem(err, "reading a store");
    if (!st) st = load_example(l, q, mem, err);
    arena_free(mem);
    if (st) break;
    if (!isnan(took)) *seconds += took;
  }
  if (!st && (double)done != l->total)
    return fail(err, LOCI_EFORMAT, "%s: %.0f of %.0f results are of examples that it does not have",
                db_path(l->store->d), l->total - (double)done, l->total);
  return st;
}

/* The run's request as the store has it, and the command that averages it. */
static loci_status tell(const loading *l, loci_result *out, loci_err *err) {
  js_value *how = js_object();
  command_words words = {.name = "study report", .file = db_path(l->store->d)};
  js_put(&how, "run", js_int(l->run));
  js_put(&how, "min_te", js_real(l->least_effect));
  js_put(&how, "seed", request_seed(l->seed));
  TRY(request_tell(&words, how, out, err));
  out->request = copy_text(l->mem, l->settings);
  return out->request ? LOCI_OK : fail_nomem(err, "reading a store");
}

static loci_status describe(loading *l, double seconds, loci_sample *out, loci_err *err) {
  loci_model_info *m = arena_alloc(l->mem, 1, sizeof *m);
  if (!m) return fail_nomem(err, "reading a store");
  *m = *l->model;
  m->edit_count = 0; /* what they did is in the request */
  m->device = l->device;
  const char **texts[] = {&m->path, &m->family,        &m->dtype,  &m->precision, &l->hash,
                          &l->data, &l->template_name, &l->system, &l->date,      &m->device};
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
    if (!*texts[i]) continue;
    *texts[i] = copy_text(l->mem, *texts[i]);
    if (!*texts[i]) return fail_nomem(err, "reading a store");
  }
  *out = (loci_sample){.model = m,
                       .hash = l->hash,
                       .precision = m->precision,
                       .path = l->data,
                       .template_name = l->template_name,
                       .system = l->system,
                       .date = l->date,
                       .seed = l->seed,
                       .used = l->s.used,
                       .seconds = seconds};
  TRY(tell(l, l->s.result, err));
  return study_hand_over_dropped(&l->s, out, err);
}

/* Charts as ever, then the numbers change hands. */
static loci_status keep_numbers(void *ctx, loci_err *err) {
  loading *l = ctx;
  averaging *a = l->job->a;
  TRY(l->finish(l->finish_ctx, err));
  l->side->numbers = *a;
  a->series = NULL;
  a->series_count = a->series_room = 0;
  a->right = NULL;
  memset(a->draws, 0, sizeof a->draws);
  return LOCI_OK;
}

static loci_status count_examples(loading *l, loci_err *err) {
  db_query *q;
  bool row;
  TRY(db_prepare(l->store->d, "SELECT count(*) FROM result WHERE run = ?", &q, err));
  db_bind_int(q, 1, l->run);
  loci_status st = db_step(q, &row, err);
  if (!st && row) l->total = db_real(q, 0);
  db_finish(q);
  return st;
}

static loci_status fill(void *ctx, average_job *job, loci_sample *sample, loci_err *err) {
  loading *l = ctx;
  db_query *q;
  double seconds = 0;
  l->mem = job->a->mem;
  TRY(count_examples(l, err));
  if (l->total < MOST_EXPECTED) TRY(average_expect(job->a, (int)l->total, err));
  l->results = malloc(((size_t)l->total + 1) * sizeof *l->results);
  if (!l->results) return fail_nomem(err, "reading a store");
  if (!l->side && job->waits) job->a->recall = recall;
  job->a->recall_ctx = l;
  TRY(run_series_read(l->store->d, l->run, db_path(l->store->d),
                      (run_kind){job->what, l->model->layers}, l->scratch, &l->series, err));
  TRY(db_prepare(l->store->d, "SELECT series, x FROM value WHERE result = ? ORDER BY series",
                 &l->values, err));
  TRY(db_prepare(l->store->d,
                 "SELECT line, id, dropped, reason, right, answer, result, answers, seconds, key"
                 " FROM result JOIN example USING (example) WHERE run = ? ORDER BY line, key",
                 &q, err));
  loci_status st = load_examples(l, q, &seconds, err);
  db_finish(q);
  TRY(st);
  if (l->s.used == 0) return study_nothing_left(&l->s, db_path(l->store->d), err);
  if (l->side) {
    l->finish = l->job->finish;
    l->finish_ctx = l->job->ctx;
    l->job->finish = keep_numbers;
    l->job->ctx = l;
  }
  return describe(l, seconds, sample, err);
}

static loci_status load(loading *l, loci_average **out, loci_err *err) {
  TRY(store_begin_reading(l->store, l->run, err));
  loci_status st = find_run(l, err);
  if (!st) st = average_make(&l->s, l->job, fill, l, out, err);
  db_finish(l->values);
  db_follow(l->store->d, NULL, "", 0, 0);
  st = store_end_reading(l->store, st, err);
  if (!st) return LOCI_OK;
  loci_free(*out);
  *out = NULL;
  return st;
}

static loci_status load_run(loci_store *store, const store_which *which, store_side *side,
                            loci_average **out, int64_t *run, loci_err *err) {
  *out = NULL;
  loading l = {.store = store,
               .run = which->run,
               .seed = which->seed,
               .right = which->right,
               .least_effect = which->least_effect,
               .side = side,
               .watch = &which->watch,
               .scratch = arena_new()};
  if (!l.scratch) return fail_nomem(err, "reading a store");
  l.opts.seed = which->seed;
  l.opts.progress = which->watch.progress;
  l.opts.progress_ctx = which->watch.ctx;
  l.s.opts = &l.opts;
  loci_status st = load(&l, out, err);
  if (run) *run = l.run;
  free(l.room);
  free(l.results);
  arena_free(l.scratch);
  return st;
}

loci_status loci_store_average(loci_store *store, const loci_store_opts *opts, loci_average **out,
                               loci_err *err) {
  NEEDS(out, "place for the result");
  *out = NULL;
  NEEDS(store, "store");
  loci_store_opts o;
  TRY(options_take(loci_store_opts, &o, opts, err));
  store_which which = {o.run, o.least_effect, o.seed, -1, {o.progress, o.progress_ctx}};
  return load_run(store, &which, NULL, out, NULL, err);
}

loci_status store_side_load(loci_store *s, const store_which *which, store_side *out,
                            loci_err *err) {
  *out = (store_side){.store = db_path(s->d)};
  return load_run(s, which, out, &out->average, &out->run, err);
}

void store_side_clear(store_side *side) {
  average_clear(&side->numbers);
  loci_free(side->average);
}
