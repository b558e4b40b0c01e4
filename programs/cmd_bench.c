/* loci bench: how fast a walk is here, against the bare matrix products of the same shapes. */
#include <string.h>

#include "cli.h"
#include "typed_options.h"

enum { MOST_STEPS = 10000 };

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

static void show_scale(const loci_scale *s) {
  const loci_spent *t = &s->cost.spent;
  double rate = s->cost.flop / s->cost.seconds;
  printf("model     %s\n", s->model->path);
  if (s->model->device_plan) {
    printf("device    %s\n", s->model->device);
  } else {
    printf("engine    %s, %s kernels\n", s->engine, s->cpu);
  }
  printf("running   %s, %d thread%s\n", s->precision, s->threads, s->threads == 1 ? "" : "s");
  printf("question  %d positions, %d %s\n\n", s->positions, s->model->image_rows,
         s->model->image_outside ? "rows of the picture beside them" : "of the picture");
  printf("trace     %9.2f s, %lld cells, %lld of them run\n", s->cost.seconds, (long long)s->cells,
         (long long)s->cells_run);
  printf("rows      %9lld, %lld of the clean and the corrupted run\n", (long long)s->cost.rows,
         (long long)s->base_rows);
  printf("products  %9.1f GFLOP/s of the whole trace, %.1f alone\n", rate / 1e9,
         s->product_flop_per_s / 1e9);
  printf("share     %9.1f %%\n", 100 * s->share);
  if (t->product > 0) {
    printf("seconds   %9.2f products, %.2f attention, %.2f head,\n", t->product, t->attention,
           t->head);
    printf("          %9.2f converting, %.2f waiting for weights, %.2f the rest\n", t->convert,
           t->read, t->other);
  }
  printf("memory    %9.1f GB resident at most\n\n", (double)s->peak_bytes / 1e9);
  printf("picture   %9.2f s\n", s->vision_seconds);
  printf("answer    %9.2f s for the first token, %.3f s for each of the others\n",
         s->first_token_seconds, s->token_seconds);
  printf("reading   %9.1f GB/s of weights for a token, %.1f this machine at best\n",
         s->token_bytes_per_s / 1e9, s->read_bytes_per_s / 1e9);
}

static loci_status scale(cli *c, loci_model *model, int steps, loci_result **out) {
  loci_scale *s = NULL;
  (void)steps;
  loci_status st = loci_scale_run(model, terminal_progress, &c->term, &s, &c->err);
  terminal_progress_end(&c->term);
  if (!st && !c->json) show_scale(s);
  *out = &s->result;
  return st;
}

static void show_edit(const loci_edit_cost *e) {
  printf("model     %s\n", e->model->path);
  printf("engine    %s, %s kernels\n", e->engine, e->cpu);
  printf("running   %s, %d thread%s\n", e->precision, e->threads, e->threads == 1 ? "" : "s");
  printf("question  %d positions; layer %d\n\n", e->positions, e->layer);
  printf("prepare   %9.3f s for the question, its key, a first step\n", e->prepare_seconds);
  printf("step      %9.3f s, %.0f rows: %.2f of the %lld a change reaches\n", e->step_seconds,
         e->step_rows, e->step_rows / (double)e->reached, (long long)e->reached);
  printf("update    %9.3f s\n", e->update_seconds);
  printf("edit      %9.3f s with %d steps\n", e->edit_seconds, e->steps);
}

static loci_status edit_cost(cli *c, loci_model *model, int steps, loci_result **out) {
  loci_edit_cost *e = NULL;
  loci_status st = loci_edit_cost_run(model, steps, terminal_progress, &c->term, &e, &c->err);
  terminal_progress_end(&c->term);
  if (!st && !c->json) show_edit(e);
  *out = &e->result;
  return st;
}

typedef loci_status measure_fn(cli *c, loci_model *model, int steps, loci_result **out);

/* --scale and --edit: what is measured on a model of its own. */
static int bench_model(cli *c, const char *what, measure_fn *measure) {
  loci_model *model;
  loci_result *r = NULL;
  int steps = 0;
  if (!args_has(&c->args, OPT_MODEL)) return cli_usage(c, "--%s needs a model: -m DIR", what);
  int code = cli_int(c, OPT_STEPS, 1, MOST_STEPS, &steps);
  if (!code) code = cli_open_model(c, &model);
  if (code) return code;
  code = measure(c, model, steps, &r) ? cli_failed(c) : cli_write_json(c, r);
  loci_free(r);
  loci_model_close(model);
  return code;
}

int cmd_bench(cli *c) {
  loci_bench_opts opts;
  loci_bench *bench = NULL;
  if (args_has(&c->args, OPT_SCALE)) return bench_model(c, "scale", scale);
  if (args_has(&c->args, OPT_EDIT_COST)) return bench_model(c, "edit", edit_cost);
  memset(&opts, 0, sizeof opts);
  opts.size = sizeof opts;
  opts.progress = terminal_progress;
  opts.progress_ctx = &c->term;
  int code = read_options(c, &opts);
  if (code) return code;
  if (loci_bench_run(&opts, &bench, &c->err)) code = cli_failed(c);
  terminal_progress_end(&c->term);
  if (!code && !c->json) show(c, bench);
  if (!code) code = cli_write_json(c, &bench->result);
  loci_free(bench);
  return code;
}
