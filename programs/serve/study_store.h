/* A store that is browsed on the page: read only, one question at a time. */
#ifndef LOCI_SERVE_STUDY_STORE_H
#define LOCI_SERVE_STUDY_STORE_H

#include <loci.h>

#include "form.h"

typedef struct study_store study_store;

/* The path is borrowed. */
loci_status study_store_open(const char *path, study_store **out, loci_err *err);
void study_store_close(study_store *s);             /* takes NULL */
const char *study_store_name(const study_store *s); /* its file's */

/* What is asked of it, as text for loci_text_free.  [what]: "runs", which are in it; "examples",
 * rows of a run, or with the field "result" one of them whole; "average", of a run with the field
 * "least"; "auroc", of a run; "sql", rows of one SELECT in the field "sql".  Unknown fields are
 * LOCI_EINVAL. */
loci_status study_store_ask(study_store *s, const char *what, const form *f, char **out,
                            loci_err *err);
/* All numbers of a run as CSV; caller frees. */
char *study_store_csv(study_store *s, int run, size_t *size);

#endif
