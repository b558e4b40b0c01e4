/* loci study run: a file of examples measured into a store, to be stopped and resumed at any
 * time. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "shared_study.h"
#include "study_common.h"
#include "trace_options.h"
#include "values.h"
#include "typed_options.h"

typedef struct request {
  loci_store_run_opts run;
  loci_study_opts study;
  loci_trace_opts trace;
  loci_knockout_opts knockout;
  trace_lists lists;
  cut_lists cuts;
} request;

/* ---------------------------------------------------------------- options */

/* "2/4": the second of four. */
static int read_shard(cli *c, loci_store_run_opts *o) {
  char first[16];
  const char *s = args_get(&c->args, OPT_SHARD), *slash = s ? strchr(s, '/') : NULL;
  if (!s) return EXIT_DONE;
  snprintf(first, sizeof first, "%.*s", slash ? (int)(slash - s) : 0, s);
  if (slash && value_int(slash + 1, 1, 1000000, &o->shard_count) &&
      value_int(first, 1, o->shard_count, &o->shard))
    return EXIT_DONE;
  return cli_bad_value(c, OPT_SHARD, "a share such as 1/4");
}

/* "width<0.02" */
static int read_stop(cli *c, loci_store_run_opts *o) {
  const char *s = args_get(&c->args, OPT_STOP_WHEN);
  if (!s) return EXIT_DONE;
  if (strncmp(s, "width<", 6) == 0 && value_real(s + 6, &o->stop_width) && o->stop_width > 0)
    return EXIT_DONE;
  return cli_bad_value(c, OPT_STOP_WHEN, "a width of the mean's interval such as \"width<0.02\"");
}

static bool lists(const char *list, const char *word) {
  char item[24];
  while (list && value_next(&list, item, sizeof item))
    if (strcmp(item, word) == 0) return true;
  return false;
}

/* What both a trace and a knockout take is meant for one of them. */
static int read_measurements(cli *c, request *r) {
  loci_store_run_opts *o = &r->run;
  loci_metric metric;
  bool trace = !o->what || lists(o->what, "trace"), cut = o->what && lists(o->what, "knockout");
  if (trace && cut && args_has(&c->args, OPT_WINDOW))
    return cli_usage(c, "--window is for trace or for knockout: measure them one after the other");
  int code = cli_metric(c, &metric);
  if (!code && cut) code = cut_read(c, &r->cuts, &r->knockout);
  if (!code && (trace || !cut)) code = trace_read(c, true, metric, &r->lists, &r->trace);
  if (cut) o->knockout = &r->knockout;
  if (trace || !cut) o->trace = &r->trace;
  return code;
}

static int read_options(cli *c, request *r) {
  loci_store_run_opts *o = &r->run;
  o->what = args_get(&c->args, OPT_WHAT);
  o->retry = args_has(&c->args, OPT_RETRY);
  int code = study_opts(c, &r->study);
  if (!code) code = read_shard(c, o);
  if (!code) code = read_stop(c, o);
  if (!code) code = read_measurements(c, r);
  return code ? code : study_least_effect(c, &o->least_effect);
}

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
  char text[240], rate[32] = "", left[32] = "", mean[120] = "";
  if (s->fresh > 0 && s->seconds > 0)
    snprintf(rate, sizeof rate, ", %.2g/s", (double)s->fresh / s->seconds);
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

static int run(cli *c, const request *r, loci_model *model, loci_examples *examples,
               int processes) {
  loci_store *store;
  loci_store_run_state state;
  int code = EXIT_DONE;
  if (loci_store_open(args_get(&c->args, OPT_STORE), true, &store, &c->err)) return cli_failed(c);
  loci_status st = processes > 1
                       ? shared_study_lead(c, store, model, c->args.rest[0], &r->run, &state)
                       : loci_store_run(store, model, examples, &r->run, &state, &c->err);
  if (st) code = cli_failed(c);
  terminal_progress_end(&c->term);
  if (!code) code = show_result(c, store, &state);
  loci_store_close(store);
  return code;
}

/* Model and examples, and what this process does with them. */
static int measure(cli *c, request *r, int processes) {
  loci_model *model;
  loci_examples *examples;
  int code = study_open(c, &model, &examples);
  if (code) return code;
  if (shared_study_is_first()) {
    code = run(c, r, model, examples, processes);
  } else {
    code = shared_study_help(c, model, c->args.rest[0], &r->run) ? EXIT_FAILED : EXIT_DONE;
  }
  loci_examples_close(examples);
  loci_model_close(model);
  return code;
}

int cmd_study_run(cli *c) {
  request r;
  memset(&r, 0, sizeof r);
  r.run.size = sizeof r.run;
  r.run.study = &r.study;
  int code = read_options(c, &r);
  if (code) return code;
  r.study.progress = progress;
  r.study.progress_ctx = c;
  r.run.each = show_state;
  r.run.each_ctx = c;
  int processes = shared_study_start(c);
  if (processes == 0) return cli_failed(c);
  code = measure(c, &r, processes);
  shared_study_end(c, code);
  return code;
}
