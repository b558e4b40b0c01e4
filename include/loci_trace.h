/* loci, continued: where an answer comes from: one question, measured in four ways.  Part of
 * loci.h, whose rules hold here. */
#ifndef LOCI_TRACE_H
#define LOCI_TRACE_H

#ifndef LOCI_H
#error "include loci.h, which includes this"
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* ---------------------------------------------------------------- 8. trace */

typedef enum loci_metric {
#define METRIC(id, name, meaning) LOCI_METRIC_##id,
#include "loci_names.def"
} loci_metric;

typedef enum loci_direction { LOCI_DENOISE = 1, LOCI_NOISE = 2, LOCI_BOTH = 3 } loci_direction;

/* What a screening takes where nothing is said: measured in docs/MATH.md, "Screening". */
enum { LOCI_SCREEN = 150, LOCI_SCREEN_STEPS = 16, LOCI_AUDIT = 36 };

struct loci_trace;
typedef struct loci_trace_opts {
  size_t size;            /* of this struct */
  const char *corrupt;    /* NULL: "replace:Paris", or other words where that is the answer */
  int constraint;         /* corrupt only this one (1-based); 0: all */
  const char *answer;     /* NULL: the clean run's most likely next token */
  const loci_site *sites; /* NULL: mlp_out, attn_out, resid_post */
  int site_count;
  const int *windows; /* NULL: {1} */
  int window_count;
  int first_layer, layer_count; /* centres; layer_count 0: all */
  const char *positions; /* NULL: "each" and the groups constraint,after-constraint,last as further
                            grids; or "each", positions by number, group names, joined by commas */
  loci_direction direction; /* 0: LOCI_DENOISE */
  int seeds;                /* noise corruptions: number of seeds, 0: 10 */
  uint64_t seed;
  const char *noise_path; /* safetensors file with the tensor "noise" (seeds, rows, D) to add */
  bool authors;           /* the released scripts' conventions (docs/MATH.md) */
  int verify;             /* recompute this many random cells naively and compare */
  bool no_hash;           /* leave model.hash empty instead of reading all weights for it */
  loci_progress_fn progress;
  void *progress_ctx;
  int screen; /* estimate every cell by gradients, then run this many, the strongest of every grid
                 in turn; 0: run all.  Windows of one layer only */
  loci_metric screen_metric; /* strongest by p, logp or logit_diff */
  int screen_steps; /* integrated gradients of so many steps; 0: attribution patching, gradients of
                       the patched run alone */
  int audit;        /* cells run at random of those not chosen, as many of every grid; 0:
                       LOCI_AUDIT */
  bool partial; /* of one trace: cancelled once some cells are run, it is handed out with these and
                   NaN in the others, and no error; not of a screening */
  /* Called with the trace as far as it is: after the clean and corrupted runs, after estimates of
   * all cells, then after every batch of cells, the strongest first; [exact] of each grid says
   * which are run, [missing] how many are not.  The numbers stay those of a trace without it.  With
   * [partial] a stop after the first call keeps what is there, estimates included, a screening's,
   * too.  Of one trace alone. */
  void (*watch)(void *ctx, const struct loci_trace *so_far);
  void *watch_ctx;
  /* Path patching: what is restored reaches this alone and all after it, "5.3.q" (layer, head, and
   * q, k or v: of k and v the head's group), or "logits"; NULL: everything.  Sites are then z,
   * mlp_out (NULL: both), attn_out, resid_pre. */
  const char *receiver;
  /* With a watcher: one of the same prompt and options that was stopped, with a watcher, too.  Its
   * cells are taken over, the others run.  Of one trace alone; not of a screening. */
  const struct loci_trace *so_far;
  /* Cross-prompt patching: values of this prompt's run, of the same model or of one of the same
   * shape, are put into the prompt's own, where nothing is corrupted.  The trace's clean run is
   * then the donor's, its corrupted run the prompt's own, its restoration the recovered share.  It
   * must outlive the result.  Sites: resid_post (NULL). */
  const loci_prompt *donor;
  const char *donor_at; /* where they are taken: a position of the donor by its number, or a group;
                           NULL: the group of the same name */
  /* Heads of z ("5.3,6.1": layer and head) or layers of the other sites ("3-5,7") that are restored
   * together, too, at each group of positions, beside random sets of as many (0: 20), whose clean
   * and corrupted values are as far apart (docs/MATH.md, "Sets and controls"); NULL: none. */
  const char *set;
  int controls;
  /* Of the corruption "noise:Fs": F standard deviations of the embeddings of the tokens of this
   * file's constraints (examples; a study without one: its own file's), as ROME has it; or the
   * deviation itself, where it is known already (0: it is not). */
  const char *noise_data;
  double noise_deviation;
} loci_trace_opts;

