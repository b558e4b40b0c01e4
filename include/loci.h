/* loci: where a multimodal language model keeps a fact, how it moved there, and how to change it.
 *
 * This header is the whole library.  Read it top to bottom:
 *
 *   1. results and errors      how a call says what went wrong
 *   2. sites                   the named activations of a decoder layer
 *   3. model                   a Hugging Face checkpoint directory, opened and checked
 *   4. text and images         what the model's tokenizer and image processor make of a file
 *   5. prompt                  image + question + constraints, as the sequence the model reads
 *   6. run                     one forward pass; record any site, patch any site
 *   7. ask                     greedy answer
 *   8. trace                   causal tracing: a grid of restored runs (Basu et al. 2024, 3)
 *   9. knockout                attention edges cut, layer window by layer window
 *  10. flow                    what positions give to each other through attention
 *  11. lens                    what every layer would answer
 *  12. writing and drawing     terminal, PNG, SVG, PDF, JSON, CSV, safetensors, NPZ
 *  13. bench                   speed on this machine
 *  14. examples                questions with answers, from a file
 *  15. studies                 one measurement over many examples, with intervals
 *  16. edit                    a new answer, written into one matrix (Basu et al. 2024, 5)
 *
 * Rules for every function here:
 *   A loci_status result is LOCI_OK (0) or an error; *err, if not NULL, then says why in one
 *     sentence.
 *   *out is owned by the caller (free it with the matching call) and NULL after an error.
 *   A const pointer is borrowed and lives as long as the object it came from.
 *   NULL options mean all defaults; a 0 field means its default.
 *   _free(NULL) and _close(NULL) are fine.
 *   One object, one thread at a time; calls that take a const model may share it.
 *   A forked child must not go on with its parent's objects: OpenMP threads do not follow it.
 *   The library never prints and never exits.
 *
 * Letters, as in docs/MATH.md: T positions, D residual width, L layers, H query heads, Hkv
 * key/value heads, K head width, F MLP inner width, V vocabulary, P image positions.  All arrays
 * are row-major, f32.
 */
#ifndef LOCI_H
#define LOCI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define LOCI_VERSION "0.1.0"

#if defined(__GNUC__)
#define LOCI_API __attribute__((visibility("default")))
#define LOCI_CHECK __attribute__((visibility("default"), warn_unused_result))
#else
#define LOCI_API
#define LOCI_CHECK
#endif

/* ---------------------------------------------------------------- 1. results and errors */

typedef enum loci_status {
  LOCI_OK = 0,
  LOCI_EINVAL,       /* the request makes no sense: a layer out of range, an unknown group */
  LOCI_EIO,          /* the system refused: no such file, no permission, no space */
  LOCI_EFORMAT,      /* a file breaks its format's rules */
  LOCI_EUNSUPPORTED, /* a sound file asks for something loci does not compute */
  LOCI_ENOMEM,       /* out of memory, or more than --memory allows */
  LOCI_ECANCELLED,   /* a progress callback said stop */
  LOCI_EVERIFY       /* a recomputed number differs: never expected, always worth a report */
} loci_status;

typedef struct loci_err {
  loci_status code;
  char msg[512]; /* one sentence: what, where, expected, found */
} loci_err;

/* A few words for a status: "bad request", "wrong format", ... */
LOCI_API const char *loci_status_name(loci_status status);

LOCI_API const char *loci_version(void);

/* A number and the ends of its 95 % interval; NaN: there is none. */
typedef struct loci_interval {
  double value, lo, hi;
} loci_interval;

/* Called now and then by every long call, always from the calling thread: [stage] is a word
 * ("vision", "walk", ...), [done] of [total] units are finished.  Return false to cancel; the call
 * then returns LOCI_ECANCELLED and leaves nothing half done. */
typedef bool (*loci_progress_fn)(void *ctx, const char *stage, double done, double total);

/* ---------------------------------------------------------------- 2. sites */

typedef enum loci_site {
#define SITE(id, name, axes, meaning) LOCI_SITE_##id,
#include "loci_sites.def"
#undef SITE
  LOCI_SITE_COUNT
} loci_site;

LOCI_API const char *loci_site_name(loci_site site); /* "mlp_out" */
LOCI_API const char *loci_site_axes(loci_site site); /* "pos width" */
LOCI_API const char *loci_site_meaning(loci_site site);
/* By name; an unknown one is LOCI_EINVAL and the sentence names the nearest. */
LOCI_CHECK loci_status loci_site_find(const char *name, loci_site *out, loci_err *err);

/* ---------------------------------------------------------------- 3. model */

typedef struct loci_model loci_model;

typedef enum loci_precision {
  LOCI_PRECISION_AUTO, /* bf16 if the CPU has it and the weights are 16-bit, else f32 */
  LOCI_PRECISION_F32,
  LOCI_PRECISION_BF16 /* bf16 products, f32 sums, residual stream, norms, softmax and logits */
} loci_precision;

typedef struct loci_model_opts {
  loci_precision precision;
  int threads;          /* 0: one per core */
  int64_t memory_bytes; /* what a walk may use beside the weights; 0: half of the machine's */
} loci_model_opts;

