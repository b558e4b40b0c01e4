/* loci study status, report, export: what is in a store. */
#include <limits.h>
#include <string.h>

#include "study.h"
#include "values.h"

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

int cmd_study_report(cli *c) {
  loci_store *store;
  loci_average *a = NULL;
  loci_study_opts o = {0};
  double least;
  int run = 0;
  int code = cli_int(c, OPT_RUN, 1, INT_MAX, &run);
  if (!code) code = study_opts(c, &o);
  if (!code) code = study_least_effect(c, &least);
  if (!code) code = open_store(c, &store);
  if (code) return code;
  if (loci_store_average(store, run, least, o.seed, &a, &c->err)) code = cli_failed(c);
  if (!code) code = study_show_average(c, a);
  loci_average_free(a);
  loci_store_close(store);
  return code;
}

int cmd_study_export(cli *c) {
  loci_store *store;
  const char *out;
  int run = 0;
  int code = cli_int(c, OPT_RUN, 1, INT_MAX, &run);
  if (!code) code = open_store(c, &store);
  if (code) return code;
  for (int i = 0; !code && (out = args_at(&c->args, OPT_OUT, i)) != NULL; i++) {
    if (loci_store_export(store, run, out, &c->err)) {
      code = cli_failed(c);
    } else {
      cli_say_written(c, out);
    }
  }
  loci_store_close(store);
  return code;
}
