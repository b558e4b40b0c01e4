/* loci study predict: will the answer be wrong?  Every example of a file is answered and scored; a
 * table for the terminal, ROC curves and numbers for every -o file by its ending. */
#include <string.h>

#include "study.h"
#include "words.h"

static int write_all(cli *c, const loci_prediction *p) {
  char *text = NULL;
  const char *out;
  loci_draw_opts draw = cli_draw_opts(c);
  for (int i = 0; (out = args_at(&c->args, OPT_OUT, i)) != NULL; i++)
    if (loci_prediction_write(p, out, &c->err)) return cli_failed(c);
  bool bad = c->json ? loci_prediction_json(p, &text, &c->err)
                     : loci_prediction_draw(p, &draw, &text, &c->err);
  if (bad) return cli_failed(c);
  cli_show(c, text);
  return EXIT_DONE;
}

int cmd_study_predict(cli *c) {
  loci_predict_opts opts;
  loci_model *model;
  loci_examples *examples;
  loci_prediction *p = NULL;
  memset(&opts, 0, sizeof opts);
  int code = study_opts(c, &opts.study);
  if (!code) code = cli_layers(c, &opts.first_layer, &opts.layer_count);
  if (!code) code = study_open(c, &model, &examples);
  if (code) return code;
  if (loci_prediction_new(model, examples, &opts, &p, &c->err)) code = cli_failed(c);
  term_progress_end(&c->term);
  if (!code) code = write_all(c, p);
  loci_prediction_free(p);
  loci_examples_close(examples);
  loci_model_close(model);
  return code;
}
