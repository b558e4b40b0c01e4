/* loci data import KIND F.csv: a table of questions as a file of examples. */
#include <stdlib.h>
#include <string.h>

#include "data_common.h"

/* Every --answers; *list is freed by the caller. */
static int answer_files(cli *c, const char ***list, int *count) {
  const char *path;
  *count = 0;
  *list = calloc((size_t)c->args.given_count + 1, sizeof **list);
  if (!*list) {
    cli_fail(&c->err, LOCI_ENOMEM, "out of memory");
    return cli_failed(c);
  }
  while ((path = args_at(&c->args, OPT_ANSWERS, *count)) != NULL) (*list)[(*count)++] = path;
  return EXIT_DONE;
}

int cmd_data_import(cli *c) {
  loci_import_opts opts;
  loci_data_report *report = NULL;
  const char **answers, *out;
  memset(&opts, 0, sizeof opts);
  opts.size = sizeof opts;
  int code = data_output(c, &out);
  if (!code && !out) return cli_usage(c, "data import needs -o F.jsonl");
  if (!code) code = answer_files(c, &answers, &opts.answer_count);
  if (code) return code;
  opts.answers = answers;
  opts.format = c->args.rest[0];
  opts.image_list = args_get(&c->args, OPT_IMAGE_LIST);
  opts.images = args_get(&c->args, OPT_IMAGES);
  opts.raw = args_has(&c->args, OPT_RAW);
  opts.progress = terminal_progress;
  opts.progress_ctx = &c->term;
  if (loci_data_import(c->args.rest[1], out, &opts, &report, &c->err)) code = cli_failed(c);
  terminal_progress_end(&c->term);
  free(answers);
  return code ? code : data_finish(c, report);
}
