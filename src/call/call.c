/* Calls by name (see loci_call.h, section 20): the request is parsed, its members are read into the
 * options of the function that the call means, and that is called. */
#include <stdlib.h>
#include <string.h>

#include "base/result.h"
#include "call/option_fields.h"
#include "edit/edit.h"
#include "model/prompt.h"
#include "study/info.h"

enum { MOST_TABLES = 8, MOST_REQUEST = 1 << 26 };

typedef struct calling {
  const loci_call *of;
  const js_value *request;
  arena *mem;
  loci_result **out;
} calling;

typedef loci_status call_fn(const calling *c, loci_err *err);

/* [request] NULL: an empty object.  Caller frees *out. */
static loci_status parse(const char *request, js_value **out, loci_err *err) {
  size_t n = request ? strlen(request) : 0;
  if (n > MOST_REQUEST) return fail(err, LOCI_EINVAL, "a request of %zu bytes", n);
  loci_err why;
  loci_status st = js_parse(request ? request : "{}", request ? n : 2, "the request", out, &why);
  if (st == LOCI_EFORMAT) return fail(err, LOCI_EINVAL, "%s", why.msg);
  if (st) return pass_on(&why, err);
  if (js_kind_of(*out) == JS_OBJECT) return LOCI_OK;
  js_free(*out);
  *out = NULL;
  return fail(err, LOCI_EINVAL, "the request is no JSON object");
}

/* Where a table's members go; NULL: they are known, and not read. */
typedef struct target_table {
  field_table table;
  void *options;
} target_table;

/* Reads all members; the tables of one call may share names, which then go to each. */
static loci_status read_request(const calling *c, const target_table *t, int n, loci_err *err) {
  field_table all[MOST_TABLES + 1];
  for (int i = 0; i < n; i++) all[i] = t[i].table;
  all[n] = told_fields();
  TRY(fields_known(all, n + 1, c->request, err));
  for (int i = 0; i < n; i++)
    if (t[i].options) TRY(fields_read(t[i].table, c->request, c->mem, t[i].options, err));
  return LOCI_OK;
}

#define READ(...)                                                                                  \
  TRY(read_request(c, (target_table[]){__VA_ARGS__},                                               \
                   (int)(sizeof((target_table[]){__VA_ARGS__}) / sizeof(target_table)), err))

/* The end of a call that only asks whether its request makes sense. */
#define CHECKED(kind, o)                                                                           \
  do {                                                                                             \
    if (!c->out) return loci_check((kind), (o), err);                                              \
  } while (0)

#define FOLLOW(o) (o).progress = c->of->progress, (o).progress_ctx = c->of->progress_ctx

/* ---------------------------------------------------------------- options */

/* What a screening chooses by; a picture of the restoration goes with cells chosen by p. */
static void settle_metric(loci_trace_opts *o) {
  if (o->screen == 0 || o->screen_metric == LOCI_METRIC_RESTORATION)
    o->screen_metric = LOCI_METRIC_P;
}

/* A study shows single layers beside wider windows: what only these bring back is no layer's own.
 */
static loci_status add_single(const calling *c, loci_trace_opts *o, loci_err *err) {
  int *windows = arena_zarray(c->mem, o->window_count + 1, int);
  if (!windows) return fail_nomem(err, "reading a request");
  for (int i = 0; i < o->window_count; i++) {
    if (o->windows[i] == 1) return LOCI_OK;
    windows[i + 1] = o->windows[i];
  }
  if (o->window_count == 0 || o->screen > 0) return LOCI_OK;
  windows[0] = 1;
  o->windows = windows;
  o->window_count++;
  return LOCI_OK;
}

/* Every source with every query. */
static loci_status cross(const calling *c, const cut_ends *e, loci_knockout_opts *o,
                         loci_err *err) {
  if (e->from_count == 0 && e->to_count == 0) return LOCI_OK;
  if (e->from_count == 0 || e->to_count == 0)
    return fail(err, LOCI_EINVAL, "a pathway needs both its ends, from and to");
  loci_edges *all = arena_zarray(c->mem, (int64_t)e->from_count * e->to_count, loci_edges);
  if (!all) return fail_nomem(err, "reading a request");
  o->pathways = all;
  o->pathway_count = 0;
  for (int i = 0; i < e->from_count; i++)
    for (int k = 0; k < e->to_count; k++)
      all[o->pathway_count++] = (loci_edges){e->from[i], e->to[k]};
  return LOCI_OK;
}

