/* What runs are measured by: the target's tokens and what a row of logits says about them.  Traces,
 * knockouts, lenses and edits share it. */
#ifndef LOCI_WALK_TARGET_H
#define LOCI_WALK_TARGET_H

#include "model/prompt.h"
#include "walk/logits.h"

/* The answer's tokens, and the input rows that end before its last one (teacher forcing). */
typedef struct target {
  bool given; /* by the caller; else one token, to be set by the clean run */
  int count;
  int *ids;
  int length;                 /* T + count - 1 */
  float *embeds;              /* (length, input_width) clean input rows */
  const rope_place *places;   /* (length) of them, or NULL (input.h) */
  const source_rows *sources; /* likewise */
  mutual_rows mutual;         /* likewise: of the prompt's, none of the answer's */
  const watch *watch;         /* asked while the target alone is measured; or NULL */
} target;

static inline input target_input(const target *t) {
  return (input){.rows = t->embeds,
                 .count = t->length,
                 .places = t->places,
                 .sources = t->sources,
                 .mutual = t->mutual};
}

/* [answer] NULL: the clean run's most likely next token, ids[0] = 0 until it is known.  Memory is
 * the arena's. */
loci_status target_make(const loci_prompt *p, const char *answer, arena *mem, target *out,
                        loci_err *err);
/* Given tokens, as many of them as the model has positions for. */
loci_status target_of_ids(const loci_prompt *p, const int *ids, int count, arena *mem, target *out,
                          loci_err *err);
/* A token as the vocabulary spells it, several as decoded text. */
loci_status target_text(const loci_model *m, const int *ids, int count, arena *mem,
                        const char **out, loci_err *err);

/* What others are measured against: the clean run's row of logits at the last prompt position. */
typedef struct reference {
  double *logp; /* (V), room of the caller's; NULL: not kept, and nothing but logp is read */
  double *p;    /* (V) the same: thousands of rows are compared with it, and an exp is dear */
  top_logits top;
  int other; /* o', the most likely token that is not the target's first */
} reference;
/* Makes the room; false: memory is out. */
bool reference_room(reference *r, int64_t vocab, arena *mem);
/* Sets the target's first token, too, unless it was given. */
void reference_read(reference *r, target *t, const float *logits, int vocab);

/* What one row of logits says about token i of the target (i = 0: at the last prompt position). */
typedef struct reading {
  double logp, logit_diff, kl;
  int top; /* the most likely token */
} reading;

/* [clean], what the row is compared with; NULL, or one without logp: only logp is read. */
reading reading_of(const float *logits, int64_t V, int id, int other, const reference *clean);
/* Of a run's readings, one per token of the target. */
loci_metrics readings_metrics(const reading *r, int count);
/* The mean of several runs' (runs, count). */
loci_metrics readings_mean(const reading *r, int runs, int count);

/* 2 M N K of one plain forward: [length] rows through all layers, the head of one row, and the
 * vision tower if the prompt has an image. */
double forward_flop(const loci_prompt *p, int length);

#endif
