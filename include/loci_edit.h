/* loci, continued: a new answer, written into one matrix, and what else it changes.  Part of
 * loci.h, whose rules hold here. */
#ifndef LOCI_EDIT_H
#define LOCI_EDIT_H

#ifndef LOCI_H
#error "include loci.h, which includes this"
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* ---------------------------------------------------------------- 16. edit */

/* What the model should answer.  The key is read at the last position of the question's first
 * constraint. */
typedef struct loci_edit_request {
  const loci_prompt *prompt;
  const loci_prompt *const *rephrased; /* the question in other words or on other pictures: keys are
                                          averaged over all */
  int rephrased_count;
  const loci_prompt *const *kept; /* questions with a constraint whose output must stay the same */
  int kept_count;
  const char *target; /* the new answer */
  const char *name;   /* as messages call it, such as "requests.jsonl:3"; NULL: by its number */
  /* why there is no prompt, where there is none: the request fails with this */
  const char *refused;
} loci_edit_request;

/* How; a result has the values that were used. */
typedef struct loci_edit_settings {
  size_t size;         /* of this struct */
  int steps;           /* of Adam, at most; 0: 40.  rome, memit and alphaedit count as their
                          releases do: the last step only measures */
  double lr;           /* 0: 0.1; ft, ft-l: 1e-3 */
  double weight_decay; /* of ||delta|| / ||v0||^2 in the loss; 0: 1e-3, negative: none */
  double lambda;       /* ridge of the update; 0: 0.01, alphaedit 10, negative: none; memit: weight
                          of the covariance, 0: 1 */
  double max_norm;     /* ||delta|| is held below this many ||v0||; 0: never, with authors 1e-4;
                          negative: never */
  double stop_p;       /* ends when p(target) is reached; 0: never */
  double stop_loss;   /* ends when the loss is below; 0: rome, memit, alphaedit 0.05, ft, ft-l 0.01,
                         multedit never; negative: never */
  double kl;          /* weight of KL(after || before) at the constraint's last token in
                         "CONSTRAINT is a"; 0: none, negative: none, whatever a preset has */
  double ridge;       /* rome, memit: added to the covariance's diagonal, in means of it; 0:
                         1e-3, negative: none */
  bool authors;       /* the released scripts' values, and the target's first token alone */
  bool average_loss;  /* over all wordings of a request; only multedit has a choice */
  bool each_key;      /* every wording's key brings the value, not their mean alone */
  double keep_weight; /* of what should stay, against a request's 1; 0: 1, negative: none */
  double eps;         /* ft-l: bound of each entry of W' - W; 0: 2e-3 */
  bool at_last;       /* ft, ft-l: all tokens of the target at the prompt's last position, as
                         ROME's release trains; else each after those before it */
  bool without_constraint; /* ft, ft-l: train on the question with its constraint removed */
  double null_below;       /* alphaedit: directions of the keys' covariance with an eigenvalue below
                              this are free; 0: 0.02 */
  double null_relative;    /* the same in means of the eigenvalues; 0: null_below says it */
  int batch;               /* requests solved together, those after them in the model that they have
                              changed; 0: all; not of ft, ft-l */
} loci_edit_settings;

/* Mean of k k^T over every position of a set of prompts, k the input of a layer's down projection:
 * what ROME, MEMIT and AlphaEdit spare. */
typedef struct loci_covariance {
  loci_result result;
  const char *hash, *tensor, *precision; /* as those of an edit */
  int layer;
  int64_t inner; /* F */
  int64_t keys;  /* positions of all prompts */
  int prompts;
  const float *values; /* (F,F) */
  loci_sample sample;  /* of one from a file: empty */
} loci_covariance;

/* Of the questions of a file.  Answers play no part, and constraints only this: a question that one
 * of its own is not in is left out. */
LOCI_CHECK loci_status loci_covariance_new(const loci_model *model, loci_examples *examples,
                                           int layer, const loci_study_opts *opts,
                                           loci_covariance **out, loci_err *err);
typedef struct loci_edit_step {
  double loss, p; /* before the step; p of the whole answer */
} loci_edit_step;