/* ---------------------------------------------------------------- one question */

static loci_status call_ask(const calling *c, loci_err *err) {
  extras x = {0};
  loci_trace_opts at = {.size = sizeof at};
  READ({ask_fields(), &x}, {cell_fields(), &at});
  if (at.corrupt || at.site_count > 0 || at.positions || at.layer_count > 0) {
    CHECKED(LOCI_KIND_TRACE, &at);
    FOLLOW(at);
    return loci_ask_restored(c->of->model, c->of->prompts[0], &at, x.max_new,
                             (loci_answer **)c->out, err);
  }
  if (!c->out) return LOCI_OK;
  return loci_ask(c->of->model, c->of->prompts[0], x.max_new, c->of->progress, c->of->progress_ctx,
                  (loci_answer **)c->out, err);
}

static loci_status call_trace(const calling *c, loci_err *err) {
  loci_trace_opts o = {.size = sizeof o};
  READ({trace_fields(), &o});
  settle_metric(&o);
  CHECKED(LOCI_KIND_TRACE, &o);
  FOLLOW(o);
  o.watch = c->of->watch;
  o.watch_ctx = c->of->watch_ctx;
  return loci_trace_new(c->of->model, c->of->prompts[0], &o, (loci_trace **)c->out, err);
}

static loci_status call_knockout(const calling *c, loci_err *err) {
  loci_knockout_opts o = {.size = sizeof o};
  cut_ends ends = {0};
  READ({knockout_fields(), &o}, {ends_fields(), &ends});
  TRY(cross(c, &ends, &o, err));
  CHECKED(LOCI_KIND_KNOCKOUT, &o);
  FOLLOW(o);
  return loci_knockout_new(c->of->model, c->of->prompts[0], &o, (loci_knockout **)c->out, err);
}

static loci_status call_flow(const calling *c, loci_err *err) {
  loci_flow_opts o = {.size = sizeof o};
  READ({flow_fields(), &o});
  CHECKED(LOCI_KIND_FLOW, &o);
  FOLLOW(o);
  return loci_flow_new(c->of->model, c->of->prompts[0], &o, (loci_flow **)c->out, err);
}

static loci_status call_lens(const calling *c, loci_err *err) {
  loci_lens_opts o = {.size = sizeof o};
  READ({lens_fields(), &o});
  CHECKED(LOCI_KIND_LENS, &o);
  FOLLOW(o);
  return loci_lens_new(c->of->model, c->of->prompts[0], &o, (loci_lens **)c->out, err);
}

static loci_status call_info(const calling *c, loci_err *err) {
  extras x = {0};
  READ({info_fields(), &x});
  watch w = {c->of->progress, c->of->progress_ctx};
  return c->out ? info_new(c->of->model, x.no_hash, &w, (loci_info **)c->out, err) : LOCI_OK;
}

/* ---------------------------------------------------------------- examples */

typedef loci_status study_fn(const calling *c, loci_examples *examples, loci_err *err);

static loci_status with_examples(const calling *c, study_fn *study, loci_err *err) {
  loci_examples *examples;
  if (!c->out) return study(c, NULL, err);
  NEEDS(c->of->path, "path of a file of examples");
  TRY(loci_examples_open(c->of->path, &examples, err));
  loci_status st = study(c, examples, err);
  loci_examples_close(examples);
  return st;
}

static loci_status score(const calling *c, loci_examples *examples, loci_err *err) {
  loci_study_opts study = {.size = sizeof study};
  loci_score_opts o = {.size = sizeof o, .study = &study};
  READ({score_fields(), &o}, {study_fields(), &study});
  CHECKED(LOCI_KIND_SCORE, &o);
  FOLLOW(study);
  return loci_score_new(c->of->model, examples, &o, (loci_score **)c->out, err);
}

static loci_status predict(const calling *c, loci_examples *examples, loci_err *err) {
  loci_study_opts study = {.size = sizeof study};
  loci_predict_opts o = {.size = sizeof o, .study = &study};
  READ({predict_fields(), &o}, {study_fields(), &study});
  CHECKED(LOCI_KIND_PREDICTION, &o);
  FOLLOW(study);
  return loci_prediction_new(c->of->model, examples, &o, (loci_prediction **)c->out, err);
}

