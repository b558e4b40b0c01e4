/* Calls by name (see loci_call.h, section 20): the table of calls, and a model or a prompt from a
 * request.  The request is parsed, its members are read into the options of the function that the
 * call means (option_fields.h), and that is called (call_question.c and its like). */
#include <string.h>

#include "call/calling.h"
#include "model/prompt.h"

static const struct named_call {
  const char *name;
  call_fn *run;
  bool of_model, asks; /* a model; one prompt of it */
} calls[] = {
    {"ask", ask_call, true, true},
    {"trace", trace_call, true, true},
    {"knockout", knockout_call, true, true},
    {"flow", flow_call, true, true},
    {"lens", lens_call, true, true},
    {"info", info_call, true, false},
    {"score", score_call, true, false},
    {"study predict", predict_call, true, false},
    {"study flow", average_call, true, false},
    {"study knockout", average_call, true, false},
    {"study trace", average_call, true, false},
    {"study run", store_run_call, true, false},
    {"study options", run_options_call, false, false},
    {"study status", status_call, false, false},
    {"study report", report_call, false, false},
    {"study export", export_call, false, false},
    {"edit solve", solve_call, true, false},
    {"edit test", trial_call, true, false},
    {"edit curve", curve_call, true, false},
    {"edit covariance", covariance_call, true, false},
    {"edit apply", apply_call, true, false},
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

static loci_status check_call(const loci_call *call, loci_err *err) {
  NEEDS(call, "call");
  NEEDS(call->what, "name of a call");
  if (call->size >= sizeof *call) return LOCI_OK;
  return fail(err, LOCI_EINVAL, "a loci_call of %zu bytes, expected %zu", call->size, sizeof *call);
}

loci_status loci_call_run(const loci_call *call, loci_result **out, loci_err *err) {
  const struct named_call *named;
  if (out) *out = NULL;
  TRY(check_call(call, err));
  TRY(find_call(call->what, &named, err));
  if (out && named->of_model) NEEDS(call->model, "model");
  if (out && named->asks && (call->prompt_count != 1 || !call->prompts))
    return fail(err, LOCI_EINVAL, "%s is of one prompt, not %d", call->what, call->prompt_count);
  calling c = {.of = call, .out = out, .mem = arena_new()};
  js_value *request = NULL;
  loci_status st =
      c.mem ? parse_request(call->request, &request, err) : fail_nomem(err, "reading a request");
  c.request = request;
  if (!st) st = named->run(&c, err);
  if (!st && call->lent && out && *out) (*out)->command = "";
  js_free(request);
  arena_free(c.mem);
  return st;
}

loci_status loci_call_traces(const loci_call *call, loci_trace **out, loci_err *errs,
                             loci_err *err) {
  TRY(check_call(call, err));
  NEEDS(out, "place for the results");
  NEEDS(errs, "place for their errors");
  if (strcmp(call->what, "trace") != 0 || call->prompt_count < 1 || !call->prompts)
    return fail(err, LOCI_EINVAL, "\"%.60s\" of %d prompts: expected trace, of 1 or more",
                call->what, call->prompt_count);
  for (int i = 0; i < call->prompt_count; i++) out[i] = NULL;
  calling c = {.of = call, .mem = arena_new()};
  js_value *request = NULL;
  loci_status st =
      c.mem ? parse_request(call->request, &request, err) : fail_nomem(err, "reading a request");
  c.request = request;
  if (!st) st = traces_call(&c, out, errs, err);
  for (int i = 0; call->lent && i < call->prompt_count; i++)
    if (out[i]) out[i]->result.command = "";
  js_free(request);
  arena_free(c.mem);
  return st;
}

/* ---------------------------------------------------------------- models and prompts */

static loci_status read_alone(const char *request, field_table table, arena *mem, void *options,
                              js_value **parsed, loci_err *err) {
  if (!mem) return fail_nomem(err, "reading a request");
  TRY(parse_request(request, parsed, err));
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

loci_status loci_call_prompt(const loci_call *call, const uint8_t *rgb, int width, int height,
                             loci_prompt **out, loci_err *err) {
  loci_question q = {.size = sizeof q};
  js_value *parsed = NULL;
  NEEDS(out, "place for the result");
  *out = NULL;
  TRY(check_call(call, err));
  if (strcmp(call->what, "question") != 0)
    return fail(err, LOCI_EINVAL, "\"%.60s\": expected question", call->what);
  NEEDS(call->model, "model");
  arena *mem = arena_new();
  loci_status st = read_alone(call->request, question_fields(), mem, &q, &parsed, err);
  given_picture given = {q.image ? q.image : "(picture)", rgb, width, height};
  q.progress = call->progress;
  q.progress_ctx = call->progress_ctx;
  if (!st) st = prompt_new(call->model, &q, rgb ? &given : NULL, out, err);
  js_free(parsed);
  arena_free(mem);
  return st;
}
