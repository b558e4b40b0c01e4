/* loci, continued: files of examples made, checked, annotated.  Part of loci.h, whose rules hold
 * here. */
#ifndef LOCI_DATA_H
#define LOCI_DATA_H

#ifndef LOCI_H
#error "include loci.h, which includes this"
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* ---------------------------------------------------------------- 17. data sets */

/* Something about one line that a person should know. */
typedef struct loci_finding {
  int64_t line;         /* in the file read, from 1 */
  const char *id;       /* of the example; NULL: none */
  const char *field;    /* "constraints[1].text"; NULL: the line as a whole */
  const char *kind;     /* "constraint-case" */
  const char *message;  /* in one sentence */
  const char *repaired; /* what stands there now, or would with fix; NULL: cannot be repaired */
  bool error;           /* the line is refused, or its numbers would mean something else */
} loci_finding;

typedef struct loci_finding_kind {
  const char *name, *meaning;
  bool error, repairable; /* always, or in some cases */
  int64_t count, repaired;
} loci_finding_kind;

enum { LOCI_MOST_FINDINGS = 50000 };

/* What became of a file. */
typedef struct loci_data_report {
  loci_result result;
  const char *what;           /* "import", "lint" */
  const char *path, *out;     /* out NULL: nothing was written */
  bool fixed;                 /* repairs were made, not only named */
  int64_t read, written;      /* examples (rows, lines that are not blank) */
  int64_t bad;                /* with an error that stays */
  int64_t answered, pictured; /* import: with answers; with a picture that is there */
  int64_t compared, exact;    /* annotate: examples whose constraint is a piece of the question, and
                                 those among them whose proposal is the same but for articles */
  double token_f1; /* mean over them: 2 shared words / (words of one + words of the other) */
  int64_t finding_count, unlisted; /* what is beyond LOCI_MOST_FINDINGS is counted, not listed */
  const loci_finding *findings;
  int kind_count;
  const loci_finding_kind *kinds; /* those that were found, errors first */
} loci_data_report;

typedef struct loci_lint_opts {
  size_t size;             /* of this struct */
  const loci_model *model; /* NULL: nothing about tokens is checked */
  int max_answer;          /* tokens of an answer, with a model; 0: 20 */
  bool no_images;          /* do not open pictures */
  const char *out; /* with repairs, in JSONL; NULL: nothing is written, repairs are proposed */
  loci_progress_fn progress;
  void *progress_ctx;
} loci_lint_opts;

/* Every line of a file of examples, checked for what refuses it or would spoil its trace (the kinds
 * are listed in docs/DATA.md).  Memory grows with the findings that are listed, and by some 120
 * bytes a line to find doubles.  The file written holds every line but those that are no example
 * and those that repeat another one in everything. */
LOCI_CHECK loci_status loci_data_lint(const char *path, const loci_lint_opts *opts,
                                      loci_data_report **out, loci_err *err);

typedef struct loci_import_opts {
  size_t size;                /* of this struct */
  const char *format;         /* "okvqa", "known", "movies", "evqa", "vlkeb", "mmedit", "csv" */
  const char *images;         /* folder; NULL: the table's own */
  const char *const *answers; /* paths: OK-VQA or VQAv2 questions and annotations */
  int answer_count;
  const char *image_list; /* JSON with "images": numbers of pictures and their files, or NULL */
  bool raw;               /* constraints as the table has them, without repairs */
  loci_progress_fn progress;
  void *progress_ctx;
} loci_import_opts;

/* A table of questions (CSV) as a file of examples, [to]; rows that are none are left out and
 * named. */
LOCI_CHECK loci_status loci_data_import(const char *path, const char *to,
                                        const loci_import_opts *opts, loci_data_report **out,
                                        loci_err *err);

typedef struct loci_annotate_opts {
  size_t size;         /* of this struct */
  const char *out;     /* the examples with the proposals as their constraints; NULL: none */
  const char *weights; /* file of weights; NULL: the built-in ones.  With [train]: written */
  const char *train;   /* .jsonl, or .csv with question and constraint (or main_entity) */
  bool keep;           /* leave examples alone that have constraints */
  bool compare;        /* with the constraints that are there */
  bool why;            /* a finding for every proposal, with what speaks for it */
  bool whole; /* whole noun phrases in the set "known", too, whose own constraints end after a word
               */
  const loci_model *model; /* breaks ties: of proposals alike, the one its answer depends on; NULL:
                              the first */
  loci_progress_fn progress;
  void *progress_ctx;
} loci_annotate_opts;

/* Proposes the constraints of every question by its grammar, without a model unless one is given:
 * the piece that points at the picture (visual), and names and numbers that are further conditions
 * (textual). */
LOCI_CHECK loci_status loci_data_annotate(const char *path, const loci_annotate_opts *opts,
                                          loci_data_report **out, loci_err *err);

#ifdef __cplusplus
}
#endif
#endif