static loci_status average(const calling *c, loci_examples *examples, loci_err *err) {
  loci_study_opts study = {.size = sizeof study};
  loci_trace_opts trace = {.size = sizeof trace};
  loci_knockout_opts knockout = {.size = sizeof knockout};
  loci_average_opts o = {.size = sizeof o,
                         .what = c->of->what + sizeof "study", /* the word after "study " */
                         .study = &study,
                         .trace = &trace,
                         .knockout = &knockout};
  extras x = {.least_effect = 0.1};
  cut_ends ends = {0};
  bool traces = strcmp(o.what, "trace") == 0, cuts = strcmp(o.what, "knockout") == 0;
  target_table how[MOST_TABLES] = {{study_fields(), &study}};
  int n = 1;
  if (traces) how[n++] = (target_table){trace_fields(), &trace};
  if (traces) how[n++] = (target_table){least_fields(), &x};
  if (cuts) how[n++] = (target_table){knockout_fields(), &knockout};
  if (cuts) how[n++] = (target_table){ends_fields(), &ends};
  TRY(read_request(c, how, n, err));
  settle_metric(&trace);
  TRY(add_single(c, &trace, err));
  TRY(cross(c, &ends, &knockout, err));
  if (traces) TRY(loci_check(LOCI_KIND_AVERAGE, &trace, err));
  if (cuts) TRY(loci_check(LOCI_KIND_KNOCKOUT, &knockout, err));
  if (!c->out) return LOCI_OK;
  FOLLOW(study);
  o.least_effect = x.least_effect;
  return loci_average_new(c->of->model, examples, &o, (loci_average **)c->out, err);
}

static loci_status covariance(const calling *c, loci_examples *examples, loci_err *err) {
  loci_study_opts o = {.size = sizeof o};
  extras x = {0};
  READ({study_fields(), &o}, {covariance_fields(), &x});
  if (!c->out) return LOCI_OK;
  FOLLOW(o);
  return loci_covariance_new(c->of->model, examples, x.layer, &o, (loci_covariance **)c->out, err);
}

static loci_status call_score(const calling *c, loci_err *err) {
  return with_examples(c, score, err);
}
static loci_status call_predict(const calling *c, loci_err *err) {
  return with_examples(c, predict, err);
}
static loci_status call_average(const calling *c, loci_err *err) {
  return with_examples(c, average, err);
}
static loci_status call_covariance(const calling *c, loci_err *err) {
  return with_examples(c, covariance, err);
}

/* ---------------------------------------------------------------- stores */

static loci_status call_status(const calling *c, loci_err *err) {
  READ({{NULL, 0}, NULL});
  if (!c->out) return LOCI_OK;
  NEEDS(c->of->store, "store");
  return loci_store_info_new(c->of->store, (loci_store_info **)c->out, err);
}

static bool has_kind(const char *kinds, const char *kind) {
  size_t n = strlen(kind);
  for (const char *at = kinds; at && *at; at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL)
    if (strncmp(at, kind, n) == 0 && (at[n] == 0 || at[n] == ',')) return true;
  return false;
}

/* What both a trace and a knockout take is meant for one of them. */
static loci_status read_run(const calling *c, loci_run_request *r, loci_err *err) {
  loci_store_run_opts *o = &r->opts;
  cut_ends ends = {0};
  r->study.size = sizeof r->study;
  r->trace.size = sizeof r->trace;
  r->knockout.size = sizeof r->knockout;
  *o = (loci_store_run_opts){.size = sizeof *o, .study = &r->study, .least_effect = 0.1};
  TRY(fields_read(run_fields(), c->request, c->mem, o, err));
  bool cuts = has_kind(o->what, "knockout"), traces = !cuts || has_kind(o->what, "trace");
  if (cuts && traces && js_get(c->request, "window"))
    return fail(err, LOCI_EINVAL,
                "window is for trace or for knockout: measure them one after the other");
  if (cuts) o->knockout = &r->knockout;
  if (traces) o->trace = &r->trace;
  READ({run_fields(), o}, {study_fields(), &r->study}, {trace_fields(), traces ? &r->trace : NULL},
       {knockout_fields(), cuts ? &r->knockout : NULL}, {ends_fields(), cuts ? &ends : NULL});
  settle_metric(&r->trace);
  TRY(add_single(c, &r->trace, err));
  if (traces) TRY(loci_check(LOCI_KIND_AVERAGE, &r->trace, err));
  TRY(cross(c, &ends, &r->knockout, err));
  return cuts ? loci_check(LOCI_KIND_KNOCKOUT, &r->knockout, err) : LOCI_OK;
}

