/* loci: where a multimodal language model keeps a fact, how it moved there, and how to change it.
 *
 * This header and the ten it ends with are the whole library.  Read them top to bottom:
 *
 *   loci.h         1. results and errors    how a call says what went wrong, and is followed
 *                  2. model                 a Hugging Face checkpoint directory, opened and checked
 *                  3. text and images       what its tokenizer and image processor make of a file
 *                  4. prompt                image + question + constraints, as the model reads them
 *   loci_run.h     5. sites                 the named activations of a decoder layer
 *                  6. run                   one forward pass; record any site, patch any site
 *                  7. ask                   greedy answer
 *   loci_trace.h   8. trace                 a grid of restored runs (Basu et al. 2024, 3)
 *                  9. knockout              attention edges cut, layer window by layer window
 *                 10. flow                  what positions give to each other through attention
 *                 11. lens                  what every layer would answer
 *   loci_show.h   12. writing and drawing   terminal, PNG, SVG, PDF, JSON, CSV, safetensors, NPZ
 *   loci_bench.h  13. bench                 speed on this machine
 *   loci_study.h  14. examples              questions with answers, from a file
 *                 15. studies               one measurement over many examples, with intervals
 *   loci_edit.h   16. edit                  a new answer, written into one matrix (the same, 5)
 *   loci_data.h   17. data sets             files of examples made from tables, and checked
 *   loci_store.h  18. stores                studies kept in a file
 *   loci_names.h  19. names                 lists of the names that users type
 *   loci_call.h   20. calls                 all of these with options as JSON, for bindings
 *
 * Rules for every function here:
 *   A loci_status result is LOCI_OK (0) or an error; *err, if not NULL, then says why in one
 *     sentence.
 *   *out is owned by the caller and NULL after an error.  A result, which begins with a
 *     loci_result, is freed with loci_free; anything else with the matching call.
 *   A const pointer is borrowed and lives as long as the object it came from.
 *   A struct of options begins with its own size, which the program sets:
 *       loci_trace_opts o = {.size = sizeof o, .seeds = 3};
 *     A later library has more members and takes those of a shorter struct as 0; an earlier one
 *     refuses what it does not know.  Size 0 is LOCI_EINVAL.  Options in options are pointers.
 *   NULL options mean all defaults, a 0 field its default; NULL for what is required is
 *     LOCI_EINVAL; loci_free, _free and _close take NULL.
 *   One object, one thread at a time; any number of threads may use one model through const calls.
 *   A forked child that computes with its parent's model of several threads, or opens one with
 *     several after the parent used some, gets LOCI_EINVAL.
 *   The library never prints and never exits.
 *
 * Letters, as in docs/MATH.md: T positions, D residual width, L layers, H query heads, Hkv
 * key/value heads, K head width, F MLP inner width, V vocabulary, P image positions.  All arrays
 * are row-major; their types are in their declarations (activations f32, measured numbers double).
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
  LOCI_KIND_DEVICES,     /* loci_devices */
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

/* To look instead of being called: loci_monitor_progress as the progress function, a zeroed
 * loci_monitor as its ctx.  Any thread may cancel, or ask for the stage (NULL: nothing yet). */
typedef struct loci_monitor {
  int cancel, permille; /* of the stage */
  const char *stage;
} loci_monitor;
LOCI_API bool loci_monitor_progress(void *monitor, const char *stage, double done, double total);
LOCI_API void loci_monitor_cancel(loci_monitor *monitor);
LOCI_API const char *loci_monitor_stage(const loci_monitor *monitor, int *permille);

/* ---------------------------------------------------------------- 2. model */

typedef struct loci_model loci_model;

typedef enum loci_precision {
#define PRECISION(id, name, meaning) LOCI_PRECISION_##id,
#include "loci_names.def"
} loci_precision;

typedef struct loci_model_opts {
  size_t size; /* of this struct */
  loci_precision precision;
  int threads;          /* 0: OMP_NUM_THREADS, or one per core */
  int64_t memory_bytes; /* what a walk may use beside the weights, on a device with them; 0: half of
                           the machine's.  Given, and less than the weights: they are read layer by
                           layer and given up */
  const char *mmproj;   /* a GGUF file of a tower and projector, beside a GGUF model; NULL: none */
  int64_t max_pixels;   /* of a picture, where each keeps its own size; 0: the processor's bound */
  bool turn_images;   /* as their EXIF asks, which transformers' load_image does; else as they stand
                         in the file, which LLaVA's own scripts do */
  bool gate_rows_hf;  /* rows before the picture see all of its places in cross-attention, as in
                         transformers; else they see none, as the model was trained */
  const char *device; /* that walks run on: "cpu", "opencl", "opencl:N"; NULL: LOCI_DEVICE says, or
                         the processor */
} loci_model_opts;

