/* loci study run: a file of examples measured into a store, to be stopped and resumed at any
 * time. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "calls.h"
#include "shared_study.h"
#include "study_common.h"

/* ---------------------------------------------------------------- progress */

/* The examples have a line of their own; only the hash is shown as usual. */
static bool progress(void *ctx, const char *stage, double done, double total) {
  cli *c = ctx;
  if (strcmp(stage, "hash") == 0) return terminal_progress(&c->term, stage, done, total);
  return terminal_signal() == 0;
}

/* "trace 41 %: 312 used, 4 dropped, 4.1/s, 2:31 left, total effect 0.512 +- 0.013" */
static void show_state(void *ctx, const loci_store_run_state *s) {
  cli *c = ctx;
  char text[240], digits[32], rate[40] = "", left[32] = "", mean[120] = "";
  if (s->fresh > 0 && s->seconds > 0)
    snprintf(rate, sizeof rate, ", %s/s", digits_text((double)s->fresh / s->seconds, 2, digits));
  if (isfinite(s->left) && s->left < 3.6e6)
    snprintf(left, sizeof left, ", %d:%02d left", (int)s->left / 60, (int)s->left % 60);
  if (s->counted > 1)
    snprintf(mean, sizeof mean, ", %s %.3f +- %.3f", s->headline, s->mean.value,
             s->mean.hi - s->mean.value);
  snprintf(text, sizeof text, "%s %.0f %%: %lld used, %lld dropped%s%s%s", s->what, 100 * s->share,
           (long long)s->used, (long long)s->dropped, rate, left, mean);
  terminal_line(&c->term, text);
}

/* ---------------------------------------------------------------- the command */

static int show_result(cli *c, loci_store *store, const loci_store_run_state *s) {
  if (!c->json) printf("%lld examples measured now, in %.1f s\n", (long long)s->fresh, s->seconds);
  return study_show_store(c, store);
}

static int run(cli *c, const loci_store_run_opts *o, loci_model *model, int processes) {
  loci_store *store;
  loci_store_run_state state = {0};
  loci_examples *examples = NULL;
  int code = EXIT_DONE;
  if (loci_store_open(args_get(&c->args, OPT_STORE), true, &store, &c->err)) return cli_failed(c);
  loci_status st = processes > 1 ? shared_study_lead(c, store, model, c->args.rest[0], o, &state)
                                 : loci_examples_open(c->args.rest[0], &examples, &c->err);
  if (!st && examples) st = loci_store_run(store, model, examples, o, &state, &c->err);
  if (st) code = cli_failed(c);
  terminal_progress_end(&c->term);
  if (!code) code = show_result(c, store, &state);
  loci_examples_close(examples);
  loci_store_close(store);
  return code;
}

/* The model, and what this process does with it. */
static int measure(cli *c, const loci_store_run_opts *o, int processes) {
  loci_model *model;
  int code = study_open(c, &model);
  if (!code && shared_study_is_first()) {
    code = run(c, o, model, processes);
  } else if (!code) {
    code = shared_study_help(c, model, c->args.rest[0], o) ? EXIT_FAILED : EXIT_DONE;
  }
  loci_model_close(model);
  return code;
}

static int study(cli *c, loci_run_request *r) {
  r->study.progress = progress;
  r->study.progress_ctx = c;
  r->opts.each = show_state;
  r->opts.each_ctx = c;
  int processes = shared_study_start(c);
  if (processes == 0) return cli_failed(c);
  int code = measure(c, &r->opts, processes);
  shared_study_end(c, code);
  return code;
}

int cmd_study_run(cli *c) {
  cli_request r;
  loci_result *options = NULL;
  if (args_at(&c->args, OPT_STORE, 1)) return cli_usage(c, "--store is given twice");
  call_begin(c, &r, NULL, 0);
  int code = call_end(c, &r);
  if (!code) {
    loci_call call = call_of(c, &r, NULL);
    call.what = "study options";
    code = call_measure(c, &call, &options);
  }
  if (!code) code = study(c, (loci_run_request *)options);
  loci_free(options);
  call_clear(&r);
  return code;
}