static loci_status store_run(const calling *c, loci_examples *examples, loci_err *err) {
  loci_run_request r = {0};
  loci_store_run_state state;
  TRY(read_run(c, &r, err));
  if (!c->out) return LOCI_OK;
  NEEDS(c->of->store, "store");
  FOLLOW(r.study);
  TRY(loci_store_run(c->of->store, c->of->model, examples, &r.opts, &state, err));
  return loci_store_info_new(c->of->store, (loci_store_info **)c->out, err);
}

static void free_request(void *request) { js_free(request); }

/* The options alone; what they borrow is in the result's memory. */
static loci_status call_run_options(const calling *c, loci_err *err) {
  loci_run_request *r = result_new(LOCI_KIND_NONE, sizeof *r);
  if (!r) return fail_nomem(err, "reading a request");
  calling own = {c->of, NULL, r->result.memory, c->out};
  js_value *request;
  loci_status st = parse(c->of->request, &request, err);
  if (!st && !arena_defer(own.mem, free_request, request))
    st = fail_nomem(err, "reading a request");
  own.request = request;
  if (!st) st = read_run(&own, r, err);
  if (st || !c->out) {
    loci_free(r);
    return st;
  }
  *c->out = &r->result;
  return LOCI_OK;
}

static loci_status call_store_run(const calling *c, loci_err *err) {
  if (c->out) NEEDS(c->of->store, "store");
  return with_examples(c, store_run, err);
}

static loci_status read_store(const calling *c, loci_store_opts *o, loci_err *err) {
  *o = (loci_store_opts){.size = sizeof *o, .least_effect = 0.1};
  READ({store_fields(), o});
  FOLLOW(*o);
  if (c->out) NEEDS(c->of->store, "store");
  return LOCI_OK;
}

static loci_status call_report(const calling *c, loci_err *err) {
  loci_store_opts o;
  TRY(read_store(c, &o, err));
  if (!c->out) return LOCI_OK;
  return loci_store_average(c->of->store, &o, (loci_average **)c->out, err);
}

static loci_status call_export(const calling *c, loci_err *err) {
  loci_store_opts o;
  TRY(read_store(c, &o, err));
  if (!c->out) return LOCI_OK;
  NEEDS(c->of->path, "path of a file to write");
  TRY(loci_store_export(c->of->store, &o, c->of->path, err));
  return loci_store_info_new(c->of->store, (loci_store_info **)c->out, err);
}

/* ---------------------------------------------------------------- edits */

static loci_status pick(const calling *c, const int *numbers, int n, const loci_prompt *const **out,
                        loci_err *err) {
  const loci_prompt **list = arena_zarray(c->mem, n + 1, const loci_prompt *);
  *out = list;
  if (!c->out) return LOCI_OK; /* there are none yet */
  if (!list) return fail_nomem(err, "reading a request");
  for (int i = 0; i < n; i++) {
    if (numbers[i] >= c->of->prompt_count)
      return fail(err, LOCI_EINVAL, "prompt %d: the call has %d", numbers[i], c->of->prompt_count);
    list[i] = c->of->prompts[numbers[i]];
  }
  return LOCI_OK;
}

/* How edits are solved, and what else the request says of them. */
typedef struct solving {
  loci_edit_opts o;
  loci_edit_settings settings;
  extras x;
} solving;

/* "none", or a file, which is read for the call itself alone. */
static loci_status read_covariance(const calling *c, const char *path, loci_edit_opts *o,
                                   loci_err *err) {
  loci_covariance *read;
  if (!path) return LOCI_OK;
  o->no_covariance = !c->out || strcmp(path, "none") == 0;
  if (o->no_covariance) return LOCI_OK;
  TRY(covariance_read(path, &read, err));
  if (!arena_defer(c->mem, loci_free, read)) return fail_nomem(err, "reading a request");
  o->covariance = read;
  return LOCI_OK;
}

