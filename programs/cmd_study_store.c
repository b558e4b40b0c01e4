/* loci study status, report, export, merge, compare: what is in a store. */
#include <ctype.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "study_common.h"
#include "values.h"
#include "typed_options.h"

static int open_store(cli *c, loci_store **out) {
  return loci_store_open(c->args.rest[0], false, out, &c->err) ? cli_failed(c) : EXIT_DONE;
}

int cmd_study_status(cli *c) {
  loci_store *store;
  int code = open_store(c, &store);
  if (code) return code;
  code = study_show_store(c, store);
  loci_store_close(store);
  return code;
}

/* The one -o that is no file of a known ending. */
static const char *report_directory(const cli *c) {
  static const char *const endings[] = {".json", ".csv", ".png", ".svg", ".pdf", ".html"};
  const char *out = args_get(&c->args, OPT_OUT);
  for (int i = 0; out && i < LENGTH(endings); i++)
    if (cli_ends_with(out, endings[i])) return NULL;
  return out;
}

/* A name with an ending that nobody writes is no directory that anybody wanted. */
static int check_report(cli *c) {
  const char *dir = report_directory(c), *base = dir ? strrchr(dir, '/') : NULL;
  const char *dot = dir ? strrchr(base ? base : dir, '.') : NULL;
  if (dot && dot != dir && isalpha((unsigned char)dot[1]) && access(dir, F_OK) != 0)
    return cli_usage(
        c, "-o %.200s: study report writes .json .csv .png .svg .pdf .html, or a directory", dir);
  if (dir && args_has(&c->args, OPT_RUN))
    return cli_usage(c, "a directory has all runs: --run goes with a file, or with no -o");
  return EXIT_DONE;
}

static int write_report(cli *c, loci_store *store, const loci_store_opts *how) {
  char path[4200];
  const char *dir = report_directory(c);
  if (args_at(&c->args, OPT_OUT, 1)) return cli_usage(c, "study report writes one directory");
  snprintf(path, sizeof path, "%.4096s/index.html", dir);
  if (loci_store_export(store, how, path, &c->err)) return cli_failed(c);
  cli_say_written(c, path);
  return EXIT_DONE;
}

/* --run, --seed and who is told. */
static int read_how(cli *c, loci_store_opts *out) {
  int run = 0;
  memset(out, 0, sizeof *out);
  out->size = sizeof *out;
  int code = cli_int(c, OPT_RUN, 1, INT_MAX, &run);
  if (!code) code = cli_seed(c, &out->seed);
  out->run = run;
  out->progress = terminal_progress;
  out->progress_ctx = &c->term;
  return code;
}

int cmd_study_report(cli *c) {
  loci_store *store;
  loci_average *a = NULL;
  loci_store_opts o;
  int code = check_report(c);
  if (!code) code = read_how(c, &o);
  if (!code) code = study_least_effect(c, &o.least_effect);
  if (!code) code = open_store(c, &store);
  if (code) return code;
  if (report_directory(c)) {
    code = write_report(c, store, &o);
  } else if (loci_store_average(store, &o, &a, &c->err)) {
    code = cli_failed(c);
  }
  terminal_progress_end(&c->term);
  if (a) code = cli_show_result(c, &a->result, NULL);
  loci_free(a);
  loci_store_close(store);
  return code;
}

int cmd_study_export(cli *c) {
  loci_store *store;
  const char *out;
  loci_store_opts o;
  int code = read_how(c, &o);
  if (!code) code = open_store(c, &store);
  if (code) return code;
  for (int i = 0; !code && (out = args_at(&c->args, OPT_OUT, i)) != NULL; i++) {
    if (loci_store_export(store, &o, out, &c->err)) code = cli_failed(c);
    terminal_progress_end(&c->term);
    if (!code) cli_say_written(c, out);
  }
  loci_store_close(store);
  return code;
}

int cmd_study_merge(cli *c) {
  loci_store *store;
  const char *out = args_get(&c->args, OPT_OUT);
  if (args_at(&c->args, OPT_OUT, 1)) return cli_usage(c, "study merge writes one store");
  if (loci_store_merge(c->args.rest, c->args.rest_count, out, terminal_progress, &c->term, &c->err))
    return cli_failed(c);
  terminal_progress_end(&c->term);
  if (loci_store_open(out, false, &store, &c->err)) return cli_failed(c);
  int code = study_show_store(c, store);
  loci_store_close(store);
  return code;
}

/* --run N,M: of the first store, and of the second. */
static int read_two_runs(cli *c, loci_compare_opts *o) {
  char item[24];
  int run[2] = {0, 0}, n = 0;
  const char *list = args_get(&c->args, OPT_RUN);
  while (list && value_next(&list, item, sizeof item)) {
    if (n == 2 || !value_int(item, 1, INT_MAX, &run[n++]))
      return cli_bad_value(c, OPT_RUN, "two runs such as 1,2");
  }
  o->run_a = run[0];
  o->run_b = n == 1 ? run[0] : run[1];
  return EXIT_DONE;
}

int cmd_study_compare(cli *c) {
  loci_store *a, *b = NULL;
  loci_comparison *x = NULL;
  loci_compare_opts o = {.size = sizeof o};
  const char *by = args_get(&c->args, OPT_BY);
  if (by && strcmp(by, "right") != 0) return cli_bad_value(c, OPT_BY, "right");
  o.by_right = by != NULL;
  o.progress = terminal_progress;
  o.progress_ctx = &c->term;
  int code = cli_seed(c, &o.seed);
  if (!code) code = read_two_runs(c, &o);
  if (!code) code = study_least_effect(c, &o.least_effect);
  if (code) return code;
  if (!by && c->args.rest_count == 1 && (o.run_a == 0 || o.run_a == o.run_b))
    return cli_usage(c, "study compare needs a second store, two runs (--run 1,2) or --by right");
  code = open_store(c, &a);
  if (code) return code;
  const char *second = c->args.rest[c->args.rest_count - 1];
  if (loci_store_open(second, false, &b, &c->err) || loci_store_compare(a, b, &o, &x, &c->err))
    code = cli_failed(c);
  terminal_progress_end(&c->term);
  if (!code) code = cli_show_result(c, &x->result, NULL);
  loci_free(x);
  loci_store_close(a);
  loci_store_close(b);
  return code;
}
