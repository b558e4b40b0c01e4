/* Texts that stand before a question, so that an edit holds wherever it is asked: the context
 * templates of ROME and MEMIT. */
#ifndef LOCI_PROGRAMS_PREFIXES_H
#define LOCI_PROGRAMS_PREFIXES_H

#include <loci.h>

typedef struct prefixes {
  char **at; /* lines as they stand in the file */
  int count;
} prefixes;

/* A text a line, empty lines passed over: what stands before the question, or with the question's
 * place as {}.  prefixes_clear after a failure, too. */
loci_status prefixes_read(const char *path, prefixes *out, loci_err *err);
void prefixes_clear(prefixes *p);

/* The question after a prefix, and the constraint there: "TEXT@2" where the prefix has TEXT, too.
 * Both for free().  *question is NULL where the line is the question alone. */
loci_status prefixes_apply(const char *line, const char *question, const char *constraint,
                           char **out_question, char **out_constraint, loci_err *err);

#endif
