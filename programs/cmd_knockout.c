/* loci knockout: attention edges cut, pathway by pathway and layer by layer.  Drawn for the
 * terminal, and written to every -o file by its ending. */
#include <string.h>

#include "cli.h"
#include "trace_options.h"
#include "values.h"
#include "typed_options.h"

typedef struct request {
  loci_knockout_opts opts;
  loci_draw_opts draw;
  cut_lists lists;
} request;

static int read_request(cli *c, request *r) {
  int code = cut_read(c, &r->lists, &r->opts);
  if (!code) code = cli_metric(c, &r->draw.metric);
  if (code) return code;
  if (r->draw.metric == LOCI_METRIC_RESTORATION)
    return cli_usage(c, "--metric: a knockout shows p, logp, logit_diff or kl, not restoration");
  r->opts.no_hash = cli_no_hash(c);
  r->opts.progress = terminal_progress;
  r->opts.progress_ctx = &c->term;
  return EXIT_DONE;
}

int cmd_knockout(cli *c) {
  request r;
  loci_model *model;
  loci_prompt *prompt;
  loci_knockout *k = NULL;
  memset(&r, 0, sizeof r);
  r.draw = cli_draw_opts(c);
  int code = read_request(c, &r);
  if (!code) code = cli_open_prompt(c, NULL, &model, &prompt);
  if (code) return code;
  if (loci_knockout_new(model, prompt, &r.opts, &k, &c->err)) code = cli_failed(c);
  terminal_progress_end(&c->term);
  if (!code) code = cli_show_result(c, &k->result, &r.draw);
  loci_free(k);
  loci_prompt_free(prompt);
  cli_close_model(c, model);
  return code;
}
