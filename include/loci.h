/* loci: where a multimodal language model keeps a fact, how it moved there, and how to change it.
 *
 * This header and the seven it ends with (loci_show.h, loci_bench.h, loci_study.h, loci_edit.h,
 * loci_data.h, loci_store.h, loci_names.h) are the whole library.  Read them top to bottom:
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
 *  17. data sets               files of examples made from tables, and checked
 *  18. stores                  studies kept in a file
 *  19. names                   lists of the names that users type
 *
 * Rules for every function here:
 *   A loci_status result is LOCI_OK (0) or an error; *err, if not NULL, then says why in one
 *     sentence.
 *   *out is owned by the caller and NULL after an error.  A result, which begins with a
 *     loci_result, is freed with loci_free; anything else with the matching call.
 *   A const pointer is borrowed and lives as long as the object it came from.
 *   NULL options mean all defaults, a 0 field its default; NULL for what is required is
 *     LOCI_EINVAL; loci_free, _free and _close take NULL.
 *   One object, one thread at a time; any number of threads may use one model through const calls.
 *   A forked child that computes with its parent's model of several threads gets LOCI_EINVAL.
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
#define LOCI_VERSION_NUMBER 100 /* major * 10000 + minor * 100 + patch */

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
  LOCI_EINVAL = 1,       /* the request makes no sense: a layer out of range, an unknown group */
  LOCI_EIO = 2,          /* a file is not there, or may not be read or written */
  LOCI_EFORMAT = 3,      /* a file breaks its format's rules */
  LOCI_EUNSUPPORTED = 4, /* a sound file asks for something loci does not compute */
  LOCI_ENOMEM = 5,       /* out of memory, or more than --memory allows */
  LOCI_ECANCELLED = 6,   /* a progress callback said stop */
  LOCI_EVERIFY = 7,      /* a recomputed number differs: never expected, always worth a report */
  LOCI_ESYSTEM = 8 /* the machine's trouble: a lock, a full or failing disk, no descriptor left; the
                  same call may succeed later */
} loci_status;

typedef struct loci_err {
  loci_status code;
  char msg[512]; /* one sentence: what, where, expected, found */
} loci_err;

/* A few words for a status: "bad request", "wrong format", ... */
LOCI_API const char *loci_status_name(loci_status status);

LOCI_API const char *loci_version(void);
LOCI_API int loci_version_number(void);

/* What a result is.  Section 12 says what is written and drawn of each. */
typedef enum loci_kind {
  LOCI_KIND_NONE,
  LOCI_KIND_INFO,        /* loci_info */
  LOCI_KIND_PROMPT,      /* loci_prompt_info */
  LOCI_KIND_TEXT,        /* loci_text_tokens */
  LOCI_KIND_IMAGE,       /* loci_image */
  LOCI_KIND_ANSWER,      /* loci_answer */
  LOCI_KIND_TRACE,       /* loci_trace */
  LOCI_KIND_KNOCKOUT,    /* loci_knockout */
  LOCI_KIND_FLOW,        /* loci_flow */
  LOCI_KIND_LENS,        /* loci_lens */
  LOCI_KIND_BENCH,       /* loci_bench */
  LOCI_KIND_SCALE,       /* loci_scale */
  LOCI_KIND_EDIT_COST,   /* loci_edit_cost */
  LOCI_KIND_EXAMPLE,     /* loci_example */
  LOCI_KIND_PREDICTION,  /* loci_prediction */
  LOCI_KIND_SCORE,       /* loci_score */
  LOCI_KIND_AVERAGE,     /* loci_average */
  LOCI_KIND_COVARIANCE,  /* loci_covariance */
  LOCI_KIND_EDIT,        /* loci_edit */
  LOCI_KIND_EDIT_SAVED,  /* loci_edit_saved */
  LOCI_KIND_EDIT_TEST,   /* loci_edit_test */
  LOCI_KIND_EDIT_TESTS,  /* loci_edit_tests */
  LOCI_KIND_EDIT_CURVE,  /* loci_edit_curve */
  LOCI_KIND_DATA_REPORT, /* loci_data_report */
  LOCI_KIND_STORE_INFO,  /* loci_store_info */
  LOCI_KIND_COMPARISON,  /* loci_comparison */
  LOCI_KIND_COUNT
} loci_kind;

