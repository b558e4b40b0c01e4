/* loci data lint: what would refuse the lines of a file of examples or spoil their traces; with
 * --fix, the file again with what is unambiguous repaired. */
#include <string.h>

#include "data_common.h"
#include "typed_options.h"

static int check_fix(cli *c, const char *out) {
  bool fix = args_has(&c->args, OPT_FIX);
  if (fix && !out) return cli_usage(c, "--fix needs -o F.jsonl: the repaired file");
  if (out && !fix) return cli_usage(c, "-o %.200s: a repaired file is written with --fix", out);
  return EXIT_DONE;
}

int cmd_data_lint(cli *c) {
  loci_lint_opts opts;
  loci_model *model = NULL;
  loci_data_report *report = NULL;
  memset(&opts, 0, sizeof opts);
  opts.size = sizeof opts;
  int code = data_output(c, &opts.out);
  if (!code) code = check_fix(c, opts.out);
  if (!code) code = cli_int(c, OPT_MAX_NEW, 1, MOST_NEW, &opts.max_answer);
  if (!code && args_has(&c->args, OPT_MODEL)) code = cli_open_model(c, &model);
  opts.model = model;
  if (code) return code;
  opts.no_images = args_has(&c->args, OPT_NO_IMAGES);
  opts.progress = terminal_progress;
  opts.progress_ctx = &c->term;
  if (loci_data_lint(c->args.rest[0], &opts, &report, &c->err)) code = cli_failed(c);
  terminal_progress_end(&c->term);
  loci_model_close(model);
  return code ? code : data_finish(c, report);
}
