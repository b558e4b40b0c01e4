/* loci lens: what every layer would answer, as a grid of words.  Drawn for the terminal, and
 * written to every -o file by its ending. */
#include <string.h>

#include "cli.h"
#include "trace_options.h"
#include "typed_options.h"

typedef struct request {
  loci_lens_opts opts;
  loci_draw_opts draw;
} request;

static int read_request(cli *c, request *r) {
  int code = cli_layers(c, &r->opts.first_layer, &r->opts.layer_count);
  r->opts.positions = args_get(&c->args, OPT_POSITIONS);
  r->opts.answer = args_get(&c->args, OPT_ANSWER);
  if (!code) code = cli_int(c, OPT_ONLY, 1, 64, &r->opts.constraint);
  if (!code) code = cli_metric(c, &r->draw.metric);
  if (code) return code;
  if (loci_check(LOCI_KIND_LENS, &r->opts, &c->err)) return cli_refused(c);
  if (r->draw.metric != LOCI_METRIC_P && r->draw.metric != LOCI_METRIC_LOGP)
    return cli_usage(c, "--metric: a lens draws p or logp of the target, not %s",
                     loci_name(LOCI_NAMES_METRIC, (int)r->draw.metric));
  r->opts.no_hash = cli_no_hash(c);
  r->opts.progress = terminal_progress;
  r->opts.progress_ctx = &c->term;
  return EXIT_DONE;
}

int cmd_lens(cli *c) {
  request r;
  loci_model *model;
  loci_prompt *prompt;
  loci_lens *l = NULL;
  memset(&r, 0, sizeof r);
  r.opts.size = sizeof r.opts;
  r.draw = cli_draw_opts(c);
  int code = read_request(c, &r);
  if (!code) code = cli_open_prompt(c, NULL, &model, &prompt);
  if (code) return code;
  if (loci_lens_new(model, prompt, &r.opts, &l, &c->err)) code = cli_failed(c);
  terminal_progress_end(&c->term);
  if (!code) code = cli_show_result(c, &l->result, &r.draw);
  loci_free(l);
  loci_prompt_free(prompt);
  cli_close_model(c, model);
  return code;
}