/* Opens a Hugging Face checkpoint directory (configuration, headers of the weights, tokenizer,
 * image processor) or a GGUF file.  No weight is read yet.  Close with loci_model_close. */
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
  int image_rows; /* of the sequence; 0: text only.  Of a picture of 640 x 480, where each keeps its
                     own size */
  int image_size; /* pixels each way, of a view; 0: text only, or every picture keeps its own
                     size... */
  int64_t min_pixels, max_pixels; /* ...within these; else 0 */
  bool turns_images;              /* loci_model_opts.turn_images */
  int64_t parameters, bytes;
  int files;
  int edit_count; /* applied, in their order; the hash is that of the files, without them */
  const loci_applied_edit *edits;
  const char *const *notes; /* what was seen and is not used, and other oddities */
  int note_count;
  int image_tiles;    /* at most, after a view of the whole picture; 0: it is all there is */
  bool image_outside; /* image_rows are no part of the sequence: layers read them by cross-attention
                       */
  int cross_layer_count;
  const int *cross_layers; /* that do so */
  const char *device;      /* that walks run on: "cpu", "opencl:0 (NVIDIA H200, 535.104)" */
  const char *device_plan; /* which weights stay there, what is left for walks; NULL: of "cpu" */
} loci_model_info;
enum { LOCI_PATH_SIZE = 4096 };
/* A model by its name: a path, below one of LOCI_MODELS, or "org/name" in Hugging Face's cache. */
LOCI_CHECK loci_status loci_model_find(const char *name, char out[LOCI_PATH_SIZE], loci_err *err);
/* As the model is now: what was got or made of it before an edit still says so. */
LOCI_API const loci_model_info *loci_model_get_info(const loci_model *model);
/* All of this together, as one result. */
typedef struct loci_info {
  loci_result result;
  const loci_model_info *model; /* borrowed: the model must outlive the result */
  const char *hash;    /* borrowed likewise: "xxh3:<16 hex digits>" over all weights, which are read
                          once for a model */
  int question_tokens; /* of an ordinary question... */
  int64_t trace_bytes; /* ...and what its trace would use beside the weights */
  int note_count;
  const char *const *notes;
} loci_info; /* made by reading all weights, for the hash */
LOCI_CHECK loci_status loci_info_new(const loci_model *model, loci_progress_fn progress, void *ctx,
                                     loci_info **out, loci_err *err);

/* ---------------------------------------------------------------- 3. text and images */

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
  int input_width, input_height;  /* of a view */
  const float *pixel_values;      /* (views, 3, input_height, input_width) */
  int view_count; /* the whole first (but see whole_last), then tiles_down x tiles_across tiles, row
                     by row */
  int tiles_down, tiles_across; /* 0: there are none */
  const char *path;
  bool tiles_alone; /* there is no view of the whole: the views are places for tiles, of which the
                       first hold some */
  bool whole_last;  /* the whole comes after the tiles */
} loci_image;
/* As the checkpoint of [dir] reads it; [max_pixels] as in loci_model_opts. */
LOCI_CHECK loci_status loci_image_read(const char *dir, const char *image_path, int64_t max_pixels,
                                       loci_image **out, loci_err *err);

/* ---------------------------------------------------------------- 4. prompt */

/* A question about an image.  A constraint is a piece of the question that the answer must satisfy:
 * "this director", or "this director@2" for the second occurrence. */
typedef struct loci_question {
  size_t size;       /* of this struct */
  const char *image; /* path; NULL: none */
  const char *text;
  const char *template_name; /* NULL or "auto": the model's own; a name, "file:PATH", "text:.." */
  const char *const *constraints;
  int constraint_count;
  const char *system;        /* system prompt; NULL: none but the template's own */
  const char *date;          /* what a template that asks for the day gets; NULL: 2026-01-01 */
  loci_progress_fn progress; /* of the vision tower */
  void *progress_ctx;
  const char *const *kinds; /* of the first [kind_count] constraints: "visual", "textual"; NULL, ""
                               or "auto": what the constraint's first word says */
  int kind_count;
  const struct loci_prompt *seen; /* a prompt about the same picture: what the model saw of it is
                                     taken from there, instead of looking at [image] again */
} loci_question;

typedef enum loci_role {
#define ROLE(id, name, meaning) LOCI_ROLE_##id,
#include "loci_names.def"
} loci_role;

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

/* One look of the model at the whole picture: a grid of positions, row by row. */
typedef struct loci_image_view {
  const char *name; /* "picture"; "base" and "tiles" of one that is cut into tiles as well */
  int first;        /* its first row, counted in rows of the picture (image_positions) */
  int rows, cols;
  bool breaks; /* after each row of the grid stands a position that ends it */
  int tile;    /* cells of a square tile's side, where cells stand tile by tile, a row of the whole
                  tile    before each; 0: they stand row by row */
  bool bare;   /* there is no such row before a tile */
} loci_image_view;

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
  int image_first, image_count; /* image_first -1: no image */
  int grid_rows, grid_cols;     /* of the last view */
  int constraint_count;
  const loci_constraint *constraints;
  int image_view_count;
  const loci_image_view *image_views;
  int source_count; /* rows of the picture outside of the sequence, which cross-attention reads:
                       then image_first is -1, and views count from the first of these; 0: none */
  int source_seen;  /* the first of them hold a picture */
  int source_from;  /* the first position that sees these */
  const int *image_positions; /* (image_count) of the picture's rows, ascending; NULL: they follow
                                 each other from image_first on */
} loci_prompt_info;

/* Fills the template, tokenizes, runs the vision tower.  LOCI_EINVAL: the question or the system
 * prompt holds a special token's text, the template has no place for the picture or the system
 * prompt, a constraint is not in the question, or the template does not write it just once.  The
 * model must outlive the prompt. */
LOCI_CHECK loci_status loci_prompt_new(const loci_model *model, const loci_question *question,
                                       loci_prompt **out, loci_err *err);
LOCI_API void loci_prompt_free(loci_prompt *prompt);
LOCI_API const loci_prompt_info *loci_prompt_get_info(const loci_prompt *prompt);

#ifdef __cplusplus
}
#endif

#include "loci_run.h"
#include "loci_trace.h"
#include "loci_show.h"
#include "loci_bench.h"
#include "loci_study.h"
#include "loci_edit.h"
#include "loci_data.h"
#include "loci_store.h"
#include "loci_names.h"
#include "loci_call.h"

#endif
