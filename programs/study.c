/* Shared pieces of the study commands (see study.h). */
#include "study.h"

#include "values.h"

int study_open(cli *c, loci_model **model, loci_examples **examples) {
  *model = NULL;
  if (loci_examples_open(c->args.rest[0], examples, &c->err)) return cli_failed(c);
  int code = cli_open_model(c, model);
  if (!code) return code;
  loci_examples_close(*examples);
  loci_model_close(*model);
  *examples = NULL;
  *model = NULL;
  return code;
}

int study_opts(cli *c, loci_study_opts *out) {
  const char *seed = args_get(&c->args, OPT_SEED);
  out->template_name = args_get(&c->args, OPT_TEMPLATE);
  int code = cli_int(c, OPT_LIMIT, 1, 1000000000, &out->limit);
  if (!code) code = cli_int(c, OPT_MAX_NEW, 1, MOST_NEW, &out->max_new);
  if (!code && seed && !value_u64(seed, &out->seed))
    code = cli_bad_value(c, OPT_SEED, "a whole number");
  out->no_hash = !c->json && !args_has(&c->args, OPT_OUT); /* nobody would see it */
  out->progress = term_progress;
  out->progress_ctx = &c->term;
  return code;
}

loci_draw_opts study_draw_opts(const cli *c) {
  return (loci_draw_opts){
      .color = c->term.color, .columns = c->term.columns, .ascii = !c->term.utf8};
}

void study_show(cli *c, char *text) {
  const char *out;
  fputs(text, stdout);
  if (c->json) putchar('\n');
  loci_text_free(text);
  for (int i = 0; (out = args_at(&c->args, OPT_OUT, i)) != NULL; i++) cli_say_written(c, out);
}