typedef struct loci_edit_opts {
  size_t size; /* of this struct */
  bool has_layer;
  int layer; /* whose down projection is changed; else layer 2, or the last one that can answer */
  const char
      *method; /* "multedit" (NULL), "ft", "ft-l", "rome", "memit", "alphaedit" (docs/MATH.md) */
  const loci_edit_settings *settings;
  const loci_covariance *covariance; /* of rome, memit, alphaedit, of this model's layer */
  bool no_covariance;                /* the same three: the identity in its place */
  const loci_prompt *const *keep;    /* what no request may change, as loci_edit_request.kept */
  int keep_count;
  bool drop; /* a request that cannot be solved, by its own fault, is named in the result and the
                others are solved; else it ends the work */
  bool no_answers; /* measure probabilities alone, generate nothing */
  loci_progress_fn progress;
  void *progress_ctx;
  /* Of a command line, what names the requests and questions to keep, such as
   * "--requests=r.jsonl": for the result's command.  None: a request without further prompts is
   * named by its question. */
  const char *const *words;
  int word_count;
  /* memit, alphaedit: several layers, ascending, that share the change; the value is found at the
   * last.  None: [layer] alone. */
  const int *layers;
  int layer_count;
  const loci_covariance *const *covariances; /* where there are several: one for each layer */
  int covariance_count;
  /* Called after every step with the steps of the request that is solved, the last one newest; of
   * several that are tuned together (ft, ft-l), of the first. */
  void (*watch)(void *ctx, const loci_edit_step *steps, int count);
  void *watch_ctx;
} loci_edit_opts;

/* What became of one request.  [before] and [after] are of the whole target, teacher forced; kl is
 * KL(before || after) at the last prompt position. */
typedef struct loci_edit_fact {
  int request; /* its number among those asked for */
  const char *image, *question, *template_name, *constraint, *target;
  const char *system, *date; /* as loci_prompt_info has them */
  int target_count;
  const int *target_ids;
  int position;     /* of the key */
  int prompt_count; /* whose keys are averaged */
  int step_count;
  const loci_edit_step *steps;             /* the last one is after the last update */
  double key_norm, value_norm, delta_norm; /* value_norm: ||v0||, what bounds are relative to:
                                              ||W k||, of rome with the question's own key; memit:
                                              of the residual stream after the layer, there */
  loci_outcome before, after;
  bool reached;     /* after the edit every token of the target is the most likely one */
  const char *hint; /* where it is not: what to change */
  const char *answer_before, *answer_after; /* greedy; NULL: not asked for */
} loci_edit_fact;

/* A request that was left out. */
typedef struct loci_edit_dropped {
  int request;               /* its number among those asked for */
  const char *name, *reason; /* name: the request's, or NULL */
} loci_edit_dropped;

/* A change of one matrix: W' = W + left right. */
typedef struct loci_edit_part {
  int layer;
  const char *tensor; /* the matrix, as the checkpoint spells it */
  int64_t rank;
  const float *left;  /* (width, rank) */
  const float *right; /* (rank, inner) */
  double norm;        /* Frobenius norm of left right */
  int64_t free_count; /* of alphaedit: directions that were free, of [inner]; -1: no projection */
} loci_edit_part;

/* A change of one matrix, or of one in each of several layers.  After fine-tuning, left is the
 * identity. */
typedef struct loci_edit {
  loci_result result;
  const char *method; /* "multedit" */
  const char *hash;   /* of the model it was made for */
  const char *precision;
  const char *tensor; /* layer, tensor, rank, left and right: those of the last part */
  int layer;
  int64_t width, inner, rank;
  const float *left, *right;
  double norm; /* Frobenius norm of the whole change */
  loci_edit_settings settings;
  int fact_count;
  const loci_edit_fact *facts; /* of an edit from a file: the requests alone */
  int dropped_count;
  const loci_edit_dropped *dropped;
  loci_cost cost;   /* of finding the values; formula: what the change can reach */
  const char *path; /* it was read from; NULL: none */
  int part_count;   /* 1 or more, by layer */
  const loci_edit_part *parts;
  const char *note; /* what else computed its values than the model's device; NULL: nothing */
} loci_edit;

/* The published settings of a name in LOCI_NAMES_PRESET, where opts and settings say nothing of
 * their own; both have their size, and opts->settings is left alone. */
LOCI_CHECK loci_status loci_edit_preset(const char *name, loci_edit_opts *opts,
                                        loci_edit_settings *settings, loci_err *err);
/* Solves all requests into one matrix.  The model stays as it is.  Two requests of one key with two
 * targets contradict each other: LOCI_EINVAL, or the later one is left out. */
LOCI_CHECK loci_status loci_edit_solve(const loci_model *model, const loci_edit_request *requests,
                                       int count, const loci_edit_opts *opts, loci_edit **out,
                                       loci_err *err);