/* Opens a Hugging Face checkpoint directory: configuration, headers of the weights, tokenizer,
 * image processor.  No weight is read yet.  Close with loci_model_close. */
LOCI_CHECK loci_status loci_model_open(const char *dir, const loci_model_opts *opts,
                                       loci_model **out, loci_err *err);
LOCI_API void loci_model_close(loci_model *model);

/* What a model is.  Strings are borrowed from the model. */
typedef struct loci_model_info {
  const char *path, *family, *layout;    /* "llava", "hf-legacy" */
  const char *text_model, *vision_model; /* "llama", "clip_vision_model" or NULL */
  const char *template_name;             /* what "auto" means for this model */
  const char *tokenizer;                 /* kind, in words */
  const char *dtype, *precision;         /* "f16"; "bf16" or "f32" as walks will run */
  int layers, width, inner, heads, kv_heads, head_dim, vocab, max_positions;
  int image_rows, image_size; /* 0: text only */
  int64_t parameters, bytes;
  int files;
} loci_model_info;
LOCI_API const loci_model_info *loci_model_get_info(const loci_model *model);
/* Harmless oddities found while opening, one sentence each; NULL after the last. */
LOCI_API const char *loci_model_note(const loci_model *model, int i);
/* "xxh3:<16 hex digits>" over all weights; reads everything once, then remembers. */
LOCI_CHECK loci_status loci_model_hash(loci_model *model, const char **out, loci_err *err);
/* Bytes a default trace of a question of [tokens] text tokens would use beside the weights. */
LOCI_API int64_t loci_model_trace_bytes(const loci_model *model, int tokens);

/* ---------------------------------------------------------------- 4. text and images */

typedef struct loci_tokenizer loci_tokenizer;

/* Needs only the tokenizer files of [dir]. */
LOCI_CHECK loci_status loci_tokenizer_open(const char *dir, loci_tokenizer **out, loci_err *err);
LOCI_API void loci_tokenizer_close(loci_tokenizer *tokenizer);

typedef struct loci_text_tokens {
  int count;
  const int *ids;
  const char *const *tokens;                  /* as the vocabulary spells them */
  const int64_t (*bytes)[2];                  /* [from, to) in the UTF-8 of the text */
  const char *decoded, *decoded_skip_special; /* may hold NUL characters; NUL-terminated */
  size_t decoded_size, decoded_skip_special_size;
} loci_text_tokens;
/* Any text of [size] bytes (it may hold NUL characters).  Free with loci_text_tokens_free. */
LOCI_CHECK loci_status loci_tokenize(const loci_tokenizer *tokenizer, const char *text, size_t size,
                                     bool add_special, loci_text_tokens **out, loci_err *err);
LOCI_API void loci_text_tokens_free(loci_text_tokens *tokens);

/* What a model sees of an image.  Needs only the processor files of [dir]. */
typedef struct loci_image {
  int width, height;  /* as decoded */
  const uint8_t *rgb; /* (height, width, 3) */
  int input_width, input_height;
  const float *pixel_values; /* (3, input_height, input_width) */
} loci_image;
LOCI_CHECK loci_status loci_image_read(const char *dir, const char *image_path, loci_image **out,
                                       loci_err *err);
LOCI_API void loci_image_free(loci_image *image);

/* ---------------------------------------------------------------- 5. prompt */

/* A question about an image.  A constraint is a piece of the question that the answer must satisfy:
 * "this director", or "this director@2" for the second occurrence. */
typedef struct loci_question {
  const char *image; /* path; NULL: none */
  const char *text;
  const char *template_name; /* NULL or "auto": the model's own */
  const char *const *constraints;
  int constraint_count;
} loci_question;

typedef enum loci_role {
  LOCI_ROLE_BEFORE,
  LOCI_ROLE_IMAGE,
  LOCI_ROLE_CONSTRAINT_FIRST,
  LOCI_ROLE_CONSTRAINT_MIDDLE,
  LOCI_ROLE_CONSTRAINT_LAST,
  LOCI_ROLE_AFTER_FIRST,
  LOCI_ROLE_AFTER_MIDDLE,
  LOCI_ROLE_LAST
} loci_role;
LOCI_API const char *loci_role_name(loci_role role); /* "constraint-last" */

typedef struct loci_token {
  int id;
  const char *text; /* as the vocabulary spells it */
  loci_role role;
  int64_t bytes[2]; /* [from, to) in the prompt's text; every image row has the range of <image> */
} loci_token;

typedef struct loci_constraint {
  const char *text;
  const char *kind; /* "visual" or "textual" */
  int first, count; /* positions */
} loci_constraint;

typedef struct loci_prompt loci_prompt;

/* Everything about an expanded prompt; borrowed from it. */
typedef struct loci_prompt_info {
  const char *text; /* before expansion */
  const char *question, *image_path, *template_name;
  int length; /* T */
  const loci_token *tokens;
  int image_first, image_count, image_rows, image_cols; /* image_first -1: no image */
  int constraint_count;
  const loci_constraint *constraints;
} loci_prompt_info;

/* Fills the template, tokenizes, runs the vision tower.  The model must outlive the prompt. */
LOCI_CHECK loci_status loci_prompt_new(const loci_model *model, const loci_question *question,
                                       loci_prompt **out, loci_err *err);
