/* loci, continued: what happens inside one forward pass, and the answer.  Part of loci.h,
 * whose rules hold here. */
#ifndef LOCI_RUN_H
#define LOCI_RUN_H

#ifndef LOCI_H
#error "include loci.h, which includes this"
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* ---------------------------------------------------------------- 5. sites */

typedef enum loci_site {
#define SITE(id, name, axes, meaning, number) LOCI_SITE_##id = (number),
#include "loci_sites.def"
#undef SITE
  LOCI_SITE_COUNT = 13 /* one more than the highest number */
} loci_site;

/* Names, meanings and axes: section 19, LOCI_NAMES_SITE. */

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
  int64_t width; /* numbers of a position, to be compared with the site's; 0: they are right */
} loci_patch;

LOCI_CHECK loci_status loci_run_new(const loci_model *model, const loci_prompt *prompt,
                                    loci_run **out, loci_err *err); /* borrows both */
LOCI_API void loci_run_free(loci_run *run);
/* Keeps a site of one layer, every position; final_norm and logits have no layer: 0.  Records of
 * more than the model's memory_bytes together are LOCI_ENOMEM. */
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

#ifdef __cplusplus
}
#endif
#endif
