/* loci edit test: what edits do to their questions, to others like them, and to all the rest. */
#include <stdlib.h>
#include <string.h>

#include "edit_common.h"
#include "calls.h"
#include "study_common.h"

static int test(cli *c, cli_request *r, loci_model *m, const prompt_list *keep,
                const edit_files *edits) {
  loci_result *t = NULL;
  loci_call call = call_of(c, r, m);
  call.path = c->args.rest[0];
  call.prompts = (const loci_prompt *const *)keep->at;
  call.prompt_count = keep->count;
  call.edits = c->host ? &c->host->edit : (const loci_edit *const *)edits->at;
  call.edit_count = c->host ? 1 : edits->count;
  int code = call_measure(c, &call, &t);
  if (!code) code = cli_show_result(c, t, NULL);
  loci_free(t);
  return code;
}

int cmd_edit_test(cli *c) {
  cli_request r = {0};
  edit_files edits = {0};
  prompt_list keep = {0};
  loci_model *m = NULL;
  int code = edit_request(c, &r);
  if (!code) code = edit_read_option(c, &edits);
  if (!code) code = study_open(c, &m);
  if (!code) code = edit_read_questions(c, OPT_KEEP_FILE, m, NULL, &keep);
  if (!code) code = test(c, &r, m, &keep, &edits);
  edit_free_files(&edits);
  prompt_list_clear(&keep);
  cli_close_model(c, m);
  call_clear(&r);
  return code;
}
