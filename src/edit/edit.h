/* Edits: a new answer written into one matrix (docs/MATH.md, "Editing").  Private to src/edit.
 *
 * solve.c    one edit from requests: their keys and values, then the update
 * apply.c    edits on a model in memory, and off it
 * value.c    the key and the value of one request, by Adam on the walk's backward pass
 * update.c   the closed form
 * measure.c  what an edit does to its own questions
 * save.c     the edited model as a checkpoint
 * file.c     the edit's file
 *
 * Letters: k (F) key, v (D) value, W (D,F) the down projection, n requests. */
#ifndef LOCI_EDIT_EDIT_H
#define LOCI_EDIT_EDIT_H

#include "base/json.h"
#include "model/changes.h"
#include "study/target.h"
#include "walk/logits.h"

typedef struct edit_box { /* the public view first, so that one pointer serves both */
  loci_edit view;
  arena *mem;
} edit_box;

/* One request while it is solved. */
typedef struct problem {
  const loci_edit_request *asked;
  const loci_prompt *p;
  const loci_model *m;
  const loci_edit_opts *opts;
  const loci_edit_settings *set; /* complete */
  arena *mem;
  int layer, position;
  target target;

  float *key;          /* (F) the mean over the prompts */
  float *delta;        /* (D) v - W k */
  double norm0;        /* ||W k|| */
  double *before_logp; /* (V) of the unedited model at the last prompt position */
  int other;           /* its best token that is not the target's first */
  loci_edit_fact *fact;
  int64_t rows, formula;
  double flop;
} problem;

/* The change that the edit is; its arrays are the edit's. */
low_rank edit_change(const loci_edit *e);
/* loci_edit_apply for a view nobody else sees: its description stays as it is. */
loci_status edit_lay_on(loci_model *m, const loci_edit *e, loci_err *err);

/* Reads the key, the run before, and optimises delta.  Fills the fact but for the run after. */
loci_status value_find(problem *q, loci_err *err);

/* right (n,F) := (lambda I + K K^T)^-1 K for the keys in the rows of K (n,F); so W' = W + left
 * right with left (D,n) = V - W K^T. */
loci_status update_solve(const float *keys, int64_t n, int64_t F, double lambda, float *right,
                         loci_err *err);
/* Frobenius norm of left (D,n) right (n,F); NaN: out of memory. */
double update_norm(const float *left, const float *right, int64_t D, int64_t n, int64_t F);

/* The runs after the edit, on [view], the edited model: fact.after, and answers if wanted. */
loci_status measure_after(problem *q, const loci_model *view, loci_err *err);
/* The target under any view of the prompt's model: whole p, and whether every token wins. */
typedef struct target_look {
  double p, share; /* of its tokens that are the most likely one */
  bool wins;       /* all of them */
} target_look;
/* [logp] (V): log-probabilities at the last prompt position, or NULL. */
loci_status measure_target(const loci_model *m, const loci_prompt *p, const target *t, double *logp,
                           target_look *out, loci_err *err);
/* Greedy answer to the question under any view of its model; NULL if the model does not generate.
 * In [mem]. */
loci_status measure_answer(const loci_model *m, const loci_prompt *p, arena *mem, const char **out,
                           loci_err *err);

/* In files and in results alike. */
js_value *edit_settings_json(const loci_edit_settings *s);

#endif
