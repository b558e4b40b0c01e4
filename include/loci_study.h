/* loci, continued: questions with answers from a file, and one measurement over many of them.  Part
 * of loci.h, whose rules hold here. */
#ifndef LOCI_STUDY_H
#define LOCI_STUDY_H

#ifndef LOCI_H
#error "include loci.h, which includes this"
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* ---------------------------------------------------------------- 14. examples */

typedef struct loci_field {
  const char *name, *value;
} loci_field;

/* One line of a file of examples (docs/FORMATS.md, "Examples").  Lists are empty and strings NULL
 * where the line says nothing. */
typedef struct loci_example {
  loci_result result;
  int64_t line; /* in the file, from 1 */
  const char *question;
  const char *image; /* path, as it can be opened from here */
  const char *id, *entity, *set, *target;
  uint64_t fingerprint; /* of the line's bytes: the same line, the same example */
  int answer_count, constraint_count, rephrase_count, same_entity_count;
  const char *const *answers;     /* all of them right */
  const char *const *constraints; /* pieces of the question, as loci_question takes them */
  const char *const *kinds;       /* of the constraints: "visual", "textual" or NULL */
  const char *const *rephrase;    /* the question in other words */
  const char *const *same_entity; /* paths of other images of the entity */
  int field_count;
  const loci_field *fields; /* what else the line says: strings as they are, the rest as JSON */
} loci_example;

typedef struct loci_examples loci_examples; /* an open file, read line by line */

/* "-": standard input, one object a line. */
LOCI_CHECK loci_status loci_examples_open(const char *path, loci_examples **out, loci_err *err);
LOCI_API void loci_examples_close(loci_examples *examples);
/* Leaves [count] of the examples, drawn at random by [seed], in the file's order; of one seed a
 * smaller sample is a part of a larger one.  Before the first loci_examples_next. */
LOCI_CHECK loci_status loci_examples_sample(loci_examples *examples, int count, uint64_t seed,
                                            loci_err *err);
/* The next example, for loci_free; NULL after the last one.  After LOCI_EFORMAT, a line
 * that is no example (*err names file, line and field), the next call goes on after it. */
LOCI_CHECK loci_status loci_examples_next(loci_examples *examples, loci_example **out,
                                          loci_err *err);

/* ---------------------------------------------------------------- 15. studies */

/* How a study goes through a file.  An example it cannot use is dropped, with the reason, and the
 * study goes on. */
typedef struct loci_study_opts {
  size_t size;                               /* of this struct */
  const char *template_name, *system, *date; /* as loci_question has them */
  int limit;                                 /* examples to use at most; 0: all */
  int max_new;                               /* tokens of an answer; 0: 20 */
  uint64_t seed;                             /* of splits, draws, samples */
  bool no_hash; /* leave the hash empty instead of reading all weights for it */
  loci_progress_fn progress;
  void *progress_ctx;
  int sample;       /* examples drawn at random by [seed], of which [limit] are used; 0: all */
  bool first_token; /* an answer is right if its first token begins an accepted one: for questions
                       that are completed, whose answers go on and on (max_new 0 is then 1) */
} loci_study_opts;

typedef struct loci_dropped {
  int64_t line;
  const char *id;     /* NULL: none */
  const char *kind;   /* in two words: "no answer" */
  const char *reason; /* in a sentence */
} loci_dropped;

/* What a study was made of. */
typedef struct loci_sample {
  const loci_model_info *model; /* borrowed: the model must outlive the result */
  const char *hash, *precision, *path;
  const char *template_name, *system, *date; /* as loci_prompt_info has them */
  uint64_t seed;
  int used, dropped_count;
  const loci_dropped *dropped;
  double seconds;
} loci_sample;

typedef struct loci_predict_opts {
  size_t size; /* of this struct */
  const loci_study_opts *study;
  int first_layer, layer_count; /* whose contributions count; layer_count 0: chosen on one half of
                                   the examples, tested on the other */
  int samples;        /* answers drawn of each example, for self-consistency (0: there is none) */
  double temperature; /* they are drawn at (0: 1) */
} loci_predict_opts;