/* p and logp are of the whole answer (teacher forced), p_first and logp_first of its first token;
 * the logit difference o - o' and KL(clean || run) are at the last prompt position.  Nats. */
typedef struct loci_metrics {
  double p, logp, p_first, logp_first, logit_diff, kl;
} loci_metrics;

typedef struct loci_outcome {
  loci_metrics m;
  loci_candidate top[LOCI_TOP];
} loci_outcome;

/* Estimated indirect effects; logit_diff NaN unless the screening was by it. */
typedef struct loci_estimate {
  double p, logp, logit_diff;
} loci_estimate;

/* One sweep: cells [layer][column][head]. */
typedef struct loci_grid {
  loci_site site;
  int window;
  loci_direction direction;
  int layer_count;
  const int *layers;
  int column_count;
  const int *positions;      /* the columns' positions, or NULL */
  const char *const *groups; /* the columns' group names, or NULL */
  int head_count;            /* 0: no head axis */
  const loci_metrics *cells; /* of the patched run */
  const double *ie;          /* p - p of the run that was patched */
  const double *restoration; /* ie / total effect; NaN: empty */
  const bool *skipped;       /* known to be an exact zero without running */
  /* NULL without screening, unless the trace is not whole yet.  A cell that is not exact has its
   * estimate's numbers, kl NaN. */
  const loci_estimate *estimates;
  const bool *exact;
  double spearman; /* rank correlation of estimates and effects over the cells that the estimates
                      chose; NaN: too few */
  double reach;    /* how strong a cell of its site that was not run may be, as a share of the
                      strongest that was (docs/MATH.md, "Screening"); NaN: all were run */
  const double *restoration_logit_diff; /* of the logit difference, as restoration is of p; NaN:
                                           clean and corrupted are closer than .1 */
  const int *top_ids; /* with a donor: each run's most likely next token; else NULL */
} loci_grid;

/* Heads or layers that were restored together, and random ones beside. */
typedef struct loci_set {
  loci_site site;
  loci_direction direction;
  const char *group;
  int unit_count;
  const int *layers, *heads; /* (unit_count); heads NULL: whole layers */
  loci_metrics m;
  double ie, restoration, norm; /* norm: of clean - corrupted, of all its values */
  int control_count;
  const int *control_layers, *control_heads; /* (control_count, unit_count) */
  const double *control_ie, *control_norm;   /* (control_count) */
  double control_mean;                       /* of control_ie */
  double p; /* (1 + random sets with at least its effect, whatever the sign) / (1 + random sets) */
} loci_set;

/* Of a screened trace, the cells that were run at random of those that the estimates did not
 * choose: what they missed. */
typedef struct loci_audit {
  int64_t cells;
  double spearman;         /* rank correlation of estimates and effects; NaN: too few */
  double estimate, effect; /* where they are farthest apart */
  int grid;                /* and where that is: the cell's index in this grid */
  int64_t at;
  bool poor; /* some site's reach is .35 or more: its strongest cell may not be among those run */
} loci_audit;

/* What the walks' seconds went into; of a model on a device all 0. */
typedef struct loci_spent {
  double read;    /* waiting for weights that were still on their way from the disk */
  double convert; /* weights of another dtype than that of the products */
  double product, attention, head;
  double other; /* norms, activations, sites, bookkeeping */
} loci_spent;