LOCI_API void loci_prompt_free(loci_prompt *prompt);
LOCI_API const loci_prompt_info *loci_prompt_get_info(const loci_prompt *prompt);

/* ---------------------------------------------------------------- 6. run */

/* One forward pass over a prompt.  Say what to record and what to patch, then call forward once. */
typedef struct loci_run loci_run;

/* values of a site at a span of positions; rows * cols numbers */
typedef struct loci_view {
  const float *data;
  int64_t rows, cols;
} loci_view;

typedef struct loci_patch {
  loci_site site;
  int layer;
  int first, count;    /* positions */
  const float *values; /* (count, row size of the site), of pattern (count, H, T); borrowed until
                          loci_run_forward returns */
  bool add;            /* add the values instead of replacing by them */
} loci_patch;

LOCI_CHECK loci_status loci_run_new(const loci_model *model, const loci_prompt *prompt,
                                    loci_run **out, loci_err *err); /* borrows both */
LOCI_API void loci_run_free(loci_run *run);
/* Keeps a site of one layer, every position; final_norm and logits have no layer: 0. */
LOCI_CHECK loci_status loci_run_record(loci_run *run, loci_site site, int layer, loci_err *err);
/* Overwrites a site, or adds to it.  Several patches of one place work in the order given.  Sites
 * behind the last layer (final_norm, logits) cannot be patched. */
LOCI_CHECK loci_status loci_run_patch(loci_run *run, const loci_patch *patch, loci_err *err);
LOCI_CHECK loci_status loci_run_forward(loci_run *run, loci_progress_fn progress, void *ctx,
                                        loci_err *err);
/* A recorded site: (T, row size); pattern: (H*T, T).  Borrowed from the run. */
LOCI_CHECK loci_status loci_run_get(const loci_run *run, loci_site site, int layer, loci_view *out,
                                    loci_err *err);
/* All that was recorded, with input_ids, pixel_values, vision.features and vision.projected, as a
 * safetensors file of f32 ("mlp_out.3", axes as in loci_sites.def). */
LOCI_CHECK loci_status loci_run_write(const loci_run *run, const char *path, loci_err *err);

/* ---------------------------------------------------------------- 7. ask */

typedef struct loci_candidate {
  int id;
  const char *text;
  double p;
} loci_candidate;

enum { LOCI_TOP = 5 };

typedef struct loci_answer {
  const char *text; /* decoded, special tokens skipped, stripped */
  int count;        /* ids, the end token included if it came */
  const int *ids;
  const loci_candidate (*top)[LOCI_TOP]; /* per step, best first; top[i][0] was taken */
} loci_answer;

/* Greedy generation of at most [max_new] tokens (0: 20) and no more than the model has positions
 * for, ended by the checkpoint's end tokens and under its repetition penalty. */
LOCI_CHECK loci_status loci_ask(const loci_model *model, const loci_prompt *prompt, int max_new,
                                loci_progress_fn progress, void *ctx, loci_answer **out,
                                loci_err *err);
LOCI_API void loci_answer_free(loci_answer *answer);

/* ---------------------------------------------------------------- 8. trace */

typedef enum loci_metric {
  LOCI_METRIC_P,
  LOCI_METRIC_LOGP,
  LOCI_METRIC_LOGIT_DIFF,
  LOCI_METRIC_KL,
  LOCI_METRIC_RESTORATION
} loci_metric;

typedef enum loci_direction { LOCI_DENOISE = 1, LOCI_NOISE = 2, LOCI_BOTH = 3 } loci_direction;

typedef struct loci_trace_opts {
  const char *corrupt;    /* NULL: "replace:Paris"; see docs/MATH.md */
  int constraint;         /* corrupt only this one (1-based); 0: all */
  const char *answer;     /* NULL: the clean run's most likely next token */
  const loci_site *sites; /* NULL: mlp_out, attn_out, resid_post */
  int site_count;
  const int *windows; /* NULL: {1} */
  int window_count;
  int first_layer, layer_count; /* centres; layer_count 0: all */
  const char *positions; /* NULL: "each" and the groups constraint,after-constraint,last as further
                            grids; or "each", or group names joined by commas */
  loci_direction direction; /* 0: LOCI_DENOISE */
  int seeds;                /* noise corruptions: number of seeds, 0: 10 */
  uint64_t seed;
  const char *noise_path; /* safetensors file with the tensor "noise" (seeds, rows, D) to add */
  bool authors;           /* the released scripts' conventions (docs/MATH.md) */
  int verify;             /* recompute this many random cells naively and compare */
  bool no_hash;           /* leave model.hash empty instead of reading all weights for it */
  loci_progress_fn progress;
  void *progress_ctx;
  int screen; /* estimate every cell by gradients, then run this many, the strongest; 0: run all.
                 Windows of one layer only */
  loci_metric screen_metric; /* strongest by p, logp or logit_diff */
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
  /* NULL without screening.  A cell that is not exact has its estimate's numbers, kl NaN. */
  const loci_estimate *estimates;
  const bool *exact;
  double spearman; /* rank correlation of estimates and effects over the cells run; NaN: too few */
} loci_grid;

