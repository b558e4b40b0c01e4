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
  out->no_hash = cli_no_hash(c);
  out->progress = term_progress;
  out->progress_ctx = &c->term;
  return code;
}
