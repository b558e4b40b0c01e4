/* One example's rows, as they are written (row_writer.c).  Private to src/store. */
#ifndef LOCI_STORE_ROWS_H
#define LOCI_STORE_ROWS_H

#include "store/db.h"
#include "study/jobs.h"

enum { STORE_KEY = 40, LINE_KEY = 16 };
/* An example's name: its line's bytes and, after a -, its picture's.  A picture that cannot be read
 * has no part in it, nor has any in stores of before: such a name is that of another example of the
 * same line with a picture of the same path.  A line that is no example is named by its bytes. */
typedef struct example_key {
  char full[STORE_KEY], line[STORE_KEY];
  const char *image; /* borrowed; NULL: none */
} example_key;
/* [picture] 0: none, or none that can be read. */
example_key store_key(const loci_example *e, uint64_t fingerprint, uint64_t picture);

/* Statements that write an example's rows, prepared once. */
typedef struct row_writer {
  db *d;
  db_query *find_example, *add_example, *find_result, *add_result, *end_result, *find_series,
      *add_series, *add_value, *add_grid, *forget_values, *forget_grids, *forget_dropped,
      *name_example;
} row_writer;
loci_status rows_open(db *d, row_writer *w, loci_err *err);
void rows_close(row_writer *w);

typedef enum result_state { RESULT_NONE, RESULT_USED, RESULT_DROPPED } result_state;
loci_status rows_find(row_writer *w, int64_t run, const example_key *key, result_state *out,
                      loci_err *err);
/* The example's number; its row is made where there is none.  [e] NULL: the line is no example. */
loci_status rows_example(row_writer *w, const loci_example *e, const example_key *key, int64_t line,
                         int64_t *out, loci_err *err);
/* A result that is begun; one that was dropped before gives way to it. */
loci_status rows_begin(row_writer *w, int64_t run, int64_t example, int64_t *result, loci_err *err);
typedef struct result_end {
  const char *dropped, *reason; /* NULL: used */
  const study_answer *answer;   /* NULL: nobody asked */
  bool judged;                  /* the example has answers to compare with */
  double seconds;
} result_end;
/* The result's last word; a dropped one keeps no numbers. */
loci_status rows_end(row_writer *w, int64_t result, const result_end *end, loci_err *err);
/* The numbers of the example gathered last, a's first row. */
loci_status rows_values(row_writer *w, int64_t run, int64_t result, const averaging *a,
                        loci_err *err);
loci_status rows_grid(row_writer *w, int64_t result, const loci_trace *t, const loci_grid *g,
                      loci_err *err);

#endif
