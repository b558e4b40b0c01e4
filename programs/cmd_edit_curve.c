/* loci edit curve: what edits do over a setting, or over their number in one matrix.  Drawn for the
 * terminal, and written to every -o file by its ending. */
#include <string.h>

#include "edit_common.h"
#include "study_common.h"

/* What makes no sense beside a number of edits. */
static int check_count(cli *c) {
  if (strncmp(args_get(&c->args, OPT_OVER), "count=", 6) != 0) return EXIT_DONE;
  if (args_has(&c->args, OPT_PROMPTS) || args_has(&c->args, OPT_RENDERINGS))
    return cli_usage(c, "--over count: the keys of many edits are of one wording each");
  if (args_has(&c->args, OPT_LIMIT))
    return cli_usage(c, "--over count: says itself how many examples are used");
  return EXIT_DONE;
}

int cmd_edit_curve(cli *c) {
  cli_request r = {0};
  loci_model *m = NULL;
  loci_result *curve = NULL;
  prompt_list keep = {0};
  int code = check_count(c);
  if (!code) code = edit_request(c, &r);
  if (!code) code = cli_open_model(c, &m);
  if (!code) code = edit_read_questions(c, OPT_KEEP_FILE, m, NULL, &keep);
  loci_call call = call_of(c, &r, m);
  call.path = c->args.rest[0];
  call.prompts = (const loci_prompt *const *)keep.at;
  call.prompt_count = keep.count;
  if (!code) code = call_measure(c, &call, &curve);
  if (!code) code = cli_show_result(c, curve, NULL);
  loci_free(curve);
  prompt_list_clear(&keep);
  loci_model_close(m);
  call_clear(&r);
  return code;
}
