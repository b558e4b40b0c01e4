/* The files of a checkpoint directory, and all their tensors under one naming, sorted.  Private to
 * src/checkpoint. */
#ifndef LOCI_CHECKPOINT_FILES_H
#define LOCI_CHECKPOINT_FILES_H

#include <stdbool.h>

#include "checkpoint/weights.h"

enum { MAX_NOTES = 12 };

typedef struct shard {
  const char *path, *name; /* name: as the index has it, below the directory */
  st_file *file;
} shard;

/* What an index says: this tensor is in that file. */
typedef struct mapped {
  const char *tensor;
  int shard;          /* -1: */
  const char *absent; /* the file that is not there */
} mapped;

typedef struct tensor_entry {
  const char *canonical; /* see tensor_names.h */
  const st_tensor *tensor;
  const shard *from;
  bool used; /* placed in the checkpoint, or known to be of no use */
} tensor_entry;

typedef struct shard_set {
  shard *shards;
  int n;
  mapped *map; /* sorted by tensor; none without an index */
  int64_t n_map;
} shard_set;

typedef struct checkpoint_files {
  arena *mem;
  const char *dir;
  shard_set main, vision; /* vision: the tower's own directory, if its weights were needed */
  tensor_entry *entries;  /* sorted by canonical name, all different */
  int64_t n;
  size_t strip; /* bytes of "module." and the like that all names of [main] begin with */
  const char *notes[MAX_NOTES];
  int n_notes;
  char hash[32]; /* "" until computed */
} checkpoint_files;

/* Opens DIR's model.safetensors, or every shard its index names.  [files] owns them. */
loci_status files_open_dir(checkpoint_files *files, const char *dir, shard_set *out, loci_err *err);
/* Finds what all names of [main] begin with, and leaves it out from now on. */
void files_unwrap(checkpoint_files *files);
/* Adds the tensors of [set] under their canonical names and sorts all. */
loci_status files_add(checkpoint_files *files, const shard_set *set, layout_kind layout,
                      bool is_tower, loci_err *err);
/* Sorts the entries; two under one name are an error. */
loci_status files_sort(checkpoint_files *files, loci_err *err);
void files_close(checkpoint_files *files);
/* Keeps a sentence for checkpoint_note; one that finds no room is dropped. */
void files_note(checkpoint_files *files, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* The dtype a weight of this kind is computed with; false: no weight has it. */
bool weight_dtype(st_dtype stored, dtype *out);

tensor_entry *files_find(const checkpoint_files *files, const char *canonical);
/* The first entry whose canonical name is not before [prefix]. */
int64_t files_lower_bound(const checkpoint_files *files, const char *prefix);

/* other_files.c: what lies beside the files that are read. */
/* Refuses an adapter: it would change the model. */
loci_status other_files_check(const char *dir, loci_err *err);
/* Notes other files of weights, which are not read. */
void other_files_note(checkpoint_files *files, layout_kind layout);
/* "the weights lack tensor X", and where it may be: under another beginning, in another file. */
loci_status other_files_missing(const checkpoint_files *files, layout_kind layout,
                                const char *canonical, loci_err *err);
/* Says what a directory has that is something else: a pipeline, an adapter, a GGUF file, pickles;
 * LOCI_OK if it has none of these. */
loci_status other_files_known(const char *dir, loci_err *err);
/* The same of a directory without safetensors, and fails anyway. */
loci_status other_files_refuse(const char *dir, loci_err *err);

#endif
