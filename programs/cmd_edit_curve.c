/* loci edit curve: what edits do over a setting, or over their number in one matrix.  Drawn for the
 * terminal, and written to every -o file by its ending. */
#include <stdlib.h>
#include <string.h>

#include "edit_common.h"
#include "study_common.h"
#include "values.h"
#include "typed_options.h"

static const option_id keeping[] = {OPT_KEEP_FILE, OPT_COVARIANCE};
enum { MOST_PROMPTS = 1000, MOST_POINTS = 1000, NAME_SIZE = 16 };

typedef struct request {
  loci_edit_curve_opts opts;
  loci_edit_test_opts test;
  loci_study_opts study;
  loci_edit_opts how;
  loci_edit_settings settings;
  char over[NAME_SIZE];
  double values[MOST_POINTS];
} request;

static int bad_over(cli *c) {
  return cli_bad_value(c, OPT_OVER,
                       "a name and its values, such as layer=0-11 or lambda=0.01,0.1,1");
}

/* "3", "0.5" or "0-11", after the others. */
static bool add_values(request *r, const char *item) {
  int first, count;
  double x;
  if (value_real(item, &x)) {
    first = 0;
    count = 1;
  } else if (strcmp(item, "all") != 0 && value_layers(item, &first, &count)) {
    x = first;
  } else {
    return false;
  }
  for (int i = 0; i < count; i++) {
    if (r->opts.value_count == MOST_POINTS) return false;
    r->values[r->opts.value_count++] = x + i;
  }
  return true;
}

static int read_over(cli *c, request *r) {
  char item[32];
  const char *s = args_get(&c->args, OPT_OVER), *list = strchr(s, '=');
  if (!list || list - s >= NAME_SIZE) return bad_over(c);
  memcpy(r->over, s, (size_t)(list - s));
  for (list++; value_next(&list, item, sizeof item);)
    if (!add_values(r, item)) return bad_over(c);
  r->opts.over = r->over;
  r->opts.values = r->values;
  if (strcmp(r->over, "count") == 0 &&
      (args_has(&c->args, OPT_PROMPTS) || args_has(&c->args, OPT_RENDERINGS)))
    return cli_usage(c, "--over count: the keys of many edits are of one wording each");
  if (strcmp(r->over, "count") == 0 && args_has(&c->args, OPT_LIMIT))
    return cli_usage(c, "--over count: says itself how many examples are used");
  return EXIT_DONE;
}

int cmd_edit_curve(cli *c) {
  request r;
  loci_model *m = NULL;
  loci_edit_curve *curve = NULL;
  prompt_list keep = {0};
  memset(&r, 0, sizeof r);
  r.opts.size = sizeof r.opts;
  r.opts.test = &r.test;
  r.test.size = sizeof r.test;
  r.test.study = &r.study;
  r.test.how = &r.how;
  int code = read_over(c, &r);
  if (!code) code = study_opts(c, &r.study);
  if (!code) code = edit_opts(c, &r.how, &r.settings);
  if (!code) code = cli_int(c, OPT_PROMPTS, 1, MOST_PROMPTS, &r.test.prompts);
  if (!code) code = cli_int(c, OPT_RENDERINGS, 0, MOST_PROMPTS, &r.test.renderings);
  if (!code) code = edit_words(c, keeping, LENGTH(keeping), &r.how);
  if (!code) code = cli_open_model(c, &m);
  if (!code) code = edit_read_questions(c, OPT_KEEP_FILE, m, NULL, &keep);
  r.how.keep = (const loci_prompt *const *)keep.at;
  r.how.keep_count = keep.count;
  if (!code && loci_edit_curve_new(m, c->args.rest[0], &r.opts, &curve, &c->err))
    code = cli_failed(c);
  terminal_progress_end(&c->term);
  if (!code) code = cli_show_result(c, &curve->result, NULL);
  loci_free(curve);
  edit_opts_clear(&r.how);
  prompt_list_clear(&keep);
  loci_model_close(m);
  return code;
}
