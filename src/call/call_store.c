/* Calls on a store: filled by a run, counted, averaged, exported. */
#include <stdio.h>
#include <string.h>

#include "base/result.h"
#include "call/calling.h"

static loci_status tell_store(const calling *c, loci_err *err) {
  return loci_store_info_new(c->of->store, c->of->progress, c->of->progress_ctx,
                             (loci_store_info **)c->out, err);
}

loci_status status_call(const calling *c, loci_err *err) {
  READ({{NULL, 0}, NULL});
  if (!c->out) return LOCI_OK;
  NEEDS(c->of->store, "store");
  return tell_store(c, err);
}

static bool has_kind(const char *kinds, const char *kind) {
  size_t n = strlen(kind);
  for (const char *at = kinds; at && *at; at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL)
    if (strncmp(at, kind, n) == 0 && (at[n] == 0 || at[n] == ',')) return true;
  return false;
}

enum { KINDS = 3, TABLES = 3 };

/* What one kind of measurement reads beside what all of them do. */
typedef struct kind_members {
  const char *kind;
  field_table tables[TABLES];
  bool asked;
} kind_members;

static bool has_member(const kind_members *k, const char *name) {
  for (int t = 0; t < TABLES; t++)
    for (int i = 0; i < k->tables[t].count; i++)
      if (strcmp(k->tables[t].fields[i].name, name) == 0) return true;
  return false;
}

/* Members of the kinds that are not asked for are refused: nothing would read them. */
static loci_status refuse_idle(const calling *c, const kind_members kinds[KINDS], const char *what,
                               loci_err *err) {
  const char *key;
  const js_value *value;
  for (void *it = js_first(c->request, &key, &value); it;
       it = js_next(c->request, it, &key, &value)) {
    const char *reader = NULL;
    bool read =
        strcmp(key, "seed") == 0 || strcmp(key, "hash") == 0 || js_kind_of(value) == JS_NULL;
    for (int i = 0; i < KINDS; i++) {
      if (!has_member(&kinds[i], key)) continue;
      if (!reader) reader = kinds[i].kind;
      read |= kinds[i].asked;
    }
    if (reader && !read)
      return fail(err, LOCI_EINVAL, "%s is read by %s, and not by what is measured: %.100s", key,
                  reader, what);
  }
  return LOCI_OK;
}

/* "max_new" and "first_token": a knockout and a lens ask for no answer. */
static loci_status refuse_answers(const calling *c, const char *what, loci_err *err) {
  static const char *const idle[] = {"max_new", "first_token"};
  if (has_kind(what, "trace") || has_kind(what, "flow") || has_kind(what, "ask")) return LOCI_OK;
  char why[160];
  snprintf(why, sizeof why, " is of answers, and %.100s asks for none", what);
  return refuse_members(c, idle, 2, why, err);
}

/* What several kinds take is meant for each of them; but for the window, which a trace restores and
 * a knockout cuts. */
static loci_status read_kinds(const calling *c, loci_run_request *r, cut_ends *ends,
                              loci_err *err) {
  const char *what = r->opts.what ? r->opts.what : "trace";
  bool cuts = has_kind(what, "knockout"), traces = has_kind(what, "trace"),
       looks = has_kind(what, "lens");
  if (cuts && traces && js_get(c->request, "window"))
    return fail(err, LOCI_EINVAL,
                "window is for trace or for knockout: measure them one after the other");
  const kind_members kinds[KINDS] = {
      {"trace", {trace_fields(), least_fields(), kept_donors_fields()}, traces},
      {"knockout", {knockout_fields(), ends_fields()}, cuts},
      {"lens", {lens_fields()}, looks}};
  READ({run_fields(), &r->opts}, {study_fields(), &r->study}, {kept_donors_fields(), &r->opts},
       {trace_fields(), traces ? &r->trace : NULL}, {knockout_fields(), cuts ? &r->knockout : NULL},
       {ends_fields(), cuts ? ends : NULL}, {lens_fields(), looks ? &r->lens : NULL});
  TRY(refuse_idle(c, kinds, what, err));
  if (cuts) r->opts.knockout = &r->knockout;
  if (traces) r->opts.trace = &r->trace;
  if (looks) r->opts.lens = &r->lens;
  return refuse_answers(c, what, err);
}

