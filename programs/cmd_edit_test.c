/* loci edit test: what edits do to their questions, to others like them, and to all the rest. */
#include <stdlib.h>
#include <string.h>

#include "edit_common.h"
#include "study_common.h"
#include "typed_options.h"

static const option_id keeping[] = {OPT_KEEP_FILE, OPT_COVARIANCE};
enum { MOST_PROMPTS = 1000 };

/* How an edit is solved makes no sense where edits are given. */
static int check_options(cli *c) {
  static const option_id how[] = {OPT_LAYER,
                                  OPT_STEPS,
                                  OPT_LR,
                                  OPT_WEIGHT_DECAY,
                                  OPT_LAMBDA,
                                  OPT_MAX_NORM,
                                  OPT_STOP_P,
                                  OPT_KL,
                                  OPT_METHOD,
                                  OPT_COMPAT,
                                  OPT_PROMPTS,
                                  OPT_EPS,
                                  OPT_WITHOUT_CONSTRAINT,
                                  OPT_COVARIANCE,
                                  OPT_AVERAGE_LOSS,
                                  OPT_RENDERINGS,
                                  OPT_EACH_KEY,
                                  OPT_KEEP_FILE,
                                  OPT_KEEP_WEIGHT};
  for (int i = 0; args_has(&c->args, OPT_EDIT) && i < LENGTH(how); i++)
    if (args_has(&c->args, how[i]))
      return cli_usage(c, "--edit is solved already: it takes no --%s", option_get(how[i])->name);
  return EXIT_DONE;
}

int cmd_edit_test(cli *c) {
  loci_edit_test_opts opts;
  loci_study_opts study;
  loci_edit_opts how;
  loci_edit_settings settings;
  edit_files edits;
  prompt_list keep = {0};
  loci_examples *examples = NULL;
  loci_model *m = NULL;
  loci_edit_test *t = NULL;
  memset(&opts, 0, sizeof opts);
  memset(&study, 0, sizeof study);
  memset(&how, 0, sizeof how);
  memset(&settings, 0, sizeof settings);
  opts.size = sizeof opts;
  opts.study = &study;
  opts.how = &how;
  int code = check_options(c);
  if (!code) code = study_opts(c, &study);
  if (!code) code = edit_opts(c, &how, &settings);
  if (!code) code = cli_int(c, OPT_PROMPTS, 1, MOST_PROMPTS, &opts.prompts);
  if (!code) code = cli_int(c, OPT_RENDERINGS, 0, MOST_PROMPTS, &opts.renderings);
  memset(&edits, 0, sizeof edits);
  if (!code) code = edit_read_option(c, &edits);
  if (!code && loci_examples_open(c->args.rest[0], &examples, &c->err)) code = cli_failed(c);
  if (!code) code = edit_words(c, keeping, LENGTH(keeping), &how);
  if (!code) code = cli_open_model(c, &m);
  if (!code) code = edit_read_questions(c, OPT_KEEP_FILE, m, NULL, &keep);
  how.keep = (const loci_prompt *const *)keep.at;
  how.keep_count = keep.count;
  opts.edits = (const loci_edit *const *)edits.at;
  opts.edit_count = edits.count;
  if (!code && loci_edit_test_new(m, examples, &opts, &t, &c->err)) code = cli_failed(c);
  terminal_progress_end(&c->term);
  if (!code) code = cli_show_result(c, &t->result, NULL);
  loci_free(t);
  loci_examples_close(examples);
  edit_free_files(&edits);
  edit_opts_clear(&how);
  prompt_list_clear(&keep);
  loci_model_close(m);
  return code;
}
