/* Shared pieces of the study commands (see study_common.h). */
#include "study_common.h"

#include <string.h>
#include <sys/stat.h>

#include "values.h"
#include "typed_options.h"

/* A file of examples that cannot be read is said before the model is; a pipe can be read once. */
int study_open(cli *c, loci_model **model) {
  loci_examples *examples;
  struct stat s;
  const char *path = c->args.rest[0];
  bool pipe = strcmp(path, "-") == 0 || (stat(path, &s) == 0 && !S_ISREG(s.st_mode));
  *model = NULL;
  if (!pipe && loci_examples_open(path, &examples, &c->err)) return cli_failed(c);
  if (!pipe) loci_examples_close(examples);
  return cli_open_model(c, model);
}

int study_show_store(cli *c, loci_store *store) {
  loci_store_info *info;
  char *text = NULL;
  loci_draw_opts draw = cli_draw_opts(c);
  int code = EXIT_DONE;
  loci_status st = loci_store_info_new(store, terminal_progress, &c->term, &info, &c->err);
  terminal_progress_end(&c->term);
  if (st) return cli_failed(c);
  if (!c->json && loci_draw(&info->result, &draw, &text, &c->err)) code = cli_failed(c);
  if (text) fputs(text, stdout);
  loci_text_free(text);
  if (!code) code = cli_write_json(c, &info->result);
  loci_free(info);
  return code;
}

int study_least_effect(cli *c, double *out) {
  const char *least = args_get(&c->args, OPT_MIN_TE);
  *out = 0.1;
  if (!least || (value_real(least, out) && *out <= 1)) return EXIT_DONE;
  return cli_bad_value(c, OPT_MIN_TE, "a probability such as 0.1");
}
