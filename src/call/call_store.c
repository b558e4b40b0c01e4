/* Calls on a store: filled by a run, counted, averaged, exported. */
#include <string.h>

#include "base/result.h"
#include "call/calling.h"

loci_status status_call(const calling *c, loci_err *err) {
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
  TRY(cross_ends(c, &ends, &r->knockout, err));
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
  return loci_store_info_new(c->of->store, (loci_store_info **)c->out, err);
}
