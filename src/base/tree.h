/* Whole directories: a copy that shares what is large, and taking one away. */
#ifndef LOCI_BASE_TREE_H
#define LOCI_BASE_TREE_H

#include "base/status.h"

typedef struct tree_counts {
  int linked, copied; /* files */
} tree_counts;

/* Every file of [from] but files and folders named in [without] (paths relative to it; NULL ends
 * the list) and those whose name begins with a dot, into the empty directory [to].  Files of a MiB
 * or more are hard links where the file system allows it; smaller ones are copies, so that they can
 * be written in.  Symbolic links are followed. */
loci_status tree_clone(const char *from, const char *to, const char *const *without, const watch *w,
                       tree_counts *counts, loci_err *err);
/* A file's bytes into [out], an open and empty file that messages call [to]; not synced. */
loci_status tree_copy_into(const char *from, int out, const char *to, const watch *w,
                           loci_err *err);
/* A copy of one file that nothing else shares. */
loci_status tree_copy_file(const char *from, const char *to, const watch *w, loci_err *err);
/* Removes a directory with all that is in it, as far as that is possible. */
void tree_remove(const char *dir);

#endif