/* What a study measures, by name; and a share only of so many, as every line would be measured. */
static loci_status check_run(const loci_store_run_opts *o, loci_err *err) {
  const char *what = o->what ? o->what : "";
  while (*what) {
    int kind;
    char name[80];
    size_t n = strcspn(what, ",");
    snprintf(name, sizeof name, "%.*s", (int)n, what);
    TRY(loci_name_find(LOCI_NAMES_STUDY, name, &kind, err));
    what += n + (what[n] == ',');
  }
  if (o->shard > 0 && o->shard_count == 0)
    return fail(err, LOCI_EINVAL, "shard %d: of how many? expected a share such as \"%d/%d\"",
                o->shard, o->shard, o->shard > 3 ? o->shard : 4);
  if (o->shard > o->shard_count || (o->shard_count > 0 && o->shard == 0))
    return fail(err, LOCI_EINVAL, "shard %d of %d: expected 1 to %d", o->shard, o->shard_count,
                o->shard_count);
  return LOCI_OK;
}

static loci_status read_run(const calling *c, loci_run_request *r, loci_err *err) {
  loci_store_run_opts *o = &r->opts;
  cut_ends ends = {0};
  r->study.size = sizeof r->study;
  r->trace.size = sizeof r->trace;
  r->knockout.size = sizeof r->knockout;
  r->lens.size = sizeof r->lens;
  *o = (loci_store_run_opts){.size = sizeof *o, .study = &r->study, .least_effect = 0.1};
  TRY(fields_read(run_fields(), c->request, c->mem, o, err));
  TRY(check_run(o, err));
  TRY(read_kinds(c, r, &ends, err));
  TRY(settle_study_metric(c, &r->trace, err));
  TRY(add_single(c, &r->trace, err));
  if (o->donors && strcmp(o->donors, "-") == 0)
    return fail(err, LOCI_EINVAL, "donors of a store are a file: what standard input had is gone");
  if (o->trace)
    TRY(check_study_traces(c, (donors_given){o->donors, o->donor_model}, r->trace, err));
  if (o->lens) TRY(loci_check(LOCI_KIND_LENS, o->lens, err));
  TRY(cross_ends(c, &ends, &r->knockout, err));
  return o->knockout ? loci_check(LOCI_KIND_KNOCKOUT, o->knockout, err) : LOCI_OK;
}

static loci_status store_run(const calling *c, loci_examples *examples, loci_err *err) {
  loci_run_request r = {0};
  loci_store_run_state state;
  TRY(read_run(c, &r, err));
  if (!c->out) return LOCI_OK;
  NEEDS(c->of->store, "store");
  FOLLOW(r.study);
  r.opts.lent = c->of->lent;
  TRY(loci_store_run(c->of->store, c->of->model, examples, &r.opts, &state, err));
  return tell_store(c, err);
}

static void free_request(void *request) { js_free(request); }

/* The options alone; what they borrow is in the result's memory. */
loci_status run_options_call(const calling *c, loci_err *err) {
  loci_run_request *r = result_new(LOCI_KIND_NONE, sizeof *r);
  if (!r) return fail_nomem(err, "reading a request");
  calling own = {c->of, NULL, r->result.memory, c->out};
  js_value *request;
  loci_status st = parse_request(c->of->request, &request, err);
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

loci_status store_run_call(const calling *c, loci_err *err) {
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

loci_status report_call(const calling *c, loci_err *err) {
  loci_store_opts o;
  TRY(read_store(c, &o, err));
  if (!c->out) return LOCI_OK;
  return loci_store_average(c->of->store, &o, (loci_average **)c->out, err);
}

loci_status export_call(const calling *c, loci_err *err) {
  loci_store_opts o;
  TRY(read_store(c, &o, err));
  if (!c->out) return LOCI_OK;
  NEEDS(c->of->path, "path of a file to write");
  TRY(loci_store_export(c->of->store, &o, c->of->path, err));
  return tell_store(c, err);
}
