/* Shared pieces of the data commands (see data.h). */
#include "data.h"

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

static int show(cli *c, const loci_data_report *r) {
  char *text = NULL;
  const char *out;
  loci_draw_opts draw = cli_draw_opts(c);
  for (int i = 0; (out = args_at(&c->args, OPT_OUT, i)) != NULL; i++)
    if (!cli_ends_with(out, ".jsonl") && loci_data_report_write(r, out, &c->err))
      return cli_failed(c);
  bool bad = c->json ? loci_data_report_json(r, &text, &c->err)
                     : loci_data_report_draw(r, &draw, &text, &c->err);
  if (bad) return cli_failed(c);
  cli_show(c, text);
  return r->bad > 0 ? EXIT_FAILED : EXIT_DONE;
}

int data_finish(cli *c, loci_data_report *report) {
  int code = show(c, report);
  loci_data_report_free(report);
  return code;
}
