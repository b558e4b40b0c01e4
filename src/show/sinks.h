/* The sinks themselves (see sink.h): what each does with a word of a describe(), and what runs
 * one. */
#ifndef LOCI_SHOW_SINKS_H
#define LOCI_SHOW_SINKS_H

#include "show/bytes.h"
#include "show/sink.h"

/* ---- what runs a describe() */

typedef enum json_style { JSON_LINES, JSON_PRETTY, JSON_ONE_LINE } json_style;
loci_status sink_json(describe_fn *describe, const void *result, json_style style, char **out,
                      loci_err *err);
loci_status sink_csv(describe_fn *describe, const void *result, bytes *out, loci_err *err);
loci_status sink_arrays(describe_fn *describe, const void *result, const char *path, loci_err *err);
/* LOCI_EINVAL: there is no such column. */
loci_status sink_column(describe_fn *describe, const void *result, const char *path,
                        loci_column *out, loci_err *err);

/* ---- inside */

/* A single value. */
typedef struct said {
  enum { SAID_NULL, SAID_TEXT, SAID_INT, SAID_REAL, SAID_BOOL } type;
  const char *text;
  int64_t size; /* of the text */
  int64_t whole;
  double real;
} said;

typedef enum column_use {
  COLUMN_LIST,  /* a list by itself: no array */
  COLUMN_AXIS,  /* the numbers or names of a table's axis */
  COLUMN_CELLS, /* of the table that was begun */
} column_use;

typedef struct sink_ops {
  void (*value)(sink *s, const char *key, const said *v);
  void (*begin)(sink *s, const char *key, bool list);
  void (*end)(sink *s);
  void (*column)(sink *s, const char *key, const loci_column *c, column_use use);
  void (*table_end)(sink *s);
  void (*row)(sink *s);
} sink_ops;

/* Every sink begins with this. */
struct sink {
  const sink_ops *ops;
  sink_medium medium;
  loci_axis axes[LOCI_AXES]; /* of the table that was begun */
  int rank;
  bool lower;
  bool failed;                    /* memory is out */
  const loci_prompt_info *prompt; /* whose tokens the positions of axes are */
};

/* The key of JSON, in [out]; that of CSV. */
const char *sink_key(const char *key, char out[64]);
const char *sink_csv_key(const char *key);
/* The cell of a column at [at], one index for each axis. */
const void *column_at(const loci_column *c, const int64_t *at);
void row_add_column(sink *s, const char *title, size_t n, const char *key, bool optional);
void arrays_under(sink *s, const char *stem);
void arrays_note(sink *s, const char *key, const char *text);

#endif
