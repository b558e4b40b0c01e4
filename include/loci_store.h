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

/* [writes]: makes the file where there is none; one writer at a time, readers at any time. */
LOCI_CHECK loci_status loci_store_open(const char *path, bool writes, loci_store **out,
                                       loci_err *err);
LOCI_API void loci_store_close(loci_store *store);

/* How far a measurement is. */
typedef struct loci_run_state {
  const char *what;            /* "trace" */
  const char *headline;        /* what the mean is of: "total effect" */
  int64_t used, dropped;       /* examples in the run */
  int64_t fresh;               /* of them measured now */
  int64_t counted;             /* examples of the mean */
  loci_interval mean;          /* with a normal interval */
  double seconds, share, left; /* since the start; of the file; until its end, NaN: unknown */
} loci_run_state;

typedef struct loci_run_opts {
  loci_study_opts study;       /* limit counts examples used before, too */
  const char *what;            /* kinds joined by commas; NULL: "trace" */
  loci_trace_opts trace;       /* corruption, sites, windows, layers, seeds */
  loci_knockout_opts knockout; /* window, layers */
  double least_effect;         /* smaller total effects do not count in the mean */
  int shard, shard_count;      /* only every shard_count-th line, from line [shard] on; 0: all */
  double
      stop_width; /* end when the mean's interval is narrower, of 30 examples or more; 0: never */
  bool retry;     /* measure dropped examples again */
  void (*each)(void *ctx, const loci_run_state *state); /* after every example, or NULL */
  void *each_ctx;
} loci_run_opts;

/* Measures the examples that the store does not have yet.  Each one's rows are written at once, so
 * that a run that was ended in any way goes on where it was; other settings or weights are another
 * run.  *out: how it ended, of the first kind.  Cancelled, the store is whole. */
LOCI_CHECK loci_status loci_store_run(loci_store *store, loci_model *model, loci_examples *examples,
                                      const loci_run_opts *opts, loci_run_state *out,
                                      loci_err *err);

/* ---- what is in a store */

typedef struct loci_tally {
  const char *kind, *first_reason; /* why examples were dropped; of the first one */
  int64_t count, first_line;
} loci_tally;

typedef struct loci_run_info {
  int64_t id;
  const char *what, *settings; /* JSON */
  const char *data, *created;
  loci_model_info model; /* what the store knows of it */
  const char *hash;
  int64_t used, dropped, right, wrong;
  double seconds; /* of all examples */
  int tally_count;
  const loci_tally *tallies;
  const char *headline;
  loci_interval mean; /* of the headline, over all examples used; a normal interval */
} loci_run_info;

typedef struct loci_store_info {
  const char *path;
  int64_t examples; /* lines that some run has */
  int run_count;
  const loci_run_info *runs;
} loci_store_info;

LOCI_CHECK loci_status loci_store_info_new(loci_store *store, loci_store_info **out, loci_err *err);
LOCI_API void loci_store_info_free(loci_store_info *info);
LOCI_CHECK loci_status loci_store_info_json(const loci_store_info *info, char **out, loci_err *err);
LOCI_CHECK loci_status loci_store_info_draw(const loci_store_info *info, const loci_draw_opts *opts,
                                            char **out, loci_err *err);

/* A run's average, as the study commands make it of a file of examples.  [run] 0: the newest. */
LOCI_CHECK loci_status loci_store_average(loci_store *store, int64_t run, double least_effect,
                                          uint64_t seed, loci_average **out, loci_err *err);

/* Every number of a run (0: of all) by the path's ending: .csv, a row each; .npz, arrays by
 * series. */
LOCI_CHECK loci_status loci_store_export(loci_store *store, int64_t run, const char *path,
                                         loci_err *err);

#ifdef __cplusplus
}
#endif
#endif