/* One example: whether the model was right, and what might have told so (docs/MATH.md, "Failure
 * prediction"). */
typedef struct loci_predicted {
  int64_t line;
  const char *id;     /* NULL: none */
  const char *answer; /* the model's */
  bool right;         /* greedy answer; the label */
  bool first_right;   /* the first token begins an accepted answer */
  bool tested;        /* of the half that scores are tested on */
  double contribution, best_layers, confidence, margin, entropy, probe;
  double consistency; /* share of the drawn answers that are the greedy one; NaN: none were */
} loci_predicted;

/* How well a score tells right answers from wrong ones. */
typedef struct loci_predictor {
  const char *name;    /* "contribution" */
  const char *meaning; /* in one line */
  loci_interval auroc; /* on the tested examples */
  loci_interval lead;  /* the same minus the confidence's, on the same draws */
  loci_interval all;   /* on all examples; NaN: some of them chose its layers */
  int corner_count;    /* of the ROC curve on the tested examples, (0, 0) and (1, 1) included */
  const double *false_rate, *true_rate; /* wrong ones above the threshold; right ones */
} loci_predictor;

typedef struct loci_prediction {
  loci_result result;
  loci_sample sample;
  int right, wrong; /* of all */
  int first_right;
  int tested_right, tested_wrong;
  int first_layer, layer_count; /* of the contribution score */
  int best_first_layer; /* of best_layers, as many; -1: there is none, layers were given or [note]
                         */
  const loci_predicted *examples; /* (sample.used) */
  int predictor_count;
  const loci_predictor *predictors;
  const double *contribution_right, *contribution_wrong; /* (L) means over the examples */
  const char *note; /* why no score is tested; NULL: they are */
} loci_prediction;

/* Answers every example and scores it.  With fewer than 5 right or 5 wrong answers (10 where layers
 * are to be chosen) no score is tested: [note] says so, and there are no predictors. */
LOCI_CHECK loci_status loci_prediction_new(const loci_model *model, loci_examples *examples,
                                           const loci_predict_opts *opts, loci_prediction **out,
                                           loci_err *err);

/* ---- accuracy on a question set */

typedef enum loci_choose {
#define CHOICE(id, name, meaning) LOCI_CHOOSE_##id,
#include "loci_names.def"
} loci_choose;

typedef struct loci_score_opts {
  size_t size; /* of this struct */
  const loci_study_opts *study;
  loci_choose choose; /* where a question has options (docs/FORMATS.md, "Question sets") */
  const char *const *by;
  int by_count; /* fields of the examples to group by; 8 at most */
} loci_score_opts;

typedef struct loci_scored {
  int64_t line;
  const char *id; /* NULL: none */
  const char *question, *image;
  const char *answer;   /* the model's, or the option it finds most likely */
  const char *expected; /* the first accepted answer */
  bool right;
  int option_count; /* 0: answered freely */
  const char *const *options;
  const double *logp;    /* (option_count) of the letter, or of the whole option */
  int chosen, correct;   /* options; -1: answered freely */
  const char *const *by; /* (by_count) values of the fields; NULL: the example has none */
  double vqa;            /* VQA accuracy of a free answer; NaN: the example has no votes */
} loci_scored;

typedef struct loci_score_group {
  const char *field, *value; /* value NULL: examples without the field */
  int n, right;
  loci_interval accuracy; /* Wilson's */
  int voted;              /* examples with several people's answers */
  loci_interval vqa;      /* their mean VQA accuracy (docs/MATH.md, "Accuracy") */
} loci_score_group;

typedef struct loci_score {
  loci_result result;
  loci_sample sample;
  loci_choose choose;
  int right, free_count; /* of sample.used; those answered freely */
  loci_interval accuracy;
  double chance; /* accuracy of guessing among the options; NaN: there are free answers */
  int by_count;
  const char *const *by;
  int group_count;
  const loci_score_group *groups; /* field by field, values in the alphabet's order */
  const loci_scored *examples;    /* (sample.used) */
  int voted;                      /* as of a group */
  loci_interval vqa;
} loci_score;

/* Asks every example.  Free answers are right when they are one of the accepted ones
 * but for case, articles, punctuation and spelled numbers (docs/MATH.md, "Answers"). */
