/* loci score: how many questions of a set are answered correctly, of all and of groups.  Drawn for
 * the terminal, and written to every -o file by its ending. */
#include <string.h>

#include "study_common.h"
#include "values.h"
#include "typed_options.h"

enum { MOST_FIELDS = 8, FIELD_SIZE = 64 };

typedef struct request {
  loci_score_opts opts;
  loci_study_opts study;
  char names[MOST_FIELDS][FIELD_SIZE];
  const char *by[MOST_FIELDS];
} request;

static int read_fields(cli *c, request *r) {
  const char *list = args_get(&c->args, OPT_BY);
  char item[FIELD_SIZE];
  while (value_next(&list, item, sizeof item)) {
    if (!*item || r->opts.by_count == MOST_FIELDS)
      return cli_bad_value(c, OPT_BY, "up to 8 names of fields joined by commas");
    for (int i = 0; i < r->opts.by_count; i++)
      if (strcmp(r->by[i], item) == 0) return cli_usage(c, "--by names %s twice", item);
    memcpy(r->names[r->opts.by_count], item, sizeof item);
    r->by[r->opts.by_count] = r->names[r->opts.by_count];
    r->opts.by_count++;
  }
  r->opts.by = r->by;
  return EXIT_DONE;
}

static int read_choice(cli *c, request *r) {
  const char *s = args_get(&c->args, OPT_CHOICE);
  int i = 0;
  int code = s ? cli_name(c, OPT_CHOICE, LOCI_NAMES_CHOICE, NULL, s, &i) : EXIT_DONE;
  r->opts.choose = (loci_choose)i;
  return code;
}

int cmd_score(cli *c) {
  request r;
  loci_model *model = NULL;
  loci_examples *examples = NULL;
  loci_score *score = NULL;
  memset(&r, 0, sizeof r);
  r.opts.size = sizeof r.opts;
  r.opts.study = &r.study;
  int code = study_opts(c, &r.study);
  if (!code) code = read_fields(c, &r);
  if (!code) code = read_choice(c, &r);
  if (!code && loci_examples_open(c->args.rest[0], &examples, &c->err)) code = cli_failed(c);
  if (!code) code = cli_open_model(c, &model);
  if (!code && loci_score_new(model, examples, &r.opts, &score, &c->err)) code = cli_failed(c);
  terminal_progress_end(&c->term);
  if (!code) code = cli_show_result(c, &score->result, NULL);
  loci_free(score);
  loci_examples_close(examples);
  loci_model_close(model);
  return code;
}
