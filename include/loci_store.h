/* loci, continued: studies that are kept in a file.  Part of loci.h, whose rules hold here. */
#ifndef LOCI_STORE_H
#define LOCI_STORE_H

#ifndef LOCI_H
#error "include loci.h, which includes this"
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* ---------------------------------------------------------------- 18. stores */

/* An SQLite file of runs: one measurement each (trace, flow, knockout, lens, ask) with one choice
 * of settings, of as many examples as were measured so far.  docs/STORE.md has its tables. */
typedef struct loci_store loci_store;

/* [writes]: makes the file where there is none; one writer at a time, readers at any time.  [path]
 * NULL: in memory, for rows on their way to another. */
LOCI_CHECK loci_status loci_store_open(const char *path, bool writes, loci_store **out,
                                       loci_err *err);
LOCI_API void loci_store_close(loci_store *store);

/* How far a measurement is. */
typedef struct loci_store_run_state {
  const char *what;            /* "trace" */
  const char *headline;        /* what the mean is of: "total effect" */
  int64_t used, dropped;       /* examples in the run */
  int64_t fresh;               /* of them measured now */
  int64_t counted;             /* examples of the mean */
  loci_interval mean;          /* with a normal interval */
  double seconds, share, left; /* since the start; of the file; until its end, NaN: unknown */
} loci_store_run_state;

/* How processes share a file.  All go through it in its order; a line that is not measured yet is
 * asked for once.  After each example rows may be handed over; *added: some came from others. */
typedef struct loci_sharing {
  bool (*mine)(void *ctx, int64_t line);
  loci_status (*between)(void *ctx, loci_store *store, bool *added, loci_err *err);
  void *ctx;
} loci_sharing;

typedef struct loci_store_run_opts {
  size_t size;                        /* of this struct */
  const loci_study_opts *study;       /* limit counts examples used before, too */
  const char *what;                   /* kinds joined by commas; NULL: "trace" */
  const loci_trace_opts *trace;       /* corruption, sites, windows, layers, seeds */
  const loci_knockout_opts *knockout; /* window, layers */
  double least_effect;                /* smaller total effects do not count in the mean */
  int shard, shard_count; /* only every shard_count-th line, from line [shard] on; 0: all */
  double
      stop_width; /* end when the mean's interval is narrower, of 30 examples or more; 0: never */
  bool retry;     /* measure dropped examples again */
  void (*each)(void *ctx, const loci_store_run_state *state); /* after every example, or NULL */
  void *each_ctx;
  const loci_sharing *sharing; /* NULL: every line is this process's */
  const loci_lens_opts *lens;  /* positions, layers, answer */
  bool lent;                   /* the file of examples is gone afterwards: its name is not kept */
  const char *donors, *donor_model; /* of "trace", as loci_average_opts has them */
} loci_store_run_opts;

/* Measures the examples that the store does not have yet.  Each one's rows are written at once, so
 * that a run that was ended in any way goes on where it was; other settings or weights are another
 * run.  *out: how it ended, of the first kind.  Cancelled, the store is whole. */
LOCI_CHECK loci_status loci_store_run(loci_store *store, const loci_model *model,
                                      loci_examples *examples, const loci_store_run_opts *opts,
                                      loci_store_run_state *out, loci_err *err);

/* What loci_store_run would measure, whatever its limit. */
typedef struct loci_todo {
  loci_result result;
  const int64_t *lines; /* ascending */
  int64_t count;
  int64_t used;                /* examples that count against a limit already */
  loci_store_run_state before; /* of the first kind */
} loci_todo;
LOCI_CHECK loci_status loci_store_todo(loci_store *store, const loci_model *model,
                                       loci_examples *examples, const loci_store_run_opts *opts,
                                       loci_todo **out, loci_err *err);

/* Rows on their way to another process. */
typedef struct loci_rows {
  loci_result result;
  const void *bytes;
  int64_t size;
} loci_rows;
/* The rows of all examples, which [from] forgets, for loci_store_give. */
LOCI_CHECK loci_status loci_store_take(loci_store *from, loci_rows **out, loci_err *err);
/* Rows of another process, in one transaction; what [to] has already is left alone. */
LOCI_CHECK loci_status loci_store_give(loci_store *to, const void *rows, int64_t size,
                                       loci_err *err);

/* Puts the stores of shares of a file together in [out], which is made where there is none.  What
 * it has already is left alone.  Of a kind that two of them measured, they must share a run: other
 * settings or weights are LOCI_EINVAL, and the sentence says which. */
LOCI_CHECK loci_status loci_store_merge(const char *const *paths, int count, const char *out,
                                        loci_progress_fn progress, void *ctx, loci_err *err);

/* ---- what is in a store */

typedef struct loci_tally {
  const char *kind, *first_reason; /* why examples were dropped; of the first one */
  int64_t count, first_line;
} loci_tally;

typedef struct loci_store_run_info {
  int64_t id;
  const char *what, *settings; /* JSON */
  const char *command;         /* measures it again, into a store NEW.db; "" where none can */
  const char *data, *created;
  loci_model_info model; /* what the store knows of it */
  const char *hash;
  int64_t used, dropped, right, wrong;
  double seconds; /* of all examples */
  int tally_count;
  const loci_tally *tallies;
  const char *headline;
  loci_interval mean; /* of the headline, over all examples used; a normal interval, cut to what
                         the headline can be */
  int64_t reported;   /* of those used, what a report averages with its defaults */
} loci_store_run_info;

