/* The files of a checkpoint directory, and all their tensors under one naming, sorted.  Private to
 * src/checkpoint. */
#ifndef LOCI_CHECKPOINT_FILES_H
#define LOCI_CHECKPOINT_FILES_H

#include <stdbool.h>

#include "checkpoint/weights.h"

typedef struct shard {
  const char *path;
  st_file *file;
} shard;

typedef struct tensor_entry {
  const char *canonical; /* see names.h */
  const st_tensor *tensor;
  const shard *from;
  bool used; /* placed in the checkpoint, or known to be of no use */
} tensor_entry;

typedef struct shard_set {
  shard *shards;
  int n;
} shard_set;

typedef struct checkpoint_files {
  arena *mem;
  const char *dir;
  shard_set main, vision; /* vision: the tower's own directory, if its weights were needed */
  tensor_entry *entries;  /* sorted by canonical name, all different */
  int64_t n;
  const char *notes[4];
  int n_notes;
  char hash[32]; /* "" until computed */
} checkpoint_files;

/* Opens DIR's model.safetensors, or every shard its index names.  [files] owns them. */
loci_status files_open_dir(checkpoint_files *files, const char *dir, shard_set *out, loci_err *err);
/* Adds the tensors of [set] under their canonical names and sorts all. */
loci_status files_add(checkpoint_files *files, const shard_set *set, layout_kind layout,
                      bool is_tower, loci_err *err);
void files_close(checkpoint_files *files);

tensor_entry *files_find(const checkpoint_files *files, const char *canonical);
/* The first entry whose canonical name is not before [prefix]. */
int64_t files_lower_bound(const checkpoint_files *files, const char *prefix);

#endif