typedef struct loci_cost {
  double seconds;
  int64_t rows;    /* (row, layer) pairs that went through a layer's matrices */
  int64_t formula; /* the bound of docs/MATH.md for the same cells */
  double flop, naive_flop;
  loci_spent spent;
} loci_cost;

typedef struct loci_trace {
  loci_result result;
  const loci_model_info *model; /* borrowed: the model must outlive the result */
  const char *hash;
  const loci_prompt_info *prompt; /* borrowed likewise */
  const char *corrupt;            /* "replace:Paris" */
  const char *precision;
  loci_direction direction;
  int window_count;
  const int *windows;
  uint64_t seed;
  int target_count;
  const int *target_ids;
  const char *target_text;
  bool answer_given;             /* metrics of several tokens are meaningful */
  loci_outcome clean, corrupted; /* means over seeds */
  loci_candidate other;          /* o' and its p in the corrupted run, of the first seed */
  double total_effect;           /* clean p - corrupted p */
  int grid_count;
  const loci_grid *grids;
  loci_cost cost;
  int verified;           /* cells recomputed naively */
  double verify_error;    /* their largest difference |a - b| / max(|b|, floor), of all metrics:
                             floor 0.02 for p, 1 for the others */
  double verify_rounding; /* in bf16: the largest |p - p in f32| of these cells, whose runs begin
                             with the same input rows; in f32: 0 */
  int note_count;
  const char *const *notes;     /* one-line hints: small effect, shared first token, ... */
  int64_t screen, screen_cells; /* cells chosen of cells estimated; 0: not screened */
  int screen_steps;
  loci_metric screen_metric;
  double spearman; /* as in loci_grid, over all grids */
  loci_audit audit;
  int64_t missing; /* cells that were not run before it was cancelled (opts.partial), NaN or, with
                      a watcher, estimates */
  int64_t planned; /* with a watcher: cells to be run in all */
  const char *receiver;          /* as asked for; NULL: everything after what is restored */
  const loci_prompt_info *donor; /* whose values were put in; borrowed; NULL: the clean run's */
  const loci_model_info *donor_model; /* likewise */
  const char *donor_at;
  int set_count; /* one for each site, direction and group, where a set is asked for */
  const loci_set *sets;
} loci_trace;

LOCI_CHECK loci_status loci_trace_new(const loci_model *model, const loci_prompt *prompt,
                                      const loci_trace_opts *opts, loci_trace **out, loci_err *err);
typedef struct loci_trace_request {
  const loci_prompt *prompt;
  const loci_trace_opts *opts;
  loci_trace *trace; /* comes out, for loci_free; NULL after an error */
  loci_err err;      /* comes out: what failed in this trace alone */
} loci_trace_request;

/* Several traces in as few walks as the memory allows: weights are read and converted once for all,
 * and prompts that begin alike, with one picture, share those rows.  The numbers are those of
 * loci_trace_new; of what they share, each cost has its part.  Progress comes from the first one's
 * options.  What fails for all (memory, a stop) is the result, and then no trace comes out. */
LOCI_CHECK loci_status loci_traces(const loci_model *model, loci_trace_request *requests, int count,
                                   loci_err *err);

/* What the model would answer at one cell: at its corrupted run with the cell's clean values, or
 * the reverse where [at] has noise.  [at] says it as a trace does (corrupt, constraint, seed; one
 * site, layer, window, and a position or group; progress); without a site the run itself is asked,
 * with nothing restored.  The answer's first candidates are the cell's. */
LOCI_CHECK loci_status loci_ask_restored(const loci_model *model, const loci_prompt *prompt,
                                         const loci_trace_opts *at, int max_new, loci_answer **out,
                                         loci_err *err);

/* ---------------------------------------------------------------- 9. knockout */

/* A pathway: the attention edges from every position of the group [to], the queries, to every
 * position of the group [from], the sources, that is not after it. */
typedef struct loci_edges {
  const char *from, *to; /* names of groups, as in a trace: "image", "constraint-last" */
} loci_edges;

enum { LOCI_ALL_LAYERS = -1, LOCI_ONWARD = -2 };