/* The first member of every result: section 12 works on it, whatever the result is. */
typedef struct loci_result {
  loci_kind kind;
  void *memory; /* what loci_free gives back, the result itself in it; NULL: another owns it */
  /* JSON: what was asked for, complete; and the line for a shell that makes it again, "" where none
   * can.  NULL: this kind does not say. */
  const char *request, *command;
} loci_result;

/* Frees a result, given as itself or as its loci_result; one that another owns, such as a
 * loci_prompt_info, is left alone. */
LOCI_API void loci_free(void *result);

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
#define SITE(id, name, axes, meaning, number) LOCI_SITE_##id = (number),
#include "loci_sites.def"
#undef SITE
  LOCI_SITE_COUNT = 13 /* one more than the highest number */
} loci_site;

LOCI_API const char *loci_site_name(loci_site site); /* "mlp_out" */
LOCI_API const char *loci_site_axes(loci_site site); /* "pos width" */
LOCI_API const char *loci_site_meaning(loci_site site);
/* By name; an unknown one is LOCI_EINVAL and the sentence names the nearest. */
LOCI_CHECK loci_status loci_site_find(const char *name, loci_site *out, loci_err *err);

/* ---------------------------------------------------------------- 3. model */

typedef struct loci_model loci_model;

typedef enum loci_precision {
#define PRECISION(id, name, meaning) LOCI_PRECISION_##id,
#include "loci_names.def"
} loci_precision;

typedef struct loci_model_opts {
  loci_precision precision;
  int threads;          /* 0: one per core */
  int64_t memory_bytes; /* what a walk may use beside the weights; 0: half of the machine's.  Given,
                           and less than the weights: they are read layer by layer and given up */
} loci_model_opts;

/* Opens a Hugging Face checkpoint directory: configuration, headers of the weights, tokenizer,
 * image processor.  No weight is read yet.  Close with loci_model_close. */
LOCI_CHECK loci_status loci_model_open(const char *dir, const loci_model_opts *opts,
                                       loci_model **out, loci_err *err);
LOCI_API void loci_model_close(loci_model *model);

/* An edit that is applied to a model in memory. */
typedef struct loci_applied_edit {
  const char *file;  /* it was read from; NULL: none */
  const char *title; /* in one line: file, first question and target */
  const char *method;
  int layer;
  int64_t rank;
  double norm;
  int request_count;
  const char *const *questions, *const *targets;
} loci_applied_edit;

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
  int edit_count; /* applied, in their order; the hash is that of the files, without them */
  const loci_applied_edit *edits;
  const char *const *notes; /* what was seen and is not used, and other oddities */
  int note_count;
} loci_model_info;
enum { LOCI_PATH_SIZE = 4096 };
/* A model by its name: a path, below one of LOCI_MODELS, or "org/name" in Hugging Face's cache. */
LOCI_CHECK loci_status loci_model_find(const char *name, char out[LOCI_PATH_SIZE], loci_err *err);
/* As the model is now: what was got or made of it before an edit still says so. */
LOCI_API const loci_model_info *loci_model_get_info(const loci_model *model);
/* "xxh3:<16 hex digits>" over all weights; reads everything once, then remembers. */
LOCI_CHECK loci_status loci_model_hash(const loci_model *model, const char **out, loci_err *err);
/* Bytes a default trace of a question of [tokens] text tokens would use beside the weights. */
LOCI_API int64_t loci_model_trace_bytes(const loci_model *model, int tokens);

