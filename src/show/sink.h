/* What a result says, once, and who listens: a kind's describe() names its numbers one after the
 * other, and a sink makes JSON of them, rows of CSV, named arrays, or finds one column.
 *
 *   JSON     everything, in the order in which it is said
 *   CSV      a row a cell of every table, and a row at each say_row: the columns that row_columns
 *            lists, each looked up by name in the table, its axes, and what was said round it
 *   arrays   tables and axes, under names that begin as array_under says
 *   column   the table's column at one path, "grids.0.ie", as it lies in the result
 *
 * A key "value|mean" is "value", but "mean" in CSV; keys outlive the call.  A failed allocation is
 * remembered by the sink: describe() has no errors. */
#ifndef LOCI_SHOW_SINK_H
#define LOCI_SHOW_SINK_H

#include "base/json.h"
#include "base/status.h"

typedef enum sink_medium { SINK_JSON, SINK_CSV, SINK_ARRAYS, SINK_COLUMN } sink_medium;

typedef struct sink sink;
typedef void describe_fn(const void *result, sink *s);

/* ---- values */

void say_null(sink *s, const char *key);
void say_text(sink *s, const char *key, const char *text); /* NULL: null */
void say_text_n(sink *s, const char *key, const char *text, size_t n);
void say_int(sink *s, const char *key, int64_t x);
void say_real(sink *s, const char *key, double x); /* NaN: null */
void say_bool(sink *s, const char *key, bool x);
/* As text beyond JSON's signed integers, rather than rounded. */
void say_seed(sink *s, const char *key, uint64_t seed);
/* What a JSON document says; NULL: memory is out. */
void say_json(sink *s, const char *key, const js_value *v);
/* The same of a text; null if it is none. */
void say_json_text(sink *s, const char *key, const char *text);

/* An object, or a list, until the next say_end; [key] NULL: the next item of a list. */
void say_begin(sink *s, const char *key);
void say_list(sink *s, const char *key);
void say_end(sink *s);

void say_ints(sink *s, const char *key, const int *x, int64_t n);
void say_reals(sink *s, const char *key, const double *x, int64_t n);
void say_texts(sink *s, const char *key, const char *const *x, int64_t n);
/* n values of a member of structs, [stride] bytes from one to the next. */
void say_column(sink *s, const char *key, loci_type type, const void *first, size_t stride,
                int64_t n);

/* ---- tables */

/* In CSV an axis has its name's column, and of positions "token" and "role" ("to_token" of an axis
 * "to" that is not the first). */
void table_begin(sink *s, int rank, const loci_axis *axes);
void table_end(sink *s);
/* Cells whose last axis lies after the one before it are no rows of CSV. */
void table_lower(sink *s);
/* A value for each cell, [stride] bytes from one to the next, the last axis running first. */
void table_column(sink *s, const char *key, loci_type type, const void *first, size_t stride);
/* The same with bytes from one to the next along each axis. */
void table_strided(sink *s, const char *key, loci_type type, const void *first,
                   const int64_t *strides);
#define table_reals(s, key, first, stride) table_column(s, key, LOCI_TYPE_REAL, first, stride)
#define table_texts(s, key, first, stride) table_column(s, key, LOCI_TYPE_TEXT, first, stride)
#define table_floats(s, key, first, stride) table_column(s, key, LOCI_TYPE_FLOAT, first, stride)
/* The numbers, or names, of an axis. */
void say_axis(sink *s, const char *key, const loci_axis *axis);

/* The numbers of axes called "position", "to", "from" are positions of this prompt. */
void say_positions_of(sink *s, const loci_prompt_info *p);

/* ---- for one medium alone */

bool is_for(const sink *s, sink_medium medium);
/* "loci.NAME/1" and the version. */
void say_format(sink *s, const char *name);
/* Columns of CSV, "a,b,?c"; one with a ? is there only if something says it. */
void row_columns(sink *s, const char *names);
/* One more, of any title, for what is said as [key]. */
void row_column(sink *s, const char *title, const char *key);
void say_row(sink *s);
/* Arrays of this object and what is in it are named "STEM.name". */
void array_under(sink *s, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Metadata of a safetensors file. */
void array_note(sink *s, const char *key, const char *text);

#endif
