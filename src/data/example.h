/* Files of examples, one JSON object a line (docs/FORMATS.md).
 *
 * example.c   one line to one example
 * examples.c  the open file
 * answers.c   when two answers are the same */
#ifndef LOCI_DATA_EXAMPLE_H
#define LOCI_DATA_EXAMPLE_H

#include "base/arena.h"
#include "base/json.h"
#include "base/status.h"

enum { EXAMPLE_LINE_MAX = 1 << 20 }; /* bytes */

/* Where a line stands, or an item of a file that is one array. */
typedef struct example_source {
  const char *path, *folder; /* of the file; images are relative to [folder] */
  const char *unit;          /* "line", "item" */
  int64_t line;
} example_source;

/* Any field that is one value, by its name in the file; NULL: the line does not have it. */
const char *example_field(const loci_example *example, const char *name);

/* Whether such a field, of those kept as text, is a whole number in the file.  Of an example that
 * example_read made. */
bool example_is_number(const loci_example *example, const char *name);

/* The fields whose meaning is fixed. */
enum { EXAMPLE_FIELDS = 10 };
extern const char *const example_fields[EXAMPLE_FIELDS];

/* An example out of one line of [n] bytes; for loci_free. */
loci_status example_parse(const char *text, size_t n, const example_source *from,
                          loci_example **out, loci_err *err);
/* The same of a line that is parsed already. */
loci_status example_read(const js_value *line, const example_source *from, loci_example **out,
                         loci_err *err);

/* A number for some bytes: equal bytes, equal numbers. */
uint64_t example_fingerprint(const char *text, size_t n);

/* Of the line last read, whether it is an example or not. */
uint64_t examples_fingerprint(const loci_examples *x);
/* The file's path, borrowed; the number of the line last read; the share of the file's bytes that
 * were read, 0 where its size is not known (a pipe). */
const char *examples_path(const loci_examples *x);
const char *examples_folder(const loci_examples *x); /* images are relative to it */
int64_t examples_line(const loci_examples *x);
const char *examples_unit(const loci_examples *x); /* "line", "item" */
double examples_share(const loci_examples *x);

/* The answer as answers are compared: lower case, no punctuation, no articles, digits for spelled
 * numbers, single blanks.  In [mem]. */
loci_status answer_normalise(const char *answer, arena *mem, char **out, loci_err *err);
/* Whether an answer is one of the accepted ones but for case, articles, punctuation and spelled
 * numbers (docs/MATH.md, "Answers"). */
loci_status answer_matches(const char *answer, const char *const *accepted, int count, bool *out,
                           loci_err *err);

#endif
