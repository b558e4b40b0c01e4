/* Shared pieces of the data commands (see data_common.h). */
#include "data_common.h"

int data_output(cli *c, const char **out) {
  const char *path;
  *out = NULL;
  for (int i = 0; (path = args_at(&c->args, OPT_OUT, i)) != NULL; i++) {
    if (!cli_ends_with(path, ".jsonl")) continue;
    if (*out) return cli_usage(c, "%s writes one file of examples", c->command->name);
    *out = path;
  }
  return EXIT_DONE;
}

int data_finish(cli *c, loci_data_report *report) {
  int code = cli_show_result(c, &report->result, NULL);
  if (!code && report->bad > 0) code = EXIT_FAILED;
  loci_free(report);
  return code;
}
