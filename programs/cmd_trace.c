/* loci trace: causal tracing.  Everything about the request is checked before the model is opened;
 * the grid is drawn for the terminal and written to every -o file by its ending. */
#include <stdlib.h>
#include <string.h>

#include "trace_options.h"
#include "values.h"
#include "typed_options.h"

typedef struct request {
  loci_trace_opts opts;
  loci_draw_opts draw;
  trace_lists lists;
  cli_constraints constraints;
} request;

/* -c TEXT, and --only K.  A -c that is a bare number means --only too, if the question has no such
 * text. */
static int read_constraints(cli *c, request *r) {
  const char *question = args_get(&c->args, OPT_QUESTION), *s;
  int only = 0, n = 0, k;
  for (int i = 0; (s = args_at(&c->args, OPT_CONSTRAINT, i)) != NULL; i++) {
    if (value_int(s, 1, 1000000, &k) && !strstr(question, s) &&
        args_at(&c->args, OPT_CONSTRAINT, 1)) {
      if (only && only != k)
        return cli_usage(c, "two different constraints to corrupt, %d and %d", only, k);
      only = k;
    } else {
      r->constraints.text[n++] = s;
    }
  }
  r->constraints.count = n;
  int code = cli_int(c, OPT_ONLY, 1, n > 0 ? n : 1, &only);
  if (code) return code;
  bool image = r->opts.corrupt && strncmp(r->opts.corrupt, "image", 5) == 0;
  if (n == 0 && !image)
    return cli_usage(c, "trace needs -c TEXT, the piece of the question to corrupt");
  if (only > n)
    return cli_usage(c, "constraint %d was asked for, but %d %s given", only, n,
                     n == 1 ? "is" : "are");
  r->opts.constraint = only;
  return EXIT_DONE;
}

static int read_request(cli *c, request *r) {
  int code = cli_metric(c, &r->draw.metric);
  if (!code) code = trace_read(c, false, r->draw.metric, &r->lists, &r->opts);
  if (!code) code = read_constraints(c, r);
  r->opts.no_hash = cli_no_hash(c);
  r->opts.progress = terminal_progress;
  r->opts.progress_ctx = &c->term;
  return code;
}

static int trace_request(cli *c, const request *r) {
  loci_model *model;
  loci_prompt *prompt;
  loci_trace *trace = NULL;
  int code = cli_open_prompt(c, &r->constraints, &model, &prompt);
  if (code) return code;
  if (loci_trace_new(model, prompt, &r->opts, &trace, &c->err)) code = cli_failed(c);
  terminal_progress_end(&c->term);
  if (!code) code = cli_show_result(c, &trace->result, &r->draw);
  loci_free(trace);
  loci_prompt_free(prompt);
  cli_close_model(c, model);
  return code;
}

int cmd_trace(cli *c) {
  request r;
  memset(&r, 0, sizeof r);
  r.draw = cli_draw_opts(c);
  r.constraints.text = calloc((size_t)c->args.given_count + 1, sizeof *r.constraints.text);
  if (!r.constraints.text) {
    cli_fail(&c->err, LOCI_ENOMEM, "out of memory");
    return cli_failed(c);
  }
  int code = read_request(c, &r);
  if (!code) code = trace_request(c, &r);
  free(r.constraints.text);
  return code;
}