/* Changes the model in memory.  Edits of one model stack, in the order given; reverting any of them
 * leaves what the others alone would have made, and after the last one every bit is as before.  The
 * edit may be freed only after it is reverted.  Prompts stay valid.  What is measured then names
 * the edits (loci_model_info). */
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
  loci_result result;
  const char *dir, *hash; /* of what was written */
  const char *dtype;      /* of the changed matrices */
  int edit_count, matrix_count;
  int written;        /* matrices; several may be of one file */
  int linked, copied; /* files */
  double norm;        /* || W' - W || over all matrices */
  double rounding;    /* || what rounding to dtype took || */
  int check_count;
  const loci_edit_check *checks;
  int lost;   /* requests that the edited model answers and the written one does not */
  int missed; /* requests that the edited model does not answer in the first place */
  int left_count;
  const char *const *left; /* folders of the source that are models of their own: not copied */
} loci_edit_saved;

/* Writes the model with the edits as a checkpoint that the usual tools load: in the source's
 * layout, sharding, dtypes, names and metadata, with unchanged files linked or copied.  The
 * directory is whole or not there.  Then it is opened, and every request is measured in it. Should
 * that fail, the directory is removed again.  The model itself must have no edits applied and stays
 * as it is.
 */
LOCI_CHECK loci_status loci_edit_save(const loci_model *model, const loci_edit *const *edits,
                                      int count, const char *dir, loci_progress_fn progress,
                                      void *ctx, loci_edit_saved **out, loci_err *err);
/* Puts back, bit for bit, what loci_edit_save replaced in [dir], file by file, each whole or not at
 * all.  Called again after a stop (LOCI_ECANCELLED), it finishes. */
LOCI_CHECK loci_status loci_edit_undo(const char *dir, loci_progress_fn progress, void *ctx,
                                      loci_err *err);

/* ---- what edits do, on an edit set */

typedef struct loci_edit_test_opts {
  size_t size; /* of this struct */
  const loci_study_opts *study;
  const loci_edit *const *edits; /* all of them at once; NULL: each example is solved alone... */
  int edit_count;
  const loci_edit_opts *how; /* ...like this */
  int prompts;               /* wordings whose keys are averaged then; 0: 1 */
  int renderings;            /* of same_entity_images, the pictures that take part too */
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

/* What is said of examples as a whole; shares of them, of those it applies to. */
typedef struct loci_edit_measure {
  const char *name; /* "blindness"; of successful edits "proper", "under", "over", "both" */
  int examples;
  loci_interval before, after; /* before: of blindness alone */
} loci_edit_measure;

typedef struct loci_edit_test {
  loci_result result;
  loci_sample sample;
  const char *method;
  int layer;                   /* -1: several */
  loci_edit_settings settings; /* of how, or of the first edit */
  loci_interval score; /* harmonic mean of efficacy, paraphrases, other pictures of the entity, and
                          the shares unchanged on the same and on other pictures; of those there are
                          questions for */
  int group_count;
  const loci_edit_group *groups;
  int measure_count;
  const loci_edit_measure *measures;
} loci_edit_test;

LOCI_CHECK loci_status loci_edit_test_new(const loci_model *model, loci_examples *examples,
                                          const loci_edit_test_opts *opts, loci_edit_test **out,
                                          loci_err *err);

/* ---- tests beside each other */

/* Made by loci_read. */
typedef struct loci_edit_tests {
  loci_result result;
  int count;
  const char *const *names; /* the files', without folder and ending */
  /* Method, layer, score, the first metric of each group, of those that should stay "kl", "top1"
   * and "top10" too, the measures, and how many examples were used.  All have the same groups, in
   * the order of edit test; those that a file lacks have no questions. */
  const loci_edit_test *const *tests;
} loci_edit_tests;

/* ---- what edits do, over a setting */

typedef struct loci_edit_curve_opts {
  size_t size;                     /* of this struct */
  const loci_edit_test_opts *test; /* without edits */
  const char *over; /* "layer", "lambda", "steps", "max-norm", "lr"; or "count": the first n
                       examples         of the file, solved into one matrix */
  const double *values;
  int value_count;
} loci_edit_curve_opts;

typedef struct loci_edit_curve {
  loci_result result;
  const char *over;
  int point_count;
  const double *points;
  const loci_edit_test *const *tests; /* one for each point */
  const char
      *note; /* about layers that were left out, because no edit is possible there; or NULL */
} loci_edit_curve;

/* [path]: of an edit set, read anew for each point. */
LOCI_CHECK loci_status loci_edit_curve_new(const loci_model *model, const char *path,
                                           const loci_edit_curve_opts *opts, loci_edit_curve **out,
                                           loci_err *err);

#ifdef __cplusplus
}
#endif
#endif
