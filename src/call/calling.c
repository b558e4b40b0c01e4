/* What all calls share: the request parsed, its members read into options, and what options of more
 * than one call are settled by. */
#include "call/calling.h"

#include <string.h>

#include "base/result.h"
#include "study/request.h"

enum { MOST_REQUEST = 1 << 26 };

loci_status parse_request(const char *request, js_value **out, loci_err *err) {
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

loci_status refuse_members(const calling *c, const char *const *names, int n, const char *why,
                           loci_err *err) {
  for (int i = 0; i < n; i++)
    if (js_get(c->request, names[i])) return fail(err, LOCI_EINVAL, "%s%s", names[i], why);
  return LOCI_OK;
}

loci_status read_request(const calling *c, const target_table *t, int n, loci_err *err) {
  field_table all[MOST_TABLES + 1];
  for (int i = 0; i < n; i++) all[i] = t[i].table;
  all[n] = told_fields();
  TRY(fields_known(all, n + 1, c->request, err));
  for (int i = 0; i < n; i++)
    if (t[i].options) TRY(fields_read(t[i].table, c->request, c->mem, t[i].options, err));
  return LOCI_OK;
}

void settle_metric(loci_trace_opts *o) {
  if (o->screen == 0 || o->screen_metric == LOCI_METRIC_RESTORATION)
    o->screen_metric = LOCI_METRIC_P;
  if (o->screen_metric == LOCI_METRIC_RESTORATION_LOGIT_DIFF)
    o->screen_metric = LOCI_METRIC_LOGIT_DIFF;
}

loci_status check_study_traces(const calling *c, donors_given d, loci_trace_opts trace,
                               loci_err *err) {
  static const char *const own[] = {"min_te", "max_new", "first_token"};
  const js_value *what = js_get(c->request, "what");
  const char *one = js_text_of(what, NULL);
  bool alone = !what || (one && strcmp(one, "trace") == 0); /* else answers are another kind's */
  if (d.donors)
    TRY(refuse_members(c, own, alone ? 3 : 1, " is not read where --donors are given", err));
  if (d.model && !d.donors) return fail(err, LOCI_EINVAL, "donor_model goes with --donors");
  request_of of = {.each = true, .donors = d.donors != NULL};
  return trace_request_complete(&of, &trace, err);
}

loci_status settle_study_metric(const calling *c, loci_trace_opts *o, loci_err *err) {
  const js_value *metric = js_get(c->request, "metric");
  if (o->screen == 0 && metric && js_kind_of(metric) != JS_NULL)
    return fail(err, LOCI_EINVAL, "metric goes with --method screen:K, such as screen:150");
  settle_metric(o);
  return LOCI_OK;
}

loci_status add_single(const calling *c, loci_trace_opts *o, loci_err *err) {
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

loci_status cross_ends(const calling *c, const cut_ends *e, loci_knockout_opts *o, loci_err *err) {
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

loci_status with_examples(const calling *c, study_fn *study, loci_err *err) {
  loci_examples *examples;
  if (!c->out) return study(c, NULL, err);
  NEEDS(c->of->path, "path of a file of examples");
  TRY(loci_examples_open(c->of->path, &examples, err));
  loci_status st = study(c, examples, err);
  loci_examples_close(examples);
  return st;
}
