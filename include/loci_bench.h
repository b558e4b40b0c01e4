/* loci, continued: speed on this machine.  Part of loci.h, whose rules hold here. */
#ifndef LOCI_BENCH_H
#define LOCI_BENCH_H

#ifndef LOCI_H
#error "include loci.h, which includes this"
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* ---------------------------------------------------------------- 13. bench */

typedef struct loci_bench_opts {
  size_t size;                               /* of this struct */
  int layers, width, inner, heads, kv_heads; /* 0: 4, 2048, 5504, 16, heads */
  int rows;                                  /* live rows of the walk; 0: 2048 */
  int repeats;                               /* 0: 5 */
  loci_precision precision;
  int threads;
  loci_progress_fn progress;
  void *progress_ctx;
} loci_bench_opts;

typedef struct loci_bench {
  loci_result result;
  int layers, width, inner, heads, kv_heads, rows, threads;
  const char *precision, *cpu, *engine; /* static strings */
  double product_flop_per_s;            /* plain oneDNN products of the walk's shapes */
  double walk_flop_per_s;               /* the walk's products per second of the walk */
  double walk_seconds;
  double share; /* walk / product */
} loci_bench;
LOCI_CHECK loci_status loci_bench_run(const loci_bench_opts *opts, loci_bench **out, loci_err *err);

/* A whole trace at a model's own scale: every image position (random features of the vision tower's
 * size), 23 tokens of text, three sites, every layer, 15 positions and three groups. */
typedef struct loci_scale {
  loci_result result;
  const loci_model_info *model; /* borrowed */
  const char *precision, *cpu, *engine;
  int threads, positions;
  int64_t cells, cells_run;   /* the others are exact zeros */
  loci_cost cost;             /* of the trace */
  int64_t base_rows;          /* of cost.rows: the clean and the corrupted run's */
  double vision_seconds;      /* the tower and the projector, one picture; 0: text only */
  double first_token_seconds; /* the prompt once, its answer's first token */
  double token_seconds;       /* every further token */
  double token_bytes_per_s;   /* weights read for it */
  double read_bytes_per_s;    /* what this machine reads from memory, all threads together */
  double product_flop_per_s; /* plain products of a layer's shapes, 2048 rows; on a device 1024^3 */
  double share;              /* of that: cost.flop over the seconds of the whole trace */
  int64_t peak_bytes;        /* of the process, resident, pages of the weights among them */
} loci_scale;
LOCI_CHECK loci_status loci_scale_run(const loci_model *model, loci_progress_fn progress, void *ctx,
                                      loci_scale **out, loci_err *err);

/* What walks may run on besides the processor, with the rate of f32 products, measured: the first
 * time a driver compiles them, which takes up to a minute. */
typedef struct loci_device {
  const char *name;          /* loci_model_opts.device: "opencl:0" */
  const char *title;         /* "NVIDIA H200" */
  const char *driver;        /* and its version of OpenCL */
  int64_t memory;            /* bytes */
  double product_flop_per_s; /* of 1024 x 1024 matrices; NaN: there are none, see problem */
  const char *problem;       /* why it cannot be used; NULL: it can */
} loci_device;
typedef struct loci_devices {
  loci_result result;
  int count; /* 0: there are none, or this library was built without them */
  const loci_device *devices;
} loci_devices;
LOCI_CHECK loci_status loci_devices_new(loci_devices **out, loci_err *err);

/* What an edit costs on this model: the same question with a target of one token, MultEdit in the
 * default layer. */
typedef struct loci_edit_cost {
  loci_result result;
  const loci_model_info *model; /* borrowed */
  const char *precision, *cpu, *engine;
  int threads, positions, layer, steps;
  int64_t reached;  /* rows a change reaches: positions from the key on, in the layers above */
  double step_rows; /* rows of one step, forward, and backward twice */
  double prepare_seconds; /* the question once, its key, and the first step */
  double step_seconds;
  double update_seconds; /* W + left right, in the matrix's own type */
  double edit_seconds; /* the whole: prepared, [steps] steps of which the first is there, applied */
} loci_edit_cost;
LOCI_CHECK loci_status loci_edit_cost_run(const loci_model *model, int steps, /* 0: 20 */
                                          loci_progress_fn progress, void *ctx,
                                          loci_edit_cost **out, loci_err *err);

#ifdef __cplusplus
}
#endif

#endif
