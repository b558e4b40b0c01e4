/* Calls about one question: its answer, where its fact is kept, how it gets to the answer. */
#include "call/calling.h"
#include "study/info.h"

loci_status ask_call(const calling *c, loci_err *err) {
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

static loci_status read_trace(const calling *c, loci_trace_opts *o, loci_err *err) {
  *o = (loci_trace_opts){.size = sizeof *o};
  READ({trace_fields(), o});
  settle_metric(o);
  FOLLOW(*o);
  return LOCI_OK;
}

loci_status traces_call(const calling *c, loci_trace **out, loci_err *errs, loci_err *err) {
  int n = c->of->prompt_count;
  loci_trace_opts o;
  TRY(read_trace(c, &o, err));
  loci_trace_request *all = arena_zarray(c->mem, n, loci_trace_request);
  if (!all) return fail_nomem(err, "tracing");
  for (int i = 0; i < n; i++)
    all[i] = (loci_trace_request){.prompt = c->of->prompts[i], .opts = &o};
  loci_status st = loci_traces(c->of->model, all, n, err);
  for (int i = 0; i < n; i++) out[i] = all[i].trace, errs[i] = all[i].err;
  return st;
}

loci_status trace_call(const calling *c, loci_err *err) {
  loci_trace_opts o;
  TRY(read_trace(c, &o, err));
  CHECKED(LOCI_KIND_TRACE, &o);
  o.watch = c->of->watch;
  o.watch_ctx = c->of->watch_ctx;
  o.so_far = c->of->so_far;
  return loci_trace_new(c->of->model, c->of->prompts[0], &o, (loci_trace **)c->out, err);
}

loci_status knockout_call(const calling *c, loci_err *err) {
  loci_knockout_opts o = {.size = sizeof o};
  cut_ends ends = {0};
  READ({knockout_fields(), &o}, {ends_fields(), &ends});
  TRY(cross_ends(c, &ends, &o, err));
  CHECKED(LOCI_KIND_KNOCKOUT, &o);
  FOLLOW(o);
  return loci_knockout_new(c->of->model, c->of->prompts[0], &o, (loci_knockout **)c->out, err);
}

loci_status flow_call(const calling *c, loci_err *err) {
  loci_flow_opts o = {.size = sizeof o};
  READ({flow_fields(), &o});
  CHECKED(LOCI_KIND_FLOW, &o);
  FOLLOW(o);
  return loci_flow_new(c->of->model, c->of->prompts[0], &o, (loci_flow **)c->out, err);
}

loci_status lens_call(const calling *c, loci_err *err) {
  loci_lens_opts o = {.size = sizeof o};
  READ({lens_fields(), &o});
  CHECKED(LOCI_KIND_LENS, &o);
  FOLLOW(o);
  return loci_lens_new(c->of->model, c->of->prompts[0], &o, (loci_lens **)c->out, err);
}

loci_status info_call(const calling *c, loci_err *err) {
  extras x = {0};
  READ({info_fields(), &x});
  watch w = {c->of->progress, c->of->progress_ctx};
  return c->out ? info_new(c->of->model, x.no_hash, &w, (loci_info **)c->out, err) : LOCI_OK;
}