typedef struct loci_knockout_opts {
  size_t size;                /* of this struct */
  const char *answer;         /* NULL: the clean run's most likely next token */
  const loci_edges *pathways; /* NULL: image->constraint, image->last, constraint->last, last->last;
                                 of these only the ones the prompt has positions for */
  int pathway_count;
  int constraint; /* the groups are of this one only (1-based); 0: of all */
  int window;     /* layers round each centre, 2 L at most; 0: 3; LOCI_ALL_LAYERS: one run per
                     pathway, cut in every layer; LOCI_ONWARD: each layer and all above it */
  int first_layer, layer_count; /* centres; layer_count 0: all */
  bool no_hash;                 /* leave model.hash empty instead of reading all weights for it */
  loci_progress_fn progress;
  void *progress_ctx;
  int controls; /* runs beside with each pathway cut in as many random layers as the window has */
  uint64_t seed;
} loci_knockout_opts;

/* One pathway, cut in a window of layers round each centre. */
typedef struct loci_pathway {
  const char *from, *to;
  int from_count, to_count; /* positions */
  int window;               /* 0: each layer and all above it */
  int layer_count;
  const int *layers;         /* centres */
  const loci_metrics *cells; /* of the run with its edges cut; KL(clean || run) */
  const bool *skipped;       /* nothing cut there can reach the answer: the clean run's numbers */
  const int *top_ids;        /* the run's most likely next token */
  int control_count;
  const int *control_layers;   /* (control_count, window) */
  const double *control_p;     /* (control_count) of the answer */
  const double *control_value; /* (layer_count) (1 + controls with p as low) / (1 + controls) */
  double control_mean;         /* of control_p; NaN: none */
} loci_pathway;

typedef struct loci_knockout {
  loci_result result;
  const loci_model_info *model; /* borrowed: the model must outlive the result */
  const char *hash;
  const loci_prompt_info *prompt; /* borrowed likewise */
  const char *precision;
  int target_count;
  const int *target_ids;
  const char *target_text;
  bool answer_given;
  loci_outcome clean;
  loci_candidate other; /* o': the clean run's best token that is not the target's first */
  int pathway_count;
  const loci_pathway *pathways;
  loci_cost cost; /* rows are the formula's, unless memory made several walks of it */
} loci_knockout;

/* All centres of all pathways in one walk, or as few as the memory allows. */
LOCI_CHECK loci_status loci_knockout_new(const loci_model *model, const loci_prompt *prompt,
                                         const loci_knockout_opts *opts, loci_knockout **out,
                                         loci_err *err);

/* ---------------------------------------------------------------- 10. flow */

typedef struct loci_flow_opts {
  size_t size;                  /* of this struct */
  const char *from, *to;        /* groups: one pathway, its sources and queries; both NULL: image ->
                                   constraint-last (with a picture) and constraint -> last */
  int first_layer, layer_count; /* layer_count 0: all */
  bool heads;                   /* keep each head's numbers, too */
  bool no_hash;                 /* leave model.hash empty instead of reading all weights for it */
  loci_progress_fn progress;
  void *progress_ctx;
} loci_flow_opts;

/* A pathway, layer by layer.  Numbers are means over its queries (docs/MATH.md, "Contributions").
 */
typedef struct loci_flow_path {
  const char *from, *to;
  int source_count, query_count;
  const int *sources, *queries;     /* positions, ascending */
  const double *profile;            /* (layers, sources) contribution of each source */
  const double *weights;            /* (layers, sources) its raw attention, mean over heads */
  const double *total, *max, *mean; /* (layers) of the profile, over the sources */
  const double *norm_of_sum;        /* (layers) || sum over the sources || */
  const double *attention;          /* (layers) raw weight of all sources together */
  int top_count;                    /* the top 5 % of the sources, at least one */
  const int *top;                   /* (layers, top_count) their positions, strongest first */
  const double *top_share;          /* (layers) their share of the total */
  bool outside; /* sources are rows of the picture outside of the sequence, by their numbers, which
                   layers read by cross-attention; the other layers have zeros */
  const float *contribution;       /* of these: (layers, queries, sources) head-summed; else NULL */
  const float *contribution_heads; /* (layers, heads, queries, sources), if heads were asked for */
} loci_flow_path;

