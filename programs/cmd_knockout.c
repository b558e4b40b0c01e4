/* loci knockout: attention edges cut, pathway by pathway and layer by layer.  Drawn for the
 * terminal, and written to every -o file by its ending. */
#include <string.h>

#include "cli.h"
#include "trace_options.h"
#include "values.h"
#include "words.h"

enum { GROUPS = 5, NAME_SIZE = 32 };

typedef struct request {
  loci_knockout_opts opts;
  loci_draw_opts draw;
  char from[GROUPS][NAME_SIZE], to[GROUPS][NAME_SIZE];
  loci_edges pathways[GROUPS * GROUPS];
} request;

/* The groups of --from or --to, each once. */
static int read_groups(cli *c, option_id id, char names[GROUPS][NAME_SIZE], int *count) {
  char item[NAME_SIZE];
  const char *list = args_get(&c->args, id);
  *count = 0;
  while (value_next(&list, item, sizeof item)) {
    int group, code = cli_name(c, id, LOCI_NAMES_GROUP, NULL, item, &group);
    if (code) return code;
    for (int i = 0; i < *count; i++)
      if (strcmp(names[i], item) == 0)
        return cli_usage(c, "--%s names %s twice", option_get(id)->name, item);
    memcpy(names[(*count)++], item, sizeof item);
  }
  return EXIT_DONE;
}

/* Every source with every query. */
static int read_pathways(cli *c, request *r) {
  int from, to, code = read_groups(c, OPT_FROM, r->from, &from);
  if (!code) code = read_groups(c, OPT_TO, r->to, &to);
  if (code || (from == 0 && to == 0)) return code;
  if (from == 0 || to == 0) return cli_usage(c, "--from and --to go together");
  for (int i = 0; i < from; i++)
    for (int k = 0; k < to; k++)
      r->pathways[r->opts.pathway_count++] = (loci_edges){r->from[i], r->to[k]};
  r->opts.pathways = r->pathways;
  return EXIT_DONE;
}

static int read_request(cli *c, request *r) {
  int code = cli_layers(c, &r->opts.first_layer, &r->opts.layer_count);
  if (!code) code = read_pathways(c, r);
  if (!code) code = cut_read_window(c, &r->opts);
  if (!code) code = cli_metric(c, &r->draw.metric);
  if (code) return code;
  if (r->draw.metric == LOCI_METRIC_RESTORATION)
    return cli_usage(c, "--metric: a knockout shows p, logp, logit_diff or kl, not restoration");
  r->opts.answer = args_get(&c->args, OPT_ANSWER);
  r->opts.no_hash = cli_no_hash(c);
  r->opts.progress = term_progress;
  r->opts.progress_ctx = &c->term;
  return EXIT_DONE;
}

int cmd_knockout(cli *c) {
  request r;
  loci_model *model;
  loci_prompt *prompt;
  loci_knockout *k = NULL;
  memset(&r, 0, sizeof r);
  r.draw = cli_draw_opts(c);
  int code = read_request(c, &r);
  if (!code) code = cli_open_prompt(c, NULL, &model, &prompt);
  if (code) return code;
  if (loci_knockout_new(model, prompt, &r.opts, &k, &c->err)) code = cli_failed(c);
  term_progress_end(&c->term);
  if (!code) code = cli_show_result(c, &k->result, &r.draw);
  loci_free(k);
  loci_prompt_free(prompt);
  loci_model_close(model);
  return code;
}
