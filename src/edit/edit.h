/* Edits: a new answer written into one matrix (docs/MATH.md, "Editing").  Private to src/edit.
 *
 * solve_opts.c     how requests are solved, completed (solve_opts.h)
 * solve.c          an edit from requests, by any method: settings, the update, what it does
 * requests.c       what each request is made of, and what is wrong with one (requests.h)
 * key.c            a request's key, and what the model answers before
 * value.c          its value, by Adam on the walk's backward pass
 * columns.c        the keys that an update is solved for
 * key_metric.c     what keys an update spares
 * update.c         the closed form (update.h)
 * spread.c         the update of one layer or several, of all requests or batch by batch
 * tune.c           fine-tuning of the whole matrix instead of value and update
 * target_run.c     what both try again and again: a prompt resumed above the layer
 * covariance.c     of keys, for ROME, MEMIT and AlphaEdit
 * apply.c          edits on a model in memory, and off it
 * preset.c         published settings
 * measure.c        what an edit does to its own questions
 * hint.c           what may help where a target is not reached
 * edit_save.c      the edited model as a checkpoint
 * edit_file.c      the edit's file
 *
 * Letters: k (F) key, v (D) value, W (D,F) the down projection, n requests. */
#ifndef LOCI_EDIT_EDIT_H
#define LOCI_EDIT_EDIT_H

#include "base/json.h"
#include "model/changes.h"
#include "walk/target.h"
#include "walk/walk.h"

/* The files of edits and covariances; [result] is such a one. */
loci_status edit_write(const void *result, const char *path, loci_err *err);
loci_status covariance_write(const void *result, const char *path, loci_err *err);
loci_status edit_read(const char *path, loci_edit **out, loci_err *err);
loci_status covariance_read(const char *path, loci_covariance **out, loci_err *err);
/* The .json files of single tests, beside each other. */
loci_status edit_tests_read(const char *const *paths, int count, loci_edit_tests **out,
                            loci_err *err);

typedef enum edit_method {
#define METHOD(id, name, meaning) id,
#include "loci_names.def"
} edit_method;
/* Of the whole matrix, by gradients. */
static inline bool method_tunes(edit_method k) { return k == FT || k == FT_L; }
/* From ROME's family: released code says what they do, to the last step. */
static inline bool method_is_released(edit_method k) { return k >= ROME; }
/* Of these, those whose value is one of the residual stream, which several layers may bring. */
static inline bool method_spreads(edit_method k) { return k == MEMIT || k == ALPHAEDIT; }

/* One request while it is solved. */
typedef struct problem {
  const loci_edit_request *asked;
  const loci_prompt *p;
  const loci_model *m;
  const loci_edit_opts *opts;
  const loci_edit_settings *set; /* complete */
  arena *mem, *work;             /* of the result; of the solving */
  edit_method method;
  int number; /* of the request, from 0 */
  int layer, position;
  target target;
  float *key;           /* (F) the mean over the prompts */
  float *keys;          /* (prompts, F) */
  float *delta, *moved; /* (D) v - W k; what it adds to the residual stream */
  double norm0;         /* ||W k||, or what else the method's bounds are relative to */
  float *resid;     /* (D) the residual stream after the layer, at the key, of one that spreads */
  reference before; /* the unedited model's run */
  loci_edit_fact *fact;
  int64_t rows, formula;
  double flop;
} problem;

/* The changes that the edit is, one a part; their arrays are the edit's.  Caller frees *out. */
loci_status edit_changes(const loci_edit *e, low_rank **out, loci_err *err);
/* layer, tensor, rank, left and right of the last part, and the norm of all. */
void edit_show_parts(loci_edit *e);
/* Refuses a model whose weights are a GGUF file's. */
loci_status edit_check_format(const loci_model *m, loci_err *err);
/* loci_edit_apply for a view nobody else sees: its description stays as it is. */
loci_status edit_lay_on(loci_model *m, const loci_edit *e, loci_err *err);
/* The target after any prompt, as the settings want it. */
loci_status problem_target(const problem *q, const loci_prompt *p, target *out, loci_err *err);
static inline int key_position(const loci_prompt *p) {
  return p->info.constraints[0].first + p->info.constraints[0].count - 1;
}

/* Key, and delta by optimisation.  Fills the fact but for the run after. */
loci_status value_find(problem *q, loci_err *err);
/* The covariance of a layer among those given; NULL: none. */
const loci_covariance *covariance_of(const loci_edit_opts *o, int layer);
/* Whether a covariance is of this model's layer: LOCI_EINVAL. */
loci_status covariance_check(const loci_covariance *c, const loci_model *m, int layer,
                             loci_err *err);
/* Scores that are not finite, after the steps that the fact counts. */
loci_status edit_not_finite(const problem *q, loci_err *err);
/* What may bring a target that is not reached, in the arena of the result; NULL: no memory. */
const char *edit_hint(const problem *q);
/* The runs after the edit, on [view], the edited model: fact.after, and answers if wanted. */
loci_status measure_after(problem *q, const loci_model *view, loci_err *err);
/* The target under any view of its prompt's model: whole p, and whether every token wins. */
typedef struct target_reading {
  double p, share; /* of its tokens that are the most likely one */
  bool wins;       /* all of them */
  double *logp;    /* (V) room for log-probabilities at the last prompt position, or NULL */
  int *best; /* (target count, BEST) room for each token's likeliest ids (-1: none), or NULL */
} target_reading;
enum { BEST = 10 };
/* logp and best of *out are set before.  [cache]: where keys and values of [m] for the prompt stand
 * already, with room for the target's, so that its own rows alone are run; or NULL. */
loci_status measure_target(const loci_model *m, const target *t, kv_cache *cache,
                           target_reading *out, loci_err *err);
/* Greedy answer to the question under any view of its model, in [mem]; NULL: it generates none. */
loci_status measure_answer(const loci_model *m, const loci_prompt *p, const watch *w, arena *mem,
                           const char **out, loci_err *err);

/* In files and in results alike. */
js_value *edit_settings_json(const loci_edit_settings *s);

#endif
