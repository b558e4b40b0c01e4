/* Greedy answers of runs beside a prompt's own: other input rows, other values at some sites. */
#ifndef LOCI_WALK_ASK_H
#define LOCI_WALK_ASK_H

#include "base/random.h"
#include "model/prompt.h"
#include "walk/walk.h"

enum { ANSWER_TOKENS = 20 }; /* where nobody says */

/* Who is told of an answer after each of its tokens: the answer so far, during the call alone. */
typedef struct answer_watch {
  void (*tell)(void *ctx, const loci_answer *so_far); /* NULL: nobody */
  void *ctx;
} answer_watch;

/* How tokens are drawn where the likeliest is not taken: from softmax(logits / temperature). */
typedef struct token_draw {
  random_source source;
  double temperature;
} token_draw;

/* A run to be continued.  Before [first] it is the prompt's own, so that what is kept of that
 * serves. */
typedef struct answering {
  const loci_prompt *p;
  const float *rows;          /* (T, input_width) input rows */
  const source_rows *sources; /* instead of the prompt's; or NULL */
  int first;
  const walk_patch *patches; /* with values */
  int64_t patch_count;
  int room; /* positions after the prompt's that the cache has at least */
  token_draw *draw;
  kv_cache *after;  /* of the prompt, and more: its last row alone is run again; the caller's */
  kv_cache **cache; /* gets keys and values of prompt and answer, the caller's; NULL: nobody does */
  answer_watch watch;
} answering;

/* What the model says after it: everything of an answer but its request. */
loci_status answer_make(const answering *of, int max_new, const walk_hooks *follow,
                        loci_answer **out, loci_err *err);

/* loci_ask; checked are model and prompt. */
loci_status ask_prompt(const loci_prompt *p, int max_new, const walk_hooks *follow,
                       answer_watch told, loci_answer **out, loci_err *err);

#endif
