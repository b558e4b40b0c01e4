/* Shared pieces of the study commands (see study_common.h). */
#include "study_common.h"

#include "values.h"
#include "typed_options.h"

int study_open(cli *c, loci_model **model) {
  loci_examples *examples;
  *model = NULL;
  if (loci_examples_open(c->args.rest[0], &examples, &c->err)) return cli_failed(c);
  loci_examples_close(examples);
  return cli_open_model(c, model);
}

int study_show_store(cli *c, loci_store *store) {
  loci_store_info *info;
  char *text = NULL;
  loci_draw_opts draw = cli_draw_opts(c);
  int code = EXIT_DONE;
  if (loci_store_info_new(store, &info, &c->err)) return cli_failed(c);
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