static loci_status read_edit(const calling *c, const target_table *more, int n, solving *how,
                             loci_err *err) {
  *how = (solving){.o = {.size = sizeof how->o, .settings = &how->settings},
                   .settings = {.size = sizeof how->settings}};
  loci_edit_opts *o = &how->o;
  extras *x = &how->x;
  target_table all[MOST_TABLES] = {
      {edit_fields(), o}, {setting_fields(), &how->settings}, {edit_ask_fields(), x}};
  for (int i = 0; i < n; i++) all[3 + i] = more[i];
  TRY(read_request(c, all, 3 + n, err));
  FOLLOW(*o);
  o->keep_count = x->keep_count;
  TRY(pick(c, x->keep, x->keep_count, &o->keep, err));
  TRY(read_covariance(c, x->covariance, o, err));
  return x->preset ? loci_edit_preset(x->preset, o, &how->settings, err) : LOCI_OK;
}

/* Prompts of a call that asks for no edit of its own are those to keep, unless it says which. */
static void keep_all(const calling *c, loci_edit_opts *o) {
  if (o->keep_count > 0) return;
  o->keep = c->of->prompts;
  o->keep_count = c->of->prompt_count;
}

static loci_status call_solve(const calling *c, loci_err *err) {
  solving how;
  TRY(read_edit(c, NULL, 0, &how, err));
  CHECKED(LOCI_KIND_EDIT, &how.o);
  extras x = how.x;
  loci_edit_request *all = arena_zarray(c->mem, x.ask_count + 1, loci_edit_request);
  if (!all) return fail_nomem(err, "reading a request");
  for (int i = 0; i < x.ask_count; i++) {
    const edit_ask *w = &x.asks[i];
    const loci_prompt *const *asked;
    TRY(pick(c, &w->prompt, w->refused ? 0 : 1, &asked, err));
    TRY(pick(c, w->rephrased, w->rephrased_count, &all[i].rephrased, err));
    TRY(pick(c, w->kept, w->kept_count, &all[i].kept, err));
    all[i].prompt = asked[0];
    all[i].rephrased_count = w->rephrased_count;
    all[i].kept_count = w->kept_count;
    all[i].target = w->target;
    all[i].name = w->name;
    all[i].refused = w->refused;
  }
  return loci_edit_solve(c->of->model, all, x.ask_count, &how.o, (loci_edit **)c->out, err);
}

static loci_status trial(const calling *c, loci_examples *examples, loci_err *err) {
  solving how;
  loci_study_opts study = {.size = sizeof study};
  loci_edit_test_opts o = {.size = sizeof o,
                           .study = &study,
                           .edits = c->of->edits,
                           .edit_count = c->of->edit_count,
                           .how = &how.o};
  const target_table more[] = {{study_fields(), &study}, {trial_fields(), &o}};
  TRY(read_edit(c, more, 2, &how, err));
  keep_all(c, &how.o);
  CHECKED(LOCI_KIND_EDIT, &how.o);
  FOLLOW(study);
  return loci_edit_test_new(c->of->model, examples, &o, (loci_edit_test **)c->out, err);
}

static loci_status call_trial(const calling *c, loci_err *err) {
  return with_examples(c, trial, err);
}

static loci_status call_curve(const calling *c, loci_err *err) {
  solving how;
  loci_study_opts study = {.size = sizeof study};
  loci_edit_test_opts test = {.size = sizeof test, .study = &study, .how = &how.o};
  loci_edit_curve_opts o = {.size = sizeof o, .test = &test};
  const target_table more[] = {
      {study_fields(), &study}, {trial_fields(), &test}, {curve_fields(), &o}};
  TRY(read_edit(c, more, 3, &how, err));
  keep_all(c, &how.o);
  if (o.over && o.value_count == 0)
    return fail(err, LOCI_EINVAL,
                "over wants a name and its values, such as layer=0-11 or lambda=0.01,0.1,1");
  CHECKED(LOCI_KIND_EDIT, &how.o);
  NEEDS(c->of->path, "path of a file of examples");
  FOLLOW(study);
  return loci_edit_curve_new(c->of->model, c->of->path, &o, (loci_edit_curve **)c->out, err);
}

static loci_status call_apply(const calling *c, loci_err *err) {
  READ({{NULL, 0}, NULL});
  if (!c->out) return LOCI_OK;
  NEEDS(c->of->path, "path of a directory");
  return loci_edit_save(c->of->model, c->of->edits, c->of->edit_count, c->of->path, c->of->progress,
                        c->of->progress_ctx, (loci_edit_saved **)c->out, err);
}

/* ---------------------------------------------------------------- the call */

