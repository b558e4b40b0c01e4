/* A store: what was measured of many examples, in one SQLite file.
 *
 * db.*        SQL, the fence round SQLite     schema.h   the tables
 * store.c     opening, writers' lock          row_writer.c     one example's rows, in and out
 * settings.c  what makes two runs the same    store_run.c      measuring a file of examples
 * load.c      rows to averages                store_info.c     what is in it
 * merge.c     stores to one                   store_compare.c  two runs, number by number
 * numbers.c   what measurements give         store_browse.c   its examples, one by one
 * run_series.c   what a run's rows are
 *
 * A run is one measurement with one choice of settings; a result is an example in a run.  An
 * example's rows come in one transaction, so a store that was left at any moment holds whole
 * examples only.  Readers may come at any time; there is one writer (a lock file).  Private to
 * src. */
#ifndef LOCI_STORE_STORE_H
#define LOCI_STORE_STORE_H

#include "store/db.h"
#include "study/jobs.h"

struct loci_store {
  db *d;
  bool writes;
  char *lock_path; /* NULL: none */
  int lock;        /* its descriptor */
};

/* One state of the store for everything that is read until the end, whatever a writer does
 * meanwhile.  [run], if it is not 0, must be there. */
loci_status store_begin_reading(loci_store *s, int64_t run, loci_err *err);
/* Returns [st], or what went wrong at the end. */
loci_status store_end_reading(loci_store *s, loci_status st, loci_err *err);

/* Whether a database, or the one attached as "source", is a store with the tables of one and
 * nothing that acts on them. */
loci_status store_check(db *d, bool attached, const char *path, loci_err *err);

/* Another store's rows that [to] does not have, in one transaction (merge.c). */
loci_status store_add(loci_store *to, const char *path, loci_err *err);

/* Fails where an example's picture is missing and a picture of its folder, which an example before
 * was measured with, is missing, too: a disk that is not mounted any more.  A picture that is alone
 * missing is its example's fault (picture_folder.c). */
loci_status store_check_folder(const loci_store *s, const loci_example *e, loci_err *err);

/* Pictures by what is in their files, each read once (picture_folder.c); NULL is freed, too. */
typedef struct picture_hashes picture_hashes;
loci_status picture_hashes_new(picture_hashes **out, loci_err *err);
void picture_hashes_free(picture_hashes *p);
/* Never 0, but for a picture that cannot be read. */
loci_status picture_hash(picture_hashes *p, const char *path, uint64_t *out, loci_err *err);

/* ---- settings.c */

/* JSON, the same for the same numbers; the job's request is complete.  Caller frees. */
loci_status settings_text(const loci_model *m, const char *hash, const average_job *job,
                          const loci_study_opts *how, char **out, loci_err *err);
/* JSON about the model, and back; strings in [mem]. */
loci_status settings_model(const loci_model_info *m, const char *hash, char **out, loci_err *err);
loci_status settings_read_model(const char *json, const char *where, arena *mem,
                                loci_model_info *out, const char **hash, loci_err *err);

/* The run of those settings, made if there is none. */
typedef struct run_row {
  const char *what, *settings, *model, *data;
} run_row;
loci_status store_run(db *d, const run_row *row, int64_t *out, loci_err *err);

/* The numbers of a run's headline: ?1 run, ?2 quantity, ?3 whether ?4 (the least effect) and wrong
 * answers keep an example out. */
static const char store_headline_query[] =
    "SELECT json_extract(v.x, '$[0]') FROM series s JOIN value v USING (series)"
    " JOIN result r USING (result) JOIN example e USING (example)"
    " WHERE s.run = ?1 AND s.quantity = ?2 AND s.window = 0 AND s.place = ''"
    " AND (NOT ?3 OR (ifnull(r.right, 1) AND json_extract(v.x, '$[0]') >= ?4))"
    " ORDER BY e.line, e.key";

/* A run's numbers as they stand, for store_compare.c. */
typedef struct store_which {
  int64_t run; /* 0: the newest */
  double least_effect;
  uint64_t seed;
  int right; /* 1, 0: right, wrong answers only; -1: what an average takes */
  watch watch;
} store_which;
typedef struct store_side {
  averaging numbers;     /* its strings are the average's */
  loci_average *average; /* sample, title */
  const char *store;
  int64_t run;
  char **keys, **ids; /* of the examples; an id may be "" */
} store_side;
loci_status store_side_load(loci_store *s, const store_which *which, store_side *out,
                            loci_err *err);
void store_side_clear(store_side *side);

#endif
