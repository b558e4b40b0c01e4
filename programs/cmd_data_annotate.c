/* loci data annotate: constraints proposed from the grammar of each question, for a file that
 * people can correct. */
#include <string.h>

#include "data_common.h"

int cmd_data_annotate(cli *c) {
  loci_annotate_opts opts;
  loci_data_report *report = NULL;
  memset(&opts, 0, sizeof opts);
  opts.size = sizeof opts;
  int code = data_output(c, &opts.out);
  if (code) return code;
  opts.weights = args_get(&c->args, OPT_WEIGHTS);
  opts.train = args_get(&c->args, OPT_TRAIN);
  if (opts.train && opts.weights &&
      (cli_is_same_file(opts.weights, opts.train) ||
       cli_is_same_file(opts.weights, c->args.rest[0])))
    return cli_usage(c, "--weights would take the place of %s", opts.weights);
  opts.keep = args_has(&c->args, OPT_KEEP);
  opts.compare = args_has(&c->args, OPT_COMPARE);
  opts.why = args_has(&c->args, OPT_WHY);
  opts.whole = args_has(&c->args, OPT_WHOLE);
  if (!opts.out && !opts.compare && !opts.why)
    return cli_usage(c, "data annotate needs -o F.jsonl, --compare or --why");
  loci_model *model = NULL;
  if (args_has(&c->args, OPT_WITH_MODEL)) code = cli_open_model(c, &model);
  if (code) return code;
  opts.model = model;
  opts.progress = terminal_progress;
  opts.progress_ctx = &c->term;
  if (loci_data_annotate(c->args.rest[0], &opts, &report, &c->err)) code = cli_failed(c);
  terminal_progress_end(&c->term);
  loci_model_close(model);
  return code ? code : data_finish(c, report);
}