static const struct named_call {
  const char *name;
  call_fn *run;
  bool of_model, asks; /* a model; one prompt of it */
} calls[] = {
    {"ask", call_ask, true, true},
    {"trace", call_trace, true, true},
    {"knockout", call_knockout, true, true},
    {"flow", call_flow, true, true},
    {"lens", call_lens, true, true},
    {"info", call_info, true, false},
    {"score", call_score, true, false},
    {"study predict", call_predict, true, false},
    {"study flow", call_average, true, false},
    {"study knockout", call_average, true, false},
    {"study trace", call_average, true, false},
    {"study run", call_store_run, true, false},
    {"study options", call_run_options, false, false},
    {"study status", call_status, false, false},
    {"study report", call_report, false, false},
    {"study export", call_export, false, false},
    {"edit solve", call_solve, true, false},
    {"edit test", call_trial, true, false},
    {"edit curve", call_curve, true, false},
    {"edit covariance", call_covariance, true, false},
    {"edit apply", call_apply, true, false},
};

enum { CALLS = sizeof calls / sizeof *calls };

static loci_status find_call(const char *what, const struct named_call **out, loci_err *err) {
  const char *names[CALLS];
  for (int i = 0; i < CALLS; i++) {
    names[i] = calls[i].name;
    *out = &calls[i];
    if (strcmp(what, calls[i].name) == 0) return LOCI_OK;
  }
  const char *near = loci_name_near(what, names, CALLS);
  return fail(err, LOCI_EINVAL, "no call is named \"%.60s\"%s%s%s", what,
              near ? "; did you mean \"" : "", near ? near : "", near ? "\"?" : "");
}

loci_status loci_call_run(const loci_call *call, loci_result **out, loci_err *err) {
  const struct named_call *named;
  if (out) *out = NULL;
  NEEDS(call, "call");
  NEEDS(call->what, "name of a call");
  if (call->size < sizeof *call)
    return fail(err, LOCI_EINVAL, "a loci_call of %zu bytes, expected %zu", call->size,
                sizeof *call);
  TRY(find_call(call->what, &named, err));
  if (out && named->of_model) NEEDS(call->model, "model");
  if (out && named->asks && (call->prompt_count != 1 || !call->prompts))
    return fail(err, LOCI_EINVAL, "%s is of one prompt, not %d", call->what, call->prompt_count);
  calling c = {.of = call, .out = out, .mem = arena_new()};
  js_value *request = NULL;
  loci_status st =
      c.mem ? parse(call->request, &request, err) : fail_nomem(err, "reading a request");
  c.request = request;
  if (!st) st = named->run(&c, err);
  js_free(request);
  arena_free(c.mem);
  return st;
}

/* ---------------------------------------------------------------- models and prompts */

static loci_status read_alone(const char *request, field_table table, arena *mem, void *options,
                              js_value **parsed, loci_err *err) {
  if (!mem) return fail_nomem(err, "reading a request");
  TRY(parse(request, parsed, err));
  TRY(fields_known(&table, 1, *parsed, err));
  return fields_read(table, *parsed, mem, options, err);
}

loci_status loci_call_model(const char *name, const char *request, loci_model **out,
                            loci_err *err) {
  char path[LOCI_PATH_SIZE];
  loci_model_opts o = {.size = sizeof o};
  js_value *parsed = NULL;
  NEEDS(out, "place for the result");
  *out = NULL;
  NEEDS(name, "name");
  arena *mem = arena_new();
  loci_status st = read_alone(request, model_fields(), mem, &o, &parsed, err);
  if (!st) st = loci_model_find(name, path, err);
  if (!st) st = loci_model_open(path, &o, out, err);
  js_free(parsed);
  arena_free(mem);
  return st;
}

loci_status loci_call_prompt(const loci_model *model, const char *request, const uint8_t *rgb,
                             int width, int height, loci_prompt **out, loci_err *err) {
  loci_question q = {.size = sizeof q};
  js_value *parsed = NULL;
  NEEDS(out, "place for the result");
  *out = NULL;
  NEEDS(model, "model");
  arena *mem = arena_new();
  loci_status st = read_alone(request, question_fields(), mem, &q, &parsed, err);
  given_picture given = {q.image ? q.image : "(picture)", rgb, width, height};
  if (!st) st = prompt_new(model, &q, rgb ? &given : NULL, out, err);
  js_free(parsed);
  arena_free(mem);
  return st;
}
