/* What a file really is, by its first bytes and not by its name: whoever opens a file and finds
 * something else there says so in one and the same way. */
#ifndef LOCI_BASE_KIND_H
#define LOCI_BASE_KIND_H

#include <stddef.h>
#include <stdio.h>

#include "base/status.h"

typedef struct file_kind {
  const char *what; /* "a Git LFS pointer" */
  const char *todo; /* "git lfs pull"; NULL: nothing to say */
} file_kind;

/* The kind, or NULL if it is none of those that are known.  JSON, CSV, plain text and safetensors
 * are not told apart here: their readers find out. */
const file_kind *kind_of_bytes(const void *bytes, size_t n);
/* "PATH: a GIF picture, not a table; convert it .." and LOCI_EFORMAT where the bytes are of a known
 * kind, LOCI_OK where they are not.  [expected]: "a table". */
loci_status kind_refuse(const void *bytes, size_t n, const char *path, const char *expected,
                        loci_err *err);
/* The same of a file's beginning; a stream stays where it is.  LOCI_OK also for what is no regular
 * file or cannot be read. */
loci_status kind_refuse_file(const char *path, const char *expected, loci_err *err);
loci_status kind_refuse_stream(FILE *f, const char *path, const char *expected, loci_err *err);

#endif
