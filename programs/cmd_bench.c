/* loci bench: how fast a walk is here, against the bare matrix products of the same shapes. */
#include <string.h>

#include "cli.h"

static int sizes_of_model(cli *c, loci_bench_opts *o) {
  loci_model *model;
  if (!args_has(&c->args, OPT_MODEL)) return EXIT_DONE;
  int code = cli_open_model(c, &model);
  if (code) return code;
  const loci_model_info *m = loci_model_get_info(model);
  o->width = m->width;
  o->inner = m->inner;
  o->heads = m->heads;
  o->kv_heads = m->kv_heads;
  loci_model_close(model);
  return EXIT_DONE;
}

static int read_options(cli *c, loci_bench_opts *o) {
  const struct {
    option_id id;
    int *value;
  } numbers[] = {{OPT_ROWS, &o->rows},   {OPT_WIDTH, &o->width},       {OPT_INNER, &o->inner},
                 {OPT_HEADS, &o->heads}, {OPT_KV_HEADS, &o->kv_heads}, {OPT_REPEATS, &o->repeats}};
  int code = cli_precision(c, &o->precision);
  if (!code) code = cli_int(c, OPT_THREADS, 1, MOST_THREADS, &o->threads);
  if (!code) code = sizes_of_model(c, o);
  for (int i = 0; !code && i < LENGTH(numbers); i++)
    code = cli_int(c, numbers[i].id, 1, 1 << 20, numbers[i].value);
  return code;
}

static void show(const cli *c, const loci_bench *b) {
  printf("machine   ");
  put_wrapped(stdout, b->cpu, &(wrap){10, 10, c->term.columns, c->term.utf8});
  printf("engine    ");
  put_wrapped(stdout, b->engine, &(wrap){10, 10, c->term.columns, c->term.utf8});
  printf("running   %s, %d thread%s, %d rows\n", b->precision, b->threads,
         b->threads == 1 ? "" : "s", b->rows);
  printf("layers    %d of width %d, MLP %d,\n          %d heads (%d)\n\n", b->layers, b->width,
         b->inner, b->heads, b->kv_heads);
  printf("products  %9.1f GFLOP/s\n", b->product_flop_per_s / 1e9);
  printf("walk      %9.1f GFLOP/s\n", b->walk_flop_per_s / 1e9);
  printf("share     %9.1f %%\n", 100 * b->share);
  printf("one walk  %9.3f s\n", b->walk_seconds);
}

int cmd_bench(cli *c) {
  loci_bench_opts opts;
  loci_bench bench;
  char *json = NULL;
  memset(&opts, 0, sizeof opts);
  opts.progress = term_progress;
  opts.progress_ctx = &c->term;
  int code = read_options(c, &opts);
  if (code) return code;
  if (loci_bench_run(&opts, &bench, &c->err) || loci_bench_json(&bench, &json, &c->err))
    return cli_failed(c);
  term_progress_end(&c->term);
  if (!c->json) show(c, &bench);
  return cli_write_json(c, json);
}