/* All of this together, as one result. */
typedef struct loci_info {
  loci_result result;
  const loci_model_info *model; /* borrowed: the model must outlive the result */
  const char *hash;             /* borrowed likewise */
  int question_tokens;          /* of an ordinary question... */
  int64_t trace_bytes;          /* ...and what its trace would use */
  int note_count;
  const char *const *notes;
} loci_info; /* made by reading all weights, for the hash */
LOCI_CHECK loci_status loci_info_new(const loci_model *model, loci_info **out, loci_err *err);

/* ---------------------------------------------------------------- 4. text and images */

typedef struct loci_tokenizer loci_tokenizer;

/* Needs only the tokenizer files of [dir]. */
LOCI_CHECK loci_status loci_tokenizer_open(const char *dir, loci_tokenizer **out, loci_err *err);
LOCI_API void loci_tokenizer_close(loci_tokenizer *tokenizer);

typedef struct loci_text_tokens {
  loci_result result;
  int count;
  const int *ids;
  const char *const *tokens;                  /* as the vocabulary spells them */
  const int64_t (*bytes)[2];                  /* [from, to) in the UTF-8 of the text */
  const char *decoded, *decoded_skip_special; /* may hold NUL characters; NUL-terminated */
  size_t decoded_size, decoded_skip_special_size;
} loci_text_tokens;
/* Any text of [size] bytes (it may hold NUL characters). */
LOCI_CHECK loci_status loci_tokenize(const loci_tokenizer *tokenizer, const char *text, size_t size,
                                     bool add_special, loci_text_tokens **out, loci_err *err);

/* What a model sees of an image.  Needs only the processor files of [dir]. */
typedef struct loci_image {
  loci_result result;
  int width, height, orientation; /* as decoded; what EXIF asks for, 1 to 8, is not done */
  const uint8_t *rgb;             /* (height, width, 3) */
  int input_width, input_height;
  const float *pixel_values; /* (3, input_height, input_width) */
} loci_image;
LOCI_CHECK loci_status loci_image_read(const char *dir, const char *image_path, loci_image **out,
                                       loci_err *err);

/* ---------------------------------------------------------------- 5. prompt */

/* A question about an image.  A constraint is a piece of the question that the answer must satisfy:
 * "this director", or "this director@2" for the second occurrence. */
typedef struct loci_question {
  const char *image; /* path; NULL: none */
  const char *text;
  const char *template_name; /* NULL or "auto": the model's own; a name, "file:PATH", "text:.." */
  const char *const *constraints;
  int constraint_count;
  const char *system; /* system prompt; NULL: none but the template's own */
  const char *date;   /* what a template that asks for the day gets; NULL: 2026-01-01 */
} loci_question;

typedef enum loci_role {
#define ROLE(id, name, meaning) LOCI_ROLE_##id,
#include "loci_names.def"
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
  const char *kind;  /* "visual" or "textual" */
  int first, count;  /* positions */
  int64_t bytes[2];  /* [from, to) in the question */
  const char *given; /* as it was asked for: "this director@2" */
} loci_constraint;

typedef struct loci_prompt loci_prompt;

/* Everything about an expanded prompt; borrowed from it. */
typedef struct loci_prompt_info {
  loci_result result;
  const char *text; /* before expansion */
  const char *question, *image_path, *template_name;
  const char *system; /* NULL: none was given */
  const char *date;   /* NULL: the text does not depend on the day */
  int length;         /* T */
  const loci_token *tokens;
  int image_first, image_count, image_rows, image_cols; /* image_first -1: no image */
  int constraint_count;
  const loci_constraint *constraints;
} loci_prompt_info;

/* Fills the template, tokenizes, runs the vision tower.  LOCI_EINVAL: the question or the system
 * prompt holds a special token's text, the template has no place for the picture or the system
 * prompt, a constraint is not in the question, or the template does not write it just once.  The
 * model must outlive the prompt. */
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
 * after the last layer (final_norm, logits) cannot be patched. */
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
  loci_result result;
  const char *text; /* decoded, special tokens skipped, stripped */
  int count;        /* ids, the end token included if it came */
  const int *ids;
  const loci_candidate (*top)[LOCI_TOP]; /* per step, best first; top[i][0] was taken */
  const loci_model_info *model;          /* borrowed: the model must outlive the result */
  const char *hash;                      /* of its weights, if that is known already, or "" */
} loci_answer;