typedef struct loci_flow {
  loci_result result;
  const loci_model_info *model; /* borrowed: the model must outlive the result */
  const char *hash;
  const loci_prompt_info *prompt; /* borrowed likewise; T its length */
  const char *precision;
  loci_candidate next[LOCI_TOP]; /* the model's next token */
  int layer_count, query_count;
  const int *layers, *queries; /* positions, ascending: those of all pathways */
  const float *contribution;   /* (layers, queries, T) head-summed */
  const float *attention;      /* (layers, queries, T) raw, mean over heads */
  int head_count;              /* 0: the following two are NULL */
  const float *contribution_heads, *attention_heads; /* (layers, heads, queries, T) */
  const float *value_norms;                          /* (layers, T) */
  const bool *sinks; /* (layers, T): much attended to by these queries, with a small value */
  int path_count;
  const loci_flow_path *paths;
  const float *pixels; /* (3, image_height, image_width) the picture as the model sees it, 0 to 1,
                          from its tiles where there are such; NULL: none */
  int image_height, image_width;
  int cell_size;  /* pixels on the side of what a position shows; 0: several views of other cells,
                     each  of which covers the picture */
  loci_cost cost; /* naive_flop: a plain forward, and a product for each query and source */
  int note_count;
  const char *const *notes; /* one-line hints */
} loci_flow;

/* One forward pass. */
LOCI_CHECK loci_status loci_flow_new(const loci_model *model, const loci_prompt *prompt,
                                     const loci_flow_opts *opts, loci_flow **out, loci_err *err);

/* ---------------------------------------------------------------- 11. lens */

typedef struct loci_lens_opts {
  size_t size;           /* of this struct */
  const char *answer;    /* its first token is the target; NULL: the most likely next token */
  int constraint;        /* groups are of this one only (1-based); 0: of all */
  const char *positions; /* positions and groups joined by commas ("12,last"), or "each"; NULL:
                            constraint-last,last, or last without a constraint */
  int first_layer, layer_count; /* layer_count 0: all */
  bool no_hash;                 /* leave model.hash empty instead of reading all weights for it */
  loci_progress_fn progress;
  void *progress_ctx;
} loci_lens_opts;

/* Final norm and output head on the residual stream after a layer, at one position. */
typedef struct loci_lens_cell {
  loci_candidate top[LOCI_TOP];
  double p, logp; /* of the target */
  int rank;       /* of the target; 1: the most likely */
} loci_lens_cell;

typedef struct loci_lens {
  loci_result result;
  const loci_model_info *model; /* borrowed: the model must outlive the result */
  const char *hash;
  const loci_prompt_info *prompt; /* borrowed likewise */
  const char *precision;
  int target_id;
  const char *target_text;
  bool answer_given;
  loci_candidate clean[LOCI_TOP]; /* the model's own next tokens, at the last position */
  int position_count;
  const int *positions; /* ascending */
  int layer_count;
  const int *layers;
  const loci_lens_cell *cells; /* [position][layer] */
  loci_cost cost;
} loci_lens;

/* One forward pass and the head on all cells. */
LOCI_CHECK loci_status loci_lens_new(const loci_model *model, const loci_prompt *prompt,
                                     const loci_lens_opts *opts, loci_lens **out, loci_err *err);

/* LOCI_EINVAL, and what is wrong with options whatever model and question they are for.  [kind]
 * says whose: LOCI_KIND_TRACE a loci_trace_opts, and so on for KNOCKOUT, FLOW, LENS, PREDICTION,
 * SCORE, EDIT and EDIT_CURVE; LOCI_KIND_AVERAGE a loci_trace_opts for every example of a study,
 * where "swap" and "question" may do without a text. */
LOCI_CHECK loci_status loci_check(loci_kind kind, const void *opts, loci_err *err);

#ifdef __cplusplus
}
#endif
#endif
