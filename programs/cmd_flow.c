/* loci flow: attention contributions.  The request is checked before the model is opened; pathways
 * are drawn for the terminal and written to every -o file by its ending. */
#include <string.h>

#include "cli.h"
#include "trace_options.h"
#include "typed_options.h"

typedef struct request {
  loci_flow_opts opts;
  loci_draw_opts draw;
} request;

static int read_request(cli *c, request *r) {
  int code = cli_layers(c, &r->opts.first_layer, &r->opts.layer_count);
  r->opts.from = args_get(&c->args, OPT_FROM);
  r->opts.to = args_get(&c->args, OPT_TO);
  if (code) return code;
  if (loci_check(LOCI_KIND_FLOW, &r->opts, &c->err)) return cli_refused(c);
  if (!r->opts.from && !args_has(&c->args, OPT_CONSTRAINT))
    return cli_usage(c, "flow needs -c TEXT, a piece of the question, or --from and --to");
  r->opts.heads = args_has(&c->args, OPT_EACH_HEAD);
  r->opts.no_hash = cli_no_hash(c);
  r->opts.progress = terminal_progress;
  r->opts.progress_ctx = &c->term;
  return EXIT_DONE;
}

int cmd_flow(cli *c) {
  request r;
  loci_model *model;
  loci_prompt *prompt;
  loci_flow *flow = NULL;
  memset(&r, 0, sizeof r);
  r.opts.size = sizeof r.opts;
  r.draw = cli_draw_opts(c);
  int code = read_request(c, &r);
  if (!code) code = cli_open_prompt(c, NULL, &model, &prompt);
  if (code) return code;
  if (loci_flow_new(model, prompt, &r.opts, &flow, &c->err)) code = cli_failed(c);
  terminal_progress_end(&c->term);
  if (!code) code = cli_show_result(c, &flow->result, &r.draw);
  loci_free(flow);
  loci_prompt_free(prompt);
  cli_close_model(c, model);
  return code;
}