typedef struct loci_cost {
  double seconds;
  int64_t rows;    /* (row, layer) pairs that went through a layer's matrices */
  int64_t formula; /* the bound of docs/MATH.md for the same cells */
  double flop, naive_flop;
} loci_cost;

typedef struct loci_trace {
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
  int verified;        /* cells recomputed naively */
  double verify_error; /* their largest difference |a - b| / max(|b|, floor), of all metrics:
                          floor 0.02 for p, 1 for the others */
  int note_count;
  const char *const *notes;     /* one-line hints: small effect, shared first token, ... */
  int64_t screen, screen_cells; /* cells run of cells estimated; 0: not screened */
  loci_metric screen_metric;
  double spearman; /* as in loci_grid, over all grids */
} loci_trace;

LOCI_CHECK loci_status loci_trace_new(loci_model *model, const loci_prompt *prompt,
                                      const loci_trace_opts *opts, loci_trace **out, loci_err *err);
LOCI_API void loci_trace_free(loci_trace *trace);

/* ---------------------------------------------------------------- 9. knockout */

/* A pathway: the attention edges from every position of the group [to], the queries, to every
 * position of the group [from], the sources, that is not behind it. */
typedef struct loci_edges {
  const char *from, *to; /* names of groups, as in a trace: "image", "constraint-last" */
} loci_edges;

enum { LOCI_ALL_LAYERS = -1 };

typedef struct loci_knockout_opts {
  const char *answer;         /* NULL: the clean run's most likely next token */
  const loci_edges *pathways; /* NULL: image->constraint, image->last, constraint->last, last->last;
                                 of these only the ones the prompt has positions for */
  int pathway_count;
  int constraint; /* the groups are of this one only (1-based); 0: of all */
  int window;     /* layers round each centre, 2 L at most; 0: 3; LOCI_ALL_LAYERS: one run per
                     pathway, cut in every layer */
  int first_layer, layer_count; /* centres; layer_count 0: all */
  bool no_hash;                 /* leave model.hash empty instead of reading all weights for it */
  loci_progress_fn progress;
  void *progress_ctx;
} loci_knockout_opts;

/* One pathway, cut in a window of layers round each centre. */
typedef struct loci_pathway {
  const char *from, *to;
  int from_count, to_count; /* positions */
  int window;
  int layer_count;
  const int *layers;         /* centres */
  const loci_metrics *cells; /* of the run with its edges cut; KL(clean || run) */
  const bool *skipped;       /* nothing cut there can reach the answer: the clean run's numbers */
} loci_pathway;

