/* Checkpoints written back: the source's directory with some matrices changed, whole or not at all,
 * and what was replaced kept beside them. */
#ifndef LOCI_CHECKPOINT_SAVE_H
#define LOCI_CHECKPOINT_SAVE_H

#include "base/tree.h"
#include "checkpoint/weights.h"

/* What is written in the place of a weight: rounded once to its dtype. */
typedef struct new_values {
  const weight *w;     /* in the checkpoint's map */
  const float *values; /* (rows, cols) */
  double lost, moved;  /* result: ||rounded - values||, ||values - w|| */
} new_values;

/* What became of the source's files. */
typedef struct saved_files {
  arena *mem; /* given: names are kept in it */
  tree_counts counts;
  const char **left; /* folders with a model of their own, which stay behind */
  int left_count;
} saved_files;

/* Writes [dir], which must not exist, in the layout, sharding, dtypes, names and metadata of the
 * source: files of which nothing changes are linked or copied, the others are copies with the
 * tensors' bytes exchanged.  It is made under another name beside its place, opened once to see
 * that it is sound, and renamed.  UNDO in it holds the replaced tensors, and [about] in its
 * metadata, beside "source_hash" and "source". */
loci_status checkpoint_save(const checkpoint *c, const char *dir, new_values *changes, int n,
                            const char *about, const watch *w, saved_files *files, loci_err *err);

#define CHECKPOINT_UNDO "loci.undo"
/* Puts the replaced tensors of a saved checkpoint back, file by file, each whole or not at all, and
 * checks the hash.  Done again after a stop or an interruption, it finishes. */
loci_status checkpoint_undo(const char *dir, const watch *w, loci_err *err);

#endif