LOCI_CHECK loci_status loci_score_new(const loci_model *model, loci_examples *examples,
                                      const loci_score_opts *opts, loci_score **out, loci_err *err);

/* ---- averages over examples */

/* Of traces: which share of the difference between clean and corrupted run comes back. */
typedef struct loci_restored {
  const loci_interval *mean_of_ratios, *ratio_of_means; /* of the points */
  int n, left_out; /* examples; those whose runs differ too little for a ratio */
} loci_restored;

/* Means over examples at points (layers, visual tokens), with their intervals. */
typedef struct loci_curve {
  const char *name;
  int n; /* examples */
  const loci_interval *points;
  const double *errors; /* standard errors of the points; or NULL */
  /* Of traces: where the curve is highest, how often it stays there when the examples are drawn
   * again, and the layers whose intervals lie above half of the chart's highest mean. */
  bool has_peak;
  int peak; /* number of the point; -1: none */
  loci_interval peak_at;
  double peak_stays;
  int causal_count;
  const int *causal;
  /* Of traces: p of each point by sign flips over the examples, and corrected for all points of all
   * charts by Holm, and by Benjamini and Hochberg; NaN: zero in every example.  NULL: not tested.
   */
  const double *p, *holm, *bh;
  /* Examples whose own highest point (of a head: of all heads) is the mean's; NaN: not asked. */
  loci_interval own_peak;
  const double *among_ten; /* of a head: share of examples among whose ten highest it is; or NULL */
  const loci_restored *p_restored, *logit_diff_restored; /* of traces; NULL: not known */
} loci_curve;

typedef struct loci_chart {
  const char *name, *unit, *x_name; /* "image -> constraint-last", "contribution", "layer" */
  int point_count;
  const int *points; /* layers, or numbers of visual tokens */
  int curve_count;
  const loci_curve *curves;
  double mark; /* what curves are compared with; NaN: nothing */
  const char *mark_name;
  bool of_heads;          /* the curves are a map: a head each, all of them */
  loci_interval own_peak; /* examples whose own highest point of all curves is the mean's; NaN: not
                             asked */
} loci_chart;

typedef struct loci_number {
  const char *name;
  loci_interval value;
} loci_number;

typedef struct loci_average {
  loci_result result;
  const char *what; /* "flow", "knockout", "trace" */
  loci_sample sample;
  const char *title; /* in one line */
  int right, wrong;  /* of the examples used; both 0: nobody asked */
  int number_count;
  const loci_number *numbers;
  int chart_count;
  const loci_chart *charts;
} loci_average;

/* What is averaged, and how. */
typedef struct loci_average_opts {
  size_t size; /* of this struct */
  const loci_study_opts *study;
  /* "flow": contributions image -> constraint-last and constraint -> last for right and for wrong
   * answers, how concentrated and how alike the visual tokens are that feed the constraint.
   * "knockout": p of the model's own next token with each pathway cut.  "trace" (NULL): indirect
   * effects by role, site and window, of the site z head by head, too, of the examples that are
   * answered correctly (if they have answers) and whose total effect is at least [least_effect]. */
  const char *what;
  const loci_trace_opts *trace; /* corruption, sites, windows, layers, seeds, and positions (NULL:
      "each"), whose groups are curves beside the roles' ("all of constraint"); the corruption
      "swap" and "question" without a text take each example's field "swap" or "corrupt_question" */
  const loci_knockout_opts *knockout; /* pathways, window, layers */
  double least_effect;
  /* "trace": a file with another prompt for each example (the line with its id, or its id with
   * "-text"), whose values are put into the example's own run (loci_trace_opts.donor), right or
   * wrong; beside it the twin of the example before and a random position of the own twin; and the
   * recovered share of accuracy.  [donor_model]: a name or directory, whose prompts they are; NULL:
   * the model's own. */
  const char *donors, *donor_model;
} loci_average_opts;

LOCI_CHECK loci_status loci_average_new(const loci_model *model, loci_examples *examples,
                                        const loci_average_opts *opts, loci_average **out,
                                        loci_err *err);

#ifdef __cplusplus
}
#endif
#endif
