/* loci study predict: will the answer be wrong?  Every example of a file is answered and scored; a
 * table for the terminal, ROC curves and numbers for every -o file by its ending. */
#include <string.h>

#include "study_common.h"
#include "typed_options.h"

int cmd_study_predict(cli *c) {
  loci_predict_opts opts;
  loci_study_opts study;
  loci_model *model;
  loci_examples *examples;
  loci_prediction *p = NULL;
  memset(&opts, 0, sizeof opts);
  memset(&study, 0, sizeof study);
  opts.size = sizeof opts;
  opts.study = &study;
  int code = study_opts(c, &study);
  if (!code) code = cli_layers(c, &opts.first_layer, &opts.layer_count);
  if (!code) code = study_open(c, &model, &examples);
  if (code) return code;
  if (loci_prediction_new(model, examples, &opts, &p, &c->err)) code = cli_failed(c);
  terminal_progress_end(&c->term);
  if (!code) code = cli_show_result(c, &p->result, NULL);
  loci_free(p);
  loci_examples_close(examples);
  loci_model_close(model);
  return code;
}