/* Greedy generation of at most [max_new] tokens (0: 20) and no more than the model has positions
 * for, ended by the checkpoint's end tokens and under its repetition penalty. */
LOCI_CHECK loci_status loci_ask(const loci_model *model, const loci_prompt *prompt, int max_new,
                                loci_progress_fn progress, void *ctx, loci_answer **out,
                                loci_err *err);

/* ---------------------------------------------------------------- 8. trace */

typedef enum loci_metric {
#define METRIC(id, name, meaning) LOCI_METRIC_##id,
#include "loci_names.def"
} loci_metric;

typedef enum loci_direction { LOCI_DENOISE = 1, LOCI_NOISE = 2, LOCI_BOTH = 3 } loci_direction;

typedef struct loci_trace_opts {
  const char *corrupt;    /* NULL: "replace:Paris", or other words where that is the answer */
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

/* What the walks' seconds went into. */
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
  int64_t screen, screen_cells; /* cells run of cells estimated; 0: not screened */
  loci_metric screen_metric;
  double spearman; /* as in loci_grid, over all grids */
} loci_trace;

LOCI_CHECK loci_status loci_trace_new(const loci_model *model, const loci_prompt *prompt,
                                      const loci_trace_opts *opts, loci_trace **out, loci_err *err);
/* LOCI_EINVAL, and what is wrong with a request whatever model and question it is for.  [each]: for
 * every example of a study, where "swap" may do without a text. */
LOCI_CHECK loci_status loci_trace_check(const loci_trace_opts *opts, bool each, loci_err *err);

typedef struct loci_trace_request {
  const loci_prompt *prompt;
  loci_trace_opts opts;
  loci_trace *trace; /* comes out, for loci_free; NULL after an error */
  loci_err err;      /* comes out: what failed in this trace alone */
} loci_trace_request;

/* Several traces in as few walks as the memory allows: weights are read and converted once for all,
 * and prompts that begin alike, with one picture, share those rows.  The numbers are those of
 * loci_trace_new; of what they share, each cost has its part.  Progress comes from the first one's
 * options.  What fails for all (memory, a stop) is the result, and then no trace comes out. */
LOCI_CHECK loci_status loci_traces(const loci_model *model, loci_trace_request *requests, int count,
                                   loci_err *err);

/* ---------------------------------------------------------------- 9. knockout */

/* A pathway: the attention edges from every position of the group [to], the queries, to every
 * position of the group [from], the sources, that is not after it. */
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
/* As loci_trace_check. */
LOCI_CHECK loci_status loci_knockout_check(const loci_knockout_opts *opts, loci_err *err);

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
  const float *pixels; /* (3, image_size, image_size) the picture as the model sees it, borrowed
                          from the prompt; NULL: none */
  int image_size, patch_size;
  loci_cost cost; /* naive_flop: a plain forward, and a product for each query and source */
  int note_count;
  const char *const *notes; /* one-line hints */
} loci_flow;

/* One forward pass. */
LOCI_CHECK loci_status loci_flow_new(const loci_model *model, const loci_prompt *prompt,
                                     const loci_flow_opts *opts, loci_flow **out, loci_err *err);
/* As loci_trace_check. */
LOCI_CHECK loci_status loci_flow_check(const loci_flow_opts *opts, loci_err *err);

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
/* As loci_trace_check. */
LOCI_CHECK loci_status loci_lens_check(const loci_lens_opts *opts, loci_err *err);

#ifdef __cplusplus
}
#endif

#include "loci_show.h"
#include "loci_bench.h"
#include "loci_study.h"
#include "loci_edit.h"
#include "loci_data.h"
#include "loci_store.h"
#include "loci_names.h"

#endif