typedef struct loci_knockout {
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
LOCI_CHECK loci_status loci_knockout_new(loci_model *model, const loci_prompt *prompt,
                                         const loci_knockout_opts *opts, loci_knockout **out,
                                         loci_err *err);
LOCI_API void loci_knockout_free(loci_knockout *knockout);

/* ---------------------------------------------------------------- 10. flow */

typedef struct loci_flow_opts {
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
} loci_flow_path;

typedef struct loci_flow {
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
  const float *pixels; /* (3, image_size, image_size) the picture as the model sees it, borrowed
                          from the prompt; NULL: none */
  int image_size, patch_size;
  loci_cost cost; /* naive_flop: a plain forward, and a product for each query and source */
  int note_count;
  const char *const *notes; /* one-line hints */
} loci_flow;

/* One forward pass. */
LOCI_CHECK loci_status loci_flow_new(loci_model *model, const loci_prompt *prompt,
                                     const loci_flow_opts *opts, loci_flow **out, loci_err *err);
LOCI_API void loci_flow_free(loci_flow *flow);

/* ---------------------------------------------------------------- 11. lens */

typedef struct loci_lens_opts {
  const char *answer;    /* its first token is the target; NULL: the most likely next token */
  int constraint;        /* groups are of this one only (1-based); 0: of all */
  const char *positions; /* positions and groups joined by commas ("12,last"), or "each"; NULL:
                            constraint-last,last, or last without a constraint */
  int first_layer, layer_count; /* layer_count 0: all */
  bool no_hash;                 /* leave model.hash empty instead of reading all weights for it */
  loci_progress_fn progress;
  void *progress_ctx;
} loci_lens_opts;

/* Final norm and output head on the residual stream behind a layer, at one position. */
typedef struct loci_lens_cell {
  loci_candidate top[LOCI_TOP];
  double p, logp; /* of the target */
  int rank;       /* of the target; 1: the most likely */
} loci_lens_cell;

typedef struct loci_lens {
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
LOCI_CHECK loci_status loci_lens_new(loci_model *model, const loci_prompt *prompt,
                                     const loci_lens_opts *opts, loci_lens **out, loci_err *err);
LOCI_API void loci_lens_free(loci_lens *lens);

/* ---------------------------------------------------------------- 12. writing and drawing */

/* JSON as docs/FORMATS.md describes, one object.  Caller frees *out with loci_text_free. */
LOCI_CHECK loci_status loci_info_json(loci_model *model, char **out, loci_err *err);
LOCI_CHECK loci_status loci_prompt_json(const loci_prompt *prompt, char **out, loci_err *err);
LOCI_CHECK loci_status loci_text_tokens_json(const loci_text_tokens *tokens, char **out,
                                             loci_err *err);
LOCI_CHECK loci_status loci_answer_json(const loci_answer *answer, char **out, loci_err *err);
LOCI_CHECK loci_status loci_trace_json(const loci_trace *trace, char **out, loci_err *err);
LOCI_CHECK loci_status loci_knockout_json(const loci_knockout *knockout, char **out, loci_err *err);
LOCI_CHECK loci_status loci_flow_json(const loci_flow *flow, char **out, loci_err *err);
LOCI_CHECK loci_status loci_lens_json(const loci_lens *lens, char **out, loci_err *err);
LOCI_CHECK loci_status loci_err_json(const loci_err *failure, char **out, loci_err *err);
LOCI_API void loci_text_free(char *text);

LOCI_CHECK loci_status loci_metric_find(const char *name, loci_metric *out, loci_err *err);

typedef enum loci_color { LOCI_COLOR_NONE, LOCI_COLOR_256, LOCI_COLOR_TRUE } loci_color;

/* How to draw.  [metric] is drawn as its effect: value - value of the run that was patched. */
typedef struct loci_draw_opts {
  loci_metric metric;
  loci_color color; /* terminal only */
  int columns;      /* terminal width; 0: 80 */
  bool ascii;       /* terminal without UTF-8 */
} loci_draw_opts;

/* Writes by the path's ending: .json .csv .safetensors .npz .png .svg .pdf .html */
LOCI_CHECK loci_status loci_trace_write(const loci_trace *trace, const char *path,
                                        const loci_draw_opts *opts, loci_err *err);
/* The heat maps for a terminal, as text with escape sequences as [opts] allows. */
LOCI_CHECK loci_status loci_trace_draw(const loci_trace *trace, const loci_draw_opts *opts,
                                       char **out, loci_err *err);
/* Lines over the centres, one for each pathway, with the clean value marked; [metric] is drawn as
 * it is (there is no restoration).  .json .csv .png .svg .pdf .html; and for a terminal. */
LOCI_CHECK loci_status loci_knockout_write(const loci_knockout *knockout, const char *path,
                                           const loci_draw_opts *opts, loci_err *err);
LOCI_CHECK loci_status loci_knockout_draw(const loci_knockout *knockout, const loci_draw_opts *opts,
                                          char **out, loci_err *err);
/* The grid of words, coloured by their probability, and the target's probability over the layers.
 * .json .csv .png .svg .pdf .html; and for a terminal.  [metric] p or logp: how the target's is
 * drawn. */
LOCI_CHECK loci_status loci_lens_write(const loci_lens *lens, const char *path,
                                       const loci_draw_opts *opts, loci_err *err);
LOCI_CHECK loci_status loci_lens_draw(const loci_lens *lens, const loci_draw_opts *opts, char **out,
                                      loci_err *err);
/* Every pathway, its sources over the picture or as a map, and numbers layer by layer; in every
 * format of a trace.  The metric plays no part. */
LOCI_CHECK loci_status loci_flow_write(const loci_flow *flow, const char *path,
                                       const loci_draw_opts *opts, loci_err *err);
LOCI_CHECK loci_status loci_flow_draw(const loci_flow *flow, const loci_draw_opts *opts, char **out,
                                      loci_err *err);
/* .safetensors: rgb U8 (h,w,3) and pixel_values; .png: the input picture as the model sees it. */
LOCI_CHECK loci_status loci_image_write(const loci_image *image, const char *path, loci_err *err);

/* ---------------------------------------------------------------- 13. bench */

typedef struct loci_bench_opts {
  int layers, width, inner, heads, kv_heads; /* 0: 4, 2048, 5504, 16, heads */
  int rows;                                  /* live rows of the walk; 0: 2048 */
  int repeats;                               /* 0: 5 */
  loci_precision precision;
  int threads;
  loci_progress_fn progress;
  void *progress_ctx;
} loci_bench_opts;

typedef struct loci_bench {
  int layers, width, inner, heads, kv_heads, rows, threads;
  const char *precision, *cpu, *engine; /* static strings */
  double product_flop_per_s;            /* plain oneDNN products of the walk's shapes */
  double walk_flop_per_s;               /* the walk's products per second of the walk */
  double walk_seconds;
  double share; /* walk / product */
} loci_bench;
LOCI_CHECK loci_status loci_bench_run(const loci_bench_opts *opts, loci_bench *out, loci_err *err);
LOCI_CHECK loci_status loci_bench_json(const loci_bench *bench, char **out, loci_err *err);

/* ---------------------------------------------------------------- 14. examples */

typedef struct loci_field {
  const char *name, *value;
} loci_field;

/* One line of a file of examples (docs/FORMATS.md, "Examples").  Lists are empty and strings NULL
 * where the line says nothing. */
typedef struct loci_example {
  int64_t line; /* in the file, from 1 */
  const char *question;
  const char *image; /* path, as it can be opened from here */
  const char *id, *entity, *set, *target;
  int answer_count, constraint_count, rephrase_count, same_entity_count;
  const char *const *answers;     /* all of them right */
  const char *const *constraints; /* pieces of the question, as loci_question takes them */
  const char *const *kinds;       /* of the constraints: "visual", "textual" or NULL */
  const char *const *rephrase;    /* the question in other words */
  const char *const *same_entity; /* paths of other images of the entity */
  int field_count;
  const loci_field *fields; /* what else the line says: strings as they are, the rest as JSON */
} loci_example;

typedef struct loci_examples loci_examples; /* an open file, read line by line */

LOCI_CHECK loci_status loci_examples_open(const char *path, loci_examples **out, loci_err *err);
LOCI_API void loci_examples_close(loci_examples *examples);
/* The next example, for loci_example_free; NULL behind the last one.  After LOCI_EFORMAT, a line
 * that is no example (*err names file, line and field), the next call goes on behind it. */
LOCI_CHECK loci_status loci_examples_next(loci_examples *examples, loci_example **out,
                                          loci_err *err);
LOCI_API void loci_example_free(loci_example *example);
/* Any field that is one value, by its name in the file; NULL: the line does not have it. */
LOCI_API const char *loci_example_field(const loci_example *example, const char *name);

/* Whether an answer is one of the accepted ones but for case, articles, punctuation and spelled
 * numbers (docs/MATH.md, "Answers"). */
LOCI_CHECK loci_status loci_answer_matches(const char *answer, const char *const *accepted,
                                           int count, bool *out, loci_err *err);

/* ---------------------------------------------------------------- 15. studies */

/* How a study goes through a file.  An example it cannot use is dropped, with the reason, and the
 * study goes on. */
typedef struct loci_study_opts {
  const char *template_name; /* NULL or "auto": the model's own */
  int limit;                 /* examples to use at most; 0: all */
  int max_new;               /* tokens of an answer; 0: 20 */
  uint64_t seed;             /* of splits and bootstrap draws */
  bool no_hash;              /* leave the hash empty instead of reading all weights for it */
  loci_progress_fn progress;
  void *progress_ctx;
} loci_study_opts;

typedef struct loci_dropped {
  int64_t line;
  const char *id;     /* NULL: none */
  const char *kind;   /* in two words: "no answer" */
  const char *reason; /* in a sentence */
} loci_dropped;

/* What a study was made of. */
typedef struct loci_sample {
  const loci_model_info *model; /* borrowed: the model must outlive the result */
  const char *hash, *precision, *path;
  const char *template_name; /* of the prompts */
  uint64_t seed;
  int used, dropped_count;
  const loci_dropped *dropped;
  double seconds;
} loci_sample;

typedef struct loci_predict_opts {
  loci_study_opts study;
  int first_layer, layer_count; /* whose contributions count; layer_count 0: chosen on one half of
                                   the examples, tested on the other */
} loci_predict_opts;

/* One example: whether the model was right, and what might have told so (docs/MATH.md, "Failure
 * prediction"). */
typedef struct loci_predicted {
  int64_t line;
  const char *id;     /* NULL: none */
  const char *answer; /* the model's */
  bool right;         /* greedy answer; the label */
  bool first_right;   /* the first token begins an accepted answer */
  bool tested;        /* of the half that scores are tested on */
  double contribution, best_layers, confidence, margin, entropy, probe;
} loci_predicted;

/* How well a score tells right answers from wrong ones. */
typedef struct loci_predictor {
  const char *name;    /* "contribution" */
  const char *meaning; /* in one line */
  loci_interval auroc; /* on the tested examples */
  loci_interval lead;  /* the same minus the confidence's, on the same draws */
  loci_interval all;   /* on all examples; NaN: some of them chose its layers */
  int corner_count;    /* of the ROC curve on the tested examples, (0, 0) and (1, 1) included */
  const double *false_rate, *true_rate; /* wrong ones above the threshold; right ones */
} loci_predictor;

typedef struct loci_prediction {
  loci_sample sample;
  int right, wrong; /* of all */
  int first_right;
  int tested_right, tested_wrong;
  int first_layer, layer_count; /* of the contribution score */
  int best_first_layer;         /* of best_layers, as many; -1: layers were given, there is none */
  const loci_predicted *examples; /* (sample.used) */
  int predictor_count;
  const loci_predictor *predictors;
  const double *contribution_right, *contribution_wrong; /* (L) means over the examples */
} loci_prediction;

/* Answers every example and scores it; refused with fewer than 5 right or 5 wrong answers. */
LOCI_CHECK loci_status loci_prediction_new(loci_model *model, loci_examples *examples,
                                           const loci_predict_opts *opts, loci_prediction **out,
                                           loci_err *err);
LOCI_API void loci_prediction_free(loci_prediction *prediction);
LOCI_CHECK loci_status loci_prediction_json(const loci_prediction *prediction, char **out,
                                            loci_err *err);
/* .json; .csv: a row for each example; .png .svg .pdf .html: ROC curves. */
LOCI_CHECK loci_status loci_prediction_write(const loci_prediction *prediction, const char *path,
                                             loci_err *err);
/* The table for a terminal; the metric plays no part. */
LOCI_CHECK loci_status loci_prediction_draw(const loci_prediction *prediction,
                                            const loci_draw_opts *opts, char **out, loci_err *err);
/* ---------------------------------------------------------------- 16. edit */

/* What the model shall answer.  The key is read at the last position of the question's first
 * constraint. */
typedef struct loci_edit_request {
  const loci_prompt *prompt;
  const loci_prompt *const *rephrased; /* the question in other words: keys are averaged over all */
  int rephrased_count;
  const char *target; /* the new answer */
} loci_edit_request;

/* How; a result has the values that were used. */
typedef struct loci_edit_settings {
  int steps;           /* of Adam, at most; 0: 40 */
  double lr;           /* 0: 0.1 */
  double weight_decay; /* of ||delta|| / ||v0||^2 in the loss; 0: 1e-3, negative: none */
  double lambda;       /* ridge of the update; 0: 0.01, negative: none */
  double max_norm;     /* ||delta|| is held below this many ||v0||; 0: never */
  double stop_p;       /* ends when p(target) is reached; 0: never */
  double kl;           /* weight of KL(before || after) behind "CONSTRAINT is a"; 0: none */
  bool authors;        /* the released scripts' values, and the target's first token alone */
} loci_edit_settings;

typedef struct loci_edit_opts {
  bool has_layer;
  int layer; /* whose down projection is changed; else layer 2, or the last one that can answer */
  loci_edit_settings settings;
  bool no_answers; /* measure probabilities alone, generate nothing */
  loci_progress_fn progress;
  void *progress_ctx;
} loci_edit_opts;

typedef struct loci_edit_step {
  double loss, p; /* before the step; p of the whole answer */
} loci_edit_step;

/* What became of one request.  [before] and [after] are of the whole target, teacher forced; kl is
 * KL(before || after) at the last prompt position. */
typedef struct loci_edit_fact {
  const char *image, *question, *template_name, *constraint, *target;
  int target_count;
  const int *target_ids;
  int position;     /* of the key */
  int prompt_count; /* whose keys are averaged */
  int step_count;
  const loci_edit_step *steps; /* the last one is after the last update */
  double key_norm, value_norm, delta_norm;
  loci_outcome before, after;
  const char *answer_before, *answer_after; /* greedy; NULL: not asked for */
} loci_edit_fact;

/* A change of one matrix: W' = W + left right. */
typedef struct loci_edit {
  const char *method; /* "multedit" */
  const char *hash;   /* of the model it was made for */
  const char *tensor; /* the matrix, as the checkpoint spells it */
  const char *precision;
  int layer;
  int64_t width, inner, rank;
  const float *left;  /* (width, rank) */
  const float *right; /* (rank, inner) */
  double norm;        /* Frobenius norm of left right */
  loci_edit_settings settings;
  int fact_count;
  const loci_edit_fact *facts; /* of an edit from a file: the requests alone */
  loci_cost cost;              /* of finding the values; formula: what the change can reach */
} loci_edit;

/* Solves all requests into one matrix.  The model stays as it is. */
LOCI_CHECK loci_status loci_edit_solve(loci_model *model, const loci_edit_request *requests,
                                       int count, const loci_edit_opts *opts, loci_edit **out,
                                       loci_err *err);
LOCI_API void loci_edit_free(loci_edit *edit);
/* A small file (docs/FORMATS.md, "Edits"). */
LOCI_CHECK loci_status loci_edit_write(const loci_edit *edit, const char *path, loci_err *err);
LOCI_CHECK loci_status loci_edit_read(const char *path, loci_edit **out, loci_err *err);
LOCI_CHECK loci_status loci_edit_json(const loci_edit *edit, char **out, loci_err *err);

/* Changes the model in memory.  Edits of one model stack, in the order given; reverting any of them
 * leaves what the others alone would have made, and after the last one every bit is as before.  The
 * edit may be freed only after it is reverted.  Prompts stay valid. */
LOCI_CHECK loci_status loci_edit_apply(loci_model *model, const loci_edit *edit, loci_err *err);
LOCI_CHECK loci_status loci_edit_revert(loci_model *model, const loci_edit *edit, loci_err *err);

/* One request of an edit, in the model, in the edited model and in what was written of it. */
typedef struct loci_edit_check {
  const char *question, *target;
  double p_before, p_edited, p_saved;       /* of the whole target, teacher forced */
  bool edited, saved;                       /* every token of it is the most likely one */
  const char *answer_edited, *answer_saved; /* greedy */
} loci_edit_check;

typedef struct loci_edit_saved {
  const char *dir, *hash; /* of what was written */
  const char *dtype;      /* of the changed matrices */
  int edit_count, matrix_count;
  int written, linked, copied; /* files */
  double norm;                 /* || W' - W || over all matrices */
  double rounding;             /* || what rounding to dtype took || */
  int check_count;
  const loci_edit_check *checks;
  int lost; /* requests that the edited model answers and the written one does not */
} loci_edit_saved;

/* Writes the model with the edits as a checkpoint that the usual tools load: in the source's
 * layout, sharding, dtypes, names and metadata, with unchanged files linked or copied.  The
 * directory is whole or not there.  Then it is opened, and every request is measured in it. (Should
 * that fail, the directory stays.)  The model itself must have no edits applied and stays as it is.
 */
LOCI_CHECK loci_status loci_edit_save(loci_model *model, const loci_edit *const *edits, int count,
                                      const char *dir, loci_progress_fn progress, void *ctx,
                                      loci_edit_saved **out, loci_err *err);
LOCI_API void loci_edit_saved_free(loci_edit_saved *saved);
LOCI_CHECK loci_status loci_edit_saved_json(const loci_edit_saved *saved, char **out,
                                            loci_err *err);
/* Puts back, bit for bit, what loci_edit_save replaced in [dir]. */
LOCI_CHECK loci_status loci_edit_undo(const char *dir, loci_err *err);

/* ---- what edits do, on an edit set */

typedef struct loci_edit_test_opts {
  loci_study_opts study;
  const loci_edit *const *edits; /* all of them at once; NULL: each example is solved alone... */
  int edit_count;
  loci_edit_opts how; /* ...like this */
  int prompts;        /* wordings whose keys are averaged then; 0: 1 */
} loci_edit_test_opts;

/* A number before and after the edit: a mean over examples of means over an example's questions. */
typedef struct loci_edit_metric {
  const char *name; /* docs/MATH.md, "Measures of edits" */
  loci_interval before, after;
} loci_edit_metric;

typedef struct loci_edit_group {
  const char *name;        /* "efficacy" */
  int examples, questions; /* examples that have any, and questions of all */
  int metric_count;
  const loci_edit_metric *metrics;
} loci_edit_group;

typedef struct loci_edit_test {
  loci_sample sample;
  const char *method;
  int layer;                   /* -1: several */
  loci_edit_settings settings; /* of how, or of the first edit */
  loci_interval score; /* harmonic mean of efficacy, paraphrases, other pictures of the entity, and
                          the shares unchanged on the same and on other pictures; of those there are
                          questions for */
  int group_count;
  const loci_edit_group *groups;
} loci_edit_test;

LOCI_CHECK loci_status loci_edit_test_new(loci_model *model, loci_examples *examples,
                                          const loci_edit_test_opts *opts, loci_edit_test **out,
                                          loci_err *err);
LOCI_API void loci_edit_test_free(loci_edit_test *test);
LOCI_CHECK loci_status loci_edit_test_json(const loci_edit_test *test, char **out, loci_err *err);
/* The table for a terminal; the metric plays no part. */
LOCI_CHECK loci_status loci_edit_test_draw(const loci_edit_test *test, const loci_draw_opts *opts,
                                           char **out, loci_err *err);

/* ---- averages over examples */

/* Means over examples at points (layers, visual tokens), with their intervals. */
typedef struct loci_curve {
  const char *name;
  int n; /* examples */
  const loci_interval *points;
} loci_curve;

typedef struct loci_chart {
  const char *name, *unit, *x_name; /* "image -> constraint-last", "contribution", "layer" */
  int point_count;
  const int *points; /* layers, or numbers of visual tokens */
  int curve_count;
  const loci_curve *curves;
  double mark; /* what curves are compared with; NaN: nothing */
  const char *mark_name;
} loci_chart;

typedef struct loci_number {
  const char *name;
  loci_interval value;
} loci_number;

typedef struct loci_average {
  const char *what; /* "flow", "knockout", "trace" */
  loci_sample sample;
  const char *title; /* in one line */
  int right, wrong;  /* of the examples used; both 0: nobody asked */
  int number_count;
  const loci_number *numbers;
  int chart_count;
  const loci_chart *charts;
} loci_average;

/* Contributions image -> constraint-last and constraint -> last for right and for wrong answers,
 * how concentrated and how alike the visual tokens are that feed the constraint. */
LOCI_CHECK loci_status loci_average_flow(loci_model *model, loci_examples *examples,
                                         const loci_study_opts *opts, loci_average **out,
                                         loci_err *err);
/* p of the model's own next token with each pathway cut; [how]: pathways, window, layers. */
LOCI_CHECK loci_status loci_average_knockout(loci_model *model, loci_examples *examples,
                                             const loci_study_opts *opts,
                                             const loci_knockout_opts *how, loci_average **out,
                                             loci_err *err);
/* Indirect effects by role, site and window, of the examples that are answered rightly (if they
 * have answers) and whose total effect is at least [least_effect].  [how]: corruption, sites,
 * windows, layers, seeds; the corruption "swap" without a text takes each example's field "swap".
 */
LOCI_CHECK loci_status loci_average_trace(loci_model *model, loci_examples *examples,
                                          const loci_study_opts *opts, const loci_trace_opts *how,
                                          double least_effect, loci_average **out, loci_err *err);
LOCI_API void loci_average_free(loci_average *average);
LOCI_CHECK loci_status loci_average_json(const loci_average *average, char **out, loci_err *err);
/* .json; .csv: a row for each point; .png .svg .pdf .html: the charts. */
LOCI_CHECK loci_status loci_average_write(const loci_average *average, const char *path,
                                          loci_err *err);
LOCI_CHECK loci_status loci_average_draw(const loci_average *average, const loci_draw_opts *opts,
                                         char **out, loci_err *err);

#ifdef __cplusplus
}
#endif
#endif
