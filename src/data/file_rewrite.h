/* A file of examples gone through line by line and, if wanted, written again: what linting and
 * annotating share.  Memory does not grow with the file. */
#ifndef LOCI_DATA_REWRITE_H
#define LOCI_DATA_REWRITE_H

#include "data/example.h"
#include "data/report.h"

/* Looks at a parsed line, and may change it (*changed); *keep: it is written. */
typedef loci_status file_rewrite_line_fn(void *ctx, js_value *line, const example_source *from,
                                         bool *keep, bool *changed, loci_err *err);

typedef struct file_rewrite {
  const char *path, *out, *stage; /* out NULL: nothing is written; stage: for progress */
  report *found;                  /* counts lines, and names those that are no JSON */
  file_rewrite_line_fn *each;
  void *ctx;
  loci_progress_fn progress;
  void *progress_ctx;
} file_rewrite;

/* A line that is not changed is copied as it stands.  The file is whole or not there. */
loci_status file_rewrite_run(const file_rewrite *r, loci_err *err);

#endif
