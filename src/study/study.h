/* Going through a file of examples, once for all studies: which examples can be used, what became
 * of the others, progress, the sample's description.  Private to src/study.
 *
 *   study s = {.model = m, .opts = o, .examples = x, .mem = mem, .needs = NEEDS_ANSWER};
 *   study_each(&s, measure, ctx, err)      calls measure for every usable example
 *   study_describe(&s, &result->sample, err) */
#ifndef LOCI_STUDY_STUDY_H
#define LOCI_STUDY_STUDY_H

#include "data/example.h"
#include "model/command.h"

enum study_needs { NEEDS_ANSWER = 1, NEEDS_CONSTRAINT = 2, NEEDS_IMAGE = 4 };

/* What a study that keeps its results elsewhere does with each line of the file. */
typedef enum study_turn {
  TURN_NEW,    /* measure it */
  TURN_USED,   /* measured before; counts against the limit */
  TURN_PASSED, /* dropped before, or somebody else's */
} study_turn;

typedef struct study_keeper {
  loci_status (*turn)(void *ctx, const loci_example *e, study_turn *out, loci_err *err);
  /* A dropped example is told, not remembered; [e] NULL: the line is no example. */
  loci_status (*drop)(void *ctx, const loci_example *e, const loci_dropped *d, loci_err *err);
  bool (*enough)(void *ctx);
  void *ctx;
} study_keeper;

typedef struct study {
  const loci_model *model;
  const loci_study_opts *opts;
  loci_examples *examples;
  unsigned needs;                                   /* study_needs, joined */
  bool own_prompts;                                 /* measure makes them: item.prompt is NULL */
  int results;                                      /* of each prompt, beside its answer */
  loci_result *result;                              /* that the request is told in */
  const char *command;                              /* "study trace"; NULL: it tells none */
  bool asks;                                        /* it asks for answers: max_new matters */
  bool seedless;                                    /* nothing in it is random */
  void (*describe)(const void *ctx, js_value **to); /* its own part of the request; NULL: none */
  const void *describe_ctx;
  const char *const *words; /* [word_count] further ones of its command (model/command.h) */
  bool wordless;            /* something took part that no words say */
  arena *mem;               /* of the result */
  double started;
  int word_count, used, dropped_count, dropped_room;
  int refused; /* files were, for the first examples one after another, with one status */
  loci_status refused_as;
  loci_dropped *dropped; /* the heap's until study_describe */
  const char *template_name, *system, *date;
  const study_keeper *keeper; /* NULL: dropped examples are remembered here */
} study;

/* The greedy answer of a prompt, and whether it is right; whether the first token begins an
 * accepted answer. */
typedef struct study_answer {
  const char *text;
  bool right, first_right;
  double confidence, margin; /* p of the first token; less the p of the next best */
} study_answer;

/* One usable example; [drop] and [why], a sentence or NULL, if it cannot be used after all. */
typedef struct study_item {
  const loci_example *example;
  const loci_prompt *prompt;
  const char *drop;
  char why[256];
  loci_status refused;        /* what the measuring failed with, if it wrote that down itself */
  arena *mem;                 /* until the next example */
  const study_answer *answer; /* once study_ask was called */
} study_item;

/* A failure that is the example's own (status_is_own: no such picture, a constraint that is not in
 * the question) drops it; any other ends the study and says nothing about the example.  A file
 * without a single example is LOCI_EINVAL. */
typedef loci_status study_fn(void *ctx, study_item *item, loci_err *err);
loci_status study_each(study *s, study_fn *measure, void *ctx, loci_err *err);

/* Whether it ended because files were refused for each of the first examples. */
enum { STUDY_HOPELESS = 12 };
bool study_is_hopeless(const study *s);

/* The example as this study's model is asked. */
loci_status study_prompt(study *s, const loci_example *e, loci_prompt **out, loci_err *err);

/* For the calls a study makes: counts examples, and cancels.  ctx is the study. */
bool study_progress(void *ctx, const char *stage, double done, double total);

loci_status study_name_template(study *s, const loci_prompt *prompt, loci_err *err);

/* What changes numbers of any study of this model: {"template", "precision", "max_new"}, with
 * "system", "date" and "first_token" where given, into *to.  Of a template in a file,
 * "template_text" names what it says. */
void study_put_common(js_value **to, const loci_model *m, const loci_study_opts *o, bool asks);
/* What the study was made of, and of what request; or its dropped examples alone.  The sample's
 * memory is the arena's. */
loci_status study_describe(study *s, loci_sample *out, loci_err *err);
loci_status study_hand_over_dropped(const study *s, loci_sample *out, loci_err *err);
/* Remembers a dropped example; [e] NULL: the line is none.  d->kind must last. */
loci_status study_drop(study *s, const loci_example *e, const loci_dropped *d, loci_err *err);
void study_clear(study *s); /* what one that failed leaves after */
/* The first sentence about a dropped example, or NULL. */
const char *study_first_reason(const study *s);

/* The greedy answer, asked for once an example; its memory is the item's. */
loci_status study_ask(study *s, study_item *item, const study_answer **out, loci_err *err);
/* Tokens of an answer where the caller leaves them open: 20, or 1 where one decides. */
int study_max_new(const loci_study_opts *o);
/* Whether the answer's first token, or this one, begins one of the n accepted ones; one that cannot
 * stand after this prompt begins with nothing. */
loci_status study_begins_answer(const loci_prompt *prompt, const char *const *accepted, int n,
                                const loci_answer *answer, bool *out, loci_err *err);
loci_status study_begins_with(const loci_prompt *prompt, const char *const *accepted, int n, int id,
                              bool *out, loci_err *err);

const char *study_lacking(unsigned needs, const loci_example *e); /* in two words, or NULL */
loci_status study_nothing_left(const study *s, const char *where, loci_err *err); /* the error */

#endif
