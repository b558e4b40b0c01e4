/* What optimisations of an edit try again and again: a prompt with the answer it should have, run
 * once, then resumed above the layer with a change (target_run.c); and the key read on the way
 * (key.c). Private to src/edit. */
#ifndef LOCI_EDIT_LESSON_H
#define LOCI_EDIT_LESSON_H

#include "edit/edit.h"
#include "model/branch_norm.h"
#include "walk/walk.h"

/* A prompt with an answer after it, run once up to the layer. */
typedef struct target_run {
  const loci_prompt *p;
  target target;
  int position, from; /* where the change is, or begins; the first row that it reaches */
  int key_first,
      key_count;         /* positions whose keys are kept; 1 unless set before target_run_first */
  int first_want, wants; /* positions whose logits count: from the last of the prompt on, one for
                            each token of the answer */
  kv_cache *cache;       /* for kv_cache_free */
  float *rows;           /* (length - from, D) what stands where the change is added */
  float *keys;           /* (key_count, F) mlp_post of the layer; room for the rows of a product */
  float *passed;    /* (length - position, D) a change as the layer's gate or norm lets it through;
                       NULL: as it is */
  branch_norm norm; /* the norm */
  float *raw; /* (key_count, D) what the MLP gives at the keys; NULL: no norm comes after it */
  float *resid_after; /* (D) the residual stream after the layer at the key; NULL: not asked for */
} target_run;

loci_status target_run_make(const problem *q, const loci_prompt *p, const target *t, int position,
                            target_run *out, loci_err *err);
/* The first run: rows, keys, and the logits of the answer's tokens to [logits] (may be NULL). */
loci_status target_run_first(problem *q, target_run *b, walk_logits_fn logits, void *ctx,
                             loci_err *err);

/* A change of what the MLP gives at some positions, and where d loss / d mlp_out goes. */
typedef struct mlp_change {
  int first, count;
  const float *change; /* (count, D) */
  float *grad;         /* (count, D) */
} mlp_change;
/* Adds the run with the change to a walk, and asks for the answer's logits. */
loci_status target_run_resume(const problem *q, walk *w, const target_run *b, const mlp_change *a,
                              loci_err *err);
/* d loss / d change from d loss / d mlp_out, once it is there. */
void target_run_slopes(const problem *q, const target_run *b, const mlp_change *a);
/* What a change adds to mlp_out: what the layer's gate or norm lets through. */
const float *target_run_pass(const problem *q, const target_run *b, const mlp_change *a);
/* By what the layer multiplies its MLP's result at a position; 0 where a layer of cross-attention
 * sees no picture. */
float target_run_factor(const problem *q, const loci_prompt *p, int position);
/* (row, layer) pairs that a change can reach, once forwards and twice backwards. */
int64_t target_run_reach(const problem *q, const target_run *b, bool backward);
int target_run_layer(const problem *q); /* where a resumed run begins */
walk_hooks target_run_hooks(const problem *q, walk_logits_fn logits, void *ctx, int64_t ordered);
void target_run_cost(problem *q, const walk *w);

/* Runs all of them: of the question, and of as many other prompts as there are.  Reads q->key from
 * all prompts, fills the fact's side of before, and refuses what is answered already. */
loci_status key_find(problem *q, target_run *all, int runs, loci_err *err);
/* The key of any prompt with a constraint into out (F). */
loci_status key_read(problem *q, const loci_prompt *p, float *out, loci_err *err);
/* The keys of all prompts anew, at q's layer of q's model, and [resid] (D), the residual stream
 * after another layer at the question's. */
loci_status key_read_again(problem *q, int value_layer, float *resid, loci_err *err);

/* ---------------------------------------------------------------- Adam */

typedef struct adam {
  int64_t n;
  double lr, *m, *v;
  int t, threads;
} adam;
loci_status adam_make(arena *mem, int64_t n, double lr, int threads, adam *out, loci_err *err);
/* x (n), grad (n) */
void adam_step(adam *a, float *x, const float *grad);

#endif