typedef struct loci_store_info {
  loci_result result;
  const char *path;
  int64_t examples; /* lines that some run has */
  int run_count;
  const loci_store_run_info *runs;
} loci_store_info;

LOCI_CHECK loci_status loci_store_info_new(loci_store *store, loci_progress_fn progress, void *ctx,
                                           loci_store_info **out, loci_err *err);

/* What is read of a store, and how. */
typedef struct loci_store_opts {
  size_t size;         /* of this struct */
  int64_t run;         /* 0: the newest; of an export: all */
  double least_effect; /* smaller total effects do not count in means */
  uint64_t seed;       /* of bootstrap draws */
  loci_progress_fn progress;
  void *progress_ctx;
} loci_store_opts;

/* A run's average, as the study commands make it of a file of examples. */
LOCI_CHECK loci_status loci_store_average(loci_store *store, const loci_store_opts *opts,
                                          loci_average **out, loci_err *err);

/* ---- examples one by one, for those who look through them */

typedef enum loci_browse {
  LOCI_BROWSE_ALL,
  LOCI_BROWSE_RIGHT,
  LOCI_BROWSE_WRONG,
  LOCI_BROWSE_DROPPED
} loci_browse;

typedef struct loci_store_browse_opts {
  size_t size;         /* of this struct */
  int64_t run;         /* 0: the newest */
  int64_t result;      /* of a row: this example alone, whole; 0: rows */
  const char *text;    /* stands in question, answer or id, whatever the case; NULL: any */
  loci_browse which;   /* right and wrong answers; dropped examples */
  double least_effect; /* smaller total effects are left out; 0: none are */
  const char *sort;    /* line, question, answer, right, effect, dropped, seconds; NULL: line */
  bool descending;
  int64_t first; /* row */
  int count;     /* rows; 0: 100 */
  /* Instead of rows of examples: */
  const char *sql; /* one SELECT over the store's tables (docs/STORE.md); NULL: none */
  bool auroc;      /* how well each single number of the run tells right answers from wrong */
  loci_progress_fn progress; /* of [auroc], which takes a while of many examples */
  void *progress_ctx;
} loci_store_browse_opts;

/* JSON, for loci_text_free: {"run", "what", "headline", "total", "first", "rows": [{"result",
 * "line", "question", "answer", "right", "effect", ...}]}, or of one example its "maps" (site,
 * tokens, ie) and "values" as they were measured.  Of [sql] {"columns", "rows": [[..]], "more"}: at
 * most 1,000 rows, a megabyte and a second of computing; it can only read.  Of [auroc] {"scores":
 * [{"quantity", "place", "right", "wrong", "auroc": {"value", "lo", "hi"}}]}: the chance that a
 * right answer has the higher number than a wrong one, with a 95 % bootstrap interval. */
LOCI_CHECK loci_status loci_store_browse(loci_store *store, const loci_store_browse_opts *opts,
                                         char **out, loci_err *err);

/* ---- two runs */

typedef struct loci_compare_opts {
  size_t size;          /* of this struct */
  int64_t run_a, run_b; /* 0: the newest of its store */
  double least_effect;  /* as in an average */
  uint64_t seed;
  bool by_right; /* right answers of a against wrong answers of b, whatever their effect */
  loci_progress_fn progress;
  void *progress_ctx;
} loci_compare_opts;

/* One number of both: means, b - a with its bootstrap interval, the two-sided p of a t test
 * (Student's of pairs, Welch's of groups), and q, which is p corrected for all numbers that were
 * compared (Benjamini and Hochberg 1995). */
typedef struct loci_compared {
  int n; /* pairs; 0: the groups are independent */
  double a, b;
  loci_interval difference;
  double p, q;
} loci_compared;

typedef struct loci_compared_row {
  const char *quantity, *place; /* as in docs/STORE.md */
  int window, first, count;
  const loci_compared *points; /* of layers first, first + 1, ... */
  double spearman;             /* rank correlation of the two profiles; NaN: none */
  int peak_a, peak_b;          /* numbers of the points with the highest means; -1: none */
} loci_compared_row;

typedef struct loci_compared_run {
  int64_t run;
  const char *store, *what, *title, *model, *hash;
  int used, dropped;
} loci_compared_run;

typedef struct loci_comparison {
  loci_result result;
  loci_compared_run a, b;
  bool by_right;
  int pairs;     /* examples of both; 0: independent groups */
  int64_t tests; /* numbers compared */
  int row_count;
  const loci_compared_row *rows;
} loci_comparison;

LOCI_CHECK loci_status loci_store_compare(loci_store *a, loci_store *b,
                                          const loci_compare_opts *opts, loci_comparison **out,
                                          loci_err *err);

/* Every number of a run, by the path's ending: .csv, a row each; .npz, arrays by series.  Or, as
 * .html, all runs as one page that needs nothing else: figures, tables, intervals, heat maps of the
 * first examples, settings, hashes; its folder is made where it is not there. */
LOCI_CHECK loci_status loci_store_export(loci_store *store, const loci_store_opts *opts,
                                         const char *path, loci_err *err);

#ifdef __cplusplus
}
#endif
#endif
