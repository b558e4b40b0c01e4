/* loci trace: causal tracing.  Everything about the request is checked before the model is opened;
 * the grid is drawn for the terminal and written to every -o file by its ending. */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "trace_options.h"
#include "values.h"
#include "words.h"

typedef struct request {
  loci_trace_opts opts;
  loci_draw_opts draw;
  trace_lists lists;
  cli_constraints constraints;
} request;

/* -c TEXT, and --only K.  A -c that is a bare number means --only too, if the question has no such
 * text. */
static int read_constraints(cli *c, request *r) {
  const char *question = args_get(&c->args, OPT_QUESTION), *s;
  int only = 0, n = 0, k;
  for (int i = 0; (s = args_at(&c->args, OPT_CONSTRAINT, i)) != NULL; i++) {
    if (value_int(s, 1, 1000000, &k) && !strstr(question, s) &&
        args_at(&c->args, OPT_CONSTRAINT, 1)) {
      if (only && only != k)
        return cli_usage(c, "two different constraints to corrupt, %d and %d", only, k);
      only = k;
    } else {
      r->constraints.text[n++] = s;
    }
  }
  r->constraints.count = n;
  int code = cli_int(c, OPT_ONLY, 1, n > 0 ? n : 1, &only);
  if (code) return code;
  bool image = r->opts.corrupt && strncmp(r->opts.corrupt, "image", 5) == 0;
  if (n == 0 && !image)
    return cli_usage(c, "trace needs -c TEXT, the piece of the question to corrupt");
  if (only > n)
    return cli_usage(c, "constraint %d was asked for, but %d %s given", only, n,
                     n == 1 ? "is" : "are");
  r->opts.constraint = only;
  return EXIT_DONE;
}

static int read_positions(cli *c, request *r) {
  char item[32];
  int group, code = EXIT_DONE;
  const char *list = args_get(&c->args, OPT_POSITIONS);
  r->opts.positions = list;
  while (!code && value_next(&list, item, sizeof item))
    code = cli_name(c, OPT_POSITIONS, LOCI_NAMES_GROUP, "each", item, &group);
  return code;
}

/* exact, or screen:K by the metric that is drawn */
static int read_method(cli *c, request *r, const char *method) {
  if (strcmp(method, "exact") == 0) return EXIT_DONE;
  if (strncmp(method, "screen:", 7) != 0) {
    static const char *const methods[] = {"exact", "screen:K"};
    int i;
    return cli_word(c, OPT_METHOD, method, methods, LENGTH(methods), &i);
  }
  if (!value_int(method + 7, 1, INT_MAX, &r->opts.screen))
    return cli_bad_value(c, OPT_METHOD, "screen:K with K from 1 up, such as screen:50");
  bool single =
      r->opts.window_count == 0 || (r->opts.window_count == 1 && r->lists.windows[0] == 1);
  if (!single || args_has(&c->args, OPT_COMPAT))
    return cli_usage(c, "--method screen estimates single layers, so it goes with --window 1");
  if (r->draw.metric == LOCI_METRIC_KL)
    return cli_usage(c, "--method screen estimates p, logp, logit_diff and restoration, not kl");
  if (r->draw.metric != LOCI_METRIC_RESTORATION) r->opts.screen_metric = r->draw.metric;
  return EXIT_DONE;
}

static int read_names(cli *c, request *r) {
  static const char *const compats[] = {"authors"};
  const char *compat = args_get(&c->args, OPT_COMPAT), *method = args_get(&c->args, OPT_METHOD);
  const char *direction = args_get(&c->args, OPT_DIRECTION);
  int code = cli_metric(c, &r->draw.metric), i = 0;
  if (!code && method) code = read_method(c, r, method);
  if (!code && compat) code = cli_word(c, OPT_COMPAT, compat, compats, 1, &i);
  r->opts.authors = compat != NULL;
  if (!code && direction)
    code = cli_name(c, OPT_DIRECTION, LOCI_NAMES_DIRECTION, NULL, direction, &i);
  r->opts.direction = (loci_direction)(i + 1);
  return code;
}

static int read_noise(cli *c, request *r) {
  const char *seed = args_get(&c->args, OPT_SEED);
  r->opts.noise_path = args_get(&c->args, OPT_NOISE);
  if (r->opts.noise_path && !trace_is_noise(&r->opts))
    return cli_usage(c, "--noise goes with --corrupt noise:F or image-noise:F");
  if (args_has(&c->args, OPT_SEEDS) && !trace_is_noise(&r->opts))
    return cli_usage(c, "--seeds goes with --corrupt noise:F or image-noise:F");
  if (seed && !value_u64(seed, &r->opts.seed)) return cli_bad_value(c, OPT_SEED, "a whole number");
  int code = cli_int(c, OPT_SEEDS, 1, MOST_SEEDS, &r->opts.seeds);
  return code ? code : cli_int(c, OPT_VERIFY, 1, 1000000, &r->opts.verify);
}

static int read_request(cli *c, request *r) {
  int (*const readers[])(cli *, request *) = {read_constraints, read_positions, read_names,
                                              read_noise};
  int code = trace_read_corruption(c, &r->opts);
  if (!code) code = cli_layers(c, &r->opts.first_layer, &r->opts.layer_count);
  if (!code) code = trace_read_sites(c, &r->lists, &r->opts);
  if (!code) code = trace_read_windows(c, &r->lists, &r->opts);
  for (int i = 0; !code && i < LENGTH(readers); i++) code = readers[i](c, r);
  r->opts.answer = args_get(&c->args, OPT_ANSWER);
  r->opts.no_hash = cli_no_hash(c);
  r->opts.progress = term_progress;
  r->opts.progress_ctx = &c->term;
  return code;
}

static int trace_request(cli *c, const request *r) {
  loci_model *model;
  loci_prompt *prompt;
  loci_trace *trace = NULL;
  int code = cli_open_prompt(c, &r->constraints, &model, &prompt);
  if (code) return code;
  if (loci_trace_new(model, prompt, &r->opts, &trace, &c->err)) code = cli_failed(c);
  term_progress_end(&c->term);
  if (!code) code = cli_show_result(c, &trace->result, &r->draw);
  loci_free(trace);
  loci_prompt_free(prompt);
  loci_model_close(model);
  return code;
}

int cmd_trace(cli *c) {
  request r;
  memset(&r, 0, sizeof r);
  r.draw = cli_draw_opts(c);
  r.constraints.text = calloc((size_t)c->args.given_count + 1, sizeof *r.constraints.text);
  if (!r.constraints.text) {
    cli_fail(&c->err, LOCI_ENOMEM, "out of memory");
    return cli_failed(c);
  }
  int code = read_request(c, &r);
  if (!code) code = trace_request(c, &r);
  free(r.constraints.text);
  return code;
}
